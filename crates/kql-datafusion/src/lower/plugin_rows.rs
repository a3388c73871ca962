//! Plugins that hand rows of their input on.

use datafusion::logical_expr::{Expr, LogicalPlanBuilder};

use super::plugin::Call;
use super::relation::Relation;
use super::{Lowering, Result, output_name};
use crate::plugin::columns::plan_schema;
use crate::plugin::rows_near::RowsNear;
use crate::plugin::timeline::number;

impl Lowering<'_> {
    pub(super) fn rows_near(&self, call: &Call<'_>) -> Result<Relation> {
        let count = |parameter: &str| -> Result<Option<usize>> {
            let Some(value) = self.argument(call, parameter)? else {
                return Ok(None);
            };
            let count = number(&value).and_then(|count| usize::try_from(count).ok());
            let message = format!("{parameter} must be zero or above");
            count.map(Some).ok_or_else(|| call.invalid(message))
        };
        let before = count("NumRows")?.unwrap_or(0);
        let after = count("NumRowsAfter")?.unwrap_or(before);
        let conditions = call.exprs("Condition");
        let input = self.with_windows(self.plan(call.input)?, conditions.iter().copied())?;
        let mut columns: Vec<Expr> = input.columns();
        for condition in conditions {
            let condition = self.value(condition, &input)?;
            columns.push(condition.alias(self.hidden_name()));
        }
        let rows_near = RowsNear {
            before,
            after,
            output: plan_schema(&call.output.schema, output_name),
        };
        self.whole(input.project(columns)?, rows_near)
    }

    /// The first rows; how many there are in all is a second result, which has no place here.
    pub(super) fn preview(&self, call: &Call<'_>) -> Result<Relation> {
        let count = self.argument(call, "NumberOfRows")?;
        let count = count.as_ref().and_then(number);
        let count = count.ok_or_else(|| call.invalid("NumberOfRows has no value"))?;
        let count = usize::try_from(count).unwrap_or(0);
        self.plan(call.input)?.map_sorted(|plan| {
            LogicalPlanBuilder::from(plan)
                .limit(0, Some(count))?
                .build()
        })
    }

    pub(super) fn row_count(&self, call: &Call<'_>) -> Result<Relation> {
        let input = self.plan(call.input)?.plan;
        let rows = datafusion::functions_aggregate::count::count_udaf();
        let one = datafusion::logical_expr::lit(1_i64);
        let name = output_name(&call.output.schema.columns()[0].name);
        let plan = LogicalPlanBuilder::from(input)
            .aggregate(Vec::<Expr>::new(), vec![rows.call(vec![one]).alias(name)])?
            .build()?;
        Ok(Relation::unordered(plan, 1))
    }
}
