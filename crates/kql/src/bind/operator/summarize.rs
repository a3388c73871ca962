//! `summarize`: keys, then aggregates, then what is computed from them.

use std::cell::RefCell;
use std::sync::Arc;

use crate::bind::aggregate::{Aggregation, yields_many};
use crate::bind::expression::Row;
use crate::bind::several::{NamedOutput, names_of};
use crate::bind::source::named;
use crate::bind::table::{Outputs, Table};
use crate::bind::{Attempt, Binder};
use crate::builtin;
use crate::hir::{Expr, ExprKind, PlanKind};
use crate::span::Span;
use crate::syntax::ast;
use crate::types::{Column, Schema};

impl<'a> Binder<'a> {
    pub(super) fn summarize(
        &mut self,
        table: Table,
        aggregates: &'a [ast::Expr],
        by: &'a [ast::Expr],
        span: Span,
    ) -> Table {
        let mut outputs = Outputs::over(&table);
        let mut keys = Vec::with_capacity(by.len());
        let mut key_columns = Vec::new();
        for key in by {
            for (name, bound) in self.output_columns(key, &table) {
                let bound = bound.filter(|expr| self.refuse_dynamic(expr, "group").is_ok());
                let name = outputs.name(self, name, key.span);
                if let Some(Expr {
                    kind: ExprKind::Column(at),
                    ..
                }) = &bound
                {
                    key_columns.push(Arc::clone(&table.schema().columns()[*at].name));
                }
                let column = bound.map(|expr| {
                    let column = Expr {
                        kind: ExprKind::Column(keys.len()),
                        ty: expr.ty,
                        span: expr.span,
                    };
                    keys.push(expr);
                    column
                });
                outputs.push(name, column);
            }
        }
        let aggregation = RefCell::new(Aggregation {
            keys: keys.len(),
            key_columns,
            ..Aggregation::default()
        });
        for aggregate in aggregates {
            self.summary(aggregate, &table, &aggregation, &mut outputs);
        }
        let aggregation = aggregation.into_inner();
        let as_they_are = outputs.exprs().len() == keys.len() + aggregation.outputs.len()
            && outputs
                .exprs()
                .iter()
                .enumerate()
                .all(|(index, expr)| matches!(expr.kind, ExprKind::Column(at) if at == index));
        let own = |input, keys, aggregates| PlanKind::Aggregate {
            input,
            keys,
            aggregates,
        };
        let aggregates = aggregation.calls;
        if as_they_are {
            let (schema, broken) = outputs.into_schema();
            let mut result = table.then(schema, span, |input| own(input, keys, aggregates));
            result.close();
            result.broken = broken;
            return result;
        }
        let types = keys.iter().map(|key| key.ty).chain(aggregation.outputs);
        let inner: Schema = types
            .enumerate()
            .map(|(index, ty)| Column::new(format!("{index}"), ty))
            .collect();
        let mut result = table.then(inner, span, |input| own(input, keys, aggregates));
        result.broken.clear();
        result.close();
        outputs.project(result, span, false)
    }

    /// One expression of `summarize` and the columns it makes.
    pub(super) fn summary(
        &mut self,
        aggregate: &'a ast::Expr,
        table: &Table,
        aggregation: &RefCell<Aggregation>,
        outputs: &mut Outputs,
    ) {
        let (names, value) = names_of(aggregate);
        if let Some(columns) = self.several(value, table, aggregation) {
            for (name, expr) in self.given_names(names, columns, aggregate) {
                let name = outputs.name(self, name, aggregate.span);
                outputs.push(name, expr);
            }
            return;
        }
        self.single_name(names, aggregate.span);
        let row = Row {
            table: Some(table),
            aggregation: Some(aggregation),
            states: None,
        };
        let expr = self.scalar(value, row).ok();
        let (name, _) = named(aggregate);
        let name = outputs.name(self, name, aggregate.span);
        outputs.push(name, expr);
    }

    /// The columns of an aggregate that yields several; `None` for any other expression.
    fn several(
        &mut self,
        value: &'a ast::Expr,
        table: &Table,
        aggregation: &RefCell<Aggregation>,
    ) -> Option<Attempt<Vec<NamedOutput>>> {
        match &value.kind {
            ast::ExprKind::Parenthesized(inner) => self.several(inner, table, aggregation),
            ast::ExprKind::Call {
                function,
                arguments,
            } => {
                if self.scope.find(&function.text).is_some() {
                    return None;
                }
                let aggregate =
                    builtin::aggregate(&function.text).filter(|aggregate| yields_many(aggregate));
                let Some(aggregate) = aggregate else {
                    let row = Row {
                        table: Some(table),
                        aggregation: Some(aggregation),
                        states: None,
                    };
                    return self.several_values(value, row);
                };
                let span = value.span;
                Some(self.many_outputs(aggregate, function, arguments, span, table, aggregation))
            }
            _ => None,
        }
    }
}
