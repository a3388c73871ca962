//! Typed columns, built from JSON values and from text.
//!
//! What a value becomes: JSON null and empty text are null, or `""` in a string column; numbers
//! and booleans may be written as text; a dynamic column takes any JSON, and reads text that is an
//! object or an array as such, since Defender exports dynamic columns as text. Anything else that
//! does not fit the column's type is an error, which never repeats the value.

use std::sync::Arc;

use arrow::array::{
    ArrayRef, BooleanBuilder, Decimal128Builder, DurationNanosecondBuilder, Float64Builder,
    Int32Builder, Int64Builder, StringViewBuilder, TimestampNanosecondBuilder,
};
use kql::types::ScalarType;
use kql_datafusion::decimal;
use kql_datafusion::types::{DECIMAL_SCALE, UTC, ticks_to_unix_ns};

use super::json_text::{append_compact, append_quoted, append_unescaped, is_structure};

/// A value that does not fit its column's type.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Mismatch;

/// A value of an input file.
#[derive(Clone, Copy, Debug)]
pub(super) enum Cell<'t> {
    /// The row has no such field.
    Missing,
    /// A JSON value as it is written.
    Json(&'t str),
    /// Text of a format without types.
    Text(&'t str),
}

/// Builds one column.
#[derive(Debug)]
pub(super) struct ColumnBuilder {
    values: Values,
    scratch: String,
}

#[derive(Debug)]
enum Values {
    Bool(BooleanBuilder),
    Int(Int32Builder),
    Long(Int64Builder),
    Real(Float64Builder),
    Decimal(Decimal128Builder),
    String(StringViewBuilder),
    DateTime(TimestampNanosecondBuilder),
    TimeSpan(DurationNanosecondBuilder),
    Guid(StringViewBuilder),
    Dynamic(StringViewBuilder),
}

impl ColumnBuilder {
    pub(super) fn new(ty: ScalarType) -> Self {
        let values = match ty {
            ScalarType::Bool => Values::Bool(BooleanBuilder::new()),
            ScalarType::Int => Values::Int(Int32Builder::new()),
            ScalarType::Long => Values::Long(Int64Builder::new()),
            ScalarType::Real => Values::Real(Float64Builder::new()),
            ScalarType::Decimal => Values::Decimal(
                Decimal128Builder::new()
                    .with_precision_and_scale(38, DECIMAL_SCALE)
                    .expect("KQL's decimal fits Arrow's"),
            ),
            ScalarType::String => Values::String(StringViewBuilder::new()),
            ScalarType::DateTime => {
                Values::DateTime(TimestampNanosecondBuilder::new().with_timezone(UTC))
            }
            ScalarType::TimeSpan => Values::TimeSpan(DurationNanosecondBuilder::new()),
            ScalarType::Guid => Values::Guid(StringViewBuilder::new()),
            ScalarType::Dynamic => Values::Dynamic(StringViewBuilder::new()),
        };
        Self {
            values,
            scratch: String::new(),
        }
    }

    /// Appends a value; one that does not fit leaves the column as it was.
    pub(super) fn append(&mut self, cell: Cell<'_>) -> Result<(), Mismatch> {
        match cell {
            Cell::Missing => self.append_missing(),
            Cell::Text(text) => return append_text(&mut self.values, text),
            Cell::Json(json) => return self.append_json(json),
        }
        Ok(())
    }

    /// Appends null, or `""` to a string column.
    pub(super) fn append_missing(&mut self) {
        match &mut self.values {
            Values::Bool(values) => values.append_null(),
            Values::Int(values) => values.append_null(),
            Values::Long(values) => values.append_null(),
            Values::Real(values) => values.append_null(),
            Values::Decimal(values) => values.append_null(),
            Values::String(values) => values.append_value(""),
            Values::DateTime(values) => values.append_null(),
            Values::TimeSpan(values) => values.append_null(),
            Values::Guid(values) | Values::Dynamic(values) => values.append_null(),
        }
    }

    fn append_json(&mut self, json: &str) -> Result<(), Mismatch> {
        let first = json.as_bytes().first().copied();
        match first {
            Some(b'"') => {
                let inner = &json[1..json.len() - 1];
                if memchr::memchr(b'\\', inner.as_bytes()).is_none() {
                    return append_text(&mut self.values, inner);
                }
                self.scratch.clear();
                append_unescaped(inner, &mut self.scratch);
                append_text(&mut self.values, &self.scratch)
            }
            Some(b'n') | None => {
                self.append_missing();
                Ok(())
            }
            Some(b'{' | b'[') => match &mut self.values {
                Values::String(values) | Values::Dynamic(values) => {
                    self.scratch.clear();
                    append_compact(json, &mut self.scratch);
                    values.append_value(&self.scratch);
                    Ok(())
                }
                _ => Err(Mismatch),
            },
            Some(_) => match &mut self.values {
                Values::String(values) | Values::Dynamic(values) => {
                    values.append_value(json);
                    Ok(())
                }
                // A bare number is no instant, no duration and no id.
                Values::DateTime(_) | Values::TimeSpan(_) | Values::Guid(_) => Err(Mismatch),
                values => append_text(values, json),
            },
        }
    }

    /// The column; the builder is empty again.
    pub(super) fn finish(&mut self) -> ArrayRef {
        match &mut self.values {
            Values::Bool(values) => Arc::new(values.finish()),
            Values::Int(values) => Arc::new(values.finish()),
            Values::Long(values) => Arc::new(values.finish()),
            Values::Real(values) => Arc::new(values.finish()),
            Values::Decimal(values) => Arc::new(values.finish()),
            Values::String(values) | Values::Guid(values) | Values::Dynamic(values) => {
                Arc::new(values.finish())
            }
            Values::DateTime(values) => Arc::new(values.finish()),
            Values::TimeSpan(values) => Arc::new(values.finish()),
        }
    }
}

fn append_text(values: &mut Values, text: &str) -> Result<(), Mismatch> {
    // Every type but string reads empty text as null.
    let trimmed = text.trim_ascii();
    let value = (!trimmed.is_empty()).then_some(trimmed);
    match values {
        Values::String(values) => values.append_value(text),
        Values::Bool(values) => values.append_option(value.map(parse_bool).transpose()?),
        Values::Int(values) => {
            let number = value.map(parse_long).transpose()?;
            let number = number.map(i32::try_from).transpose();
            values.append_option(number.map_err(|_| Mismatch)?);
        }
        Values::Long(values) => values.append_option(value.map(parse_long).transpose()?),
        Values::Real(values) => values.append_option(value.map(parse_real).transpose()?),
        Values::Decimal(values) => values.append_option(value.map(parse_decimal).transpose()?),
        Values::DateTime(values) => values.append_option(value.map(parse_datetime).transpose()?),
        Values::TimeSpan(values) => {
            let ticks = value.map(|text| kql::time::parse_timespan(text).ok_or(Mismatch));
            values.append_option(ticks.transpose()?.map(|ticks| ticks.saturating_mul(100)));
        }
        Values::Guid(values) => {
            let guid = value.map(|text| uuid::Uuid::try_parse(text).map_err(|_| Mismatch));
            values.append_option(guid.transpose()?.map(|guid| guid.hyphenated().to_string()));
        }
        Values::Dynamic(values) => match value {
            None => values.append_null(),
            Some(text) if is_structure(text) => {
                let mut compact = String::with_capacity(text.len());
                append_compact(text, &mut compact);
                values.append_value(&compact);
            }
            Some(_) => {
                let mut quoted = String::with_capacity(text.len() + 2);
                append_quoted(text, &mut quoted);
                values.append_value(&quoted);
            }
        },
    }
    Ok(())
}

fn parse_bool(text: &str) -> Result<bool, Mismatch> {
    match text {
        "true" | "True" | "TRUE" | "1" => Ok(true),
        "false" | "False" | "FALSE" | "0" => Ok(false),
        _ => Err(Mismatch),
    }
}

/// A whole number; also one written with a fraction of zeros or an exponent, and a boolean.
fn parse_long(text: &str) -> Result<i64, Mismatch> {
    if let Ok(number) = text.parse() {
        return Ok(number);
    }
    match text {
        "true" => return Ok(1),
        "false" => return Ok(0),
        _ => {}
    }
    let number: f64 = text.parse().map_err(|_| Mismatch)?;
    // Beyond 2^53 the fraction is lost, and with it whether the number is whole.
    if number.fract() == 0.0 && number.abs() <= 9_007_199_254_740_992.0 {
        Ok(number as i64)
    } else {
        Err(Mismatch)
    }
}

fn parse_real(text: &str) -> Result<f64, Mismatch> {
    text.parse().map_err(|_| Mismatch)
}

fn parse_decimal(text: &str) -> Result<i128, Mismatch> {
    decimal::unscaled(text).ok_or(Mismatch)
}

/// Nanoseconds since 1970, in whole ticks.
pub(super) fn parse_datetime(text: &str) -> Result<i64, Mismatch> {
    if let Some(nanoseconds) = parse_iso(text.as_bytes()) {
        return Ok(nanoseconds);
    }
    let ticks = kql::time::parse_datetime(text).ok_or(Mismatch)?;
    Ok(ticks_to_unix_ns(ticks))
}

/// `yyyy-MM-ddTHH:mm:ss[.fffffff]Z`, which nearly all telemetry has; `None` for anything else.
fn parse_iso(text: &[u8]) -> Option<i64> {
    let separators = text.len() >= 20
        && text[4] == b'-'
        && text[7] == b'-'
        && matches!(text[10], b'T' | b' ')
        && text[13] == b':'
        && text[16] == b':'
        && text.last() == Some(&b'Z');
    if !separators {
        return None;
    }
    let number = |from: usize, to: usize| -> Option<i64> {
        text[from..to].iter().try_fold(0, |number, byte| {
            byte.is_ascii_digit()
                .then(|| number * 10 + i64::from(byte - b'0'))
        })
    };
    let (year, month, day) = (number(0, 4)?, number(5, 7)?, number(8, 10)?);
    let (hour, minute, second) = (number(11, 13)?, number(14, 16)?, number(17, 19)?);
    // Years that saturate, and times that do not exist, are left to the general reader.
    let is_plain = (1700..2200).contains(&year)
        && (1..=12).contains(&month)
        && (1..=kql::time::days_in_month(year, month)).contains(&day)
        && hour < 24
        && minute < 60
        && second < 60;
    if !is_plain {
        return None;
    }
    let mut ticks = 0;
    let fraction = &text[19..text.len() - 1];
    if !fraction.is_empty() {
        if fraction[0] != b'.' || fraction.len() == 1 || fraction.len() > 8 {
            return None;
        }
        ticks = number(20, text.len() - 1)?;
        for _ in fraction.len()..8 {
            ticks *= 10;
        }
    }
    let days =
        kql::time::days_from_civil(year, month, day) - kql::time::days_from_civil(1970, 1, 1);
    let seconds = days * 86_400 + hour * 3_600 + minute * 60 + second;
    Some(seconds * 1_000_000_000 + ticks * 100)
}

#[cfg(test)]
mod tests {
    use arrow::util::display::{ArrayFormatter, FormatOptions};

    use super::*;

    fn json(ty: ScalarType, json: &str) -> Result<String, Mismatch> {
        let mut column = ColumnBuilder::new(ty);
        column.append(Cell::Json(json))?;
        let array = column.finish();
        let options = FormatOptions::new().with_null("null");
        let formatter = ArrayFormatter::try_new(array.as_ref(), &options).unwrap();
        Ok(formatter.value(0).to_string())
    }

    #[test]
    fn values_are_converted_to_the_type_of_their_column() {
        let cases = [
            (ScalarType::String, r#""C:\\Windows\\é""#, r"C:\Windows\é"),
            (ScalarType::String, r#""😀""#, "😀"),
            (ScalarType::String, "null", ""),
            (ScalarType::String, "12.5", "12.5"),
            (
                ScalarType::String,
                r#"{"a": [1, " x "]}"#,
                r#"{"a":[1," x "]}"#,
            ),
            (ScalarType::Int, "5985", "5985"),
            (ScalarType::Int, r#"" 7 ""#, "7"),
            (ScalarType::Int, r#""""#, "null"),
            (
                ScalarType::Long,
                "9223372036854775807",
                "9223372036854775807",
            ),
            (ScalarType::Long, "1e3", "1000"),
            (ScalarType::Long, "true", "1"),
            (ScalarType::Bool, r#""True""#, "true"),
            (ScalarType::Bool, "0", "false"),
            (ScalarType::Real, "1.5e2", "150.0"),
            (ScalarType::Decimal, "-1.5", "-1.500000000000000000"),
            (ScalarType::Decimal, "15e-1", "1.500000000000000000"),
            (
                ScalarType::DateTime,
                r#""2019-03-19T17:04:44.5950000Z""#,
                "2019-03-19T17:04:44.595Z",
            ),
            (
                ScalarType::DateTime,
                r#""2019-03-19""#,
                "2019-03-19T00:00:00Z",
            ),
            (ScalarType::Dynamic, r#""{\"a\": 1}""#, r#"{"a":1}"#),
            (ScalarType::Dynamic, r#""[]""#, "[]"),
            (ScalarType::Dynamic, r#""{not json""#, r#""{not json""#),
            (ScalarType::Dynamic, r#""""#, "null"),
            (ScalarType::Dynamic, "1", "1"),
            (
                ScalarType::Guid,
                r#""74BE27DE-1E4E-49D9-B579-FE0B331D3642""#,
                "74be27de-1e4e-49d9-b579-fe0b331d3642",
            ),
        ];
        for (ty, input, expected) in cases {
            assert_eq!(json(ty, input).as_deref(), Ok(expected), "{input} as {ty}");
        }
    }

    #[test]
    fn values_that_do_not_fit_are_refused() {
        let cases = [
            (ScalarType::Int, "2147483648"),
            (ScalarType::Int, "1.5"),
            (ScalarType::Long, r#""many""#),
            (ScalarType::Long, "[1]"),
            (ScalarType::Bool, r#""yes""#),
            (ScalarType::DateTime, "1553014484"),
            (ScalarType::DateTime, r#""2019-02-30T00:00:00Z""#),
            (ScalarType::Guid, r#""74be27de""#),
        ];
        for (ty, input) in cases {
            assert_eq!(json(ty, input), Err(Mismatch), "{input} as {ty}");
        }
    }
}
