//! Runs a step: what DataFusion asks of every physical node, answered by the operation.

use std::fmt;
use std::sync::Arc;

use datafusion::common::internal_err;
use datafusion::common::tree_node::TreeNodeRecursion;
use datafusion::error::Result;
use datafusion::execution::{SendableRecordBatchStream, TaskContext};
use datafusion::physical_expr::{LexOrdering, OrderingRequirements, PhysicalExpr};
use datafusion::physical_plan::{
    DisplayAs, DisplayFormatType, ExecutionPlan, InputDistributionRequirements, PlanProperties,
};

use super::{Operation, Step, describe};

/// The physical node.
#[derive(Clone, Debug)]
pub(crate) struct StepExec {
    input: Arc<dyn ExecutionPlan>,
    operation: Arc<dyn Operation>,
    order: Option<LexOrdering>,
    properties: Arc<PlanProperties>,
}

impl StepExec {
    pub(crate) fn new(node: &Step, input: Arc<dyn ExecutionPlan>) -> Result<Self> {
        Self::over(input, Arc::clone(&node.operation))
    }

    fn over(input: Arc<dyn ExecutionPlan>, operation: Arc<dyn Operation>) -> Result<Self> {
        let schema = Arc::new(operation.schema(&input.schema())?);
        Ok(Self {
            order: operation.order(&input.schema())?,
            properties: Arc::new(operation.properties(&*input, schema)?),
            input,
            operation,
        })
    }
}

impl DisplayAs for StepExec {
    fn fmt_as(&self, _: DisplayFormatType, f: &mut fmt::Formatter) -> fmt::Result {
        describe(&*self.operation, f)
    }
}

impl ExecutionPlan for StepExec {
    fn name(&self) -> &str {
        self.operation.name()
    }

    fn properties(&self) -> &Arc<PlanProperties> {
        &self.properties
    }

    fn children(&self) -> Vec<&Arc<dyn ExecutionPlan>> {
        vec![&self.input]
    }

    fn input_distribution_requirements(&self) -> InputDistributionRequirements {
        let schema = self.input.schema();
        InputDistributionRequirements::new(vec![self.operation.distribution(&schema)])
    }

    fn required_input_ordering(&self) -> Vec<Option<OrderingRequirements>> {
        vec![self.order.clone().map(OrderingRequirements::from)]
    }

    /// A sort above must not move below, where values depend on the order of the rows.
    fn maintains_input_order(&self) -> Vec<bool> {
        vec![false]
    }

    fn apply_expressions(
        &self,
        _: &mut dyn FnMut(&Arc<dyn PhysicalExpr>) -> Result<TreeNodeRecursion>,
    ) -> Result<TreeNodeRecursion> {
        Ok(TreeNodeRecursion::Continue)
    }

    fn with_new_children(
        self: Arc<Self>,
        mut children: Vec<Arc<dyn ExecutionPlan>>,
    ) -> Result<Arc<dyn ExecutionPlan>> {
        let Some(input) = children.pop() else {
            return internal_err!("{} has one input", self.operation.name());
        };
        Ok(Arc::new(Self::over(input, Arc::clone(&self.operation))?))
    }

    fn execute(
        &self,
        partition: usize,
        context: Arc<TaskContext>,
    ) -> Result<SendableRecordBatchStream> {
        let input = self.input.execute(partition, Arc::clone(&context))?;
        let schema = self.schema();
        self.operation.run(input, partition, schema, &context)
    }
}
