//! Where a query runs. Each kind of source has its file or folder below `source/`.

pub mod local;
pub mod schema;

use std::fmt::Debug;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use datafusion::execution::SendableRecordBatchStream;
use kql::diagnostic::Diagnostic;
use kql::types::Schema;

use crate::window::Window;
use local::LocalConfig;

/// A source as configured.
#[derive(Clone, Debug, PartialEq, serde::Deserialize, schemars::JsonSchema)]
#[serde(tag = "kind", rename_all = "lowercase")]
pub enum SourceConfig {
    /// The embedded engine over a folder of telemetry.
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

/// A place that answers KQL queries.
#[async_trait]
pub trait Source: Debug + Send + Sync {
    /// What the binder may know of its tables.
    fn catalog(&self) -> Arc<dyn kql::catalog::Catalog + Send + Sync>;

    /// Runs `query` over `window`; `now()` is the window's end. Rows stream: the result is never
    /// held whole. Dropping the stream cancels the query.
    async fn query(&self, query: &QuerySpec) -> Result<QueryResult, SourceError>;
}

/// What to run.
#[derive(Clone, Debug, PartialEq)]
pub struct QuerySpec {
    /// KQL.
    pub text: String,
    /// What `now()` is and, where `window_applies`, what every table is confined to.
    pub window: Window,
    /// Whether tables are confined to the window; an ad-hoc query may not want that.
    pub window_applies: bool,
    /// Longest time until the last row.
    pub timeout: Duration,
}

/// A result on its way.
pub struct QueryResult {
    /// KQL columns.
    pub schema: Schema,
    /// Batches whose Arrow schema is `kql_datafusion::types::arrow_schema(&schema)`.
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
