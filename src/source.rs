//! Where a query runs. Each kind of source has its file or folder below `source/`.

pub mod decode;
pub mod local;
pub mod schema;
pub mod spool;

use std::collections::BTreeMap;
use std::fmt::Debug;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use chrono::{DateTime, Utc};
use datafusion::error::DataFusionError;
use datafusion::execution::SendableRecordBatchStream;
use kql::bind::Parameters;
use kql::catalog::SharedCatalog;
use kql::diagnostic::Diagnostic;
use kql::hir::Render;
use kql::types::{Schema, TICKS_AT_UNIX_EPOCH, TICKS_PER_SECOND};
use kql::window::Mode;
use kql_datafusion::{EngineError, Limit};
use serde::Deserialize;

use crate::id::SourceName;
use crate::window::Window;

use local::{LocalConfig, LocalSource};

/// A source of the configuration.
#[derive(Clone, Debug, PartialEq, Deserialize, schemars::JsonSchema)]
#[serde(tag = "kind", rename_all = "lowercase")]
pub enum SourceConfig {
    /// A folder of telemetry.
    Local(LocalConfig),
}

impl SourceConfig {
    /// Word for the kind, as configured.
    pub fn kind(&self) -> &'static str {
        match self {
            Self::Local(_) => "local",
        }
    }
}

/// Sources by name.
pub type Sources = BTreeMap<SourceName, Arc<dyn Source>>;

/// Makes all sources of a configuration. Nothing is read yet.
pub fn build_all(configs: &BTreeMap<SourceName, SourceConfig>) -> Sources {
    configs
        .iter()
        .map(|(name, config)| (name.clone(), build(config)))
        .collect()
}

/// Makes the source of a configuration. Nothing is read yet.
pub fn build(config: &SourceConfig) -> Arc<dyn Source> {
    match config {
        SourceConfig::Local(config) => {
            let known = Arc::<schema::TableList>::clone(schema::defender());
            Arc::new(LocalSource::new(config.clone(), known))
        }
    }
}

/// A place that answers KQL queries.
#[async_trait]
pub trait Source: Debug + Send + Sync {
    /// What the binder may know of its tables.
    fn catalog(&self) -> SharedCatalog;

    /// The tables that a query can read now, which may be fewer than the binder knows. Looking for
    /// them, and asking for the columns of one, may read the disk.
    fn tables(&self) -> Result<SharedCatalog, SourceError> {
        Ok(self.catalog())
    }

    /// Runs `query` over `window`; `now()` is the window's end. Rows stream: the result is never
    /// held whole. Dropping the stream cancels the query. One that yields several tables (`fork`,
    /// `facet`) is an error.
    async fn query(&self, query: &QuerySpec) -> Result<QueryResult, SourceError>;

    /// The same for any number of tables, in the order written. They share their statistics.
    async fn results(&self, query: &QuerySpec) -> Result<Vec<QueryResult>, SourceError>;
}

/// What to run.
#[derive(Clone, Debug, PartialEq)]
pub struct QuerySpec {
    /// KQL.
    pub text: String,
    /// Values for the parameters that it declares.
    pub parameters: Parameters,
    /// What every table is confined to where `window_applies`; its end is what `now()` is.
    pub window: Window,
    /// Whether tables are confined to the window; an ad-hoc query may not want that.
    pub window_applies: bool,
    /// By which time of a row it is in the window.
    pub window_mode: Mode,
    /// What `now()` is, where that is not the end of the window.
    pub now: Option<DateTime<Utc>>,
    /// Longest time until the last row.
    pub timeout: Duration,
}

/// A result on its way.
pub struct QueryResult {
    /// What the query calls it, where it yields several.
    pub name: Option<Arc<str>>,
    /// KQL columns.
    pub schema: Schema,
    /// How the query asks to be drawn.
    pub render: Option<Render>,
    /// Batches with the Arrow types of KQL's, version numbers as decimals without a fraction
    /// (`kql_datafusion::types`).
    pub batches: SendableRecordBatchStream,
    /// Filled in while the stream runs, final at its end.
    pub stats: Arc<QueryStats>,
}

/// What a source left out, as it was configured to.
#[derive(Debug, Default)]
pub struct QueryStats {
    /// Malformed lines or files skipped.
    pub skipped_inputs: std::sync::atomic::AtomicU64,
}

/// Why a query did not run; each kind is answered differently.
#[derive(Debug, thiserror::Error)]
pub enum SourceError {
    /// The query is wrong: trying again does not help. Rendered with place and help.
    #[error("{}", render(diagnostics, text))]
    InvalidQuery {
        /// What is wrong.
        diagnostics: Vec<Diagnostic>,
        /// The query text.
        text: String,
    },
    /// Data cannot be read or decoded: says which file and line.
    #[error("{0}")]
    Unreadable(String),
    /// A limit was hit; names the limit and the setting.
    #[error("{0}")]
    Limit(String),
    /// Not finished in time.
    #[error("the query did not finish within {}", humantime(*.0))]
    Timeout(Duration),
    /// Anything else.
    #[error("{0}")]
    Failed(String),
}

impl SourceError {
    /// Turns errors of the embedded engine into those of the query that it ran.
    pub(crate) fn of_engine(
        timeout: Duration,
        text: String,
    ) -> impl Fn(EngineError) -> Self + Send + Sync + 'static {
        move |error| match error {
            EngineError::NotSupported { span, .. }
            | EngineError::Invalid { span, .. }
            | EngineError::NoFunctionTable { span, .. } => {
                let message = error.to_string();
                Self::InvalidQuery {
                    diagnostics: vec![Diagnostic::error("KQL900", span, message)],
                    text: text.clone(),
                }
            }
            EngineError::Limit(Limit::Seconds(_)) => Self::Timeout(timeout),
            EngineError::Limit(Limit::Memory { detail, .. }) => Self::Limit(format!(
                "the query needs more memory than it may have; raise `memory_mib_max` of the \
                 source, or narrow the query ({detail})"
            )),
            EngineError::Limit(limit) => Self::Limit(limit.to_string()),
            EngineError::Source(place) => Self::Unreadable(place),
            EngineError::Execution(_) => Self::Failed(error.to_string()),
        }
    }
}

/// The error of a result's stream: what the source put there.
impl From<DataFusionError> for SourceError {
    fn from(error: DataFusionError) -> Self {
        match error {
            DataFusionError::External(source) => match source.downcast::<Self>() {
                Ok(own) => *own,
                Err(source) => Self::Failed(source.to_string()),
            },
            other => Self::Failed(other.strip_backtrace()),
        }
    }
}

/// An instant in Kusto's ticks.
pub(crate) fn kusto_ticks(at: DateTime<Utc>) -> i64 {
    let within_second = i64::from(at.timestamp_subsec_nanos()) / 100;
    at.timestamp() * TICKS_PER_SECOND + within_second + TICKS_AT_UNIX_EPOCH
}

fn render(diagnostics: &[Diagnostic], text: &str) -> String {
    let rendered: Vec<String> = diagnostics
        .iter()
        .map(|diagnostic| diagnostic.render("query", text))
        .collect();
    rendered.join("\n")
}

fn humantime(duration: Duration) -> String {
    format!("{} s", duration.as_secs_f64())
}
