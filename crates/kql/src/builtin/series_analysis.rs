//! Series analysed: statistics, fits, periods, outliers and decompositions. Many yield several
//! columns.

use super::vocabulary::{
    Array, CONST_BOOL, Columns, INT, Integer, LONG, Number, OfArgument, REAL, Scalar, TO_ARRAY,
    TO_BAG, Text, function, takes,
};
use crate::types::ScalarType::{self, Dynamic, Long, Real};

/// The values of a function that yields several: endings of names, and types.
type Values = &'static [(&'static str, ScalarType)];

const STATISTICS: Values = &[
    ("min", Real),
    ("min_idx", Long),
    ("max", Real),
    ("max_idx", Long),
    ("avg", Real),
    ("stdev", Real),
    ("variance", Real),
];
const LINE: Values = &[
    ("rsquare", Real),
    ("slope", Real),
    ("variance", Real),
    ("rvariance", Real),
    ("interception", Real),
    ("line_fit", Dynamic),
];
const TWO_LINES: Values = &[
    ("rsquare", Real),
    ("split_idx", Long),
    ("variance", Real),
    ("rvariance", Real),
    ("line_fit", Dynamic),
    ("right_rsquare", Real),
    ("right_slope", Real),
    ("right_interception", Real),
    ("right_variance", Real),
    ("right_rvariance", Real),
    ("left_rsquare", Real),
    ("left_slope", Real),
    ("left_interception", Real),
    ("left_variance", Real),
    ("left_rvariance", Real),
];
const POLYNOMIAL: Values = &[
    ("rsquare", Real),
    ("coefficients", Dynamic),
    ("variance", Real),
    ("rvariance", Real),
    ("poly_fit", Dynamic),
];
const COMPLEX: Values = &[("real", Dynamic), ("imag", Dynamic)];
const PERIODS: Values = &[("periods", Dynamic), ("scores", Dynamic)];
const COMPONENTS: Values = &[
    ("baseline", Dynamic),
    ("seasonal", Dynamic),
    ("trend", Dynamic),
    ("residual", Dynamic),
];
const ANOMALIES: Values = &[
    ("ad_flag", Dynamic),
    ("ad_score", Dynamic),
    ("baseline", Dynamic),
];

pub(super) static FUNCTIONS: &[Scalar] = &[
    function(
        "series_stats",
        &[takes(&[Array, CONST_BOOL], Columns(STATISTICS)).optional(1)],
        "Least, greatest, average and spread of a series.",
    ),
    function(
        "series_stats_dynamic",
        &[takes(&[Array, CONST_BOOL], TO_BAG).optional(1)],
        "Least, greatest, average and spread of a series, in a bag.",
    ),
    function(
        "series_fit_line",
        &[takes(&[Array], Columns(LINE))],
        "Fits a line to a series.",
    ),
    function(
        "series_fit_line_dynamic",
        &[takes(&[Array], TO_BAG)],
        "Fits a line to a series, in a bag.",
    ),
    function(
        "series_fit_2lines",
        &[takes(&[Array], Columns(TWO_LINES))],
        "Fits two lines to a series, that meet where it turns.",
    ),
    function(
        "series_fit_2lines_dynamic",
        &[takes(&[Array], TO_BAG)],
        "Fits two lines to a series, in a bag.",
    ),
    function(
        "series_fit_poly",
        &[takes(&[Array, Array, INT], Columns(POLYNOMIAL)).optional(2)],
        "Fits a polynomial to a series.",
    ),
    function(
        "series_fft",
        &[takes(&[Array, Array], Columns(COMPLEX)).optional(1)],
        "Fast Fourier transform of a series.",
    ),
    function(
        "series_ifft",
        &[takes(&[Array, Array], Columns(COMPLEX)).optional(1)],
        "Inverse fast Fourier transform of a series.",
    ),
    function(
        "series_periods_detect",
        &[takes(&[Array, Number, Number, LONG], Columns(PERIODS))],
        "The most significant periods of a series.",
    ),
    function(
        "series_periods_validate",
        &[takes(&[Array, Number], Columns(PERIODS)).up_to(17)],
        "How well a series has given periods.",
    ),
    function(
        "series_seasonal",
        &[takes(&[Array, Integer, Integer], TO_ARRAY).optional(2)],
        "The seasonal component of a series.",
    ),
    function(
        "series_outliers",
        &[
            takes(&[Array, Text, Number], OfArgument(0)).optional(2),
            takes(&[Array, Text, REAL, REAL, REAL, Integer], OfArgument(0)).optional(2),
        ],
        "How anomalous each element is, by Tukey's test.",
    )
    .keeps_name(),
    function(
        "series_decompose",
        &[takes(
            &[Array, Integer, Text, Integer, Number],
            Columns(COMPONENTS),
        )
        .optional(4)],
        "Takes a series apart into season, trend and residual.",
    ),
    function(
        "series_decompose_anomalies",
        &[takes(
            &[Array, Number, Integer, Text, Integer, Text, Number],
            Columns(ANOMALIES),
        )
        .optional(6)],
        "Finds anomalies of a series after taking it apart.",
    ),
    function(
        "series_decompose_forecast",
        &[takes(
            &[Array, Integer, Integer, Text, Number],
            Columns(COMPONENTS),
        )
        .optional(3)],
        "Forecasts the last points of a series after taking it apart.",
    ),
];
