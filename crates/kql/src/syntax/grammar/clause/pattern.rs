//! Operators that tell what is frequent: `top-hitters` and `reduce`.

use crate::syntax::ast::OperatorKind;
use crate::syntax::grammar::expression::expression;
use crate::syntax::grammar::name::named;
use crate::syntax::grammar::property;
use crate::syntax::parser::Parser;
use crate::syntax::token::TokenKind as T;

/// `top-hitters n of column [by x]`
pub(super) fn top_hitters(p: &mut Parser<'_>) -> OperatorKind {
    let count = expression(p);
    p.expect_word("of");
    let of = named(p);
    let by = p.eat_word("by").then(|| named(p));
    OperatorKind::TopHitters { count, of, by }
}

/// `reduce [kind=source] by text [with threshold=0.1, characters="…"]`
pub(super) fn reduce(p: &mut Parser<'_>) -> OperatorKind {
    let properties = property::leading(p, |name| name == "kind");
    p.expect_word("by");
    let by = named(p);
    let mut options = Vec::new();
    if p.eat_word("with") {
        loop {
            let found = property::leading(p, |name| matches!(name, "threshold" | "characters"));
            if found.is_empty() {
                p.expected("`threshold=` or `characters=`");
            }
            options.extend(found);
            if !p.eat(T::Comma) {
                break;
            }
        }
    }
    OperatorKind::Reduce {
        properties,
        by,
        options,
    }
}
