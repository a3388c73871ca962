//! One value of a row → the Arrow array of its column.

use std::sync::Arc;

use arrow::array::{
    ArrayRef, BooleanBuilder, Decimal128Builder, DurationNanosecondBuilder, Float64Builder,
    Int32Builder, Int64Builder, StringViewBuilder, TimestampNanosecondBuilder,
};
use kql::types::ScalarType;
use kql_datafusion::decimal;
use kql_datafusion::types::{DECIMAL_SCALE, UTC};

use super::scan::{Flaw, number_end, value_end};
use super::text::{append_compact, append_mended, append_unescaped, has_surrogate, quoted};
use super::time::unix_nanoseconds;

/// Digits of an Arrow decimal.
const DECIMAL_PRECISION: u8 = 38;

/// Bytes of text that are asked for at once: a chunk has little text for each of many columns.
const TEXT_BLOCK_BYTES: u32 = 8 << 10;

/// Values of one column, growing.
pub(super) enum Cells {
    Bool(BooleanBuilder),
    Int(Int32Builder),
    Long(Int64Builder),
    Real(Float64Builder),
    Decimal(Decimal128Builder),
    Text(StringViewBuilder),
    DateTime(TimestampNanosecondBuilder),
    TimeSpan(DurationNanosecondBuilder),
    Guid(StringViewBuilder),
    Dynamic(StringViewBuilder),
}

fn texts(rows: usize) -> StringViewBuilder {
    StringViewBuilder::with_capacity(rows).with_fixed_block_size(TEXT_BLOCK_BYTES)
}

