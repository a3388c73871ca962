//! The rows that `scan` yields: where they are in the input, and what their steps set.

use std::sync::Arc;

use arrow::array::{Array, ArrayRef, Int64Array, RecordBatch, RecordBatchOptions};
use arrow::compute::interleave;
use datafusion::common::ScalarValue;
use datafusion::error::Result;

use super::{BATCH_ROWS, Scan};
use crate::node::whole::Work;

/// A row of the result.
pub(super) struct OutputRow {
    batch: usize,
    row: usize,
    match_id: i64,
    /// For each column that some step sets: what this one set it to.
    assigned: Vec<Option<ScalarValue>>,
}

impl OutputRow {
    /// Where it is in the input.
    pub(super) fn place(&self) -> (usize, usize) {
        (self.batch, self.row)
    }
}

/// Gathers the rows.
pub(super) struct Output<'s> {
    scan: &'s Scan,
    /// The columns that some step sets, ascending.
    assigned: Vec<usize>,
    /// The batches that rows may be of.
    batches: Vec<RecordBatch>,
    rows: Vec<OutputRow>,
    done: Vec<RecordBatch>,
}

impl<'s> Output<'s> {
    pub(super) fn new(scan: &'s Scan) -> Self {
        let mut assigned: Vec<usize> = scan
            .steps
            .iter()
            .flat_map(|step| step.assignments.iter().map(|(column, _)| *column))
            .collect();
        assigned.sort_unstable();
        assigned.dedup();
        Self {
            scan,
            assigned,
            batches: Vec::new(),
            rows: Vec::new(),
            done: Vec::new(),
        }
    }

    /// Rows to come are of this batch.
    pub(super) fn start_batch(&mut self, batch: &RecordBatch) {
        self.batches.push(batch.clone());
    }

    /// A row of the current batch.
    pub(super) fn row(
        &self,
        row: usize,
        match_id: i64,
        assigned: &[(usize, ArrayRef)],
    ) -> Result<OutputRow> {
        let mut values = Vec::with_capacity(self.assigned.len());
        for column in &self.assigned {
            let value = assigned.iter().rfind(|(other, _)| other == column);
            let value = value.map(|(_, value)| ScalarValue::try_from_array(value, 0));
            values.push(value.transpose()?);
        }
        Ok(OutputRow {
            batch: self.batches.len() - 1,
            row,
            match_id,
            assigned: values,
        })
    }

    /// Puts a row out.
    pub(super) fn push(&mut self, row: OutputRow, work: &Work) -> Result<()> {
        self.rows.push(row);
        if self.rows.len() == BATCH_ROWS {
            self.flush(work)?;
        }
        Ok(())
    }

    /// All rows.
    pub(super) fn finish(mut self, work: &Work) -> Result<Vec<RecordBatch>> {
        self.flush(work)?;
        Ok(self.done)
    }

    fn flush(&mut self, work: &Work) -> Result<()> {
        let rows = std::mem::take(&mut self.rows);
        if rows.is_empty() {
            return Ok(());
        }
        // The few batches that the rows are of.
        let mut batches: Vec<usize> = rows.iter().map(|row| row.batch).collect();
        batches.sort_unstable();
        batches.dedup();
        let places: Vec<(usize, usize)> = rows
            .iter()
            .map(|row| (batches.partition_point(|batch| *batch < row.batch), row.row))
            .collect();
        let width = self.scan.input_width + self.scan.declared.len();
        let mut columns: Vec<ArrayRef> = Vec::with_capacity(width + 1);
        for column in 0..width {
            columns.push(match self.assigned.binary_search(&column) {
                Ok(position) => self.assigned_column(column, position, &rows)?,
                Err(_) if column < self.scan.input_width => {
                    let arrays: Vec<&dyn Array> = batches
                        .iter()
                        .map(|batch| self.batches[*batch].column(column).as_ref())
                        .collect();
                    interleave(&arrays, &places)?
                }
                Err(_) => self.scan.declared[column - self.scan.input_width]
                    .to_array_of_size(rows.len())?,
            });
        }
        if self.scan.match_id {
            let match_ids = rows.iter().map(|row| row.match_id);
            columns.push(Arc::new(Int64Array::from_iter_values(match_ids)));
        }
        let options = RecordBatchOptions::new().with_row_count(Some(rows.len()));
        let schema = Arc::clone(&self.scan.schema);
        let batch = RecordBatch::try_new_with_options(schema, columns, &options)?;
        work.grow(batch.get_array_memory_size())?;
        self.done.push(batch);
        Ok(())
    }

    /// A column that some steps set and others leave as it is.
    fn assigned_column(
        &self,
        column: usize,
        position: usize,
        rows: &[OutputRow],
    ) -> Result<ArrayRef> {
        let declared = column.checked_sub(self.scan.input_width);
        let declared = declared.map(|declared| &self.scan.declared[declared]);
        let mut values = Vec::with_capacity(rows.len());
        for row in rows {
            let value = match (&row.assigned[position], declared) {
                (Some(value), _) | (None, Some(value)) => value.clone(),
                (None, None) => {
                    let array = self.batches[row.batch].column(column);
                    ScalarValue::try_from_array(array, row.row)?
                }
            };
            values.push(value);
        }
        ScalarValue::iter_to_array(values)
    }
}
