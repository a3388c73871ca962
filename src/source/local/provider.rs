//! A table of a folder as DataFusion scans it: files that cannot match are left out, the others
//! read by the scan for their format.

use std::sync::Arc;
use std::sync::atomic::Ordering;

use arrow::datatypes::SchemaRef;
use async_trait::async_trait;
use datafusion::catalog::{Session, TableProvider};
use datafusion::common::Statistics;
use datafusion::error::{DataFusionError, Result};
use datafusion::logical_expr::{Expr, TableProviderFilterPushDown, TableType};
use datafusion::physical_plan::ExecutionPlan;
use datafusion::physical_plan::empty::EmptyExec;
use datafusion::physical_plan::union::UnionExec;
use kql::catalog::TableInfo;
use kql_datafusion::parquet::{ParquetFile, ParquetScan, rows as parquet_rows};
use kql_datafusion::types::{arrow_schema, projected};

use super::config::{DatePartitions, OnError};
use super::convert::convert;
use super::discover::{Format, InputFile};
use super::infer::{ParquetSummary, Summaries, Summary};
use super::prune::TimeBounds;
use super::sink::{Wanted, wanted_time};
use super::text::TextScan;
use crate::parallel;
use crate::source::QueryStats;

/// What all tables of one query share.
#[derive(Debug)]
pub(super) struct ScanContext {
    pub(super) on_error: OnError,
    pub(super) date_partitions: DatePartitions,
    pub(super) summaries: Arc<Summaries>,
    pub(super) stats: Arc<QueryStats>,
}

/// A table with its files.
#[derive(Debug)]
pub(super) struct LocalTable {
    info: TableInfo,
    schema: SchemaRef,
    files: Vec<InputFile>,
    context: Arc<ScanContext>,
}

impl LocalTable {
    pub(super) fn new(info: TableInfo, files: Vec<InputFile>, context: Arc<ScanContext>) -> Self {
        Self {
            schema: arrow_schema(&info.schema),
            info,
            files,
            context,
        }
    }

    fn bounds(&self, filters: &[Expr]) -> TimeBounds {
        match &self.info.time_column {
            Some(column) => TimeBounds::of(filters, column),
            None => TimeBounds::ALL,
        }
    }

    /// Whether a file's folder allows for rows inside the bounds.
    fn may_hold(&self, file: &InputFile, bounds: TimeBounds) -> bool {
        match (self.context.date_partitions, file.day) {
            (DatePartitions::Event, Some(day)) => bounds.overlaps_day(day),
            _ => true,
        }
    }

    /// Parquet files with rows inside the bounds, grouped by schema. Reads footers.
    async fn parquet_files(
        &self,
        files: Vec<InputFile>,
        bounds: TimeBounds,
    ) -> Result<Vec<(SchemaRef, Vec<ParquetFile>)>> {
        let context = Arc::clone(&self.context);
        let time = self.info.time_column.clone();
        let read = tokio::task::spawn_blocking(move || {
            let mut groups: Vec<(SchemaRef, Vec<ParquetFile>)> = Vec::new();
            let summaries = parallel::map(&files, |file| context.summary(file));
            for (file, summary) in files.iter().zip(summaries) {
                let Some(summary) = summary? else {
                    continue;
                };
                let Some(parquet) = &summary.parquet else {
                    continue;
                };
                let range = time.as_ref().and_then(|time| parquet.time_ranges.get(time));
                if range.is_some_and(|(min, max)| !bounds.overlaps(*min, *max)) {
                    continue;
                }
                let file = parquet_file(file, parquet);
                match groups
                    .iter_mut()
                    .find(|(schema, _)| *schema == parquet.schema)
                {
                    Some((_, group)) => group.push(file),
                    None => groups.push((Arc::clone(&parquet.schema), vec![file])),
                }
            }
            Ok(groups)
        });
        read.await
            .map_err(|error| DataFusionError::External(Box::new(error)))?
    }
}

