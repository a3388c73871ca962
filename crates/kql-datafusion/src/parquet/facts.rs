//! What the footers of a scan's files say about a column in all of them. A footer that is not
//! known says nothing, and then nothing is taken for granted.

use std::sync::Arc;

use arrow::datatypes::SchemaRef;
use parquet::arrow::parquet_column;
use parquet::file::metadata::ParquetMetaData;
use parquet::file::statistics::Statistics;

/// The footers of all files of a scan.
#[derive(Clone, Debug)]
pub(super) struct Facts {
    footers: Option<Arc<[Arc<ParquetMetaData>]>>,
    schema: SchemaRef,
}

impl Facts {
    /// `footers` are those of all files, `schema` the schema they share.
    pub(super) fn new(footers: Option<Arc<[Arc<ParquetMetaData>]>>, schema: &SchemaRef) -> Self {
        Self {
            footers,
            schema: Arc::clone(schema),
        }
    }

    /// Whether the column is nowhere null.
    pub(super) fn is_never_null(&self, name: &str) -> bool {
        self.each(name, |statistics| {
            statistics.null_count_opt().is_some_and(|nulls| nulls == 0)
        })
    }

    /// Whether the column's numbers times `factor` are everywhere 64-bit numbers.
    pub(super) fn fits_times(&self, name: &str, factor: i64) -> bool {
        let fits = |number: Option<&i64>| {
            number.is_some_and(|number| number.checked_mul(factor).is_some())
        };
        self.each(name, |statistics| match statistics {
            Statistics::Int64(known) => fits(known.min_opt()) && fits(known.max_opt()),
            _ => false,
        })
    }

    /// Whether `holds` is true of the column in all row groups of all files.
    fn each(&self, name: &str, holds: impl Fn(&Statistics) -> bool) -> bool {
        let Some(footers) = &self.footers else {
            return false;
        };
        footers.iter().all(|footer| {
            let columns = footer.file_metadata().schema_descr();
            let Some((position, _)) = parquet_column(columns, &self.schema, name) else {
                return false;
            };
            footer.row_groups().iter().all(|group| {
                let statistics = group.column(position).statistics();
                statistics.is_some_and(&holds)
            })
        })
    }
}
