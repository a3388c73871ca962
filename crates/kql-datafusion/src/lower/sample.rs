//! `sample`: rows at random, each equally likely.

use datafusion::functions::math::expr_fn::random;
use datafusion::logical_expr::LogicalPlanBuilder;
use datafusion::logical_expr::expr::Sort;
use kql::hir::{self, Plan};

use super::relation::Relation;
use super::{Lowering, Result, column};

impl Lowering<'_> {
    pub(super) fn sample(&self, input: &Plan, count: &hir::Expr) -> Result<Relation> {
        let input = self.plan(input)?.without_order();
        let count = self.row_count(count)?;
        let lot = self.hidden_name();
        let mut columns = input.columns();
        columns.extend(input.hidden());
        columns.push(random().alias(&lot));
        let drawn = input.map(|plan| LogicalPlanBuilder::from(plan).project(columns)?.build())?;
        let order = vec![Sort::new(column(&lot), true, false)];
        if let Some(groups) = drawn.groups.clone() {
            return self.take_of_groups(drawn, &groups, order, count);
        }
        drawn.map(|plan| {
            LogicalPlanBuilder::from(plan)
                .sort(order)?
                .limit(0, Some(count))?
                .build()
        })
    }
}
