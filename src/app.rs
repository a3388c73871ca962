//! The application: builds all parts from the configuration, starts them, replaces hunts on
//! reload, and stops them in order.
//!
//! Commands that do one thing build an [`App`] as well and call the part of it that they need;
//! only [`App::serve`] runs for long.

mod metrics;
mod setup;
mod watch;

use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use anyhow::Context as _;
use tokio::sync::Notify;
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

use crate::clock::SharedClock;
use crate::dispatcher::{Delivered, Dispatcher, DispatcherLimits};
use crate::hunt::{Hunt, HuntSet};
use crate::lake::{self, LakeConfig};
use crate::run::RunRequest;
use crate::runner::pipeline::Pipeline;
use crate::runner::{Executor, RunNowError, Runner};
use crate::scheduler::Scheduler;
use crate::server::Server;
use crate::server::kusto::Kusto;
use crate::server::kusto::databases::Databases;
use crate::source::broker::Broker;
use crate::state::config::StateConfig;
use crate::state::lock::StateLock;
use crate::state::sqlite::SqliteStore;
use crate::state::{Holder, RunOutcome, StateError};
use metrics::Metrics;
use setup::Setup;
use watch::Files;

/// Everything, wired.
#[derive(Debug)]
pub struct App {
    path: PathBuf,
    clock: SharedClock,
    store: Arc<SqliteStore>,
    scheduler: Arc<Scheduler>,
    runner: Arc<Runner>,
    dispatcher: Arc<Dispatcher>,
    told: Arc<Notify>,
    kusto: Arc<Kusto>,
    broker: Arc<Broker>,
    setup: Mutex<Arc<Setup>>,
    lock: Mutex<Option<StateLock>>,
}

/// What was done when nothing more was due.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Drained {
    /// Runs executed.
    pub runs: usize,
    /// Deliveries attempted, by what they came to.
    pub delivered: Delivered,
}

impl App {
    /// Reads the configuration and its hunts and opens state and lake. Mistakes in the files are
    /// a [`crate::problem::Problems`]. Nothing runs yet.
    pub async fn open(path: &Path, clock: SharedClock) -> anyhow::Result<Self> {
        let files = setup::Files::read(path).await?;
        let StateConfig::Sqlite { path: database } = &files.config.state;
        let store = Arc::new(SqliteStore::open(database).await?);
        let broker = Broker::new(Arc::clone(&clock), Some(Arc::clone(&store) as _));
        let setup = Setup::build(files, &clock, &broker).await?;
        let (planned, told) = (Arc::new(Notify::new()), Arc::new(Notify::new()));
        let scheduler = Scheduler::new(
            Arc::clone(&store) as _,
            Arc::clone(&clock),
            Arc::clone(&planned),
        );
        let runner = Runner::new(
            Arc::clone(&store) as _,
            Arc::clone(&clock),
            setup.config.runner.clone(),
            Arc::clone(&setup.pipeline) as _,
            (planned, Arc::clone(&told)),
        );
        runner.load(setup.hunts(), Arc::clone(&setup.pipeline) as _);
        let dispatcher = Dispatcher::new(
            Arc::clone(&store) as _,
            Arc::clone(&clock),
            setup.destinations.clone(),
            DispatcherLimits::default(),
        );
        let kusto = Kusto::new(Databases::new(setup.databases()), Arc::clone(&clock));
        Ok(Self {
            path: path.to_owned(),
            clock,
            store,
            scheduler: Arc::new(scheduler),
            runner: Arc::new(runner),
            dispatcher: Arc::new(dispatcher),
            told,
            kusto: Arc::new(kusto),
            broker,
            setup: Mutex::new(Arc::new(setup)),
            lock: Mutex::default(),
        })
    }

