//! Expressions over rows that no plan yields: those that a node makes up while it runs.

use arrow::array::Array;
use arrow::array::{ArrayRef, AsArray, BooleanArray, RecordBatch, RecordBatchOptions};
use arrow::datatypes::SchemaRef;
use datafusion::error::Result;
use datafusion::physical_expr::PhysicalExpr;
use std::sync::Arc;

/// An expression with the columns that it reads.
#[derive(Debug)]
pub(crate) struct Detached {
    pub(crate) expression: Arc<dyn PhysicalExpr>,
    /// The columns that the expression reads, and nothing else.
    pub(crate) schema: SchemaRef,
    /// Where in the whole row these columns are.
    pub(crate) columns: Vec<usize>,
}

impl Detached {
    /// The values for some rows; `column` tells those of a column of the whole row.
    pub(super) fn evaluate(
        &self,
        rows: usize,
        column: impl FnMut(usize) -> Result<ArrayRef>,
    ) -> Result<ArrayRef> {
        let columns = self.columns.iter().copied().map(column);
        let columns = columns.collect::<Result<Vec<_>>>()?;
        let options = RecordBatchOptions::new().with_row_count(Some(rows));
        let batch = RecordBatch::try_new_with_options(Arc::clone(&self.schema), columns, &options)?;
        self.expression.evaluate(&batch)?.into_array(rows)
    }

    /// The same for a condition, of which only matters where it is true.
    pub(super) fn truth(
        &self,
        rows: usize,
        column: impl FnMut(usize) -> Result<ArrayRef>,
    ) -> Result<BooleanArray> {
        Ok(truth_of(&self.evaluate(rows, column)?))
    }
}

/// Where the values of a condition are true.
pub(super) fn truth_of(values: &ArrayRef) -> BooleanArray {
    let values = values.as_boolean();
    match values.nulls() {
        None => values.clone(),
        Some(nulls) => BooleanArray::new(values.values() & nulls.inner(), None),
    }
}
