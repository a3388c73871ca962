//! Runs a computation over all rows: collects them on the query's account, computes on a thread
//! that may block, and hands the rows out with their numbers.

use std::sync::Arc;

use arrow::datatypes::SchemaRef;
use datafusion::error::DataFusionError;
use datafusion::execution::memory_pool::MemoryConsumer;
use datafusion::execution::{SendableRecordBatchStream, TaskContext};
use datafusion::physical_plan::stream::RecordBatchStreamAdapter;
use futures::{StreamExt, TryStreamExt};

use super::{WholeTable, Work};
use crate::node::order::numbered;

/// The rows of the computation over those of `input`.
pub(super) fn run(
    table: &Arc<dyn WholeTable>,
    mut input: SendableRecordBatchStream,
    schema: SchemaRef,
    context: &TaskContext,
) -> SendableRecordBatchStream {
    let reservation = MemoryConsumer::new(table.name()).register(context.memory_pool());
    let work = Work::new(context.session_config().options(), reservation);
    let (table, numbered_schema) = (Arc::clone(table), Arc::clone(&schema));
    let batches = async move {
        let mut rows = Vec::new();
        while let Some(batch) = input.try_next().await? {
            work.grow(batch.get_array_memory_size())?;
            rows.push(batch);
        }
        let computed = tokio::task::spawn_blocking(move || table.evaluate(&rows, &work));
        let computed = computed
            .await
            .map_err(|error| DataFusionError::External(Box::new(error)))??;
        numbered(&computed, &numbered_schema)
    };
    let batches = futures::stream::once(batches)
        .map_ok(|batches| futures::stream::iter(batches.into_iter().map(Ok)))
        .try_flatten()
        .boxed();
    Box::pin(RecordBatchStreamAdapter::new(schema, batches))
}
