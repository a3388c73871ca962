//! Keeps what must be computed once from being computed again. DataFusion's filters merge with
//! filters further below and take the expressions of projections in between with them, those
//! included that claim to be volatile: random numbers would be others in the filter than in the
//! answer, and patterns would be matched again for each column that a filter reads.

use std::sync::Arc;

use datafusion::common::config::ConfigOptions;
use datafusion::common::tree_node::{Transformed, TransformedResult, TreeNode};
use datafusion::error::Result;
use datafusion::physical_expr_common::physical_expr::is_volatile;
use datafusion::physical_optimizer::PhysicalOptimizerRule;
use datafusion::physical_plan::ExecutionPlan;
use datafusion::physical_plan::projection::ProjectionExec;

use super::pause::PauseExec;

/// Puts a node that lets no filter through above all projections of volatile expressions.
#[derive(Debug)]
pub(crate) struct ShieldVolatile;

impl PhysicalOptimizerRule for ShieldVolatile {
    fn name(&self) -> &'static str {
        "kql_shield_volatile"
    }

    fn optimize(
        &self,
        plan: Arc<dyn ExecutionPlan>,
        _: &ConfigOptions,
    ) -> Result<Arc<dyn ExecutionPlan>> {
        plan.transform_up(|plan| {
            let is_shielded = plan
                .downcast_ref::<ProjectionExec>()
                .is_some_and(|projection| {
                    let mut columns = projection.expr().iter();
                    columns.any(|column| is_volatile(&column.expr))
                });
            Ok(if is_shielded {
                Transformed::yes(Arc::new(PauseExec { input: plan }) as _)
            } else {
                Transformed::no(plan)
            })
        })
        .data()
    }

    fn schema_check(&self) -> bool {
        true
    }
}
