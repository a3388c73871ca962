//! Operators that do several things with one table or one thing with several places: `fork`,
//! `facet`, `macro-expand`.

use crate::syntax::ast::{ForkBranch, OperatorKind, Script, Subquery};
use crate::syntax::grammar::name::{self, at_name_and_assign};
use crate::syntax::grammar::{expression, operator, property, statement};
use crate::syntax::parser::Parser;
use crate::syntax::token::TokenKind as T;

use super::subquery::subquery;

/// `fork (operators) Name=(operators) …`
pub(super) fn fork(p: &mut Parser<'_>) -> OperatorKind {
    let mut branches = Vec::new();
    loop {
        let name = at_name_and_assign(p).then(|| {
            let name = name::declared_name(p);
            p.bump();
            name
        });
        branches.push(ForkBranch {
            name,
            subquery: subquery(p),
        });
        if !p.at(T::OpenParen) && !at_name_and_assign(p) {
            return OperatorKind::Fork(branches);
        }
    }
}

/// `facet by columns [with operators]`; one operator alone needs no parentheses.
pub(super) fn facet(p: &mut Parser<'_>) -> OperatorKind {
    p.expect_word("by");
    let mut by = vec![name::declared_name(p)];
    while p.eat(T::Comma) {
        by.push(name::declared_name(p));
    }
    let with = p.eat_word("with").then(|| {
        if p.at(T::OpenParen) {
            return subquery(p);
        }
        let start = p.token(0).span;
        let operators = operator::operator(p).into_iter().collect();
        Subquery {
            operators,
            span: p.span_from(start),
        }
    });
    OperatorKind::Facet { by, with }
}

/// `macro-expand group as X (statements)`
pub(super) fn macro_expand(p: &mut Parser<'_>) -> OperatorKind {
    let properties = property::leading(p, |name| {
        matches!(name, "isfuzzy" | "kind") || property::hint(name)
    });
    let group = expression::postfix(p, expression::Stars::Multiply);
    p.expect_word("as");
    let name = name::declared_name(p);
    let open = p.token(0).span;
    let mut body = Script::default();
    if p.expect(T::OpenParen) {
        p.nested(|p| statement::statements(p, &mut body), |_| ());
        p.expect_close(T::CloseParen, open);
    }
    OperatorKind::MacroExpand {
        properties,
        group,
        name,
        body,
    }
}
