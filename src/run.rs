//! One execution of a hunt for one window: what is asked for, how it stands, how it ended.

pub mod report;
pub mod result_file;

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

use self::report::SourceReport;
use crate::id::{HuntName, RunId};
use crate::window::Window;

/// Why a run exists.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Trigger {
    /// A fire time of the hunt's schedule. Only these move the watermark.
    Schedule,
    /// A person asked for it.
    Manual,
    /// A window of a range that is filled later.
    Backfill,
}

/// How a run stands.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum RunStatus {
    /// Waits for its turn.
    Planned,
    /// Somebody holds its lease.
    Running,
    /// Every row of the window is there.
    Complete,
    /// Rows are missing: the source cut the result, and it could not be had in parts.
    Truncated,
    /// A part of the window could not be read, as configured (`on_error: skip`).
    Partial,
    /// The last attempt failed; it is tried again unless it was asked for by a person.
    Failed,
    /// Not run, by the hunt's policy for missed windows.
    Skipped,
}

/// A run to be done.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct RunRequest {
    /// Same for all attempts.
    pub id: RunId,
    /// Which hunt.
    pub hunt: HuntName,
    /// Which window.
    pub window: Window,
    /// The scheduled instant, or when it was asked for.
    pub fire_time: DateTime<Utc>,
    /// Not before this instant: the fire time, its jitter, or the wait after a failed attempt.
    pub not_before: DateTime<Utc>,
    /// Why.
    pub trigger: Trigger,
    /// Number of the next attempt, from one.
    pub attempt: u32,
}

/// Everything that is known of a run.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
pub struct RunRecord {
    /// What was asked for.
    pub request: RunRequest,
    /// How it stands.
    pub status: RunStatus,
    /// Start of the last attempt.
    pub started_at: Option<DateTime<Utc>>,
    /// End of the last attempt.
    pub finished_at: Option<DateTime<Utc>>,
    /// What came of it.
    pub counts: RunCounts,
    /// Path of the result in the lake, relative to its root; none for an empty result.
    pub file: Option<String>,
    /// Why it failed, was skipped, or is not complete.
    pub message: Option<String>,
    /// What the source told of it: the parts of the window and the calls made.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub report: Option<Box<SourceReport>>,
}

/// What a run produced.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
pub struct RunCounts {
    /// Rows of the result.
    pub rows: u64,
    /// Bytes of the file in the lake.
    pub bytes: u64,
    /// Malformed lines or files that were skipped, as configured.
    pub skipped_inputs: u64,
    /// Findings detected.
    pub matched: u64,
    /// Findings never seen before, or not within their dedupe time.
    pub new: u64,
    /// Findings that were suppressed as already told.
    pub suppressed: u64,
    /// Deliveries put into the outbox.
    pub notified: u64,
}

impl Trigger {
    const ALL: [Self; 3] = [Self::Schedule, Self::Manual, Self::Backfill];

    /// Lowercase word.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Schedule => "schedule",
            Self::Manual => "manual",
            Self::Backfill => "backfill",
        }
    }

    /// The trigger of that word.
    pub fn parse(word: &str) -> Option<Self> {
        Self::ALL
            .into_iter()
            .find(|trigger| trigger.as_str() == word)
    }
}

impl RunStatus {
    const ALL: [Self; 7] = [
        Self::Planned,
        Self::Running,
        Self::Complete,
        Self::Truncated,
        Self::Partial,
        Self::Failed,
        Self::Skipped,
    ];

    /// Lowercase word.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Planned => "planned",
            Self::Running => "running",
            Self::Complete => "complete",
            Self::Truncated => "truncated",
            Self::Partial => "partial",
            Self::Failed => "failed",
            Self::Skipped => "skipped",
        }
    }

    /// The status of that word.
    pub fn parse(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|status| status.as_str() == word)
    }
}

impl RunRecord {
    /// A run of which nothing has happened yet.
    pub fn planned(request: RunRequest) -> Self {
        Self {
            request,
            status: RunStatus::Planned,
            started_at: None,
            finished_at: None,
            counts: RunCounts::default(),
            file: None,
            message: None,
            report: None,
        }
    }
}
