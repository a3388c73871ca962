//! `huntd actions`: the configured actions, and the deliveries that wait or were given up.

use std::collections::BTreeMap;
use std::process::ExitCode;

use chrono::{DateTime, SecondsFormat, Utc};
use comfy_table::{ContentArrangement, Table, presets};
use serde_json::{Value, json};

use super::terminal::{print_line, print_note};
use super::{EXIT_BAD_INPUT, Global};
use crate::action::ActionConfig;
use crate::action::evidence::visible;
use crate::action::payload::headline;
use crate::alert::{Delivery, DeliveryStatus};
use crate::clock::{Clock as _, SystemClock};
use crate::config;
use crate::duration::DurationText;
use crate::id::ActionName;
use crate::state::Outbox;
use crate::state::config::StateConfig;
use crate::state::sqlite::SqliteStore;

/// Arguments of `huntd actions`.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// List the deliveries that were given up, and nothing else
    #[arg(long)]
    pub dead: bool,
    /// List at most this many deliveries of each status; 0 lists all
    #[arg(long, default_value_t = 100, value_name = "N")]
    pub limit: usize,
    /// How to print
    #[arg(long, value_enum, default_value_t)]
    pub format: Format,
}

/// Ways to print.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, clap::ValueEnum)]
pub enum Format {
    /// For people
    #[default]
    Text,
    /// For programs
    Json,
}

/// Statuses that want a look, in the order of their urgency.
const OPEN: [DeliveryStatus; 3] = [
    DeliveryStatus::Dead,
    DeliveryStatus::Sending,
    DeliveryStatus::Pending,
];

/// Lists actions and deliveries.
pub async fn run(args: Args, global: &Global) -> anyhow::Result<ExitCode> {
    let loaded = match config::load(&global.config) {
        Ok(loaded) => loaded,
        Err(problems) => {
            print_note(&problems.to_string());
            return Ok(ExitCode::from(EXIT_BAD_INPUT));
        }
    };
    let statuses = if args.dead { &OPEN[..1] } else { &OPEN[..] };
    let mut deliveries = Vec::new();
    if let Some(store) = open_existing(&loaded.config.state).await? {
        for status in statuses {
            deliveries.extend(store.deliveries(Some(*status), args.limit).await?);
        }
        store.close().await;
    }
    let actions = (!args.dead).then_some(&loaded.config.actions);
    print_line(&match args.format {
        Format::Text => as_text(actions, &deliveries, SystemClock.now()),
        Format::Json => as_json(actions, &deliveries).to_string(),
    });
    Ok(ExitCode::SUCCESS)
}

/// The state, if there is one already: looking at it does not make it.
pub(super) async fn open_existing(config: &StateConfig) -> anyhow::Result<Option<SqliteStore>> {
    let StateConfig::Sqlite { path } = config;
    if !path.exists() {
        return Ok(None);
    }
    Ok(Some(SqliteStore::open(path).await?))
}

fn as_text(
    actions: Option<&BTreeMap<ActionName, ActionConfig>>,
    deliveries: &[Delivery],
    now: DateTime<Utc>,
) -> String {
    let mut parts = Vec::new();
    if let Some(actions) = actions {
        if actions.is_empty() {
            parts.push("no actions are configured: findings are recorded, nobody is told".into());
        } else {
            let mut table = new_table(&["action", "kind", "destination", "given up after"]);
            for (name, action) in actions {
                table.add_row([
                    name.to_string(),
                    action.kind().to_owned(),
                    action.destination(),
                    DurationText(action.give_up_after()).to_string(),
                ]);
            }
            parts.push(table.to_string());
        }
    }
    if deliveries.is_empty() {
        parts.push("no delivery waits or was given up".to_owned());
        return parts.join("\n\n");
    }
    let columns = [
        "delivery", "action", "status", "alert", "queued", "tries", "next", "reason",
    ];
    let mut table = new_table(&columns);
    for delivery in deliveries {
        table.add_row([
            delivery.id.to_string(),
            delivery.action.to_string(),
            delivery.status.as_str().to_owned(),
            visible(&headline(&delivery.alert)),
            time(delivery.created_at),
            delivery.attempts.to_string(),
            next(delivery, now),
            visible(delivery.last_error.as_deref().unwrap_or_default()),
        ]);
    }
    parts.push(table.to_string());
    if deliveries
        .iter()
        .any(|delivery| delivery.status == DeliveryStatus::Dead)
    {
        parts.push("`huntd resend ID` puts a dead delivery back into the queue".to_owned());
    }
    parts.join("\n\n")
}

