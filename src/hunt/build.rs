//! From settings to a [`Hunt`]: defaults filled in, texts parsed, names looked up, the query bound
//! to the tables of its source. Everything that is wrong is told with its place: `layers` knows
//! where a setting stands, `binding` holds query and detection against the tables.

mod binding;
mod layers;

use std::collections::BTreeSet;

use chrono::TimeDelta;
use kql::catalog::SharedCatalog;
use kql::diagnostic::did_you_mean;
use kql::window::Mode;

use self::layers::Layers;
use super::config::{Defaults, Override};
use super::file::HuntFile;
use super::header::{CronSetting, Header, ScheduleSetting, TimeSetting};
use super::mitre;
use super::{Dedupe, Detect, EntityMapping, Hunt, Origin};
use crate::duration::DurationText;
use crate::id::{ActionName, HuntName, SourceName};
use crate::problem::{Problem, code};
use crate::schedule::{CatchUp, InvalidSchedule, Schedule, WindowRule};

/// Names that a finding's title may use.
pub const TITLE_NAMES: &[&str] = &["hunt", "row", "rows", "key", "window"];

/// The tables of a source, and what is known of tables in general where no source is named.
pub type Catalogs<'a> = &'a (dyn Fn(Option<&SourceName>) -> SharedCatalog + Sync);

/// What a hunt is built against.
pub(super) struct Surroundings<'a> {
    /// Defaults of the configuration.
    pub(super) defaults: &'a Defaults,
    /// Names of the sources; none: any name will do.
    pub(super) sources: Option<&'a BTreeSet<String>>,
    /// Names of the sources that know when their rows arrived.
    pub(super) services: Option<&'a BTreeSet<String>>,
    /// Names of the actions; none: any name will do.
    pub(super) actions: Option<&'a BTreeSet<String>>,
    /// Tables of a source.
    pub(super) catalogs: Catalogs<'a>,
}

/// Builds a hunt; none if something in it is wrong. Warnings are told along with it.
pub(super) fn build(
    name: &HuntName,
    hunt: &HuntFile,
    overrides: Option<Override<'_>>,
    surroundings: &Surroundings<'_>,
) -> (Option<Hunt>, Vec<Problem>) {
    let mut builder = Builder {
        hunt,
        layers: Layers::new(hunt, overrides),
        surroundings,
        problems: Vec::new(),
    };
    let built = builder.build(name);
    let is_right = !builder.problems.iter().any(Problem::is_error);
    (is_right.then_some(built), builder.problems)
}

struct Builder<'a> {
    hunt: &'a HuntFile,
    layers: Layers<'a>,
    surroundings: &'a Surroundings<'a>,
    problems: Vec<Problem>,
}

impl<'a> Builder<'a> {
    /// The hunt; of use only if no error was told.
    fn build(&mut self, name: &HuntName) -> Hunt {
        let defaults = self.surroundings.defaults;
        let source = self.source();
        let detect = self.detect();
        let entities = self.entities();
        let key: Vec<String> = self
            .first(|header| header.dedupe.as_ref()?.key.as_ref())
            .map_or_else(Vec::new, |key| key.as_slice().to_vec());
        let results = self.bind_query(source.as_ref(), &detect);
        if let Some(results) = results {
            self.bind_findings(results, &detect, &entities, &key);
        }
        // That there is none has been told, or nobody asked: only a configuration has sources.
        let source = source.unwrap_or_else(|| SourceName::new("none").expect("it is a name"));
        let plain = Hunt::new(name.clone(), source, self.hunt.query.text());
        let hunt = Hunt {
            title: self
                .first(|header| header.name.as_ref())
                .map_or(plain.title, Clone::clone),
            description: self
                .first(|header| header.description.as_ref())
                .map_or_else(String::new, |text| text.trim().to_owned()),
            origin: Origin {
                path: self.hunt.file.path.clone(),
                query_line: self.hunt.query_line(),
            },
            enabled: self
                .first(|header| header.enabled.as_ref())
                .is_none_or(|on| *on),
            schedule: self.schedule(),
            window: self.window(),
            window_mode: self.window_mode(),
            catch_up: self.catch_up(plain.catch_up),
            truncated: self
                .first(|header| header.truncated.as_ref())
                .copied()
                .or(defaults.truncated)
                .unwrap_or_default(),
            timeout: self
                .first(|header| header.timeout.as_ref())
                .or(defaults.timeout.as_ref())
                .map_or(plain.timeout, |timeout| timeout.0),
            severity: self
                .first(|header| header.severity.as_ref())
                .copied()
                .unwrap_or(plain.severity),
            tactics: self.tactics(),
            techniques: self.techniques(),
            entities,
            detect,
            finding_title: self.finding_title(),
            dedupe: Dedupe {
                key,
                window: self
                    .first(|header| header.dedupe.as_ref()?.window.as_ref())
                    .or(defaults.dedupe_for.as_ref())
                    .map_or(plain.dedupe.window, |window| window.0),
            },
            actions: self.actions(),
            ..plain
        };
        if hunt.timeout.is_zero() {
            self.report(
                code::INVALID_VALUE,
                &["timeout"],
                "the timeout must not be zero",
                None,
            );
        }
        hunt
    }

