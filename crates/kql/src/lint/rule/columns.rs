//! Columns that something reads from the result, and the operator that drops them.

use crate::diagnostic::{Diagnostic, did_you_mean};
use crate::hir::{Plan, PlanKind};
use crate::lint::subject::Subject;
use crate::span::Span;

use super::Rule;

pub(super) const DROPPED_COLUMN: Rule = Rule {
    code: "KQL417",
    name: "dropped-column",
    guard: None,
    cost: 1,
    summary: "the result lacks a column that the hunt reads",
    explanation: "The title of a finding, or the text of an action, reads a column of the row \
        that the query does not return. The place is the operator that drops it. Columns that \
        entities and the key of `dedupe` read are checked by the hunt itself, as an error.",
    bad: "// with the title {{ row.DeviceName }}\n\
        DeviceEvents | where ActionType == \"x\" | project Timestamp, DeviceId",
    good: "// with the title {{ row.DeviceName }}\n\
        DeviceEvents | where ActionType == \"x\" | project Timestamp, DeviceId, DeviceName",
    check,
};

fn check(subject: &Subject<'_>, found: &mut Vec<Diagnostic>) {
    let Some(query) = subject.query else { return };
    let schema = &query.plan.schema;
    for required in &subject.context.required_columns {
        let name = &*required.name;
        if schema.column(name).is_some() {
            continue;
        }
        let dropped = dropped_by(&query.plan, name);
        let (_, span) = dropped.unwrap_or(("", query.plan.span));
        let message = match dropped {
            Some((operator, _)) => {
                format!(
                    "`{operator}` drops `{name}`, which {} reads",
                    required.reader
                )
            }
            None => format!(
                "the result has no `{name}`, which {} reads",
                required.reader
            ),
        };
        let columns = || schema.columns().iter().map(|column| &*column.name);
        let help = match did_you_mean(name, columns()) {
            _ if dropped.is_some() => format!("keep `{name}`"),
            Some(nearest) => format!("did you mean `{nearest}`?"),
            None => {
                let columns: Vec<&str> = columns().collect();
                format!("the result has {}", columns.join(", "))
            }
        };
        found.push(Diagnostic::warning(DROPPED_COLUMN.code, span, message).with_help(help));
    }
}

/// The last operator before the result that reads a column of this name and yields none.
pub(in crate::lint) fn dropped_by(plan: &Plan, column: &str) -> Option<(&'static str, Span)> {
    let mut pending = vec![plan];
    while let Some(plan) = pending.pop() {
        if plan.schema.column(column).is_some() {
            continue;
        }
        let mut inputs = plan.inputs();
        if let PlanKind::Shared { input, .. } = &*plan.kind {
            inputs.push(input);
        }
        if inputs
            .iter()
            .any(|input| input.schema.column(column).is_some())
        {
            return Some((plan.kind.operator(), plan.span));
        }
        pending.extend(inputs.into_iter().rev());
    }
    None
}
