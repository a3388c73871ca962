//! Choices, tests for null, and the largest and smallest of several values.

use super::vocabulary::{
    Any, BOOL, CONST_STRING, CommonFrom, Orderable, Scalar, Special, TO_BOOL, function, takes,
};

pub(super) static FUNCTIONS: &[Scalar] = &[
    function(
        "not",
        &[takes(&[BOOL], TO_BOOL)],
        "Negation; null stays null.",
    ),
    function(
        "iff",
        &[takes(&[BOOL, Any, Any], CommonFrom(1))],
        "The second argument where the condition is true, else the third.",
    )
    .aliases(&["iif"]),
    function(
        "case",
        &[takes(&[BOOL, Any, Any], Special).variadic()],
        "The value after the first condition that is true, else the last argument.",
    ),
    function(
        "coalesce",
        &[takes(&[Any, Any], CommonFrom(0)).up_to(64)],
        "The first argument that is not null, nor the empty text.",
    ),
    function(
        "isnull",
        &[takes(&[Any], TO_BOOL)],
        "Whether a value is null; a text never is.",
    ),
    function(
        "isnotnull",
        &[takes(&[Any], TO_BOOL)],
        "Whether a value is not null.",
    )
    .aliases(&["notnull"]),
    function(
        "around",
        &[takes(&[Any, Any, Any], TO_BOOL)],
        "Whether a value is within a distance of a centre.",
    ),
    function(
        "max_of",
        &[takes(&[Orderable, Orderable], CommonFrom(0)).up_to(64)],
        "The largest of its arguments.",
    ),
    function(
        "min_of",
        &[takes(&[Orderable, Orderable], CommonFrom(0)).up_to(64)],
        "The smallest of its arguments.",
    ),
    function(
        "column_ifexists",
        &[takes(&[CONST_STRING, Any], Special)],
        "The column of that name, or the second argument where there is none.",
    )
    .aliases(&["columnifexists"]),
    function(
        "iscolumnexists",
        &[takes(&[CONST_STRING], TO_BOOL)],
        "Whether there is a column of that name.",
    ),
];
