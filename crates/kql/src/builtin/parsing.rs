//! Structured text taken apart into dynamic values.

use super::vocabulary::{
    Any, CONST_STRING, Scalar, Special, Stringified, TO_ARRAY, TO_BAG, TO_DECIMAL, TO_DYNAMIC,
    TO_STRING, Text, TextOrArray, TextOrDynamic, function, takes,
};

pub(super) static FUNCTIONS: &[Scalar] = &[
    function(
        "parse_json",
        &[takes(&[TextOrDynamic], TO_DYNAMIC)],
        "Reads JSON text; text that is no JSON becomes a dynamic string.",
    )
    .keeps_name()
    .aliases(&["parsejson", "todynamic", "toobject"]),
    function(
        "extract_json",
        &[
            takes(&[CONST_STRING, Text], TO_STRING),
            takes(&[CONST_STRING, Text, Any], Special),
        ],
        "The value at a JSON path in JSON text.",
    )
    .aliases(&["extractjson"]),
    function("parse_url", &[takes(&[Text], TO_BAG)], "Parts of a URL.").aliases(&["parseurl"]),
    function(
        "parse_urlquery",
        &[takes(&[Text], TO_BAG)],
        "Parameters of the query part of a URL.",
    )
    .aliases(&["parseurlquery"]),
    function(
        "parse_path",
        &[takes(&[Text], TO_BAG)],
        "Parts of a file path.",
    ),
    function(
        "parse_command_line",
        &[takes(&[Stringified, CONST_STRING], TO_ARRAY)],
        "Arguments of a command line; the parser is `windows`.",
    ),
    function(
        "parse_version",
        &[takes(&[Text], TO_DECIMAL)],
        "A version number in a form that compares.",
    ),
    function(
        "parse_csv",
        &[takes(&[TextOrDynamic], TO_ARRAY)],
        "Fields of one CSV record.",
    )
    .keeps_name(),
    function(
        "parse_xml",
        &[takes(&[TextOrDynamic], TO_BAG)],
        "XML as a property bag.",
    )
    .keeps_name(),
    function(
        "parse_user_agent",
        &[takes(&[Text, TextOrArray], TO_BAG).optional(1)],
        "Parts of an HTTP user agent.",
    ),
];
