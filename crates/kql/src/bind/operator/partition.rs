//! `partition`.

use super::subquery::rows;
use crate::bind::expression::Row;
use crate::bind::scope::Binding;
use crate::bind::table::Table;
use crate::bind::{Attempt, Binder, code};
use crate::diagnostic::Diagnostic;
use crate::hir::{Expr, ExprKind, Partition, PlanKind};
use crate::span::Span;
use crate::syntax::ast::{self, PartitionBody};
use crate::types::{ScalarType, Schema};

impl<'a> Binder<'a> {
    pub(super) fn partition(
        &mut self,
        table: Table,
        partition: &'a ast::Partition,
        span: Span,
    ) -> Table {
        self.properties(&partition.properties, &[]);
        let by = self.part_column(&partition.by, &table);
        let subquery = match &partition.body {
            PartitionBody::Operators(subquery) => {
                let mut part = rows(table.schema().clone(), subquery.span);
                part.broken.clone_from(&table.broken);
                part.open = table.open;
                self.subquery(part, subquery)
            }
            PartitionBody::Query(query) => {
                let before = self.scope.clone();
                if let (Ok(by), ast::ExprKind::Name(name)) = (&by, &partition.by.kind) {
                    let key = key_of_part(&table, *by, span);
                    self.scope.bind(name.text.clone(), Binding::scalar(key));
                }
                let result = self.table_or_unknown(query);
                self.scope = before;
                result
            }
        };
        let Ok(by) = by else {
            return Table {
                plan: Table::unknown(span).plan,
                ..subquery
            };
        };
        let schema = subquery.schema().clone();
        let (broken, open) = (subquery.broken, subquery.open);
        let subquery = subquery.plan;
        let mut result = table.then(schema, span, |input| {
            PlanKind::Partition(Partition {
                input,
                by,
                subquery,
            })
        });
        result.broken = broken;
        result.open = open;
        result
    }

    /// The column that tells the parts.
    fn part_column(&mut self, by: &'a ast::Expr, table: &Table) -> Attempt<usize> {
        if !matches!(by.kind, ast::ExprKind::Name(_) | ast::ExprKind::Missing) {
            return Err(self.report(
                Diagnostic::error(
                    code::MISPLACED,
                    by.span,
                    "`partition` takes the name of a column",
                )
                .with_help("compute it with `extend` first"),
            ));
        }
        let bound = self.scalar(by, Row::of(table))?;
        self.refuse_dynamic(&bound, "partition")?;
        if let ExprKind::Column(index) = bound.kind {
            return Ok(index);
        }
        let message = "`partition` takes a column of the table";
        Err(self.error(code::MISPLACED, by.span, message))
    }
}

/// The value of the column in the part at hand, for queries that do not see its rows: that of
/// the first row, as all have the same.
fn key_of_part(table: &Table, by: usize, span: Span) -> Expr {
    let key = table.column(by, span);
    let ty: ScalarType = key.ty;
    let column = table.schema().columns()[by].clone();
    let part = rows(table.schema().clone(), span);
    let keys = part.then(Schema::new(vec![column]), span, |input| PlanKind::Project {
        input,
        columns: vec![key],
    });
    Expr {
        kind: ExprKind::ToScalar(Box::new(keys.plan)),
        ty,
        span,
    }
}
