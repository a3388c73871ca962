//! Operators in parentheses: the subqueries of `mv-apply` and `partition`.

use crate::diagnostic::Diagnostic;
use crate::syntax::ast::Subquery;
use crate::syntax::parser::Parser;
use crate::syntax::token::TokenKind as T;

use crate::syntax::grammar::{operator, query};

/// `(operator | operator | …)`
pub(super) fn subquery(p: &mut Parser<'_>) -> Subquery {
    let start = p.token(0).span;
    let outer = p.begin_query();
    let mut operators = Vec::new();
    if p.expect(T::OpenParen) {
        if p.at(T::Bar) {
            let message = "expected an operator before `|`";
            p.report(Diagnostic::error("KQL100", p.place(), message));
        } else {
            let errors = p.errors();
            operators.extend(operator::operator(p));
            operator::end(p, errors);
        }
        operators.extend(query::operators(p));
        p.expect_close(T::CloseParen, start);
    }
    p.end_query(outer, false, start);
    Subquery {
        operators,
        span: p.span_from(start),
    }
}
