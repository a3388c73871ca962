//! `around(value, center, delta)`.

use arrow::array::ArrayRef;
use datafusion::common::Result;
use kql::types::ScalarType;

use super::arguments::Arguments;
use super::udf::{Evaluate, code};

/// `around` by name.
pub(super) fn find(name: &str, _: &[ScalarType]) -> Option<Evaluate> {
    (name == "around").then(|| code(around))
}

/// Times compare by their ticks, integers as they are, anything else as reals. Null if any of the
/// three is.
fn around(arguments: &Arguments<'_>) -> Result<ArrayRef> {
    use ScalarType::{DateTime, Int, Long, TimeSpan};
    let types = [arguments.ty(0), arguments.ty(1), arguments.ty(2)];
    if types.contains(&DateTime) || types.contains(&TimeSpan) {
        let of_type = |position: usize| match types[position] {
            DateTime => arguments.datetimes_in(position),
            _ => arguments.timespans_in(position),
        };
        let (values, centers) = if types[0] == DateTime || types[1] == DateTime {
            (arguments.datetimes_in(0), arguments.datetimes_in(1))
        } else {
            (of_type(0), of_type(1))
        };
        let deltas = arguments.timespans_in(2);
        return arguments.bools(|row| {
            let (value, center) = (values.get(row)?, centers.get(row)?);
            within(value.into(), center.into(), deltas.get(row)?.into())
        });
    }
    if types.iter().all(|ty| matches!(ty, Int | Long)) {
        let (values, centers) = (arguments.longs_in(0), arguments.longs_in(1));
        let deltas = arguments.longs_in(2);
        return arguments.bools(|row| {
            let (value, center) = (values.get(row)?, centers.get(row)?);
            within(value.into(), center.into(), deltas.get(row)?.into())
        });
    }
    let (values, centers) = (arguments.reals_in(0), arguments.reals_in(1));
    let deltas = arguments.reals_in(2);
    arguments.bools(|row| {
        let (value, center, delta) = (values.get(row)?, centers.get(row)?, deltas.get(row)?);
        Some((center - delta..=center + delta).contains(&value))
    })
}

#[expect(
    clippy::unnecessary_wraps,
    reason = "the answer of a row, which may be null"
)]
fn within(value: i128, center: i128, delta: i128) -> Option<bool> {
    Some((center - delta..=center + delta).contains(&value))
}

#[cfg(test)]
mod tests {
    use super::super::testing::{Argument, datetime, eval, long, null, real, timespan};
    use super::*;

    fn check(arguments: &[Argument], expected: &str) {
        let actual = eval("around", ScalarType::Bool, arguments);
        assert_eq!(actual, expected, "{arguments:?}");
    }

    #[test]
    fn both_ends_are_within() {
        let center = datetime("2021-01-01 01:30");
        for (time, expected) in [
            ("2021-01-01 01:28:59", "False"),
            ("2021-01-01 01:29", "True"),
            ("2021-01-01 01:31", "True"),
            ("2021-01-01 01:31:00.0000001", "False"),
        ] {
            check(&[datetime(time), center.clone(), timespan("1m")], expected);
        }
        check(&[long(100), long(99), long(2)], "True");
        check(&[long(i64::MAX), long(i64::MAX), long(i64::MAX)], "True");
        check(&[real(1.5), long(1), real(0.4)], "False");
        check(&[timespan("3h"), timespan("1h"), timespan("2h")], "True");
        check(&[long(1), null(ScalarType::Long), long(1)], "null");
    }
}
