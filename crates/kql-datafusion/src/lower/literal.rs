//! KQL constants as Arrow scalars.

use std::sync::Arc;

use datafusion::common::{Result, ScalarValue, plan_datafusion_err};
use kql::types::{ScalarType, Value};

use crate::decimal;
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
            let value = decimal::unscaled(text).ok_or_else(|| {
                plan_datafusion_err!("{text} has more digits than a decimal can have")
            })?;
            ScalarValue::Decimal128(Some(value), DECIMAL_PRECISION, DECIMAL_SCALE)
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
