//! Text to tokens, in one pass over the bytes. Characters that KQL does not know are reported
//! and left out, so that the parser sees only words it can name.

use crate::diagnostic::Diagnostic;
use crate::span::Span;

use super::parser::DIAGNOSTICS_MAX;
use super::token::{Token, TokenKind};

/// Types whose constructor takes raw text: `datetime(2020-01-01)`.
pub(super) const RAW_CONSTRUCTORS: &[&str] = &[
    "bool", "date", "datetime", "decimal", "double", "guid", "int", "int32", "int64", "long",
    "real", "time", "timespan",
];

/// The tokens of a text, ended by [`TokenKind::EndOfText`].
pub(super) struct Lexed {
    pub(super) tokens: Vec<Token>,
    pub(super) comments: Vec<Span>,
    /// Lines with `#` in front of the first token.
    pub(super) directives: Vec<Span>,
    pub(super) diagnostics: Vec<Diagnostic>,
}

/// Splits `text` into tokens.
pub(super) fn lex(text: &str) -> Lexed {
    let mut lexer = Lexer {
        text,
        bytes: text.as_bytes(),
        at: 0,
        lexed: Lexed {
            tokens: Vec::with_capacity(text.len() / 5),
            comments: Vec::new(),
            directives: Vec::new(),
            diagnostics: Vec::new(),
        },
    };
    lexer.run();
    lexer.lexed
}

struct Lexer<'t> {
    text: &'t str,
    bytes: &'t [u8],
    at: usize,
    lexed: Lexed,
}

