//! The table of codes: all that are in use, and none that is not; and each example has the mistake
//! that it stands for.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on fails")]

use std::collections::BTreeSet;
use std::path::Path;

use kql::catalog::{MemoryCatalog, TableInfo};
use kql::diagnostic::codes::EXPLANATIONS;
use kql::types::{Column, ScalarType, Schema};

/// Codes of what is not supported: an example would have to change whenever something is.
const UNSUPPORTED: [&str; 2] = ["KQL301", "KQL303"];

fn catalog() -> MemoryCatalog {
    use ScalarType::{DateTime, Long, String};
    let events = [
        ("Timestamp", DateTime),
        ("DeviceId", String),
        ("FileName", String),
        ("FolderPath", String),
        ("ProcessId", Long),
        ("AdditionalFields", String),
    ];
    let mut catalog = MemoryCatalog::new();
    for table in [
        "DeviceProcessEvents",
        "DeviceFileEvents",
        "DeviceInfo",
        "AlertEvidence",
    ] {
        let columns = events.iter().map(|(name, ty)| Column::new(*name, *ty));
        let info = TableInfo {
            schema: columns.collect::<Schema>(),
            time_column: Some("Timestamp".to_owned()),
        };
        catalog.insert(table, info);
    }
    catalog
}

fn codes_of(query: &str) -> BTreeSet<&'static str> {
    let bound = kql::compile(query, &catalog());
    let codes = bound.diagnostics.iter().map(|diagnostic| diagnostic.code);
    codes.collect()
}

#[test]
fn examples_have_the_mistake_that_they_stand_for() {
    let mut wrong = Vec::new();
    for explanation in EXPLANATIONS {
        if explanation.bad.is_empty() {
            continue;
        }
        let bad = codes_of(explanation.bad);
        let good = codes_of(explanation.good);
        if !bad.contains(explanation.code) || !good.is_empty() {
            wrong.push(format!("{}: bad {bad:?}, good {good:?}", explanation.code));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

/// Codes that stand in quotation marks in the sources of this crate.
fn codes_in(folder: &Path, found: &mut BTreeSet<String>) {
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            // The rules of the lint have a table of their own.
            if !path.ends_with("lint") {
                codes_in(&path, found);
            }
            continue;
        }
        if path.ends_with("diagnostic/codes.rs") {
            continue;
        }
        let text = std::fs::read_to_string(&path).unwrap();
        let words = text.split('"').skip(1).step_by(2);
        let is_code = |word: &&str| {
            word.len() == 6
                && word.starts_with("KQL")
                && word[3..].bytes().all(|byte| byte.is_ascii_digit())
        };
        found.extend(words.filter(is_code).map(str::to_owned));
    }
}

#[test]
fn every_code_in_use_is_explained_and_no_other() {
    let mut used = BTreeSet::new();
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    codes_in(&root.join("src"), &mut used);
    assert!(used.len() > 40, "{used:?}");
    let explained: Vec<&str> = EXPLANATIONS.iter().map(|one| one.code).collect();
    assert!(explained.is_sorted_by(|left, right| left < right));
    let used: Vec<&str> = used.iter().map(String::as_str).collect();
    assert_eq!(explained, used);
    for explanation in EXPLANATIONS {
        assert!(explanation.title.len() < 80, "{}", explanation.code);
        assert!(explanation.text.ends_with('.'), "{}", explanation.code);
    }
    assert!(UNSUPPORTED.iter().all(|code| explained.contains(code)));
}
