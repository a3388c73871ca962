//! The scheduler on a real store and a clock that is moved by hand.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, Ordering};

use async_trait::async_trait;
use tempfile::TempDir;

use super::*;
use crate::clock::{Clock as _, ManualClock};
use crate::finding::Severity;
use crate::hunt::{Dedupe, Detect, Hunt, Origin, Threshold, ThresholdOperator};
use crate::id::{HuntName, SourceName};
use crate::run::{RunRecord, RunRequest, RunStatus};
use crate::schedule::{CatchUp, CatchUpPolicy, Schedule, WindowRule};
use crate::state::sqlite::SqliteStore;
use crate::state::{RunFilter, RunStore as _};

/// A hunt over the minute before each fire time.
pub(crate) fn hunt(name: &str, cron: &str) -> Hunt {
    Hunt {
        name: HuntName::new(name).unwrap(),
        title: name.into(),
        description: String::new(),
        origin: Origin {
            path: "hunt.kql".into(),
            query_line: 1,
        },
        enabled: true,
        schedule: Some(Schedule::parse_cron(cron, "UTC").unwrap()),
        source: SourceName::new("lab").unwrap(),
        window: WindowRule {
            lookback: TimeDelta::zero(),
            delay: TimeDelta::zero(),
        },
        catch_up: CatchUp {
            policy: CatchUpPolicy::Each,
            limit: 100,
        },
        timeout: Duration::from_mins(1),
        severity: Severity::High,
        tactics: Vec::new(),
        techniques: Vec::new(),
        entities: Vec::new(),
        detect: Detect::Threshold(Threshold {
            operator: ThresholdOperator::Greater,
            rows: 0,
        }),
        finding_title: None,
        dedupe: Dedupe {
            key: Vec::new(),
            window: Duration::ZERO,
        },
        actions: Vec::new(),
        query: "T".into(),
    }
}

pub(crate) fn hunts(list: impl IntoIterator<Item = Hunt>) -> Hunts {
    Arc::new(
        list.into_iter()
            .map(|hunt| (hunt.name.clone(), Arc::new(hunt)))
            .collect(),
    )
}

pub(crate) fn instant(text: &str) -> DateTime<Utc> {
    text.parse().unwrap()
}

struct Bench {
    _folder: TempDir,
    store: Arc<SqliteStore>,
    clock: Arc<ManualClock>,
    scheduler: Scheduler,
}

impl Bench {
    async fn new(now: &str) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let store = SqliteStore::open(&folder.path().join("state.db"))
            .await
            .unwrap();
        let store = Arc::new(store);
        let clock = Arc::new(ManualClock::new(instant(now)));
        let scheduler = scheduler(Arc::clone(&store) as _, &clock);
        Self {
            _folder: folder,
            store,
            clock,
            scheduler,
        }
    }

    /// What a new process would start with.
    async fn restart(&mut self, hunts: &Hunts) {
        self.scheduler = scheduler(Arc::clone(&self.store) as _, &self.clock);
        self.scheduler.load(hunts).await.unwrap();
    }

    async fn pass(&self, now: &str) -> usize {
        self.clock.set(instant(now));
        self.scheduler.plan_due().await.unwrap()
    }

    async fn runs(&self) -> Vec<RunRecord> {
        let mut runs = self.store.runs(&RunFilter::default()).await.unwrap();
        runs.sort_by_key(|run| (run.request.hunt.clone(), run.request.fire_time));
        runs
    }

    async fn listing(&self) -> Vec<String> {
        let line = |run: RunRecord| {
            let RunRequest { hunt, window, .. } = run.request;
            format!("{hunt} {} {}", window.key(), run.status.as_str())
        };
        self.runs().await.into_iter().map(line).collect()
    }
}

fn scheduler(store: Arc<dyn ScheduleStore>, clock: &Arc<ManualClock>) -> Scheduler {
    Scheduler::new(store, Arc::clone(clock) as _, Arc::new(Notify::new()))
}