    fn first<T: ?Sized>(&self, get: impl Fn(&'a Header) -> Option<&'a T>) -> Option<&'a T> {
        self.layers.first(get)
    }

    fn report(
        &mut self,
        code: &'static str,
        path: &[&str],
        message: impl Into<String>,
        help: Option<String>,
    ) {
        let problem = self.layers.problem(code, path, message, help);
        self.problems.push(problem);
    }

    fn schedule(&mut self) -> Option<Schedule> {
        let setting = self.first(|header| header.schedule.as_ref())?;
        let (schedule, jitter, cron_path) = match setting {
            ScheduleSetting::Text(text) => (self.cron(text, None), None, vec!["schedule"]),
            ScheduleSetting::Cron(CronSetting {
                cron,
                timezone,
                jitter,
            }) => {
                let schedule = self.cron(cron, timezone.as_deref());
                (schedule, *jitter, vec!["schedule", "cron"])
            }
            ScheduleSetting::Every(setting) => {
                let schedule = Schedule::every(setting.every.0);
                (schedule, setting.jitter, vec!["schedule", "every"])
            }
        };
        match schedule {
            Ok(schedule) => Some(schedule.with_jitter(jitter.unwrap_or_default().0)),
            Err(error @ InvalidSchedule::Zone(_)) => {
                self.report_zone(&["schedule", "timezone"], &error);
                None
            }
            Err(error) => {
                let help = matches!(error, InvalidSchedule::Cron { .. }).then(|| {
                    "minute hour day-of-month month day-of-week, such as \"*/15 * * * *\"".into()
                });
                self.report(code::INVALID_VALUE, &cron_path, error.to_string(), help);
                None
            }
        }
    }

    fn cron(&self, text: &str, zone: Option<&str>) -> Result<Schedule, InvalidSchedule> {
        let default_zone = self.surroundings.defaults.timezone.as_deref();
        match Schedule::parse_cron(text, zone.or(default_zone).unwrap_or("UTC")) {
            // A wrong zone among the defaults is reported there.
            Err(InvalidSchedule::Zone(_)) if zone.is_none() => Schedule::parse_cron(text, "UTC"),
            parsed => parsed,
        }
    }

    fn report_zone(&mut self, path: &[&str], error: &InvalidSchedule) {
        let help = match error {
            InvalidSchedule::Zone(zone) => crate::schedule::nearest_zone(zone),
            _ => None,
        };
        let help = help.map_or_else(
            || "use an IANA name, such as Europe/Berlin or UTC".to_owned(),
            |zone| format!("did you mean `{zone}`?"),
        );
        self.report(code::INVALID_VALUE, path, error.to_string(), Some(help));
    }

    fn source(&mut self) -> Option<SourceName> {
        let named = self.first(|header| header.source.as_ref());
        if let Some(source) = named {
            self.check_name(
                "source",
                &["source"],
                source.as_str(),
                self.surroundings.sources,
            );
            return Some(source.clone());
        }
        if let Some(source) = &self.surroundings.defaults.source {
            return Some(source.clone());
        }
        // Without a configuration, it may run anywhere.
        let sources = self.surroundings.sources?;
        if sources.len() == 1
            && let Some(only) = sources.first()
        {
            return SourceName::new(only).ok();
        }
        let help = if sources.is_empty() {
            "the configuration has no `sources`".to_owned()
        } else {
            let known: Vec<&str> = sources.iter().map(String::as_str).collect();
            format!(
                "give `source: {}`, or `defaults: {{source: …}}`",
                known.join(" or ")
            )
        };
        self.report(
            code::MISSING_KEY,
            &["source"],
            "the hunt has no source",
            Some(help),
        );
        None
    }

    fn actions(&mut self) -> Vec<ActionName> {
        let Some(actions) = self.first(|header| header.actions.as_ref()) else {
            return self.surroundings.defaults.actions.clone();
        };
        for (index, action) in actions.iter().enumerate() {
            let path = ["actions", &index.to_string()];
            self.check_name("action", &path, action.as_str(), self.surroundings.actions);
        }
        actions.clone()
    }

