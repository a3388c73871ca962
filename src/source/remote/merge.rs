//! One answer of the answers of parts. What is done is KQL over the rows of all parts, run by the
//! embedded engine: counts are added, greatest values compared, sets united, as the front end says
//! that they make the whole (`kql::window::splitting`).

use std::sync::Arc;

use arrow::array::RecordBatch;
use arrow::datatypes::SchemaRef;
use futures::StreamExt as _;
use kql::types::{Column, Schema};
use kql::window::{Combine, MergeKey, MergeStep};
use kql_datafusion::{KqlContext, Limits, MemoryTables, QueryTime};

use super::parts::Started;
use crate::source::SourceError;
use crate::source::spool::Spooled;

/// Name of the table of all parts.
const PARTS: &str = "Parts";
/// Most memory of the rows that are merged, and of merging them.
const MEMORY_BYTES: usize = 512 << 20;
/// How long merging may take.
const SECONDS: u64 = 600;

/// Whether rows of so many bytes can be merged.
pub(super) fn check_size(bytes: u64) -> Result<(), SourceError> {
    if bytes <= MEMORY_BYTES as u64 {
        return Ok(());
    }
    Err(SourceError::Limit(format!(
        "the answers of the window's parts have more than {} MiB, too much to be merged; group by \
         fewer values or shorten the window",
        MEMORY_BYTES >> 20
    )))
}

/// Rows of parts, in order, made one answer.
pub(super) async fn merged(
    schema: Schema,
    arrow: &SchemaRef,
    parts: Vec<Spooled>,
    steps: &[MergeStep],
) -> Result<Started, SourceError> {
    let mut batches: Vec<RecordBatch> = Vec::new();
    for part in parts {
        let mut rows = part.into_stream(Arc::clone(arrow));
        while let Some(batch) = rows.next().await {
            batches.push(batch?);
        }
    }
    // Columns get names that mean nothing in KQL; they are known by their places.
    let numbered = schema.columns().iter().enumerate();
    let numbered: Schema = numbered
        .map(|(place, column)| Column::new(name(place), column.ty))
        .collect();
    let mut tables = MemoryTables::new();
    let failed = |error: kql_datafusion::EngineError| SourceError::Failed(error.to_string());
    tables.insert(PARTS, numbered, batches).map_err(failed)?;
    let limits = Limits {
        memory_bytes: MEMORY_BYTES,
        seconds: Some(SECONDS),
        // The order of the parts is that of time.
        target_partitions: 1,
        ..Limits::default()
    };
    let context = KqlContext::new(Arc::new(tables), limits).map_err(failed)?;
    let text = text(&schema, steps);
    let bound = context.bind(&text);
    let Some(query) = bound.query else {
        let why = bound.diagnostics.first().map(|problem| &*problem.message);
        let why = why.unwrap_or("they cannot be told apart");
        return Err(SourceError::Failed(format!(
            "the parts of the answer cannot be merged: {why}"
        )));
    };
    let time = QueryTime {
        now: 0,
        window: None,
    };
    let stream = context.stream(&query, time).await.map_err(failed)?;
    let arrow = Arc::clone(&stream.arrow_schema);
    let batches = stream.batches.map(|batch| batch.map_err(SourceError::from));
    // The columns are in their places again, and get their names back.
    let arrow = kql_datafusion::types::arrow_schema_of(&schema, &arrow);
    let renamed = Arc::clone(&arrow);
    let batches = batches.map(move |batch| {
        let batch = batch?;
        RecordBatch::try_new(Arc::clone(&renamed), batch.columns().to_vec())
            .map_err(|error| SourceError::Failed(error.to_string()))
    });
    Ok((schema, arrow, batches.boxed()))
}

/// The steps as KQL, and every column in its place at the end.
fn text(schema: &Schema, steps: &[MergeStep]) -> String {
    let mut text = PARTS.to_owned();
    for step in steps {
        text.push_str("\n| ");
        text.push_str(&operator(step));
    }
    let places: Vec<String> = (0..schema.len()).map(name).collect();
    format!("{text}\n| project {}", places.join(", "))
}

fn operator(step: &MergeStep) -> String {
    match step {
        MergeStep::Distinct => "distinct *".to_owned(),
        MergeStep::Take(count) => format!("take {count}"),
        MergeStep::Sort(keys) => {
            let keys: Vec<String> = keys.iter().map(sort_key).collect();
            format!("sort by {}", keys.join(", "))
        }
        MergeStep::Aggregate { keys, outputs } => {
            let outputs: Vec<String> = outputs
                .iter()
                .filter_map(|(column, combine)| aggregate(*column, *combine, outputs))
                .collect();
            let keys: Vec<String> = keys.iter().map(|key| name(*key)).collect();
            let by = if keys.is_empty() {
                String::new()
            } else {
                format!(" by {}", keys.join(", "))
            };
            format!("summarize {}{by}", outputs.join(", "))
        }
    }
}

fn sort_key(key: &MergeKey) -> String {
    let direction = if key.descending { "desc" } else { "asc" };
    let nulls = if key.nulls_first { "first" } else { "last" };
    format!("{} {direction} nulls {nulls}", name(key.column))
}

/// The aggregate that makes one value of those of a group. Columns that follow another are told
/// with it, and have none of their own.
fn aggregate(column: usize, combine: Combine, outputs: &[(usize, Combine)]) -> Option<String> {
    let own = name(column);
    let followers = |follows: &dyn Fn(Combine) -> bool| -> Vec<String> {
        let following = outputs.iter().filter(|(_, combine)| follows(*combine));
        following.map(|(column, _)| name(*column)).collect()
    };
    let call = |function: &str| format!("{own} = {function}({own})");
    let limited = |function: &str, limit: Option<u64>| match limit {
        Some(limit) => format!("{own} = {function}({own}, {limit})"),
        None => call(function),
    };
    let leading = |function: &str, plain: &str, followers: Vec<String>| {
        if followers.is_empty() {
            return call(plain);
        }
        let all = format!("{own}, {}", followers.join(", "));
        format!("({all}) = {function}({all})")
    };
    Some(match combine {
        Combine::Add => call("sum"),
        Combine::Least => {
            let followers = followers(&|combine| combine == Combine::OfLeast(column));
            leading("arg_min", "min", followers)
        }
        Combine::Greatest => {
            let followers = followers(&|combine| combine == Combine::OfGreatest(column));
            leading("arg_max", "max", followers)
        }
        // Lists have no word here: `prepare` does not run such a query in parts.
        Combine::OfLeast(_)
        | Combine::OfGreatest(_)
        | Combine::FirstWith(_)
        | Combine::Concatenate(_) => return None,
        Combine::First => {
            let followers = followers(&|combine| combine == Combine::FirstWith(column));
            leading("take_any", "take_any", followers)
        }
        Combine::Union(limit) => limited("make_set", limit),
        Combine::MergeBags => call("make_bag"),
        Combine::BitAnd => call("binary_all_and"),
        Combine::BitOr => call("binary_all_or"),
        Combine::BitXor => call("binary_all_xor"),
        Combine::MergeHll => call("hll_merge"),
    })
}

fn name(place: usize) -> String {
    format!("c{place}")
}
