//! A column of a file in the type of its table's column, as an expression of the scan.
//!
//! Strings are never null (`""` instead) and instants count nanoseconds in UTC. Everything else
//! that is not of the right type already is left to the caller's [`Convert`].

use std::fmt;
use std::hash::{Hash, Hasher};
use std::sync::Arc;

use arrow::array::{
    Array, ArrayRef, AsArray, Int64Array, RecordBatch, StringViewArray, TimestampNanosecondArray,
};
use arrow::buffer::Buffer;
use arrow::datatypes::{DataType, Field, FieldRef, Int64Type, Schema, TimeUnit};
use datafusion::common::Result;
use datafusion::error::DataFusionError;
use datafusion::logical_expr::ColumnarValue;
use datafusion::physical_expr::PhysicalExpr;
use kql::types::ScalarType;

use crate::types::{TYPE_KEY, UTC, arrow_type};

/// Converts an array of a file, which may say what KQL type it holds, to a KQL type. The error
/// says what is wrong without repeating values.
pub type Convert = fn(&ArrayRef, Option<ScalarType>, ScalarType) -> Result<ArrayRef, String>;

/// Bytes of text that a batch may hold on to without using them.
const IDLE_BYTES_MAX: usize = 1 << 20;

/// A column of a file in the type of its table's column.
#[derive(Clone)]
pub(super) struct Converted {
    column: Arc<dyn PhysicalExpr>,
    /// The KQL type that the file says the column has, if it says so.
    tag: Option<ScalarType>,
    ty: ScalarType,
    field: FieldRef,
    convert: Convert,
}

impl Converted {
    /// `source` is the file's field that `column` reads, `field` the table's.
    pub(super) fn new(
        column: Arc<dyn PhysicalExpr>,
        source: &Field,
        ty: ScalarType,
        field: FieldRef,
        convert: Convert,
    ) -> Self {
        let tag = source.metadata().get(TYPE_KEY);
        Self {
            column,
            tag: tag.and_then(|name| ScalarType::from_name(name)),
            ty,
            field,
            convert,
        }
    }

    /// The file's own column.
    pub(super) fn column(&self) -> &Arc<dyn PhysicalExpr> {
        &self.column
    }

    /// The table's column.
    pub(super) fn target(&self) -> &Field {
        &self.field
    }

    /// Whether the column is a string, not JSON or a guid.
    pub(super) fn is_string(&self) -> bool {
        self.ty == ScalarType::String
    }

    fn converted(&self, array: &ArrayRef) -> Result<ArrayRef, String> {
        let from = array.data_type();
        let tagged = self.tag == Some(self.ty);
        match (self.ty, from) {
            (ScalarType::String, DataType::Utf8View) => {
                let text = array.as_string_view();
                if text.null_count() == 0 {
                    return Ok(trimmed(array));
                }
                let filled = text.iter().map(Option::unwrap_or_default);
                Ok(Arc::new(StringViewArray::from_iter_values(filled)))
            }
            (ScalarType::Dynamic | ScalarType::Guid, DataType::Utf8View) if tagged => {
                Ok(trimmed(array))
            }
            (ScalarType::DateTime, DataType::Timestamp(unit, _)) => instants(array, *unit),
            (ScalarType::Dynamic | ScalarType::Guid, _) => (self.convert)(array, self.tag, self.ty),
            (ty, from) if *from == arrow_type(ty) => Ok(Arc::clone(array)),
            _ => (self.convert)(array, self.tag, self.ty),
        }
    }
}

/// The text without what a filter left of its buffers, so that few rows that are kept do not keep
/// whole pages.
fn trimmed(array: &ArrayRef) -> ArrayRef {
    let text = array.as_string_view();
    let held: usize = text.data_buffers().iter().map(Buffer::len).sum();
    if held <= IDLE_BYTES_MAX {
        return Arc::clone(array);
    }
    // The length of a text is in the low half of its view's first word; short texts are in the
    // view itself.
    let lengths = text.views().iter().map(|view| *view as u32 as usize);
    let used: usize = lengths.filter(|length| *length > 12).sum();
    if used.saturating_mul(8) < held {
        Arc::new(text.gc())
    } else {
        Arc::clone(array)
    }
}

/// Instants in nanoseconds, saturated.
fn instants(array: &ArrayRef, unit: TimeUnit) -> Result<ArrayRef, String> {
    let numbers = arrow::compute::cast(array, &DataType::Int64).map_err(|e| e.to_string())?;
    let numbers = numbers.as_primitive::<Int64Type>();
    let factor = nanoseconds_in(unit);
    let numbers: Int64Array = if factor == 1 {
        numbers.clone()
    } else {
        numbers.unary(|value| value.saturating_mul(factor))
    };
    let (_, values, nulls) = numbers.into_parts();
    let instants = TimestampNanosecondArray::new(values, nulls);
    Ok(Arc::new(instants.with_timezone(UTC)))
}

/// Nanoseconds in a unit of time.
pub(super) fn nanoseconds_in(unit: TimeUnit) -> i64 {
    match unit {
        TimeUnit::Second => 1_000_000_000,
        TimeUnit::Millisecond => 1_000_000,
        TimeUnit::Microsecond => 1_000,
        TimeUnit::Nanosecond => 1,
    }
}

impl fmt::Debug for Converted {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Converted")
            .field("column", &self.column)
            .field("ty", &self.ty)
            .finish_non_exhaustive()
    }
}

impl PartialEq for Converted {
    fn eq(&self, other: &Self) -> bool {
        self.column.eq(&other.column)
            && self.tag == other.tag
            && self.ty == other.ty
            && self.field == other.field
    }
}

impl Eq for Converted {}

impl Hash for Converted {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.column.hash(state);
        self.ty.hash(state);
        self.field.hash(state);
    }
}

impl fmt::Display for Converted {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "kql_{}({})", self.ty, self.column)
    }
}

impl PhysicalExpr for Converted {
    fn return_field(&self, _input: &Schema) -> Result<FieldRef> {
        Ok(Arc::clone(&self.field))
    }

    fn data_type(&self, _input: &Schema) -> Result<DataType> {
        Ok(self.field.data_type().clone())
    }

    fn nullable(&self, _input: &Schema) -> Result<bool> {
        Ok(self.field.is_nullable())
    }

    fn evaluate(&self, batch: &RecordBatch) -> Result<ColumnarValue> {
        let array = self.column.evaluate(batch)?.into_array(batch.num_rows())?;
        let converted = self.converted(&array).map_err(|what| {
            let name = self.field.name();
            let text = format!(
                "column `{name}`: {what}; declare the column's type in the source's `tables`"
            );
            DataFusionError::External(text.into())
        })?;
        Ok(ColumnarValue::Array(converted))
    }

    fn children(&self) -> Vec<&Arc<dyn PhysicalExpr>> {
        vec![&self.column]
    }

    fn with_new_children(
        self: Arc<Self>,
        mut children: Vec<Arc<dyn PhysicalExpr>>,
    ) -> Result<Arc<dyn PhysicalExpr>> {
        let mut converted = self.as_ref().clone();
        if let Some(column) = children.pop() {
            converted.column = column;
        }
        Ok(Arc::new(converted))
    }

    fn fmt_sql(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{self}")
    }
}
