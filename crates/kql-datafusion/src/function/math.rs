//! Functions of numbers and bits, and `bin()`, which rounds times as well.

use std::ops::RangeInclusive;
use std::sync::Arc;

use arrow::array::{Array, ArrayRef, TimestampNanosecondArray};
use datafusion::common::Result;
use kql::types::ScalarType;

use super::arguments::{Arguments, Input};
use super::udf::{Evaluate, code};
use crate::types::{UTC, ticks_to_unix_ns, unix_ns_to_ticks};

/// Numeric functions by name.
pub(super) fn find(name: &str, arguments: &[ScalarType]) -> Option<Evaluate> {
    Some(match name {
        "bin" | "floor" if arguments.len() == 2 => code(|a| bin(a, None)),
        "bin_at" => code(|a| bin(a, Some(2))),
        "abs" => code(abs),
        "round" => code(round),
        "sign" => map(|x| {
            if x == 0.0 {
                Some(0.0)
            } else {
                Some(x.signum())
            }
        }),
        "ceiling" => map(|x| Some(x.ceil())),
        "sqrt" => map(|x| Some(x.sqrt())),
        "exp" => map(|x| Some(x.exp())),
        "exp2" => map(|x| Some(x.exp2())),
        "exp10" => map(|x| Some(10_f64.powf(x))),
        "log" => map(|x| logarithm(x, f64::ln)),
        "log2" => map(|x| logarithm(x, f64::log2)),
        "log10" => map(|x| logarithm(x, f64::log10)),
        "sin" => map(|x| Some(x.sin())),
        "cos" => map(|x| Some(x.cos())),
        "tan" => map(|x| Some(x.tan())),
        "cot" => map(|x| Some(x.tan().recip())),
        "asin" => map(|x| Some(x.asin())),
        "acos" => map(|x| Some(x.acos())),
        "atan" => map(|x| Some(x.atan())),
        "radians" => map(|x| Some(x.to_radians())),
        "degrees" => map(|x| Some(x.to_degrees())),
        "pow" => map2(f64::powf),
        "atan2" => map2(f64::atan2),
        "pi" => code(|a| a.reals(|_| Some(std::f64::consts::PI))),
        "isnan" => test(f64::is_nan),
        "isinf" => test(f64::is_infinite),
        "isfinite" => test(f64::is_finite),
        "binary_and" => bits(|a, b| Some(a & b)),
        "binary_or" => bits(|a, b| Some(a | b)),
        "binary_xor" => bits(|a, b| Some(a ^ b)),
        // Shifts count modulo the width, and a negative count is null.
        "binary_shift_left" => bits(|a, b| (b >= 0).then(|| a.wrapping_shl(b as u32))),
        "binary_shift_right" => bits(|a, b| (b >= 0).then(|| a.wrapping_shr(b as u32))),
        "binary_not" => code(|a| {
            let values = a.longs_in(0);
            a.longs(|row| Some(!values.get(row)?))
        }),
        "bitset_count_ones" => code(|a| {
            let values = a.longs_in(0);
            a.longs(|row| Some(i64::from(values.get(row)?.count_ones())))
        }),
        _ => return None,
    })
}

fn map(function: fn(f64) -> Option<f64>) -> Evaluate {
    code(move |arguments| {
        let values = arguments.reals_in(0);
        arguments.reals(|row| function(values.get(row)?))
    })
}

fn map2(function: fn(f64, f64) -> f64) -> Evaluate {
    code(move |arguments| {
        let (left, right) = (arguments.reals_in(0), arguments.reals_in(1));
        arguments.reals(|row| Some(function(left.get(row)?, right.get(row)?)))
    })
}

fn test(function: fn(f64) -> bool) -> Evaluate {
    code(move |arguments| {
        let values = arguments.reals_in(0);
        arguments.bools(|row| values.get(row).map(function))
    })
}

fn bits(function: fn(i64, i64) -> Option<i64>) -> Evaluate {
    code(move |arguments| {
        let (left, right) = (arguments.longs_in(0), arguments.longs_in(1));
        arguments.longs(|row| function(left.get(row)?, right.get(row)?))
    })
}

