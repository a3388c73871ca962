//! Infix operators: which there are, how they are written, and how tightly they bind.
//!
//! From loose to tight: `or`; `and`; equality, `in` and `between`; order; sums; products; string
//! operators. So `a + b has "x"` is `a + (b has "x")`, as in Kusto. Only `and`, `or`, sums and
//! products chain.

use crate::diagnostic::Diagnostic;
use crate::hir::{BinaryOp, InOp, StringOp};
use crate::syntax::ast::Operator;
use crate::syntax::parser::Parser;
use crate::syntax::token::TokenKind as T;

/// Binding strengths, loose to tight.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub(super) enum Level {
    Or,
    And,
    Equality,
    Order,
    Sum,
    Product,
    String,
    /// Tighter than every infix operator.
    Operand,
}

impl Level {
    /// The level of the right operand of an operator of this level.
    pub(super) fn tighter(self) -> Self {
        match self {
            Self::Or => Self::And,
            Self::And => Self::Equality,
            Self::Equality => Self::Order,
            Self::Order => Self::Sum,
            Self::Sum => Self::Product,
            Self::Product => Self::String,
            Self::String | Self::Operand => Self::Operand,
        }
    }

    /// Whether `a op b op c` is allowed.
    pub(super) fn chains(self) -> bool {
        matches!(self, Self::Or | Self::And | Self::Sum | Self::Product)
    }
}

/// What an infix operator makes of its operands.
#[derive(Clone, Copy, Debug)]
pub(super) enum Shape {
    Binary(Operator),
    In(InOp),
    Between { negated: bool },
}

/// An infix operator ahead.
#[derive(Clone, Copy, Debug)]
pub(super) struct Infix {
    pub(super) level: Level,
    pub(super) shape: Shape,
    /// How many tokens it is written with.
    pub(super) tokens: usize,
    /// What is wrong with it, if it is one of another language.
    mistake: Option<Mistake>,
}

#[derive(Clone, Copy, Debug)]
enum Mistake {
    /// Another language's word, and KQL's.
    Foreign(&'static str),
    /// `!has_any`: has no negative form.
    NoNegation,
}

impl Infix {
    /// Whether it is a word that compares texts, such as `startswith`.
    pub(super) fn compares_text(self) -> bool {
        matches!(
            self.shape,
            Shape::Binary(Operator::Binary(BinaryOp::String { .. }))
        )
    }

