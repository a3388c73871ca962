//! Subqueries, run before the query that holds them: `toscalar` and `in (table)` become
//! constants, and a table that is referenced several times is computed once and kept in memory,
//! on the query's account.

use std::collections::HashMap;
use std::sync::Arc;

use arrow::array::RecordBatch;
use datafusion::catalog::TableProvider;
use datafusion::common::ScalarValue;
use datafusion::execution::memory_pool::MemoryConsumer;
use datafusion::logical_expr::{LogicalPlan, LogicalPlanBuilder};
use futures::StreamExt;
use futures::future::BoxFuture;
use kql::hir::{ExprKind, InOp, Plan, PlanKind};
use kql::types::{Column, ScalarType, Schema};

use super::group::{is_open, reads_rows, reads_rows_twice};
use super::plugin::Call;
use super::relation::{OrderKey, Relation};
use super::{Lowering, Result, literal, output_name};
use crate::error::{EngineError, Limit};
use crate::lookup;
use crate::memory::mem_table;
use crate::node::order::numbered;
use crate::stream::conform;
use crate::threads;
use crate::types::arrow_schema_of;

/// The column of a kept table with the numbers of its rows; no KQL name has such a character.
const POSITION: &str = "\u{1f}position";
/// Most distinct values of `x in (table)`.
const IN_TABLE_MAX: usize = 1_000_000;
/// Most distinct values of `x has_any (table)`.
const HAS_TABLE_MAX: usize = 10_000;

/// What a subquery came to.
pub(super) enum Answer {
    /// Of `toscalar`.
    Scalar(ScalarValue),
    /// Of `in (table)`, distinct and without nulls.
    List(Vec<ScalarValue>),
    /// All rows, of a table that a plugin looks into or of a plugin that ran before.
    Table(Schema, Vec<RecordBatch>),
}

/// What is known of a shared subtree.
pub(super) enum Shared {
    /// How often the query mentions it.
    Mentioned(usize),
    /// Its rows, and whether their order counts: their numbers are then the last column.
    Cached {
        table: Arc<dyn TableProvider>,
        ordered: bool,
        rows: usize,
    },
}

impl Shared {
    /// Whether its rows are kept.
    pub(super) fn is_cached(&self) -> bool {
        matches!(self, Self::Cached { .. })
    }
}

/// A subquery is known by where it is in the tree, which does not move while it is lowered.
pub(super) fn address(plan: &Plan) -> usize {
    std::ptr::from_ref(plan).addr()
}

