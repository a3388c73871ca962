//! How late runs start, and what planning costs, with many hunts due every minute.
//!
//! `cargo bench --bench scheduler -- [HUNTS] [MINUTES]` (10,000 hunts, 3 minutes) loads the hunts into a
//! scheduler and a runner over SQLite, lets real minutes pass with runs that do nothing, and
//! prints the lag from fire time to fired (the run is recorded as planned) and to started, and the
//! CPU time used. Hunts are due in the same second of every minute, the worst case.

#![expect(clippy::print_stdout, reason = "a benchmark prints what it measured")]

use std::collections::BTreeMap;
use std::num::NonZeroUsize;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use async_trait::async_trait;
use chrono::{DateTime, TimeDelta, Utc};
use huntd::clock::{Clock as _, SystemClock};
use huntd::finding::Severity;
use huntd::hunt::{Dedupe, Detect, Hunt, Hunts, Origin, Threshold, ThresholdOperator};
use huntd::id::{HuntName, SourceName};
use huntd::run::RunRequest;
use huntd::runner::{Executed, ExecutionError, Executor, Runner, RunnerConfig};
use huntd::schedule::{CatchUp, CatchUpPolicy, Schedule, WindowRule};
use huntd::scheduler::Scheduler;
use huntd::state::sqlite::SqliteStore;
use huntd::state::{Registration, ScheduleStore, StateError, Store};
use tokio::sync::Notify;
use tokio_util::sync::CancellationToken;

/// Runs that do nothing but note when they began.
#[derive(Debug, Default)]
struct NoOp {
    lags_ms: Mutex<Vec<i64>>,
}

#[async_trait]
impl Executor for NoOp {
    async fn execute(
        &self,
        _hunt: &Arc<Hunt>,
        request: &RunRequest,
    ) -> Result<Executed, ExecutionError> {
        let lag = SystemClock.now() - request.fire_time;
        self.lags_ms
            .lock()
            .expect("no test panics with it")
            .push(lag.num_milliseconds());
        Ok(Executed::default())
    }

    async fn tidy(&self, _: &RunRequest, _: Option<&str>) -> Result<(), ExecutionError> {
        Ok(())
    }
}

/// A store that notes when runs were recorded as planned.
#[derive(Debug)]
struct TimedPlans {
    store: Arc<dyn Store>,
    lags_ms: Mutex<Vec<i64>>,
}

#[async_trait]
impl ScheduleStore for TimedPlans {
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
        self.store.plan(run, skip).await?;
        let now = SystemClock.now();
        let lags = run
            .iter()
            .map(|request| (now - request.fire_time).num_milliseconds());
        self.lags_ms
            .lock()
            .expect("no test panics with it")
            .extend(lags);
        Ok(())
    }
}

fn hunt(number: usize) -> Hunt {
    Hunt {
        name: HuntName::new(&format!("hunt-{number}")).expect("a valid name"),
        title: String::new(),
        description: String::new(),
        origin: Origin {
            path: "bench.kql".into(),
            query_line: 1,
        },
        enabled: true,
        schedule: Some(Schedule::parse_cron("* * * * *", "UTC").expect("a valid expression")),
        source: SourceName::new("bench").expect("a valid name"),
        window: WindowRule {
            lookback: TimeDelta::zero(),
            delay: TimeDelta::zero(),
        },
        catch_up: CatchUp {
            policy: CatchUpPolicy::Each,
            limit: 100,
        },
        timeout: Duration::from_mins(1),
        severity: Severity::Low,
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
        query: "print 1".to_owned(),
    }
}

/// CPU seconds of this process, from `/proc`.
fn cpu_seconds() -> f64 {
    let stat = std::fs::read_to_string("/proc/self/stat").unwrap_or_default();
    let after_name = stat.rsplit(')').next().unwrap_or_default();
    let fields: Vec<f64> = after_name
        .split_whitespace()
        .map(|field| field.parse().unwrap_or(0.0))
        .collect();
    // Fields 14 and 15 of proc(5), in hundredths of a second; the name is cut off above.
    fields
        .get(11)
        .zip(fields.get(12))
        .map_or(0.0, |(user, system)| (user + system) / 100.0)
}

