//! From rows of key, bin and values to one row per key with arrays. Gathered rows are small and
//! on the query's memory account; arrays are written as they are asked for, so that gaps of
//! sparse series cost nothing before.

use std::sync::Arc;

use arrow::array::{
    Array, ArrayRef, AsArray, RecordBatch, StringViewArray, StringViewBuilder, UInt32Array,
};
use arrow::compute::take;
use arrow::datatypes::{Field, Int64Type, Schema, SchemaRef};
use datafusion::common::exec_err;
use datafusion::error::{DataFusionError, Result};
use datafusion::execution::memory_pool::MemoryReservation;
use datafusion::logical_expr::EmitTo;
use datafusion::physical_plan::aggregates::group_values::{GroupValues, new_group_values};
use datafusion::physical_plan::aggregates::order::GroupOrdering;

use super::{LENGTH_MAX, Layout};
use crate::function::Bins;

/// Text after which a batch ends; the arrays of one key are not torn apart. It is small because
/// functions over series work long on a batch, and nothing stops them within one.
const BATCH_BYTES: usize = 1 << 20;

/// Rows that came in.
pub(super) struct Gathering {
    keys: Vec<usize>,
    bin: usize,
    values: Vec<usize>,
    known: Option<Box<dyn GroupValues>>,
    numbers: Vec<usize>,
    rows: Vec<Row>,
    columns: Vec<Vec<StringViewArray>>,
    bytes: usize,
    layout: Layout,
    schema: SchemaRef,
}

/// Where the values of one key and bin are.
#[derive(Clone, Copy)]
struct Row {
    key: u32,
    batch: u32,
    bin: i64,
    place: u32,
}

impl Gathering {
    pub(super) fn new(layout: &Layout, input: &SchemaRef, schema: SchemaRef) -> Result<Self> {
        let place = |name: &String| input.index_of(name).map_err(DataFusionError::from);
        let keys: Vec<usize> = layout.keys.iter().map(place).collect::<Result<_>>()?;
        let series = layout.series.iter();
        let values = series.map(|series| place(&series.value));
        let known = if keys.is_empty() {
            None
        } else {
            let fields: Vec<Field> = keys.iter().map(|key| input.field(*key).clone()).collect();
            let schema = Arc::new(Schema::new(fields));
            Some(new_group_values(schema, &GroupOrdering::None)?)
        };
        Ok(Self {
            keys,
            bin: place(&layout.bin)?,
            values: values.collect::<Result<_>>()?,
            known,
            numbers: Vec::new(),
            rows: Vec::new(),
            columns: Vec::new(),
            bytes: 0,
            layout: layout.clone(),
            schema,
        })
    }

    pub(super) fn add(&mut self, batch: &RecordBatch) -> Result<()> {
        let bins = batch.column(self.bin).as_primitive::<Int64Type>();
        if bins.null_count() == bins.len() {
            return Ok(());
        }
        self.numbers.clear();
        match &mut self.known {
            Some(known) => {
                let keys: Vec<ArrayRef> = self
                    .keys
                    .iter()
                    .map(|key| Arc::clone(batch.column(*key)))
                    .collect();
                known.intern(&keys, &mut self.numbers)?;
            }
            None => self.numbers.resize(batch.num_rows(), 0),
        }
        for (row, key) in self.numbers.iter().enumerate() {
            if bins.is_valid(row) {
                self.rows.push(Row {
                    key: *key as u32,
                    batch: self.columns.len() as u32,
                    bin: bins.value(row),
                    place: row as u32,
                });
            }
        }
        let values = self.values.iter();
        let columns: Vec<StringViewArray> = values
            .map(|value| batch.column(*value).as_string_view().clone())
            .collect();
        for column in &columns {
            self.bytes += column.len() * size_of::<u128>() + column.total_bytes_len();
        }
        self.columns.push(columns);
        Ok(())
    }

    /// Bytes that are held.
    pub(super) fn size(&self) -> usize {
        let keys = self.known.as_ref().map_or(0, |known| known.size());
        keys + self.bytes + self.rows.capacity() * size_of::<Row>()
    }

    /// No more rows: the batches of at most `batch_rows` series each.
    pub(super) fn finish(
        mut self,
        batch_rows: usize,
        reservation: MemoryReservation,
    ) -> Result<Assembly> {
        let (keys, key_count) = match &mut self.known {
            Some(known) => (known.emit(EmitTo::All)?, None),
            None => (Vec::new(), Some(1)),
        };
        let key_count = key_count.unwrap_or_else(|| keys.first().map_or(0, Array::len));
        self.rows.sort_unstable_by_key(|row| (row.key, row.bin));
        Ok(Assembly {
            gaps_only: self.rows.is_empty() && self.known.is_none() && self.layout.nonempty,
            keys,
            key_count,
            rows: self.rows,
            columns: self.columns,
            layout: self.layout,
            schema: self.schema,
            next_row: 0,
            batch_rows,
            _reservation: reservation,
        })
    }
}

