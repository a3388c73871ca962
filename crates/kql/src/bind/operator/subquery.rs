//! Operators that run over rows which another operator makes.

use crate::bind::Binder;
use crate::bind::table::Table;
use crate::hir::{Expr, Plan, PlanKind};
use crate::span::Span;
use crate::syntax::ast;
use crate::types::{Column, ScalarType, Schema};

impl<'a> Binder<'a> {
    /// What the operators of a subquery make of `rows`.
    pub(super) fn subquery(&mut self, rows: Table, subquery: &'a ast::Subquery) -> Table {
        let before = self.scope.clone();
        let span = subquery.span;
        let bound = self.nested(span, |binder| {
            let mut table = rows;
            for operator in &subquery.operators {
                binder.grow(1 + table.schema().len() / 8, operator.span)?;
                table = binder.operator(table, operator);
            }
            Ok(table)
        });
        // Names given with `as` end with the subquery.
        self.scope = before;
        bound.unwrap_or_else(|_| Table::unknown(span))
    }
}

/// The rows that an operator hands to its subquery.
pub(super) fn rows(schema: Schema, span: Span) -> Table {
    Table::new(PlanKind::Rows, schema, span)
}

/// A projection of rows of the given types, whose columns have no names that matter.
pub(super) fn projection(types: &[ScalarType], columns: Vec<Expr>, span: Span) -> Plan {
    let numbered = |types: &mut dyn Iterator<Item = ScalarType>| -> Schema {
        let columns = types.enumerate();
        columns
            .map(|(index, ty)| Column::new(index.to_string(), ty))
            .collect()
    };
    let schema = numbered(&mut columns.iter().map(|column| column.ty));
    let rows = rows(numbered(&mut types.iter().copied()), span);
    let table = rows.then(schema, span, |input| PlanKind::Project { input, columns });
    table.plan
}
