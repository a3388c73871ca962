//! Limits stop a query with an error that names them; windows and cancellation.

use std::sync::Arc;

use arrow::array::{Int64Array, RecordBatch, TimestampNanosecondArray};
use kql::types::ScalarType;
use kql_datafusion::types::{UTC, arrow_schema, unix_ns_to_ticks};
use kql_datafusion::{EngineError, Limit, Limits, MemoryTables};

use crate::world;

async fn run(limits: Limits, text: &str) -> Result<usize, EngineError> {
    let stream = world::start(MemoryTables::new(), limits, text, None).await?;
    Ok(stream
        .collect()
        .await?
        .iter()
        .map(RecordBatch::num_rows)
        .sum())
}

#[tokio::test]
async fn more_rows_than_allowed_is_an_error_that_says_so() {
    let limits = Limits {
        rows: Some(10),
        ..world::limits()
    };
    let error = run(limits.clone(), "range x from 1 to 11 step 1")
        .await
        .unwrap_err();
    assert!(
        matches!(error, EngineError::Limit(Limit::Rows(10))),
        "{error}"
    );
    assert_eq!(
        error.to_string(),
        "query returns more than its limit of 10 rows; raise rows or add a take"
    );
    assert_eq!(
        run(limits, "range x from 1 to 10 step 1").await.unwrap(),
        10
    );
}

#[tokio::test]
async fn more_memory_than_allowed_is_an_error_that_says_so() {
    let limits = Limits {
        memory_bytes: 1_000_000,
        ..Limits::default()
    };
    let text = "range x from 1 to 1000000 step 1 | summarize make_list(x)";
    let error = run(limits, text).await.unwrap_err();
    assert!(
        matches!(
            error,
            EngineError::Limit(Limit::Memory {
                bytes: 1_000_000,
                ..
            })
        ),
        "{error}"
    );
}

#[tokio::test]
async fn a_sort_larger_than_memory_spills_to_disk() {
    let limits = Limits {
        memory_bytes: 16_000_000,
        target_partitions: 1,
        ..Limits::default()
    };
    let text = "range x from 1 to 300000 step 1 | extend s = strcat('device-', x, '.example.com') \
                | sort by s desc";
    assert_eq!(run(limits, text).await.unwrap(), 300_000);
}

#[tokio::test]
async fn a_query_that_takes_too_long_is_stopped() {
    let limits = Limits {
        seconds: Some(0),
        ..world::limits()
    };
    let error = run(limits, "range x from 1 to 100000 step 1 | count")
        .await
        .unwrap_err();
    assert!(
        matches!(error, EngineError::Limit(Limit::Seconds(0))),
        "{error}"
    );
}

#[tokio::test]
async fn a_long_range_takes_no_memory() {
    let limits = Limits {
        memory_bytes: 1_000_000,
        ..Limits::default()
    };
    let text = "range x from 1 to 2000000 step 1 | where x % 2 == 0";
    assert_eq!(run(limits, text).await.unwrap(), 1_000_000);
}

#[tokio::test]
async fn gaps_of_series_take_no_memory() {
    let limits = Limits {
        memory_bytes: 4_000_000,
        ..Limits::default()
    };
    // 8 MB of zeros.
    let text = "range x from 1 to 2000 step 1 | extend key = x \
                | make-series n = count() on x from 0 to 2000 step 1 by key";
    assert_eq!(run(limits.clone(), text).await.unwrap(), 1999);
    let text = "range x from 1 to 200000 step 1 | make-series n = count() on x step 1";
    let error = run(limits, text).await.unwrap_err();
    assert!(
        matches!(error, EngineError::Limit(Limit::Memory { .. })),
        "{error}"
    );
}

#[tokio::test]
async fn a_window_restricts_tables_with_a_time_column() {
    let schema = world::schema(&[("t", ScalarType::DateTime), ("x", ScalarType::Long)]);
    let hour = 3_600_000_000_000_i64;
    let times = TimestampNanosecondArray::from_iter_values((0..4).map(|n| n * hour));
    let batch = RecordBatch::try_new(
        arrow_schema(&schema),
        vec![
            Arc::new(times.with_timezone(UTC)),
            Arc::new(Int64Array::from(vec![0, 1, 2, 3])),
        ],
    )
    .unwrap();
    let mut tables = MemoryTables::new();
    tables
        .insert_with_time("T", schema, Some("t".to_owned()), vec![batch])
        .unwrap();
    let window = (unix_ns_to_ticks(hour), unix_ns_to_ticks(3 * hour));
    let text = "T | summarize make_list(x)";
    let stream = world::start(tables, world::limits(), text, Some(window))
        .await
        .unwrap();
    let schema = stream.schema.clone();
    let batches = stream.collect().await.unwrap();
    let rows = kql_datafusion::json::rows(&batches[0], &schema);
    assert_eq!(rows, vec![vec![serde_json::json!([1, 2])]]);
}

#[tokio::test]
async fn a_chain_of_thousands_of_operators_runs() {
    let terms: Vec<String> = (0..3000).map(|n| format!("x == {n}")).collect();
    let text = format!("range x from 1 to 5 step 1 | where {}", terms.join(" or "));
    let task = tokio::spawn(async move { run(world::limits(), &text).await });
    assert_eq!(task.await.unwrap().unwrap(), 5);
}
