//! What the quick start found, for people to read.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use chrono::{DateTime, TimeDelta, Utc};
use comfy_table::{CellAlignment, ContentArrangement, Table, presets};

use super::time_text;
use crate::app::App;
use crate::id::RunId;
use crate::run::RunRecord;
use crate::state::{Outbox as _, StateError};

/// Actions told by each run.
pub(super) type DeliveriesByRun = BTreeMap<RunId, BTreeSet<String>>;

/// Reads from the outbox which actions each run told.
pub(super) async fn deliveries_by_run(app: &App) -> Result<DeliveriesByRun, StateError> {
    let mut by_run = DeliveriesByRun::new();
    for delivery in app.store().deliveries(None, 0).await? {
        let actions = by_run.entry(delivery.alert.run).or_default();
        actions.insert(delivery.action.to_string());
    }
    Ok(by_run)
}

/// The table of windows with findings, where the mails are, and what to try next.
pub(super) fn text(
    folder: &Path,
    config: &Path,
    until: DateTime<Utc>,
    runs: &[RunRecord],
    deliveries: &DeliveriesByRun,
) -> String {
    let mut loud: Vec<&RunRecord> = runs.iter().filter(|run| run.counts.matched > 0).collect();
    loud.sort_by_key(|run| (run.request.window, run.request.hunt.clone()));
    let quiet = runs.len() - loud.len();

    let mut table = Table::new();
    table.load_preset(presets::UTF8_BORDERS_ONLY);
    table.set_content_arrangement(ContentArrangement::Disabled);
    table.set_header([
        "hunt",
        "window (UTC)",
        "rows",
        "findings",
        "actions",
        "file in the lake",
    ]);
    for number in [2, 3] {
        if let Some(column) = table.column_mut(number) {
            column.set_cell_alignment(CellAlignment::Right);
        }
    }
    for run in &loud {
        let told = deliveries.get(&run.request.id);
        let told: Vec<&str> = told.into_iter().flatten().map(String::as_str).collect();
        table.add_row([
            run.request.hunt.to_string(),
            window_text(run),
            run.counts.rows.to_string(),
            findings_text(run),
            told.join(", "),
            file_text(run),
        ]);
    }
    let (shown, config) = (folder.display(), config.display());
    let from = time_text(until - TimeDelta::days(1));
    let to = time_text(until);
    format!(
        "\n{table}\n\
         {quiet} more windows were searched and are quiet.\n\n\
         The mails are in {shown}/mail: open one in a mail program.\n\
         The results are in {shown}/lake: Parquet, one file a window.\n\n\
         Try next:\n\
         \x20 huntd query --data {shown}/telemetry --from {from} --to {to} \\\n\
         \x20   'DeviceProcessEvents | summarize count() by FileName | top 10 by count_'\n\
         \x20 huntd --config {config} findings\n\
         \x20 huntd --config {config} explain encoded-powershell\n\
         \x20 (from the source tree: cargo run --release -- …)"
    )
}

fn window_text(run: &RunRecord) -> String {
    let window = run.request.window;
    let start = window.start().format("%m-%d %H:%M");
    format!("{start} – {}", window.end().format("%H:%M"))
}

fn findings_text(run: &RunRecord) -> String {
    match (run.counts.new, run.counts.suppressed) {
        (new, 0) => new.to_string(),
        (new, told) => format!("{new} (+{told} told before)"),
    }
}

/// The end of the path: hunt and day stand in the row already.
fn file_text(run: &RunRecord) -> String {
    let file = run.file.as_deref().unwrap_or("");
    let name = file.rsplit('/').next().unwrap_or("");
    let partition = file.split('/').nth(1).unwrap_or("");
    if name.is_empty() {
        return String::new();
    }
    let short: String = name.chars().take(33).collect();
    format!("{partition}/{short}-….parquet")
}
