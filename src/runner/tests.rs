//! The runner on a real store, with an executor whose results are made up, and faults at every
//! step of an attempt.

use std::collections::BTreeSet;
use std::sync::atomic::{AtomicUsize, Ordering};

use async_trait::async_trait;
use chrono::{DateTime, Utc};
use tempfile::TempDir;

use super::*;
use crate::clock::{Clock as _, ManualClock};
use crate::finding::{Finding, Fingerprint, Severity};
use crate::hunt::{Dedupe, Truncated};
use crate::id::{ActionName, FindingId};
use crate::run::RunRecord;
use crate::run::report::SourceReport;
use crate::scheduler::Scheduler;
use crate::scheduler::tests::{hunt, hunts, instant};
use crate::source::QueryStats;
use crate::state::sqlite::SqliteStore;
use crate::state::{FindingFilter, Outbox as _, RunFilter, ScheduleStore as _, StoredFinding};
use crate::window::Window;

/// Finds one thing in each window, named after the window's end; keeps the files of a lake in a
/// set, and fails, hangs or panics when told.
#[derive(Debug, Default)]
struct Scripted {
    files: Mutex<BTreeSet<String>>,
    behaviour: Mutex<Behaviour>,
    running: AtomicUsize,
    most: AtomicUsize,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Behaviour {
    #[default]
    Finds,
    FindsTheSame,
    /// The source cut the result.
    Cut,
    Fails,
    /// When its file is in the lake.
    FailsLate,
    Panics,
    Hangs,
}

impl Scripted {
    fn behave(&self, behaviour: Behaviour) {
        *self.behaviour.lock().unwrap() = behaviour;
    }
}

#[async_trait]
impl Executor for Scripted {
    async fn execute(
        &self,
        hunt: &Arc<Hunt>,
        request: &RunRequest,
        stats: &Arc<QueryStats>,
    ) -> Result<Executed, ExecutionError> {
        let behaviour = *self.behaviour.lock().unwrap();
        stats.tell(|report| *report = Some(SourceReport::new(request.window)));
        let running = self.running.fetch_add(1, Ordering::SeqCst) + 1;
        self.most.fetch_max(running, Ordering::SeqCst);
        if behaviour == Behaviour::Hangs {
            std::future::pending::<()>().await;
        }
        for _ in 0..10 {
            tokio::task::yield_now().await;
        }
        self.running.fetch_sub(1, Ordering::SeqCst);
        match behaviour {
            Behaviour::Fails => return Err(ExecutionError::new("the source is down")),
            Behaviour::Panics => panic!("a defect"),
            _ => {}
        }
        let file = format!("{}/{}-{}", hunt.name, request.window.key(), request.id);
        self.files.lock().unwrap().insert(file.clone());
        if behaviour == Behaviour::FailsLate {
            return Err(ExecutionError::new("the detection failed"));
        }
        let what = match behaviour {
            Behaviour::FindsTheSame => "same".to_owned(),
            _ => request.window.end().to_rfc3339(),
        };
        let finding = finding(hunt, request, &what);
        let missing = behaviour == Behaviour::Cut;
        Ok(Executed {
            rows: 1,
            file: Some(file),
            findings: vec![finding],
            missing: missing.then(|| "rows are missing".to_owned()),
            ..Executed::default()
        })
    }

