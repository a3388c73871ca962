//! KQL constants as Arrow scalars.

use std::sync::Arc;

use arrow::compute::kernels::cast_utils::parse_decimal;
use arrow::datatypes::Decimal128Type;
use datafusion::common::{Result, ScalarValue};
use kql::types::{ScalarType, Value};

use crate::types::{DECIMAL_SCALE, UTC, arrow_type, ticks_to_unix_ns};

/// Digits of an Arrow decimal.
const DECIMAL_PRECISION: u8 = 38;

/// The scalar of a constant of a type.
pub(super) fn scalar(value: &Value, ty: ScalarType) -> Result<ScalarValue> {
    Ok(match value {
        Value::Null => return missing(ty),
        Value::Bool(value) => ScalarValue::Boolean(Some(*value)),
        Value::Int(value) => ScalarValue::Int32(Some(*value)),
        Value::Long(value) => ScalarValue::Int64(Some(*value)),
        Value::Real(value) => ScalarValue::Float64(Some(*value)),
        Value::Decimal(text) => {
            let scale = DECIMAL_SCALE;
            let value = parse_decimal::<Decimal128Type>(text, DECIMAL_PRECISION, scale)?;
            ScalarValue::Decimal128(Some(value), DECIMAL_PRECISION, scale)
        }
        Value::String(text) | Value::Guid(text) | Value::Dynamic(text) => {
            ScalarValue::Utf8View(Some(text.to_string()))
        }
        Value::DateTime(ticks) => datetime(*ticks),
        Value::TimeSpan(ticks) => ScalarValue::DurationNanosecond(Some(ticks.saturating_mul(100))),
    })
}

/// A datetime in ticks.
pub(super) fn datetime(ticks: i64) -> ScalarValue {
    ScalarValue::TimestampNanosecond(Some(ticks_to_unix_ns(ticks)), Some(Arc::from(UTC)))
}

/// Null, or `""` for the type that has no null.
pub(super) fn missing(ty: ScalarType) -> Result<ScalarValue> {
    if ty == ScalarType::String {
        return Ok(ScalarValue::Utf8View(Some(String::new())));
    }
    ScalarValue::try_from(&arrow_type(ty))
}
