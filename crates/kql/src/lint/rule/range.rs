//! A time range of a query's own (`ago(1d)`) that does not fit the window it is run for.

use std::cmp::Ordering;
use std::collections::HashSet;
use std::time::Duration;

use crate::diagnostic::Diagnostic;
use crate::hir::PlanKind;
use crate::lint::subject::Subject;
use crate::span::Span;
use crate::time::format_timespan;
use crate::types::TICKS_PER_DAY;
use crate::window::own_ranges;

use super::Rule;

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
    let own = own_ranges(query);
    let reads: HashSet<(Span, &str)> = subject
        .plans
        .iter()
        .filter_map(|plan| match &*plan.kind {
            PlanKind::Table {
                name,
                time_column: Some(_),
                ..
            } => Some((plan.span, &**name)),
            _ => None,
        })
        .collect();
    let reaches_back =
        own.len() < reads.len() || own.iter().any(|range| ticks(range.reach) >= lookback);
    for range in own {
        let reach = ticks(range.reach);
        let fit = match reach.cmp(&lookback) {
            Ordering::Less if !reaches_back => Fit::Short,
            Ordering::Greater => Fit::Long,
            _ => continue,
        };
        if fit == wanted {
            found.push(tell(fit, range.span, reach, lookback));
        }
    }
}

fn ticks(time: Duration) -> i64 {
    i64::try_from(time.as_nanos() / 100).unwrap_or(i64::MAX)
}

fn tell(fit: Fit, place: Span, back: i64, lookback: i64) -> Diagnostic {
    let (asked, window) = (length(back), length(lookback));
    match fit {
        Fit::Short => {
            let message = format!("only the last {asked} of a window of {window} are looked at");
            Diagnostic::warning(SHORT_RANGE.code, place, message)
                .with_help("leave the condition out: the window bounds the time")
        }
        Fit::Long => {
            let message = format!("{asked} are asked for, and the window has {window}");
            Diagnostic::warning(LONG_RANGE.code, place, message).with_help(format!(
                "set `lookback: {asked}`, or leave the condition out"
            ))
        }
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
