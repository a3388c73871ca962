//! Calls functions in tests: every call runs once over constants and once over a batch of two
//! equal rows, and both must agree.

use std::sync::Arc;

use arrow::array::{Array, AsArray};
use arrow::datatypes::{DataType, Field};
use datafusion::common::{Result, ScalarValue};
use datafusion::config::ConfigOptions;
use datafusion::logical_expr::{ColumnarValue, ScalarFunctionArgs, ScalarUDF};
use kql::types::ScalarType;

use super::value::Datum;
use crate::types::{DECIMAL_SCALE, UTC, arrow_type, ticks_to_unix_ns};

/// A constant and its KQL type.
#[derive(Clone, Debug)]
pub(super) struct Argument {
    pub(super) ty: ScalarType,
    value: ScalarValue,
}

fn argument(ty: ScalarType, value: ScalarValue) -> Argument {
    Argument { ty, value }
}

pub(super) fn null(ty: ScalarType) -> Argument {
    argument(ty, ScalarValue::try_from(&arrow_type(ty)).unwrap())
}

pub(super) fn string(text: &str) -> Argument {
    argument(
        ScalarType::String,
        ScalarValue::Utf8View(Some(text.to_owned())),
    )
}

pub(super) fn dynamic(json: &str) -> Argument {
    let json = (json != "null").then(|| json.to_owned());
    argument(ScalarType::Dynamic, ScalarValue::Utf8View(json))
}

pub(super) fn guid(text: &str) -> Argument {
    argument(
        ScalarType::Guid,
        ScalarValue::Utf8View(Some(text.to_owned())),
    )
}

pub(super) fn bool(value: bool) -> Argument {
    argument(ScalarType::Bool, ScalarValue::Boolean(Some(value)))
}

pub(super) fn int(value: i32) -> Argument {
    argument(ScalarType::Int, ScalarValue::Int32(Some(value)))
}

pub(super) fn long(value: i64) -> Argument {
    argument(ScalarType::Long, ScalarValue::Int64(Some(value)))
}

pub(super) fn real(value: f64) -> Argument {
    argument(ScalarType::Real, ScalarValue::Float64(Some(value)))
}

pub(super) fn decimal(text: &str) -> Argument {
    let unscaled = super::text::parse_decimal(text);
    argument(
        ScalarType::Decimal,
        ScalarValue::Decimal128(unscaled, 38, DECIMAL_SCALE),
    )
}

pub(super) fn datetime(text: &str) -> Argument {
    let ns = kql::time::parse_datetime(text).map(ticks_to_unix_ns);
    argument(
        ScalarType::DateTime,
        ScalarValue::TimestampNanosecond(ns, Some(UTC.into())),
    )
}

pub(super) fn timespan(text: &str) -> Argument {
    let ns = kql::time::parse_timespan(text).map(|ticks| ticks * 100);
    argument(ScalarType::TimeSpan, ScalarValue::DurationNanosecond(ns))
}

/// The one value that the function gives for these arguments.
pub(super) fn call(udf: &ScalarUDF, arguments: &[Argument]) -> Result<ScalarValue> {
    let constants = arguments
        .iter()
        .map(|a| ColumnarValue::Scalar(a.value.clone()))
        .collect();
    let constant = first(udf, arguments, constants)?;
    let columns = arguments
        .iter()
        .map(|a| ColumnarValue::Array(a.value.to_array_of_size(2).unwrap()))
        .collect();
    if let Ok(column) = first(udf, arguments, columns) {
        assert_eq!(
            column, constant,
            "{udf:?} {arguments:?}: columns and constants differ"
        );
    }
    Ok(constant)
}

fn first(udf: &ScalarUDF, types: &[Argument], args: Vec<ColumnarValue>) -> Result<ScalarValue> {
    let field = |ty: DataType| Arc::new(Field::new("", ty, true));
    let arg_fields = types.iter().map(|a| field(arrow_type(a.ty))).collect();
    let data_types: Vec<DataType> = types.iter().map(|a| arrow_type(a.ty)).collect();
    let result = udf.invoke_with_args(ScalarFunctionArgs {
        args,
        arg_fields,
        number_rows: 2,
        return_field: field(udf.return_type(&data_types)?),
        config_options: Arc::new(ConfigOptions::default()),
    })?;
    match result {
        ColumnarValue::Scalar(value) => Ok(value),
        ColumnarValue::Array(array) => ScalarValue::try_from_array(&array, 0),
    }
}

/// The value of a function of type bool.
pub(super) fn bool_of(udf: &ScalarUDF, arguments: &[Argument]) -> Option<bool> {
    match call(udf, arguments).unwrap() {
        ScalarValue::Boolean(value) => value,
        other => panic!("not a bool: {other:?}"),
    }
}

/// A built-in by name, its value as `tostring()` writes it; null is `null`.
pub(super) fn eval(name: &str, result: ScalarType, arguments: &[Argument]) -> String {
    let types: Vec<ScalarType> = arguments.iter().map(|a| a.ty).collect();
    let udf = super::scalar(name, &types, result).unwrap_or_else(|| panic!("no function {name}"));
    shown(&call(&udf, arguments).unwrap(), result)
}

/// A value as `tostring()` writes it; null is `null`.
pub(super) fn shown(value: &ScalarValue, ty: ScalarType) -> String {
    let array = value.to_array().unwrap();
    if array.is_null(0) {
        return "null".to_owned();
    }
    let mut out = String::new();
    let datum = match ty {
        ScalarType::Bool => Datum::Bool(array.as_boolean().value(0)),
        ScalarType::String | ScalarType::Guid => Datum::String(array.as_string_view().value(0)),
        ScalarType::Dynamic => return array.as_string_view().value(0).to_owned(),
        ScalarType::Int => Datum::Int(array.as_primitive::<arrow::datatypes::Int32Type>().value(0)),
        ScalarType::Long => {
            Datum::Long(array.as_primitive::<arrow::datatypes::Int64Type>().value(0))
        }
        ScalarType::Real => Datum::Real(
            array
                .as_primitive::<arrow::datatypes::Float64Type>()
                .value(0),
        ),
        ScalarType::Decimal => Datum::Decimal(
            array
                .as_primitive::<arrow::datatypes::Decimal128Type>()
                .value(0),
        ),
        ScalarType::DateTime => Datum::DateTime(
            array
                .as_primitive::<arrow::datatypes::TimestampNanosecondType>()
                .value(0),
        ),
        ScalarType::TimeSpan => Datum::TimeSpan(
            array
                .as_primitive::<arrow::datatypes::DurationNanosecondType>()
                .value(0),
        ),
    };
    datum.write_text(&mut out);
    out
}
