//! What is known of a dynamic value before any row is read: some functions take arrays only, others
//! property bags only.

use crate::builtin::ResultType;
use crate::hir::{Expr, ExprKind};
use crate::types::Value;

/// What a dynamic value is known to be.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Shape {
    /// Rows will tell.
    Unknown,
    Array,
    Bag,
    /// A text, a number, ….
    Single,
}

/// The shape of an expression of type dynamic.
pub(super) fn shape(expr: &Expr) -> Shape {
    match &expr.kind {
        ExprKind::Literal(Value::Dynamic(json)) => match json.trim_start().as_bytes().first() {
            Some(b'[') => Shape::Array,
            Some(b'{') => Shape::Bag,
            _ => Shape::Single,
        },
        ExprKind::Call {
            function,
            arguments,
        } => match function.signatures[0].result {
            ResultType::Array => Shape::Array,
            ResultType::Bag => Shape::Bag,
            ResultType::OfArgument(index) => arguments.get(index).map_or(Shape::Unknown, shape),
            _ => Shape::Unknown,
        },
        _ => Shape::Unknown,
    }
}
