//! Functions of datetimes and timespans: calendar parts, starts and ends of periods, differences,
//! making and formatting. All work in Kusto's ticks; the calendar itself is `kql::time`'s.

use arrow::array::ArrayRef;
use datafusion::common::{Result, exec_err};
use kql::time::{Civil, civil_from_ticks, days_from_civil, days_in_month, ticks_from_civil};
use kql::types::{ScalarType, TICKS_AT_UNIX_EPOCH, TICKS_MAX, TICKS_PER_DAY, TICKS_PER_SECOND};

use super::arguments::Arguments;
use super::text;
use super::udf::{Evaluate, code};

const TICKS_PER_HOUR: i64 = 3600 * TICKS_PER_SECOND;
const TICKS_PER_MINUTE: i64 = 60 * TICKS_PER_SECOND;

/// Functions of times by name.
pub(super) fn find(name: &str, _: &[ScalarType]) -> Option<Evaluate> {
    if let Some(unit) = name.strip_prefix("startof").and_then(period) {
        return Some(code(move |a| boundary(a, unit, 0)));
    }
    if let Some(unit) = name.strip_prefix("endof").and_then(period) {
        return Some(code(move |a| boundary(a, unit, 1)));
    }
    if let Some(unit) = name.strip_prefix("unixtime_") {
        let ticks = match unit {
            "seconds_todatetime" => TICKS_PER_SECOND as f64,
            "milliseconds_todatetime" => 10_000.0,
            "microseconds_todatetime" => 10.0,
            "nanoseconds_todatetime" => 0.01,
            _ => return None,
        };
        return Some(code(move |a| from_unix_time(a, ticks)));
    }
    Some(match name {
        "getyear" | "year" => part_of(Part::Year),
        "getmonth" | "monthofyear" => part_of(Part::Month),
        "dayofmonth" => part_of(Part::Day),
        "dayofyear" => part_of(Part::DayOfYear),
        "hourofday" => part_of(Part::Hour),
        "week_of_year" | "weekofyear" => part_of(Part::Week),
        "dayofweek" => code(|a| {
            let times = a.datetimes_in(0);
            a.timespans(|row| Some(weekday(times.get(row)?) * TICKS_PER_DAY))
        }),
        "datetime_part" => code(datetime_part),
        "datetime_add" => code(datetime_add),
        "datetime_diff" => code(datetime_diff),
        "make_datetime" => code(make_datetime),
        "make_timespan" => code(make_timespan),
        "format_datetime" => code(format_datetime),
        "format_timespan" => code(format_timespan),
        _ => return None,
    })
}

/// A unit of `datetime_part`, `datetime_add` and `datetime_diff`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Part {
    Year,
    Quarter,
    Month,
    Week,
    Day,
    DayOfYear,
    Hour,
    Minute,
    Second,
    Millisecond,
    Microsecond,
    Nanosecond,
}

impl Part {
    fn parse(name: &str) -> Option<Self> {
        Some(match name.to_ascii_lowercase().replace('_', "").as_str() {
            "year" => Self::Year,
            "quarter" => Self::Quarter,
            "month" => Self::Month,
            "week" | "weekofyear" => Self::Week,
            "day" => Self::Day,
            "dayofyear" => Self::DayOfYear,
            "hour" => Self::Hour,
            "minute" => Self::Minute,
            "second" => Self::Second,
            "millisecond" => Self::Millisecond,
            "microsecond" => Self::Microsecond,
            "nanosecond" => Self::Nanosecond,
            _ => return None,
        })
    }

    /// Length of the unit where it is always the same and at least a tick.
    fn ticks(self) -> Option<i64> {
        Some(match self {
            Self::Week => 7 * TICKS_PER_DAY,
            Self::Day | Self::DayOfYear => TICKS_PER_DAY,
            Self::Hour => TICKS_PER_HOUR,
            Self::Minute => TICKS_PER_MINUTE,
            Self::Second => TICKS_PER_SECOND,
            Self::Millisecond => 10_000,
            Self::Microsecond => 10,
            Self::Year | Self::Quarter | Self::Month | Self::Nanosecond => return None,
        })
    }

    /// Months in the unit.
    fn months(self) -> Option<i64> {
        match self {
            Self::Year => Some(12),
            Self::Quarter => Some(3),
            Self::Month => Some(1),
            _ => None,
        }
    }
}

