//! `dynamic(…)` literals: JSON in which Kusto's own literals may stand, kept as compact JSON.

use std::sync::Arc;

use crate::diagnostic::Diagnostic;
use crate::span::Span;
use crate::syntax::ast::{Expr, ExprKind, Literal, UnaryOp};
use crate::syntax::parser::Parser;
use crate::syntax::token::TokenKind as T;
use crate::types::{ScalarType, Value};

use super::literal;

/// `dynamic(json)`; the cursor is at the word.
pub(super) fn dynamic(p: &mut Parser<'_>) -> Expr {
    let start = p.bump().span;
    let open = p.bump().span;
    let mut json = String::new();
    let errors = p.errors();
    value(p, &mut json);
    if !p.at(T::CloseParen) && p.errors() == errors {
        p.expected("`)` after the JSON value");
    }
    if !p.at(T::CloseParen) {
        p.skip_until(|kind| matches!(kind, T::Bar | T::Semicolon));
    }
    p.expect_close(T::CloseParen, open);
    p.leaf();
    let value = if json == "null" || p.errors() > errors {
        Value::Null
    } else {
        Value::Dynamic(Arc::from(json))
    };
    literal::constant(value, ScalarType::Dynamic, p.span_from(start))
}

fn value(p: &mut Parser<'_>, json: &mut String) {
    match p.kind() {
        T::OpenBracket => p.nested(|p| array(p, json), |_| ()),
        T::OpenBrace => p.nested(|p| bag(p, json), |_| ()),
        T::Minus | T::Plus => {
            let negative = p.bump().kind == T::Minus;
            signed(p, json, negative);
        }
        T::Long | T::Real | T::TimeSpan | T::String | T::Typed => constant(p, json, false),
        T::Name => match p.word(0) {
            "null" => {
                p.bump();
                json.push_str("null");
            }
            "dynamic" if p.token(1).kind == T::OpenParen => constant(p, json, false),
            word => {
                if let Some(value) = literal::bool_word(word) {
                    p.bump();
                    json.push_str(if value { "true" } else { "false" });
                    return;
                }
                let message = format!("`{word}` is not a JSON value");
                let diagnostic = Diagnostic::error("KQL113", p.place(), message).with_help(
                    "a dynamic literal holds constants only: use `pack_array(…)` or \
                     `bag_pack(…)` for values that are computed",
                );
                p.report(diagnostic);
            }
        },
        _ => p.expected("a JSON value"),
    }
}

fn signed(p: &mut Parser<'_>, json: &mut String, negative: bool) {
    if negative && let Some(smallest) = literal::smallest_long(p, UnaryOp::Minus, p.token(0).span) {
        push(json, &smallest);
    } else if matches!(p.kind(), T::Long | T::Real | T::TimeSpan) {
        constant(p, json, negative);
    } else {
        p.expected("a number");
    }
}

fn push(json: &mut String, constant: &Expr) {
    if let ExprKind::Literal(Literal { value, .. }) = &constant.kind {
        json.push_str(literal::json(value).as_deref().unwrap_or("null"));
    }
}

fn constant(p: &mut Parser<'_>, json: &mut String, negative: bool) {
    let expr = if p.at(T::Name) {
        p.nested(dynamic, super::expression::missing_at)
    } else {
        literal::literal(p)
    };
    let ExprKind::Literal(literal) = expr.kind else {
        let message = "the current time is not a constant";
        p.report_aside(Diagnostic::error("KQL113", expr.span, message));
        json.push_str("null");
        return;
    };
    let value = match literal.value {
        Value::Long(value) if negative => Value::Long(value.wrapping_neg()),
        Value::Real(value) if negative => Value::Real(-value),
        Value::TimeSpan(value) if negative => Value::TimeSpan(value.wrapping_neg()),
        value => value,
    };
    json.push_str(literal::json(&value).as_deref().unwrap_or("null"));
}

fn array(p: &mut Parser<'_>, json: &mut String) {
    let open = p.bump().span;
    json.push('[');
    if !p.at(T::CloseBracket) {
        loop {
            value(p, json);
            if !next_item(p, json, T::CloseBracket) {
                break;
            }
        }
    }
    json.push(']');
    close(p, T::CloseBracket, open);
}

fn bag(p: &mut Parser<'_>, json: &mut String) {
    let open = p.bump().span;
    json.push('{');
    if !p.at(T::CloseBrace) {
        loop {
            if p.at(T::String) {
                let name = literal::string(p);
                json.push_str(&literal::json_string(&name));
            } else {
                let found = p.describe_next();
                let message = format!("expected a property name in quotes, found {found}");
                p.report(Diagnostic::error("KQL113", p.place(), message));
                p.skip_until(|kind| matches!(kind, T::Comma | T::Bar | T::Semicolon));
                break;
            }
            p.expect(T::Colon);
            json.push(':');
            value(p, json);
            if !next_item(p, json, T::CloseBrace) {
                break;
            }
        }
    }
    json.push('}');
    close(p, T::CloseBrace, open);
}

/// Whether another item follows.
fn next_item(p: &mut Parser<'_>, json: &mut String, close: T) -> bool {
    let comma = p.token(0).span;
    if !p.eat(T::Comma) {
        return false;
    }
    if p.at(close) {
        let message = "JSON has no comma after the last item";
        p.report_aside(Diagnostic::error("KQL113", comma, message));
        return false;
    }
    json.push(',');
    true
}

fn close(p: &mut Parser<'_>, kind: T, open: Span) {
    if !p.at(kind) {
        let found = p.describe_next();
        let message = format!("expected `,` or {}, found {found}", kind.describe());
        p.report(Diagnostic::error("KQL113", p.place(), message));
        p.skip_until(|kind| matches!(kind, T::Bar | T::Semicolon));
    }
    p.expect_close(kind, open);
}
