//! All rows of a plugin's input as one table, read value by value.

use std::sync::Arc;

use arrow::array::{Array, ArrayRef, RecordBatch, UInt32Array};
use arrow::compute::{concat, take};
use arrow::row::{OwnedRow, RowConverter, Rows as Encoded, SortField};
use datafusion::error::{DataFusionError, Result};
use kql::types::ScalarType;

use crate::function::{Datum, Input};
use crate::node::whole::Work;

/// The rows of the input.
pub(crate) struct Rows {
    arrays: Vec<ArrayRef>,
    inputs: Vec<Input>,
    /// How many there are.
    pub(crate) len: usize,
}

impl Rows {
    /// The first columns of the batches, which have these types. They are copied into one table, on
    /// the query's account.
    pub(crate) fn of(batches: &[RecordBatch], types: &[ScalarType], work: &Work) -> Result<Self> {
        let len: usize = batches.iter().map(RecordBatch::num_rows).sum();
        if u32::try_from(len).is_err() {
            let message = "a plugin has more rows than it can look at";
            return Err(DataFusionError::Execution(message.to_owned()));
        }
        let mut arrays: Vec<ArrayRef> = Vec::with_capacity(types.len());
        for (position, ty) in types.iter().enumerate() {
            work.check()?;
            let parts: Vec<&dyn Array> = batches
                .iter()
                .map(|batch| &**batch.column(position))
                .collect();
            arrays.push(match parts.as_slice() {
                [] => arrow::array::new_empty_array(&crate::types::arrow_type(*ty)),
                [_] => Arc::clone(batches[0].column(position)),
                _ => {
                    work.grow(len * ty_width(*ty))?;
                    concat(&parts)?
                }
            });
        }
        // Comparing rows takes as much again.
        work.grow(arrays.iter().map(Array::get_array_memory_size).sum())?;
        let inputs = arrays.iter().zip(types);
        let inputs = inputs.map(|(array, ty)| Input::new(array, *ty)).collect();
        Ok(Self {
            arrays,
            inputs,
            len,
        })
    }

    /// The value of a row in a column.
    pub(crate) fn get(&self, row: usize, column: usize) -> Datum<'_> {
        self.inputs[column].get(row)
    }

    /// A column.
    pub(crate) fn array(&self, column: usize) -> &ArrayRef {
        &self.arrays[column]
    }

    /// The values of a column in these rows; null (or `""`) where there is none.
    pub(crate) fn take(&self, column: usize, rows: &UInt32Array) -> Result<ArrayRef> {
        Ok(take(&self.arrays[column], rows, None)?)
    }

    /// Each row's values of some columns in a form that compares as the values do.
    pub(crate) fn encode(&self, columns: &[usize]) -> Result<Option<Encoded>> {
        if columns.is_empty() {
            return Ok(None);
        }
        let fields = columns
            .iter()
            .map(|column| SortField::new(self.arrays[*column].data_type().clone()))
            .collect();
        let arrays: Vec<ArrayRef> = columns
            .iter()
            .map(|column| Arc::clone(&self.arrays[*column]))
            .collect();
        Ok(Some(RowConverter::new(fields)?.convert_columns(&arrays)?))
    }

    /// The rows in groups of equal values of some columns, ordered by those values: for each group
    /// its rows in their order. One group if there are no columns, even without rows.
    pub(crate) fn groups(&self, columns: &[usize]) -> Result<Vec<Vec<u32>>> {
        let Some(encoded) = self.encode(columns)? else {
            return Ok(vec![(0..self.len as u32).collect()]);
        };
        let mut rows: Vec<u32> = (0..self.len as u32).collect();
        rows.sort_by(|left, right| {
            let key = |row: &u32| encoded.row(*row as usize);
            key(left).cmp(&key(right))
        });
        let mut groups: Vec<Vec<u32>> = Vec::new();
        let mut last: Option<OwnedRow> = None;
        for row in rows {
            let key = encoded.row(row as usize);
            match (&last, groups.last_mut()) {
                (Some(last), Some(group)) if last.row() == key => group.push(row),
                _ => {
                    last = Some(key.owned());
                    groups.push(vec![row]);
                }
            }
        }
        Ok(groups)
    }
}

/// The bytes of a value, roughly.
fn ty_width(ty: ScalarType) -> usize {
    match ty {
        ScalarType::Bool => 1,
        ScalarType::Int => 4,
        ScalarType::Long | ScalarType::Real | ScalarType::DateTime | ScalarType::TimeSpan => 8,
        ScalarType::Decimal | ScalarType::String | ScalarType::Guid | ScalarType::Dynamic => 16,
    }
}
