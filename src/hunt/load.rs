//! Loads all hunts of a configuration: every file below its folders, all mistakes at once, and all
//! hunts or none.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use kql::diagnostic::{Diagnostic, did_you_mean};
use kql::span::Span;

use super::Hunt;
use super::build::{Catalogs, Surroundings, build};
use super::config::HuntConfig;
use super::document::Document;
use super::file::HuntFile;
use crate::id::HuntName;
use crate::parallel;
use crate::problem::{Problem, Problems, SourceFile, code};

/// Deepest nesting of folders with hunts.
const FOLDER_DEPTH_MAX: usize = 32;

/// The hunts of a configuration, immutable once loaded.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct HuntSet {
    /// By name.
    pub hunts: BTreeMap<HuntName, Arc<Hunt>>,
}

/// What one set has that another has not.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct HuntChanges {
    /// Only in the new set.
    pub added: Vec<HuntName>,
    /// In both, but not the same.
    pub changed: Vec<HuntName>,
    /// Only in the old set.
    pub removed: Vec<HuntName>,
}

/// What looking at hunts yields: all that are right, and all that is wrong.
#[derive(Clone, Debug, Default)]
pub struct Examined {
    /// The hunts without errors.
    pub set: HuntSet,
    /// Everything there is to say.
    pub problems: Vec<Problem>,
    /// The files that were read.
    pub files: Vec<PathBuf>,
}

impl HuntSet {
    /// Loads the hunts of a configuration, or tells everything that is wrong with them.
    pub fn load(config: &HuntConfig<'_>, catalogs: Catalogs<'_>) -> Result<Self, Problems> {
        let examined = examine(config, catalogs);
        let problems = Problems(examined.problems);
        if problems.has_errors() {
            return Err(problems);
        }
        Ok(examined.set)
    }

    /// A hunt by its name.
    pub fn get(&self, name: &str) -> Option<&Arc<Hunt>> {
        self.hunts.get(&HuntName::new(name).ok()?)
    }

    /// The name that was most probably meant.
    pub fn nearest(&self, name: &str) -> Option<&str> {
        did_you_mean(name, self.hunts.keys().map(HuntName::as_str))
    }

    /// What changes when `new` takes the place of this set.
    pub fn diff(&self, new: &Self) -> HuntChanges {
        let mut changes = HuntChanges::default();
        for (name, hunt) in &new.hunts {
            match self.hunts.get(name) {
                None => changes.added.push(name.clone()),
                Some(old) if old != hunt => changes.changed.push(name.clone()),
                Some(_) => {}
            }
        }
        let is_gone = |name: &&HuntName| !new.hunts.contains_key(*name);
        changes.removed = self.hunts.keys().filter(is_gone).cloned().collect();
        changes
    }
}

impl HuntChanges {
    /// Whether both sets are the same.
    pub fn is_empty(&self) -> bool {
        self.added.is_empty() && self.changed.is_empty() && self.removed.is_empty()
    }
}

/// Looks at all hunts of a configuration.
pub fn examine(config: &HuntConfig<'_>, catalogs: Catalogs<'_>) -> Examined {
    let mut examined = Examined::default();
    for (index, folder) in config.folders.iter().enumerate() {
        let mut files = BTreeSet::new();
        for (path, error) in find_files(folder, &is_hunt_file, &mut files) {
            let index = index.to_string();
            let place = config.document.place(["queries", index.as_str()]);
            let message = format!("cannot read {}: {error}", path.display());
            let problem = Diagnostic::error(code::UNREADABLE, place, message)
                .with_help("paths are taken from the working directory");
            examined.problems.push(config.file.problem(problem));
        }
        let new: Vec<PathBuf> = files
            .into_iter()
            .filter(|path| !examined.files.contains(path))
            .collect();
        examined.files.extend(new);
    }
    let files = examined.files.clone();
    examine_files(&files, Some(config), catalogs, &mut examined);

    for name in config.overrides.keys() {
        let is_known = files.iter().any(|path| stem(path) == name.as_str());
        if !is_known {
            let span = config
                .document
                .entry("hunts")
                .and_then(|hunts| hunts.node.entry(name.as_str()).map(|entry| entry.key_span));
            let message = format!("unknown hunt `{name}`");
            let known: Vec<&str> = files.iter().map(|path| stem(path)).collect();
            let mut problem =
                Diagnostic::error(code::UNKNOWN_NAME, span.unwrap_or_default(), message);
            problem.help = Some(match did_you_mean(name.as_str(), known) {
                Some(nearest) => format!("did you mean `{nearest}`?"),
                None => "a hunt's name is its file's name without the extension".to_owned(),
            });
            examined.problems.push(config.file.problem(problem));
        }
    }
    examined
}

