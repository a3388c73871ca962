//! One line per rule: left, operator, right, result type, result.

use kql::hir::BinaryOp::{self, Add, Divide, Modulo, Multiply, Subtract};
use kql::types::ScalarType::{self, DateTime, Decimal, Long, Real, TimeSpan};

use super::super::testing::{
    Argument, call, datetime, decimal, int, long, null, real, shown, timespan,
};
use super::{arithmetic, negate};

fn check(left: &Argument, op: BinaryOp, right: &Argument, result: ScalarType, expected: &str) {
    let udf = arithmetic(op, left.ty, right.ty, result);
    let got = shown(&call(&udf, &[left.clone(), right.clone()]).unwrap(), result);
    assert_eq!(got, expected, "{left:?} {op:?} {right:?}");
}

#[test]
fn integer_division_truncates_and_modulo_is_never_negative() {
    for (left, right, quotient, remainder) in [
        (7, 2, "3", "1"),
        (-7, 2, "-3", "1"),
        (7, -2, "-3", "1"),
        (-7, -2, "3", "1"),
        (1, 0, "null", "null"),
        (i64::MIN, -1, "-9223372036854775808", "0"),
    ] {
        check(&long(left), Divide, &long(right), Long, quotient);
        check(&long(left), Modulo, &long(right), Long, remainder);
    }
    check(&int(1), Divide, &int(2), Long, "0");
}

#[test]
fn longs_wrap_and_nulls_stay() {
    check(&long(i64::MAX), Add, &long(1), Long, "-9223372036854775808");
    check(&null(Long), Add, &long(1), Long, "null");
}

#[test]
fn reals_divide_by_zero() {
    check(&real(1.0), Divide, &real(0.0), Real, "inf");
    check(&real(0.0), Divide, &real(0.0), Real, "NaN");
    check(&real(-7.5), Modulo, &real(2.0), Real, "0.5");
}

#[test]
fn decimals_keep_their_digits() {
    check(&decimal("0.1"), Add, &decimal("0.2"), Decimal, "0.3");
    check(
        &decimal("1"),
        Divide,
        &decimal("3"),
        Decimal,
        "0.333333333333333333",
    );
    check(&decimal("1"), Divide, &decimal("0"), Decimal, "null");
    check(&decimal("1.5"), Multiply, &decimal("-2"), Decimal, "-3");
}

#[test]
fn times() {
    let hour = timespan("1h");
    check(&timespan("1d"), Divide, &hour, Real, "24.0");
    check(
        &timespan("1d"),
        Multiply,
        &real(2.5),
        TimeSpan,
        "2.12:00:00",
    );
    check(&long(3), Multiply, &hour, TimeSpan, "03:00:00");
    check(
        &timespan("01:30:00"),
        Divide,
        &long(2),
        TimeSpan,
        "00:45:00",
    );
    let noon = datetime("2020-01-01 12:00");
    check(
        &noon,
        Subtract,
        &datetime("2020-01-01"),
        TimeSpan,
        "12:00:00",
    );
    check(
        &noon,
        Add,
        &timespan("1d"),
        DateTime,
        "2020-01-02T12:00:00.0000000Z",
    );
    check(&noon, Modulo, &timespan("1d"), TimeSpan, "12:00:00");
    check(
        &datetime("9999-12-31"),
        Add,
        &timespan("1tick"),
        DateTime,
        "null",
    );
}

#[test]
fn negation() {
    for (value, expected) in [
        (long(i64::MIN), "-9223372036854775808"),
        (real(1.5), "-1.5"),
        (timespan("1d"), "-1.00:00:00"),
        (decimal("1.5"), "-1.5"),
    ] {
        let got = call(&negate(value.ty), std::slice::from_ref(&value)).unwrap();
        assert_eq!(shown(&got, value.ty), expected);
    }
}
