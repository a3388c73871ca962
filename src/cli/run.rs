//! `huntd run`: runs hunts once, now.

use std::process::ExitCode;
use std::sync::Arc;

use anyhow::{Context as _, bail};
use chrono::{DateTime, SubsecRound as _, TimeDelta, Utc};

use super::terminal::{new_table, print_line, print_note};
use super::{EXIT_BAD_INPUT, EXIT_FAILED, Global};
use crate::app::App;
use crate::clock::SystemClock;
use crate::hunt::Hunt;
use crate::id::RunId;
use crate::run::{RunRequest, RunStatus, Trigger};
use crate::schedule::Schedule;
use crate::state::{Outbox as _, RunOutcome, StateError};
use crate::telemetry;
use crate::window::Window;

/// Window of a hunt that has neither a schedule nor a lookback.
const DEFAULT_LENGTH: TimeDelta = TimeDelta::days(1);

/// Arguments of `huntd run`.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Exit code: 0 when all hunts ran, 1 when one failed, 2 when the input was bad.

Examples:
  huntd run encoded-powershell
  huntd run encoded-powershell --from 2026-01-02T00:00:00Z --to 2026-01-03T00:00:00Z --dry-run")]
pub struct Args {
    /// Names of hunts
    #[arg(required = true, value_name = "HUNT")]
    pub hunts: Vec<String>,
    /// Start of the window [default: that of the last window due by the hunt's schedule]
    #[arg(long, value_name = "TIME")]
    pub from: Option<DateTime<Utc>>,
    /// End of the window [default: now with `--from`, else that of the last window due]
    #[arg(long, value_name = "TIME")]
    pub to: Option<DateTime<Utc>>,
    /// Say what would be told; record, keep and send nothing
    #[arg(long)]
    pub dry_run: bool,
}

/// Runs the hunts one after the other, delivers what they found, and lists what they came to.
pub async fn run(args: Args, global: &Global) -> anyhow::Result<ExitCode> {
    telemetry::start(
        global.log.as_deref().unwrap_or(telemetry::COMMAND),
        global.log_json,
    )?;
    let app = App::open(&global.config, Arc::new(SystemClock)).await?;
    let now = app.clock().now();
    let mut requests = Vec::new();
    for name in &args.hunts {
        match requested(&app, name, &args, now) {
            Ok(request) => requests.push(request),
            Err(error) => {
                print_note(&format!("error: {error:#}"));
                return Ok(ExitCode::from(EXIT_BAD_INPUT));
            }
        }
    }
    let outcomes = if args.dry_run {
        rehearse(&app, &requests).await?
    } else {
        execute(&app, &requests).await?
    };
    let failed = outcomes
        .iter()
        .any(|outcome| outcome.record.status == RunStatus::Failed);
    app.close().await;
    Ok(if failed {
        ExitCode::from(EXIT_FAILED)
    } else {
        ExitCode::SUCCESS
    })
}

type Requested = (Arc<Hunt>, RunRequest);

fn requested(app: &App, name: &str, args: &Args, now: DateTime<Utc>) -> anyhow::Result<Requested> {
    let hunts = app.hunts();
    let Some(hunt) = hunts.get(name) else {
        match hunts.nearest(name) {
            Some(nearest) => bail!("unknown hunt `{name}`; did you mean `{nearest}`?"),
            None => bail!("unknown hunt `{name}`; `huntd list` lists those there are"),
        }
    };
    let request = RunRequest {
        id: RunId::generate(),
        hunt: hunt.name.clone(),
        window: window_of(hunt, args.from, args.to, now)?,
        fire_time: now,
        not_before: now,
        trigger: Trigger::Manual,
        attempt: 1,
    };
    Ok((Arc::clone(hunt), request))
}

/// The window asked for, else the last one due. State keeps microseconds, so they are what is run.
fn window_of(
    hunt: &Hunt,
    from: Option<DateTime<Utc>>,
    to: Option<DateTime<Utc>>,
    now: DateTime<Utc>,
) -> anyhow::Result<Window> {
    let last = last_due(hunt, now)?;
    let (start, end) = match (from, to) {
        (Some(from), to) => (from, to.unwrap_or(now)),
        (None, Some(to)) => (to - last.length(), to),
        (None, None) => (last.start(), last.end()),
    };
    Ok(Window::new(start.trunc_subsecs(6), end.trunc_subsecs(6))?)
}

fn last_due(hunt: &Hunt, now: DateTime<Utc>) -> anyhow::Result<Window> {
    let before = |schedule: &Schedule| {
        let fire_time = schedule.last_at_or_before(now)?;
        let previous = schedule.last_at_or_before(fire_time - TimeDelta::milliseconds(1))?;
        Some((fire_time, previous - hunt.window.delay))
    };
    let window = match hunt.schedule.as_ref().and_then(before) {
        Some((fire_time, previous_end)) => hunt.window.window(fire_time, previous_end),
        None if hunt.window.lookback.is_zero() => {
            let end = now - hunt.window.delay;
            Window::new(end - DEFAULT_LENGTH, end)
        }
        None => hunt
            .window
            .window(now, now - hunt.window.delay - hunt.window.lookback),
    };
    window.with_context(|| format!("hunt `{}` has no window at {now}", hunt.name))
}

