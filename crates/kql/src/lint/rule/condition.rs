//! Conditions that are always or never true, and conditions that stand twice.

use std::collections::{HashMap, HashSet};

use crate::diagnostic::Diagnostic;
use crate::hir::{self, BinaryOp, StringOp};
use crate::lint::subject::{
    Subject, each_written, joined_by, literal_string, predicate, unwrapped,
};
use crate::span::Span;
use crate::syntax::ast::{Expr, ExprKind, Operator, TableOperator};
use crate::types::{ScalarType, Value};

use super::Rule;

pub(super) const CONSTANT_CONDITION: Rule = Rule {
    code: "KQL419",
    name: "constant-condition",
    guard: None,
    cost: 1,
    summary: "a condition that is always or never true",
    explanation: "Such a condition filters nothing, or lets nothing through, and looks as if it \
        did otherwise. Common ways there: `x != \"a\" or x != \"b\"`, which each value fulfils \
        (say `and`, or `!in`); `x == \"a\" and x == \"b\"`; `isnull` of a string, which is never \
        null (say `isempty`); a range with its ends swapped: `between (ago(1h) .. ago(7d))`; a \
        comparison of something with itself; `contains \"\"`.",
    bad: "DeviceEvents | where DeviceName != \"a\" or DeviceName != \"b\" | project DeviceId",
    good: "DeviceEvents | where DeviceName !in (\"a\", \"b\") | project DeviceId",
    check: constant,
};

pub(super) const REPEATED_CONDITION: Rule = Rule {
    code: "KQL423",
    name: "repeated-condition",
    guard: None,
    cost: 1,
    summary: "the same condition stands twice",
    explanation: "A second copy of a condition changes nothing. Often one of the two was meant to \
        be another: a copied line that was not edited.",
    bad: "DeviceEvents | where DeviceName has \"web\" or DeviceName has \"web\" | project DeviceId",
    good: "DeviceEvents | where DeviceName has \"web\" or DeviceName has \"sql\" | project DeviceId",
    check: repeated,
};

fn constant(subject: &Subject<'_>, found: &mut Vec<Diagnostic>) {
    each_chain(subject, |joint, parts| {
        exclusive(subject, joint, parts, found);
    });
    subject.each_expr(|expr| {
        if let ExprKind::Binary {
            op: Operator::Binary(op),
            left,
            right,
            op_span,
        } = &expr.kind
        {
            same_sides(subject, *op, (left, right), *op_span, found);
            empty_text(subject, *op, right, *op_span, found);
        }
    });
    for plan in &subject.plans {
        each_written(plan, |expr| bound_constant(expr, found));
    }
}

/// Conditions about the same value that exclude each other.
fn exclusive(subject: &Subject<'_>, joint: BinaryOp, parts: &[&Expr], found: &mut Vec<Diagnostic>) {
    let mut seen: HashMap<(String, BinaryOp), &Value> = HashMap::new();
    for part in parts {
        let ExprKind::Binary {
            op: Operator::Binary(op),
            left,
            right,
            ..
        } = &unwrapped(part).kind
        else {
            continue;
        };
        let ExprKind::Literal(literal) = &unwrapped(right).kind else {
            continue;
        };
        let exact = match (joint, op) {
            (BinaryOp::And, BinaryOp::Equal) | (BinaryOp::Or, BinaryOp::NotEqual) => true,
            (
                _,
                BinaryOp::String {
                    op: StringOp::EqualIgnoringCase,
                    negated,
                    ..
                },
            ) if *negated == (joint == BinaryOp::Or) => false,
            _ => continue,
        };
        let operand = normal(subject, left);
        let Some(first) = seen.insert((operand.clone(), *op), &literal.value) else {
            continue;
        };
        if !differ(first, &literal.value, exact) {
            continue;
        }
        let message = if joint == BinaryOp::And {
            format!("never true: `{operand}` cannot have two values")
        } else {
            format!("always true: whatever `{operand}` is, it differs from one of them")
        };
        let help = if joint == BinaryOp::And {
            "say `or`, or `in (…)`"
        } else {
            "say `and`, or `!in (…)`"
        };
        let diagnostic = Diagnostic::warning(CONSTANT_CONDITION.code, part.span, message);
        found.push(diagnostic.with_help(help));
    }
}

/// Whether two constants can be told to be different.
fn differ(one: &Value, other: &Value, exact: bool) -> bool {
    match (one, other) {
        (Value::String(one), Value::String(other)) if !exact => {
            one.to_lowercase() != other.to_lowercase()
        }
        (Value::String(one), Value::String(other)) => one != other,
        (Value::Long(one), Value::Long(other)) => one != other,
        (Value::Bool(one), Value::Bool(other)) => one != other,
        _ => false,
    }
}

/// `x == x`
fn same_sides(
    subject: &Subject<'_>,
    op: BinaryOp,
    (left, right): (&Expr, &Expr),
    place: Span,
    found: &mut Vec<Diagnostic>,
) {
    use BinaryOp as B;
    let always = match op {
        B::Equal | B::GreaterOrEqual | B::LessOrEqual => true,
        B::NotEqual | B::Less | B::Greater => false,
        _ => return,
    };
    // `1 == 1` is a way to switch a condition on, and functions may give another value each time.
    let is_plain = matches!(
        unwrapped(left).kind,
        ExprKind::Name(_) | ExprKind::Member { .. }
    );
    if !is_plain || normal(subject, left) != normal(subject, right) {
        return;
    }
    let word = if always { "always" } else { "never" };
    let message = format!("{word} true: both sides are the same");
    found.push(
        Diagnostic::warning(CONSTANT_CONDITION.code, place, message)
            .with_help("compare with something else, or leave it out"),
    );
}

