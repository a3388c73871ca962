//! Books as they are stored: what was used, call by call, and what refusals taught. What several
//! processes store of one tenant adds up.

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

use super::Lane;
use super::learnt::Learnt;
use super::ledger::CallId;

/// The version that this program writes. What is of another version is not read.
pub const SNAPSHOT_VERSION: u32 = 1;

/// What a ledger knows, or what is new in it since it was stored.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
pub struct Snapshot {
    /// [`SNAPSHOT_VERSION`].
    pub version: u32,
    /// Calls made. Those with an id that is stored replace it.
    pub calls: Vec<CallRecord>,
    /// Calls booked and never sent.
    pub returned: Vec<CallId>,
    /// Running time, to be added to that of the same minute.
    pub running: Vec<RunningRecord>,
    /// What refusals taught.
    pub learnt: Learnt,
    /// When it was stored.
    pub saved_at: DateTime<Utc>,
    /// Whether the process went on then: calls of the second that followed may be missing.
    pub open: bool,
}

/// A call.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct CallRecord {
    /// Which.
    pub id: CallId,
    /// When it was booked.
    pub at: DateTime<Utc>,
    /// By when the service has counted it.
    pub counted_by: DateTime<Utc>,
    /// Its lane.
    pub lane: Lane,
    /// Whether it has ended.
    pub ended: bool,
}

/// Running time of the queries that ended in a minute.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct RunningRecord {
    /// Minutes since 1970-01-01T00:00Z.
    pub minute: i64,
    /// How long they ran, together.
    pub milliseconds: i64,
}
