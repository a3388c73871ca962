//! Window functions: the input's columns, the value of each call, and the
//! number of the row, which is the order of the rows from here on. What runs it is `exec`, how a
//! value follows from the rows is `evaluate`.

mod evaluate;
mod exec;

use std::sync::Arc;

use arrow::datatypes::{DataType, Field, Schema, SchemaRef};
use datafusion::common::ScalarValue;
use datafusion::error::Result;
use datafusion::execution::{SendableRecordBatchStream, TaskContext};
use datafusion::physical_expr::LexOrdering;
use datafusion::physical_plan::execution_plan::EmissionType;
use datafusion::physical_plan::{ExecutionPlan, PlanProperties};

use super::order::{Key, numbered_rows, ordering};
use super::step::{Operation, passed_and_read};

/// A window function with its constants. Arguments that vary by row are columns.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Function {
    /// `row_number(start, restart)`
    Number { start: i64 },
    /// `row_cumsum(term, restart)`
    Sum,
    /// `row_rank_dense(term, restart)`
    RankDense,
    /// `row_rank_min(term, restart)`
    RankMin,
    /// `row_window_session(time, from first, from neighbour, restart)`
    Session,
    /// `prev(column, offset, default)`
    Previous { offset: usize, default: ScalarValue },
    /// `next(column, offset, default)`
    Next { offset: usize, default: ScalarValue },
}

/// A call: its function, the names of the columns with its arguments, and its result.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Call {
    pub(crate) function: Function,
    /// The value or values, without `restart`.
    pub(crate) arguments: Vec<String>,
    pub(crate) restart: Option<String>,
    /// Name and type of its value.
    pub(crate) output: String,
    pub(crate) data_type: DataType,
}

/// The operation: all columns of the input, then the values, then the row's number.
#[derive(Debug)]
pub(crate) struct Window {
    pub(crate) calls: Vec<Call>,
    /// The order of the input; none where any order will do.
    pub(crate) order: Vec<Key>,
    /// The column of the row's number.
    pub(crate) position: String,
}

impl Operation for Window {
    fn name(&self) -> &'static str {
        "KqlWindow"
    }

    fn detail(&self) -> String {
        format!("{} functions", self.calls.len())
    }

    fn schema(&self, input: &Schema) -> Result<Schema> {
        let values = self
            .calls
            .iter()
            .map(|call| Field::new(&call.output, call.data_type.clone(), true));
        let own = values.chain([Field::new(&self.position, DataType::Int64, false)]);
        let mut fields: Vec<_> = input.fields().iter().map(Arc::clone).collect();
        fields.extend(own.map(Arc::new));
        Ok(Schema::new(fields))
    }

    /// The columns above that come from the input, and those that the calls read.
    fn needs(&self, outputs: &[usize], input: &Schema) -> Option<Vec<usize>> {
        let arguments = self
            .calls
            .iter()
            .flat_map(|call| call.arguments.iter().chain(&call.restart));
        let reads = arguments.chain(self.order.iter().map(|key| &key.column));
        passed_and_read(outputs, input, reads)
    }

    /// A filter would take away rows that others look at.
    fn holds(&self, _: usize, _: &Schema) -> bool {
        true
    }

    fn order(&self, input: &SchemaRef) -> Result<Option<LexOrdering>> {
        ordering(&self.order, input)
    }

    fn properties(&self, input: &dyn ExecutionPlan, schema: SchemaRef) -> Result<PlanProperties> {
        numbered_rows(&self.position, input, schema, EmissionType::Incremental)
    }

    fn run(
        &self,
        input: SendableRecordBatchStream,
        _: usize,
        schema: SchemaRef,
        context: &Arc<TaskContext>,
    ) -> Result<SendableRecordBatchStream> {
        exec::run(&self.calls, input, schema, context)
    }
}
