//! The rows that one batch becomes: as many batches as its elements fill.

use std::ops::Range;
use std::sync::Arc;

use arrow::array::{
    Array, ArrayRef, AsArray, Int64Array, RecordBatch, StringViewArray, StringViewBuilder,
    UInt32Array,
};
use arrow::compute::take;
use arrow::datatypes::SchemaRef;
use datafusion::error::Result;

use crate::function::distinct::distinct;
use crate::function::json;

/// The batches that one batch of input becomes.
pub(super) struct Expansion {
    pub(super) input: RecordBatch,
    /// The elements of the columns' distinct values, if values repeat in all of them.
    pub(super) distinct: Option<Vec<Elements>>,
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
        if let Some(columns) = self.distinct.take() {
            let batch = self.next_of_distinct(&columns);
            self.distinct = Some(columns);
            return batch;
        }
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
        let elements = elements
            .into_iter()
            .map(|mut column| -> ArrayRef { Arc::new(column.finish()) });
        Some(self.batch(origins, numbers, elements.collect()))
    }
}

/// The elements of the distinct values of a column.
pub(super) struct Elements {
    all: ArrayRef,
    /// Where the elements of each value begin; one more for the end.
    starts: Vec<u32>,
    /// The value of each row.
    rows: UInt32Array,
}

impl Elements {
    /// `None` if values do not repeat.
    pub(super) fn of(column: &ArrayRef, bag_as_array: bool, most: usize) -> Option<Self> {
        let distinct = distinct(column)?;
        let values = distinct.texts.as_string_view();
        let mut builder = StringViewBuilder::new();
        let mut starts = vec![0];
        let mut count = 0;
        for value in values {
            count += append_elements(value, bag_as_array, most, &mut builder);
            starts.push(u32::try_from(count).ok()?);
        }
        Some(Self {
            all: Arc::new(builder.finish()),
            starts,
            rows: distinct.rows,
        })
    }

    /// The positions of a row's elements.
    fn range(&self, row: usize) -> Range<u32> {
        let value = self.rows.value(row) as usize;
        self.starts[value]..self.starts[value + 1]
    }
}

impl Expansion {
    /// The next batch, whose elements are taken from those of the distinct values: equal ones
    /// have equal views, which later functions look for.
    fn next_of_distinct(&mut self, columns: &[Elements]) -> Option<Result<RecordBatch>> {
        let mut origins: Vec<u32> = Vec::new();
        let mut numbers: Vec<Option<i64>> = Vec::new();
        let mut taken: Vec<Vec<Option<u32>>> = vec![Vec::new(); columns.len()];
        while self.next_row < self.input.num_rows() && origins.len() < self.rows {
            let row = self.next_row;
            self.next_row += 1;
            let lengths = columns.iter().map(|column| column.range(row).len());
            let count = lengths.max().unwrap_or(0);
            if count == 0 && self.keeps_empty {
                origins.push(row as u32);
                numbers.push(None);
                for taken in &mut taken {
                    taken.push(None);
                }
            }
            for (column, taken) in columns.iter().zip(&mut taken) {
                let range = column.range(row);
                let missing = count - range.len();
                taken.extend(range.map(Some));
                taken.extend(std::iter::repeat_n(None, missing));
            }
            origins.extend(std::iter::repeat_n(row as u32, count));
            numbers.extend((0..count as i64).map(Some));
        }
        if origins.is_empty() {
            return None;
        }
        let elements = columns
            .iter()
            .zip(taken)
            .map(|(column, taken)| Ok(take(&column.all, &UInt32Array::from(taken), None)?));
        Some(
            elements
                .collect::<Result<Vec<_>>>()
                .and_then(|elements| self.batch(origins, numbers, elements)),
        )
    }

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
        elements: Vec<ArrayRef>,
    ) -> Result<RecordBatch> {
        let origins = UInt32Array::from(origins);
        let mut columns = self
            .input
            .columns()
            .iter()
            .map(|column| Ok(take(column, &origins, None)?))
            .collect::<Result<Vec<ArrayRef>>>()?;
        columns.extend(elements);
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
