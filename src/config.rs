//! The configuration: what `config/huntd.yaml` may say, and how it is read.
//!
//! Each part owns its options; they are only gathered here. Reading tells all mistakes at once,
//! with file, line and column, and opens nothing but the files that references name. `yaml` does
//! the reading; hunts are read by `hunt::load`.

pub mod schema;

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use kql::diagnostic::Diagnostic;
use schemars::JsonSchema;
use serde::Deserialize;

use crate::action::ActionConfig;
use crate::hunt::config::{Defaults, HuntConfig};
use crate::hunt::header::Header;
use crate::id::{ActionName, HuntName, SourceName};
use crate::lake::config::LakeConfig;
use crate::problem::{Problem, Problems, SourceFile, code};
use crate::runner::limits::RunnerConfig;
use crate::server::config::ServerConfig;
use crate::source::SourceConfig;
use crate::source::schema::CatalogConfig;
use crate::state::config::StateConfig;
use crate::yaml::{Excerpt, Node, ProcessSurroundings, Surroundings, decode};

/// The configuration file. Relative paths are taken from the working directory.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(title = "huntd configuration")]
pub struct Config {
    /// Folders and files with hunts; folders are searched with everything below them.
    /// Default: `[queries]`.
    #[serde(default = "default_queries")]
    pub queries: Vec<PathBuf>,
    /// Where huntd remembers what it did: `sqlite:PATH`. Default: `sqlite:data/state.db`.
    #[serde(default)]
    pub state: StateConfig,
    /// Where results are kept.
    #[serde(default)]
    pub lake: LakeConfig,
    /// Where queries run, by name.
    #[serde(default)]
    pub sources: BTreeMap<SourceName, SourceConfig>,
    /// Which tables `huntd check` knows beside those of Defender and Sentinel.
    #[serde(default)]
    pub catalog: CatalogConfig,
    /// Who is told about findings, by name.
    #[serde(default)]
    pub actions: BTreeMap<ActionName, ActionConfig>,
    /// How much is run at a time.
    #[serde(default)]
    pub runner: RunnerConfig,
    /// The HTTP server of `huntd serve`. Default: none.
    #[serde(default)]
    pub server: Option<ServerConfig>,
    /// Settings of hunts that do not say otherwise.
    #[serde(default)]
    pub defaults: Defaults,
    /// Settings of single hunts, by name; they count more than those in the hunt's file.
    #[serde(default)]
    pub hunts: BTreeMap<HuntName, Header>,
}

fn default_queries() -> Vec<PathBuf> {
    vec!["queries".into()]
}

/// A configuration with the file it was read from.
#[derive(Clone, Debug)]
pub struct Loaded {
    /// What it says.
    pub config: Config,
    /// The file.
    pub file: SourceFile,
    /// The file as written, for places.
    pub document: Node,
    /// Names of all sources, of those with mistakes, too.
    pub source_names: BTreeSet<String>,
    /// Names of the sources that know when their rows arrived.
    pub services: BTreeSet<String>,
    /// Names of all actions, of those with mistakes, too.
    pub action_names: BTreeSet<String>,
}

impl Loaded {
    /// What it says about hunts.
    pub fn hunts(&self) -> HuntConfig<'_> {
        HuntConfig {
            folders: &self.config.queries,
            defaults: &self.config.defaults,
            overrides: &self.config.hunts,
            source_names: &self.source_names,
            services: &self.services,
            action_names: &self.action_names,
            file: &self.file,
            document: &self.document,
        }
    }
}

fn services(config: &Config) -> BTreeSet<String> {
    let services = config
        .sources
        .iter()
        .filter(|(_, source)| source.is_service());
    services.map(|(name, _)| name.to_string()).collect()
}

const HOW_TO_BEGIN: &str = "name the configuration with `--config`, or begin with \
    `huntd quickstart`, which writes one";

/// Loads a configuration file, or tells everything that is wrong with it.
pub fn load(path: &Path) -> Result<Loaded, Problems> {
    let file = SourceFile::read(path).map_err(|mut problem| {
        problem.diagnostic.help = Some(HOW_TO_BEGIN.to_owned());
        Problems(vec![*problem])
    })?;
    let (loaded, problems) = examine(file, &ProcessSurroundings);
    let problems = Problems(problems);
    match loaded {
        Some(loaded) if !problems.has_errors() => Ok(loaded),
        _ => Err(problems),
    }
}

