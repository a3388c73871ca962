//! The sketches that aggregates leave behind as dynamic values: [`HyperLogLog`] counts distinct
//! values, [`Digest`] knows percentiles. Here is what they know and how it is written; who fills
//! them is in `aggregate/sketch.rs`, who asks them in `function/sketch.rs`.

mod digest;
mod hyperloglog;
mod intersection;

pub(crate) use digest::{Digest, join_equal, nearest, real_of_sortable, sortable_of_real};
pub(crate) use hyperloglog::{ACCURACY_DEFAULT, HyperLogLog};
pub(crate) use intersection::in_common;
