//! A subquery that runs once for each group of its rows, as a plan of its own. It is for
//! subqueries that cannot be lowered to one plan over all groups; those that can are faster
//! (`lower/group.rs`). What the subquery reads is in `rows`, what runs it in `exec`.

mod exec;
mod rows;

use std::sync::Arc;

use arrow::datatypes::{DataType, Field, Schema, SchemaRef};
use datafusion::error::Result;
use datafusion::execution::{SendableRecordBatchStream, SessionState, TaskContext};
use datafusion::logical_expr::LogicalPlan;
use datafusion::physical_expr::LexOrdering;
use datafusion::physical_plan::execution_plan::EmissionType;
use datafusion::physical_plan::{ExecutionPlan, PlanProperties};

pub(crate) use rows::GroupTable;

use super::order::{Key, numbered_rows, ordering};
use super::step::Operation;

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

/// The operation. Its columns are those of the subquery, then the keys and the carried ones,
/// then the number of the row.
#[derive(Debug)]
pub(crate) struct EachGroup {
    pub(crate) subquery: Arc<Subquery>,
    /// The column of the row's number.
    pub(crate) position: String,
}

/// The subquery reads its columns by position: it gets all of them.
impl Operation for EachGroup {
    fn name(&self) -> &'static str {
        "KqlEachGroup"
    }

    fn detail(&self) -> String {
        self.subquery.plan.display().to_string()
    }

    /// Any column may be null, whatever the plans say of theirs.
    fn schema(&self, input: &Schema) -> Result<Schema> {
        let own = self.subquery.plan.schema().as_arrow();
        let mut fields: Vec<Field> = own
            .fields()
            .iter()
            .map(|field| Field::new(field.name(), field.data_type().clone(), true))
            .collect();
        for name in self.subquery.keys.iter().chain(&self.subquery.carried) {
            let field = input.field_with_name(name)?;
            fields.push(Field::new(name, field.data_type().clone(), true));
        }
        fields.push(Field::new(&self.position, DataType::Int64, false));
        Ok(Schema::new(fields))
    }

    /// The columns are others than those of the input.
    fn holds(&self, _: usize, _: &Schema) -> bool {
        true
    }

    /// Group by group.
    fn order(&self, input: &SchemaRef) -> Result<Option<LexOrdering>> {
        let keys = self.subquery.keys.iter().map(|key| Key {
            column: key.clone(),
            ascending: true,
            nulls_first: true,
        });
        let keys: Vec<Key> = keys.chain(self.subquery.order.iter().cloned()).collect();
        ordering(&keys, input)
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
        exec::run(&self.subquery, input, schema, context)
    }
}