/// Reads a configuration and tells everything that is wrong with it. What is right of it is
/// returned nevertheless, so that hunts can be held against it.
pub fn examine(
    file: SourceFile,
    surroundings: &dyn Surroundings,
) -> (Option<Loaded>, Vec<Problem>) {
    let excerpt = Excerpt::whole(&file.text);
    let decoded = decode::<Config>(&file.text, &excerpt, Some(surroundings));
    let mut problems = decoded.problems;
    let names = |section: &str| -> BTreeSet<String> {
        let entries = decoded
            .document
            .entry(section)
            .map(|entry| entry.node.entries());
        entries
            .into_iter()
            .flatten()
            .map(|entry| entry.key.clone())
            .collect()
    };
    let (source_names, action_names) = (names("sources"), names("actions"));
    let mut loaded = decoded.value.map(|config| Loaded {
        services: services(&config),
        config,
        file: file.clone(),
        document: decoded.document,
        source_names,
        action_names,
    });
    if let Some(loaded) = &loaded {
        validate(loaded, &mut problems);
    }
    problems.sort_by_key(|problem| problem.span);
    let file = file.without_secrets(&problems);
    if let Some(loaded) = &mut loaded {
        loaded.file = file.clone();
    }
    let problems = problems
        .into_iter()
        .map(|problem| file.problem(problem))
        .collect();
    (loaded, problems)
}

/// What the parts say beyond the form of their options.
fn validate(loaded: &Loaded, problems: &mut Vec<Diagnostic>) {
    let Loaded {
        config, document, ..
    } = loaded;
    let mut report = |code: &'static str, path: &[&str], message: String, help: Option<String>| {
        let mut problem = Diagnostic::error(code, document.place(path.iter().copied()), message);
        problem.help = help;
        problems.push(problem);
    };
    for (name, action) in &config.actions {
        for problem in action.check() {
            let fields = problem.field.split('.');
            let path: Vec<&str> = ["actions", name.as_str()]
                .into_iter()
                .chain(fields)
                .collect();
            report(code::INVALID_VALUE, &path, problem.to_string(), None);
        }
    }
    for (name, source) in &config.sources {
        for problem in source.check() {
            let fields = problem.field.split('.');
            let path: Vec<&str> = ["sources", name.as_str()]
                .into_iter()
                .chain(fields)
                .collect();
            report(code::INVALID_VALUE, &path, problem.reason, None);
        }
    }
    if let Some(Err(message)) = config.server.as_ref().map(ServerConfig::access) {
        report(code::INVALID_VALUE, &["server", "listen"], message, None);
    }
    let defaults = &config.defaults;
    if let Some(zone) = &defaults.timezone
        && zone.parse::<chrono_tz::Tz>().is_err()
    {
        let help = crate::schedule::nearest_zone(zone).map_or_else(
            || "use an IANA name, such as Europe/Berlin or UTC".to_owned(),
            |zone| format!("did you mean `{zone}`?"),
        );
        let message = format!("unknown time zone `{zone}`");
        report(
            code::INVALID_VALUE,
            &["defaults", "timezone"],
            message,
            Some(help),
        );
    }
    let unknown = |what: &str, name: &str, known: &BTreeSet<String>| {
        let nearest = kql::diagnostic::did_you_mean(name, known.iter().map(String::as_str));
        let help = nearest.map(|nearest| format!("did you mean `{nearest}`?"));
        (format!("unknown {what} `{name}`"), help)
    };
    if let Some(source) = &defaults.source
        && !loaded.source_names.contains(source.as_str())
    {
        let (message, help) = unknown("source", source.as_str(), &loaded.source_names);
        report(code::UNKNOWN_NAME, &["defaults", "source"], message, help);
    }
    for (index, action) in defaults.actions.iter().enumerate() {
        if !loaded.action_names.contains(action.as_str()) {
            let (message, help) = unknown("action", action.as_str(), &loaded.action_names);
            let index = index.to_string();
            report(
                code::UNKNOWN_NAME,
                &["defaults", "actions", &index],
                message,
                help,
            );
        }
    }
    for (name, header) in &config.hunts {
        if header.query.is_some() {
            let message = "`query` has no place here".to_owned();
            let help = "the query is in the hunt's file".to_owned();
            report(
                code::UNKNOWN_KEY,
                &["hunts", name.as_str(), "query"],
                message,
                Some(help),
            );
        }
    }
}
