//! `narrow`: a row for each value of each row, with the number of the row, the name of the column
//! and the value as text.

use std::sync::Arc;

use arrow::array::{ArrayRef, Int64Builder, RecordBatch, StringViewBuilder};
use arrow::datatypes::SchemaRef;
use datafusion::error::Result;
use kql::types::Schema;

use super::columns::batch;
use crate::function::Input;
use crate::node::whole::{WholeTable, Work};

/// The computation.
#[derive(Debug)]
pub(crate) struct Narrow {
    pub(crate) input: Schema,
    pub(crate) output: SchemaRef,
}

impl WholeTable for Narrow {
    fn name(&self) -> &'static str {
        "narrow"
    }

    fn schema(&self) -> SchemaRef {
        Arc::clone(&self.output)
    }

    fn evaluate(&self, input: &[RecordBatch], work: &Work) -> Result<Vec<RecordBatch>> {
        let mut result = Vec::with_capacity(input.len());
        let mut number = 0;
        for rows in input {
            work.check()?;
            let columns = self.input.columns();
            let values: Vec<Input> = columns
                .iter()
                .zip(rows.columns())
                .map(|(column, array)| Input::new(array, column.ty))
                .collect();
            let count = rows.num_rows() * columns.len();
            let mut numbers = Int64Builder::with_capacity(count);
            let mut names = StringViewBuilder::with_capacity(count);
            let mut texts = StringViewBuilder::with_capacity(count);
            let mut text = String::new();
            for row in 0..rows.num_rows() {
                for (column, value) in columns.iter().zip(&values) {
                    numbers.append_value(number);
                    names.append_value(&*column.name);
                    text.clear();
                    value.get(row).write_text(&mut text);
                    texts.append_value(&text);
                }
                number += 1;
            }
            let columns: Vec<ArrayRef> = vec![
                Arc::new(numbers.finish()),
                Arc::new(names.finish()),
                Arc::new(texts.finish()),
            ];
            let rows = batch(&self.output, columns, count)?;
            work.grow(rows.get_array_memory_size())?;
            result.push(rows);
        }
        Ok(result)
    }
}