    /// Whether `*`, each column in turn, may stand on its left.
    pub(super) fn takes_every_column(self) -> bool {
        let Shape::Binary(op) = self.shape else {
            return false;
        };
        !matches!(op, Operator::Binary(op)
            if !matches!(op, BinaryOp::Equal | BinaryOp::String { .. }))
    }
}

/// The infix operator at the cursor, if there is one.
pub(super) fn ahead(p: &Parser<'_>) -> Option<Infix> {
    let binary = |level, op| infix(level, Shape::Binary(Operator::Binary(op)));
    let string = |op, negated| {
        let op = BinaryOp::String {
            op,
            negated,
            case_sensitive: false,
        };
        binary(Level::String, op)
    };
    Some(match p.kind() {
        T::Equal => binary(Level::Equality, BinaryOp::Equal),
        T::NotEqual => binary(Level::Equality, BinaryOp::NotEqual),
        T::Colon => infix(Level::Equality, Shape::Binary(Operator::Colon)),
        T::EqualTilde => string(StringOp::EqualIgnoringCase, false),
        T::BangTilde => string(StringOp::EqualIgnoringCase, true),
        T::Less => binary(Level::Order, BinaryOp::Less),
        T::LessOrEqual => binary(Level::Order, BinaryOp::LessOrEqual),
        T::Greater => binary(Level::Order, BinaryOp::Greater),
        T::GreaterOrEqual => binary(Level::Order, BinaryOp::GreaterOrEqual),
        T::Plus => binary(Level::Sum, BinaryOp::Add),
        T::Minus => binary(Level::Sum, BinaryOp::Subtract),
        T::Star => binary(Level::Product, BinaryOp::Multiply),
        T::Slash => binary(Level::Product, BinaryOp::Divide),
        T::Percent => binary(Level::Product, BinaryOp::Modulo),
        T::ForeignAnd => Infix {
            mistake: Some(Mistake::Foreign("and")),
            ..binary(Level::And, BinaryOp::And)
        },
        T::ForeignOr => Infix {
            mistake: Some(Mistake::Foreign("or")),
            ..binary(Level::Or, BinaryOp::Or)
        },
        T::Name => return word_ahead(p),
        T::BangName => return bang_word_ahead(p),
        _ => return None,
    })
}

fn infix(level: Level, shape: Shape) -> Infix {
    Infix {
        level,
        shape,
        tokens: 1,
        mistake: None,
    }
}

/// The operators between texts that are words.
pub(super) const TEXT_OPERATORS: &[&str] = &[
    "contains",
    "contains_cs",
    "endswith",
    "endswith_cs",
    "has",
    "has_all",
    "has_any",
    "has_cs",
    "hasprefix",
    "hasprefix_cs",
    "hassuffix",
    "hassuffix_cs",
    "startswith",
    "startswith_cs",
];

fn word_ahead(p: &Parser<'_>) -> Option<Infix> {
    let word = p.word(0);
    if word == "not" {
        let mut found = word_infix(p, 1, p.word(1), true)?;
        let written = match found.shape {
            Shape::In(InOp::NotIn) => "!in",
            Shape::In(InOp::NotInIgnoringCase) => "!in~",
            Shape::Between { .. } => "!between",
            _ => "the form with `!`",
        };
        found.tokens += 1;
        found.mistake = Some(Mistake::Foreign(written));
        return Some(found);
    }
    word_infix(p, 0, word, false)
}

fn bang_word_ahead(p: &Parser<'_>) -> Option<Infix> {
    let word = p.slice(p.token(0).span).strip_prefix('!')?;
    let mut found = word_infix(p, 0, word, true)?;
    let has_negative = match found.shape {
        Shape::In(op) => !matches!(op, InOp::HasAny | InOp::HasAll),
        Shape::Between { .. } => true,
        Shape::Binary(Operator::Binary(BinaryOp::String { op, .. })) => {
            op != StringOp::MatchesRegex
        }
        Shape::Binary(_) => false,
    };
    if !has_negative {
        found.mistake = Some(Mistake::NoNegation);
    }
    Some(found)
}

/// The operator that `word`, the token `ahead` (its bang taken away), is.
fn word_infix(p: &Parser<'_>, ahead: usize, word: &str, negated: bool) -> Option<Infix> {
    let binary = |level, op| infix(level, Shape::Binary(Operator::Binary(op)));
    let in_op = |op| infix(Level::Equality, Shape::In(op));
    let retired = |name| infix(Level::String, Shape::Binary(Operator::Retired(name)));
    Some(match word {
        "and" if !negated => binary(Level::And, BinaryOp::And),
        "or" if !negated => binary(Level::Or, BinaryOp::Or),
        "in" if negated => in_op(InOp::NotIn),
        // `on axis in range(…)` of `make-series`.
        "in" if p.word(1) == "range" && p.token(2).kind == T::OpenParen => return None,
        "in" => in_op(InOp::In),
        "in~" if negated => in_op(InOp::NotInIgnoringCase),
        "in~" => in_op(InOp::InIgnoringCase),
        "has_any" => in_op(InOp::HasAny),
        "has_all" => in_op(InOp::HasAll),
        "between" => infix(Level::Equality, Shape::Between { negated }),
        "like" => retired("like"),
        "notlike" => retired("notlike"),
        "likecs" => retired("likecs"),
        "notlikecs" => retired("notlikecs"),
        "notcontains" => retired("notcontains"),
        "containscs" => retired("containscs"),
        "notcontainscs" => retired("notcontainscs"),
        "matches" if p.word(ahead + 1) == "regex" => {
            let op = BinaryOp::String {
                op: StringOp::MatchesRegex,
                negated,
                case_sensitive: true,
            };
            let mut found = binary(Level::String, op);
            found.tokens = 2;
            found
        }
        _ => {
            let (stem, case_sensitive) = match word.strip_suffix("_cs") {
                Some(stem) => (stem, true),
                None => (word, false),
            };
            let op = match stem {
                "has" => StringOp::Has,
                "hasprefix" => StringOp::HasPrefix,
                "hassuffix" => StringOp::HasSuffix,
                "contains" => StringOp::Contains,
                "startswith" => StringOp::StartsWith,
                "endswith" => StringOp::EndsWith,
                _ => return None,
            };
            let op = BinaryOp::String {
                op,
                negated,
                case_sensitive,
            };
            binary(Level::String, op)
        }
    })
}

/// Consumes the operator found [`ahead`], and reports what is wrong with it.
pub(super) fn consume(p: &mut Parser<'_>, found: Infix) -> crate::span::Span {
    let start = p.token(0).span;
    let end = p.token(found.tokens - 1).span;
    let span = start.to(end);
    let written = p.slice(span);
    match found.mistake {
        None => {}
        Some(Mistake::Foreign(ours)) => {
            let message = format!("`{written}` is not an operator of KQL");
            let help = if ours.contains(' ') {
                format!("use {ours}")
            } else {
                format!("use `{ours}`")
            };
            p.report(Diagnostic::error("KQL112", span, message).with_help(help));
        }
        Some(Mistake::NoNegation) => {
            let positive = written.trim_start_matches('!');
            let message = format!("`{written}` is not an operator of KQL");
            let help = format!("negate the whole comparison: `not(… {positive} …)`");
            p.report(Diagnostic::error("KQL112", span, message).with_help(help));
        }
    }
    for _ in 0..found.tokens {
        p.bump();
    }
    span
}
