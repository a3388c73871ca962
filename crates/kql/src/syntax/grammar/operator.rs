//! Tabular operators: which one a bar is followed by. What follows its word is in `clause.rs`.

use std::sync::Arc;

use crate::diagnostic::{Diagnostic, did_you_mean};
use crate::syntax::ast::{Name, OperatorKind, TableOperator};
use crate::syntax::keyword;
use crate::syntax::parser::Parser;
use crate::syntax::token::TokenKind as T;

use super::{clause, infix};

/// The operator word ahead, hyphens included, and how many tokens it has.
pub(super) fn keyword_ahead<'t>(p: &Parser<'t>) -> Option<(&'t str, usize)> {
    let first = p.word(0);
    let mut found = keyword::is_operator(first).then_some((first, 1));
    let mut tokens = 1;
    while hyphen_continues(p, tokens) {
        tokens += 2;
        let word = p.slice(p.token(0).span.to(p.token(tokens - 1).span));
        if keyword::is_operator(word) {
            found = Some((word, tokens));
        }
    }
    found
}

fn hyphen_continues(p: &Parser<'_>, tokens: usize) -> bool {
    p.at(T::Name)
        && p.joined(tokens - 1)
        && p.token(tokens).kind == T::Minus
        && p.joined(tokens)
        && p.token(tokens + 1).kind == T::Name
}

/// Whether a query begins with an operator here: `union …`, `print …`, `range x from …`.
pub(super) fn is_source(p: &Parser<'_>) -> bool {
    let next = p.token(1).kind;
    match p.word(0) {
        "union" => true,
        "print" => !matches!(next, T::Bar | T::Assign | T::Dot),
        "range" => next == T::Name && p.word(2) == "from",
        "evaluate" => next == T::Name,
        "search" => next != T::Bar,
        "find" => begins_find(p),
        "macro" => keyword_ahead(p).is_some_and(|(word, _)| word == "macro-expand"),
        _ => false,
    }
}

/// Whether `find` begins an operator here, and is not the name of a table.
fn begins_find(p: &Parser<'_>) -> bool {
    match p.token(1).kind {
        T::Name | T::String => true,
        T::Star | T::OpenParen => !p.joined(0),
        _ => false,
    }
}

/// Checks that the operator has been read to its end, and goes there.
pub(super) fn end(p: &mut Parser<'_>, errors_before: usize) {
    // A word that was no operand is no operator either: `where search > 0`.
    let is_reported = p.has_reported_here() && !p.on_new_line();
    if clause::at_operator_end(p) || (keyword_ahead(p).is_some() && !is_reported) {
        return;
    }
    let failed = p.errors() > errors_before;
    if p.at(T::Name) && p.on_new_line() && (!failed || p.at_word("let")) {
        return;
    }
    if !failed {
        let message = format!(
            "expected `|` or the end of the operator, found {}",
            p.describe_next()
        );
        let diagnostic = Diagnostic::error("KQL100", p.place(), message);
        let help = if p.previous_text() == "not" {
            Some("write `not(…)`".to_owned())
        } else {
            instead(p.word(0))
        };
        p.report(match help {
            Some(help) => diagnostic.with_help(help),
            None => diagnostic,
        });
    }
    p.skip_until(|kind| matches!(kind, T::Bar | T::Semicolon));
}

/// What to write instead of a word that is no operator between two values.
pub(super) fn instead(word: &str) -> Option<String> {
    let known = match word {
        "" => return None,
        "is" => "use `isnull(…)`, or `isempty(…)` for texts",
        "matches" => "write `matches regex`",
        "by" => "use `summarize … by …`",
        _ => {
            let meant = did_you_mean(word, infix::TEXT_OPERATORS.iter().copied())?;
            return Some(format!("did you mean `{meant}`?"));
        }
    };
    Some(known.to_owned())
}

/// What KQL says for a word of other languages.
fn translated(word: &str) -> Option<&'static str> {
    Some(match word {
        "group" | "groupby" | "stats" => "use `summarize … by …`",
        "having" | "if" => "use `where`",
        "select" | "fields" | "table" => "use `project`",
        "eval" => "use `extend`",
        "dedup" => "use `distinct`, or `summarize arg_max(…) by …`",
        "rename" => "use `project-rename`",
        "head" => "use `take` or `top`",
        "from" => "begin the query with the name of the table",
        _ => return None,
    })
}

/// The operator at the cursor; `None` if there is none that is known.
pub(super) fn operator(p: &mut Parser<'_>) -> Option<TableOperator> {
    let start = p.token(0).span;
    let known = keyword_ahead(p).filter(|(_, tokens)| !hyphen_continues(p, *tokens));
    let Some((word, tokens)) = known else {
        unknown(p);
        return None;
    };
    for _ in 0..tokens {
        p.bump();
    }
    let keyword = Name {
        text: Arc::from(word),
        span: p.span_from(start),
    };
    let kind = p.nested(|p| clause::clauses(p, word), |_| OperatorKind::Unparsed);
    Some(TableOperator {
        kind,
        span: p.span_from(start),
        keyword,
    })
}

fn unknown(p: &mut Parser<'_>) {
    if !p.at(T::Name) {
        p.expected("an operator such as `where` or `project`");
        return;
    }
    let start = p.bump().span;
    while p.at(T::Minus) && p.token(1).kind == T::Name && p.joined(0) {
        p.bump();
        p.bump();
    }
    let span = p.span_from(start);
    let word = p.slice(span);
    let lower = word.to_ascii_lowercase();
    let message = format!("unknown operator `{word}`");
    let diagnostic = Diagnostic::error("KQL106", span, message);
    let diagnostic = if keyword::is_operator(&lower) {
        diagnostic.with_help(format!("operators are lower-case: write `{lower}`"))
    } else {
        let meant = did_you_mean(word, keyword::operators());
        match (translated(&lower), meant) {
            (Some(help), _) => diagnostic.with_help(help),
            (None, Some(known)) => diagnostic.with_help(format!("did you mean `{known}`?")),
            (None, None) => diagnostic,
        }
    };
    p.report_aside(diagnostic);
    p.skip_until(|kind| matches!(kind, T::Bar | T::Semicolon));
}

/// Skips an operator that the tree does not model.
pub(super) fn unparsed(p: &mut Parser<'_>) -> OperatorKind {
    p.skip_until(|kind| matches!(kind, T::Bar | T::Semicolon));
    OperatorKind::Unparsed
}
