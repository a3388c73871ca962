//! Columns and values as the service writes them: numbers and booleans as JSON's, times, decimals
//! and guids as text, reals that JSON has no number for by their names, dynamics as the JSON they
//! are or as text with it.

use arrow::array::{Array, AsArray};
use arrow::datatypes::{Float64Type, Int32Type, Int64Type, TimestampNanosecondType};
use kql::time::format_datetime;
use kql::types::{Column, ScalarType, Schema};
use kql_datafusion::json;
use kql_datafusion::types::{arrow_type, is_stored_as, unix_ns_to_ticks};
use serde_json::value::RawValue;
use serde_json::{Value, json};

pub(crate) use super::options::DynamicForm;

/// The .NET name of a type, which `/v1` answers have beside KQL's.
pub(crate) fn data_type(ty: ScalarType) -> &'static str {
    match ty {
        ScalarType::Bool => "SByte",
        ScalarType::Int => "Int32",
        ScalarType::Long => "Int64",
        ScalarType::Real => "Double",
        ScalarType::Decimal => "SqlDecimal",
        ScalarType::String => "String",
        ScalarType::DateTime => "DateTime",
        ScalarType::TimeSpan => "TimeSpan",
        ScalarType::Guid => "Guid",
        ScalarType::Dynamic => "Object",
    }
}

/// The columns of a `/v1` answer.
pub(super) fn columns_v1(schema: &Schema) -> Value {
    let column = |column: &Column| {
        json!({
            "ColumnName": &*column.name,
            "DataType": data_type(column.ty),
            "ColumnType": column.ty.as_str(),
        })
    };
    schema.columns().iter().map(column).collect()
}

/// The columns of a `/v2` answer.
pub(super) fn columns_v2(schema: &Schema) -> Value {
    let column =
        |column: &Column| json!({"ColumnName": &*column.name, "ColumnType": column.ty.as_str()});
    schema.columns().iter().map(column).collect()
}

/// Appends a row as a JSON array.
pub(crate) fn write_row(
    out: &mut Vec<u8>,
    schema: &Schema,
    columns: &[arrow::array::ArrayRef],
    row: usize,
    form: DynamicForm,
) {
    out.push(b'[');
    for (index, (column, array)) in schema.columns().iter().zip(columns).enumerate() {
        if index > 0 {
            out.push(b',');
        }
        write_cell(out, &**array, column.ty, row, form);
    }
    out.push(b']');
}

/// Appends a value as JSON.
pub(crate) fn write_cell(
    out: &mut Vec<u8>,
    array: &dyn Array,
    ty: ScalarType,
    row: usize,
    form: DynamicForm,
) {
    let is_as_declared = match (array.data_type(), arrow_type(ty)) {
        (
            arrow::datatypes::DataType::Timestamp(unit, _),
            arrow::datatypes::DataType::Timestamp(expected, _),
        ) => *unit == expected,
        (actual, _) => is_stored_as(ty, actual),
    };
    if !is_as_declared || array.is_null(row) {
        let missing: &[u8] = if ty == ScalarType::String {
            b"\"\""
        } else {
            b"null"
        };
        out.extend_from_slice(missing);
        return;
    }
    match ty {
        ScalarType::Bool => {
            let text: &[u8] = if array.as_boolean().value(row) {
                b"true"
            } else {
                b"false"
            };
            out.extend_from_slice(text);
        }
        ScalarType::Int => write_json(out, &array.as_primitive::<Int32Type>().value(row)),
        ScalarType::Long => write_json(out, &array.as_primitive::<Int64Type>().value(row)),
        ScalarType::Real => match array.as_primitive::<Float64Type>().value(row) {
            value if value.is_finite() => write_json(out, &value),
            value if value.is_nan() => out.extend_from_slice(b"\"NaN\""),
            value if value > 0.0 => out.extend_from_slice(b"\"Infinity\""),
            _ => out.extend_from_slice(b"\"-Infinity\""),
        },
        ScalarType::String => write_json(out, array.as_string_view().value(row)),
        ScalarType::Dynamic => {
            let text = array.as_string_view().value(row);
            match form {
                DynamicForm::Text => write_json(out, text),
                // What is no JSON is a text.
                DynamicForm::Json => match serde_json::from_str::<&RawValue>(text) {
                    Ok(json) => out.extend_from_slice(json.get().as_bytes()),
                    Err(_) => write_json(out, text),
                },
            }
        }
        ScalarType::DateTime => {
            let ns = array.as_primitive::<TimestampNanosecondType>().value(row);
            out.push(b'"');
            out.extend_from_slice(short(&format_datetime(unix_ns_to_ticks(ns))).as_bytes());
            out.push(b'"');
        }
        ScalarType::Decimal | ScalarType::TimeSpan | ScalarType::Guid => {
            write_json(out, &json::text(array, ty, row));
        }
    }
}