    /// Makes this the one process that works on the state: takes its lock and gives back what an
    /// earlier process left unfinished.
    pub async fn take_over(&self) -> Result<(), StateError> {
        let lock = StateLock::acquire(self.store.path())?;
        *self.lock.lock().unwrap_or_else(PoisonError::into_inner) = Some(lock);
        self.runner.recover(Holder::Exclusive).await?;
        Ok(())
    }

    /// Lets the scheduler know the hunts: from now on their windows become due.
    pub async fn schedule(&self) -> Result<(), StateError> {
        self.scheduler.load(&self.setup().hunts()).await
    }

    /// Plans, runs and delivers until nothing is left that is due by the clock.
    pub async fn drain(&self) -> Result<Drained, StateError> {
        let mut drained = Drained::default();
        loop {
            let planned = self.scheduler.plan_due().await?;
            let runs = self.runner.run_due().await?;
            let delivered = self.deliver_due().await?;
            drained.runs += runs;
            drained.delivered.done += delivered.done;
            drained.delivered.retried += delivered.retried;
            drained.delivered.dead += delivered.dead;
            if planned == 0 && runs == 0 {
                return Ok(drained);
            }
        }
    }

    /// Delivers what is due.
    pub async fn deliver_due(&self) -> Result<Delivered, StateError> {
        self.dispatcher.deliver_due().await
    }

    /// Runs a hunt at once and records it.
    pub async fn run_now(
        &self,
        hunt: &Arc<Hunt>,
        request: &RunRequest,
    ) -> Result<RunOutcome, RunNowError> {
        self.runner.run_now(hunt, request).await
    }

    /// What running a hunt would come to: its result goes to a scratch folder that is removed
    /// again, nothing is recorded and nobody is told.
    pub async fn rehearse(
        &self,
        hunt: &Arc<Hunt>,
        request: &RunRequest,
    ) -> anyhow::Result<RunOutcome> {
        let scratch = std::env::temp_dir().join(format!("huntd-dry-run-{}", request.id));
        let config = LakeConfig {
            url: scratch.display().to_string(),
            ..self.setup().config.lake.clone()
        };
        let executor: Arc<dyn Executor> = Arc::new(Pipeline {
            sources: self.setup().pipeline.sources.clone(),
            lake: lake::build(&config)?,
            clock: Arc::clone(&self.clock),
        });
        let outcome = self.runner.rehearse(hunt, request, &executor).await;
        std::fs::remove_dir_all(&scratch)
            .with_context(|| format!("cannot remove {}", scratch.display()))?;
        Ok(outcome)
    }

    /// The loaded hunts.
    pub fn hunts(&self) -> HuntSet {
        self.setup().set.clone()
    }

    /// The state, to be read.
    pub fn store(&self) -> &Arc<SqliteStore> {
        &self.store
    }

    /// Who grants calls to sources.
    pub fn broker(&self) -> &Arc<Broker> {
        &self.broker
    }

    /// The clock of all parts.
    pub fn clock(&self) -> &SharedClock {
        &self.clock
    }

    /// Takes the port of the HTTP server, if there is to be one.
    pub async fn listen(&self) -> anyhow::Result<Option<Server>> {
        let Some(config) = self.setup().config.server.clone() else {
            return Ok(None);
        };
        let access = config.access().map_err(anyhow::Error::msg)?;
        let server = Server::bind(config.listen, access, Arc::clone(&self.kusto)).await?;
        let metrics = Metrics {
            clock: Arc::clone(&self.clock),
            store: Arc::clone(&self.store),
            broker: Arc::clone(&self.broker),
        };
        Ok(Some(server.with_metrics(Arc::new(metrics))))
    }

