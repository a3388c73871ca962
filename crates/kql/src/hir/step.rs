//! The steps that run a plan of their own over rows they make: `mv-apply`, `make-series`,
//! `partition`, `top-nested` and `scan`; and the options of `parse-kv`.
//!
//! Such an inner plan starts at [`PlanKind::Rows`](super::PlanKind::Rows), whose schema is that of
//! the rows, so that a column of an expression is always one of its own plan's input.

use std::sync::Arc;

use super::{AggregateCall, Expr, MvExpandColumn, Plan, SortKey};

/// `mv-apply`: for each row of the input, the subquery runs over the rows its items expand to;
/// what it yields is put beside the input's columns.
#[derive(Clone, Debug)]
pub struct MvApply {
    /// Input.
    pub input: Plan,
    /// The expanded columns; `output` is a position among the rows of the subquery.
    pub columns: Vec<MvExpandColumn>,
    /// Whether the last column of those rows is the 0-based item index (type long).
    pub item_index: bool,
    /// Most items of one input row, if limited.
    pub row_limit: Option<u64>,
    /// Over the input's columns, with expanded ones in their place, and then new ones.
    pub subquery: Plan,
    /// The input's columns that the result repeats; they come first.
    pub kept: Vec<usize>,
    /// The subquery's columns that follow. Those called like a kept one are left out.
    pub results: Vec<usize>,
}

/// `make-series`: keys, then one array per series, then the array of the axis.
#[derive(Clone, Debug)]
pub struct MakeSeries {
    /// Input.
    pub input: Plan,
    /// Keys, over the input; one result row each.
    pub keys: Vec<Expr>,
    /// The axis, over the input.
    pub axis: Expr,
    /// First bin; the first that has rows, if not given.
    pub from: Option<Expr>,
    /// End, not part of the series unless [`inclusive`](Self::inclusive); the last bin that has
    /// rows, if not given.
    pub to: Option<Expr>,
    /// Width of a bin.
    pub step: Expr,
    /// The older form `in range(a, b, c)`, whose end is part of the series.
    pub inclusive: bool,
    /// `kind=nonempty`: an empty input still yields one row, if there are no keys.
    pub nonempty: bool,
    /// Evaluated per key and bin, over the input.
    pub aggregates: Vec<AggregateCall>,
    /// A projection of rows made of the aggregates' outputs: one column per series.
    pub values: Plan,
    /// For each series, what stands in bins without rows: a constant, else null.
    pub defaults: Vec<Option<Expr>>,
}

/// `partition`: the union of what the subquery yields for each part.
#[derive(Clone, Debug)]
pub struct Partition {
    /// Input.
    pub input: Plan,
    /// The column of the input whose values tell the parts.
    pub by: usize,
    /// Over the rows of one part.
    pub subquery: Plan,
}

/// `top-nested`: for each level its value and its aggregate.
#[derive(Clone, Debug)]
pub struct TopNested {
    /// Input.
    pub input: Plan,
    /// Outermost first.
    pub levels: Vec<NestedLevel>,
}

/// A level of `top-nested`.
#[derive(Clone, Debug)]
pub struct NestedLevel {
    /// How many values to keep within the level above; all, if not given.
    pub count: Option<Expr>,
    /// The value, over the input.
    pub value: Expr,
    /// The value of the row that stands for all others, if asked for.
    pub others: Option<Expr>,
    /// Evaluated per value, over the input.
    pub aggregates: Vec<AggregateCall>,
    /// A projection of rows made of the aggregates' outputs to the one column to order by.
    pub by: Plan,
    /// Keep the smallest instead of the greatest.
    pub ascending: bool,
}

/// `scan`: a state machine over ordered rows. The result has the input's columns, then the
/// declared ones, then the number of the match if it is asked for.
#[derive(Clone, Debug)]
pub struct Scan {
    /// Input.
    pub input: Plan,
    /// Keys of independent scans, over the input.
    pub partition: Vec<Expr>,
    /// Order of the rows, over the input; as it comes, if empty.
    pub order: Vec<SortKey>,
    /// First value of each declared column: a constant.
    pub declared: Vec<Expr>,
    /// Whether the last column is the number of the match.
    pub match_id: bool,
    /// In order.
    pub steps: Vec<ScanStep>,
    /// A projection that yields, step by step, the condition and the assigned values. Its rows
    /// are made of: the input's columns, the declared columns, and for each step the same again
    /// as that step's state last was.
    pub expressions: Plan,
}

/// A step of `scan`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ScanStep {
    /// Its name.
    pub name: Arc<str>,
    /// Whether a match can go on without it.
    pub optional: bool,
    /// Which rows it puts into the result.
    pub output: ScanOutput,
    /// What each assignment sets: a column of the result.
    pub assigned: Vec<usize>,
}

/// Which rows of a step of `scan` are in the result.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ScanOutput {
    /// Each that matches.
    All,
    /// The last before the next step.
    Last,
    /// None.
    None,
}

/// `parse-kv`: the result has the input's columns, where those that it replaces keep their place,
/// and then new ones.
#[derive(Clone, Debug)]
pub struct ParseKv {
    /// Input.
    pub input: Plan,
    /// The text, of type string, over the input.
    pub text: Expr,
    /// Columns of the result whose names are the keys to look for.
    pub columns: Vec<usize>,
    /// How keys and values are told apart.
    pub options: KeyValueOptions,
}

/// Options of `parse-kv`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct KeyValueOptions {
    /// Between pairs; several characters are one text.
    pub pair_delimiter: Option<Arc<str>>,
    /// Between key and value.
    pub kv_delimiter: Option<Arc<str>>,
    /// Quotes around keys and values: one character, or an opening and a closing one.
    pub quotes: Vec<Arc<str>>,
    /// Characters that make the quote behind them part of the value.
    pub escapes: Vec<Arc<str>>,
    /// Values may hold delimiters until the next key.
    pub greedy: bool,
    /// A regular expression of two groups that matches a pair.
    pub regex: Option<Arc<str>>,
}