/// A JSON value, its strings without escapes.
enum Token<'t> {
    Null,
    Bool(bool),
    /// The digits.
    Number(&'t str),
    /// What it says.
    Text(&'t str),
    /// An object or an array.
    Nested(&'t str),
}

impl Cells {
    pub(super) fn new(ty: ScalarType, rows: usize) -> Self {
        match ty {
            ScalarType::Bool => Self::Bool(BooleanBuilder::with_capacity(rows)),
            ScalarType::Int => Self::Int(Int32Builder::with_capacity(rows)),
            ScalarType::Long => Self::Long(Int64Builder::with_capacity(rows)),
            ScalarType::Real => Self::Real(Float64Builder::with_capacity(rows)),
            ScalarType::Decimal => {
                let builder = Decimal128Builder::with_capacity(rows);
                let builder = builder.with_precision_and_scale(DECIMAL_PRECISION, DECIMAL_SCALE);
                Self::Decimal(builder.expect("the scale is less than the precision"))
            }
            ScalarType::String => Self::Text(texts(rows)),
            ScalarType::DateTime => {
                Self::DateTime(TimestampNanosecondBuilder::with_capacity(rows).with_timezone(UTC))
            }
            ScalarType::TimeSpan => Self::TimeSpan(DurationNanosecondBuilder::with_capacity(rows)),
            ScalarType::Guid => Self::Guid(texts(rows)),
            ScalarType::Dynamic => Self::Dynamic(texts(rows)),
        }
    }

    pub(super) fn finish(self) -> ArrayRef {
        match self {
            Self::Bool(mut builder) => Arc::new(builder.finish()),
            Self::Int(mut builder) => Arc::new(builder.finish()),
            Self::Long(mut builder) => Arc::new(builder.finish()),
            Self::Real(mut builder) => Arc::new(builder.finish()),
            Self::Decimal(mut builder) => Arc::new(builder.finish()),
            Self::DateTime(mut builder) => Arc::new(builder.finish()),
            Self::TimeSpan(mut builder) => Arc::new(builder.finish()),
            Self::Text(mut builder) | Self::Guid(mut builder) | Self::Dynamic(mut builder) => {
                Arc::new(builder.finish())
            }
        }
    }

    pub(super) fn append_null(&mut self) {
        match self {
            Self::Bool(builder) => builder.append_null(),
            Self::Int(builder) => builder.append_null(),
            Self::Long(builder) => builder.append_null(),
            Self::Real(builder) => builder.append_null(),
            Self::Decimal(builder) => builder.append_null(),
            Self::DateTime(builder) => builder.append_null(),
            Self::TimeSpan(builder) => builder.append_null(),
            // Strings have no null in KQL.
            Self::Text(builder) => builder.append_value(""),
            Self::Guid(builder) | Self::Dynamic(builder) => builder.append_null(),
        }
    }

    /// Appends the value that begins at `at`; the position behind it. `scratch` is for strings
    /// with escapes.
    #[inline]
    pub(super) fn read(
        &mut self,
        text: &str,
        at: usize,
        scratch: &mut String,
    ) -> Result<usize, Flaw> {
        let bytes = text.as_bytes();
        let first = bytes.get(at).copied();
        // The common cases, without a token in between.
        match self {
            Self::Text(builder) if first == Some(b'"') => {
                let string =
                    quoted(bytes, at + 1).ok_or(Flaw::Malformed(at, "a string does not end"))?;
                let inner = &text[at + 1..string.close];
                if string.is_escaped {
                    builder.append_value(unescaped(inner, at, scratch)?);
                } else {
                    builder.append_value(inner);
                }
                return Ok(string.close + 1);
            }
            Self::Long(builder) => {
                if let Some((value, end)) = whole_number(bytes, at) {
                    builder.append_value(value);
                    return Ok(end);
                }
            }
            _ => {}
        }
        let (token, end) = token(text, at, scratch)?;
        self.append(&token)?;
        Ok(end)
    }

    fn append(&mut self, token: &Token<'_>) -> Result<(), Flaw> {
        match (&mut *self, token) {
            (_, Token::Null) => self.append_null(),
            (Self::Text(builder), token) => append_as_text(builder, token),
            (Self::Dynamic(builder), token) => append_dynamic(builder, token),
            (_, Token::Text("")) => self.append_null(),
            (Self::Bool(builder), token) => builder.append_value(truth(token)?),
            (Self::Int(builder), Token::Number(text) | Token::Text(text)) => {
                let value = integer(text).and_then(|value| i32::try_from(value).ok());
                builder.append_value(value.ok_or(Flaw::Misfit)?);
            }
            (Self::Long(builder), Token::Number(text) | Token::Text(text)) => {
                builder.append_value(integer(text).ok_or(Flaw::Misfit)?);
            }
            (Self::Real(builder), Token::Number(text) | Token::Text(text)) => {
                builder.append_value(real(text).ok_or(Flaw::Misfit)?);
            }
            (Self::Decimal(builder), Token::Number(text) | Token::Text(text)) => {
                builder.append_value(decimal::unscaled(text).ok_or(Flaw::Misfit)?);
            }
            (Self::DateTime(builder), Token::Text(text)) => {
                builder.append_value(unix_nanoseconds(text).ok_or(Flaw::Misfit)?);
            }
            (Self::TimeSpan(builder), Token::Text(text)) => {
                let ticks = kql::time::parse_timespan(text).ok_or(Flaw::Misfit)?;
                builder.append_value(ticks.saturating_mul(100));
            }
            (Self::Guid(builder), Token::Text(text)) => {
                let guid = uuid::Uuid::try_parse(text).map_err(|_| Flaw::Misfit)?;
                let mut buffer = uuid::Uuid::encode_buffer();
                builder.append_value(guid.hyphenated().encode_lower(&mut buffer));
            }
            _ => return Err(Flaw::Misfit),
        }
        Ok(())
    }
}

/// The value that begins at `at`, and the position behind it.
fn token<'t>(
    text: &'t str,
    at: usize,
    scratch: &'t mut String,
) -> Result<(Token<'t>, usize), Flaw> {
    let bytes = text.as_bytes();
    Ok(match bytes.get(at) {
        Some(b'"') => {
            let string =
                quoted(bytes, at + 1).ok_or(Flaw::Malformed(at, "a string does not end"))?;
            let inner = &text[at + 1..string.close];
            let inner = if string.is_escaped {
                unescaped(inner, at, scratch)?
            } else {
                inner
            };
            (Token::Text(inner), string.close + 1)
        }
        Some(b'-' | b'0'..=b'9') => {
            let end = number_end(bytes, at)?;
            (Token::Number(&text[at..end]), end)
        }
        Some(b'{' | b'[') => {
            let end = value_end(bytes, at)?;
            (Token::Nested(&text[at..end]), end)
        }
        Some(b'n') if bytes[at..].starts_with(b"null") => (Token::Null, at + 4),
        Some(b't') if bytes[at..].starts_with(b"true") => (Token::Bool(true), at + 4),
        Some(b'f') if bytes[at..].starts_with(b"false") => (Token::Bool(false), at + 5),
        _ => return Err(Flaw::Malformed(at, "a value is missing")),
    })
}

fn unescaped<'s>(inner: &str, at: usize, scratch: &'s mut String) -> Result<&'s str, Flaw> {
    scratch.clear();
    append_unescaped(inner, scratch)
        .map_err(|()| Flaw::Malformed(at, "a string has an escape that there is not"))?;
    Ok(scratch)
}

