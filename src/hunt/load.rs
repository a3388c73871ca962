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
use super::file::HuntFile;
use crate::id::HuntName;
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
        if let Err((path, error)) = find_files(folder, 0, &mut files) {
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
        actions: config.map(|config| config.action_names),
        catalogs,
    };
    let mut seen: BTreeMap<String, &Path> = BTreeMap::new();
    for path in files {
        let file = match SourceFile::read(path) {
            Ok(file) => file,
            Err(problem) => {
                examined.problems.push(*problem);
                continue;
            }
        };
        let name = match HuntName::new(stem(path)) {
            Ok(name) => name,
            Err(error) => {
                let problem =
                    Diagnostic::error(code::INVALID_VALUE, Span::at(0), error.to_string())
                        .with_help("rename the file: its name is the hunt's");
                examined.problems.push(file.problem(problem));
                continue;
            }
        };
        // Lakes and file systems that ignore letter case would mix up such hunts.
        if let Some(first) = seen.insert(name.as_str().to_lowercase(), path) {
            let message = format!("there are two hunts named `{name}`");
            let problem = Diagnostic::error(code::DUPLICATE_HUNT, Span::at(0), message)
                .with_note(format!("the other one is {}", first.display()))
                .with_help("rename one of the files");
            examined.problems.push(file.problem(problem));
            continue;
        }
        let (hunt_file, mut problems) = HuntFile::parse(file);
        let is_broken = problems.iter().any(Problem::is_error);
        let Some(hunt_file) = hunt_file else {
            examined.problems.extend(problems);
            continue;
        };
        let overrides = config.and_then(|config| config.override_of(&name));
        let (hunt, more) = build(&name, &hunt_file, overrides, &surroundings);
        problems.extend(more);
        problems.sort_by_key(|problem| (problem.file.path != *path, problem.diagnostic.span));
        examined.problems.extend(problems);
        if let Some(hunt) = hunt.filter(|_| !is_broken) {
            examined.set.hunts.insert(name, Arc::new(hunt));
        }
    }
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

/// Adds the hunt files below `path`, or `path` itself if it is a file. Hidden ones are left alone.
pub fn find_files(
    path: &Path,
    depth: usize,
    files: &mut BTreeSet<PathBuf>,
) -> Result<(), (PathBuf, std::io::Error)> {
    let failed = |error| (path.to_owned(), error);
    if std::fs::metadata(path).map_err(failed)?.is_file() {
        files.insert(path.to_owned());
        return Ok(());
    }
    if depth > FOLDER_DEPTH_MAX {
        return Err(failed(std::io::Error::other("folders are nested too deep")));
    }
    for entry in std::fs::read_dir(path).map_err(failed)? {
        let entry = entry.map_err(failed)?;
        let child = entry.path();
        if entry.file_name().to_string_lossy().starts_with('.') {
            continue;
        }
        let is_folder = std::fs::metadata(&child)
            .map_err(|error| (child.clone(), error))?
            .is_dir();
        if is_folder {
            find_files(&child, depth + 1, files)?;
        } else if is_hunt_file(&child) {
            files.insert(child);
        }
    }
    Ok(())
}
