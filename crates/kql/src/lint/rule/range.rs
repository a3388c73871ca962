//! A time range of a query's own (`ago(1d)`) that does not fit the window it is run for.

use std::cmp::Ordering;
use std::collections::HashSet;

use crate::diagnostic::Diagnostic;
use crate::hir::{BinaryOp, Expr, ExprKind, Plan, PlanKind};
use crate::lint::subject::{Subject, each_written};
use crate::time::format_timespan;
use crate::types::{TICKS_PER_DAY, Value};

use super::Rule;
use super::time::{conjuncts, is_time};

pub(super) const SHORT_RANGE: Rule = Rule {
    code: "KQL415",
    name: "short-range",
    guard: None,
    cost: 1,
    summary: "the query looks back less far than its window",
    explanation: "A hunt is run for a window, and `now()` is the window's end. A query that looks \
        only at the last 10 minutes of a window of an hour leaves 50 minutes that no run looks at, \
        unless it runs more often than the window is long. Leave the time filter to the window, \
        or make `lookback` as long as the filter. The rule is silent where another part of the \
        query looks at all of the window, as one does that compares today with the days before.",
    bad: "// run for a window of an hour\n\
        DeviceEvents | where Timestamp > ago(10m) | where ActionType == \"x\"",
    good: "// run for a window of an hour\n\
        DeviceEvents | where ActionType == \"x\"",
    check: |subject, found| check(subject, found, Fit::Short),
};

pub(super) const LONG_RANGE: Rule = Rule {
    code: "KQL416",
    name: "long-range",
    guard: None,
    cost: 1,
    summary: "the query looks back further than its window",
    explanation: "A hunt is run for a window, and every table is restricted to it. A query that \
        asks for 30 days gets the rows of the window and no others, so what it compares or counts \
        over 30 days is wrong. Make `lookback` as long as the query needs.",
    bad: "// run for a window of an hour\n\
        DeviceEvents | where Timestamp > ago(30d) | where ActionType == \"x\"",
    good: "// run for a window of 30 days\n\
        DeviceEvents | where Timestamp > ago(30d) | where ActionType == \"x\"",
    check: |subject, found| check(subject, found, Fit::Long),
};

#[derive(Clone, Copy, PartialEq)]
enum Fit {
    Short,
    Long,
}

fn check(subject: &Subject<'_>, found: &mut Vec<Diagnostic>, wanted: Fit) {
    let (Some(query), Some(lookback)) = (subject.query, subject.context.lookback) else {
        return;
    };
    let mut own = Vec::new();
    for plan in &subject.plans {
        let PlanKind::Filter { input, predicate } = &*plan.kind else {
            continue;
        };
        for condition in conjuncts(predicate) {
            if let Some((time, back)) = lower_bound(condition)
                && is_time(time, input, &subject.time_columns)
            {
                own.push((condition, back));
            }
        }
    }
    let reaches_back =
        own.iter().any(|(_, back)| *back >= lookback) || reads_without_bound(&query.plan);
    for (condition, back) in own {
        let fit = match back.cmp(&lookback) {
            Ordering::Less if !reaches_back => Fit::Short,
            Ordering::Greater => Fit::Long,
            _ => continue,
        };
        if fit == wanted {
            found.push(tell(fit, condition, back, lookback));
        }
    }
}

/// Whether a table with a time column is read without a lower bound.
fn reads_without_bound(plan: &Plan) -> bool {
    let mut seen = HashSet::new();
    let mut pending = vec![(plan, false)];
    while let Some((plan, is_bounded)) = pending.pop() {
        let mut below = is_bounded;
        match &*plan.kind {
            PlanKind::Table {
                time_column: Some(_),
                ..
            } if !is_bounded => return true,
            PlanKind::Filter { predicate, .. } => {
                below |= conjuncts(predicate)
                    .into_iter()
                    .any(|condition| lower_bound(condition).is_some());
            }
            PlanKind::Shared { id, input } if seen.insert((*id, is_bounded)) => {
                pending.push((input, is_bounded));
            }
            PlanKind::Join { .. } => below = false,
            _ => {}
        }
        each_written(plan, |expr| {
            pending.extend(expr.table().map(|table| (table, false)));
        });
        pending.extend(plan.inputs().into_iter().map(|input| (input, below)));
    }
    false
}

fn tell(fit: Fit, condition: &Expr, back: i64, lookback: i64) -> Diagnostic {
    let (asked, window) = (length(back), length(lookback));
    match fit {
        Fit::Short => {
            let message = format!("only the last {asked} of a window of {window} are looked at");
            Diagnostic::warning(SHORT_RANGE.code, condition.span, message)
                .with_help("leave the condition out: the window bounds the time")
        }
        Fit::Long => {
            let message = format!("{asked} are asked for, and the window has {window}");
            Diagnostic::warning(LONG_RANGE.code, condition.span, message).with_help(format!(
                "set `lookback: {asked}`, or leave the condition out"
            ))
        }
    }
}

/// The time and how far before now it must lie at most.
fn lower_bound(condition: &Expr) -> Option<(&Expr, i64)> {
    match &condition.kind {
        ExprKind::Binary { op, left, right } => match op {
            BinaryOp::Greater | BinaryOp::GreaterOrEqual => Some((left, before_now(right)?)),
            BinaryOp::Less | BinaryOp::LessOrEqual => Some((right, before_now(left)?)),
            _ => None,
        },
        ExprKind::Between {
            value,
            low,
            negated: false,
            ..
        } => Some((value, before_now(low)?)),
        _ => None,
    }
}

/// How many ticks before now a time is, if that is known.
fn before_now(expr: &Expr) -> Option<i64> {
    let ExprKind::Binary {
        op: BinaryOp::Subtract,
        left,
        right,
    } = &expr.kind
    else {
        return None;
    };
    match (&left.kind, &right.kind) {
        (ExprKind::Now, ExprKind::Literal(Value::TimeSpan(back))) if *back > 0 => Some(*back),
        _ => None,
    }
}

/// A length of time as a hunt's header writes it, where it is one of whole units.
fn length(ticks: i64) -> String {
    let units = [
        (TICKS_PER_DAY, "d"),
        (TICKS_PER_DAY / 24, "h"),
        (TICKS_PER_DAY / 1440, "m"),
        (TICKS_PER_DAY / 86_400, "s"),
    ];
    units
        .into_iter()
        .find(|(unit, _)| ticks % unit == 0)
        .map_or_else(
            || format_timespan(ticks),
            |(unit, name)| format!("{}{name}", ticks / unit),
        )
}
