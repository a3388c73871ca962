//! Where the rows of text files become record batches, and where malformed ones are counted or
//! stop the query.

use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::Ordering;

use arrow::array::{ArrayRef, BooleanArray, RecordBatch, RecordBatchOptions};
use arrow::datatypes::SchemaRef;
use kql::types::{Column, ScalarType};

use super::column::{Cell, ColumnBuilder, parse_datetime};
use super::config::OnError;
use super::prune::TimeBounds;
use crate::source::QueryStats;

/// Bytes of input that make a batch, however few rows they are.
const BATCH_INPUT_BYTES: usize = 8 << 20;

/// What is read from every file of a scan.
#[derive(Clone, Debug)]
pub(super) struct Wanted {
    /// Columns to build.
    pub(super) columns: Arc<[Column]>,
    /// Their Arrow schema.
    pub(super) schema: SchemaRef,
    /// Rows whose column of this position lies outside are not wanted.
    pub(super) time: Option<(usize, TimeBounds)>,
    /// Rows of a batch.
    pub(super) batch_rows: usize,
    pub(super) on_error: OnError,
    pub(super) stats: Arc<QueryStats>,
}

/// Why a file is not read to its end.
#[derive(Debug)]
pub(super) enum Halt {
    /// Nobody wants more rows.
    Stopped,
    /// The query fails with this text.
    Failed(String),
}

/// Takes the rows of one file.
pub(super) struct RowSink<'e> {
    wanted: &'e Wanted,
    path: PathBuf,
    builders: Vec<ColumnBuilder>,
    rows: usize,
    /// Rows that are in the builders but malformed.
    malformed: Vec<usize>,
    input_bytes: usize,
    emit: &'e mut dyn FnMut(RecordBatch) -> bool,
    scratch: String,
}

impl<'e> RowSink<'e> {
    /// `emit` takes batches; it returns whether more are wanted.
    pub(super) fn new(
        wanted: &'e Wanted,
        path: PathBuf,
        emit: &'e mut dyn FnMut(RecordBatch) -> bool,
    ) -> Self {
        let columns = wanted.columns.iter();
        Self {
            wanted,
            path,
            builders: columns
                .map(|column| ColumnBuilder::new(column.ty))
                .collect(),
            rows: 0,
            malformed: Vec::new(),
            input_bytes: 0,
            emit,
            scratch: String::new(),
        }
    }

    /// Columns to build, by position.
    pub(super) fn columns(&self) -> &'e [Column] {
        &self.wanted.columns
    }

    /// Adds the row that stands on `line` (worked out only if need be) and took `bytes` of input.
    pub(super) fn push<'c>(
        &mut self,
        bytes: usize,
        cell: impl Fn(usize) -> Cell<'c>,
        line: impl Fn() -> u64,
    ) -> Result<(), Halt> {
        if self.is_outside(&cell) {
            return Ok(());
        }
        let mut misfit = None;
        for (position, builder) in self.builders.iter_mut().enumerate() {
            if misfit.is_some() {
                builder.append_missing();
            } else if builder.append(cell(position)).is_err() {
                builder.append_missing();
                misfit = Some(position);
            }
        }
        self.rows += 1;
        self.input_bytes += bytes;
        if let Some(position) = misfit {
            self.malformed.push(self.rows - 1);
            let column = &self.wanted.columns[position];
            let (name, ty) = (&column.name, column.ty);
            self.malformed(line(), &format!("the value of `{name}` is no {ty}"))?;
        }
        if self.rows >= self.wanted.batch_rows || self.input_bytes >= BATCH_INPUT_BYTES {
            self.flush()?;
        }
        Ok(())
    }

    /// Whether the row's time is known and outside of what is asked for. One that is missing or
    /// malformed is not outside: its row is reported or filtered later.
    fn is_outside<'c>(&mut self, cell: &impl Fn(usize) -> Cell<'c>) -> bool {
        let Some((position, bounds)) = self.wanted.time else {
            return false;
        };
        let at = match cell(position) {
            Cell::Missing => return false,
            Cell::Text(text) => parse_datetime(text),
            Cell::Json(json) => {
                let Some(inner) = json
                    .strip_prefix('"')
                    .and_then(|json| json.strip_suffix('"'))
                else {
                    return false;
                };
                self.scratch.clear();
                super::json_text::append_unescaped(inner, &mut self.scratch);
                parse_datetime(&self.scratch)
            }
        };
        at.is_ok_and(|at| !bounds.contains(at))
    }

    /// A line, or what stands for one, cannot be read.
    pub(super) fn malformed(&mut self, line: u64, what: &str) -> Result<(), Halt> {
        let place = format!("{}:{line}", self.path.display());
        self.left_out(|| {
            format!(
                "{place}: {what}; correct the line, declare the column's type in the source's \
                 `tables`, or set `on_error: skip`"
            )
        })
    }

    /// The rest of the file cannot be read.
    pub(super) fn unreadable(&mut self, what: &str) -> Result<(), Halt> {
        let path = self.path.display().to_string();
        self.left_out(|| {
            format!("{path}: {what}; replace or remove the file, or set `on_error: skip`")
        })
    }

    fn left_out(&mut self, failure: impl FnOnce() -> String) -> Result<(), Halt> {
        match self.wanted.on_error {
            OnError::Fail => Err(Halt::Failed(failure())),
            OnError::Skip => {
                self.wanted
                    .stats
                    .skipped_inputs
                    .fetch_add(1, Ordering::Relaxed);
                Ok(())
            }
        }
    }

    /// Hands over what was added so far.
    pub(super) fn flush(&mut self) -> Result<(), Halt> {
        if self.rows == 0 {
            return Ok(());
        }
        let columns: Vec<ArrayRef> = self
            .builders
            .iter_mut()
            .map(ColumnBuilder::finish)
            .collect();
        let options = RecordBatchOptions::new().with_row_count(Some(self.rows));
        let schema = Arc::clone(&self.wanted.schema);
        let batch = RecordBatch::try_new_with_options(schema, columns, &options);
        let mut batch = batch.map_err(|error| Halt::Failed(error.to_string()))?;
        if !self.malformed.is_empty() {
            let mut kept = vec![true; self.rows];
            for row in self.malformed.drain(..) {
                kept[row] = false;
            }
            let kept = BooleanArray::from(kept);
            batch = arrow::compute::filter_record_batch(&batch, &kept)
                .map_err(|error| Halt::Failed(error.to_string()))?;
        }
        self.rows = 0;
        self.input_bytes = 0;
        if (self.emit)(batch) {
            Ok(())
        } else {
            Err(Halt::Stopped)
        }
    }
}

/// The position of a time column among the wanted ones, with its bounds.
pub(super) fn wanted_time(
    columns: &[Column],
    name: Option<&str>,
    bounds: TimeBounds,
) -> Option<(usize, TimeBounds)> {
    let position = columns
        .iter()
        .position(|column| Some(&*column.name) == name && column.ty == ScalarType::DateTime)?;
    bounds.is_bounded().then_some((position, bounds))
}
