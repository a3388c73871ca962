//! Runs window functions in one ordered pass. Batches go out as soon as the rows that `next`
//! looks at have come in.

use std::collections::VecDeque;
use std::fmt;
use std::sync::Arc;

use arrow::array::{ArrayRef, AsArray, BooleanArray, Int64Array, RecordBatch};
use arrow::datatypes::{Schema, SchemaRef};
use datafusion::common::internal_err;
use datafusion::common::tree_node::TreeNodeRecursion;
use datafusion::error::{DataFusionError, Result};
use datafusion::execution::memory_pool::{MemoryConsumer, MemoryReservation};
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
use futures::TryStreamExt;

use super::evaluate::{Evaluation, Lookahead, next_values};
use super::{Call, Function, Window, own_fields};
use crate::node::order::{Key, by_position, ordering};

/// The physical node.
#[derive(Clone, Debug)]
pub(crate) struct WindowExec {
    input: Arc<dyn ExecutionPlan>,
    calls: Vec<Call>,
    keys: Vec<Key>,
    position: String,
    order: Option<LexOrdering>,
    properties: Arc<PlanProperties>,
}

impl WindowExec {
    pub(crate) fn new(node: &Window, input: Arc<dyn ExecutionPlan>) -> Result<Self> {
        let (calls, keys) = (node.calls.clone(), node.order.clone());
        Self::over(input, calls, keys, node.position.clone())
    }

    fn over(
        input: Arc<dyn ExecutionPlan>,
        calls: Vec<Call>,
        keys: Vec<Key>,
        position: String,
    ) -> Result<Self> {
        let input_schema = input.schema();
        let mut fields: Vec<_> = input_schema.fields().iter().map(Arc::clone).collect();
        fields.extend(own_fields(&calls, &position).map(Arc::new));
        let order = ordering(&keys, &input_schema)?;
        let schema = Arc::new(Schema::new(fields));
        let by_position = by_position(&position, &schema)?;
        let properties = PlanProperties::new(
            EquivalenceProperties::new_with_orderings(schema, [vec![by_position]]),
            Partitioning::UnknownPartitioning(1),
            EmissionType::Incremental,
            input.boundedness(),
        );
        Ok(Self {
            input,
            calls,
            keys,
            position,
            order,
            properties: Arc::new(properties),
        })
    }
}

impl DisplayAs for WindowExec {
    fn fmt_as(&self, _: DisplayFormatType, f: &mut fmt::Formatter) -> fmt::Result {
        write!(f, "KqlWindowExec: {} functions", self.calls.len())
    }
}

impl ExecutionPlan for WindowExec {
    fn name(&self) -> &'static str {
        "KqlWindowExec"
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

    /// It does keep the order, but a sort above must not move below: the values would change.
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
            return internal_err!("window functions have one input");
        };
        let (calls, keys) = (self.calls.clone(), self.keys.clone());
        let node = Self::over(input, calls, keys, self.position.clone())?;
        Ok(Arc::new(node))
    }

    fn execute(
        &self,
        partition: usize,
        context: Arc<TaskContext>,
    ) -> Result<SendableRecordBatchStream> {
        let input_schema = self.input.schema();
        let calls = self
            .calls
            .iter()
            .map(|call| RunningCall::new(call, &input_schema))
            .collect::<Result<Vec<_>>>()?;
        let pass = Pass {
            lookahead: calls.iter().map(RunningCall::lookahead).max().unwrap_or(0),
            calls,
            schema: self.schema(),
            rows: 0,
            waiting: VecDeque::new(),
            waiting_rows: 0,
            waiting_bytes: 0,
            input: self.input.execute(partition, Arc::clone(&context))?,
            input_ended: false,
            reservation: MemoryConsumer::new("window functions").register(context.memory_pool()),
        };
        let batches = futures::stream::try_unfold(pass, |mut pass| async move {
            let batch = pass.next().await?;
            Ok(batch.map(|batch| (batch, pass)))
        });
        Ok(Box::pin(RecordBatchStreamAdapter::new(
            self.schema(),
            batches,
        )))
    }
}

/// A call with the places of its arguments.
struct RunningCall {
    arguments: Vec<usize>,
    restart: Option<usize>,
    kind: Kind,
}

enum Kind {
    /// Follows from the rows so far.
    Evaluated(Evaluation),
    /// Is taken from the rows to come.
    Ahead(Lookahead),
}