async fn execute(app: &App, requests: &[Requested]) -> anyhow::Result<Vec<RunOutcome>> {
    let delivers = match app.take_over().await {
        Ok(()) => true,
        Err(StateError::InUse { .. }) => false,
        Err(error) => return Err(error.into()),
    };
    let mut outcomes = Vec::new();
    for (hunt, request) in requests {
        outcomes.push(app.run_now(hunt, request).await?);
    }
    if delivers {
        app.deliver_due().await?;
    }
    let mut told = Vec::new();
    for outcome in &outcomes {
        told.push(told_by(app, outcome).await?);
    }
    print_line(&table(&outcomes, &told));
    print_messages(&outcomes);
    let queued = outcomes
        .iter()
        .any(|outcome| !outcome.deliveries.is_empty());
    if queued && !delivers {
        print_note("another huntd serves from the same state: it delivers what was found");
    }
    Ok(outcomes)
}

async fn rehearse(app: &App, requests: &[Requested]) -> anyhow::Result<Vec<RunOutcome>> {
    let mut outcomes = Vec::new();
    for (hunt, request) in requests {
        outcomes.push(app.rehearse(hunt, request).await?);
    }
    let told: Vec<String> = outcomes
        .iter()
        .map(|outcome| {
            let actions = outcome
                .deliveries
                .iter()
                .map(|delivery| delivery.action.as_str());
            actions
                .map(|action| format!("{action} (not sent)"))
                .collect::<Vec<_>>()
                .join(", ")
        })
        .collect();
    for outcome in &mut outcomes {
        outcome.record.file = None;
    }
    print_line(&table(&outcomes, &told));
    for stored in outcomes.iter().flat_map(|outcome| &outcome.findings) {
        let finding = &stored.finding;
        let fate = stored.suppressed.as_deref().unwrap_or("new");
        print_line(&format!(
            "{} [{}] {}: {fate}",
            finding.hunt, finding.severity, finding.title
        ));
    }
    print_messages(&outcomes);
    print_note("dry run: nothing was recorded, kept or sent");
    Ok(outcomes)
}

fn table(outcomes: &[RunOutcome], told: &[String]) -> String {
    let mut table = new_table(&[
        "hunt", "window", "status", "rows", "findings", "actions", "file",
    ]);
    for (outcome, told) in outcomes.iter().zip(told) {
        let record = &outcome.record;
        table.add_row([
            record.request.hunt.to_string(),
            record.request.window.to_string(),
            record.status.as_str().to_owned(),
            record.counts.rows.to_string(),
            format!("{} ({} new)", record.counts.matched, record.counts.new),
            told.clone(),
            record.file.clone().unwrap_or_default(),
        ]);
    }
    table.to_string()
}

fn print_messages(outcomes: &[RunOutcome]) {
    for outcome in outcomes {
        if let Some(message) = &outcome.record.message {
            print_note(&format!("{}: {message}", outcome.record.request.hunt));
        }
    }
}

/// How the deliveries of a run stand.
async fn told_by(app: &App, outcome: &RunOutcome) -> anyhow::Result<String> {
    let mut parts = Vec::new();
    for queued in &outcome.deliveries {
        let delivery = app.store().delivery(queued.id).await?;
        let status = delivery.map_or("pending", |delivery| delivery.status.as_str());
        parts.push(format!("{}: {status}", queued.action));
    }
    Ok(parts.join(", "))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::scheduler::tests::{hunt, instant};

    fn window(hunt: &Hunt, from: Option<&str>, to: Option<&str>) -> String {
        let now = instant("2026-01-02T03:07:30Z");
        window_of(hunt, from.map(instant), to.map(instant), now)
            .unwrap()
            .key()
    }

    #[test]
    fn the_window_is_the_one_asked_for_or_the_last_due() {
        let hourly = hunt("a", "0 * * * *");
        assert_eq!(
            window(&hourly, None, None),
            "20260102T020000Z-20260102T030000Z"
        );
        let from = Some("2026-01-02T01:00:00Z");
        assert_eq!(
            window(&hourly, from, None),
            "20260102T010000Z-20260102T030730Z"
        );
        let to = Some("2026-01-02T02:30:00Z");
        assert_eq!(
            window(&hourly, from, to),
            "20260102T010000Z-20260102T023000Z"
        );
        assert_eq!(
            window(&hourly, None, to),
            "20260102T013000Z-20260102T023000Z"
        );
    }

    #[test]
    fn a_hunt_without_schedule_looks_back_from_now() {
        let mut plain = hunt("a", "0 * * * *");
        plain.schedule = None;
        assert_eq!(
            window(&plain, None, None),
            "20260101T030730Z-20260102T030730Z"
        );
        plain.window.lookback = TimeDelta::hours(1);
        plain.window.delay = TimeDelta::minutes(7);
        assert_eq!(
            window(&plain, None, None),
            "20260102T020030Z-20260102T030030Z"
        );
    }

    #[test]
    fn a_window_that_ends_before_it_starts_is_refused() {
        let now = instant("2026-01-02T03:00:00Z");
        let from = Some(instant("2026-01-03T00:00:00Z"));
        let error = window_of(&hunt("a", "0 * * * *"), from, None, now).unwrap_err();
        assert!(error.to_string().contains("not after its start"), "{error}");
    }
}
