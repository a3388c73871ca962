//! Any text binds or is refused with a reason; a query without errors has a result.

#![no_main]

use std::sync::LazyLock;

use kql::catalog::MemoryCatalog;
use kql::diagnostic::Severity;
use libfuzzer_sys::fuzz_target;

static CATALOG: LazyLock<MemoryCatalog> = LazyLock::new(kql_fuzz::catalog);

fuzz_target!(|text: &str| {
    let bound = kql::compile(text, &*CATALOG);
    kql_fuzz::check_diagnostics(text, &bound.diagnostics);
    if bound.query.is_some() {
        let errors = bound.diagnostics.iter();
        let mut errors = errors.filter(|diagnostic| diagnostic.severity == Severity::Error);
        assert!(errors.next().is_none());
    }
});
