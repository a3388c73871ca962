//! `scan`.

use std::sync::Arc;

use crate::syntax::ast::{Name, OperatorKind, Scan, ScanStep};
use crate::syntax::parser::Parser;
use crate::syntax::token::TokenKind as T;

use super::ordered;
use crate::syntax::grammar::expression::{expression, items, items_before};
use crate::syntax::grammar::{declaration, name, property};

pub(super) fn scan(p: &mut Parser<'_>) -> OperatorKind {
    let properties = property::leading(p, |name| matches!(name, "kind" | "with_match_id"));
    let mut order = Vec::new();
    if p.eat_word("order") {
        p.expect_word("by");
        order = items_before(p, &["partition", "declare", "with"], ordered);
    }
    let mut partition = Vec::new();
    if p.eat_word("partition") {
        p.expect_word("by");
        partition = items_before(p, &["declare", "with"], expression);
    }
    let mut declared = Vec::new();
    if p.eat_word("declare") {
        declared = declaration::parameters(p);
    }
    p.expect_word("with");
    let open = p.token(0).span;
    let mut steps = Vec::new();
    if p.expect(T::OpenParen) {
        while p.at_word("step") {
            steps.push(step(p));
        }
        p.expect_close(T::CloseParen, open);
    }
    OperatorKind::Scan(Box::new(Scan {
        properties,
        order,
        partition,
        declared,
        steps,
    }))
}

/// `step name optional output=all: condition => x = value, …;`
fn step(p: &mut Parser<'_>) -> ScanStep {
    p.bump();
    let name = name::declared_name(p);
    let optional = p.eat_word("optional");
    let output = if p.at_word("output") && p.token(1).kind == T::Assign {
        p.bump();
        p.bump();
        output(p)
    } else {
        None
    };
    p.expect(T::Colon);
    let condition = expression(p);
    let mut assignments = Vec::new();
    // `=>` is written as one word.
    if p.at(T::Assign) && p.joined(0) && p.token(1).kind == T::Greater {
        p.bump();
        p.bump();
        assignments = items(p, |p| {
            let name = name::declared_name(p);
            p.expect(T::Assign);
            (name, expression(p))
        });
    }
    if !p.eat(T::Semicolon) {
        p.expected("`;` at the end of the step");
        p.skip_until(|kind| matches!(kind, T::Semicolon));
        p.eat(T::Semicolon);
    }
    ScanStep {
        name,
        optional,
        output,
        condition,
        assignments,
    }
}

fn output(p: &mut Parser<'_>) -> Option<Name> {
    let token = p.token(0);
    let text = p.slice(token.span);
    if !matches!(text, "all" | "last" | "none") {
        p.expected("`all`, `last` or `none`");
        return None;
    }
    p.bump();
    Some(Name {
        text: Arc::from(text),
        span: token.span,
    })
}
