//! Lists that name the same thing twice, and lists that miss a spelling.

use std::collections::HashMap;

use crate::diagnostic::Diagnostic;
use crate::hir::InOp;
use crate::lint::subject::{Subject, literal_string};
use crate::syntax::ast::ExprKind;

use super::Rule;

pub(super) const REPEATED_ITEM: Rule = Rule {
    code: "KQL422",
    name: "repeated-item",
    guard: None,
    cost: 1,
    summary: "an item stands twice in a list",
    explanation: "A second copy of an item changes nothing; often it is what is left of a copy \
        that should have been edited. In `in`, which regards case, two spellings of one word say \
        that case does not matter: `in~` finds the other spellings too.",
    bad: "DeviceProcessEvents | where FileName in~ (\"cmd.exe\", \"CMD.EXE\") | project DeviceId",
    good: "DeviceProcessEvents | where FileName in~ (\"cmd.exe\", \"pwsh.exe\") | project DeviceId",
    check,
};

fn check(subject: &Subject<'_>, found: &mut Vec<Diagnostic>) {
    subject.each_expr(|expr| {
        let ExprKind::In {
            op, list, op_span, ..
        } = &expr.kind
        else {
            return;
        };
        let regards_case = matches!(op, InOp::In | InOp::NotIn);
        let mut seen: HashMap<String, &str> = HashMap::new();
        for item in list {
            let Some(text) = literal_string(item) else {
                continue;
            };
            let Some(first) = seen.insert(text.to_lowercase(), text) else {
                continue;
            };
            let written = subject.slice(item.span);
            let operator = subject.slice(*op_span);
            let diagnostic = if first == text {
                let message = format!("{written} stands in the list twice");
                Diagnostic::warning(REPEATED_ITEM.code, item.span, message)
                    .with_help("leave one of them out")
            } else if regards_case {
                let message = format!("{written} stands in the list in another case as well");
                Diagnostic::warning(REPEATED_ITEM.code, item.span, message)
                    .with_help(format!("`{operator}~` finds all spellings"))
            } else {
                let message = format!("{written} stands in the list in another case already");
                Diagnostic::warning(REPEATED_ITEM.code, item.span, message)
                    .with_note(format!("`{operator}` ignores case"))
                    .with_help("leave one of them out")
            };
            found.push(diagnostic);
        }
    });
}
