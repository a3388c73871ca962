//! Executes planned runs: claims them, holds their leases, runs a bounded number at a time, records
//! how they ended, and tries failed ones again.
//!
//! What happens within one attempt is the [`Executor`]'s business; whom a finding is told is
//! decided in `policy`. The runner never talks to a receiver: it nudges the dispatcher.

pub mod detection;
pub mod executor;
pub mod limits;
mod outcome;
pub mod pipeline;
pub mod policy;
mod work;

use std::collections::{BTreeMap, HashMap, HashSet};
use std::sync::{Arc, Mutex, PoisonError, RwLock};
use std::time::Duration;

use chrono::TimeDelta;
use tokio::sync::Notify;
use tokio_util::sync::CancellationToken;
use tracing::Instrument as _;
use uuid::Uuid;

use crate::clock::SharedClock;
use crate::hunt::{Hunt, Hunts};
use crate::id::{HuntName, RunId, SourceName};
use crate::run::{RunRequest, RunStatus, Trigger};
use crate::source::QueryStats;
use crate::state::{Claim, Holder, Lease, RunOutcome, RunStore, StateError};
pub use executor::{Executed, ExecutionError, Executor};
pub use limits::RunnerConfig;
use work::Work;

/// How long a run is held without a sign of life of its process.
const LEASE: TimeDelta = TimeDelta::seconds(60);
/// How often leases are prolonged: a third of their length, so that two may fail.
const RENEWAL: Duration = Duration::from_secs(20);
/// Longest time between two looks for runs whose time has come.
const TICK: Duration = Duration::from_secs(1);
/// Windows that are tidied up again when the runs of another process are taken over: more than it
/// could have had in hand.
const TIDIED_AGAIN: usize = 100;
/// Waits between tries to record an outcome. After the last the run is left to its lease, and done
/// again from its beginning.
const RECORD_WAITS: [Duration; 3] = [
    Duration::from_millis(200),
    Duration::from_secs(1),
    Duration::from_secs(5),
];

/// Executes planned runs.
#[derive(Debug)]
pub struct Runner {
    store: Arc<dyn RunStore>,
    clock: SharedClock,
    config: RunnerConfig,
    owner: Uuid,
    loaded: RwLock<Loaded>,
    nudge: Arc<Notify>,
    told: Arc<Notify>,
    /// What each hunt failed with last: a cause is logged once, not with every attempt.
    failures: Mutex<HashMap<HuntName, String>>,
}

/// What runs are executed with.
#[derive(Clone, Debug)]
struct Loaded {
    hunts: Hunts,
    executor: Arc<dyn Executor>,
}

/// A run that could not be started.
#[derive(Debug, thiserror::Error)]
pub enum RunNowError {
    /// One at a time.
    #[error("hunt `{hunt}` is running already; wait until it is done (see `huntd runs {hunt}`)")]
    UnderWay {
        /// Which hunt.
        hunt: HuntName,
    },
    /// The store refused.
    #[error(transparent)]
    State(#[from] StateError),
}

impl Runner {
    /// A runner that looks for work when `nudge` is notified, and notifies `told` when there are
    /// deliveries.
    pub fn new(
        store: Arc<dyn RunStore>,
        clock: SharedClock,
        config: RunnerConfig,
        executor: Arc<dyn Executor>,
        (nudge, told): (Arc<Notify>, Arc<Notify>),
    ) -> Self {
        Self {
            store,
            clock,
            config,
            owner: Uuid::now_v7(),
            loaded: RwLock::new(Loaded {
                hunts: Hunts::default(),
                executor,
            }),
            nudge,
            told,
            failures: Mutex::default(),
        }
    }

    /// Replaces the hunts and what executes them. Runs under way go on as they began.
    pub fn load(&self, hunts: Hunts, executor: Arc<dyn Executor>) {
        *self.loaded.write().unwrap_or_else(PoisonError::into_inner) = Loaded { hunts, executor };
        self.nudge.notify_one();
    }

    /// Gives back what an earlier process left running, and removes what it left in the lake;
    /// `Exclusive` only for the holder of the state's lock.
    pub async fn recover(&self, holder: Holder) -> Result<u64, StateError> {
        let recovered = self.store.recover(&self.lease(), holder).await?;
        if holder == Holder::Exclusive || recovered > 0 {
            self.tidy_again().await?;
        }
        if recovered > 0 {
            tracing::info!(
                recovered,
                "runs and deliveries that were interrupted begin again"
            );
        }
        Ok(recovered)
    }

