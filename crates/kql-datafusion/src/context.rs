//! Sessions: the tables queries read, the limits they keep, and how a query starts.

use std::sync::Arc;

use datafusion::execution::disk_manager::{DiskManagerBuilder, DiskManagerMode};
use datafusion::execution::memory_pool::{FairSpillPool, MemoryReservation};
use datafusion::execution::runtime_env::RuntimeEnvBuilder;
use datafusion::execution::{SessionState, SessionStateBuilder};
use datafusion::physical_plan::{ExecutionPlan, displayable, execute_stream};
use datafusion::prelude::SessionConfig;
use kql::bind::{Bound, Parameters};
use kql::hir;
use tokio::time::Instant;

use crate::error::EngineError;
use crate::limits::Limits;
use crate::lower::Lowering;
use crate::node::planner::KqlQueryPlanner;
use crate::node::yielding::yielding;
use crate::stream::{LimitedStream, QueryStream};
use crate::tables::{Tables, TablesCatalog};
use crate::types::{UTC, arrow_schema};

/// The time a query runs at. A query never reads the clock.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct QueryTime {
    /// What `now()` is, in ticks since 0001-01-01.
    pub now: i64,
    /// The window `[from, to)` applied to every table with a time column, in ticks.
    pub window: Option<(i64, i64)>,
}

/// Runs KQL over tables.
#[derive(Clone, Debug)]
pub struct KqlContext {
    tables: Arc<dyn Tables>,
    limits: Limits,
    state: SessionState,
}

impl KqlContext {
    /// A context over `tables` in which each query keeps `limits`.
    pub fn new(tables: Arc<dyn Tables>, limits: Limits) -> Result<Self, EngineError> {
        let mut config = SessionConfig::new()
            .with_batch_size(limits.batch_size)
            .with_target_partitions(limits.target_partitions);
        let options = config.options_mut();
        options.execution.time_zone = Some(UTC.to_owned());
        // String columns are not nullable, and an outer join or an aggregate makes them so on
        // one side of the check only.
        options.execution.skip_physical_aggregate_schema_check = true;
        let state = SessionStateBuilder::new()
            .with_config(config)
            .with_default_features()
            .with_query_planner(Arc::new(KqlQueryPlanner))
            .build();
        Ok(Self {
            tables,
            limits,
            state,
        })
    }

    /// The tables.
    pub fn tables(&self) -> &Arc<dyn Tables> {
        &self.tables
    }

    /// Parses and binds a query against the tables.
    pub fn bind(&self, text: &str) -> Bound {
        kql::compile(text, &TablesCatalog(&*self.tables))
    }

    /// The same with values for the parameters that the query declares.
    pub fn bind_with(&self, text: &str, parameters: &Parameters) -> Bound {
        kql::compile_with(text, &TablesCatalog(&*self.tables), parameters)
    }

    /// Starts a query. Subqueries (`toscalar`, `in (table)`, `materialize`) run to their end
    /// before this returns.
    pub async fn stream(
        &self,
        query: &hir::Query,
        time: QueryTime,
    ) -> Result<QueryStream, EngineError> {
        let memory_bytes = self.limits.memory_bytes;
        let started = Instant::now();
        let run = self.run(query, time, started);
        match self.limits.seconds {
            None => run.await,
            Some(seconds) => {
                let deadline = started + std::time::Duration::from_secs(seconds);
                tokio::time::timeout_at(deadline, run)
                    .await
                    .unwrap_or(Err(EngineError::Limit(crate::error::Limit::Seconds(
                        seconds,
                    ))))
            }
        }
        .map_err(|error| match error {
            EngineError::Limit(crate::error::Limit::Memory { detail, .. }) => {
                EngineError::Limit(crate::error::Limit::Memory {
                    bytes: memory_bytes,
                    detail,
                })
            }
            other => other,
        })
    }

    async fn run(
        &self,
        query: &hir::Query,
        time: QueryTime,
        started: Instant,
    ) -> Result<QueryStream, EngineError> {
        let state = self.query_state()?;
        let (physical, reservations) = self.physical_plan(query, time, &state).await?;
        let input = execute_stream(yielding(physical)?, state.task_ctx())?;
        let arrow_schema = arrow_schema(&query.plan.schema);
        let schema = Arc::clone(&arrow_schema);
        let batches = LimitedStream::new(input, schema, reservations, &self.limits, started);
        Ok(QueryStream {
            schema: query.plan.schema.clone(),
            arrow_schema,
            batches: Box::pin(batches),
            memory_bytes: self.limits.memory_bytes,
        })
    }

    /// The plan that would run, one operator a line, for people who tune queries. Subqueries run.
    pub async fn explain(
        &self,
        query: &hir::Query,
        time: QueryTime,
    ) -> Result<String, EngineError> {
        let state = self.query_state()?;
        let (physical, _) = self.physical_plan(query, time, &state).await?;
        Ok(displayable(&*physical).indent(false).to_string())
    }

    async fn physical_plan(
        &self,
        query: &hir::Query,
        time: QueryTime,
        state: &SessionState,
    ) -> Result<(Arc<dyn ExecutionPlan>, Vec<MemoryReservation>), EngineError> {
        let windowed = time
            .window
            .map(|(from, to)| kql::window::apply(query.clone(), kql::window::Window { from, to }));
        let query = windowed.as_ref().unwrap_or(query);
        let lowering = Lowering::new(&*self.tables, state, time.now);
        let (plan, reservations) = Box::pin(lowering.query(query)).await?;
        Ok((state.create_physical_plan(&plan).await?, reservations))
    }

    /// The session of one query, with memory of its own.
    fn query_state(&self) -> Result<SessionState, EngineError> {
        let mode = match &self.limits.spill_dir {
            Some(folder) => DiskManagerMode::Directories(vec![folder.clone()]),
            None => DiskManagerMode::OsTmpDirectory,
        };
        let disk = DiskManagerBuilder::default()
            .with_mode(mode)
            .with_max_temp_directory_size(self.limits.spill_bytes);
        let runtime = RuntimeEnvBuilder::from_runtime_env(self.state.runtime_env())
            .with_memory_pool(Arc::new(FairSpillPool::new(self.limits.memory_bytes)))
            .with_disk_manager_builder(disk)
            .build_arc()?;
        Ok(SessionStateBuilder::new_from_existing(self.state.clone())
            .with_runtime_env(runtime)
            .build())
    }
}
