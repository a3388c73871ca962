//! `now()` and `ago()` as constants.

use std::collections::HashMap;

use super::{Edits, literal};
use crate::span::Span;
use crate::syntax::TokenKind;
use crate::time::parse_timespan;
use crate::types::TICKS_MAX;
use crate::window::words::Words;

/// Replaces every call of `now` and `ago`, and `datetime(now)`. A function of the query that is
/// called so is left alone.
/// `offsets` are the arguments that are known to be constants, by the place of the call.
pub(super) fn bind(
    words: &Words<'_>,
    now: i64,
    offsets: &HashMap<Span, Option<i64>>,
    edits: &mut Edits,
) {
    for at in words.positions() {
        match words.kind(at) {
            TokenKind::Typed if is_now(words.word(at)) => {
                edits.replace(words.span(at), literal(now));
            }
            TokenKind::Name if is_call(words, at) => match words.word(at) {
                "now" => call(words, at, now, '+', offsets, edits),
                "ago" => call(words, at, now, '-', offsets, edits),
                _ => {}
            },
            _ => {}
        }
    }
}

fn is_call(words: &Words<'_>, at: usize) -> bool {
    words.kind(at + 1) == TokenKind::OpenParen
        && words.kind_before(at) != Some(TokenKind::Dot)
        && !words.binds(words.word(at))
}

/// `datetime(now)` and `datetime()`
fn is_now(word: &str) -> bool {
    let raw = word
        .strip_prefix("datetime(")
        .or_else(|| word.strip_prefix("date("))
        .and_then(|rest| rest.strip_suffix(')'));
    raw.is_some_and(|raw| matches!(raw.trim().trim_matches(['"', '\'']), "" | "now"))
}

/// `now(x)` is a constant where `x` is, else `(datetime(…) + x)`; `ago(x)` likewise.
fn call(
    words: &Words<'_>,
    name: usize,
    now: i64,
    sign: char,
    offsets: &HashMap<Span, Option<i64>>,
    edits: &mut Edits,
) {
    let open = name + 1;
    let Some(close) = words.partner(open) else {
        return;
    };
    let whole = words.span(name).to(words.span(close));
    if close == open + 1 {
        edits.replace(whole, literal(now));
        return;
    }
    let literal_offset = constant(words, open + 1, close).and_then(|offset| match sign {
        '-' => offset.checked_neg(),
        _ => Some(offset),
    });
    let offset = literal_offset.or_else(|| offsets.get(&whole).copied().flatten());
    let moment = offset.and_then(|offset| now.checked_add(offset));
    if let Some(moment) = moment.filter(|moment| (0..=TICKS_MAX).contains(moment)) {
        edits.replace(whole, literal(moment));
        return;
    }
    // The argument may hold calls of its own, so it stays where it is.
    let head = words.span(name).to(words.span(open));
    let tail = words.span(close);
    if close == open + 2 {
        edits.replace(head, format!("({} {sign} ", literal(now)));
        edits.replace(tail, ")");
    } else {
        edits.replace(head, format!("({} {sign} (", literal(now)));
        edits.replace(tail, "))");
    }
}

/// The ticks of a timespan literal that is all there is between two words.
fn constant(words: &Words<'_>, from: usize, to: usize) -> Option<i64> {
    let negative = words.kind(from) == TokenKind::Minus;
    let at = from + usize::from(negative);
    if to != at + 1 {
        return None;
    }
    let word = words.word(at);
    let ticks = match words.kind(at) {
        TokenKind::TimeSpan => parse_timespan(word)?,
        TokenKind::Typed => {
            let (ty, rest) = word.split_once('(')?;
            if !matches!(ty.trim(), "timespan" | "time") {
                return None;
            }
            let raw = rest.strip_suffix(')')?.trim();
            parse_timespan(raw.trim_matches(['"', '\'']))?
        }
        _ => return None,
    };
    if negative {
        ticks.checked_neg()
    } else {
        Some(ticks)
    }
}