    /// Executes runs until `stop`; then claims no more, lets those under way finish within the
    /// configured limit, and gives the rest back.
    pub async fn run(self: Arc<Self>, stop: CancellationToken) {
        let mut work = Work::default();
        let mut refused: Option<String> = None;
        let mut tick = tokio::time::interval(TICK);
        let mut renewal = tokio::time::interval(RENEWAL);
        while !stop.is_cancelled() {
            match self.fill(&mut work).await {
                Ok(_) if refused.take().is_some() => tracing::info!("runs are claimed again"),
                Ok(_) => {}
                Err(error) => {
                    let error = error.to_string();
                    if refused.as_ref() != Some(&error) {
                        tracing::error!(error, "cannot claim runs; trying again every second");
                        refused = Some(error);
                    }
                    tick.reset();
                }
            }
            tokio::select! {
                () = stop.cancelled() => {}
                Some(joined) = work.join_next() => self.reap(&mut work, joined).await,
                () = self.nudge.notified() => {}
                _ = tick.tick() => {}
                _ = renewal.tick() => self.hold(&work).await,
            }
            while let Some(joined) = work.try_join_next() {
                self.reap(&mut work, joined).await;
            }
        }
        self.wind_down(work).await;
    }

    /// Executes every run whose time has come, and ends when there is none. How many there were.
    pub async fn run_due(self: &Arc<Self>) -> Result<usize, StateError> {
        let mut work = Work::default();
        let mut renewal = tokio::time::interval(RENEWAL);
        let mut count = 0;
        loop {
            count += self.fill(&mut work).await?;
            tokio::select! {
                joined = work.join_next() => match joined {
                    Some(joined) => self.reap(&mut work, joined).await,
                    None => return Ok(count),
                },
                _ = renewal.tick() => self.hold(&work).await,
            }
        }
    }

    /// Runs a hunt at once and records it; the hunt need not be loaded.
    pub async fn run_now(
        &self,
        hunt: &Arc<Hunt>,
        request: &RunRequest,
    ) -> Result<RunOutcome, RunNowError> {
        if !self.store.begin(request, &self.lease()).await? {
            return Err(RunNowError::UnderWay {
                hunt: hunt.name.clone(),
            });
        }
        let attempt = self.attempt(hunt, request);
        tokio::pin!(attempt);
        let mut renewal = tokio::time::interval(RENEWAL);
        let outcome = loop {
            tokio::select! {
                outcome = &mut attempt => break outcome,
                _ = renewal.tick() => {
                    if let Err(error) = self.store.renew(&[request.id], &self.lease()).await {
                        tracing::warn!(%error, "cannot prolong the lease of the run");
                    }
                }
            }
        };
        self.record(&outcome).await?;
        Ok(outcome)
    }

    /// What running a hunt would come to with this executor. Nothing is recorded and nobody is
    /// told.
    pub async fn rehearse(
        &self,
        hunt: &Arc<Hunt>,
        request: &RunRequest,
        executor: &Arc<dyn Executor>,
    ) -> RunOutcome {
        self.attempt_with(executor, hunt, request).await
    }

    fn loaded(&self) -> Loaded {
        self.loaded
            .read()
            .unwrap_or_else(PoisonError::into_inner)
            .clone()
    }

    fn lease(&self) -> Lease {
        let now = self.clock.now();
        Lease {
            owner: self.owner,
            now,
            until: now + LEASE,
        }
    }

