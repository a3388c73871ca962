//! `huntd query`: one KQL query, now, over a source or a folder of files.

mod batch;
mod books;
mod output;
mod tables;

use std::io::{IsTerminal as _, Read as _};
use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use anyhow::{Context as _, bail, ensure};
use chrono::{DateTime, Utc};
use kql::bind::Parameters;
use kql::window::Mode;

use super::terminal::print_note;
use super::{EXIT_BAD_INPUT, EXIT_FAILED, Global};
use crate::clock::{Clock as _, SystemClock};
use crate::id::SourceName;
use crate::source::local::LocalConfig;
use crate::source::schema::{Family, KnownTables};
use crate::source::{self, QuerySpec, Source, SourceConfig, SourceError, Turn};
use crate::window::Window;

use self::books::Books;

pub use output::Format;

/// Arguments of `huntd query`.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  huntd query --data telemetry 'DeviceProcessEvents | summarize count() by FileName | top 10 by count_'
  huntd query --data telemetry -f queries/execution/encoded-powershell.kql --format ndjson
  echo 'print now()' | huntd query")]
pub struct Args {
    /// KQL text; without it, or with `-`, it is read from stdin
    #[arg(value_name = "KQL", conflicts_with = "file")]
    pub text: Option<String>,
    /// Read the query from this file
    #[arg(short, long, value_name = "FILE")]
    pub file: Option<PathBuf>,
    /// Run it on this source of the configuration [default: the default source, or the only one]
    #[arg(long, value_name = "NAME", conflicts_with = "data")]
    pub source: Option<String>,
    /// Run it on the files in this folder: <Table>/**/*.parquet|ndjson|json|csv or <Table>.<ext>
    #[arg(long, value_name = "DIR")]
    pub data: Option<PathBuf>,
    /// Confine tables with a time column to events from this time on
    #[arg(long, value_name = "TIME")]
    pub from: Option<DateTime<Utc>>,
    /// Confine them to events before this time, which `now()` is then [default: now]
    #[arg(long, value_name = "TIME")]
    pub to: Option<DateTime<Utc>>,
    /// How to write the result [default: table on a terminal, ndjson elsewhere]
    #[arg(long, value_enum)]
    pub format: Option<Format>,
    /// Write the result to this file instead of stdout; of several tables as CSV or Parquet to a
    /// file each, with its name before the extension
    #[arg(short, long, value_name = "FILE")]
    pub output: Option<PathBuf>,
    /// Give up after this many seconds
    #[arg(long, value_name = "SECONDS", default_value_t = 600)]
    pub timeout: u64,
    /// Answer JSON lines of {"id", "query", "tables"?} from stdin with JSON lines of {"id",
    /// "columns", "rows", "error"}, and "tables" where there are several. The tables of a question
    /// are {"T": [{"name", "type"}]}, have no rows and exist for it alone; `externaldata` and
    /// functions that answer from tables find none, either
    #[arg(long, conflicts_with_all = ["text", "file", "source", "data", "format", "output", "from"])]
    pub batch: bool,
    /// With --batch: tell columns and types or errors, and run nothing
    #[arg(long, requires = "batch")]
    pub bind_only: bool,
    /// With --bind-only: tables of questions that bring none
    #[arg(
        long,
        value_enum,
        value_name = "FAMILY",
        requires = "bind_only",
        default_value = "all"
    )]
    pub catalog: Family,
    /// With --bind-only: take any name for a table, and any name for a column of such a table
    #[arg(long, requires = "bind_only")]
    pub any_table: bool,
}

/// Runs the query and writes its rows.
pub async fn run(args: Args, global: &Global) -> anyhow::Result<ExitCode> {
    let now = args.to.unwrap_or_else(|| SystemClock.now());
    if args.batch {
        let now = kql_datafusion::types::unix_ns_to_ticks(
            now.timestamp_nanos_opt()
                .context("--to is outside 1677 to 2262")?,
        );
        let mut known = KnownTables::default().with_family(args.catalog);
        if args.any_table {
            known = known.with_any_table();
        }
        let batch = batch::Batch {
            now,
            bind_only: args.bind_only.then(|| known.tables(None)),
        };
        batch
            .answer_all(std::io::stdin().lock(), std::io::stdout().lock())
            .await?;
        return Ok(ExitCode::SUCCESS);
    }
    let text = match query_text(&args) {
        Ok(text) => text,
        Err(error) => {
            super::terminal::print_error(&error);
            return Ok(ExitCode::from(EXIT_BAD_INPUT));
        }
    };
    let spec = spec(&args, text, now)?;
    let (source, books) = source(&args, global).await?;
    let code = answer(&args, &spec, &source).await;
    books.close().await;
    code
}

