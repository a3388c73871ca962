//! DataFusion's planner, extended by this crate's nodes.

use std::sync::Arc;

use async_trait::async_trait;
use datafusion::catalog::Session;
use datafusion::common::internal_err;
use datafusion::error::Result;
use datafusion::execution::SessionState;
use datafusion::execution::context::QueryPlanner;
use datafusion::logical_expr::physical_planning_context::PhysicalPlanningContext;
use datafusion::logical_expr::{LogicalPlan, UserDefinedLogicalNode};
use datafusion::physical_plan::ExecutionPlan;
use datafusion::physical_planner::{DefaultPhysicalPlanner, ExtensionPlanner, PhysicalPlanner};

use super::gather::{Gather, GatherExec};
use super::step::{Step, StepExec};

/// Plans queries that hold the nodes of this crate.
#[derive(Debug)]
pub(crate) struct KqlQueryPlanner;

#[async_trait]
impl QueryPlanner for KqlQueryPlanner {
    async fn create_physical_plan(
        &self,
        logical_plan: &LogicalPlan,
        session: &dyn Session,
    ) -> Result<Arc<dyn ExecutionPlan>> {
        DefaultPhysicalPlanner::with_extension_planners(vec![Arc::new(NodePlanner)])
            .create_physical_plan(logical_plan, session)
            .await
    }
}

struct NodePlanner;

#[async_trait]
impl ExtensionPlanner for NodePlanner {
    async fn plan_extension(
        &self,
        _planner: &dyn PhysicalPlanner,
        node: &dyn UserDefinedLogicalNode,
        _logical_inputs: &[&LogicalPlan],
        physical_inputs: &[Arc<dyn ExecutionPlan>],
        session: &dyn Session,
        _planning_ctx: &PhysicalPlanningContext,
    ) -> Result<Option<Arc<dyn ExecutionPlan>>> {
        let node = node.as_any();
        if let Some(gather) = node.downcast_ref::<Gather>() {
            let Some(state) = session.as_any().downcast_ref::<SessionState>() else {
                return internal_err!("queries run in a session of their own");
            };
            return Ok(Some(Arc::new(GatherExec::new(gather, state))));
        }
        let [input] = physical_inputs else {
            return Ok(None);
        };
        let Some(step) = node.downcast_ref::<Step>() else {
            return Ok(None);
        };
        Ok(Some(Arc::new(StepExec::new(step, Arc::clone(input))?)))
    }
}
