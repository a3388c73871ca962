//! A filter behind each table that is read. Which form it takes depends on what stands around the
//! table, not on the operator, so that operators this crate learns later need nothing here.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::{Edits, literal, quoted, search};
use crate::span::Span;
use crate::syntax::TokenKind;
use crate::types::ScalarType;
use crate::window::reads::{Read, Reference, is_search, reference, search_of};
use crate::window::words::Words;
use crate::window::{Form, Mode, Timing};

/// Functions of the language whose argument may be a pipeline without parentheses around it, and
/// operators that are followed by one in parentheses.
const BEFORE_PIPELINE: &[&str] = &["join", "lookup", "materialize", "toscalar", "union"];

/// Puts the window on all reads.
pub(super) fn restrict(words: &Words<'_>, reads: &[Read], timing: Timing, edits: &mut Edits) {
    let mut places: BTreeMap<Span, Vec<&Read>> = BTreeMap::new();
    for read in reads {
        places.entry(read.span).or_default().push(read);
    }
    let mut searches: BTreeMap<usize, Vec<&Read>> = BTreeMap::new();
    for (span, reads) in places {
        if reads.iter().any(|read| read.is_unknown()) {
            edits.give_up(span, "nothing is known of the times of the table");
            continue;
        }
        let Some(found) = reference(words, span) else {
            if reads.iter().any(|read| read.time_column.is_some()) {
                edits.give_up(span, "the table is not named in the text");
            }
            continue;
        };
        if found.form == Form::Search {
            let operator = if is_search(words, found.first) {
                Some(found.first)
            } else {
                search_of(words, found.first)
            };
            searches
                .entry(operator.unwrap_or(found.first))
                .or_default()
                .extend(reads);
        } else if reads.iter().all(|read| read.time_column.is_none()) {
            // Reference data: read whole.
        } else if is_pattern(words, found) {
            pattern(words, found, &reads, timing, edits);
        } else {
            match condition(&reads, timing) {
                Ok(condition) => filter(words, found, &condition, edits),
                Err(reason) => edits.give_up(span, reason),
            }
        }
    }
    for (operator, reads) in searches {
        if reads.iter().any(|read| read.time_column.is_some()) {
            search::restrict(words, operator, &reads, timing, edits);
        }
    }
}

fn is_pattern(words: &Words<'_>, found: Reference) -> bool {
    (found.first..=found.last).any(|at| words.kind(at) == TokenKind::Star)
        && words.kind(found.last) != TokenKind::CloseParen
}

/// The comparison of a time with the window.
pub(super) fn within(time: &str, timing: Timing) -> String {
    let (from, to) = (literal(timing.window.from), literal(timing.window.to));
    format!("{time} >= {from} and {time} < {to}")
}

/// What the time of a row is called in a table.
pub(super) fn time_of(column: &str, mode: Mode) -> String {
    match mode {
        Mode::Event => quoted(column),
        Mode::Ingestion => "ingestion_time()".to_owned(),
    }
}

/// The condition that holds for the tables read at one place. There are several where the name is
/// a parameter: `table(name)`.
fn condition(reads: &[&Read], timing: Timing) -> Result<String, &'static str> {
    let first = reads.first().and_then(|read| read.time_column.as_deref());
    let alike = reads
        .iter()
        .all(|read| read.time_column.as_deref() == first);
    if let (true, Some(column)) = (alike, first) {
        return Ok(within(&time_of(column, timing.mode), timing));
    }
    if timing.mode == Mode::Ingestion {
        return Err("it stands for tables with a time and for tables without one");
    }
    let mut columns: Vec<&Arc<str>> = Vec::new();
    for column in reads.iter().filter_map(|read| read.time_column.as_ref()) {
        if !columns.contains(&column) {
            columns.push(column);
        }
    }
    // The first of these columns that a table has must be its time column. A table that has none
    // of them passes whole, as every row is taken to be of the window's start.
    let fits = |columns: &[&Arc<str>]| {
        reads.iter().all(|read| {
            let mut found = columns.iter().filter(|column| {
                let column = read.schema.column(column);
                column.is_some_and(|column| column.ty == ScalarType::DateTime)
            });
            found.next().copied() == read.time_column.as_ref()
        })
    };
    if !fits(&columns) {
        columns.reverse();
    }
    if !fits(&columns) {
        return Err("it stands for tables whose times are in columns that cannot be told apart");
    }
    let none = literal(timing.window.from);
    let time = columns.iter().rev().fold(none, |otherwise, column| {
        let name = column.replace('\\', "\\\\").replace('"', "\\\"");
        format!("column_ifexists(\"{name}\", {otherwise})")
    });
    Ok(within(&time, timing))
}

