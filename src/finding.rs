//! What a hunt found: rows that matter, with entities, severity and a fingerprint.

pub mod entity;
pub mod fingerprint;
pub mod severity;

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

use crate::id::{FindingId, HuntName, RunId};
use crate::window::Window;

pub use entity::{Entity, EntityKind};
pub use fingerprint::Fingerprint;
pub use severity::Severity;

/// A row of evidence: column name to value, as JSON renders KQL values, in column order.
pub type EvidenceRow = serde_json::Map<String, serde_json::Value>;

/// Rows of one run that belong together.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
pub struct Finding {
    /// Its id.
    pub id: FindingId,
    /// The hunt that found it.
    pub hunt: HuntName,
    /// The run that found it.
    pub run: RunId,
    /// The window of that run.
    pub window: Window,
    /// One line for people.
    pub title: String,
    /// How bad it is.
    pub severity: Severity,
    /// Who and what is concerned.
    pub entities: Vec<Entity>,
    /// Equal for findings that are the same thing.
    pub fingerprint: Fingerprint,
    /// The values that the fingerprint was made of, by column.
    pub key: BTreeMap<String, String>,
    /// The first rows, capped.
    pub evidence: Vec<EvidenceRow>,
    /// How many rows there are in all.
    pub rows: u64,
    /// When it was detected.
    pub detected_at: DateTime<Utc>,
}
