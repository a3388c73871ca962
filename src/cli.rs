//! The command line: one file per subcommand below `cli/`. A subcommand parses its arguments,
//! calls the application or a noun, and prints; data goes to stdout, everything else to stderr.

mod hunts;
mod state;
pub mod terminal;

pub mod actions;
pub mod check;
pub mod doctor;
pub mod emulate;
pub mod explain;
pub mod findings;
pub mod fmt;
pub mod list;
pub mod next;
pub mod query;
pub mod quickstart;
pub mod resend;
pub mod run;
pub mod runs;
pub mod sample;
pub mod serve;

use std::path::PathBuf;
use std::process::ExitCode;

use clap::{Parser, Subcommand};

use crate::problem::Problems;

/// It ran, and what it looked at is fine.
pub const EXIT_OK: u8 = 0;
/// It ran, and something failed or was found wanting.
pub const EXIT_FAILED: u8 = 1;
/// The input was bad: arguments, configuration, hunts, a query.
pub const EXIT_BAD_INPUT: u8 = 2;

/// Runs KQL hunting queries on a schedule, keeps their results in a Parquet lake, and acts on
/// what they find.
#[derive(Debug, Parser)]
#[command(name = "huntd", version, arg_required_else_help = true)]
pub struct Cli {
    /// Options of every subcommand.
    #[command(flatten)]
    pub global: Global,
    /// What to do.
    #[command(subcommand)]
    pub command: Command,
}

/// Options of every subcommand.
#[derive(Clone, Debug, clap::Args)]
#[command(next_help_heading = "Options of every command")]
pub struct Global {
    /// Configuration file
    #[arg(
        long,
        global = true,
        env = "HUNTD_CONFIG",
        default_value = "config/huntd.yaml",
        value_name = "FILE"
    )]
    pub config: PathBuf,
    /// What is logged to stderr: off, error, warn, info, debug, trace, or a filter such as
    /// huntd=debug
    #[arg(long, global = true, env = "HUNTD_LOG", value_name = "FILTER")]
    pub log: Option<String>,
    /// Log as JSON lines
    #[arg(long, global = true, env = "HUNTD_LOG_JSON")]
    pub log_json: bool,
}

/// The subcommands.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Try everything: made-up telemetry, the bundled hunts, lake, findings and mails
    Quickstart(quickstart::Args),
    /// Run hunts by their schedules, and deliver what they find
    Serve(serve::Args),
    /// Run hunts once, now
    Run(run::Args),
    /// Run a KQL query, now
    Query(query::Args),
    /// Check configuration and hunts: form, names, types
    Check(check::Args),
    /// Put the queries of hunts into their canonical form
    Fmt(fmt::Args),
    /// Show the settings of a hunt, what it reads, how it detects, when it runs
    Explain(explain::Args),
    /// Show coming fire times with their windows
    Next(next::Args),
    /// List the hunts
    List(list::Args),
    /// List runs and what came of them
    Runs(runs::Args),
    /// List findings, or show one with its evidence
    Findings(findings::Args),
    /// List actions, and deliveries that wait or were given up
    Actions(actions::Args),
    /// Check whether everything that is needed is there and works
    Doctor(doctor::Args),
    /// Put deliveries that were given up back into the queue
    Resend(resend::Args),
    /// Write synthetic Defender telemetry with an intrusion in it
    Sample(sample::Args),
    /// Be a tenant: sign-in, hunting, Log Analytics and Kusto over files
    Emulate(Box<emulate::Args>),
}

/// Runs the subcommand and tells the exit code of the process.
pub async fn run(cli: Cli) -> ExitCode {
    let global = &cli.global;
    let result = match cli.command {
        Command::Quickstart(args) => quickstart::run(&args).await,
        Command::Serve(args) => serve::run(args, global).await,
        Command::Run(args) => run::run(args, global).await,
        Command::Query(args) => query::run(args, global).await,
        Command::Check(args) => check::run(&args, global),
        Command::Fmt(args) => fmt::run(&args, global),
        Command::Explain(args) => explain::run(args, global).await,
        Command::Next(args) => next::run(args, global).await,
        Command::List(args) => list::run(&args, global),
        Command::Runs(args) => runs::run(args, global).await,
        Command::Findings(args) => findings::run(args, global).await,
        Command::Actions(args) => actions::run(args, global).await,
        Command::Doctor(args) => doctor::run(args, global).await,
        Command::Resend(args) => resend::run(args, global).await,
        Command::Sample(args) => sample::run(&args),
        Command::Emulate(args) => emulate::run(*args, global).await,
    };
    result.unwrap_or_else(|error| {
        if let Some(problems) = error.downcast_ref::<Problems>() {
            terminal::print_note(problems.to_string().trim_end());
            return ExitCode::from(EXIT_BAD_INPUT);
        }
        terminal::print_error(&error);
        ExitCode::from(EXIT_FAILED)
    })
}
