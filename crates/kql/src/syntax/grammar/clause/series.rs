//! `make-series`.

use crate::syntax::ast::{Expr, MakeSeries, OperatorKind, SeriesRange};
use crate::syntax::parser::Parser;
use crate::syntax::token::TokenKind as T;

use crate::syntax::grammar::expression::{expression, items, items_before};
use crate::syntax::grammar::name::named;
use crate::syntax::grammar::property;

pub(super) fn make_series(p: &mut Parser<'_>) -> OperatorKind {
    let properties = property::leading(p, |name| name == "kind" || property::hint(name));
    let aggregates = items_before(p, &["on", "default"], |p| {
        let aggregate = named(p);
        let default = p.eat_word("default").then(|| {
            p.expect(T::Assign);
            expression(p)
        });
        (aggregate, default)
    });
    p.expect_word("on");
    let axis = named(p);
    let range = range(p);
    let by = if p.eat_word("by") {
        items(p, named)
    } else {
        Vec::new()
    };
    OperatorKind::MakeSeries(Box::new(MakeSeries {
        properties,
        aggregates,
        axis,
        range,
        by,
    }))
}

fn range(p: &mut Parser<'_>) -> SeriesRange {
    if p.eat_word("in") {
        p.expect_word("range");
        let open = p.token(0).span;
        let mut arguments: Vec<Expr> = Vec::new();
        if p.expect(T::OpenParen) {
            if !p.at(T::CloseParen) {
                arguments = items(p, expression);
            }
            p.expect_close(T::CloseParen, open);
        }
        let span = p.span_from(open);
        return SeriesRange::Range { arguments, span };
    }
    let from = p.eat_word("from").then(|| Box::new(expression(p)));
    let to = p.eat_word("to").then(|| Box::new(expression(p)));
    p.expect_word("step");
    let step = Box::new(expression(p));
    SeriesRange::Step { from, to, step }
}
