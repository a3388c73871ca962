//! The words that have a meaning of their own: tabular operators, and the names that must stand
//! in brackets to be names. KQL's words are lower-case only.

/// Tabular operators that the tree models.
pub(super) const MODELLED: &[&str] = &[
    "__partitionby",
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
    "invoke",
    "join",
    "limit",
    "lookup",
    "macro-expand",
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

/// Tabular operators that are kept as tokens.
pub(super) const UNPARSED: &[&str] = &[
    "graph-mark-components",
    "graph-match",
    "graph-shortest-paths",
    "graph-to-table",
    "graph-where-edges",
    "graph-where-nodes",
    "make-graph",
];

/// Whether `word` names a tabular operator.
pub(super) fn is_operator(word: &str) -> bool {
    MODELLED.contains(&word) || UNPARSED.contains(&word)
}

/// Every tabular operator, for suggestions.
pub(crate) fn operators() -> impl Iterator<Item = &'static str> {
    MODELLED.iter().chain(UNPARSED).copied()
}

/// Whether `word` may name nothing unless it stands in brackets: `['first']`.
pub(crate) fn is_reserved(word: &str) -> bool {
    matches!(
        word,
        "and"
            | "or"
            | "asc"
            | "desc"
            | "first"
            | "last"
            | "missing"
            | "between"
            | "in~"
            | "like"
            | "likecs"
            | "notlike"
            | "notlikecs"
            | "containscs"
            | "contains_cs"
            | "notcontains"
            | "notcontainscs"
            | "startswith"
            | "startswith_cs"
            | "endswith"
            | "endswith_cs"
            | "has_any"
            | "has_all"
            | "has_cs"
            | "hasprefix"
            | "hasprefix_cs"
            | "hassuffix"
            | "hassuffix_cs"
            | "union"
            | "true"
            | "false"
            | "boolean"
            | "int"
            | "long"
            | "real"
            | "double"
            | "decimal"
            | "string"
            | "datetime"
            | "date"
            | "timespan"
            | "time"
            | "dynamic"
            | "uniqueid"
            | "float"
    )
}

/// Whether `word` may be given to a column but not stand bare in an expression, where it is part
/// of the sentence.
pub(super) fn is_clause_word(word: &str) -> bool {
    matches!(
        word,
        "as" | "by"
            | "contains"
            | "datatable"
            | "externaldata"
            | "has"
            | "in"
            | "of"
            | "print"
            | "to"
            | "where"
    )
}
