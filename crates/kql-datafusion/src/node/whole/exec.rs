//! Runs a computation over all rows: collects them on the query's account, computes on a thread
//! that may block, and hands the rows out with their numbers.

use std::fmt;
use std::sync::Arc;

use datafusion::common::internal_err;
use datafusion::common::tree_node::TreeNodeRecursion;
use datafusion::error::{DataFusionError, Result};
use datafusion::execution::memory_pool::MemoryConsumer;
use datafusion::execution::{SendableRecordBatchStream, TaskContext};
use datafusion::physical_expr::{
    Distribution, EquivalenceProperties, LexOrdering, OrderingRequirements, PhysicalExpr,
};
use datafusion::physical_plan::execution_plan::EmissionType;
use datafusion::physical_plan::stream::RecordBatchStreamAdapter;
use datafusion::physical_plan::{
    DisplayAs, DisplayFormatType, ExecutionPlan, ExecutionPlanProperties,
    InputDistributionRequirements, Partitioning, PlanProperties,
};
use futures::{StreamExt, TryStreamExt};

use super::{Whole, WholeTable, Work, with_position};
use crate::node::order::{Key, by_position, numbered, ordering};

/// The physical node.
#[derive(Clone, Debug)]
pub(crate) struct WholeExec {
    input: Arc<dyn ExecutionPlan>,
    keys: Vec<Key>,
    table: Arc<dyn WholeTable>,
    position: String,
    order: Option<LexOrdering>,
    properties: Arc<PlanProperties>,
}

impl WholeExec {
    pub(crate) fn new(node: &Whole, input: Arc<dyn ExecutionPlan>) -> Result<Self> {
        let (keys, table) = (node.order.clone(), Arc::clone(&node.table));
        Self::over(input, keys, table, node.position.clone())
    }

    fn over(
        input: Arc<dyn ExecutionPlan>,
        keys: Vec<Key>,
        table: Arc<dyn WholeTable>,
        position: String,
    ) -> Result<Self> {
        let order = ordering(&keys, &input.schema())?;
        let schema = Arc::new(with_position(&table.schema(), &position));
        let by_position = by_position(&position, &schema)?;
        let properties = PlanProperties::new(
            EquivalenceProperties::new_with_orderings(schema, [vec![by_position]]),
            Partitioning::UnknownPartitioning(1),
            EmissionType::Final,
            input.boundedness(),
        );
        Ok(Self {
            input,
            keys,
            table,
            position,
            order,
            properties: Arc::new(properties),
        })
    }
}

impl DisplayAs for WholeExec {
    fn fmt_as(&self, _: DisplayFormatType, f: &mut fmt::Formatter) -> fmt::Result {
        write!(f, "KqlWholeExec: {}", self.table.name())
    }
}

impl ExecutionPlan for WholeExec {
    fn name(&self) -> &'static str {
        "KqlWholeExec"
    }

    fn properties(&self) -> &Arc<PlanProperties> {
        &self.properties
    }

    fn children(&self) -> Vec<&Arc<dyn ExecutionPlan>> {
        vec![&self.input]
    }

    fn input_distribution_requirements(&self) -> InputDistributionRequirements {
        InputDistributionRequirements::new(vec![Distribution::SinglePartition])
    }

    fn required_input_ordering(&self) -> Vec<Option<OrderingRequirements>> {
        vec![self.order.clone().map(OrderingRequirements::from)]
    }

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
            return internal_err!("{} has one input", self.table.name());
        };
        let (keys, table) = (self.keys.clone(), Arc::clone(&self.table));
        let node = Self::over(input, keys, table, self.position.clone())?;
        Ok(Arc::new(node))
    }

    fn execute(
        &self,
        partition: usize,
        context: Arc<TaskContext>,
    ) -> Result<SendableRecordBatchStream> {
        let mut input = self.input.execute(partition, Arc::clone(&context))?;
        let reservation = MemoryConsumer::new(self.table.name()).register(context.memory_pool());
        let (table, schema) = (Arc::clone(&self.table), self.schema());
        let work = Work::new(context.session_config().options(), reservation);
        let batches = async move {
            let mut rows = Vec::new();
            while let Some(batch) = input.try_next().await? {
                work.grow(batch.get_array_memory_size())?;
                rows.push(batch);
            }
            let computed = tokio::task::spawn_blocking(move || table.evaluate(&rows, &work));
            let computed = computed
                .await
                .map_err(|error| DataFusionError::External(Box::new(error)))??;
            numbered(&computed, &schema)
        };
        let batches = futures::stream::once(batches)
            .map_ok(|batches| futures::stream::iter(batches.into_iter().map(Ok)))
            .try_flatten()
            .boxed();
        Ok(Box::pin(RecordBatchStreamAdapter::new(
            self.schema(),
            batches,
        )))
    }
}