fn percentile(sorted: &[i64], percent: usize) -> i64 {
    sorted
        .get((sorted.len() * percent / 100).min(sorted.len().saturating_sub(1)))
        .copied()
        .unwrap_or(0)
}

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    let numbers: Vec<usize> = std::env::args()
        .filter_map(|argument| argument.parse().ok())
        .collect();
    let count = numbers.first().copied().unwrap_or(10_000);
    let minutes = numbers.get(1).copied().unwrap_or(3);

    let folder = tempfile::tempdir()?;
    let store: Arc<dyn Store> = Arc::new(SqliteStore::open(&folder.path().join("state.db")).await?);
    let clock = Arc::new(SystemClock);
    let executor = Arc::new(NoOp::default());
    let planned = Arc::new(Notify::new());
    let told = Arc::new(Notify::new());
    let config = RunnerConfig {
        concurrency: NonZeroUsize::new(64).expect("not zero"),
        per_source: NonZeroUsize::new(64).expect("not zero"),
        ..RunnerConfig::default()
    };
    let run_store: Arc<dyn huntd::state::RunStore> = Arc::<dyn Store>::clone(&store);
    let runner = Arc::new(Runner::new(
        run_store,
        clock.clone(),
        config,
        Arc::<NoOp>::clone(&executor),
        (Arc::clone(&planned), told),
    ));
    let plans = Arc::new(TimedPlans {
        store,
        lags_ms: Mutex::default(),
    });
    let scheduler = Arc::new(Scheduler::new(
        Arc::<TimedPlans>::clone(&plans),
        clock,
        planned,
    ));

    let hunts: BTreeMap<HuntName, Arc<Hunt>> = (0..count)
        .map(hunt)
        .map(|hunt| (hunt.name.clone(), Arc::new(hunt)))
        .collect();
    let hunts: Hunts = Arc::new(hunts);
    let began = std::time::Instant::now();
    runner.load(Arc::clone(&hunts), Arc::<NoOp>::clone(&executor));
    scheduler.load(&hunts).await?;
    println!(
        "loaded {count} hunts in {:.2} s",
        began.elapsed().as_secs_f64()
    );

    let stop = CancellationToken::new();
    let tasks = {
        let (scheduler, stop) = (Arc::clone(&scheduler), stop.clone());
        let runner_stop = stop.clone();
        [
            tokio::spawn(async move { scheduler.run(stop).await }),
            tokio::spawn(runner.run(runner_stop)),
        ]
    };
    let into_minute = seconds_into_minute(SystemClock.now());
    tokio::time::sleep(Duration::from_secs((115 - into_minute) % 60)).await;
    let cpu_before = cpu_seconds();
    tokio::time::sleep(Duration::from_secs(60 * minutes as u64)).await;
    let cpu = cpu_seconds() - cpu_before;
    stop.cancel();
    for task in tasks {
        task.await?;
    }

    let started = executor
        .lags_ms
        .lock()
        .expect("no test panics with it")
        .clone();
    println!("runs started: {} of {}", started.len(), count * minutes);
    let planned = plans
        .lags_ms
        .lock()
        .expect("no test panics with it")
        .clone();
    print_lags("fired", planned);
    print_lags("started", started);
    println!(
        "CPU: {cpu:.2} s in {minutes} min = {:.2}% of one core",
        cpu / (60.0 * minutes as f64) * 100.0
    );
    Ok(())
}

fn print_lags(what: &str, mut lags: Vec<i64>) {
    lags.sort_unstable();
    println!(
        "lag from fire time to {what}, ms: median {}, p99 {}, max {}",
        percentile(&lags, 50),
        percentile(&lags, 99),
        lags.last().copied().unwrap_or(0)
    );
}

fn seconds_into_minute(now: DateTime<Utc>) -> u64 {
    now.timestamp().rem_euclid(60) as u64
}
