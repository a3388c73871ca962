//! Where a blank belongs between two words of a line, and what the words must be taken for to
//! tell: keywords, signs, properties, parts of names.

use crate::syntax::keyword;
use crate::syntax::lexer::RAW_CONSTRUCTORS;
use crate::syntax::token::TokenKind as T;

use super::shape::{self, Items, Properties, Shape};
use super::words::Words;

/// Most words of a hyphenated phrase.
const PHRASE_MAX: usize = 9;

/// Where words stand.
#[derive(Clone, Copy, Debug)]
pub(super) struct Place<'t> {
    /// The operator in whose sentence, or `""`.
    pub(super) operator: &'t str,
    pub(super) shape: Shape,
    /// Behind the operator's name and its leading properties.
    pub(super) head_end: usize,
    pub(super) kind: PlaceKind,
    /// Whether stars belong to names.
    pub(super) stars_name: bool,
    /// Whether all `name=value` pairs are properties.
    pub(super) all_properties: bool,
    /// The bracket that holds a query although a name stands before it.
    pub(super) query_bracket: Option<usize>,
}

/// What the words are parts of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum PlaceKind {
    Expression,
    /// Inside `dynamic(…)`.
    Json,
    /// What `parse` takes a text apart with.
    Pattern,
    /// Nodes and edges.
    Graph,
}

impl Place<'_> {
    /// Outside of any operator.
    pub(super) fn plain(shape: Shape) -> Self {
        Self {
            operator: "",
            shape,
            head_end: 0,
            kind: PlaceKind::Expression,
            stars_name: false,
            all_properties: false,
            query_bracket: None,
        }
    }

    pub(super) fn of_kind(self, kind: PlaceKind) -> Self {
        Self { kind, ..self }
    }
}

/// Whether a blank stands between the words `first` and `second`, neighbours of one line.
pub(super) fn between(words: &Words<'_>, first: usize, second: usize, place: &Place<'_>) -> bool {
    let (left, right) = (words.kind(first), words.kind(second));
    let is_property_value = first < place.head_end;
    match (left, right) {
        (_, T::Comma | T::Semicolon | T::Dot) | (T::Dot | T::Bang, _) | (T::Assign, T::Greater) => {
            false
        }
        (T::Assign, _) => !is_property(words, first, place),
        (_, T::Assign) => !is_property(words, second, place),
        _ if place.kind == PlaceKind::Graph && !is_property_value => {
            let is_tight = |kind| {
                words_of_arrows(kind)
                    || matches!(kind, T::Colon | T::Star | T::DotDot)
                    || matches!(kind, T::OpenParen | T::OpenBracket)
                    || matches!(kind, T::CloseParen | T::CloseBracket)
            };
            !is_tight(left) && !is_tight(right)
        }
        _ if place.shape.items == Items::Arrows
            && words_of_arrows(left)
            && words_of_arrows(right) =>
        {
            !words.joined(first)
        }
        (T::CloseParen, T::Colon) => place.kind == PlaceKind::Expression,
        (_, T::Colon) => false,
        (T::Colon, _) => match place.kind {
            PlaceKind::Json => true,
            PlaceKind::Pattern | PlaceKind::Graph => false,
            PlaceKind::Expression => {
                let compares = matches!(place.operator, "where" | "filter" | "search" | "find");
                !compares && right != T::String
            }
        },
        (T::Star, T::Name | T::Long | T::Star) | (T::Name | T::Long, T::Star)
            if place.stars_name =>
        {
            !words.joined(first)
        }
        (_, T::Minus | T::Plus) => !in_phrase(words, second),
        (T::Minus | T::Plus, _) => !in_phrase(words, first) && !is_sign(words, first, place),
        (T::Name, T::OpenParen) => {
            let raw = RAW_CONSTRUCTORS.contains(&words.text(first)) && !words.joined(first);
            let begins_view = words.text(first) == "view"
                && words.kind(words.partner(second) + 1) == T::OpenBrace;
            is_property_value
                || place.query_bracket == Some(second)
                || raw
                || begins_view
                || is_keyword(words, first, place)
        }
        (_, T::OpenBracket) if place.kind == PlaceKind::Pattern || is_property_value => true,
        (T::Name, T::OpenBracket) => is_keyword(words, first, place),
        (T::CloseParen, T::OpenBracket) => lists_columns(words, first),
        (T::CloseBracket | T::CloseBrace | T::String | T::Typed, T::OpenBracket) => false,
        _ => true,
    }
}

/// Whether the bracket that closes at `close` lists the columns of a table that follows.
pub(super) fn lists_columns(words: &Words<'_>, close: usize) -> bool {
    let open = words.partner(close);
    let name = open.checked_sub(1).map_or("", |before| words.name(before));
    matches!(name, "datatable" | "externaldata" | "external_data")
}

/// Whether a token is a part of the arrows between the nodes of a graph.
fn words_of_arrows(kind: T) -> bool {
    matches!(kind, T::Minus | T::Less | T::Greater)
}

