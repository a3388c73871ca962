//! An expression over a row and what is remembered of rows before it.

use std::ops::Range;
use std::sync::Arc;

use arrow::array::{ArrayRef, BooleanArray, RecordBatch, RecordBatchOptions, UInt32Array};
use arrow::compute::take;
use arrow::datatypes::SchemaRef;
use datafusion::error::Result;
use datafusion::physical_expr::PhysicalExpr;

/// Where a column of the expression's input comes from.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Input {
    /// A column of the row.
    Row(usize),
    /// A slot of the memory.
    Slot(usize),
}

/// An expression with its inputs.
#[derive(Debug)]
pub(crate) struct Compiled {
    pub(crate) expression: Arc<dyn PhysicalExpr>,
    /// The columns that the expression reads, in the order of `inputs`.
    pub(crate) schema: SchemaRef,
    pub(crate) inputs: Vec<Input>,
}

impl Compiled {
    /// The values for some rows of a batch, all with the same memory: one value for each slot.
    pub(super) fn evaluate(
        &self,
        batch: &RecordBatch,
        rows: Range<usize>,
        memory: &[ArrayRef],
    ) -> Result<ArrayRef> {
        let mut columns = Vec::with_capacity(self.inputs.len());
        for input in &self.inputs {
            columns.push(match input {
                Input::Row(column) => batch.column(*column).slice(rows.start, rows.len()),
                Input::Slot(slot) if rows.len() == 1 => Arc::clone(&memory[*slot]),
                Input::Slot(slot) => take(
                    &memory[*slot],
                    &UInt32Array::from_value(0, rows.len()),
                    None,
                )?,
            });
        }
        let options = RecordBatchOptions::new().with_row_count(Some(rows.len()));
        let batch = RecordBatch::try_new_with_options(Arc::clone(&self.schema), columns, &options)?;
        self.expression.evaluate(&batch)?.into_array(rows.len())
    }

    /// The same for a condition, of which only matters where it is true.
    pub(super) fn truth(
        &self,
        batch: &RecordBatch,
        rows: Range<usize>,
        memory: &[ArrayRef],
    ) -> Result<BooleanArray> {
        Ok(super::truth_of(&self.evaluate(batch, rows, memory)?))
    }
}
