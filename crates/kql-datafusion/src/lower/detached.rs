//! Expressions over rows that a node makes up while it runs.

use std::collections::BTreeSet;
use std::sync::Arc;

use arrow::datatypes::{DataType, Field, Schema as ArrowSchema};
use datafusion::common::{DFSchema, DFSchemaRef};
use datafusion::logical_expr::{EmptyRelation, Expr, LogicalPlan};
use datafusion::physical_expr::expressions::Column;
use datafusion::physical_expr::utils::{collect_columns, reassign_expr_columns};

use super::relation::Relation;
use super::{Lowering, Result};
use crate::node::detached::Detached;

/// What the rows are like.
#[derive(Debug)]
pub(super) struct Rows {
    /// For expressions to be lowered over; nothing runs it.
    pub(super) relation: Relation,
    pub(super) schema: DFSchemaRef,
}

impl Rows {
    /// The position of a column of these rows.
    pub(super) fn position(&self, column: &datafusion::common::Column) -> Option<usize> {
        self.schema.maybe_index_of_column(column)
    }
}

impl Lowering<'_> {
    /// Rows of columns of these types.
    pub(super) fn rows(&self, types: impl Iterator<Item = DataType>) -> Result<Rows> {
        let fields = types.map(|data_type| Field::new(self.hidden_name(), data_type, true));
        let fields: Vec<Field> = fields.collect();
        let width = fields.len();
        let schema = Arc::new(DFSchema::try_from(ArrowSchema::new(fields))?);
        let empty = LogicalPlan::EmptyRelation(EmptyRelation {
            produce_one_row: false,
            schema: Arc::clone(&schema),
        });
        Ok(Rows {
            relation: Relation::unordered(empty, width),
            schema,
        })
    }

    /// An expression over such rows, reduced to the columns that it reads.
    pub(super) fn detached(&self, expression: Expr, rows: &Rows) -> Result<Detached> {
        let physical = self.state.create_physical_expr(expression, &rows.schema)?;
        let columns: BTreeSet<usize> = collect_columns(&physical)
            .iter()
            .map(Column::index)
            .collect();
        let fields = columns.iter();
        let fields: Vec<_> = fields
            .map(|column| Arc::clone(rows.schema.field(*column)))
            .collect();
        let schema = Arc::new(ArrowSchema::new(fields));
        Ok(Detached {
            expression: reassign_expr_columns(physical, &schema)?,
            schema,
            columns: columns.into_iter().collect(),
        })
    }
}
