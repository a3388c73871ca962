//! `huntd check`: tells everything that is wrong with configuration, hunts and queries.
//!
//! `gather` finds the files, `output` and `sarif` print what is wrong, `explain` tells what a code
//! means. What is wrong, the nouns know.

mod explain;
mod gather;
mod output;
mod sarif;

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use self::gather::{Found, Gathered};
use super::hunts::known_tables;
use super::{EXIT_BAD_INPUT, EXIT_FAILED, EXIT_OK, Global};
use crate::config::{self, Loaded};
use crate::hunt::file::HuntFile;
use crate::hunt::load::{self, Examined};
use crate::hunt::query;
use crate::parallel;
use crate::problem::{Problem, SourceFile, code};
use crate::source;
use crate::source::local::LocalConfig;
use crate::source::schema::{Family, KnownTables};
use crate::yaml::ProcessSurroundings;

pub use explain::explanations;
pub use output::Format;

/// Arguments of `huntd check`.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Read are .kql, .csl and .txt with or without the header of a hunt, hunts in .yaml, Sentinel's rules,
and .md with fenced KQL, whose fences begin with ```kql or ```kusto. Below folders, .txt counts only
with the header of a hunt, and YAML only if it is a hunt or a rule.

Examples:
  huntd check
  huntd check queries rules/encoded.yaml notes.md
  huntd check --catalog sentinel --format sarif rules > huntd.sarif
  huntd check --explain KQL201")]
pub struct Args {
    /// Hunts, rules, Markdown, folders of them, configuration files [default: the configuration
    /// and its hunts]
    pub paths: Vec<PathBuf>,
    /// How problems are printed
    #[arg(long, value_enum, default_value_t)]
    pub format: Format,
    /// Only parse queries; look up no tables, columns, sources and actions
    #[arg(long)]
    pub syntax_only: bool,
    /// Tables that there are [default: those of the hunt's source; all, where none is known]
    #[arg(long, value_enum, value_name = "FAMILY")]
    pub catalog: Option<Family>,
    /// Take the tables of the files in this folder, too: <Table>/**/*.parquet|ndjson|json|csv or
    /// <Table>.<ext>
    #[arg(long, value_name = "DIR")]
    pub data: Option<PathBuf>,
    /// Take any name for a table, and any name for a column of such a table
    #[arg(long)]
    pub any_table: bool,
    /// Fail if there are warnings, too
    #[arg(long)]
    pub strict: bool,
    /// Tell what a code means, with a bad and a good example
    #[arg(long, value_name = "CODE", conflicts_with_all = ["paths", "format", "syntax_only"])]
    pub explain: Option<String>,
}

/// Checks, prints what is wrong; fails if there are errors.
pub fn run(args: &Args, global: &Global) -> anyhow::Result<ExitCode> {
    if let Some(code) = &args.explain {
        return Ok(explain::explain(code));
    }
    let mut check = Check {
        args,
        found: Examined::default(),
    };
    if args.paths.is_empty() {
        check.configuration_at(&global.config);
    } else {
        check.paths(&args.paths, global);
    }
    output::print(&check.found, args.format);
    let problems = &check.found.problems;
    let is_unreadable = |problem: &Problem| problem.diagnostic.code == code::UNREADABLE;
    Ok(ExitCode::from(if problems.iter().any(is_unreadable) {
        EXIT_BAD_INPUT
    } else if problems
        .iter()
        .any(|problem| args.strict || problem.is_error())
    {
        EXIT_FAILED
    } else {
        EXIT_OK
    }))
}

struct Check<'a> {
    args: &'a Args,
    found: Examined,
}