    async fn tidy(&self, request: &RunRequest, file: Option<&str>) -> Result<(), ExecutionError> {
        let prefix = format!("{}/{}-", request.hunt, request.window.key());
        let mut files = self.files.lock().unwrap();
        files.retain(|other| !other.starts_with(&prefix) || Some(other.as_str()) == file);
        Ok(())
    }
}

fn finding(hunt: &Hunt, request: &RunRequest, what: &str) -> Finding {
    let key = BTreeMap::from([("what".to_owned(), what.to_owned())]);
    Finding {
        id: FindingId::generate(),
        hunt: hunt.name.clone(),
        run: request.id,
        window: request.window,
        title: what.into(),
        severity: Severity::Low,
        entities: Vec::new(),
        fingerprint: Fingerprint::of(&hunt.name, &key),
        key,
        evidence: Vec::new(),
        rows: 1,
        detected_at: DateTime::UNIX_EPOCH,
    }
}

/// A hunt of every minute with an action.
fn telling(name: &str) -> Hunt {
    Hunt {
        actions: vec![ActionName::new("soc-mail").unwrap()],
        dedupe: Dedupe {
            key: Vec::new(),
            window: Duration::from_hours(1),
        },
        ..hunt(name, "* * * * *")
    }
}

struct Bench {
    folder: TempDir,
    store: Arc<SqliteStore>,
    clock: Arc<ManualClock>,
    executor: Arc<Scripted>,
    hunts: Hunts,
}

impl Bench {
    /// Loaded hunts, at 03:00:30.
    async fn new(list: impl IntoIterator<Item = Hunt>) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let store = SqliteStore::open(&folder.path().join("state.db"))
            .await
            .unwrap();
        let bench = Self {
            folder,
            store: Arc::new(store),
            clock: Arc::new(ManualClock::new(instant("2026-01-02T03:00:30Z"))),
            executor: Arc::default(),
            hunts: hunts(list),
        };
        bench.scheduler().await;
        bench
    }

    async fn scheduler(&self) -> Scheduler {
        let scheduler = Scheduler::new(
            Arc::clone(&self.store) as _,
            Arc::clone(&self.clock) as _,
            Arc::default(),
        );
        scheduler.load(&self.hunts).await.unwrap();
        scheduler
    }

    fn runner(&self, store: Arc<dyn RunStore>) -> Arc<Runner> {
        let executor = Arc::clone(&self.executor) as Arc<dyn Executor>;
        let config = RunnerConfig {
            shutdown: crate::duration::DurationText(Duration::from_millis(50)),
            ..RunnerConfig::default()
        };
        let clock = Arc::clone(&self.clock) as _;
        let runner = Runner::new(
            store,
            clock,
            config,
            Arc::clone(&executor),
            Default::default(),
        );
        runner.load(Arc::clone(&self.hunts), executor);
        Arc::new(runner)
    }

    fn plain(&self) -> Arc<Runner> {
        self.runner(Arc::clone(&self.store) as _)
    }

    /// Plans what is due at `now` and runs what it can.
    async fn pass(&self, runner: &Arc<Runner>, now: &str) -> usize {
        self.clock.set(instant(now));
        self.scheduler().await.plan_due().await.unwrap();
        runner.run_due().await.unwrap()
    }

    async fn runs(&self) -> Vec<RunRecord> {
        let mut runs = self.store.runs(&RunFilter::default()).await.unwrap();
        runs.sort_by_key(|run| (run.request.hunt.clone(), run.request.fire_time));
        runs
    }

    async fn findings(&self) -> Vec<StoredFinding> {
        self.store
            .findings(&FindingFilter::default())
            .await
            .unwrap()
    }

    async fn told(&self) -> Vec<DateTime<Utc>> {
        let deliveries = self.store.deliveries(None, 0).await.unwrap();
        let mut ends: Vec<_> = deliveries
            .iter()
            .map(|one| one.alert.window.end())
            .collect();
        ends.sort();
        ends
    }
}

fn manual(name: &str, at: DateTime<Utc>) -> RunRequest {
    RunRequest {
        id: RunId::generate(),
        hunt: HuntName::new(name).unwrap(),
        window: Window::new(at - TimeDelta::minutes(1), at).unwrap(),
        fire_time: at,
        not_before: at,
        trigger: Trigger::Manual,
        attempt: 1,
    }
}

#[tokio::test]
async fn missed_windows_are_run_in_order_and_each_is_told_once() {
    let bench = Bench::new([telling("a"), telling("b")]).await;
    let runner = bench.plain();
    assert_eq!(bench.pass(&runner, "2026-01-02T03:03:00Z").await, 6);
    assert_eq!(bench.pass(&runner, "2026-01-02T03:03:30Z").await, 0);
    let runs = bench.runs().await;
    assert!(
        runs.iter().all(|run| run.status == RunStatus::Complete),
        "{runs:?}"
    );
    assert_eq!(runs[0].counts.notified, 1);
    assert_eq!(bench.told().await.len(), 6);
    let completed = bench.store.completed(&runs[0].request.hunt).await.unwrap();
    assert_eq!(completed, Some(instant("2026-01-02T03:03:00Z")));
}