pub(super) fn new_table(columns: &[&str]) -> Table {
    let mut table = Table::new();
    table
        .load_preset(presets::NOTHING)
        .set_content_arrangement(ContentArrangement::Dynamic)
        .set_header(columns);
    table
}

fn next(delivery: &Delivery, now: DateTime<Utc>) -> String {
    match delivery.status {
        DeliveryStatus::Pending if delivery.not_before > now => time(delivery.not_before),
        DeliveryStatus::Pending => "now".to_owned(),
        DeliveryStatus::Sending | DeliveryStatus::Done | DeliveryStatus::Dead => "-".to_owned(),
    }
}

fn time(at: DateTime<Utc>) -> String {
    at.to_rfc3339_opts(SecondsFormat::Secs, true)
}

fn as_json(actions: Option<&BTreeMap<ActionName, ActionConfig>>, deliveries: &[Delivery]) -> Value {
    let deliveries: Vec<Value> = deliveries
        .iter()
        .map(|delivery| {
            json!({
                "id": delivery.id.to_string(),
                "action": delivery.action,
                "status": delivery.status,
                "hunt": delivery.alert.hunt.name,
                "window": delivery.alert.window,
                "title": headline(&delivery.alert),
                "severity": delivery.alert.severity(),
                "created_at": delivery.created_at,
                "attempts": delivery.attempts,
                "not_before": delivery.not_before,
                "last_error": delivery.last_error,
            })
        })
        .collect();
    let mut value = json!({ "deliveries": deliveries });
    if let Some(actions) = actions {
        let actions: Vec<Value> = actions
            .iter()
            .map(|(name, action)| {
                json!({
                    "name": name,
                    "kind": action.kind(),
                    "destination": action.destination(),
                    "give_up_after": DurationText(action.give_up_after()),
                })
            })
            .collect();
        value["actions"] = actions.into();
    }
    value
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::action::example;

    fn configured() -> BTreeMap<ActionName, ActionConfig> {
        let actions = json!({
            "soc-mail": {"kind": "email", "to": ["soc@example.com"], "maildir": "data/mail"},
            "hook": {"kind": "webhook", "url": "https://hooks.example.com/T0KEN99"},
        });
        serde_json::from_value(actions).unwrap()
    }

    #[test]
    fn what_waits_is_shown_with_its_reason() {
        let mut dead = example::delivery();
        dead.status = DeliveryStatus::Dead;
        dead.attempts = 96;
        dead.last_error = Some("given up after 96 attempts and 1d: no answer".to_owned());
        let mut waiting = example::delivery();
        waiting.status = DeliveryStatus::Pending;
        let now = waiting.created_at;
        let text = as_text(Some(&configured()), &[dead.clone(), waiting], now);
        for part in [
            "soc@example.com via data/mail",
            "hooks.example.com",
            "dead",
            "now",
            "96",
        ] {
            assert!(text.contains(part), "{part}\n{text}");
        }
        assert!(!text.contains("T0KEN99"));
        let json = as_json(None, &[dead]);
        assert_eq!(json["deliveries"][0]["attempts"], 96);
        assert!(json.get("actions").is_none());
    }

    #[test]
    fn nothing_to_show_is_said() {
        let text = as_text(Some(&BTreeMap::new()), &[], example::delivery().created_at);
        assert!(text.contains("no actions are configured"));
        assert!(text.contains("no delivery waits"));
    }
}
