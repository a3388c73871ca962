//! The canonical form of a query text: one operator a line, lists and conditions broken where they
//! are too wide, comments kept where they are.
//!
//! ```text
//! text ──lexer──▶ words with their comments ──sentence + clause──▶ layout ──page──▶ text
//! ```
//!
//! What is laid out are the words, not the tree: nothing is added, dropped or moved, so the result
//! means what the text meant, also where the tree keeps no more of an operator than its words.
//! `shape.rs` tells what is special about which operator, `space.rs` where a blank belongs between
//! two words; `page.rs` decides which lines are broken.

mod clause;
mod page;
mod sentence;
mod shape;
mod space;
mod words;

use crate::diagnostic::Diagnostic;
use crate::span::Span;

use super::TEXT_BYTES_MAX;
use super::lexer::{self, Lexed};
use words::Words;

/// Widest line that is not broken where it could be, in characters.
pub const WIDTH: usize = 100;

/// Columns of one level of indentation.
pub const INDENT: usize = 4;

/// How deep brackets may nest. The parser allows less; operators that it does not model are
/// measured here.
const DEPTH_MAX: usize = 500;

/// Lays out a query text. Line ends become `\n`, and the text ends with one unless it is empty.
///
/// Formatting again changes nothing. The tree stays the same, as do comments and their order,
/// blanks at their ends aside. Takes time linear in the length of the text.
///
/// # Errors
///
/// A text with syntax errors is not touched; its diagnostics say what they are. `KQL190` is the
/// error of a text that cannot be laid out without changing what it says.
pub fn format(text: &str) -> Result<String, Vec<Diagnostic>> {
    let parsed = super::parse(text);
    if parsed.has_errors() {
        return Err(parsed.diagnostics);
    }
    let words = Words::new(text, lex(text));
    let Some(words) = words else {
        return Err(vec![cannot(
            "its brackets do not match, or nest too deeply",
        )]);
    };
    let formatted = page::print(text, sentence::layout(&words));
    if formatted.len() > TEXT_BYTES_MAX {
        return Err(vec![cannot("it would be longer than a query may be")]);
    }
    if same_words(text, &formatted) && !super::parse(&formatted).has_errors() {
        return Ok(formatted);
    }
    Err(vec![cannot(
        "another layout would be read as something else",
    )])
}

/// The words of a text. Lines with `#` in front of the query are laid out as comments are.
fn lex(text: &str) -> Lexed {
    let mut lexed = lexer::lex(text);
    lexed.comments.append(&mut lexed.directives);
    lexed.comments.sort_by_key(|span| span.start);
    lexed
}

fn cannot(why: &str) -> Diagnostic {
    let message = format!("this text cannot be formatted: {why}");
    Diagnostic::error("KQL190", Span::at(0), message).with_help("it is left as it is")
}

/// Whether two texts have the same words and comments. A layout that runs two words into one must
/// never reach a file.
fn same_words(before: &str, after: &str) -> bool {
    let (first, second) = (lex(before), lex(after));
    let same_tokens = first.tokens.len() == second.tokens.len()
        && first
            .tokens
            .iter()
            .zip(&second.tokens)
            .all(|(a, b)| a.kind == b.kind && a.span.text(before) == b.span.text(after));
    let same_comments = first.comments.len() == second.comments.len()
        && first
            .comments
            .iter()
            .zip(&second.comments)
            .all(|(a, b)| a.text(before).trim_end() == b.text(after).trim_end());
    same_tokens && same_comments
}
