//! Lets go of the thread while a step makes many rows of few: a join or an expansion may be busy
//! for hours with one batch of its input, and a filter above it that keeps no row would never
//! return. Only a step that returns now and then can be cancelled, and lets others work. What a
//! join does inside, such as dropping pairs by its own condition, is out of reach from here.

use std::sync::Arc;

use datafusion::common::tree_node::{Transformed, TransformedResult as _, TreeNode as _};
use datafusion::error::Result;
use datafusion::physical_plan::ExecutionPlan;
use datafusion::physical_plan::coop::CooperativeExec;

/// The plan with pauses behind every step that makes many rows of few. Steps that read files or
/// memory have theirs already.
pub(crate) fn yielding(plan: Arc<dyn ExecutionPlan>) -> Result<Arc<dyn ExecutionPlan>> {
    plan.transform_up(|step| {
        Ok(if multiplies(&*step) {
            Transformed::yes(Arc::new(CooperativeExec::new(step)) as _)
        } else {
            Transformed::no(step)
        })
    })
    .data()
}

fn multiplies(step: &dyn ExecutionPlan) -> bool {
    let name = step.name();
    name.ends_with("JoinExec") || matches!(name, "UnnestExec" | "MvExpandExec")
}
