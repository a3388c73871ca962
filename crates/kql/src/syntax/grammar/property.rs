//! `name = value` pairs: hints and kinds of operators, and lists after `with`.

use std::sync::Arc;

use crate::diagnostic::{Diagnostic, did_you_mean};
use crate::syntax::ast::{Expr, ExprKind, Literal, Name, Property};
use crate::syntax::keyword;
use crate::syntax::parser::Parser;
use crate::syntax::token::TokenKind as T;
use crate::types::{ScalarType, Value};

use super::{expression, literal, name};

/// Tokens of the property name ahead (`kind`, `hint.strategy`), if `=` follows it.
fn ahead(p: &Parser<'_>) -> Option<usize> {
    if !p.at(T::Name) {
        return None;
    }
    let mut tokens = 1;
    while p.token(tokens).kind == T::Dot && p.token(tokens + 1).kind == T::Name {
        tokens += 2;
    }
    (p.token(tokens).kind == T::Assign).then_some(tokens)
}

/// Properties in front of an operator's operands, for as long as `accepts` their names.
pub(super) fn leading(p: &mut Parser<'_>, accepts: impl Fn(&str) -> bool) -> Vec<Property> {
    let mut properties = Vec::new();
    while let Some(tokens) = ahead(p) {
        let span = p.token(0).span.to(p.token(tokens - 1).span);
        let text = p.slice(span);
        if !accepts(text) {
            break;
        }
        for _ in 0..=tokens {
            p.bump();
        }
        let value = word_or_constant(p);
        let name = Name {
            text: Arc::from(text),
            span,
        };
        properties.push(Property { name, value });
    }
    properties
}

/// Any property.
pub(super) fn any(_: &str) -> bool {
    true
}

/// `hint.strategy` and the like.
pub(super) fn hint(name: &str) -> bool {
    keyword::HINTS.contains(&name)
}

/// A bare word or a constant. A parenthesis behind a word belongs to the operator:
/// `kind=inner (Table)`.
fn word_or_constant(p: &mut Parser<'_>) -> Expr {
    if !p.at(T::Name) {
        return expression::operand(p);
    }
    let token = p.bump();
    let text = p.slice(token.span);
    if let Some(value) = literal::bool_word(text) {
        return literal::constant(Value::Bool(value), ScalarType::Bool, token.span);
    }
    Expr {
        kind: ExprKind::Name(Name {
            text: Arc::from(text),
            span: token.span,
        }),
        span: token.span,
    }
}

/// A value inside `with (…)`, where it may be computed.
fn value(p: &mut Parser<'_>) -> Expr {
    if matches!(p.token(1).kind, T::Comma | T::CloseParen) {
        word_or_constant(p)
    } else {
        expression::expression(p)
    }
}

/// `with (name = value, …)`
pub(super) fn with_list(p: &mut Parser<'_>) -> Vec<Property> {
    with_list_of(p, &[], &[])
}

/// `with (name = value, …)` of names that are `known`, or any if none is listed. The value of
/// those among `lists` may be a list (`ycolumns = a, b`), which becomes one string.
pub(super) fn with_list_of(p: &mut Parser<'_>, known: &[&str], lists: &[&str]) -> Vec<Property> {
    let mut properties = Vec::new();
    if !p.eat_word("with") {
        return properties;
    }
    let open = p.token(0).span;
    if !p.expect(T::OpenParen) {
        return properties;
    }
    while !matches!(p.kind(), T::CloseParen | T::EndOfText) {
        let before = p.position();
        let name = name::property_name(p);
        if !(known.is_empty() || known.contains(&&*name.text) || name.text.is_empty()) {
            let message = format!("unknown property `{}`", name.text);
            let diagnostic = Diagnostic::error("KQL100", name.span, message);
            p.report_aside(match did_you_mean(&name.text, known.iter().copied()) {
                Some(meant) => diagnostic.with_help(format!("did you mean `{meant}`?")),
                None => diagnostic,
            });
        }
        p.expect(T::Assign);
        let first = value(p);
        let value = if lists.contains(&&*name.text) {
            list(p, first)
        } else {
            first
        };
        properties.push(Property { name, value });
        if p.eat(T::Comma) {
            if p.at(T::CloseParen) {
                p.expected("a property");
            }
            continue;
        }
        if !p.at(T::CloseParen) {
            p.expected("`,` or `)`");
            if p.position() == before || !p.at(T::Name) {
                p.skip_until(|kind| matches!(kind, T::Bar | T::Semicolon));
                break;
            }
        }
    }
    p.expect_close(T::CloseParen, open);
    properties
}

fn list(p: &mut Parser<'_>, first: Expr) -> Expr {
    let mut span = first.span;
    let mut text = p.slice(span).to_owned();
    while p.at(T::Comma) && p.token(1).kind == T::Name && p.token(2).kind != T::Assign {
        p.bump();
        let next = value(p).span;
        span = span.to(next);
        text.push_str(", ");
        text.push_str(p.slice(next));
    }
    if span == first.span {
        return first;
    }
    Expr {
        kind: ExprKind::Literal(Literal {
            value: Value::String(Arc::from(text)),
            ty: ScalarType::String,
        }),
        span,
    }
}
