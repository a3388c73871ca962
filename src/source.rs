//! Where a query runs. Each kind of source has its file or folder below `source/`.

pub mod broker;
pub mod decode;
pub mod diagnosis;
pub mod local;
pub mod remote;
pub mod schema;
pub mod spool;

use std::collections::BTreeMap;
use std::fmt::Debug;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use anyhow::Context as _;
use async_trait::async_trait;
use chrono::{DateTime, Utc};
use datafusion::error::DataFusionError;
use datafusion::execution::SendableRecordBatchStream;
use kql::bind::Parameters;
use kql::catalog::{EmptyCatalog, SharedCatalog};
use kql::diagnostic::Diagnostic;
use kql::hir::Render;
use kql::types::{Schema, TICKS_AT_UNIX_EPOCH, TICKS_PER_SECOND};
use kql::window::Mode;
use kql_datafusion::{EngineError, Limit};
use serde::Deserialize;

use crate::clock::SharedClock;
use crate::id::SourceName;
use crate::microsoft::{ConnectionProblem, Service};
use crate::quota::Lane;
use crate::run::report::SourceReport;
use crate::window::Window;

use broker::Broker;
use diagnosis::{Diagnosis, Effort};
use local::{LocalConfig, LocalSource};
use remote::config::{GraphConfig, HuntingConfig, KustoConfig, LogAnalyticsConfig};
use schema::Family;

/// A source of the configuration.
#[derive(Clone, Debug, PartialEq, Deserialize, schemars::JsonSchema)]
#[serde(tag = "kind", rename_all = "lowercase")]
pub enum SourceConfig {
    /// A folder of telemetry.
    Local(LocalConfig),
    /// Advanced hunting of Microsoft Defender XDR, through Microsoft Graph.
    Graph(GraphConfig),
    /// Advanced hunting of Microsoft Defender XDR through its own API, which ends on 2027-02-01.
    Xdr(HuntingConfig),
    /// Advanced hunting of Microsoft Defender for Endpoint, which ends on 2027-02-01.
    Mde(HuntingConfig),
    /// A workspace of Log Analytics or Microsoft Sentinel.
    LogAnalytics(LogAnalyticsConfig),
    /// A database of Azure Data Explorer or a Fabric Eventhouse.
    Kusto(KustoConfig),
}

impl SourceConfig {
    /// Word for the kind, as configured.
    pub fn kind(&self) -> &'static str {
        match self {
            Self::Local(_) => "local",
            Self::Graph(_) => "graph",
            Self::Xdr(_) => "xdr",
            Self::Mde(_) => "mde",
            Self::LogAnalytics(_) => "loganalytics",
            Self::Kusto(_) => "kusto",
        }
    }
}

impl SourceConfig {
    /// Whether it is a service, which knows of each row when it arrived.
    pub fn is_service(&self) -> bool {
        !matches!(self, Self::Local(_))
    }

    /// What is wrong with it beyond the form of its options. Reads no file and opens no
    /// connection.
    pub fn check(&self) -> Vec<ConnectionProblem> {
        let (service, product) = match self {
            Self::Local(_) => return Vec::new(),
            Self::Graph(config) => (&config.service, Service::GraphSecurity),
            Self::Xdr(config) => (&config.service, Service::Xdr),
            Self::Mde(config) => (&config.service, Service::Mde),
            Self::LogAnalytics(config) => (&config.service, Service::LogAnalytics),
            Self::Kusto(config) => (&config.service, Service::Kusto),
        };
        service.check(product)
    }
}

/// Sources by name.
pub type Sources = BTreeMap<SourceName, Arc<dyn Source>>;

/// What sources are made with, beside their configuration.
#[derive(Clone)]
pub struct Surroundings {
    /// Tells the time.
    pub clock: SharedClock,
    /// Gives turns where a service limits calls.
    pub broker: Arc<Broker>,
    /// Tables that the configuration declares.
    pub declared: SharedCatalog,
}

impl Surroundings {
    /// With a broker that remembers nothing beyond this process, and no declared tables.
    pub fn new(clock: SharedClock) -> Self {
        Self {
            broker: Broker::new(Arc::clone(&clock), None),
            clock,
            declared: Arc::new(EmptyCatalog),
        }
    }
}

/// Makes all sources of a configuration. Nothing is read yet, but for certificates.
pub fn build_all(
    configs: &BTreeMap<SourceName, SourceConfig>,
    surroundings: &Surroundings,
) -> anyhow::Result<Sources> {
    let build = |(name, config): (&SourceName, &SourceConfig)| {
        let source = build(config, surroundings).with_context(|| format!("source `{name}`"))?;
        Ok((name.clone(), source))
    };
    configs.iter().map(build).collect()
}

