//! One value of any KQL type, borrowed from an array, and the conversions between the types
//! (`toint()`, `tostring()`, …). A conversion that fails gives `None`, which becomes null.

use kql::time;
use kql::types::{ScalarType, TICKS_MAX};

use super::json::{self, Kind};
use super::text;
use crate::types::unix_ns_to_ticks;

/// The first real that no long reaches.
const LONG_LIMIT: f64 = 9_223_372_036_854_775_808.0;

/// A value.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Datum<'a> {
    Null,
    Bool(bool),
    Int(i32),
    Long(i64),
    Real(f64),
    /// Unscaled.
    Decimal(i128),
    /// Of a decimal without a fraction, which may be too large for the others.
    WholeDecimal(i128),
    String(&'a str),
    /// Nanoseconds since 1970.
    DateTime(i64),
    /// Nanoseconds.
    TimeSpan(i64),
    Guid(&'a str),
    /// Compact JSON.
    Dynamic(&'a str),
}

#[expect(
    clippy::redundant_closure_for_method_calls,
    reason = "a method of `Datum<'a>` is a function for one lifetime, not for all"
)]
impl Datum<'_> {
    /// Whether it is null. A string never is.
    pub(crate) fn is_null(&self) -> bool {
        match self {
            Self::Null => true,
            Self::Dynamic(json) => json::kind(json) == Kind::Null,
            _ => false,
        }
    }

    pub(crate) fn to_bool(self) -> Option<bool> {
        match self {
            Self::Bool(value) => Some(value),
            Self::Int(value) => Some(value != 0),
            Self::Long(value) => Some(value != 0),
            Self::Real(value) => Some(value != 0.0),
            Self::Decimal(value) | Self::WholeDecimal(value) => Some(value != 0),
            Self::String(value) => text::parse_bool(value),
            Self::Dynamic(value) => of_json(value, |datum| datum.to_bool()),
            Self::Null | Self::DateTime(_) | Self::TimeSpan(_) | Self::Guid(_) => None,
        }
    }

    /// Longs wrap into 32 bits, reals are cut off; text that does not fit is null. A real in a
    /// dynamic that is too large becomes the largest int, one that is typed wraps as its long.
    pub(crate) fn to_int(self) -> Option<i32> {
        match self {
            Self::String(value) => i32::try_from(text::parse_long(value)?).ok(),
            Self::Dynamic(value) => of_json(value, |datum| match datum {
                Datum::Real(real) => real.is_finite().then_some(real as i32),
                datum => datum.to_int(),
            }),
            other => other.to_long().map(|value| value as i32),
        }
    }

    /// Datetimes and timespans are their ticks. A typed real beyond the range of longs is the
    /// smallest of them, as the processor's conversion has it; one in a dynamic the nearest.
    pub(crate) fn to_long(self) -> Option<i64> {
        match self {
            Self::Bool(value) => Some(i64::from(value)),
            Self::Int(value) => Some(i64::from(value)),
            Self::Long(value) => Some(value),
            Self::Real(value) if value.is_finite() && value.abs() >= LONG_LIMIT => Some(i64::MIN),
            Self::Real(value) => value.is_finite().then_some(value as i64),
            Self::Decimal(value) => i64::try_from(value / text::DECIMAL_ONE).ok(),
            Self::WholeDecimal(value) => i64::try_from(value).ok(),
            Self::String(value) => text::parse_long(value),
            Self::DateTime(ns) => Some(unix_ns_to_ticks(ns)),
            Self::TimeSpan(ns) => Some(ns / 100),
            Self::Dynamic(value) => of_json(value, |datum| match datum {
                Datum::Real(real) => real.is_finite().then_some(real as i64),
                datum => datum.to_long(),
            }),
            Self::Null | Self::Guid(_) => None,
        }
    }

    pub(crate) fn to_real(self) -> Option<f64> {
        match self {
            Self::Real(value) => Some(value),
            Self::Decimal(value) => Some(text::real_of_decimal(value)),
            Self::WholeDecimal(value) => Some(value as f64),
            Self::String(value) => text::parse_real(value),
            Self::Dynamic(value) => of_json(value, |datum| datum.to_real()),
            other => other.to_long().map(|value| value as f64),
        }
    }

    /// The unscaled decimal; none for one that is too large.
    pub(crate) fn to_decimal(self) -> Option<i128> {
        match self {
            Self::Decimal(value) => Some(value),
            Self::WholeDecimal(value) => value
                .checked_mul(text::DECIMAL_ONE)
                .filter(|unscaled| unscaled.abs() < text::DECIMAL_LIMIT),
            Self::Real(value) => text::decimal_of_real(value),
            Self::String(value) => text::parse_decimal(value),
            Self::Dynamic(value) => of_json(value, |datum| datum.to_decimal()),
            other => i128::from(other.to_long()?).checked_mul(text::DECIMAL_ONE),
        }
    }

    /// A number that equal decimals share and no others, however they are stored: those that are
    /// too large for an unscaled decimal come behind the largest of them.
    pub(crate) fn decimal_number(self) -> Option<i128> {
        match self {
            Self::WholeDecimal(value) => self
                .to_decimal()
                .or_else(|| value.checked_add(text::DECIMAL_LIMIT * value.signum())),
            other => other.to_decimal(),
        }
    }

    /// Ticks since 0001.
    pub(crate) fn to_datetime(self) -> Option<i64> {
        let ticks = match self {
            Self::DateTime(ns) => unix_ns_to_ticks(ns),
            Self::String(value) => time::parse_datetime(value)?,
            Self::Dynamic(value) => of_json(value, |datum| datum.to_datetime())?,
            Self::Int(_)
            | Self::Long(_)
            | Self::Real(_)
            | Self::Decimal(_)
            | Self::WholeDecimal(_) => self.to_long()?,
            Self::Null | Self::Bool(_) | Self::TimeSpan(_) | Self::Guid(_) => return None,
        };
        (0..=TICKS_MAX).contains(&ticks).then_some(ticks)
    }

    /// Ticks.
    pub(crate) fn to_timespan(self) -> Option<i64> {
        match self {
            Self::TimeSpan(ns) => Some(ns / 100),
            Self::String(value) => time::parse_timespan(value),
            Self::Dynamic(value) => of_json(value, |datum| datum.to_timespan()),
            Self::Int(_)
            | Self::Long(_)
            | Self::Real(_)
            | Self::Decimal(_)
            | Self::WholeDecimal(_) => self.to_long(),
            Self::Null | Self::Bool(_) | Self::DateTime(_) | Self::Guid(_) => None,
        }
    }

    /// Writes the guid, lower-case and hyphenated.
    pub(crate) fn write_guid(self, out: &mut String) -> Option<()> {
        match self {
            Self::Guid(value) => out.push_str(value),
            Self::String(value) => return text::write_guid(value, out),
            Self::Dynamic(value) if json::kind(value) == Kind::String => {
                return text::write_guid(&json::unescape(value.trim_ascii()), out);
            }
            _ => return None,
        }
        Some(())
    }

    /// Writes the string form; nothing for null.
    pub(crate) fn write_text(self, out: &mut String) {
        match self {
            Self::Null => {}
            Self::Bool(value) => out.push_str(if value { "True" } else { "False" }),
            Self::Int(value) => text::write(out, format_args!("{value}")),
            Self::Long(value) => text::write(out, format_args!("{value}")),
            Self::Real(value) => text::write_real(value, out),
            Self::Decimal(value) => text::write_decimal(value, out),
            Self::WholeDecimal(value) => text::write(out, format_args!("{value}")),
            Self::String(value) | Self::Guid(value) => out.push_str(value),
            Self::DateTime(ns) => out.push_str(&time::format_datetime(unix_ns_to_ticks(ns))),
            Self::TimeSpan(ns) => out.push_str(&time::format_timespan(ns / 100)),
            Self::Dynamic(value) => json::write_text(value, out),
        }
    }

    /// Writes the value as JSON: strings, times and guids quoted, null as `null`.
    pub(crate) fn write_json(self, out: &mut String) {
        match self {
            Self::Null => out.push_str("null"),
            Self::Bool(value) => out.push_str(if value { "true" } else { "false" }),
            Self::Real(value) => json::write_real(value, out),
            Self::String(value) => json::write_string(value, out),
            Self::Dynamic(value) => out.push_str(value),
            Self::DateTime(_)
            | Self::TimeSpan(_)
            | Self::Guid(_)
            | Self::Decimal(_)
            | Self::WholeDecimal(_) => {
                out.push('"');
                self.write_text(out);
                out.push('"');
            }
            Self::Int(_) | Self::Long(_) => self.write_text(out),
        }
    }

    /// What `gettype()` says, but for dynamics the name of what they hold.
    pub(crate) fn type_name(self, ty: ScalarType) -> &'static str {
        match self {
            Self::Dynamic(json) => match json::kind(json) {
                Kind::Null => "null",
                Kind::Bool => "bool",
                Kind::Long => "long",
                Kind::Real => "double",
                Kind::String => "string",
                Kind::Array => "array",
                Kind::Bag => "dictionary",
            },
            Self::Null if ty == ScalarType::Dynamic => "null",
            _ => ty.as_str(),
        }
    }
}

/// Converts the scalar that a JSON value holds; arrays, bags and nulls convert to nothing.
fn of_json<T>(json: &str, convert: impl Fn(Datum<'_>) -> Option<T>) -> Option<T> {
    match json::kind(json) {
        Kind::String => convert(Datum::String(&json::unescape(json.trim_ascii()))),
        Kind::Bool => convert(Datum::Bool(json.trim_ascii_start().starts_with('t'))),
        Kind::Real => convert(Datum::Real(json.trim_ascii().parse().ok()?)),
        Kind::Long => match json.trim_ascii().parse() {
            Ok(value) => convert(Datum::Long(value)),
            Err(_) => convert(Datum::Real(json.trim_ascii().parse().ok()?)),
        },
        Kind::Null | Kind::Array | Kind::Bag => None,
    }
}
