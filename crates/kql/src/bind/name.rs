//! The names of columns that were given none: `count_`, `d_x`, `sum_Bytes`, or nothing, which
//! the operator turns into `Column1` or `print_0`.

use std::sync::Arc;

use super::table::OutputName;
use crate::builtin::{self, Naming};
use crate::syntax::ast::{Expr, ExprKind};
use crate::types::Value;

/// The name of the column that a bare expression makes.
pub(super) fn output_name(expr: &Expr) -> OutputName {
    match &expr.kind {
        ExprKind::Name(name) => OutputName::Declared(Arc::clone(&name.text)),
        ExprKind::Parenthesized(inner) => output_name(inner),
        _ => derived(expr).map_or(OutputName::Numbered, |name| {
            OutputName::Derived(name.into())
        }),
    }
}

/// The name an expression lends to what is made of it, if it has one.
pub(super) fn derived(expr: &Expr) -> Option<String> {
    match &expr.kind {
        ExprKind::Name(name) => Some(name.text.to_string()),
        ExprKind::Parenthesized(inner) => derived(inner),
        ExprKind::Named { names, .. } => names.first().map(|name| name.text.to_string()),
        ExprKind::Member { base, member } => match &member.kind {
            ExprKind::Name(name) => Some(format!("{}_{}", derived(base)?, name.text)),
            _ => None,
        },
        ExprKind::Index { base, index } => {
            let index = match &index.kind {
                ExprKind::Literal(literal) => constant_text(&literal.value),
                _ => String::new(),
            };
            Some(format!("{}_{index}", derived(base)?))
        }
        ExprKind::Call {
            function,
            arguments,
        } => call(&function.text, arguments),
        _ => None,
    }
}

fn call(function: &str, arguments: &[Expr]) -> Option<String> {
    let first = || arguments.first().and_then(derived);
    let prefixed = |prefix: &str| Some(format!("{prefix}_{}", first().unwrap_or_default()));
    match function {
        "any" | "anyif" => return prefixed(function),
        "take_any" => return first().or_else(|| Some("any_arg0".to_owned())),
        "make_datetime" | "make_timespan" => return first().filter(|_| arguments.len() == 1),
        "column_ifexists" | "columnifexists" => return existing_column(arguments),
        "percentile" | "percentiles" => {
            let rank = arguments.get(1).map(rank_text).unwrap_or_default();
            return Some(format!("percentile_{}_{rank}", first().unwrap_or_default()));
        }
        _ => {}
    }
    let naming = match builtin::aggregate(function) {
        Some(aggregate) => aggregate.naming,
        None => builtin::scalar(function)?.naming,
    };
    match naming {
        Naming::Numbered => None,
        Naming::FirstArgument => first(),
        Naming::Prefix(prefix) => prefixed(prefix),
        Naming::Fixed(name) => Some(name.to_owned()),
    }
}

/// How the rank of a percentile shows in the name of its column: `50.5` as `50_5`.
pub(super) fn rank_text(rank: &Expr) -> String {
    match &rank.kind {
        ExprKind::Literal(literal) => constant_text(&literal.value).replace('.', "_"),
        _ => String::new(),
    }
}

fn existing_column(arguments: &[Expr]) -> Option<String> {
    match arguments.first().map(|argument| &argument.kind) {
        Some(ExprKind::Literal(literal)) => match &literal.value {
            Value::String(name) => Some(name.to_string()),
            _ => None,
        },
        _ => None,
    }
}

fn constant_text(value: &Value) -> String {
    match value {
        Value::String(text) => text.to_string(),
        Value::Int(number) => number.to_string(),
        Value::Long(number) => number.to_string(),
        Value::Real(number) => number.to_string(),
        _ => String::new(),
    }
}
