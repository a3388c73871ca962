//! Runs a union of many tables: a few streams that each read their share of the legs one after the
//! other, so that memory does not grow with the number of tables, and fill in the columns that a
//! leg does not have. What is filled in is the same array for all columns of a type.

use std::fmt;
use std::sync::Arc;

use arrow::array::{ArrayRef, RecordBatch, RecordBatchOptions, StringViewArray, new_null_array};
use arrow::datatypes::{DataType, SchemaRef};
use datafusion::common::tree_node::TreeNodeRecursion;
use datafusion::error::{DataFusionError, Result};
use datafusion::execution::{SendableRecordBatchStream, SessionState, TaskContext};
use datafusion::physical_expr::{EquivalenceProperties, PhysicalExpr};
use datafusion::physical_plan::execution_plan::{Boundedness, EmissionType};
use datafusion::physical_plan::stream::RecordBatchStreamAdapter;
use datafusion::physical_plan::{
    DisplayAs, DisplayFormatType, ExecutionPlan, Partitioning, PlanProperties, execute_stream,
};
use futures::{StreamExt, TryStreamExt, stream};

use super::Gather;

/// Most values of a batch: what reads it may copy them all.
const VALUES_MAX: usize = 1 << 20;

/// The physical node.
#[derive(Clone)]
pub(crate) struct GatherExec {
    node: Gather,
    /// What plans the legs.
    state: Arc<SessionState>,
    streams: usize,
    properties: Arc<PlanProperties>,
}

impl GatherExec {
    /// The node for a query of this session.
    pub(crate) fn new(node: &Gather, state: &SessionState) -> Self {
        let streams = state.config().target_partitions().min(node.legs.len());
        let streams = streams.max(1);
        let properties = PlanProperties::new(
            EquivalenceProperties::new(Arc::clone(node.schema.inner())),
            Partitioning::UnknownPartitioning(streams),
            EmissionType::Incremental,
            Boundedness::Bounded,
        );
        Self {
            node: node.clone(),
            state: Arc::new(state.clone()),
            streams,
            properties: Arc::new(properties),
        }
    }
}

impl fmt::Debug for GatherExec {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("GatherExec")
            .field("node", &self.node)
            .finish_non_exhaustive()
    }
}

impl DisplayAs for GatherExec {
    fn fmt_as(&self, _: DisplayFormatType, f: &mut fmt::Formatter) -> fmt::Result {
        write!(f, "KqlGatherExec: {} tables", self.node.legs.len())
    }
}

impl ExecutionPlan for GatherExec {
    fn name(&self) -> &'static str {
        "KqlGatherExec"
    }

    fn properties(&self) -> &Arc<PlanProperties> {
        &self.properties
    }

    fn children(&self) -> Vec<&Arc<dyn ExecutionPlan>> {
        Vec::new()
    }

    fn apply_expressions(
        &self,
        _: &mut dyn FnMut(&Arc<dyn PhysicalExpr>) -> Result<TreeNodeRecursion>,
    ) -> Result<TreeNodeRecursion> {
        Ok(TreeNodeRecursion::Continue)
    }

    fn with_new_children(
        self: Arc<Self>,
        _: Vec<Arc<dyn ExecutionPlan>>,
    ) -> Result<Arc<dyn ExecutionPlan>> {
        Ok(self)
    }

    fn execute(
        &self,
        partition: usize,
        context: Arc<TaskContext>,
    ) -> Result<SendableRecordBatchStream> {
        let schema = self.schema();
        let padding = Padding::new(Arc::clone(&schema), Arc::clone(&self.node.is_text));
        let own = (partition..self.node.legs.len()).step_by(self.streams);
        let (state, node) = (Arc::clone(&self.state), self.node.clone());
        let batches = stream::iter(own).then(move |number| {
            let (legs, places) = (Arc::clone(&node.legs), Arc::clone(&node.places));
            let (state, context) = (Arc::clone(&state), Arc::clone(&context));
            let mut padding = padding.clone();
            async move {
                let leg = state.create_physical_plan(&legs[number]).await?;
                let batches = execute_stream(leg, context)?;
                let padded = batches.map(move |batch| padding.pad(&batch?, &places[number]));
                let pieces = padded.map_ok(|pieces| stream::iter(pieces).map(Ok));
                Ok::<_, DataFusionError>(pieces.try_flatten())
            }
        });
        let batches = Box::pin(batches.try_flatten());
        Ok(Box::pin(RecordBatchStreamAdapter::new(schema, batches)))
    }
}

/// Makes batches of all columns from batches of some.
#[derive(Clone)]
struct Padding {
    schema: SchemaRef,
    is_text: Arc<[bool]>,
    /// What stands for missing values of each type that was asked for, for as many rows.
    missing: Vec<(DataType, bool, ArrayRef)>,
}

impl Padding {
    fn new(schema: SchemaRef, is_text: Arc<[bool]>) -> Self {
        Self {
            schema,
            is_text,
            missing: Vec::new(),
        }
    }

    /// A batch with its columns at the given places, in pieces that are not too large.
    fn pad(&mut self, batch: &RecordBatch, places: &[usize]) -> Result<Vec<RecordBatch>> {
        let rows_max = (VALUES_MAX / self.schema.fields().len().max(1)).max(1);
        let mut pieces = Vec::new();
        let mut from = 0;
        while from < batch.num_rows() {
            let rows = rows_max.min(batch.num_rows() - from);
            pieces.push(self.padded(&batch.slice(from, rows), places)?);
            from += rows;
        }
        Ok(pieces)
    }

    fn padded(&mut self, batch: &RecordBatch, places: &[usize]) -> Result<RecordBatch> {
        let rows = batch.num_rows();
        let mut given: Vec<Option<&ArrayRef>> = vec![None; self.schema.fields().len()];
        for (column, place) in batch.columns().iter().zip(places) {
            given[*place] = Some(column);
        }
        let schema = Arc::clone(&self.schema);
        let is_text = Arc::clone(&self.is_text);
        let columns = schema.fields().iter().zip(is_text.iter()).zip(given);
        let columns = columns
            .map(|((field, is_text), given)| match given {
                Some(column) => Ok(Arc::clone(column)),
                None => self.missing(field.data_type(), *is_text, rows),
            })
            .collect::<Result<Vec<_>>>()?;
        let options = RecordBatchOptions::new().with_row_count(Some(rows));
        Ok(RecordBatch::try_new_with_options(
            schema, columns, &options,
        )?)
    }

    fn missing(&mut self, ty: &DataType, is_text: bool, rows: usize) -> Result<ArrayRef> {
        let known = self.missing.iter();
        let mut known = known.filter(|(known, text, _)| known == ty && *text == is_text);
        if let Some((.., array)) = known.next()
            && array.len() == rows
        {
            return Ok(Arc::clone(array));
        }
        let array: ArrayRef = if is_text {
            let views = vec![0_u128; rows].into();
            Arc::new(StringViewArray::try_new(views, Vec::new(), None)?)
        } else {
            new_null_array(ty, rows)
        };
        self.missing.retain(|(.., array)| array.len() == rows);
        self.missing.push((ty.clone(), is_text, Arc::clone(&array)));
        Ok(array)
    }
}
