//! The words of a query text around a place. Rewriting works on words instead of the syntax tree:
//! what stands next to a table decides how a filter can be put on it, whatever operator that is.

use std::collections::HashSet;

use crate::bind::matches_wildcard;
use crate::span::Span;
use crate::syntax::{Token, TokenKind, tokens};

/// The tokens of a text with their brackets paired.
pub(super) struct Words<'t> {
    text: &'t str,
    tokens: Vec<Token>,
    /// For each bracket, the position of the one that belongs to it.
    partners: Vec<Option<usize>>,
    /// For each word, the bracket that is open around it.
    around: Vec<Option<usize>>,
    /// Names that the query binds with `let`.
    bound: HashSet<&'t str>,
}

impl<'t> Words<'t> {
    pub(super) fn new(text: &'t str) -> Self {
        let tokens = tokens(text);
        let mut partners = vec![None; tokens.len()];
        let mut around = Vec::with_capacity(tokens.len());
        let mut open: Vec<usize> = Vec::new();
        for (at, token) in tokens.iter().enumerate() {
            around.push(open.last().copied());
            match token.kind {
                TokenKind::OpenParen | TokenKind::OpenBracket | TokenKind::OpenBrace => {
                    open.push(at);
                }
                TokenKind::CloseParen | TokenKind::CloseBracket | TokenKind::CloseBrace => {
                    if let Some(start) = open.pop() {
                        partners[start] = Some(at);
                        partners[at] = Some(start);
                    }
                }
                _ => {}
            }
        }
        let bound = tokens
            .windows(2)
            .filter(|pair| pair[0].kind == TokenKind::Name && pair[0].span.text(text) == "let")
            .map(|pair| pair[1].span.text(text))
            .collect();
        Self {
            text,
            tokens,
            partners,
            around,
            bound,
        }
    }

    /// Positions of all words, the end of the text left out.
    pub(super) fn positions(&self) -> std::ops::Range<usize> {
        0..self.tokens.len().saturating_sub(1)
    }

    /// The kind of a word; the end of the text beyond the last.
    pub(super) fn kind(&self, at: usize) -> TokenKind {
        self.tokens
            .get(at)
            .map_or(TokenKind::EndOfText, |token| token.kind)
    }

    /// The kind of the word before, if there is one.
    pub(super) fn kind_before(&self, at: usize) -> Option<TokenKind> {
        Some(self.kind(at.checked_sub(1)?))
    }

    /// Where a word is.
    pub(super) fn span(&self, at: usize) -> Span {
        self.tokens
            .get(at)
            .map_or(Span::at(self.text.len()), |token| token.span)
    }

    /// The span from the start of one word to the end of another.
    pub(super) fn across(&self, first: usize, last: usize) -> Span {
        self.span(first).to(self.span(last))
    }

    /// A word as written.
    pub(super) fn word(&self, at: usize) -> &'t str {
        self.span(at).text(self.text)
    }

    /// Whether a word is this name or keyword.
    pub(super) fn is_word(&self, at: usize, word: &str) -> bool {
        self.kind(at) == TokenKind::Name && self.word(at) == word
    }

    /// The bracket that belongs to the one at `at`.
    pub(super) fn partner(&self, at: usize) -> Option<usize> {
        self.partners.get(at).copied().flatten()
    }

    /// The first and the last word of a span.
    pub(super) fn within(&self, span: Span) -> Option<(usize, usize)> {
        let words = &self.tokens[..self.positions().end];
        let first = words.partition_point(|token| token.span.start < span.start);
        let beyond = words.partition_point(|token| token.span.end <= span.end);
        let last = beyond.checked_sub(1)?;
        let whole = first <= last
            && self.span(first).start == span.start
            && self.span(last).end == span.end;
        whole.then_some((first, last))
    }

    /// The bracket that is open around a word.
    pub(super) fn enclosing(&self, at: usize) -> Option<usize> {
        self.around.get(at).copied().flatten()
    }

    /// Whether the query binds a name with `let`.
    pub(super) fn binds(&self, name: &str) -> bool {
        self.bound.contains(name)
    }

    /// Names of the views that are defined before a word, in reach of it, and match a pattern;
    /// latest first.
    pub(super) fn views(&self, at: usize, pattern: Span) -> Vec<&'t str> {
        let pattern = pattern.text(self.text);
        let mut views: Vec<&str> = Vec::new();
        for name in (0..at).rev() {
            let is_view = self.kind(name) == TokenKind::Name
                && name
                    .checked_sub(1)
                    .is_some_and(|word| self.is_word(word, "let"))
                && self.kind(name + 1) == TokenKind::Assign
                && self.is_word(name + 2, "view")
                && self.kind(name + 3) == TokenKind::OpenParen;
            let in_reach = || match self.enclosing(name) {
                None => true,
                Some(body) => self.partner(body).is_none_or(|end| end > at),
            };
            if is_view && matches_wildcard(pattern, self.word(name)) && in_reach() {
                views.push(self.word(name));
            }
        }
        views
    }

    /// The text between two words.
    pub(super) fn gap(&self, before: usize, after: usize) -> &'t str {
        let span = Span {
            start: self.span(before).end,
            end: self.span(after).start,
        };
        span.text(self.text)
    }
}
