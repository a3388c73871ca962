//! `summarize arg_max(x, *) by k` over a wide table whose columns can be read apart: the extreme
//! of each group is worked out first, from the few columns that takes, and then only the rows
//! that reach it are read in full. The aggregation above stays as it is and settles ties.

use std::sync::Arc;

use arrow::array::RecordBatch;
use datafusion::common::{Column, JoinType, NullEquality};
use datafusion::functions_aggregate::min_max;
use datafusion::logical_expr::expr::AggregateFunction;
use datafusion::logical_expr::{Expr, LogicalPlanBuilder};
use kql::hir::{self, AggregateCall, ExprKind, Plan, PlanKind};
use kql::types::{self, ScalarType, Schema};

use super::relation::Relation;
use super::{Lowering, Result, column, prepare};
use crate::memory::mem_table;
use crate::stream::conform;
use crate::types::arrow_schema;

/// Fewest columns that make the second reading worth it.
const WIDTH_MIN: usize = 8;
/// Fewest rows of a table that do.
const ROWS_MIN: usize = 50_000;
/// Most groups. Where nearly every row is a group of its own, nothing is left out.
const GROUPS_MAX: usize = 100_000;

impl Lowering<'_> {
    /// Works out the extremes of an aggregation, if that is worth it. Its input is prepared.
    pub(super) async fn find_extremes(
        &mut self,
        input: &Plan,
        keys: &[hir::Expr],
        aggregates: &[AggregateCall],
        output: &Plan,
    ) -> Result<()> {
        let [call] = aggregates else { return Ok(()) };
        let Some(value) = call.arguments.first() else {
            return Ok(());
        };
        let relation = self.plan(input)?;
        let mut columns = Vec::with_capacity(keys.len() + 1);
        let mut groups = Vec::with_capacity(keys.len());
        let mut outputs = Vec::with_capacity(keys.len() + 1);
        for key in keys {
            let name = self.hidden_name();
            columns.push(self.value(key, &relation)?.alias(&name));
            groups.push(column(&name));
            outputs.push(types::Column::new(name, key.ty));
        }
        let argument = self.hidden_name();
        columns.push(self.value(value, &relation)?.alias(&argument));
        let extreme = if call.function.name == "arg_max" {
            min_max::max_udaf()
        } else {
            min_max::min_udaf()
        };
        let arguments = vec![column(argument)];
        let extreme = AggregateFunction::new_udf(extreme, arguments, false, None, Vec::new(), None);
        let name = self.hidden_name();
        let extreme = Expr::AggregateFunction(extreme).alias(&name);
        outputs.push(types::Column::new(name, value.ty));
        let plan = LogicalPlanBuilder::from(relation.plan)
            .project(columns)?
            .aggregate(groups, [extreme])?
            .build()?;
        let batches = self.collect(plan, "arg_max").await?;
        let rows: usize = batches.iter().map(RecordBatch::num_rows).sum();
        if rows > GROUPS_MAX {
            return Ok(());
        }
        let schema = Schema::new(outputs);
        let arrow_schema = arrow_schema(&schema);
        let batches = batches
            .iter()
            .map(|batch| conform(batch, &arrow_schema))
            .collect::<Result<Vec<_>, _>>()?;
        let table = mem_table(&schema, batches)?;
        self.extremes
            .insert(prepare::address(output), Arc::new(table));
        Ok(())
    }

    /// The input of an aggregation, without rows that are known not to be extreme.
    pub(super) fn extreme_rows(
        &self,
        input: Relation,
        keys: &[hir::Expr],
        aggregates: &[AggregateCall],
        output: &Plan,
    ) -> Result<Relation> {
        let Some(table) = self.extremes.get(&prepare::address(output)) else {
            return Ok(input);
        };
        let mut known = Vec::with_capacity(keys.len() + 1);
        let mut on = Vec::with_capacity(keys.len() + 1);
        let extremes = Self::read("extremes", Arc::clone(table), keys.len() + 1)?;
        for position in 0..=keys.len() {
            let name = self.hidden_name();
            known.push(extremes.column(position).alias(&name));
            on.push(Column::new_unqualified(name));
        }
        let extremes = LogicalPlanBuilder::from(extremes.plan).project(known)?;
        let fields = input.plan.schema().fields().iter();
        let all: Vec<Expr> = fields.map(|field| column(field.name())).collect();
        let mut columns = all.clone();
        let mut input_on = Vec::with_capacity(keys.len() + 1);
        let values = aggregates.iter().filter_map(|call| call.arguments.first());
        for value in keys.iter().chain(values) {
            let name = self.hidden_name();
            columns.push(self.value(value, &input)?.alias(&name));
            input_on.push(Column::new_unqualified(name));
        }
        let (width, order) = (input.width, input.order);
        let rows = LogicalPlanBuilder::from(input.plan).project(columns)?;
        // The small side is the first, which the hash table is built of.
        let plan = extremes
            .join_detailed(
                rows.build()?,
                JoinType::Inner,
                (on, input_on),
                None,
                NullEquality::NullEqualsNull,
            )?
            .project(all)?
            .build()?;
        Ok(Relation {
            order,
            ..Relation::unordered(plan, width)
        })
    }

    /// Whether an aggregation is `arg_max` or `arg_min` of many columns over a table that can be
    /// read twice for less than it takes to read all columns once.
    pub(super) fn is_extreme_of_wide_rows(
        &self,
        input: &Plan,
        keys: &[hir::Expr],
        aggregates: &[AggregateCall],
    ) -> bool {
        let [call] = aggregates else { return false };
        let is_extreme = matches!(call.function.name, "arg_max" | "arg_min");
        let is_plain = call.arguments.first().is_some_and(|value| {
            matches!(
                value.ty,
                ScalarType::Int | ScalarType::Long | ScalarType::DateTime | ScalarType::TimeSpan
            )
        });
        is_extreme
            && is_plain
            && call.arguments.len() >= WIDTH_MIN
            && keys.iter().chain(&call.arguments).all(is_repeatable)
            && self.is_repeatable_read(input)
    }

    /// Whether the plan only filters and projects a table that knows its size without reading.
    fn is_repeatable_read(&self, plan: &Plan) -> bool {
        let mut plan = plan;
        loop {
            let mut repeatable = true;
            plan.each_expression(|expr| repeatable &= is_repeatable_call(expr));
            if !repeatable {
                return false;
            }
            plan = match &*plan.kind {
                PlanKind::Filter { input, .. } | PlanKind::Project { input, .. } => input,
                PlanKind::Table { name, .. } => {
                    let table = self.tables.table(name);
                    let statistics = table.and_then(|table| table.provider.statistics());
                    let rows = statistics.and_then(|known| known.num_rows.get_value().copied());
                    return rows.is_some_and(|rows| rows >= ROWS_MIN);
                }
                _ => return false,
            };
        }
    }
}

fn is_repeatable(expr: &hir::Expr) -> bool {
    is_repeatable_call(expr) && expr.operands().all(is_repeatable)
}

/// Whether the expression itself, apart from its operands, has the same value each time, and
/// depends on its own row only.
fn is_repeatable_call(expr: &hir::Expr) -> bool {
    match &expr.kind {
        ExprKind::Call { function, .. } => {
            !function.is_window() && !matches!(function.name, "rand" | "new_guid")
        }
        _ => true,
    }
}
