//! `parse-kv`.

use crate::syntax::ast::{OperatorKind, ParseKv};
use crate::syntax::parser::Parser;

use crate::syntax::grammar::expression::expression;
use crate::syntax::grammar::{declaration, property};

const OPTIONS: &[&str] = &[
    "escape",
    "greedy",
    "kv_delimiter",
    "pair_delimiter",
    "quote",
    "regex",
];

pub(super) fn parse_kv(p: &mut Parser<'_>) -> OperatorKind {
    let text = expression(p);
    p.expect_word("as");
    let columns = declaration::closed_columns(p);
    let properties = property::with_list_of(p, OPTIONS, &[]);
    OperatorKind::ParseKv(Box::new(ParseKv {
        text,
        columns,
        properties,
    }))
}
