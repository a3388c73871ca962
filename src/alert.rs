//! What one destination is told: the findings of one run, grouped for one action.

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

use crate::finding::{Finding, Severity};
use crate::id::{ActionName, DeliveryId, HuntName, RunId};
use crate::run::RunStatus;
use crate::window::Window;

/// Version of [`Alert`] as stored in the outbox and as webhooks receive it.
pub const ALERT_VERSION: u32 = 1;

/// The findings of one run for one destination, with all that a message needs to say.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
pub struct Alert {
    /// [`ALERT_VERSION`] when it was written.
    pub version: u32,
    /// The hunt.
    pub hunt: HuntSummary,
    /// The run.
    pub run: RunId,
    /// The window that was covered.
    pub window: Window,
    /// Whether the result was complete.
    pub status: RunStatus,
    /// Why rows are missing, where the source cut the result.
    #[serde(default)]
    pub missing: Option<String>,
    /// Rows of the whole result.
    pub rows: u64,
    /// Path of the whole result in the lake, relative to its root.
    pub file: Option<String>,
    /// The findings that are new; never empty.
    pub findings: Vec<Finding>,
    /// Findings of the same run that were not told again.
    pub suppressed: u64,
    /// When the run finished.
    pub created_at: DateTime<Utc>,
}

/// What a message says about the hunt.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct HuntSummary {
    /// Name, the stem of its file.
    pub name: HuntName,
    /// Title for people.
    pub title: String,
    /// What it looks for.
    pub description: String,
    /// MITRE ATT&CK tactics.
    pub tactics: Vec<String>,
    /// MITRE ATT&CK techniques, such as `T1059.001`.
    pub techniques: Vec<String>,
    /// The KQL text.
    pub query: String,
}

impl Alert {
    /// The highest severity among its findings.
    pub fn severity(&self) -> Severity {
        self.findings
            .iter()
            .map(|finding| finding.severity)
            .max()
            .unwrap_or_default()
    }
}

/// An alert on its way to one action: a row of the outbox.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
pub struct Delivery {
    /// Its id, sent along as idempotency key.
    pub id: DeliveryId,
    /// Unique text of hunt, window and destination: the same effect is never queued twice.
    pub key: String,
    /// Which action.
    pub action: ActionName,
    /// What to tell.
    pub alert: Alert,
    /// How it stands.
    pub status: DeliveryStatus,
    /// Attempts made.
    pub attempts: u32,
    /// Not before this instant.
    pub not_before: DateTime<Utc>,
    /// When it was queued.
    pub created_at: DateTime<Utc>,
    /// Error of the last attempt.
    pub last_error: Option<String>,
}

/// How a delivery stands.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum DeliveryStatus {
    /// Waits for its time.
    Pending,
    /// Handed to the action; its fate is unknown until recorded.
    Sending,
    /// Done.
    Done,
    /// Given up; kept until a person resends it.
    Dead,
}

impl DeliveryStatus {
    const ALL: [Self; 4] = [Self::Pending, Self::Sending, Self::Done, Self::Dead];

    /// Lowercase word.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Pending => "pending",
            Self::Sending => "sending",
            Self::Done => "done",
            Self::Dead => "dead",
        }
    }

    /// The status of that word.
    pub fn parse(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|status| status.as_str() == word)
    }
}
