//! The aggregates that DataFusion lacks or that mean something else there: lists, sets and bags,
//! the row of an extreme, percentiles, covariances, schemas and sketches.
//!
//! Each is a [`fold::Fold`]: a state per group that takes rows, can be written to bytes and
//! merged from them. `fold` makes accumulators of it, with and without groups.

mod collect;
mod covariance;
mod distinct_count;
mod extreme;
mod fold;
mod order;
mod percentile;
mod schema;
mod sketch;

pub(crate) use collect::{bag, list, set};
pub(crate) use covariance::{Of, covariance};
pub(crate) use distinct_count::distinct_count;
pub(crate) use extreme::{Best, extreme};
pub(crate) use order::order_key;
pub(crate) use percentile::{percentiles, weighted_percentiles};
pub(crate) use schema::schema;
pub(crate) use sketch::{hll, hll_merge, tdigest, tdigest_merge};
