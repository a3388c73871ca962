//! Estimates compared for equality.

use std::collections::HashSet;

use crate::diagnostic::Diagnostic;
use crate::hir::BinaryOp;
use crate::lint::subject::{Subject, predicate, unwrapped};
use crate::syntax::ast::{Expr, ExprKind, Node, Operator, OperatorKind};
use crate::types::Value;

use super::Rule;

/// Up to here the estimate of a count is exact.
const EXACT_MAX: i64 = 100;

pub(super) const APPROXIMATE_EQUALITY: Rule = Rule {
    code: "KQL418",
    name: "approximate-equality",
    guard: None,
    cost: 1,
    summary: "an estimate is compared for equality",
    explanation: "`dcount` estimates how many different values there are; above some hundred the \
        estimate is off by a percent or so. Percentiles are estimated too. An equality with such \
        a number holds by chance. Compare with `<` or `>`, or count exactly with `count_distinct`.",
    bad: "DeviceLogonEvents | summarize Users = dcount(AccountName) by DeviceId\n\
        | where Users == 1000",
    good: "DeviceLogonEvents | summarize Users = dcount(AccountName) by DeviceId\n\
        | where Users >= 1000",
    check,
};

const ESTIMATES: [&str; 6] = [
    "dcount",
    "dcountif",
    "dcount_hll",
    "percentile",
    "percentilew",
    "hll_merge",
];

fn check(subject: &Subject<'_>, found: &mut Vec<Diagnostic>) {
    subject.each_pipe(|_, operators| {
        let mut estimates: HashSet<String> = HashSet::new();
        for operator in operators {
            if let OperatorKind::Summarize { aggregates, .. } = &operator.kind {
                estimates = aggregates.iter().filter_map(estimate).collect();
                continue;
            }
            let Some(predicate) = predicate(operator) else {
                continue;
            };
            Node::Expr(predicate).walk(|node| {
                let Node::Expr(expr) = node else { return };
                if let Some(name) = equality(expr).filter(|name| estimates.contains(*name)) {
                    let message = format!("`{name}` is an estimate, compared for equality");
                    found.push(
                        Diagnostic::warning(APPROXIMATE_EQUALITY.code, expr.span, message)
                            .with_help("compare with `<` or `>`, or use `count_distinct`"),
                    );
                }
            });
        }
    });
}

/// The column that holds an estimate.
fn estimate(aggregate: &Expr) -> Option<String> {
    let (name, value) = match &aggregate.kind {
        ExprKind::Named { names, value, .. } => (names.first().map(|name| &*name.text), &**value),
        _ => (None, aggregate),
    };
    let ExprKind::Call {
        function,
        arguments,
    } = &unwrapped(value).kind
    else {
        return None;
    };
    if !ESTIMATES.contains(&&*function.text) {
        return None;
    }
    name.map(str::to_owned).or_else(|| {
        let ExprKind::Name(column) = &arguments.first()?.kind else {
            return None;
        };
        Some(format!("{}_{}", function.text, column.text))
    })
}

/// The column that is compared for equality with a number at which estimates differ.
fn equality(expr: &Expr) -> Option<&str> {
    let ExprKind::Binary {
        op: Operator::Binary(BinaryOp::Equal | BinaryOp::NotEqual),
        left,
        right,
        ..
    } = &expr.kind
    else {
        return None;
    };
    let (ExprKind::Name(name), ExprKind::Literal(literal)) = (&left.kind, &right.kind) else {
        return None;
    };
    match literal.value {
        Value::Long(number) if number <= EXACT_MAX => None,
        Value::Long(_) | Value::Int(_) | Value::Real(_) => Some(&name.text),
        _ => None,
    }
}
