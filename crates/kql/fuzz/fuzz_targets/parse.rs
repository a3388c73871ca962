//! Any text parses, without a panic and without exhausting the stack, and what is wrong with it
//! is told at places that it has.

#![no_main]

use libfuzzer_sys::fuzz_target;

fuzz_target!(|text: &str| {
    let parse = kql::syntax::parse(text);
    kql_fuzz::check_diagnostics(text, &parse.diagnostics);
    for comment in &parse.comments {
        assert!(comment.text(text).starts_with("//"));
    }
});
