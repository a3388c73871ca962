//! How many rows the sides of a join will have, roughly, so that the hash table is built of the
//! smaller one. Tables say their size; what filters leave of a large one is found out on its
//! first rows, which costs little against a join that is built of the wrong side.

use std::cell::Cell;

use datafusion::functions_aggregate::count;
use datafusion::logical_expr::expr::AggregateFunction;
use datafusion::logical_expr::{Expr, LogicalPlanBuilder, lit};
use kql::hir::{ExprKind, JoinKind, Plan, PlanKind};
use kql::types::Value;

use super::{Lowering, Result, prepare};

/// Rows of a table that does not know how many it has.
const UNKNOWN_ROWS: f64 = 1e6;
/// What a filter leaves if nothing else is known.
const FILTER_SHARE: f64 = 0.25;
/// What is left of the rows that are grouped.
const GROUP_SHARE: f64 = 0.1;
/// Fewest rows of both sides of a join that make a sample worth it.
const SAMPLE_FROM: f64 = 100_000.0;
/// Rows of a sample.
const SAMPLE_ROWS: usize = 8_192;

impl Lowering<'_> {
    /// Whether the right side of a join is so much smaller that the join is better turned round.
    pub(super) fn is_right_smaller(&self, left: &Plan, right: &Plan) -> bool {
        self.rows_of(left) > 1.2 * self.rows_of(right)
    }

    /// Whether the sides of a join filter large tables and do nothing else that takes long.
    pub(super) fn are_large_reads(&self, left: &Plan, right: &Plan) -> bool {
        let is_large = |side| {
            let rows = self.rows_before_filters(side);
            rows.is_some_and(|rows| rows >= SAMPLE_FROM)
        };
        is_large(left) && is_large(right)
    }

    /// Finds out what the filters of such sides leave. Subqueries in them are run already.
    pub(super) async fn sample_sides(&mut self, left: &Plan, right: &Plan) -> Result<()> {
        for side in [left, right] {
            if let Some(rows) = self.rows_before_filters(side)
                && let Some(share) = self.sampled_share(side).await?
            {
                self.estimates.insert(prepare::address(side), rows * share);
            }
        }
        Ok(())
    }

    /// The share of a table's first rows that a side keeps; `None` if that is none, which says
    /// little.
    async fn sampled_share(&mut self, side: &Plan) -> Result<Option<f64>> {
        let sampled = Sampled::new(&self.sample_rows);
        let relation = self.plan(side);
        drop(sampled);
        let rows = AggregateFunction::new_udf(
            count::count_udaf(),
            vec![lit(1_i64)],
            false,
            None,
            Vec::new(),
            None,
        );
        let plan = LogicalPlanBuilder::from(relation?.plan)
            .aggregate(Vec::<Expr>::new(), [Expr::AggregateFunction(rows)])?
            .build()?;
        let batches = self.collect(plan, "sample").await?;
        let count = batches.first().map(|batch| {
            let count = datafusion::common::ScalarValue::try_from_array(batch.column(0), 0);
            count.map(|count| match count {
                datafusion::common::ScalarValue::Int64(Some(count)) => count,
                _ => 0,
            })
        });
        let count = count.transpose()?.unwrap_or(0);
        Ok((count > 0).then(|| count as f64 / SAMPLE_ROWS as f64))
    }

    /// The rows of the table below a side that only filters and projects, if it filters.
    fn rows_before_filters(&self, side: &Plan) -> Option<f64> {
        let mut plan = side;
        let mut filters = false;
        loop {
            plan = match &*plan.kind {
                PlanKind::Filter { input, .. } => {
                    filters = true;
                    input
                }
                PlanKind::Project { input, .. } => input,
                PlanKind::Table { name, .. } => {
                    return self.table_rows(name).filter(|_| filters);
                }
                _ => return None,
            };
        }
    }

    fn table_rows(&self, name: &str) -> Option<f64> {
        let statistics = self.tables.table(name)?.provider.statistics()?;
        let rows = statistics.num_rows.get_value().copied()?;
        Some(rows as f64)
    }

    /// Iterative where plans are deep: chains of operators can be thousands long.
    fn rows_of(&self, plan: &Plan) -> f64 {
        let mut plan = plan;
        let mut share = 1.0;
        let mut most = f64::INFINITY;
        let rows = loop {
            if let Some(rows) = self.estimates.get(&prepare::address(plan)) {
                break *rows;
            }
            match &*plan.kind {
                PlanKind::Table { name, .. } => {
                    break self.table_rows(name).unwrap_or(UNKNOWN_ROWS);
                }
                PlanKind::Values { rows } => break rows.len() as f64,
                PlanKind::Print { .. } => break 1.0,
                PlanKind::Filter { input, .. } => {
                    share *= FILTER_SHARE;
                    plan = input;
                }
                PlanKind::Aggregate { keys, .. } if keys.is_empty() => break 1.0,
                PlanKind::Aggregate { input, .. } | PlanKind::Distinct { input } => {
                    share *= GROUP_SHARE;
                    plan = input;
                }
                PlanKind::Take { input, count } => {
                    if let ExprKind::Literal(Value::Long(count)) = &count.kind {
                        most = most.min(*count as f64 * share);
                    }
                    plan = input;
                }
                PlanKind::Join {
                    left, right, kind, ..
                } => {
                    plan = match kind {
                        JoinKind::RightSemi | JoinKind::RightAnti | JoinKind::RightOuter => right,
                        _ => left,
                    };
                }
                PlanKind::Union { inputs } => {
                    let Some(first) = inputs.first() else {
                        break 0.0;
                    };
                    share *= inputs.len() as f64;
                    plan = &first.plan;
                }
                PlanKind::Shared { input, id } => {
                    if let Some(prepare::Shared::Cached { rows, .. }) = self.shared.get(id) {
                        break *rows as f64;
                    }
                    plan = input;
                }
                _ => match plan.inputs().first() {
                    Some(input) => plan = input,
                    None => break UNKNOWN_ROWS,
                },
            }
        };
        (rows * share).min(most)
    }
}

/// Makes scans read few rows for as long as it lives.
struct Sampled<'c>(&'c Cell<Option<usize>>);

impl<'c> Sampled<'c> {
    fn new(rows: &'c Cell<Option<usize>>) -> Self {
        rows.set(Some(SAMPLE_ROWS));
        Self(rows)
    }
}

impl Drop for Sampled<'_> {
    fn drop(&mut self) {
        self.0.set(None);
    }
}
