//! The window of `search` and `find`, which go through many tables at once: as a filter behind
//! `search`, whose result has all their columns, and as a part of the condition of `find`, whose
//! result has not.

use std::sync::Arc;

use super::source::{time_of, within};
use super::{Edits, quoted};
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
        let others = has_others(words, operator, last);
        match searched(reads, timing, others) {
            Ok(condition) => {
                edits.insert(words.span(last).end, format!(" | where {condition}"));
            }
            Err(reason) => edits.give_up(place, reason),
        }
        return;
    }
    if let Err(reason) = found(words, operator, last, reads, timing, edits) {
        edits.give_up(place, reason);
    }
}

/// `find` leaves out tables without any of the columns that its condition names. The time must
/// not bring them back, so the tables that are left are named.
fn found(
    words: &Words<'_>,
    operator: usize,
    last: usize,
    reads: &[&Read],
    timing: Timing,
    edits: &mut Edits,
) -> Result<(), &'static str> {
    let column = reads.first().and_then(|read| read.time_column.as_ref());
    let alike = reads.iter().all(|read| read.time_column.as_ref() == column);
    let Some(column) = column.filter(|_| alike) else {
        return Err("`find` goes through tables whose times are in different columns");
    };
    let Clauses {
        list,
        condition: (from, to),
    } = clauses(words, operator, last).ok_or("`find` has no condition to add to")?;
    let mut named = Edits::default();
    if let Some((open, close)) = list {
        items(words, open, close, reads, &mut named)?;
    } else {
        let tables: Vec<String> = reads.iter().map(|read| quoted(&read.table)).collect();
        let tables = tables.join(", ");
        if words.is_word(from - 1, "where") {
            named.insert(words.span(from - 1).start, format!("in ({tables}) "));
        } else {
            named.insert(words.span(from).start, format!("in ({tables}) where "));
        }
    }
    edits.edits.append(&mut named.edits);
    let condition = within(&time_of(column, timing.mode), timing);
    edits.insert(words.span(from).start, "(");
    edits.insert(words.span(to).end, format!(") and {condition}"));
    Ok(())
}

/// Patterns in the list of `find` become the tables that are read for them.
fn items(
    words: &Words<'_>,
    open: usize,
    close: usize,
    reads: &[&Read],
    edits: &mut Edits,
) -> Result<(), &'static str> {
    let mut first = open + 1;
    while first < close {
        let mut last = first;
        while last + 1 < close && words.kind(last + 1) != TokenKind::Comma {
            last = match words.partner(last + 1) {
                Some(end) if end > last + 1 => end,
                _ => last + 1,
            };
        }
        let place = words.across(first, last);
        let inside = |read: &&&Read| read.span.start >= place.start && read.span.end <= place.end;
        let tables: Vec<String> = reads
            .iter()
            .filter(inside)
            .map(|read| quoted(&read.table))
            .collect();
        let is_pattern = (first..=last).any(|at| words.kind(at) == TokenKind::Star);
        if tables.is_empty() {
            return Err("not every table of its list is one that is read from there");
        }
        if is_pattern {
            edits.replace(place, tables.join(", "));
        }
        first = last + 2;
    }
    Ok(())
}

/// The condition on the result of `search`, which names the table of each row.
fn searched(reads: &[&Read], timing: Timing, others: bool) -> Result<String, &'static str> {
    let mut groups: Vec<(Option<&Arc<str>>, Vec<&str>)> = Vec::new();
    for read in reads {
        let column = read.time_column.as_ref();
        match groups.iter_mut().find(|(known, _)| *known == column) {
            Some((_, tables)) => tables.push(&read.table),
            None => groups.push((column, vec![&read.table])),
        }
    }
    if let ([(Some(column), _)], false) = (groups.as_slice(), others) {
        return Ok(within(&united(column, reads)?, timing));
    }
    let mut conditions = Vec::with_capacity(groups.len());
    if others {
        let all: Vec<&str> = reads.iter().map(|read| &*read.table).collect();
        conditions.push(format!("$table !in ({})", texts(&all)));
    }
    for (column, tables) in groups {
        let is_one = format!("$table in ({})", texts(&tables));
        conditions.push(match column {
            Some(column) => {
                let within = within(&united(column, reads)?, timing);
                format!("({is_one} and {within})")
            }
            None => is_one,
        });
    }
    Ok(conditions.join(" or "))
}

/// Names as a list of texts.
fn texts(names: &[&str]) -> String {
    let texts = names.iter().map(|name| format!("\"{name}\""));
    texts.collect::<Vec<_>>().join(", ")
}

/// Whether a `search` may go through tables that the query defines. The window is on what they
/// read, and their own rows may have no time.
fn has_others(words: &Words<'_>, operator: usize, last: usize) -> bool {
    let in_list = (operator..=last).any(|at| words.binds(words.word(at)));
    in_list || words.positions().any(|at| words.is_word(at, "view"))
}

/// The time column of some tables in the union of all of them. Where others have a column of that
/// name and another type, what the column is called in the result is not agreed upon.
fn united(column: &str, reads: &[&Read]) -> Result<String, &'static str> {
    let clash = reads.iter().any(|read| {
        let other = read.schema.column(column);
        other.is_some_and(|other| other.ty != ScalarType::DateTime)
    });
    if clash {
        return Err("its tables have columns of one name and different types for their times");
    }
    Ok(quoted(column))
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

/// The clauses of a `find` as first and last words: the list of tables with its parentheses, and
/// the condition.
struct Clauses {
    list: Option<(usize, usize)>,
    condition: (usize, usize),
}

fn clauses(words: &Words<'_>, operator: usize, last: usize) -> Option<Clauses> {
    let mut at = operator + 1;
    while words.kind(at + 1) == TokenKind::Assign {
        at += 3;
    }
    let mut list = None;
    if words.is_word(at, "in") {
        let close = words.partner(at + 1)?;
        list = Some((at + 1, close));
        at = close + 1;
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
    (at <= last && next > at).then_some(Clauses {
        list,
        condition: (at, to),
    })
}
