//! Books as they are stored: what was used, call by call, and what refusals taught. What several
//! processes store of one tenant adds up.

use chrono::{DateTime, Utc};

use super::Lane;
use super::learnt::Learnt;
use super::ledger::CallId;

/// The version in which this program writes what was learnt. That of another version is not read.
pub const LEARNT_VERSION: u32 = 1;

/// What is new in a ledger since it was stored last.
#[derive(Clone, PartialEq, Debug, Default)]
pub struct Snapshot {
    /// Calls made. Those with an id that is stored replace it.
    pub calls: Vec<CallRecord>,
    /// Calls booked and never sent.
    pub returned: Vec<CallId>,
    /// Running time, to be added to that of the same minute.
    pub running: Vec<RunningRecord>,
    /// What refusals taught, if that changed.
    pub learnt: Option<Learnt>,
    /// When it was taken.
    pub saved_at: DateTime<Utc>,
    /// No limit counts calls that were counted before.
    pub since: DateTime<Utc>,
}

/// A call.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
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

/// Running time of the queries of a lane that ended in a minute.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct RunningRecord {
    /// Minutes since 1970-01-01T00:00Z.
    pub minute: i64,
    /// Whose.
    pub lane: Lane,
    /// How long they ran, together.
    pub milliseconds: i64,
}
