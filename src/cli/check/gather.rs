//! Finds the files that `huntd check` reads, and tells what each of them is.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use kql::catalog::Catalog;

use crate::config::Loaded;
use crate::hunt::document::{Document, may_hold_queries};
use crate::hunt::load::{find_files, is_hunt_file};
use crate::problem::{Problem, SourceFile};
use crate::yaml::{Node, Value};

/// Sections by which a configuration is known.
const SECTIONS: [&str; 8] = [
    "queries", "sources", "lake", "state", "runner", "hunts", "defaults", "catalog",
];
/// Settings by which YAML without a query is known as a hunt that lacks it.
const HUNT_SETTINGS: [&str; 7] = [
    "schedule",
    "detect",
    "dedupe",
    "entities",
    "window",
    "techniques",
    "catch_up",
];

/// The files below some paths.
pub(super) struct Gathered {
    /// In order of their paths.
    pub(super) files: Vec<File>,
    /// What cannot be looked at.
    pub(super) problems: Vec<Problem>,
}

/// A file.
pub(super) struct File {
    pub(super) path: PathBuf,
    /// Whether it was named, rather than found below a folder.
    is_named: bool,
    /// Whether it is the configuration in use.
    is_configuration: bool,
}

/// What looking at a file yields.
pub(super) enum Found {
    /// Nothing that is to be checked.
    Nothing,
    /// A configuration.
    Configuration(SourceFile),
    /// A hunt.
    Hunt,
    /// Something else, with all that is wrong with it.
    Checked(Vec<Problem>),
}

/// The files at these paths and below these folders that may hold queries.
pub(super) fn gather(paths: &[PathBuf], configured: &Path) -> Gathered {
    let mut found = BTreeSet::new();
    let mut named: BTreeSet<&Path> = BTreeSet::new();
    let mut problems = Vec::new();
    for path in paths {
        let failures = find_files(path, &may_hold_queries, &mut found).into_iter();
        problems.extend(failures.map(|(path, error)| Problem::unreadable(&path, &error)));
        named.insert(path);
    }
    let files = found.into_iter().map(|path| File {
        is_named: named.contains(path.as_path()),
        is_configuration: path == configured,
        path,
    });
    Gathered {
        files: files.collect(),
        problems,
    }
}

/// The files that a configuration takes for hunts, by their full paths.
pub(super) fn hunts_of(loaded: &Loaded) -> BTreeSet<PathBuf> {
    let mut files = BTreeSet::new();
    for folder in &loaded.config.queries {
        // What cannot be read is told when the configuration is checked.
        find_files(folder, &is_hunt_file, &mut files);
    }
    let full = files.iter().filter_map(|path| path.canonicalize().ok());
    full.collect()
}

/// Reads a file, and checks it if it is no hunt. Without a catalog, only syntax is looked at.
pub(super) fn look_at(
    file: &File,
    of_configuration: &BTreeSet<PathBuf>,
    catalog: Option<&dyn Catalog>,
) -> Found {
    if file.is_configuration && !file.is_named {
        return Found::Nothing;
    }
    let source = match SourceFile::read(&file.path) {
        Ok(source) => source,
        Err(problem) => return Found::Checked(vec![*problem]),
    };
    if file.is_configuration {
        return Found::Configuration(source);
    }
    let extension = file.path.extension();
    let is_text = extension.is_some_and(|extension| extension == "txt");
    let document = Document::of(&source);
    match &document {
        Document::Settings(node) if is_configuration(node) => {
            if file.is_named {
                Found::Configuration(source)
            } else {
                Found::Nothing
            }
        }
        Document::Settings(node) => {
            let has = |setting: &&str| node.entry(setting).is_some();
            let is_configured = is_among(of_configuration, &file.path);
            if file.is_named || is_configured || HUNT_SETTINGS.iter().any(has) {
                Found::Hunt
            } else {
                Found::Nothing
            }
        }
        Document::Hunt => Found::Hunt,
        Document::Plain if is_among(of_configuration, &file.path) => Found::Hunt,
        Document::Plain if is_text && !file.is_named => Found::Nothing,
        Document::Markdown if document.queries(&source).is_empty() => Found::Nothing,
        Document::Plain | Document::Markdown | Document::Rule(_) => {
            Found::Checked(document.check(&source, catalog))
        }
    }
}

fn is_among(files: &BTreeSet<PathBuf>, path: &Path) -> bool {
    !files.is_empty() && path.canonicalize().is_ok_and(|path| files.contains(&path))
}

fn is_configuration(document: &Node) -> bool {
    let has = |section: &&str| document.entry(section).is_some();
    // Hunts list the names of actions; a configuration defines them.
    let actions = document.entry("actions").map(|entry| &entry.node.value);
    let defines_actions = matches!(actions, Some(Value::Mapping(_)));
    defines_actions || SECTIONS.iter().any(has)
}
