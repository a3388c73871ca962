//! Configuration files: good ones load, each file named after a mistake tells it.

use std::io;
use std::path::{Path, PathBuf};

use huntd::config::{self, Loaded};
use huntd::hunt::load;
use huntd::id::SourceName;
use huntd::problem::{Problem, SourceFile};
use huntd::source::schema::KnownTables;
use huntd::yaml::Surroundings;
use kql::catalog::SharedCatalog;

/// An environment that is the same on every machine.
pub(crate) struct FixedSurroundings;

impl Surroundings for FixedSurroundings {
    fn variable(&self, name: &str) -> Option<String> {
        let value = match name {
            "SMTP_PASSWORD" => "0123",
            "SMTP_PORT" => "2525",
            "CHAT_HOST" => "chat.example.com",
            _ => return None,
        };
        Some(value.to_owned())
    }

    fn variable_names(&self) -> Vec<String> {
        ["SMTP_PASSWORD", "SMTP_PORT", "CHAT_HOST"]
            .map(str::to_owned)
            .to_vec()
    }

    fn file(&self, path: &str) -> io::Result<String> {
        if path == "/run/secrets/key" {
            return Ok("a key\n".to_owned());
        }
        Err(io::ErrorKind::NotFound.into())
    }
}

/// Every source has the tables of Defender.
pub(crate) fn defender_tables(source: Option<&SourceName>) -> SharedCatalog {
    KnownTables::default().tables(source)
}

/// The files of a folder of fixtures, by name.
pub(crate) fn fixtures(folder: &str) -> Vec<PathBuf> {
    let entries = std::fs::read_dir(folder).unwrap();
    let mut files: Vec<PathBuf> = entries
        .map(|entry| entry.unwrap().path())
        .filter(|path| path.is_file())
        .collect();
    files.sort();
    files
}

pub(crate) fn rendered(problems: &[Problem]) -> String {
    let texts: Vec<String> = problems.iter().map(Problem::render).collect();
    texts.join("\n")
}

fn examine(path: &Path) -> (Option<Loaded>, Vec<Problem>) {
    let file = SourceFile::read(path).unwrap();
    let (loaded, mut problems) = config::examine(file, &FixedSurroundings);
    if let Some(loaded) = &loaded
        && path.ends_with("unknown-hunts.yaml")
    {
        problems.extend(load::examine(&loaded.hunts(), &defender_tables).problems);
    }
    (loaded, problems)
}

#[test]
fn each_mistake_is_told_with_its_place_and_a_way_out() {
    for path in fixtures("tests/data/config") {
        let stem = path.file_stem().unwrap().to_str().unwrap();
        let (_, problems) = examine(&path);
        if stem.starts_with("good") {
            assert_eq!(rendered(&problems), "", "{}", path.display());
            continue;
        }
        assert!(!problems.is_empty(), "{}", path.display());
        insta::assert_snapshot!(format!("config-{stem}"), rendered(&problems));
    }
}

#[test]
fn references_are_resolved_and_never_shown() {
    let (loaded, _) = examine(Path::new("tests/data/config/good-all-options.yaml"));
    let loaded = loaded.unwrap();
    let shown = format!("{:?}", loaded.config);
    assert!(shown.contains("chat.example.com"), "{shown}");
    assert!(shown.contains("2525"), "a number may come from a reference");
    assert!(
        !shown.contains("0123") && !shown.contains("a key"),
        "{shown}"
    );
}

#[test]
fn an_empty_file_has_every_default() {
    let file = SourceFile::new("huntd.yaml", "");
    let (loaded, problems) = config::examine(file, &FixedSurroundings);
    assert_eq!(rendered(&problems), "");
    let config = loaded.unwrap().config;
    assert_eq!(config.queries, [Path::new("queries")]);
    assert_eq!(config.state.to_string(), "sqlite:data/state.db");
    assert_eq!(config.lake.url, "data/lake");
}

#[test]
fn a_file_that_is_missing_is_named() {
    let problems = config::load(Path::new("tests/data/nothing.yaml")).unwrap_err();
    insta::assert_snapshot!(
        problems.to_string(),
        @r"
    error[CFG111]: cannot read tests/data/nothing.yaml: No such file or directory (os error 2)
      = help: name the configuration with `--config`, or begin with `huntd quickstart`, which writes one
    "
    );
}
