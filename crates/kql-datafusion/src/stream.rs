//! The rows of a running query: batches of exactly the schema that the binder announced, under
//! the limits of rows and time. Dropping the stream cancels the query.

use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use arrow::array::{Array, ArrayRef, AsArray, RecordBatch, StringViewBuilder};
use arrow::datatypes::{DataType, SchemaRef};
use datafusion::error::DataFusionError;
use datafusion::execution::memory_pool::MemoryReservation;
use datafusion::execution::{RecordBatchStream, SendableRecordBatchStream};
use futures::{Stream, StreamExt};
use kql::types::Schema;
use tokio::time::{Instant, Sleep};

use crate::error::{EngineError, Limit};
use crate::limits::Limits;
use crate::watch::WatchEnd;

/// A running query.
pub struct QueryStream {
    /// Its columns.
    pub schema: Schema,
    /// The same in Arrow, tagged with the KQL types.
    pub arrow_schema: SchemaRef,
    /// Its rows. Errors carry an [`EngineError`]; [`QueryStream::next_batch`] unwraps it.
    pub batches: SendableRecordBatchStream,
    pub(crate) memory_bytes: usize,
}

impl QueryStream {
    /// The next batch.
    pub async fn next_batch(&mut self) -> Result<Option<RecordBatch>, EngineError> {
        let memory_bytes = self.memory_bytes;
        self.batches
            .next()
            .await
            .transpose()
            .map_err(|error| EngineError::of_datafusion(error, memory_bytes))
    }

    /// All batches.
    pub async fn collect(mut self) -> Result<Vec<RecordBatch>, EngineError> {
        let mut batches = Vec::new();
        while let Some(batch) = self.next_batch().await? {
            batches.push(batch);
        }
        Ok(batches)
    }
}

impl std::fmt::Debug for QueryStream {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("QueryStream")
            .field("schema", &self.schema)
            .finish_non_exhaustive()
    }
}

/// What the results of a query have in common, until the last of them ends.
pub(crate) struct Held {
    /// Memory of the subqueries' results, which the plans read.
    pub(crate) _reservations: Vec<MemoryReservation>,
    /// Tells the query that it ends.
    pub(crate) _watch_end: WatchEnd,
}

/// Renames and tags the columns of a plan's stream and enforces limits.
pub(crate) struct LimitedStream {
    input: SendableRecordBatchStream,
    schema: SchemaRef,
    rows: u64,
    rows_limit: Option<u64>,
    seconds_limit: Option<u64>,
    deadline: Option<Pin<Box<Sleep>>>,
    ended: bool,
    _held: Arc<Held>,
}

impl LimitedStream {
    pub(crate) fn new(
        input: SendableRecordBatchStream,
        schema: SchemaRef,
        held: Arc<Held>,
        limits: &Limits,
        started: Instant,
    ) -> Self {
        let deadline = limits.seconds.map(|seconds| {
            Box::pin(tokio::time::sleep_until(
                started + Duration::from_secs(seconds),
            ))
        });
        Self {
            input,
            schema,
            rows: 0,
            rows_limit: limits.rows,
            seconds_limit: limits.seconds,
            deadline,
            ended: false,
            _held: held,
        }
    }

    fn stop(&mut self, limit: Limit) -> Poll<Option<Result<RecordBatch, DataFusionError>>> {
        self.ended = true;
        Poll::Ready(Some(Err(EngineError::Limit(limit).into())))
    }
}

impl Stream for LimitedStream {
    type Item = Result<RecordBatch, DataFusionError>;

    fn poll_next(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        if self.ended {
            return Poll::Ready(None);
        }
        let seconds_limit = self.seconds_limit;
        if let (Some(deadline), Some(seconds)) = (self.deadline.as_mut(), seconds_limit)
            && deadline.as_mut().poll(context).is_ready()
        {
            return self.stop(Limit::Seconds(seconds));
        }
        let batch = match std::task::ready!(self.input.poll_next_unpin(context)) {
            Some(Ok(batch)) => batch,
            other => {
                self.ended = true;
                return Poll::Ready(other);
            }
        };
        self.rows += batch.num_rows() as u64;
        if let Some(rows) = self.rows_limit
            && self.rows > rows
        {
            return self.stop(Limit::Rows(rows));
        }
        let batch = conform(&batch, &self.schema);
        self.ended = batch.is_err();
        Poll::Ready(Some(batch))
    }
}

impl RecordBatchStream for LimitedStream {
    fn schema(&self) -> SchemaRef {
        Arc::clone(&self.schema)
    }
}

/// The batch under the schema, with `""` for what is missing in columns that have no null.
pub(crate) fn conform(
    batch: &RecordBatch,
    schema: &SchemaRef,
) -> Result<RecordBatch, DataFusionError> {
    let columns = schema
        .fields()
        .iter()
        .zip(batch.columns())
        .map(|(field, column)| {
            if field.is_nullable()
                || column.null_count() == 0
                || column.data_type() != &DataType::Utf8View
            {
                Arc::clone(column)
            } else {
                without_nulls(column)
            }
        })
        .collect();
    let options = arrow::array::RecordBatchOptions::new().with_row_count(Some(batch.num_rows()));
    Ok(RecordBatch::try_new_with_options(
        Arc::clone(schema),
        columns,
        &options,
    )?)
}

fn without_nulls(column: &ArrayRef) -> ArrayRef {
    let strings = column.as_string_view();
    let mut builder = StringViewBuilder::with_capacity(strings.len());
    for value in strings {
        builder.append_value(value.unwrap_or(""));
    }
    Arc::new(builder.finish())
}
