//! The rows that one batch becomes: as many batches as its elements fill.

use std::sync::Arc;

use arrow::array::{
    Array, ArrayRef, Int64Array, RecordBatch, StringViewArray, StringViewBuilder, UInt32Array,
};
use arrow::compute::take;
use arrow::datatypes::SchemaRef;
use datafusion::error::Result;

use crate::function::json;

/// The batches that one batch of input becomes.
pub(super) struct Expansion {
    pub(super) input: RecordBatch,
    pub(super) columns: Vec<StringViewArray>,
    pub(super) schema: SchemaRef,
    pub(super) next_row: usize,
    /// Rows after which a batch ends; the elements of one row are not torn apart.
    pub(super) rows: usize,
    pub(super) row_limit: usize,
    pub(super) bag_as_array: bool,
    /// A row without elements becomes one without index.
    pub(super) keeps_empty: bool,
    /// The number of the first row, if the numbers of rows are asked for.
    pub(super) first_row: Option<i64>,
}

impl Iterator for Expansion {
    type Item = Result<RecordBatch>;

    fn next(&mut self) -> Option<Self::Item> {
        let mut origins: Vec<u32> = Vec::new();
        let mut numbers: Vec<Option<i64>> = Vec::new();
        let mut elements: Vec<StringViewBuilder> = self
            .columns
            .iter()
            .map(|_| StringViewBuilder::new())
            .collect();
        while self.next_row < self.input.num_rows() && origins.len() < self.rows {
            let row = self.next_row;
            self.next_row += 1;
            let count = self.expand(row, &mut elements);
            if count == 0 && self.keeps_empty {
                origins.push(row as u32);
                numbers.push(None);
                elements.iter_mut().for_each(StringViewBuilder::append_null);
            }
            origins.extend(std::iter::repeat_n(row as u32, count));
            numbers.extend((0..count as i64).map(Some));
        }
        if origins.is_empty() {
            return None;
        }
        Some(self.batch(origins, numbers, elements))
    }
}

impl Expansion {
    /// Appends the elements of a row and tells how many there are; shorter columns are filled
    /// up with nulls.
    fn expand(&self, row: usize, elements: &mut [StringViewBuilder]) -> usize {
        let counts: Vec<usize> = self
            .columns
            .iter()
            .zip(elements.iter_mut())
            .map(|(column, builder)| {
                let value = column.is_valid(row).then(|| column.value(row));
                append_elements(value, self.bag_as_array, self.row_limit, builder)
            })
            .collect();
        let most = counts.iter().copied().max().unwrap_or(0);
        for (count, builder) in counts.into_iter().zip(elements) {
            for _ in count..most {
                builder.append_null();
            }
        }
        most
    }

    fn batch(
        &self,
        origins: Vec<u32>,
        numbers: Vec<Option<i64>>,
        elements: Vec<StringViewBuilder>,
    ) -> Result<RecordBatch> {
        let origins = UInt32Array::from(origins);
        let mut columns = self
            .input
            .columns()
            .iter()
            .map(|column| Ok(take(column, &origins, None)?))
            .collect::<Result<Vec<ArrayRef>>>()?;
        columns.extend(
            elements
                .into_iter()
                .map(|mut e| Arc::new(e.finish()) as ArrayRef),
        );
        columns.push(Arc::new(Int64Array::from(numbers)));
        if let Some(first) = self.first_row {
            let rows = origins.values().iter().map(|row| first + i64::from(*row));
            columns.push(Arc::new(Int64Array::from_iter_values(rows)));
        }
        Ok(RecordBatch::try_new(Arc::clone(&self.schema), columns)?)
    }
}

/// Appends what a value expands to: the elements of an array, the entries of a bag, one null of
/// a null, itself of anything else.
fn append_elements(
    value: Option<&str>,
    bag_as_array: bool,
    most: usize,
    builder: &mut StringViewBuilder,
) -> usize {
    let Some(value) = value else {
        builder.append_null();
        return 1;
    };
    let mut count = 0;
    if let Some(elements) = json::elements(value) {
        for element in elements.take(most) {
            append(element, builder);
            count += 1;
        }
    } else if let Some(entries) = json::entries(value) {
        for (key, entry) in entries.take(most) {
            let (open, separator, close) = if bag_as_array {
                ('[', ',', ']')
            } else {
                ('{', ':', '}')
            };
            builder.append_value(format!("{open}{key}{separator}{entry}{close}"));
            count += 1;
        }
    } else {
        append(value, builder);
        count = 1;
    }
    count
}

fn append(element: &str, builder: &mut StringViewBuilder) {
    if element == "null" {
        builder.append_null();
    } else {
        builder.append_value(element);
    }
}
