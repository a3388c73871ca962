//! Timespans as text: `1.02:03:04.5`, `90m`, `2 hours`.

use crate::types::{TICKS_PER_DAY, TICKS_PER_SECOND};

use super::fraction_ticks;

const NANOSECONDS_PER_TICK: i128 = 100;

/// Length of a unit of time by its name in a literal (`d`, `hours`, `ms`, `tick`, …).
pub fn unit_nanoseconds(name: &str) -> Option<i64> {
    const SECOND: i64 = 1_000_000_000;
    Some(match name {
        "d" | "day" | "days" => 86_400 * SECOND,
        "h" | "hr" | "hrs" | "hour" | "hours" => 3_600 * SECOND,
        "m" | "min" | "minute" | "minutes" => 60 * SECOND,
        "s" | "sec" | "second" | "seconds" => SECOND,
        "ms" | "milli" | "millis" | "millisec" | "millisecond" | "milliseconds" => 1_000_000,
        "micro" | "micros" | "microsec" | "microsecond" | "microseconds" => 1_000,
        "nano" | "nanos" | "nanosec" | "nanosecond" | "nanoseconds" => 1,
        "tick" | "ticks" => 100,
        _ => return None,
    })
}

/// Reads a timespan: `[-][d.]hh:mm[:ss[.fffffff]]`, a number with a unit (`1.5h`, `2 seconds`),
/// or a bare number of days. `None` if it is none, or beyond the range.
pub fn parse_timespan(text: &str) -> Option<i64> {
    let text = text.trim();
    let (negative, unsigned) = match text.strip_prefix('-') {
        Some(rest) => (true, rest.trim_start()),
        None => (false, text.strip_prefix('+').unwrap_or(text)),
    };
    let ticks = if unsigned.contains(':') {
        clock(unsigned)?
    } else {
        quantity(unsigned)?
    };
    i64::try_from(if negative { -ticks } else { ticks }).ok()
}

fn number(text: &str) -> Option<i64> {
    let is_number = (1..=10).contains(&text.len()) && text.bytes().all(|b| b.is_ascii_digit());
    is_number.then(|| text.parse().ok()).flatten()
}

/// `[d.]hh:mm[:ss[.fffffff]]`
fn clock(text: &str) -> Option<i128> {
    let mut parts = text.split(':');
    let first = parts.next()?;
    let minutes = number(parts.next()?)?;
    let (seconds, fraction) = match parts.next() {
        None => (0, 0),
        Some(part) => match part.split_once('.') {
            Some((seconds, fraction)) => (number(seconds)?, fraction_ticks(fraction)?),
            None => (number(part)?, 0),
        },
    };
    if parts.next().is_some() {
        return None;
    }
    let (days, hours) = match first.split_once('.') {
        Some((days, hours)) => (number(days)?, number(hours)?),
        None => (0, number(first)?),
    };
    if hours > 23 || minutes > 59 || seconds > 59 {
        return None;
    }
    let seconds = hours * 3_600 + minutes * 60 + seconds;
    let within_day = i128::from(seconds * TICKS_PER_SECOND + fraction);
    Some(i128::from(days) * i128::from(TICKS_PER_DAY) + within_day)
}

/// A number with a unit, or a number of days.
fn quantity(text: &str) -> Option<i128> {
    let digits_end = text
        .find(|c: char| !(c.is_ascii_digit() || c == '.'))
        .unwrap_or(text.len());
    let (number, unit) = text.split_at(digits_end);
    let unit = unit.trim();
    let unit = if unit.is_empty() { "d" } else { unit };
    let nanoseconds = i128::from(unit_nanoseconds(unit)?);
    let (whole, fraction) = number.split_once('.').unwrap_or((number, ""));
    let digits = format!("{whole}{fraction}");
    if whole.is_empty() || fraction.len() > 15 {
        return None;
    }
    let scale = 10_i128.pow(fraction.len() as u32) * NANOSECONDS_PER_TICK;
    let mantissa: i128 = digits.parse().ok()?;
    Some(mantissa.checked_mul(nanoseconds)? / scale)
}

/// Writes a timespan as Kusto prints it: `[-][d.]hh:mm:ss[.fffffff]`.
pub fn format_timespan(ticks: i64) -> String {
    let sign = if ticks < 0 { "-" } else { "" };
    let ticks = ticks.unsigned_abs();
    let per_second = TICKS_PER_SECOND as u64;
    let seconds = ticks / per_second;
    let fraction = ticks % per_second;
    let (days, within_day) = (seconds / 86_400, seconds % 86_400);
    let (hours, minutes) = (within_day / 3_600, within_day / 60 % 60);
    let days = match days {
        0 => String::new(),
        days => format!("{days}."),
    };
    let fraction = match fraction {
        0 => String::new(),
        fraction => format!(".{fraction:07}"),
    };
    let seconds = seconds % 60;
    format!("{sign}{days}{hours:02}:{minutes:02}:{seconds:02}{fraction}")
}
