//! From settings to a [`Hunt`]: defaults filled in, texts parsed, names looked up, the query bound
//! to the tables of its source. Everything that is wrong is told with its place.

use std::collections::BTreeSet;
use std::time::Duration;

use chrono::TimeDelta;
use kql::catalog::{MemoryCatalog, SharedCatalog, TableInfo};
use kql::diagnostic::{Diagnostic, did_you_mean};
use kql::span::Span;
use kql::types::Schema;

use super::config::{Defaults, Override};
use super::file::HuntFile;
use super::header::{CronSetting, Header, OneOrMany, ScheduleSetting, TimeSetting};
use super::mitre;
use super::{Dedupe, Detect, EntityMapping, Hunt, Origin, RESULTS};
use crate::duration::DurationText;
use crate::id::{ActionName, HuntName, SourceName};
use crate::problem::{Problem, SourceFile, code};
use crate::run::result_file::result_columns;
use crate::schedule::{CatchUp, CatchUpPolicy, InvalidSchedule, Schedule, WindowRule};
use crate::yaml::{Excerpt, Node};

/// How long a run may take.
const TIMEOUT: Duration = Duration::from_mins(10);
/// Missed windows that are run: a day of quarter-hours.
const CATCH_UP_LIMIT: usize = 96;
/// How long the same finding is not told again.
const DEDUPE_WINDOW: Duration = Duration::from_hours(24);
/// Names that a finding's title may use.
pub const TITLE_NAMES: &[&str] = &["hunt", "row", "rows", "key", "window"];

/// The tables of a source, and what is known of tables in general where no source is named.
pub type Catalogs<'a> = &'a dyn Fn(Option<&SourceName>) -> SharedCatalog;

/// What a hunt is built against.
pub(super) struct Surroundings<'a> {
    /// Defaults of the configuration.
    pub(super) defaults: &'a Defaults,
    /// Names of the sources; none: any name will do.
    pub(super) sources: Option<&'a BTreeSet<String>>,
    /// Names of the actions; none: any name will do.
    pub(super) actions: Option<&'a BTreeSet<String>>,
    /// Tables of a source.
    pub(super) catalogs: Catalogs<'a>,
}

/// Settings with the place where they are written. The one that counts most comes first.
struct Layer<'a> {
    header: &'a Header,
    document: &'a Node,
    file: &'a SourceFile,
}

/// Builds a hunt; none if something in it is wrong. Warnings are told along with it.
pub(super) fn build(
    name: &HuntName,
    hunt: &HuntFile,
    overrides: Option<Override<'_>>,
    surroundings: &Surroundings<'_>,
) -> (Option<Hunt>, Vec<Problem>) {
    let own = Layer {
        header: &hunt.header,
        document: &hunt.document,
        file: &hunt.file,
    };
    let over = overrides.map(|over| Layer {
        header: over.header,
        document: over.document,
        file: over.file,
    });
    let mut builder = Builder {
        hunt,
        layers: over.into_iter().chain([own]).collect(),
        surroundings,
        problems: Vec::new(),
    };
    let built = builder.build(name);
    let has_errors = builder.problems.iter().any(Problem::is_error);
    (built.filter(|_| !has_errors), builder.problems)
}

struct Builder<'a> {
    hunt: &'a HuntFile,
    layers: Vec<Layer<'a>>,
    surroundings: &'a Surroundings<'a>,
    problems: Vec<Problem>,
}

