//! The threads that queries run on. A query computes for as long as a batch takes without a
//! pause; on threads of its own it keeps nobody else from their turn, least of all who wants to
//! stop it.

use std::sync::{Arc, LazyLock};

use datafusion::error::{DataFusionError, Result};
use datafusion::execution::{SendableRecordBatchStream, TaskContext};
use datafusion::physical_plan::stream::RecordBatchReceiverStreamBuilder;
use datafusion::physical_plan::{ExecutionPlan, execute_stream};
use futures::StreamExt;
use tokio::runtime::{Builder, Runtime};

/// Batches that wait for whoever reads a query.
const WAITING_BATCHES: usize = 2;

static THREADS: LazyLock<std::io::Result<Runtime>> = LazyLock::new(|| {
    Builder::new_multi_thread()
        .thread_name("kql")
        .enable_all()
        .build()
});

fn threads() -> Result<&'static Runtime> {
    THREADS.as_ref().map_err(|error| {
        DataFusionError::Execution(format!("the threads of queries do not start: {error}"))
    })
}

/// How many tasks of queries there are in this process: those that run, and those of dropped
/// queries that have not come to their end.
pub fn running_tasks() -> usize {
    threads().map_or(0, |threads| threads.metrics().num_alive_tasks())
}

/// The rows of a plan, which runs on the threads of queries until the stream is dropped.
pub(crate) fn run(
    plan: Arc<dyn ExecutionPlan>,
    context: Arc<TaskContext>,
) -> Result<SendableRecordBatchStream> {
    let threads = threads()?;
    // Some nodes start tasks before anybody asks for rows.
    let entered = threads.enter();
    let mut input = execute_stream(plan, context)?;
    drop(entered);
    let mut builder = RecordBatchReceiverStreamBuilder::new(input.schema(), WAITING_BATCHES);
    let sender = builder.tx();
    let task = async move {
        while let Some(batch) = input.next().await {
            let is_error = batch.is_err();
            if sender.send(batch).await.is_err() || is_error {
                break;
            }
        }
        Ok(())
    };
    builder.spawn_on(task, threads.handle());
    Ok(builder.build())
}
