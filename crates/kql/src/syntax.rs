//! Text to syntax tree. Never fails and never panics: mistakes become diagnostics and the tree
//! goes on behind them.
//!
//! ```text
//! text ──lexer──▶ tokens ──parser + grammar──▶ ast::Script + diagnostics
//! ```
//!
//! What names mean is the binder's business; here every name is text with a place.

pub mod ast;
pub mod format;
mod grammar;
pub(crate) mod keyword;
mod lexer;
mod parser;
mod string;
mod token;

use crate::diagnostic::{Diagnostic, Severity};
use crate::span::Span;

/// What became of a query text.
#[derive(Clone, Debug)]
pub struct Parse {
    /// The tree; parts that could not be read are missing in it.
    pub script: ast::Script,
    /// What was wrong, in the order of the text. Empty for a correct query.
    pub diagnostics: Vec<Diagnostic>,
    /// The `//` comments in order, which the tree does not hold.
    pub comments: Vec<Span>,
}

impl Parse {
    /// Whether there is an error among the diagnostics.
    pub fn has_errors(&self) -> bool {
        self.diagnostics
            .iter()
            .any(|diagnostic| diagnostic.severity == Severity::Error)
    }
}

/// Parses a query text. Takes time linear in its length, and never panics.
pub fn parse(text: &str) -> Parse {
    let lexed = lexer::lex(text);
    let mut parser = parser::Parser::new(text, lexed.tokens, lexed.diagnostics);
    let script = grammar::statement::script(&mut parser);
    let mut diagnostics = parser.into_diagnostics();
    diagnostics.sort_by_key(|diagnostic| diagnostic.span.start);
    Parse {
        script,
        diagnostics,
        comments: lexed.comments,
    }
}