/// The unit that a constant argument names.
fn constant_part(arguments: &Arguments<'_>, function: &str) -> Result<Part> {
    let name = arguments.constant_text(0, function)?;
    let Some(part) = Part::parse(&name) else {
        return exec_err!("{function}: `{name}` is not a part of a datetime");
    };
    Ok(part)
}

/// Days since Sunday. The first day of the year 1 was a Monday.
fn weekday(ticks: i64) -> i64 {
    (ticks.div_euclid(TICKS_PER_DAY) + 1).rem_euclid(7)
}

fn day_of_year(civil: Civil) -> i64 {
    days_from_civil(civil.year, civil.month, civil.day) - days_from_civil(civil.year, 1, 1) + 1
}

/// The ISO 8601 week: week 1 has the year's first Thursday, and weeks begin on Mondays.
fn iso_week(ticks: i64) -> i64 {
    let monday_based = ticks.div_euclid(TICKS_PER_DAY).rem_euclid(7);
    let thursday = ticks + (3 - monday_based) * TICKS_PER_DAY;
    (day_of_year(civil_from_ticks(thursday)) - 1) / 7 + 1
}

fn part_value(part: Part, ticks: i64) -> i64 {
    let civil = civil_from_ticks(ticks);
    match part {
        Part::Year => civil.year,
        Part::Quarter => (civil.month + 2) / 3,
        Part::Month => civil.month,
        Part::Week => iso_week(ticks),
        Part::Day => civil.day,
        Part::DayOfYear => day_of_year(civil),
        Part::Hour => civil.hour,
        Part::Minute => civil.minute,
        Part::Second => civil.second,
        Part::Millisecond => civil.tick / 10_000,
        Part::Microsecond => civil.tick / 10,
        Part::Nanosecond => civil.tick * 100,
    }
}

fn part_of(part: Part) -> Evaluate {
    code(move |arguments| {
        let times = arguments.datetimes_in(0);
        arguments.longs(|row| Some(part_value(part, times.get(row)?)))
    })
}

fn datetime_part(arguments: &Arguments<'_>) -> Result<ArrayRef> {
    let part = constant_part(arguments, "datetime_part")?;
    let times = arguments.datetimes_in(1);
    arguments.longs(|row| Some(part_value(part, times.get(row)?)))
}

/// Adds months; a day that the month does not have becomes its last.
fn add_months(ticks: i64, months: i64) -> Option<i64> {
    let mut civil = civil_from_ticks(ticks);
    let month = (civil.year * 12 + civil.month - 1).checked_add(months)?;
    civil.year = month.div_euclid(12);
    civil.month = month.rem_euclid(12) + 1;
    civil.day = civil.day.min(days_in_month(civil.year, civil.month));
    ticks_from_civil(civil)
}

fn in_range(ticks: i64) -> Option<i64> {
    (0..=TICKS_MAX).contains(&ticks).then_some(ticks)
}

fn datetime_add(arguments: &Arguments<'_>) -> Result<ArrayRef> {
    let part = constant_part(arguments, "datetime_add")?;
    let (amounts, times) = (arguments.longs_in(1), arguments.datetimes_in(2));
    arguments.datetimes_ns(|row| {
        let (amount, ticks) = (amounts.get(row)?, times.get(row)?);
        let sum = if let Some(months) = part.months() {
            add_months(ticks, amount.checked_mul(months)?)?
        } else {
            let added = match part.ticks() {
                Some(unit) => amount.checked_mul(unit)?,
                None => amount / 100,
            };
            in_range(ticks.checked_add(added)?)?
        };
        // Null beyond what a datetime holds, as `+` is.
        (sum - TICKS_AT_UNIX_EPOCH).checked_mul(100)
    })
}

/// Counts the boundaries between two times, not the time that passed.
fn datetime_diff(arguments: &Arguments<'_>) -> Result<ArrayRef> {
    let part = constant_part(arguments, "datetime_diff")?;
    let index = move |ticks: i64| match part {
        Part::Year => civil_from_ticks(ticks).year,
        Part::Quarter | Part::Month => {
            let civil = civil_from_ticks(ticks);
            let month = civil.year * 12 + civil.month - 1;
            if part == Part::Month {
                month
            } else {
                month / 3
            }
        }
        Part::Week => (ticks.div_euclid(TICKS_PER_DAY) + 1).div_euclid(7),
        _ => part.ticks().map_or(ticks, |unit| ticks.div_euclid(unit)),
    };
    let (left, right) = (arguments.datetimes_in(1), arguments.datetimes_in(2));
    let scale = if part == Part::Nanosecond { 100 } else { 1 };
    arguments.longs(|row| (index(left.get(row)?) - index(right.get(row)?)).checked_mul(scale))
}