/// Whether the `=` at `assign` belongs to a property.
fn is_property(words: &Words<'_>, assign: usize, place: &Place<'_>) -> bool {
    if assign < place.head_end || place.all_properties {
        return true;
    }
    let Some(name) = assign.checked_sub(1) else {
        return false;
    };
    let is_hint = name >= 2 && words.kind(name - 1) == T::Dot && words.name(name - 2) == "hint";
    let follows_value = name > 0 && is_operand(words, name - 1, place);
    is_hint
        || match words.name(name) {
            "default" => place.operator == "make-series" && follows_value,
            "others" => place.operator == "top-nested",
            "output" => place.operator == "scan" && follows_value,
            _ => false,
        }
}

/// Whether the word at `at` is a part of its sentence rather than a name.
pub(super) fn is_keyword(words: &Words<'_>, at: usize, place: &Place<'_>) -> bool {
    let word = words.name(at);
    let names_something = words.kind(at + 1) == T::Assign
        || at > 0 && words.kind(at - 1) == T::Dot
        || word.is_empty();
    if names_something {
        return false;
    }
    at < place.head_end
        || shape::is_infix(word)
        || place.shape.clauses.contains(&word)
        || place.shape.words.contains(&word)
        || at > 0 && words.kind(at - 1) == T::Minus && in_phrase(words, at - 1)
}

/// Whether an expression ends with the word at `at`.
fn is_operand(words: &Words<'_>, at: usize, place: &Place<'_>) -> bool {
    match words.kind(at) {
        T::Long
        | T::Real
        | T::TimeSpan
        | T::String
        | T::Typed
        | T::CloseParen
        | T::CloseBracket
        | T::CloseBrace => true,
        T::Name => !is_keyword(words, at, place),
        _ => false,
    }
}

/// Whether `+` or `-` at `at` is a sign.
fn is_sign(words: &Words<'_>, at: usize, place: &Place<'_>) -> bool {
    at == 0 || !is_operand(words, at - 1, place)
}

/// Whether the hyphen at `hyphen` is a part of a word such as `project-away`.
fn in_phrase(words: &Words<'_>, hyphen: usize) -> bool {
    if words.kind(hyphen) != T::Minus || hyphen == 0 {
        return false;
    }
    let joins = |at: usize| {
        at > 0
            && words.kind(at) == T::Minus
            && words.kind(at - 1) == T::Name
            && words.kind(at + 1) == T::Name
            && words.joined(at - 1)
            && words.joined(at)
    };
    if !joins(hyphen) {
        return false;
    }
    let (mut first, mut last) = (hyphen - 1, hyphen + 1);
    while first >= 2 && joins(first - 1) && last - first < PHRASE_MAX {
        first -= 2;
    }
    while joins(last + 1) && last - first < PHRASE_MAX {
        last += 2;
    }
    is_phrase(words.phrase(first, last))
}

fn is_phrase(text: &str) -> bool {
    keyword::is_operator(text) || shape::is_hyphenated(text)
}

/// The phrase that begins at `at`, hyphens included, and how many words it has: the longest one
/// that `is_known`.
pub(super) fn phrase<'t>(
    words: &Words<'t>,
    at: usize,
    is_known: impl Fn(&str) -> bool,
) -> Option<(&'t str, usize)> {
    let first = words.name(at);
    let mut found = (!first.is_empty() && is_known(first)).then_some((first, 1));
    let mut last = at;
    while !first.is_empty()
        && last - at < PHRASE_MAX
        && words.kind(last + 1) == T::Minus
        && words.kind(last + 2) == T::Name
        && words.joined(last)
        && words.joined(last + 1)
    {
        last += 2;
        let text = words.phrase(at, last);
        if is_known(text) {
            found = Some((text, last - at + 1));
        }
    }
    found
}

/// Where the leading properties of an operator end that begin at `start`.
pub(super) fn properties_end(
    words: &Words<'_>,
    start: usize,
    end: usize,
    properties: Properties,
) -> usize {
    let mut at = start;
    loop {
        let mut last = at;
        while words.kind(last + 1) == T::Dot && words.kind(last + 2) == T::Name {
            last += 2;
        }
        let is_pair = words.kind(at) == T::Name && words.kind(last + 1) == T::Assign;
        if last + 2 >= end || !is_pair {
            return at;
        }
        let name = words.phrase(at, last);
        let is_property = match properties {
            Properties::Leading | Properties::All => true,
            Properties::Hints => false,
            Properties::Named(names) => names.contains(&name),
        };
        if !is_property && !name.starts_with("hint.") {
            return at;
        }
        let value = last + 2;
        at = match words.kind(value) {
            _ if words.opens(value) && properties == Properties::All => return at,
            _ if words.opens(value) => words.partner(value) + 1,
            T::Minus | T::Plus => value + 2,
            _ => value + 1,
        };
    }
}
