//! How fast, and in how much memory, the response to a hunting query becomes a file of the lake.
//!
//! `cargo bench --bench response_to_lake -- [FILE | -] [--spool]` reads a response of advanced
//! hunting in pieces of 64 KiB, decodes it, writes it into a Parquet lake, and prints the rate and
//! by how much the process grew; with `--spool`, rows wait for the end of the response in between,
//! as they do when huntd runs. Without a file it makes up a response of 100,000 rows of 50 columns;
//! `--keep FILE` leaves it there. `response_to_lake.py` does the same work with orjson and polars.

#![expect(clippy::print_stdout, reason = "a benchmark prints what it measured")]

use std::fs::File;
use std::io::{self, BufWriter, Read, Write as _};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Instant;

use anyhow::Context as _;
use bytes::Bytes;
use chrono::{DateTime, TimeDelta, Utc};
use datafusion::error::DataFusionError;
use datafusion::execution::SendableRecordBatchStream;
use datafusion::physical_plan::stream::RecordBatchStreamAdapter;
use futures::{Stream, StreamExt as _, stream};
use huntd::id::{HuntName, RunId};
use huntd::lake::{LakeConfig, WriteTarget};
use huntd::source::decode::{DecodeOptions, Event, Shape, decode};
use huntd::source::spool::Spool;
use huntd::window::Window;

/// As the program itself does.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

const ROWS: u64 = 100_000;
const PIECE_BYTES: usize = 64 << 10;

/// A figure of this process in MiB, from `/proc`.
fn process_mib(figure: &str) -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find(|line| line.starts_with(figure));
    let kib = line.and_then(|line| line.split_whitespace().nth(1)?.parse::<u64>().ok());
    kib.unwrap_or(0) / 1024
}

