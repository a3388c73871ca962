//! `sort`, `top`, `take`, `sample`.

use crate::bind::aggregate::constant_long;
use crate::bind::call::is_constant;
use crate::bind::expression::Row;
use crate::bind::table::{Table, is_untyped};
use crate::bind::{Attempt, Binder, Reported, code, coerce};
use crate::diagnostic::Diagnostic;
use crate::hir::{Expr, PlanKind, SortKey};
use crate::span::Span;
use crate::syntax::ast;
use crate::types::ScalarType;

impl<'a> Binder<'a> {
    pub(super) fn sort(&mut self, table: Table, keys: &'a [ast::OrderedExpr], span: Span) -> Table {
        let bound: Vec<Attempt<SortKey>> =
            keys.iter().map(|key| self.sort_key(key, &table)).collect();
        match bound.into_iter().collect::<Attempt<Vec<_>>>() {
            Ok(keys) => table.then_same(span, |input| PlanKind::Sort { input, keys }),
            Err(Reported) => table,
        }
    }

    pub(super) fn sort_key(
        &mut self,
        key: &'a ast::OrderedExpr,
        table: &Table,
    ) -> Attempt<SortKey> {
        let (_, value) = crate::bind::source::named(&key.expr);
        let expr = self.scalar(value, Row::of(table))?;
        self.refuse_dynamic(&expr, "sort")?;
        let descending = key.descending.unwrap_or(true);
        Ok(SortKey {
            expr,
            descending,
            // Null is the smallest value.
            nulls_first: key.nulls_first.unwrap_or(!descending),
        })
    }

    /// Reports a dynamic where values are compared.
    pub(super) fn refuse_dynamic(&mut self, expr: &Expr, what: &str) -> Attempt<()> {
        if expr.ty != ScalarType::Dynamic || is_untyped(expr) {
            return Ok(());
        }
        let message = format!("cannot {what} by a value of type dynamic");
        Err(self.report(
            Diagnostic::error(code::DYNAMIC_PLACE, expr.span, message)
                .with_help("convert it first, as in `tostring()` or `tolong()`"),
        ))
    }

    pub(super) fn top(
        &mut self,
        table: Table,
        count: &'a ast::Expr,
        by: &'a [ast::OrderedExpr],
        span: Span,
    ) -> Table {
        let sorted = self.sort(table, by, span);
        self.take(sorted, count, span)
    }

    pub(super) fn take(&mut self, table: Table, count: &'a ast::Expr, span: Span) -> Table {
        match self.row_count(count) {
            Ok(count) => table.then_same(span, |input| PlanKind::Take { input, count }),
            Err(Reported) => table,
        }
    }

    pub(super) fn sample(&mut self, table: Table, count: &'a ast::Expr, span: Span) -> Table {
        match self.row_count(count) {
            Ok(count) => table.then_same(span, |input| PlanKind::Sample { input, count }),
            Err(Reported) => table,
        }
    }

    /// A number of rows: a constant of type long.
    pub(super) fn row_count(&mut self, count: &'a ast::Expr) -> Attempt<Expr> {
        let bound = self.scalar(count, Row::NONE)?;
        if !bound.ty.is_integer() {
            let message = format!("a number of rows is an integer, not of type {}", bound.ty);
            return Err(self.error(code::NOT_CONSTANT, count.span, message));
        }
        if !is_constant(&bound) {
            let message = "a number of rows must be a constant";
            return Err(self.error(code::NOT_CONSTANT, count.span, message));
        }
        if constant_long(bound.clone()).is_some_and(|count| count < 0) {
            let message = "a number of rows cannot be negative";
            return Err(self.error(code::NOT_CONSTANT, count.span, message));
        }
        Ok(coerce::convert(bound, ScalarType::Long))
    }
}
