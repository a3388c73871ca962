//! `mv-expand` and `mv-apply`.

use crate::syntax::ast::{Expr, MvApply, OperatorKind, TypeName};
use crate::syntax::parser::Parser;

use super::subquery::subquery;
use crate::syntax::grammar::expression::{self, expression, items_before};
use crate::syntax::grammar::name::named;
use crate::syntax::grammar::property;

pub(super) fn mv_expand(p: &mut Parser<'_>) -> OperatorKind {
    let properties = property::leading(p, |name| {
        matches!(name, "kind" | "bagexpansion" | "with_itemindex") || property::hint(name)
    });
    let columns = columns(p);
    let limit = p.eat_word("limit").then(|| expression(p));
    OperatorKind::MvExpand {
        properties,
        columns,
        limit,
    }
}

pub(super) fn mv_apply(p: &mut Parser<'_>) -> OperatorKind {
    let properties = property::leading(p, |name| {
        matches!(name, "kind" | "bagexpansion" | "with_itemindex") || property::hint(name)
    });
    let columns = columns(p);
    let limit = p.eat_word("limit").then(|| expression(p));
    let id = p.eat_word("id").then(|| expression(p));
    p.expect_word("on");
    let subquery = subquery(p);
    OperatorKind::MvApply(Box::new(MvApply {
        properties,
        columns,
        limit,
        id,
        subquery,
    }))
}

/// `a, b = x to typeof(long), …`
fn columns(p: &mut Parser<'_>) -> Vec<(Expr, Option<TypeName>)> {
    items_before(p, &["limit", "id", "on"], |p| {
        let column = named(p);
        let ty = p.at_word("to").then(|| expression::to_type_of(p)).flatten();
        (column, ty)
    })
}