impl Lowering<'_> {
    /// The plans right below one, but for those that earlier passes ran.
    pub(super) fn below<'p>(&self, plan: &'p Plan) -> Vec<&'p Plan> {
        match &*plan.kind {
            PlanKind::Shared { input, .. } => vec![input],
            PlanKind::Plugin { call: Some(id), .. } if self.computed.calls.contains_key(id) => {
                Vec::new()
            }
            _ => plan.inputs(),
        }
    }

    /// Counts the mentions of shared subtrees and notes the time columns of tables, those within
    /// subqueries included.
    pub(super) fn look_around(&mut self, root: &Plan) {
        let mut mentions: HashMap<u32, usize> = HashMap::new();
        let mut pending = vec![root];
        while let Some(plan) = pending.pop() {
            if let PlanKind::Shared { id, .. } = &*plan.kind {
                let count = mentions.entry(*id).or_default();
                *count += 1;
                if *count > 1 {
                    continue;
                }
            }
            if let PlanKind::Table {
                time_column: Some(position),
                ..
            } = &*plan.kind
            {
                let name = output_name(&plan.schema.columns()[*position].name);
                if !self.time_columns.contains(&name) {
                    self.time_columns.push(name);
                }
            }
            pending.extend(self.below(plan));
            plan.each_expression(|expr| match &expr.kind {
                ExprKind::ToScalar(table) | ExprKind::InTable { table, .. } => pending.push(table),
                _ => {}
            });
        }
        self.shared = mentions
            .into_iter()
            .map(|(id, n)| (id, Shared::Mentioned(n)))
            .collect();
        self.shared
            .extend(std::mem::take(&mut self.computed.shared));
    }

    /// Runs the subqueries that `plan` needs.
    pub(super) fn prepare<'f>(&'f mut self, root: &'f Plan) -> BoxFuture<'f, Result<()>> {
        Box::pin(async move {
            let mut pending = vec![root];
            while let Some(plan) = pending.pop() {
                if let PlanKind::Shared { id, input } = &*plan.kind {
                    match self.shared.get(id) {
                        Some(Shared::Cached { .. }) => continue,
                        Some(Shared::Mentioned(count)) if *count > 1 && !reads_rows(input) => {
                            self.cache(*id, input).await?;
                            continue;
                        }
                        _ => {}
                    }
                }
                let mut subqueries = Vec::new();
                let mut locates = None;
                plan.each_expression(|expr| match &expr.kind {
                    // Those over the rows of a group are part of the plan.
                    ExprKind::ToScalar(table) | ExprKind::InTable { table, .. }
                        if reads_rows(table) =>
                    {
                        pending.push(table);
                    }
                    ExprKind::ToScalar(table) => subqueries.push((None, table, expr.ty)),
                    ExprKind::InTable { op, table, .. } => {
                        subqueries.push((Some(*op), table, expr.ty));
                    }
                    ExprKind::Call { function, .. } if function.name == lookup::LOCATIONS => {
                        locates = Some(expr.span);
                    }
                    _ => {}
                });
                if let Some(span) = locates {
                    self.load_locations(span).await?;
                }
                for (op, table, ty) in subqueries {
                    if self.subqueries.contains_key(&address(table)) {
                        continue;
                    }
                    self.prepare(table).await?;
                    let answer = match op {
                        None => Answer::Scalar(self.first_cell(table, ty).await?),
                        Some(op) => Answer::List(self.first_column(table, op).await?),
                    };
                    self.subqueries.insert(address(table), answer);
                }
                match &*plan.kind {
                    PlanKind::ExternalData { uris, properties } => {
                        if !self.externals.contains_key(&address(plan)) {
                            self.read_external(uris, properties, plan).await?;
                        }
                        continue;
                    }
                    // Who reads rows twice must find the same rows, and the same numbers.
                    PlanKind::MvApply(apply)
                        if reads_rows_twice(&apply.subquery) && !reads_rows(&apply.input) =>
                    {
                        self.cache_input(&apply.input, true).await?;
                        pending.push(&apply.subquery);
                        continue;
                    }
                    PlanKind::TopNested(nested)
                        if is_open(&nested.input) && !reads_rows(&nested.input) =>
                    {
                        self.cache_input(&nested.input, false).await?;
                        continue;
                    }
                    PlanKind::Aggregate {
                        input,
                        keys,
                        aggregates,
                    } if !reads_rows(input)
                        && self.is_extreme_of_wide_rows(input, keys, aggregates) =>
                    {
                        self.prepare(input).await?;
                        self.find_extremes(input, keys, aggregates, plan).await?;
                        continue;
                    }
                    PlanKind::Join { left, right, .. }
                        if !reads_rows(left)
                            && !reads_rows(right)
                            && self.are_large_reads(left, right) =>
                    {
                        self.prepare(left).await?;
                        self.prepare(right).await?;
                        self.sample_sides(left, right).await?;
                        continue;
                    }
                    _ => {}
                }
                match Call::of(plan) {
                    // What it reads is prepared with it.
                    Some(call) if self.runs_before(&call) => self.prepare_call(&call).await?,
                    _ => pending.extend(self.below(plan)),
                }
            }
            Ok(())
        })
    }

    async fn cache_input(&mut self, input: &Plan, numbers_rows: bool) -> Result<()> {
        let cached = self.cached_plan(input, numbers_rows).await?;
        self.inputs.insert(address(input), cached);
        Ok(())
    }

    async fn cache(&mut self, id: u32, input: &Plan) -> Result<()> {
        let cached = self.cached_plan(input, false).await?;
        self.shared.insert(id, cached);
        Ok(())
    }

    /// Computes a table, with the numbers of its rows if they have an order or are asked for.
    async fn cached_plan(&mut self, input: &Plan, numbers_rows: bool) -> Result<Shared> {
        self.prepare(input).await?;
        let kept = self.kept_prepared(input, numbers_rows, "materialize");
        let (table, ordered, batches) = kept.await?;
        Ok(Shared::Cached {
            table,
            ordered,
            rows: batches.iter().map(RecordBatch::num_rows).sum(),
        })
    }

    /// Runs a plan and keeps its rows: the table, whether the numbers of its rows are its last
    /// column, and its batches.
    pub(super) async fn kept(
        &mut self,
        input: &Plan,
        purpose: &str,
    ) -> Result<(Arc<dyn TableProvider>, bool, Vec<RecordBatch>)> {
        self.prepare(input).await?;
        self.kept_prepared(input, false, purpose).await
    }

    async fn kept_prepared(
        &mut self,
        input: &Plan,
        numbers_rows: bool,
        purpose: &str,
    ) -> Result<(Arc<dyn TableProvider>, bool, Vec<RecordBatch>)> {
        let relation = self.plan(input)?;
        let ordered = numbers_rows || !relation.order.is_empty();
        let plan = relation.sorted()?;
        let stored = Arc::clone(plan.schema().inner());
        let batches = self.collect(plan, purpose).await?;
        let schema = arrow_schema_of(&input.schema, &stored);
        let mut batches = batches
            .iter()
            .map(|batch| conform(batch, &schema))
            .collect::<Result<Vec<_>, _>>()?;
        let mut columns = input.schema.columns().to_vec();
        if ordered {
            columns.push(Column::new(POSITION, ScalarType::Long));
            let schema = arrow_schema_of(&Schema::new(columns.clone()), &stored);
            batches = numbered(&batches, &schema)?;
        }
        let table = Arc::new(mem_table(&Schema::new(columns), batches.clone())?);
        Ok((table, ordered, batches))
    }

    /// Keeps a plan that the lowering made itself where it is, because subqueries are known by
    /// their place.
    pub(super) fn own(&mut self, plan: &Arc<Plan>) {
        self.owned.push(Arc::clone(plan));
    }

    /// The input of a step, which may have been computed before.
    pub(super) fn input(&self, input: &Plan) -> Result<Relation> {
        match self.inputs.get(&address(input)) {
            Some(Shared::Cached { table, ordered, .. }) => {
                let cached = self.cached(Arc::clone(table), *ordered, input.schema.len())?;
                self.sourced(cached)
            }
            _ => self.plan(input),
        }
    }

    /// A table that was computed before, in its order.
    pub(super) fn cached(
        &self,
        table: Arc<dyn TableProvider>,
        ordered: bool,
        width: usize,
    ) -> Result<Relation> {
        if !ordered {
            return Self::read("shared", table, width);
        }
        let mut relation = Self::read("shared", table, width + 1)?;
        let position = self.hidden_name();
        let mut columns = relation.columns();
        columns[width] = relation.column(width).alias(&position);
        relation.width = width;
        relation.plan = LogicalPlanBuilder::from(relation.plan)
            .project(columns)?
            .build()?;
        relation.order.push(OrderKey {
            column: position,
            ascending: true,
            nulls_first: false,
        });
        Ok(relation)
    }

    pub(super) async fn first_cell(&mut self, table: &Plan, ty: ScalarType) -> Result<ScalarValue> {
        let missing = literal::missing(ty)?;
        if table.schema.is_empty() {
            return Ok(missing);
        }
        let first_row = self
            .plan(table)?
            .map_sorted(|plan| LogicalPlanBuilder::from(plan).limit(0, Some(1))?.build())?;
        let plan = first_column_of(first_row)?;
        for batch in self.collect(plan, "toscalar").await? {
            if batch.num_rows() > 0 {
                let value = ScalarValue::try_from_array(batch.column(0), 0)?;
                return Ok(if value.is_null() { missing } else { value });
            }
        }
        Ok(missing)
    }

    async fn first_column(&mut self, table: &Plan, op: InOp) -> Result<Vec<ScalarValue>> {
        let limit = match op {
            InOp::HasAny | InOp::HasAll => HAS_TABLE_MAX,
            InOp::In | InOp::NotIn | InOp::InIgnoringCase | InOp::NotInIgnoringCase => IN_TABLE_MAX,
        };
        let plan = first_column_of(self.plan(table)?.without_order())?;
        let unique = LogicalPlanBuilder::from(plan)
            .distinct()?
            .limit(0, Some(limit + 1))?;
        let mut values = Vec::new();
        for batch in self.collect(unique.build()?, "in").await? {
            for row in 0..batch.num_rows() {
                let value = ScalarValue::try_from_array(batch.column(0), row)?;
                if !value.is_null() {
                    values.push(value);
                }
            }
        }
        if values.len() > limit {
            return Err(EngineError::Limit(Limit::InTable(limit)));
        }
        Ok(values)
    }

    /// Runs a plan and keeps its rows on the query's memory account.
    pub(super) async fn collect(
        &mut self,
        plan: LogicalPlan,
        purpose: &str,
    ) -> Result<Vec<RecordBatch>> {
        let physical = self.state.create_physical_plan(&plan).await?;
        let mut stream = threads::run(physical, self.state.task_ctx())?;
        let pool = &self.state.runtime_env().memory_pool;
        let reservation = MemoryConsumer::new(purpose).register(pool);
        let mut batches = Vec::new();
        while let Some(batch) = stream.next().await {
            let batch = batch?;
            reservation.try_grow(batch.get_array_memory_size())?;
            batches.push(batch);
        }
        self.reservations.push(reservation);
        Ok(batches)
    }
}

fn first_column_of(relation: Relation) -> Result<LogicalPlan> {
    let column = relation.column(0);
    Ok(LogicalPlanBuilder::from(relation.plan)
        .project(vec![column])?
        .build()?)
}

impl Answer {
    /// The value of a `toscalar`.
    pub(super) fn scalar(&self) -> Option<&ScalarValue> {
        match self {
            Self::Scalar(value) => Some(value),
            Self::List(_) | Self::Table(..) => None,
        }
    }

    /// The values of an `in (table)`.
    pub(super) fn list(&self) -> Option<&[ScalarValue]> {
        match self {
            Self::List(values) => Some(values),
            Self::Scalar(_) | Self::Table(..) => None,
        }
    }
}
