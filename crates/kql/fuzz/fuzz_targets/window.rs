//! A query that binds can be windowed: the resolved query without a panic, the text so that it
//! binds again, to the same columns.

#![no_main]

use std::sync::LazyLock;

use kql::catalog::MemoryCatalog;
use kql::window::{Carrier, Mode, Timing, Window, apply, own_ranges, rewrite, splitting};
use libfuzzer_sys::fuzz_target;

static CATALOG: LazyLock<MemoryCatalog> = LazyLock::new(kql_fuzz::catalog);

/// 2026-01-01 and an hour later.
const WINDOW: Window = Window {
    from: 639_028_224_000_000_000,
    to: 639_028_260_000_000_000,
};

fuzz_target!(|text: &str| {
    let Some(query) = kql::compile(text, &*CATALOG).query else {
        return;
    };
    own_ranges(&query);
    for mode in [Mode::Event, Mode::Ingestion] {
        splitting(&query, mode);
        let timing = Timing::from(WINDOW).by(mode);
        apply(query.clone(), timing);
        for carrier in [Carrier::Text, Carrier::Request] {
            let rewritten = rewrite(text, &query, timing, carrier);
            let again = kql::compile(&rewritten.text, &*CATALOG);
            let Some(again) = again.query else {
                panic!("{}\n{:?}", rewritten.text, again.diagnostics);
            };
            assert_eq!(query.plan.schema, again.plan.schema, "{}", rewritten.text);
        }
    }
});
