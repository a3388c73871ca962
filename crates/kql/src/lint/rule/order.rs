//! Rules about the order of rows: sorting that nothing profits from, and picking rows without one.

use crate::diagnostic::Diagnostic;
use crate::lint::pipeline::{Pipeline, keeps_order, reduces};
use crate::lint::subject::Subject;
use crate::syntax::ast::{Expr, ExprKind, Node, OperatorKind, TableOperator};
use crate::types::Value;

use super::Rule;

pub(super) const UNBOUNDED_SORT: Rule = Rule {
    code: "KQL410",
    name: "unbounded-sort",
    guard: Some("KQL011"),
    cost: 2,
    summary: "all rows of a table are sorted, or rows whose order is not kept",
    explanation: "Sorting needs all rows at once. Where nothing has reduced a table before and \
        nothing picks rows after, the whole table is sorted; `top` keeps only the rows it needs. \
        The last `sort` of a hunt whose rows are stored is lost work too: stored rows have no \
        order.",
    bad: "DeviceEvents | project Timestamp, DeviceId | sort by Timestamp desc",
    good: "DeviceEvents | project Timestamp, DeviceId | top 100 by Timestamp desc",
    check: unbounded_sort,
};

pub(super) const UNORDERED_TAKE: Rule = Rule {
    code: "KQL412",
    name: "unordered-take",
    guard: Some("KQL013"),
    cost: 1,
    summary: "`take` or `sample` picks any rows",
    explanation: "`take` without an order returns whichever rows come first, `sample` random \
        ones: other rows in each run, so findings come and go. Use `top n by …`, or sort first. \
        `take 1`, which asks whether there is a row at all, is left alone.",
    bad: "DeviceEvents | where ActionType == \"UsbDriveMounted\" | take 100",
    good: "DeviceEvents | where ActionType == \"UsbDriveMounted\" | top 100 by Timestamp",
    check: unordered_take,
};

pub(super) const FILTER_AFTER_TAKE: Rule = Rule {
    code: "KQL425",
    name: "filter-after-take",
    guard: None,
    cost: 1,
    summary: "a filter sees only the rows that `take` or `sample` picked",
    explanation: "`take 100 | where …` looks at any hundred rows and drops those that do not \
        match; the rows that matter are probably not among them. A `take` of the time when the \
        query was written is easily left behind. Filter first.",
    bad: "DeviceEvents | take 100 | where ActionType == \"UsbDriveMounted\"",
    good: "DeviceEvents | where ActionType == \"UsbDriveMounted\" | top 100 by Timestamp",
    check: filter_after_take,
};

pub(super) const LOST_ORDER: Rule = Rule {
    code: "KQL427",
    name: "lost-order",
    guard: None,
    cost: 1,
    summary: "rows are sorted, and the next step forgets the order",
    explanation: "`summarize`, `distinct`, `count`, `join`, `union` and another `sort` take rows \
        in any order. A `sort` right before one of them is work for nothing, and reading an order \
        from what comes out is a mistake. Sort last. Aggregates that collect values in the order \
        of rows, such as `make_list`, keep the rule silent.",
    bad: "DeviceEvents | sort by Timestamp desc | summarize count() by DeviceId",
    good: "DeviceEvents | summarize Events = count() by DeviceId | sort by Events desc",
    check: lost_order,
};

/// Functions that read other rows.
const READ_OTHER_ROWS: [&str; 8] = [
    "next",
    "prev",
    "row_cumsum",
    "row_number",
    "row_rank",
    "row_rank_dense",
    "row_rank_min",
    "row_window_session",
];

/// Aggregates whose value depends on the order of rows, or which people believe to do so.
const ORDER_MATTERS: [&str; 14] = [
    "any",
    "anyif",
    "arg_max",
    "arg_min",
    "make_bag",
    "make_bag_if",
    "make_list",
    "make_list_if",
    "make_list_with_nulls",
    "make_set",
    "make_set_if",
    "makelist",
    "makeset",
    "take_any",
];

fn unbounded_sort(subject: &Subject<'_>, found: &mut Vec<Diagnostic>) {
    let Some(result) = subject.result() else {
        return;
    };
    let Pipeline { source, operators } = subject.pipeline(result);
    let Some(last) = operators.iter().rposition(|operator| is_sort(operator)) else {
        return;
    };
    let after = &operators[last + 1..];
    if !after.iter().all(|operator| keeps_all(operator)) || reads_other_rows(after) {
        return;
    }
    let is_drawn = after
        .iter()
        .any(|operator| matches!(operator.kind, OperatorKind::Render { .. }));
    let is_raw = operators[..last].iter().all(|operator| !reduces(operator))
        && subject.is_event_table(source);
    let message = if is_raw {
        "every row of the table is sorted"
    } else if subject.context.result_stored && !is_drawn {
        "the rows are stored, and stored rows have no order"
    } else {
        return;
    };
    let help = if is_raw {
        "use `top n by …`, or filter before"
    } else {
        "leave it out, or use `top n by …`"
    };
    let operator = operators[last];
    found.push(
        Diagnostic::warning(UNBOUNDED_SORT.code, operator.keyword.span, message).with_help(help),
    );
}

fn is_sort(operator: &TableOperator) -> bool {
    matches!(operator.kind, OperatorKind::Sort(_))
}