#[tokio::test]
async fn a_new_hunt_starts_with_its_next_fire_time_and_windows_tile() {
    let bench = Bench::new("2026-01-02T03:00:30Z").await;
    bench
        .scheduler
        .load(&hunts([hunt("a", "* * * * *")]))
        .await
        .unwrap();
    assert_eq!(bench.pass("2026-01-02T03:00:59Z").await, 0);
    assert_eq!(bench.pass("2026-01-02T03:01:00Z").await, 1);
    assert_eq!(bench.pass("2026-01-02T03:01:00Z").await, 0);
    assert_eq!(bench.pass("2026-01-02T03:02:20Z").await, 1);
    assert_eq!(
        bench.listing().await,
        [
            "a 20260102T030000Z-20260102T030100Z planned",
            "a 20260102T030100Z-20260102T030200Z planned",
        ]
    );
    assert_eq!(
        bench.scheduler.next_fire_time().await,
        Some(instant("2026-01-02T03:03:00Z"))
    );
}

#[tokio::test]
async fn windows_missed_while_stopped_are_run() {
    let mut bench = Bench::new("2026-01-02T03:00:30Z").await;
    let every_hour = hunts([hunt("a", "0 * * * *")]);
    bench.scheduler.load(&every_hour).await.unwrap();
    bench.clock.set(instant("2026-01-02T06:10:00Z"));
    bench.restart(&every_hour).await;
    assert_eq!(bench.pass("2026-01-02T06:10:00Z").await, 3);
    assert_eq!(
        bench.listing().await,
        [
            "a 20260102T030000Z-20260102T040000Z planned",
            "a 20260102T040000Z-20260102T050000Z planned",
            "a 20260102T050000Z-20260102T060000Z planned",
        ]
    );
}

#[tokio::test]
async fn the_policy_for_missed_windows_is_kept_to() {
    let mut bench = Bench::new("2026-01-02T03:00:30Z").await;
    let with = |name, policy, limit| Hunt {
        catch_up: CatchUp { policy, limit },
        ..hunt(name, "0 * * * *")
    };
    let all = hunts([
        with("each", CatchUpPolicy::Each, 2),
        with("latest", CatchUpPolicy::Latest, 100),
        with("none", CatchUpPolicy::None, 100),
    ]);
    bench.scheduler.load(&all).await.unwrap();
    bench.clock.set(instant("2026-01-02T06:30:00Z"));
    bench.restart(&all).await;
    bench.pass("2026-01-02T06:30:00Z").await;
    assert_eq!(
        bench.listing().await,
        [
            "each 20260102T030000Z-20260102T040000Z skipped",
            "each 20260102T040000Z-20260102T050000Z planned",
            "each 20260102T050000Z-20260102T060000Z planned",
            "latest 20260102T030000Z-20260102T050000Z skipped",
            "latest 20260102T050000Z-20260102T060000Z planned",
            "none 20260102T030000Z-20260102T060000Z skipped",
        ]
    );
    let skipped = bench
        .runs()
        .await
        .into_iter()
        .find(|run| run.status == RunStatus::Skipped);
    assert!(skipped.unwrap().message.unwrap().contains("catch-up"));
}

#[tokio::test]
async fn a_clock_set_back_repeats_nothing_and_one_set_forward_loses_nothing() {
    let bench = Bench::new("2026-01-02T03:00:30Z").await;
    bench
        .scheduler
        .load(&hunts([hunt("a", "* * * * *")]))
        .await
        .unwrap();
    assert_eq!(bench.pass("2026-01-02T03:05:00Z").await, 5);
    assert_eq!(bench.pass("2026-01-02T02:00:00Z").await, 0);
    assert_eq!(bench.pass("2026-01-02T03:05:30Z").await, 0);
    assert_eq!(bench.pass("2026-01-02T03:35:00Z").await, 30);
    let runs = bench.runs().await;
    let tiled = runs
        .windows(2)
        .all(|pair| pair[0].request.window.end() == pair[1].request.window.start());
    assert!(tiled, "{runs:?}");
}

#[tokio::test]
async fn hunts_that_are_off_are_not_planned_and_changed_ones_go_on() {
    let bench = Bench::new("2026-01-02T03:00:30Z").await;
    let off = Hunt {
        enabled: false,
        ..hunt("off", "* * * * *")
    };
    let by_hand = Hunt {
        schedule: None,
        ..hunt("by-hand", "* * * * *")
    };
    bench
        .scheduler
        .load(&hunts([hunt("a", "* * * * *"), off, by_hand]))
        .await
        .unwrap();
    assert_eq!(bench.pass("2026-01-02T03:01:00Z").await, 1);
    bench
        .scheduler
        .load(&hunts([hunt("a", "*/5 * * * *")]))
        .await
        .unwrap();
    assert_eq!(bench.pass("2026-01-02T03:04:00Z").await, 0);
    assert_eq!(bench.pass("2026-01-02T03:05:00Z").await, 1);
    assert_eq!(
        bench.listing().await,
        [
            "a 20260102T030000Z-20260102T030100Z planned",
            "a 20260102T030100Z-20260102T030500Z planned",
        ]
    );
}