impl Lexer<'_> {
    fn run(&mut self) {
        while let Some(byte) = self.peek(0) {
            match byte {
                b' ' | b'\t' | b'\r' | b'\n' | 0x0b | 0x0c => self.at += 1,
                b'/' if self.peek(1) == Some(b'/') => self.comment(),
                b'"' | b'\'' => self.quoted(self.at, self.at, false),
                b'`' | b'~' if self.fence_at(self.at) => self.fenced(self.at, self.at),
                b'@' | b'h' | b'H' if self.prefixed_string() => {}
                b'0'..=b'9' => self.number(),
                b'a'..=b'z' | b'A'..=b'Z' | b'_' | b'$' => self.name(),
                b'!' => self.bang(),
                _ => self.symbol(byte),
            }
        }
        let end = self.text.len();
        self.push(TokenKind::EndOfText, end, end);
    }

    fn peek(&self, ahead: usize) -> Option<u8> {
        self.bytes.get(self.at + ahead).copied()
    }

    fn push(&mut self, kind: TokenKind, start: usize, end: usize) {
        let span = Span::new(start, end);
        self.lexed.tokens.push(Token { kind, span });
        self.at = end;
    }

    fn report(&mut self, diagnostic: Diagnostic) {
        if self.lexed.diagnostics.len() < DIAGNOSTICS_MAX {
            self.lexed.diagnostics.push(diagnostic);
        }
    }

    fn line_end(&self, from: usize) -> usize {
        let rest = &self.bytes[from..];
        let length = rest.iter().position(|byte| matches!(byte, b'\n' | b'\r'));
        length.map_or(self.bytes.len(), |length| from + length)
    }

    fn comment(&mut self) {
        let end = self.line_end(self.at);
        self.lexed.comments.push(Span::new(self.at, end));
        self.at = end;
    }

    fn word_end(&self, from: usize) -> usize {
        let rest = &self.bytes[from..];
        let length = rest
            .iter()
            .position(|byte| !(byte.is_ascii_alphanumeric() || *byte == b'_'));
        length.map_or(self.bytes.len(), |length| from + length)
    }

    fn name(&mut self) {
        let start = self.at;
        let end = self.word_end(start + 1);
        let word = &self.text[start..end];
        if self.bytes.get(end) == Some(&b'(') && RAW_CONSTRUCTORS.contains(&word) {
            self.typed(start, end);
        } else if word == "in" && self.bytes.get(end) == Some(&b'~') {
            self.push(TokenKind::Name, start, end + 1);
        } else {
            self.push(TokenKind::Name, start, end);
        }
    }

    fn typed(&mut self, start: usize, open: usize) {
        let line_end = self.line_end(open);
        let close = self.bytes[open..line_end]
            .iter()
            .position(|byte| *byte == b')');
        if let Some(length) = close {
            self.push(TokenKind::Typed, start, open + length + 1);
            return;
        }
        let word = &self.text[start..open];
        let help = format!("close it on the same line: `{word}(…)`");
        self.report(
            Diagnostic::error(
                "KQL102",
                Span::new(start, line_end),
                format!("`{word}(` has no closing parenthesis"),
            )
            .with_help(help),
        );
        self.push(TokenKind::Typed, start, line_end);
    }

    fn bang(&mut self) {
        let start = self.at;
        match self.peek(1) {
            Some(b'=') => self.push(TokenKind::NotEqual, start, start + 2),
            Some(b'~') => self.push(TokenKind::BangTilde, start, start + 2),
            Some(b'a'..=b'z' | b'A'..=b'Z' | b'_') => {
                let mut end = self.word_end(start + 1);
                if &self.text[start + 1..end] == "in" && self.bytes.get(end) == Some(&b'~') {
                    end += 1;
                }
                self.push(TokenKind::BangName, start, end);
            }
            _ => self.push(TokenKind::Bang, start, start + 1),
        }
    }

    /// Digits may begin a number, a timespan or even a name (`3rdParty`).
    fn number(&mut self) {
        let start = self.at;
        let word_end = self.word_end(start);
        let word = &self.text[start..word_end];
        let digits = word.bytes().take_while(u8::is_ascii_digit).count();
        let mut kind = TokenKind::Long;
        let mut end = start + digits;
        let is_hex = word.len() > 2
            && (word.starts_with("0x") || word.starts_with("0X"))
            && word.bytes().skip(2).all(|byte| byte.is_ascii_hexdigit());
        if is_hex {
            self.push(TokenKind::Long, start, word_end);
            return;
        }
        if end == word_end && self.bytes.get(end) == Some(&b'.') {
            let after = self.bytes.get(end + 1).copied();
            let exponent = matches!(after, Some(b'e' | b'E')) && self.exponent(end + 1).is_some();
            match after {
                Some(b'0'..=b'9') => {
                    kind = TokenKind::Real;
                    end += 1;
                    end += self.bytes[end..]
                        .iter()
                        .take_while(|byte| byte.is_ascii_digit())
                        .count();
                }
                Some(b'.' | b'_' | b'[' | b'a'..=b'z' | b'A'..=b'Z') if !exponent => {}
                _ => {
                    kind = TokenKind::Real;
                    end += 1;
                }
            }
        }
        if let Some(exponent_end) = self.exponent(end) {
            kind = TokenKind::Real;
            end = exponent_end;
        }
        let suffix_end = self.word_end(end);
        let suffix = &self.text[end..suffix_end];
        if suffix.is_empty() {
            self.push(kind, start, end);
        } else if crate::time::unit_nanoseconds(suffix).is_some() {
            self.push(TokenKind::TimeSpan, start, suffix_end);
        } else if kind == TokenKind::Long {
            self.push(TokenKind::Name, start, suffix_end);
        } else {
            self.push(kind, start, end);
        }
    }

    /// End of the exponent that begins at `from`, if one does.
    fn exponent(&self, from: usize) -> Option<usize> {
        let mut at = from;
        if !matches!(self.bytes.get(at), Some(b'e' | b'E')) {
            return None;
        }
        at += 1;
        if matches!(self.bytes.get(at), Some(b'+' | b'-')) {
            at += 1;
        }
        let digits = self.bytes.get(at..)?;
        let count = digits
            .iter()
            .take_while(|byte| byte.is_ascii_digit())
            .count();
        let end = at + count;
        let attached = matches!(self.bytes.get(end), Some(b'a'..=b'z' | b'A'..=b'Z' | b'_'));
        (count > 0 && !attached).then_some(end)
    }

    fn fence_at(&self, at: usize) -> bool {
        matches!(self.bytes.get(at..at + 3), Some(b"```" | b"~~~"))
    }

    /// `@"…"`, `h"…"`, `h@"…"`, ` h```…``` `; false if no string follows the prefix.
    fn prefixed_string(&mut self) -> bool {
        let start = self.at;
        let mut quote = start;
        if matches!(self.bytes[quote], b'h' | b'H') {
            quote += 1;
        }
        let verbatim = self.bytes.get(quote) == Some(&b'@');
        if verbatim {
            quote += 1;
        }
        match self.bytes.get(quote) {
            Some(b'"' | b'\'') => self.quoted(start, quote, verbatim),
            Some(b'`' | b'~') if self.fence_at(quote) => self.fenced(start, quote),
            _ => return false,
        }
        true
    }

    fn quoted(&mut self, start: usize, quote_at: usize, verbatim: bool) {
        let quote = self.bytes[quote_at];
        let mut at = quote_at + 1;
        loop {
            match self.bytes.get(at).copied() {
                Some(byte) if byte == quote => {
                    if verbatim && self.bytes.get(at + 1) == Some(&quote) {
                        at += 2;
                        continue;
                    }
                    self.push(TokenKind::String, start, at + 1);
                    return;
                }
                Some(b'\\')
                    if !verbatim && !matches!(self.bytes.get(at + 1), Some(b'\n' | b'\r')) =>
                {
                    at += 2;
                }
                None | Some(b'\n' | b'\r') => break,
                Some(_) => at += 1,
            }
        }
        let end = at.min(self.bytes.len());
        let shown = quote as char;
        self.report(
            Diagnostic::error(
                "KQL102",
                Span::new(start, end),
                format!("string is not closed: expected `{shown}` before the end of the line"),
            )
            .with_help("a text of several lines stands between ``` and ```"),
        );
        self.push(TokenKind::String, start, end);
    }

    fn fenced(&mut self, start: usize, fence_at: usize) {
        let fence = &self.text[fence_at..fence_at + 3];
        if let Some(length) = self.text[fence_at + 3..].find(fence) {
            self.push(TokenKind::String, start, fence_at + 6 + length);
            return;
        }
        let span = Span::new(start, fence_at + 3);
        let message = format!("multi-line string is not closed: expected {fence}");
        self.report(Diagnostic::error("KQL102", span, message));
        self.push(TokenKind::String, start, self.text.len());
    }

    fn symbol(&mut self, byte: u8) {
        use TokenKind as T;
        let start = self.at;
        let next = self.peek(1);
        let (kind, length) = match (byte, next) {
            (b'=', Some(b'=')) => (T::Equal, 2),
            (b'=', Some(b'~')) => (T::EqualTilde, 2),
            (b'=', _) => (T::Assign, 1),
            (b'<', Some(b'=')) => (T::LessOrEqual, 2),
            (b'<', Some(b'>')) => (T::NotEqual, 2),
            (b'<', _) => (T::Less, 1),
            (b'>', Some(b'=')) => (T::GreaterOrEqual, 2),
            (b'>', _) => (T::Greater, 1),
            (b'.', Some(b'.')) => (T::DotDot, 2),
            (b'.', _) => (T::Dot, 1),
            (b'|', Some(b'|')) => (T::ForeignOr, 2),
            (b'|', _) => (T::Bar, 1),
            (b'&', Some(b'&')) => (T::ForeignAnd, 2),
            (b'(', _) => (T::OpenParen, 1),
            (b')', _) => (T::CloseParen, 1),
            (b'[', _) => (T::OpenBracket, 1),
            (b']', _) => (T::CloseBracket, 1),
            (b'{', _) => (T::OpenBrace, 1),
            (b'}', _) => (T::CloseBrace, 1),
            (b',', _) => (T::Comma, 1),
            (b';', _) => (T::Semicolon, 1),
            (b':', _) => (T::Colon, 1),
            (b'+', _) => (T::Plus, 1),
            (b'-', _) => (T::Minus, 1),
            (b'*', _) => (T::Star, 1),
            (b'/', _) => (T::Slash, 1),
            (b'%', _) => (T::Percent, 1),
            _ => {
                self.foreign_character();
                return;
            }
        };
        self.push(kind, start, start + length);
    }

    /// Spaces beyond ASCII, quotes of word processors, and what KQL has no use for.
    fn foreign_character(&mut self) {
        let start = self.at;
        let Some(character) = self.text[start..].chars().next() else {
            return;
        };
        let end = start + character.len_utf8();
        let invisible = matches!(character, '\u{200b}'..='\u{200d}' | '\u{2060}' | '\u{feff}');
        if character.is_whitespace() || invisible {
            self.at = end;
            return;
        }
        if let Some(close) = closing_quote(character) {
            self.curly_quoted(start, end, close);
            return;
        }
        if character == '#' {
            self.directive();
            return;
        }
        let last_end = self
            .lexed
            .diagnostics
            .last_mut()
            .filter(|last| last.code == "KQL101" && last.span.end as usize == start);
        if let Some(last) = last_end {
            // One message for a run of them, which is usually one word or one paste.
            last.span.end = Span::at(end).end;
        } else {
            let shown = character.escape_debug();
            self.report(Diagnostic::error(
                "KQL101",
                Span::new(start, end),
                format!("`{shown}` has no meaning in a query"),
            ));
        }
        self.at = end;
    }

    /// `#` and the rest of its line, which only Kusto's desktop tool would carry out, and only in
    /// front of the query.
    fn directive(&mut self) {
        let span = Span::new(self.at, self.line_end(self.at));
        if self.lexed.tokens.is_empty() {
            self.lexed.directives.push(span);
        } else {
            self.report(
                Diagnostic::error("KQL101", span, "`#` has no meaning in a query")
                    .with_help("comments begin with `//`"),
            );
        }
        self.at = span.end as usize;
    }

    fn curly_quoted(&mut self, start: usize, after_open: usize, close: char) {
        // No further than to the next quotation mark: a line may be long and have many of them.
        let inside = &self.text[after_open..];
        let is_line_end = |c: char| matches!(c, '\n' | '\r');
        let is_quote = |c: char| matches!(c, '"' | '\'') || closing_quote(c).is_some();
        let stop = |c: char| c == close || is_quote(c) || is_line_end(c);
        let end = inside.find(stop).map_or(self.text.len(), |length| {
            let stopper = inside[length..].chars().next();
            let stopper = stopper.filter(|c| !is_line_end(*c));
            after_open + length + stopper.map_or(0, char::len_utf8)
        });
        self.report(
            Diagnostic::error(
                "KQL101",
                Span::new(start, end),
                "typographic quotation marks do not delimit a string",
            )
            .with_help("use straight quotes: \"…\" or '…'"),
        );
        self.push(TokenKind::String, start, end);
    }
}

/// The mark that closes what a typographic quotation mark opens.
pub(super) fn closing_quote(open: char) -> Option<char> {
    Some(match open {
        '\u{201c}' | '\u{201d}' | '\u{201e}' => '\u{201d}',
        '\u{2018}' | '\u{2019}' | '\u{201a}' => '\u{2019}',
        '\u{ab}' => '\u{bb}',
        _ => return None,
    })
}
