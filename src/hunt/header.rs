//! The settings of a hunt as people write them: in the header of its file, or below `hunts:` of
//! the configuration, which then count more. All are optional.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::Deserialize;

use super::Truncated;
use crate::duration::DurationText;
use crate::finding::{EntityKind, Severity};
use crate::id::{ActionName, SourceName};
use crate::schedule::CatchUpPolicy;

/// Settings of a hunt.
#[derive(Clone, Debug, Default, PartialEq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(title = "Settings of a hunt")]
pub struct Header {
    /// Title for people. Default: the stem of the file.
    #[serde(default)]
    pub name: Option<String>,
    /// What it looks for, and what to do when it finds something.
    #[serde(default)]
    pub description: Option<String>,
    /// Whether the scheduler runs it. Default: true.
    #[serde(default)]
    pub enabled: Option<bool>,
    /// When it runs. Default: only by hand.
    #[serde(default)]
    pub schedule: Option<ScheduleSetting>,
    /// Name of the source it runs on. Default: `defaults.source`, or the only source there is.
    #[serde(default)]
    pub source: Option<SourceName>,
    /// Which time a run covers.
    #[serde(default)]
    pub window: Option<WindowSetting>,
    /// What happens with windows missed while huntd was down.
    #[serde(default)]
    pub catch_up: Option<CatchUpSetting>,
    /// What becomes of a window whose result the source cut and that could not be had in parts:
    /// `advance` to the next one, or `hold`: try it again, and let those behind it wait.
    /// Default: advance.
    #[serde(default)]
    pub truncated: Option<Truncated>,
    /// Longest time a run may take. Default: 10m.
    #[serde(default)]
    pub timeout: Option<DurationText>,
    /// Severity of its findings. Default: medium.
    #[serde(default)]
    pub severity: Option<Severity>,
    /// MITRE ATT&CK tactics, such as `Execution`.
    #[serde(default)]
    pub tactics: Option<Vec<String>>,
    /// MITRE ATT&CK techniques, such as `T1059.001`.
    #[serde(default)]
    pub techniques: Option<Vec<String>>,
    /// Columns that hold entities, by kind: `{device: DeviceId, account: [AccountName]}`.
    #[serde(default)]
    #[schemars(schema_with = "entities_schema")]
    pub entities: Option<BTreeMap<EntityKind, OneOrMany>>,
    /// When a result is a finding. Default: `{threshold: rows > 0}`.
    #[serde(default)]
    pub detect: Option<DetectSetting>,
    /// Title of a finding: a template with `hunt`, `row`, `rows`, `key` and `window`.
    /// Default: the hunt's name and the values of the key.
    #[serde(default)]
    pub title: Option<String>,
    /// Which findings are the same, and how long they are not told again.
    #[serde(default)]
    pub dedupe: Option<DedupeSetting>,
    /// Names of the actions that are told. Default: `defaults.actions`.
    #[serde(default)]
    pub actions: Option<Vec<ActionName>>,
    /// The KQL text; in YAML files only.
    #[serde(default)]
    pub query: Option<String>,
}

/// A mapping with the kinds of entities as its keys.
fn entities_schema(generator: &mut schemars::SchemaGenerator) -> schemars::Schema {
    let columns = generator.subschema_for::<OneOrMany>();
    let properties: serde_json::Map<String, serde_json::Value> = EntityKind::ALL
        .into_iter()
        .map(|kind| (kind.as_str().to_owned(), columns.clone().to_value()))
        .collect();
    schemars::json_schema!({
        "type": ["object", "null"],
        "properties": properties,
        "additionalProperties": false,
    })
}

/// When a hunt runs.
#[derive(Clone, Debug, PartialEq, Deserialize, JsonSchema)]
#[serde(untagged)]
pub enum ScheduleSetting {
    /// A cron expression of five fields, or six with seconds first.
    Text(String),
    /// A cron expression with its time zone.
    Cron(CronSetting),
    /// A fixed period.
    Every(EverySetting),
}

/// A cron expression with its time zone.
#[derive(Clone, Debug, PartialEq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct CronSetting {
    /// Five fields, or six with seconds first.
    pub cron: String,
    /// IANA zone, such as `Europe/Berlin`. Default: `defaults.timezone`.
    #[serde(default)]
    pub timezone: Option<String>,
    /// Runs start up to this much later than the fire time. Default: 0s.
    #[serde(default)]
    pub jitter: Option<DurationText>,
}

/// A fixed period, counted from 1970-01-01T00:00Z.
#[derive(Clone, Debug, PartialEq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct EverySetting {
    /// At least a second.
    pub every: DurationText,
    /// Runs start up to this much later than the fire time. Default: 0s.
    #[serde(default)]
    pub jitter: Option<DurationText>,
}

/// Which time a run covers.
#[derive(Clone, Copy, Debug, Default, PartialEq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct WindowSetting {
    /// A window reaches at least this far back. Default: to the end of the window before it.
    #[serde(default)]
    pub lookback: Option<DurationText>,
    /// A window ends this long before the fire time, to wait for late events. Default: 0s.
    #[serde(default)]
    pub delay: Option<DurationText>,
    /// Which time of an event counts. Default: event.
    #[serde(default)]
    pub time: Option<TimeSetting>,
}

/// Which time of an event counts.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum TimeSetting {
    /// When it happened.
    #[default]
    Event,
    /// When it arrived, which services know of each row, and files tell in a column
    /// `_ingestion_time`.
    Ingestion,
}

/// What happens with windows missed while huntd was down.
#[derive(Clone, Copy, Debug, Default, PartialEq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct CatchUpSetting {
    /// `each`, `latest` or `none` of them is run. Default: each.
    #[serde(default)]
    pub policy: Option<CatchUpPolicy>,
    /// At most this many are run, the newest; older ones are recorded as skipped. Default: 96.
    #[serde(default)]
    #[schemars(range(min = 1, max = 10_000))]
    pub limit: Option<usize>,
}

/// When a result is a finding. Give one of the two.
#[derive(Clone, Debug, Default, PartialEq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct DetectSetting {
    /// `rows > 0`, or another comparison of the number of rows.
    #[serde(default)]
    pub threshold: Option<String>,
    /// KQL over the table `Results`; findings are made of the rows it yields.
    #[serde(default)]
    pub query: Option<String>,
}

/// Which findings are the same.
#[derive(Clone, Debug, Default, PartialEq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct DedupeSetting {
    /// Columns whose values tell findings apart. Default: the columns of `entities`.
    #[serde(default)]
    pub key: Option<OneOrMany>,
    /// How long the same finding is not told again; 0s: always told. Default: 24h.
    #[serde(default, rename = "for")]
    pub window: Option<DurationText>,
}

/// One text or a list of them.
#[derive(Clone, Debug, PartialEq, Deserialize, JsonSchema)]
#[serde(untagged)]
pub enum OneOrMany {
    /// One.
    One(String),
    /// Several.
    Many(Vec<String>),
}

impl OneOrMany {
    /// All of them.
    pub fn as_slice(&self) -> &[String] {
        match self {
            Self::One(text) => std::slice::from_ref(text),
            Self::Many(texts) => texts,
        }
    }
}
