//! What huntd remembers: watermarks, runs, findings and the outbox. `sqlite` is the store; all
//! callers see the small traits they need. `suite` says what every store must keep to.
//!
//! Instants are kept to the microsecond.

pub mod config;
pub mod lock;
pub mod sqlite;
#[cfg(test)]
mod suite;

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Debug;

use async_trait::async_trait;
use chrono::{DateTime, Utc};

use crate::alert::{Delivery, DeliveryStatus};
use crate::finding::{Finding, Fingerprint};
use crate::id::{ActionName, DeliveryId, FindingId, HuntName, RunId, SourceName};
use crate::run::{RunRecord, RunRequest};
use crate::window::Window;

/// Most entries of a listing, and most that are taken at once.
pub const LISTED_MAX: usize = 10_000;

/// Why the store did not answer.
#[derive(Debug, thiserror::Error)]
pub enum StateError {
    /// The database refused: locked, full, corrupt, unreadable.
    #[error("state {path}: {reason}")]
    Database {
        /// Which database.
        path: String,
        /// What happened, and what to do.
        reason: String,
    },
    /// Another process serves from the same state.
    #[error("state {path} is in use by another huntd; stop it, or give this one another `state`")]
    InUse {
        /// Which database.
        path: String,
    },
    /// The run to be recorded belongs to somebody else by now, or is closed.
    #[error("the lease of run {run} was lost: another huntd took it over, or it is closed")]
    LeaseLost {
        /// Which run.
        run: RunId,
    },
}

/// All that the store does.
pub trait Store: ScheduleStore + RunStore + Outbox {}

impl<T: ScheduleStore + RunStore + Outbox> Store for T {}

/// What the scheduler reads and writes.
#[async_trait]
pub trait ScheduleStore: Debug + Send + Sync {
    /// Notes which hunts are loaded, and no others: runs of those that are not wait until they
    /// are back. A hunt that has no watermark gets its initial one. Answers with the planned
    /// watermark of each that comes with one.
    async fn register(
        &self,
        hunts: &[Registration],
    ) -> Result<BTreeMap<HuntName, DateTime<Utc>>, StateError>;

    /// Planned watermarks of these hunts: the end of the last window planned or skipped. For a
    /// hunt never seen, the instant that comes with it. Changes nothing.
    async fn watermarks(
        &self,
        hunts: &[(HuntName, DateTime<Utc>)],
    ) -> Result<BTreeMap<HuntName, DateTime<Utc>>, StateError>;

    /// End of the last window that is done with all windows before it.
    async fn completed(&self, hunt: &HuntName) -> Result<Option<DateTime<Utc>>, StateError>;

    /// Records windows to run and windows skipped, in one transaction; a window that is already
    /// there is left as it is. Planning moves the *planned* watermark only.
    async fn plan(&self, run: &[RunRequest], skip: &[RunRequest]) -> Result<(), StateError>;
}

/// A loaded hunt.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Registration {
    /// Which.
    pub hunt: HuntName,
    /// Where it runs.
    pub source: SourceName,
    /// Its watermark, if it has none yet; none for a hunt that is not run by a schedule.
    pub initial: Option<DateTime<Utc>>,
}

/// What the runner reads and writes.
#[async_trait]
pub trait RunStore: Debug + Send + Sync {
    /// Takes up to `limit` runs of loaded hunts whose time has come, longest due first: the oldest
    /// scheduled one of each hunt, none of a hunt that has a run under way. They are marked
    /// running, with a lease for `owner`.
    async fn claim(&self, claim: &Claim) -> Result<Vec<RunRequest>, StateError>;

    /// Adds a run that starts at once, with a lease for `lease.owner`; its hunt need not be
    /// loaded. Whether it may: not while another run of the hunt is under way.
    async fn begin(&self, request: &RunRequest, lease: &Lease) -> Result<bool, StateError>;

    /// Prolongs the leases of runs under way.
    async fn renew(&self, runs: &[RunId], lease: &Lease) -> Result<(), StateError>;

    /// Gives back runs that were claimed and not finished, as if never claimed; one that a person
    /// asked for has failed.
    async fn release(&self, runs: &[RunId], lease: &Lease) -> Result<(), StateError>;

    /// Takes away runs whose lease has run out, and gives them back as [`RunStore::release`] does.
    /// The caller that holds the state's lock may take all scheduled runs, as nobody else can be
    /// running them, and puts deliveries that were being sent back into the queue. How many runs
    /// and deliveries there were.
    async fn recover(&self, lease: &Lease, holder: Holder) -> Result<u64, StateError>;

    /// Which of these fingerprints were told, and when last.
    async fn last_told(
        &self,
        fingerprints: &[Fingerprint],
    ) -> Result<BTreeMap<Fingerprint, DateTime<Utc>>, StateError>;

