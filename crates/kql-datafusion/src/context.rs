//! Sessions: the tables queries read, the limits they keep, and how a query starts.

use std::borrow::Cow;
use std::sync::Arc;

use datafusion::execution::disk_manager::{DiskManagerBuilder, DiskManagerMode};
use datafusion::execution::memory_pool::{FairSpillPool, MemoryReservation};
use datafusion::execution::runtime_env::RuntimeEnvBuilder;
use datafusion::execution::{SessionState, SessionStateBuilder};
use datafusion::functions_aggregate::first_last::first_value_udaf;
use datafusion::optimizer::OptimizerRule;
use datafusion::optimizer::replace_distinct_aggregate::ReplaceDistinctWithAggregate;
use datafusion::optimizer::simplify_expressions::SimplifyExpressions;
use datafusion::physical_optimizer::PhysicalOptimizerRule;
use datafusion::physical_optimizer::optimizer::PhysicalOptimizer;
use datafusion::physical_plan::{ExecutionPlan, displayable};
use datafusion::prelude::SessionConfig;
use kql::bind::{Bound, KnownColumns, Parameters};
use kql::diagnostic::Severity;
use kql::hir;
use kql::types::Schema;
use kql::window::{Mode, Timing, Window};
use tokio::time::Instant;

use crate::error::EngineError;
use crate::external::ExternalData;
use crate::limits::Limits;
use crate::lower::{Computed, Lowered, Lowering};
use crate::narrow::narrow;
use crate::node::pause::InsertPauses;
use crate::node::planner::KqlQueryPlanner;
use crate::node::shield::ShieldVolatile;
use crate::stream::{Held, LimitedStream, QueryStream};
use crate::tables::{Tables, TablesCatalog};
use crate::threads;
use crate::types::{UTC, arrow_schema_of};
use crate::watch::Watch;

/// The time a query runs at. A query never reads the clock.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct QueryTime {
    /// What `now()` is, in ticks since 0001-01-01.
    pub now: i64,
    /// The window `[from, to)` applied to every table with a time column, in ticks.
    pub window: Option<(i64, i64)>,
}

/// A result of a query with what the query calls it, if anything.
#[derive(Debug)]
pub struct NamedStream {
    /// `Name` of `fork Name=(…)`, or of an `as Name` at the end of a branch.
    pub name: Option<Arc<str>>,
    /// Its rows.
    pub stream: QueryStream,
}

/// A query that is ready to run.
struct Planned {
    results: Vec<PlannedResult>,
    reservations: Vec<MemoryReservation>,
}

/// One of its results.
struct PlannedResult {
    name: Option<Arc<str>>,
    physical: Arc<dyn ExecutionPlan>,
    schema: Schema,
}

