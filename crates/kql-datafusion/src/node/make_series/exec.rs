//! Runs `make-series`: gathers the rows of all keys of a partition, then lets `assembly` write
//! their arrays batch by batch.

use std::fmt;
use std::sync::Arc;

use arrow::datatypes::Schema;
use datafusion::common::internal_err;
use datafusion::common::tree_node::TreeNodeRecursion;
use datafusion::error::{DataFusionError, Result};
use datafusion::execution::memory_pool::MemoryConsumer;
use datafusion::execution::{SendableRecordBatchStream, TaskContext};
use datafusion::physical_expr::expressions::Column;
use datafusion::physical_expr::{Distribution, EquivalenceProperties, PhysicalExpr};
use datafusion::physical_plan::coop::make_cooperative;
use datafusion::physical_plan::execution_plan::EmissionType;
use datafusion::physical_plan::stream::RecordBatchStreamAdapter;
use datafusion::physical_plan::{
    DisplayAs, DisplayFormatType, ExecutionPlan, ExecutionPlanProperties,
    InputDistributionRequirements, Partitioning, PlanProperties,
};
use futures::TryStreamExt;

use super::assembly::Gathering;
use super::{Layout, MakeSeries};

/// The physical node.
#[derive(Clone, Debug)]
pub(crate) struct MakeSeriesExec {
    input: Arc<dyn ExecutionPlan>,
    layout: Layout,
    properties: Arc<PlanProperties>,
}

impl MakeSeriesExec {
    pub(crate) fn new(node: &MakeSeries, input: Arc<dyn ExecutionPlan>) -> Result<Self> {
        Self::over(input, node.layout.clone())
    }

    fn over(input: Arc<dyn ExecutionPlan>, layout: Layout) -> Result<Self> {
        let input_schema = input.schema();
        let mut fields = Vec::new();
        for key in &layout.keys {
            fields.push(Arc::new(input_schema.field_with_name(key)?.clone()));
        }
        fields.extend(layout.own_fields());
        let partitions = if layout.keys.is_empty() {
            1
        } else {
            input.output_partitioning().partition_count()
        };
        let properties = PlanProperties::new(
            EquivalenceProperties::new(Arc::new(Schema::new(fields))),
            Partitioning::UnknownPartitioning(partitions),
            EmissionType::Final,
            input.boundedness(),
        );
        Ok(Self {
            input,
            layout,
            properties: Arc::new(properties),
        })
    }
}

impl DisplayAs for MakeSeriesExec {
    fn fmt_as(&self, _: DisplayFormatType, f: &mut fmt::Formatter) -> fmt::Result {
        write!(f, "MakeSeriesExec: {} series", self.layout.series.len())
    }
}

impl ExecutionPlan for MakeSeriesExec {
    fn name(&self) -> &'static str {
        "MakeSeriesExec"
    }

    fn properties(&self) -> &Arc<PlanProperties> {
        &self.properties
    }

    fn children(&self) -> Vec<&Arc<dyn ExecutionPlan>> {
        vec![&self.input]
    }

    /// All rows of a key meet in one partition.
    fn input_distribution_requirements(&self) -> InputDistributionRequirements {
        let schema = self.input.schema();
        let keys: Option<Vec<Arc<dyn PhysicalExpr>>> = self
            .layout
            .keys
            .iter()
            .map(|key| Some(Arc::new(Column::new_with_schema(key, &schema).ok()?) as _))
            .collect();
        let distribution = match keys {
            Some(keys) if !keys.is_empty() => Distribution::KeyPartitioned(keys),
            _ => Distribution::SinglePartition,
        };
        InputDistributionRequirements::new(vec![distribution])
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
            return internal_err!("make-series has one input");
        };
        Ok(Arc::new(Self::over(input, self.layout.clone())?))
    }

    fn execute(
        &self,
        partition: usize,
        context: Arc<TaskContext>,
    ) -> Result<SendableRecordBatchStream> {
        let rows = context.session_config().batch_size();
        let reservation = MemoryConsumer::new("make-series").register(context.memory_pool());
        let mut input = self.input.execute(partition, context)?;
        let mut gathering = Gathering::new(&self.layout, &self.input.schema(), self.schema())?;
        let assembled = async move {
            while let Some(batch) = input.try_next().await? {
                gathering.add(&batch)?;
                reservation.try_resize(gathering.size())?;
            }
            let assembly = gathering.finish(rows, reservation)?;
            Ok::<_, DataFusionError>(futures::stream::iter(assembly))
        };
        let batches = futures::stream::once(assembled).try_flatten();
        let stream = RecordBatchStreamAdapter::new(self.schema(), batches);
        // Once gathered, batches never wait; a query must be stopped between them all the same.
        Ok(make_cooperative(Box::pin(stream)))
    }
}
