//! KQL types in Arrow, and back.
//!
//! | KQL | Arrow |
//! |---|---|
//! | bool, int, long, real | Boolean, Int32, Int64, Float64 |
//! | decimal | Decimal128(38, 18); Decimal128(38, 0) where all have many digits and no fraction |
//! | string | Utf8View, never null |
//! | datetime | Timestamp(ns, UTC); years outside 1677–2262 saturate |
//! | timespan | Duration(ns) |
//! | guid, dynamic | Utf8View, told apart from string by field metadata |
//!
//! A field carries its KQL type under [`TYPE_KEY`], so that Parquet files read back as written.

use std::sync::Arc;

use arrow::datatypes::{DataType, Field, Schema as ArrowSchema, SchemaRef, TimeUnit};
use kql::types::{Column, ScalarType, Schema, TICKS_AT_UNIX_EPOCH};

/// Metadata key of a field that holds its KQL type name.
pub const TYPE_KEY: &str = "kql.type";

/// Scale of Arrow decimals that hold KQL decimals.
pub const DECIMAL_SCALE: i8 = 18;

/// The Arrow type of what `parse_version()` yields: decimals without a fraction, and with more
/// digits than [`DECIMAL_SCALE`] leaves room for.
pub const WHOLE_DECIMAL: DataType = DataType::Decimal128(38, 0);

/// The time zone written into Arrow timestamps.
pub const UTC: &str = "+00:00";

/// The Arrow type that holds values of a KQL type.
pub fn arrow_type(ty: ScalarType) -> DataType {
    match ty {
        ScalarType::Bool => DataType::Boolean,
        ScalarType::Int => DataType::Int32,
        ScalarType::Long => DataType::Int64,
        ScalarType::Real => DataType::Float64,
        ScalarType::Decimal => DataType::Decimal128(38, DECIMAL_SCALE),
        ScalarType::String | ScalarType::Guid | ScalarType::Dynamic => DataType::Utf8View,
        ScalarType::DateTime => DataType::Timestamp(TimeUnit::Nanosecond, Some(UTC.into())),
        ScalarType::TimeSpan => DataType::Duration(TimeUnit::Nanosecond),
    }
}

/// Whether an Arrow type holds values of a KQL type as this crate stores them.
pub fn is_stored_as(ty: ScalarType, data_type: &DataType) -> bool {
    *data_type == arrow_type(ty) || (ty == ScalarType::Decimal && *data_type == WHOLE_DECIMAL)
}

/// The Arrow field of a KQL column: nullable but for strings, tagged with its KQL type.
pub fn arrow_field(column: &Column) -> Field {
    let nullable = column.ty != ScalarType::String;
    Field::new(&*column.name, arrow_type(column.ty), nullable)
        .with_metadata([(TYPE_KEY.to_owned(), column.ty.as_str().to_owned())].into())
}

/// The Arrow schema of a KQL schema.
pub fn arrow_schema(schema: &Schema) -> SchemaRef {
    let fields: Vec<Field> = schema.columns().iter().map(arrow_field).collect();
    Arc::new(ArrowSchema::new(fields))
}

/// The columns of a table at the positions that a scan asks for; all of them if it names none.
pub fn projected(schema: &Schema, positions: Option<&Vec<usize>>) -> Schema {
    match positions {
        None => schema.clone(),
        Some(positions) => positions
            .iter()
            .map(|position| schema.columns()[*position].clone())
            .collect(),
    }
}

/// The Arrow schema of a KQL schema whose columns are stored as those of `stored` are.
pub fn arrow_schema_of(schema: &Schema, stored: &ArrowSchema) -> SchemaRef {
    let fields = schema.columns().iter().map(arrow_field).enumerate();
    let fields = fields.map(|(position, field)| {
        let stored = stored.fields().get(position).map(|field| field.data_type());
        match (field.data_type(), stored) {
            (DataType::Decimal128(..), Some(&WHOLE_DECIMAL)) => field.with_data_type(WHOLE_DECIMAL),
            _ => field,
        }
    });
    Arc::new(ArrowSchema::new(fields.collect::<Vec<_>>()))
}

/// The KQL type of an Arrow field: its tag if it has one, else the type its data type widens to.
/// `None` for nested and other types that KQL sees as dynamic after a conversion.
pub fn kql_type(field: &Field) -> Option<ScalarType> {
    if let Some(ty) = field
        .metadata()
        .get(TYPE_KEY)
        .and_then(|name| ScalarType::from_name(name))
    {
        return Some(ty);
    }
    Some(match field.data_type() {
        DataType::Boolean => ScalarType::Bool,
        DataType::Int8 | DataType::Int16 | DataType::Int32 | DataType::UInt8 | DataType::UInt16 => {
            ScalarType::Int
        }
        DataType::Int64 | DataType::UInt32 | DataType::UInt64 => ScalarType::Long,
        DataType::Float16 | DataType::Float32 | DataType::Float64 => ScalarType::Real,
        DataType::Decimal128(..) | DataType::Decimal256(..) => ScalarType::Decimal,
        DataType::Utf8 | DataType::LargeUtf8 | DataType::Utf8View => ScalarType::String,
        DataType::Timestamp(..) | DataType::Date32 | DataType::Date64 => ScalarType::DateTime,
        DataType::Duration(_) | DataType::Time32(_) | DataType::Time64(_) => ScalarType::TimeSpan,
        DataType::Dictionary(_, value) => {
            return kql_type(&Field::new("", value.as_ref().clone(), true));
        }
        _ => return None,
    })
}

/// Nanoseconds since 1970 of a datetime in Kusto ticks, saturated to what Arrow holds.
pub fn ticks_to_unix_ns(ticks: i64) -> i64 {
    ticks
        .saturating_sub(TICKS_AT_UNIX_EPOCH)
        .saturating_mul(100)
}

/// Kusto ticks of nanoseconds since 1970, rounded down.
pub fn unix_ns_to_ticks(ns: i64) -> i64 {
    ns.div_euclid(100) + TICKS_AT_UNIX_EPOCH
}
