//! Terms: `column : "text"`, where stars stand for any text, and `* has "text"`, which compares
//! every column.

use std::sync::Arc;

use super::binary::{balanced, equality_type, is_text};
use super::call::node_count;
use super::expression::Row;
use super::{Attempt, Binder, Reported, code, coerce};
use crate::diagnostic::Diagnostic;
use crate::hir::{BinaryOp, Expr, ExprKind, StringOp};
use crate::span::Span;
use crate::syntax::ast::{self, Operator};
use crate::types::{ScalarType, Value};

impl<'a> Binder<'a> {
    /// `left : right`
    pub(super) fn term(&mut self, op_span: Span, left: Expr, right: Expr) -> Attempt<Expr> {
        if !is_text(left.ty) || right.ty != ScalarType::String {
            let message = format!("`:` is not defined for {} and {}", left.ty, right.ty);
            return Err(self.report(
                Diagnostic::error(code::OPERAND_TYPES, op_span, message)
                    .with_help("look for a text, in a column of type string"),
            ));
        }
        let (op, pattern) = self.pattern(right);
        self.typed(op, op_span, left, pattern)
    }

    /// A text to look for as the operator and the operand that find it.
    fn pattern(&self, text: Expr) -> (BinaryOp, Expr) {
        let case_sensitive = self.case_sensitive;
        let found = |op| BinaryOp::String {
            op,
            negated: false,
            case_sensitive,
        };
        let ExprKind::Literal(Value::String(written)) = &text.kind else {
            return (found(StringOp::Has), text);
        };
        let inner = written.trim_matches('*');
        let op = match (written.starts_with('*'), written.ends_with('*')) {
            _ if inner.contains('*') => StringOp::MatchesRegex,
            (true, true) => StringOp::Contains,
            (true, false) => StringOp::HasSuffix,
            (false, true) => StringOp::HasPrefix,
            (false, false) => StringOp::Has,
        };
        if op == StringOp::MatchesRegex {
            let parts: Vec<String> = inner.split('*').map(escaped).collect();
            let flags = if case_sensitive { "" } else { "(?i)" };
            let regex = format!("{flags}{}", parts.join(".*"));
            let op = BinaryOp::String {
                op,
                negated: false,
                case_sensitive: true,
            };
            return (op, constant(regex.into(), text.span));
        }
        (found(op), constant(inner.into(), text.span))
    }

    /// A text that stands alone in `search` or `find`: some column has it.
    pub(super) fn term_anywhere(&mut self, text: Expr, row: Row<'_>) -> Attempt<Expr> {
        let span = text.span;
        let (op, pattern) = self.pattern(text);
        self.some_column(Operator::Binary(op), span, &pattern, row)
    }

    /// `* op right`: whether some column compares so.
    pub(super) fn any_column(
        &mut self,
        op: Operator,
        op_span: Span,
        right: &'a ast::Expr,
        row: Row<'_>,
    ) -> Attempt<Expr> {
        let right = self.scalar(right, row)?;
        let is_text_operator = !matches!(op, Operator::Binary(BinaryOp::Equal));
        if is_text_operator && right.ty != ScalarType::String {
            let Operator::Binary(op) = op else {
                return self.term(op_span, constant("".into(), op_span), right);
            };
            let text = constant("".into(), op_span);
            return Err(self.undefined(op, op_span, &text, &right));
        }
        if op == Operator::Colon {
            let (op, pattern) = self.pattern(right);
            return self.some_column(Operator::Binary(op), op_span, &pattern, row);
        }
        self.some_column(op, op_span, &right, row)
    }

    /// Compares each column. The negation of an operator holds if it holds for all of them: where
    /// `* contains "x"` does not hold, `* !contains "x"` does.
    fn some_column(
        &mut self,
        op: Operator,
        span: Span,
        right: &Expr,
        row: Row<'_>,
    ) -> Attempt<Expr> {
        let columns = row.table.map_or(0, |table| table.schema().len());
        let mut compared = Vec::with_capacity(columns);
        if let Some(table) = row.table {
            if table.open || !table.broken.is_empty() {
                return Err(Reported);
            }
            self.grow(columns * node_count(right), span)?;
            for index in 0..columns {
                let mut column = table.column(index, span);
                if op == Operator::Binary(BinaryOp::Equal) {
                    if equality_type(column.ty, right.ty).is_none() {
                        continue;
                    }
                } else {
                    column = coerce::convert(column, ScalarType::String);
                }
                compared.push(self.apply(op, span, column, right.clone())?);
            }
        }
        let negated = matches!(
            op,
            Operator::Binary(BinaryOp::NotEqual | BinaryOp::String { negated: true, .. })
        );
        if compared.is_empty() {
            return Ok(Expr {
                kind: ExprKind::Literal(Value::Bool(negated)),
                ty: ScalarType::Bool,
                span,
            });
        }
        let connective = if negated { BinaryOp::And } else { BinaryOp::Or };
        Ok(balanced(connective, compared))
    }
}

fn constant(text: Arc<str>, span: Span) -> Expr {
    Expr {
        kind: ExprKind::Literal(Value::String(text)),
        ty: ScalarType::String,
        span,
    }
}

/// Text as a regular expression that matches it and nothing else.
fn escaped(text: &str) -> String {
    let mut regex = String::with_capacity(text.len());
    for character in text.chars() {
        if character.is_ascii_punctuation() {
            regex.push('\\');
        }
        regex.push(character);
    }
    regex
}