impl Check<'_> {
    /// Checks what is at these paths.
    fn paths(&mut self, paths: &[PathBuf], global: &Global) {
        // Names and tables come from the configuration if there is one; its own mistakes were not
        // asked for.
        let loaded: Option<Loaded> = SourceFile::read(&global.config)
            .ok()
            .and_then(|file| config::examine(file, &ProcessSurroundings).0);
        let known = self.known(loaded.as_ref());
        let of_configuration = loaded.as_ref().map_or_else(BTreeSet::new, gather::hunts_of);

        let Gathered { files, problems } = gather::gather(paths, &global.config);
        self.found.problems.extend(problems);
        let catalog = known.tables(None);
        let catalog = (!self.args.syntax_only).then_some(&*catalog);
        let looked_at = parallel::map(&files, |file| {
            gather::look_at(file, &of_configuration, catalog.map(|catalog| catalog as _))
        });

        let mut hunts = Vec::new();
        let mut order: Vec<PathBuf> = Vec::new();
        for (file, found) in files.into_iter().zip(looked_at) {
            match found {
                Found::Nothing => continue,
                Found::Configuration(source) => {
                    self.configuration(source);
                    continue;
                }
                Found::Checked(problems) => self.found.problems.extend(problems),
                Found::Hunt => hunts.push(file.path.clone()),
            }
            order.push(file.path);
        }
        self.hunts(&hunts, loaded.as_ref(), &known);
        // Problems stand in the order of the files, whatever the files are; before them, those of
        // configurations and of what cannot be read at all.
        let rank = |problem: &Problem| order.binary_search(&problem.file.path).ok();
        self.found.problems.sort_by_cached_key(rank);
        self.found.files.extend(order);
    }

    fn configuration_at(&mut self, path: &Path) {
        match SourceFile::read(path) {
            Ok(file) => self.configuration(file),
            Err(problem) => self.found.problems.push(*problem),
        }
    }

    /// Checks a configuration and its hunts.
    fn configuration(&mut self, file: SourceFile) {
        self.found.files.push(file.path.clone());
        let (loaded, problems) = config::examine(file, &ProcessSurroundings);
        self.found.problems.extend(problems);
        let Some(loaded) = loaded else { return };
        if self.args.syntax_only {
            let mut hunts = BTreeSet::new();
            for folder in &loaded.config.queries {
                let failures = load::find_files(folder, &load::is_hunt_file, &mut hunts);
                let failures = failures.iter();
                let problems = failures.map(|(path, error)| Problem::unreadable(path, error));
                self.found.problems.extend(problems);
            }
            let hunts: Vec<PathBuf> = hunts.into_iter().collect();
            self.syntax(&hunts);
            self.found.files.extend(hunts);
            return;
        }
        let known = self.known(Some(&loaded));
        let examined = load::examine(&loaded.hunts(), &|source| known.tables(source));
        self.found.problems.extend(examined.problems);
        self.found.files.extend(examined.files);
        self.found.set.hunts.extend(examined.set.hunts);
    }

    fn hunts(&mut self, paths: &[PathBuf], loaded: Option<&Loaded>, known: &KnownTables) {
        if self.args.syntax_only {
            return self.syntax(paths);
        }
        let config = loaded.map(Loaded::hunts);
        let catalogs = |source: Option<&_>| known.tables(source);
        load::examine_files(paths, config.as_ref(), &catalogs, &mut self.found);
    }

    fn syntax(&mut self, paths: &[PathBuf]) {
        let problems = parallel::map(paths, |path| check_syntax(path));
        self.found.problems.extend(problems.into_iter().flatten());
    }

    /// The tables that there are, by configuration and arguments.
    fn known(&self, loaded: Option<&Loaded>) -> KnownTables {
        let mut known = loaded.map_or_else(KnownTables::default, known_tables);
        if let Some(family) = self.args.catalog {
            known = known.with_family(family);
        }
        if let Some(folder) = &self.args.data {
            let folder = source::local(&LocalConfig::new(folder));
            known = known.with_tables(folder.catalog());
        }
        if self.args.any_table {
            known = known.with_any_table();
        }
        known
    }
}

fn check_syntax(path: &Path) -> Vec<Problem> {
    let file = match SourceFile::read(path) {
        Ok(file) => file,
        Err(problem) => return vec![*problem],
    };
    let (hunt, mut problems) = HuntFile::parse(file);
    if let Some(hunt) = hunt {
        problems.extend(query::parse(&hunt.file, &hunt.query));
    }
    problems
}
