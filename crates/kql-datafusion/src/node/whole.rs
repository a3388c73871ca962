//! Steps that look at all rows of their input before they yield any: state machines, plugins,
//! clustering. What such a step computes is a [`WholeTable`]; this operation asks for the order
//! of the rows and numbers those that come out. What runs it is `exec`.

mod exec;

use std::fmt;
use std::sync::Arc;

use arrow::array::RecordBatch;
use arrow::datatypes::{DataType, Field, Schema, SchemaRef};
use datafusion::common::config::ConfigOptions;
use datafusion::error::Result;
use datafusion::execution::memory_pool::MemoryReservation;
use datafusion::execution::{SendableRecordBatchStream, TaskContext};
use datafusion::physical_expr::LexOrdering;
use datafusion::physical_plan::execution_plan::EmissionType;
use datafusion::physical_plan::{ExecutionPlan, PlanProperties};

use super::order::{Key, numbered_rows, ordering};
use super::step::Operation;
use crate::watch::Watch;

/// A computation over all rows of a table.
pub(crate) trait WholeTable: fmt::Debug + Send + Sync {
    /// What to call it in plans and errors.
    fn name(&self) -> &str;

    /// The columns it yields.
    fn schema(&self) -> SchemaRef;

    /// The rows it yields, in order, for all rows of its input in theirs. `work` is to be asked
    /// every few thousand rows whether to go on, and told of memory beyond the input's.
    fn evaluate(&self, input: &[RecordBatch], work: &Work) -> Result<Vec<RecordBatch>>;
}

/// What a running computation is told, and tells.
#[derive(Debug)]
pub(crate) struct Work {
    watch: Option<Watch>,
    reservation: MemoryReservation,
}

impl Work {
    /// Work of the query that these options are of.
    pub(crate) fn new(options: &ConfigOptions, reservation: MemoryReservation) -> Self {
        Self {
            watch: Watch::of(options).cloned(),
            reservation,
        }
    }

    /// The account, once the work is done and its results stay.
    pub(crate) fn into_reservation(self) -> MemoryReservation {
        self.reservation
    }

    /// An error if nobody waits for the result any more.
    pub(crate) fn check(&self) -> Result<()> {
        self.watch.as_ref().map_or(Ok(()), Watch::check)
    }

    /// Puts memory on the query's account until the computation ends; an error over its limit.
    pub(crate) fn grow(&self, bytes: usize) -> Result<()> {
        self.reservation.try_grow(bytes)
    }
}

/// The operation: the columns of the computation, then the number of the row.
#[derive(Debug)]
pub(crate) struct Whole {
    pub(crate) table: Arc<dyn WholeTable>,
    /// The order of the input; none where any order will do.
    pub(crate) order: Vec<Key>,
    /// The column of the row's number.
    pub(crate) position: String,
}

/// The computation addresses its input's columns by position: it gets all of them.
impl Operation for Whole {
    fn name(&self) -> &str {
        self.table.name()
    }

    fn schema(&self, _: &Schema) -> Result<Schema> {
        let schema = self.table.schema();
        let mut fields: Vec<_> = schema.fields().iter().map(Arc::clone).collect();
        fields.push(Arc::new(Field::new(&self.position, DataType::Int64, false)));
        Ok(Schema::new(fields))
    }

    /// The columns are others than those of the input.
    fn holds(&self, _: usize, _: &Schema) -> bool {
        true
    }

    fn order(&self, input: &SchemaRef) -> Result<Option<LexOrdering>> {
        ordering(&self.order, input)
    }

    fn properties(&self, input: &dyn ExecutionPlan, schema: SchemaRef) -> Result<PlanProperties> {
        numbered_rows(&self.position, input, schema, EmissionType::Final)
    }

    fn run(
        &self,
        input: SendableRecordBatchStream,
        _: usize,
        schema: SchemaRef,
        context: &Arc<TaskContext>,
    ) -> Result<SendableRecordBatchStream> {
        Ok(exec::run(&self.table, input, schema, context))
    }
}
