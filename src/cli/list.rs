//! `huntd list`: the hunts with their schedules, sources, severities and actions.

use std::process::ExitCode;

use serde_json::json;

use super::hunts::load;
use super::terminal::{Format, new_table, print_line};
use super::{EXIT_OK, Global};
use crate::hunt::Hunt;

/// Arguments of `huntd list`.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// How hunts are printed
    #[arg(long, value_enum, default_value_t)]
    pub format: Format,
}

/// Lists the hunts.
pub fn run(args: &Args, global: &Global) -> anyhow::Result<ExitCode> {
    let (_, set) = load(&global.config)?;
    let hunts = set.hunts.values();
    match args.format {
        Format::Json => {
            let list: Vec<_> = hunts.map(|hunt| to_json(hunt)).collect();
            print_line(&serde_json::Value::Array(list).to_string());
        }
        Format::Text => {
            let columns = ["hunt", "schedule", "source", "severity", "actions", "title"];
            let mut table = new_table(&columns);
            for hunt in hunts {
                table.add_row([
                    hunt.name.to_string(),
                    schedule_text(hunt),
                    hunt.source.to_string(),
                    hunt.severity.to_string(),
                    action_names(hunt).join(", "),
                    hunt.title.clone(),
                ]);
            }
            print_line(&table.trim_fmt());
        }
    }
    Ok(ExitCode::from(EXIT_OK))
}

/// The schedule in words.
pub(super) fn schedule_text(hunt: &Hunt) -> String {
    match &hunt.schedule {
        Some(schedule) if hunt.enabled => schedule.to_string(),
        Some(schedule) => format!("{schedule} (disabled)"),
        None => "by hand".to_owned(),
    }
}

pub(super) fn action_names(hunt: &Hunt) -> Vec<String> {
    hunt.actions.iter().map(ToString::to_string).collect()
}

fn to_json(hunt: &Hunt) -> serde_json::Value {
    json!({
        "hunt": hunt.name.as_str(),
        "title": hunt.title,
        "enabled": hunt.enabled,
        "schedule": hunt.schedule.as_ref().map(ToString::to_string),
        "source": hunt.source.as_str(),
        "severity": hunt.severity.as_str(),
        "tactics": hunt.tactics,
        "techniques": hunt.techniques,
        "actions": action_names(hunt),
        "file": hunt.origin.path.display().to_string(),
    })
}
