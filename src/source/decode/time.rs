//! Datetimes as services write them, read digit by digit; all other forms as KQL reads them.

use kql_datafusion::types::ticks_to_unix_ns;

/// Days from 1970-01-01 to the first of each month of a year that begins in March.
const DAYS_BEFORE_MONTH: [i64; 12] = [0, 31, 61, 92, 122, 153, 184, 214, 245, 275, 306, 337];

/// Nanoseconds since 1970 of a datetime; saturated beyond the years that Arrow holds.
pub(super) fn unix_nanoseconds(text: &str) -> Option<i64> {
    iso(text.as_bytes()).or_else(|| kql::time::parse_datetime(text).map(ticks_to_unix_ns))
}

/// `yyyy-MM-ddTHH:mm:ss[.f…][Z]` within 1678 to 2261, digits of less than 100 ns cut off.
fn iso(text: &[u8]) -> Option<i64> {
    let (head, rest) = text.split_at_checked(19)?;
    let punctuation = [head[4], head[7], head[10], head[13], head[16]];
    if punctuation != *b"--T::" {
        return None;
    }
    let two = |at: usize| Some(digit(head[at])? * 10 + digit(head[at + 1])?);
    let year = two(0)? * 100 + two(2)?;
    let (month, day) = (two(5)?, two(8)?);
    let (hour, minute, second) = (two(11)?, two(14)?, two(17)?);
    let is_valid = (1678..=2261).contains(&year)
        && (1..=12).contains(&month)
        && (1..=28).contains(&day.min(28))
        && (day <= 28 || day <= kql::time::days_in_month(year, month))
        && hour < 24
        && minute < 60
        && second < 60;
    if !is_valid {
        return None;
    }
    let fraction = match rest {
        [] | [b'Z'] => 0,
        [b'.', digits @ ..] => ticks(digits.strip_suffix(b"Z").unwrap_or(digits))?,
        _ => return None,
    };
    // Years are counted from March, so that the leap day is the last of its year.
    let from_march = usize::try_from((month + 9) % 12).ok()?;
    let year = if month <= 2 { year - 1 } else { year };
    let leap_days = year / 4 - year / 100 + year / 400;
    let days = year * 365 + leap_days + DAYS_BEFORE_MONTH[from_march] + day - 719_469;
    let seconds = days * 86_400 + hour * 3_600 + minute * 60 + second;
    Some(seconds * 1_000_000_000 + fraction * 100)
}

fn digit(byte: u8) -> Option<i64> {
    let digit = byte.wrapping_sub(b'0');
    (digit < 10).then_some(i64::from(digit))
}

/// The first seven digits of a second's fraction.
fn ticks(digits: &[u8]) -> Option<i64> {
    if digits.is_empty() {
        return None;
    }
    let mut ticks = 0;
    for at in 0..digits.len().max(7) {
        let value = match digits.get(at) {
            Some(byte) => digit(*byte)?,
            None => 0,
        };
        if at < 7 {
            ticks = ticks * 10 + value;
        }
    }
    Some(ticks)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_quick_reader_agrees_with_the_language() {
        let dates = [
            "1970-01-01",
            "2000-02-29",
            "2026-03-01",
            "1999-12-31",
            "2026-02-28",
            "2100-03-01",
            "1678-01-01",
            "2261-12-31",
            "2024-02-29",
        ];
        for date in dates {
            for time in ["00:00:00", "23:59:59", "04:05:06.7", "04:05:06.7890123"] {
                for zone in ["", "Z"] {
                    let text = format!("{date}T{time}{zone}");
                    let expected = kql::time::parse_datetime(&text).map(ticks_to_unix_ns);
                    assert!(expected.is_some(), "{text}");
                    assert_eq!(iso(text.as_bytes()), expected, "{text}");
                }
            }
        }
        let long = unix_nanoseconds("2026-02-03T04:05:06.789012349Z");
        assert_eq!(long, iso(b"2026-02-03T04:05:06.7890123Z"));
        let offset = unix_nanoseconds("2026-02-03T04:05:06.7890123+02:00");
        assert_eq!(offset, iso(b"2026-02-03T02:05:06.7890123Z"));
        assert_eq!(unix_nanoseconds("0001-01-01T00:00:00Z"), Some(i64::MIN));
        for wrong in [
            "2026-02-30T00:00:00Z",
            "2026-02-03T24:00:00Z",
            "soon",
            "2026-02-03T00:00:00.Z",
        ] {
            assert_eq!(unix_nanoseconds(wrong), None, "{wrong}");
        }
    }
}
