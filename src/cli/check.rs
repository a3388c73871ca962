//! `huntd check`: tells everything that is wrong with configuration and hunts.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use super::hunts::{Format, known_tables};
use super::terminal::{print_line, print_note};
use super::{EXIT_BAD_INPUT, EXIT_FAILED, EXIT_OK, Global};
use crate::config::{self, Loaded};
use crate::hunt::file::HuntFile;
use crate::hunt::load::{self, Examined};
use crate::problem::{Problem, SourceFile};
use crate::source::schema::KnownTables;
use crate::yaml::{self, Excerpt, ProcessSurroundings, Value};

/// Sections by which a configuration is known.
const SECTIONS: [&str; 7] = [
    "queries", "sources", "lake", "state", "runner", "hunts", "defaults",
];

/// Arguments of `huntd check`.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// Hunts, folders of hunts, configuration files [default: the configuration and its hunts]
    pub paths: Vec<PathBuf>,
    /// How problems are printed
    #[arg(long, value_enum, default_value_t)]
    pub format: Format,
    /// Only parse queries; look up no tables, columns, sources and actions
    #[arg(long)]
    pub syntax_only: bool,
}

/// Checks, prints what is wrong; fails if there are errors.
pub fn run(args: &Args, global: &Global) -> anyhow::Result<ExitCode> {
    let mut found = Examined::default();
    let mut is_unreadable = false;
    let mut hunts = BTreeSet::new();
    let mut configurations = Vec::new();
    if args.paths.is_empty() {
        configurations.push(global.config.clone());
    }
    for path in &args.paths {
        if !path.is_dir() && is_configuration(path, &global.config) {
            configurations.push(path.clone());
        } else if let Err((path, error)) = load::find_files(path, 0, &mut hunts) {
            found.problems.push(Problem::unreadable(&path, &error));
            is_unreadable = true;
        }
    }
    for path in configurations {
        match SourceFile::read(&path) {
            Ok(file) => check_configuration(file, args.syntax_only, &mut found),
            Err(problem) => {
                found.problems.push(*problem);
                is_unreadable = true;
            }
        }
    }
    let hunts: Vec<PathBuf> = hunts
        .into_iter()
        .filter(|path| !is_configuration(path, &global.config))
        .collect();
    check_hunts(&hunts, args.syntax_only, global, &mut found);
    found.files.extend(hunts);
    Ok(print(&found, args.format, is_unreadable))
}

/// YAML without a query is a configuration.
fn is_configuration(path: &Path, configured: &Path) -> bool {
    if path == configured {
        return true;
    }
    let extension = path.extension().and_then(|extension| extension.to_str());
    if !matches!(extension, Some("yaml" | "yml")) {
        return false;
    }
    let Ok(text) = std::fs::read_to_string(path) else {
        return false;
    };
    let (document, _) = yaml::parse(&text, &Excerpt::whole(&text));
    document.is_some_and(|document| {
        let has = |section: &&str| document.entry(section).is_some();
        // Hunts list the names of actions; a configuration defines them.
        let actions = document.entry("actions").map(|entry| &entry.node.value);
        let defines_actions = matches!(actions, Some(Value::Mapping(_)));
        !has(&"query") && (defines_actions || SECTIONS.iter().any(has))
    })
}

fn check_configuration(file: SourceFile, syntax_only: bool, found: &mut Examined) {
    found.files.push(file.path.clone());
    let (loaded, problems) = config::examine(file, &ProcessSurroundings);
    found.problems.extend(problems);
    let Some(loaded) = loaded else { return };
    if syntax_only {
        let mut hunts = BTreeSet::new();
        for folder in &loaded.config.queries {
            if let Err((path, error)) = load::find_files(folder, 0, &mut hunts) {
                found.problems.push(Problem::unreadable(&path, &error));
            }
        }
        for path in hunts {
            check_syntax(&path, found);
            found.files.push(path);
        }
        return;
    }
    let known = known_tables(&loaded);
    let examined = load::examine(&loaded.hunts(), &|source| known.tables(source));
    found.problems.extend(examined.problems);
    found.files.extend(examined.files);
    found.set.hunts.extend(examined.set.hunts);
}

fn check_hunts(paths: &[PathBuf], syntax_only: bool, global: &Global, found: &mut Examined) {
    if paths.is_empty() {
        return;
    }
    if syntax_only {
        for path in paths {
            check_syntax(path, found);
        }
        return;
    }
    // Names and tables come from the configuration if there is one; its own mistakes were not
    // asked for.
    let loaded: Option<Loaded> = SourceFile::read(&global.config)
        .ok()
        .and_then(|file| config::examine(file, &ProcessSurroundings).0);
    let known = loaded
        .as_ref()
        .map_or_else(KnownTables::default, known_tables);
    let config = loaded.as_ref().map(Loaded::hunts);
    load::examine_files(
        paths,
        config.as_ref(),
        &|source| known.tables(source),
        found,
    );
}

fn check_syntax(path: &Path, found: &mut Examined) {
    let file = match SourceFile::read(path) {
        Ok(file) => file,
        Err(problem) => return found.problems.push(*problem),
    };
    let (hunt, problems) = HuntFile::parse(file);
    found.problems.extend(problems);
    let Some(hunt) = hunt else { return };
    for mut diagnostic in kql::syntax::parse(hunt.query.text()).diagnostics {
        diagnostic.span = hunt.query.file_span(diagnostic.span);
        found.problems.push(hunt.file.problem(diagnostic));
    }
}

fn print(found: &Examined, format: Format, is_unreadable: bool) -> ExitCode {
    let errors = found
        .problems
        .iter()
        .filter(|problem| problem.is_error())
        .count();
    let warnings = found.problems.len() - errors;
    match format {
        Format::Json => {
            let list: Vec<_> = found.problems.iter().map(Problem::to_json).collect();
            print_line(&serde_json::Value::Array(list).to_string());
        }
        Format::Text => {
            for problem in &found.problems {
                print_line(&problem.render());
            }
            let files = found.files.len();
            let count = |number: usize, noun: &str| {
                format!("{number} {noun}{}", if number == 1 { "" } else { "s" })
            };
            print_note(&format!(
                "{}, {} in {}",
                count(errors, "error"),
                count(warnings, "warning"),
                count(files, "file")
            ));
        }
    }
    ExitCode::from(match (is_unreadable, errors) {
        (true, _) => EXIT_BAD_INPUT,
        (false, 0) => EXIT_OK,
        (false, _) => EXIT_FAILED,
    })
}
