//! The timeline of plugins that count over time: moments and spans as whole numbers, and the bins
//! that cut it.

use arrow::array::{ArrayRef, AsArray};
use arrow::datatypes::{DurationNanosecondType, Int32Type, Int64Type, TimestampNanosecondType};
use datafusion::common::ScalarValue;
use kql::time::{Civil, civil_from_ticks, ticks_from_civil};
use kql::types::{ScalarType, TICKS_PER_DAY};

use super::rows::Rows;
use crate::function::Datum;
use crate::types::{ticks_to_unix_ns, unix_ns_to_ticks};

/// What moments of a timeline are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Timeline(ScalarType);

impl Timeline {
    /// The timeline of a column; none where it cannot be cut into equal bins exactly.
    pub(crate) fn of(ty: ScalarType) -> Option<Self> {
        matches!(
            ty,
            ScalarType::Int | ScalarType::Long | ScalarType::DateTime | ScalarType::TimeSpan
        )
        .then_some(Self(ty))
    }

    /// The moments of a column, in nanoseconds where they are times.
    pub(crate) fn moments(self, rows: &Rows, column: usize) -> Vec<Option<i64>> {
        let array: &ArrayRef = rows.array(column);
        match self.0 {
            ScalarType::Int => {
                let values = array.as_primitive::<Int32Type>().iter();
                values.map(|value| value.map(i64::from)).collect()
            }
            ScalarType::DateTime => array
                .as_primitive::<TimestampNanosecondType>()
                .iter()
                .collect(),
            ScalarType::TimeSpan => array
                .as_primitive::<DurationNanosecondType>()
                .iter()
                .collect(),
            _ => array.as_primitive::<Int64Type>().iter().collect(),
        }
    }

    /// A constant that is a moment.
    pub(crate) fn moment(self, value: &ScalarValue) -> Option<i64> {
        match (self.0, value) {
            (ScalarType::DateTime, ScalarValue::TimestampNanosecond(value, _))
            | (ScalarType::TimeSpan, ScalarValue::DurationNanosecond(value)) => *value,
            (ScalarType::Int | ScalarType::Long, value) => number(value),
            _ => None,
        }
    }

    /// A constant that is a length of time.
    pub(crate) fn span(self, value: &ScalarValue) -> Option<i64> {
        match (self.0, value) {
            (
                ScalarType::DateTime | ScalarType::TimeSpan,
                ScalarValue::DurationNanosecond(value),
            ) => *value,
            (ScalarType::Int | ScalarType::Long, value) => number(value),
            _ => None,
        }
    }

    /// Whether moments are dates, so that weeks, months and years are known.
    pub(crate) fn has_calendar(self) -> bool {
        self.0 == ScalarType::DateTime
    }

    /// A moment as a value.
    pub(crate) fn datum(self, moment: i64) -> Datum<'static> {
        match self.0 {
            ScalarType::DateTime => Datum::DateTime(moment),
            ScalarType::TimeSpan => Datum::TimeSpan(moment),
            _ => Datum::Long(moment),
        }
    }
}

/// A whole number.
pub(crate) fn number(value: &ScalarValue) -> Option<i64> {
    match value {
        ScalarValue::Int32(value) => value.map(i64::from),
        ScalarValue::Int64(value) => *value,
        ScalarValue::Float64(Some(value)) if value.fract() == 0.0 => Some(*value as i64),
        _ => None,
    }
}

/// Bins of a timeline.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Bins {
    /// Of one length, from a moment on.
    Steps {
        /// Where one of them begins.
        origin: i64,
        /// Above zero.
        length: i64,
    },
    /// From Sunday on.
    Weeks,
    Months,
    Years,
}

impl Bins {
    /// Bins of one length.
    pub(crate) fn steps(origin: i64, length: i64) -> Option<Self> {
        (length > 0).then_some(Self::Steps { origin, length })
    }

    /// Bins of the calendar by name.
    pub(crate) fn named(name: &str) -> Option<Self> {
        match name {
            "week" => Some(Self::Weeks),
            "month" => Some(Self::Months),
            "year" => Some(Self::Years),
            _ => None,
        }
    }

    /// Where the bin of a moment begins.
    pub(crate) fn start(self, moment: i64) -> i64 {
        let ns = |ticks: Option<i64>| ticks.map_or(moment, ticks_to_unix_ns);
        match self {
            Self::Steps { origin, length } => {
                let moment = i128::from(moment);
                let since = (moment - i128::from(origin)).rem_euclid(i128::from(length));
                saturated(moment - since)
            }
            Self::Weeks => {
                let days = unix_ns_to_ticks(moment).div_euclid(TICKS_PER_DAY);
                // 0001-01-01 was a Monday.
                ns(Some((days - (days + 1).rem_euclid(7)) * TICKS_PER_DAY))
            }
            Self::Months => {
                let civil = civil_from_ticks(unix_ns_to_ticks(moment));
                ns(first_of(civil.year, civil.month))
            }
            Self::Years => {
                let civil = civil_from_ticks(unix_ns_to_ticks(moment));
                ns(first_of(civil.year, 1))
            }
        }
    }

    /// Where the bin begins that comes after the one that begins at `start`.
    pub(crate) fn after(self, start: i64) -> i64 {
        match self {
            Self::Steps { length, .. } => start.saturating_add(length),
            Self::Weeks => start.saturating_add(7 * TICKS_PER_DAY * 100),
            // Any moment more than a month or year on is in the next but no later one's bin.
            Self::Months => self.start(start.saturating_add(31 * TICKS_PER_DAY * 100)),
            Self::Years => self.start(start.saturating_add(366 * TICKS_PER_DAY * 100)),
        }
    }
}

fn first_of(year: i64, month: i64) -> Option<i64> {
    ticks_from_civil(Civil {
        year,
        month,
        day: 1,
        hour: 0,
        minute: 0,
        second: 0,
        tick: 0,
    })
}

fn saturated(value: i128) -> i64 {
    i64::try_from(value).unwrap_or(if value < 0 { i64::MIN } else { i64::MAX })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ns(text: &str) -> i64 {
        ticks_to_unix_ns(kql::time::parse_datetime(text).unwrap())
    }

    #[test]
    fn bins_of_the_calendar() {
        let check = |bins: Bins, moment: &str, start: &str, after: &str| {
            assert_eq!(bins.start(ns(moment)), ns(start), "{moment}");
            assert_eq!(bins.after(ns(start)), ns(after), "{moment}");
        };
        check(
            Bins::Weeks,
            "2024-05-01T12:00:00Z",
            "2024-04-28",
            "2024-05-05",
        );
        check(Bins::Weeks, "2024-04-28", "2024-04-28", "2024-05-05");
        check(
            Bins::Months,
            "2024-01-31T23:00:00Z",
            "2024-01-01",
            "2024-02-01",
        );
        check(Bins::Months, "2023-02-28", "2023-02-01", "2023-03-01");
        check(Bins::Years, "2024-12-31", "2024-01-01", "2025-01-01");
    }

    #[test]
    fn bins_begin_at_their_origin() {
        let bins = Bins::steps(3, 10).unwrap();
        assert_eq!(bins.start(2), -7);
        assert_eq!(bins.start(12), 3);
        assert_eq!(bins.after(3), 13);
        assert_eq!(Bins::steps(0, 0), None);
        assert_eq!(Bins::steps(0, i64::MAX).unwrap().start(i64::MIN), i64::MIN);
    }
}
