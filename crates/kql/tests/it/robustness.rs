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

/// `first` and then `count` further statements, each of which is given the number before its own.
fn statements(first: &str, count: usize, next: impl Fn(usize) -> String) -> String {
    let next: Vec<String> = (0..count).map(next).collect();
    format!("{first}{}", next.concat())
}

/// The codes of the errors, each once.
#[track_caller]
fn codes(query: &str) -> Vec<&'static str> {
    let start = Instant::now();
    let bound = compile(query);
    let took = start.elapsed();
    assert!(
        took < PATIENCE,
        "{took:?}: {}",
        &query[..query.len().min(200)]
    );
    let mut codes: Vec<_> = bound.diagnostics.iter().map(|told| told.code).collect();
    codes.sort_unstable();
    codes.dedup();
    codes
}

#[test]
fn functions_within_functions_take_no_longer_with_each_level() {
    let levels = 60;
    let body = "let f = () { ".repeat(levels);
    let calls = "}; f()".repeat(levels);
    assert_eq!(codes(&format!("{body}print 1{calls}")), Vec::<&str>::new());
}

#[test]
fn what_doubles_with_each_statement_is_refused_soon() {
    let doubling = [
        statements("let a0 = T;", 40, |n| {
            format!("let a{} = a{n} | join a{n} on a;", n + 1)
        }) + "a40",
        statements("let a0 = materialize(T);", 40, |n| {
            format!("let a{} = materialize(a{n} | join a{n} on a);", n + 1)
        }) + "a40",
        statements("let f0 = () { T };", 40, |n| {
            format!("let f{} = () {{ union f{n}(), f{n}() }};", n + 1)
        }) + "f40()",
        statements("let f0 = (x: long) { x };", 40, |n| {
            format!("let f{} = (x: long) {{ f{n}(x) + f{n}(x) }};", n + 1)
        }) + "print f40(1)",
    ];
    for query in doubling {
        assert_eq!(codes(&query), ["KQL218"], "{query}");
    }
    // Uses of what has an error stay quiet, and are not counted up either.
    let broken = statements("let f0 = (t: (*)) { t };", 40, |n| {
        format!(
            "let f{} = (t: (*)) {{ t | mv-apply d on (invoke f{n}() | invoke f{n}()) }};",
            n + 1
        )
    });
    codes(&format!("{broken} T | invoke f40()"));
}

#[test]
fn what_nests_deeper_with_each_statement_is_refused_before_it_exhausts_the_stack() {
    // Without optimisation the stack frames are several times as large.
    let walk = std::thread::Builder::new().stack_size(16 * 1024 * 1024);
    let walk = walk.spawn(build_on_each_other).expect("there are threads");
    walk.join().expect("the stack has room");
}

fn build_on_each_other() {
    let operators = " | where a > 1".repeat(100);
    let tables = statements("let a0 = T;", 40, |n| {
        format!("let a{} = a{n}{operators};", n + 1)
    });
    assert_eq!(codes(&format!("{tables} a40")), ["KQL218"]);
    let (open, close) = ("toscalar(print ".repeat(50), ")".repeat(50));
    let values = statements("let a0 = 1;", 40, |n| {
        format!("let a{} = {open}a{n}{close};", n + 1)
    });
    assert_eq!(codes(&format!("{values} print a40")), ["KQL218"]);
}

#[test]
fn a_hundred_thousand_names_are_refused_and_leave_the_stack_alone() {
    let names = statements("", 100_000, |n| format!("let a{n} = 1;"));
    assert_eq!(codes(&format!("{names} print a0")), ["KQL218"]);
}

#[test]
fn ten_thousand_columns_of_one_name_are_numbered_in_bounded_time() {
    let aggregates = "count(), ".repeat(10_000);
    assert!(codes(&format!("T | summarize {aggregates} count() by a")).is_empty());
    let levels = ", top-nested 3 of a by count()".repeat(5_000);
    assert!(codes(&format!("T | top-nested 3 of a by count(){levels}")).is_empty());
}

#[test]
fn mistakes_without_end_are_told_as_far_as_anybody_reads() {
    let columns = statements("", 5_000, |n| format!("x{n}, "));
    let told = compile(&format!("T | project {columns} a"))
        .diagnostics
        .len();
    assert!((100..=400).contains(&told), "{told}");
    assert_eq!(codes(&"T | where f(a,;\n".repeat(2_000))[0], "KQL100");
}

#[test]
fn words_that_cannot_stand_among_values_end_them() {
    for word in [
        "by", "has", "contains", "in", "to", "of", "where", "kind", "with",
    ] {
        for text in [
            format!("datatable(a: long) [{word}"),
            format!("datatable(a: long) [1 {word} 2]"),
            format!("datatable(a: long) [1, {word}, 2] | take 1"),
            format!("externaldata(a: long) [{word}]"),
        ] {
            assert!(compile(&text).query.is_none(), "{text}");
        }
    }
}

/// What is not read any more was once called an operator that is not supported, too.
#[test]
fn an_operator_that_nests_too_deeply_is_one_mistake() {
    // Without optimisation the stack frames are several times as large.
    let compiled = std::thread::Builder::new().stack_size(16 * 1024 * 1024);
    let compiled = compiled.spawn(|| {
        for opening in [
            "(T | union ",
            "T | where a in (",
            "T | where toscalar(",
            "print toscalar(",
        ] {
            for parentheses in 0..12 {
                let (open, close) = (opening.repeat(400), ")".repeat(400 + parentheses));
                let codes = codes(&format!("{}{open}T{close}", "(".repeat(parentheses)));
                assert!(codes.contains(&"KQL110"), "{opening}: {codes:?}");
                assert!(!codes.contains(&"KQL301"), "{opening}: {codes:?}");
            }
        }
    });
    let compiled = compiled.expect("there are threads");
    compiled.join().expect("each is one mistake");
}

#[test]
fn conditions_that_an_engine_would_chain_are_limited() {
    let all = |count: usize| {
        let conditions: Vec<String> = (0..count).map(|value| format!("a != {value}")).collect();
        format!("T | where {}", conditions.join(" and "))
    };
    assert!(codes(&all(1_000)).is_empty());
    assert_eq!(codes(&all(1_001)), ["KQL218"]);
    // One below the other, they come together; beside each other, they do not.
    let second = all(600).replacen("T |", "|", 1);
    assert_eq!(codes(&format!("{} {second}", all(600))), ["KQL218"]);
    assert!(codes(&format!("union ({}), ({})", all(600), all(600))).is_empty());
    let any: Vec<String> = (0..20_000).map(|value| format!("a == {value}")).collect();
    assert!(codes(&format!("T | where {}", any.join(" or "))).is_empty());
}
