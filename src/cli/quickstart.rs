//! `huntd quickstart`: everything, with nothing to set up.
//!
//! Writes a made-up company's telemetry, the hunts that huntd carries and a configuration into a
//! folder, and lets the same scheduler, runner and dispatcher as `huntd serve` work through the
//! last hours, as after a night of downtime. Time is the sample's, not the machine's.

mod bundle;
mod report;

use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::{Context as _, bail};
use chrono::{DateTime, DurationRound as _, TimeDelta, Utc};

use super::terminal::{print_line, print_note};
use crate::app::{App, Drained};
use crate::clock::{Clock as _, ManualClock, SystemClock};
use crate::run::RunStatus;
use crate::sample::{self, SampleOptions};
use crate::state::{RunFilter, RunStore as _};

/// Arguments of `huntd quickstart`.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// Folder to work in; an earlier quick start there is replaced
    #[arg(long, value_name = "DIR", default_value = "quickstart")]
    pub directory: PathBuf,
    /// Another seed makes another company
    #[arg(long, default_value_t = 1)]
    pub seed: u64,
}

/// Marks a folder as ours, to be replaced by the next quick start.
const MARKER: &str = ".huntd-quickstart";
/// How much telemetry is made up.
const DAYS: u32 = 2;
/// How many machines the company has.
const DEVICES: u32 = 40;
/// For how long huntd was "down": the windows of this time are run.
const DOWNTIME: TimeDelta = TimeDelta::hours(12);
/// When the clock stands after the telemetry's end, so that the last window is due.
const AFTERWARDS: TimeDelta = TimeDelta::minutes(10);
/// How often progress is shown.
const PROGRESS: Duration = Duration::from_millis(500);

/// Runs the quick start and prints what was found.
pub async fn run(args: &Args) -> anyhow::Result<ExitCode> {
    let began = Instant::now();
    let folder = &args.directory;
    let until = SystemClock
        .now()
        .duration_trunc(TimeDelta::hours(1))
        .context("rounding the present time")?;
    prepare(folder)?;

    print_note(&format!(
        "1/4  telemetry of {DEVICES} machines over {DAYS} days, an intrusion in it"
    ));
    let counts = sample::write(
        &folder.join("telemetry"),
        &SampleOptions {
            until,
            days: DAYS,
            devices: DEVICES,
            seed: args.seed,
            intrusion: true,
        },
    )
    .with_context(|| format!("cannot write telemetry to {}", folder.display()))?;
    let rows: u64 = counts.values().sum();
    print_note(&format!("     {rows} rows in {} tables", counts.len()));

    print_note(&format!(
        "2/4  {} hunts and a configuration",
        bundle::HUNTS.len()
    ));
    let config = write_configuration(folder)?;

    let clock = Arc::new(ManualClock::new(until - DOWNTIME));
    let app = App::open(&config, Arc::<ManualClock>::clone(&clock) as _).await?;
    app.take_over().await?;
    // The scheduler learns of the hunts before the hours that it is to have missed.
    app.schedule().await?;
    clock.set(until + AFTERWARDS);
    print_note(&format!(
        "3/4  the last {} hours, window by window",
        DOWNTIME.num_hours()
    ));
    let drained = drain_with_progress(&app).await?;
    print_note(&format!(
        "4/4  {} runs, {} mails, {:.1} s",
        drained.runs,
        drained.delivered.done,
        began.elapsed().as_secs_f64()
    ));

    let runs = app.store().runs(&RunFilter::default()).await?;
    let deliveries = report::deliveries_by_run(&app).await?;
    app.close().await;
    print_line(&report::text(folder, &config, until, &runs, &deliveries));
    let failed = runs.iter().any(|run| run.status != RunStatus::Complete);
    if failed || drained.delivered.dead > 0 {
        bail!(
            "something failed; `huntd --config {} runs` tells what",
            config.display()
        );
    }
    Ok(ExitCode::SUCCESS)
}

/// Makes the folder, or empties it if it is an earlier quick start's.
fn prepare(folder: &Path) -> anyhow::Result<()> {
    let shown = folder.display();
    if folder.join(MARKER).is_file() {
        std::fs::remove_dir_all(folder)
            .with_context(|| format!("cannot replace the earlier quick start in {shown}"))?;
    }
    let is_taken = std::fs::read_dir(folder).is_ok_and(|mut entries| entries.next().is_some());
    if is_taken {
        bail!("{shown} is not empty and not a quick start's; name another folder with --directory");
    }
    std::fs::create_dir_all(folder).with_context(|| format!("cannot make the folder {shown}"))?;
    std::fs::write(folder.join(MARKER), "").with_context(|| format!("cannot write to {shown}"))
}

/// Writes the hunts and `huntd.yaml`, whose path it answers with.
fn write_configuration(folder: &Path) -> anyhow::Result<PathBuf> {
    let write = |path: PathBuf, text: &str| -> anyhow::Result<PathBuf> {
        let parent = path.parent().unwrap_or(folder);
        std::fs::create_dir_all(parent)
            .and_then(|()| std::fs::write(&path, text))
            .with_context(|| format!("cannot write {}", path.display()))?;
        Ok(path)
    };
    for (path, text) in bundle::HUNTS {
        write(folder.join("queries").join(path), text)?;
    }
    write(folder.join("huntd.yaml"), &configuration(folder))
}

/// A YAML string is written as a JSON string is, so any path fits.
fn configuration(folder: &Path) -> String {
    let path = |name: &str| {
        serde_json::Value::from(folder.join(name).to_string_lossy().into_owned()).to_string()
    };
    let state = format!("sqlite:{}", folder.join("state.db").to_string_lossy());
    format!(
        "# Written by `huntd quickstart`. Paths are taken from the folder huntd is started in.\n\
         queries: [{queries}]\n\
         state: {state}\n\
         lake: {{url: {lake}}}\n\
         sources:\n\
         \x20 defender: {{kind: local, path: {telemetry}}}\n\
         actions:\n\
         \x20 soc-mail: {{kind: email, to: [soc@meridian.example], folder: {mail}}}\n\
         defaults: {{actions: [soc-mail]}}\n",
        queries = path("queries"),
        state = serde_json::Value::from(state),
        lake = path("lake"),
        telemetry = path("telemetry"),
        mail = path("mail"),
    )
}

/// Runs and delivers all that is due, and says now and then how far it is.
async fn drain_with_progress(app: &App) -> anyhow::Result<Drained> {
    let drain = app.drain();
    tokio::pin!(drain);
    let mut tick = tokio::time::interval(PROGRESS);
    tick.tick().await;
    loop {
        tokio::select! {
            drained = &mut drain => return Ok(drained?),
            _ = tick.tick() => {
                let runs = app.store().runs(&RunFilter::default()).await?;
                let done = runs.iter().filter(|run| run.finished_at.is_some()).count();
                let findings: u64 = runs.iter().map(|run| run.counts.new).sum();
                print_note(&format!("     {done} of {} windows, {findings} findings", runs.len()));
            }
        }
    }
}

/// A point in time as the command line takes it.
fn time_text(at: DateTime<Utc>) -> String {
    at.to_rfc3339_opts(chrono::SecondsFormat::Secs, true)
}
