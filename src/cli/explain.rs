//! `huntd explain`: what a hunt is once defaults and overrides are in: what it reads, how it
//! detects, whom it tells, when it runs. What it tells about the query is in `explain/reading.rs`.

mod reading;

use std::process::ExitCode;
use std::sync::Arc;

use super::hunts::{known_tables, load, select};
use super::list::{action_names, schedule_text};
use super::next::{coming, table, watermarks};
use super::terminal::{print_line, print_note};
use super::{EXIT_BAD_INPUT, EXIT_FAILED, EXIT_OK, Global};
use crate::clock::{Clock as _, SystemClock};
use crate::config::Loaded;
use crate::duration::DurationText;
use crate::hunt::{Detect, Hunt, Truncated};
use crate::schedule::CatchUpPolicy;
use crate::window::Window;

/// Arguments of `huntd explain`.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// The hunt
    pub hunt: String,
    /// Print only its query over the next window, as a source gets it that runs KQL itself
    #[arg(long)]
    pub kql: bool,
}

/// Explains a hunt.
pub async fn run(args: Args, global: &Global) -> anyhow::Result<ExitCode> {
    let (loaded, set) = load(&global.config)?;
    let selected = select(&set, &[args.hunt]);
    let Some(hunt) = selected.and_then(|hunts| hunts.into_iter().next()) else {
        return Ok(ExitCode::from(EXIT_BAD_INPUT));
    };
    if args.kql {
        return print_kql(&hunt, &loaded).await;
    }
    for (name, value) in settings(&hunt, &loaded) {
        let mut lines = value.lines();
        print_line(&format!("{name:<12} {}", lines.next().unwrap_or_default()));
        for line in lines {
            print_line(&format!("{:<12} {line}", ""));
        }
    }
    if hunt.schedule.is_some() && hunt.enabled {
        let now = SystemClock.now();
        let watermarks = watermarks(&loaded.config.state, std::slice::from_ref(&hunt), now).await?;
        let watermark = watermarks.get(&hunt.name).copied().unwrap_or(now);
        let rows: Vec<_> = coming(&hunt, watermark, now, 3)
            .into_iter()
            .map(|coming| (Arc::clone(&hunt), coming))
            .collect();
        print_line("");
        print_line(&table(&rows));
    }
    Ok(ExitCode::from(EXIT_OK))
}

/// Prints the query over the window that comes next; of a hunt that no schedule starts, over its
/// lookback, or a day, up to now.
async fn print_kql(hunt: &Arc<Hunt>, loaded: &Loaded) -> anyhow::Result<ExitCode> {
    let now = SystemClock.now();
    let watermarks = watermarks(&loaded.config.state, std::slice::from_ref(hunt), now).await?;
    let watermark = watermarks.get(&hunt.name).copied().unwrap_or(now);
    let window = if let Some(next) = coming(hunt, watermark, now, 1).first() {
        next.due.window
    } else {
        let reach = match hunt.window.lookback {
            reach if reach.is_zero() => chrono::TimeDelta::days(1),
            reach => reach,
        };
        Window::new(now - reach, now)?
    };
    let catalog = known_tables(loaded).tables(Some(&hunt.source));
    let Some((text, whole)) = reading::windowed(hunt, &catalog, window) else {
        print_note("error: the query has mistakes; `huntd check` tells them");
        return Ok(ExitCode::from(EXIT_FAILED));
    };
    for warning in whole {
        print_note(&format!("warning: {warning}"));
    }
    print_line(text.trim_end());
    Ok(ExitCode::from(EXIT_OK))
}

fn settings(hunt: &Hunt, loaded: &Loaded) -> Vec<(&'static str, String)> {
    let delta =
        |delta: chrono::TimeDelta| DurationText(delta.to_std().unwrap_or_default()).to_string();
    let origin = &hunt.origin;
    let mut settings = vec![
        ("hunt", hunt.name.to_string()),
        ("title", hunt.title.clone()),
        (
            "file",
            format!("{}:{}", origin.path.display(), origin.query_line),
        ),
    ];
    if !hunt.description.is_empty() {
        settings.push(("description", hunt.description.clone()));
    }
    settings.push(("severity", hunt.severity.to_string()));
    let labels = [hunt.tactics.as_slice(), hunt.techniques.as_slice()].concat();
    if !labels.is_empty() {
        settings.push(("MITRE", labels.join(", ")));
    }
    let mut schedule = schedule_text(hunt);
    if let Some(jitter) = hunt.schedule.as_ref().map(|schedule| schedule.jitter)
        && !jitter.is_zero()
    {
        schedule = format!("{schedule}, jitter up to {}", DurationText(jitter));
    }
    settings.push(("schedule", schedule));
    let reach = if hunt.window.lookback.is_zero() {
        "since the window before".to_owned()
    } else {
        format!(
            "at least {}, and since the window before",
            delta(hunt.window.lookback)
        )
    };
    let window = format!(
        "{reach}, ends {} before the fire time",
        delta(hunt.window.delay)
    );
    settings.push(("window", window));
    let missed = match hunt.catch_up.policy {
        CatchUpPolicy::Each => format!("each is run, at most {}", hunt.catch_up.limit),
        CatchUpPolicy::Latest => "the newest is run".to_owned(),
        CatchUpPolicy::None => "none is run".to_owned(),
    };
    settings.push(("missed", missed));
    let truncated = match hunt.truncated {
        Truncated::Advance => "said so, and the next window is run",
        Truncated::Hold => "said so, and the window is tried again",
    };
    settings.push(("truncated", truncated.to_owned()));
    settings.push(("timeout", DurationText(hunt.timeout).to_string()));
    settings.push(("source", hunt.source.to_string()));
    let catalog = known_tables(loaded).tables(Some(&hunt.source));
    settings.extend(reading::settings(hunt, &catalog));
    settings.push(("detect", hunt.detect.to_kql()));
    let rows = match hunt.detect {
        Detect::Threshold(_) => "the rows of the result",
        Detect::Query(_) => "the rows that it yields",
    };
    settings.push(("findings", format!("made of {rows}")));
    let entities: Vec<String> = hunt
        .entities
        .iter()
        .map(|entity| format!("{} {}", entity.kind, entity.column))
        .collect();
    if !entities.is_empty() {
        settings.push(("entities", entities.join(", ")));
    }
    settings.push(("dedupe", dedupe(hunt)));
    let actions = action_names(hunt);
    let told = if actions.is_empty() {
        "none: findings are recorded, nobody is told".to_owned()
    } else {
        actions.join(", ")
    };
    settings.push(("actions", told));
    settings
}

fn dedupe(hunt: &Hunt) -> String {
    let columns: Vec<&str> = if hunt.dedupe.key.is_empty() {
        hunt.entities
            .iter()
            .map(|entity| entity.column.as_str())
            .collect()
    } else {
        hunt.dedupe.key.iter().map(String::as_str).collect()
    };
    let key = if columns.is_empty() {
        "one finding a run".to_owned()
    } else {
        format!("one finding for each {}", columns.join(", "))
    };
    if hunt.dedupe.window.is_zero() {
        format!("{key}, always told")
    } else {
        format!(
            "{key}, not told again for {}",
            DurationText(hunt.dedupe.window)
        )
    }
}