impl ScanContext {
    /// A Parquet file whose footer is known already.
    fn known_parquet_file(&self, file: &InputFile) -> Option<ParquetFile> {
        let summary = self.summaries.known(file)?;
        Some(parquet_file(file, summary.parquet.as_ref()?))
    }

    /// The summary of a file; `None` if it is unreadable and left out as configured.
    fn summary(&self, file: &InputFile) -> Result<Option<Arc<Summary>>> {
        match (self.summaries.of(file), self.on_error) {
            (Ok(summary), _) => Ok(Some(summary)),
            (Err(_), OnError::Skip) => {
                self.stats.skipped_inputs.fetch_add(1, Ordering::Relaxed);
                Ok(None)
            }
            (Err(what), OnError::Fail) => {
                let path = file.path.display();
                let text =
                    format!("{path}: {what}; replace or remove the file, or set `on_error: skip`");
                Err(DataFusionError::External(text.into()))
            }
        }
    }
}

#[async_trait]
impl TableProvider for LocalTable {
    fn schema(&self) -> SchemaRef {
        Arc::clone(&self.schema)
    }

    fn table_type(&self) -> TableType {
        TableType::Base
    }

    /// Filters leave out files, row groups and rows, but not every row that does not match.
    fn supports_filters_pushdown(
        &self,
        filters: &[&Expr],
    ) -> Result<Vec<TableProviderFilterPushDown>> {
        Ok(vec![TableProviderFilterPushDown::Inexact; filters.len()])
    }

    /// Known only where the footers of Parquet files say it.
    fn statistics(&self) -> Option<Statistics> {
        let files = self
            .files
            .iter()
            .map(|file| self.context.known_parquet_file(file));
        let files = files.collect::<Option<Vec<ParquetFile>>>()?;
        let mut statistics = Statistics::new_unknown(&self.schema);
        statistics.num_rows = parquet_rows(&files);
        Some(statistics)
    }

    async fn scan(
        &self,
        state: &dyn Session,
        projection: Option<&Vec<usize>>,
        filters: &[Expr],
        limit: Option<usize>,
    ) -> Result<Arc<dyn ExecutionPlan>> {
        let columns = projected(&self.info.schema, projection);
        let schema = arrow_schema(&columns);
        let bounds = self.bounds(filters);
        let partitions = state.config().target_partitions();
        let inside = self
            .files
            .iter()
            .filter(|file| self.may_hold(file, bounds))
            .cloned();
        let (parquet, text): (Vec<_>, Vec<_>) =
            inside.partition(|file| file.format == Format::Parquet);
        let mut plans: Vec<Arc<dyn ExecutionPlan>> = Vec::new();
        for (file_schema, files) in self.parquet_files(parquet, bounds).await? {
            let scan = ParquetScan {
                file_schema: &file_schema,
                columns: columns.columns(),
                schema: &schema,
                limit,
                partitions,
                convert,
            };
            plans.push(scan.plan(&files)?);
        }
        if !text.is_empty() {
            let wanted = Wanted {
                columns: columns.columns().into(),
                schema: Arc::clone(&schema),
                time: wanted_time(columns.columns(), self.info.time_column.as_deref(), bounds),
                batch_rows: state.config().batch_size(),
                on_error: self.context.on_error,
                stats: Arc::clone(&self.context.stats),
            };
            plans.push(Arc::new(TextScan::new(wanted, &text, partitions)));
        }
        match plans.len() {
            0 => Ok(Arc::new(EmptyExec::new(schema))),
            1 => Ok(plans.remove(0)),
            _ => UnionExec::try_new(plans),
        }
    }
}

fn parquet_file(file: &InputFile, parquet: &ParquetSummary) -> ParquetFile {
    ParquetFile {
        path: file.path.clone(),
        bytes: file.bytes,
        modified: file.modified,
        metadata: parquet.metadata.clone(),
    }
}
