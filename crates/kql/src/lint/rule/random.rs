//! Values that differ from run to run.

use crate::diagnostic::Diagnostic;
use crate::lint::subject::Subject;
use crate::syntax::ast::ExprKind;

use super::Rule;

pub(super) const RANDOM: Rule = Rule {
    code: "KQL414",
    name: "random",
    guard: None,
    cost: 1,
    summary: "`rand()` and `new_guid()` give other values in each run",
    explanation: "A run that is repeated, after a failure or over the same window, should give \
        the same rows, or findings are told twice. Random values break that. Make an identifier \
        from what identifies the row: `hash_sha256(strcat(DeviceId, Timestamp))`.",
    bad: "DeviceEvents | where ActionType == \"x\" | extend Id = new_guid()",
    good: "DeviceEvents | where ActionType == \"x\"\n\
        | extend Id = hash_sha256(strcat(DeviceId, Timestamp))",
    check,
};

fn check(subject: &Subject<'_>, found: &mut Vec<Diagnostic>) {
    subject.each_expr(|expr| {
        let ExprKind::Call { function, .. } = &expr.kind else {
            return;
        };
        let name = &*function.text;
        if matches!(name, "rand" | "new_guid") && !subject.is_let(name) {
            let message = format!("`{name}` gives other values in each run");
            found.push(
                Diagnostic::warning(RANDOM.code, expr.span, message)
                    .with_help("make the value from columns of the row, such as with `hash`"),
            );
        }
    });
}
