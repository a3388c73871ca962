//! The answer to a hunting query: rows as objects, columns with .NET's names of types, and, of the
//! older doors, statistics. It is spooled, so that one that is too large or fails has its status.

use axum::http::header;
use axum::response::{IntoResponse as _, Response};
use kql::types::{Column, ScalarType, Schema};
use serde_json::{Value, json};

use super::error;
use crate::emulator::EmulatorState;
use crate::emulator::encoding::{BoolForm, Encoding};
use crate::emulator::limit::Limit;
use crate::emulator::product::{Failure, Product};
use crate::emulator::query::{self, Asked, Running};
use crate::emulator::spool::Spool;
use crate::server::kusto::cell::{DynamicForm, data_type, write_cell, write_json};
use crate::source::{QueryResult, SourceError};

/// How an answer is written.
pub(super) struct Form {
    pub(super) product: Product,
    pub(super) encoding: Encoding,
    pub(super) context: String,
}

/// Runs the query and answers.
pub(super) async fn answer(
    state: &EmulatorState,
    asked: &Asked,
    form: &Form,
) -> Result<Response, Failure> {
    let of_source = |error: SourceError| error::of_source(&error, form.product);
    let (running, results) = query::start(state, asked).await.map_err(of_source)?;
    // Hunting yields one table; the first counts.
    let result = results.into_iter().next().ok_or_else(|| {
        Failure::new(
            400,
            "BadRequest",
            "The query yields no table. Fix semantic errors in your query.",
        )
    })?;
    let schema = result.schema.clone();
    let mut rows = Written::new(state, form, &schema);
    rows.spool.buffer().push(b'[');
    let written = rows.write(&running, result).await;
    written.map_err(|stopped| match stopped {
        Stopped::Source(error) => of_source(error),
        Stopped::Failed(failure) => failure,
    })?;
    rows.spool.buffer().push(b']');
    let seconds = running.started.elapsed().as_secs_f64();
    let (count, bytes) = (rows.count, rows.spool.bytes());
    let columns = columns(form, &schema);
    let last = form.encoding.schema_last;
    let (head, tail) = if form.product == Product::Graph {
        let head = format!("{{\"@odata.context\":{}", Value::from(&*form.context));
        around(&head, "schema", "results", &columns, last)
    } else {
        let head = format!("{{\"Stats\":{}", stats(seconds, count, bytes));
        around(&head, "Schema", "Results", &columns, last)
    };
    let broken = |_| Failure::new(500, "InternalServerError", "the answer could not be kept");
    let (body, length) = rows.spool.into_body(head, tail).await.map_err(broken)?;
    let content_type = match form.product {
        Product::Graph => {
            "application/json;odata.metadata=minimal;odata.streaming=true;IEEE754Compatible=false;charset=utf-8"
        }
        _ => "application/json; charset=utf-8",
    };
    let headers = [
        (header::CONTENT_TYPE, content_type.to_owned()),
        (header::CONTENT_LENGTH, length.to_string()),
    ];
    Ok((headers, body).into_response())
}

/// What comes before and behind the rows.
fn around(
    head: &str,
    schema: &str,
    results: &str,
    columns: &Value,
    schema_last: bool,
) -> (Vec<u8>, Vec<u8>) {
    let (head, tail) = if schema_last {
        (
            format!("{head},\"{results}\":"),
            format!(",\"{schema}\":{columns}}}"),
        )
    } else {
        (
            format!("{head},\"{schema}\":{columns},\"{results}\":"),
            "}".to_owned(),
        )
    };
    (head.into_bytes(), tail.into_bytes())
}

fn columns(form: &Form, schema: &Schema) -> Value {
    let is_pascal = form.product != Product::Graph || form.encoding.pascal_members;
    let (name, ty) = if is_pascal {
        ("Name", "Type")
    } else {
        ("name", "type")
    };
    let column = |column: &Column| {
        let type_name = match (column.ty, form.encoding.bools) {
            (ScalarType::Bool, BoolForm::Boolean) => "Boolean",
            (column_type, _) => data_type(column_type),
        };
        json!({name: &*column.name, ty: type_name})
    };
    schema.columns().iter().map(column).collect()
}

