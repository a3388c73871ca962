//! The cursor over the tokens: looking ahead, consuming, reporting one error per mistake, and
//! the limits that keep hostile texts from exhausting the stack. The grammar is in `grammar/`.

use crate::diagnostic::{Diagnostic, Severity};
use crate::span::Span;

use super::ast::{Expr, ExprKind};
use super::token::{Token, TokenKind};

/// How deep expressions, parentheses and function bodies may nest. Everything downstream walks
/// the tree recursively and relies on this.
const DEPTH_MAX: u32 = 200;

/// Most diagnostics about one text. Whoever has more is not looking at a query.
pub(super) const DIAGNOSTICS_MAX: usize = 200;

/// The parser's state: a place in the tokens, and what has been reported.
pub(super) struct Parser<'t> {
    text: &'t str,
    tokens: Vec<Token>,
    at: usize,
    diagnostics: Vec<Diagnostic>,
    /// How many errors there were, those beyond the limit included.
    errors: usize,
    /// Token at which a `let` has its value: `materialize` may stand there.
    value_at: Option<usize>,
    /// Token at which the last error was reported; a second one there is a consequence.
    reported_at: Option<usize>,
    depth: u32,
    /// Height of the expression that was built last; chains of operators add to it.
    height: u32,
    /// Greatest height within the query at hand, all its operators included.
    tallest: u32,
}

impl<'t> Parser<'t> {
    pub(super) fn new(text: &'t str, tokens: Vec<Token>, diagnostics: Vec<Diagnostic>) -> Self {
        Self {
            text,
            tokens,
            at: 0,
            errors: diagnostics.len(),
            diagnostics,
            value_at: None,
            reported_at: None,
            depth: 0,
            height: 0,
            tallest: 0,
        }
    }

    pub(super) fn into_diagnostics(self) -> Vec<Diagnostic> {
        self.diagnostics
    }

    // Looking.

    pub(super) fn token(&self, ahead: usize) -> Token {
        let last = self.tokens.len() - 1;
        self.tokens[(self.at + ahead).min(last)]
    }

    pub(super) fn kind(&self) -> TokenKind {
        self.token(0).kind
    }

    pub(super) fn at(&self, kind: TokenKind) -> bool {
        self.kind() == kind
    }

    pub(super) fn at_end(&self) -> bool {
        self.at(TokenKind::EndOfText)
    }

