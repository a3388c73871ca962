//! Series: arrays of numbers, as `make-series` makes them, and the functions over them.
//!
//! `number` reads and writes arrays; what has no number at some place gives null there, or null as
//! a whole where a function needs all. Read on with `elementwise`, `reduce`, `fill` and `filter`,
//! then `fit`, `fourier`, `period`, `outlier` and `decompose`. `bins` cuts the axis of
//! `make-series`.

mod bins;
mod decompose;
mod elementwise;
mod fill;
mod filter;
mod fit;
mod fourier;
mod number;
mod outlier;
mod period;
mod reduce;

use kql::types::ScalarType;

use super::tuple::EvaluateTuple;
use super::udf::Evaluate;

pub(crate) use bins::{Bins, Ends};

/// Functions of one value by name.
pub(super) fn find(name: &str, _: &[ScalarType]) -> Option<Evaluate> {
    let name = name.strip_prefix("series_")?;
    elementwise::find(name)
        .or_else(|| reduce::find(name))
        .or_else(|| fill::find(name))
        .or_else(|| filter::find(name))
        .or_else(|| fit::find(name))
        .or_else(|| outlier::find(name))
        .or_else(|| decompose::find(name))
}

/// Functions of several values by name.
pub(super) fn find_tuple(name: &str) -> Option<EvaluateTuple> {
    let name = name.strip_prefix("series_")?;
    reduce::find_tuple(name)
        .or_else(|| fit::find_tuple(name))
        .or_else(|| fourier::find_tuple(name))
        .or_else(|| period::find_tuple(name))
        .or_else(|| decompose::find_tuple(name))
}
