//! Graph's `getHuntingSchema`: the tables that the folder holds.

use std::sync::Arc;

use axum::Extension;
use axum::extract::State;
use axum::http::{HeaderMap, header};
use axum::response::{IntoResponse as _, Response};
use serde_json::{Value, json};

use crate::clock::Clock as _;
use crate::emulator::caller::Caller;
use crate::emulator::product::{Failure, Product};
use crate::emulator::{SharedState, auth};
use crate::server::kusto::cell::data_type;
use crate::source::Source;

/// `GET /beta/security/getHuntingSchema`
pub(super) async fn hunting_schema(
    State(state): State<SharedState>,
    Extension(caller): Extension<Caller>,
    headers: HeaderMap,
) -> Response {
    let role = super::role(Product::Graph);
    let failure = if caller.may(&[role]) {
        let source = Arc::clone(&state.source);
        // Finding tables and their columns reads the disk.
        match tokio::task::spawn_blocking(move || tables(&*source)).await {
            Ok(Some(body)) => {
                let json = [(header::CONTENT_TYPE, "application/json; charset=utf-8")];
                return (json, body.to_string()).into_response();
            }
            _ => Failure::new(500, "UnknownError", ""),
        }
    } else {
        auth::lacks_role(Product::Graph, &caller, &[role])
    };
    Product::Graph.respond(&failure, &headers, state.clock.now())
}

fn tables(source: &dyn Source) -> Option<Value> {
    let catalog = source.tables().ok()?;
    let mut names = catalog.table_names();
    names.sort_unstable();
    let tables: Vec<Value> = names
        .iter()
        .filter_map(|name| {
            let table = catalog.table(name)?;
            let columns: Vec<Value> = table
                .schema
                .columns()
                .iter()
                .map(|column| {
                    json!({
                        "name": &*column.name,
                        "dataType": data_type(column.ty),
                        "description": "",
                    })
                })
                .collect();
            Some(json!({"name": name, "description": "", "columns": columns}))
        })
        .collect();
    Some(json!({
        "tables": tables,
        "functions": {"builtInFunctions": [], "savedFunctions": []},
    }))
}
