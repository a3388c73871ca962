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
        "any" | "anyif" | "cnt" => return prefixed(function),
        // The engine names both values, whatever the reference binder says.
        "covariance" | "covarianceif" | "covariancep" | "covariancepif" => {
            let second = arguments.get(1).and_then(derived).unwrap_or_default();
            let first = first().unwrap_or_default();
            return Some(format!("{function}_{first}_{second}"));
        }
        "make_dictionary" => return prefixed("dictionary"),
        "array_sort_asc" | "array_sort_desc" => {
            let own = first().unwrap_or_else(|| "array0".to_owned());
            return Some(format!("{own}_sorted"));
        }
        "take_any" => return first().or_else(|| Some("any_arg0".to_owned())),
        "make_datetime" | "make_timespan" => return first().filter(|_| arguments.len() == 1),
        "percentile" | "percentiles" | "percentilew" | "percentilesw" => {
            let at = if function.ends_with('w') { 2 } else { 1 };
            let rank = arguments.get(at).map(rank_text).unwrap_or_default();
            return Some(format!("percentile_{}_{rank}", first().unwrap_or_default()));
        }
        _ => {}
    }
    // Of the names that are both, the scalar takes several arguments.
    let naming = match (builtin::aggregate(function), builtin::scalar(function)) {
        (Some(aggregate), scalar) if scalar.is_none() || arguments.len() < 2 => aggregate.naming,
        (_, scalar) => scalar?.naming,
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
        ExprKind::Literal(literal) => rank_of(&literal.value),
        _ => String::new(),
    }
}

/// How a constant rank shows.
pub(super) fn rank_of(value: &Value) -> String {
    constant_text(value).replace('.', "_")
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
