//! The words that have a meaning of their own: tabular operators, and the names that must stand
//! in brackets to be names. KQL's words are lower-case only.

/// The tabular operators.
pub(super) const OPERATORS: &[&str] = &[
    "as",
    "assert-schema",
    "consume",
    "count",
    "distinct",
    "evaluate",
    "extend",
    "facet",
    "filter",
    "find",
    "fork",
    "getschema",
    "graph-mark-components",
    "graph-match",
    "graph-shortest-paths",
    "graph-to-table",
    "graph-where-edges",
    "graph-where-nodes",
    "invoke",
    "join",
    "limit",
    "lookup",
    "macro-expand",
    "make-graph",
    "make-series",
    "mv-apply",
    "mv-expand",
    "mvapply",
    "mvexpand",
    "order",
    "parse",
    "parse-kv",
    "parse-where",
    "partition",
    "print",
    "project",
    "project-away",
    "project-by-names",
    "project-keep",
    "project-rename",
    "project-reorder",
    "range",
    "reduce",
    "render",
    "sample",
    "sample-distinct",
    "scan",
    "search",
    "serialize",
    "sort",
    "summarize",
    "take",
    "top",
    "top-hitters",
    "top-nested",
    "union",
    "where",
];

/// Hints to the service that runs a query; they never change its result.
pub(crate) const HINTS: &[&str] = &[
    "hint.concurrency",
    "hint.distribution",
    "hint.materialized",
    "hint.num_partitions",
    "hint.pass_filters",
    "hint.pass_filters_column",
    "hint.progressive_top",
    "hint.remote",
    "hint.shufflekey",
    "hint.spread",
    "hint.strategy",
];

/// Whether `word` names a tabular operator.
pub(super) fn is_operator(word: &str) -> bool {
    OPERATORS.contains(&word)
}

/// Every tabular operator, for suggestions.
pub(crate) fn operators() -> impl Iterator<Item = &'static str> {
    OPERATORS.iter().copied()
}

/// Whether `word` may name nothing unless it stands in brackets: `['first']`.
pub(crate) fn is_reserved(word: &str) -> bool {
    matches!(
        word,
        "__contextual_datatable"
            | "__crossCluster"
            | "__crossDB"
            | "__executeAndCache"
            | "__id"
            | "__isFuzzy"
            | "__noWithSource"
            | "__packedColumn"
            | "__projectAway"
            | "__sourceColumnIndex"
            | "and"
            | "anomalychart"
            | "areachart"
            | "asc"
            | "bagexpansion"
            | "barchart"
            | "between"
            | "bin_legacy"
            | "boolean"
            | "callout"
            | "columnchart"
            | "contains_cs"
            | "containscs"
            | "cycles"
            | "datascope"
            | "date"
            | "datetime"
            | "decimal"
            | "decodeblocks"
            | "desc"
            | "double"
            | "dynamic"
            | "endswith"
            | "endswith_cs"
            | "expandoutput"
            | "external_data"
            | "false"
            | "first"
            | "flags"
            | "float"
            | "has_all"
            | "has_any"
            | "has_cs"
            | "hasprefix"
            | "hasprefix_cs"
            | "hassuffix"
            | "hassuffix_cs"
            | "int"
            | "int16"
            | "int32"
            | "int64"
            | "int8"
            | "in~"
            | "isfuzzy"
            | "journal"
            | "last"
            | "like"
            | "likecs"
            | "linechart"
            | "long"
            | "missing"
            | "nooptimization"
            | "notcontains"
            | "notcontainscs"
            | "notlike"
            | "notlikecs"
            | "or"
            | "others"
            | "pathformat"
            | "piechart"
            | "project"
            | "queries"
            | "real"
            | "relaxed"
            | "scatterchart"
            | "simple"
            | "startswith"
            | "startswith_cs"
            | "string"
            | "time"
            | "timechart"
            | "timespan"
            | "treemap"
            | "true"
            | "uint"
            | "uint16"
            | "uint32"
            | "uint64"
            | "uint8"
            | "union"
            | "uniqueid"
            | "with_itemindex"
            | "with_match_id"
    )
}

/// Whether `word` may be given to a column but not stand bare in an expression, where it is part
/// of the sentence.
pub(super) fn is_clause_word(word: &str) -> bool {
    matches!(
        word,
        "accumulate"
            | "as"
            | "by"
            | "contains"
            | "datatable"
            | "earliest"
            | "externaldata"
            | "find"
            | "has"
            | "in"
            | "invoke"
            | "latest"
            | "materialize"
            | "of"
            | "print"
            | "sample"
            | "search"
            | "set"
            | "title"
            | "to"
            | "toscalar"
            | "totable"
            | "verbose"
            | "where"
    )
}

/// Whether `word` may be read but not given: it begins `kind=inner` and the like.
pub(super) fn is_property_word(word: &str) -> bool {
    matches!(word, "kind" | "with_source" | "withsource")
}
