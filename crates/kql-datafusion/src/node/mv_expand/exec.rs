//! Runs `mv-expand`: each batch of input is expanded while it streams by.

use std::fmt;
use std::sync::Arc;

use arrow::array::AsArray;
use arrow::datatypes::Schema;
use datafusion::common::internal_err;
use datafusion::common::tree_node::TreeNodeRecursion;
use datafusion::error::{DataFusionError, Result};
use datafusion::execution::{SendableRecordBatchStream, TaskContext};
use datafusion::physical_expr::{EquivalenceProperties, PhysicalExpr};
use datafusion::physical_plan::stream::RecordBatchStreamAdapter;
use datafusion::physical_plan::{
    DisplayAs, DisplayFormatType, ExecutionPlan, ExecutionPlanProperties, PlanProperties,
};
use futures::{StreamExt, TryStreamExt};

use super::expansion::{Elements, Expansion};
use super::{MvExpand, MvExpandNames, MvExpandOptions, own_fields};

/// Where the number of the partition starts in the numbers of rows.
const PARTITION_BITS: u32 = 44;

/// The physical node.
#[derive(Clone, Debug)]
pub(crate) struct MvExpandExec {
    input: Arc<dyn ExecutionPlan>,
    names: MvExpandNames,
    /// Positions of the expanded columns in the input.
    values: Vec<usize>,
    options: MvExpandOptions,
    properties: Arc<PlanProperties>,
}

impl MvExpandExec {
    pub(crate) fn new(node: &MvExpand, input: Arc<dyn ExecutionPlan>) -> Result<Self> {
        Self::over(input, &node.names, node.options)
    }

    fn over(
        input: Arc<dyn ExecutionPlan>,
        names: &MvExpandNames,
        options: MvExpandOptions,
    ) -> Result<Self> {
        let input_schema = input.schema();
        let values = names
            .values
            .iter()
            .map(|(value, _)| input_schema.index_of(value).map_err(DataFusionError::from))
            .collect::<Result<_>>()?;
        let mut fields: Vec<_> = input_schema.fields().iter().map(Arc::clone).collect();
        fields.extend(own_fields(names).map(Arc::new));
        let schema = Arc::new(Schema::new(fields));
        let partitions = input.output_partitioning().partition_count();
        let properties = PlanProperties::new(
            EquivalenceProperties::new(schema),
            datafusion::physical_plan::Partitioning::UnknownPartitioning(partitions),
            input.pipeline_behavior(),
            input.boundedness(),
        );
        Ok(Self {
            input,
            names: names.clone(),
            values,
            options,
            properties: Arc::new(properties),
        })
    }
}

impl DisplayAs for MvExpandExec {
    fn fmt_as(&self, _: DisplayFormatType, f: &mut fmt::Formatter) -> fmt::Result {
        write!(f, "MvExpandExec: {} columns", self.values.len())
    }
}

impl ExecutionPlan for MvExpandExec {
    fn name(&self) -> &'static str {
        "MvExpandExec"
    }

    fn properties(&self) -> &Arc<PlanProperties> {
        &self.properties
    }

    fn children(&self) -> Vec<&Arc<dyn ExecutionPlan>> {
        vec![&self.input]
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
            return internal_err!("mv-expand has one input");
        };
        let expanded = Self::over(input, &self.names, self.options)?;
        Ok(Arc::new(expanded))
    }

    fn execute(
        &self,
        partition: usize,
        context: Arc<TaskContext>,
    ) -> Result<SendableRecordBatchStream> {
        let rows = context.session_config().batch_size();
        let schema = self.schema();
        let values = self.values.clone();
        let row_limit = self.options.row_limit;
        let row_limit = row_limit.and_then(|limit| usize::try_from(limit).ok());
        let row_limit = row_limit.unwrap_or(usize::MAX);
        let options = self.options;
        let numbers_rows = self.names.row.is_some();
        // Numbers of the rows of different partitions are far apart.
        let mut first_row = (partition as i64) << PARTITION_BITS;
        let input = self.input.execute(partition, context)?;
        let output_schema = Arc::clone(&schema);
        let batches = input.map_ok(move |batch| {
            let first = first_row;
            first_row += batch.num_rows() as i64;
            let distinct = values
                .iter()
                .map(|at| Elements::of(batch.column(*at), options.bag_as_array, row_limit));
            let expansion = Expansion {
                distinct: distinct.collect(),
                columns: values
                    .iter()
                    .map(|at| batch.column(*at).as_string_view().clone())
                    .collect(),
                schema: Arc::clone(&output_schema),
                input: batch,
                next_row: 0,
                rows,
                row_limit,
                bag_as_array: options.bag_as_array,
                keeps_empty: options.keeps_empty,
                first_row: numbers_rows.then_some(first),
            };
            futures::stream::iter(expansion)
        });
        let stream = batches.try_flatten().boxed();
        Ok(Box::pin(RecordBatchStreamAdapter::new(schema, stream)))
    }
}
