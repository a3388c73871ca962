//! A diagnostic as people read it: the message, its line with a caret below, notes and help; with
//! or without colours.

use std::fmt::Write as _;

use super::{Diagnostic, Severity};
use crate::span::LineIndex;

/// Most characters of a line that are shown, and how many of them before the place.
const SHOWN_MAX: usize = 240;
const SHOWN_BEFORE: usize = 80;

/// Whether output has colours, as terminals understand them.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Colour {
    /// Plain text.
    Off,
    /// ANSI escape sequences.
    On,
}

/// What a diagnostic is about.
#[derive(Clone, Copy, Debug)]
pub struct Place<'t> {
    /// Where the text comes from: a path.
    pub origin: &'t str,
    /// All of it.
    pub text: &'t str,
    /// Its lines.
    pub lines: &'t LineIndex,
}

/// Colours, each with what ends it.
struct Paint {
    severity: &'static str,
    gutter: &'static str,
    strong: &'static str,
    end: &'static str,
}

impl Paint {
    fn of(severity: Severity, colour: Colour) -> Self {
        if colour == Colour::Off {
            return Self {
                severity: "",
                gutter: "",
                strong: "",
                end: "",
            };
        }
        Self {
            severity: match severity {
                Severity::Error => "\x1b[1;31m",
                Severity::Warning => "\x1b[1;33m",
            },
            gutter: "\x1b[1;34m",
            strong: "\x1b[1m",
            end: "\x1b[0m",
        }
    }
}

impl Diagnostic {
    /// Renders as [`Diagnostic::render`] does. Of very long lines, only the part around the place
    /// is shown.
    pub fn render_in(&self, place: Place<'_>, colour: Colour) -> String {
        let Place {
            origin,
            text,
            lines,
        } = place;
        let Paint {
            severity,
            gutter,
            strong,
            end: off,
        } = Paint::of(self.severity, colour);
        let start = lines.position(text, self.span.start);
        let end = lines.position(text, self.span.end);
        let line = lines.line(text, start.line);
        let column = start.column as usize - 1;
        let skipped = if line.chars().nth(SHOWN_MAX).is_some() {
            column.saturating_sub(SHOWN_BEFORE)
        } else {
            0
        };
        let rest = line.chars().skip(skipped);
        let shown: String = rest
            .take(SHOWN_MAX)
            .map(|c| if c == '\t' { ' ' } else { c })
            .collect();
        let length = shown.chars().count();
        let column = column - skipped;
        let width = if end.line == start.line {
            end.column.saturating_sub(start.column) as usize
        } else {
            usize::MAX
        };
        let width = width.min((length + 1).saturating_sub(column)).max(1);
        let number = start.line.to_string();
        let margin = " ".repeat(number.len());
        let indent = " ".repeat(column);
        let carets = "^".repeat(width);
        let Self { code, message, .. } = self;
        let word = self.severity.as_str();
        let mut out = format!("{severity}{word}[{code}]{off}{strong}: {message}{off}\n");
        // Writing to a String cannot fail.
        let _ = writeln!(
            out,
            "{margin}{gutter}-->{off} {origin}:{}:{}",
            start.line, start.column
        );
        let _ = writeln!(out, "{margin}{gutter} |{off}");
        let _ = writeln!(out, "{gutter}{number} |{off} {shown}");
        let _ = writeln!(
            out,
            "{margin}{gutter} |{off} {indent}{severity}{carets}{off}"
        );
        for note in &self.notes {
            let _ = writeln!(out, "{margin}{gutter} ={off} {strong}note{off}: {note}");
        }
        if let Some(help) = &self.help {
            let _ = writeln!(out, "{margin}{gutter} ={off} {strong}help{off}: {help}");
        }
        out
    }
}