/// Looks at these files, within a configuration if there is one.
pub fn examine_files(
    files: &[PathBuf],
    config: Option<&HuntConfig<'_>>,
    catalogs: Catalogs<'_>,
    examined: &mut Examined,
) {
    let defaults = config
        .map(|config| config.defaults.clone())
        .unwrap_or_default();
    let surroundings = Surroundings {
        defaults: &defaults,
        sources: config.map(|config| config.source_names),
        services: config.map(|config| config.services),
        actions: config.map(|config| config.action_names),
        catalogs,
    };
    // Lakes and file systems that ignore letter case would mix up hunts of one name.
    let mut first: BTreeMap<String, &Path> = BTreeMap::new();
    for path in files {
        first.entry(stem(path).to_lowercase()).or_insert(path);
    }
    let looked_at = parallel::map(files, |path| {
        let namesake = first[&stem(path).to_lowercase()];
        look_at(path, namesake, config, &surroundings)
    });
    for (hunt, problems) in looked_at {
        examined.problems.extend(problems);
        if let Some(hunt) = hunt {
            examined.set.hunts.insert(hunt.name.clone(), Arc::new(hunt));
        }
    }
}

/// Makes a hunt of a file, or tells why not. `first` is the first file with its name.
fn look_at(
    path: &Path,
    first: &Path,
    config: Option<&HuntConfig<'_>>,
    surroundings: &Surroundings<'_>,
) -> (Option<Hunt>, Vec<Problem>) {
    let file = match SourceFile::read(path) {
        Ok(file) => file,
        Err(problem) => return (None, vec![*problem]),
    };
    let refuse = |code: &'static str, message: String, note: Option<String>, help: &str| {
        let mut problem = Diagnostic::error(code, Span::at(0), message).with_help(help);
        problem.notes.extend(note);
        (None, vec![file.problem(problem)])
    };
    let name = match HuntName::new(stem(path)) {
        Ok(name) => name,
        Err(error) => {
            let help = "rename the file: its name is the hunt's";
            return refuse(code::INVALID_VALUE, error.to_string(), None, help);
        }
    };
    if first != path {
        let message = format!("there are two hunts named `{name}`");
        let note = format!("the other one is {}", first.display());
        return refuse(
            code::DUPLICATE_HUNT,
            message,
            Some(note),
            "rename one of the files",
        );
    }
    if let Document::Rule(_) = Document::of(&file) {
        let message = "this is a rule of Sentinel, which can be checked but not run".to_owned();
        let help = "keep it outside of `queries`, or write its query and settings as a hunt";
        return refuse(code::UNSUPPORTED, message, None, help);
    }
    let (hunt_file, mut problems) = HuntFile::parse(file);
    let is_broken = problems.iter().any(Problem::is_error);
    let Some(hunt_file) = hunt_file else {
        return (None, problems);
    };
    let overrides = config.and_then(|config| config.override_of(&name));
    let (hunt, more) = build(&name, &hunt_file, overrides, surroundings);
    problems.extend(more);
    problems.sort_by_key(|problem| (problem.file.path != *path, problem.diagnostic.span));
    (hunt.filter(|_| !is_broken), problems)
}

fn stem(path: &Path) -> &str {
    path.file_stem()
        .and_then(|stem| stem.to_str())
        .unwrap_or_default()
}

/// Whether a file is a hunt by its extension.
pub fn is_hunt_file(path: &Path) -> bool {
    let extension = path.extension().and_then(|extension| extension.to_str());
    matches!(extension, Some("kql" | "yaml" | "yml"))
}

/// Adds the files below `path` that are wanted, or `path` itself if it is a file. Hidden ones are
/// left alone. Yields what cannot be looked at.
pub fn find_files(
    path: &Path,
    is_wanted: &dyn Fn(&Path) -> bool,
    files: &mut BTreeSet<PathBuf>,
) -> Vec<(PathBuf, std::io::Error)> {
    let mut failures = Vec::new();
    match std::fs::metadata(path) {
        Ok(metadata) if metadata.is_dir() => {
            find_below(path, 0, is_wanted, files, &mut failures);
        }
        Ok(_) => {
            files.insert(path.to_owned());
        }
        Err(error) => failures.push((path.to_owned(), error)),
    }
    failures
}

fn find_below(
    folder: &Path,
    depth: usize,
    is_wanted: &dyn Fn(&Path) -> bool,
    files: &mut BTreeSet<PathBuf>,
    failures: &mut Vec<(PathBuf, std::io::Error)>,
) {
    if depth > FOLDER_DEPTH_MAX {
        let error = std::io::Error::other("folders are nested too deep");
        return failures.push((folder.to_owned(), error));
    }
    let entries = match std::fs::read_dir(folder) {
        Ok(entries) => entries,
        Err(error) => return failures.push((folder.to_owned(), error)),
    };
    for entry in entries {
        let entry = match entry {
            Ok(entry) => entry,
            Err(error) => return failures.push((folder.to_owned(), error)),
        };
        let child = entry.path();
        if entry.file_name().to_string_lossy().starts_with('.') {
            continue;
        }
        match std::fs::metadata(&child) {
            Ok(metadata) if metadata.is_dir() => {
                find_below(&child, depth + 1, is_wanted, files, failures);
            }
            Ok(_) if is_wanted(&child) => {
                files.insert(child);
            }
            Ok(_) => {}
            Err(error) => failures.push((child, error)),
        }
    }
}
