//! What a plugin of `evaluate` is called with.

use std::sync::Arc;

use super::{AggregateCall, Expr, Plan};
use crate::span::Span;
use crate::types::Schema;

/// A call of a plugin whose columns depend on the rows. It is the same each time that a text is
/// bound against the same catalog, so what running the call told of its columns can be given to
/// [`crate::compile_with`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct PluginCall {
    /// Where the call is written.
    pub span: Span,
    /// The how many-eth time it was bound: a function's body is bound once per call.
    pub occurrence: u32,
}

/// An argument of a plugin.
#[derive(Clone, Debug)]
pub struct PluginArgument {
    /// Which of the plugin's parameters it is for; several arguments may be for one that repeats.
    pub parameter: &'static str,
    /// The name that was written in front of it.
    pub name: Option<Arc<str>>,
    /// Its value.
    pub value: PluginValue,
}

/// The value of a plugin's argument.
#[derive(Clone, Debug)]
pub enum PluginValue {
    /// An expression over the input; a column is one, too.
    Expr(Expr),
    /// A column of the table that is the first argument, by position.
    LookupColumn(usize),
    /// Aggregates over the input, and the expression over their outputs that is meant.
    Aggregate {
        /// The aggregates.
        calls: Vec<AggregateCall>,
        /// Over the outputs of the aggregates in order.
        value: Expr,
    },
    /// A table.
    Table(Plan),
    /// The columns that the plugin is to yield: whether those of the input come first, and the
    /// new ones.
    Schema {
        /// `*`
        keeps_input: bool,
        /// The listed columns.
        columns: Schema,
    },
}
