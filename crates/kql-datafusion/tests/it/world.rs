//! The context that tests run queries in.

use std::sync::Arc;

use kql::types::{Column, ScalarType, Schema};
use kql_datafusion::{EngineError, KqlContext, Limits, MemoryTables, QueryStream, QueryTime};

/// `now()` of the tests: 2024-05-01T12:00:00Z.
pub(crate) const NOW: i64 = 638_501_616_000_000_000;

/// Two partitions and tiny batches, so that small inputs take every path that large ones do.
pub(crate) fn limits() -> Limits {
    Limits {
        batch_size: 3,
        target_partitions: 2,
        ..Limits::default()
    }
}

/// The schema `a:long, b:string` and so on.
pub(crate) fn schema(columns: &[(&str, ScalarType)]) -> Schema {
    columns
        .iter()
        .map(|(name, ty)| Column::new(*name, *ty))
        .collect()
}

/// Starts a query.
pub(crate) async fn start(
    tables: MemoryTables,
    limits: Limits,
    text: &str,
    window: Option<(i64, i64)>,
) -> Result<QueryStream, EngineError> {
    let context = KqlContext::new(Arc::new(tables), limits)?;
    start_in(&context, text, window).await
}

/// Starts a query in a context.
pub(crate) async fn start_in(
    context: &KqlContext,
    text: &str,
    window: Option<(i64, i64)>,
) -> Result<QueryStream, EngineError> {
    let bound = context.bind(text);
    let query = bound.query.unwrap_or_else(|| {
        panic!("`{text}` does not bind: {:?}", bound.diagnostics);
    });
    context.stream(&query, QueryTime { now: NOW, window }).await
}
