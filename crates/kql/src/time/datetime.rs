//! Datetimes as text, and the civil calendar behind them.
//!
//! Read are ISO 8601 in its usual forms, the dates of mail headers (RFC 822 and 850), and
//! month/day/year. Offsets are converted to UTC; what has none is UTC.

use crate::types::{TICKS_MAX, TICKS_PER_DAY, TICKS_PER_SECOND};

use super::fraction_ticks;

const TICKS_PER_MINUTE: i64 = 60 * TICKS_PER_SECOND;
/// Days from 0000-03-01, where the calendar's cycle of 400 years begins, to 0001-01-01.
const DAYS_TO_YEAR_ONE: i64 = 306;

/// A datetime by its calendar parts.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Civil {
    /// 1 to 9999.
    pub year: i64,
    /// 1 to 12.
    pub month: i64,
    /// 1 to 31.
    pub day: i64,
    /// 0 to 23.
    pub hour: i64,
    /// 0 to 59.
    pub minute: i64,
    /// 0 to 59.
    pub second: i64,
    /// Ticks within the second.
    pub tick: i64,
}

/// Days from 0001-01-01 to a day of the proleptic Gregorian calendar.
pub fn days_from_civil(year: i64, month: i64, day: i64) -> i64 {
    // Years are counted from March, so that the leap day is the last of its year.
    let year = if month <= 2 { year - 1 } else { year };
    let era = year.div_euclid(400);
    let year_of_era = year.rem_euclid(400);
    let month_from_march = (month + 9) % 12;
    let day_of_year = (153 * month_from_march + 2) / 5 + day - 1;
    let day_of_era = year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year;
    era * 146_097 + day_of_era - DAYS_TO_YEAR_ONE
}

/// Days of a month.
pub fn days_in_month(year: i64, month: i64) -> i64 {
    match month {
        2 if year % 4 == 0 && (year % 100 != 0 || year % 400 == 0) => 29,
        2 => 28,
        4 | 6 | 9 | 11 => 30,
        _ => 31,
    }
}

/// The calendar parts of a datetime in ticks.
pub fn civil_from_ticks(ticks: i64) -> Civil {
    let days = ticks.div_euclid(TICKS_PER_DAY);
    let within_day = ticks.rem_euclid(TICKS_PER_DAY);
    let shifted = days + DAYS_TO_YEAR_ONE;
    let era = shifted.div_euclid(146_097);
    let day_of_era = shifted.rem_euclid(146_097);
    let year_of_era =
        (day_of_era - day_of_era / 1_460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let month_from_march = (5 * day_of_year + 2) / 153;
    let day = day_of_year - (153 * month_from_march + 2) / 5 + 1;
    let month = (month_from_march + 2) % 12 + 1;
    let year = year_of_era + era * 400 + i64::from(month <= 2);
    let seconds = within_day / TICKS_PER_SECOND;
    Civil {
        year,
        month,
        day,
        hour: seconds / 3_600,
        minute: seconds / 60 % 60,
        second: seconds % 60,
        tick: within_day % TICKS_PER_SECOND,
    }
}

/// Ticks of a datetime by its parts; `None` if there is no such day or time.
pub fn ticks_from_civil(civil: Civil) -> Option<i64> {
    let valid = (1..=9999).contains(&civil.year)
        && (1..=12).contains(&civil.month)
        && (1..=days_in_month(civil.year, civil.month)).contains(&civil.day)
        && (0..24).contains(&civil.hour)
        && (0..60).contains(&civil.minute)
        && (0..60).contains(&civil.second)
        && (0..TICKS_PER_SECOND).contains(&civil.tick);
    if !valid {
        return None;
    }
    let days = days_from_civil(civil.year, civil.month, civil.day);
    let seconds = civil.hour * 3_600 + civil.minute * 60 + civil.second;
    Some(days * TICKS_PER_DAY + seconds * TICKS_PER_SECOND + civil.tick)
}

/// Writes a datetime as `yyyy-MM-ddTHH:mm:ss.fffffffZ`.
pub fn format_datetime(ticks: i64) -> String {
    let Civil {
        year,
        month,
        day,
        hour,
        minute,
        second,
        tick,
    } = civil_from_ticks(ticks);
    let parts = [
        (0, 4, year),
        (5, 7, month),
        (8, 10, day),
        (11, 13, hour),
        (14, 16, minute),
        (17, 19, second),
        (20, 27, tick),
    ];
    let mut bytes = b"0000-00-00T00:00:00.0000000Z".to_vec();
    for (start, end, mut value) in parts {
        for digit in bytes[start..end].iter_mut().rev() {
            *digit = b'0' + (value % 10) as u8;
            value /= 10;
        }
    }
    String::from_utf8(bytes).expect("digits are UTF-8")
}

/// A date and time of day without its offset, and what text is left.
struct Parts<'t> {
    date: (i64, i64, i64),
    rest: &'t str,
}

