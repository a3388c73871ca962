//! The logical node of steps that look at all rows of their input before they yield any: state
//! machines, plugins, clustering. What such a step computes is a [`WholeTable`]; this node asks
//! for the order of the rows and numbers those that come out. What runs it is `exec`.

mod exec;

use std::cmp::Ordering;
use std::collections::HashSet;
use std::fmt;
use std::hash::{Hash, Hasher};
use std::sync::Arc;

use arrow::array::RecordBatch;
use arrow::datatypes::{DataType, Field, Schema, SchemaRef};
use datafusion::common::config::ConfigOptions;
use datafusion::common::{DFSchema, DFSchemaRef, internal_err};
use datafusion::error::Result;
use datafusion::execution::memory_pool::MemoryReservation;
use datafusion::logical_expr::{Expr, LogicalPlan, UserDefinedLogicalNodeCore};

pub(crate) use exec::WholeExec;

use super::order::Key;
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

/// The logical node. Its columns are those of the computation, then the number of the row.
#[derive(Clone, Debug)]
pub(crate) struct Whole {
    input: LogicalPlan,
    /// The order of the input; none where any order will do.
    order: Vec<Key>,
    table: Arc<dyn WholeTable>,
    /// The column of the row's number.
    position: String,
    schema: DFSchemaRef,
}

impl Whole {
    pub(crate) fn new(
        input: LogicalPlan,
        order: Vec<Key>,
        table: Arc<dyn WholeTable>,
        position: String,
    ) -> Result<Self> {
        let schema = with_position(&table.schema(), &position);
        Ok(Self {
            schema: Arc::new(DFSchema::try_from(schema)?),
            input,
            order,
            table,
            position,
        })
    }
}

/// The columns of a computation and the number of the row.
fn with_position(schema: &Schema, position: &str) -> Schema {
    let mut fields: Vec<_> = schema.fields().iter().map(Arc::clone).collect();
    fields.push(Arc::new(Field::new(position, DataType::Int64, false)));
    Schema::new(fields)
}

/// Computations are the same where they are one object.
impl PartialEq for Whole {
    fn eq(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.table, &other.table)
            && self.input == other.input
            && self.order == other.order
            && self.position == other.position
    }
}

impl Eq for Whole {}

impl Hash for Whole {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.input.hash(state);
        self.position.hash(state);
    }
}

impl PartialOrd for Whole {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        self.input.partial_cmp(&other.input)
    }
}

impl UserDefinedLogicalNodeCore for Whole {
    fn name(&self) -> &'static str {
        "KqlWhole"
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

    /// No filter above may run below: the columns are others.
    fn prevent_predicate_push_down_columns(&self) -> HashSet<String> {
        let fields = self.schema.fields().iter();
        fields.map(|field| field.name().clone()).collect()
    }

    fn fmt_for_explain(&self, f: &mut fmt::Formatter) -> fmt::Result {
        write!(f, "KqlWhole: {}", self.table.name())
    }

    /// The computation addresses its input's columns by position: it gets all of them.
    fn necessary_children_exprs(&self, _: &[usize]) -> Option<Vec<Vec<usize>>> {
        Some(vec![(0..self.input.schema().fields().len()).collect()])
    }

    fn with_exprs_and_inputs(&self, _: Vec<Expr>, mut inputs: Vec<LogicalPlan>) -> Result<Self> {
        let Some(input) = inputs.pop() else {
            return internal_err!("{} has one input", self.table.name());
        };
        let (order, table) = (self.order.clone(), Arc::clone(&self.table));
        Self::new(input, order, table, self.position.clone())
    }
}