    /// Records the end of an attempt: the run, its findings, what is to be told, that it was told
    /// and, for a scheduled run that covered its window, the watermark; all or nothing.
    async fn record(&self, outcome: &RunOutcome) -> Result<(), StateError>;

    /// Closed runs, last ended first; none of a hunt that has a run under way.
    async fn ended_last(&self, limit: usize) -> Result<Vec<RunRequest>, StateError>;

    /// The file of the run that covered this window of the hunt last; none if it found nothing,
    /// or no run has covered it.
    async fn result_of(
        &self,
        hunt: &HuntName,
        window: Window,
    ) -> Result<Option<String>, StateError>;

    /// One run.
    async fn run(&self, id: RunId) -> Result<Option<RunRecord>, StateError>;

    /// Newest first.
    async fn runs(&self, filter: &RunFilter) -> Result<Vec<RunRecord>, StateError>;

    /// Newest first.
    async fn findings(&self, filter: &FindingFilter) -> Result<Vec<StoredFinding>, StateError>;
}

/// The right to execute a run.
#[derive(Clone, Copy, Debug)]
pub struct Lease {
    /// Who has it.
    pub owner: uuid::Uuid,
    /// The present instant.
    pub now: DateTime<Utc>,
    /// Until when, unless renewed.
    pub until: DateTime<Utc>,
}

/// Which runs to take.
#[derive(Clone, Debug)]
pub struct Claim {
    /// Who takes them, and for how long.
    pub lease: Lease,
    /// Most runs to take.
    pub limit: usize,
    /// Most runs to take by source; none of a source that is not listed.
    pub slots: BTreeMap<SourceName, usize>,
}

/// Who recovers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Holder {
    /// The only process that serves from this state: it holds its lock.
    Exclusive,
    /// One of several.
    Shared,
}

/// The end of an attempt.
#[derive(Clone, Debug)]
pub struct RunOutcome {
    /// Who executed it; must still hold the lease.
    pub owner: uuid::Uuid,
    /// How the run stands now; where another attempt follows, its request carries the number and
    /// the time of that.
    pub record: RunRecord,
    /// Whether another attempt follows: the window is not done with, and those behind it wait.
    pub again: bool,
    /// Every finding of the run.
    pub findings: Vec<StoredFinding>,
    /// What is to be told.
    pub deliveries: Vec<Delivery>,
}

/// A finding with what became of it.
#[derive(Clone, Debug, PartialEq)]
pub struct StoredFinding {
    /// The finding.
    pub finding: Finding,
    /// Why it was not told, if it was not.
    pub suppressed: Option<String>,
}

/// Which runs to list.
#[derive(Clone, Debug, Default)]
pub struct RunFilter {
    /// Of this hunt only.
    pub hunt: Option<HuntName>,
    /// At most this many; zero: [`LISTED_MAX`].
    pub limit: usize,
}

/// Which findings to list.
#[derive(Clone, Debug, Default)]
pub struct FindingFilter {
    /// Of this hunt only.
    pub hunt: Option<HuntName>,
    /// Of this run only.
    pub run: Option<RunId>,
    /// This one only.
    pub id: Option<FindingId>,
    /// At most this many; zero: [`LISTED_MAX`].
    pub limit: usize,
}

/// What the dispatcher reads and writes.
#[async_trait]
pub trait Outbox: Debug + Send + Sync {
    /// Takes up to `limit` deliveries whose time has come, longest due first, and marks them as
    /// sending. Those of the actions in `except` are left.
    async fn take_due(
        &self,
        now: DateTime<Utc>,
        limit: usize,
        except: &BTreeSet<ActionName>,
    ) -> Result<Vec<Delivery>, StateError>;

    /// Records what came of a delivery.
    async fn settle(&self, delivery: &Settled) -> Result<(), StateError>;

    /// When the next pending delivery is due.
    async fn next_due(&self) -> Result<Option<DateTime<Utc>>, StateError>;

    /// Newest first; of any status, or with this one. At most `limit`; zero: [`LISTED_MAX`].
    async fn deliveries(
        &self,
        status: Option<DeliveryStatus>,
        limit: usize,
    ) -> Result<Vec<Delivery>, StateError>;

    /// One delivery.
    async fn delivery(&self, id: DeliveryId) -> Result<Option<Delivery>, StateError>;

    /// Puts a dead delivery back into the queue. Whether there was one.
    async fn resend(&self, id: DeliveryId, now: DateTime<Utc>) -> Result<bool, StateError>;
}

/// What came of a delivery.
#[derive(Clone, Debug)]
pub struct Settled {
    /// Which.
    pub id: DeliveryId,
    /// How it stands now.
    pub status: DeliveryStatus,
    /// Attempts made so far.
    pub attempts: u32,
    /// Next attempt, for a pending one.
    pub not_before: DateTime<Utc>,
    /// Error, if any.
    pub last_error: Option<String>,
}