#[tokio::test]
async fn a_cut_result_is_told_and_the_next_window_is_run() {
    let bench = Bench::new([telling("a")]).await;
    let runner = bench.plain();
    bench.executor.behave(Behaviour::Cut);
    assert_eq!(bench.pass(&runner, "2026-01-02T03:02:00Z").await, 2);
    let runs = bench.runs().await;
    assert!(runs.iter().all(|run| run.status == RunStatus::Truncated));
    assert_eq!(runs[0].message.as_deref(), Some("rows are missing"));
    assert!(runs[0].report.is_some(), "it is kept with the run");
    // What was found, and once that something is missing.
    let told = bench.findings().await;
    let told = told.iter().filter(|finding| finding.suppressed.is_none());
    let mut titles: Vec<String> = told.map(|one| one.finding.title.clone()).collect();
    titles.sort();
    assert_eq!(titles.len(), 3, "{titles:?}");
    assert!(
        titles[2].contains("the result is not complete"),
        "{titles:?}"
    );
    let deliveries = bench.store.deliveries(None, 0).await.unwrap();
    assert!(deliveries.iter().all(|one| one.alert.missing.is_some()));
    let completed = bench.store.completed(&runs[0].request.hunt).await.unwrap();
    assert_eq!(completed, Some(instant("2026-01-02T03:02:00Z")));
}

#[tokio::test]
async fn a_cut_result_may_hold_the_watermark_until_it_is_whole() {
    let held = Hunt {
        truncated: Truncated::Hold,
        ..telling("a")
    };
    let bench = Bench::new([held]).await;
    let runner = bench.plain();
    bench.executor.behave(Behaviour::Cut);
    assert_eq!(bench.pass(&runner, "2026-01-02T03:02:00Z").await, 1);
    let run = bench.runs().await.remove(0);
    assert_eq!(run.status, RunStatus::Truncated);
    assert_eq!(run.request.attempt, 2);
    assert!(run.request.not_before > instant("2026-01-02T03:02:00Z"));
    let name = &run.request.hunt;
    let before = bench.store.completed(name).await.unwrap();
    assert_eq!(before, Some(instant("2026-01-02T03:00:00Z")));
    assert_eq!(bench.told().await.len(), 1, "it is told at once");

    bench.executor.behave(Behaviour::Finds);
    assert_eq!(bench.pass(&runner, "2026-01-02T03:03:00Z").await, 3);
    let runs = bench.runs().await;
    assert!(runs.iter().all(|run| run.status == RunStatus::Complete));
    let after = bench.store.completed(name).await.unwrap();
    assert_eq!(after, Some(instant("2026-01-02T03:03:00Z")));
    // The first window's finding was told already, and is not told twice.
    assert_eq!(bench.told().await.len(), 3);
}

#[tokio::test]
async fn runs_of_a_hunt_do_not_overlap_and_limits_are_kept() {
    let bench = Bench::new([telling("a")]).await;
    bench.pass(&bench.plain(), "2026-01-02T03:05:00Z").await;
    assert_eq!(bench.executor.most.load(Ordering::SeqCst), 1);
    let many = ["a", "b", "c", "d", "e", "f"].map(telling);
    let bench = Bench::new(many).await;
    assert_eq!(bench.pass(&bench.plain(), "2026-01-02T03:05:00Z").await, 30);
    assert_eq!(bench.executor.most.load(Ordering::SeqCst), 4);
}

#[tokio::test]
async fn what_was_told_is_not_told_again_within_its_time() {
    let bench = Bench::new([telling("a")]).await;
    let runner = bench.plain();
    bench.executor.behave(Behaviour::FindsTheSame);
    bench.pass(&runner, "2026-01-02T03:01:00Z").await;
    bench.pass(&runner, "2026-01-02T03:02:00Z").await;
    let suppressed = bench.findings().await.remove(0).suppressed.unwrap();
    assert_eq!(
        suppressed,
        "told on 2026-01-02T03:01:00Z, and not again within 1h"
    );
    bench.clock.set(instant("2026-01-02T04:00:00Z"));
    let last = bench.runs().await.pop().unwrap();
    assert_eq!(
        (last.counts.matched, last.counts.new, last.counts.suppressed),
        (1, 0, 1)
    );
    bench.pass(&runner, "2026-01-02T04:01:01Z").await;
    assert_eq!(bench.told().await.len(), 2);
}