/// `x contains ""`
fn empty_text(
    subject: &Subject<'_>,
    op: BinaryOp,
    text: &Expr,
    place: Span,
    found: &mut Vec<Diagnostic>,
) {
    let BinaryOp::String {
        op: StringOp::Contains | StringOp::StartsWith | StringOp::EndsWith,
        negated,
        ..
    } = op
    else {
        return;
    };
    if literal_string(text) != Some("") {
        return;
    }
    let word = if negated { "never" } else { "always" };
    let operator = subject.slice(place);
    let message = format!("{word} true: `{operator}` an empty text");
    found.push(
        Diagnostic::warning(CONSTANT_CONDITION.code, place, message)
            .with_help("use `isempty` or `isnotempty`"),
    );
}

/// What only types and values can tell.
fn bound_constant(expr: &hir::Expr, found: &mut Vec<Diagnostic>) {
    match &expr.kind {
        hir::ExprKind::Call {
            function,
            arguments,
        } => {
            let (word, better) = match function.name {
                "isnull" => ("never", "isempty"),
                "isnotnull" => ("always", "isnotempty"),
                _ => return,
            };
            if arguments.first().map(|operand| operand.ty) == Some(ScalarType::String) {
                let message = format!("{word} true: a string is never null");
                found.push(
                    Diagnostic::warning(CONSTANT_CONDITION.code, expr.span, message)
                        .with_help(format!("use `{better}`")),
                );
            }
        }
        hir::ExprKind::Between {
            low, high, negated, ..
        } if is_above(low, high) => {
            let word = if *negated { "always" } else { "never" };
            let message = format!("{word} true: the range ends before it begins");
            found.push(
                Diagnostic::warning(CONSTANT_CONDITION.code, low.span.to(high.span), message)
                    .with_help("write the lower end first"),
            );
        }
        _ => {}
    }
}

/// Whether the lower end of a range is known to lie above the higher one.
fn is_above(low: &hir::Expr, high: &hir::Expr) -> bool {
    use hir::ExprKind as K;
    match (&low.kind, &high.kind) {
        (K::Literal(low), K::Literal(high)) => match (low, high) {
            (Value::Long(low), Value::Long(high))
            | (Value::DateTime(low), Value::DateTime(high))
            | (Value::TimeSpan(low), Value::TimeSpan(high)) => low > high,
            (Value::Int(low), Value::Int(high)) => low > high,
            (Value::Real(low), Value::Real(high)) => low > high,
            _ => false,
        },
        _ => match (before_now(low), before_now(high)) {
            (Some(low), Some(high)) => low < high,
            _ => false,
        },
    }
}

/// How many ticks before now a time is.
fn before_now(expr: &hir::Expr) -> Option<i64> {
    match &expr.kind {
        hir::ExprKind::Now => Some(0),
        hir::ExprKind::Binary {
            op: BinaryOp::Subtract,
            left,
            right,
        } => match (&left.kind, &right.kind) {
            (hir::ExprKind::Now, hir::ExprKind::Literal(Value::TimeSpan(back))) => Some(*back),
            _ => None,
        },
        _ => None,
    }
}

fn repeated(subject: &Subject<'_>, found: &mut Vec<Diagnostic>) {
    each_chain(subject, |_, parts| {
        let mut seen = HashSet::new();
        for part in parts {
            if matches!(
                unwrapped(part).kind,
                ExprKind::Literal(_) | ExprKind::Missing
            ) {
                continue;
            }
            let text = normal(subject, part);
            if seen.contains(&text) {
                found.push(
                    Diagnostic::warning(
                        REPEATED_CONDITION.code,
                        part.span,
                        "this condition stands here already",
                    )
                    .with_help("leave it out, or change it to what was meant"),
                );
            }
            seen.insert(text);
        }
    });
}

/// Calls `visit` on every chain of `and` and `or`. Filters that follow each other are one chain.
fn each_chain<'a>(subject: &Subject<'a>, mut visit: impl FnMut(BinaryOp, &[&'a Expr])) {
    // Chains are met from their outermost link; the others are remembered as inner ones.
    let mut inner: HashSet<(BinaryOp, Span)> = HashSet::new();
    subject.each_pipe(|_, operators| {
        for run in operators.chunk_by(|one, next| is_filter(one) && is_filter(next)) {
            let mut parts = Vec::new();
            for predicate in run.iter().filter_map(predicate) {
                inner.insert((BinaryOp::And, unwrapped(predicate).span));
                parts.extend(joined_by(predicate, BinaryOp::And));
            }
            visit(BinaryOp::And, &parts);
        }
    });
    subject.each_expr(|expr| {
        let ExprKind::Binary {
            op: Operator::Binary(joint @ (BinaryOp::And | BinaryOp::Or)),
            left,
            right,
            ..
        } = &expr.kind
        else {
            return;
        };
        for side in [left, right] {
            inner.insert((*joint, unwrapped(side).span));
        }
        if !inner.contains(&(*joint, expr.span)) {
            visit(*joint, &joined_by(expr, *joint));
        }
    });
}

fn is_filter(operator: &TableOperator) -> bool {
    predicate(operator).is_some()
}

/// The text of an expression with blanks evened out.
fn normal(subject: &Subject<'_>, expr: &Expr) -> String {
    let text = subject.slice(unwrapped(expr).span);
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}