/// A datetime without the zeros at the end of its fraction, as the service writes it.
fn short(datetime: &str) -> String {
    let digits = datetime
        .trim_end_matches('Z')
        .trim_end_matches('0')
        .trim_end_matches('.');
    // Without a fraction the zeros belong to the seconds.
    let end = digits.len().max("yyyy-MM-ddTHH:mm:ss".len());
    format!("{}Z", datetime.get(..end).unwrap_or(digits))
}

/// Appends a value as JSON.
pub(crate) fn write_json<T: serde::Serialize + ?Sized>(out: &mut Vec<u8>, value: &T) {
    serde_json::to_writer(out, value).expect("writing texts and numbers to memory does not fail");
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use arrow::array::{
        ArrayRef, BooleanArray, Decimal128Array, DurationNanosecondArray, Float64Array, Int32Array,
        Int64Array, StringViewArray, TimestampNanosecondArray,
    };
    use kql_datafusion::types::{DECIMAL_SCALE, UTC};

    use super::*;

    /// What the cells of a column are written as.
    fn written(ty: ScalarType, array: impl Array + 'static, form: DynamicForm) -> Vec<String> {
        let array: ArrayRef = Arc::new(array);
        (0..array.len())
            .map(|row| {
                let mut out = Vec::new();
                write_cell(&mut out, &*array, ty, row, form);
                let text = String::from_utf8(out).unwrap();
                assert!(serde_json::from_str::<Value>(&text).is_ok(), "{text}");
                text
            })
            .collect()
    }

    fn cells(ty: ScalarType, array: impl Array + 'static) -> Vec<String> {
        written(ty, array, DynamicForm::Json)
    }

    #[test]
    fn numbers_and_booleans_are_those_of_json() {
        let bools = BooleanArray::from(vec![Some(true), Some(false), None]);
        assert_eq!(cells(ScalarType::Bool, bools), ["true", "false", "null"]);
        let ints = Int32Array::from(vec![Some(i32::MIN), None]);
        assert_eq!(cells(ScalarType::Int, ints), ["-2147483648", "null"]);
        let longs = Int64Array::from(vec![Some(i64::MAX), None]);
        assert_eq!(
            cells(ScalarType::Long, longs),
            ["9223372036854775807", "null"]
        );
        let reals = Float64Array::from(vec![
            Some(1.0),
            Some(-0.1),
            Some(f64::MAX),
            Some(f64::NAN),
            Some(f64::INFINITY),
            Some(f64::NEG_INFINITY),
            None,
        ]);
        assert_eq!(
            cells(ScalarType::Real, reals),
            [
                "1.0",
                "-0.1",
                "1.7976931348623157e+308",
                "\"NaN\"",
                "\"Infinity\"",
                "\"-Infinity\"",
                "null"
            ]
        );
    }

    #[test]
    fn texts_have_no_null() {
        let texts = StringViewArray::from(vec![Some("a\"\n\u{1f600}"), Some(""), None]);
        assert_eq!(
            cells(ScalarType::String, texts),
            ["\"a\\\"\\n\u{1f600}\"", "\"\"", "\"\""]
        );
        let guid = "74be27de-1e4e-49d9-b579-fe0b331d3642";
        let guids = StringViewArray::from(vec![Some(guid), None]);
        assert_eq!(
            cells(ScalarType::Guid, guids),
            [format!("\"{guid}\"").as_str(), "null"]
        );
    }

    #[test]
    fn times_are_texts_with_as_many_digits_as_they_need() {
        let ns = [
            Some(0),
            Some(1_136_239_445_100_000_000),
            Some(1_136_239_445_123_456_700),
            Some(1_136_239_440_000_000_000),
            None,
        ];
        let times = TimestampNanosecondArray::from(ns.to_vec()).with_timezone(UTC);
        assert_eq!(
            cells(ScalarType::DateTime, times),
            [
                "\"1970-01-01T00:00:00Z\"",
                "\"2006-01-02T22:04:05.1Z\"",
                "\"2006-01-02T22:04:05.1234567Z\"",
                "\"2006-01-02T22:04:00Z\"",
                "null"
            ]
        );
        let ns = [
            Some(0),
            Some(100),
            Some(-93_784_000_000_000 - 500_000_000),
            Some(86_400_000_000_000),
            None,
        ];
        let spans = DurationNanosecondArray::from(ns.to_vec());
        assert_eq!(
            cells(ScalarType::TimeSpan, spans),
            [
                "\"00:00:00\"",
                "\"00:00:00.0000001\"",
                "\"-1.02:03:04.5000000\"",
                "\"1.00:00:00\"",
                "null"
            ]
        );
    }

    #[test]
    fn decimals_are_texts() {
        let one = 10_i128.pow(u32::try_from(DECIMAL_SCALE).unwrap());
        let decimals = Decimal128Array::from(vec![Some(one * 3 / 2), Some(-one), Some(1), None])
            .with_precision_and_scale(38, DECIMAL_SCALE)
            .unwrap();
        assert_eq!(
            cells(ScalarType::Decimal, decimals),
            ["\"1.5\"", "\"-1\"", "\"0.000000000000000001\"", "null"]
        );
    }

    #[test]
    fn dynamics_are_json_or_text_with_it() {
        let values = vec![
            Some(r#"{"a":[1,2.5,null,"x"]}"#),
            Some("\"text\""),
            Some("12"),
            Some("no json"),
            None,
        ];
        assert_eq!(
            cells(ScalarType::Dynamic, StringViewArray::from(values.clone())),
            [
                r#"{"a":[1,2.5,null,"x"]}"#,
                "\"text\"",
                "12",
                "\"no json\"",
                "null"
            ]
        );
        assert_eq!(
            written(
                ScalarType::Dynamic,
                StringViewArray::from(values),
                DynamicForm::Text
            ),
            [
                r#""{\"a\":[1,2.5,null,\"x\"]}""#,
                r#""\"text\"""#,
                "\"12\"",
                "\"no json\"",
                "null"
            ]
        );
    }

    #[test]
    fn columns_have_the_names_of_both_type_systems() {
        let schema: Schema = ScalarType::ALL
            .iter()
            .map(|ty| Column::new(ty.as_str(), *ty))
            .collect();
        let columns = columns_v1(&schema);
        let names: Vec<String> = columns
            .as_array()
            .unwrap()
            .iter()
            .map(|column| {
                let text = |key: &str| column[key].as_str().unwrap().to_owned();
                assert_eq!(text("ColumnName"), text("ColumnType"));
                format!("{} {}", text("ColumnType"), text("DataType"))
            })
            .collect();
        assert_eq!(
            names,
            [
                "bool SByte",
                "datetime DateTime",
                "decimal SqlDecimal",
                "dynamic Object",
                "guid Guid",
                "int Int32",
                "long Int64",
                "real Double",
                "string String",
                "timespan TimeSpan",
            ]
        );
        assert_eq!(
            columns_v2(&schema)[0],
            json!({"ColumnName": "bool", "ColumnType": "bool"})
        );
    }
}
