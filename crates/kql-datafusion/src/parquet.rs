//! Scans Parquet files of one schema as a KQL table: projected columns only, what cannot match
//! left out by statistics and bloom filters, filters run while the columns are decoded, values
//! converted to KQL's types on the way.
//!
//! Finding files and tables is the caller's business. `reader` reads bytes, `convert` is the
//! conversion as an expression of the scan, `source` decides which filters run inside it,
//! `table` is the scan of files that are known beforehand.

mod convert;
mod facts;
mod reader;
mod source;
mod table;

use std::path::PathBuf;
use std::sync::Arc;
use std::time::SystemTime;

use arrow::datatypes::SchemaRef;
use datafusion::common::metadata::FieldMetadata;
use datafusion::common::stats::Precision;
use datafusion::common::{Result, ScalarValue, Statistics};
use datafusion::datasource::listing::PartitionedFile;
use datafusion::datasource::object_store::ObjectStoreUrl;
use datafusion::datasource::physical_plan::{FileGroup, FileScanConfigBuilder, FileSource};
use datafusion::datasource::source::DataSourceExec;
use datafusion::error::DataFusionError;
use datafusion::physical_expr::PhysicalExpr;
use datafusion::physical_expr::expressions::{Column as ColumnExpr, Literal};
use datafusion::physical_expr::projection::{ProjectionExpr, ProjectionExprs};
use datafusion::physical_plan::ExecutionPlan;
use kql::types::{Column, ScalarType};
use object_store::ObjectMeta;
use object_store::path::Path as StorePath;
use parquet::file::metadata::ParquetMetaData;

use self::convert::Converted;
use self::facts::Facts;
use self::reader::{Footer, LocalReaderFactory};
use self::source::KqlParquetSource;

pub use self::convert::Convert;
pub use self::table::{ParquetTable, file_schema};

/// A file of a scan.
#[derive(Clone, Debug)]
pub struct ParquetFile {
    /// Where it is; absolute.
    pub path: PathBuf,
    /// Its size.
    pub bytes: u64,
    /// When it was last written.
    pub modified: Option<SystemTime>,
    /// Its footer, if it was read before.
    pub metadata: Option<Arc<ParquetMetaData>>,
}

/// What is read from files that have one schema.
#[derive(Debug)]
pub struct ParquetScan<'s> {
    /// Schema of the files, with all text as string views.
    pub file_schema: &'s SchemaRef,
    /// Columns of the table that are wanted.
    pub columns: &'s [Column],
    /// Their Arrow schema.
    pub schema: &'s SchemaRef,
    /// Most rows that are wanted.
    pub limit: Option<usize>,
    /// Partitions to spread the files over.
    pub partitions: usize,
    /// Converts what is not of the column's type, nor text or time of another unit.
    pub convert: Convert,
}

impl ParquetScan<'_> {
    /// A plan that reads `files`.
    pub fn plan(&self, files: &[ParquetFile]) -> Result<Arc<dyn ExecutionPlan>> {
        let mut projection = Vec::with_capacity(self.columns.len());
        for (column, field) in self.columns.iter().zip(self.schema.fields()) {
            let expr: Arc<dyn PhysicalExpr> = match self.file_schema.index_of(&column.name) {
                Ok(position) => {
                    let source = self.file_schema.field(position);
                    let input = Arc::new(ColumnExpr::new(source.name(), position));
                    let field = Arc::clone(field);
                    Arc::new(Converted::new(
                        input,
                        source,
                        column.ty,
                        field,
                        self.convert,
                    ))
                }
                Err(_) => absent(column.ty, field)?,
            };
            projection.push(ProjectionExpr {
                expr,
                alias: column.name.to_string(),
            });
        }
        let footers = files.iter().map(|file| file.metadata.clone()).collect();
        let source = KqlParquetSource::new(
            self.file_schema,
            Arc::new(LocalReaderFactory),
            &ProjectionExprs::new(projection),
            Facts::new(footers, self.file_schema),
        )?;
        let source: Arc<dyn FileSource> = Arc::new(source);
        let mut statistics = Statistics::new_unknown(self.file_schema);
        statistics.num_rows = rows(files);
        let config = FileScanConfigBuilder::new(ObjectStoreUrl::local_filesystem(), source)
            .with_file_groups(self.spread(files)?)
            .with_statistics(statistics)
            .with_limit(self.limit)
            .build();
        Ok(DataSourceExec::from_data_source(config))
    }

    /// File groups of about the same size.
    fn spread(&self, files: &[ParquetFile]) -> Result<Vec<FileGroup>> {
        let count = self.partitions.clamp(1, files.len().max(1));
        let mut groups: Vec<(u64, Vec<PartitionedFile>)> = vec![(0, Vec::new()); count];
        for file in files {
            let partitioned = self.partitioned(file)?;
            if let Some((load, group)) = groups.iter_mut().min_by_key(|(load, _)| *load) {
                *load += file.bytes;
                group.push(partitioned);
            }
        }
        Ok(groups
            .into_iter()
            .map(|(_, files)| FileGroup::new(files))
            .collect())
    }

    fn partitioned(&self, file: &ParquetFile) -> Result<PartitionedFile> {
        let location = StorePath::from_absolute_path(&file.path)
            .map_err(|error| DataFusionError::External(Box::new(error)))?;
        let meta = ObjectMeta {
            location,
            last_modified: file
                .modified
                .map_or_else(chrono::DateTime::default, Into::into),
            size: file.bytes,
            e_tag: None,
            version: None,
        };
        let mut statistics = Statistics::new_unknown(self.file_schema);
        statistics.num_rows = rows(std::slice::from_ref(file));
        Ok(PartitionedFile::new_from_meta(meta)
            .with_statistics(Arc::new(statistics))
            .with_extension(Footer {
                path: file.path.clone(),
                metadata: file.metadata.clone(),
            }))
    }
}

/// How many rows the files have, if their footers are known.
pub fn rows(files: &[ParquetFile]) -> Precision<usize> {
    let counts = files.iter().map(|file| {
        let metadata = file.metadata.as_ref()?;
        usize::try_from(metadata.file_metadata().num_rows()).ok()
    });
    match counts.sum::<Option<usize>>() {
        Some(rows) => Precision::Exact(rows),
        None => Precision::Absent,
    }
}

/// What a column is that the files do not have.
fn absent(ty: ScalarType, field: &Arc<arrow::datatypes::Field>) -> Result<Arc<dyn PhysicalExpr>> {
    let value = if ty == ScalarType::String {
        ScalarValue::Utf8View(Some(String::new()))
    } else {
        ScalarValue::try_from(field.data_type())?
    };
    let metadata = FieldMetadata::from(field.as_ref());
    Ok(Arc::new(Literal::new_with_metadata(value, Some(metadata))))
}