/// Writes a response of that many process events with 50 columns.
fn write_response(path: &Path, rows: u64, start: DateTime<Utc>) -> io::Result<()> {
    let mut columns: Vec<(String, &str)> = vec![
        ("Timestamp".to_owned(), "DateTime"),
        ("DeviceId".to_owned(), "String"),
        ("DeviceName".to_owned(), "String"),
        ("ActionType".to_owned(), "String"),
        ("ReportId".to_owned(), "Int64"),
        ("IsInitiatingProcessRemoteSession".to_owned(), "SByte"),
    ];
    for prefix in ["", "InitiatingProcess", "InitiatingProcessParent", "Remote"] {
        for (name, ty) in [
            ("FileName", "String"),
            ("FolderPath", "String"),
            ("SHA1", "String"),
            ("SHA256", "String"),
            ("MD5", "String"),
            ("ProcessId", "Int64"),
            ("ProcessCommandLine", "String"),
            ("ProcessCreationTime", "DateTime"),
            ("AccountName", "String"),
            ("AccountSid", "String"),
            ("AdditionalFields", "Object"),
        ] {
            columns.push((format!("{prefix}{name}"), ty));
        }
    }
    let mut file = BufWriter::new(File::create(path)?);
    file.write_all(b"{\"schema\":[")?;
    for (number, (name, ty)) in columns.iter().enumerate() {
        let comma = if number == 0 { "" } else { "," };
        write!(file, r#"{comma}{{"name":"{name}","type":"{ty}"}}"#)?;
    }
    file.write_all(b"],\"results\":[")?;
    for row in 0..rows {
        file.write_all(if row == 0 { b"{" } else { b",{" })?;
        let at = start + TimeDelta::milliseconds(row as i64 * 10);
        for (number, (name, _)) in columns.iter().enumerate() {
            let comma = if number == 0 { "" } else { "," };
            write!(file, "{comma}\"{name}\":")?;
            let some = (row / 8 + number as u64).wrapping_mul(0x9E37_79B9_7F4A_7C15);
            let few = some % 499;
            if name.ends_with("Timestamp") || name.ends_with("Time") {
                write!(file, "\"{}\"", at.format("%Y-%m-%dT%H:%M:%S%.6f0Z"))?;
            } else if name.ends_with("SHA256") {
                write!(file, r#""{some:064x}""#)?;
            } else if name.ends_with("MD5") {
                write!(file, r#""{some:032x}""#)?;
            } else if name.ends_with("SHA1") || name == "DeviceId" {
                write!(file, r#""{few:040x}""#)?;
            } else if name.ends_with("CommandLine") {
                write!(
                    file,
                    r#""\"C:\\Tools\\tool-{few}.exe\" --input C:\\data\\{some:x}""#
                )?;
            } else if name.ends_with("FolderPath") {
                write!(file, r#""C:\\Program Files\\Vendor {few}\\tool-{few}.exe""#)?;
            } else if name.ends_with("AdditionalFields") && row % 3 > 0 {
                write!(file, r#"{{"Signer":"Vendor {few}","IsSigned":true}}"#)?;
            } else if name.ends_with("AdditionalFields") {
                file.write_all(b"null")?;
            } else if name == "ReportId" {
                write!(file, "{row}")?;
            } else if name.ends_with("ProcessId") {
                write!(file, "{}", some % 65_536)?;
            } else if name.starts_with("Is") {
                write!(file, "{}", few.is_multiple_of(2))?;
            } else {
                write!(file, r#""{name}-{}""#, few % 17)?;
            }
        }
        file.write_all(b"}")?;
    }
    file.write_all(b"]}")?;
    file.flush()
}

/// The pieces in which a file arrives.
fn pieces(
    mut file: Box<dyn Read + Send>,
    bytes: Arc<AtomicU64>,
) -> impl Stream<Item = io::Result<Bytes>> {
    let pieces = std::iter::from_fn(move || {
        let mut piece = vec![0; PIECE_BYTES];
        match file.read(&mut piece) {
            Ok(0) => None,
            Ok(length) => {
                bytes.fetch_add(length as u64, Ordering::Relaxed);
                piece.truncate(length);
                Some(Ok(piece.into()))
            }
            Err(error) => Some(Err(error)),
        }
    });
    stream::iter(pieces)
}

fn failed(error: impl std::error::Error + Send + Sync + 'static) -> DataFusionError {
    DataFusionError::External(Box::new(error))
}

struct Arguments {
    file: Option<PathBuf>,
    keep: Option<PathBuf>,
    is_spooled: bool,
}

fn arguments() -> anyhow::Result<Arguments> {
    let mut arguments = Arguments {
        file: None,
        keep: None,
        is_spooled: false,
    };
    let mut given = std::env::args().skip(1);
    while let Some(argument) = given.next() {
        match argument.as_str() {
            "--spool" => arguments.is_spooled = true,
            "--keep" => arguments.keep = Some(given.next().context("--keep needs a file")?.into()),
            // Cargo's own.
            "--bench" => {}
            file => arguments.file = Some(file.into()),
        }
    }
    Ok(arguments)
}

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    huntd::memory::use_small_pages();
    let arguments = arguments()?;
    let folder = tempfile::tempdir()?;
    let start: DateTime<Utc> = "2026-01-15T00:00:00Z".parse()?;
    let file: Box<dyn Read + Send> = match &arguments.file {
        Some(path) if path.as_os_str() == "-" => Box::new(io::stdin()),
        Some(path) => Box::new(File::open(path)?),
        None => {
            let own = folder.path().join("response.json");
            let path = arguments.keep.as_ref().unwrap_or(&own);
            write_response(path, ROWS, start)?;
            Box::new(File::open(path)?)
        }
    };
    let url = folder.path().join("lake").to_string_lossy().into_owned();
    let lake = huntd::lake::build(&LakeConfig {
        url,
        ..LakeConfig::default()
    })?;
    let target = WriteTarget {
        hunt: HuntName::new("bench")?,
        window: Window::new(start, start + TimeDelta::days(1))?,
        run: RunId::generate(),
    };

    let before_mib = process_mib("VmRSS");
    let began = Instant::now();
    let bytes = Arc::new(AtomicU64::new(0));
    let options = DecodeOptions {
        shape: Shape::Hunting,
        expected: None,
    };
    let mut events = Box::pin(decode(pieces(file, Arc::clone(&bytes)), options));
    let Some(Event::Table { schema, arrow, .. }) = events.next().await.transpose()? else {
        anyhow::bail!("the response has no columns");
    };
    let rows_of = events.filter_map(|event| async {
        match event {
            Ok(Event::Batch(batch)) => Some(Ok(batch)),
            Ok(_) => None,
            Err(failure) => Some(Err(failed(failure))),
        }
    });
    let batches: SendableRecordBatchStream = if arguments.is_spooled {
        let mut spool = Spool::default();
        let mut rows_of = Box::pin(rows_of);
        while let Some(batch) = rows_of.next().await {
            spool.push(batch?).await?;
        }
        let spooled = spool.finish().await?;
        let place = if spooled.is_in_file() {
            "a file"
        } else {
            "memory"
        };
        let seconds = began.elapsed().as_secs_f64();
        println!("spooled in {place} after {seconds:.2} s");
        spooled.into_stream(arrow)
    } else {
        Box::pin(RecordBatchStreamAdapter::new(arrow, rows_of))
    };
    let commit = lake.write(&target, &schema, batches).await?;
    let seconds = began.elapsed().as_secs_f64();
    let peak_mib = process_mib("VmHWM");
    let megabytes = bytes.load(Ordering::Relaxed) as f64 / 1e6;
    println!(
        "response to lake: {} rows of {} columns, {megabytes:.0} MB in {seconds:.2} s, {:.0} MB/s",
        commit.rows,
        schema.len(),
        megabytes / seconds
    );
    println!("Parquet: {:.1} MB", commit.bytes as f64 / 1e6);
    println!(
        "memory: {} MiB over the {before_mib} MiB before",
        peak_mib.saturating_sub(before_mib)
    );
    Ok(())
}
