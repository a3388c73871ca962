//! Rules about the time of events: none asked for, or one that has passed.

use std::collections::HashSet;

use crate::catalog::INGESTION_COLUMN;
use crate::diagnostic::Diagnostic;
use crate::hir::{BinaryOp, Expr, ExprKind, Plan, PlanKind};
use crate::lint::subject::{Subject, each_written};
use crate::types::{ScalarType, Value};

use super::Rule;

pub(super) const NO_TIME_FILTER: Rule = Rule {
    code: "KQL401",
    name: "no-time-filter",
    guard: Some("KQL003"),
    cost: 5,
    summary: "a table of events is read without a filter on its time",
    explanation: "Without a filter on `Timestamp` or `TimeGenerated` a query reads everything \
        that is kept, which is slow and costs quota. Where huntd runs a query for a window it \
        puts that filter around every table itself, so the rule is silent for hunts.",
    bad: "DeviceEvents | where ActionType == \"x\"",
    good: "DeviceEvents | where Timestamp > ago(1d) | where ActionType == \"x\"",
    check: no_time_filter,
};

pub(super) const FIXED_DATE: Rule = Rule {
    code: "KQL428",
    name: "fixed-date",
    guard: None,
    cost: 1,
    summary: "a scheduled query looks only before a fixed date",
    explanation: "`Timestamp < datetime(2024-01-01)` holds for no event of a window that begins \
        later: the hunt runs and never finds anything. Such a bound is usually left over from an \
        investigation. The rule speaks only where a window is put around the query.",
    bad: "// run for a window\n\
        DeviceEvents | where Timestamp < datetime(2021-01-01) and ActionType == \"x\"",
    good: "// run for a window\n\
        DeviceEvents | where ActionType == \"x\"",
    check: fixed_date,
};

fn no_time_filter(subject: &Subject<'_>, found: &mut Vec<Diagnostic>) {
    let Some(query) = subject.query.filter(|_| !subject.context.window_injected) else {
        return;
    };
    let names = &subject.time_columns;
    let mut seen = HashSet::new();
    let mut pending = vec![(&query.plan, false)];
    while let Some((plan, is_filtered)) = pending.pop() {
        each_written(plan, |expr| {
            pending.extend(expr.table().map(|table| (table, false)));
        });
        match &*plan.kind {
            PlanKind::Table {
                name,
                time_column: Some(column),
                ..
            } if !is_filtered => {
                let column = &plan.schema.columns()[*column].name;
                let message = format!("all of `{name}` is read, whatever its time");
                found.push(
                    Diagnostic::warning(NO_TIME_FILTER.code, plan.span, message)
                        .with_help(format!("add `| where {column} > ago(1d)`")),
                );
            }
            PlanKind::Filter { input, predicate } => {
                pending.push((input, is_filtered || reads_time(predicate, input, names)));
            }
            // A filter behind a join is about the left side: names of the right one were changed.
            PlanKind::Join { left, right, .. } => {
                pending.push((right, false));
                pending.push((left, is_filtered));
            }
            PlanKind::Shared { id, input } => {
                if seen.insert((*id, is_filtered)) {
                    pending.push((input, is_filtered));
                }
            }
            _ => pending.extend(plan.inputs().into_iter().map(|input| (input, is_filtered))),
        }
    }
}

fn reads_time(expr: &Expr, input: &Plan, names: &HashSet<&str>) -> bool {
    is_time(expr, input, names)
        || expr
            .operands()
            .into_iter()
            .any(|operand| reads_time(operand, input, names))
}

/// Whether an expression is a column with the name of a time column.
pub(super) fn is_time(expr: &Expr, input: &Plan, names: &HashSet<&str>) -> bool {
    let ExprKind::Column(column) = expr.kind else {
        return false;
    };
    let column = &input.schema.columns()[column];
    column.ty == ScalarType::DateTime
        && (names.contains(&*column.name) || &*column.name == INGESTION_COLUMN)
}

/// The conditions of a predicate that must all hold.
pub(super) fn conjuncts(predicate: &Expr) -> Vec<&Expr> {
    let mut parts = Vec::new();
    let mut pending = vec![predicate];
    while let Some(expr) = pending.pop() {
        match &expr.kind {
            ExprKind::Binary {
                op: BinaryOp::And,
                left,
                right,
            } => pending.extend([&**right, &**left]),
            _ => parts.push(expr),
        }
    }
    parts
}

fn fixed_date(subject: &Subject<'_>, found: &mut Vec<Diagnostic>) {
    if !subject.context.window_injected {
        return;
    }
    for plan in &subject.plans {
        let PlanKind::Filter { input, predicate } = &*plan.kind else {
            continue;
        };
        for condition in conjuncts(predicate) {
            if is_before_date(condition, input, &subject.time_columns) {
                let message = "no window that begins after this date has a matching row";
                found.push(
                    Diagnostic::warning(FIXED_DATE.code, condition.span, message)
                        .with_help("leave it out: the window bounds the time"),
                );
            }
        }
    }
}

/// Whether a condition holds only for times before a constant one.
fn is_before_date(condition: &Expr, input: &Plan, names: &HashSet<&str>) -> bool {
    let is_date = |expr: &Expr| matches!(expr.kind, ExprKind::Literal(Value::DateTime(_)));
    match &condition.kind {
        ExprKind::Binary { op, left, right } => match op {
            BinaryOp::Less | BinaryOp::LessOrEqual | BinaryOp::Equal => {
                is_time(left, input, names) && is_date(right)
            }
            BinaryOp::Greater | BinaryOp::GreaterOrEqual => {
                is_time(right, input, names) && is_date(left)
            }
            _ => false,
        },
        ExprKind::Between {
            value,
            high,
            negated: false,
            ..
        } => is_time(value, input, names) && is_date(high),
        _ => false,
    }
}