/// `T` becomes `T | where …`, with parentheses where a pipeline needs them.
fn filter(words: &Words<'_>, found: Reference, condition: &str, edits: &mut Edits) {
    let Reference { first, last, .. } = found;
    let end = words.span(last).end;
    if is_head(words, first) && ends(words.kind(last + 1)) {
        let bar = break_before(words, last);
        edits.insert(end, format!("{bar}| where {condition}"));
        return;
    }
    edits.insert(words.span(first).start, "(");
    edits.insert(end, format!(" | where {condition})"));
}

/// Whether a pipeline may begin at a word without parentheses.
fn is_head(words: &Words<'_>, first: usize) -> bool {
    let Some(before) = first.checked_sub(1) else {
        return true;
    };
    match words.kind(before) {
        TokenKind::Semicolon | TokenKind::OpenBrace => true,
        TokenKind::OpenParen => {
            let callee = before.checked_sub(1);
            callee.is_none_or(|callee| {
                words.kind(callee) != TokenKind::Name
                    || BEFORE_PIPELINE.contains(&words.word(callee))
            })
        }
        // `let T = Table`
        TokenKind::Assign => {
            let name = before.checked_sub(1);
            let name = name.and_then(|name| match words.kind(name) {
                TokenKind::CloseBracket => words.partner(name),
                _ => Some(name),
            });
            let keyword = name.and_then(|name| name.checked_sub(1));
            keyword.is_some_and(|keyword| words.is_word(keyword, "let"))
        }
        _ => false,
    }
}

/// Whether a pipeline may end before a word, or go on with it.
fn ends(kind: TokenKind) -> bool {
    matches!(
        kind,
        TokenKind::Bar
            | TokenKind::Semicolon
            | TokenKind::CloseParen
            | TokenKind::CloseBrace
            | TokenKind::EndOfText
    )
}

/// A new line with the indentation of the next operator where that has a line of its own, else a
/// space.
fn break_before(words: &Words<'_>, last: usize) -> String {
    if words.kind(last + 1) != TokenKind::Bar {
        return " ".to_owned();
    }
    let gap = words.gap(last, last + 1);
    match gap.rsplit_once('\n') {
        Some((before, indent)) => {
            let newline = if before.ends_with('\r') { "\r\n" } else { "\n" };
            format!("{newline}{indent}")
        }
        None => " ".to_owned(),
    }
}

/// `union Device*` becomes a union of the tables that match.
fn pattern(
    words: &Words<'_>,
    found: Reference,
    reads: &[&Read],
    timing: Timing,
    edits: &mut Edits,
) {
    let Reference {
        mut first,
        mut last,
        ..
    } = found;
    while first > 0
        && words.kind(first - 1) == TokenKind::OpenParen
        && words.partner(first - 1) == Some(last + 1)
    {
        (first, last) = (first - 1, last + 1);
    }
    let place = words.across(first, last);
    if !in_union(words, first) {
        edits.give_up(place, "the pattern is not an item of a `union`");
        return;
    }
    if found.first != found.last && words.kind(found.first + 1) == TokenKind::OpenParen {
        edits.give_up(place, "the pattern is over another database");
        return;
    }
    let views = words.views(found.first, words.across(found.first, found.last));
    let tables = reads.iter().map(|read| match &read.time_column {
        Some(column) => {
            let condition = within(&time_of(column, timing.mode), timing);
            format!("({} | where {condition})", quoted(&read.table))
        }
        None => quoted(&read.table),
    });
    let legs: Vec<String> = tables.chain(views.into_iter().map(quoted)).collect();
    edits.replace(place, legs.join(", "));
}

/// Whether a word is in the list of a `union`.
fn in_union(words: &Words<'_>, first: usize) -> bool {
    let mut at = first;
    while let Some(before) = at.checked_sub(1) {
        at = match words.kind(before) {
            TokenKind::CloseParen | TokenKind::CloseBracket => match words.partner(before) {
                Some(open) => open,
                None => return false,
            },
            TokenKind::Name if words.word(before) == "union" => return true,
            TokenKind::Bar
            | TokenKind::Semicolon
            | TokenKind::OpenParen
            | TokenKind::OpenBrace
            | TokenKind::OpenBracket => return false,
            _ => before,
        };
    }
    false
}
