//! Whether a large export through a service that cuts its answers, limits its calls and fails
//! three times in ten arrives with exactly the rows that there are, and how many calls it takes.
//!
//! `cargo bench --bench export_under_faults -- [ROWS] [SEEDS]` (3,000,000 rows, 20 seeds) writes a
//! table of that many rows as Parquet, serves it with the emulator, capped at 100,000 rows and
//! 50 MB an answer and at 45 calls a minute by a clock that runs 30 times as fast, and exports it
//! into a Parquet lake through the source `graph`, once for each seed of the faults. It fails if
//! a row is missing or there twice, or if the service refused a call for its number that was not
//! refused on purpose.

#![expect(clippy::print_stdout, reason = "a benchmark prints what it measured")]

use std::fs::File;
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::{Context as _, ensure};
use arrow::array::{
    ArrayRef, AsArray as _, Int64Array, RecordBatch, StringArray, TimestampNanosecondArray,
};
use arrow::datatypes::Int64Type;
use chrono::{DateTime, TimeDelta, Utc};
use huntd::clock::{SharedClock, SystemClock};
use huntd::emulator::Emulator;
use huntd::emulator::clock::EmulatorClock;
use huntd::emulator::config::{ClientConfig, EmulatorConfig};
use huntd::emulator::fault::{Kind, Rule};
use huntd::id::{HuntName, RunId};
use huntd::lake::{self, LakeConfig, WriteTarget};
use huntd::quota::Lane;
use huntd::source::{self, QuerySpec, SourceConfig, Surroundings, Turn};
use huntd::window::Window;
use kql::bind::Parameters;
use kql::window::Mode;
use parquet::arrow::ArrowWriter;
use parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder;
use serde_json::json;

/// How many times as fast as real time the clocks of both sides run.
const SPEED: f64 = 30.0;
/// Each kind of fault hits so many requests; three in ten in all.
const PROBABILITY: f64 = 0.3 / FAULTS.len() as f64;
const FAULTS: [Kind; 10] = [
    Kind::Throttled,
    Kind::ThrottledSilent,
    Kind::InternalError,
    Kind::Unavailable,
    Kind::GatewayTimeout,
    Kind::Cut,
    Kind::Truncated,
    Kind::Html,
    Kind::WrongContentType,
    Kind::ExpiredToken,
];

/// Rows whose command lines are long, so that the size of an answer cuts it and not its rows.
const LONG: std::ops::Range<i64> = 1_000_000..1_020_000;
const LONG_BYTES: usize = 6_000;

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    let numbers: Vec<i64> = std::env::args()
        .filter_map(|argument| argument.parse().ok())
        .collect();
    let rows = numbers.first().copied().unwrap_or(3_000_000);
    let seeds = numbers.get(1).copied().unwrap_or(20);
    let folder = tempfile::tempdir()?;
    let origin: DateTime<Utc> = "2026-01-05T00:00:00Z".parse()?;
    write_table(folder.path(), rows, origin)?;
    println!("{rows} rows; seed, calls, of which failed, seconds:");
    for seed in 0..seeds {
        export(folder.path(), rows, origin, seed).await?;
    }
    println!("every row was there once, with {seeds} seeds");
    Ok(())
}

/// A row every 10 ms, numbered.
fn write_table(folder: &Path, rows: i64, origin: DateTime<Utc>) -> anyhow::Result<()> {
    let start = origin.timestamp_nanos_opt().context("a year that fits")?;
    let mut writer: Option<ArrowWriter<File>> = None;
    let mut first = 0;
    while first < rows {
        let ids = first..rows.min(first + 100_000);
        let times = ids.clone().map(|id| start + id * 10_000_000);
        let times = TimestampNanosecondArray::from_iter_values(times).with_timezone("UTC");
        let command = |id: i64| {
            let length = if LONG.contains(&id) { LONG_BYTES } else { 24 };
            format!("tool --input {id:0length$}")
        };
        let columns: Vec<(&str, ArrayRef)> = vec![
            ("Timestamp", Arc::new(times)),
            (
                "ReportId",
                Arc::new(Int64Array::from_iter_values(ids.clone())),
            ),
            (
                "ProcessCommandLine",
                Arc::new(StringArray::from_iter_values(ids.clone().map(command))),
            ),
        ];
        let batch = RecordBatch::try_from_iter(columns)?;
        let writer = if let Some(writer) = &mut writer {
            writer
        } else {
            let file = File::create(folder.join("DeviceProcessEvents.parquet"))?;
            writer.insert(ArrowWriter::try_new(file, batch.schema(), None)?)
        };
        writer.write(&batch)?;
        first = ids.end;
    }
    writer.context("there are rows")?.close()?;
    Ok(())
}

