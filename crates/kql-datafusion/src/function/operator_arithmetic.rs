//! `+ - * / %` and unary minus: longs wrap, integer division by zero is null, `%` is never
//! negative, timespans count in ticks, and a datetime outside Arrow's range is null.

use std::sync::Arc;

use arrow::array::{ArrayRef, Scalar};
use arrow::compute::kernels::numeric;
use arrow::datatypes::i256;
use datafusion::common::Result;
use datafusion::logical_expr::ScalarUDF;
use kql::hir::BinaryOp;
use kql::types::{ScalarType, TICKS_MAX};

use super::arguments::Arguments;
use super::text::DECIMAL_ONE;
use super::udf::{KqlScalar, code};
use super::value::Datum;

/// An arithmetic operator over operands of these types.
pub fn arithmetic(
    op: BinaryOp,
    left: ScalarType,
    right: ScalarType,
    result: ScalarType,
) -> Arc<ScalarUDF> {
    use ScalarType::{DateTime, Decimal, Real, TimeSpan};
    let evaluate = match (left, right, result) {
        (DateTime, DateTime, _) => code(datetime_difference),
        (DateTime, TimeSpan, DateTime) | (TimeSpan, DateTime, _) => {
            code(move |arguments| datetime_shift(op, arguments))
        }
        (DateTime, TimeSpan, _) => code(datetime_remainder),
        (TimeSpan, TimeSpan, Real) => code(timespan_ratio),
        (TimeSpan, TimeSpan, _) => code(move |arguments| timespans(op, arguments)),
        (TimeSpan, _, _) | (_, TimeSpan, _) => code(move |arguments| scale(op, arguments)),
        (_, _, Decimal) => code(move |arguments| decimals(op, arguments)),
        (_, _, Real) => code(move |arguments| reals(op, arguments)),
        _ => code(move |arguments| longs(op, arguments)),
    };
    let name = format!("kql_{op:?}").to_lowercase();
    KqlScalar::udf(name, &[left, right], result, evaluate)
}

/// Unary minus.
pub fn negate(ty: ScalarType) -> Arc<ScalarUDF> {
    let evaluate = code(|arguments| {
        let input = arguments.input(0);
        match arguments.result {
            ScalarType::Real => arguments.reals(|row| Some(-input.get(row).to_real()?)),
            ScalarType::Decimal => arguments.decimals(|row| Some(-input.get(row).to_decimal()?)),
            ScalarType::TimeSpan => arguments.timespans_ns(|row| match input.get(row) {
                Datum::TimeSpan(ns) => Some(ns.saturating_neg()),
                _ => None,
            }),
            _ => arguments.longs(|row| Some(input.get(row).to_long()?.wrapping_neg())),
        }
    });
    KqlScalar::udf("kql_negate", &[ty], ty, evaluate)
}

type Kernel = fn(
    &dyn arrow::array::Datum,
    &dyn arrow::array::Datum,
) -> std::result::Result<ArrayRef, arrow::error::ArrowError>;

/// Runs an Arrow kernel over both operands, a constant one as a scalar.
fn kernel(arguments: &Arguments<'_>, kernel: Kernel) -> Result<ArrayRef> {
    let (left, left_constant) = arguments.array(0);
    let (right, right_constant) = arguments.array(1);
    Ok(match (left_constant, right_constant) {
        (false, true) => kernel(left, &Scalar::new(Arc::clone(right))),
        (true, false) => kernel(&Scalar::new(Arc::clone(left)), right),
        _ => kernel(left, right),
    }?)
}

fn same_type(arguments: &Arguments<'_>, ty: ScalarType) -> bool {
    arguments.ty(0) == ty && arguments.ty(1) == ty
}

fn longs(op: BinaryOp, arguments: &Arguments<'_>) -> Result<ArrayRef> {
    if same_type(arguments, ScalarType::Long) && arguments.result == ScalarType::Long {
        match op {
            BinaryOp::Add => return kernel(arguments, numeric::add_wrapping),
            BinaryOp::Subtract => return kernel(arguments, numeric::sub_wrapping),
            BinaryOp::Multiply => return kernel(arguments, numeric::mul_wrapping),
            _ => {}
        }
    }
    let left = arguments.longs_in(0);
    let right = arguments.longs_in(1);
    arguments.longs(|row| {
        let (left, right) = (left.get(row)?, right.get(row)?);
        match op {
            BinaryOp::Add => Some(left.wrapping_add(right)),
            BinaryOp::Subtract => Some(left.wrapping_sub(right)),
            BinaryOp::Multiply => Some(left.wrapping_mul(right)),
            BinaryOp::Divide => (right != 0).then(|| left.wrapping_div(right)),
            _ => (right != 0).then(|| left.wrapping_rem_euclid(right)),
        }
    })
}

