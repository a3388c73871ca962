//! How operators are written, for messages.

use crate::hir::{BinaryOp, InOp, StringOp};

/// How an operator is written.
pub(super) fn sign(op: BinaryOp) -> String {
    let word = match op {
        BinaryOp::Add => "+",
        BinaryOp::Subtract => "-",
        BinaryOp::Multiply => "*",
        BinaryOp::Divide => "/",
        BinaryOp::Modulo => "%",
        BinaryOp::Equal => "==",
        BinaryOp::NotEqual => "!=",
        BinaryOp::Less => "<",
        BinaryOp::LessOrEqual => "<=",
        BinaryOp::Greater => ">",
        BinaryOp::GreaterOrEqual => ">=",
        BinaryOp::And => "and",
        BinaryOp::Or => "or",
        BinaryOp::String {
            op,
            negated,
            case_sensitive,
        } => return string_sign(op, negated, case_sensitive),
    };
    word.to_owned()
}

fn string_sign(op: StringOp, negated: bool, case_sensitive: bool) -> String {
    let word = match op {
        StringOp::EqualIgnoringCase if negated => return "!~".to_owned(),
        StringOp::EqualIgnoringCase => return "=~".to_owned(),
        StringOp::MatchesRegex => return "matches regex".to_owned(),
        StringOp::Has => "has",
        StringOp::HasPrefix => "hasprefix",
        StringOp::HasSuffix => "hassuffix",
        StringOp::Contains => "contains",
        StringOp::StartsWith => "startswith",
        StringOp::EndsWith => "endswith",
    };
    let mark = if negated { "!" } else { "" };
    let case = if case_sensitive { "_cs" } else { "" };
    format!("{mark}{word}{case}")
}

/// How `in` and its family are written.
pub(super) fn in_sign(op: InOp) -> &'static str {
    match op {
        InOp::In => "in",
        InOp::NotIn => "!in",
        InOp::InIgnoringCase => "in~",
        InOp::NotInIgnoringCase => "!in~",
        InOp::HasAny => "has_any",
        InOp::HasAll => "has_all",
    }
}