/// Whether an operator returns each row.
fn keeps_all(operator: &TableOperator) -> bool {
    (keeps_order(operator)
        && !matches!(
            operator.kind,
            OperatorKind::Where { .. }
                | OperatorKind::Take(_)
                | OperatorKind::Top { .. }
                | OperatorKind::MvExpand { .. }
                | OperatorKind::Serialize(_)
        ))
        || matches!(operator.kind, OperatorKind::Render { .. })
}

fn reads_other_rows(operators: &[&TableOperator]) -> bool {
    operators.iter().any(|operator| {
        let calls = |names: &[&str]| calls_any(operator, names);
        calls(&READ_OTHER_ROWS)
    })
}

fn calls_any(operator: &TableOperator, names: &[&str]) -> bool {
    let mut found = false;
    Node::Operator(operator).walk(|node| {
        if let Node::Expr(Expr {
            kind: ExprKind::Call { function, .. },
            ..
        }) = node
        {
            found |= names.contains(&&*function.text);
        }
    });
    found
}

fn unordered_take(subject: &Subject<'_>, found: &mut Vec<Diagnostic>) {
    subject.each_pipe(|source, operators| {
        for (index, operator) in operators.iter().enumerate() {
            let is_sample = matches!(operator.kind, OperatorKind::Sample(_));
            if !is_sample && !matches!(operator.kind, OperatorKind::Take(_)) {
                continue;
            }
            let mut before = subject.pipeline(source);
            before.operators.extend(&operators[..index]);
            if !is_sample && (is_one(operator) || is_ordered(&before) || is_small(&before)) {
                continue;
            }
            let keyword = &operator.keyword.text;
            let message = if is_sample {
                format!("`{keyword}` picks other rows in each run")
            } else {
                format!("`{keyword}` picks any rows, for nothing orders them")
            };
            found.push(
                Diagnostic::warning(UNORDERED_TAKE.code, operator.span, message)
                    .with_help("use `top n by …`"),
            );
        }
    });
}

/// Whether one row is taken, which is how to ask whether there is any.
fn is_one(operator: &TableOperator) -> bool {
    match &operator.kind {
        OperatorKind::Take(Expr {
            kind: ExprKind::Literal(literal),
            ..
        }) => literal.value == Value::Long(1),
        _ => false,
    }
}

/// Whether rows come in an order that was asked for, or in one of which nothing is known.
fn is_ordered(before: &Pipeline<'_>) -> bool {
    let last = before.operators.iter().rev().find(|operator| {
        !keeps_order(operator) || matches!(operator.kind, OperatorKind::Top { .. })
    });
    match last.map(|operator| &operator.kind) {
        Some(
            OperatorKind::Summarize { .. }
            | OperatorKind::Distinct(_)
            | OperatorKind::Join { .. }
            | OperatorKind::Lookup { .. }
            | OperatorKind::Union { .. }
            | OperatorKind::Sample(_),
        ) => false,
        Some(_) => true,
        None => before
            .source_operator()
            .is_some_and(|operator| !matches!(operator.kind, OperatorKind::Union { .. })),
    }
}

/// Whether there can be only one row.
fn is_small(before: &Pipeline<'_>) -> bool {
    matches!(before.source.kind, ExprKind::DataTable { .. })
        || before
            .operators
            .iter()
            .any(|operator| match &operator.kind {
                OperatorKind::Count => true,
                OperatorKind::Summarize { by, .. } => by.is_empty(),
                _ => false,
            })
}

fn filter_after_take(subject: &Subject<'_>, found: &mut Vec<Diagnostic>) {
    subject.each_pipe(|source, operators| {
        for (index, operator) in operators.iter().enumerate() {
            let picks = matches!(
                operator.kind,
                OperatorKind::Take(_) | OperatorKind::Sample(_)
            );
            let mut before = subject.pipeline(source);
            before.operators.extend(&operators[..index]);
            if !picks || is_ordered(&before) || !subject.is_event_table(before.source) {
                continue;
            }
            let after = operators[index + 1..]
                .iter()
                .take_while(|operator| keeps_order(operator));
            let filter = after
                .into_iter()
                .find(|operator| matches!(operator.kind, OperatorKind::Where { .. }));
            let Some(filter) = filter else { continue };
            let picked = subject.slice(operator.span);
            let message = format!("the filter sees only the rows that `{picked}` picked");
            found.push(
                Diagnostic::warning(FILTER_AFTER_TAKE.code, filter.keyword.span, message)
                    .with_help(format!("put `{picked}` behind it, or leave it out")),
            );
        }
    });
}

fn lost_order(subject: &Subject<'_>, found: &mut Vec<Diagnostic>) {
    subject.each_pipe(|_, operators| {
        for pair in operators.windows(2) {
            let [sort, next] = pair else { continue };
            if !is_sort(sort) {
                continue;
            }
            let forgets = match &next.kind {
                OperatorKind::Summarize { .. } => !calls_any(next, &ORDER_MATTERS),
                OperatorKind::Count
                | OperatorKind::Distinct(_)
                | OperatorKind::Join { .. }
                | OperatorKind::Union { .. }
                | OperatorKind::Sort(_)
                | OperatorKind::Top { .. } => true,
                _ => false,
            };
            if forgets {
                let keyword = &next.keyword.text;
                let message = format!("`{keyword}` forgets the order");
                let help = match &next.kind {
                    OperatorKind::Sort(_) | OperatorKind::Top { .. } => {
                        "leave the first one out".to_owned()
                    }
                    _ => format!("leave the sort out, or sort behind `{keyword}`"),
                };
                found.push(
                    Diagnostic::warning(LOST_ORDER.code, sort.keyword.span, message)
                        .with_help(help),
                );
            }
        }
    });
}
