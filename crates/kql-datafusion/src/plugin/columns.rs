//! Columns under construction: the rows that a plugin yields, value by value.

use std::sync::Arc;

use arrow::array::{
    ArrayRef, BooleanBuilder, Decimal128Builder, DurationNanosecondBuilder, Float64Builder,
    Int32Builder, Int64Builder, RecordBatch, RecordBatchOptions, StringViewBuilder,
    TimestampNanosecondBuilder,
};
use arrow::datatypes::{Field, Schema as ArrowSchema, SchemaRef};
use datafusion::error::Result;
use kql::types::{ScalarType, Schema};

use crate::function::Datum;
use crate::types::{UTC, arrow_type, ticks_to_unix_ns};

/// A column of a KQL type under construction.
#[derive(Debug)]
pub(crate) enum ColumnBuilder {
    Bool(BooleanBuilder),
    Int(Int32Builder),
    Long(Int64Builder),
    Real(Float64Builder),
    Decimal(Decimal128Builder),
    DateTime(TimestampNanosecondBuilder),
    TimeSpan(DurationNanosecondBuilder),
    /// Strings, which have no null, guids and dynamics.
    Text(StringViewBuilder, ScalarType),
}

impl ColumnBuilder {
    /// An empty column.
    pub(crate) fn new(ty: ScalarType) -> Self {
        match ty {
            ScalarType::Bool => Self::Bool(BooleanBuilder::new()),
            ScalarType::Int => Self::Int(Int32Builder::new()),
            ScalarType::Long => Self::Long(Int64Builder::new()),
            ScalarType::Real => Self::Real(Float64Builder::new()),
            ScalarType::Decimal => {
                let builder = Decimal128Builder::new().with_data_type(arrow_type(ty));
                Self::Decimal(builder)
            }
            ScalarType::DateTime => {
                Self::DateTime(TimestampNanosecondBuilder::new().with_timezone(UTC))
            }
            ScalarType::TimeSpan => Self::TimeSpan(DurationNanosecondBuilder::new()),
            ScalarType::String | ScalarType::Guid | ScalarType::Dynamic => {
                Self::Text(StringViewBuilder::new(), ty)
            }
        }
    }

    /// Appends a value, converted to the column's type; one that does not convert is null.
    pub(crate) fn push(&mut self, value: Datum<'_>) {
        match self {
            Self::Bool(builder) => builder.append_option(value.to_bool()),
            Self::Int(builder) => builder.append_option(value.to_int()),
            Self::Long(builder) => builder.append_option(value.to_long()),
            Self::Real(builder) => builder.append_option(value.to_real()),
            Self::Decimal(builder) => {
                let limit = 10_i128.pow(38);
                builder.append_option(value.to_decimal().filter(|value| value.abs() < limit));
            }
            Self::DateTime(builder) => builder.append_option(match value {
                Datum::DateTime(ns) => Some(ns),
                other => other.to_datetime().map(ticks_to_unix_ns),
            }),
            Self::TimeSpan(builder) => builder.append_option(match value {
                Datum::TimeSpan(ns) => Some(ns),
                other => other.to_timespan().map(|ticks| ticks.saturating_mul(100)),
            }),
            Self::Text(builder, ScalarType::String) => match value {
                Datum::String(text) => builder.append_value(text),
                other => {
                    let mut text = String::new();
                    other.write_text(&mut text);
                    builder.append_value(text);
                }
            },
            Self::Text(builder, ScalarType::Guid) => {
                let mut text = String::new();
                let written = value.write_guid(&mut text);
                builder.append_option(written.map(|()| text));
            }
            Self::Text(builder, _) => {
                if value.is_null() {
                    return builder.append_null();
                }
                let mut text = String::new();
                value.write_json(&mut text);
                builder.append_value(text);
            }
        }
    }

    /// The column.
    pub(crate) fn finish(self) -> ArrayRef {
        match self {
            Self::Bool(mut builder) => Arc::new(builder.finish()),
            Self::Int(mut builder) => Arc::new(builder.finish()),
            Self::Long(mut builder) => Arc::new(builder.finish()),
            Self::Real(mut builder) => Arc::new(builder.finish()),
            Self::Decimal(mut builder) => Arc::new(builder.finish()),
            Self::DateTime(mut builder) => Arc::new(builder.finish()),
            Self::TimeSpan(mut builder) => Arc::new(builder.finish()),
            Self::Text(mut builder, _) => Arc::new(builder.finish()),
        }
    }
}

/// The columns of a table under construction, row by row.
#[derive(Debug)]
pub(crate) struct Columns {
    builders: Vec<ColumnBuilder>,
}

impl Columns {
    /// No rows yet.
    pub(crate) fn new(types: impl IntoIterator<Item = ScalarType>) -> Self {
        Self {
            builders: types.into_iter().map(ColumnBuilder::new).collect(),
        }
    }

    /// Appends a row, one value per column.
    pub(crate) fn push<'v>(&mut self, row: impl IntoIterator<Item = Datum<'v>>) {
        for (builder, value) in self.builders.iter_mut().zip(row) {
            builder.push(value);
        }
    }

    /// The columns.
    pub(crate) fn finish(self) -> Vec<ArrayRef> {
        let builders = self.builders.into_iter();
        builders.map(ColumnBuilder::finish).collect()
    }
}

/// The columns of a KQL table under the names that plans use.
pub(crate) fn plan_schema(schema: &Schema, name: impl Fn(&str) -> String) -> SchemaRef {
    let fields = schema.columns().iter().map(|column| {
        let nullable = column.ty != ScalarType::String;
        Field::new(name(&column.name), arrow_type(column.ty), nullable)
    });
    Arc::new(ArrowSchema::new(fields.collect::<Vec<_>>()))
}

/// A batch of columns of one length.
pub(crate) fn batch(
    schema: &SchemaRef,
    columns: Vec<ArrayRef>,
    rows: usize,
) -> Result<RecordBatch> {
    let options = RecordBatchOptions::new().with_row_count(Some(rows));
    let schema = Arc::clone(schema);
    Ok(RecordBatch::try_new_with_options(
        schema, columns, &options,
    )?)
}
