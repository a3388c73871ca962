//! The logical node of a subquery that runs once for each group of its rows, as a plan of its
//! own. It is for subqueries that cannot be lowered to one plan over all groups; those that can
//! are faster (`lower/group.rs`). What the subquery reads is in `rows`, what runs it in `exec`.

mod exec;
mod rows;

use std::cmp::Ordering;
use std::collections::HashSet;
use std::fmt;
use std::hash::{Hash, Hasher};
use std::sync::Arc;

use arrow::datatypes::{DataType, Field, Schema, SchemaRef};
use datafusion::common::{DFSchema, DFSchemaRef, internal_err};
use datafusion::error::Result;
use datafusion::execution::SessionState;
use datafusion::logical_expr::{Expr, LogicalPlan, UserDefinedLogicalNodeCore};

pub(crate) use exec::EachGroupExec;
pub(crate) use rows::GroupTable;

use super::order::Key;

/// A subquery and what it runs over.
#[derive(Debug)]
pub(crate) struct Subquery {
    /// Reads a [`GroupTable`] and tables outside.
    pub(crate) plan: LogicalPlan,
    /// What it is planned with.
    pub(crate) session: SessionState,
    /// How many of the input's columns, from the first on, the subquery reads.
    pub(crate) width: usize,
    /// Whether it reads the number of the row within its group behind them.
    pub(crate) is_numbered: bool,
    /// Columns of the input that are equal within a group and differ between groups.
    pub(crate) keys: Vec<String>,
    /// Columns of the input that are equal within a group; the rows of the result have them.
    pub(crate) carried: Vec<String>,
    /// The order of the rows within a group.
    pub(crate) order: Vec<Key>,
}

/// The logical node. Its columns are those of the subquery, then the keys and the carried ones,
/// then the number of the row.
#[derive(Clone, Debug)]
pub(crate) struct EachGroup {
    input: LogicalPlan,
    subquery: Arc<Subquery>,
    /// The column of the row's number.
    position: String,
    schema: DFSchemaRef,
}

impl EachGroup {
    pub(crate) fn new(
        input: LogicalPlan,
        subquery: Arc<Subquery>,
        position: String,
    ) -> Result<Self> {
        let schema = output_schema(&subquery, input.schema().as_arrow(), &position)?;
        Ok(Self {
            schema: Arc::new(DFSchema::try_from(schema)?),
            input,
            subquery,
            position,
        })
    }
}

/// The columns of the result. Any of them may be null, whatever the plans say of theirs.
fn output_schema(subquery: &Subquery, input: &Schema, position: &str) -> Result<SchemaRef> {
    let own = subquery.plan.schema().as_arrow();
    let mut fields: Vec<Field> = own
        .fields()
        .iter()
        .map(|field| Field::new(field.name(), field.data_type().clone(), true))
        .collect();
    for name in subquery.keys.iter().chain(&subquery.carried) {
        let field = input.field_with_name(name)?;
        fields.push(Field::new(name, field.data_type().clone(), true));
    }
    fields.push(Field::new(position, DataType::Int64, false));
    Ok(Arc::new(Schema::new(fields)))
}

/// Subqueries are the same where they are one object.
impl PartialEq for EachGroup {
    fn eq(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.subquery, &other.subquery)
            && self.input == other.input
            && self.position == other.position
    }
}

impl Eq for EachGroup {}

impl Hash for EachGroup {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.input.hash(state);
        self.position.hash(state);
    }
}

impl PartialOrd for EachGroup {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        self.input.partial_cmp(&other.input)
    }
}

impl UserDefinedLogicalNodeCore for EachGroup {
    fn name(&self) -> &'static str {
        "KqlEachGroup"
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
        write!(f, "KqlEachGroup: {}", self.subquery.plan.display())
    }

    /// The subquery reads its columns by position: the node gets all of them.
    fn necessary_children_exprs(&self, _: &[usize]) -> Option<Vec<Vec<usize>>> {
        Some(vec![(0..self.input.schema().fields().len()).collect()])
    }

    fn with_exprs_and_inputs(&self, _: Vec<Expr>, mut inputs: Vec<LogicalPlan>) -> Result<Self> {
        let Some(input) = inputs.pop() else {
            return internal_err!("a subquery over groups has one input");
        };
        Self::new(input, Arc::clone(&self.subquery), self.position.clone())
    }
}