/// Makes the source of a configuration. Nothing is read yet, but for certificates.
pub fn build(
    config: &SourceConfig,
    surroundings: &Surroundings,
) -> anyhow::Result<Arc<dyn Source>> {
    Ok(match config {
        SourceConfig::Local(config) => local(config),
        SourceConfig::Graph(config) => remote::graph(config, surroundings)?,
        SourceConfig::Xdr(config) => remote::xdr(config, surroundings)?,
        SourceConfig::Mde(config) => remote::mde(config, surroundings)?,
        SourceConfig::LogAnalytics(config) => remote::log_analytics(config, surroundings)?,
        SourceConfig::Kusto(config) => remote::kusto(config, surroundings)?,
    })
}

/// What the binder may know of a source's tables, without a client for it: reads the folder of a
/// local one. Tables that the configuration declares go before those that are known.
pub fn catalog(config: &SourceConfig, declared: &SharedCatalog) -> SharedCatalog {
    let known = match config {
        SourceConfig::Local(config) => return local(config).catalog(),
        SourceConfig::Graph(config) => config.tables(),
        SourceConfig::Xdr(_) | SourceConfig::Mde(_) => Family::Defender.tables(),
        SourceConfig::LogAnalytics(_) => Family::Sentinel.tables(),
        SourceConfig::Kusto(_) => schema::any_table(),
    };
    schema::layered(declared, known)
}

/// Makes a source over a folder.
pub fn local(config: &LocalConfig) -> Arc<dyn Source> {
    let known = Arc::<schema::TableList>::clone(schema::defender());
    Arc::new(LocalSource::new(config.clone(), known))
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

    /// Looks whether it can be asked, for a person who wants to know. Takes no longer than a
    /// minute, and fails never: what does not work is told.
    async fn diagnose(&self, _effort: Effort) -> Vec<Diagnosis> {
        Vec::new()
    }
}

/// What to run.
#[derive(Clone, Debug)]
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
    /// Whose turn it is where a service limits calls.
    pub turn: Turn,
    /// Where the source tells about the query while it runs, so that it is known of one that
    /// fails, too.
    pub stats: Arc<QueryStats>,
}

/// Who asks, and how urgently.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Turn {
    /// Which lane it waits in.
    pub lane: Lane,
    /// The hunt, or whatever else asks; turns are shared fairly between them.
    pub hunt: Arc<str>,
    /// After this instant the answer is of no use: calls that would be made later are not waited
    /// for.
    pub deadline: Option<DateTime<Utc>>,
    /// After this instant the source gives up if it has got nothing so far. One that has parts of
    /// the answer goes on to the deadline.
    pub begin_by: Option<DateTime<Utc>>,
    /// How often a call is tried at most, where that is less than the source would.
    pub attempts: Option<u32>,
}

/// How often a call is tried for a person, who would rather know.
const ATTEMPTS_FOR_A_PERSON: u32 = 3;

impl Turn {
    /// Of a person who waits for the answer.
    pub fn of_person() -> Self {
        Self {
            lane: Lane::Detection,
            hunt: "a person".into(),
            deadline: None,
            begin_by: None,
            attempts: Some(ATTEMPTS_FOR_A_PERSON),
        }
    }
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

/// What a source tells about a query beside its rows.
#[derive(Debug, Default)]
pub struct QueryStats {
    /// Malformed lines or files skipped, as configured.
    pub skipped_inputs: std::sync::atomic::AtomicU64,
    /// Which parts of the window were asked for, and what came of them.
    report: Mutex<Option<SourceReport>>,
}

impl QueryStats {
    /// What is told so far; none of a source that has nothing to tell.
    pub fn report(&self) -> Option<SourceReport> {
        let report = self.report.lock();
        report.unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Why rows are missing, where the source cut the result. True once the last row is there.
    pub fn missing(&self) -> Option<String> {
        self.report().and_then(|report| report.missing())
    }

    /// Changes what is told.
    pub(crate) fn tell(&self, change: impl FnOnce(&mut Option<SourceReport>)) {
        change(&mut self.report.lock().unwrap_or_else(PoisonError::into_inner));
    }
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
    /// The service says that the query is wrong: trying again does not help.
    #[error("{0}")]
    Refused(String),
    /// Data cannot be read or decoded: says which file and line.
    #[error("{0}")]
    Unreadable(String),
    /// A limit was hit; names the limit and the setting.
    #[error("{0}")]
    Limit(String),
    /// Not finished in time.
    #[error("the query did not finish within {}", humantime(*.0))]
    Timeout(Duration),
    /// The service takes no more calls for now.
    #[error("{message}")]
    Throttled {
        /// Which quota, and until when.
        message: String,
        /// When it is worth another try, if known.
        until: Option<DateTime<Utc>>,
    },
    /// The service does not let us in: says what to do.
    #[error("{0}")]
    Unauthorized(String),
    /// The service cannot be reached, or fails; it is worth another try.
    #[error("{0}")]
    Unavailable(String),
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
