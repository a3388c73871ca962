//! The value of an expression of times that holds constants alone, as ticks.

use crate::hir::{BinaryOp, Expr, ExprKind};
use crate::types::{ScalarType, TICKS_MAX, Value};

/// The ticks of a constant timespan such as `1d`, `2 * 1h` or `-30m`.
pub(super) fn timespan(expr: &Expr) -> Option<i64> {
    if expr.ty != ScalarType::TimeSpan {
        return None;
    }
    match &expr.kind {
        ExprKind::Literal(Value::TimeSpan(ticks)) => Some(*ticks),
        ExprKind::Negate(operand) => timespan(operand)?.checked_neg(),
        ExprKind::Binary { op, left, right } => match op {
            BinaryOp::Add => timespan(left)?.checked_add(timespan(right)?),
            BinaryOp::Subtract => timespan(left)?.checked_sub(timespan(right)?),
            BinaryOp::Multiply => match (timespan(left), timespan(right)) {
                (Some(ticks), None) => ticks.checked_mul(long(right)?),
                (None, Some(ticks)) => ticks.checked_mul(long(left)?),
                _ => None,
            },
            BinaryOp::Divide => timespan(left)?.checked_div(long(right)?),
            _ => None,
        },
        _ => None,
    }
}

/// The ticks of a constant datetime, `now()` not being one. `None` also where it leaves the range
/// of datetimes.
pub(super) fn datetime(expr: &Expr) -> Option<i64> {
    let ticks = match &expr.kind {
        ExprKind::Literal(Value::DateTime(ticks)) => *ticks,
        ExprKind::Binary {
            op: BinaryOp::Add,
            left,
            right,
        } => match timespan(right) {
            Some(offset) => datetime(left)?.checked_add(offset)?,
            None => datetime(right)?.checked_add(timespan(left)?)?,
        },
        ExprKind::Binary {
            op: BinaryOp::Subtract,
            left,
            right,
        } => datetime(left)?.checked_sub(timespan(right)?)?,
        _ => return None,
    };
    (0..=TICKS_MAX).contains(&ticks).then_some(ticks)
}

/// The value of a constant integer.
pub(super) fn long(expr: &Expr) -> Option<i64> {
    match &expr.kind {
        ExprKind::Literal(Value::Long(value)) => Some(*value),
        ExprKind::Literal(Value::Int(value)) => Some(i64::from(*value)),
        ExprKind::Convert(operand) if expr.ty.is_integer() && operand.ty.is_integer() => {
            long(operand)
        }
        ExprKind::Negate(operand) => long(operand)?.checked_neg(),
        _ => None,
    }
}
