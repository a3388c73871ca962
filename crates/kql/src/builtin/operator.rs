//! What the reference page says about each operator and statement of the language: its form and
//! an example that is a whole query.
//!
//! Nothing here decides what the parser, the binder or the engine can do. The page finds that out
//! by running the examples, over the tables `Events` (`Timestamp: datetime`, `Device: string`,
//! `File: string`, `Bytes: long`, `Details: dynamic`) and `Devices` (`Device: string`,
//! `Site: string`).

/// An operator or statement, as the reference page tells of it.
#[derive(Clone, Copy, Debug)]
pub struct Operator {
    /// Its word.
    pub name: &'static str,
    /// Other words that mean the same.
    pub aliases: &'static [&'static str],
    /// A query that uses it.
    pub example: &'static str,
    /// One line of documentation.
    pub doc: &'static str,
}

impl Operator {
    const fn or(mut self, aliases: &'static [&'static str]) -> Self {
        self.aliases = aliases;
        self
    }
}

const fn entry(name: &'static str, example: &'static str, doc: &'static str) -> Operator {
    Operator {
        name,
        aliases: &[],
        example,
        doc,
    }
}

/// Operators that take a table or begin a query.
pub static TABULAR: &[Operator] = &[
    entry(
        "as",
        "Events | as All | count",
        "Names the table so far, for later operators of the statement.",
    ),
    entry(
        "assert-schema",
        "Events | assert-schema (Timestamp: datetime)",
        "Fails where the table has other columns.",
    ),
    entry(
        "consume",
        "Events | consume",
        "Reads all rows and yields none.",
    ),
    entry("count", "Events | count", "The number of rows."),
    entry(
        "distinct",
        "Events | distinct Device, File",
        "Every combination of values once.",
    ),
    entry(
        "evaluate",
        "Events | evaluate bag_unpack(Details)",
        "Calls a plugin.",
    ),
    entry(
        "extend",
        "Events | extend KiB = Bytes / 1024",
        "Adds columns, or replaces those of the same name.",
    ),
    entry(
        "facet",
        "Events | facet by Device",
        "One table of counts for each column.",
    ),
    entry(
        "find",
        "find in (Events) where Device == 'a'",
        "Rows of several tables that match.",
    ),
    entry(
        "fork",
        "Events | fork (count) (take 1)",
        "Several results from one table.",
    ),
    entry(
        "getschema",
        "Events | getschema",
        "The columns of the table with their types.",
    ),
    entry(
        "graph-mark-components",
        "Events | make-graph Device --> File | graph-mark-components | graph-to-table nodes",
        "Marks the connected parts of a graph.",
    ),
    entry(
        "graph-match",
        "Events | make-graph Device --> File | graph-match (a)-[e]->(b) project e.Device",
        "Finds patterns in a graph.",
    ),
    entry(
        "graph-shortest-paths",
        "Events | make-graph Device --> File | graph-shortest-paths (a)-[e*1..3]->(b) project a",
        "Finds the shortest ways in a graph.",
    ),
    entry(
        "graph-to-table",
        "Events | make-graph Device --> File | graph-to-table nodes",
        "Makes tables of a graph.",
    ),
    entry(
        "graph-where-edges",
        "Events | make-graph Device --> File | graph-where-edges Bytes > 1 | graph-to-table edges",
        "Keeps edges of a graph.",
    ),
    entry(
        "graph-where-nodes",
        "Events | make-graph Device --> File with Devices on Device \
         | graph-where-nodes Site == 'a' | graph-to-table nodes",
        "Keeps nodes of a graph.",
    ),
    entry(
        "invoke",
        "let small = (T: (Bytes: long)) { T | where Bytes < 10 }; Events | invoke small()",
        "Calls a function that takes the table.",
    ),
    entry(
        "join",
        "Events | join kind=leftouter Devices on Device",
        "Joins two tables. Kinds: innerunique (default), inner, leftouter, rightouter, fullouter, \
         leftsemi, rightsemi, leftanti, rightanti.",
    ),
    entry(
        "lookup",
        "Events | lookup Devices on Device",
        "Adds the columns of a table of facts. Kinds: leftouter (default), inner.",
    ),
    entry(
        "macro-expand",
        "macro-expand entity_group [database('a'), database('b')] as X (X.Events)",
        "Runs a query over a group of databases or tables. Kinds: outer (default), inner.",
    ),
    entry(
        "make-graph",
        "Events | make-graph Device --> File | graph-to-table edges",
        "Makes a graph of a table of edges.",
    ),
    entry(
        "make-series",
        "Events | make-series Rows = count() on Timestamp step 1h",
        "Makes time series with a value for every step.",
    ),
    entry(
        "mv-apply",
        "Events | mv-apply Detail = Details on (count)",
        "Runs a query over the elements of each row.",
    )
    .or(&["mvapply"]),
    entry(
        "mv-expand",
        "Events | mv-expand Detail = Details to typeof(string)",
        "One row for each element of an array or bag.",
    )
    .or(&["mvexpand"]),
    entry(
        "parse",
        "Events | parse File with Stem '.' Extension",
        "Takes a text apart into columns. Kinds: simple, relaxed, regex.",
    ),
    entry(
        "parse-kv",
        "Events | parse-kv File as (user: string) with (pair_delimiter=';', kv_delimiter='=')",
        "Takes pairs of names and values out of a text.",
    ),
    entry(
        "parse-where",
        "Events | parse-where File with Stem '.' Extension",
        "The same as `parse`, without the rows that do not match.",
    ),
    entry(
        "partition",
        "Events | partition by Device (top 1 by Bytes)",
        "Runs a query for each value of a column.",
    ),
    entry("print", "print Answer = 6 * 7", "A table of one row."),
    entry(
        "project",
        "Events | project Timestamp, Name = Device",
        "Chooses, renames and computes columns.",
    ),
    entry(
        "project-away",
        "Events | project-away Detail*",
        "Leaves columns out; wildcards are allowed.",
    ),
    entry(
        "project-by-names",
        "Events | project-by-names dynamic(['Device'])",
        "Chooses columns by names that are computed.",
    ),
    entry(
        "project-keep",
        "Events | project-keep Device, B*",
        "Keeps columns in their order; wildcards are allowed.",
    ),
    entry(
        "project-rename",
        "Events | project-rename Machine = Device",
        "Renames columns.",
    ),
    entry(
        "project-reorder",
        "Events | project-reorder Device, * asc",
        "Puts columns first, or in order of their names.",
    ),
    entry(
        "range",
        "range Hour from 0 to 23 step 1",
        "A table of one column with evenly spaced values.",
    ),
    entry("reduce", "Events | reduce by File", "Groups similar texts."),
    entry(
        "render",
        "Events | summarize count() by Device | render barchart",
        "A hint for drawing; the rows stay as they are.",
    ),
    entry("sample", "Events | sample 2", "Some rows, by chance."),
    entry(
        "sample-distinct",
        "Events | sample-distinct 2 of Device",
        "Some distinct values, by chance.",
    ),
    entry(
        "scan",
        "Events | sort by Timestamp asc | scan with (step s1: Bytes > 1;)",
        "Finds sequences of rows.",
    ),
    entry(
        "search",
        "search in (Events) 'a'",
        "Rows that have a term in any column.",
    ),
    entry(
        "serialize",
        "Events | serialize",
        "Fixes the order of the rows.",
    ),
    entry(
        "sort",
        "Events | sort by Bytes desc nulls last",
        "Orders rows; descending where nothing is said.",
    )
    .or(&["order"]),
    entry(
        "summarize",
        "Events | summarize Total = sum(Bytes) by Device, bin(Timestamp, 1h)",
        "Groups rows and computes aggregates.",
    ),
    entry(
        "take",
        "Events | take 10",
        "The first rows; any rows where there is no order.",
    )
    .or(&["limit"]),
    entry(
        "top",
        "Events | top 3 by Bytes desc",
        "The first rows of an order.",
    ),
    entry(
        "top-hitters",
        "Events | top-hitters 2 of Device",
        "The most frequent values, approximately.",
    ),
    entry(
        "top-nested",
        "Events | top-nested 2 of Device by count()",
        "The top values, level by level.",
    ),
    entry(
        "union",
        "union withsource=Table kind=outer Events, Devices",
        "The rows of several tables. Kinds: outer (default), inner.",
    ),
    entry(
        "where",
        "Events | where Bytes > 100 and Device has 'srv'",
        "Keeps the rows that match.",
    )
    .or(&["filter"]),
];

