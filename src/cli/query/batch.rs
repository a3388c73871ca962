//! `huntd query --batch`: JSON lines of queries in, JSON lines of answers out, in one process.
//!
//! A line in is `{"id", "query", "tables"?: {"T": [{"name", "type"}]}}`; those tables exist for
//! that query alone and are empty, and so are then the tables behind functions of hunting
//! services and the files of `externaldata`, which are not read. A line out is `{"id", "columns": [{"name", "type"}], "rows":
//! [[…]], "error": null | "message"}`, in the order of the questions. Where there are several
//! tables (`fork`, `facet`), `columns` and `rows` are those of the first, and `"tables": [{"name":
//! null | "name", "columns", "rows"}]` are all of them. Where queries are only bound, a question without tables is asked of the well-known ones; `"open": true` in its answer says that
//! it reads tables whose columns are not all known, so that its own cannot be told.

use std::collections::BTreeMap;
use std::io::{BufRead, Write};
use std::sync::Arc;

use kql::bind::Bound;
use kql::catalog::{Catalog, MemoryCatalog, SharedCatalog, TableInfo};
use kql::diagnostic::Severity;
use kql::types::{Column, ScalarType, Schema};
use kql_datafusion::lookup;
use kql_datafusion::{
    EngineError, ExternalData, KqlContext, Limits, MemoryTables, NamedStream, QueryTime, json,
};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use crate::source::schema::TIME_COLUMNS;

/// Functions that answer from a table, and the columns that such a table cannot do without.
const FUNCTIONS: [(&str, &[&str]); 5] = [
    (lookup::FILE_PROFILE, &["SHA1"]),
    (lookup::DEVICE_FROM_IP, &["IP", "DeviceId"]),
    (lookup::ASSIGNED_ADDRESSES, &["DeviceId", "DeviceName"]),
    (lookup::SEEN_BY, &["SeenDeviceId", "DeviceId"]),
    (lookup::LOCATIONS, &["network"]),
];

#[derive(Deserialize)]
struct Question {
    #[serde(default)]
    id: Value,
    query: String,
    #[serde(default)]
    tables: BTreeMap<String, Vec<ColumnText>>,
}

#[derive(Deserialize)]
struct ColumnText {
    name: String,
    #[serde(rename = "type")]
    ty: String,
}

/// What a question is asked of.
pub(super) struct Batch {
    /// What `now()` is, in ticks.
    pub(super) now: i64,
    /// The tables of questions that bring none, where queries are bound but not run.
    pub(super) bind_only: Option<SharedCatalog>,
}

/// What an answer tells.
struct Answer {
    tables: Vec<Answered>,
    is_open: bool,
}

/// A table of an answer.
#[derive(Clone, Default, Serialize)]
struct Answered {
    name: Option<Arc<str>>,
    columns: Vec<Value>,
    rows: Vec<Vec<Value>>,
}

impl Batch {
    /// Answers every line of `questions`.
    pub(super) async fn answer_all(
        &self,
        questions: impl BufRead,
        mut answers: impl Write,
    ) -> anyhow::Result<()> {
        for line in questions.lines() {
            let line = line?;
            if line.trim().is_empty() {
                continue;
            }
            serde_json::to_writer(&mut answers, &self.answer(&line).await)?;
            answers.write_all(b"\n")?;
            answers.flush()?;
        }
        Ok(())
    }

    async fn answer(&self, line: &str) -> Value {
        let question: Question = match serde_json::from_str(line) {
            Ok(question) => question,
            Err(error) => return failure(&Value::Null, &format!("not a question: {error}")),
        };
        match self.ask(&question).await {
            Ok(answer) => {
                let first = answer.tables.first().cloned().unwrap_or_default();
                let mut line = json!({
                    "id": question.id,
                    "columns": first.columns,
                    "rows": first.rows,
                    "error": null,
                });
                if answer.tables.len() > 1 {
                    line["tables"] = json!(answer.tables);
                }
                if answer.is_open {
                    line["open"] = true.into();
                }
                line
            }
            Err(message) => failure(&question.id, &message),
        }
    }

