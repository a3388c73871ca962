//! Sketches that aggregates left behind: `hll` counts distinct values, `tdigest` knows percentiles.

use super::vocabulary::{
    Any, Array, Fixed, Prefix, REAL, Scalar, Special, TO_ARRAY, TO_BOOL, TO_DYNAMIC, TO_LONG,
    TO_REAL, function, takes,
};

pub(super) static FUNCTIONS: &[Scalar] = &[
    function(
        "dcount_hll",
        &[takes(&[Array], TO_LONG)],
        "Number of distinct values that an `hll` sketch has seen.",
    )
    .named(Prefix("dcount_hll")),
    function(
        "hll_merge",
        &[takes(&[Array, Array], TO_ARRAY).up_to(16)],
        "Merges `hll` sketches.",
    )
    .named(Fixed("hll_merged_result")),
    function(
        "hll_isvalid",
        &[takes(&[Array, Any], TO_BOOL)],
        "Whether a value is an `hll` sketch.",
    ),
    function(
        "tdigest_merge",
        &[takes(&[Array, Array], TO_ARRAY).up_to(16)],
        "Merges `tdigest` sketches.",
    )
    .named(Fixed("tdigests_merge_result"))
    .aliases(&["merge_tdigest"]),
    function(
        "tdigest_isvalid",
        &[takes(&[Array, Any], TO_BOOL)],
        "Whether a value is a `tdigest` sketch.",
    ),
    function(
        "percentile_tdigest",
        &[
            takes(&[Array, REAL], TO_DYNAMIC),
            takes(&[Array, REAL, Any], Special),
        ],
        "A percentile from a `tdigest` sketch.",
    )
    .named(Prefix("percentile_tdigest")),
    function(
        "percentiles_array_tdigest",
        &[
            takes(&[Array, REAL], TO_ARRAY).variadic(),
            takes(&[Array, Array], TO_ARRAY),
        ],
        "Several percentiles from a `tdigest` sketch, in an array.",
    )
    .named(Prefix("percentile_tdigest")),
    function(
        "percentrank_tdigest",
        &[takes(&[Array, Any], TO_REAL)],
        "Percentage of values at or below a value, from a `tdigest` sketch.",
    ),
    function(
        "rank_tdigest",
        &[takes(&[Array, Any], TO_REAL)],
        "Number of values at or below a value, from a `tdigest` sketch.",
    ),
];
