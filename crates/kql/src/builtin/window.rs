//! Functions that look at the neighbours of a row in a serialized table.

use super::vocabulary::{
    Any, BOOL, CONST_LONG, Comparable, DATETIME, Number, OfArgument, SameAsFirst, Scalar, TIMESPAN,
    TO_DATETIME, TO_LONG, function, takes,
};

pub(super) static FUNCTIONS: &[Scalar] = &[
    function(
        "row_number",
        &[takes(&[CONST_LONG, BOOL], TO_LONG).optional(2)],
        "Number of the row, from 1 or another start, that may restart.",
    ),
    function(
        "row_cumsum",
        &[takes(&[Number, BOOL], OfArgument(0)).optional(1)],
        "Running sum, that may restart.",
    ),
    function(
        "row_rank_dense",
        &[takes(&[Comparable, BOOL], TO_LONG).optional(1)],
        "Dense rank of the row.",
    )
    .aliases(&["row_rank"]),
    function(
        "row_rank_min",
        &[takes(&[Comparable, BOOL], TO_LONG).optional(1)],
        "Minimal rank of the row.",
    ),
    function(
        "row_window_session",
        &[takes(&[DATETIME, TIMESPAN, TIMESPAN, BOOL], TO_DATETIME).optional(1)],
        "Start of the session of the row.",
    ),
    function(
        "prev",
        &[takes(&[Any, CONST_LONG, SameAsFirst], OfArgument(0)).optional(2)],
        "Value of a row before.",
    ),
    function(
        "next",
        &[takes(&[Any, CONST_LONG, SameAsFirst], OfArgument(0)).optional(2)],
        "Value of a row after.",
    ),
];