    pub(super) fn slice(&self, span: Span) -> &'t str {
        span.text(self.text)
    }

    /// The text of the token `ahead` if it is a name, else `""`.
    pub(super) fn word(&self, ahead: usize) -> &'t str {
        let token = self.token(ahead);
        match token.kind {
            TokenKind::Name => self.slice(token.span),
            _ => "",
        }
    }

    pub(super) fn at_word(&self, word: &str) -> bool {
        self.word(0) == word
    }

    /// Whether nothing stands between the tokens `ahead` and `ahead + 1`.
    pub(super) fn joined(&self, ahead: usize) -> bool {
        self.token(ahead).span.end == self.token(ahead + 1).span.start
    }

    /// Whether the next token begins a line of its own.
    pub(super) fn on_new_line(&self) -> bool {
        let before = self.previous_end() as usize;
        let after = self.token(0).span.start as usize;
        let gap = self.text.get(before..after).unwrap_or("");
        gap.contains('\n')
    }

    /// Whether the next token stands right behind one of this kind.
    pub(super) fn follows(&self, kind: TokenKind) -> bool {
        let previous = self.at.checked_sub(1);
        previous.is_some_and(|previous| self.tokens[previous].kind == kind)
    }

    /// The text of the token that was consumed last.
    pub(super) fn previous_text(&self) -> &'t str {
        let previous = self.at.checked_sub(1);
        previous.map_or("", |previous| self.slice(self.tokens[previous].span))
    }

    pub(super) fn previous_end(&self) -> u32 {
        match self.at.checked_sub(1) {
            Some(previous) => self.tokens[previous].span.end,
            None => 0,
        }
    }

    /// The next token begins the value of a `let`.
    pub(super) fn allow_materialize(&mut self) {
        self.value_at = Some(self.at);
    }

    /// Whether the name that was just read begins the value of a `let`.
    pub(super) fn may_materialize(&self) -> bool {
        self.at.checked_sub(1) == self.value_at
    }

    /// Place in the tokens, to see whether something was consumed.
    pub(super) fn position(&self) -> usize {
        self.at
    }

    /// From the start of `start` to the end of the last consumed token.
    pub(super) fn span_from(&self, start: Span) -> Span {
        Span {
            start: start.start,
            end: self.previous_end().max(start.start),
        }
    }

    // Consuming.

    pub(super) fn bump(&mut self) -> Token {
        let token = self.token(0);
        if token.kind != TokenKind::EndOfText {
            self.at += 1;
        }
        token
    }

    pub(super) fn eat(&mut self, kind: TokenKind) -> bool {
        let found = self.at(kind);
        if found {
            self.bump();
        }
        found
    }

    pub(super) fn eat_word(&mut self, word: &str) -> bool {
        let found = self.at_word(word);
        if found {
            self.bump();
        }
        found
    }

    /// Consumes `kind`, or says that it was expected.
    pub(super) fn expect(&mut self, kind: TokenKind) -> bool {
        if self.eat(kind) {
            return true;
        }
        self.expected(kind.describe());
        false
    }

    pub(super) fn expect_word(&mut self, word: &str) -> bool {
        if self.eat_word(word) {
            return true;
        }
        self.expected(&format!("`{word}`"));
        false
    }

    /// Consumes the bracket that closes the one at `open`.
    pub(super) fn expect_close(&mut self, kind: TokenKind, open: Span) {
        if self.eat(kind) {
            return;
        }
        let found = self.describe_next();
        let opened = self.slice(open);
        let message = format!("expected {}, found {found}", kind.describe());
        let mut diagnostic = Diagnostic::error("KQL114", self.place(), message);
        // Counting lines takes time, and what is beyond the limit is not shown.
        if self.diagnostics.len() < DIAGNOSTICS_MAX {
            diagnostic = diagnostic.with_note(format!(
                "nothing closes the `{opened}` of {}",
                self.position_of(open)
            ));
        }
        self.report(diagnostic);
    }

    /// Consumes tokens, whole brackets at a time, until `stop` says so, a bracket closes that was
    /// not opened here, or the text ends.
    pub(super) fn skip_until(&mut self, stop: impl Fn(TokenKind) -> bool) {
        let mut open = 0_u32;
        loop {
            let kind = self.kind();
            match kind {
                TokenKind::EndOfText => return,
                _ if open == 0 && stop(kind) => return,
                TokenKind::OpenParen | TokenKind::OpenBracket | TokenKind::OpenBrace => open += 1,
                TokenKind::CloseParen | TokenKind::CloseBracket | TokenKind::CloseBrace => {
                    if open == 0 {
                        return;
                    }
                    open -= 1;
                }
                _ => {}
            }
            self.bump();
        }
    }

    // Reporting.

    /// Where a missing thing is reported: at the next token, or just behind the last one where
    /// the text or the line ends.
    pub(super) fn place(&self) -> Span {
        let token = self.token(0);
        if self.at_end() {
            let end = self.previous_end() as usize;
            return Span::at(end);
        }
        token.span
    }

    /// A place in words.
    fn position_of(&self, span: Span) -> String {
        let before = self.text.get(..span.start as usize).unwrap_or("");
        let line = before.matches('\n').count() + 1;
        let line_start = before.rfind('\n').map_or(0, |newline| newline + 1);
        let column = before[line_start..].chars().count() + 1;
        format!("line {line}, column {column}")
    }

    pub(super) fn describe_next(&self) -> String {
        let token = self.token(0);
        match token.kind {
            TokenKind::EndOfText => token.kind.describe().to_owned(),
            TokenKind::String => "a string".to_owned(),
            _ => format!("`{}`", self.slice(token.span)),
        }
    }

    /// Reports, unless an error at this very token has been reported: one error per mistake.
    pub(super) fn report(&mut self, diagnostic: Diagnostic) {
        if self.reported_at != Some(self.at) {
            self.reported_at = Some(self.at);
            self.report_aside(diagnostic);
        }
    }

    /// Reports something about a part that was read whole, so that nothing follows from it.
    pub(super) fn report_aside(&mut self, diagnostic: Diagnostic) {
        if diagnostic.severity == Severity::Error {
            self.errors += 1;
        }
        if self.diagnostics.len() < DIAGNOSTICS_MAX {
            self.diagnostics.push(diagnostic);
        }
    }

    /// Whether an error has been reported at the next token.
    pub(super) fn has_reported_here(&self) -> bool {
        self.reported_at == Some(self.at)
    }

    pub(super) fn expected(&mut self, what: &str) {
        let found = self.describe_next();
        let message = format!("expected {what}, found {found}");
        self.report(Diagnostic::error("KQL100", self.place(), message));
    }

    pub(super) fn errors(&self) -> usize {
        self.errors
    }

    /// Reports a missing `what` and stands in for it.
    pub(super) fn missing(&mut self, what: &str) -> Expr {
        self.expected(what);
        self.leaf();
        Expr {
            kind: ExprKind::Missing,
            span: Span::at(self.place().start as usize),
        }
    }

    // Limits.

    /// Runs `parse` one level deeper. Beyond the limit the rest of the text is given up.
    pub(super) fn nested<T>(
        &mut self,
        parse: impl FnOnce(&mut Self) -> T,
        give_up: impl FnOnce(Span) -> T,
    ) -> T {
        if self.depth >= DEPTH_MAX {
            let place = self.place();
            self.too_deep(place);
            return give_up(place);
        }
        self.depth += 1;
        let parsed = parse(self);
        self.depth -= 1;
        parsed
    }

    /// Height of the expression built last.
    pub(super) fn height(&self) -> u32 {
        self.height
    }

    /// Notes that a leaf has been built.
    pub(super) fn leaf(&mut self) {
        self.height = 1;
        self.tallest = self.tallest.max(1);
    }

    /// Begins to measure a query; its operators hold expressions of their own.
    pub(super) fn begin_query(&mut self) -> u32 {
        std::mem::replace(&mut self.tallest, 0)
    }

    /// Notes that a query with operators has been built. `outer` is what `begin_query` gave.
    pub(super) fn end_query(&mut self, outer: u32, is_scalar: bool, place: Span) {
        if !is_scalar {
            self.grow(self.tallest, place);
        }
        self.tallest = self.tallest.max(outer);
    }

    /// Notes that an expression over children of the given greatest height has been built.
    pub(super) fn grow(&mut self, children: u32, place: Span) {
        self.height = children + 1;
        if self.height > DEPTH_MAX + 1 {
            self.too_deep(place);
            self.height = 1;
        }
        self.tallest = self.tallest.max(self.height);
    }

    fn too_deep(&mut self, place: Span) {
        let message = format!("expression is nested more than {DEPTH_MAX} levels deep");
        self.report(
            Diagnostic::error("KQL110", place, message)
                .with_help("name parts of it with `let` or `extend`"),
        );
        self.at = self.tokens.len() - 1;
        self.reported_at = Some(self.at);
    }
}
