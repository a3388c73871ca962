//! How fast queries are parsed and bound.
//!
//! `cargo bench -p kql --bench front_end -- QUERIES SCHEMA` reads queries (JSON lines with
//! `query`) and table schemas (`{"tables": {"T": [{"name", "type"}]}}`), parses and binds them all
//! on one core for a few rounds and prints the best round, the sum of the best times of each
//! query (which a busy machine disturbs less), the slowest queries and the median
//! time of a hunt of about 100 lines. Without arguments it takes the hunts of `queries/`.

#![expect(clippy::print_stdout, reason = "a benchmark prints what it measured")]
#![expect(
    clippy::unwrap_used,
    reason = "a benchmark may stop where its input is bad"
)]

use std::path::Path;
use std::time::{Duration, Instant};

use kql::catalog::{Catalog, MemoryCatalog, TableInfo};
use kql::types::{Column, ScalarType, Schema};
use serde_json::Value;

/// Rounds over all queries; the best one counts, the machine may be busy with other things.
const ROUNDS: usize = 7;
/// Lines of the hunts whose time is told apart.
const HUNT_LINES: std::ops::RangeInclusive<usize> = 80..=120;

fn main() {
    let arguments: Vec<String> = std::env::args()
        .skip(1)
        .filter(|argument| !argument.starts_with("--"))
        .collect();
    let queries = match arguments.first() {
        Some(path) => from_lines(path),
        None => from_folder(Path::new(concat!(
            env!("CARGO_MANIFEST_DIR"),
            "/../../queries"
        ))),
    };
    let catalog = match arguments.get(1) {
        Some(path) => catalog(path),
        None => MemoryCatalog::new(),
    };
    let bytes: usize = queries.iter().map(String::len).sum();
    println!("{} queries, {bytes} bytes", queries.len());
    rate("parse", bytes, || {
        for query in &queries {
            std::hint::black_box(kql::syntax::parse(query));
        }
    });
    rate("parse + bind", bytes, || {
        for query in &queries {
            std::hint::black_box(kql::compile(query, &catalog));
        }
    });
    let mut slowest: Vec<_> = queries
        .iter()
        .map(|query| (best(query, &catalog), query))
        .collect();
    let alone: Duration = slowest.iter().map(|(time, _)| *time).sum();
    println!(
        "each query at its best: {alone:.1?}, {:.1} MB/s",
        bytes as f64 / 1e6 / alone.as_secs_f64()
    );
    slowest.sort_by_key(|(time, _)| std::cmp::Reverse(*time));
    for (time, query) in slowest.iter().take(5) {
        let first = query.lines().find(|line| !line.trim().is_empty());
        println!(
            "{time:>10.1?} for {} bytes: {}",
            query.len(),
            first.unwrap_or("")
        );
    }
    let mut hunts: Vec<Duration> = slowest
        .iter()
        .filter(|(_, query)| HUNT_LINES.contains(&query.lines().count()))
        .map(|(time, _)| *time)
        .collect();
    hunts.sort();
    if let (Some(median), Some(worst)) = (hunts.get(hunts.len() / 2), hunts.last()) {
        let count = hunts.len();
        println!("hunts of about 100 lines: {count}, median {median:.1?}, worst {worst:.1?}");
    }
}

fn rate(what: &str, bytes: usize, mut round: impl FnMut()) {
    let time = (0..ROUNDS)
        .map(|_| {
            let start = Instant::now();
            round();
            start.elapsed()
        })
        .min()
        .unwrap();
    let rate = bytes as f64 / 1e6 / time.as_secs_f64();
    println!("{what}: {time:.1?}, {rate:.1} MB/s");
}

fn best(query: &str, catalog: &dyn Catalog) -> Duration {
    (0..ROUNDS)
        .map(|_| {
            let start = Instant::now();
            std::hint::black_box(kql::compile(query, catalog));
            start.elapsed()
        })
        .min()
        .unwrap()
}

fn from_lines(path: &str) -> Vec<String> {
    let text = std::fs::read_to_string(path).unwrap();
    text.lines()
        .map(|line| {
            let record: Value = serde_json::from_str(line).unwrap();
            record["query"].as_str().unwrap().to_owned()
        })
        .collect()
}

fn from_folder(folder: &Path) -> Vec<String> {
    let mut queries = Vec::new();
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            queries.extend(from_folder(&path));
        } else if path.extension().is_some_and(|extension| extension == "kql") {
            queries.push(std::fs::read_to_string(&path).unwrap());
        }
    }
    queries
}

fn catalog(path: &str) -> MemoryCatalog {
    let schemas: Value = serde_json::from_str(&std::fs::read_to_string(path).unwrap()).unwrap();
    let mut catalog = MemoryCatalog::new();
    for (table, columns) in schemas["tables"].as_object().unwrap() {
        let schema: Schema = columns
            .as_array()
            .unwrap()
            .iter()
            .map(|column| {
                let ty = ScalarType::from_name(column["type"].as_str().unwrap()).unwrap();
                Column::new(column["name"].as_str().unwrap(), ty)
            })
            .collect();
        let info = TableInfo {
            schema,
            time_column: None,
        };
        catalog.insert(table.clone(), info);
    }
    catalog
}
