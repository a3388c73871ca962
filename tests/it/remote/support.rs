//! An emulator over a small folder, and sources that ask it.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use arrow::array::RecordBatch;
use arrow::util::display::{ArrayFormatter, FormatOptions};
use chrono::{DateTime, Utc};
use futures::StreamExt as _;
use huntd::clock::{SharedClock, SystemClock};
use huntd::emulator::config::{ClientConfig, EmulatorConfig};
use huntd::emulator::{Emulator, RunningEmulator};
use huntd::run::report::SourceReport;
use huntd::source::{self, QuerySpec, Source, SourceConfig, SourceError, Surroundings, Turn};
use huntd::window::Window;
use kql::bind::Parameters;
use kql::window::Mode;
use serde_json::{Value, json};

pub(super) const TENANT: &str = "contoso.example";
pub(super) const CLIENT: &str = "00000000-0000-4000-8000-00000000c11e";
pub(super) const SECRET: &str = "a-secret-that-must-not-be-seen";

/// An emulator over a folder with the events of `rows` seconds, one a second.
pub(super) struct World {
    pub(super) emulator: RunningEmulator,
    pub(super) clock: SharedClock,
    folder: tempfile::TempDir,
}

/// What came of a query.
#[derive(Debug)]
pub(super) struct Got {
    pub(super) columns: Vec<String>,
    pub(super) rows: Vec<Vec<String>>,
    pub(super) report: SourceReport,
}

/// When the events begin.
pub(super) fn origin() -> DateTime<Utc> {
    "2026-01-05T00:00:00Z".parse().unwrap()
}

pub(super) fn window(seconds: i64) -> Window {
    let end = origin() + chrono::TimeDelta::seconds(seconds);
    Window::new(origin(), end).unwrap()
}

impl World {
    pub(super) async fn new(rows: u32, change: impl FnOnce(&mut EmulatorConfig)) -> Self {
        Self::with_clock(rows, Arc::new(SystemClock), change).await
    }

    pub(super) async fn with_clock(
        rows: u32,
        clock: SharedClock,
        change: impl FnOnce(&mut EmulatorConfig),
    ) -> Self {
        let folder = tempfile::tempdir().unwrap();
        write_events(folder.path(), rows);
        let mut config = EmulatorConfig::new(folder.path());
        config.clients = vec![ClientConfig::with_secret(CLIENT, SECRET)];
        change(&mut config);
        let emulator = Emulator::start(config, Arc::clone(&clock)).await.unwrap();
        Self {
            emulator,
            clock,
            folder,
        }
    }

    /// The configuration of a source of that kind, with further settings.
    pub(super) fn config(&self, kind: &str, more: &Value) -> SourceConfig {
        let url = self.emulator.url();
        let mut config = json!({
            "kind": kind,
            "tenant": TENANT,
            "authority": url,
            "url": url,
            "auth": {"kind": "secret", "client_id": CLIENT, "secret": SECRET},
        });
        match kind {
            "loganalytics" => config["workspace"] = json!("00000000-0000-4000-8000-000000000001"),
            "kusto" => config["database"] = json!("Hunting"),
            _ => {}
        }
        let more = more.as_object().cloned().unwrap_or_default();
        config.as_object_mut().unwrap().extend(more);
        serde_json::from_value(config).unwrap()
    }

    pub(super) fn source(&self, kind: &str, more: &Value) -> Arc<dyn Source> {
        let surroundings = Surroundings::new(Arc::clone(&self.clock));
        source::build(&self.config(kind, more), &surroundings).unwrap()
    }

    /// Puts a further table into the folder.
    pub(super) fn put(&self, table: &str, lines: &[Value]) {
        let lines: Vec<String> = lines.iter().map(Value::to_string).collect();
        let path = self.folder.path().join(format!("{table}.ndjson"));
        std::fs::write(path, lines.join("\n")).unwrap();
    }

    /// The same folder on the embedded engine.
    pub(super) fn local(&self) -> Arc<dyn Source> {
        source::local(&source::local::LocalConfig::new(self.folder.path()))
    }
}

pub(super) fn spec(text: &str, window: Option<Window>) -> QuerySpec {
    QuerySpec {
        text: text.to_owned(),
        parameters: Parameters::default(),
        window: window.unwrap_or_else(|| self::window(86_400)),
        window_applies: window.is_some(),
        window_mode: Mode::Event,
        stats: Arc::default(),
        now: None,
        // By a clock that may be fast.
        timeout: Duration::from_hours(24),
        turn: Turn {
            attempts: None,
            ..Turn::of_person()
        },
    }
}

/// Runs a query to its end.
pub(super) async fn run(source: &Arc<dyn Source>, spec: &QuerySpec) -> Result<Got, SourceError> {
    let mut result = source.query(spec).await?;
    let columns = result.schema.columns().iter();
    let columns = columns.map(|column| column.name.to_string()).collect();
    let mut rows = Vec::new();
    while let Some(batch) = result.batches.next().await {
        rows.extend(texts(&batch.map_err(SourceError::from)?));
    }
    let report = result.stats.report();
    let nothing = || SourceReport::new(spec.window);
    Ok(Got {
        columns,
        rows,
        report: report.unwrap_or_else(nothing),
    })
}

fn texts(batch: &RecordBatch) -> Vec<Vec<String>> {
    let options = FormatOptions::default().with_null("null");
    let columns: Vec<ArrayFormatter<'_>> = batch
        .columns()
        .iter()
        .map(|column| ArrayFormatter::try_new(column, &options).unwrap())
        .collect();
    let row = |row| {
        columns
            .iter()
            .map(|column| column.value(row).to_string())
            .collect()
    };
    (0..batch.num_rows()).map(row).collect()
}

/// One event a second on three devices, and each value in all forms.
fn write_events(folder: &Path, rows: u32) {
    let mut text = String::new();
    for row in 0..rows {
        let at = origin() + chrono::TimeDelta::seconds(i64::from(row));
        let event = json!({
            "Timestamp": at.to_rfc3339_opts(chrono::SecondsFormat::Secs, true),
            "TimeGenerated": at.to_rfc3339_opts(chrono::SecondsFormat::Secs, true),
            "DeviceName": format!("ws-{}", row % 3),
            "DeviceId": format!("{row:040}"),
            "FileName": if row % 5 == 0 { "powershell.exe" } else { "cmd.exe" },
            "ProcessId": row,
            "ProcessCommandLine": format!("run \"{row}\" \\ ü"),
            "AdditionalFields": format!("{{\"n\":{row}}}"),
        });
        text.push_str(&event.to_string());
        text.push('\n');
    }
    std::fs::write(folder.join("DeviceProcessEvents.ndjson"), text).unwrap();
}
