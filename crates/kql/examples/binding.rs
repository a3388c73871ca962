//! Binds queries without an engine: `{"id", "query", "tables"?}` a line in,
//! `{"id", "columns", "rows", "error"}` a line out, as `huntd query --batch --bind-only` does.
//!
//! It builds in seconds, which is what it is for: trying a change of the binder on many queries.
//! A file with table schemas (`{"tables": {"T": [{"name", "type"}]}}`) as its argument gives tables
//! to all queries.

#![expect(clippy::print_stdout, reason = "the answers are the output")]
#![expect(clippy::unwrap_used, reason = "a tool of the developers of this crate")]

use kql::catalog::{MemoryCatalog, TableInfo};
use kql::types::{Column, ScalarType, Schema};
use serde_json::{Value, json};

fn main() {
    let mut shared = MemoryCatalog::new();
    if let Some(path) = std::env::args().nth(1) {
        let schema: Value = serde_json::from_slice(&std::fs::read(path).unwrap()).unwrap();
        insert(&mut shared, &schema["tables"]);
    }
    for line in std::io::stdin().lines() {
        let request: Value = serde_json::from_str(&line.unwrap()).unwrap();
        let text = request["query"].as_str().unwrap();
        let bound = if request["tables"].is_object() {
            let mut catalog = shared.clone();
            insert(&mut catalog, &request["tables"]);
            kql::compile(text, &catalog)
        } else {
            kql::compile(text, &shared)
        };
        let answer = if let Some(schema) = bound.columns {
            let columns: Vec<Value> = schema
                .columns()
                .iter()
                .map(|column| json!({"name": &*column.name, "type": column.ty.as_str()}))
                .collect();
            json!({"id": request["id"], "columns": columns, "rows": [], "error": null})
        } else {
            let errors: Vec<String> = bound
                .diagnostics
                .iter()
                .map(|diagnostic| diagnostic.render("query", text))
                .collect();
            json!({"id": request["id"], "columns": null, "rows": null, "error": errors.join("\n")})
        };
        println!("{answer}");
    }
}

fn insert(catalog: &mut MemoryCatalog, tables: &Value) {
    for (name, columns) in tables.as_object().into_iter().flatten() {
        let schema = columns.as_array().unwrap().iter().map(column).collect();
        let info = TableInfo {
            time_column: time_column(&schema),
            schema,
        };
        catalog.insert(name.clone(), info);
    }
}

fn column(column: &Value) -> Column {
    let ty = ScalarType::from_name(column["type"].as_str().unwrap()).unwrap();
    Column::new(column["name"].as_str().unwrap(), ty)
}

fn time_column(schema: &Schema) -> Option<String> {
    ["Timestamp", "TimeGenerated"]
        .into_iter()
        .find(|name| schema.column(name).is_some())
        .map(str::to_owned)
}
