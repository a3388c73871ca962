//! Rows as JSON and as text: for `query --format ndjson`, for tables on a terminal, CSV and mail.
//!
//! Datetimes are ISO 8601 with seven digits and `Z`, timespans what Kusto prints, dynamics nested
//! JSON, reals that JSON has no number for their names, null null.

use std::fmt::Write;

use arrow::array::{Array, AsArray, RecordBatch};
use arrow::datatypes::{
    DataType, Decimal128Type, DurationNanosecondType, Float64Type, Int32Type, Int64Type,
    TimestampNanosecondType,
};
use kql::time::{format_datetime, format_timespan};
use kql::types::{ScalarType, Schema};
use serde_json::{Map, Number, Value};

use crate::function::json::write_string;
use crate::types::{arrow_type, is_stored_as, unix_ns_to_ticks};

/// Whether `column` is stored as values of `ty` are.
fn holds(column: &dyn Array, ty: ScalarType) -> bool {
    match (column.data_type(), arrow_type(ty)) {
        (DataType::Timestamp(unit, _), DataType::Timestamp(expected, _)) => *unit == expected,
        (actual, _) => is_stored_as(ty, actual),
    }
}

/// The rows of a batch of the schema, each a list of cells in column order.
pub fn rows(batch: &RecordBatch, schema: &Schema) -> Vec<Vec<Value>> {
    (0..batch.num_rows())
        .map(|row| {
            schema
                .columns()
                .iter()
                .zip(batch.columns())
                .map(|(column, array)| cell(array, column.ty, row))
                .collect()
        })
        .collect()
}

/// One row as an object, columns in order.
pub fn object(batch: &RecordBatch, schema: &Schema, row: usize) -> Map<String, Value> {
    schema
        .columns()
        .iter()
        .zip(batch.columns())
        .map(|(column, array)| (column.name.to_string(), cell(array, column.ty, row)))
        .collect()
}

/// Appends one row as a JSON object, columns in order.
pub fn write_object(batch: &RecordBatch, schema: &Schema, row: usize, out: &mut String) {
    out.push('{');
    let columns = schema.columns().iter().zip(batch.columns());
    for (position, (column, array)) in columns.enumerate() {
        if position > 0 {
            out.push(',');
        }
        write_string(&column.name, out);
        out.push(':');
        write_cell(array, column.ty, row, out);
    }
    out.push('}');
}

/// Appends one cell as JSON: what [`cell`] is, without making it first.
fn write_cell(array: &dyn Array, ty: ScalarType, row: usize, out: &mut String) {
    let is_there = holds(array, ty) && !array.is_null(row);
    let written = match ty {
        ScalarType::Long if is_there => {
            write!(out, "{}", array.as_primitive::<Int64Type>().value(row))
        }
        ScalarType::String | ScalarType::Guid if is_there => {
            write_string(array.as_string_view().value(row), out);
            Ok(())
        }
        ScalarType::DateTime | ScalarType::TimeSpan if is_there => {
            write!(out, "\"{}\"", text(array, ty, row))
        }
        _ => write!(out, "{}", cell(array, ty, row)),
    };
    written.expect("writing to a string does not fail");
}

/// One cell as JSON.
pub fn cell(array: &dyn Array, ty: ScalarType, row: usize) -> Value {
    if !holds(array, ty) || array.is_null(row) {
        return if ty == ScalarType::String {
            Value::from("")
        } else {
            Value::Null
        };
    }
    match ty {
        ScalarType::Bool => Value::Bool(array.as_boolean().value(row)),
        ScalarType::Int => Value::from(array.as_primitive::<Int32Type>().value(row)),
        ScalarType::Long => Value::from(array.as_primitive::<Int64Type>().value(row)),
        ScalarType::Real => real(array.as_primitive::<Float64Type>().value(row)),
        ScalarType::Dynamic => {
            let json = array.as_string_view().value(row);
            serde_json::from_str(json).unwrap_or_else(|_| Value::from(json))
        }
        _ => Value::String(text(array, ty, row)),
    }
}