#[tokio::test]
async fn a_failed_run_is_tried_again_and_later_windows_wait() {
    let bench = Bench::new([telling("a")]).await;
    let runner = bench.plain();
    bench.executor.behave(Behaviour::Fails);
    assert_eq!(bench.pass(&runner, "2026-01-02T03:02:00Z").await, 1);
    let failed = bench.runs().await.remove(0);
    assert_eq!(failed.status, RunStatus::Failed);
    assert_eq!(failed.message.as_deref(), Some("the source is down"));
    assert_eq!(failed.request.attempt, 2);
    assert_eq!(failed.request.not_before, instant("2026-01-02T03:02:05Z"));
    bench.executor.behave(Behaviour::Finds);
    assert_eq!(bench.pass(&runner, "2026-01-02T03:02:04Z").await, 0);
    assert_eq!(bench.pass(&runner, "2026-01-02T03:02:05Z").await, 2);
    let runs = bench.runs().await;
    assert!(
        runs.iter().all(|run| run.status == RunStatus::Complete),
        "{runs:?}"
    );
    assert_eq!(runs[0].request.id, failed.request.id);
    assert_eq!(runs[0].message, None);
}

#[tokio::test]
async fn a_defect_fails_the_run_and_not_the_runner() {
    let bench = Bench::new([telling("a")]).await;
    let runner = bench.plain();
    bench.executor.behave(Behaviour::Panics);
    assert_eq!(bench.pass(&runner, "2026-01-02T03:01:00Z").await, 1);
    let failed = bench.runs().await.remove(0);
    assert_eq!(failed.message.as_deref(), Some("internal error: a defect"));
    bench.executor.behave(Behaviour::Finds);
    assert_eq!(bench.pass(&runner, "2026-01-02T03:01:30Z").await, 1);
}

#[tokio::test]
async fn a_run_has_limited_time() {
    let slow = Hunt {
        timeout: Duration::from_millis(10),
        ..telling("a")
    };
    let bench = Bench::new([slow]).await;
    bench.executor.behave(Behaviour::Hangs);
    bench.pass(&bench.plain(), "2026-01-02T03:01:00Z").await;
    let failed = bench.runs().await.remove(0);
    assert_eq!(
        failed.message.as_deref(),
        Some("not finished within 10ms; raise the hunt's `timeout` or shorten its window")
    );
}

#[tokio::test]
async fn a_stop_abandons_what_does_not_finish_and_it_begins_again() {
    let bench = Bench::new([telling("a")]).await;
    let runner = bench.plain();
    bench.executor.behave(Behaviour::Hangs);
    bench.clock.set(instant("2026-01-02T03:01:00Z"));
    bench.scheduler().await.plan_due().await.unwrap();
    let stop = CancellationToken::new();
    let running = tokio::spawn(Arc::clone(&runner).run(stop.clone()));
    while bench.runs().await[0].status != RunStatus::Running {
        tokio::task::yield_now().await;
    }
    stop.cancel();
    running.await.unwrap();
    assert_eq!(bench.runs().await[0].status, RunStatus::Planned);
    bench.executor.behave(Behaviour::Finds);
    assert_eq!(bench.plain().run_due().await.unwrap(), 1);
    assert_eq!(bench.told().await.len(), 1);
}

#[tokio::test]
async fn a_stop_lets_runs_finish_and_claims_no_more() {
    let bench = Bench::new([telling("a")]).await;
    bench.clock.set(instant("2026-01-02T03:09:00Z"));
    bench.scheduler().await.plan_due().await.unwrap();
    let stop = CancellationToken::new();
    let running = tokio::spawn(bench.plain().run(stop.clone()));
    while bench.runs().await[0].status == RunStatus::Planned {
        tokio::task::yield_now().await;
    }
    stop.cancel();
    running.await.unwrap();
    let runs = bench.runs().await;
    assert!(
        runs.iter().all(|run| run.status != RunStatus::Running),
        "{runs:?}"
    );
    assert_eq!(runs[0].status, RunStatus::Complete);
    assert_eq!(runs[8].status, RunStatus::Planned);
}

