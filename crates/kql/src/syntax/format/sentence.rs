//! The layout of statements and queries: what stands on lines of its own whatever its width.

use std::ops::Range;

use crate::syntax::keyword;
use crate::syntax::token::TokenKind as T;

use super::page::Step;
use super::shape;
use super::space::{self, Place};
use super::words::Words;

/// The layout of a text.
pub(super) fn layout(words: &Words<'_>) -> Vec<Step> {
    let mut layout = Layout {
        words,
        steps: Vec::with_capacity(words.len() * 4),
        announced: None,
        shared_bracket: None,
    };
    layout.statements(0..words.len());
    layout.put(Step::HardLine);
    let has_text = words.len() > 0;
    layout.comments_on_lines(words.len(), has_text);
    layout.steps
}

/// A layout in the making.
pub(super) struct Layout<'w, 't> {
    pub(super) words: &'w Words<'t>,
    steps: Vec<Step>,
    /// The word whose comments have been put before it already.
    announced: Option<usize>,
    /// The bracket whose line breaks are those of the operator around it: where the operator is
    /// wide, its query is broken rather than what follows.
    pub(super) shared_bracket: Option<usize>,
}

impl<'t> Layout<'_, 't> {
    pub(super) fn put(&mut self, step: Step) {
        self.steps.push(step);
    }

    /// A word with the comments around it.
    pub(super) fn word(&mut self, at: usize) {
        if self.announced != Some(at) {
            for comment in self.words.comments_before(at) {
                self.steps.push(Step::OwnComment(comment.span));
            }
        }
        self.put(Step::Word(self.words.span(at)));
        if let Some(comment) = self.words.comment_behind(at) {
            self.put(Step::CommentBehind(comment));
        }
    }

    /// The comments before a word that begins a line, with the empty lines before them.
    fn comments_on_lines(&mut self, at: usize, keeps_first_empty_line: bool) {
        let mut keeps = keeps_first_empty_line;
        for comment in self.words.comments_before(at) {
            if keeps && comment.after_blank {
                self.steps.push(Step::EmptyLine);
            }
            self.steps.push(Step::OwnComment(comment.span));
            self.steps.push(Step::HardLine);
            keeps = true;
        }
        if keeps && at < self.words.len() && self.words.after_blank(at) {
            self.put(Step::EmptyLine);
        }
        self.announced = Some(at);
    }

    /// The comments before a closing bracket, as deep as what is in the bracket.
    pub(super) fn comments_inside(&mut self, close: usize) {
        for comment in self.words.comments_before(close) {
            self.steps.push(Step::SoftLine);
            self.steps.push(Step::OwnComment(comment.span));
        }
        self.announced = Some(close);
    }

    /// Closes a bracket whose content is indented.
    pub(super) fn close_indented(&mut self, close: usize) {
        self.comments_inside(close);
        self.put(Step::Dedent);
        self.put(Step::SoftLine);
        self.word(close);
    }

    /// Closes a body of statements.
    pub(super) fn close_body(&mut self, close: usize, line: Step) {
        if !self.words.comments_before(close).is_empty() {
            self.put(Step::HardLine);
            self.comments_on_lines(close, true);
        }
        self.announced = Some(close);
        self.put(Step::Dedent);
        if self.words.opens(close - 1) && self.words.comments_before(close).is_empty() {
            self.put(Step::SoftLine);
        } else {
            self.put(line);
        }
        self.word(close);
    }

    /// Statements with their semicolons, each on a line.
    pub(super) fn statements(&mut self, range: Range<usize>) {
        let words = self.words;
        let end = range.end;
        let mut is_first = true;
        for piece in words.split(range, |at| words.kind(at) == T::Semicolon) {
            let semicolon = piece.end;
            if !piece.is_empty() {
                if !is_first {
                    self.put(Step::HardLine);
                }
                self.comments_on_lines(piece.start, !is_first);
                self.statement(piece);
                is_first = false;
            }
            if semicolon < end {
                self.word(semicolon);
                is_first = false;
            }
        }
    }

    fn statement(&mut self, range: Range<usize>) {
        let words = self.words;
        if words.kind(range.start) == T::Dot {
            return self.verbatim(range);
        }
        let is_let = words.name(range.start) == "let";
        let assign = words
            .outer(range.clone())
            .find(|at| words.kind(*at) == T::Assign);
        let Some(assign) = assign.filter(|_| is_let) else {
            return self.pipeline(range, false, Step::HardLine);
        };
        self.run(range.start..assign + 1, &Place::plain(shape::SOURCE));
        self.put(Step::Space);
        let value = assign + 1..range.end;
        let has_bars = words
            .outer(value.clone())
            .any(|at| words.kind(at) == T::Bar);
        if has_bars {
            self.put(Step::Indent);
        }
        self.pipeline(value, false, Step::HardLine);
        if has_bars {
            self.put(Step::Dedent);
        }
    }

    /// A management command, of which no more is known than its text.
    fn verbatim(&mut self, range: Range<usize>) {
        for comment in self.words.comments_before(range.start) {
            if self.announced != Some(range.start) {
                self.steps.push(Step::OwnComment(comment.span));
            }
        }
        let last = range.end - 1;
        let whole = self.words.span(range.start).to(self.words.span(last));
        self.put(Step::Word(whole));
        if let Some(comment) = self.words.comment_behind(last) {
            self.put(Step::CommentBehind(comment));
        }
    }

    /// A table and the operators behind its bars, with `line` before each bar. Where
    /// `has_no_table`, it begins with an operator.
    pub(super) fn pipeline(&mut self, range: Range<usize>, has_no_table: bool, line: Step) {
        let words = self.words;
        let pieces = words.split(range, |at| words.kind(at) == T::Bar);
        for (number, piece) in pieces.into_iter().enumerate() {
            if number > 0 {
                self.put(line);
            }
            self.put(Step::Begin { broken: false });
            if number > 0 {
                self.word(piece.start - 1);
                self.put(Step::Space);
            }
            let operator = if number > 0 || has_no_table {
                space::phrase(words, piece.start, keyword::is_operator)
            } else {
                self.source_operator(piece.start)
            };
            match operator {
                Some((operator, length)) => self.operator(piece, operator, length),
                None => self.table(piece),
            }
            self.put(Step::End);
        }
    }

    /// What a query begins with, or a statement that is no query.
    fn table(&mut self, range: Range<usize>) {
        let place = Place::plain(shape::SOURCE);
        let words = self.words;
        let items = words.split(range, |at| words.kind(at) == T::Comma);
        for (number, item) in items.into_iter().enumerate() {
            if number > 0 {
                self.word(item.start - 1);
                self.put(Step::Line);
            }
            self.item(item, &place);
        }
    }

    /// The operator with which a query begins at `at`: `union …`, `print …`.
    pub(super) fn source_operator(&self, at: usize) -> Option<(&'t str, usize)> {
        let words = self.words;
        let (operator, length) = space::phrase(words, at, keyword::is_operator)?;
        let next = words.kind(at + length);
        let begins_query = match operator {
            "union" | "macro-expand" => true,
            "print" => !matches!(next, T::Bar | T::Assign | T::Dot),
            "range" => next == T::Name && words.name(at + 2) == "from",
            "evaluate" => next == T::Name,
            "search" => matches!(next, T::Name | T::String | T::OpenParen | T::Star),
            "find" => matches!(
                words.name(at + 1),
                "where" | "in" | "withsource" | "datascope"
            ),
            _ => false,
        };
        begins_query.then_some((operator, length))
    }
}