/// A number of up to 18 digits without point and exponent.
fn whole_number(bytes: &[u8], at: usize) -> Option<(i64, usize)> {
    let is_negative = bytes.get(at) == Some(&b'-');
    let start = at + usize::from(is_negative);
    let mut value = 0_i64;
    let mut end = start;
    while let Some(byte) = bytes.get(end) {
        let digit = byte.wrapping_sub(b'0');
        if digit > 9 {
            break;
        }
        if end - start == 18 {
            return None;
        }
        value = value * 10 + i64::from(digit);
        end += 1;
    }
    let is_whole = end > start && !matches!(bytes.get(end), Some(b'.' | b'e' | b'E'));
    let has_leading_zero = end > start + 1 && bytes[start] == b'0';
    (is_whole && !has_leading_zero).then_some((if is_negative { -value } else { value }, end))
}

/// An integer, which may be written as a real one without a fraction.
fn integer(text: &str) -> Option<i64> {
    /// From here on, not every integer is a real.
    const EXACT_MAX: f64 = 9_007_199_254_740_992.0;
    let text = text.trim();
    if let Ok(value) = text.parse() {
        return Some(value);
    }
    let is_digits = text.bytes().all(|byte| b"+-.0123456789eE".contains(&byte));
    let value: f64 = text.parse().ok().filter(|_| is_digits)?;
    (value.fract() == 0.0 && value.abs() < EXACT_MAX).then_some(value as i64)
}

fn real(text: &str) -> Option<f64> {
    match text.trim() {
        "∞" => Some(f64::INFINITY),
        "-∞" => Some(f64::NEG_INFINITY),
        text => text.parse().ok(),
    }
}

fn truth(token: &Token<'_>) -> Result<bool, Flaw> {
    match token {
        Token::Bool(value) => Ok(*value),
        Token::Number(text) | Token::Text(text) => match text.trim() {
            "1" => Ok(true),
            "0" => Ok(false),
            word if word.eq_ignore_ascii_case("true") => Ok(true),
            word if word.eq_ignore_ascii_case("false") => Ok(false),
            _ => Err(Flaw::Misfit),
        },
        _ => Err(Flaw::Misfit),
    }
}

fn append_as_text(builder: &mut StringViewBuilder, token: &Token<'_>) {
    match token {
        Token::Null => builder.append_value(""),
        Token::Bool(value) => builder.append_value(if *value { "true" } else { "false" }),
        Token::Number(text) | Token::Text(text) => builder.append_value(text),
        Token::Nested(json) => append_nested(builder, json),
    }
}

fn append_dynamic(builder: &mut StringViewBuilder, token: &Token<'_>) {
    match token {
        Token::Null => builder.append_null(),
        Token::Bool(value) => builder.append_value(if *value { "true" } else { "false" }),
        Token::Number(text) => builder.append_value(text),
        Token::Nested(json) => append_nested(builder, json),
        Token::Text(text) => {
            let trimmed = text.trim_matches([' ', '\t', '\n', '\r']);
            if trimmed.is_empty() {
                builder.append_null();
                return;
            }
            let may_be_json = trimmed.starts_with(['{', '[', '"']);
            let is_json = may_be_json && value_end(trimmed.as_bytes(), 0) == Ok(trimmed.len());
            if is_json {
                append_nested(builder, trimmed);
            } else {
                builder.append_value(serde_json::Value::from(*text).to_string());
            }
        }
    }
}

/// Appends a valid value as JSON that any reader takes, without white space between its parts.
fn append_nested(builder: &mut StringViewBuilder, json: &str) {
    // The least byte, which is quickly found, tells of spaces and of control characters.
    let least = json.bytes().fold(u8::MAX, u8::min);
    let is_sound = least >= b' ' && !has_surrogate(json);
    if is_sound && least > b' ' {
        builder.append_value(json);
        return;
    }
    let mut out = String::with_capacity(json.len());
    if is_sound {
        append_compact(json, &mut out);
    } else {
        append_mended(json, &mut out);
    }
    builder.append_value(out);
}
