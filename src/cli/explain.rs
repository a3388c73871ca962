//! `huntd explain`: what a hunt is once defaults and overrides are in: what it reads, how it
//! detects, whom it tells, when it runs.

use std::cell::RefCell;
use std::collections::BTreeSet;
use std::process::ExitCode;
use std::sync::Arc;

use kql::catalog::{Catalog, SharedCatalog, TableInfo};

use super::hunts::{known_tables, load, select};
use super::list::{action_names, schedule_text};
use super::next::{coming, table, watermark};
use super::terminal::{print_line, print_note};
use super::{EXIT_BAD_INPUT, EXIT_OK, Global};
use crate::clock::{Clock as _, SystemClock};
use crate::config::Loaded;
use crate::duration::DurationText;
use crate::hunt::{Detect, Hunt};
use crate::schedule::CatchUpPolicy;

/// Arguments of `huntd explain`.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// The hunt
    pub hunt: String,
}

/// Explains a hunt.
pub async fn run(args: Args, global: &Global) -> anyhow::Result<ExitCode> {
    let (loaded, set) = match load(&global.config) {
        Ok(loaded) => loaded,
        Err(problems) => {
            print_note(&problems.to_string());
            return Ok(ExitCode::from(EXIT_BAD_INPUT));
        }
    };
    let selected = select(&set, &[args.hunt]);
    let Some(hunt) = selected.and_then(|hunts| hunts.into_iter().next()) else {
        return Ok(ExitCode::from(EXIT_BAD_INPUT));
    };
    for (name, value) in settings(&hunt, &loaded) {
        let mut lines = value.lines();
        print_line(&format!("{name:<12} {}", lines.next().unwrap_or_default()));
        for line in lines {
            print_line(&format!("{:<12} {line}", ""));
        }
    }
    if hunt.schedule.is_some() && hunt.enabled {
        let now = SystemClock.now();
        let watermark = watermark(&loaded.config.state, &hunt, now).await?;
        let rows: Vec<_> = coming(&hunt, watermark, now, 3)
            .into_iter()
            .map(|coming| (Arc::clone(&hunt), coming))
            .collect();
        print_line("");
        print_line(&table(&rows));
    }
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
    settings.push(("timeout", DurationText(hunt.timeout).to_string()));
    settings.push(("source", hunt.source.to_string()));
    settings.push(("tables", tables(hunt, loaded).join(", ")));
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

/// Names of the tables that the query reads: those the binder asks for.
fn tables(hunt: &Hunt, loaded: &Loaded) -> Vec<String> {
    let recorder = Recorder {
        catalog: known_tables(loaded).tables(Some(&hunt.source)),
        names: RefCell::default(),
    };
    kql::compile(&hunt.query, &recorder);
    recorder.names.into_inner().into_iter().collect()
}

/// A catalog that remembers which of its tables were asked for.
struct Recorder {
    catalog: SharedCatalog,
    names: RefCell<BTreeSet<String>>,
}

impl Catalog for Recorder {
    fn table(&self, name: &str) -> Option<TableInfo> {
        let table = self.catalog.table(name)?;
        self.names.borrow_mut().insert(name.to_owned());
        Some(table)
    }

    fn table_names(&self) -> Vec<String> {
        self.catalog.table_names()
    }
}