    /// Runs scheduler, runner and dispatcher until `stop`; then stops them in this order, so that
    /// what each has begun is taken up by the next. `reload` asks for a reload.
    pub async fn serve(
        self: Arc<Self>,
        server: Option<Server>,
        stop: CancellationToken,
        reload: Arc<Notify>,
    ) {
        let (stop_runner, stop_dispatcher) = (CancellationToken::new(), CancellationToken::new());
        let mut agents = JoinSet::new();
        let (scheduler, until, then) = (
            Arc::clone(&self.scheduler),
            stop.clone(),
            stop_runner.clone(),
        );
        agents.spawn(async move {
            let _then = then.drop_guard();
            scheduler.run(until).await;
        });
        let (runner, then) = (Arc::clone(&self.runner), stop_dispatcher.clone());
        agents.spawn(async move {
            let _then = then.drop_guard();
            runner.run(stop_runner).await;
        });
        let (dispatcher, told, until) = (
            Arc::clone(&self.dispatcher),
            Arc::clone(&self.told),
            stop_dispatcher.clone(),
        );
        agents.spawn(async move {
            tokio::select! {
                () = dispatcher.run(stop_dispatcher) => {}
                () = async { loop { told.notified().await; dispatcher.nudge(); } } => {}
            }
            drop(until);
        });
        let (app, until) = (Arc::clone(&self), stop.clone());
        agents.spawn(async move { app.watch(until, reload).await });
        if let Some(server) = server {
            let until = stop.clone();
            agents.spawn(async move {
                if let Err(error) = server.serve(until).await {
                    tracing::error!("{error:#}");
                }
            });
        }
        while let Some(ended) = agents.join_next().await {
            // An agent ends early by a panic only, which has been logged: without it nothing
            // works, so the others stop as well.
            if ended.is_err() {
                stop.cancel();
            }
        }
    }

    /// Closes the state and gives back its lock.
    pub async fn close(&self) {
        self.broker.close().await;
        self.store.close().await;
        self.lock
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .take();
    }

    /// Reads configuration and hunts anew. All of it is taken, or nothing: with any mistake
    /// everything stays as it was.
    pub async fn reload(&self) -> anyhow::Result<()> {
        let old = self.setup();
        let files = setup::Files::read(&self.path).await?;
        let new = Arc::new(Setup::build(files, &self.clock, &self.broker).await?);
        if new.config.state != old.config.state
            || new.config.runner != old.config.runner
            || new.config.server != old.config.server
        {
            tracing::warn!(
                "changes of `state`, `runner` and `server` take effect when huntd is restarted"
            );
        }
        self.scheduler.load(&new.hunts()).await?;
        self.runner
            .load(new.hunts(), Arc::clone(&new.pipeline) as _);
        self.dispatcher
            .replace_destinations(new.destinations.clone());
        self.kusto.databases().replace(new.databases());
        let changes = old.set.diff(&new.set);
        *self.setup.lock().unwrap_or_else(PoisonError::into_inner) = new;
        let names = |names: &[crate::id::HuntName]| {
            let names: Vec<&str> = names.iter().map(crate::id::HuntName::as_str).collect();
            names.join(", ")
        };
        tracing::info!(
            added = names(&changes.added),
            changed = names(&changes.changed),
            removed = names(&changes.removed),
            "configuration and hunts are reloaded"
        );
        Ok(())
    }

    fn setup(&self) -> Arc<Setup> {
        Arc::clone(&self.setup.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// Reloads when asked to, and when a file of configuration or hunts has changed.
    async fn watch(&self, stop: CancellationToken, reload: Arc<Notify>) {
        let mut queries = self.setup().config.queries.clone();
        let mut files = Files::look(&self.path, &queries).await;
        loop {
            tokio::select! {
                () = stop.cancelled() => return,
                () = reload.notified() => {}
                () = files.changed(&self.path, &queries) => {}
            }
            // Looked at before they are read: what changes meanwhile is read again.
            files = Files::look(&self.path, &queries).await;
            if let Err(error) = self.reload().await {
                tracing::error!(
                    "configuration and hunts are not reloaded, those loaded stay:\n{error:#}"
                );
            }
            let now = self.setup().config.queries.clone();
            if now != queries {
                queries = now;
                files = Files::look(&self.path, &queries).await;
            }
        }
    }
}