async fn answer(
    args: &Args,
    spec: &QuerySpec,
    source: &Arc<dyn Source>,
) -> anyhow::Result<ExitCode> {
    let format = args
        .format
        .unwrap_or_else(|| default_format(args.output.is_some()));
    if format == Format::Parquet && args.output.is_none() && std::io::stdout().is_terminal() {
        bail!("Parquet is not for a terminal; name a file with --output");
    }
    let results = match source.results(spec).await {
        Ok(results) => results,
        Err(error) => return Ok(report(&error)),
    };
    // All results of a query have the same.
    let stats = results.first().map(|result| Arc::clone(&result.stats));
    if let Err(error) = tables::write(results, format, args.output.as_deref()).await {
        return match error.downcast::<SourceError>() {
            Ok(error) => Ok(report(&error)),
            Err(error) if is_closed_pipe(&error) => Ok(ExitCode::SUCCESS),
            Err(error) => Err(error),
        };
    }
    if let Some(missing) = stats.as_ref().and_then(|stats| stats.missing()) {
        print_note(&format!("error: the result is not complete: {missing}"));
        return Ok(ExitCode::from(EXIT_FAILED));
    }
    let skipped = stats.map_or(0, |stats| stats.skipped_inputs.load(Ordering::Relaxed));
    if skipped > 0 {
        print_note(&format!(
            "note: {skipped} malformed lines or files were skipped"
        ));
    }
    Ok(ExitCode::SUCCESS)
}

fn query_text(args: &Args) -> anyhow::Result<String> {
    let text = args.text.as_deref();
    match (&args.file, text) {
        (Some(path), _) => std::fs::read_to_string(path)
            .with_context(|| format!("cannot read the query from {}", path.display())),
        (None, None) if std::io::stdin().is_terminal() => {
            bail!("no query: give KQL text, --file FILE, or pipe it to stdin")
        }
        (None, Some("-") | None) => {
            let mut text = String::new();
            std::io::stdin()
                .read_to_string(&mut text)
                .context("cannot read the query from stdin")?;
            if text.trim().is_empty() {
                bail!("no query: give KQL text, --file FILE, or pipe it to stdin");
            }
            Ok(text)
        }
        (None, Some(text)) => Ok(text.to_owned()),
    }
}

fn spec(args: &Args, text: String, now: DateTime<Utc>) -> anyhow::Result<QuerySpec> {
    let start = args.from.unwrap_or(DateTime::UNIX_EPOCH);
    ensure!(start < now, "--from {start} does not lie before --to {now}");
    Ok(QuerySpec {
        text,
        parameters: Parameters::default(),
        window: Window::new(start, now)?,
        window_applies: args.from.is_some(),
        window_mode: Mode::Event,
        stats: Arc::default(),
        now: None,
        timeout: Duration::from_secs(args.timeout),
        turn: Turn::of_person(),
    })
}

async fn source(args: &Args, global: &Global) -> anyhow::Result<(Arc<dyn Source>, Books)> {
    if let Some(folder) = &args.data {
        let source = source::local(&LocalConfig::new(folder));
        return Ok((source, Books::none()));
    }
    let shown = global.config.display();
    if args.source.is_none() && !global.config.exists() {
        bail!("say where to run it: --data DIR, or --source NAME of {shown}, which is not there");
    }
    let config = crate::config::load(&global.config)?.config;
    let (declared, state) = (config.catalog, config.state);
    let only = match &config.sources.keys().collect::<Vec<_>>()[..] {
        [name] => Some((*name).clone()),
        _ => None,
    };
    let named = args.source.as_deref().map(SourceName::new).transpose()?;
    let Some(name) = named.or(config.defaults.source).or(only) else {
        bail!("say where to run it: --data DIR, or --source NAME of {shown}");
    };
    let Some(config) = config.sources.get(&name) else {
        let names: Vec<&str> = config.sources.keys().map(SourceName::as_str).collect();
        bail!("no source `{name}` in {shown}; it has {}", names.join(", "));
    };
    let books = match config {
        SourceConfig::Local(_) => Books::none(),
        _ => Books::open(&state).await,
    };
    let surroundings = source::Surroundings {
        declared: Arc::new(declared.catalog()),
        broker: Arc::clone(books.broker()),
        ..source::Surroundings::new(Arc::new(SystemClock))
    };
    Ok((source::build(config, &surroundings)?, books))
}

fn default_format(to_file: bool) -> Format {
    let for_a_person = !to_file && super::terminal::stdout_is_terminal();
    if for_a_person {
        Format::Table
    } else {
        Format::Ndjson
    }
}

fn report(error: &SourceError) -> ExitCode {
    print_note(&error.to_string());
    let bad_input = matches!(
        error,
        SourceError::InvalidQuery { .. } | SourceError::Refused(_)
    );
    ExitCode::from(if bad_input {
        EXIT_BAD_INPUT
    } else {
        EXIT_FAILED
    })
}

fn is_closed_pipe(error: &anyhow::Error) -> bool {
    let kind = |cause: &(dyn std::error::Error + 'static)| {
        cause
            .downcast_ref::<std::io::Error>()
            .map(std::io::Error::kind)
    };
    error
        .chain()
        .filter_map(kind)
        .any(|kind| kind == std::io::ErrorKind::BrokenPipe)
}
