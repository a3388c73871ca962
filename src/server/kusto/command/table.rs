//! The table that a command yields, small and in memory.

use kql::hir::{Plan, PlanKind};
use kql::span::Span;
use kql::types::{Column, ScalarType, Schema, Value};

/// Columns of a table with their types.
pub(super) type Columns = [(&'static str, ScalarType)];

/// A table of values.
#[derive(Clone, Debug)]
pub(super) struct Table {
    schema: Schema,
    rows: Vec<Vec<Value>>,
}

impl Table {
    /// Without rows yet.
    pub(super) fn new(columns: &Columns) -> Self {
        Self {
            schema: columns
                .iter()
                .map(|(name, ty)| Column::new(*name, *ty))
                .collect(),
            rows: Vec::new(),
        }
    }

    /// Adds a row: values of the first columns. The others are unknown here: null, or no text.
    pub(super) fn push<const N: usize>(&mut self, values: [Value; N]) {
        let mut row = Vec::from(values);
        for column in self.schema.columns().iter().skip(N) {
            row.push(match column.ty {
                ScalarType::String => text(""),
                _ => Value::Null,
            });
        }
        self.rows.push(row);
    }

    /// What yields it.
    pub(super) fn into_plan(self, span: Span) -> Plan {
        Plan {
            kind: Box::new(PlanKind::Values { rows: self.rows }),
            schema: self.schema,
            span,
        }
    }
}

/// A text as a value.
pub(super) fn text(text: impl AsRef<str>) -> Value {
    Value::String(text.as_ref().into())
}
