//! The words of a query text. Spaces and comments are no tokens; what a word means in its place
//! is the grammar's business, so keywords are names here.

use crate::span::Span;

/// A word with its place.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Token {
    /// What it is.
    pub(crate) kind: TokenKind,
    /// Where it is.
    pub(crate) span: Span,
}

/// The kinds of words.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum TokenKind {
    /// An identifier or keyword, `in~` and `$left` included.
    Name,
    /// `!in`, `!has`, `!in~`: a bang with a word attached.
    BangName,
    /// `1`, `0x1f`
    Long,
    /// `1.5`, `1e5`
    Real,
    /// `1d`, `1.5h`
    TimeSpan,
    /// A string literal of any kind, with its prefix and quotes.
    String,
    /// `datetime(2020-01-01)`, `int(5)`: a type name and raw text in parentheses.
    Typed,
    /// `(`
    OpenParen,
    /// `)`
    CloseParen,
    /// `[`
    OpenBracket,
    /// `]`
    CloseBracket,
    /// `{`
    OpenBrace,
    /// `}`
    CloseBrace,
    /// `,`
    Comma,
    /// `;`
    Semicolon,
    /// `:`
    Colon,
    /// `.`
    Dot,
    /// `..`
    DotDot,
    /// `|`
    Bar,
    /// `=`
    Assign,
    /// `==`
    Equal,
    /// `!=`, `<>`
    NotEqual,
    /// `=~`
    EqualTilde,
    /// `!~`
    BangTilde,
    /// `<`
    Less,
    /// `<=`
    LessOrEqual,
    /// `>`
    Greater,
    /// `>=`
    GreaterOrEqual,
    /// `+`
    Plus,
    /// `-`
    Minus,
    /// `*`
    Star,
    /// `/`
    Slash,
    /// `%`
    Percent,
    /// `!` alone.
    Bang,
    /// `&&`, `||`: what other languages call `and` and `or`.
    ForeignAnd,
    /// See [`TokenKind::ForeignAnd`].
    ForeignOr,
    /// The end of the text.
    EndOfText,
}

impl TokenKind {
    /// How a message names what was expected.
    pub(super) fn describe(self) -> &'static str {
        match self {
            Self::Name | Self::BangName => "a name",
            Self::Long | Self::Real => "a number",
            Self::TimeSpan => "a timespan",
            Self::String => "a string",
            Self::Typed => "a literal",
            Self::OpenParen => "`(`",
            Self::CloseParen => "`)`",
            Self::OpenBracket => "`[`",
            Self::CloseBracket => "`]`",
            Self::OpenBrace => "`{`",
            Self::CloseBrace => "`}`",
            Self::Comma => "`,`",
            Self::Semicolon => "`;`",
            Self::Colon => "`:`",
            Self::Dot => "`.`",
            Self::DotDot => "`..`",
            Self::Bar => "`|`",
            Self::Assign => "`=`",
            Self::Equal => "`==`",
            Self::NotEqual => "`!=`",
            Self::EqualTilde => "`=~`",
            Self::BangTilde => "`!~`",
            Self::Less => "`<`",
            Self::LessOrEqual => "`<=`",
            Self::Greater => "`>`",
            Self::GreaterOrEqual => "`>=`",
            Self::Plus => "`+`",
            Self::Minus => "`-`",
            Self::Star => "`*`",
            Self::Slash => "`/`",
            Self::Percent => "`%`",
            Self::Bang => "`!`",
            Self::ForeignAnd => "`&&`",
            Self::ForeignOr => "`||`",
            Self::EndOfText => "the end of the query",
        }
    }
}