/// Operators between values.
pub static SCALAR: &[Operator] = &[
    entry(
        "==",
        "Events | where Device == 'A'",
        "Equal; texts letter by letter.",
    )
    .or(&["!="]),
    entry(
        "=~",
        "Events | where Device =~ 'a'",
        "Equal texts, whatever their case.",
    )
    .or(&["!~"]),
    entry("<", "Events | where Bytes <= 10", "Order.").or(&["<=", ">", ">="]),
    entry(
        "+",
        "Events | extend x = Timestamp + 1h, y = -Bytes * 2 % 3",
        "Arithmetic of numbers, datetimes and timespans.",
    )
    .or(&["-", "*", "/", "%"]),
    entry(
        "and",
        "Events | where Bytes > 1 and (Bytes < 9 or Device == 'a')",
        "Logic.",
    )
    .or(&["or"]),
    entry(
        "has",
        "Events | where Device has 'srv'",
        "The text has this term: a whole run of letters and digits.",
    )
    .or(&["!has", "has_cs", "!has_cs"]),
    entry(
        "hasprefix",
        "Events | where Device hasprefix 'srv'",
        "A term of the text starts with this.",
    )
    .or(&["!hasprefix", "hasprefix_cs", "!hasprefix_cs"]),
    entry(
        "hassuffix",
        "Events | where Device hassuffix '01'",
        "A term of the text ends with this.",
    )
    .or(&["!hassuffix", "hassuffix_cs", "!hassuffix_cs"]),
    entry(
        "has_any",
        "Events | where Device has_any ('srv', 'ws')",
        "The text has one of these terms.",
    ),
    entry(
        "has_all",
        "Events | where Device has_all ('srv', '01')",
        "The text has all of these terms.",
    ),
    entry(
        "contains",
        "Events | where Device contains 'rv'",
        "The text has this somewhere.",
    )
    .or(&["!contains", "contains_cs", "!contains_cs"]),
    entry(
        "startswith",
        "Events | where Device startswith 'srv'",
        "The text starts with this.",
    )
    .or(&["!startswith", "startswith_cs", "!startswith_cs"]),
    entry(
        "endswith",
        "Events | where Device endswith '01'",
        "The text ends with this.",
    )
    .or(&["!endswith", "endswith_cs", "!endswith_cs"]),
    entry(
        "matches regex",
        "Events | where Device matches regex @'srv\\d+'",
        "The text matches an RE2 expression.",
    ),
    entry(
        "in",
        "Events | where Device in ('a', 'b')",
        "One of these values, or of a column of a table.",
    )
    .or(&["!in", "in~", "!in~"]),
    entry(
        "between",
        "Events | where Bytes between (1 .. 9)",
        "In this range, both ends included.",
    )
    .or(&["!between"]),
    entry(
        "[]",
        "Events | extend x = Details.user, y = Details['user'], z = Details[0]",
        "Access to dynamic values.",
    )
    .or(&["."]),
];

