//! An expression over a row and what is remembered of rows before it.

use std::ops::Range;
use std::sync::Arc;

use arrow::array::{ArrayRef, BooleanArray, RecordBatch, UInt32Array};
use arrow::compute::take;
use datafusion::error::Result;

use crate::node::detached::{Detached, truth_of};

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
    /// Its columns are positions in `inputs`.
    pub(crate) expression: Detached,
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
        let length = rows.len();
        self.expression.evaluate(length, |input| {
            Ok(match self.inputs[input] {
                Input::Row(column) => batch.column(column).slice(rows.start, length),
                Input::Slot(slot) if length == 1 => Arc::clone(&memory[slot]),
                Input::Slot(slot) => {
                    take(&memory[slot], &UInt32Array::from_value(0, length), None)?
                }
            })
        })
    }

    /// The same for a condition, of which only matters where it is true.
    pub(super) fn truth(
        &self,
        batch: &RecordBatch,
        rows: Range<usize>,
        memory: &[ArrayRef],
    ) -> Result<BooleanArray> {
        Ok(truth_of(&self.evaluate(batch, rows, memory)?))
    }
}