/// Reads a datetime; `None` if it is none, or outside the years 1 to 9999.
pub fn parse_datetime(text: &str) -> Option<i64> {
    let text = text.trim();
    let Parts { date, rest } = iso_date(text)
        .or_else(|| month_first_date(text))
        .or_else(|| mail_date(text))?;
    let (time_of_day, rest) = time_of_day(rest)?;
    let offset_minutes = offset(rest)?;
    let (year, month, day) = date;
    let midnight = ticks_from_civil(Civil {
        year,
        month,
        day,
        hour: 0,
        minute: 0,
        second: 0,
        tick: 0,
    })?;
    let ticks = midnight
        .checked_add(time_of_day)?
        .checked_sub(offset_minutes * TICKS_PER_MINUTE)?;
    (0..=TICKS_MAX).contains(&ticks).then_some(ticks)
}

/// The leading digits of `text`, their count between `least` and `most`, and the rest.
fn digits(text: &str, least: usize, most: usize) -> Option<(i64, &str)> {
    let count = text.bytes().take_while(u8::is_ascii_digit).count();
    if !(least..=most).contains(&count) {
        return None;
    }
    let (number, rest) = text.split_at(count);
    Some((number.parse().ok()?, rest))
}

/// What separates the parts of a date.
fn separator(text: &str) -> Option<&'static str> {
    ["-", "/", ".", ", "]
        .into_iter()
        .find(|separator| text.starts_with(separator))
}

/// `yyyy`, `yyyy-MM`, `yyyy-MM-dd`, `yyyy/MM/dd`, `yyyy, MM, dd`, `yyyyMMdd`
fn iso_date(text: &str) -> Option<Parts<'_>> {
    if let Some((compact, rest)) = digits(text, 8, 8) {
        let date = (compact / 10_000, compact / 100 % 100, compact % 100);
        return Some(Parts { date, rest });
    }
    let (year, rest) = digits(text, 4, 4)?;
    if rest.is_empty() {
        let date = (year, 1, 1);
        return Some(Parts { date, rest });
    }
    let separator = separator(rest)?;
    let (month, rest) = digits(&rest[separator.len()..], 1, 2)?;
    let Some(rest) = rest.strip_prefix(separator) else {
        let date = (year, month, 1);
        return Some(Parts { date, rest });
    };
    let (day, rest) = digits(rest, 1, 2)?;
    let date = (year, month, day);
    Some(Parts { date, rest })
}

/// `MM/dd/yyyy`, `MM-dd-yyyy`
fn month_first_date(text: &str) -> Option<Parts<'_>> {
    let (month, rest) = digits(text, 1, 2)?;
    let separator = separator(rest)?;
    let (day, rest) = digits(&rest[separator.len()..], 1, 2)?;
    let rest = rest.strip_prefix(separator)?;
    let (year, rest) = digits(rest, 2, 4)?;
    let date = (full_year(year), month, day);
    Some(Parts { date, rest })
}

fn full_year(year: i64) -> i64 {
    match year {
        0..=49 => 2000 + year,
        50..=99 => 1900 + year,
        _ => year,
    }
}

/// `Sat, 8 Nov 14`, `Saturday, 08-Nov-14`, `8 November 2014`, `Nov 8, 2014`
fn mail_date(text: &str) -> Option<Parts<'_>> {
    let text = match text.split_once(',') {
        Some((weekday, rest)) if is_weekday(weekday) => rest.trim_start(),
        _ => text,
    };
    let separators = [' ', '-', ','];
    if let Some((month, rest)) = month_name(text) {
        let (day, rest) = digits(rest.trim_start_matches(separators), 1, 2)?;
        let (year, rest) = digits(rest.trim_start_matches(separators), 4, 4)?;
        let date = (year, month, day);
        return Some(Parts { date, rest });
    }
    let (day, rest) = digits(text, 1, 2)?;
    let (month, rest) = month_name(rest.trim_start_matches(separators))?;
    let (year, rest) = digits(rest.trim_start_matches(separators), 2, 4)?;
    let date = (full_year(year), month, day);
    Some(Parts { date, rest })
}

