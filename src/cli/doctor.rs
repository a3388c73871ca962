//! `huntd doctor`: whether everything that huntd needs is there and works, a line each, with what
//! to do where it is not. The checks are in `doctor/`.

mod actions;
mod place;
mod quotas;

use std::path::Path;
use std::process::ExitCode;
use std::sync::Arc;

use serde_json::json;

use super::hunts::load;
use super::terminal::{Format, print_line};
use super::{EXIT_FAILED, EXIT_OK, Global};
use crate::clock::{Clock as _, SystemClock};
use crate::config::Loaded;
use crate::hunt::HuntSet;
use crate::problem::Problems;
use crate::source::broker::Broker;
use crate::source::diagnosis::{Diagnosis, Effort, Outcome};
use crate::source::{self, Surroundings};
use crate::state::config::StateConfig;
use crate::state::sqlite::SqliteStore;

/// Arguments of `huntd doctor`.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Connects to the mail servers of actions and sends no mail. Signs in to sources; with --query it
asks each of them one cheap question, which counts against its quota. Exit code 1 if a check fails.")]
pub struct Args {
    /// Ask each source one cheap query as well
    #[arg(long)]
    pub query: bool,
    /// How checks are printed
    #[arg(long, value_enum, default_value_t)]
    pub format: Format,
}

/// Checks of one part.
type Part = (String, Vec<Diagnosis>);

/// Runs all checks and prints them.
pub async fn run(args: Args, global: &Global) -> anyhow::Result<ExitCode> {
    let path = global.config.clone();
    let loaded = tokio::task::spawn_blocking(move || load(&path)).await?;
    let parts = match loaded {
        Ok((loaded, set)) => examine(&args, global, &loaded, &set).await,
        Err(problems) => vec![("configuration".to_owned(), vec![mistakes(&problems)])],
    };
    match args.format {
        Format::Text => print_text(&parts),
        Format::Json => print_line(&as_json(&parts).to_string()),
    }
    let mut all = parts.iter().flat_map(|(_, checks)| checks);
    let failed = all.any(|check| check.outcome == Outcome::Fail);
    Ok(ExitCode::from(if failed { EXIT_FAILED } else { EXIT_OK }))
}

fn mistakes(problems: &Problems) -> Diagnosis {
    let first = problems.0.first();
    let first = first.map(|problem| problem.diagnostic.message.clone());
    let count = problems.0.len();
    Diagnosis::fail(
        "reads",
        format!("{count} mistakes; the first: {}", first.unwrap_or_default()),
        "`huntd check` shows them with their places",
    )
}

async fn examine(args: &Args, global: &Global, loaded: &Loaded, set: &HuntSet) -> Vec<Part> {
    let config = &loaded.config;
    let mut parts = vec![
        (
            "configuration".to_owned(),
            vec![Diagnosis::ok("reads", global.config.display().to_string())],
        ),
        ("hunts".to_owned(), vec![hunts(set)]),
        ("clock".to_owned(), clock(set)),
    ];
    let (state, store) = state(&config.state).await;
    parts.push(("state".to_owned(), state));
    let (lake, files) = place::lake(&config.lake).await;
    parts.push(("lake".to_owned(), lake));
    for (name, action) in &config.actions {
        let checks = actions::check(name, action, files.as_ref()).await;
        parts.push((format!("action {name}"), checks));
    }
    let broker = Broker::new(
        Arc::new(SystemClock),
        store.as_ref().map(|store| Arc::clone(store) as _),
    );
    let surroundings = Surroundings {
        broker: Arc::clone(&broker),
        declared: Arc::new(config.catalog.catalog()),
        ..Surroundings::new(Arc::new(SystemClock))
    };
    let effort = if args.query {
        Effort::Query
    } else {
        Effort::SignIn
    };
    for (name, config) in &config.sources {
        let checks = match source::build(config, &surroundings) {
            Ok(source) => source.diagnose(effort).await,
            Err(error) => vec![Diagnosis::fail(
                "settings",
                format!("{error:#}"),
                "correct the source in the configuration",
            )],
        };
        parts.push((format!("source {name}"), checks));
    }
    parts.extend(quotas::check(&broker).await);
    broker.close().await;
    if let Some(store) = store {
        store.close().await;
    }
    parts
}