    async fn ask(&self, question: &Question) -> Result<Answer, String> {
        let schemas = schemas(&question.tables)?;
        if let Some(known) = &self.bind_only {
            if question.tables.is_empty() {
                return bind(question, known);
            }
            let mut catalog = MemoryCatalog::new();
            for (name, schema) in schemas {
                catalog.insert(
                    name,
                    TableInfo {
                        schema,
                        time_column: None,
                    },
                );
            }
            return bind(question, &catalog);
        }
        let external = ExternalData {
            is_empty: !schemas.is_empty(),
            ..ExternalData::default()
        };
        let tables = empty_tables(schemas).map_err(|error| error.to_string())?;
        let context = KqlContext::new(Arc::new(tables), Limits::default())
            .map_err(|error| error.to_string())?
            .with_external_data(external);
        let query = checked(context.bind(&question.query), &question.query)?;
        let time = QueryTime {
            now: self.now,
            window: None,
        };
        let results = context.streams(&query, time).await;
        let mut tables = Vec::new();
        for NamedStream { name, mut stream } in results.map_err(|error| error.to_string())? {
            let mut rows = Vec::new();
            while let Some(batch) = stream
                .next_batch()
                .await
                .map_err(|error| error.to_string())?
            {
                rows.extend(json::rows(&batch, &stream.schema));
            }
            tables.push(Answered {
                name,
                columns: columns(&stream.schema),
                rows,
            });
        }
        Ok(Answer {
            tables,
            is_open: false,
        })
    }
}

/// The known columns of a question's result; an open one has others too.
fn bind(question: &Question, catalog: &dyn Catalog) -> Result<Answer, String> {
    let bound = kql::compile(&question.query, catalog);
    let Some(known) = bound.columns.clone() else {
        return Err(errors(&bound, &question.query));
    };
    let table = |name: Option<&Arc<str>>, schema: &Schema| Answered {
        name: name.cloned(),
        columns: columns(schema),
        rows: Vec::new(),
    };
    let tables = match &bound.query {
        Some(query) if query.has_several_results() => {
            let results = query.results().into_iter();
            results
                .map(|(name, plan)| table(name, &plan.schema))
                .collect()
        }
        _ => vec![table(None, &known)],
    };
    Ok(Answer {
        tables,
        is_open: bound.is_open,
    })
}

/// The bound query, or its errors as text.
fn checked(bound: Bound, text: &str) -> Result<kql::hir::Query, String> {
    let errors = errors(&bound, text);
    match bound.query {
        Some(query) if errors.is_empty() => Ok(query),
        _ => Err(errors),
    }
}

fn errors(bound: &Bound, text: &str) -> String {
    let errors: Vec<String> = bound
        .diagnostics
        .iter()
        .filter(|diagnostic| diagnostic.severity == Severity::Error)
        .map(|diagnostic| diagnostic.render("query", text))
        .collect();
    errors.join("\n")
}

/// Tables without rows; with any of them, functions of hunting services answer from empty tables,
/// too.
fn empty_tables(schemas: Vec<(String, Schema)>) -> Result<MemoryTables, EngineError> {
    let mut tables = MemoryTables::new();
    if !schemas.is_empty() {
        for (function, columns) in FUNCTIONS {
            let columns = columns.iter();
            let columns = columns.map(|name| Column::new(*name, ScalarType::String));
            tables.insert_function(function, None, columns.collect(), Vec::new())?;
        }
    }
    for (name, schema) in schemas {
        let is_time = |name: &&str| {
            let mut columns = schema.columns().iter();
            columns.any(|column| *column.name == **name && column.ty == ScalarType::DateTime)
        };
        let time = TIME_COLUMNS.into_iter().find(is_time).map(str::to_owned);
        tables.insert_with_time(name, schema, time, Vec::new())?;
    }
    Ok(tables)
}

fn schemas(tables: &BTreeMap<String, Vec<ColumnText>>) -> Result<Vec<(String, Schema)>, String> {
    let mut schemas = Vec::with_capacity(tables.len());
    for (table, columns) in tables {
        let mut schema = Vec::with_capacity(columns.len());
        for ColumnText { name, ty } in columns {
            let ty = ScalarType::from_name(ty)
                .ok_or_else(|| format!("table {table}, column {name}: unknown type `{ty}`"))?;
            schema.push(Column::new(name.as_str(), ty));
        }
        schemas.push((table.clone(), Schema::new(schema)));
    }
    Ok(schemas)
}

fn columns(schema: &Schema) -> Vec<Value> {
    let column = |column: &Column| json!({"name": &*column.name, "type": column.ty.as_str()});
    schema.columns().iter().map(column).collect()
}

fn failure(id: &Value, message: &str) -> Value {
    json!({"id": id, "columns": [], "rows": [], "error": message})
}