    /// Claims and starts as many runs as there is room for.
    async fn fill(self: &Arc<Self>, work: &mut Work) -> Result<usize, StateError> {
        let limit = self.config.concurrency.get().saturating_sub(work.len());
        let Loaded { hunts, .. } = self.loaded();
        let mut slots: BTreeMap<SourceName, usize> = hunts
            .values()
            .map(|hunt| (hunt.source.clone(), self.config.per_source.get()))
            .collect();
        for source in work.sources() {
            if let Some(free) = slots.get_mut(source) {
                *free = free.saturating_sub(1);
            }
        }
        let lease = self.lease();
        let claimed = self
            .store
            .claim(&Claim {
                lease,
                limit,
                slots,
            })
            .await?;
        let count = claimed.len();
        for request in claimed {
            let Some(hunt) = hunts.get(&request.hunt) else {
                // Another process, or an earlier load, has it loaded; ours does not.
                self.store.release(&[request.id], &lease).await?;
                continue;
            };
            let span = tracing::info_span!(
                "run",
                hunt.name = %request.hunt,
                run.id = %request.id,
                window = %request.window,
            );
            let runner = Arc::clone(self);
            let attempted = (Arc::clone(hunt), request.clone());
            let task = async move {
                let (hunt, request) = attempted;
                let outcome = runner.attempt(&hunt, &request).await;
                runner.conclude(&outcome).await;
            };
            work.spawn(request, hunt.source.clone(), task.instrument(span));
        }
        Ok(count)
    }

    /// Prolongs the leases of what is under way, and only then takes over what others left: after
    /// a long sleep of the machine our own leases have run out as well.
    async fn hold(&self, work: &Work) {
        let held: Vec<RunId> = work.runs().collect();
        let renewed = self.store.renew(&held, &self.lease()).await;
        let held = match renewed {
            Ok(()) => self.recover(Holder::Shared).await.map(drop),
            Err(error) => Err(error),
        };
        if let Err(error) = held {
            tracing::warn!(%error, "cannot prolong the leases of runs under way");
        }
    }

    /// One attempt, from query to what is to be told. Nothing is recorded yet.
    async fn attempt(&self, hunt: &Arc<Hunt>, request: &RunRequest) -> RunOutcome {
        let Loaded { executor, .. } = self.loaded();
        self.attempt_with(&executor, hunt, request).await
    }

    async fn attempt_with(
        &self,
        executor: &Arc<dyn Executor>,
        hunt: &Arc<Hunt>,
        request: &RunRequest,
    ) -> RunOutcome {
        let started_at = self.clock.now();
        let stats = Arc::<QueryStats>::default();
        let execution = executor.execute(hunt, request, &stats);
        let executed = tokio::time::timeout(hunt.timeout, execution).await;
        let report = || stats.report().map(Box::new);
        let failed = match executed {
            Ok(Ok(executed)) => match self.judge(hunt, request, executed).await {
                Ok(judged) => {
                    let mut done =
                        outcome::done(self.owner, request, judged, started_at, self.now());
                    done.record.report = report();
                    return done;
                }
                Err(error) => ExecutionError::new(error.to_string()),
            },
            Ok(Err(error)) => error,
            Err(_) => ExecutionError::new(format!(
                "not finished within {}; raise the hunt's `timeout` or shorten its window",
                crate::duration::DurationText(hunt.timeout)
            )),
        };
        let mut failed = outcome::failed(self.owner, request, failed, Some(started_at), self.now());
        failed.record.report = report();
        failed
    }

    fn now(&self) -> chrono::DateTime<chrono::Utc> {
        self.clock.now()
    }

    async fn judge(
        &self,
        hunt: &Hunt,
        request: &RunRequest,
        mut executed: Executed,
    ) -> Result<policy::Judged, StateError> {
        if let Some(missing) = &executed.missing {
            let incomplete = policy::incomplete(hunt, request, missing, self.now());
            executed.findings.push(incomplete);
        }
        let fingerprints: Vec<_> = executed
            .findings
            .iter()
            .map(|finding| finding.fingerprint.clone())
            .collect();
        let told = self.store.last_told(&fingerprints).await?;
        Ok(policy::judge(hunt, request, executed, told, self.now()))
    }

    /// Records an outcome, says so once, and lets others act on it.
    async fn conclude(&self, outcome: &RunOutcome) {
        match self.record(outcome).await {
            Ok(()) => self.log(outcome),
            Err(error) => tracing::error!(
                %error,
                "cannot record a run; it begins again when its lease has run out"
            ),
        }
    }

