//! Series: arrays of numbers, as `make-series` makes them. `bins` cuts an axis.

mod bins;

pub(crate) use bins::{Bins, Ends};