impl<'a> Builder<'a> {
    fn build(&mut self, name: &HuntName) -> Option<Hunt> {
        let defaults = self.surroundings.defaults;
        let source = self.source();
        let detect = self.detect();
        let entities = self.entities();
        let key: Vec<String> = self
            .first(|header| header.dedupe.as_ref()?.key.as_ref())
            .map_or_else(Vec::new, |key| key.as_slice().to_vec());
        let results = self.bind_query(source.as_ref());
        if let Some(results) = results {
            self.bind_findings(results, &detect, &entities, &key);
        }
        let title = self.finding_title();
        let technique_names = self.techniques();
        let hunt = Hunt {
            name: name.clone(),
            title: self
                .first(|header| header.name.as_ref())
                .map_or_else(|| name.to_string(), Clone::clone),
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
            source: source?,
            window: self.window(),
            catch_up: self.catch_up(),
            timeout: self
                .first(|header| header.timeout.as_ref())
                .or(defaults.timeout.as_ref())
                .map_or(TIMEOUT, |timeout| timeout.0),
            severity: self
                .first(|header| header.severity.as_ref())
                .copied()
                .unwrap_or_default(),
            tactics: self.tactics(),
            techniques: technique_names,
            entities,
            detect,
            finding_title: title,
            dedupe: Dedupe {
                key,
                window: self
                    .first(|header| header.dedupe.as_ref()?.window.as_ref())
                    .or(defaults.dedupe_for.as_ref())
                    .map_or(DEDUPE_WINDOW, |window| window.0),
            },
            actions: self.actions(),
            query: self.hunt.query.text().to_owned(),
        };
        if hunt.timeout.is_zero() {
            self.report(
                code::INVALID_VALUE,
                &["timeout"],
                "the timeout must not be zero",
                None,
            );
        }
        Some(hunt)
    }

    /// The setting that counts, of all layers.
    fn first<T: ?Sized>(&self, get: impl Fn(&'a Header) -> Option<&'a T>) -> Option<&'a T> {
        self.layers.iter().find_map(|layer| get(layer.header))
    }