fn real(value: f64) -> Value {
    Number::from_f64(value).map_or_else(|| Value::from(real_name(value)), Value::Number)
}

fn real_name(value: f64) -> &'static str {
    if value.is_nan() {
        "NaN"
    } else if value > 0.0 {
        "Infinity"
    } else {
        "-Infinity"
    }
}

/// One cell as text; null is nothing, a dynamic is its JSON, a dynamic string the string.
pub fn text(array: &dyn Array, ty: ScalarType, row: usize) -> String {
    if !holds(array, ty) || array.is_null(row) {
        return String::new();
    }
    match ty {
        ScalarType::Bool => array.as_boolean().value(row).to_string(),
        ScalarType::Int => array.as_primitive::<Int32Type>().value(row).to_string(),
        ScalarType::Long => array.as_primitive::<Int64Type>().value(row).to_string(),
        ScalarType::Real => match array.as_primitive::<Float64Type>().value(row) {
            value if value.is_finite() => ryu::Buffer::new().format_finite(value).to_owned(),
            value => real_name(value).to_owned(),
        },
        ScalarType::Decimal => {
            let decimal = array.as_primitive::<Decimal128Type>().value_as_string(row);
            let digits = decimal.trim_end_matches('0').trim_end_matches('.');
            if decimal.contains('.') {
                digits.to_owned()
            } else {
                decimal
            }
        }
        ScalarType::String | ScalarType::Guid => array.as_string_view().value(row).to_owned(),
        ScalarType::Dynamic => {
            let json = array.as_string_view().value(row);
            match serde_json::from_str(json) {
                Ok(Value::String(text)) => text,
                _ => json.to_owned(),
            }
        }
        ScalarType::DateTime => {
            let ns = array.as_primitive::<TimestampNanosecondType>().value(row);
            format_datetime(unix_ns_to_ticks(ns))
        }
        ScalarType::TimeSpan => {
            let ns = array.as_primitive::<DurationNanosecondType>().value(row);
            format_timespan(ns / 100)
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use arrow::array::{
        ArrayRef, DurationNanosecondArray, Float64Array, Int64Array, StringViewArray,
        TimestampNanosecondArray,
    };
    use kql::types::Column;

    use super::*;
    use crate::types::{UTC, arrow_schema};

    #[test]
    fn a_row_that_is_written_is_the_row_that_is_made() {
        let types = [
            ("long", ScalarType::Long),
            ("real", ScalarType::Real),
            ("te\"xt", ScalarType::String),
            ("time", ScalarType::DateTime),
            ("span", ScalarType::TimeSpan),
            ("bag", ScalarType::Dynamic),
            ("guid", ScalarType::Guid),
        ];
        let schema: Schema = types
            .iter()
            .map(|(name, ty)| Column::new(*name, *ty))
            .collect();
        let texts = ["", "a\"b\\c\nd\u{1}é\u{1f600}", "plain"];
        let times = TimestampNanosecondArray::from(vec![Some(0), None, Some(-1_500)]);
        let columns: Vec<ArrayRef> = vec![
            Arc::new(Int64Array::from(vec![Some(i64::MIN), None, Some(7)])),
            Arc::new(Float64Array::from(vec![Some(f64::NAN), Some(0.1), None])),
            Arc::new(StringViewArray::from_iter_values(texts)),
            Arc::new(times.with_timezone(UTC)),
            Arc::new(DurationNanosecondArray::from(vec![
                Some(100),
                None,
                Some(-100),
            ])),
            Arc::new(StringViewArray::from(vec![
                Some("{\"a\": [1, null]}"),
                None,
                Some("\"x\""),
            ])),
            Arc::new(StringViewArray::from(vec![
                Some("74be27de-1e4e-49d9-b579-fe0b331d3642"),
                None,
                None,
            ])),
        ];
        let batch = RecordBatch::try_new(arrow_schema(&schema), columns).unwrap();
        for row in 0..batch.num_rows() {
            let mut text = String::new();
            write_object(&batch, &schema, row, &mut text);
            let made = Value::Object(object(&batch, &schema, row));
            assert_eq!(text, made.to_string());
        }
    }
}
