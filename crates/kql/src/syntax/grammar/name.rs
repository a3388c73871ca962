//! Names: given ones, bracketed ones, wildcards, and named expressions.

use std::sync::Arc;

use crate::diagnostic::Diagnostic;
use crate::span::Span;
use crate::syntax::ast::{Expr, ExprKind, Name};
use crate::syntax::keyword;
use crate::syntax::parser::Parser;
use crate::syntax::token::TokenKind as T;

use super::expression::expression;
use super::literal;

/// `name = expression`, `(a, b) = expression` or an expression.
pub(super) fn named(p: &mut Parser<'_>) -> Expr {
    let start = p.token(0).span;
    let (names, tuple) = if at_name_and_assign(p) {
        let name = declared_name(p);
        (vec![name], false)
    } else if at_tuple_and_assign(p) {
        (tuple(p), true)
    } else {
        return expression(p);
    };
    p.expect(T::Assign);
    let value = Box::new(expression(p));
    Expr {
        kind: ExprKind::Named {
            names,
            tuple,
            value,
        },
        span: p.span_from(start),
    }
}

pub(super) fn at_name_and_assign(p: &Parser<'_>) -> bool {
    match p.kind() {
        T::Name => p.token(1).kind == T::Assign,
        T::OpenBracket => {
            bracketed_name_tokens(p, 0).is_some_and(|tokens| p.token(tokens).kind == T::Assign)
        }
        _ => false,
    }
}

fn at_tuple_and_assign(p: &Parser<'_>) -> bool {
    if !p.at(T::OpenParen) {
        return false;
    }
    let mut at = 1;
    loop {
        at += match p.token(at).kind {
            T::Name => 1,
            T::OpenBracket => match bracketed_name_tokens(p, at) {
                Some(tokens) => tokens,
                None => return false,
            },
            _ => return false,
        };
        match p.token(at).kind {
            T::Comma => at += 1,
            T::CloseParen => return p.token(at + 1).kind == T::Assign,
            _ => return false,
        }
    }
}

fn tuple(p: &mut Parser<'_>) -> Vec<Name> {
    let open = p.bump().span;
    let mut names = vec![declared_name(p)];
    while p.eat(T::Comma) {
        names.push(declared_name(p));
    }
    p.expect_close(T::CloseParen, open);
    names
}

/// A name that is being given: any word but the reserved ones, or a bracketed name.
pub(super) fn declared_name(p: &mut Parser<'_>) -> Name {
    if let Some(name) = bracketed_name(p) {
        return name;
    }
    let token = p.token(0);
    if token.kind != T::Name {
        p.expected("a name");
        return Name {
            text: Arc::from(""),
            span: Span::at(p.place().start as usize),
        };
    }
    let text = p.slice(token.span);
    if keyword::is_reserved(text) || keyword::is_property_word(text) {
        report_reserved(p, text, token.span);
    }
    p.bump();
    Name {
        text: Arc::from(text),
        span: token.span,
    }
}

/// A name that is given to something that is no column, or that stands for a column on its own:
/// any word that may stand bare in an expression.
pub(super) fn free_name(p: &mut Parser<'_>) -> Name {
    let word = p.word(0);
    if keyword::is_clause_word(word) {
        report_reserved(p, word, p.token(0).span);
    }
    declared_name(p)
}

/// The name of a property, which may be any word.
pub(super) fn property_name(p: &mut Parser<'_>) -> Name {
    if !p.at(T::Name) {
        return declared_name(p);
    }
    let span = p.bump().span;
    Name {
        text: Arc::from(p.slice(span)),
        span,
    }
}

pub(super) fn report_reserved(p: &mut Parser<'_>, word: &str, span: Span) {
    p.report(
        Diagnostic::error("KQL109", span, format!("`{word}` is a keyword"))
            .with_help(format!("to use it as a name, write ['{word}']")),
    );
}

/// How many tokens the bracketed name at the token `ahead` has; adjacent texts are one.
fn bracketed_name_tokens(p: &Parser<'_>, ahead: usize) -> Option<usize> {
    if p.token(ahead).kind != T::OpenBracket || p.token(ahead + 1).kind != T::String {
        return None;
    }
    let mut tokens = 2;
    while p.token(ahead + tokens).kind == T::String {
        tokens += 1;
    }
    (p.token(ahead + tokens).kind == T::CloseBracket).then_some(tokens + 1)
}

/// `['a b']`
pub(super) fn bracketed_name(p: &mut Parser<'_>) -> Option<Name> {
    bracketed_name_tokens(p, 0)?;
    let start = p.bump().span;
    let text = literal::string(p);
    p.bump();
    Some(Name {
        text,
        span: p.span_from(start),
    })
}

/// A name with stars in it, or a star; `None` if what is ahead has none.
pub(super) fn wildcard(p: &mut Parser<'_>) -> Option<Expr> {
    let is_part = |kind| matches!(kind, T::Name | T::Star | T::Long);
    if !is_part(p.kind()) {
        return None;
    }
    let mut last = 0;
    while p.joined(last) && is_part(p.token(last + 1).kind) {
        last += 1;
    }
    let has_star = (0..=last).any(|at| p.token(at).kind == T::Star);
    if !has_star {
        return None;
    }
    let span = p.token(0).span.to(p.token(last).span);
    for _ in 0..=last {
        p.bump();
    }
    p.leaf();
    let text = p.slice(span);
    let kind = if text == "*" {
        ExprKind::Star
    } else {
        ExprKind::Wildcard(Name {
            text: Arc::from(text),
            span,
        })
    };
    Some(Expr { kind, span })
}
