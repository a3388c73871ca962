//! Arrays and property bags.

use super::vocabulary::{
    Any, Array, Bag, CONST_BOOL, CONST_LONG, CONST_STRING, Integer, LONG, OfArgument, Prefix,
    Scalar, Summable, TO_ARRAY, TO_BAG, TO_BOOL, TO_LONG, TO_REAL, TO_STRING, Text, function,
    takes,
};

pub(super) static FUNCTIONS: &[Scalar] = &[
    function(
        "array_length",
        &[takes(&[Array], TO_LONG)],
        "Number of elements of an array.",
    )
    .aliases(&["arraylength"]),
    function(
        "array_concat",
        &[takes(&[Array], OfArgument(0)).up_to(64)],
        "Joins arrays.",
    ),
    function(
        "array_slice",
        &[takes(&[Array, Integer, Integer], OfArgument(0))],
        "Elements from one index to another, both included.",
    ),
    function(
        "array_split",
        &[
            takes(&[Array, Integer], OfArgument(0)),
            takes(&[Array, Array], OfArgument(0)),
        ],
        "Splits an array at indices.",
    ),
    function(
        "array_index_of",
        &[takes(&[Array, Any, Integer, Integer, CONST_LONG], TO_LONG).optional(3)],
        "Index of the first element equal to a value, or -1.",
    ),
    function(
        "array_iff",
        &[takes(&[Array, Any, Any], TO_ARRAY)],
        "Element-wise `iff`.",
    )
    .aliases(&["array_iif"]),
    function(
        "array_sort_asc",
        &[takes(&[Array, Any], OfArgument(0)).optional(1).variadic()],
        "Sorts an array ascending, and further arrays in its order.",
    ),
    function(
        "array_sort_desc",
        &[takes(&[Array, Any], OfArgument(0)).optional(1).variadic()],
        "Sorts an array descending, and further arrays in its order.",
    ),
    function(
        "array_reverse",
        &[takes(&[Array], OfArgument(0))],
        "Reverses an array.",
    ),
    function(
        "array_rotate_left",
        &[takes(&[Array, Integer], OfArgument(0))],
        "Rotates an array to the left.",
    ),
    function(
        "array_rotate_right",
        &[takes(&[Array, Integer], OfArgument(0))],
        "Rotates an array to the right.",
    ),
    function(
        "array_shift_left",
        &[takes(&[Array, Integer, Any], OfArgument(0)).optional(1)],
        "Shifts an array to the left.",
    ),
    function(
        "array_shift_right",
        &[takes(&[Array, Integer, Any], OfArgument(0)).optional(1)],
        "Shifts an array to the right.",
    ),
    function(
        "array_sum",
        &[takes(&[Array], TO_REAL)],
        "Sum of the numbers of an array.",
    ),
    function(
        "set_has_element",
        &[takes(&[Array, Any], TO_BOOL)],
        "Whether an array has an element equal to a value of the same type.",
    ),
    function(
        "set_union",
        &[takes(&[Array, Array], TO_ARRAY).up_to(64)],
        "Distinct elements of all arrays.",
    ),
    function(
        "set_intersect",
        &[takes(&[Array, Array], TO_ARRAY).up_to(64)],
        "Distinct elements that are in every array.",
    ),
    function(
        "set_difference",
        &[takes(&[Array, Array], TO_ARRAY).up_to(64)],
        "Distinct elements of the first array that are in none of the others.",
    ),
    function(
        "set_equals",
        &[takes(&[Array, Array], TO_BOOL)],
        "Whether two arrays have the same distinct elements.",
    ),
    function(
        "jaccard_index",
        &[takes(&[Array, Array], TO_REAL)],
        "Size of the intersection over size of the union.",
    ),
    function(
        "bag_keys",
        &[takes(&[Bag], TO_ARRAY)],
        "Names of the properties of a bag.",
    ),
    function(
        "bag_merge",
        &[takes(&[Bag, Bag], TO_BAG).up_to(64)],
        "Merges bags; the first value of a name stays.",
    ),
    function(
        "bag_pack",
        &[takes(&[Text, Any], TO_BAG).variadic()],
        "A bag of alternating names and values.",
    )
    .aliases(&["pack", "pack_dictionary"]),
    function(
        "bag_remove_keys",
        &[takes(&[Bag, Array], TO_BAG)],
        "A bag without some of its names.",
    ),
    function(
        "bag_has_key",
        &[takes(&[Bag, Text], TO_BOOL)],
        "Whether a bag has a property, by name or path.",
    ),
    function(
        "bag_set_key",
        &[takes(&[Bag, CONST_STRING, Any], TO_BAG)],
        "A bag with one property set.",
    ),
    function(
        "bag_zip",
        &[takes(&[Array, Array], TO_BAG)],
        "A bag of an array of names and an array of values.",
    ),
    function(
        "pack_array",
        &[takes(&[Any], TO_ARRAY).variadic()],
        "An array of its arguments; `*` takes all columns.",
    ),
    function(
        "pack_all",
        &[takes(&[CONST_BOOL], TO_BAG).optional(1)],
        "A bag of all columns of the row.",
    ),
    function(
        "bag_pack_columns",
        &[takes(&[Any], TO_BAG).variadic()],
        "A bag of columns under their own names.",
    ),
    function(
        "zip",
        &[takes(&[Array, Array], TO_ARRAY).up_to(64)],
        "Array of arrays of the elements at the same index.",
    ),
    function(
        "range",
        &[takes(&[Summable, Summable, Summable], TO_ARRAY).optional(1)],
        "Array of evenly spaced values, both ends included.",
    ),
    function(
        "repeat",
        &[takes(&[Any, LONG], TO_ARRAY)],
        "Array of one value repeated.",
    )
    .named(Prefix("repeat")),
    function(
        "treepath",
        &[takes(&[Bag], TO_ARRAY)],
        "All paths of a dynamic value.",
    )
    .named(Prefix("tree")),
    function(
        "dynamic_to_json",
        &[takes(&[Any], TO_STRING)],
        "Canonical JSON text of a dynamic value.",
    ),
];
