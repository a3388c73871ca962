//! `tolower(x) == …` where an operator ignores case by itself.

use crate::diagnostic::Diagnostic;
use crate::hir::{BinaryOp, InOp, StringOp};
use crate::lint::subject::{Subject, literal_string, unwrapped};
use crate::syntax::ast::{Expr, ExprKind, Name, Operator};

use super::Rule;

pub(super) const FOLDED_CASE: Rule = Rule {
    code: "KQL411",
    name: "folded-case",
    guard: Some("KQL012"),
    cost: 2,
    summary: "`tolower` or `toupper` in front of an operator that can ignore case",
    explanation: "`tolower(x) == \"a\"` changes every value before it compares, so no index helps. \
        `=~` and `in~` ignore case, and `has`, `contains`, `startswith` and `endswith` always do. \
        A text that is not in the case it is compared in can never be equal.",
    bad: "DeviceProcessEvents | where tolower(FileName) == \"cmd.exe\" | project DeviceId",
    good: "DeviceProcessEvents | where FileName =~ \"cmd.exe\" | project DeviceId",
    check,
};

fn check(subject: &Subject<'_>, found: &mut Vec<Diagnostic>) {
    subject.each_expr(|expr| match &expr.kind {
        ExprKind::Binary {
            op: Operator::Binary(op),
            op_span,
            left,
            right,
        } => {
            let (fold, other) = match (folding(left), folding(right)) {
                (Some(fold), _) => (fold, right),
                (None, Some(fold)) if is_equality(*op) => (fold, left),
                _ => return,
            };
            let Some(better) = ignoring_case(*op) else {
                return;
            };
            // A column in mixed case would be equal only without regard to case.
            if subject.string(other).is_some() || folding(other).is_some() {
                tell(
                    subject,
                    fold,
                    subject.slice(*op_span),
                    better,
                    &[other],
                    found,
                );
            }
        }
        ExprKind::In {
            op,
            op_span,
            value,
            list,
        } => {
            let Some(fold) = folding(value) else { return };
            let better = match op {
                InOp::In => "in~",
                InOp::NotIn => "!in~",
                InOp::InIgnoringCase | InOp::NotInIgnoringCase | InOp::HasAny | InOp::HasAll => {
                    subject.slice(*op_span)
                }
            };
            let texts: Vec<&Expr> = match op {
                InOp::In | InOp::NotIn => list.iter().collect(),
                _ => Vec::new(),
            };
            tell(
                subject,
                fold,
                subject.slice(*op_span),
                better,
                &texts,
                found,
            );
        }
        _ => {}
    });
}

fn tell(
    subject: &Subject<'_>,
    (function, operand): (&Name, &Expr),
    written: &str,
    better: &str,
    texts: &[&Expr],
    found: &mut Vec<Diagnostic>,
) {
    let name = &*function.text;
    let impossible = texts.iter().find(|text| {
        literal_string(text).is_some_and(|text| match name {
            "tolower" => text != text.to_lowercase(),
            _ => text != text.to_uppercase(),
        })
    });
    let operand = subject.slice(operand.span);
    let span = function.span;
    let help = format!("write `{operand} {better} …`");
    let diagnostic = if let Some(text) = impossible.filter(|_| better != written) {
        let text = subject.slice(text.span);
        Diagnostic::warning(
            FOLDED_CASE.code,
            span,
            format!("what `{name}` returns is never equal to {text}"),
        )
    } else if better == written {
        let message = format!("`{name}` is not needed: `{written}` ignores case");
        Diagnostic::warning(FOLDED_CASE.code, span, message)
    } else {
        let message = format!("`{name}` changes every value before it is compared");
        Diagnostic::warning(FOLDED_CASE.code, span, message)
    };
    found.push(diagnostic.with_help(help));
}

/// The function and the operand of `tolower(x)` and `toupper(x)`.
fn folding(expr: &Expr) -> Option<(&Name, &Expr)> {
    match &unwrapped(expr).kind {
        ExprKind::Call {
            function,
            arguments,
        } if matches!(&*function.text, "tolower" | "toupper") => match &**arguments {
            [operand] => Some((function, operand)),
            _ => None,
        },
        _ => None,
    }
}

fn is_equality(op: BinaryOp) -> bool {
    matches!(op, BinaryOp::Equal | BinaryOp::NotEqual)
}

/// The operator that ignores case, for those that compare texts.
fn ignoring_case(op: BinaryOp) -> Option<&'static str> {
    let BinaryOp::String {
        op,
        negated,
        case_sensitive: false,
    } = op
    else {
        return match op {
            BinaryOp::Equal => Some("=~"),
            BinaryOp::NotEqual => Some("!~"),
            _ => None,
        };
    };
    Some(match (op, negated) {
        (StringOp::EqualIgnoringCase, false) => "=~",
        (StringOp::EqualIgnoringCase, true) => "!~",
        (StringOp::Has, false) => "has",
        (StringOp::Has, true) => "!has",
        (StringOp::HasPrefix, false) => "hasprefix",
        (StringOp::HasPrefix, true) => "!hasprefix",
        (StringOp::HasSuffix, false) => "hassuffix",
        (StringOp::HasSuffix, true) => "!hassuffix",
        (StringOp::Contains, false) => "contains",
        (StringOp::Contains, true) => "!contains",
        (StringOp::StartsWith, false) => "startswith",
        (StringOp::StartsWith, true) => "!startswith",
        (StringOp::EndsWith, false) => "endswith",
        (StringOp::EndsWith, true) => "!endswith",
        (StringOp::MatchesRegex, _) => return None,
    })
}
