//! The page about codes, from the tables of their explanations; and that those of configuration
//! and hunts are all there, with examples that have the mistake.

use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::path::Path;

use huntd::cli::check::explanations;
use huntd::hunt::load::{self, Examined};
use huntd::problem::codes::EXPLANATIONS;

use super::check_generated;
use crate::config::defender_tables;

#[test]
fn the_page_about_diagnostics_is_what_the_tables_say() {
    let mut page = "\
# Diagnostics

Generated from the program; do not edit it. `huntd check --explain KQL201` says the same of one code.

Codes `CFG1xx` are about configuration and hunts, `CFG2xx` about rules of Microsoft Sentinel, `KQL1xx` about the syntax of
queries, `KQL2xx` about names and types, `KQL3xx` and `KQL9xx` about what is not supported, `KQL4xx` about what is
allowed but probably not meant. Warnings can be allowed where they are: `// huntd: allow KQL402 reason` behind the line
or on the one before, `// huntd: allow-file KQL402 reason` for all of a query.

| code | what |
|---|---|
"
    .to_owned();
    let explanations = explanations();
    for one in &explanations {
        let anchor = one.code.to_lowercase();
        writeln!(page, "| [{}](#{anchor}) | {} |", one.code, one.title).unwrap();
    }
    for one in &explanations {
        writeln!(page, "\n## {}\n\n{}.", one.code, capitalised(one.title)).unwrap();
        writeln!(page, "{}", one.text).unwrap();
        for (word, example) in [("Wrong", one.bad), ("Right", one.good)] {
            if !example.is_empty() {
                writeln!(page, "\n{word}:\n\n````text\n{}\n````", example.trim_end()).unwrap();
            }
        }
    }
    check_generated("docs/reference/diagnostics.md", &page);
}

fn capitalised(text: &str) -> String {
    let mut characters = text.chars();
    match characters.next() {
        Some(first) => first.to_uppercase().chain(characters).collect(),
        None => String::new(),
    }
}

/// Codes of the root package's sources.
fn codes_in(folder: &Path, found: &mut BTreeSet<String>) {
    let code = regex::Regex::new(r#""((?:CFG|KQL)\d{3})""#).unwrap();
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            codes_in(&path, found);
        } else if !path.ends_with("problem/codes.rs") {
            let text = std::fs::read_to_string(&path).unwrap();
            found.extend(code.captures_iter(&text).map(|found| found[1].to_owned()));
        }
    }
}

#[test]
fn every_code_in_use_is_explained_and_no_other() {
    let mut used = BTreeSet::new();
    codes_in(
        &Path::new(env!("CARGO_MANIFEST_DIR")).join("src"),
        &mut used,
    );
    let explained: BTreeSet<String> = EXPLANATIONS.iter().map(|one| one.code.to_owned()).collect();
    assert_eq!(explained, used);
    let all = explanations();
    assert!(
        all.is_sorted_by(|left, right| left.code < right.code),
        "a code is there twice"
    );
}

#[test]
fn examples_have_the_mistake_that_they_stand_for() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("example.kql");
    for one in EXPLANATIONS.iter().filter(|one| !one.bad.is_empty()) {
        let codes = |text: &str| -> Vec<&'static str> {
            std::fs::write(&path, text).unwrap();
            let mut examined = Examined::default();
            let files = [path.clone()];
            load::examine_files(&files, None, &defender_tables, &mut examined);
            let problems = examined.problems.iter();
            // Rules of the linter have examples of their own.
            let codes = problems.map(|problem| problem.diagnostic.code);
            codes.filter(|code| !code.starts_with("KQL4")).collect()
        };
        assert!(codes(one.bad).contains(&one.code), "{}", one.code);
        assert_eq!(codes(one.good), [""; 0], "{}", one.code);
    }
}
