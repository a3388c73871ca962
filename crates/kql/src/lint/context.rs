//! What the rules have to know about a query besides its text.

use std::collections::BTreeSet;

/// How the query is run, and what reads its result.
#[derive(Clone, Debug, Default)]
pub struct LintContext {
    /// Whether every read of a table is restricted to a window from outside.
    pub window_injected: bool,
    /// Length of the window in ticks of 100 ns, if it is known.
    pub lookback: Option<i64>,
    /// Whether rows are stored, where their order is lost, and not shown to a person.
    pub result_stored: bool,
    /// Columns that something reads from the result.
    pub required_columns: Vec<RequiredColumn>,
    /// Codes of rules that are switched off.
    pub disabled: BTreeSet<String>,
}

/// A column that something reads from the result.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct RequiredColumn {
    /// Its name.
    pub name: String,
    /// Who reads it, such as "the title".
    pub reader: String,
}
