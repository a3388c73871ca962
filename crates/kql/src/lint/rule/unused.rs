//! Names that nothing uses.

use std::collections::HashSet;

use crate::diagnostic::Diagnostic;
use crate::lint::subject::Subject;
use crate::syntax::ast::{ExprKind, Node, OperatorKind, StatementKind};

use super::Rule;

pub(super) const UNUSED_LET: Rule = Rule {
    code: "KQL424",
    name: "unused-let",
    guard: None,
    cost: 1,
    summary: "a name is defined and never used",
    explanation: "A `let` that nothing reads does no harm by itself, but often tells of a \
        condition that was forgotten: an allow list that is not applied, a threshold that is \
        written out again further down.",
    bad: "let Allowed = dynamic([\"a.exe\"]);\n\
        DeviceProcessEvents | where FileName == \"b.exe\" | project DeviceId",
    good: "let Allowed = dynamic([\"a.exe\"]);\n\
        DeviceProcessEvents | where FileName !in (Allowed) | project DeviceId",
    check,
};

fn check(subject: &Subject<'_>, found: &mut Vec<Diagnostic>) {
    // A text of definitions only is meant for others to use.
    if subject.result().is_none() {
        return;
    }
    let mut used: HashSet<&str> = HashSet::new();
    subject.script.walk(|node| match node {
        Node::Expr(expr) => match &expr.kind {
            ExprKind::Name(name) | ExprKind::Wildcard(name) => {
                used.insert(&name.text);
            }
            ExprKind::Call { function, .. } => {
                used.insert(&function.text);
            }
            ExprKind::Literal(_) => {
                used.insert(subject.slice(expr.span).trim_matches(['"', '\'']));
            }
            _ => {}
        },
        Node::Operator(operator) => {
            if let OperatorKind::Unparsed = operator.kind {
                used.extend(words(subject.slice(operator.span)));
            }
        }
        Node::Statement(_) => {}
    });
    subject.script.walk(|node| {
        let Node::Statement(statement) = node else {
            return;
        };
        let StatementKind::Let { name, .. } = &statement.kind else {
            return;
        };
        if !used.contains(&*name.text) {
            let message = format!("`{}` is never used", name.text);
            found.push(
                Diagnostic::warning(UNUSED_LET.code, name.span, message)
                    .with_help("use it, or leave the definition out"),
            );
        }
    });
}

fn words(text: &str) -> impl Iterator<Item = &str> {
    text.split(|one: char| !(one.is_alphanumeric() || one == '_'))
}
