//! A text without mistakes can be formatted, keeps its tree and its comments, and stays as it is
//! when it is formatted again.

#![no_main]

use kql::diagnostic::Diagnostic;
use kql::syntax::{Parse, parse};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|text: &str| {
    let before = parse(text);
    let formatted = match kql::format::format(text) {
        Ok(formatted) => formatted,
        Err(errors) => {
            // The words of management commands need no matching brackets.
            let is_unmatched = |error: &Diagnostic| error.message.contains("brackets");
            assert!(before.has_errors() || errors.iter().all(is_unmatched), "{errors:?}");
            return;
        }
    };
    let after = parse(&formatted);
    assert_eq!(tree(&before), tree(&after));
    assert_eq!(comments(&before, text), comments(&after, &formatted));
    assert_eq!(kql::format::format(&formatted), Ok(formatted));
});

/// The tree without its places, which `Debug` shows as `3..5`.
fn tree(parse: &Parse) -> String {
    let shown = format!("{:?}", parse.script);
    let mut out = String::with_capacity(shown.len());
    let mut rest = shown.as_str();
    while let Some(at) = rest.find("..") {
        out.push_str(rest[..at].trim_end_matches(|c: char| c.is_ascii_digit()));
        rest = rest[at + 2..].trim_start_matches(|c: char| c.is_ascii_digit());
    }
    out + rest
}

fn comments(parse: &Parse, text: &str) -> Vec<String> {
    let texts = parse.comments.iter().map(|span| span.text(text));
    texts.map(|text| text.trim_end().to_owned()).collect()
}