/// The logarithm of a negative number is null, of zero minus infinity.
fn logarithm(value: f64, function: fn(f64) -> f64) -> Option<f64> {
    if value < 0.0 {
        None
    } else {
        Some(function(value))
    }
}

fn abs(arguments: &Arguments<'_>) -> Result<ArrayRef> {
    match arguments.result {
        ScalarType::TimeSpan => {
            let spans = arguments.timespans_in(0);
            arguments.timespans(|row| spans.get(row)?.checked_abs())
        }
        ScalarType::Decimal => {
            let input = arguments.input(0);
            arguments.decimals(|row| Some(input.get(row).to_decimal()?.abs()))
        }
        ScalarType::Real => {
            let values = arguments.reals_in(0);
            arguments.reals(|row| Some(values.get(row)?.abs()))
        }
        _ => {
            let values = arguments.longs_in(0);
            arguments.longs(|row| Some(values.get(row)?.wrapping_abs()))
        }
    }
}

/// Halves round away from zero; a negative precision rounds to tens, hundreds and so on.
fn round(arguments: &Arguments<'_>) -> Result<ArrayRef> {
    let values = arguments.reals_in(0);
    let precisions = (arguments.len() > 1).then(|| arguments.longs_in(1));
    arguments.reals(|row| {
        let value = values.get(row)?;
        let precision = match &precisions {
            Some(precisions) => precisions.get(row)?.clamp(-300, 300),
            None => 0,
        };
        let factor = 10_f64.powi(precision.unsigned_abs() as i32);
        let rounded = if precision < 0 {
            (value / factor).round() * factor
        } else {
            (value * factor).round() / factor
        };
        Some(if rounded.is_finite() { rounded } else { value })
    })
}

/// The starts of the bins of `size` ticks that instants are in. Events come roughly in the order
/// of their times, so that most are in the bin of the one before.
fn bin_instants(instants: &TimestampNanosecondArray, size: i64) -> ArrayRef {
    let mut bin = 0_i64;
    // The bin of the row before, if its start and end are instants.
    let mut known: Option<RangeInclusive<i64>> = None;
    let bins = instants.values().iter().map(|instant| {
        if !known.as_ref().is_some_and(|known| known.contains(instant)) {
            let ticks = unix_ns_to_ticks(*instant);
            let start = ticks - ticks.rem_euclid(size);
            bin = ticks_to_unix_ns(start);
            let end = start.checked_add(size).map(ticks_to_unix_ns);
            known = (unix_ns_to_ticks(bin) == start)
                .then(|| bin..=end.unwrap_or(bin).saturating_sub(1));
        }
        bin
    });
    let bins = TimestampNanosecondArray::new(bins.collect(), instants.nulls().cloned());
    Arc::new(bins.with_timezone(UTC))
}

