//! `search` and `find`: where to look, what for, and what to show.

use crate::diagnostic::Diagnostic;
use crate::syntax::ast::{Expr, ExprKind, FindColumn, OperatorKind};
use crate::syntax::parser::Parser;
use crate::syntax::token::TokenKind as T;

use super::super::expression::{self, Stars, expression, items};
use super::super::{declaration, name, property};
use super::at_operator_end;

/// `search [kind=…] [in (tables)] predicate`
pub(super) fn search(p: &mut Parser<'_>) -> OperatorKind {
    let properties = property::leading(p, property::any);
    let tables = tables(p);
    let star = p.at(T::Star) && {
        let after = p.token(1).kind;
        matches!(
            after,
            T::Bar | T::Semicolon | T::EndOfText | T::CloseParen | T::CloseBrace
        )
    };
    let predicate = if star {
        expression::every_column(p)
    } else {
        expression(p)
    };
    OperatorKind::Search {
        properties,
        tables,
        predicate,
    }
}

/// `find [withsource=…] [in (tables)] [where] predicate [project …]`
pub(super) fn find(p: &mut Parser<'_>) -> OperatorKind {
    let properties = property::leading(p, property::any);
    let listed = p.at_word("in");
    let tables = tables(p);
    if listed || !properties.is_empty() {
        p.expect_word("where");
    } else {
        p.eat_word("where");
    }
    let predicate = expression(p);
    let project = projection(p);
    OperatorKind::Find {
        properties,
        tables,
        predicate,
        project,
    }
}

/// `in (T, Device*, database("d").U)`
fn tables(p: &mut Parser<'_>) -> Vec<Expr> {
    if !p.eat_word("in") {
        return Vec::new();
    }
    let open = p.token(0).span;
    if !p.expect(T::OpenParen) {
        return Vec::new();
    }
    let tables = items(p, |p| {
        let table = expression::postfix(p, Stars::Wildcard);
        if matches!(table.kind, ExprKind::Parenthesized(_)) {
            let message = "only names of tables can stand in this list";
            let diagnostic = Diagnostic::error("KQL100", table.span, message);
            let help = "give the query a name with `let`, and list the name";
            p.report_aside(diagnostic.with_help(help));
        }
        table
    });
    p.expect_close(T::CloseParen, open);
    tables
}

/// `project a, b:long, pack(*)` or `project-smart`.
fn projection(p: &mut Parser<'_>) -> Option<Vec<FindColumn>> {
    if !p.at_word("project") {
        return None;
    }
    if p.token(1).kind == T::Minus {
        if p.word(2) == "smart" && p.joined(0) && p.joined(1) {
            for _ in 0..3 {
                p.bump();
            }
        }
        return None;
    }
    p.bump();
    if at_operator_end(p) {
        p.expected("a column");
        return Some(Vec::new());
    }
    Some(items(p, column))
}

fn column(p: &mut Parser<'_>) -> FindColumn {
    let start = p.token(0).span;
    if p.eat(T::Star) {
        return FindColumn::Star(start);
    }
    if p.at_word("pack") && p.token(1).kind == T::OpenParen {
        p.bump();
        let open = p.bump().span;
        p.expect(T::Star);
        p.expect_close(T::CloseParen, open);
        let span = p.span_from(start);
        if p.at(T::Comma) {
            let message = "`pack(*)` is the last column of `project`";
            p.report_aside(Diagnostic::error("KQL100", span, message));
        }
        return FindColumn::Pack(span);
    }
    let name = name::declared_name(p);
    let ty = p.eat(T::Colon).then(|| declaration::type_name(p));
    FindColumn::Column { name, ty }
}
