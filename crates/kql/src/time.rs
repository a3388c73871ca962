//! Kusto's times as text: datetimes and timespans read and written as the language does, over
//! ticks of 100 ns. Calendars are proleptic Gregorian and always UTC.

mod datetime;
mod timespan;

#[cfg(test)]
mod tests;

pub use datetime::{
    Civil, civil_from_ticks, days_from_civil, days_in_month, format_datetime, parse_datetime,
    ticks_from_civil,
};
pub use timespan::{format_timespan, parse_timespan, unit_nanoseconds};

/// Reads up to seven digits of a second's fraction as ticks; further digits are cut off.
fn fraction_ticks(digits: &str) -> Option<i64> {
    if digits.is_empty() || !digits.bytes().all(|byte| byte.is_ascii_digit()) {
        return None;
    }
    let padded: String = digits
        .chars()
        .chain(std::iter::repeat('0'))
        .take(7)
        .collect();
    padded.parse().ok()
}
