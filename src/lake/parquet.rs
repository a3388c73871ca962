//! How a result becomes Parquet: schema, columns of the run, and writer settings.
//!
//! Strings are written as plain UTF-8, timespans as 64-bit nanoseconds, datetimes as nanoseconds
//! adjusted to UTC: what DuckDB, pyarrow and polars all read. The KQL type of every column is in
//! its field metadata, in the Arrow schema that the file carries, so that a file read back by
//! huntd has the types that were written.

use std::sync::Arc;

use arrow::array::{
    Array, ArrayRef, Int64Array, RecordBatch, StringViewBuilder, TimestampNanosecondArray,
};
use arrow::datatypes::{DataType, Field, Schema as ArrowSchema, SchemaRef};
use arrow::error::ArrowError;
use kql::types::{Column, ScalarType, Schema};
use kql_datafusion::types::{UTC, arrow_schema_of};
use parquet::arrow::{ARROW_SCHEMA_META_KEY, encode_arrow_schema};
use parquet::basic::{Compression, ZstdLevel};
use parquet::file::metadata::KeyValue;
use parquet::file::properties::{WriterProperties, WriterPropertiesBuilder};
use parquet::schema::types::ColumnPath;

use super::WriteTarget;
use crate::run::result_file::{RUN_COLUMNS, result_columns};

/// Version of the layout and metadata of the files, under `huntd.version`.
pub const FILE_VERSION: u32 = 1;

/// Most rows of a row group.
const ROW_GROUP_ROWS_MAX: usize = 524_288;
/// Most encoded bytes of a row group: it is held in memory until it is whole.
const ROW_GROUP_BYTES_MAX: usize = 64 << 20;
/// Distinct values a bloom filter is made for; more of them raise its rate of false hits.
const BLOOM_FILTER_VALUES: u64 = 131_072;

/// Columns of a file: those of the result, then those of the run.
#[derive(Debug)]
pub(super) struct FileColumns {
    /// KQL columns of the file.
    schema: Schema,
    /// Types of the arrays that are written.
    arrow: SchemaRef,
    target: WriteTarget,
}

impl FileColumns {
    /// Columns of a result whose batches are stored as `stored` says.
    pub(super) fn new(result: &Schema, stored: &ArrowSchema, target: &WriteTarget) -> Self {
        let mut columns: Vec<Column> = result_columns(result).columns().to_vec();
        for name in RUN_COLUMNS {
            let is_time = name.starts_with("_window");
            let ty = if is_time {
                ScalarType::DateTime
            } else {
                ScalarType::String
            };
            columns.push(Column::new(name, ty));
        }
        let schema = Schema::new(columns);
        let written = |field: &Arc<Field>| {
            let ty = match field.data_type() {
                DataType::Duration(_) => DataType::Int64,
                other => other.clone(),
            };
            field.as_ref().clone().with_data_type(ty)
        };
        let stored = arrow_schema_of(&schema, stored);
        let fields: Vec<Field> = stored.fields().iter().map(written).collect();
        let arrow = Arc::new(ArrowSchema::new(fields));
        Self {
            schema,
            arrow,
            target: target.clone(),
        }
    }

    /// Types of the arrays that are written.
    pub(super) fn arrow(&self) -> &SchemaRef {
        &self.arrow
    }

    /// A batch of the result with the columns of the run.
    pub(super) fn complete(&self, batch: &RecordBatch) -> Result<RecordBatch, ArrowError> {
        let rows = batch.num_rows();
        let mut columns: Vec<ArrayRef> = Vec::with_capacity(self.arrow.fields().len());
        for (array, field) in batch.columns().iter().zip(self.arrow.fields()) {
            columns.push(if array.data_type() == field.data_type() {
                Arc::clone(array)
            } else {
                arrow::compute::cast(array, field.data_type())?
            });
        }
        let window = self.target.window;
        columns.push(repeated_text(self.target.hunt.as_str(), rows));
        columns.push(repeated_text(&self.target.run.to_string(), rows));
        columns.push(repeated_time(window.start(), rows)?);
        columns.push(repeated_time(window.end(), rows)?);
        RecordBatch::try_new(Arc::clone(&self.arrow), columns)
    }

    /// Settings of the writer, with the metadata of the file.
    pub(super) fn properties(&self) -> WriterProperties {
        let window = self.target.window;
        let metadata = [
            ("huntd.version", FILE_VERSION.to_string()),
            ("huntd.hunt", self.target.hunt.to_string()),
            ("huntd.run", self.target.run.to_string()),
            ("huntd.window_start", window.start().to_rfc3339()),
            ("huntd.window_end", window.end().to_rfc3339()),
            (ARROW_SCHEMA_META_KEY, encode_arrow_schema(&self.plain())),
        ];
        let metadata = metadata
            .into_iter()
            .map(|(key, value)| KeyValue::new(key.to_owned(), value))
            .collect();
        let mut builder = WriterProperties::builder()
            .set_compression(Compression::ZSTD(ZstdLevel::default()))
            .set_max_row_group_row_count(Some(ROW_GROUP_ROWS_MAX))
            .set_max_row_group_bytes(Some(ROW_GROUP_BYTES_MAX))
            .set_created_by(concat!("huntd ", env!("CARGO_PKG_VERSION")).to_owned())
            .set_key_value_metadata(Some(metadata));
        for column in self.schema.columns() {
            if is_looked_up(column) {
                builder = with_bloom_filter(builder, &column.name);
            }
        }
        builder.build()
    }

    /// The schema that readers are told: without Arrow's string views, which not all know.
    fn plain(&self) -> ArrowSchema {
        let plain = |field: &Arc<Field>| {
            let ty = match field.data_type() {
                DataType::Utf8View => DataType::Utf8,
                other => other.clone(),
            };
            field.as_ref().clone().with_data_type(ty)
        };
        ArrowSchema::new(self.arrow.fields().iter().map(plain).collect::<Vec<_>>())
    }
}

/// Whether people look single values of this column up: hashes and identifiers.
fn is_looked_up(column: &Column) -> bool {
    let is_text = matches!(column.ty, ScalarType::String | ScalarType::Guid);
    let is_hash = ["SHA1", "SHA256", "MD5"]
        .iter()
        .any(|hash| column.name.ends_with(hash));
    is_text && (is_hash || column.name.ends_with("Id"))
}

fn with_bloom_filter(builder: WriterPropertiesBuilder, column: &str) -> WriterPropertiesBuilder {
    let path = ColumnPath::new(vec![column.to_owned()]);
    builder
        .set_column_bloom_filter_enabled(path.clone(), true)
        .set_column_bloom_filter_fpp(path.clone(), 0.01)
        .set_column_bloom_filter_max_ndv(path, BLOOM_FILTER_VALUES)
}

fn repeated_text(text: &str, rows: usize) -> ArrayRef {
    let mut builder = StringViewBuilder::with_capacity(rows).with_deduplicate_strings();
    for _ in 0..rows {
        builder.append_value(text);
    }
    Arc::new(builder.finish())
}

fn repeated_time(at: chrono::DateTime<chrono::Utc>, rows: usize) -> Result<ArrayRef, ArrowError> {
    let nanoseconds = at
        .timestamp_nanos_opt()
        .ok_or_else(|| ArrowError::ComputeError(format!("{at} is outside the years 1678-2262")))?;
    let values = Int64Array::from_value(nanoseconds, rows).values().clone();
    Ok(Arc::new(
        TimestampNanosecondArray::new(values, None).with_timezone(UTC),
    ))
}
