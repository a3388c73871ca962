//! The node that all steps of our own share: an operation over the rows of one table. DataFusion's
//! optimizer and planner know this node only; what runs it is `exec`, what an operation computes
//! is in a file of its own.

mod exec;

use std::cmp::Ordering;
use std::collections::HashSet;
use std::fmt;
use std::hash::{Hash, Hasher};
use std::sync::Arc;

use arrow::datatypes::{Schema, SchemaRef};
use datafusion::common::{DFSchema, DFSchemaRef, internal_err};
use datafusion::error::Result;
use datafusion::execution::{SendableRecordBatchStream, TaskContext};
use datafusion::logical_expr::{Expr, Extension, LogicalPlan, UserDefinedLogicalNodeCore};
use datafusion::physical_expr::{Distribution, LexOrdering};
use datafusion::physical_plan::{ExecutionPlan, PlanProperties};

pub(crate) use exec::StepExec;

/// What a step does with the rows of its input.
pub(crate) trait Operation: fmt::Debug + Send + Sync {
    /// What to call it in plans and errors.
    fn name(&self) -> &str;

    /// What a plan shows of it beside its name.
    fn detail(&self) -> String {
        String::new()
    }

    /// The columns it yields for rows with these.
    fn schema(&self, input: &Schema) -> Result<Schema>;

    /// Positions of the input's columns that it needs to yield those at `outputs`; `None` if the
    /// input lacks one of them.
    fn needs(&self, outputs: &[usize], input: &Schema) -> Option<Vec<usize>> {
        let _ = outputs;
        Some((0..input.fields().len()).collect())
    }

    /// Whether a filter on the output's column at `position` must stay above: it is computed
    /// here, or rows that the filter takes away count for others.
    fn holds(&self, position: usize, input: &Schema) -> bool;

    /// Which rows of the input must meet in one partition.
    fn distribution(&self, _: &SchemaRef) -> Distribution {
        Distribution::SinglePartition
    }

    /// The order in which it wants the input's rows.
    fn order(&self, _: &SchemaRef) -> Result<Option<LexOrdering>> {
        Ok(None)
    }

    /// What DataFusion wants to know of its output.
    fn properties(&self, input: &dyn ExecutionPlan, schema: SchemaRef) -> Result<PlanProperties>;

    /// Runs it over the rows of a partition.
    fn run(
        &self,
        input: SendableRecordBatchStream,
        partition: usize,
        schema: SchemaRef,
        context: &Arc<TaskContext>,
    ) -> Result<SendableRecordBatchStream>;
}

/// What an operation needs that passes its input's columns on and reads some of them by name.
pub(super) fn passed_and_read<'n>(
    outputs: &[usize],
    input: &Schema,
    reads: impl Iterator<Item = &'n String>,
) -> Option<Vec<usize>> {
    let width = input.fields().len();
    let mut needed: Vec<usize> = outputs.iter().copied().filter(|at| *at < width).collect();
    for column in reads {
        needed.push(input.index_of(column).ok()?);
    }
    needed.sort_unstable();
    needed.dedup();
    Some(needed)
}

/// The logical node.
#[derive(Clone, Debug)]
pub(crate) struct Step {
    input: LogicalPlan,
    operation: Arc<dyn Operation>,
    schema: DFSchemaRef,
}

impl Step {
    /// The plan of an operation over the rows of `input`.
    pub(crate) fn plan(
        input: LogicalPlan,
        operation: impl Operation + 'static,
    ) -> Result<LogicalPlan> {
        let node = Arc::new(Self::new(input, Arc::new(operation))?);
        Ok(LogicalPlan::Extension(Extension { node }))
    }

    fn new(input: LogicalPlan, operation: Arc<dyn Operation>) -> Result<Self> {
        let schema = operation.schema(input.schema().as_arrow())?;
        Ok(Self {
            schema: Arc::new(DFSchema::try_from(schema)?),
            input,
            operation,
        })
    }
}

/// Operations are the same where they are one object.
impl PartialEq for Step {
    fn eq(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.operation, &other.operation) && self.input == other.input
    }
}

impl Eq for Step {}

impl Hash for Step {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.operation.name().hash(state);
        self.input.hash(state);
    }
}

impl PartialOrd for Step {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        self.input.partial_cmp(&other.input)
    }
}

impl UserDefinedLogicalNodeCore for Step {
    fn name(&self) -> &str {
        self.operation.name()
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

    fn prevent_predicate_push_down_columns(&self) -> HashSet<String> {
        let input = self.input.schema().as_arrow();
        let fields = self.schema.fields().iter().enumerate();
        fields
            .filter(|(position, _)| self.operation.holds(*position, input))
            .map(|(_, field)| field.name().clone())
            .collect()
    }

    fn fmt_for_explain(&self, f: &mut fmt::Formatter) -> fmt::Result {
        describe(&*self.operation, f)
    }

    fn necessary_children_exprs(&self, outputs: &[usize]) -> Option<Vec<Vec<usize>>> {
        let needed = self
            .operation
            .needs(outputs, self.input.schema().as_arrow())?;
        Some(vec![needed])
    }

    fn with_exprs_and_inputs(&self, _: Vec<Expr>, mut inputs: Vec<LogicalPlan>) -> Result<Self> {
        let Some(input) = inputs.pop() else {
            return internal_err!("{} has one input", self.operation.name());
        };
        Self::new(input, Arc::clone(&self.operation))
    }
}

fn describe(operation: &dyn Operation, f: &mut fmt::Formatter<'_>) -> fmt::Result {
    let detail = operation.detail();
    f.write_str(operation.name())?;
    if detail.is_empty() {
        Ok(())
    } else {
        write!(f, ": {detail}")
    }
}
