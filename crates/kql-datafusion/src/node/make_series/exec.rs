//! Runs `make-series`: gathers the rows of all keys of a partition, then lets `assembly` write
//! their arrays batch by batch.

use std::sync::Arc;

use arrow::datatypes::SchemaRef;
use datafusion::error::{DataFusionError, Result};
use datafusion::execution::memory_pool::MemoryConsumer;
use datafusion::execution::{SendableRecordBatchStream, TaskContext};
use datafusion::physical_plan::coop::make_cooperative;
use datafusion::physical_plan::stream::RecordBatchStreamAdapter;
use futures::TryStreamExt;

use super::Layout;
use super::assembly::Gathering;

/// The series of the rows of `input`.
pub(super) fn run(
    layout: &Layout,
    mut input: SendableRecordBatchStream,
    schema: SchemaRef,
    context: &TaskContext,
) -> Result<SendableRecordBatchStream> {
    let rows = context.session_config().batch_size();
    let reservation = MemoryConsumer::new("make-series").register(context.memory_pool());
    let mut gathering = Gathering::new(layout, &input.schema(), Arc::clone(&schema))?;
    let assembled = async move {
        while let Some(batch) = input.try_next().await? {
            gathering.add(&batch)?;
            reservation.try_resize(gathering.size())?;
        }
        let assembly = gathering.finish(rows, reservation)?;
        Ok::<_, DataFusionError>(futures::stream::iter(assembly))
    };
    let batches = futures::stream::once(assembled).try_flatten();
    let stream = RecordBatchStreamAdapter::new(schema, batches);
    // Once gathered, batches never wait; a query must be stopped between them all the same.
    Ok(make_cooperative(Box::pin(stream)))
}
