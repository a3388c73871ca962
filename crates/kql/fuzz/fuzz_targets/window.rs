//! The window in the text of a query means what the window in the resolved query means, and what
//! is told about a query is told without panic.

#![no_main]

use std::sync::LazyLock;

use kql::catalog::MemoryCatalog;
use kql::window::{Carrier, Mode, Timing, Window, apply, own_ranges, reads, rewrite, splitting};
use libfuzzer_sys::fuzz_target;

static CATALOG: LazyLock<MemoryCatalog> = LazyLock::new(kql_fuzz::catalog);

fuzz_target!(|text: &str| {
    let Some(query) = kql::compile(text, &*CATALOG).query else {
        return;
    };
    let timing = Timing::from(Window {
        from: 638_000_000_000_000_000,
        to: 638_000_864_000_000_000,
    });
    for read in reads(text, &query) {
        assert!(text.get(read.span.range()).is_some(), "{read:?}");
    }
    own_ranges(&query);
    for mode in [Mode::Event, Mode::Ingestion] {
        splitting(&query, mode);
        let rewritten = rewrite(text, &query, timing.by(mode), Carrier::Text);
        apply(query.clone(), timing.by(mode));
        let again = kql::compile(&rewritten.text, &*CATALOG);
        let Some(again) = again.query else {
            panic!("{}\n{:?}", rewritten.text, again.diagnostics);
        };
        assert_eq!(again.plan.schema, query.plan.schema, "{}", rewritten.text);
    }
});
