//! `parse-kv`.

use crate::syntax::ast::{OperatorKind, ParseKv};
use crate::syntax::parser::Parser;

use crate::syntax::grammar::expression::expression;
use crate::syntax::grammar::{declaration, property};

pub(super) fn parse_kv(p: &mut Parser<'_>) -> OperatorKind {
    let text = expression(p);
    p.expect_word("as");
    let columns = declaration::closed_columns(p);
    let properties = property::with_list(p);
    OperatorKind::ParseKv(Box::new(ParseKv {
        text,
        columns,
        properties,
    }))
}
