//! Sessions: the tables queries read, the limits they keep, and how a query starts.

use std::borrow::Cow;
use std::sync::Arc;

use datafusion::execution::disk_manager::{DiskManagerBuilder, DiskManagerMode};
use datafusion::execution::memory_pool::{FairSpillPool, MemoryReservation};
use datafusion::execution::runtime_env::RuntimeEnvBuilder;
use datafusion::execution::{SessionState, SessionStateBuilder};
use datafusion::optimizer::OptimizerRule;
use datafusion::optimizer::replace_distinct_aggregate::ReplaceDistinctWithAggregate;
use datafusion::optimizer::simplify_expressions::SimplifyExpressions;
use datafusion::physical_optimizer::PhysicalOptimizerRule;
use datafusion::physical_optimizer::optimizer::PhysicalOptimizer;
use datafusion::physical_plan::{ExecutionPlan, displayable, execute_stream};
use datafusion::prelude::SessionConfig;
use kql::bind::Bound;
use kql::diagnostic::Severity;
use kql::hir;
use kql::types::Schema;
use tokio::time::Instant;

use crate::error::EngineError;
use crate::limits::Limits;
use crate::lower::{Computed, Lowered, Lowering};
use crate::node::planner::KqlQueryPlanner;
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

/// A query that is ready to run.
struct Planned {
    physical: Arc<dyn ExecutionPlan>,
    schema: Schema,
    reservations: Vec<MemoryReservation>,
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
        // The lowering knows better: it has seen what filters leave of a table.
        options.optimizer.join_reordering = false;
        let state = SessionStateBuilder::new()
            .with_config(config)
            .with_default_features()
            .with_query_planner(Arc::new(KqlQueryPlanner))
            .with_physical_optimizer_rules(physical_rules())
            .build();
        Ok(Self {
            tables,
            limits,
            state,
        })
    }

    /// The same context without the rewrites of plans that only make them faster: their answers
    /// are what those of optimised plans are compared with.
    #[must_use]
    pub fn without_optimizer(self) -> Self {
        // Without these two, some plans have no physical form.
        let needed: Vec<Arc<dyn OptimizerRule + Send + Sync>> = vec![
            Arc::new(SimplifyExpressions::new()),
            Arc::new(ReplaceDistinctWithAggregate::new()),
        ];
        let state = SessionStateBuilder::new_from_existing(self.state)
            .with_optimizer_rules(needed)
            .build();
        Self { state, ..self }
    }

    /// The tables.
    pub fn tables(&self) -> &Arc<dyn Tables> {
        &self.tables
    }

    /// Parses and binds a query against the tables.
    pub fn bind(&self, text: &str) -> Bound {
        kql::compile(text, &TablesCatalog(&*self.tables))
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
        let planned = self.physical_plan(query, time, &state).await?;
        let input = execute_stream(planned.physical, state.task_ctx())?;
        let arrow_schema = arrow_schema(&planned.schema);
        let schema = Arc::clone(&arrow_schema);
        let (limits, reservations) = (&self.limits, planned.reservations);
        let batches = LimitedStream::new(input, schema, reservations, limits, started);
        Ok(QueryStream {
            schema: planned.schema,
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
        let planned = self.physical_plan(query, time, &state).await?;
        Ok(displayable(&*planned.physical).indent(false).to_string())
    }

    async fn physical_plan(
        &self,
        query: &hir::Query,
        time: QueryTime,
        state: &SessionState,
    ) -> Result<Planned, EngineError> {
        let mut query = Cow::Borrowed(query);
        let mut computed = Computed::default();
        // Whether the query at hand is but the part that leads to the columns of a plugin.
        let mut is_part = false;
        loop {
            if let Some((from, to)) = time.window {
                let window = kql::window::Window { from, to };
                query = Cow::Owned(kql::window::apply(query.into_owned(), window));
            }
            let lowering = Lowering::new(&*self.tables, state, time.now, computed);
            match Box::pin(lowering.query(&query)).await? {
                Lowered::Plan(..) if is_part => {
                    return Err(EngineError::Invalid {
                        what: "a plugin had no rows to tell its columns from, and a key behind it \
                               is none of those known; declare the columns behind its call"
                            .to_owned(),
                        span: query.plan.span,
                    });
                }
                Lowered::Plan(plan, reservations) => {
                    return Ok(Planned {
                        physical: state.create_physical_plan(&plan).await?,
                        schema: query.plan.schema.clone().opened(false),
                        reservations,
                    });
                }
                Lowered::Columns(known) => {
                    let (again, is_open) = self.bind_again(&query, &known)?;
                    query = Cow::Owned(again);
                    is_part = is_open;
                    computed = known;
                }
            }
        }
    }

    /// The query with the columns that plugins turned out to have, and whether it is a part only.
    fn bind_again(
        &self,
        query: &hir::Query,
        known: &Computed,
    ) -> Result<(hir::Query, bool), EngineError> {
        let span = query.plan.span;
        let Some(text) = &query.text else {
            let what = "a plugin whose columns depend on the rows, in a query without its text,";
            return Err(EngineError::not_supported(what, span));
        };
        let catalog = TablesCatalog(&*self.tables);
        let bound = kql::compile_with(text, &catalog, &known.columns);
        let error = bound
            .diagnostics
            .iter()
            .find(|diagnostic| diagnostic.severity == Severity::Error);
        if let Some(error) = error {
            let help = error.help.as_ref();
            let help = help.map_or_else(String::new, |help| format!(" ({help})"));
            return Err(EngineError::Invalid {
                what: format!("{}{help}", error.message),
                span: error.span,
            });
        }
        let is_open = bound.is_open;
        let query = bound
            .query
            .ok_or_else(|| EngineError::not_supported("a query with unknown tables", span))?;
        Ok((query, is_open))
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

/// DataFusion's rules without the one that answers counts from statistics: it loses columns of
/// aggregates over aggregates, and counting rows of files reads nothing but their footers anyway.
fn physical_rules() -> Vec<Arc<dyn PhysicalOptimizerRule + Send + Sync>> {
    let mut rules = PhysicalOptimizer::new().rules;
    rules.retain(|rule| rule.name() != "aggregate_statistics");
    rules
}
