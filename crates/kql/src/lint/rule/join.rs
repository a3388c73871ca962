//! Joins that read too much, or do something else than they seem to.

use crate::diagnostic::Diagnostic;
use crate::lint::subject::Subject;
use crate::syntax::ast::{Expr, ExprKind, JoinSide, OperatorKind, Property, TableOperator};

use super::Rule;

pub(super) const UNBOUNDED_JOIN: Rule = Rule {
    code: "KQL405",
    name: "unbounded-join",
    guard: Some("KQL006"),
    cost: 3,
    summary: "the right side of a join is a whole table of events",
    explanation: "A join holds one of its sides in memory. A table of events without a `where`, \
        `summarize` or `distinct` brings all rows of the time span, and one row for each event to \
        each row of the left. Keep what the join needs: filter the right side, or reduce it to \
        one row per key. The rule speaks of joins of two tables of events.",
    bad: "DeviceProcessEvents | where FileName =~ \"rclone.exe\"\n\
        | join kind=inner DeviceNetworkEvents on DeviceId",
    good: "DeviceProcessEvents | where FileName =~ \"rclone.exe\"\n\
        | join kind=inner (DeviceNetworkEvents | where RemoteIPType == \"Public\") on DeviceId",
    check: unbounded_join,
};

pub(super) const JOIN_KIND: Rule = Rule {
    code: "KQL413",
    name: "join-kind",
    guard: None,
    cost: 1,
    summary: "a join without `kind=` drops rows of the left side",
    explanation: "Without `kind=` a join is `innerunique`: of all rows of the left side with the \
        same key, any one is kept, and the others are gone. A hunt that joins processes with \
        connections loses processes, others in each run. Say `kind=inner`, or \
        `kind=innerunique` if that is what you want.",
    bad: "DeviceProcessEvents | where FileName =~ \"rclone.exe\"\n\
        | join (DeviceNetworkEvents | where RemoteIPType == \"Public\") on DeviceId",
    good: "DeviceProcessEvents | where FileName =~ \"rclone.exe\"\n\
        | join kind=inner (DeviceNetworkEvents | where RemoteIPType == \"Public\") on DeviceId",
    check: join_kind,
};

fn unbounded_join(subject: &Subject<'_>, found: &mut Vec<Diagnostic>) {
    subject.each_pipe(|left, operators| {
        if !subject.is_event_table(subject.pipeline(left).source) {
            return;
        }
        for operator in operators {
            let (OperatorKind::Join { right, .. } | OperatorKind::Lookup { right, .. }) =
                &operator.kind
            else {
                continue;
            };
            let pipeline = subject.pipeline(right);
            if pipeline.is_reduced() || !subject.is_event_table(pipeline.source) {
                continue;
            }
            let table = subject.slice(pipeline.source.span);
            let keyword = &operator.keyword.text;
            let message = format!("`{keyword}` reads all of `{table}`");
            found.push(
                Diagnostic::warning(UNBOUNDED_JOIN.code, right.span, message)
                    .with_help("filter the right side, or summarize it to one row per key"),
            );
        }
    });
}

fn join_kind(subject: &Subject<'_>, found: &mut Vec<Diagnostic>) {
    subject.each_pipe(|source, operators| {
        for (index, operator) in operators.iter().enumerate() {
            let OperatorKind::Join { properties, on, .. } = &operator.kind else {
                continue;
            };
            if properties.iter().any(is_kind) || on.is_empty() {
                continue;
            }
            // Keys that are unique on the left make the two kinds the same.
            if is_keyed_by(subject, source, &operators[..index], on) {
                continue;
            }
            let message = "a join without `kind=` keeps one row of the left side per key";
            found.push(
                Diagnostic::warning(JOIN_KIND.code, operator.keyword.span, message)
                    .with_note("it is `kind=innerunique`, which drops any of the others")
                    .with_help("say `kind=inner` to keep all pairs"),
            );
        }
    });
}

fn is_kind(property: &Property) -> bool {
    &*property.name.text == "kind"
}

/// Whether the rows in front of a join are one per key: a `summarize by` or `distinct` of columns
/// that are all compared by the join.
fn is_keyed_by<'a>(
    subject: &Subject<'a>,
    source: &'a Expr,
    before: &'a [TableOperator],
    on: &[Expr],
) -> bool {
    let mut operators = subject.pipeline(source).operators;
    operators.extend(before);
    let last = operators.iter().rev().find(|operator| {
        !matches!(
            operator.kind,
            OperatorKind::Where { .. }
                | OperatorKind::Extend(_)
                | OperatorKind::Sort(_)
                | OperatorKind::Project(_)
                | OperatorKind::ProjectAway(_)
        )
    });
    let Some(last) = last else { return false };
    let (OperatorKind::Summarize { by: keys, .. } | OperatorKind::Distinct(keys)) = &last.kind
    else {
        return false;
    };
    let compared: Vec<&str> = on.iter().filter_map(left_key).collect();
    keys.iter().all(|key| {
        let name = match &key.kind {
            ExprKind::Name(name) => Some(&*name.text),
            ExprKind::Named { names, .. } => names.first().map(|name| &*name.text),
            _ => None,
        };
        name.is_some_and(|name| compared.contains(&name))
    })
}

/// The column of the left side that a condition compares.
fn left_key(condition: &Expr) -> Option<&str> {
    match &condition.kind {
        ExprKind::Name(name) => Some(&name.text),
        ExprKind::Binary { left, right, .. } => {
            [left, right].into_iter().find_map(|side| match &side.kind {
                ExprKind::Member { base, member } => match (&base.kind, &member.kind) {
                    (ExprKind::Side(JoinSide::Left), ExprKind::Name(name)) => Some(&*name.text),
                    _ => None,
                },
                _ => None,
            })
        }
        _ => None,
    }
}