/// Runs KQL over tables.
#[derive(Clone, Debug)]
pub struct KqlContext {
    tables: Arc<dyn Tables>,
    limits: Limits,
    external: ExternalData,
    window_mode: Mode,
    state: SessionState,
    /// Whether queries lose what their answers do not need before plans are made of them.
    narrows: bool,
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
        // The rule moves the fields of a parsed text below a `distinct`, where it names a column
        // twice. No table here has the structs that it is for.
        options.optimizer.enable_leaf_expression_pushdown = false;
        let state = SessionStateBuilder::new()
            .with_config(config)
            // Plans hold their functions; the one that a rule looks up by name is all that the
            // sessions of queries, of which each is a copy, need to know.
            .with_aggregate_functions(vec![first_value_udaf()])
            .with_query_planner(Arc::new(KqlQueryPlanner))
            .with_physical_optimizer_rules(physical_rules())
            .build();
        Ok(Self {
            tables,
            limits,
            external: ExternalData::default(),
            window_mode: Mode::Event,
            state,
            narrows: true,
        })
    }

    /// The same context, whose queries may read what `external` allows. Without, they read none.
    #[must_use]
    pub fn with_external_data(mut self, external: ExternalData) -> Self {
        self.external = external;
        self
    }

    /// The same context, whose windows are of the time that `mode` names. Without, they are of when
    /// rows happened.
    #[must_use]
    pub fn with_window_mode(mut self, mode: Mode) -> Self {
        self.window_mode = mode;
        self
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
        Self {
            state,
            narrows: false,
            ..self
        }
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
        let catalog = TablesCatalog(&*self.tables);
        kql::compile_given(text, &catalog, parameters, &KnownColumns::new())
    }

    /// Starts a query that has one result. Subqueries (`toscalar`, `in (table)`, `materialize`)
    /// run to their end before this returns. A query of several results (`fork`, `facet`) is an
    /// error: to give the first only would be to lose rows silently.
    pub async fn stream(
        &self,
        query: &hir::Query,
        time: QueryTime,
    ) -> Result<QueryStream, EngineError> {
        if query.has_several_results() {
            return Err(EngineError::Invalid {
                what: "the query has several results (`fork`, `facet`) where one table is wanted"
                    .to_owned(),
                span: query.plan.span,
            });
        }
        let mut results = self.streams(query, time).await?;
        let only = results.pop().map(|result| result.stream);
        only.ok_or_else(|| EngineError::Execution("the query has no result".to_owned()))
    }

    /// Starts a query and gives its results in the order written: several for `fork` and `facet`,
    /// one for all others. What the results have in common is computed once, before this returns.
    /// The limit of rows is that of each result, the limits of time and memory are of all.
    pub async fn streams(
        &self,
        query: &hir::Query,
        time: QueryTime,
    ) -> Result<Vec<NamedStream>, EngineError> {
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
    ) -> Result<Vec<NamedStream>, EngineError> {
        let watch = Watch::new(self.limits.memory_bytes);
        let watch_end = watch.end_on_drop();
        let state = self.query_state(watch)?;
        let planned = self.planned(query, time, &state).await?;
        // What the results read, until the last of them ends.
        let held = Arc::new(Held {
            _reservations: planned.reservations,
            _watch_end: watch_end,
        });
        let mut streams = Vec::with_capacity(planned.results.len());
        for result in planned.results {
            let arrow_schema = arrow_schema_of(&result.schema, &result.physical.schema());
            let input = threads::run(result.physical, state.task_ctx())?;
            let schema = Arc::clone(&arrow_schema);
            let held = Arc::clone(&held);
            let batches = LimitedStream::new(input, schema, held, &self.limits, started);
            let stream = QueryStream {
                schema: result.schema,
                arrow_schema,
                batches: Box::pin(batches),
                memory_bytes: self.limits.memory_bytes,
            };
            streams.push(NamedStream {
                name: result.name,
                stream,
            });
        }
        Ok(streams)
    }

    /// The plan that would run, one operator a line, for people who tune queries. Subqueries run.
    pub async fn explain(
        &self,
        query: &hir::Query,
        time: QueryTime,
    ) -> Result<String, EngineError> {
        let watch = Watch::new(self.limits.memory_bytes);
        let _watch_end = watch.end_on_drop();
        let state = self.query_state(watch)?;
        let planned = self.planned(query, time, &state).await?;
        let results = planned.results.iter();
        let texts: Vec<String> = results
            .map(|result| displayable(&*result.physical).indent(false).to_string())
            .collect();
        Ok(texts.join("\n"))
    }

    /// The plans of all results, and the memory that they read until the last of them ends.
    async fn planned(
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
                let timing = Timing {
                    window: Window { from, to },
                    now: time.now,
                    mode: self.window_mode,
                };
                query = Cow::Owned(kql::window::apply(query.into_owned(), timing));
            }
            let (tables, external) = (&*self.tables, &self.external);
            let lowering = Lowering::new(tables, external, state, time.now, computed);
            if self.narrows {
                let mut narrowed = query.into_owned();
                narrow(&mut narrowed.plan, &lowering.truth());
                query = Cow::Owned(narrowed);
            }
            match Box::pin(lowering.query(&query)).await? {
                Lowered::Plans(..) if is_part => {
                    return Err(EngineError::Invalid {
                        what: "a plugin had no rows to tell its columns from, and a key behind it \
                               is none of those known; declare the columns behind its call"
                            .to_owned(),
                        span: query.plan.span,
                    });
                }
                Lowered::Plans(plans, reservations) => {
                    let mut planned = Vec::with_capacity(plans.len());
                    for ((name, result), plan) in query.results().into_iter().zip(plans) {
                        planned.push(PlannedResult {
                            name: name.cloned(),
                            physical: state.create_physical_plan(&plan).await?,
                            schema: result.schema.clone().opened(false),
                        });
                    }
                    return Ok(Planned {
                        results: planned,
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
        let bound = kql::compile_given(text, &catalog, &query.parameters, &known.columns);
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
    fn query_state(&self, watch: Watch) -> Result<SessionState, EngineError> {
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
        let mut config = self.state.config().clone();
        config.options_mut().extensions.insert(watch);
        let mut state = SessionStateBuilder::new_from_existing(self.state.clone())
            .with_config(config)
            .with_runtime_env(runtime)
            .build();
        // From here on functions see the options of the query.
        state.mark_start_execution();
        Ok(state)
    }
}

/// DataFusion's rules with two of our own, and without the one that answers counts from
/// statistics: it loses columns of aggregates over aggregates, and counting rows of files reads
/// nothing but their footers anyway.
fn physical_rules() -> Vec<Arc<dyn PhysicalOptimizerRule + Send + Sync>> {
    let mut rules = PhysicalOptimizer::new().rules;
    rules.retain(|rule| rule.name() != "aggregate_statistics");
    rules.insert(0, Arc::new(ShieldVolatile));
    rules.push(Arc::new(InsertPauses));
    rules
}