fn reals(op: BinaryOp, arguments: &Arguments<'_>) -> Result<ArrayRef> {
    if same_type(arguments, ScalarType::Real) {
        match op {
            BinaryOp::Add => return kernel(arguments, numeric::add),
            BinaryOp::Subtract => return kernel(arguments, numeric::sub),
            BinaryOp::Multiply => return kernel(arguments, numeric::mul),
            BinaryOp::Divide => return kernel(arguments, numeric::div),
            _ => {}
        }
    }
    let left = arguments.reals_in(0);
    let right = arguments.reals_in(1);
    arguments.reals(|row| {
        let (left, right) = (left.get(row)?, right.get(row)?);
        Some(match op {
            BinaryOp::Add => left + right,
            BinaryOp::Subtract => left - right,
            BinaryOp::Multiply => left * right,
            BinaryOp::Divide => left / right,
            _ => left.rem_euclid(right),
        })
    })
}

fn decimals(op: BinaryOp, arguments: &Arguments<'_>) -> Result<ArrayRef> {
    let left = arguments.input(0);
    let right = arguments.input(1);
    arguments.decimals(|row| {
        let (left, right) = (left.get(row).to_decimal()?, right.get(row).to_decimal()?);
        let wide = |a: i128, b: i128| i256::from_i128(a).checked_mul(i256::from_i128(b));
        match op {
            BinaryOp::Add => left.checked_add(right),
            BinaryOp::Subtract => left.checked_sub(right),
            BinaryOp::Multiply => wide(left, right)?
                .checked_div(i256::from_i128(DECIMAL_ONE))?
                .to_i128(),
            BinaryOp::Divide => wide(left, DECIMAL_ONE)?
                .checked_div(i256::from_i128(right))?
                .to_i128(),
            _ => left.checked_rem_euclid(right),
        }
    })
}

fn nanoseconds(datum: Datum<'_>) -> Option<i64> {
    match datum {
        Datum::DateTime(ns) | Datum::TimeSpan(ns) => Some(ns),
        _ => None,
    }
}

fn datetime_difference(arguments: &Arguments<'_>) -> Result<ArrayRef> {
    let left = arguments.input(0);
    let right = arguments.input(1);
    arguments.timespans_ns(|row| {
        Some(nanoseconds(left.get(row))?.saturating_sub(nanoseconds(right.get(row))?))
    })
}

fn datetime_shift(op: BinaryOp, arguments: &Arguments<'_>) -> Result<ArrayRef> {
    let left = arguments.input(0);
    let right = arguments.input(1);
    arguments.datetimes_ns(|row| {
        let (left, right) = (nanoseconds(left.get(row))?, nanoseconds(right.get(row))?);
        if op == BinaryOp::Subtract {
            left.checked_sub(right)
        } else {
            left.checked_add(right)
        }
    })
}

/// A datetime counts from 0001 when it is divided.
fn datetime_remainder(arguments: &Arguments<'_>) -> Result<ArrayRef> {
    let left = arguments.datetimes_in(0);
    let right = arguments.timespans_in(1);
    arguments.timespans(|row| left.get(row)?.checked_rem_euclid(right.get(row)?))
}

fn timespan_ratio(arguments: &Arguments<'_>) -> Result<ArrayRef> {
    let left = arguments.timespans_in(0);
    let right = arguments.timespans_in(1);
    arguments.reals(|row| Some(left.get(row)? as f64 / right.get(row)? as f64))
}

fn timespans(op: BinaryOp, arguments: &Arguments<'_>) -> Result<ArrayRef> {
    let left = arguments.timespans_in(0);
    let right = arguments.timespans_in(1);
    arguments.timespans(|row| {
        let (left, right) = (left.get(row)?, right.get(row)?);
        let sum = match op {
            BinaryOp::Add => left.checked_add(right),
            BinaryOp::Subtract => left.checked_sub(right),
            BinaryOp::Divide => left.checked_div(right),
            _ => left.checked_rem_euclid(right),
        };
        sum.filter(|ticks| ticks.abs() <= TICKS_MAX)
    })
}

/// A timespan times or divided by a number.
fn scale(op: BinaryOp, arguments: &Arguments<'_>) -> Result<ArrayRef> {
    let span = usize::from(arguments.ty(0) != ScalarType::TimeSpan);
    let spans = arguments.timespans_in(span);
    if arguments.ty(1 - span).is_integer() {
        let factors = arguments.longs_in(1 - span);
        return arguments.timespans(|row| {
            let (span, factor) = (spans.get(row)?, factors.get(row)?);
            match op {
                BinaryOp::Multiply => span.checked_mul(factor),
                BinaryOp::Modulo => span.checked_rem_euclid(factor),
                _ => span.checked_div(factor),
            }
        });
    }
    let factors = arguments.reals_in(1 - span);
    arguments.timespans(|row| {
        let (span, factor) = (spans.get(row)? as f64, factors.get(row)?);
        let scaled = match op {
            BinaryOp::Multiply => span * factor,
            BinaryOp::Modulo => span.rem_euclid(factor),
            _ => span / factor,
        };
        scaled.is_finite().then_some(scaled as i64)
    })
}

#[cfg(test)]
mod tests;