fn hunts(set: &HuntSet) -> Diagnosis {
    let scheduled = set
        .hunts
        .values()
        .filter(|hunt| hunt.enabled && hunt.schedule.is_some())
        .count();
    let detail = format!(
        "{} are loaded, {scheduled} run by a schedule",
        set.hunts.len()
    );
    if set.hunts.is_empty() {
        return Diagnosis::warn("loaded", detail, "put hunts into a folder of `queries`");
    }
    Diagnosis::ok("loaded", detail)
}

/// Before this the program did not exist.
const EARLIEST: i64 = 1_767_225_600;

fn clock(set: &HuntSet) -> Vec<Diagnosis> {
    let now = SystemClock.now();
    let text = now.to_rfc3339_opts(chrono::SecondsFormat::Secs, true);
    let time = if now.timestamp() < EARLIEST {
        let help = "set the machine's clock, and keep it with NTP: windows follow from it";
        Diagnosis::fail("time", format!("it is {text}, which is long ago"), help)
    } else {
        Diagnosis::ok("time", format!("it is {text}"))
    };
    let zones: std::collections::BTreeSet<&str> = set
        .hunts
        .values()
        .filter_map(|hunt| hunt.schedule.as_ref())
        .map(|schedule| schedule.zone().name())
        .collect();
    let zones: Vec<&str> = zones.into_iter().collect();
    let zones = if zones.is_empty() {
        "none is used".to_owned()
    } else {
        zones.join(", ")
    };
    vec![time, Diagnosis::ok("time zones", zones)]
}

async fn state(config: &StateConfig) -> (Vec<Diagnosis>, Option<Arc<SqliteStore>>) {
    let StateConfig::Sqlite { path } = config;
    let place = path.display();
    if !path.exists() {
        let folder = path.parent().unwrap_or(Path::new("."));
        let detail = format!("{place} is not there yet and will be made at the first start");
        let checks = vec![Diagnosis::ok("opens", detail), place::space(folder)];
        return (checks, None);
    }
    let help = "huntd must be able to write to this file and its folder";
    let store = match SqliteStore::open(path).await {
        Ok(store) => store,
        Err(error) => {
            return (
                vec![Diagnosis::fail("opens", error.to_string(), help)],
                None,
            );
        }
    };
    let written = match store.try_write().await {
        Ok(()) => Diagnosis::ok("opens", format!("{place} can be read and written")),
        Err(error) => Diagnosis::fail("opens", error.to_string(), help),
    };
    (vec![written, place::space(path)], Some(Arc::new(store)))
}

fn print_text(parts: &[Part]) {
    for (part, checks) in parts {
        for check in checks {
            let outcome = check.outcome.as_str();
            print_line(&format!(
                "{outcome:<5} {part}: {}: {}",
                check.what, check.detail
            ));
            if let Some(help) = &check.help {
                print_line(&format!("      {help}"));
            }
        }
    }
    let count = |outcome| {
        let all = parts.iter().flat_map(|(_, checks)| checks);
        all.filter(|check| check.outcome == outcome).count()
    };
    print_line(&format!(
        "{} ok, {} to look at, {} failed",
        count(Outcome::Ok),
        count(Outcome::Warn),
        count(Outcome::Fail)
    ));
}

fn as_json(parts: &[Part]) -> serde_json::Value {
    let checks = parts.iter().flat_map(|(part, checks)| {
        checks.iter().map(move |check| {
            json!({
                "part": part,
                "check": check.what,
                "outcome": check.outcome.as_str(),
                "detail": check.detail,
                "help": check.help,
            })
        })
    });
    checks.collect()
}
