//! The tables of an answer in the form that a path of the API has: those of `/v1` and of commands,
//! or the frames of `/v2`. Writes into memory, piece by piece; whoever calls sends the pieces.

use std::sync::Arc;

use chrono::{DateTime, Utc};
use kql::hir::Render;
use kql::types::{Column, ScalarType, Schema};
use serde_json::{Value, json};
use uuid::Uuid;

use super::cell::{columns_v1, columns_v2, write_json};
use super::error::{ApiError, instant};
use super::identity::Identity;
use super::options::Placement;
use super::visualization::visualization;

/// Code of the service for a result that is too large, as a signed number.
const TOO_LARGE_CODE: i64 = -2_133_196_797;

/// The form of an answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Form {
    /// Tables, then tables about them.
    V1,
    /// Frames.
    V2,
    /// Tables alone.
    Command,
}

/// An answer being written.
#[derive(Debug)]
pub(super) struct DataSet {
    form: Form,
    identity: Identity,
    placement: Placement,
    renders: Vec<Option<Render>>,
    /// What the query calls the results so far.
    names: Vec<Option<Arc<str>>>,
    tables: usize,
    rows: u64,
}

/// What is told at the end.
#[derive(Debug)]
pub(super) struct Summary {
    pub(super) at: DateTime<Utc>,
    pub(super) seconds: f64,
    /// Rows and bytes of each result.
    pub(super) results: Vec<(u64, u64)>,
    /// Lines and files that the source left out.
    pub(super) skipped_inputs: u64,
    /// Why there are not all rows.
    pub(super) failure: Option<ApiError>,
}

impl DataSet {
    pub(super) fn new(
        form: Form,
        identity: Identity,
        placement: Placement,
        renders: Vec<Option<Render>>,
    ) -> Self {
        Self {
            form,
            identity,
            placement,
            renders,
            names: Vec::new(),
            tables: 0,
            rows: 0,
        }
    }

    /// What comes before the results.
    pub(super) fn begin(&self, out: &mut Vec<u8>) {
        if self.form != Form::V2 {
            out.extend_from_slice(b"{\"Tables\":[");
            return;
        }
        out.push(b'[');
        let header = json!({
            "FrameType": "DataSetHeader",
            "IsProgressive": false,
            "Version": "v2.0",
        });
        write_json(out, &header);
        let rows: Vec<Value> = self
            .renders
            .iter()
            .zip(1..)
            .map(|(render, table)| json!([table, "Visualization", visualization(render.as_ref())]))
            .collect();
        let schema = schema(&[
            ("TableId", ScalarType::Int),
            ("Key", ScalarType::String),
            ("Value", ScalarType::Dynamic),
        ]);
        frame(
            out,
            0,
            "QueryProperties",
            "@ExtendedProperties",
            &schema,
            &rows,
        );
    }

    /// Opens the next result.
    pub(super) fn begin_table(
        &mut self,
        out: &mut Vec<u8>,
        name: Option<Arc<str>>,
        schema: &Schema,
    ) {
        self.rows = 0;
        if self.form == Form::V2 {
            let head = json!({
                "FrameType": "DataTable",
                "TableId": self.tables + 1,
                "TableKind": "PrimaryResult",
                "TableName": name.as_deref().unwrap_or("PrimaryResult"),
                "Columns": columns_v2(schema),
            });
            out.push(b',');
            open_rows(out, &head);
        } else {
            self.begin_table_v1(out, schema);
        }
        self.names.push(name);
    }

    fn begin_table_v1(&mut self, out: &mut Vec<u8>, schema: &Schema) {
        if self.tables > 0 {
            out.push(b',');
        }
        let head = json!({
            "TableName": format!("Table_{}", self.tables),
            "Columns": columns_v1(schema),
        });
        open_rows(out, &head);
    }

    /// Makes room for a row.
    pub(super) fn begin_row(&mut self, out: &mut Vec<u8>) {
        if self.rows > 0 {
            out.push(b',');
        }
        self.rows += 1;
    }