/// `bin(value, size)` and `bin_at(value, size, fixed)`: rounds down to a multiple of the size,
/// counted from the fixed point; a size that is not positive is null.
fn bin(arguments: &Arguments<'_>, fixed: Option<usize>) -> Result<ArrayRef> {
    if fixed.is_none()
        && let (Input::DateTime(instants, false), Input::TimeSpan(size, true)) =
            (arguments.input(0), arguments.input(1))
        && size.is_valid(0)
        && size.value(0) >= 100
    {
        return Ok(bin_instants(&instants, size.value(0) / 100));
    }
    let floor = |value: i64, size: i64, fixed: i64| {
        if size <= 0 {
            return None;
        }
        let offset = value.checked_sub(fixed)?.rem_euclid(size);
        value.checked_sub(offset)
    };
    match arguments.result {
        ScalarType::DateTime => {
            let (values, sizes) = (arguments.datetimes_in(0), arguments.timespans_in(1));
            let fixed = fixed.map(|position| arguments.datetimes_in(position));
            arguments.datetimes(|row| {
                let fixed = fixed.as_ref().map_or(Some(0), |fixed| fixed.get(row))?;
                floor(values.get(row)?, sizes.get(row)?, fixed).filter(|ticks| *ticks >= 0)
            })
        }
        ScalarType::TimeSpan => {
            let (values, sizes) = (arguments.timespans_in(0), arguments.timespans_in(1));
            let fixed = fixed.map(|position| arguments.timespans_in(position));
            arguments.timespans(|row| {
                let fixed = fixed.as_ref().map_or(Some(0), |fixed| fixed.get(row))?;
                floor(values.get(row)?, sizes.get(row)?, fixed)
            })
        }
        ScalarType::Int | ScalarType::Long => {
            let (values, sizes) = (arguments.longs_in(0), arguments.longs_in(1));
            let fixed = fixed.map(|position| arguments.longs_in(position));
            arguments.longs(|row| {
                let fixed = fixed.as_ref().map_or(Some(0), |fixed| fixed.get(row))?;
                floor(values.get(row)?, sizes.get(row)?, fixed)
            })
        }
        _ => {
            let (values, sizes) = (arguments.reals_in(0), arguments.reals_in(1));
            let fixed = fixed.map(|position| arguments.reals_in(position));
            arguments.reals(|row| {
                let (value, size) = (values.get(row)?, sizes.get(row)?);
                let fixed = fixed.as_ref().map_or(Some(0.0), |fixed| fixed.get(row))?;
                (size > 0.0).then(|| ((value - fixed) / size).floor() * size + fixed)
            })
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::testing::{Argument, datetime, eval, long, null, real, timespan};
    use super::*;
    use ScalarType::{Bool, DateTime, Long, Real};

    fn check(name: &str, result: ScalarType, arguments: &[Argument], expected: &str) {
        assert_eq!(
            eval(name, result, arguments),
            expected,
            "{name} {arguments:?}"
        );
    }

    #[test]
    fn bins_round_down() {
        check("bin", Long, &[long(5), long(2)], "4");
        check("bin", Long, &[long(-5), long(2)], "-6");
        check("bin", Long, &[long(5), long(0)], "null");
        check("bin", Real, &[real(-5.5), real(2.0)], "-6.0");
        check("bin_at", Real, &[real(6.5), real(2.5), real(7.0)], "4.5");
    }

    #[test]
    fn bins_of_times_count_from_year_one() {
        for (value, size, expected) in [
            ("1955-11-05", "7d", "1955-10-31T00:00:00.0000000Z"),
            ("1969-12-31 23:30:00", "1h", "1969-12-31T23:00:00.0000000Z"),
        ] {
            check(
                "bin",
                DateTime,
                &[datetime(value), timespan(size)],
                expected,
            );
        }
        let fixed = [
            datetime("1955-11-05 06:15"),
            timespan("3h"),
            datetime("1955-11-05 00:30"),
        ];
        check("bin_at", DateTime, &fixed, "1955-11-05T03:30:00.0000000Z");
    }

    #[test]
    fn logarithms_and_roots_of_negative_numbers() {
        check("log", Real, &[real(-1.0)], "null");
        check("log", Real, &[real(0.0)], "-inf");
        check("sqrt", Real, &[real(-1.0)], "NaN");
        check("exp", Real, &[real(1000.0)], "inf");
    }

    #[test]
    fn rounding_halves_away_from_zero() {
        check("round", Real, &[real(2.5)], "3.0");
        check("round", Real, &[real(-0.5)], "-1.0");
        check("round", Real, &[real(1.256), long(2)], "1.26");
        check("round", Real, &[real(1234.0), long(-2)], "1200.0");
        check("ceiling", Real, &[real(-1.1)], "-1.0");
    }

    #[test]
    fn signs_and_bits() {
        check("sign", Real, &[long(-5)], "-1.0");
        check("abs", Long, &[long(-5)], "5");
        check("binary_xor", Long, &[long(6), long(3)], "5");
        check("binary_shift_left", Long, &[long(1), long(4)], "16");
        check("bitset_count_ones", Long, &[long(42)], "3");
        check("isnan", Bool, &[null(Real)], "null");
    }
}
