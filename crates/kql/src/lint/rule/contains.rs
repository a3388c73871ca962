//! `contains` where `has` would do.

use crate::diagnostic::Diagnostic;
use crate::hir::{BinaryOp, StringOp};
use crate::lint::subject::{Subject, literal_string};
use crate::lint::term::{INDEXED_MIN, is_delimited, is_term_character, terms};
use crate::syntax::ast::{Expr, ExprKind, Operator};

use super::Rule;

/// The shortest term worth looking up.
const TERM_MIN: usize = 4;

pub(super) const CONTAINS: Rule = Rule {
    code: "KQL402",
    name: "contains-term",
    guard: Some("KQL002"),
    cost: 1,
    summary: "`contains` looks through every value where `has` would use the index",
    explanation: "`contains` reads each value from end to end. `has` looks for whole terms, runs \
        of letters and digits, and finds them in an index. The rows are the same where the text \
        begins and ends with something between terms (`\"-enc \"`). Otherwise `has` finds less: \
        `has \"shell\"` does not match `powershell`, and `has \"Logon\"` does not match \
        `LogonSuccess`. So the rule speaks only of conditions of `where` with a text that has a \
        term of four characters or more and something between terms, or that is looked for in a \
        command line, which is made of words. If parts of words are meant, keep `contains` and \
        allow it.",
    bad: "DeviceProcessEvents | where ProcessCommandLine contains \"Add-MpPreference\" | take 1",
    good: "DeviceProcessEvents | where ProcessCommandLine has \"Add-MpPreference\" | take 1",
    check,
};

fn check(subject: &Subject<'_>, found: &mut Vec<Diagnostic>) {
    subject.each_in_filters(|expr| {
        let ExprKind::Binary {
            op:
                Operator::Binary(BinaryOp::String {
                    op: StringOp::Contains,
                    negated,
                    case_sensitive,
                }),
            op_span,
            left,
            right,
        } = &expr.kind
        else {
            return;
        };
        let Some(text) = literal_string(right) else {
            return;
        };
        let exact = is_delimited(text);
        let has_term = terms(text).any(|term| term.chars().count() >= TERM_MIN);
        if !has_term || text.contains('*') || !(exact || is_words(text) || is_command_line(left)) {
            return;
        }
        let written = subject.slice(*op_span);
        let bang = if *negated { "!" } else { "" };
        let suffix = if *case_sensitive { "_cs" } else { "" };
        let better = format!("{bang}has{suffix}");
        let literal = subject.slice(right.span);
        let message = format!("`{written}` looks through every value for {literal}");
        let diagnostic = Diagnostic::warning(CONTAINS.code, *op_span, message)
            .with_help(format!("`{better} {literal}` uses the index"));
        found.push(if exact {
            diagnostic
        } else {
            let verb = if *negated { "leaves out" } else { "finds" };
            diagnostic.with_note(format!(
                "`{written}` also {verb} rows that have it inside of a longer word"
            ))
        });
    });
}

/// Terms with something between or before them, of which those at the ends are long: nobody means
/// parts of words at the ends of `Add-MpPreference`.
fn is_words(text: &str) -> bool {
    let is_edge = |one: Option<char>| one.is_some_and(is_term_character);
    let long = |term: Option<&str>| term.is_some_and(|term| term.chars().count() >= INDEXED_MIN);
    !text.chars().all(is_term_character)
        && (!is_edge(text.chars().next()) || long(terms(text).next()))
        && (!is_edge(text.chars().next_back()) || long(terms(text).last()))
}

fn is_command_line(column: &Expr) -> bool {
    matches!(&column.kind, ExprKind::Name(name) if name.text.ends_with("CommandLine"))
}
