//! Queries with their answers, in `tests/data/*.txt`.
//!
//! A case is a line `# ` with the rule it shows, the query, a line `----`, the columns with their
//! types, and the rows as JSON, or `error: ` and the message. `UPDATE_CASES=1` rewrites the
//! answers; read the difference before keeping it. The order of the rows counts behind `sort` and
//! `top` only: several threads answer.

use std::fmt::Write as _;
use std::path::Path;
use std::sync::Arc;

use kql::diagnostic::Severity;
use kql_datafusion::{EngineError, KqlContext, MemoryTables, json};

use crate::world;

/// What is wrong with a query before it runs.
fn refusal(query: &str) -> Option<String> {
    let context = KqlContext::new(Arc::new(MemoryTables::new()), world::limits()).unwrap();
    let diagnostics = context.bind(query).diagnostics;
    diagnostics
        .into_iter()
        .find(|diagnostic| diagnostic.severity == Severity::Error)
        .map(|diagnostic| diagnostic.message)
}

async fn answer(query: &str) -> Result<String, EngineError> {
    let stream = world::start(MemoryTables::new(), world::limits(), query, None).await?;
    let schema = stream.schema.clone();
    let columns: Vec<String> = schema
        .columns()
        .iter()
        .map(|column| format!("{}:{}", column.name, column.ty))
        .collect();
    let mut answer = columns.join(", ");
    for batch in stream.collect().await? {
        for row in json::rows(&batch, &schema) {
            write!(answer, "\n{}", serde_json::to_string(&row).unwrap()).unwrap();
        }
    }
    Ok(answer)
}

/// Whether two answers are the same; the order of the rows counts where the query gives them one.
fn agree(query: &str, expected: &str, actual: &str) -> bool {
    let ordered = ["sort by", "order by", "| top "]
        .iter()
        .any(|operator| query.contains(operator));
    if ordered {
        return expected == actual;
    }
    let rows = |answer: &str| -> Vec<String> {
        let mut lines: Vec<String> = answer.lines().map(str::to_owned).collect();
        if let [_, rows @ ..] = lines.as_mut_slice() {
            rows.sort();
        }
        lines
    };
    rows(expected) == rows(actual)
}

async fn check(file: &Path) -> Vec<String> {
    let text = std::fs::read_to_string(file).unwrap();
    let mut rewritten = Vec::new();
    let mut failures = Vec::new();
    for case in text.trim_end().split("\n\n") {
        let (question, expected) = case.trim().split_once("\n----").unwrap();
        let query: Vec<&str> = question
            .lines()
            .filter(|line| !line.starts_with('#'))
            .collect();
        let query = query.join("\n");
        let actual = match refusal(&query) {
            Some(message) => format!("error: {message}"),
            None => match answer(&query).await {
                Ok(answer) => answer,
                Err(error) => format!("error: {error}"),
            },
        };
        if !agree(&query, expected.trim(), &actual) {
            failures.push(format!(
                "{question}\n  expected\n{expected}\n  got\n{actual}\n"
            ));
        }
        rewritten.push(format!("{question}\n----\n{actual}"));
    }
    if std::env::var_os("UPDATE_CASES").is_some() {
        std::fs::write(file, rewritten.join("\n\n") + "\n").unwrap();
        return Vec::new();
    }
    failures
}

#[tokio::test]
async fn every_case_has_its_answer() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data");
    let mut files: Vec<_> = std::fs::read_dir(folder)
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .collect();
    files.sort();
    assert!(!files.is_empty(), "there are cases");
    for file in files {
        let failures = check(&file).await;
        assert!(
            failures.is_empty(),
            "{}:\n{}",
            file.display(),
            failures.join("\n")
        );
    }
}