    /// Closes a result, which may end before its time.
    pub(super) fn end_table(&mut self, out: &mut Vec<u8>, failure: Option<&ApiError>) {
        if let (Some(failure), Placement::InData) = (failure, self.placement) {
            self.begin_row(out);
            let error = match self.form {
                Form::V2 => json!({"OneApiErrors": [self.error(failure)]}),
                Form::V1 | Form::Command => json!({"Exceptions": [failure.message]}),
            };
            write_json(out, &error);
        }
        out.extend_from_slice(b"]}");
        self.tables += 1;
    }

    /// What comes behind the results.
    pub(super) fn finish(&mut self, out: &mut Vec<u8>, summary: &Summary) {
        match self.form {
            Form::V2 => self.finish_v2(out, summary),
            Form::V1 => self.finish_v1(out, summary),
            Form::Command => self.close_v1(out, summary),
        }
    }

    fn finish_v2(&self, out: &mut Vec<u8>, summary: &Summary) {
        use ScalarType::{DateTime, Guid, Int, String};
        let schema = schema(&[
            ("Timestamp", DateTime),
            ("ClientRequestId", String),
            ("ActivityId", Guid),
            ("SubActivityId", Guid),
            ("ParentActivityId", Guid),
            ("Level", Int),
            ("LevelName", String),
            ("StatusCode", Int),
            ("StatusCodeName", String),
            ("EventType", Int),
            ("EventTypeName", String),
            ("Payload", String),
        ]);
        let activity = self.identity.activity_id;
        let row = |message: &Message| {
            let code = if message.code == 0 {
                "S_OK (0)".to_owned()
            } else {
                format!("{} ({})", message.text, message.code)
            };
            json!([
                instant(summary.at),
                self.identity.client_request_id,
                activity,
                activity,
                activity,
                message.level,
                message.level_name,
                message.code,
                code,
                message.event,
                message.event_name,
                message.payload(),
            ])
        };
        let rows: Vec<Value> = messages(summary).iter().map(row).collect();
        let name = "QueryCompletionInformation";
        frame(out, self.tables + 1, name, name, &schema, &rows);
        let told = summary.failure.as_ref();
        let told = told.filter(|_| self.placement != Placement::StatusTable);
        let mut completion = json!({
            "FrameType": "DataSetCompletion",
            "HasErrors": told.is_some(),
            "Cancelled": summary.failure.as_ref().is_some_and(ApiError::is_cancellation),
        });
        if let Some(failure) = told {
            completion["OneApiErrors"] = json!([self.error(failure)]);
        }
        out.push(b',');
        write_json(out, &completion);
        out.push(b']');
    }

    fn finish_v1(&mut self, out: &mut Vec<u8>, summary: &Summary) {
        use ScalarType::{DateTime, Guid, Int, Long, String};
        let results = self.tables;
        let properties = self.renders.iter();
        let rows: Vec<Value> = properties
            .map(|render| json!([visualization(render.as_ref())]))
            .collect();
        self.table_v1(out, &schema(&[("Value", String)]), &rows);

        let activity = self.identity.activity_id;
        let rows: Vec<Value> = messages(summary)
            .iter()
            .map(|message| {
                json!([
                    instant(summary.at),
                    message.level,
                    message.level_name,
                    message.code,
                    message.description(),
                    1,
                    activity,
                    activity,
                    activity,
                    self.identity.client_request_id,
                ])
            })
            .collect();
        let status = schema(&[
            ("Timestamp", DateTime),
            ("Severity", Int),
            ("SeverityName", String),
            ("StatusCode", Int),
            ("StatusDescription", String),
            ("Count", Int),
            ("RequestId", Guid),
            ("ActivityId", Guid),
            ("SubActivityId", Guid),
            ("ClientActivityId", String),
        ]);
        self.table_v1(out, &status, &rows);

        let named = self.names.iter().enumerate();
        let mut rows: Vec<Value> = named
            .map(|(ordinal, name)| {
                let (id, name) = (Uuid::now_v7(), name.as_deref().unwrap_or_default());
                json!([ordinal, "QueryResult", "PrimaryResult", id, name])
            })
            .collect();
        rows.push(json!([
            results,
            "QueryProperties",
            "@ExtendedProperties",
            Uuid::now_v7(),
            ""
        ]));
        rows.push(json!([
            results + 1,
            "QueryStatus",
            "QueryStatus",
            Uuid::nil(),
            ""
        ]));
        let contents = schema(&[
            ("Ordinal", Long),
            ("Kind", String),
            ("Name", String),
            ("Id", String),
            ("PrettyName", String),
        ]);
        self.table_v1(out, &contents, &rows);
        self.close_v1(out, summary);
    }

