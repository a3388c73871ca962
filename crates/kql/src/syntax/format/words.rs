//! The words of a text with what stands around them: the comments before and behind each, blank
//! lines, and the bracket that closes each bracket.

use std::ops::Range;

use crate::span::Span;
use crate::syntax::lexer::Lexed;
use crate::syntax::token::{Token, TokenKind as T};

use super::DEPTH_MAX;

/// A comment.
#[derive(Clone, Copy, Debug)]
pub(super) struct Comment {
    pub(super) span: Span,
    /// Whether an empty line stands before it.
    pub(super) after_blank: bool,
}

struct Word {
    token: Token,
    /// The comments before it that have lines of their own, in [`Words::comments`].
    before: Range<usize>,
    /// The comment behind it on its line.
    behind: Option<Span>,
    /// Whether an empty line stands right before it.
    after_blank: bool,
    /// The other bracket of a bracket.
    partner: usize,
}

/// The words of a text. The last one is the end of the text, which comments can precede.
pub(super) struct Words<'t> {
    text: &'t str,
    list: Vec<Word>,
    comments: Vec<Comment>,
}

impl<'t> Words<'t> {
    /// `None` where brackets do not match or nest beyond all measure.
    pub(super) fn new(text: &'t str, lexed: Lexed) -> Option<Self> {
        let mut words: Vec<Word> = Vec::with_capacity(lexed.tokens.len());
        let mut comments = Vec::new();
        let mut rest = lexed.comments.into_iter().peekable();
        let mut end = 0;
        for token in lexed.tokens {
            let before = comments.len();
            while let Some(span) = rest.next_if(|span| span.start < token.span.start) {
                let gap = gap(text, end, span.start);
                end = span.end;
                let span = trimmed(text, span);
                match words.last_mut() {
                    Some(last) if newlines(gap) == 0 => last.behind = Some(span),
                    _ => comments.push(Comment {
                        span,
                        after_blank: newlines(gap) > 1,
                    }),
                }
            }
            let after_blank = newlines(gap(text, end, token.span.start)) > 1;
            end = token.span.end;
            words.push(Word {
                token,
                before: before..comments.len(),
                behind: None,
                after_blank,
                partner: 0,
            });
        }
        let mut words = Self {
            text,
            list: words,
            comments,
        };
        words.match_brackets().then_some(words)
    }

    fn match_brackets(&mut self) -> bool {
        let mut open = Vec::new();
        for at in 0..self.list.len() {
            match self.kind(at) {
                T::OpenParen | T::OpenBracket | T::OpenBrace => open.push(at),
                T::CloseParen | T::CloseBracket | T::CloseBrace => {
                    let Some(opened) = open.pop() else {
                        return false;
                    };
                    self.list[opened].partner = at;
                    self.list[at].partner = opened;
                }
                _ => {}
            }
            if open.len() > DEPTH_MAX {
                return false;
            }
        }
        open.is_empty()
    }

    /// How many words there are, without the end of the text.
    pub(super) fn len(&self) -> usize {
        self.list.len().saturating_sub(1)
    }

    pub(super) fn kind(&self, at: usize) -> T {
        self.list
            .get(at)
            .map_or(T::EndOfText, |word| word.token.kind)
    }

    pub(super) fn span(&self, at: usize) -> Span {
        self.list
            .get(at)
            .map_or_else(Span::default, |word| word.token.span)
    }

    pub(super) fn text(&self, at: usize) -> &'t str {
        self.span(at).text(self.text)
    }

    /// The text of a name, else `""`.
    pub(super) fn name(&self, at: usize) -> &'t str {
        match self.kind(at) {
            T::Name => self.text(at),
            _ => "",
        }
    }

    /// The text from one word to another, both included.
    pub(super) fn phrase(&self, from: usize, to: usize) -> &'t str {
        self.span(from).to(self.span(to)).text(self.text)
    }

    /// Whether nothing stands between `at` and the word after it.
    pub(super) fn joined(&self, at: usize) -> bool {
        self.span(at).end == self.span(at + 1).start
    }

    pub(super) fn partner(&self, at: usize) -> usize {
        self.list[at].partner
    }

    pub(super) fn comments_before(&self, at: usize) -> &[Comment] {
        &self.comments[self.list[at].before.clone()]
    }

    pub(super) fn comment_behind(&self, at: usize) -> Option<Span> {
        self.list[at].behind
    }

    pub(super) fn after_blank(&self, at: usize) -> bool {
        self.list[at].after_blank
    }

    pub(super) fn opens(&self, at: usize) -> bool {
        matches!(self.kind(at), T::OpenParen | T::OpenBracket | T::OpenBrace)
    }

    pub(super) fn closes(&self, at: usize) -> bool {
        matches!(
            self.kind(at),
            T::CloseParen | T::CloseBracket | T::CloseBrace
        )
    }

    /// The words of a range that stand in no bracket of it; of brackets both ends.
    pub(super) fn outer(&self, range: Range<usize>) -> impl Iterator<Item = usize> + '_ {
        let mut at = range.start;
        std::iter::from_fn(move || {
            let current = at;
            if current >= range.end {
                return None;
            }
            at = if self.opens(current) {
                self.partner(current)
            } else {
                current + 1
            };
            Some(current)
        })
    }

    /// Cuts a range at the words, outside of its brackets, that `is_cut` names.
    pub(super) fn split(
        &self,
        range: Range<usize>,
        is_cut: impl Fn(usize) -> bool,
    ) -> Vec<Range<usize>> {
        let mut pieces = Vec::new();
        let mut start = range.start;
        for at in self.outer(range.clone()) {
            if is_cut(at) {
                pieces.push(start..at);
                start = at + 1;
            }
        }
        pieces.push(start..range.end);
        pieces
    }
}

fn gap(text: &str, from: u32, to: u32) -> &str {
    text.get(from as usize..to as usize).unwrap_or("")
}

/// How many lines end in a gap between words.
fn newlines(gap: &str) -> usize {
    let feeds = gap.matches('\n').count();
    // Texts of old systems end lines with `\r` alone.
    feeds.max(gap.matches('\r').count())
}

fn trimmed(text: &str, span: Span) -> Span {
    let start = span.start as usize;
    Span::new(start, start + span.text(text).trim_end().len())
}
