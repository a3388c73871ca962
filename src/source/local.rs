//! The source `local`: KQL on the embedded engine over a folder of telemetry.
//!
//! `discover` finds the files, `tables` the columns, `provider` scans them through the engine's
//! `parquet` and through `text`. The folder is looked at anew for every query.

pub mod config;

mod column;
mod compression;
mod convert;
mod csv;
mod discover;
mod fetch;
mod infer;
mod json_text;
mod lines;
mod provider;
mod prune;
mod sink;
mod tables;
mod text;

use std::path::Path;
use std::sync::{Arc, OnceLock};

use async_trait::async_trait;
use datafusion::error::DataFusionError;
use datafusion::physical_plan::stream::RecordBatchStreamAdapter;
use futures::StreamExt as _;
use kql::catalog::{Catalog as _, INGESTION_COLUMN, SharedCatalog};
use kql::diagnostic::Diagnostic;
use kql::types::Schema;
use kql::window::{Mode, Read, reads};
use kql_datafusion::tables::Tables;
use kql_datafusion::{
    EngineError, ExternalData, Fetch, KqlContext, Limits, QueryStream, QueryTime,
};

use self::config::MissingTables;
use self::fetch::HttpFetch;
use self::infer::Summaries;
use self::provider::ScanContext;
use self::tables::{LocalTables, Lookups};
use super::diagnosis::{Diagnosis, Effort};
use super::{QueryResult, QuerySpec, QueryStats, Source, SourceError, kusto_ticks};

pub use config::LocalConfig;

/// A folder of telemetry.
pub struct LocalSource {
    config: Arc<LocalConfig>,
    known: SharedCatalog,
    summaries: Arc<Summaries>,
    lookups: Arc<Lookups>,
    /// Who reads addresses for `externaldata`, made when a query first needs it.
    fetch: OnceLock<Arc<dyn Fetch>>,
}

impl std::fmt::Debug for LocalSource {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("LocalSource")
            .field("config", &self.config)
            .finish_non_exhaustive()
    }
}

impl LocalSource {
    /// A source over the folder of `config`, in which tables of `known` have their columns and
    /// types from there. Nothing is read yet.
    pub fn new(config: LocalConfig, known: SharedCatalog) -> Self {
        Self {
            config: Arc::new(config),
            known,
            summaries: Arc::default(),
            lookups: Arc::default(),
            fetch: OnceLock::new(),
        }
    }

    fn discover(
        &self,
        config: &Arc<LocalConfig>,
        stats: Arc<QueryStats>,
    ) -> Result<LocalTables, String> {
        let context = ScanContext {
            on_error: self.config.on_error,
            date_partitions: self.config.date_partitions,
            summaries: Arc::clone(&self.summaries),
            stats,
        };
        let lookups = Arc::clone(&self.lookups);
        LocalTables::discover(
            Arc::clone(config),
            Arc::clone(&self.known),
            context,
            lookups,
        )
    }

    /// What `externaldata` may read.
    fn external_data(&self) -> Result<ExternalData, SourceError> {
        let config = &self.config.externaldata;
        let is_address = |place: &String| place.to_ascii_lowercase().starts_with("https:");
        let fetch = if !config.allow.iter().any(is_address) {
            None
        } else if let Some(fetch) = self.fetch.get() {
            Some(Arc::clone(fetch))
        } else {
            let made = HttpFetch::new().map_err(|error| SourceError::Failed(error.to_string()))?;
            Some(Arc::clone(self.fetch.get_or_init(|| Arc::new(made))))
        };
        let bytes_max = config.mib_max.saturating_mul(1 << 20);
        Ok(ExternalData {
            allow: config.allow.clone(),
            bytes_max: usize::try_from(bytes_max).unwrap_or(usize::MAX),
            fetch,
            ..ExternalData::default()
        })
    }

    fn limits(&self, spec: &QuerySpec) -> Limits {
        let seconds = spec.timeout.as_secs() + u64::from(spec.timeout.subsec_nanos() > 0);
        let memory_bytes = self.config.memory_mib_max.saturating_mul(1 << 20);
        Limits {
            memory_bytes: usize::try_from(memory_bytes).unwrap_or(usize::MAX),
            seconds: Some(seconds),
            ..Limits::default()
        }
    }
}

#[async_trait]
impl Source for LocalSource {
    /// The tables that the folder holds now, and those that are known but have no files yet: a
    /// query reports that, and also a folder that cannot be read.
    fn catalog(&self) -> SharedCatalog {
        let config = Arc::new(LocalConfig {
            missing_tables: MissingTables::Empty,
            ..LocalConfig::clone(&self.config)
        });
        match self.discover(&config, Arc::default()) {
            Ok(tables) => Arc::new(tables),
            Err(_) => Arc::clone(&self.known) as _,
        }
    }

    /// The tables that the folder holds now. Where tables without files are empty, those too.
    fn tables(&self) -> Result<SharedCatalog, SourceError> {
        let tables = self.discover(&self.config, Arc::default());
        Ok(Arc::new(tables.map_err(SourceError::Unreadable)?))
    }

    async fn query(&self, query: &QuerySpec) -> Result<QueryResult, SourceError> {
        let ready = self.ready(query).await?;
        let stream = ready.context.stream(&ready.query, ready.time).await;
        Ok(ready.result(None, stream.map_err(&*ready.failed)?))
    }

    async fn results(&self, query: &QuerySpec) -> Result<Vec<QueryResult>, SourceError> {
        let ready = self.ready(query).await?;
        let streams = ready.context.streams(&ready.query, ready.time).await;
        let streams = streams.map_err(&*ready.failed)?.into_iter();
        Ok(streams
            .map(|result| ready.result(result.name, result.stream))
            .collect())
    }

