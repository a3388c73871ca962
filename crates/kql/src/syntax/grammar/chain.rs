//! Chains of infix operators: how operands are grouped, and how long chains stay shallow.

use crate::diagnostic::Diagnostic;
use crate::hir::{BinaryOp, InOp};
use crate::span::Span;
use crate::syntax::ast::{Expr, ExprKind, Operator};
use crate::syntax::parser::Parser;
use crate::syntax::token::TokenKind as T;

use super::expression::{expression, items, operand, starts_expression};
use super::infix::{self, Infix, Level, Shape};
use super::query;

/// Chains of `and` and `or` longer than this become balanced trees, so that a list of ten
/// thousand indicators does not nest ten thousand levels deep.
const CHAIN_MAX: usize = 32;

/// A chain of operators of at least the given binding strength.
pub(super) fn chain(p: &mut Parser<'_>, floor: Level) -> Expr {
    let mut left = operand(p);
    let mut unchainable: Option<Level> = None;
    while let Some(found) = infix::ahead(p) {
        if found.level < floor {
            break;
        }
        if unchainable.is_some_and(|level| level <= found.level) {
            let span = p.token(0).span;
            let written = p.slice(span);
            p.report(
                Diagnostic::error(
                    "KQL111",
                    span,
                    format!("`{written}` cannot follow another comparison"),
                )
                .with_help("join the two with `and`, or put one in parentheses"),
            );
        }
        unchainable = (!found.level.chains()).then_some(found.level);
        left = match found.shape {
            Shape::Binary(Operator::Binary(op @ (BinaryOp::And | BinaryOp::Or))) => {
                logical(p, left, op, found)
            }
            Shape::Binary(op) => {
                let height = p.height();
                let op_span = infix::consume(p, found);
                let right = chain(p, found.level.tighter());
                binary(p, left, height, op, op_span, right)
            }
            Shape::In(op) => membership(p, left, op, found),
            Shape::Between { negated } => between(p, left, negated, found),
        };
    }
    left
}

fn binary(
    p: &mut Parser<'_>,
    left: Expr,
    left_height: u32,
    op: Operator,
    op_span: Span,
    right: Expr,
) -> Expr {
    let height = left_height.max(p.height());
    p.grow(height, op_span);
    let span = left.span.to(right.span);
    Expr {
        kind: ExprKind::Binary {
            op,
            op_span,
            left: Box::new(left),
            right: Box::new(right),
        },
        span,
    }
}

/// A term of a chain of `and` or `or`, with the operator in front of it.
struct Term {
    op_span: Span,
    expr: Expr,
    height: u32,
}

/// `left and b and c …`
fn logical(p: &mut Parser<'_>, left: Expr, op: BinaryOp, first: Infix) -> Expr {
    let mut terms = vec![Term {
        op_span: left.span,
        expr: left,
        height: p.height(),
    }];
    let mut next = Some(first);
    while let Some(found) = next.filter(|found| found.level == first.level) {
        let op_span = infix::consume(p, found);
        let expr = chain(p, first.level.tighter());
        terms.push(Term {
            op_span,
            expr,
            height: p.height(),
        });
        next = infix::ahead(p);
    }
    let op = Operator::Binary(op);
    let whole = if terms.len() <= CHAIN_MAX {
        let joined = terms
            .into_iter()
            .reduce(|left, right| join(p, left, right, op));
        joined.expect("a chain has a first term")
    } else {
        balance(p, terms, op)
    };
    whole.expr
}

fn join(p: &mut Parser<'_>, left: Term, right: Term, op: Operator) -> Term {
    let Term {
        op_span,
        expr,
        height,
    } = left;
    // `binary` reads the height of its right operand from the parser.
    p.grow(right.height.saturating_sub(1), right.op_span);
    let expr = binary(p, expr, height, op, right.op_span, right.expr);
    Term {
        op_span,
        expr,
        height: p.height(),
    }
}

/// `and` and `or` are associative, so neighbours may be joined in any order.
fn balance(p: &mut Parser<'_>, mut terms: Vec<Term>, op: Operator) -> Term {
    while terms.len() > 1 {
        let mut joined = Vec::with_capacity(terms.len() / 2 + 1);
        let mut rest = terms.into_iter();
        while let Some(left) = rest.next() {
            joined.push(match rest.next() {
                Some(right) => join(p, left, right, op),
                None => left,
            });
        }
        terms = joined;
    }
    terms.pop().expect("a chain has a first term")
}

/// `value in (items)`
fn membership(p: &mut Parser<'_>, value: Expr, op: InOp, found: Infix) -> Expr {
    let mut height = p.height();
    let op_span = infix::consume(p, found);
    let open = p.token(0).span;
    let mut list = Vec::new();
    if p.at(T::OpenParen) {
        p.bump();
        list = items(p, |p| {
            let item = query::query(p);
            height = height.max(p.height());
            item
        });
        p.expect_close(T::CloseParen, open);
    } else {
        let found = p.describe_next();
        let written = p.slice(op_span);
        let message = format!("expected `(` after `{written}`, found {found}");
        let diagnostic = Diagnostic::error("KQL100", p.place(), message)
            .with_help(format!("put the values in parentheses: `{written} (…)`"));
        p.report(diagnostic);
        if starts_expression(p) {
            list.push(chain(p, Level::Order));
        }
    }
    p.grow(height, op_span);
    Expr {
        span: p.span_from(value.span),
        kind: ExprKind::In {
            op,
            op_span,
            value: Box::new(value),
            list,
        },
    }
}

/// `value between (low .. high)`
fn between(p: &mut Parser<'_>, value: Expr, negated: bool, found: Infix) -> Expr {
    let mut height = p.height();
    let op_span = infix::consume(p, found);
    let open = p.token(0).span;
    let in_parentheses = p.expect(T::OpenParen);
    let low = Box::new(expression(p));
    height = height.max(p.height());
    if !p.at(T::DotDot) {
        let message = format!("expected `..`, found {}", p.describe_next());
        p.report(
            Diagnostic::error("KQL100", p.place(), message)
                .with_help("write the bounds as `between (low .. high)`"),
        );
    }
    if p.at(T::DotDot) || p.at(T::Comma) {
        p.bump();
    }
    let high = Box::new(expression(p));
    height = height.max(p.height());
    if in_parentheses {
        p.expect_close(T::CloseParen, open);
    }
    p.grow(height, op_span);
    Expr {
        span: p.span_from(value.span),
        kind: ExprKind::Between {
            negated,
            op_span,
            value: Box::new(value),
            low,
            high,
        },
    }
}
