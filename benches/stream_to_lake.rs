//! How fast, and in how much memory, a large result streams from the source into the lake.
//!
//! `cargo bench --bench stream_to_lake -- [ROWS]` (5,000,000 rows) writes a table of that many
//! process events as NDJSON, runs a query that returns every row on the source `local`, streams it
//! into a Parquet lake, and prints the rates and the process's peak resident memory.

#![expect(clippy::print_stdout, reason = "a benchmark prints what it measured")]

use std::io::Write as _;
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use chrono::{DateTime, TimeDelta, Utc};
use huntd::id::{HuntName, RunId};
use huntd::lake::{LakeConfig, WriteTarget};
use huntd::source::local::LocalConfig;
use huntd::source::{QuerySpec, Turn};
use huntd::window::Window;
use kql::bind::Parameters;
use kql::window::Mode;

/// Peak resident memory of this process in MiB, from `/proc`.
fn peak_resident_mib() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status
        .lines()
        .find(|line| line.starts_with("VmHWM:"))
        .unwrap_or_default();
    line.split_whitespace()
        .nth(1)
        .and_then(|kib| kib.parse::<u64>().ok())
        .unwrap_or(0)
        / 1024
}

fn write_events(folder: &Path, rows: u64, start: DateTime<Utc>) -> std::io::Result<u64> {
    let path = folder.join("DeviceProcessEvents.ndjson");
    let mut file = std::io::BufWriter::new(std::fs::File::create(&path)?);
    for row in 0..rows {
        let at = start + TimeDelta::milliseconds(row as i64 * 10);
        let hash = row.wrapping_mul(0x9E37_79B9_7F4A_7C15);
        writeln!(
            file,
            concat!(
                r#"{{"Timestamp":"{}","DeviceId":"{:040x}","DeviceName":"ws-{:04}.example","#,
                r#""ActionType":"ProcessCreated","FileName":"tool-{}.exe","SHA1":"{:040x}","#,
                r#""ProcessCommandLine":"tool-{}.exe --input C:\\data\\{:x} --mode {}","#,
                r#""AccountName":"user{}","ProcessId":{},"ReportId":{}}}"#
            ),
            at.format("%Y-%m-%dT%H:%M:%S%.6fZ"),
            hash % 997,
            hash % 997,
            hash % 89,
            hash,
            hash % 89,
            hash,
            hash % 7,
            hash % 499,
            hash % 65_536,
            row,
        )?;
    }
    file.flush()?;
    Ok(std::fs::metadata(path)?.len())
}

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    let rows = std::env::args()
        .find_map(|argument| argument.parse().ok())
        .unwrap_or(5_000_000);
    let folder = tempfile::tempdir()?;
    let start: DateTime<Utc> = "2026-01-15T00:00:00Z".parse()?;
    let bytes = write_events(folder.path(), rows, start)?;
    println!("telemetry: {rows} rows, {} MB of NDJSON", bytes / 1_000_000);

    let source = huntd::source::local(&LocalConfig::new(folder.path()));
    let url = folder.path().join("lake").to_string_lossy().into_owned();
    let lake = huntd::lake::build(&LakeConfig {
        url,
        ..LakeConfig::default()
    })?;
    let window = Window::new(start, start + TimeDelta::milliseconds(rows as i64 * 10 + 1))?;
    let spec = QuerySpec {
        text: "DeviceProcessEvents | where isnotempty(FileName)".to_owned(),
        parameters: Parameters::default(),
        window,
        window_applies: true,
        window_mode: Mode::Event,
        stats: Arc::default(),
        now: None,
        timeout: Duration::from_hours(1),
        turn: Turn::of_person(),
    };
    let began = Instant::now();
    let result = source.query(&spec).await?;
    let target = WriteTarget {
        hunt: HuntName::new("bench")?,
        window,
        run: RunId::generate(),
    };
    let schema = result.schema.clone();
    let commit = lake.write(&target, &schema, result.batches).await?;
    let seconds = began.elapsed().as_secs_f64();
    anyhow::ensure!(
        commit.rows == rows,
        "{} rows of {rows} arrived",
        commit.rows
    );
    println!(
        "source to lake: {seconds:.1} s, {:.0} rows/s, {:.0} MB/s of NDJSON, {} MB of Parquet",
        rows as f64 / seconds,
        bytes as f64 / 1e6 / seconds,
        commit.bytes / 1_000_000
    );
    println!("peak resident memory: {} MiB", peak_resident_mib());
    Ok(())
}
