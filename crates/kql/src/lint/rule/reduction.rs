//! Queries that hand on everything they read.

use crate::diagnostic::Diagnostic;
use crate::lint::pipeline::{Pipeline, reduces};
use crate::lint::subject::Subject;
use crate::syntax::ast::OperatorKind;

use super::Rule;

pub(super) const NO_REDUCTION: Rule = Rule {
    code: "KQL407",
    name: "no-reduction",
    guard: Some("KQL008"),
    cost: 1,
    summary: "the result is a whole table",
    explanation: "A query without `where`, `summarize`, `project` or anything else that leaves \
        out rows or columns returns all events with all columns, and soon meets the limits of the \
        service on rows and size. Say which rows and columns you want.",
    bad: "DeviceEvents | extend Day = bin(Timestamp, 1d)",
    good: "DeviceEvents | where ActionType == \"UsbDriveMounted\" | project Timestamp, DeviceId",
    check: no_reduction,
};

pub(super) const UNBOUNDED_EXPAND: Rule = Rule {
    code: "KQL408",
    name: "unbounded-mv-expand",
    guard: Some("KQL009"),
    cost: 3,
    summary: "`mv-expand` of a table that nothing has reduced before",
    explanation: "`mv-expand` makes a row of each element. Over a whole table that multiplies \
        what the query has to carry. Filter first, or give `limit`, the most rows that one row \
        may become.",
    bad: "AlertEvidence | mv-expand parse_json(AdditionalFields).Roles | where AlertId == \"x\"",
    good: "AlertEvidence | where AlertId == \"x\" | mv-expand parse_json(AdditionalFields).Roles",
    check: unbounded_expand,
};

fn no_reduction(subject: &Subject<'_>, found: &mut Vec<Diagnostic>) {
    let Some(result) = subject.result() else {
        return;
    };
    let pipeline = subject.pipeline(result);
    let is_narrowed = pipeline.operators.iter().any(|operator| {
        reduces(operator)
            || matches!(
                operator.kind,
                OperatorKind::Project(_) | OperatorKind::ProjectKeep(_)
            )
    });
    if is_narrowed || !subject.is_event_table(pipeline.source) {
        return;
    }
    let table = subject.slice(pipeline.source.span);
    let message = format!("the result is all of `{table}`");
    found.push(
        Diagnostic::warning(NO_REDUCTION.code, pipeline.source.span, message)
            .with_help("add `where`, `summarize` or `project`"),
    );
}

fn unbounded_expand(subject: &Subject<'_>, found: &mut Vec<Diagnostic>) {
    subject.each_pipe(|source, operators| {
        for (index, operator) in operators.iter().enumerate() {
            let OperatorKind::MvExpand { limit: None, .. } = &operator.kind else {
                continue;
            };
            let Pipeline {
                source,
                operators: mut before,
            } = subject.pipeline(source);
            before.extend(&operators[..index]);
            if before.into_iter().any(reduces) || !subject.is_event_table(source) {
                continue;
            }
            let table = subject.slice(source.span);
            let message = format!("`mv-expand` multiplies all rows of `{table}`");
            found.push(
                Diagnostic::warning(UNBOUNDED_EXPAND.code, operator.keyword.span, message)
                    .with_help("filter before it, or give it a `limit`"),
            );
        }
    });
}
