//! Wildcards in operators that know none.

use crate::diagnostic::Diagnostic;
use crate::hir::{BinaryOp, InOp, StringOp};
use crate::lint::subject::{Subject, literal_string, predicate, quoted};
use crate::syntax::ast::{Expr, ExprKind, Node, Operator};

use super::Rule;

pub(super) const WILDCARD_EQUALITY: Rule = Rule {
    code: "KQL420",
    name: "wildcard-equality",
    guard: None,
    cost: 1,
    summary: "`*` has no special meaning in `==`, `in`, `contains` and their like",
    explanation: "Outside of `search` and `find`, KQL compares texts as they are: `== \"cmd*\"` \
        is true only for a text that ends with a star, and `contains \"*cmd*\"` only for one \
        that has the stars in it. Use `startswith`, `endswith`, `has` or `contains` without \
        stars.",
    bad: "DeviceProcessEvents | where FileName =~ \"python*\" | project DeviceId",
    good: "DeviceProcessEvents | where FileName startswith \"python\" | project DeviceId",
    check,
};

fn check(subject: &Subject<'_>, found: &mut Vec<Diagnostic>) {
    subject.each_pipe(|_, operators| {
        for operator in operators {
            // `search` and `find` do know wildcards.
            let Some(predicate) = predicate(operator) else {
                continue;
            };
            Node::Expr(predicate).walk(|node| {
                if let Node::Expr(expr) = node {
                    for text in compared(expr) {
                        tell(subject, expr, text, found);
                    }
                }
            });
        }
    });
}

/// What an expression compares for equality.
fn compared(expr: &Expr) -> Vec<&Expr> {
    match &expr.kind {
        ExprKind::Binary {
            op:
                Operator::Binary(
                    BinaryOp::Equal
                    | BinaryOp::NotEqual
                    | BinaryOp::String {
                        op: StringOp::EqualIgnoringCase,
                        ..
                    },
                ),
            right,
            ..
        } => vec![right],
        // One star may well be meant: `copy *.doc`.
        ExprKind::Binary {
            op:
                Operator::Binary(BinaryOp::String {
                    op: StringOp::Contains | StringOp::Has,
                    ..
                }),
            right,
            ..
        } if literal_string(right)
            .is_some_and(|text| text.starts_with('*') && text.ends_with('*')) =>
        {
            vec![right]
        }
        ExprKind::In {
            op: InOp::In | InOp::NotIn | InOp::InIgnoringCase | InOp::NotInIgnoringCase,
            list,
            ..
        } => list.iter().collect(),
        _ => Vec::new(),
    }
}

fn tell(subject: &Subject<'_>, expr: &Expr, text: &Expr, found: &mut Vec<Diagnostic>) {
    let Some(value) = literal_string(text) else {
        return;
    };
    let (ends, starts) = (value.starts_with('*'), value.ends_with('*'));
    let inner = value.trim_matches('*');
    // `*.com`, `*:*` and the like are what certificates, rights and firewalls hold.
    let is_word = inner.chars().any(char::is_alphanumeric);
    if !(ends || starts) || !is_word {
        return;
    }
    let operator = match &expr.kind {
        ExprKind::Binary { op_span, .. } | ExprKind::In { op_span, .. } => subject.slice(*op_span),
        _ => return,
    };
    let bang = if operator.starts_with('!') { "!" } else { "" };
    let better = match (ends, starts) {
        (true, true) => "contains",
        (true, false) => "endswith",
        _ => "startswith",
    };
    let help = if inner.contains('*') {
        let parts = inner.split('*').filter(|part| !part.is_empty());
        let parts: Vec<String> = parts
            .map(|part| format!("`{bang}contains {}`", quoted(part)))
            .collect();
        format!("look for the parts: {}", parts.join(", "))
    } else {
        format!("use `{bang}{better} {}`", quoted(inner))
    };
    let message = format!("`*` has no special meaning for `{operator}`");
    found.push(Diagnostic::warning(WILDCARD_EQUALITY.code, text.span, message).with_help(help));
}
