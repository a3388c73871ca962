//! Runs queries on the engine alone: `{"id", "query", "tables"?}` a line in,
//! `{"id", "columns", "rows", "error"}` a line out, as `huntd query --batch` does.
//!
//! It links sooner than the program, which is what it is for: trying a change of the engine on
//! many queries. A file with table schemas (`{"tables": {"T": [{"name", "type"}]}}`) as its
//! argument gives empty tables to all queries, and so do `functions` to those of hunting services
//! (`FileProfile`, `_GetWatchlist/alias`).

#![expect(clippy::print_stdout, reason = "the answers are the output")]
#![expect(clippy::unwrap_used, reason = "a tool of the developers of this crate")]

use std::sync::Arc;

use kql::diagnostic::Severity;
use kql::types::{Column, ScalarType, Schema, TICKS_PER_SECOND};
use kql_datafusion::{KqlContext, Limits, MemoryTables, QueryTime, json};
use serde_json::{Value, json};

#[tokio::main]
async fn main() {
    let shared: Value = match std::env::args().nth(1) {
        Some(path) => serde_json::from_slice(&std::fs::read(path).unwrap()).unwrap(),
        None => Value::Null,
    };
    for line in std::io::stdin().lines() {
        let request: Value = serde_json::from_str(&line.unwrap()).unwrap();
        let mut tables = MemoryTables::new();
        insert(&mut tables, &shared["tables"]);
        insert(&mut tables, &request["tables"]);
        insert_functions(&mut tables, &shared["functions"]);
        insert_functions(&mut tables, &request["functions"]);
        let answer = match answer(tables, request["query"].as_str().unwrap()).await {
            Ok((columns, rows)) => {
                json!({"id": request["id"], "columns": columns, "rows": rows, "error": null})
            }
            Err(error) => json!({"id": request["id"], "columns": [], "rows": [], "error": error}),
        };
        println!("{answer}");
    }
}

async fn answer(tables: MemoryTables, text: &str) -> Result<(Vec<Value>, Vec<Vec<Value>>), String> {
    let text_of = |error: kql_datafusion::EngineError| error.to_string();
    let context = KqlContext::new(Arc::new(tables), Limits::default()).map_err(text_of)?;
    let bound = context.bind(text);
    let errors: Vec<String> = bound
        .diagnostics
        .iter()
        .filter(|diagnostic| diagnostic.severity == Severity::Error)
        .map(|diagnostic| diagnostic.render("query", text))
        .collect();
    let Some(query) = bound.query.filter(|_| errors.is_empty()) else {
        return Err(errors.join("\n"));
    };
    let time = QueryTime {
        now: 63_900_000_000 * TICKS_PER_SECOND,
        window: None,
    };
    let mut stream = context.stream(&query, time).await.map_err(text_of)?;
    let mut rows = Vec::new();
    while let Some(batch) = stream.next_batch().await.map_err(text_of)? {
        rows.extend(json::rows(&batch, &stream.schema));
    }
    let columns = stream.schema.columns().iter();
    let columns = columns
        .map(|column| json!({"name": &*column.name, "type": column.ty.as_str()}))
        .collect();
    Ok((columns, rows))
}

fn insert(tables: &mut MemoryTables, declared: &Value) {
    for (name, columns) in declared.as_object().into_iter().flatten() {
        let schema: Schema = columns.as_array().unwrap().iter().map(column).collect();
        let time_columns = ["Timestamp", "TimeGenerated"].into_iter();
        let time_column = time_columns
            .filter(|name| schema.index_of(name).is_some())
            .map(str::to_owned)
            .next();
        tables
            .insert_with_time(name.clone(), schema, time_column, Vec::new())
            .unwrap();
    }
}

/// Empty tables for functions of hunting services: `FileProfile`, or `_GetWatchlist/alias`.
fn insert_functions(tables: &mut MemoryTables, declared: &Value) {
    for (name, columns) in declared.as_object().into_iter().flatten() {
        let schema: Schema = columns.as_array().unwrap().iter().map(column).collect();
        let (function, key) = match name.split_once('/') {
            Some((function, key)) => (function, Some(key.to_owned())),
            None => (name.as_str(), None),
        };
        tables
            .insert_function(function, key, schema, Vec::new())
            .unwrap();
    }
}

fn column(declared: &Value) -> Column {
    let ty = ScalarType::from_name(declared["type"].as_str().unwrap()).unwrap();
    Column::new(declared["name"].as_str().unwrap(), ty)
}
