//! Statements about the cluster that a query runs on: `alias database`, `restrict access`,
//! `declare pattern`, and management commands, which are no queries.

use std::sync::Arc;

use crate::syntax::ast::{Name, Pattern, PatternCase, StatementKind};
use crate::syntax::parser::Parser;
use crate::syntax::token::TokenKind as T;

use super::expression::{self, Stars, expression, items};
use super::{declaration, name, statement};

/// `alias database name = cluster("…").database("…")`; the cursor is at the first word.
pub(super) fn alias(p: &mut Parser<'_>) -> StatementKind {
    p.bump();
    p.bump();
    let name = name::declared_name(p);
    p.expect(T::Assign);
    let database = expression(p);
    StatementKind::Alias { name, database }
}

/// `restrict access to (tables)`
pub(super) fn restrict(p: &mut Parser<'_>) -> StatementKind {
    p.bump();
    p.bump();
    p.expect_word("to");
    let open = p.token(0).span;
    if !p.expect(T::OpenParen) {
        return StatementKind::Restrict(Vec::new());
    }
    let tables = items(p, |p| expression::postfix(p, Stars::Wildcard));
    p.expect_close(T::CloseParen, open);
    StatementKind::Restrict(tables)
}

/// `declare pattern name = (parameters)[path] { cases }`
pub(super) fn pattern(p: &mut Parser<'_>) -> StatementKind {
    p.bump();
    p.bump();
    let name = name::declared_name(p);
    if !p.eat(T::Assign) {
        return StatementKind::Pattern {
            name,
            pattern: None,
        };
    }
    let parameters = declaration::parameters(p);
    let open = p.token(0).span;
    let path = p.eat(T::OpenBracket).then(|| {
        let path = declaration::parameter(p);
        p.expect_close(T::CloseBracket, open);
        path
    });
    let open = p.token(0).span;
    let mut cases = Vec::new();
    if p.expect(T::OpenBrace) {
        while p.at(T::OpenParen) {
            cases.push(case(p));
            if !p.eat(T::Semicolon) {
                break;
            }
        }
        p.expect_close(T::CloseBrace, open);
    }
    let pattern = Some(Pattern {
        parameters,
        path,
        cases,
    });
    StatementKind::Pattern { name, pattern }
}

/// `("a").["b"] = { body }`
fn case(p: &mut Parser<'_>) -> PatternCase {
    let open = p.bump().span;
    let arguments = if p.at(T::CloseParen) {
        Vec::new()
    } else {
        items(p, expression)
    };
    p.expect_close(T::CloseParen, open);
    let path = p.eat(T::Dot).then(|| {
        let open = p.token(0).span;
        p.expect(T::OpenBracket);
        let path = expression(p);
        p.expect_close(T::CloseBracket, open);
        path
    });
    p.expect(T::Assign);
    let body = statement::body(p);
    PatternCase {
        arguments,
        path,
        body,
    }
}

/// `.show tables …`: the rest of the text belongs to it.
pub(super) fn command(p: &mut Parser<'_>) -> StatementKind {
    let start = p.bump().span;
    if p.at(T::Name) {
        p.bump();
    } else {
        p.expected("the name of a command");
    }
    let span = p.span_from(start);
    let keyword = Name {
        text: Arc::from(p.slice(span)),
        span,
    };
    while !p.at_end() {
        p.bump();
    }
    StatementKind::Command { keyword }
}
