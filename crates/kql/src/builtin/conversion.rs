//! Conversions between types. The binder turns most calls into conversions.

use super::vocabulary::{
    Any, Integer, Prefix, Scalar, TO_BOOL, TO_DATETIME, TO_DECIMAL, TO_GUID, TO_INT, TO_LONG,
    TO_REAL, TO_STRING, TO_TIMESPAN, TextOrDynamic, function, takes,
};

pub(super) static FUNCTIONS: &[Scalar] = &[
    function(
        "tostring",
        &[takes(&[Any], TO_STRING)],
        "The string form of a value; null becomes the empty text.",
    )
    .keeps_name(),
    function(
        "tolong",
        &[takes(&[Any], TO_LONG)],
        "Converts to long, or null.",
    )
    .keeps_name(),
    function(
        "toint",
        &[takes(&[Any], TO_INT)],
        "Converts to int, or null.",
    )
    .keeps_name(),
    function(
        "toreal",
        &[takes(&[Any], TO_REAL)],
        "Converts to real, or null.",
    )
    .keeps_name()
    .aliases(&["todouble"]),
    function(
        "tobool",
        &[takes(&[Any], TO_BOOL)],
        "Converts to bool, or null.",
    )
    .keeps_name()
    .aliases(&["toboolean"]),
    function(
        "todatetime",
        &[takes(&[Any], TO_DATETIME)],
        "Converts to datetime, or null.",
    )
    .keeps_name(),
    function(
        "totimespan",
        &[takes(&[Any], TO_TIMESPAN)],
        "Converts to timespan, or null.",
    )
    .keeps_name()
    .aliases(&["totime"]),
    function(
        "todecimal",
        &[takes(&[Any], TO_DECIMAL)],
        "Converts to decimal, or null.",
    )
    .keeps_name(),
    function(
        "toguid",
        &[takes(&[TextOrDynamic], TO_GUID)],
        "Converts to guid, or null.",
    )
    .keeps_name(),
    function(
        "tohex",
        &[takes(&[Integer, Integer], TO_STRING).optional(1)],
        "Hexadecimal text of an integer, padded to a length.",
    )
    .keeps_name(),
    function(
        "gettype",
        &[takes(&[Any], TO_STRING)],
        "The name of the runtime type of a value.",
    )
    .named(Prefix("type")),
];
