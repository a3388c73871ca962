//! `has` and its family with texts that no index holds.

use crate::diagnostic::Diagnostic;
use crate::hir::{BinaryOp, InOp, StringOp};
use crate::lint::subject::{Subject, literal_string};
use crate::lint::term::longest;
use crate::syntax::ast::{Expr, ExprKind, Operator};

use super::Rule;

pub(super) const SHORT_TERM: Rule = Rule {
    code: "KQL421",
    name: "short-term",
    guard: None,
    cost: 1,
    summary: "`has` with a text that holds no term",
    explanation: "`has`, `has_any` and `has_all` look for terms: runs of letters and digits. A \
        text without any, such as `\"\\\\\"` or `\"--\"`, is not what they are made for: no index \
        can help, and whether it is found depends on what stands around it. Use `contains`, which \
        says what happens.",
    bad: "DeviceProcessEvents | where ProcessCommandLine has \"--\" | project DeviceId",
    good: "DeviceProcessEvents | where ProcessCommandLine contains \"--\" | project DeviceId",
    check,
};

fn check(subject: &Subject<'_>, found: &mut Vec<Diagnostic>) {
    subject.each_expr(|expr| {
        let (op_span, texts): (_, Vec<&Expr>) = match &expr.kind {
            ExprKind::Binary {
                op:
                    Operator::Binary(BinaryOp::String {
                        op: StringOp::Has | StringOp::HasPrefix | StringOp::HasSuffix,
                        ..
                    }),
                op_span,
                right,
                ..
            } => (*op_span, vec![right]),
            ExprKind::In {
                op: InOp::HasAny | InOp::HasAll,
                op_span,
                list,
                ..
            } => (*op_span, list.iter().collect()),
            _ => return,
        };
        let operator = subject.slice(op_span);
        for text in texts {
            let Some(value) = literal_string(text) else {
                continue;
            };
            if longest(value) > 0 {
                continue;
            }
            let written = subject.slice(text.span);
            let message = format!("`{operator}` looks for terms, and {written} has none");
            let bang = if operator.starts_with('!') { "!" } else { "" };
            found.push(
                Diagnostic::warning(SHORT_TERM.code, text.span, message)
                    .with_note("terms are runs of letters and digits")
                    .with_help(format!("use `{bang}contains {written}`")),
            );
        }
    });
}
