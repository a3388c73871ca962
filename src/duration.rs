//! Durations as people write them: `30s`, `15m`, `1h`, `2d`, and sums such as `1h30m`.
//!
//! Used by hunt files, the configuration and every text that shows a duration.

use std::fmt;
use std::str::FromStr;
use std::time::Duration;

use chrono::TimeDelta;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// A duration that is read from and written as text.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Debug, Default)]
pub struct DurationText(pub Duration);

/// A text that is no duration.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is not a duration: write a number and a unit, such as 30s, 15m, 1h or 2d")]
pub struct InvalidDuration(pub String);

/// Units, greatest first, with their milliseconds.
const UNITS: [(&str, u64); 5] = [
    ("d", 86_400_000),
    ("h", 3_600_000),
    ("m", 60_000),
    ("s", 1_000),
    ("ms", 1),
];
/// A hundred years: what is longer is a mistake, and would leave the calendar.
const MILLISECONDS_MAX: u64 = 36_525 * 86_400_000;

impl DurationText {
    /// The same as a signed difference of instants.
    pub fn delta(self) -> TimeDelta {
        TimeDelta::from_std(self.0).expect("a text holds at most a hundred years")
    }
}

impl FromStr for DurationText {
    type Err = InvalidDuration;

    fn from_str(text: &str) -> Result<Self, InvalidDuration> {
        let invalid = || InvalidDuration(text.to_owned());
        let mut rest = text.trim();
        if rest == "0" {
            return Ok(Self(Duration::ZERO));
        }
        if rest.is_empty() {
            return Err(invalid());
        }
        let mut total: u64 = 0;
        while !rest.is_empty() {
            let digits = rest.len() - rest.trim_start_matches(|c: char| c.is_ascii_digit()).len();
            let (number, tail) = rest.split_at(digits);
            let letters = tail.len()
                - tail
                    .trim_start_matches(|c: char| c.is_ascii_alphabetic())
                    .len();
            let (unit, tail) = tail.split_at(letters);
            let number: u64 = number.parse().map_err(|_| invalid())?;
            let (_, length) = UNITS
                .into_iter()
                .find(|(name, _)| *name == unit)
                .ok_or_else(invalid)?;
            total = number
                .checked_mul(length)
                .and_then(|part| total.checked_add(part))
                .filter(|sum| *sum <= MILLISECONDS_MAX)
                .ok_or_else(invalid)?;
            rest = tail.trim_start();
        }
        Ok(Self(Duration::from_millis(total)))
    }
}

impl fmt::Display for DurationText {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut rest = self.0.as_millis();
        if rest == 0 {
            return f.write_str("0s");
        }
        for (unit, length) in UNITS {
            let length = u128::from(length);
            if rest >= length {
                write!(f, "{}{unit}", rest / length)?;
                rest %= length;
            }
        }
        Ok(())
    }
}

impl Serialize for DurationText {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for DurationText {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        text.parse().map_err(serde::de::Error::custom)
    }
}

impl schemars::JsonSchema for DurationText {
    fn schema_name() -> std::borrow::Cow<'static, str> {
        "Duration".into()
    }

    fn json_schema(_: &mut schemars::SchemaGenerator) -> schemars::Schema {
        schemars::json_schema!({
            "type": "string",
            "format": "duration-text",
            "description": "A duration such as 30s, 15m, 1h, 2d or 1h30m.",
            "pattern": r"^\s*(0|(\d+\s*(ms|s|m|h|d)\s*)+)\s*$",
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn texts_become_durations_and_back() {
        for (text, seconds, shown) in [
            ("30s", 30, "30s"),
            ("15m", 900, "15m"),
            ("1h", 3600, "1h"),
            ("2d", 172_800, "2d"),
            ("1h 30m", 5400, "1h30m"),
            ("90m", 5400, "1h30m"),
            ("0", 0, "0s"),
            ("24h", 86_400, "1d"),
        ] {
            let duration: DurationText = text.parse().unwrap();
            assert_eq!(duration.0, Duration::from_secs(seconds), "{text}");
            assert_eq!(duration.to_string(), shown);
        }
    }

    #[test]
    fn other_texts_are_refused() {
        for text in [
            "",
            "5",
            "m",
            "5 minutes",
            "-1h",
            "1.5h",
            "99999999999999999999d",
            "200000d",
        ] {
            assert!(text.parse::<DurationText>().is_err(), "{text}");
        }
    }
}
