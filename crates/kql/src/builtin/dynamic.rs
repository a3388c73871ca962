//! Arrays and property bags.

use super::vocabulary::{
    Any, CONST_BOOL, CONST_LONG, CONST_STRING, DYNAMIC, Integer, LONG, Prefix, Scalar, Summable,
    TO_BOOL, TO_DYNAMIC, TO_LONG, TO_REAL, TO_STRING, Text, function, takes,
};

pub(super) static FUNCTIONS: &[Scalar] = &[
    function(
        "array_length",
        &[takes(&[DYNAMIC], TO_LONG)],
        "Number of elements of an array.",
    )
    .aliases(&["arraylength"]),
    function(
        "array_concat",
        &[takes(&[DYNAMIC, DYNAMIC], TO_DYNAMIC).variadic()],
        "Joins arrays.",
    ),
    function(
        "array_slice",
        &[takes(&[DYNAMIC, Integer, Integer], TO_DYNAMIC)],
        "Elements from one index to another, both included.",
    ),
    function(
        "array_split",
        &[
            takes(&[DYNAMIC, Integer], TO_DYNAMIC),
            takes(&[DYNAMIC, DYNAMIC], TO_DYNAMIC),
        ],
        "Splits an array at indices.",
    ),
    function(
        "array_index_of",
        &[takes(&[DYNAMIC, Any, Integer, Integer, CONST_LONG], TO_LONG).optional(3)],
        "Index of the first element equal to a value, or -1.",
    ),
    function(
        "array_iff",
        &[takes(&[DYNAMIC, Any, Any], TO_DYNAMIC)],
        "Element-wise `iff`.",
    )
    .aliases(&["array_iif"]),
    function(
        "array_sort_asc",
        &[takes(&[DYNAMIC, Any], TO_DYNAMIC).variadic()],
        "Sorts an array ascending.",
    ),
    function(
        "array_sort_desc",
        &[takes(&[DYNAMIC, Any], TO_DYNAMIC).variadic()],
        "Sorts an array descending.",
    ),
    function(
        "array_reverse",
        &[takes(&[DYNAMIC], TO_DYNAMIC)],
        "Reverses an array.",
    ),
    function(
        "array_rotate_left",
        &[takes(&[DYNAMIC, Integer], TO_DYNAMIC)],
        "Rotates an array to the left.",
    ),
    function(
        "array_rotate_right",
        &[takes(&[DYNAMIC, Integer], TO_DYNAMIC)],
        "Rotates an array to the right.",
    ),
    function(
        "array_shift_left",
        &[takes(&[DYNAMIC, Integer, Any], TO_DYNAMIC).optional(1)],
        "Shifts an array to the left.",
    ),
    function(
        "array_shift_right",
        &[takes(&[DYNAMIC, Integer, Any], TO_DYNAMIC).optional(1)],
        "Shifts an array to the right.",
    ),
    function(
        "array_sum",
        &[takes(&[DYNAMIC], TO_REAL)],
        "Sum of the numbers of an array.",
    ),
    function(
        "set_has_element",
        &[takes(&[DYNAMIC, Any], TO_BOOL)],
        "Whether an array has an element equal to a value of the same type.",
    ),
    function(
        "set_union",
        &[takes(&[DYNAMIC, DYNAMIC], TO_DYNAMIC).variadic()],
        "Distinct elements of all arrays.",
    ),
    function(
        "set_intersect",
        &[takes(&[DYNAMIC, DYNAMIC], TO_DYNAMIC).variadic()],
        "Distinct elements that are in every array.",
    ),
    function(
        "set_difference",
        &[takes(&[DYNAMIC, DYNAMIC], TO_DYNAMIC).variadic()],
        "Distinct elements of the first array that are in none of the others.",
    ),
    function(
        "set_equals",
        &[takes(&[DYNAMIC, DYNAMIC], TO_BOOL)],
        "Whether two arrays have the same distinct elements.",
    ),
    function(
        "jaccard_index",
        &[takes(&[DYNAMIC, DYNAMIC], TO_REAL)],
        "Size of the intersection over size of the union.",
    ),
    function(
        "bag_keys",
        &[takes(&[DYNAMIC], TO_DYNAMIC)],
        "Names of the properties of a bag.",
    ),
    function(
        "bag_merge",
        &[takes(&[DYNAMIC, DYNAMIC], TO_DYNAMIC).variadic()],
        "Merges bags; the first value of a name stays.",
    ),
    function(
        "bag_pack",
        &[takes(&[Any, Any], TO_DYNAMIC).variadic()],
        "A bag of alternating names and values.",
    )
    .aliases(&["pack", "pack_dictionary"]),
    function(
        "bag_remove_keys",
        &[takes(&[DYNAMIC, DYNAMIC], TO_DYNAMIC)],
        "A bag without some of its names.",
    ),
    function(
        "bag_has_key",
        &[takes(&[DYNAMIC, Text], TO_BOOL)],
        "Whether a bag has a property, by name or path.",
    ),
    function(
        "bag_set_key",
        &[takes(&[DYNAMIC, CONST_STRING, Any], TO_DYNAMIC)],
        "A bag with one property set.",
    ),
    function(
        "bag_zip",
        &[takes(&[DYNAMIC, DYNAMIC], TO_DYNAMIC)],
        "A bag of an array of names and an array of values.",
    ),
    function(
        "pack_array",
        &[takes(&[Any], TO_DYNAMIC).variadic()],
        "An array of its arguments.",
    ),
    function(
        "pack_all",
        &[takes(&[CONST_BOOL], TO_DYNAMIC).optional(1)],
        "A bag of all columns of the row.",
    ),
    function(
        "bag_pack_columns",
        &[takes(&[Any], TO_DYNAMIC).variadic()],
        "A bag of columns under their own names.",
    ),
    function(
        "zip",
        &[takes(&[DYNAMIC, DYNAMIC], TO_DYNAMIC).variadic()],
        "Array of arrays of the elements at the same index.",
    ),
    function(
        "range",
        &[takes(&[Summable, Summable, Summable], TO_DYNAMIC).optional(1)],
        "Array of evenly spaced values, both ends included.",
    ),
    function(
        "repeat",
        &[takes(&[Any, LONG], TO_DYNAMIC)],
        "Array of one value repeated.",
    )
    .named(Prefix("repeat")),
    function(
        "treepath",
        &[takes(&[DYNAMIC], TO_DYNAMIC)],
        "All paths of a dynamic value.",
    )
    .named(Prefix("tree")),
    function(
        "dynamic_to_json",
        &[takes(&[Any], TO_STRING)],
        "Canonical JSON text of a dynamic value.",
    ),
];
