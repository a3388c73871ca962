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

pub(crate) use token::{Token, TokenKind};

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

/// The longest query text in bytes. Kusto takes 2,000,000 characters by default; what is longer
/// than this is data, not a query.
pub const TEXT_BYTES_MAX: usize = 4 * 1024 * 1024;

/// Parses a query text. Takes time linear in its length, and never panics.
pub fn parse(text: &str) -> Parse {
    if text.len() > TEXT_BYTES_MAX {
        let message = format!(
            "the query has {} bytes, more than the {TEXT_BYTES_MAX} that a query may have",
            text.len()
        );
        let diagnostic = Diagnostic::error("KQL119", Span::at(0), message).with_help(
            "keep lists of values in a table, and read it with `externaldata` or a join",
        );
        return Parse {
            script: ast::Script::default(),
            diagnostics: vec![diagnostic],
            comments: Vec::new(),
        };
    }
    let lexed = lexer::lex(text);
    let mut parser = parser::Parser::new(text, lexed.tokens, lexed.diagnostics);
    let mut script = grammar::statement::script(&mut parser);
    let directives = lexed.directives.iter().map(|span| ast::Statement {
        kind: ast::StatementKind::Directive,
        span: *span,
    });
    script.statements.splice(0..0, directives);
    let mut diagnostics = parser.into_diagnostics();
    diagnostics.sort_by_key(|diagnostic| diagnostic.span.start);
    Parse {
        script,
        diagnostics,
        comments: lexed.comments,
    }
}

/// The words of a text with their places, comments left out, ended by [`TokenKind::EndOfText`].
pub(crate) fn tokens(text: &str) -> Vec<Token> {
    lexer::lex(text).tokens
}
