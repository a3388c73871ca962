//! Arithmetic, rounding and bins.

use super::vocabulary::{
    CONST_LONG, CONST_STRING, DATETIME, DECIMAL, Integer, Number, OfArgument, REAL, Scalar,
    Special, Summable, TIMESPAN, TO_BOOL, TO_DATETIME, TO_DECIMAL, TO_LONG, TO_REAL, TO_STRING,
    TO_TIMESPAN, WidenedArgument, function, takes,
};

pub(super) static FUNCTIONS: &[Scalar] = &[
    function(
        "abs",
        &[
            takes(&[Integer], TO_LONG),
            takes(&[Number], OfArgument(0)),
            takes(&[TIMESPAN], TO_TIMESPAN),
        ],
        "The value without its sign.",
    )
    .keeps_name(),
    function("sign", &[takes(&[Number], TO_REAL)], "-1, 0 or 1."),
    function(
        "round",
        &[
            takes(&[DECIMAL, CONST_LONG], TO_DECIMAL).optional(1),
            takes(&[Number, CONST_LONG], TO_REAL).optional(1),
        ],
        "Rounds half away from zero, to a number of digits.",
    )
    .keeps_name(),
    function(
        "ceiling",
        &[takes(&[DECIMAL], TO_DECIMAL), takes(&[Number], TO_REAL)],
        "The smallest integer not below.",
    )
    .keeps_name(),
    function(
        "floor",
        &[
            takes(&[Number, Number], Special),
            takes(&[TIMESPAN, TIMESPAN], TO_TIMESPAN),
            takes(&[DATETIME, TIMESPAN], TO_DATETIME),
            takes(&[DATETIME, DATETIME], TO_DATETIME),
        ],
        "Rounds down to a multiple of the bin.",
    )
    .keeps_name(),
    function(
        "bin",
        &[
            takes(&[Number, Number], Special),
            takes(&[TIMESPAN, TIMESPAN], TO_TIMESPAN),
            takes(&[DATETIME, TIMESPAN], TO_DATETIME),
            takes(&[DATETIME, DATETIME], TO_DATETIME),
        ],
        "Rounds down to a multiple of the bin.",
    )
    .keeps_name(),
    function(
        "bin_at",
        &[
            takes(&[Number, Number, Number], Special),
            takes(&[TIMESPAN, TIMESPAN, TIMESPAN], TO_TIMESPAN),
            takes(&[DATETIME, TIMESPAN, DATETIME], TO_DATETIME),
        ],
        "Rounds down to a bin, counted from a fixed point.",
    )
    .keeps_name(),
    function(
        "bin_auto",
        &[takes(&[Summable], WidenedArgument(0))],
        "Rounds down to the bin that request properties of the query set.",
    )
    .keeps_name(),
    function("pow", &[takes(&[Number, Number], TO_REAL)], "Power.").keeps_name(),
    function("sqrt", &[takes(&[Number], TO_REAL)], "Square root.").keeps_name(),
    function("exp", &[takes(&[Number], TO_REAL)], "e to the power.").keeps_name(),
    function("exp2", &[takes(&[Number], TO_REAL)], "2 to the power.").keeps_name(),
    function("exp10", &[takes(&[Number], TO_REAL)], "10 to the power.").keeps_name(),
    function("log", &[takes(&[Number], TO_REAL)], "Natural logarithm.").keeps_name(),
    function(
        "log2",
        &[takes(&[Number], TO_REAL)],
        "Logarithm to the base 2.",
    )
    .keeps_name(),
    function(
        "log10",
        &[takes(&[Number], TO_REAL)],
        "Logarithm to the base 10.",
    )
    .keeps_name(),
    function("sin", &[takes(&[Number], TO_REAL)], "Sine.").keeps_name(),
    function("cos", &[takes(&[Number], TO_REAL)], "Cosine.").keeps_name(),
    function("tan", &[takes(&[Number], TO_REAL)], "Tangent.").keeps_name(),
    function("asin", &[takes(&[Number], TO_REAL)], "Inverse sine.").keeps_name(),
    function("acos", &[takes(&[Number], TO_REAL)], "Inverse cosine.").keeps_name(),
    function("atan", &[takes(&[Number], TO_REAL)], "Inverse tangent.").keeps_name(),
    function(
        "atan2",
        &[takes(&[Number, Number], TO_REAL)],
        "Angle of a point.",
    )
    .keeps_name(),
    function("cot", &[takes(&[Number], TO_REAL)], "Cotangent."),
    function(
        "degrees",
        &[takes(&[Number], TO_REAL)],
        "Radians to degrees.",
    ),
    function(
        "radians",
        &[takes(&[Number], TO_REAL)],
        "Degrees to radians.",
    ),
    function("pi", &[takes(&[], TO_REAL)], "The number pi."),
    function(
        "isnan",
        &[takes(&[REAL], TO_BOOL)],
        "Whether a number is NaN.",
    ),
    function(
        "isinf",
        &[takes(&[REAL], TO_BOOL)],
        "Whether a number is infinite.",
    ),
    function(
        "isfinite",
        &[takes(&[REAL], TO_BOOL)],
        "Whether a number is neither NaN nor infinite.",
    ),
    function(
        "format_bytes",
        &[takes(&[Number, CONST_LONG, CONST_STRING], TO_STRING).optional(2)],
        "A size with its unit, such as 1.5 KB.",
    )
    .keeps_name(),
    function(
        "rand",
        &[takes(&[Integer], TO_REAL).optional(1)],
        "A random number.",
    )
    .keeps_name(),
];
