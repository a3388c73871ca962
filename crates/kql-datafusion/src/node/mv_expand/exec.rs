//! Runs `mv-expand`: each batch of input is expanded while it streams by.

use std::sync::Arc;

use arrow::array::AsArray;
use arrow::datatypes::SchemaRef;
use datafusion::error::{DataFusionError, Result};
use datafusion::execution::{SendableRecordBatchStream, TaskContext};
use datafusion::physical_plan::stream::RecordBatchStreamAdapter;
use futures::{StreamExt, TryStreamExt};

use super::MvExpand;
use super::expansion::{Elements, Expansion};

/// Where the number of the partition starts in the numbers of rows.
const PARTITION_BITS: u32 = 44;

/// Expands the batches of `input`.
pub(super) fn run(
    step: &MvExpand,
    input: SendableRecordBatchStream,
    partition: usize,
    schema: SchemaRef,
    context: &TaskContext,
) -> Result<SendableRecordBatchStream> {
    let rows = context.session_config().batch_size();
    let input_schema = input.schema();
    let values = step.names.values.iter();
    let values = values
        .map(|(value, _)| input_schema.index_of(value).map_err(DataFusionError::from))
        .collect::<Result<Vec<_>>>()?;
    let options = step.options;
    let row_limit = options.row_limit;
    let row_limit = row_limit.and_then(|limit| usize::try_from(limit).ok());
    let row_limit = row_limit.unwrap_or(usize::MAX);
    let numbers_rows = step.names.row.is_some();
    // Numbers of the rows of different partitions are far apart.
    let mut first_row = (partition as i64) << PARTITION_BITS;
    let output_schema = Arc::clone(&schema);
    let batches = input.map_ok(move |batch| {
        let first = first_row;
        first_row += batch.num_rows() as i64;
        let distinct = values
            .iter()
            .map(|at| Elements::of(batch.column(*at), options.bag_as_array, row_limit));
        let expansion = Expansion {
            distinct: distinct.collect(),
            columns: values
                .iter()
                .map(|at| batch.column(*at).as_string_view().clone())
                .collect(),
            schema: Arc::clone(&output_schema),
            input: batch,
            next_row: 0,
            rows,
            row_limit,
            bag_as_array: options.bag_as_array,
            keeps_empty: options.keeps_empty,
            first_row: numbers_rows.then_some(first),
        };
        futures::stream::iter(expansion)
    });
    let stream = batches.try_flatten().boxed();
    Ok(Box::pin(RecordBatchStreamAdapter::new(schema, stream)))
}