#[tokio::test]
async fn jitter_moves_the_start_and_not_the_window() {
    let bench = Bench::new("2026-01-02T03:00:30Z").await;
    let mut jittered = hunt("a", "0 * * * *");
    let schedule = jittered.schedule.take().unwrap();
    jittered.schedule = Some(schedule.with_jitter(Duration::from_mins(10)));
    bench.scheduler.load(&hunts([jittered])).await.unwrap();
    bench.pass("2026-01-02T04:00:00Z").await;
    let request = bench.runs().await.remove(0).request;
    assert_eq!(request.window.end(), request.fire_time);
    let late = request.not_before - request.fire_time;
    assert!(
        late > TimeDelta::zero() && late < TimeDelta::seconds(600),
        "{late}"
    );
}

/// Refuses to plan while told to.
#[derive(Debug)]
struct Refusing {
    store: Arc<SqliteStore>,
    refuses: AtomicBool,
}

#[async_trait]
impl ScheduleStore for Refusing {
    async fn register(
        &self,
        hunts: &[Registration],
    ) -> Result<BTreeMap<HuntName, DateTime<Utc>>, StateError> {
        self.store.register(hunts).await
    }

    async fn watermarks(
        &self,
        hunts: &[(HuntName, DateTime<Utc>)],
    ) -> Result<BTreeMap<HuntName, DateTime<Utc>>, StateError> {
        self.store.watermarks(hunts).await
    }

    async fn completed(&self, hunt: &HuntName) -> Result<Option<DateTime<Utc>>, StateError> {
        self.store.completed(hunt).await
    }

    async fn plan(&self, run: &[RunRequest], skip: &[RunRequest]) -> Result<(), StateError> {
        if self.refuses.load(Ordering::SeqCst) {
            return Err(StateError::Database {
                path: "state.db".into(),
                reason: "full".into(),
            });
        }
        self.store.plan(run, skip).await
    }
}

#[tokio::test]
async fn what_the_store_refused_is_still_due() {
    let bench = Bench::new("2026-01-02T03:00:30Z").await;
    let refusing = Arc::new(Refusing {
        store: Arc::clone(&bench.store),
        refuses: AtomicBool::new(true),
    });
    let scheduler = scheduler(Arc::clone(&refusing) as _, &bench.clock);
    scheduler
        .load(&hunts([hunt("a", "* * * * *")]))
        .await
        .unwrap();
    bench.clock.set(instant("2026-01-02T03:02:00Z"));
    scheduler.plan_due().await.unwrap_err();
    scheduler.plan_due().await.unwrap_err();
    refusing.refuses.store(false, Ordering::SeqCst);
    assert_eq!(scheduler.plan_due().await.unwrap(), 2);
    assert_eq!(scheduler.plan_due().await.unwrap(), 0);
}

#[tokio::test]
async fn the_loop_plans_when_time_comes_and_ends_when_told() {
    let folder = tempfile::tempdir().unwrap();
    let store = SqliteStore::open(&folder.path().join("state.db"))
        .await
        .unwrap();
    let store = Arc::new(store);
    let planned = Arc::new(Notify::new());
    let clock = Arc::new(crate::clock::SystemClock);
    let scheduler = Scheduler::new(
        Arc::clone(&store) as _,
        Arc::clone(&clock) as _,
        Arc::clone(&planned),
    );
    scheduler
        .load(&hunts([hunt("a", "* * * * * *")]))
        .await
        .unwrap();
    let stop = CancellationToken::new();
    let work = scheduler.run(stop.clone());
    let until_planned = async {
        planned.notified().await;
        let run = store.runs(&RunFilter::default()).await.unwrap().remove(0);
        let lag = clock.now() - run.request.fire_time;
        assert!(lag < TimeDelta::seconds(1), "{lag}");
        stop.cancel();
    };
    tokio::join!(work, until_planned);
}
