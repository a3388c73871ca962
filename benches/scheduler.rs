//! How late runs start, and what planning costs, with many hunts due every minute.
//!
//! `cargo bench --bench scheduler -- [HUNTS] [MINUTES] [plan]` (10,000 hunts, 3 minutes) loads the hunts into a
//! scheduler and a runner over SQLite, lets real minutes pass with runs that do nothing, and
//! prints the lag from fire time to fired (the run is recorded as planned) and to started, and the
//! CPU time used. Hunts are due in the same second of every minute, the worst case. With `plan`
//! the runs are recorded as planned and nobody executes them: the cost of the scheduler alone.

#![expect(clippy::print_stdout, reason = "a benchmark prints what it measured")]

use std::collections::BTreeMap;
use std::num::NonZeroUsize;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use async_trait::async_trait;
use chrono::{DateTime, Utc};
use huntd::clock::{Clock as _, SystemClock};
use huntd::hunt::{Hunt, Hunts};
use huntd::id::{HuntName, SourceName};
use huntd::run::RunRequest;
use huntd::runner::{Executed, ExecutionError, Executor, Runner, RunnerConfig};
use huntd::schedule::Schedule;
use huntd::scheduler::Scheduler;
use huntd::source::QueryStats;
use huntd::state::sqlite::SqliteStore;
use huntd::state::{Registration, ScheduleStore, StateError, Store};
use tokio::sync::Notify;
use tokio::task::JoinSet;
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
        _stats: &Arc<QueryStats>,
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
    let name = HuntName::new(&format!("hunt-{number}")).expect("a valid name");
    let source = SourceName::new("bench").expect("a valid name");
    Hunt {
        schedule: Some(Schedule::parse_cron("* * * * *", "UTC").expect("a valid expression")),
        ..Hunt::new(name, source, "T")
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
    let mut tasks = JoinSet::new();
    let until = stop.clone();
    tasks.spawn(async move { scheduler.run(until).await });
    let only_plans = std::env::args().any(|argument| argument == "plan");
    if !only_plans {
        tasks.spawn(runner.run(stop.clone()));
    }
    let into_minute = seconds_into_minute(SystemClock.now());
    tokio::time::sleep(Duration::from_secs((115 - into_minute) % 60)).await;
    let cpu_before = cpu_seconds();
    tokio::time::sleep(Duration::from_secs(60 * minutes as u64)).await;
    let cpu = cpu_seconds() - cpu_before;
    stop.cancel();
    while let Some(ended) = tasks.join_next().await {
        ended?;
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
