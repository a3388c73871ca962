//! Access into dynamic values (`d.x`, `d["x"]`, `d[0]`), and the dotted names of other databases.

use std::sync::Arc;

use super::expression::Row;
use super::{Attempt, Binder, Reported, Value, code, coerce};
use crate::diagnostic::Diagnostic;
use crate::hir::{Expr, ExprKind};
use crate::span::Span;
use crate::syntax::ast;
use crate::types::{ScalarType, Value as Constant};

impl<'a> Binder<'a> {
    /// `base.member`
    pub(super) fn member(
        &mut self,
        base: &'a ast::Expr,
        member: &'a ast::Expr,
        span: Span,
        row: Row<'_>,
    ) -> Attempt<Value> {
        if let Some(result) = self.pattern_path(base, member, span) {
            return result;
        }
        if self.leads_elsewhere(base) {
            if let Some(constant) = self.place_constant(base, member, span) {
                return constant.map(Value::Scalar);
            }
            return self.elsewhere(base, member, span).map(Value::Table);
        }
        if matches!(base.kind, ast::ExprKind::Side(_)) {
            return Err(self.error(
                code::MISPLACED,
                base.span,
                "`$left` and `$right` stand only in the conditions of a join",
            ));
        }
        if let Some(property) = self.property_of_element(base, member, span, row) {
            return property.map(Value::Scalar);
        }
        if let Some(state) = self.state(base, member, span, row) {
            return state.map(Value::Scalar);
        }
        let base = self.scalar(base, row)?;
        let ast::ExprKind::Name(name) = &member.kind else {
            let message = "only a property name can stand behind the dot";
            return Err(self.error(code::MISPLACED, member.span, message));
        };
        let base = Box::new(self.dynamic_base(base, span)?);
        Ok(Value::Scalar(Expr {
            kind: ExprKind::Member {
                base,
                name: Arc::clone(&name.text),
            },
            ty: ScalarType::Dynamic,
            span,
        }))
    }

    /// `step.column` inside of `scan`; `None` if the base is no step.
    fn state(
        &mut self,
        base: &ast::Expr,
        member: &ast::Expr,
        span: Span,
        row: Row<'_>,
    ) -> Option<Attempt<Expr>> {
        let (states, table) = (row.states?, row.table?);
        let (ast::ExprKind::Name(step), ast::ExprKind::Name(name)) = (&base.kind, &member.kind)
        else {
            return None;
        };
        // A column hides a step of the same name.
        if states.row.index_of(&step.text).is_some() {
            return None;
        }
        let place = states.steps.iter().position(|known| *known == step.text)?;
        Some(match states.row.index_of(&name.text) {
            Some(column) => Ok(table.column((place + 1) * states.row.len() + column, span)),
            None if table.may_have(&name.text) => Err(Reported),
            None => Err(self.unknown_column(name, &states.row)),
        })
    }

    /// `base[index]`
    pub(super) fn index(
        &mut self,
        base: &'a ast::Expr,
        index: &'a ast::Expr,
        span: Span,
        row: Row<'_>,
    ) -> Attempt<Expr> {
        let base = self.scalar(base, row);
        let index = self.scalar(index, row)?;
        let base = Box::new(self.dynamic_base(base?, span)?);
        let kind = match (&index.kind, index.ty) {
            (ExprKind::Literal(Constant::String(name)), _) => ExprKind::Member {
                base,
                name: Arc::clone(name),
            },
            (_, ScalarType::String | ScalarType::Long | ScalarType::Int) => ExprKind::Index {
                base,
                index: Box::new(index),
            },
            (_, ScalarType::Dynamic) => ExprKind::Index {
                base,
                index: Box::new(coerce::convert(index, ScalarType::String)),
            },
            (_, ty) => {
                let message = format!("an index is an integer or a text, not of type {ty}");
                return Err(self.error(code::OPERAND_TYPES, index.span, message));
            }
        };
        let ty = ScalarType::Dynamic;
        Ok(Expr { kind, ty, span })
    }

    fn dynamic_base(&mut self, base: Expr, span: Span) -> Attempt<Expr> {
        if base.ty == ScalarType::Dynamic {
            return Ok(base);
        }
        let message = format!("a value of type {} has no properties or elements", base.ty);
        let diagnostic = Diagnostic::error(code::OPERAND_TYPES, span, message);
        Err(self.report(match base.ty {
            ScalarType::String => diagnostic.with_help("read the text with `parse_json()` first"),
            _ => diagnostic,
        }))
    }
}
