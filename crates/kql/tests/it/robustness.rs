//! Texts that nobody means: cut off anywhere, nested without end, far too long.

use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use kql::syntax::TEXT_BYTES_MAX;

use crate::world::{catalog, compile};

/// A text of a few kilobytes takes less than a millisecond; a loop that does not end takes more
/// than this on any machine.
const PATIENCE: Duration = Duration::from_secs(10);

/// The hunts that ship with the program, and the texts of this crate's own tests.
fn texts() -> Vec<(PathBuf, String)> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut pending = vec![root.join("tests/test_data"), root.join("../../queries")];
    let mut texts = Vec::new();
    while let Some(folder) = pending.pop() {
        for entry in std::fs::read_dir(folder).expect("the folder is part of the project") {
            let path = entry.expect("the folder can be read").path();
            if path.is_dir() {
                pending.push(path);
            } else if path.extension().is_some_and(|extension| extension == "kql") {
                let text = std::fs::read_to_string(&path).expect("hunts are text");
                texts.push((path, text));
            }
        }
    }
    assert!(texts.len() > 10);
    texts
}

#[test]
fn every_prefix_of_every_hunt_binds_or_is_refused_in_bounded_time() {
    let catalog = catalog();
    for (path, text) in texts() {
        for end in (0..=text.len()).filter(|end| text.is_char_boundary(*end)) {
            let start = Instant::now();
            let prefix = &text[..end];
            let bound = kql::compile(prefix, &catalog);
            for diagnostic in &bound.diagnostics {
                let span = diagnostic.span;
                let place = prefix.get(span.start as usize..span.end as usize);
                assert!(place.is_some(), "{path:?} up to {end}: {diagnostic:?}");
            }
            assert!(start.elapsed() < PATIENCE, "{path:?} up to {end}");
        }
    }
}

#[test]
fn a_query_of_ten_megabytes_is_refused() {
    let line = "T | where s == \"some value that is long enough\" or s == \"another\"\n";
    let text = line.repeat(10_000_000 / line.len() + 1);
    let bound = compile(&text);
    let codes: Vec<_> = bound.diagnostics.iter().map(|told| told.code).collect();
    assert_eq!(codes, ["KQL119"]);
    assert!(bound.query.is_none());
}

#[test]
fn a_query_just_below_the_limit_ends_in_bounded_time() {
    let item = "\"0123456789abcdef0123456789abcdef\", ";
    let items = item.repeat((TEXT_BYTES_MAX - 100) / item.len());
    let start = Instant::now();
    let bound = compile(&format!("T | where s in ({items}\"\")"));
    assert!(start.elapsed() < PATIENCE);
    assert!(
        bound.diagnostics.len() < 3,
        "{:?}",
        bound.diagnostics.first()
    );
}
