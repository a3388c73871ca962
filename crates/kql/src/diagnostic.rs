//! What the parser and the binder have to say about a query: errors and warnings with a code, a
//! place and a way out, and their plain-text rendering with a caret.
//!
//! Codes are stable; they are what `huntd check --format json` prints and what an allow comment
//! names.

pub mod codes;
mod render;

use crate::span::{LineIndex, Span};

pub use render::{Colour, Place};

/// How bad it is.
#[derive(Clone, Copy, PartialEq, Eq, Debug, PartialOrd, Ord)]
pub enum Severity {
    /// The query runs, but probably not as meant.
    Warning,
    /// The query cannot run.
    Error,
}

impl Severity {
    /// The word printed before the message.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Warning => "warning",
            Self::Error => "error",
        }
    }
}

/// One message about one place of the query.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Diagnostic {
    /// Stable identifier, such as `KQL201`.
    pub code: &'static str,
    /// How bad it is.
    pub severity: Severity,
    /// A lowercase fragment that names the subject, without a final period.
    pub message: String,
    /// The place it is about.
    pub span: Span,
    /// Facts that explain the message.
    pub notes: Vec<String>,
    /// What to do about it.
    pub help: Option<String>,
}

impl Diagnostic {
    /// An error without notes or help yet.
    pub fn error(code: &'static str, span: Span, message: impl Into<String>) -> Self {
        let message = message.into();
        Self {
            code,
            severity: Severity::Error,
            message,
            span,
            notes: Vec::new(),
            help: None,
        }
    }

    /// A warning without notes or help yet.
    pub fn warning(code: &'static str, span: Span, message: impl Into<String>) -> Self {
        Self {
            severity: Severity::Warning,
            ..Self::error(code, span, message)
        }
    }

    /// Adds what to do about it.
    #[must_use]
    pub fn with_help(mut self, help: impl Into<String>) -> Self {
        self.help = Some(help.into());
        self
    }

    /// Adds a fact that explains the message.
    #[must_use]
    pub fn with_note(mut self, note: impl Into<String>) -> Self {
        self.notes.push(note.into());
        self
    }

    /// Renders the message with its line and a caret under the place:
    ///
    /// ```text
    /// error[KQL201]: unknown column `FileNam`
    ///  --> hunt.kql:2:9
    ///   |
    /// 2 | | where FileNam == "a"
    ///   |         ^^^^^^^
    ///   = help: did you mean `FileName`?
    /// ```
    pub fn render(&self, origin: &str, text: &str) -> String {
        let lines = &LineIndex::new(text);
        let place = Place {
            origin,
            text,
            lines,
        };
        self.render_in(place, Colour::Off)
    }
}

/// The name among `candidates` that was most probably meant by `name`, if one is close enough.
pub fn did_you_mean<'c>(
    name: &str,
    candidates: impl IntoIterator<Item = &'c str>,
) -> Option<&'c str> {
    let lowered = name.to_lowercase();
    candidates
        .into_iter()
        .map(|candidate| {
            (
                strsim::jaro_winkler(&lowered, &candidate.to_lowercase()),
                candidate,
            )
        })
        .filter(|(score, _)| *score >= 0.84)
        .max_by(|left, right| left.0.total_cmp(&right.0))
        .map(|(_, candidate)| candidate)
}
