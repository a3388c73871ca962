//! Which errors of the binder are only consequences of an error of the syntax. Where an operator
//! could not be read to its end, what the binder makes of the rest is noise; a misspelt name in
//! front of the mistake is not. The errors themselves are reported elsewhere.

use crate::diagnostic::{Diagnostic, Severity};
use crate::syntax::{self, TokenKind as T};

use super::code;

/// Codes of the parser for a text that it could not read on.
const UNREADABLE: &str = "KQL100";
const BRACKETS: &str = "KQL114";

/// Removes from `bound` what follows from the errors in `syntax`.
pub(super) fn drop_consequences(text: &str, syntax: &[Diagnostic], bound: &mut Vec<Diagnostic>) {
    let errors: Vec<&Diagnostic> = syntax
        .iter()
        .filter(|diagnostic| diagnostic.severity == Severity::Error)
        .collect();
    if errors.is_empty() || bound.is_empty() {
        return;
    }
    let page = Page::read(text);
    bound.retain(|found| {
        let at = found.span.start;
        !errors.iter().any(|error| {
            let mistake = error.span.start;
            match error.code {
                _ if mistake == at => true,
                BRACKETS => page
                    .open_since
                    .is_some_and(|open| open <= at && at <= mistake),
                UNREADABLE => {
                    let is_in_front = found.span.end <= mistake;
                    page.part(at) == page.part(mistake) && !(is_in_front && is_misspelt(found))
                }
                _ => false,
            }
        })
    });
}

/// Removes the parser's warnings of what the binder refuses.
pub(super) fn drop_milder(syntax: &mut Vec<Diagnostic>, bound: &[Diagnostic]) {
    syntax.retain(|warning| {
        warning.severity == Severity::Error
            || !bound
                .iter()
                .any(|error| error.severity == Severity::Error && error.span == warning.span)
    });
}

fn is_misspelt(found: &Diagnostic) -> bool {
    let is_name = matches!(found.code, code::UNKNOWN_NAME | code::UNKNOWN_FUNCTION);
    let is_clear = |help: &String| help.starts_with("did you mean");
    is_name && found.help.as_ref().is_some_and(is_clear)
}

/// The bars, semicolons and brackets of a text.
struct Page {
    /// Where one operator or statement ends and the next begins.
    ends: Vec<u32>,
    /// The first bracket that nothing closes.
    open_since: Option<u32>,
}

impl Page {
    fn read(text: &str) -> Self {
        let mut ends = Vec::new();
        let mut open = Vec::new();
        for token in syntax::tokens(text) {
            let at = token.span.start;
            match token.kind {
                T::Bar | T::Semicolon => ends.push(at),
                T::OpenParen | T::OpenBracket | T::OpenBrace => open.push(at),
                T::CloseParen | T::CloseBracket | T::CloseBrace => {
                    open.pop();
                }
                _ => {}
            }
        }
        let open_since = open.first().copied();
        Self { ends, open_since }
    }

    /// Which part of the text, counted from the front, `at` is in.
    fn part(&self, at: u32) -> usize {
        self.ends.partition_point(|end| *end < at)
    }
}
