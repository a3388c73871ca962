//! Distributions, special functions and tests of statistics.

use super::vocabulary::{Number, Scalar, TO_REAL, function, takes};

pub(super) static FUNCTIONS: &[Scalar] = &[
    function(
        "beta_cdf",
        &[takes(&[Number, Number, Number], TO_REAL)],
        "Cumulative beta distribution.",
    ),
    function(
        "beta_inv",
        &[takes(&[Number, Number, Number], TO_REAL)],
        "Inverse of the cumulative beta distribution.",
    ),
    function(
        "beta_pdf",
        &[takes(&[Number, Number, Number], TO_REAL)],
        "Density of the beta distribution.",
    ),
    function("gamma", &[takes(&[Number], TO_REAL)], "Gamma function.").keeps_name(),
    function(
        "loggamma",
        &[takes(&[Number], TO_REAL)],
        "Logarithm of the absolute value of the gamma function.",
    )
    .keeps_name(),
    function("erf", &[takes(&[Number], TO_REAL)], "Error function.").keeps_name(),
    function(
        "erfc",
        &[takes(&[Number], TO_REAL)],
        "Complementary error function.",
    )
    .keeps_name(),
    function(
        "welch_test",
        &[takes(
            &[Number, Number, Number, Number, Number, Number],
            TO_REAL,
        )],
        "p-value of Welch's test, of two means, variances and counts.",
    ),
];
