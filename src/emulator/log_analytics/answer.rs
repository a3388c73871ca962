//! The answer of Log Analytics: tables of rows, and what `Prefer` asked for beside them. A result
//! beyond the caps is cut off and said to be partial, with status 200.

use axum::http::header;
use axum::response::{IntoResponse as _, Response};
use kql::hir::Render;
use kql::types::Schema;
use serde_json::{Map, Value, json};

use super::{Preferences, of_source};
use crate::emulator::EmulatorState;
use crate::emulator::limit::Limit;
use crate::emulator::product::Failure;
use crate::emulator::query::{self, Asked, Running};
use crate::emulator::spool::Spool;
use crate::server::kusto::cell::{DynamicForm, write_json, write_row};
use crate::source::{QueryResult, SourceError};

/// The code inside of an error about a result that is too large.
const TOO_LARGE: &str = "-2133196797";

/// Runs the query and answers.
pub(super) async fn answer(
    state: &EmulatorState,
    asked: &Asked,
    preferences: Preferences,
    path: &str,
) -> Result<Response, Failure> {
    let started = query::start(state, asked).await;
    let (running, results) = started.map_err(|error| of_source(&error))?;
    let mut tables = Tables {
        spool: Spool::default(),
        rows: 0,
        rows_max: state.config.limits.get(Limit::LogAnalyticsRows),
        bytes_max: state.config.limits.get(Limit::LogAnalyticsBytes),
        partial: None,
        statistics: Vec::new(),
    };
    tables.spool.buffer().extend_from_slice(b"{\"tables\":[");
    let render = results.last().and_then(|result| result.render.clone());
    for (position, result) in results.into_iter().enumerate() {
        if position > 0 {
            tables.spool.buffer().push(b',');
        }
        tables
            .write(&running, result)
            .await
            .map_err(|stopped| match stopped {
                Stopped::Source(error) => of_source(&error),
                Stopped::NotKept => {
                    Failure::new(500, "InternalServerError", "the answer could not be kept")
                }
            })?;
    }
    let mut tail = b"]".to_vec();
    let mut member = |name: &str, value: &Value| {
        tail.extend_from_slice(format!(",\"{name}\":").as_bytes());
        write_json(&mut tail, value);
    };
    if preferences.statistics {
        member("statistics", &statistics(&running, &tables.statistics));
    }
    if preferences.render {
        member("render", &visualization(render.as_ref()));
    }
    if preferences.data_sources {
        let resource = path.trim_end_matches("/query").trim_start_matches("/v1");
        member(
            "dataSources",
            &json!([{"resourceId": resource, "tables": []}]),
        );
    }
    if let Some(limit) = &tables.partial {
        member("error", &partial(limit));
    }
    tail.push(b'}');
    let body = tables.spool.into_body(Vec::new(), tail).await;
    let (body, length) =
        body.map_err(|_| Failure::new(500, "InternalServerError", "the answer could not be kept"))?;
    let headers = [
        (
            header::CONTENT_TYPE,
            "application/json; charset=utf-8".to_owned(),
        ),
        (header::CONTENT_LENGTH, length.to_string()),
    ];
    Ok((headers, body).into_response())
}

/// Why writing ended.
enum Stopped {
    Source(SourceError),
    NotKept,
}

impl From<SourceError> for Stopped {
    fn from(error: SourceError) -> Self {
        Self::Source(error)
    }
}

/// The tables being written.
struct Tables {
    spool: Spool,
    rows: u64,
    rows_max: Option<u64>,
    bytes_max: Option<u64>,
    /// The cap that was hit.
    partial: Option<String>,
    /// Rows and bytes of each table.
    statistics: Vec<(u64, u64)>,
}

impl Tables {
    async fn write(&mut self, running: &Running, result: QueryResult) -> Result<(), Stopped> {
        let QueryResult {
            name,
            schema,
            mut batches,
            ..
        } = result;
        let out = self.spool.buffer();
        out.extend_from_slice(b"{\"name\":");
        write_json(out, name.as_deref().unwrap_or("PrimaryResult"));
        out.extend_from_slice(b",\"columns\":");
        write_json(out, &columns(&schema));
        out.extend_from_slice(b",\"rows\":[");
        let (rows_before, bytes_before) = (self.rows, self.spool.bytes());
        'rows: while self.partial.is_none()
            && let Some(batch) = running.next(&mut batches).await?
        {
            for row in 0..batch.num_rows() {
                if let Some(most) = self.rows_max.filter(|most| self.rows >= *most) {
                    self.partial = Some(format!("{most} records"));
                    break 'rows;
                }
                if let Some(most) = self.bytes_max.filter(|most| self.spool.bytes() >= *most) {
                    self.partial = Some(format!("{most} bytes"));
                    break 'rows;
                }
                let out = self.spool.buffer();
                if self.rows > rows_before {
                    out.push(b',');
                }
                write_row(out, &schema, batch.columns(), row, DynamicForm::Text);
                self.rows += 1;
                self.spool.relieve().await.map_err(|_| Stopped::NotKept)?;
            }
        }
        let written = (self.rows - rows_before, self.spool.bytes() - bytes_before);
        self.statistics.push(written);
        self.spool.buffer().extend_from_slice(b"]}");
        Ok(())
    }
}

fn columns(schema: &Schema) -> Value {
    let columns = schema.columns().iter();
    columns
        .map(|column| json!({"name": &*column.name, "type": column.ty.as_str()}))
        .collect()
}

fn partial(limit: &str) -> Value {
    json!({
        "code": "PartialError",
        "message": "There were some errors when processing your query.",
        "details": [{
            "code": "EngineError",
            "message": "Something went wrong processing your query on the server.",
            "innererror": {
                "code": TOO_LARGE,
                "message": format!("The results of this query exceed the set limit of {limit}."),
                "severity": 2,
                "severityName": "Error",
            },
        }],
    })
}

fn statistics(running: &Running, tables: &[(u64, u64)]) -> Value {
    let data_sets: Vec<Value> = tables
        .iter()
        .map(|(rows, bytes)| json!({"tableRowCount": rows, "tableSize": bytes}))
        .collect();
    json!({
        "query": {
            "executionTime": running.started.elapsed().as_secs_f64(),
            "datasetStatistics": data_sets,
        },
    })
}

/// What `render` asks for.
fn visualization(render: Option<&Render>) -> Value {
    let mut object = Map::new();
    object.insert(
        "visualization".to_owned(),
        render.map_or(Value::Null, |render| Value::from(&*render.kind)),
    );
    for name in [
        "title",
        "accumulate",
        "isQuerySorted",
        "kind",
        "annotation",
        "by",
    ] {
        let given = render.and_then(|render| {
            let mut properties = render.properties.iter();
            properties.find(|(key, _)| key.eq_ignore_ascii_case(name))
        });
        let value = match (name, given) {
            ("accumulate" | "isQuerySorted", given) => {
                Value::Bool(given.is_some_and(|(_, value)| value.eq_ignore_ascii_case("true")))
            }
            (_, Some((_, value))) => Value::from(&**value),
            (_, None) => Value::Null,
        };
        object.insert(name.to_owned(), value);
    }
    Value::Object(object)
}