#[tokio::test]
async fn a_run_by_hand_is_recorded_told_and_fails_for_good() {
    let bench = Bench::new([telling("a")]).await;
    let runner = bench.plain();
    let hunt = bench.hunts.values().next().unwrap();
    let at = bench.clock.now();
    let done = runner.run_now(hunt, &manual("a", at)).await.unwrap();
    assert_eq!(done.record.status, RunStatus::Complete);
    assert_eq!(bench.told().await.len(), 1);
    bench.executor.behave(Behaviour::Fails);
    let failed = runner.run_now(hunt, &manual("a", at)).await.unwrap();
    assert_eq!(failed.record.status, RunStatus::Failed);
    bench.clock.advance(Duration::from_secs(1));
    assert_eq!(runner.run_due().await.unwrap(), 0);
    let watermark = bench.store.completed(&hunt.name).await.unwrap();
    assert_eq!(watermark, Some(instant("2026-01-02T03:00:00Z")));
}

#[tokio::test]
async fn the_same_window_by_hand_tells_what_is_new_in_it_and_replaces_the_file() {
    let bench = Bench::new([telling("a")]).await;
    let runner = bench.plain();
    bench.pass(&runner, "2026-01-02T03:01:00Z").await;
    let at = bench.clock.now();
    let hunt = bench.hunts.values().next().unwrap();
    runner.run_now(hunt, &manual("a", at)).await.unwrap();
    assert_eq!(bench.told().await.len(), 1);
    bench.executor.behave(Behaviour::FindsTheSame);
    runner.run_now(hunt, &manual("a", at)).await.unwrap();
    assert_eq!(bench.told().await.len(), 2);
    assert_eq!(bench.executor.files.lock().unwrap().len(), 1);
}

#[tokio::test]
async fn a_rehearsal_records_nothing() {
    let bench = Bench::new([telling("a")]).await;
    let hunt = bench.hunts.values().next().unwrap();
    let outcome = bench
        .plain()
        .rehearse(
            hunt,
            &manual("a", bench.clock.now()),
            &(Arc::clone(&bench.executor) as _),
        )
        .await;
    assert_eq!(outcome.deliveries.len(), 1);
    assert_eq!(bench.runs().await, []);
    assert!(bench.told().await.is_empty());
    assert_eq!(bench.findings().await, []);
}

#[tokio::test]
async fn a_run_by_hand_is_refused_while_its_hunt_runs() {
    let bench = Bench::new([telling("a")]).await;
    bench.clock.set(instant("2026-01-02T03:01:00Z"));
    bench.scheduler().await.plan_due().await.unwrap();
    let runner = bench.plain();
    let mut work = Work::default();
    bench.executor.behave(Behaviour::Hangs);
    runner.fill(&mut work).await.unwrap();
    let hunt = bench.hunts.values().next().unwrap();
    let refused = runner.run_now(hunt, &manual("a", bench.clock.now())).await;
    assert!(
        matches!(refused, Err(RunNowError::UnderWay { .. })),
        "{refused:?}"
    );
}

/// A store and an executor that stop the process, as it were, before or after their n-th call:
/// from then on every call fails for ever.
#[derive(Debug)]
struct Fuse {
    calls_left: AtomicUsize,
    blown_after: bool,
}

impl Fuse {
    /// Whether the call may begin.
    async fn before(&self) {
        let left = self.calls_left.load(Ordering::SeqCst);
        if left == 0 || (left == 1 && !self.blown_after) {
            self.calls_left.store(0, Ordering::SeqCst);
            std::future::pending::<()>().await;
        }
    }

    /// Whether its caller learns of its end.
    async fn after(&self) {
        let left = self.calls_left.load(Ordering::SeqCst).saturating_sub(1);
        self.calls_left.store(left, Ordering::SeqCst);
        if left == 0 {
            std::future::pending::<()>().await;
        }
    }

    fn is_blown(&self) -> bool {
        self.calls_left.load(Ordering::SeqCst) == 0
    }
}

