//! `huntd sample`: writes synthetic Defender telemetry into a folder.

use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::{Context as _, ensure};
use chrono::{DateTime, DurationRound as _, TimeDelta, Utc};

use super::terminal::print_line;
use crate::clock::{Clock as _, SystemClock};
use crate::sample::{DEVICES_MIN, SampleOptions, write};

/// Arguments of `huntd sample`.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// Folder to write to; it is made if it is not there
    pub directory: PathBuf,
    /// How many days of telemetry
    #[arg(long, default_value_t = 2, value_parser = clap::value_parser!(u32).range(1..=366))]
    pub days: u32,
    /// How many machines, five of them servers
    #[arg(long, default_value_t = 25, value_parser = clap::value_parser!(u32).range(i64::from(DEVICES_MIN)..=20_000))]
    pub devices: u32,
    /// Another seed makes another company; the same one gives the same bytes
    #[arg(long, default_value_t = 1)]
    pub seed: u64,
    /// End of the telemetry, such as 2026-01-15T18:00:00Z [default: the present full hour]
    #[arg(long, value_name = "TIME")]
    pub until: Option<DateTime<Utc>>,
    /// Leave the intrusion out
    #[arg(long)]
    pub clean: bool,
}

/// Writes the sample and lists the tables.
pub fn run(args: &Args) -> anyhow::Result<ExitCode> {
    let now = SystemClock.now();
    let until = match args.until {
        Some(until) => until,
        None => now
            .duration_trunc(TimeDelta::hours(1))
            .context("rounding the present time")?,
    };
    ensure!(
        until.timestamp() > i64::from(args.days) * 86_400,
        "--until {until} is too early for {} days of telemetry",
        args.days
    );
    let options = SampleOptions {
        until,
        days: args.days,
        devices: args.devices,
        seed: args.seed,
        intrusion: !args.clean,
    };
    let directory = args.directory.display();
    let counts = write(&args.directory, &options)
        .with_context(|| format!("cannot write the sample to {directory}"))?;
    for (table, rows) in &counts {
        print_line(&format!("{table:<22} {rows:>9} rows"));
    }
    let start = until - TimeDelta::days(i64::from(args.days));
    print_line(&format!(
        "{directory}: {start} to {until}, seed {}",
        args.seed
    ));
    Ok(ExitCode::SUCCESS)
}
