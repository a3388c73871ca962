//! Queries: a source and the operators behind its bars; and the sources with a syntax of their
//! own, `datatable` and `externaldata`.

use crate::diagnostic::Diagnostic;
use crate::syntax::ast::{Expr, ExprKind, TableOperator};
use crate::syntax::parser::Parser;
use crate::syntax::token::TokenKind as T;

use super::{declaration, expression, literal, operator, property};

/// Whether a bar at the start of a line belongs to the query.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Bars {
    Any,
    /// Only one on the same line: one on a new line rather belongs to the query around it, and
    /// a parenthesis was forgotten.
    SameLine,
}

/// A scalar or tabular expression with its operators.
pub(super) fn query(p: &mut Parser<'_>) -> Expr {
    query_with(p, Bars::Any)
}

/// What stands where a scalar is expected; a query there is a mistake of the caller's to report.
pub(super) fn query_on_line(p: &mut Parser<'_>) -> Expr {
    query_with(p, Bars::SameLine)
}

fn query_with(p: &mut Parser<'_>, bars: Bars) -> Expr {
    let start = p.token(0).span;
    let outer = p.begin_query();
    let source = source(p);
    let ends = match bars {
        Bars::Any => !p.at(T::Bar) && !bar_is_missing(p),
        Bars::SameLine => !p.at(T::Bar) || p.on_new_line(),
    };
    if ends {
        let is_scalar = !matches!(source.kind, ExprKind::Source(_));
        p.end_query(outer, is_scalar, start);
        return source;
    }
    let operators = operators(p);
    p.end_query(outer, false, start);
    Expr {
        span: p.span_from(start),
        kind: ExprKind::Pipe {
            source: Box::new(source),
            operators,
        },
    }
}

fn source(p: &mut Parser<'_>) -> Expr {
    if p.at(T::Bar) {
        let diagnostic = Diagnostic::error("KQL100", p.place(), "expected a table before `|`")
            .with_help("begin the query with the name of a table");
        p.report(diagnostic);
        p.leaf();
        return expression::missing_at(p.place());
    }
    if operator::is_source(p) {
        let errors = p.errors();
        if let Some(operator) = operator::operator(p) {
            operator::end(p, errors);
            p.leaf();
            return Expr {
                span: operator.span,
                kind: ExprKind::Source(Box::new(operator)),
            };
        }
    }
    expression::expression(p)
}

/// Whether an operator follows without its bar.
fn bar_is_missing(p: &Parser<'_>) -> bool {
    let Some((word, _)) = operator::keyword_ahead(p) else {
        return false;
    };
    // On a new line these rather begin the next statement.
    let begins_query = matches!(word, "print" | "union" | "range" | "search" | "find");
    !(begins_query && p.on_new_line())
}

/// The operators behind the bars ahead.
pub(super) fn operators(p: &mut Parser<'_>) -> Vec<TableOperator> {
    let mut operators = Vec::new();
    loop {
        if !p.eat(T::Bar) {
            if !bar_is_missing(p) {
                return operators;
            }
            let found = p.describe_next();
            p.report(
                Diagnostic::error("KQL107", p.place(), format!("expected `|` before {found}"))
                    .with_help("operators are separated by `|`"),
            );
        }
        let errors = p.errors();
        operators.extend(operator::operator(p));
        operator::end(p, errors);
    }
}

/// `datatable(columns) [values]`; the cursor is at the word.
pub(super) fn datatable(p: &mut Parser<'_>) -> Expr {
    let start = p.bump().span;
    let columns = declaration::closed_columns(p);
    let open = p.token(0).span;
    let mut values = Vec::new();
    let mut height = 0;
    if p.expect(T::OpenBracket) {
        // A comma after the last value is allowed.
        p.eat(T::Comma);
        while !matches!(p.kind(), T::CloseBracket | T::EndOfText) {
            let before = p.position();
            values.push(datatable_value(p));
            height = height.max(p.height());
            if p.eat(T::Comma) {
                continue;
            }
            if !p.at(T::CloseBracket) {
                p.expected("`,` or `]`");
            }
            // A word that cannot stand here is not consumed: it may begin what comes next.
            if p.position() == before || !expression::starts_expression(p) {
                break;
            }
        }
        if !p.at(T::CloseBracket) {
            p.expected("`,` or `]`");
            p.skip_until(|kind| matches!(kind, T::Bar | T::Semicolon));
        }
        p.expect_close(T::CloseBracket, open);
    }
    p.grow(height, start);
    Expr {
        span: p.span_from(start),
        kind: ExprKind::DataTable { columns, values },
    }
}

fn datatable_value(p: &mut Parser<'_>) -> Expr {
    let value = expression::expression(p);
    if !literal::is_written_constant(&value) {
        let message = "the values of `datatable` are constants";
        let help = "compute columns with `| extend` behind it";
        p.report_aside(Diagnostic::error("KQL117", value.span, message).with_help(help));
    }
    value
}

/// `externaldata(columns) [uris] with (properties)`; the cursor is at the word.
pub(super) fn external_data(p: &mut Parser<'_>) -> Expr {
    let start = p.bump().span;
    let columns = declaration::closed_columns(p);
    let open = p.token(0).span;
    let mut uris = Vec::new();
    let mut height = 0;
    if p.expect(T::OpenBracket) {
        while !matches!(p.kind(), T::CloseBracket | T::EndOfText) {
            uris.push(expression::expression(p));
            height = height.max(p.height());
            if !p.eat(T::Comma) {
                break;
            }
        }
        p.expect_close(T::CloseBracket, open);
    }
    let properties = property::with_list(p);
    p.grow(height, start);
    Expr {
        span: p.span_from(start),
        kind: ExprKind::ExternalData {
            columns,
            uris,
            properties,
        },
    }
}
