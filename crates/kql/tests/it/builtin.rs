//! The tables of built-in functions hold together.

use std::collections::HashSet;

use kql::builtin::{aggregate, aggregates, scalar, scalars};

#[test]
fn names_and_aliases_are_unique_and_lead_to_their_function() {
    let mut names = HashSet::new();
    for function in scalars() {
        for name in std::iter::once(&function.name).chain(function.aliases) {
            assert!(names.insert(*name), "{name} twice");
            assert_eq!(scalar(name).map(|found| found.name), Some(function.name));
        }
    }
    let mut names = HashSet::new();
    for function in aggregates() {
        for name in std::iter::once(&function.name).chain(function.aliases) {
            assert!(names.insert(*name), "{name} twice");
            assert_eq!(aggregate(name).map(|found| found.name), Some(function.name));
        }
    }
}

#[test]
fn signatures_are_well_formed() {
    let signatures = scalars()
        .map(|function| (function.name, function.signatures, function.doc))
        .chain(aggregates().map(|function| (function.name, function.signatures, function.doc)));
    for (name, signatures, doc) in signatures {
        assert!(!signatures.is_empty(), "{name} has no signature");
        assert!(doc.ends_with('.') && doc.len() > 3, "{name}: {doc}");
        for signature in signatures {
            assert!(signature.optional <= signature.parameters.len(), "{name}");
            assert!(
                !signature.variadic || !signature.parameters.is_empty(),
                "{name}"
            );
        }
    }
}
