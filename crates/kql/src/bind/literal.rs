//! The constants of a `datatable` in the types of its columns.

use std::fmt::Write as _;

use super::coerce;
use crate::hir::{Expr, ExprKind};
use crate::span::Span;
use crate::time;
use crate::types::{ScalarType, Value as Constant};

/// The value of a constant expression of type `from` in a column of type `to`.
pub(super) fn read(kind: ExprKind, from: ScalarType, to: ScalarType) -> Option<Constant> {
    let expr = Expr {
        kind,
        ty: from,
        span: Span::default(),
    };
    if let (ExprKind::Literal(value), ScalarType::Dynamic) = (&expr.kind, to) {
        return dynamic(value);
    }
    if let (ExprKind::Literal(Constant::String(text)), true) = (&expr.kind, from != to) {
        return parsed(text.trim(), to);
    }
    if let ExprKind::Literal(value) = &expr.kind {
        match (value, to) {
            (Constant::Long(number), ScalarType::Bool) => {
                return Some(Constant::Bool(*number != 0));
            }
            (Constant::Real(number), ScalarType::Decimal) => {
                return Some(Constant::Decimal(number.to_string().into()));
            }
            (Constant::Real(number), ScalarType::Long) => {
                return Some(Constant::Long(*number as i64));
            }
            (Constant::Real(number), ScalarType::Int) => {
                return Some(Constant::Int(*number as i32));
            }
            (Constant::Bool(flag), ScalarType::Long) => {
                return Some(Constant::Long(i64::from(*flag)));
            }
            (Constant::Bool(flag), ScalarType::String) => {
                let text = if *flag { "True" } else { "False" };
                return Some(Constant::String(text.into()));
            }
            _ => {}
        }
    }
    match coerce::convert(expr, to).kind {
        ExprKind::Literal(value) => Some(value),
        _ => None,
    }
}

/// A constant as JSON text.
fn dynamic(value: &Constant) -> Option<Constant> {
    let text = match value {
        Constant::Null => return Some(Constant::Null),
        Constant::Dynamic(json) => return Some(Constant::Dynamic(json.clone())),
        Constant::Bool(flag) => flag.to_string(),
        Constant::Int(number) => number.to_string(),
        Constant::Long(number) => number.to_string(),
        Constant::Real(number) if number.is_finite() => format!("{number:?}"),
        Constant::String(text) => quoted(text),
        Constant::Guid(guid) => quoted(guid),
        _ => return None,
    };
    Some(Constant::Dynamic(text.into()))
}

fn quoted(text: &str) -> String {
    let mut out = String::with_capacity(text.len() + 2);
    out.push('"');
    for character in text.chars() {
        match character {
            '"' => out.push_str("\\\""),
            '\\' => out.push_str("\\\\"),
            '\n' => out.push_str("\\n"),
            '\r' => out.push_str("\\r"),
            '\t' => out.push_str("\\t"),
            control if control < ' ' => {
                // Writing to a String cannot fail.
                let _ = write!(out, "\\u{:04x}", u32::from(control));
            }
            other => out.push(other),
        }
    }
    out.push('"');
    out
}

/// Text as a number, a bool or a time; other types want their literals.
fn parsed(text: &str, to: ScalarType) -> Option<Constant> {
    match to {
        ScalarType::Long => text.parse().ok().map(Constant::Long),
        ScalarType::Int => text.parse().ok().map(Constant::Int),
        ScalarType::Real => text.parse().ok().map(Constant::Real),
        ScalarType::Bool if text.eq_ignore_ascii_case("true") => Some(Constant::Bool(true)),
        ScalarType::Bool if text.eq_ignore_ascii_case("false") => Some(Constant::Bool(false)),
        ScalarType::DateTime => time::parse_datetime(text).map(Constant::DateTime),
        ScalarType::TimeSpan => time::parse_timespan(text).map(Constant::TimeSpan),
        _ => None,
    }
}