/// A period that `startof…` and `endof…` know.
fn period(name: &str) -> Option<Part> {
    Part::parse(name).filter(|_| matches!(name, "day" | "week" | "month" | "year"))
}

/// The start of the period `offset` periods away, or with `after` = 1 the last tick before the
/// start of the next.
fn boundary(arguments: &Arguments<'_>, unit: Part, after: i64) -> Result<ArrayRef> {
    let times = arguments.datetimes_in(0);
    let offsets = (arguments.len() > 1).then(|| arguments.longs_in(1));
    arguments.datetimes(|row| {
        let ticks = times.get(row)?;
        let offset = match &offsets {
            Some(offsets) => offsets.get(row)?,
            None => 0,
        };
        let start = start_of(unit, ticks, offset.checked_add(after)?)?;
        Some(start - after)
    })
}

fn start_of(unit: Part, ticks: i64, offset: i64) -> Option<i64> {
    let day = ticks - ticks.rem_euclid(TICKS_PER_DAY);
    let civil = civil_from_ticks(ticks);
    let month = |month: i64, offset: i64| {
        let index = (civil.year * 12 + month - 1).checked_add(offset)?;
        // The end of the year 9999 is the start of a year that datetimes do not have.
        let year = index.div_euclid(12);
        if !(1..=10_000).contains(&year) {
            return None;
        }
        Some(days_from_civil(year, index.rem_euclid(12) + 1, 1) * TICKS_PER_DAY)
    };
    match unit {
        Part::Day => day.checked_add(offset.checked_mul(TICKS_PER_DAY)?),
        Part::Week => {
            let sunday = day - weekday(ticks) * TICKS_PER_DAY;
            sunday.checked_add(offset.checked_mul(7 * TICKS_PER_DAY)?)
        }
        Part::Month => month(civil.month, offset),
        _ => month(1, offset.checked_mul(12)?),
    }
}

fn from_unix_time(arguments: &Arguments<'_>, ticks_per_unit: f64) -> Result<ArrayRef> {
    if arguments.ty(0).is_integer() {
        let values = arguments.longs_in(0);
        return arguments.datetimes(|row| {
            let value = i128::from(values.get(row)?);
            let ticks = if ticks_per_unit < 1.0 {
                value.div_euclid(100)
            } else {
                value * ticks_per_unit as i128
            };
            in_range(
                i64::try_from(ticks)
                    .ok()?
                    .checked_add(TICKS_AT_UNIX_EPOCH)?,
            )
        });
    }
    let values = arguments.reals_in(0);
    arguments.datetimes(|row| {
        let ticks = values.get(row)? * ticks_per_unit;
        if !ticks.is_finite() {
            return None;
        }
        in_range((ticks.round() as i64).checked_add(TICKS_AT_UNIX_EPOCH)?)
    })
}

/// Ticks of seconds that may have a fraction.
fn seconds_to_ticks(seconds: f64) -> Option<i64> {
    (0.0..60.0)
        .contains(&seconds)
        .then(|| (seconds * TICKS_PER_SECOND as f64).round() as i64)
}

/// `make_datetime(year, month, day, hour, minute, second)`; what is no date is null.
fn make_datetime(arguments: &Arguments<'_>) -> Result<ArrayRef> {
    let count = arguments.len();
    let parts: Vec<_> = (0..count.min(5))
        .map(|position| arguments.longs_in(position))
        .collect();
    let seconds = (count > 5).then(|| arguments.reals_in(5));
    arguments.datetimes(|row| {
        let part = |position: usize, default: i64| match parts.get(position) {
            Some(numbers) => numbers.get(row),
            None => Some(default),
        };
        let seconds = match &seconds {
            Some(seconds) => seconds_to_ticks(seconds.get(row)?)?,
            None => 0,
        };
        let minute = ticks_from_civil(Civil {
            year: part(0, 1)?,
            month: part(1, 1)?,
            day: part(2, 1)?,
            hour: part(3, 0)?,
            minute: part(4, 0)?,
            second: 0,
            tick: 0,
        })?;
        Some(minute + seconds)
    })
}

