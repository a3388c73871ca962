//! ISO 8601 intervals, as `Timespan` of hunting and `timespan` of Log Analytics have them:
//! `start/end`, `duration/end`, `start/duration`, `duration` (until now), `start` (until now).

use std::time::Duration;

use chrono::{DateTime, Days, Months, NaiveDate, NaiveDateTime, NaiveTime, TimeDelta, Utc};

/// A time that queries are confined to; either end may be open.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Span {
    pub(super) from: Option<DateTime<Utc>>,
    pub(super) to: Option<DateTime<Utc>>,
}

impl Span {
    /// Until `now`, from so long before it.
    pub(super) fn back(now: DateTime<Utc>, by: Duration) -> Self {
        let by = TimeDelta::from_std(by).unwrap_or(TimeDelta::MAX);
        Self {
            from: now.checked_sub_signed(by),
            to: None,
        }
    }

    /// What is in both.
    pub(super) fn and(self, other: Self) -> Self {
        let from = match (self.from, other.from) {
            (Some(one), Some(other)) => Some(one.max(other)),
            (one, other) => one.or(other),
        };
        let to = match (self.to, other.to) {
            (Some(one), Some(other)) => Some(one.min(other)),
            (one, other) => one.or(other),
        };
        Self { from, to }
    }

    /// Reads an interval; none if it is not one.
    pub(super) fn parse(text: &str, now: DateTime<Utc>) -> Option<Self> {
        let text = text.trim();
        let (from, to) = match text.split_once('/') {
            None => match Length::parse(text) {
                Some(length) => (length.before(now)?, now),
                None => (instant(text)?, now),
            },
            Some((first, second)) => match (Length::parse(first), Length::parse(second)) {
                (Some(_), Some(_)) => return None,
                (Some(length), None) => {
                    let end = instant(second)?;
                    (length.before(end)?, end)
                }
                (None, Some(length)) => {
                    let start = instant(first)?;
                    (start, length.after(start)?)
                }
                (None, None) => (instant(first)?, instant(second)?),
            },
        };
        let span = Self {
            from: Some(from),
            to: Some(to),
        };
        (from <= to).then_some(span)
    }
}

/// A date and time, in UTC where it has no zone, or a date.
fn instant(text: &str) -> Option<DateTime<Utc>> {
    let text = text.trim();
    if let Ok(at) = DateTime::parse_from_rfc3339(text) {
        return Some(at.with_timezone(&Utc));
    }
    for form in [
        "%Y-%m-%dT%H:%M:%S%.f",
        "%Y-%m-%d %H:%M:%S%.f",
        "%Y-%m-%dT%H:%M",
    ] {
        if let Ok(at) = NaiveDateTime::parse_from_str(text.trim_end_matches('Z'), form) {
            return Some(at.and_utc());
        }
    }
    let date = NaiveDate::parse_from_str(text, "%Y-%m-%d").ok()?;
    Some(date.and_time(NaiveTime::MIN).and_utc())
}

/// `P1Y2M3W4DT5H6M7.5S`
#[derive(Clone, Copy, Debug, Default, PartialEq)]
struct Length {
    months: u32,
    days: u64,
    seconds: f64,
}

impl Length {
    fn parse(text: &str) -> Option<Self> {
        let text = text.trim().strip_prefix(['P', 'p'])?;
        let (date, time) = match text.split_once(['T', 't']) {
            Some((date, time)) if !time.is_empty() => (date, time),
            Some(_) => return None,
            None => (text, ""),
        };
        if date.is_empty() && time.is_empty() {
            return None;
        }
        let mut length = Self::default();
        for (number, unit) in parts(date)? {
            let whole = |number: f64| (number.fract() == 0.0).then_some(number as u32);
            match unit {
                'Y' => {
                    length.months = length.months.checked_add(whole(number)?.checked_mul(12)?)?;
                }
                'M' => length.months = length.months.checked_add(whole(number)?)?,
                'W' => length.days += u64::from(whole(number)?) * 7,
                'D' => {
                    length.days += number.trunc() as u64;
                    length.seconds += number.fract() * 86_400.0;
                }
                _ => return None,
            }
        }
        for (number, unit) in parts(time)? {
            let seconds = match unit {
                'H' => 3_600.0,
                'M' => 60.0,
                'S' => 1.0,
                _ => return None,
            };
            length.seconds += number * seconds;
        }
        Some(length)
    }

