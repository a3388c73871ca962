//! Conversions that the language inserts by itself, and the common type of several values.

use std::sync::Arc;

use crate::hir::{Expr, ExprKind};
use crate::types::{ScalarType, Value};

/// `expr` as `ty`. Constants are converted here where that is exact.
pub(super) fn convert(expr: Expr, ty: ScalarType) -> Expr {
    if expr.ty == ty {
        return expr;
    }
    let span = expr.span;
    if let ExprKind::Literal(value) = &expr.kind
        && let Some(value) = constant(value, ty)
    {
        let kind = ExprKind::Literal(value);
        return Expr { kind, ty, span };
    }
    let kind = ExprKind::Convert(Box::new(expr));
    Expr { kind, ty, span }
}

/// A constant in another type, where that needs no parsing and loses nothing.
fn constant(value: &Value, ty: ScalarType) -> Option<Value> {
    let text = |text: String| Some(Value::String(text.into()));
    match (value, ty) {
        (Value::Null, ScalarType::String) => text(String::new()),
        (Value::Null, _) => Some(Value::Null),
        (Value::Int(v), ScalarType::Long) => Some(Value::Long(i64::from(*v))),
        (Value::Int(v), ScalarType::Real) => Some(Value::Real(f64::from(*v))),
        (Value::Long(v), ScalarType::Int) => i32::try_from(*v).ok().map(Value::Int),
        (Value::Long(v), ScalarType::Real) => Some(Value::Real(*v as f64)),
        (Value::Int(v), ScalarType::Decimal) => Some(Value::Decimal(v.to_string().into())),
        (Value::Long(v), ScalarType::Decimal) => Some(Value::Decimal(v.to_string().into())),
        (Value::Int(v), ScalarType::String) => text(v.to_string()),
        (Value::Long(v), ScalarType::String) => text(v.to_string()),
        (Value::Guid(v), ScalarType::String) => Some(Value::String(Arc::clone(v))),
        _ => None,
    }
}

/// The wider of two number types.
pub(super) fn wider(left: ScalarType, right: ScalarType) -> ScalarType {
    let rank = |ty| match ty {
        ScalarType::Int => 0,
        ScalarType::Long => 1,
        ScalarType::Real => 2,
        _ => 3,
    };
    if rank(left) >= rank(right) {
        left
    } else {
        right
    }
}

/// The type in which arithmetic on two numbers is done: never int.
pub(super) fn arithmetic(left: ScalarType, right: ScalarType) -> ScalarType {
    wider(wider(left, right), ScalarType::Long)
}

/// The common type of the results of `iff` and `case`: the widest number, the typed side of a
/// dynamic, or dynamic where the types have nothing in common.
pub(super) fn common_or_dynamic(types: impl Iterator<Item = ScalarType>) -> ScalarType {
    types
        .filter(|ty| *ty != ScalarType::Dynamic)
        .reduce(|left, right| match (left, right) {
            _ if left == right => left,
            _ if left.is_numeric() && right.is_numeric() => wider(left, right),
            _ => ScalarType::Dynamic,
        })
        .unwrap_or(ScalarType::Dynamic)
}

/// The common type of values that must have one (`coalesce`, `max_of`).
pub(super) fn common(types: impl Iterator<Item = ScalarType>) -> Option<ScalarType> {
    let mut result: Option<ScalarType> = None;
    for ty in types {
        result = Some(match result {
            None => ty,
            Some(before) if before == ty => ty,
            Some(before) if before.is_numeric() && ty.is_numeric() => wider(before, ty),
            Some(_) => return None,
        });
    }
    result
}
