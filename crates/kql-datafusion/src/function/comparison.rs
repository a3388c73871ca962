//! `==`, `!=` and the orderings with Kusto's rules: equality is total when exactly one side is
//! null and null when both are, and NaN equals nothing and is in no order, itself included.
//! Elsewhere the rules are DataFusion's own and the lowering uses those.

use std::cmp::Ordering;
use std::sync::Arc;

use datafusion::logical_expr::ScalarUDF;
use kql::hir::BinaryOp;
use kql::types::ScalarType;

use super::json;
use super::udf::{KqlScalar, code};
use super::value::Datum;

/// `==` of two operands of one type.
pub fn equal(ty: ScalarType) -> Arc<ScalarUDF> {
    compare(BinaryOp::Equal, ty)
}

/// `!=` of two operands of one type.
pub fn not_equal(ty: ScalarType) -> Arc<ScalarUDF> {
    compare(BinaryOp::NotEqual, ty)
}

/// Any of the six comparisons of two operands of one type. DataFusion's own operators order NaN
/// above all numbers and hold it equal to itself, so reals need these.
pub fn compare(op: BinaryOp, ty: ScalarType) -> Arc<ScalarUDF> {
    let evaluate = code(move |arguments| {
        let left = arguments.input(0);
        let right = arguments.input(1);
        arguments.bools(|row| test(op, left.get(row), right.get(row)))
    });
    KqlScalar::udf(
        format!("kql_compare_{op:?}"),
        &[ty, ty],
        ScalarType::Bool,
        evaluate,
    )
}

fn test(op: BinaryOp, left: Datum<'_>, right: Datum<'_>) -> Option<bool> {
    match (left.is_null(), right.is_null()) {
        (true, true) => return None,
        (true, false) | (false, true) => {
            return match op {
                BinaryOp::Equal => Some(false),
                BinaryOp::NotEqual => Some(true),
                _ => None,
            };
        }
        (false, false) => {}
    }
    let order = order(left, right);
    Some(match op {
        BinaryOp::NotEqual => order != Some(Ordering::Equal),
        BinaryOp::Less => order == Some(Ordering::Less),
        BinaryOp::LessOrEqual => matches!(order, Some(Ordering::Less | Ordering::Equal)),
        BinaryOp::Greater => order == Some(Ordering::Greater),
        BinaryOp::GreaterOrEqual => matches!(order, Some(Ordering::Greater | Ordering::Equal)),
        _ => order == Some(Ordering::Equal),
    })
}

/// The order of two values of one type that are not null; `None` if there is none.
pub(super) fn order(left: Datum<'_>, right: Datum<'_>) -> Option<Ordering> {
    match (left, right) {
        (Datum::Bool(left), Datum::Bool(right)) => Some(left.cmp(&right)),
        (Datum::Int(left), Datum::Int(right)) => Some(left.cmp(&right)),
        (Datum::Long(left), Datum::Long(right))
        | (Datum::DateTime(left), Datum::DateTime(right))
        | (Datum::TimeSpan(left), Datum::TimeSpan(right)) => Some(left.cmp(&right)),
        (Datum::Real(left), Datum::Real(right)) => left.partial_cmp(&right),
        (
            Datum::Decimal(_) | Datum::WholeDecimal(_),
            Datum::Decimal(_) | Datum::WholeDecimal(_),
        ) => Some(left.decimal_number()?.cmp(&right.decimal_number()?)),
        (Datum::String(left), Datum::String(right)) | (Datum::Guid(left), Datum::Guid(right)) => {
            Some(left.cmp(right))
        }
        (Datum::Dynamic(left), Datum::Dynamic(right)) => order_json(left, right),
        _ => None,
    }
}

/// Numbers by value, the rest by text.
fn order_json(left: &str, right: &str) -> Option<Ordering> {
    use json::Kind;
    let is_number = |json| matches!(json::kind(json), Kind::Long | Kind::Real);
    if is_number(left) && is_number(right) {
        return Datum::Dynamic(left)
            .to_real()?
            .partial_cmp(&Datum::Dynamic(right).to_real()?);
    }
    Some(left.cmp(right))
}

#[cfg(test)]
mod tests {
    use super::super::testing::{Argument, bool_of, decimal, long, null, real};
    use super::*;

    fn check(op: BinaryOp, left: &Argument, right: &Argument, expected: Option<bool>) {
        let got = bool_of(&compare(op, left.ty), &[left.clone(), right.clone()]);
        assert_eq!(got, expected, "{left:?} {op:?} {right:?}");
    }

    #[test]
    fn equality_is_total_when_one_side_is_null() {
        let absent = null(ScalarType::Long);
        check(BinaryOp::Equal, &absent, &long(5), Some(false));
        check(BinaryOp::NotEqual, &absent, &long(5), Some(true));
        check(BinaryOp::NotEqual, &absent, &absent, None);
        check(BinaryOp::Less, &absent, &long(5), None);
    }

    #[test]
    fn nan_equals_nothing_and_has_no_order() {
        let nan = real(f64::NAN);
        check(BinaryOp::Equal, &nan, &nan, Some(false));
        check(BinaryOp::NotEqual, &nan, &nan, Some(true));
        check(BinaryOp::Greater, &nan, &real(1.0), Some(false));
        check(BinaryOp::Equal, &real(0.0), &real(-0.0), Some(true));
        check(
            BinaryOp::Equal,
            &decimal("1.50"),
            &decimal("1.5"),
            Some(true),
        );
    }
}
