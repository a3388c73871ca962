//! A table of Parquet files that have one schema and are known beforehand, for programs that
//! have no folder of many kinds of files to look after.

use std::fs::File;
use std::path::Path;
use std::sync::Arc;

use arrow::datatypes::{DataType, Schema as ArrowSchema, SchemaRef};
use async_trait::async_trait;
use datafusion::catalog::{Session, TableProvider};
use datafusion::common::{Result, Statistics};
use datafusion::error::DataFusionError;
use datafusion::logical_expr::{Expr, TableProviderFilterPushDown, TableType};
use datafusion::physical_plan::ExecutionPlan;
use kql::types::Schema;
use parquet::arrow::arrow_reader::{ArrowReaderMetadata, ArrowReaderOptions};

use super::{Convert, ParquetFile, ParquetScan, rows};
use crate::types::{arrow_schema, projected};

/// The schema under which a scan reads files of `schema`: all text as string views.
pub fn file_schema(schema: &ArrowSchema) -> SchemaRef {
    let fields = schema.fields().iter().map(|field| {
        let ty = match field.data_type() {
            DataType::Utf8 | DataType::LargeUtf8 => DataType::Utf8View,
            other => other.clone(),
        };
        field.as_ref().clone().with_data_type(ty)
    });
    Arc::new(ArrowSchema::new(fields.collect::<Vec<_>>()))
}

impl ParquetFile {
    /// Reads the footer of a file; the file and its [`file_schema`]. Blocks. `path` is absolute.
    pub fn open(path: &Path) -> Result<(Self, SchemaRef)> {
        let content = File::open(path)?;
        let facts = content.metadata()?;
        let loaded = ArrowReaderMetadata::load(&content, ArrowReaderOptions::new())
            .map_err(|error| DataFusionError::External(Box::new(error)))?;
        let file = Self {
            path: path.to_owned(),
            bytes: facts.len(),
            modified: facts.modified().ok(),
            metadata: Some(Arc::clone(loaded.metadata())),
        };
        Ok((file, file_schema(loaded.schema())))
    }
}

/// The table.
#[derive(Debug)]
pub struct ParquetTable {
    columns: Schema,
    schema: SchemaRef,
    file_schema: SchemaRef,
    files: Vec<ParquetFile>,
    convert: Convert,
}

impl ParquetTable {
    /// `columns` of files that have `file_schema`. `convert` is for values of types that KQL does
    /// not have, or that are not those of the column.
    pub fn new(
        columns: Schema,
        file_schema: SchemaRef,
        files: Vec<ParquetFile>,
        convert: Convert,
    ) -> Self {
        Self {
            schema: arrow_schema(&columns),
            columns,
            file_schema,
            files,
            convert,
        }
    }
}

#[async_trait]
impl TableProvider for ParquetTable {
    fn schema(&self) -> SchemaRef {
        Arc::clone(&self.schema)
    }

    fn table_type(&self) -> TableType {
        TableType::Base
    }

    /// Filters leave out row groups and rows, but not every row that does not match.
    fn supports_filters_pushdown(
        &self,
        filters: &[&Expr],
    ) -> Result<Vec<TableProviderFilterPushDown>> {
        Ok(vec![TableProviderFilterPushDown::Inexact; filters.len()])
    }

    fn statistics(&self) -> Option<Statistics> {
        let mut statistics = Statistics::new_unknown(&self.schema);
        statistics.num_rows = rows(&self.files);
        Some(statistics)
    }

    async fn scan(
        &self,
        state: &dyn Session,
        projection: Option<&Vec<usize>>,
        _: &[Expr],
        limit: Option<usize>,
    ) -> Result<Arc<dyn ExecutionPlan>> {
        let columns = projected(&self.columns, projection);
        let scan = ParquetScan {
            file_schema: &self.file_schema,
            columns: columns.columns(),
            schema: &arrow_schema(&columns),
            limit,
            partitions: state.config().target_partitions(),
            convert: self.convert,
        };
        scan.plan(&self.files)
    }
}
