//! Functions over text.

use super::vocabulary::{
    Any, Array, CONST_LONG, CONST_STRING, Integer, IntegerOrArray, LONG, OneOf, Prefix, Scalar,
    Special, Stringified, TO_ARRAY, TO_BOOL, TO_LONG, TO_STRING, Text, TextOrDynamic, function,
    takes,
};

pub(super) static FUNCTIONS: &[Scalar] = &[
    function(
        "strcat",
        &[takes(&[Stringified], TO_STRING).up_to(64)],
        "Joins the string forms of its arguments.",
    ),
    function(
        "strcat_delim",
        &[takes(&[Stringified, Stringified, Stringified], TO_STRING).up_to(65)],
        "Joins the string forms of its arguments with a delimiter between them.",
    ),
    function(
        "strcat_array",
        &[takes(&[Array, Stringified], TO_STRING)],
        "Joins the elements of an array with a delimiter.",
    )
    .aliases(&["array_strcat"]),
    function(
        "strcmp",
        &[takes(&[Stringified, Stringified], TO_LONG)],
        "Compares two texts: -1, 0 or 1.",
    ),
    function(
        "strrep",
        &[takes(&[Stringified, LONG, Stringified], TO_STRING).optional(1)],
        "Repeats a text a number of times, with a delimiter between.",
    ),
    function(
        "strlen",
        &[takes(&[TextOrDynamic], TO_LONG)],
        "Number of Unicode code points of a text.",
    )
    .named(Prefix("strlen")),
    function(
        "string_size",
        &[takes(&[TextOrDynamic], TO_LONG)],
        "Size of a text in bytes of UTF-8.",
    )
    .named(Prefix("string_size")),
    function(
        "toupper",
        &[takes(&[Stringified], TO_STRING)],
        "Turns a text to upper case.",
    ),
    function(
        "tolower",
        &[takes(&[Stringified], TO_STRING)],
        "Turns a text to lower case.",
    ),
    function(
        "substring",
        &[takes(&[Stringified, Integer, Integer], TO_STRING).optional(1)],
        "The part of a text from a 0-based position on; negative positions count from the end.",
    ),
    function(
        "trim",
        &[takes(&[CONST_STRING, Text], TO_STRING)],
        "Removes one match of a regular expression at each end of a text.",
    ),
    function(
        "trim_start",
        &[takes(&[CONST_STRING, Text], TO_STRING)],
        "Removes one match of a regular expression at the start of a text.",
    ),
    function(
        "trim_end",
        &[takes(&[CONST_STRING, Text], TO_STRING)],
        "Removes one match of a regular expression at the end of a text.",
    ),
    function(
        "split",
        &[takes(&[Stringified, Text, Integer], TO_ARRAY).optional(1)],
        "Splits a text at a delimiter into an array, or an array of the one requested part.",
    )
    .keeps_name(),
    function(
        "replace_string",
        &[takes(&[Text, Text, Text], TO_STRING)],
        "Replaces each occurrence of a text.",
    ),
    function(
        "replace_strings",
        &[takes(&[Text, Array, Array], TO_STRING)],
        "Replaces each occurrence of several texts.",
    ),
    function(
        "replace_regex",
        &[takes(&[Text, CONST_STRING, CONST_STRING], TO_STRING)],
        "Replaces each match of a regular expression; the rewrite may use \\1.",
    ),
    function(
        "replace",
        &[takes(&[CONST_STRING, CONST_STRING, Text], TO_STRING)],
        "Retired order of the arguments of `replace_regex`.",
    ),
    function(
        "extract",
        &[
            takes(&[CONST_STRING, LONG, Text], TO_STRING),
            takes(&[CONST_STRING, LONG, Text, Any], Special),
        ],
        "A capture group of the first match of a regular expression, as text or another type.",
    ),
    function(
        "extract_all",
        &[
            takes(&[CONST_STRING, Text], TO_ARRAY),
            takes(&[CONST_STRING, Array, Text], TO_ARRAY),
        ],
        "The capture groups of all matches of a regular expression.",
    )
    .aliases(&["extractall"]),
    function(
        "regex_quote",
        &[takes(&[Stringified], TO_STRING)],
        "Escapes the characters of a text that mean something in a regular expression.",
    ),
    function(
        "indexof",
        &[takes(
            &[Stringified, Stringified, Integer, Integer, CONST_LONG],
            TO_LONG,
        )
        .optional(3)],
        "0-based position of the first occurrence of a text, or -1.",
    ),
    function(
        "indexof_regex",
        &[takes(
            &[Stringified, CONST_STRING, Integer, Integer, CONST_LONG],
            TO_LONG,
        )
        .optional(3)],
        "0-based position of the first match of a regular expression, or -1.",
    ),
    function(
        "has_any_index",
        &[takes(&[TextOrDynamic, Array], TO_LONG)],
        "Position in the array of the first term that the text has, or -1.",
    ),
    function(
        "countof",
        &[takes(&[Text, Text, OneOf(&["normal", "regex"])], TO_LONG).optional(1)],
        "Number of occurrences of a text, or of a regular expression.",
    ),
    function(
        "reverse",
        &[takes(&[Stringified], TO_STRING)],
        "Reverses a text.",
    ),
    function(
        "translate",
        &[takes(&[Text, Text, Text], TO_STRING)],
        "Replaces characters of one set by those of another.",
    ),
    function(
        "isempty",
        &[takes(&[Any], TO_BOOL)],
        "Whether a value is the empty text or null.",
    ),
    function(
        "isnotempty",
        &[takes(&[Any], TO_BOOL)],
        "Whether a value is neither the empty text nor null.",
    )
    .aliases(&["notempty"]),
    function(
        "isascii",
        &[takes(&[Stringified], TO_BOOL)],
        "Whether a text is pure ASCII.",
    ),
    function(
        "isutf8",
        &[takes(&[Stringified], TO_BOOL)],
        "Whether a text is valid UTF-8.",
    ),
    function(
        "unicode_codepoints_from_string",
        &[takes(&[Stringified], TO_ARRAY)],
        "The code points of a text as an array.",
    )
    .aliases(&["to_utf8"]),
    function(
        "unicode_codepoints_to_string",
        &[takes(&[IntegerOrArray], TO_STRING).variadic()],
        "The text of code points.",
    )
    .aliases(&["make_string"]),
];
