//! `ingestion_time()` of tables that do not record it.

use kql::types::ScalarType;
use kql_datafusion::{EngineError, MemoryTables, json};

use crate::world;

async fn run(text: &str) -> Result<Vec<Vec<serde_json::Value>>, EngineError> {
    let rows = "print Timestamp = datetime(2024-04-30), x = 1";
    let stream = world::start(MemoryTables::new(), world::limits(), rows, None).await?;
    let schema = stream.schema.clone();
    let batches = stream.collect().await?;
    let mut tables = MemoryTables::new();
    tables.insert_with_time("T", schema, Some("Timestamp".to_owned()), batches)?;
    let schema = world::schema(&[("x", ScalarType::Long)]);
    tables.insert("Timeless", schema, Vec::new())?;
    let stream = world::start(tables, world::limits(), text, None).await?;
    let schema = stream.schema.clone();
    let batches = stream.collect().await?;
    Ok(batches
        .iter()
        .flat_map(|batch| json::rows(batch, &schema))
        .collect())
}

#[tokio::test]
async fn the_time_column_stands_for_it() {
    for query in [
        "T | where ingestion_time() > ago(2d) | count",
        "let S = T | where ingestion_time() > datetime(2024-04-29) and ingestion_time() < now(); \
         S | where x in ((T | where ingestion_time() > ago(2d) | project x)) | count",
        "T | where ingestion_time() < ago(2d) | count | extend Count = 1 - Count",
    ] {
        assert_eq!(run(query).await.unwrap(), [[1]], "{query}");
    }
}

#[tokio::test]
async fn without_a_time_column_it_is_refused() {
    for query in [
        "Timeless | where ingestion_time() > ago(2d)",
        "T | project x | where ingestion_time() > ago(2d)",
    ] {
        let error = run(query).await.unwrap_err().to_string();
        assert!(error.contains("have no time column"), "{error}");
    }
}