fn is_weekday(word: &str) -> bool {
    const DAYS: [&str; 7] = ["mon", "tue", "wed", "thu", "fri", "sat", "sun"];
    let word = word.trim().to_ascii_lowercase();
    word.get(..3).is_some_and(|start| DAYS.contains(&start))
}

fn month_name(text: &str) -> Option<(i64, &str)> {
    const MONTHS: [&str; 12] = [
        "january",
        "february",
        "march",
        "april",
        "may",
        "june",
        "july",
        "august",
        "september",
        "october",
        "november",
        "december",
    ];
    let length = text.bytes().take_while(u8::is_ascii_alphabetic).count();
    let (word, rest) = text.split_at(length);
    let word = word.to_ascii_lowercase();
    let is_meant = |name: &str| word.len() >= 3 && name.starts_with(&word);
    let index = MONTHS.iter().position(|name| is_meant(name))?;
    Some((index as i64 + 1, rest))
}

/// `HH:mm[:ss[.fffffff]] [AM|PM]` behind a `T` or spaces, as ticks, and the rest.
fn time_of_day(text: &str) -> Option<(i64, &str)> {
    let text = text.trim_start();
    let text = text.strip_prefix(['T', 't']).unwrap_or(text);
    if !text.starts_with(|c: char| c.is_ascii_digit()) {
        return Some((0, text));
    }
    let (mut hour, rest) = digits(text, 1, 2)?;
    let mut minute = 0;
    let mut second = 0;
    let mut tick = 0;
    let mut rest = rest;
    if let Some(after) = rest.strip_prefix(':') {
        (minute, rest) = digits(after, 1, 2)?;
        if let Some(after) = rest.strip_prefix(':') {
            (second, rest) = digits(after, 1, 2)?;
            if let Some(after) = rest.strip_prefix('.') {
                let count = after.bytes().take_while(u8::is_ascii_digit).count();
                tick = fraction_ticks(&after[..count])?;
                rest = &after[count..];
            }
        }
    } else if !is_half_day(rest) {
        return None;
    }
    if is_half_day(rest) {
        let half = rest.trim_start().as_bytes()[0].to_ascii_lowercase();
        if !(1..=12).contains(&hour) {
            return None;
        }
        hour = hour % 12 + if half == b'p' { 12 } else { 0 };
        rest = &rest.trim_start()[2..];
    }
    if hour > 23 || minute > 59 || second > 59 {
        return None;
    }
    let seconds = hour * 3_600 + minute * 60 + second;
    Some((seconds * TICKS_PER_SECOND + tick, rest))
}

fn is_half_day(text: &str) -> bool {
    let word = text.trim_start();
    word.eq_ignore_ascii_case("am") || word.eq_ignore_ascii_case("pm")
}

/// `Z`, `GMT`, `UTC`, `+02:00`, `-0800` or nothing, as minutes east of Greenwich.
fn offset(text: &str) -> Option<i64> {
    let text = text.trim();
    let word = text.to_ascii_uppercase();
    if matches!(word.as_str(), "" | "Z" | "GMT" | "UTC" | "UT") {
        return Some(0);
    }
    let (sign, rest) = match text.strip_prefix('-') {
        Some(rest) => (-1, rest),
        None => (1, text.strip_prefix('+')?),
    };
    let (hours, minutes) = match rest.split_once(':') {
        Some((hours, minutes)) => (digits(hours, 1, 2)?, digits(minutes, 2, 2)?),
        None if rest.len() == 4 && rest.is_ascii() => {
            (digits(&rest[..2], 2, 2)?, digits(&rest[2..], 2, 2)?)
        }
        None => (digits(rest, 1, 2)?, (0, "")),
    };
    let is_offset = hours.1.is_empty() && minutes.1.is_empty() && hours.0 <= 14 && minutes.0 <= 59;
    is_offset.then_some(sign * (hours.0 * 60 + minutes.0))
}
