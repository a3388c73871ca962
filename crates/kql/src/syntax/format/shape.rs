//! What the layout must know of each operator beyond its words: which words begin its clauses,
//! which of its `name=value` pairs are properties, where its stars belong to names.

/// What is special about an operator.
#[derive(Clone, Copy, Debug)]
pub(super) struct Shape {
    /// Words that begin a clause, which gets a line of its own where the operator is wide.
    pub(super) clauses: &'static [&'static str],
    /// Further words of the sentence.
    pub(super) words: &'static [&'static str],
    /// Which `name=value` pairs are no assignments.
    pub(super) properties: Properties,
    /// Whether a star belongs to a name (`Device*`) rather than multiplies.
    pub(super) stars: Stars,
    /// How its items are set apart.
    pub(super) items: Items,
    /// The brackets that hold operators without a table in front of them.
    pub(super) queries: Queries,
}

/// Which `name=value` pairs of an operator are properties.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Properties {
    /// Those right behind its name, if they are hints.
    Hints,
    /// Those right behind its name, if they are hints or called so.
    Named(&'static [&'static str]),
    /// All right behind its name.
    Leading,
    /// All.
    All,
}

/// What a star is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Stars {
    /// Multiplication, or all columns.
    Operator,
    /// Part of a name if it is joined to one.
    Name,
    /// Part of a name in `in (…)`.
    NameOfTable,
}

/// What the items of an operator are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Items {
    /// Set apart by commas, each on a line of its own where they are too wide.
    Lines,
    /// The same, with the first one behind the operator's name.
    Hanging,
    /// Brackets one after the other.
    Brackets,
    /// Nodes and arrows, in which nothing is set apart.
    Graph,
    /// Names with arrows between them.
    Arrows,
}

/// Which brackets of an operator hold operators without a table in front of them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Queries {
    None,
    /// All.
    All,
    /// The last one.
    Last,
    /// Those behind this word.
    Behind(&'static str),
}

const PLAIN: Shape = Shape {
    clauses: &[],
    words: &[],
    properties: Properties::Hints,
    stars: Stars::Operator,
    items: Items::Lines,
    queries: Queries::None,
};

/// What stands in brackets.
pub(super) const INSIDE: Shape = Shape {
    words: &["with"],
    ..PLAIN
};

const GRAPH: Shape = Shape {
    clauses: &["where", "project"],
    properties: Properties::Leading,
    items: Items::Graph,
    ..PLAIN
};

const EXPANSION: &[&str] = &["kind", "bagexpansion", "with_itemindex"];

/// What stands where no operator is: tables, expressions, statements.
pub(super) const SOURCE: Shape = Shape {
    words: &["with", "let", "set"],
    ..PLAIN
};

/// The shape of an operator by its word.
pub(super) fn of(operator: &str) -> Shape {
    use Properties::{All, Leading, Named};
    match operator {
        "project-away" | "project-keep" | "project-reorder" | "project-by-names" => Shape {
            words: &["asc", "desc", "granny-asc", "granny-desc"],
            stars: Stars::Name,
            ..PLAIN
        },
        "summarize" => Shape {
            clauses: &["by"],
            ..PLAIN
        },
        "sort" | "order" | "top" => Shape {
            words: &["by", "asc", "desc", "nulls", "first", "last"],
            ..PLAIN
        },
        "sample-distinct" | "top-hitters" => Shape {
            words: &["of", "by"],
            ..PLAIN
        },
        "top-nested" => Shape {
            words: &["of", "by", "with"],
            items: Items::Hanging,
            ..PLAIN
        },
        "join" | "lookup" => Shape {
            clauses: &["on"],
            properties: Leading,
            ..PLAIN
        },
        "union" => Shape {
            properties: Leading,
            stars: Stars::Name,
            ..PLAIN
        },
        "range" => Shape {
            clauses: &["from", "to", "step"],
            ..PLAIN
        },
        "mv-expand" | "mvexpand" => Shape {
            clauses: &["limit"],
            words: &["to"],
            properties: Named(EXPANSION),
            ..PLAIN
        },
        "mv-apply" | "mvapply" => Shape {
            clauses: &["limit", "on"],
            words: &["to"],
            properties: Named(EXPANSION),
            queries: Queries::Behind("on"),
            ..PLAIN
        },
        "make-series" => Shape {
            clauses: &["on", "by"],
            words: &["from", "to", "step", "in", "default"],
            properties: Named(&["kind"]),
            ..PLAIN
        },
        "parse" | "parse-where" => Shape {
            clauses: &["with"],
            properties: Leading,
            ..PLAIN
        },
        "parse-kv" => Shape {
            clauses: &["as", "with"],
            properties: Leading,
            ..PLAIN
        },
        "render" => Shape {
            words: &["with"],
            properties: All,
            ..PLAIN
        },
        "reduce" => Shape {
            words: &["by", "with"],
            properties: All,
            ..PLAIN
        },
        "as"
        | "assert-schema"
        | "consume"
        | "graph-mark-components"
        | "graph-where-edges"
        | "graph-where-nodes" => Shape {
            properties: Leading,
            ..PLAIN
        },
        "facet" => Shape {
            words: &["by", "with"],
            queries: Queries::Behind("with"),
            ..PLAIN
        },
        "fork" => Shape {
            properties: All,
            items: Items::Brackets,
            queries: Queries::All,
            ..PLAIN
        },
        "partition" => Shape {
            words: &["by"],
            properties: Leading,
            queries: Queries::Last,
            ..PLAIN
        },
        "macro-expand" => Shape {
            words: &["as"],
            properties: Leading,
            queries: Queries::Last,
            ..PLAIN
        },
        "find" => Shape {
            clauses: &["where", "project", "project-smart", "project-away"],
            words: &["in"],
            properties: Leading,
            stars: Stars::NameOfTable,
            ..PLAIN
        },
        "search" => Shape {
            words: &["in"],
            properties: Leading,
            stars: Stars::NameOfTable,
            ..PLAIN
        },
        "scan" => Shape {
            clauses: &["declare", "with"],
            words: &["order", "partition", "by"],
            properties: Leading,
            ..PLAIN
        },
        "make-graph" => Shape {
            clauses: &["with", "partitioned-by"],
            words: &["on"],
            properties: All,
            items: Items::Arrows,
            ..PLAIN
        },
        "graph-to-table" => Shape {
            words: &["as"],
            properties: All,
            ..PLAIN
        },
        "graph-match" | "graph-shortest-paths" => GRAPH,
        _ => PLAIN,
    }
}

/// Whether `word` joins two expressions, or stands between parts of any sentence, so that a
/// bracket behind it is no list of arguments.
pub(super) fn is_infix(word: &str) -> bool {
    let stem = word.strip_suffix("_cs").unwrap_or(word);
    matches!(
        stem,
        "and"
            | "or"
            | "in"
            | "in~"
            | "between"
            | "by"
            | "contains"
            | "endswith"
            | "has"
            | "has_all"
            | "has_any"
            | "hasprefix"
            | "hassuffix"
            | "like"
            | "likecs"
            | "notlike"
            | "notlikecs"
            | "containscs"
            | "notcontains"
            | "notcontainscs"
            | "of"
            | "regex"
            | "startswith"
            | "to"
            | "where"
    )
}

/// Words with hyphens that are no operators.
pub(super) fn is_hyphenated(phrase: &str) -> bool {
    matches!(
        phrase,
        "granny-asc" | "granny-desc" | "partitioned-by" | "project-smart"
    )
}
