//! `top-nested`.

use crate::syntax::ast::{NestedLevel, OperatorKind};
use crate::syntax::parser::Parser;
use crate::syntax::token::TokenKind as T;

use super::ordered;
use crate::syntax::grammar::expression::expression;
use crate::syntax::grammar::name::named;
use crate::syntax::grammar::operator::keyword_ahead;

/// `top-nested 3 of a by count(), top-nested of b by sum(x)`; the first word is read.
pub(super) fn top_nested(p: &mut Parser<'_>) -> OperatorKind {
    let mut levels = vec![level(p)];
    while p.eat(T::Comma) {
        match keyword_ahead(p) {
            Some(("top-nested", tokens)) => {
                for _ in 0..tokens {
                    p.bump();
                }
            }
            _ => p.expected("`top-nested`"),
        }
        levels.push(level(p));
    }
    OperatorKind::TopNested(levels)
}

fn level(p: &mut Parser<'_>) -> NestedLevel {
    let count = (!p.at_word("of")).then(|| expression(p));
    p.expect_word("of");
    let of = named(p);
    let others = p.eat_word("with").then(|| {
        p.expect_word("others");
        p.expect(T::Assign);
        expression(p)
    });
    p.expect_word("by");
    let by = ordered(p);
    NestedLevel {
        count,
        of,
        others,
        by,
    }
}
