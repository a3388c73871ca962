//! The window of `search` and `find`, which go through many tables at once: as a filter behind
//! `search`, whose result has all their columns, and as a part of the condition of `find`, whose
//! result has not.

use std::sync::Arc;

use super::Edits;
use super::source::{time_of, within};
use crate::syntax::TokenKind;
use crate::types::ScalarType;
use crate::window::reads::Read;
use crate::window::words::Words;
use crate::window::{Mode, Timing};

/// Puts the window on a `search` or `find` whose keyword is at `operator`.
pub(super) fn restrict(
    words: &Words<'_>,
    operator: usize,
    reads: &[&Read],
    timing: Timing,
    edits: &mut Edits,
) {
    let last = end(words, operator);
    let place = words.across(operator, last);
    if timing.mode == Mode::Ingestion {
        let reason = "`search` and `find` do not tell when rows arrived";
        edits.give_up(place, reason);
        return;
    }
    if words.is_word(operator, "search") {
        match searched(reads, timing) {
            Ok(condition) => {
                edits.insert(words.span(last).end, format!(" | where {condition}"));
            }
            Err(reason) => edits.give_up(place, reason),
        }
        return;
    }
    let column = reads.first().and_then(|read| read.time_column.as_ref());
    let alike = reads.iter().all(|read| read.time_column.as_ref() == column);
    let (true, Some(column), Some((from, to))) = (alike, column, predicate(words, operator, last))
    else {
        let reason = "`find` goes through tables whose times are in different columns";
        edits.give_up(place, reason);
        return;
    };
    let condition = within(&time_of(column, timing.mode), timing);
    edits.insert(words.span(from).start, "(");
    edits.insert(words.span(to).end, format!(") and {condition}"));
}

/// The condition on the result of `search`, which names the table of each row.
fn searched(reads: &[&Read], timing: Timing) -> Result<String, &'static str> {
    let mut groups: Vec<(Option<&Arc<str>>, Vec<&str>)> = Vec::new();
    for read in reads {
        let column = read.time_column.as_ref();
        match groups.iter_mut().find(|(known, _)| *known == column) {
            Some((_, tables)) => tables.push(&read.table),
            None => groups.push((column, vec![&read.table])),
        }
    }
    let clash = groups.iter().filter_map(|(column, _)| *column).any(|name| {
        reads.iter().any(|read| {
            let column = read.schema.column(name);
            column.is_some_and(|column| column.ty != ScalarType::DateTime)
        })
    });
    if clash {
        return Err("its tables have columns of one name and different types for their times");
    }
    if let [(Some(column), _)] = groups.as_slice() {
        return Ok(within(&time_of(column, timing.mode), timing));
    }
    let conditions = groups.into_iter().map(|(column, tables)| {
        let names: Vec<String> = tables.iter().map(|table| format!("\"{table}\"")).collect();
        let is_one = format!("$table in ({})", names.join(", "));
        match column {
            Some(column) => {
                let within = within(&time_of(column, timing.mode), timing);
                format!("({is_one} and {within})")
            }
            None => is_one,
        }
    });
    Ok(conditions.collect::<Vec<_>>().join(" or "))
}

/// The last word of an operator.
fn end(words: &Words<'_>, operator: usize) -> usize {
    let mut at = operator;
    loop {
        match words.kind(at + 1) {
            TokenKind::Bar
            | TokenKind::Semicolon
            | TokenKind::CloseParen
            | TokenKind::CloseBrace
            | TokenKind::CloseBracket
            | TokenKind::EndOfText => return at,
            TokenKind::OpenParen | TokenKind::OpenBracket | TokenKind::OpenBrace => {
                match words.partner(at + 1) {
                    Some(close) => at = close,
                    None => return at,
                }
            }
            _ => at += 1,
        }
    }
}

/// The first and the last word of the condition of a `find`.
fn predicate(words: &Words<'_>, operator: usize, last: usize) -> Option<(usize, usize)> {
    let mut at = operator + 1;
    // `withsource=Source`, `in (A, B)`, `where`
    while words.kind(at + 1) == TokenKind::Assign {
        at += 3;
    }
    if words.is_word(at, "in") {
        at = words.partner(at + 1)? + 1;
    }
    if words.is_word(at, "where") {
        at += 1;
    }
    let mut to = at;
    let mut next = at;
    while next <= last && !words.is_word(next, "project") {
        let skipped = match words.kind(next) {
            TokenKind::OpenParen | TokenKind::OpenBracket => words.partner(next),
            _ => None,
        };
        to = skipped.unwrap_or(next);
        next = to + 1;
    }
    (at <= last && next > at).then_some((at, to))
}
