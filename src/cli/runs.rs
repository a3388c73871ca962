//! `huntd runs`: what was run, and what came of it; of one run, also which parts of its window were
//! asked for, with which calls.

mod details;

use std::process::ExitCode;

use anyhow::Context as _;

use super::state::open_existing;
use super::terminal::{Format, new_table, print_line, print_note};
use super::{EXIT_FAILED, Global};
use crate::config;
use crate::id::{HuntName, RunId};
use crate::run::RunRecord;
use crate::state::{RunFilter, RunStore as _};

/// Arguments of `huntd runs`.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// Runs of this hunt only; or the id of a run, to show all that is known of it
    #[arg(value_name = "HUNT|RUN")]
    pub subject: Option<String>,
    /// List at most this many, newest first; 0 lists the newest 10,000
    #[arg(long, default_value_t = 50, value_name = "N")]
    pub limit: usize,
    /// How to print
    #[arg(long, value_enum, default_value_t)]
    pub format: Format,
}

/// Lists runs, or shows one.
pub async fn run(args: Args, global: &Global) -> anyhow::Result<ExitCode> {
    let loaded = config::load(&global.config)?;
    let store = open_existing(&loaded.config.state).await?;
    let subject = args.subject.as_deref();
    if let Some(id) = subject.and_then(|subject| subject.parse::<RunId>().ok()) {
        let record = match store {
            Some(store) => {
                let record = store.run(id).await?;
                store.close().await;
                record
            }
            None => None,
        };
        let Some(record) = record else {
            print_note(&format!(
                "error: there is no run {id}; `huntd runs` lists them"
            ));
            return Ok(ExitCode::from(EXIT_FAILED));
        };
        print_line(&match args.format {
            Format::Text => details::as_text(&record),
            Format::Json => serde_json::to_string(&record).context("cannot write it as JSON")?,
        });
        return Ok(ExitCode::SUCCESS);
    }
    let hunt = subject.map(HuntName::new).transpose()?;
    let mut runs = Vec::new();
    if let Some(store) = store {
        let filter = RunFilter {
            hunt,
            limit: args.limit,
        };
        runs = store.runs(&filter).await?;
        store.close().await;
    }
    print_line(&match args.format {
        Format::Text if runs.is_empty() => "nothing was run yet".to_owned(),
        Format::Text => as_text(&runs),
        Format::Json => serde_json::to_string(&runs).context("cannot write runs as JSON")?,
    });
    Ok(ExitCode::SUCCESS)
}

fn as_text(runs: &[RunRecord]) -> String {
    let columns = [
        "run", "hunt", "window", "status", "rows", "findings", "told", "took", "message",
    ];
    let mut table = new_table(&columns);
    for run in runs {
        let took = run.started_at.zip(run.finished_at).map(|(start, end)| {
            format!("{:.1}s", (end - start).num_milliseconds() as f64 / 1000.0)
        });
        table.add_row([
            run.request.id.to_string(),
            run.request.hunt.to_string(),
            run.request.window.to_string(),
            run.status.as_str().to_owned(),
            run.counts.rows.to_string(),
            format!("{} ({} new)", run.counts.matched, run.counts.new),
            run.counts.notified.to_string(),
            took.unwrap_or_default(),
            run.message.clone().unwrap_or_default(),
        ]);
    }
    table.to_string()
}