/// The batches that the gathered rows become.
pub(super) struct Assembly {
    keys: Vec<ArrayRef>,
    key_count: usize,
    rows: Vec<Row>,
    columns: Vec<Vec<StringViewArray>>,
    layout: Layout,
    schema: SchemaRef,
    next_row: usize,
    batch_rows: usize,
    /// The one row of an empty input is still to come.
    gaps_only: bool,
    _reservation: MemoryReservation,
}

impl Iterator for Assembly {
    type Item = Result<RecordBatch>;

    fn next(&mut self) -> Option<Self::Item> {
        let has_rows = self.next_row < self.rows.len() && self.key_count > 0;
        (has_rows || self.gaps_only).then(|| self.batch())
    }
}

impl Assembly {
    fn batch(&mut self) -> Result<RecordBatch> {
        let mut written: Vec<u32> = Vec::new();
        let mut arrays: Vec<StringViewBuilder> = self
            .layout
            .series
            .iter()
            .map(|_| StringViewBuilder::new())
            .collect();
        let mut axes = Axes::default();
        let mut bytes = 0;
        let mut text = String::new();
        while self.gaps_only || self.next_row < self.rows.len() {
            if written.len() >= self.batch_rows || bytes >= BATCH_BYTES {
                break;
            }
            let start = self.next_row;
            let key = self.rows.get(start).map_or(0, |row| row.key);
            let same = self.rows[start..].iter().take_while(|row| row.key == key);
            self.next_row += same.count();
            self.gaps_only = false;
            let rows = &self.rows[start..self.next_row];
            let (first, last) = span(self.layout.bins, rows)?;
            for (position, builder) in arrays.iter_mut().enumerate() {
                text.clear();
                self.write(position, rows, first, last, &mut text);
                bytes += text.len();
                builder.append_value(&text);
            }
            bytes += axes.append(self.layout.bins, first, last)?;
            written.push(key);
        }
        let keys = UInt32Array::from(written);
        let mut columns = self
            .keys
            .iter()
            .map(|key| Ok(take(key, &keys, None)?))
            .collect::<Result<Vec<ArrayRef>>>()?;
        for mut builder in arrays {
            columns.push(Arc::new(builder.finish()));
        }
        columns.push(Arc::new(axes.builder.finish()));
        Ok(RecordBatch::try_new(Arc::clone(&self.schema), columns)?)
    }

    /// Writes one series of a key.
    fn write(&self, position: usize, rows: &[Row], first: i64, last: i64, out: &mut String) {
        let default = &self.layout.series[position].default;
        let mut rows = rows.iter().peekable();
        out.push('[');
        for bin in first..=last {
            if bin > first {
                out.push(',');
            }
            match rows.next_if(|row| row.bin == bin) {
                Some(row) => {
                    let column = &self.columns[row.batch as usize][position];
                    let row = row.place as usize;
                    if column.is_null(row) {
                        out.push_str("null");
                    } else {
                        out.push_str(column.value(row));
                    }
                }
                None => out.push_str(default),
            }
        }
        out.push(']');
    }
}

/// First and last bin of a series; the last is before the first if it is empty.
fn span(bins: Bins, rows: &[Row]) -> Result<(i64, i64)> {
    let first = bins.first.or(rows.first().map(|row| row.bin)).unwrap_or(0);
    let last = bins.last.or(rows.last().map(|row| row.bin));
    let last = last.unwrap_or(first.saturating_sub(1));
    if last.saturating_sub(first) >= LENGTH_MAX {
        return exec_err!(
            "make-series: a series has more than {LENGTH_MAX} bins; choose a larger step"
        );
    }
    Ok((first, last))
}

/// The column of the axis. Most series have the same one, whose text is then kept once.
#[derive(Default)]
struct Axes {
    builder: StringViewBuilder,
    last: Option<Written>,
}

struct Written {
    first: i64,
    last: i64,
    block: u32,
    length: u32,
}

impl Axes {
    /// Appends an axis and tells how many bytes that took.
    fn append(&mut self, bins: Bins, first: i64, last: i64) -> Result<usize> {
        if let Some(known) = &self.last
            && (known.first, known.last) == (first, last)
        {
            self.builder.try_append_view(known.block, 0, known.length)?;
            return Ok(0);
        }
        let mut text = String::from("[");
        for bin in first..=last {
            if bin > first {
                text.push(',');
            }
            bins.write_start(bin, &mut text);
        }
        text.push(']');
        let length = text.len() as u32;
        let block = self.builder.append_block(text.into_bytes().into());
        self.builder.try_append_view(block, 0, length)?;
        self.last = Some(Written {
            first,
            last,
            block,
            length,
        });
        Ok(length as usize)
    }
}
