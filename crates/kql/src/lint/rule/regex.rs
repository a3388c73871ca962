//! `matches regex` where a plain operator would do, or would have to go first.

use crate::diagnostic::Diagnostic;
use crate::hir::{BinaryOp, StringOp};
use crate::lint::pattern::{Plain, alternatives, plain, required_word};
use crate::lint::pipeline::reduces;
use crate::lint::subject::{
    Subject, joined_by, literal_string, mentions, predicate, quoted, unwrapped,
};
use crate::lint::term::{INDEXED_MIN, longest};
use crate::span::Span;
use crate::syntax::ast::{Expr, ExprKind, Operator, TableOperator};

use super::Rule;

/// The shortest word worth filtering by.
const WORD_MIN: usize = 4;

pub(super) const REGEX: Rule = Rule {
    code: "KQL406",
    name: "slow-regex",
    guard: Some("KQL007"),
    cost: 2,
    summary: "a regular expression that is a plain text, or that every row has to go through",
    explanation: "No index helps `matches regex`, so it should be the last condition that a row \
        meets. A pattern that is a plain text is better written with `contains`, `startswith`, \
        `endswith` or `has_any`. Where a pattern is the only condition on a whole table, filter \
        first by a word that every match contains: `where x has \"word\" and x matches regex …`. \
        Mind that patterns regard case unless they begin with `(?i)`, and that `has_any` looks \
        for whole terms.",
    bad: "DeviceProcessEvents\n\
        | where ProcessCommandLine matches regex @\"(?i)mimikatz\" | project DeviceId",
    good: "DeviceProcessEvents\n\
        | where ProcessCommandLine contains \"mimikatz\" | project DeviceId",
    check,
};

fn check(subject: &Subject<'_>, found: &mut Vec<Diagnostic>) {
    subject.each_expr(|expr| {
        let Some((op_span, _, pattern)) = regex(expr) else {
            return;
        };
        let Some(pattern) = literal_string(pattern) else {
            return;
        };
        let better = match (plain(pattern), alternatives(pattern)) {
            (Some(plain), _) => in_plain_words(&plain),
            (None, Some((texts, ignores_case)))
                if texts.iter().all(|text| longest(text) >= INDEXED_MIN) =>
            {
                let texts: Vec<String> = texts.iter().map(|text| quoted(text)).collect();
                let note = if ignores_case {
                    ""
                } else {
                    ", which ignores case"
                };
                format!("use `has_any ({})` for whole terms{note}", texts.join(", "))
            }
            _ => return,
        };
        let message = "the regular expression says no more than a plain text";
        found.push(Diagnostic::warning(REGEX.code, op_span, message).with_help(better));
    });
    subject.each_pipe(|source, operators| {
        if !subject.is_event_table(source) {
            return;
        }
        let Some((op_span, column, pattern)) = only_regex(operators) else {
            return;
        };
        let word = subject.string(pattern).and_then(required_word);
        let Some((word, is_term)) = word.filter(|(word, _)| word.len() >= WORD_MIN) else {
            return;
        };
        let operator = if is_term { "has" } else { "contains" };
        let column = subject.slice(column.span);
        let message = "every row of the table goes through the regular expression";
        found.push(
            Diagnostic::warning(REGEX.code, op_span, message).with_help(format!(
                "filter first: `where {column} {operator} \"{word}\"`"
            )),
        );
    });
}

/// The place of `matches regex`, what it looks at, and its pattern.
fn regex(expr: &Expr) -> Option<(Span, &Expr, &Expr)> {
    match &expr.kind {
        ExprKind::Binary {
            op:
                Operator::Binary(BinaryOp::String {
                    op: StringOp::MatchesRegex,
                    ..
                }),
            op_span,
            left,
            right,
        } => Some((*op_span, left, right)),
        _ => None,
    }
}

fn in_plain_words(plain: &Plain) -> String {
    let (any_case, this_case) = match (plain.at_start, plain.at_end) {
        (true, true) => ("=~", "=="),
        (true, false) => ("startswith", "startswith_cs"),
        (false, true) => ("endswith", "endswith_cs"),
        (false, false) => ("contains", "contains_cs"),
    };
    let operator = if plain.ignores_case {
        any_case
    } else {
        this_case
    };
    format!("use `{operator} {}`", quoted(&plain.text))
}

/// The first regular expression of a pipeline if nothing leaves out rows before it but filters on
/// time.
fn only_regex(operators: &[TableOperator]) -> Option<(Span, &Expr, &Expr)> {
    let mut regexes = Vec::new();
    for operator in operators {
        let Some(predicate) = predicate(operator) else {
            if reduces(operator) {
                break;
            }
            continue;
        };
        for condition in joined_by(predicate, BinaryOp::And) {
            match regex(unwrapped(condition)) {
                Some(regex) => regexes.push(regex),
                None if is_about_time(condition) || is_about_presence(condition) => {}
                None => return None,
            }
        }
    }
    regexes.first().copied()
}

fn is_about_time(condition: &Expr) -> bool {
    ["Timestamp", "TimeGenerated"]
        .iter()
        .any(|name| mentions(condition, name))
}

fn is_about_presence(condition: &Expr) -> bool {
    match &unwrapped(condition).kind {
        ExprKind::Call { function, .. } => {
            matches!(
                &*function.text,
                "isnotempty" | "isnotnull" | "notempty" | "notnull"
            )
        }
        _ => false,
    }
}
