//! `partition`.

use crate::syntax::ast::{Expr, ExprKind, OperatorKind, Partition, PartitionBody};
use crate::syntax::parser::Parser;
use crate::syntax::token::TokenKind as T;

use super::subquery::subquery;
use crate::syntax::grammar::{expression, name, property, query};

/// `partition by column (…)`
pub(super) fn partition(p: &mut Parser<'_>) -> OperatorKind {
    let properties = property::leading(p, property::any);
    p.expect_word("by");
    let by = column(p);
    let body = if p.at(T::OpenBrace) {
        let open = p.bump().span;
        let query = p.nested(query::query, expression::missing_at);
        p.expect_close(T::CloseBrace, open);
        PartitionBody::Query(Box::new(query))
    } else {
        PartitionBody::Operators(subquery(p))
    };
    OperatorKind::Partition(Box::new(Partition {
        properties,
        by,
        body,
    }))
}

/// A name. One with dots is the binder's to refuse; a parenthesis behind it is the subquery's.
fn column(p: &mut Parser<'_>) -> Expr {
    let mut column = name_expr(p);
    while p.eat(T::Dot) {
        let member = Box::new(name_expr(p));
        column = Expr {
            span: p.span_from(column.span),
            kind: ExprKind::Member {
                base: Box::new(column),
                member,
            },
        };
    }
    column
}

fn name_expr(p: &mut Parser<'_>) -> Expr {
    let name = name::declared_name(p);
    p.leaf();
    Expr {
        span: name.span,
        kind: ExprKind::Name(name),
    }
}