/// What the older doors tell of the run. What it cost is all told as one core's time.
fn stats(seconds: f64, rows: u64, bytes: u64) -> Value {
    let ticks = (seconds * 1e7) as i64;
    let cpu = kql::time::format_timespan(ticks);
    json!({
        "ExecutionTime": seconds,
        "resource_usage": {
            "cache": {
                "memory": {"hits": 0, "misses": 0, "total": 0},
                "disk": {"hits": 0, "misses": 0, "total": 0},
            },
            "cpu": {"user": cpu, "kernel": "00:00:00", "total cpu": cpu},
            "memory": {"peak_per_node": 0},
        },
        "dataset_statistics": [{"table_row_count": rows, "table_size": bytes}],
    })
}

/// Why writing ended.
enum Stopped {
    Source(SourceError),
    Failed(Failure),
}

impl From<SourceError> for Stopped {
    fn from(error: SourceError) -> Self {
        Self::Source(error)
    }
}

/// The rows being written.
struct Written {
    spool: Spool,
    count: u64,
    /// `"Name":` of each column.
    keys: Vec<Vec<u8>>,
    encoding: Encoding,
    most_rows: Option<u64>,
    most_bytes: Option<u64>,
    preempted_beyond: Option<u64>,
}

impl Written {
    fn new(state: &EmulatorState, form: &Form, schema: &Schema) -> Self {
        let limits = &state.config.limits;
        let key = |column: &Column| {
            let mut key = Vec::new();
            let name = if form.encoding.camel_keys {
                camel(&column.name)
            } else {
                column.name.to_string()
            };
            write_json(&mut key, name.as_str());
            key.push(b':');
            key
        };
        Self {
            spool: Spool::default(),
            count: 0,
            keys: schema.columns().iter().map(key).collect(),
            encoding: form.encoding,
            most_rows: limits.get(Limit::HuntingRows),
            most_bytes: limits.get(Limit::HuntingBytes),
            preempted_beyond: limits.get(Limit::HuntingPreemptRows),
        }
    }

    async fn write(&mut self, running: &Running, result: QueryResult) -> Result<(), Stopped> {
        let dynamic = if self.encoding.dynamic_objects {
            DynamicForm::Json
        } else {
            DynamicForm::Text
        };
        let numeric_bools = self.encoding.bools == BoolForm::Number;
        let QueryResult {
            schema,
            mut batches,
            ..
        } = result;
        while let Some(batch) = running.next(&mut batches).await? {
            for row in 0..batch.num_rows() {
                // What is beyond the cap is left out without a word.
                if self.most_rows.is_some_and(|most| self.count >= most) {
                    return Ok(());
                }
                let out = self.spool.buffer();
                out.extend_from_slice(if self.count == 0 { b"{" } else { b",{" });
                let cells = schema.columns().iter().zip(batch.columns());
                for (position, ((column, array), key)) in cells.zip(&self.keys).enumerate() {
                    if position > 0 {
                        out.push(b',');
                    }
                    out.extend_from_slice(key);
                    write_cell(out, &**array, column.ty, row, dynamic);
                    if numeric_bools && column.ty == ScalarType::Bool {
                        as_number(out);
                    }
                }
                out.push(b'}');
                self.count += 1;
                if self.preempted_beyond.is_some_and(|most| self.count > most) {
                    return Err(Stopped::Failed(error::preempted()));
                }
                if self
                    .most_bytes
                    .is_some_and(|most| self.spool.bytes() > most)
                {
                    return Err(Stopped::Failed(error::too_large()));
                }
                self.spool.relieve().await.map_err(|_| not_kept())?;
            }
        }
        Ok(())
    }
}

/// The disk is full, or there is none.
fn not_kept() -> Stopped {
    Stopped::Failed(Failure::new(
        500,
        "InternalServerError",
        "the answer could not be kept",
    ))
}

/// Makes the boolean that was just written a number.
fn as_number(out: &mut Vec<u8>) {
    for (word, number) in [(&b"true"[..], b'1'), (b"false", b'0')] {
        if out.ends_with(word) {
            out.truncate(out.len() - word.len());
            out.push(number);
        }
    }
}

/// A name with a small first letter.
fn camel(name: &str) -> String {
    let mut letters = name.chars();
    match letters.next() {
        Some(first) => first.to_lowercase().chain(letters).collect(),
        None => String::new(),
    }
}