#[derive(Debug)]
struct FusedExecutor(Arc<Scripted>, Arc<Fuse>);

#[async_trait]
impl Executor for FusedExecutor {
    async fn execute(
        &self,
        hunt: &Arc<Hunt>,
        request: &RunRequest,
        stats: &Arc<QueryStats>,
    ) -> Result<Executed, ExecutionError> {
        self.1.before().await;
        let executed = self.0.execute(hunt, request, stats).await;
        self.1.after().await;
        executed
    }

    async fn tidy(&self, request: &RunRequest, file: Option<&str>) -> Result<(), ExecutionError> {
        self.1.before().await;
        let tidied = self.0.tidy(request, file).await;
        self.1.after().await;
        tidied
    }
}

#[derive(Debug)]
struct FusedStore(Arc<SqliteStore>, Arc<Fuse>);

macro_rules! fused {
    ($self:ident.$call:ident($($argument:expr),*)) => {{
        $self.1.before().await;
        let answer = $self.0.$call($($argument),*).await;
        $self.1.after().await;
        answer
    }};
}

#[async_trait]
impl RunStore for FusedStore {
    async fn claim(&self, claim: &Claim) -> Result<Vec<RunRequest>, StateError> {
        fused!(self.claim(claim))
    }
    async fn begin(&self, request: &RunRequest, lease: &Lease) -> Result<bool, StateError> {
        fused!(self.begin(request, lease))
    }
    async fn renew(&self, runs: &[RunId], lease: &Lease) -> Result<(), StateError> {
        fused!(self.renew(runs, lease))
    }
    async fn release(&self, runs: &[RunId], lease: &Lease) -> Result<(), StateError> {
        fused!(self.release(runs, lease))
    }
    async fn recover(&self, lease: &Lease, holder: Holder) -> Result<u64, StateError> {
        fused!(self.recover(lease, holder))
    }
    async fn last_told(
        &self,
        fingerprints: &[Fingerprint],
    ) -> Result<BTreeMap<Fingerprint, DateTime<Utc>>, StateError> {
        fused!(self.last_told(fingerprints))
    }
    async fn record(&self, outcome: &RunOutcome) -> Result<(), StateError> {
        fused!(self.record(outcome))
    }
    async fn ended_last(&self, limit: usize) -> Result<Vec<RunRequest>, StateError> {
        fused!(self.ended_last(limit))
    }
    async fn result_of(
        &self,
        hunt: &HuntName,
        window: Window,
    ) -> Result<Option<String>, StateError> {
        fused!(self.result_of(hunt, window))
    }
    async fn run(&self, id: RunId) -> Result<Option<RunRecord>, StateError> {
        fused!(self.run(id))
    }
    async fn runs(&self, filter: &RunFilter) -> Result<Vec<RunRecord>, StateError> {
        fused!(self.runs(filter))
    }
    async fn findings(&self, filter: &FindingFilter) -> Result<Vec<StoredFinding>, StateError> {
        fused!(self.findings(filter))
    }
}