    fn check_name(
        &mut self,
        what: &str,
        path: &[&str],
        name: &str,
        known: Option<&BTreeSet<String>>,
    ) {
        let Some(known) = known.filter(|known| !known.contains(name)) else {
            return;
        };
        let help = match did_you_mean(name, known.iter().map(String::as_str)) {
            Some(nearest) => format!("did you mean `{nearest}`?"),
            None if known.is_empty() => format!("the configuration has no `{what}s`"),
            None => {
                let known: Vec<&str> = known.iter().map(String::as_str).collect();
                format!("known {what}s are {}", known.join(", "))
            }
        };
        let message = format!("unknown {what} `{name}`");
        self.report(code::UNKNOWN_NAME, path, message, Some(help));
    }

    fn window_mode(&self) -> Mode {
        let time = self.first(|header| header.window.as_ref()?.time.as_ref());
        let default = self.surroundings.defaults.window.unwrap_or_default().time;
        match time.copied().or(default).unwrap_or_default() {
            TimeSetting::Event => Mode::Event,
            TimeSetting::Ingestion => Mode::Ingestion,
        }
    }

    fn window(&self) -> WindowRule {
        let defaults = self.surroundings.defaults.window.unwrap_or_default();
        let delta =
            |text: Option<DurationText>| text.map_or(TimeDelta::zero(), DurationText::delta);
        let lookback = self.first(|header| header.window.as_ref()?.lookback.as_ref());
        let delay = self.first(|header| header.window.as_ref()?.delay.as_ref());
        WindowRule {
            lookback: delta(lookback.copied().or(defaults.lookback)),
            delay: delta(delay.copied().or(defaults.delay)),
        }
    }

    fn catch_up(&self, plain: CatchUp) -> CatchUp {
        let defaults = self.surroundings.defaults.catch_up.unwrap_or_default();
        let policy = self.first(|header| header.catch_up.as_ref()?.policy.as_ref());
        let limit = self.first(|header| header.catch_up.as_ref()?.limit.as_ref());
        CatchUp {
            policy: policy.copied().or(defaults.policy).unwrap_or(plain.policy),
            limit: limit.copied().or(defaults.limit).unwrap_or(plain.limit),
        }
    }

    fn tactics(&mut self) -> Vec<String> {
        let written = self.first(|header| header.tactics.as_ref());
        let mut tactics = Vec::new();
        for (index, tactic) in written.into_iter().flatten().enumerate() {
            match mitre::tactic(tactic) {
                Ok(tactic) => tactics.push(tactic.to_owned()),
                Err(help) => {
                    let path = ["tactics", &index.to_string()];
                    let message = format!("`{tactic}` is no tactic of MITRE ATT&CK");
                    self.report(code::NOT_ALLOWED, &path, message, Some(help));
                }
            }
        }
        tactics
    }

    fn techniques(&mut self) -> Vec<String> {
        let written = self.first(|header| header.techniques.as_ref());
        for (index, technique) in written.into_iter().flatten().enumerate() {
            if !mitre::is_technique(technique) {
                let path = ["techniques", &index.to_string()];
                let message = format!("`{technique}` is no technique of MITRE ATT&CK");
                let help = "write T and four digits, such as T1059 or T1059.001".to_owned();
                self.report(code::INVALID_VALUE, &path, message, Some(help));
            }
        }
        written.cloned().unwrap_or_default()
    }

    fn entities(&self) -> Vec<EntityMapping> {
        let written = self.first(|header| header.entities.as_ref());
        let mut entities = Vec::new();
        for (kind, columns) in written.into_iter().flatten() {
            entities.extend(columns.as_slice().iter().map(|column| EntityMapping {
                kind: *kind,
                column: column.clone(),
            }));
        }
        entities
    }

    fn detect(&mut self) -> Detect {
        let default = Detect::default();
        let Some(setting) = self.first(|header| header.detect.as_ref()) else {
            return default;
        };
        match (&setting.threshold, &setting.query) {
            (None, None) => {
                let message = "`detect` needs `threshold` or `query`";
                let help = "such as {threshold: rows > 0}".to_owned();
                self.report(code::MISSING_KEY, &["detect"], message, Some(help));
                default
            }
            (Some(_), Some(_)) => {
                let message = "`detect` has both `threshold` and `query`";
                let help = "keep one; the query may count rows itself".to_owned();
                self.report(code::INVALID_VALUE, &["detect"], message, Some(help));
                default
            }
            (Some(threshold), None) => match threshold.parse() {
                Ok(threshold) => Detect::Threshold(threshold),
                Err(error) => {
                    let error: super::threshold::InvalidThreshold = error;
                    let path = ["detect", "threshold"];
                    self.report(code::INVALID_VALUE, &path, error.to_string(), None);
                    default
                }
            },
            (None, Some(query)) => Detect::Query(query.trim().to_owned()),
        }
    }

    fn finding_title(&mut self) -> Option<String> {
        let title = self.first(|header| header.title.as_ref())?;
        if let Err(error) = crate::template::check(title, TITLE_NAMES) {
            self.report(code::INVALID_VALUE, &["title"], error.to_string(), None);
        }
        Some(title.clone())
    }
}
