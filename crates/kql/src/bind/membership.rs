//! `in`, `has_any` and their family: over lists, dynamic arrays and tables.

use std::sync::Arc;

use super::binary::is_text;
use super::expression::Row;
use super::sign::in_sign;
use super::table::Table;
use super::{Attempt, Binder, Reported, Value, code, coerce};
use crate::diagnostic::Diagnostic;
use crate::hir::{Expr, ExprKind, InOp, PlanKind};
use crate::span::Span;
use crate::syntax::ast;
use crate::types::{Column, ScalarType, Schema};

impl<'a> Binder<'a> {
    /// `x in (…)` and its family.
    pub(super) fn membership(
        &mut self,
        op: InOp,
        op_span: Span,
        value: &'a ast::Expr,
        list: &'a [ast::Expr],
        span: Span,
        row: Row<'_>,
    ) -> Attempt<Expr> {
        let value = self.scalar(value, row);
        let mut items = Vec::with_capacity(list.len());
        let mut table = None;
        let mut failed = false;
        for item in list {
            match self.value(item, row) {
                Ok(Value::Scalar(item)) => items.push(item),
                Ok(Value::Table(found)) if list.len() == 1 => table = Some(found),
                Ok(Value::Table(_)) => {
                    let message = "a table must be the only item of a list";
                    self.error(code::TABLE_OR_SCALAR, item.span, message);
                    failed = true;
                }
                Err(Reported) => failed = true,
            }
        }
        let value = value?;
        let on_text = !matches!(op, InOp::In | InOp::NotIn);
        if on_text && !is_text(value.ty) {
            let message = format!("`{}` is not defined for {}", in_sign(op), value.ty);
            return Err(self.report(
                Diagnostic::error(code::OPERAND_TYPES, op_span, message)
                    .with_help("convert the left side with `tostring()`"),
            ));
        }
        if failed {
            return Err(Reported);
        }
        let ty = ScalarType::Bool;
        if let Some(table) = table {
            return self.membership_in_table(op, value, table, span);
        }
        let target = if on_text || value.ty == ScalarType::Dynamic {
            ScalarType::String
        } else {
            list_type(value.ty, &items)
        };
        let list = items
            .into_iter()
            .map(|item| match item.ty {
                ScalarType::Dynamic => item,
                _ => coerce::convert(item, target),
            })
            .collect();
        let value = Box::new(coerce::convert(value, target));
        let kind = ExprKind::InList { op, value, list };
        Ok(Expr { kind, ty, span })
    }

    fn membership_in_table(
        &mut self,
        op: InOp,
        value: Expr,
        table: Table,
        span: Span,
    ) -> Attempt<Expr> {
        if table.open || !table.broken.is_empty() {
            return Err(Reported);
        }
        let Some(column) = table.schema().columns().first() else {
            let message = "the table has no column to look into";
            return Err(self.error(code::TABLE_OR_SCALAR, table.plan.span, message));
        };
        let on_text = !matches!(op, InOp::In | InOp::NotIn);
        let target = match (value.ty, column.ty) {
            _ if on_text => ScalarType::String,
            (ScalarType::Dynamic, ScalarType::Dynamic) => ScalarType::String,
            (ScalarType::Dynamic, other) => other,
            (own, other) if own.is_numeric() && other.is_numeric() => coerce::wider(own, other),
            (own, _) => own,
        };
        let table = if column.ty == target {
            table
        } else {
            first_column_as(table, target)
        };
        let kind = ExprKind::InTable {
            op,
            value: Box::new(coerce::convert(value, target)),
            table: Box::new(table.plan),
        };
        let ty = ScalarType::Bool;
        Ok(Expr { kind, ty, span })
    }
}

/// The type in which `in` compares a value with the items of a list.
fn list_type(value: ScalarType, items: &[Expr]) -> ScalarType {
    let typed = items.iter().map(|item| item.ty);
    typed
        .filter(|ty| ty.is_numeric() && value.is_numeric())
        .fold(value, coerce::wider)
}

/// The table with only its first column, converted.
fn first_column_as(table: Table, ty: ScalarType) -> Table {
    let span = table.plan.span;
    let name = Arc::clone(&table.schema().columns()[0].name);
    let column = coerce::convert(table.column(0, span), ty);
    let schema = Schema::new(vec![Column::new(name, ty)]);
    table.then(schema, span, |input| PlanKind::Project {
        input,
        columns: vec![column],
    })
}
