//! Series: arrays of numbers, computed element by element, filled and filtered.

use super::vocabulary::{
    Array, BOOL, Number, OfArgument, REAL, Scalar, TO_ARRAY, TO_REAL, function, takes,
};

pub(super) static FUNCTIONS: &[Scalar] = &[
    function(
        "series_add",
        &[
            takes(&[Array, Array], TO_ARRAY),
            takes(&[Array, Number], TO_ARRAY),
            takes(&[Number, Array], TO_ARRAY),
        ],
        "Element-wise sum of two series.",
    ),
    function(
        "series_subtract",
        &[
            takes(&[Array, Array], TO_ARRAY),
            takes(&[Array, Number], TO_ARRAY),
            takes(&[Number, Array], TO_ARRAY),
        ],
        "Element-wise difference of two series.",
    ),
    function(
        "series_multiply",
        &[
            takes(&[Array, Array], TO_ARRAY),
            takes(&[Array, Number], TO_ARRAY),
            takes(&[Number, Array], TO_ARRAY),
        ],
        "Element-wise product of two series.",
    ),
    function(
        "series_divide",
        &[
            takes(&[Array, Array], TO_ARRAY),
            takes(&[Array, Number], TO_ARRAY),
            takes(&[Number, Array], TO_ARRAY),
        ],
        "Element-wise quotient of two series.",
    ),
    function(
        "series_pow",
        &[
            takes(&[Array, Array], TO_ARRAY),
            takes(&[Array, Number], TO_ARRAY),
            takes(&[Number, Array], TO_ARRAY),
        ],
        "Element-wise power of two series.",
    ),
    function(
        "series_equals",
        &[
            takes(&[Array, Array], TO_ARRAY),
            takes(&[Array, Number], TO_ARRAY),
            takes(&[Number, Array], TO_ARRAY),
        ],
        "Element-wise `==` of two series.",
    ),
    function(
        "series_not_equals",
        &[
            takes(&[Array, Array], TO_ARRAY),
            takes(&[Array, Number], TO_ARRAY),
            takes(&[Number, Array], TO_ARRAY),
        ],
        "Element-wise `!=` of two series.",
    ),
    function(
        "series_less",
        &[
            takes(&[Array, Array], TO_ARRAY),
            takes(&[Array, Number], TO_ARRAY),
            takes(&[Number, Array], TO_ARRAY),
        ],
        "Element-wise `<` of two series.",
    ),
    function(
        "series_less_equals",
        &[
            takes(&[Array, Array], TO_ARRAY),
            takes(&[Array, Number], TO_ARRAY),
            takes(&[Number, Array], TO_ARRAY),
        ],
        "Element-wise `<=` of two series.",
    ),
    function(
        "series_greater",
        &[
            takes(&[Array, Array], TO_ARRAY),
            takes(&[Array, Number], TO_ARRAY),
            takes(&[Number, Array], TO_ARRAY),
        ],
        "Element-wise `>` of two series.",
    ),
    function(
        "series_greater_equals",
        &[
            takes(&[Array, Array], TO_ARRAY),
            takes(&[Array, Number], TO_ARRAY),
            takes(&[Number, Array], TO_ARRAY),
        ],
        "Element-wise `>=` of two series.",
    ),
    function(
        "series_abs",
        &[takes(&[Array], OfArgument(0))],
        "Element-wise absolute value.",
    ),
    function(
        "series_sign",
        &[takes(&[Array], TO_ARRAY)],
        "Element-wise sign.",
    ),
    function(
        "series_floor",
        &[takes(&[Array], TO_ARRAY)],
        "Element-wise rounding down.",
    ),
    function(
        "series_ceiling",
        &[takes(&[Array], OfArgument(0))],
        "Element-wise rounding up.",
    ),
    function(
        "series_exp",
        &[takes(&[Array], TO_ARRAY)],
        "Element-wise power of e.",
    ),
    function(
        "series_log",
        &[takes(&[Array], TO_ARRAY)],
        "Element-wise natural logarithm.",
    ),
    function(
        "series_sin",
        &[takes(&[Array], TO_ARRAY)],
        "Element-wise sine.",
    ),
    function(
        "series_cos",
        &[takes(&[Array], TO_ARRAY)],
        "Element-wise cosine.",
    ),
    function(
        "series_tan",
        &[takes(&[Array], TO_ARRAY)],
        "Element-wise tangent.",
    ),
    function(
        "series_asin",
        &[takes(&[Array], TO_ARRAY)],
        "Element-wise inverse sine.",
    ),
    function(
        "series_acos",
        &[takes(&[Array], TO_ARRAY)],
        "Element-wise inverse cosine.",
    ),
    function(
        "series_atan",
        &[takes(&[Array], TO_ARRAY)],
        "Element-wise inverse tangent.",
    ),
    function(
        "series_sum",
        &[takes(&[Array], TO_REAL)],
        "Sum of a series.",
    ),
    function(
        "series_product",
        &[takes(&[Array], TO_REAL)],
        "Product of a series.",
    ),
    function(
        "series_magnitude",
        &[takes(&[Array], TO_REAL)],
        "Euclidean length of a series.",
    ),
    function(
        "series_dot_product",
        &[
            takes(&[Array, Array], TO_REAL),
            takes(&[Array, Number], TO_REAL),
            takes(&[Number, Array], TO_REAL),
        ],
        "Sum of the products of the elements of two series.",
    ),
    function(
        "series_cosine_similarity",
        &[takes(&[Array, Array, REAL, REAL], TO_REAL).optional(2)],
        "Cosine of the angle between two series.",
    ),
    function(
        "series_pearson_correlation",
        &[takes(&[Array, Array], TO_REAL)],
        "Pearson's correlation of two series.",
    ),
    function(
        "series_fill_backward",
        &[takes(&[Array, Number], OfArgument(0)).optional(1)],
        "Fills gaps with the next value.",
    )
    .keeps_name(),
    function(
        "series_fill_forward",
        &[takes(&[Array, Number], OfArgument(0)).optional(1)],
        "Fills gaps with the value before.",
    )
    .keeps_name(),
    function(
        "series_fill_const",
        &[takes(&[Array, Number, Number], OfArgument(0)).optional(2)],
        "Fills gaps with a constant.",
    )
    .keeps_name(),
    function(
        "series_fill_linear",
        &[takes(&[Array, Number, BOOL, Number], OfArgument(0)).optional(3)],
        "Fills gaps on a line between their neighbours.",
    )
    .keeps_name(),
    function(
        "series_fir",
        &[takes(&[Array, Array, BOOL, BOOL], TO_ARRAY).optional(2)],
        "Filter with a finite impulse response, such as a moving average.",
    )
    .keeps_name(),
    function(
        "series_iir",
        &[takes(&[Array, Array, Array], TO_ARRAY)],
        "Filter with an infinite impulse response, such as smoothing.",
    )
    .keeps_name(),
];