/// Statements, and other forms that stand where a table does.
pub static STATEMENTS: &[Operator] = &[
    entry(
        "let",
        "let least = 10; let big = (n: long) { n > least }; Events | where big(Bytes)",
        "Names a value, a table or a function.",
    ),
    entry(
        "set",
        "set notruncation; Events",
        "A request option; it changes nothing here, with a warning where that matters.",
    ),
    entry(
        "declare query_parameters",
        "declare query_parameters(least: long = 10); Events | where Bytes > least",
        "Parameters of the query with their defaults.",
    ),
    entry(
        "datatable",
        "datatable(Device: string) ['a', 'b']",
        "A table written down.",
    ),
    entry(
        "externaldata",
        "externaldata(Device: string) ['https://example.com/devices.csv']",
        "A table from a URL.",
    ),
    entry(
        "materialize",
        "let seen = materialize(Events | distinct Device); union seen, seen",
        "Computes a table once.",
    ),
    entry(
        "toscalar",
        "let most = toscalar(Events | summarize max(Bytes)); Events | where Bytes == most",
        "The first value of a table.",
    ),
    entry(
        "view",
        "let recent = view () { Events | take 1 }; recent",
        "A function that wildcards of `union` find.",
    ),
    entry("table", "table('Events') | count", "A table by its name."),
];

#[cfg(test)]
mod tests {
    use super::*;
    use crate::syntax::keyword;

    #[test]
    fn every_tabular_operator_has_its_entry() {
        let mut told: Vec<&str> = TABULAR
            .iter()
            .flat_map(|operator| std::iter::once(operator.name).chain(operator.aliases.to_vec()))
            .collect();
        let mut known: Vec<&str> = keyword::operators().collect();
        told.sort_unstable();
        known.sort_unstable();
        assert_eq!(told, known);
    }
}
