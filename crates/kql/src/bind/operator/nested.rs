//! `top-nested`.

use std::cell::RefCell;
use std::collections::HashSet;
use std::sync::Arc;

use super::subquery::projection;
use crate::bind::aggregate::Aggregation;
use crate::bind::expression::Row;
use crate::bind::name;
use crate::bind::numbering::Numbering;
use crate::bind::table::Table;
use crate::bind::{Attempt, Binder, Reported, code};
use crate::diagnostic::Diagnostic;
use crate::hir::{Expr, NestedLevel, PlanKind, TopNested};
use crate::span::Span;
use crate::syntax::ast;
use crate::types::{Column, Schema};

impl<'a> Binder<'a> {
    pub(super) fn top_nested(
        &mut self,
        table: Table,
        levels: &'a [ast::NestedLevel],
        span: Span,
    ) -> Table {
        let mut columns: Vec<Column> = Vec::with_capacity(2 * levels.len());
        let mut broken = Vec::new();
        let mut bound = Vec::with_capacity(levels.len());
        let mut names: HashSet<Arc<str>> = HashSet::new();
        let mut numbering = Numbering::default();
        for level in levels {
            let (given, value) = parts(&level.of);
            let own = given.or_else(|| name::derived(value).map(Arc::from));
            let own = own.unwrap_or_else(|| "Column1".into());
            let (given, aggregate) = parts(&level.by.expr);
            let aggregated = given.unwrap_or_else(|| format!("aggregated_{own}").into());
            let own = numbering.free(&own, |name| names.contains(name));
            names.insert(Arc::clone(&own));
            let aggregated = numbering.free(&aggregated, |name| names.contains(name));
            names.insert(Arc::clone(&aggregated));
            match self.nested_level(&table, level, value, aggregate) {
                Ok(level) => {
                    columns.push(Column::new(own, level.value.ty));
                    columns.push(Column::new(aggregated, level.by.schema.columns()[0].ty));
                    bound.push(level);
                }
                Err(Reported) => broken.extend([own, aggregated]),
            }
        }
        let mut result = table.then(Schema::new(columns), span, |input| {
            PlanKind::TopNested(TopNested {
                input,
                levels: bound,
            })
        });
        result.broken = broken;
        result.open = false;
        result
    }

    fn nested_level(
        &mut self,
        table: &Table,
        level: &'a ast::NestedLevel,
        value: &'a ast::Expr,
        aggregate: &'a ast::Expr,
    ) -> Attempt<NestedLevel> {
        let count = level.count.as_ref().map(|count| self.row_count(count));
        let value = self.scalar(value, Row::of(table));
        let others = level
            .others
            .as_ref()
            .map(|others| self.scalar(others, Row::NONE));
        let aggregation = RefCell::new(Aggregation::default());
        let row = Row {
            table: Some(table),
            aggregation: Some(&aggregation),
            states: None,
        };
        let by = self.scalar(aggregate, row);
        let aggregation = aggregation.into_inner();
        let by: Expr = by?;
        if aggregation.calls.is_empty() {
            let message = "a level of `top-nested` is ordered by an aggregate";
            return Err(self.report(
                Diagnostic::error(code::AGGREGATE_PLACE, aggregate.span, message)
                    .with_help("use one, such as `count()` or `max(1)`"),
            ));
        }
        let by = projection(&aggregation.outputs, vec![by], aggregate.span);
        Ok(NestedLevel {
            count: count.transpose()?,
            value: value?,
            others: others.transpose()?,
            aggregates: aggregation.calls,
            by,
            ascending: level.by.descending == Some(false),
        })
    }
}

/// The name that is given, if any, and the value.
fn parts(expr: &ast::Expr) -> (Option<Arc<str>>, &ast::Expr) {
    match &expr.kind {
        ast::ExprKind::Named { names, value, .. } => (Some(Arc::clone(&names[0].text)), value),
        _ => (None, expr),
    }
}
