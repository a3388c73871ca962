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

/// How alike two names must be, by Jaro-Winkler, for one to be meant by the other.
const LIKENESS_MIN: f64 = 0.84;

/// The name among `candidates` that was most probably meant by `name`, if one is close enough.
pub fn did_you_mean<'c>(
    name: &str,
    candidates: impl IntoIterator<Item = &'c str>,
) -> Option<&'c str> {
    let lowered = name.to_lowercase();
    let letters = Letters::of(&lowered);
    candidates
        .into_iter()
        .filter(|candidate| letters.likeness_bound(candidate) >= LIKENESS_MIN)
        .map(|candidate| {
            (
                strsim::jaro_winkler(&lowered, &candidate.to_lowercase()),
                candidate,
            )
        })
        .filter(|(score, _)| *score >= LIKENESS_MIN)
        .max_by(|left, right| left.0.total_cmp(&right.0))
        .map(|(_, candidate)| candidate)
}

/// How often each letter occurs in a name, to tell in no time that another is unlike it: a catalog
/// has a thousand tables, and most resemble nothing.
struct Letters<'n> {
    name: &'n [u8],
    counts: [u8; LETTERS],
}

/// Letters in either case have a count of their own, by their last five bits. Other characters
/// share counts with them, which makes names look more alike than they are, never less. So few
/// counts are copied in a moment, which is done for each candidate.
const LETTERS: usize = 32;

fn place(byte: u8) -> usize {
    usize::from(byte) % LETTERS
}

impl<'n> Letters<'n> {
    fn of(name: &'n str) -> Self {
        let mut counts = [0_u8; LETTERS];
        for byte in name.bytes() {
            let count = &mut counts[place(byte)];
            *count = count.saturating_add(1);
        }
        Self {
            name: name.as_bytes(),
            counts,
        }
    }

    /// At least the likeness of a name to this one: what it would be if all letters that both
    /// have stood in the same order.
    fn likeness_bound(&self, other: &str) -> f64 {
        if !other.is_ascii() || !self.name.is_ascii() || self.name.is_empty() {
            return 1.0;
        }
        let prefix = self
            .name
            .iter()
            .zip(other.as_bytes())
            .take(4)
            .take_while(|(one, other)| one.eq_ignore_ascii_case(other))
            .count() as f64;
        let likeness = |common: usize| {
            let common = common as f64;
            let share = |length: usize| common / length.max(1) as f64;
            let jaro = (share(self.name.len()) + share(other.len()) + 1.0) / 3.0;
            jaro + 0.1 * prefix * (1.0 - jaro)
        };
        let of_lengths = likeness(self.name.len().min(other.len()));
        if of_lengths < LIKENESS_MIN {
            return of_lengths;
        }
        let mut left = self.counts;
        let mut common = 0;
        for byte in other.bytes() {
            // Without a branch, because no processor guesses which letters names share.
            let count = &mut left[place(byte)];
            let is_left = u8::from(*count > 0);
            *count -= is_left;
            common += usize::from(is_left);
        }
        likeness(common)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_likeness_bound_is_never_below_the_likeness() {
        let names = [
            "DeviceProcessEvents",
            "deviceprocesevent",
            "DeviceNetworkEvents",
            "SigninLogs",
            "x",
            "",
            "Évènement",
            "AADSignInEventsBeta",
            "summarize",
            "sumarise",
        ];
        for name in names {
            let lowered = name.to_lowercase();
            let letters = Letters::of(&lowered);
            for other in names {
                let likeness = strsim::jaro_winkler(&lowered, &other.to_lowercase());
                let bound = letters.likeness_bound(other);
                assert!(
                    bound >= likeness - 1e-9,
                    "{name} {other}: {bound} {likeness}"
                );
            }
        }
    }

    #[test]
    fn a_misspelt_name_is_recognised() {
        let tables = ["SigninLogs", "DeviceProcessEvents", "DeviceFileEvents"];
        assert_eq!(
            did_you_mean("deviceProcesEvents", tables),
            Some("DeviceProcessEvents")
        );
        assert_eq!(did_you_mean("Heartbeat", tables), None);
    }
}