    fn table_v1(&mut self, out: &mut Vec<u8>, schema: &Schema, rows: &[Value]) {
        self.begin_table_v1(out, schema);
        write_rows(out, rows);
        out.extend_from_slice(b"]}");
        self.tables += 1;
    }

    fn close_v1(&self, out: &mut Vec<u8>, summary: &Summary) {
        out.push(b']');
        let told = summary.failure.as_ref();
        if let Some(failure) = told.filter(|_| self.placement != Placement::StatusTable) {
            out.extend_from_slice(b",\"Exceptions\":");
            write_json(out, &[&failure.message]);
        }
        out.push(b'}');
    }

    fn error(&self, failure: &ApiError) -> Value {
        failure.to_json(Some(&self.identity))
    }
}

/// Writes a whole table of a `/v2` answer.
fn frame(out: &mut Vec<u8>, id: usize, kind: &str, name: &str, schema: &Schema, rows: &[Value]) {
    let frame = json!({
        "FrameType": "DataTable",
        "TableId": id,
        "TableKind": kind,
        "TableName": name,
        "Columns": columns_v2(schema),
        "Rows": rows,
    });
    out.push(b',');
    write_json(out, &frame);
}

/// Opens a table whose rows follow.
fn open_rows(out: &mut Vec<u8>, head: &Value) {
    write_json(out, head);
    // The object goes on behind its last field.
    out.pop();
    out.extend_from_slice(b",\"Rows\":[");
}

fn write_rows(out: &mut Vec<u8>, rows: &[Value]) {
    for (index, row) in rows.iter().enumerate() {
        if index > 0 {
            out.push(b',');
        }
        write_json(out, row);
    }
}

fn schema(columns: &[(&str, ScalarType)]) -> Schema {
    columns
        .iter()
        .map(|(name, ty)| Column::new(*name, *ty))
        .collect()
}

/// What is told about a query beside its results.
struct Message {
    level: i32,
    level_name: &'static str,
    code: i64,
    event: i32,
    event_name: &'static str,
    text: String,
    details: Option<Value>,
}

impl Message {
    fn description(&self) -> String {
        match &self.details {
            Some(details) => details.to_string(),
            None => self.text.clone(),
        }
    }

    fn payload(&self) -> String {
        match &self.details {
            Some(details) => details.to_string(),
            None => json!({"Count": 1, "Text": self.text}).to_string(),
        }
    }
}

fn messages(summary: &Summary) -> Vec<Message> {
    let mut messages = Vec::new();
    messages.push(match &summary.failure {
        Some(failure) => Message {
            level: 2,
            level_name: "Error",
            code: TOO_LARGE_CODE,
            event: 1,
            event_name: "QueryLimitsExceeded",
            text: failure.message.clone(),
            details: None,
        },
        None => Message {
            level: 4,
            level_name: "Info",
            code: 0,
            event: 4,
            event_name: "QueryInfo",
            text: "Query completed successfully".to_owned(),
            details: None,
        },
    });
    if summary.skipped_inputs > 0 {
        messages.push(Message {
            level: 3,
            level_name: "Warning",
            code: 0,
            event: 4,
            event_name: "QueryInfo",
            text: format!(
                "{} malformed lines or files were left out, as the source is configured",
                summary.skipped_inputs
            ),
            details: None,
        });
    }
    let results: Vec<Value> = summary
        .results
        .iter()
        .map(|(rows, bytes)| json!({"table_row_count": rows, "table_size": bytes}))
        .collect();
    messages.push(Message {
        level: 6,
        level_name: "Stats",
        code: 0,
        event: 0,
        event_name: "QueryResourceConsumption",
        text: String::new(),
        details: Some(json!({
            "ExecutionTime": summary.seconds,
            "dataset_statistics": results,
        })),
    });
    messages
}