/// `make_timespan([day,] hour, minute [, second])`.
fn make_timespan(arguments: &Arguments<'_>) -> Result<ArrayRef> {
    let count = arguments.len();
    let first = usize::from(count > 3);
    let days = (count > 3).then(|| arguments.longs_in(0));
    let (hours, minutes) = (arguments.longs_in(first), arguments.longs_in(first + 1));
    let seconds = (count > 2).then(|| arguments.reals_in(first + 2));
    arguments.timespans(|row| {
        let days = match &days {
            Some(days) => days.get(row)?,
            None => 0,
        };
        let seconds = match &seconds {
            Some(seconds) => seconds_to_ticks(seconds.get(row)?)?,
            None => 0,
        };
        let hours = hours.get(row).filter(|hours| (0..24).contains(hours))?;
        let minutes = minutes
            .get(row)
            .filter(|minutes| (0..60).contains(minutes))?;
        days.checked_mul(TICKS_PER_DAY)?
            .checked_add(hours * TICKS_PER_HOUR + minutes * TICKS_PER_MINUTE + seconds)
    })
}

/// Splits a format into runs of one character.
fn runs(format: &str) -> impl Iterator<Item = (char, usize)> + '_ {
    let mut rest = format.chars().peekable();
    std::iter::from_fn(move || {
        let token = rest.next()?;
        let mut length = 1;
        while rest.next_if_eq(&token).is_some() {
            length += 1;
        }
        Some((token, length))
    })
}

/// Writes a number with at least `width` digits.
fn write_padded(value: i64, width: usize, out: &mut String) {
    text::write(out, format_args!("{value:0width$}"));
}

/// `f` writes digits of the fraction, `F` leaves out zeros at the end.
fn write_fraction(tick: i64, token: char, length: usize, out: &mut String) {
    let digits = format!("{tick:07}");
    let digits = &digits[..length.min(7)];
    out.push_str(if token == 'F' {
        digits.trim_end_matches('0')
    } else {
        digits
    });
}

fn format_datetime(arguments: &Arguments<'_>) -> Result<ArrayRef> {
    let (times, formats) = (arguments.datetimes_in(0), arguments.texts(1)?);
    arguments.strings(|row, out| {
        let Some(ticks) = times.get(row) else { return };
        let civil = civil_from_ticks(ticks);
        let half_day_hour = if civil.hour % 12 == 0 {
            12
        } else {
            civil.hour % 12
        };
        for (token, length) in runs(formats.text(row)) {
            let width = length.min(2);
            match token {
                'y' if length <= 2 => write_padded(civil.year % 100, length, out),
                'y' => write_padded(civil.year, length, out),
                'M' => write_padded(civil.month, width, out),
                'd' => write_padded(civil.day, width, out),
                'h' => write_padded(half_day_hour, width, out),
                'H' => write_padded(civil.hour, width, out),
                'm' => write_padded(civil.minute, width, out),
                's' => write_padded(civil.second, width, out),
                'f' | 'F' => write_fraction(civil.tick, token, length, out),
                't' => {
                    let half = if civil.hour < 12 { "AM" } else { "PM" };
                    out.push_str(&half[..width]);
                }
                other => out.extend(std::iter::repeat_n(other, length)),
            }
        }
    })
}

fn format_timespan(arguments: &Arguments<'_>) -> Result<ArrayRef> {
    let (spans, formats) = (arguments.timespans_in(0), arguments.texts(1)?);
    arguments.strings(|row, out| {
        let Some(ticks) = spans.get(row) else { return };
        if ticks < 0 {
            out.push('-');
        }
        let ticks = ticks.saturating_abs();
        for (token, length) in runs(formats.text(row)) {
            let width = length.min(2);
            match token {
                'd' => write_padded(ticks / TICKS_PER_DAY, length, out),
                'h' | 'H' => write_padded(ticks / TICKS_PER_HOUR % 24, width, out),
                'm' => write_padded(ticks / TICKS_PER_MINUTE % 60, width, out),
                's' => write_padded(ticks / TICKS_PER_SECOND % 60, width, out),
                'f' | 'F' => write_fraction(ticks % TICKS_PER_SECOND, token, length, out),
                other => out.extend(std::iter::repeat_n(other, length)),
            }
        }
    })
}

#[cfg(test)]
mod tests;