    async fn diagnose(&self, _effort: Effort) -> Vec<Diagnosis> {
        let config = Arc::new(LocalConfig {
            missing_tables: MissingTables::Error,
            ..LocalConfig::clone(&self.config)
        });
        let place = self.config.path.display();
        vec![match self.discover(&config, Arc::default()) {
            Ok(tables) => match tables.table_names().len() {
                0 => {
                    let help = "put files into it, named after their tables";
                    Diagnosis::warn("tables", format!("{place} has none"), help)
                }
                count => Diagnosis::ok("tables", format!("{place} has {count}")),
            },
            Err(error) => {
                let help = "`path` must name a folder that huntd can read";
                Diagnosis::fail("tables", error, help)
            }
        }]
    }
}

/// A query that is about to run.
struct Ready {
    context: KqlContext,
    query: kql::hir::Query,
    time: QueryTime,
    stats: Arc<QueryStats>,
    /// Tells errors of the engine as those of the source.
    failed: Arc<dyn Fn(EngineError) -> SourceError + Send + Sync>,
}

impl Ready {
    fn result(&self, name: Option<Arc<str>>, stream: QueryStream) -> QueryResult {
        let failed = Arc::clone(&self.failed);
        let batches = stream.batches.map(move |batch| {
            batch.map_err(|error| DataFusionError::External(Box::new(failed(error.into()))))
        });
        QueryResult {
            name,
            schema: stream.schema,
            render: self.query.render.clone(),
            batches: Box::pin(RecordBatchStreamAdapter::new(stream.arrow_schema, batches)),
            stats: Arc::clone(&self.stats),
        }
    }
}

impl LocalSource {
    async fn ready(&self, query: &QuerySpec) -> Result<Ready, SourceError> {
        let stats = Arc::clone(&query.stats);
        let source = Self {
            config: Arc::clone(&self.config),
            known: Arc::clone(&self.known),
            summaries: Arc::clone(&self.summaries),
            lookups: Arc::clone(&self.lookups),
            fetch: self.fetch.clone(),
        };
        let external = self.external_data()?;
        let (spec, limits) = (query.clone(), self.limits(query));
        let shared = Arc::clone(&stats);
        // Finding files and columns reads the disk.
        let prepared = tokio::task::spawn_blocking(move || source.prepare(&spec, limits, shared));
        let (context, resolved) = prepared
            .await
            .map_err(|error| SourceError::Failed(error.to_string()))??;
        let time = QueryTime {
            now: kusto_ticks(query.now.unwrap_or(query.window.end())),
            window: query.window_applies.then(|| {
                (
                    kusto_ticks(query.window.start()),
                    kusto_ticks(query.window.end()),
                )
            }),
        };
        let root = std::path::absolute(&self.config.path);
        let root = root.unwrap_or_else(|_| self.config.path.clone());
        let root = root.display().to_string();
        let engine = SourceError::of_engine(query.timeout, query.text.clone());
        // The Parquet reader does not say which file it failed on.
        let failed = move |error| match engine(error) {
            SourceError::Unreadable(what) if !what.contains(&root) => {
                SourceError::Unreadable(format!("{root}: {what}; is a file damaged?"))
            }
            other => other,
        };
        Ok(Ready {
            context: context.with_external_data(external),
            query: resolved,
            time,
            stats,
            failed: Arc::new(failed),
        })
    }

    fn prepare(
        &self,
        spec: &QuerySpec,
        limits: Limits,
        stats: Arc<QueryStats>,
    ) -> Result<(KqlContext, kql::hir::Query), SourceError> {
        let tables = Arc::new(
            self.discover(&self.config, stats)
                .map_err(SourceError::Unreadable)?,
        );
        let shared: Arc<dyn Tables> = Arc::<LocalTables>::clone(&tables);
        let context = KqlContext::new(shared, limits)
            .map_err(|error| SourceError::Failed(error.to_string()))?;
        let bound = context.bind_with(&spec.text, &spec.parameters);
        // A table that cannot be read, or has no files, is not an unknown one.
        if bound.query.is_none()
            && let Some(failure) = tables.failures().into_values().next()
        {
            return Err(SourceError::Unreadable(failure));
        }
        let Some(query) = bound.query else {
            return Err(SourceError::InvalidQuery {
                diagnostics: bound.diagnostics,
                text: spec.text.clone(),
            });
        };
        if spec.window_applies && spec.window_mode == Mode::Ingestion {
            let reads = reads(&spec.text, &query);
            if let Some(read) = reads.iter().find(|read| read.lacks_arrival()) {
                return Err(SourceError::InvalidQuery {
                    diagnostics: vec![lacks_arrival(read)],
                    text: spec.text.clone(),
                });
            }
        }
        Ok((context.with_window_mode(spec.window_mode), query))
    }
}

/// What is wrong with a window by time of ingestion over a table that has none.
fn lacks_arrival(read: &Read) -> Diagnostic {
    let message = format!(
        "a window by time of ingestion needs to know when rows of `{}` arrived: the table has no \
         datetime column `{INGESTION_COLUMN}`",
        read.table
    );
    Diagnostic::error("KQL900", read.span, message)
        .with_help("let the export keep `ingestion_time()` under that name, or use `time: event`")
}

/// A table over one Parquet file, with the columns of `schema` and no time column.
pub(crate) fn parquet_table(
    name: &str,
    schema: Schema,
    file: &Path,
) -> Result<impl Tables + use<>, String> {
    LocalTables::of_file(name, schema, file)
}