    async fn record(&self, outcome: &RunOutcome) -> Result<(), StateError> {
        let mut waits = RECORD_WAITS.into_iter();
        loop {
            match self.store.record(outcome).await {
                Ok(()) => break,
                Err(error @ StateError::LeaseLost { .. }) => return Err(error),
                Err(error) => match waits.next() {
                    Some(wait) => tokio::time::sleep(wait).await,
                    None => return Err(error),
                },
            }
        }
        let record = &outcome.record;
        if record.status != RunStatus::Failed {
            self.tidy(&record.request, record.file.as_deref()).await;
        } else if record.request.trigger != Trigger::Schedule {
            // It is not tried again, and may have failed after its file was written.
            match self.kept_file(&record.request).await {
                Ok(file) => self.tidy(&record.request, file.as_deref()).await,
                Err(error) => tracing::warn!(%error, "the lake is tidied up at the next start"),
            }
        }
        if !outcome.deliveries.is_empty() {
            self.told.notify_one();
        }
        Ok(())
    }

    /// Tidies up after the runs that ended last: a process that was killed recorded them, perhaps,
    /// and did not come to it.
    async fn tidy_again(&self) -> Result<(), StateError> {
        let mut tidied = HashSet::new();
        for request in self.store.ended_last(TIDIED_AGAIN).await? {
            if tidied.insert((request.hunt.clone(), request.window)) {
                let file = self.kept_file(&request).await?;
                self.tidy(&request, file.as_deref()).await;
            }
        }
        Ok(())
    }

    /// The file of the run that covered the window last.
    async fn kept_file(&self, request: &RunRequest) -> Result<Option<String>, StateError> {
        let RunRequest { hunt, window, .. } = request;
        self.store.result_of(hunt, *window).await
    }

    /// Leaves `file` as the only one of the window.
    async fn tidy(&self, request: &RunRequest, file: Option<&str>) {
        let Loaded { executor, .. } = self.loaded();
        if let Err(error) = executor.tidy(request, file).await {
            tracing::warn!(%error, "cannot remove a superseded result from the lake");
        }
    }

    fn log(&self, outcome: &RunOutcome) {
        let record = &outcome.record;
        let mut failures = self.failures.lock().unwrap_or_else(PoisonError::into_inner);
        if record.status == RunStatus::Failed {
            let cause = record.message.clone().unwrap_or_default();
            let known = failures.insert(record.request.hunt.clone(), cause.clone());
            if known.as_ref() != Some(&cause) {
                let again = record.request.trigger == Trigger::Schedule;
                tracing::error!(cause, tried_again = again, "run failed");
            }
            return;
        }
        if failures.remove(&record.request.hunt).is_some() {
            tracing::info!("the hunt runs again");
        }
        if record.status == RunStatus::Truncated {
            let missing = record.message.as_deref().unwrap_or_default();
            tracing::warn!(
                missing,
                tried_again = outcome.again,
                "the result is not complete"
            );
        }
        tracing::info!(
            status = record.status.as_str(),
            rows = record.counts.rows,
            matched = record.counts.matched,
            new = record.counts.new,
            suppressed = record.counts.suppressed,
            "run finished"
        );
    }

    async fn reap(&self, work: &mut Work, joined: work::Joined) {
        let Some((request, crash)) = work.reap(joined) else {
            return;
        };
        tracing::error!(
            hunt.name = %request.hunt,
            run.id = %request.id,
            cause = crash,
            "a run ended by a defect of huntd; please report it"
        );
        let cause = ExecutionError::new(format!("internal error: {crash}"));
        let outcome = outcome::failed(self.owner, &request, cause, None, self.now());
        self.conclude(&outcome).await;
    }

    async fn wind_down(&self, mut work: Work) {
        let limit = self.config.shutdown.0;
        if work.len() > 0 {
            tracing::info!(runs = work.len(), limit = ?limit, "waiting for runs under way");
        }
        self.hold(&work).await;
        let finished = tokio::time::timeout(limit, async {
            while let Some(joined) = work.join_next().await {
                self.reap(&mut work, joined).await;
            }
        });
        if finished.await.is_ok() {
            return;
        }
        let abandoned: Vec<RunId> = work.runs().collect();
        work.abort().await;
        tracing::warn!(
            runs = abandoned.len(),
            "runs are abandoned; they begin again with huntd"
        );
        if let Err(error) = self.store.release(&abandoned, &self.lease()).await {
            tracing::warn!(%error, "abandoned runs begin again when their leases have run out");
        }
    }
}

#[cfg(test)]
mod tests;