/// Stops at each of the first 40 moments of three runs (before and after every call), starts
/// again, and finishes: each window must be done once, have one file and be told once.
#[tokio::test]
async fn stopping_at_any_moment_loses_nothing_and_tells_nothing_twice() {
    let mut stops = 0;
    for moment in 0..40 {
        let bench = Bench::new([telling("a")]).await;
        bench.clock.set(instant("2026-01-02T03:03:00Z"));
        bench.scheduler().await.plan_due().await.unwrap();
        let fuse = Arc::new(Fuse {
            calls_left: AtomicUsize::new(moment / 2 + 1),
            blown_after: moment % 2 == 1,
        });
        let runner = bench.runner(Arc::new(FusedStore(
            Arc::clone(&bench.store),
            Arc::clone(&fuse),
        )));
        let fused = FusedExecutor(Arc::clone(&bench.executor), Arc::clone(&fuse));
        runner.load(Arc::clone(&bench.hunts), Arc::new(fused));
        {
            let killed = async {
                while !fuse.is_blown() {
                    tokio::time::sleep(Duration::from_millis(1)).await;
                }
            };
            tokio::select! {
                _ = runner.run_due() => {}
                () = killed => stops += 1,
            }
        }
        drop(runner);

        let path = bench.folder.path().join("state.db");
        let store = Arc::new(SqliteStore::open(&path).await.unwrap());
        let bench = Bench { store, ..bench };
        let runner = bench.plain();
        runner.recover(Holder::Exclusive).await.unwrap();
        bench.pass(&runner, "2026-01-02T03:03:10Z").await;

        let runs = bench.runs().await;
        let done = runs
            .iter()
            .filter(|run| run.status == RunStatus::Complete)
            .count();
        assert_eq!((runs.len(), done), (3, 3), "moment {moment}: {runs:?}");
        let files: BTreeSet<_> = runs.iter().filter_map(|run| run.file.clone()).collect();
        assert_eq!(
            *bench.executor.files.lock().unwrap(),
            files,
            "moment {moment}"
        );
        let ends = [1, 2, 3].map(|minute| instant(&format!("2026-01-02T03:0{minute}:00Z")));
        assert_eq!(bench.told().await, ends, "moment {moment}");
        assert_eq!(bench.findings().await.len(), 3, "moment {moment}");
        let suppressed = bench
            .findings()
            .await
            .iter()
            .any(|found| found.suppressed.is_some());
        assert!(
            !suppressed,
            "moment {moment}: a finding must not be lost to its own record"
        );
    }
    assert!(stops >= 30, "only {stops} moments were reached");
}

/// Stops at each moment of a second run of a window, asked for by a person: the lake then has one
/// file of the window, that of the last run recorded.
#[tokio::test]
async fn stopping_at_any_moment_of_a_run_by_hand_leaves_one_file_of_its_window() {
    let mut stops = 0;
    for moment in 0..14 {
        let bench = Bench::new([telling("a")]).await;
        bench.pass(&bench.plain(), "2026-01-02T03:01:00Z").await;
        let fuse = Arc::new(Fuse {
            calls_left: AtomicUsize::new(moment / 2 + 1),
            blown_after: moment % 2 == 1,
        });
        let runner = bench.runner(Arc::new(FusedStore(
            Arc::clone(&bench.store),
            Arc::clone(&fuse),
        )));
        let fused = FusedExecutor(Arc::clone(&bench.executor), Arc::clone(&fuse));
        runner.load(Arc::clone(&bench.hunts), Arc::new(fused));
        let request = manual("a", bench.clock.now());
        bench.clock.advance(Duration::from_secs(1));
        {
            let killed = async {
                while !fuse.is_blown() {
                    tokio::time::sleep(Duration::from_millis(1)).await;
                }
            };
            let hunt = bench.hunts.values().next().unwrap();
            tokio::select! {
                _ = runner.run_now(hunt, &request) => {}
                () = killed => stops += 1,
            }
        }
        drop(runner);

        let path = bench.folder.path().join("state.db");
        let store = Arc::new(SqliteStore::open(&path).await.unwrap());
        let bench = Bench { store, ..bench };
        let runner = bench.plain();
        // Nobody renews its lease, and it may be of a process that goes on.
        bench.clock.advance(Duration::from_mins(2));
        runner.recover(Holder::Exclusive).await.unwrap();
        let hunt = &bench.hunts.values().next().unwrap().name;
        let kept = bench.store.result_of(hunt, request.window).await.unwrap();
        let files = bench.executor.files.lock().unwrap().clone();
        assert_eq!(files, BTreeSet::from([kept.unwrap()]), "moment {moment}");
    }
    assert!(stops >= 8, "only {stops} moments were reached");
}

#[tokio::test]
async fn a_run_by_hand_that_fails_leaves_the_file_that_was_there() {
    let bench = Bench::new([telling("a")]).await;
    let runner = bench.plain();
    bench.pass(&runner, "2026-01-02T03:01:00Z").await;
    let before = bench.executor.files.lock().unwrap().clone();
    let hunt = bench.hunts.values().next().unwrap();
    bench.executor.behave(Behaviour::FailsLate);
    let request = manual("a", bench.clock.now());
    let failed = runner.run_now(hunt, &request).await.unwrap();
    assert_eq!(failed.record.status, RunStatus::Failed);
    assert_eq!(*bench.executor.files.lock().unwrap(), before);
}
