//! A hunt: a query with its schedule, window, detection and actions. Immutable once loaded.
//!
//! Files become hunts in `hunt/`: `file` takes one apart, `header` is what its settings may be,
//! `build` makes a hunt of them, `load` all hunts of a configuration; `format` lays their queries
//! out. What else holds queries, `document` finds out: rules of `sentinel`, fences in `markdown`.
//! Nothing here knows where a query runs or who is told.

pub mod build;
pub mod config;
pub mod document;
pub mod file;
pub mod format;
pub mod header;
pub mod load;
mod markdown;
mod mitre;
pub mod query;
pub mod sentinel;
pub mod threshold;

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use chrono::TimeDelta;
use kql::window::Mode;
use schemars::JsonSchema;
use serde::Deserialize;

use crate::finding::{EntityKind, Severity};
use crate::id::{ActionName, HuntName, SourceName};
use crate::schedule::{CatchUp, CatchUpPolicy, Schedule, WindowRule};

pub use load::HuntSet;
pub use threshold::{Threshold, ThresholdOperator};

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
    /// By which time of a row it is in a window.
    pub window_mode: Mode,
    /// What happens with missed windows.
    pub catch_up: CatchUp,
    /// What becomes of a window whose result the source cut.
    pub truncated: Truncated,
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

/// How long a run may take.
const TIMEOUT: Duration = Duration::from_mins(10);
/// Missed windows that are run: a day of quarter-hours.
const CATCH_UP_LIMIT: usize = 96;
/// How long the same finding is not told again.
const DEDUPE_WINDOW: Duration = Duration::from_hours(24);

impl Hunt {
    /// A hunt with every setting at its default: run by hand, and telling nobody.
    pub fn new(name: HuntName, source: SourceName, query: &str) -> Self {
        Self {
            title: name.to_string(),
            name,
            description: String::new(),
            origin: Origin::default(),
            enabled: true,
            schedule: None,
            source,
            window: WindowRule {
                lookback: TimeDelta::zero(),
                delay: TimeDelta::zero(),
            },
            window_mode: Mode::Event,
            catch_up: CatchUp {
                policy: CatchUpPolicy::Each,
                limit: CATCH_UP_LIMIT,
            },
            truncated: Truncated::default(),
            timeout: TIMEOUT,
            severity: Severity::default(),
            tactics: Vec::new(),
            techniques: Vec::new(),
            entities: Vec::new(),
            detect: Detect::default(),
            finding_title: None,
            dedupe: Dedupe {
                key: Vec::new(),
                window: DEDUPE_WINDOW,
            },
            actions: Vec::new(),
            query: query.to_owned(),
        }
    }
}

/// What becomes of a window whose result the source cut, and that could not be had in parts.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Truncated {
    /// The next window is run; the run says what is missing.
    #[default]
    Advance,
    /// The window is tried again, and those behind it wait.
    Hold,
}

impl Truncated {
    /// Lowercase word.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Advance => "advance",
            Self::Hold => "hold",
        }
    }
}

/// Where a hunt is defined.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
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

/// `rows > 0`.
impl Default for Detect {
    fn default() -> Self {
        Self::Threshold(Threshold {
            operator: ThresholdOperator::Greater,
            rows: 0,
        })
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