impl RunningCall {
    fn new(call: &Call, schema: &SchemaRef) -> Result<Self> {
        let place = |name: &String| schema.index_of(name).map_err(DataFusionError::from);
        let kind = match &call.function {
            Function::Next { offset, default } => Kind::Ahead(Lookahead {
                offset: *offset,
                default: default.clone(),
            }),
            function => Kind::Evaluated(Evaluation::new(function)),
        };
        Ok(Self {
            arguments: call.arguments.iter().map(place).collect::<Result<_>>()?,
            restart: call.restart.as_ref().map(place).transpose()?,
            kind,
        })
    }

    fn lookahead(&self) -> usize {
        match &self.kind {
            Kind::Evaluated(_) => 0,
            Kind::Ahead(ahead) => ahead.offset,
        }
    }
}

/// A batch whose values from the rows to come are missing.
struct Waiting {
    batch: RecordBatch,
    /// One per call; `None` for those that look ahead.
    values: Vec<Option<ArrayRef>>,
    first_row: i64,
}

/// One pass over the rows.
struct Pass {
    calls: Vec<RunningCall>,
    schema: SchemaRef,
    /// How many rows have come in.
    rows: i64,
    lookahead: usize,
    waiting: VecDeque<Waiting>,
    waiting_rows: usize,
    waiting_bytes: usize,
    input: SendableRecordBatchStream,
    input_ended: bool,
    reservation: MemoryReservation,
}

impl Pass {
    async fn next(&mut self) -> Result<Option<RecordBatch>> {
        loop {
            if let Some(first) = self.waiting.front() {
                let behind = self.waiting_rows - first.batch.num_rows();
                if self.input_ended || behind >= self.lookahead {
                    return self.complete().map(Some);
                }
            }
            if self.input_ended {
                return Ok(None);
            }
            match self.input.try_next().await? {
                Some(batch) if batch.num_rows() == 0 => {}
                Some(batch) => self.take(batch)?,
                None => self.input_ended = true,
            }
        }
    }

    /// Takes a batch in and computes what follows from the rows so far.
    fn take(&mut self, batch: RecordBatch) -> Result<()> {
        let mut values = Vec::with_capacity(self.calls.len());
        for call in &mut self.calls {
            let Kind::Evaluated(evaluation) = &mut call.kind else {
                values.push(None);
                continue;
            };
            let arguments: Vec<&ArrayRef> =
                call.arguments.iter().map(|at| batch.column(*at)).collect();
            let restart: Option<&BooleanArray> =
                call.restart.map(|at| batch.column(at).as_boolean());
            values.push(Some(evaluation.values(
                &arguments,
                restart,
                batch.num_rows(),
            )?));
        }
        let first_row = self.rows;
        self.rows += batch.num_rows() as i64;
        self.waiting_rows += batch.num_rows();
        self.waiting_bytes += batch.get_array_memory_size();
        self.waiting.push_back(Waiting {
            batch,
            values,
            first_row,
        });
        self.account()
    }

    /// The first batch that waits, with all its values.
    fn complete(&mut self) -> Result<RecordBatch> {
        let Some(first) = self.waiting.front() else {
            return internal_err!("no batch waits");
        };
        let rows = first.batch.num_rows();
        let mut columns = first.batch.columns().to_vec();
        for (call, value) in self.calls.iter().zip(&first.values) {
            columns.push(match (&call.kind, value) {
                (_, Some(value)) => Arc::clone(value),
                (Kind::Ahead(ahead), None) => {
                    let column = call.arguments[0];
                    let batches = self.waiting.iter();
                    next_values(ahead, batches.map(|w| w.batch.column(column)), rows)?
                }
                (Kind::Evaluated(_), None) => return internal_err!("a value was not computed"),
            });
        }
        let positions = first.first_row..first.first_row + rows as i64;
        columns.push(Arc::new(Int64Array::from_iter_values(positions)));
        let batch = RecordBatch::try_new(Arc::clone(&self.schema), columns)?;
        if let Some(done) = self.waiting.pop_front() {
            self.waiting_rows -= rows;
            self.waiting_bytes -= done.batch.get_array_memory_size();
        }
        self.account()?;
        Ok(batch)
    }

    /// Puts what is kept on the query's account.
    fn account(&mut self) -> Result<()> {
        let states: usize = self
            .calls
            .iter()
            .map(|call| match &call.kind {
                Kind::Evaluated(evaluation) => evaluation.memory_size(),
                Kind::Ahead(_) => 0,
            })
            .sum();
        self.reservation.try_resize(self.waiting_bytes + states)
    }
}
