//! The window in the text of a query, for sources that run KQL themselves: a filter behind each
//! table that is read, and constants for `now()` and `ago()`. Only those places are touched, so
//! comments and layout stay. `rewrite/source.rs` writes the filters, `rewrite/clock.rs` the
//! constants.

mod clock;
mod search;
mod source;

use super::words::Words;
use super::{Mode, Timing, reads};
use crate::hir::Query;
use crate::span::Span;
use crate::syntax::keyword::is_reserved;
use crate::time::format_datetime;

/// Who sees to it that only rows of the window are read.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Carrier {
    /// The text: each table gets a filter.
    Text,
    /// The request: the source restricts all tables itself, as the `Timespan` of Microsoft's
    /// hunting API does. It knows event times only, so with [`Mode::Ingestion`] the text has the
    /// filters all the same.
    Request,
}

/// A change of a text: what stands at `span` becomes `text`.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Edit {
    /// What is replaced; empty where something is inserted.
    pub span: Span,
    /// By what.
    pub text: String,
}

/// A table that the text still reads whole, because no filter fits where it stands.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Unwindowed {
    /// Where it is read.
    pub span: Span,
    /// Why, as a fragment of a sentence.
    pub reason: String,
}

/// A query text with its window.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Rewritten {
    /// The text.
    pub text: String,
    /// What was changed, in order and without overlaps.
    pub edits: Vec<Edit>,
    /// What should have been changed and could not be. Rows from outside the window come from
    /// these reads, unless the source itself leaves them out.
    pub unwindowed: Vec<Unwindowed>,
}

/// Writes the window into `text`, from which `query` was bound without errors.
pub fn rewrite(
    text: &str,
    query: &Query,
    timing: impl Into<Timing>,
    carrier: Carrier,
) -> Rewritten {
    let timing = timing.into();
    let words = Words::new(text);
    let mut edits = Edits::default();
    let found = reads::collect(&words, query);
    clock::bind(&words, timing.now, &found.offsets, &mut edits);
    if carrier == Carrier::Text || timing.mode == Mode::Ingestion {
        source::restrict(&words, &found.reads, timing, &mut edits);
        for function in found.functions {
            edits.give_up(function, "the function reads what the query does not name");
        }
    }
    edits.apply(text)
}

/// Changes that gather.
#[derive(Default)]
struct Edits {
    edits: Vec<Edit>,
    unwindowed: Vec<Unwindowed>,
}

impl Edits {
    fn insert(&mut self, at: u32, text: impl Into<String>) {
        self.replace(Span { start: at, end: at }, text);
    }

    fn replace(&mut self, span: Span, text: impl Into<String>) {
        let text = text.into();
        self.edits.push(Edit { span, text });
    }

    fn give_up(&mut self, span: Span, reason: impl Into<String>) {
        let reason = reason.into();
        self.unwindowed.push(Unwindowed { span, reason });
    }

    fn apply(mut self, text: &str) -> Rewritten {
        self.edits.sort_by_key(|edit| edit.span.start);
        let mut written = String::with_capacity(text.len() + 128 * self.edits.len());
        let mut done = 0;
        for edit in &self.edits {
            let range = edit.span.range();
            written.push_str(text.get(done..range.start).unwrap_or(""));
            written.push_str(&edit.text);
            done = range.end;
        }
        written.push_str(text.get(done..).unwrap_or(""));
        Rewritten {
            text: written,
            edits: self.edits,
            unwindowed: self.unwindowed,
        }
    }
}

/// A datetime as a literal.
fn literal(ticks: i64) -> String {
    format!("datetime({})", format_datetime(ticks))
}

/// A name as it stands in an expression.
fn quoted(name: &str) -> String {
    let mut characters = name.chars();
    let plain = characters
        .next()
        .is_some_and(|first| first.is_ascii_alphabetic() || first == '_')
        && characters.all(|next| next.is_ascii_alphanumeric() || next == '_')
        && !is_reserved(name);
    if plain {
        return name.to_owned();
    }
    let escaped = name.replace('\\', "\\\\").replace('\'', "\\'");
    format!("['{escaped}']")
}