    /// The file and document in which a setting stands: by its first key.
    fn layer_of(&self, path: &[&str]) -> &Layer<'a> {
        let is_there = |layer: &&Layer<'_>| {
            let mut node = layer.document;
            path.iter().take(2).all(|key| match node.entry(key) {
                Some(entry) => {
                    node = &entry.node;
                    true
                }
                None => false,
            })
        };
        let named = self.layers.iter().find(is_there);
        let first_key = path.first().copied().unwrap_or_default();
        named
            .or_else(|| {
                self.layers
                    .iter()
                    .find(|layer| layer.document.entry(first_key).is_some())
            })
            .unwrap_or_else(|| &self.layers[self.layers.len() - 1])
    }

    fn report(
        &mut self,
        code: &'static str,
        path: &[&str],
        message: impl Into<String>,
        help: Option<String>,
    ) {
        let layer = self.layer_of(path);
        let span = layer.document.place(path.iter().copied());
        let mut diagnostic = Diagnostic::error(code, span, message);
        diagnostic.help = help;
        let problem = layer.file.problem(diagnostic);
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
        let Some(sources) = self.surroundings.sources else {
            return SourceName::new("defender").ok();
        };
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

    fn window(&mut self) -> WindowRule {
        let defaults = self.surroundings.defaults.window.unwrap_or_default();
        let delta =
            |text: Option<DurationText>| text.map_or(TimeDelta::zero(), DurationText::delta);
        let lookback = self.first(|header| header.window.as_ref()?.lookback.as_ref());
        let delay = self.first(|header| header.window.as_ref()?.delay.as_ref());
        let time = self.first(|header| header.window.as_ref()?.time.as_ref());
        if time.copied().or(defaults.time) == Some(TimeSetting::Ingestion) {
            let message = "windows by time of ingestion are not supported by sources of kind local";
            let help = "leave it out, and give `delay` the time that events take to arrive";
            self.report(
                code::UNSUPPORTED,
                &["window", "time"],
                message,
                Some(help.into()),
            );
        }
        WindowRule {
            lookback: delta(lookback.copied().or(defaults.lookback)),
            delay: delta(delay.copied().or(defaults.delay)),
        }
    }

    fn catch_up(&self) -> CatchUp {
        let defaults = self.surroundings.defaults.catch_up.unwrap_or_default();
        let policy = self.first(|header| header.catch_up.as_ref()?.policy.as_ref());
        let limit = self.first(|header| header.catch_up.as_ref()?.limit.as_ref());
        CatchUp {
            policy: policy
                .copied()
                .or(defaults.policy)
                .unwrap_or(CatchUpPolicy::Each),
            limit: limit.copied().or(defaults.limit).unwrap_or(CATCH_UP_LIMIT),
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
        let default = Detect::Threshold("rows > 0".parse().expect("it is a threshold"));
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

    /// Binds the query; the columns of its result, as its file names them, if it is right.
    fn bind_query(&mut self, source: Option<&SourceName>) -> Option<Schema> {
        let query = &self.hunt.query;
        if query.text().is_empty() {
            let span = query.file_span(Span::at(0));
            let problem = Diagnostic::error(code::MISSING_KEY, span, "the file has no query");
            let problem = problem.with_help("write KQL below the header");
            self.problems.push(self.hunt.file.problem(problem));
            return None;
        }
        let catalog = (self.surroundings.catalogs)(source);
        let bound = kql::compile(query.text(), &*catalog);
        for mut diagnostic in bound.diagnostics {
            diagnostic.span = query.file_span(diagnostic.span);
            self.problems.push(self.hunt.file.problem(diagnostic));
        }
        Some(result_columns(&bound.query?.plan.schema))
    }

    /// Binds what reads the result: the detection, and the columns that findings are made of.
    fn bind_findings(
        &mut self,
        results: Schema,
        detect: &Detect,
        entities: &[EntityMapping],
        key: &[String],
    ) {
        let columns = match detect {
            Detect::Threshold(_) => Some(results),
            Detect::Query(query) => self.bind_detection(query, results),
        };
        let Some(columns) = columns else { return };
        for (index, column) in key.iter().enumerate() {
            let place = match self.first(|header| header.dedupe.as_ref()?.key.as_ref()) {
                Some(OneOrMany::Many(_)) => Some(index),
                _ => None,
            };
            self.check_column(&columns, column, &["dedupe", "key"], place);
        }
        for entity in entities {
            let written = self.first(|header| header.entities.as_ref());
            let place = match written.and_then(|entities| entities.get(&entity.kind)) {
                Some(OneOrMany::Many(all)) => all.iter().position(|one| *one == entity.column),
                _ => None,
            };
            let path = ["entities", entity.kind.as_str()];
            self.check_column(&columns, &entity.column, &path, place);
        }
    }

    fn bind_detection(&mut self, query: &str, results: Schema) -> Option<Schema> {
        let mut catalog = MemoryCatalog::new();
        catalog.insert(
            RESULTS,
            TableInfo {
                schema: results,
                time_column: None,
            },
        );
        let bound = kql::compile(query, &catalog);
        let layer = self.layer_of(&["detect", "query"]);
        let node = layer
            .document
            .entry("detect")
            .and_then(|detect| detect.node.entry("query"))
            .map(|entry| &entry.node);
        let mut found = Vec::new();
        for mut diagnostic in bound.diagnostics {
            if let Some(node) = node {
                let excerpt = Excerpt::of_scalar(&layer.file.text, node, query);
                diagnostic.span = excerpt.file_span(diagnostic.span);
            }
            found.push(layer.file.problem(diagnostic));
        }
        self.problems.extend(found);
        Some(bound.query?.plan.schema)
    }

    fn check_column(
        &mut self,
        columns: &Schema,
        column: &str,
        path: &[&str],
        index: Option<usize>,
    ) {
        if columns.column(column).is_some() {
            return;
        }
        let names: Vec<&str> = columns
            .columns()
            .iter()
            .map(|column| &*column.name)
            .collect();
        let help = match did_you_mean(column, names.iter().copied()) {
            Some(nearest) => format!("did you mean `{nearest}`?"),
            None => format!("let the query keep it; the result has {}", names.join(", ")),
        };
        let index = index.map(|index| index.to_string());
        let full: Vec<&str> = path.iter().copied().chain(index.as_deref()).collect();
        let message = format!("the result has no column `{column}`");
        self.report(code::UNKNOWN_COLUMN, &full, message, Some(help));
    }
}
