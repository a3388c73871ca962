//! A hunt: a query with its schedule, window, detection and actions. Immutable once loaded.
//!
//! Files become hunts in `hunt/`: `file` takes one apart, `header` is what its settings may be,
//! `build` makes a hunt of them, `load` all hunts of a configuration. Nothing here knows where a
//! query runs or who is told.

pub mod build;
pub mod config;
pub mod file;
pub mod header;
pub mod load;
mod mitre;
pub mod threshold;

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use crate::finding::{EntityKind, Severity};
use crate::id::{ActionName, HuntName, SourceName};
use crate::schedule::{CatchUp, Schedule, WindowRule};

pub use load::HuntSet;

/// Loaded hunts by name, shared by all who need them.
pub type Hunts = Arc<BTreeMap<HuntName, Arc<Hunt>>>;

/// A loaded and validated hunt.
#[derive(Clone, Debug, PartialEq)]
pub struct Hunt {
    /// The stem of its file.
    pub name: HuntName,
    /// `name:` of the definition header, else the file's stem.
    pub title: String,
    /// What it looks for.
    pub description: String,
    /// Where it is defined.
    pub origin: Origin,
    /// Whether the scheduler runs it.
    pub enabled: bool,
    /// When it fires; none: only by hand.
    pub schedule: Option<Schedule>,
    /// Where it runs.
    pub source: SourceName,
    /// Its windows.
    pub window: WindowRule,
    /// What happens with missed windows.
    pub catch_up: CatchUp,
    /// Longest time a run may take.
    pub timeout: Duration,
    /// Severity of its findings.
    pub severity: Severity,
    /// MITRE ATT&CK tactics.
    pub tactics: Vec<String>,
    /// MITRE ATT&CK techniques.
    pub techniques: Vec<String>,
    /// Columns that hold entities.
    pub entities: Vec<EntityMapping>,
    /// When a result is a finding.
    pub detect: Detect,
    /// Title template of its findings (minijinja), with `hunt`, `row`, `rows`, `key`, `window`.
    pub finding_title: Option<String>,
    /// What makes two findings the same, and for how long.
    pub dedupe: Dedupe,
    /// Who is told.
    pub actions: Vec<ActionName>,
    /// The KQL text.
    pub query: String,
}

/// Where a hunt is defined.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Origin {
    /// Its file.
    pub path: PathBuf,
    /// Line of the file (from one) on which the query's first line stands.
    pub query_line: u32,
}

/// A column that holds an entity.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EntityMapping {
    /// Kind of entity.
    pub kind: EntityKind,
    /// Column of the result.
    pub column: String,
}

/// Name of the table that a detection reads: the result, as its file has it.
pub const RESULTS: &str = "Results";

/// When a result is a finding. Both forms are KQL over the table `Results`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Detect {
    /// `rows > 0` and the like: fires or not; the findings are made of the result's rows.
    Threshold(Threshold),
    /// Findings are made of the rows that this query yields.
    Query(String),
}

/// `rows OP N`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Threshold {
    /// Comparison.
    pub operator: ThresholdOperator,
    /// Number of rows to compare with.
    pub rows: u64,
}

/// Comparisons of a threshold.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ThresholdOperator {
    /// `>`
    Greater,
    /// `>=`
    GreaterOrEqual,
    /// `<`
    Less,
    /// `<=`
    LessOrEqual,
    /// `==`
    Equal,
    /// `!=`
    NotEqual,
}

impl ThresholdOperator {
    /// The operator as KQL writes it.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Greater => ">",
            Self::GreaterOrEqual => ">=",
            Self::Less => "<",
            Self::LessOrEqual => "<=",
            Self::Equal => "==",
            Self::NotEqual => "!=",
        }
    }
}

impl Detect {
    /// The KQL over `Results` that decides: it yields a row if and only if the hunt fires.
    pub fn to_kql(&self) -> String {
        match self {
            Self::Threshold(Threshold { operator, rows }) => {
                let operator = operator.as_str();
                format!("{RESULTS} | summarize rows = count() | where rows {operator} {rows}")
            }
            Self::Query(query) => query.clone(),
        }
    }
}

/// What makes two findings the same, and for how long it is not told again.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Dedupe {
    /// Columns whose values make the fingerprint; empty: the entity columns, and where there are
    /// none, the hunt alone.
    pub key: Vec<String>,
    /// How long the same fingerprint is not told again; zero: always told.
    pub window: Duration,
}
