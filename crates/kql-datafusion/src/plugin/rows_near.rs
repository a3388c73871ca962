//! `rows_near`: the rows that a condition holds for, and some before and after each.

use std::sync::Arc;

use arrow::array::{Array, AsArray, BooleanArray, RecordBatch};
use arrow::compute::filter;
use arrow::datatypes::SchemaRef;
use datafusion::error::Result;

use super::columns::batch;
use crate::node::whole::{WholeTable, Work};

/// The computation. The condition is the column behind those of the result.
#[derive(Debug)]
pub(crate) struct RowsNear {
    pub(crate) before: usize,
    pub(crate) after: usize,
    pub(crate) output: SchemaRef,
}

impl WholeTable for RowsNear {
    fn name(&self) -> &'static str {
        "rows_near"
    }

    fn schema(&self) -> SchemaRef {
        Arc::clone(&self.output)
    }

    fn evaluate(&self, input: &[RecordBatch], work: &Work) -> Result<Vec<RecordBatch>> {
        let width = self.output.fields().len();
        let rows = input.iter().map(RecordBatch::num_rows).sum();
        work.grow(rows)?;
        let mut near = vec![false; rows];
        let mut position = 0_usize;
        // Up to where rows are marked already.
        let mut marked = 0;
        for batch in input {
            work.check()?;
            let condition = batch.column(width).as_boolean();
            for row in 0..batch.num_rows() {
                if condition.is_valid(row) && condition.value(row) {
                    let from = position.saturating_sub(self.before).max(marked);
                    let to = position.saturating_add(self.after).min(rows - 1);
                    if from <= to {
                        near[from..=to].fill(true);
                        marked = to + 1;
                    }
                }
                position += 1;
            }
        }
        let mut result = Vec::with_capacity(input.len());
        let mut offset = 0;
        for rows in input {
            work.check()?;
            let keep = BooleanArray::from(near[offset..offset + rows.num_rows()].to_vec());
            offset += rows.num_rows();
            let columns = rows.columns()[..width].iter();
            let columns = columns.map(|column| Ok(filter(column, &keep)?));
            let columns = columns.collect::<Result<Vec<_>>>()?;
            result.push(batch(&self.output, columns, keep.true_count())?);
        }
        Ok(result)
    }
}
