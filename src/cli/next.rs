//! `huntd next`: coming fire times with their windows, in the schedule's local time.

use std::collections::BTreeMap;
use std::process::ExitCode;
use std::sync::Arc;

use chrono::{DateTime, SecondsFormat, Utc};
use serde_json::json;

use super::hunts::{load, select};
use super::state::open_existing;
use super::terminal::{Format, new_table, print_line, print_note};
use super::{EXIT_BAD_INPUT, EXIT_OK, Global};
use crate::clock::{Clock as _, SystemClock};
use crate::hunt::Hunt;
use crate::id::HuntName;
use crate::schedule::{Due, Schedule, due, initial_watermark};
use crate::state::ScheduleStore as _;
use crate::state::config::StateConfig;

/// Arguments of `huntd next`.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// Hunts [default: all that are scheduled]
    pub hunts: Vec<String>,
    /// How many fire times of each
    #[arg(long, default_value_t = 3, value_parser = clap::value_parser!(u32).range(1..=1000))]
    pub count: u32,
    /// How fire times are printed
    #[arg(long, value_enum, default_value_t)]
    pub format: Format,
}

/// A fire time that will come, or that has come and whose window waits.
#[derive(Clone, Copy, Debug)]
pub(super) struct Coming {
    /// Fire time and window.
    pub(super) due: Due,
    /// Whether the fire time lies in the past.
    pub(super) is_due: bool,
}

/// Lists coming fire times, the soonest first.
pub async fn run(args: Args, global: &Global) -> anyhow::Result<ExitCode> {
    let (loaded, set) = load(&global.config)?;
    let Some(hunts) = select(&set, &args.hunts) else {
        return Ok(ExitCode::from(EXIT_BAD_INPUT));
    };
    let now = SystemClock.now();
    let watermarks = watermarks(&loaded.config.state, &hunts, now).await?;
    let mut rows: Vec<(Arc<Hunt>, Coming)> = Vec::new();
    for hunt in hunts {
        let is_asked_for = !args.hunts.is_empty();
        if hunt.schedule.is_none() || !hunt.enabled {
            if is_asked_for {
                let why = if hunt.enabled {
                    "has no schedule"
                } else {
                    "is disabled"
                };
                print_note(&format!("{}: the hunt {why}", hunt.name));
            }
            continue;
        }
        let watermark = watermarks.get(&hunt.name).copied().unwrap_or(now);
        for coming in coming(&hunt, watermark, now, args.count as usize) {
            rows.push((Arc::clone(&hunt), coming));
        }
    }
    rows.sort_by(|left, right| {
        let key = |row: &(Arc<Hunt>, Coming)| (row.1.due.fire_time, row.0.name.clone());
        key(left).cmp(&key(right))
    });
    match args.format {
        Format::Json => {
            let list: Vec<_> = rows
                .iter()
                .map(|(hunt, coming)| to_json(hunt, *coming))
                .collect();
            print_line(&serde_json::Value::Array(list).to_string());
        }
        Format::Text => print_line(&table(&rows)),
    }
    Ok(ExitCode::from(EXIT_OK))
}

/// The planned watermarks of scheduled hunts, or those they would get now.
pub(super) async fn watermarks(
    state: &StateConfig,
    hunts: &[Arc<Hunt>],
    now: DateTime<Utc>,
) -> anyhow::Result<BTreeMap<HuntName, DateTime<Utc>>> {
    let initial = |hunt: &Arc<Hunt>| {
        let schedule = hunt.schedule.as_ref()?;
        let watermark = initial_watermark(schedule, hunt.window, now);
        Some((hunt.name.clone(), watermark))
    };
    let initial: Vec<_> = hunts.iter().filter_map(initial).collect();
    let Some(store) = open_existing(state).await? else {
        return Ok(initial.into_iter().collect());
    };
    let watermarks = store.watermarks(&initial).await?;
    store.close().await;
    Ok(watermarks)
}

/// The next `count` windows of a hunt: first those that are due, then those to come.
pub(super) fn coming(
    hunt: &Hunt,
    watermark: DateTime<Utc>,
    now: DateTime<Utc>,
    count: usize,
) -> Vec<Coming> {
    let Some(schedule) = &hunt.schedule else {
        return Vec::new();
    };
    let plan = due(schedule, hunt.window, watermark, now, hunt.catch_up);
    let last_planned = plan.run.last().or(plan.skip.last());
    let mut previous_end = last_planned.map_or(watermark, |due| due.window.end());
    let mut coming: Vec<Coming> = plan
        .run
        .into_iter()
        .map(|due| Coming { due, is_due: true })
        .collect();
    for fire_time in schedule.fire_times_after(now) {
        if coming.len() >= count {
            break;
        }
        if fire_time - hunt.window.delay <= previous_end {
            continue;
        }
        if let Ok(window) = hunt.window.window(fire_time, previous_end) {
            previous_end = window.end();
            let due = Due { fire_time, window };
            coming.push(Coming { due, is_due: false });
        }
    }
    coming.truncate(count);
    coming
}

fn local(hunt: &Hunt, at: DateTime<Utc>) -> String {
    let zone = hunt
        .schedule
        .as_ref()
        .map_or(chrono_tz::Tz::UTC, Schedule::zone);
    at.with_timezone(&zone)
        .to_rfc3339_opts(SecondsFormat::Secs, false)
}

fn to_json(hunt: &Hunt, coming: Coming) -> serde_json::Value {
    let utc = |at: DateTime<Utc>| at.to_rfc3339_opts(SecondsFormat::AutoSi, true);
    json!({
        "hunt": hunt.name.as_str(),
        "fire_time": utc(coming.due.fire_time),
        "local_time": local(hunt, coming.due.fire_time),
        "window_start": utc(coming.due.window.start()),
        "window_end": utc(coming.due.window.end()),
        "due": coming.is_due,
    })
}

/// The fire times as a table.
pub(super) fn table(rows: &[(Arc<Hunt>, Coming)]) -> String {
    let mut table = new_table(&["hunt", "fire time", "window (UTC)", ""]);
    for (hunt, coming) in rows {
        table.add_row([
            hunt.name.to_string(),
            local(hunt, coming.due.fire_time),
            coming.due.window.to_string(),
            if coming.is_due { "due now" } else { "" }.to_owned(),
        ]);
    }
    table.trim_fmt()
}