    fn delta(self) -> Option<TimeDelta> {
        let duration = Duration::try_from_secs_f64(self.seconds).ok()?;
        TimeDelta::from_std(duration).ok()
    }

    fn before(self, end: DateTime<Utc>) -> Option<DateTime<Utc>> {
        end.checked_sub_months(Months::new(self.months))?
            .checked_sub_days(Days::new(self.days))?
            .checked_sub_signed(self.delta()?)
    }

    fn after(self, start: DateTime<Utc>) -> Option<DateTime<Utc>> {
        start
            .checked_add_months(Months::new(self.months))?
            .checked_add_days(Days::new(self.days))?
            .checked_add_signed(self.delta()?)
    }
}

/// Numbers with their units.
fn parts(text: &str) -> Option<Vec<(f64, char)>> {
    let mut parts = Vec::new();
    let mut number = String::new();
    for character in text.chars() {
        match character {
            '0'..='9' | '.' => number.push(character),
            ',' => number.push('.'),
            _ => {
                let value: f64 = number.parse().ok()?;
                parts.push((value, character.to_ascii_uppercase()));
                number.clear();
            }
        }
    }
    number.is_empty().then_some(parts)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(text: &str) -> DateTime<Utc> {
        text.parse().unwrap()
    }

    #[test]
    fn every_form_of_the_documentation_is_read() {
        let now = at("2026-02-20T12:00:00Z");
        for (text, from, to) in [
            (
                "2026-02-01T08:00:00Z/2026-02-15T08:00:00Z",
                "2026-02-01T08:00:00Z",
                "2026-02-15T08:00:00Z",
            ),
            (
                "P30D/2026-02-15T08:00:00Z",
                "2026-01-16T08:00:00Z",
                "2026-02-15T08:00:00Z",
            ),
            (
                "2026-02-01T08:00:00Z/P30D",
                "2026-02-01T08:00:00Z",
                "2026-03-03T08:00:00Z",
            ),
            ("P30D", "2026-01-21T12:00:00Z", "2026-02-20T12:00:00Z"),
            (
                "2026-02-01T08:00:00Z",
                "2026-02-01T08:00:00Z",
                "2026-02-20T12:00:00Z",
            ),
            ("PT12H", "2026-02-20T00:00:00Z", "2026-02-20T12:00:00Z"),
            (
                "P1Y2M3W4DT5H6M7.5S",
                "2024-11-25T06:53:52.5Z",
                "2026-02-20T12:00:00Z",
            ),
            (
                "2026-02-01/2026-02-02T01:30",
                "2026-02-01T00:00:00Z",
                "2026-02-02T01:30:00Z",
            ),
            (
                "2026-02-01T08:00:00+02:00",
                "2026-02-01T06:00:00Z",
                "2026-02-20T12:00:00Z",
            ),
            ("P1.5D", "2026-02-19T00:00:00Z", "2026-02-20T12:00:00Z"),
        ] {
            let span = Span::parse(text, now).unwrap_or_else(|| panic!("{text}"));
            assert_eq!(
                (span.from, span.to),
                (Some(at(from)), Some(at(to))),
                "{text}"
            );
        }
    }

    #[test]
    fn what_is_no_interval_is_refused_and_nothing_overflows() {
        let now = at("2026-02-20T12:00:00Z");
        for text in [
            "",
            "P",
            "PT",
            "P1",
            "1D",
            "P1X",
            "PT1D",
            "P1D/P1D",
            "x/y",
            "/",
            "2026-02-30",
            "2026-02-02T00:00:00Z/2026-02-01T00:00:00Z",
            "P999999999999D",
            "P99999999Y",
            "PT1e9S",
            "P1.5M",
            "2026-02-02T00:00:00Z/P9999999D9999999999W",
        ] {
            assert_eq!(Span::parse(text, now), None, "{text}");
        }
    }

    #[test]
    fn the_narrower_counts() {
        let now = at("2026-02-20T12:00:00Z");
        let one = Span::parse("P2D/2026-02-10T00:00:00Z", now).unwrap();
        let other = Span::parse("2026-02-09T00:00:00Z", now).unwrap();
        let both = one.and(other).and(Span::default());
        assert_eq!(both.from, Some(at("2026-02-09T00:00:00Z")));
        assert_eq!(both.to, Some(at("2026-02-10T00:00:00Z")));
    }
}