async fn export(data: &Path, rows: i64, origin: DateTime<Utc>, seed: i64) -> anyhow::Result<()> {
    let clock: SharedClock = Arc::new(EmulatorClock::new(Arc::new(SystemClock), SPEED));
    let faults = FAULTS.map(|kind| Rule {
        kind,
        probability: PROBABILITY,
        path: String::new(),
    });
    let emulator = Emulator::start(
        EmulatorConfig {
            clients: vec![ClientConfig::with_secret("exporter", "secret")],
            faults: faults.to_vec(),
            seed: seed as u64,
            ..EmulatorConfig::new(data)
        },
        Arc::clone(&clock),
    )
    .await?;
    let url = emulator.url();
    let config: SourceConfig = serde_json::from_value(json!({
        "kind": "graph", "tenant": "contoso.example", "authority": url, "url": url,
        "auth": {"kind": "secret", "client_id": "exporter", "secret": "secret"},
    }))?;
    let source = source::build(&config, &Surroundings::new(clock))?;
    let window = Window::new(origin, origin + TimeDelta::milliseconds(rows * 10))?;
    let spec = QuerySpec {
        text: "DeviceProcessEvents | project Timestamp, ReportId, ProcessCommandLine".to_owned(),
        parameters: Parameters::default(),
        window,
        window_applies: true,
        window_mode: Mode::Event,
        stats: Arc::default(),
        now: None,
        timeout: Duration::from_hours(1),
        turn: Turn {
            lane: Lane::Export,
            hunt: "export".into(),
            deadline: None,
            begin_by: None,
            attempts: None,
        },
    };
    let begun = Instant::now();
    let folder = tempfile::tempdir()?;
    let lake = lake::build(&LakeConfig {
        url: folder.path().display().to_string(),
        ..LakeConfig::default()
    })?;
    let target = WriteTarget {
        hunt: HuntName::new("export")?,
        window,
        run: RunId::generate(),
    };
    let result = source.query(&spec).await?;
    let stats = Arc::clone(&result.stats);
    let commit = lake.write(&target, &result.schema, result.batches).await?;
    let report = stats.report().context("a report")?;
    let failed: usize = report
        .root
        .leaves_and_branches()
        .flat_map(|part| &part.calls)
        .filter(|call| call.error.is_some())
        .count();
    println!(
        "{seed:3} {:6} {failed:6} {:8.1}",
        report.calls(),
        begun.elapsed().as_secs_f64()
    );
    ensure!(report.missing().is_none(), "{:?}", report.missing());
    let file = commit.file.context("a file")?;
    check_rows(&lake.path_of(&file), rows)?;
    let refused = emulator.requests().into_iter();
    let refused = refused
        .filter(|request| request.status == Some(429) && request.fault.is_none())
        .count();
    ensure!(
        refused == 0,
        "{refused} calls were refused for their number"
    );
    emulator.stop().await
}

/// Every number once.
fn check_rows(file: &Path, rows: i64) -> anyhow::Result<()> {
    let reader = ParquetRecordBatchReaderBuilder::try_new(File::open(file)?)?.build()?;
    let mut seen = vec![false; usize::try_from(rows)?];
    let mut count = 0;
    for batch in reader {
        let batch = batch?;
        let ids = batch.column_by_name("ReportId").context("a column")?;
        for id in ids.as_primitive::<Int64Type>().values() {
            let place = seen.get_mut(usize::try_from(*id)?).context("a row")?;
            ensure!(!*place, "row {id} is there twice");
            *place = true;
            count += 1;
        }
    }
    ensure!(count == rows, "{} rows are missing", rows - count);
    Ok(())
}
