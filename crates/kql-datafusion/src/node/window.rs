//! The logical node of window functions: the input's columns, the value of each call, and the
//! number of the row, which is the order of the rows from here on. What runs it is `exec`, how a
//! value follows from the rows is `evaluate`.

mod evaluate;
mod exec;

use std::cmp::Ordering;
use std::collections::HashSet;
use std::fmt;
use std::sync::Arc;

use arrow::datatypes::{DataType, Field, Schema};
use datafusion::common::{DFSchema, DFSchemaRef, ScalarValue, internal_err};
use datafusion::error::Result;
use datafusion::logical_expr::{Expr, LogicalPlan, UserDefinedLogicalNodeCore};

pub(crate) use exec::WindowExec;

use super::order::Key;

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

/// The logical node.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Window {
    input: LogicalPlan,
    calls: Vec<Call>,
    /// The order of the input; none where any order will do.
    order: Vec<Key>,
    /// The column of the row's number.
    position: String,
    schema: DFSchemaRef,
}

impl Window {
    pub(crate) fn new(
        input: LogicalPlan,
        calls: Vec<Call>,
        order: Vec<Key>,
        position: String,
    ) -> Result<Self> {
        let mut fields: Vec<_> = input.schema().fields().iter().map(Arc::clone).collect();
        fields.extend(own_fields(&calls, &position).map(Arc::new));
        let schema = Arc::new(DFSchema::try_from(Schema::new(fields))?);
        Ok(Self {
            input,
            calls,
            order,
            position,
            schema,
        })
    }

    /// The input columns that the node itself reads.
    fn reads(&self) -> impl Iterator<Item = &String> {
        let arguments = self
            .calls
            .iter()
            .flat_map(|call| call.arguments.iter().chain(&call.restart));
        arguments.chain(self.order.iter().map(|key| &key.column))
    }
}

fn own_fields<'c>(calls: &'c [Call], position: &'c str) -> impl Iterator<Item = Field> + 'c {
    let values = calls
        .iter()
        .map(|call| Field::new(&call.output, call.data_type.clone(), true));
    values.chain([Field::new(position, DataType::Int64, false)])
}

impl PartialOrd for Window {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        self.input.partial_cmp(&other.input)
    }
}

impl UserDefinedLogicalNodeCore for Window {
    fn name(&self) -> &'static str {
        "KqlWindow"
    }

    fn inputs(&self) -> Vec<&LogicalPlan> {
        vec![&self.input]
    }

    fn schema(&self) -> &DFSchemaRef {
        &self.schema
    }

    fn expressions(&self) -> Vec<Expr> {
        Vec::new()
    }

    /// No filter above may run below: it would take away rows that others look at.
    fn prevent_predicate_push_down_columns(&self) -> HashSet<String> {
        let fields = self.schema.fields().iter();
        fields.map(|field| field.name().clone()).collect()
    }

    fn fmt_for_explain(&self, f: &mut fmt::Formatter) -> fmt::Result {
        write!(f, "KqlWindow: {} functions", self.calls.len())
    }

    /// The columns above that come from the input, and those that the node reads.
    fn necessary_children_exprs(&self, output_columns: &[usize]) -> Option<Vec<Vec<usize>>> {
        let input = self.input.schema();
        let mut needed: Vec<usize> = output_columns
            .iter()
            .copied()
            .filter(|position| *position < input.fields().len())
            .collect();
        for column in self.reads() {
            needed.push(input.index_of_column_by_name(None, column)?);
        }
        needed.sort_unstable();
        needed.dedup();
        Some(vec![needed])
    }

    fn with_exprs_and_inputs(&self, _: Vec<Expr>, mut inputs: Vec<LogicalPlan>) -> Result<Self> {
        let Some(input) = inputs.pop() else {
            return internal_err!("window functions have one input");
        };
        let (calls, order) = (self.calls.clone(), self.order.clone());
        Self::new(input, calls, order, self.position.clone())
    }
}
