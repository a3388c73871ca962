//! Aggregates of `summarize`. Those with a predicate skip the other rows.

use super::vocabulary::{
    Aggregate, Any, Array, BOOL, Bag, CONST_LONG, Comparable, Hashable, Integer, Number,
    OfArgument, Orderable, Prefix, Special, Summable, TO_ARRAY, TO_BAG, TO_LONG, TO_REAL,
    WidenedArgument, aggregate, takes,
};

pub(super) static FUNCTIONS: &[Aggregate] = &[
    aggregate(
        "count",
        &[takes(&[], TO_LONG), takes(&[Any], TO_LONG)],
        "Number of rows.",
    )
    .named(Prefix("count"))
    .aliases(&["cnt"]),
    aggregate(
        "countif",
        &[takes(&[BOOL], TO_LONG)],
        "Number of rows for which the predicate is true.",
    )
    .named(Prefix("countif")),
    aggregate("sum", &[takes(&[Summable], WidenedArgument(0))], "Sum.").named(Prefix("sum")),
    aggregate(
        "sumif",
        &[takes(&[Summable, BOOL], WidenedArgument(0))],
        "Sum over the rows for which the predicate is true.",
    )
    .named(Prefix("sumif")),
    aggregate("avg", &[takes(&[Summable], Special)], "Average.").named(Prefix("avg")),
    aggregate(
        "avgif",
        &[takes(&[Summable, BOOL], Special)],
        "Average over the rows for which the predicate is true.",
    )
    .named(Prefix("avgif")),
    aggregate("min", &[takes(&[Orderable], OfArgument(0))], "Minimum.").named(Prefix("min")),
    aggregate(
        "minif",
        &[takes(&[Orderable, BOOL], OfArgument(0))],
        "Minimum over the rows for which the predicate is true.",
    )
    .named(Prefix("minif")),
    aggregate("max", &[takes(&[Orderable], OfArgument(0))], "Maximum.").named(Prefix("max")),
    aggregate(
        "maxif",
        &[takes(&[Orderable, BOOL], OfArgument(0))],
        "Maximum over the rows for which the predicate is true.",
    )
    .named(Prefix("maxif")),
    aggregate(
        "dcount",
        &[takes(&[Any, CONST_LONG], TO_LONG).optional(1)],
        "Estimated number of distinct values.",
    )
    .named(Prefix("dcount")),
    aggregate(
        "dcountif",
        &[takes(&[Any, BOOL, CONST_LONG], TO_LONG).optional(1)],
        "Estimated number of distinct values over the rows for which the predicate is true.",
    )
    .named(Prefix("dcountif")),
    aggregate(
        "count_distinct",
        &[takes(&[Comparable], TO_LONG)],
        "Number of distinct values.",
    )
    .named(Prefix("count_distinct")),
    aggregate(
        "count_distinctif",
        &[takes(&[Comparable, BOOL], TO_LONG)],
        "Number of distinct values over the rows for which the predicate is true.",
    )
    .named(Prefix("count_distinctif")),
    aggregate(
        "make_list",
        &[takes(&[Any, CONST_LONG], TO_ARRAY).optional(1)],
        "Array of the values, without nulls.",
    )
    .named(Prefix("list")),
    aggregate(
        "make_list_if",
        &[takes(&[Any, BOOL, CONST_LONG], TO_ARRAY).optional(1)],
        "Array of the values of the rows for which the predicate is true.",
    )
    .named(Prefix("list")),
    aggregate(
        "make_list_with_nulls",
        &[takes(&[Any], TO_ARRAY)],
        "Array of the values, nulls included.",
    )
    .named(Prefix("list")),
    aggregate(
        "make_set",
        &[takes(&[Any, CONST_LONG], TO_ARRAY).optional(1)],
        "Array of the distinct values.",
    )
    .named(Prefix("set")),
    aggregate(
        "make_set_if",
        &[takes(&[Any, BOOL, CONST_LONG], TO_ARRAY).optional(1)],
        "Array of the distinct values of the rows for which the predicate is true.",
    )
    .named(Prefix("set")),
    aggregate(
        "makelist",
        &[takes(&[Any, CONST_LONG], TO_ARRAY).optional(1)],
        "Array of at most 128 values.",
    )
    .named(Prefix("list")),
    aggregate(
        "makeset",
        &[takes(&[Any, CONST_LONG], TO_ARRAY).optional(1)],
        "Array of at most 128 distinct values.",
    )
    .named(Prefix("set")),
    aggregate(
        "make_bag",
        &[takes(&[Bag, CONST_LONG], TO_BAG).optional(1)],
        "Merges bags.",
    )
    .named(Prefix("bag"))
    .aliases(&["make_dictionary"]),
    aggregate(
        "make_bag_if",
        &[takes(&[Bag, BOOL, CONST_LONG], TO_BAG).optional(1)],
        "Merges the bags of the rows for which the predicate is true.",
    )
    .named(Prefix("bag")),
    aggregate(
        "arg_max",
        &[takes(&[Orderable, Any], Special).optional(1).variadic()],
        "The row with the maximum: it, and the values of other columns in that row.",
    )
    .aliases(&["argmax"]),
    aggregate(
        "arg_min",
        &[takes(&[Orderable, Any], Special).optional(1).variadic()],
        "The row with the minimum: it, and the values of other columns in that row.",
    )
    .aliases(&["argmin"]),
    aggregate(
        "take_any",
        &[takes(&[Any], Special).variadic()],
        "Values of any one row.",
    )
    .aliases(&["any"]),
    aggregate(
        "take_anyif",
        &[takes(&[Any, BOOL], OfArgument(0))],
        "Value of any one row for which the predicate is true.",
    )
    .keeps_name()
    .aliases(&["anyif"]),
    aggregate(
        "stdev",
        &[takes(&[Summable], TO_REAL)],
        "Standard deviation of a sample.",
    )
    .named(Prefix("stdev")),
    aggregate(
        "stdevif",
        &[takes(&[Summable, BOOL], TO_REAL)],
        "Standard deviation over the rows for which the predicate is true.",
    )
    .named(Prefix("stdevif")),
    aggregate(
        "stdevp",
        &[takes(&[Summable], TO_REAL)],
        "Standard deviation of a population.",
    )
    .named(Prefix("stdevp")),
    aggregate(
        "variance",
        &[takes(&[Summable], TO_REAL)],
        "Variance of a sample.",
    )
    .named(Prefix("variance")),
    aggregate(
        "varianceif",
        &[takes(&[Summable, BOOL], TO_REAL)],
        "Variance over the rows for which the predicate is true.",
    )
    .named(Prefix("varianceif")),
    aggregate(
        "variancep",
        &[takes(&[Summable], TO_REAL)],
        "Variance of a population.",
    )
    .named(Prefix("variancep")),
    aggregate(
        "variancepif",
        &[takes(&[Summable, BOOL], TO_REAL)],
        "Variance of a population over the rows for which the predicate is true.",
    )
    .named(Prefix("variancepif")),
    aggregate(
        "percentile",
        &[takes(&[Any, Number], Special)],
        "The value below which that share of the values lies.",
    )
    .named(Prefix("percentile")),
    aggregate(
        "percentiles",
        &[takes(&[Any, Number], Special).variadic()],
        "Several percentiles, a column each.",
    ),
    aggregate(
        "percentiles_array",
        &[
            takes(&[Any, Number], TO_ARRAY).variadic(),
            takes(&[Any, Array], TO_ARRAY),
        ],
        "Several percentiles in an array.",
    )
    .named(Prefix("percentiles")),
    aggregate(
        "binary_all_and",
        &[takes(&[Integer], OfArgument(0))],
        "Bitwise and of the values.",
    )
    .keeps_name(),
    aggregate(
        "binary_all_or",
        &[takes(&[Integer], OfArgument(0))],
        "Bitwise or of the values.",
    )
    .keeps_name(),
    aggregate(
        "binary_all_xor",
        &[takes(&[Integer], OfArgument(0))],
        "Bitwise exclusive or of the values.",
    )
    .keeps_name(),
    aggregate(
        "buildschema",
        &[takes(&[Bag], TO_BAG)],
        "The schema that admits all the dynamic values.",
    )
    .named(Prefix("schema")),
    aggregate(
        "percentilew",
        &[takes(&[Any, Integer, Number], Special)],
        "The value below which that share of the values lies, each with a weight.",
    ),
    aggregate(
        "percentilesw",
        &[takes(&[Any, Integer, Number], Special).variadic()],
        "Several percentiles of weighted values, a column each.",
    ),
    aggregate(
        "percentilesw_array",
        &[
            takes(&[Any, Integer, Number], TO_ARRAY).variadic(),
            takes(&[Any, Integer, Array], TO_ARRAY),
        ],
        "Several percentiles of weighted values, in an array.",
    )
    .named(Prefix("percentiles")),
    aggregate(
        "covariance",
        &[takes(&[Summable, Summable], TO_REAL)],
        "Covariance of a sample.",
    )
    .named(Prefix("covariance")),
    aggregate(
        "covarianceif",
        &[takes(&[Summable, Summable, BOOL], TO_REAL)],
        "Covariance of a sample over the rows for which the predicate is true.",
    )
    .named(Prefix("covarianceif")),
    aggregate(
        "covariancep",
        &[takes(&[Summable, Summable], TO_REAL)],
        "Covariance of a population.",
    )
    .named(Prefix("covariancep")),
    aggregate(
        "covariancepif",
        &[takes(&[Summable, Summable, BOOL], TO_REAL)],
        "Covariance of a population over the rows for which the predicate is true.",
    )
    .named(Prefix("covariancepif")),
    aggregate(
        "hll",
        &[takes(&[Hashable, Integer], TO_ARRAY).optional(1)],
        "Sketch that counts distinct values.",
    )
    .named(Prefix("hll")),
    aggregate(
        "hll_if",
        &[takes(&[Hashable, BOOL, Integer], TO_ARRAY).optional(1)],
        "Sketch that counts distinct values over the rows for which the predicate is true.",
    )
    .named(Prefix("hll_if")),
    aggregate(
        "hll_merge",
        &[takes(&[Array], TO_ARRAY)],
        "Merges `hll` sketches.",
    )
    .named(Prefix("hll_merge")),
    aggregate(
        "tdigest",
        &[takes(&[Summable, Integer], TO_ARRAY).optional(1)],
        "Sketch that knows percentiles; values may have a weight.",
    )
    .named(Prefix("tdigest")),
    aggregate(
        "tdigest_merge",
        &[takes(&[Array], TO_ARRAY)],
        "Merges `tdigest` sketches.",
    )
    .named(Prefix("merge_tdigests"))
    .aliases(&["merge_tdigest"]),
    aggregate(
        "passthrough",
        &[takes(&[Any], OfArgument(0))],
        "The value of a group of one row.",
    )
    .keeps_name(),
];
