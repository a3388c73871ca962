//! Questions to the folder of telemetry. Values from outside enter them as parameters, never as
//! text of the query.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use chrono::{DateTime, SecondsFormat, TimeDelta, Utc};
use futures::TryStreamExt as _;
use kql::bind::Parameters;
use kql::window::Mode;
use kql_datafusion::json;
use serde_json::{Map, Value};

use super::error::ApiError;
use crate::source::{QuerySpec, Source, SourceError, Turn};
use crate::window::Window;

/// Longest time of one question.
const TIMEOUT: Duration = Duration::from_mins(2);
/// Most rows of one answer.
const ROWS_MAX: usize = 200_000;

/// A row, columns in order.
pub(super) type Row = Map<String, Value>;

/// The folder.
#[derive(Debug)]
pub(super) struct Folder {
    source: Arc<dyn Source>,
    rows_max: usize,
    tables: tokio::sync::OnceCell<BTreeSet<String>>,
}

/// What is asked of the folder.
#[derive(Debug)]
pub(super) struct Question {
    text: String,
    parameters: Parameters,
    declared: Vec<String>,
    window: Option<Window>,
    now: DateTime<Utc>,
}

impl Question {
    /// A query; `now()` is `now`.
    pub(super) fn new(text: impl Into<String>, now: DateTime<Utc>) -> Self {
        Self {
            text: text.into(),
            parameters: Parameters::new(),
            declared: Vec::new(),
            window: None,
            now,
        }
    }

    /// Gives the query a text under this name.
    pub(super) fn text(self, name: &str, value: &str) -> Self {
        // Written as a literal: a bare value that looks like one would be read as one.
        let literal = serde_json::Value::from(value).to_string();
        self.with(name, "string", literal)
    }

    /// Gives the query an instant under this name.
    pub(super) fn time(self, name: &str, value: DateTime<Utc>) -> Self {
        let text = value.to_rfc3339_opts(SecondsFormat::AutoSi, true);
        self.with(name, "datetime", text)
    }

    /// Gives the query a number under this name.
    pub(super) fn number(self, name: &str, value: i64) -> Self {
        self.with(name, "long", value.to_string())
    }

    /// Confines the tables to the time before `now`, so far back.
    pub(super) fn looking_back(mut self, back: TimeDelta) -> Self {
        self.window = Window::new(self.now - back, self.now).ok();
        self
    }

    /// Confines the tables to all time before `now`.
    pub(super) fn of_the_past(mut self) -> Self {
        let first = DateTime::from_timestamp_nanos(0);
        self.window = Window::new(first, self.now).ok();
        self
    }

    fn with(mut self, name: &str, ty: &str, value: String) -> Self {
        self.declared.push(format!("{name}: {ty}"));
        self.parameters.insert(name, value);
        self
    }

    fn spec(self) -> QuerySpec {
        let declaration = if self.declared.is_empty() {
            String::new()
        } else {
            format!("declare query_parameters({});\n", self.declared.join(", "))
        };
        let always = Window::new(
            DateTime::from_timestamp_nanos(0),
            DateTime::from_timestamp_nanos(i64::MAX),
        )
        .expect("it ends after it starts");
        QuerySpec {
            text: format!("{declaration}{}", self.text),
            parameters: self.parameters,
            window: self.window.unwrap_or(always),
            window_applies: self.window.is_some(),
            window_mode: Mode::Event,
            stats: Arc::default(),
            now: Some(self.now),
            timeout: TIMEOUT,
            turn: Turn::of_person(),
        }
    }
}

impl Folder {
    /// What this source reads.
    pub(super) fn new(source: Arc<dyn Source>) -> Self {
        Self {
            source,
            rows_max: ROWS_MAX,
            tables: tokio::sync::OnceCell::new(),
        }
    }

    /// The same with another cap.
    #[cfg(test)]
    pub(super) fn with_rows_max(mut self, rows_max: usize) -> Self {
        self.rows_max = rows_max;
        self
    }

    /// Whether the folder has a table. It is looked at once.
    pub(super) async fn has(&self, table: &str) -> Result<bool, ApiError> {
        Ok(self.tables().await?.contains(table))
    }

    /// Those of the tables that the folder has.
    pub(super) async fn of<'t>(&self, names: &[&'t str]) -> Result<Vec<&'t str>, ApiError> {
        let tables = self.tables().await?;
        let there = names.iter().filter(|name| tables.contains(**name));
        Ok(there.copied().collect())
    }

    async fn tables(&self) -> Result<&BTreeSet<String>, ApiError> {
        let read = self.tables.get_or_try_init(async || {
            let source = Arc::clone(&self.source);
            let names = tokio::task::spawn_blocking(move || {
                source.tables().map(|tables| tables.table_names())
            });
            let names = names
                .await
                .map_err(|error| SourceError::Failed(error.to_string()))??;
            Ok(names.into_iter().collect())
        });
        read.await.map_err(|error| ApiError::of_source(&error))
    }

    /// The rows that answer a question, up to the most that are kept.
    pub(super) async fn rows(&self, question: Question) -> Result<Vec<Row>, ApiError> {
        let spec = question.spec();
        let question = spec.text.as_str();
        let read = async {
            let mut result = self.source.query(&spec).await?;
            let mut rows = Vec::new();
            while let Some(batch) = result.batches.try_next().await? {
                for row in 0..batch.num_rows() {
                    if rows.len() == self.rows_max {
                        tracing::warn!(rows = self.rows_max, question, "further rows are left out");
                        return Ok(rows);
                    }
                    rows.push(json::object(&batch, &result.schema, row));
                }
            }
            Ok(rows)
        };
        read.await
            .map_err(|error: SourceError| ApiError::of_source(&error))
    }
}

/// A text of a row that is not empty.
pub(super) fn text<'r>(row: &'r Row, column: &str) -> Option<&'r str> {
    row.get(column)
        .and_then(Value::as_str)
        .filter(|text| !text.is_empty())
}

/// The same, owned.
pub(super) fn owned(row: &Row, column: &str) -> Option<String> {
    text(row, column).map(str::to_owned)
}

/// An instant of a row.
pub(super) fn time(row: &Row, column: &str) -> Option<DateTime<Utc>> {
    let parsed = DateTime::parse_from_rfc3339(text(row, column)?);
    parsed.ok().map(|time| time.to_utc())
}

/// A whole number of a row.
pub(super) fn number(row: &Row, column: &str) -> Option<i64> {
    row.get(column).and_then(Value::as_i64)
}

/// True or false of a row.
pub(super) fn truth(row: &Row, column: &str) -> Option<bool> {
    match row.get(column)? {
        Value::Bool(value) => Some(*value),
        Value::Number(value) => value.as_i64().map(|value| value != 0),
        _ => None,
    }
}

/// JSON of a row: a value of it, or text that is JSON.
pub(super) fn inner(row: &Row, column: &str) -> Option<Value> {
    match row.get(column)? {
        Value::String(text) => serde_json::from_str(text).ok(),
        Value::Null => None,
        value => Some(value.clone()),
    }
}

/// An instant as the services write it: seven digits after the second.
pub(super) fn timestamp(at: DateTime<Utc>) -> String {
    let ticks = at.timestamp_subsec_nanos() / 100;
    format!("{}.{ticks:07}Z", at.format("%Y-%m-%dT%H:%M:%S"))
}
