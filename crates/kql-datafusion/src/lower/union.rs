//! `union`: the legs under the columns of the output, one after the other. DataFusion's union has
//! all columns in each leg, and its optimizer looks through it; that of many tables is a node of
//! our own, whose legs have what they give.

use std::sync::Arc;

use datafusion::logical_expr::{Extension, LogicalPlan, LogicalPlanBuilder, Union, lit};
use kql::hir::{self, Plan, UnionInput};
use kql::types::Value;

use super::group::Groups;
use super::relation::Relation;
use super::{Lowering, Result, column, output_name};
use crate::error::EngineError;
use crate::node::gather::Gather;

/// Most legs of a union of DataFusion.
const LEGS_MAX: usize = 16;

impl Lowering<'_> {
    pub(super) fn union(&self, inputs: &[UnionInput], output: &Plan) -> Result<Relation> {
        if inputs.len() > LEGS_MAX && !self.is_in_subquery() {
            return self.gather(inputs, output);
        }
        let mut legs = Vec::with_capacity(inputs.len());
        let mut missing: Vec<Vec<bool>> = Vec::with_capacity(inputs.len());
        let mut groups: Option<Groups> = None;
        for leg in inputs {
            let input = self.plan(&leg.plan)?.without_order();
            let expressions = leg.expressions(&output.schema);
            let leg = self.project(input, &expressions, output)?;
            missing.push(expressions.iter().map(is_null).collect());
            if legs.is_empty() {
                groups.clone_from(&leg.groups);
            } else if groups.is_some() != leg.groups.is_some() {
                let what = "a `union` of the rows of a subquery with a table outside of it";
                return Err(EngineError::not_supported(what, output.span));
            }
            legs.push(leg);
        }
        let legs = Self::stored_alike(legs, &missing, output)?;
        let width = output.schema.len();
        let alive = legs.iter().any(|leg| match &leg.groups {
            Some(groups) => groups.alive.is_some(),
            None => false,
        });
        if let Some(groups) = &mut groups {
            groups.alive = alive.then(|| self.hidden_name());
        }
        let legs = legs
            .into_iter()
            .map(|leg| Self::leg(leg, groups.as_ref()))
            .collect::<Result<Vec<_>>>()?;
        let plan = match <[_; 1]>::try_from(legs) {
            Ok([only]) => Arc::unwrap_or_clone(only),
            Err(legs) => LogicalPlan::Union(Union::try_new(legs)?),
        };
        Ok(Relation {
            groups,
            ..Relation::unordered(plan, width)
        })
    }

    /// The union of many tables.
    fn gather(&self, inputs: &[UnionInput], output: &Plan) -> Result<Relation> {
        let mut legs = Vec::with_capacity(inputs.len());
        let mut places = Vec::with_capacity(inputs.len());
        for leg in inputs {
            let input = self.plan(&leg.plan)?.without_order();
            let mut own = Vec::with_capacity(leg.columns.len() + leg.values.len());
            let mut columns = Vec::with_capacity(own.capacity());
            for (place, value) in leg.given() {
                let name = &output.schema.columns()[place].name;
                columns.push(self.value(&value, &input)?.alias(output_name(name)));
                own.push(place);
            }
            let leg = Self::without_versions(input.project(columns)?, "union", output.span)?;
            legs.push(leg.visible()?);
            places.push(own);
        }
        let gather = Gather::new(legs, places, &output.schema, output_name)?;
        let node = Arc::new(gather);
        let plan = LogicalPlan::Extension(Extension { node });
        Ok(Relation::unordered(plan, output.schema.len()))
    }

    /// A leg with the hidden columns that all legs have.
    fn leg(leg: Relation, groups: Option<&Groups>) -> Result<Arc<LogicalPlan>> {
        let (Some(groups), Some(own)) = (groups, &leg.groups) else {
            return Ok(Arc::new(leg.plan));
        };
        let mut columns = leg.columns();
        columns.extend(groups.keys.iter().chain(&groups.carried).map(column));
        if let Some(alive) = &groups.alive {
            let own = own.alive.as_ref().map_or_else(|| lit(true), column);
            columns.push(own.alias(alive));
        }
        let plan = LogicalPlanBuilder::from(leg.plan).project(columns)?;
        Ok(Arc::new(plan.build()?))
    }
}

/// Whether an expression stands for a column that a leg does not have.
fn is_null(expr: &hir::Expr) -> bool {
    matches!(expr.kind, hir::ExprKind::Literal(Value::Null))
}
