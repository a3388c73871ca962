//! Operators of two operands and `between`: which types they take, and in which type they work.
//! `in` and its family are next door in `membership.rs`.

use super::expression::Row;
use super::sign::sign;
use super::table::is_untyped;
use super::{Attempt, Binder, Reported, code, coerce};
use crate::diagnostic::Diagnostic;
use crate::hir::{BinaryOp, Expr, ExprKind, StringOp};
use crate::span::Span;
use crate::syntax::ast::{self, Operator};
use crate::types::ScalarType;

impl<'a> Binder<'a> {
    /// A tree of infix operators. Its left side, which may be deep, is walked with a loop.
    pub(super) fn binary(&mut self, expr: &'a ast::Expr, row: Row<'_>) -> Attempt<Expr> {
        if let ast::ExprKind::Binary { op, .. } = &expr.kind
            && let Some(connective) = connective(*op)
        {
            return self.connected(connective, *op, expr, row);
        }
        let mut steps = Vec::new();
        let mut first = expr;
        while let ast::ExprKind::Binary {
            op,
            op_span,
            left,
            right,
        } = &first.kind
            && connective(*op).is_none()
        {
            steps.push((*op, *op_span, &**right));
            first = left;
        }
        let mut left = match (&first.kind, steps.pop()) {
            (ast::ExprKind::Star, Some((op, op_span, right))) => {
                self.any_column(op, op_span, right, row)
            }
            (_, step) => {
                steps.extend(step);
                self.scalar(first, row)
            }
        };
        for (op, op_span, right) in steps.into_iter().rev() {
            let right = self.scalar(right, row);
            left = match (left, right) {
                (Ok(left), Ok(right)) => self.apply(op, op_span, left, right),
                _ => Err(Reported),
            };
        }
        left
    }

    /// A run of `and` or of `or`, which may be thousands of terms long. It becomes a balanced tree,
    /// so that nothing downstream gets deep.
    fn connected(
        &mut self,
        connective: BinaryOp,
        written: Operator,
        expr: &'a ast::Expr,
        row: Row<'_>,
    ) -> Attempt<Expr> {
        let mut operands = Vec::new();
        let mut rest = vec![expr];
        while let Some(next) = rest.pop() {
            match &next.kind {
                ast::ExprKind::Binary {
                    op, left, right, ..
                } if *op == written => rest.extend([&**right, &**left]),
                _ => {
                    let operand = self.scalar(next, row);
                    operands.push(operand.and_then(|bound| self.condition(connective, bound)));
                }
            }
        }
        let operands = operands.into_iter().collect::<Attempt<Vec<_>>>()?;
        Ok(balanced(connective, operands))
    }

    /// An operand of `and` or `or`.
    pub(super) fn condition(&mut self, op: BinaryOp, operand: Expr) -> Attempt<Expr> {
        match operand.ty {
            ScalarType::Bool | ScalarType::Dynamic => {
                Ok(coerce::convert(operand, ScalarType::Bool))
            }
            ty => {
                let message = format!("`{}` joins conditions, not a value of type {ty}", sign(op));
                Err(self.report(
                    Diagnostic::error(code::OPERAND_TYPES, operand.span, message)
                        .with_help("compare it with a value"),
                ))
            }
        }
    }

    pub(super) fn apply(
        &mut self,
        op: Operator,
        op_span: Span,
        left: Expr,
        right: Expr,
    ) -> Attempt<Expr> {
        match op {
            Operator::Binary(op) => self.typed(op, op_span, left, right),
            Operator::Colon => self.term(op_span, left, right),
            Operator::Retired(name @ ("notcontains" | "containscs" | "notcontainscs")) => {
                let op = BinaryOp::String {
                    op: StringOp::Contains,
                    negated: name.starts_with("not"),
                    case_sensitive: name.ends_with("cs"),
                };
                self.typed(op, op_span, left, right)
            }
            Operator::Retired(name) => {
                let message = format!("the operator `{name}` is not supported");
                Err(self.report(
                    Diagnostic::error(code::FORM_UNSUPPORTED, op_span, message)
                        .with_help("use `has`, `contains` or `matches regex`"),
                ))
            }
        }
    }

    /// One operator on bound operands, with the conversions it needs.
    pub(super) fn typed(
        &mut self,
        op: BinaryOp,
        op_span: Span,
        left: Expr,
        right: Expr,
    ) -> Attempt<Expr> {
        let types = match op {
            _ if is_untyped(&left) || is_untyped(&right) => Some(untyped(op, left.ty, right.ty)),
            BinaryOp::Add | BinaryOp::Subtract => sum_types(op, left.ty, right.ty),
            BinaryOp::Multiply | BinaryOp::Divide | BinaryOp::Modulo => {
                product_types(op, left.ty, right.ty)
            }
            BinaryOp::Equal | BinaryOp::NotEqual => {
                equality_type(left.ty, right.ty).map(|ty| (ty, ty, ScalarType::Bool))
            }
            BinaryOp::Less
            | BinaryOp::LessOrEqual
            | BinaryOp::Greater
            | BinaryOp::GreaterOrEqual => {
                order_type(left.ty, right.ty).map(|ty| (ty, ty, ScalarType::Bool))
            }
            BinaryOp::And | BinaryOp::Or => {
                let ty = ScalarType::Bool;
                Some((ty, ty, ty))
            }
            BinaryOp::String { .. } => (is_text(left.ty) && is_text(right.ty)).then_some((
                ScalarType::String,
                ScalarType::String,
                ScalarType::Bool,
            )),
        };
        let Some((left_type, right_type, ty)) = types else {
            return Err(self.undefined(op, op_span, &left, &right));
        };
        let span = left.span.to(right.span);
        let kind = ExprKind::Binary {
            op,
            left: Box::new(coerce::convert(left, left_type)),
            right: Box::new(coerce::convert(right, right_type)),
        };
        Ok(Expr { kind, ty, span })
    }

    pub(super) fn undefined(
        &mut self,
        op: BinaryOp,
        op_span: Span,
        left: &Expr,
        right: &Expr,
    ) -> Reported {
        let (left, right) = (left.ty, right.ty);
        let message = format!("`{}` is not defined for {left} and {right}", sign(op));
        let diagnostic = Diagnostic::error(code::OPERAND_TYPES, op_span, message);
        let dynamic = left == ScalarType::Dynamic || right == ScalarType::Dynamic;
        let text = left == ScalarType::String || right == ScalarType::String;
        let help = match op {
            _ if dynamic => "convert the dynamic value first, as in `tostring()` or `tolong()`",
            BinaryOp::Add if text => "join texts with `strcat()`",
            BinaryOp::String { .. } => "convert the other side with `tostring()`",
            _ => "convert one side, as in `tolong()` or `todatetime()`",
        };
        self.report(diagnostic.with_help(help))
    }

    /// `x between (low .. high)`.
    pub(super) fn between(
        &mut self,
        negated: bool,
        op_span: Span,
        [value, low, high]: [&'a ast::Expr; 3],
        span: Span,
        row: Row<'_>,
    ) -> Attempt<Expr> {
        let value = self.scalar(value, row);
        let low = self.scalar(low, row);
        let high = self.scalar(high, row);
        let (value, low, mut high) = (value?, low?, high?);
        // `t between (start .. 1d)`: the upper end is counted from the lower.
        if value.ty == ScalarType::DateTime
            && low.ty == ScalarType::DateTime
            && high.ty == ScalarType::TimeSpan
        {
            high = self.typed(BinaryOp::Add, op_span, low.clone(), high)?;
        }
        let ty = [low.ty, high.ty]
            .into_iter()
            .try_fold(value.ty, order_type)
            .filter(|ty| *ty != ScalarType::Bool && *ty != ScalarType::Dynamic);
        let any_bool = [&value, &low, &high]
            .into_iter()
            .any(|operand| operand.ty == ScalarType::Bool);
        let untyped = [&value, &low, &high].into_iter().any(is_untyped);
        let ty = ty.filter(|_| !any_bool);
        let ty = ty.or(untyped.then_some(ScalarType::Dynamic));
        let Some(ty) = ty else {
            let message = format!(
                "`between` is not defined for {}, {} and {}",
                value.ty, low.ty, high.ty
            );
            return Err(self.error(code::OPERAND_TYPES, op_span, message));
        };
        let kind = ExprKind::Between {
            value: Box::new(coerce::convert(value, ty)),
            low: Box::new(coerce::convert(low, ty)),
            high: Box::new(coerce::convert(high, ty)),
            negated,
        };
        let ty = ScalarType::Bool;
        Ok(Expr { kind, ty, span })
    }
}

pub(super) fn connective(op: Operator) -> Option<BinaryOp> {
    match op {
        Operator::Binary(op @ (BinaryOp::And | BinaryOp::Or)) => Some(op),
        _ => None,
    }
}

pub(super) fn balanced(op: BinaryOp, mut operands: Vec<Expr>) -> Expr {
    while operands.len() > 1 {
        let mut halved = Vec::with_capacity(operands.len().div_ceil(2));
        let mut pairs = operands.into_iter();
        while let Some(left) = pairs.next() {
            halved.push(match pairs.next() {
                Some(right) => Expr {
                    ty: ScalarType::Bool,
                    span: left.span.to(right.span),
                    kind: ExprKind::Binary {
                        op,
                        left: Box::new(left),
                        right: Box::new(right),
                    },
                },
                None => left,
            });
        }
        operands = halved;
    }
    operands
        .pop()
        .expect("a connective has at least two operands")
}

/// Operand types and result where only running the query tells what an operand is. Both stay as
/// they are unless the operator leaves no choice.
fn untyped(op: BinaryOp, left: ScalarType, right: ScalarType) -> Types {
    match op {
        BinaryOp::And | BinaryOp::Or => (ScalarType::Bool, ScalarType::Bool, ScalarType::Bool),
        BinaryOp::String { .. } => (ScalarType::String, ScalarType::String, ScalarType::Bool),
        BinaryOp::Add
        | BinaryOp::Subtract
        | BinaryOp::Multiply
        | BinaryOp::Divide
        | BinaryOp::Modulo => (left, right, ScalarType::Dynamic),
        _ => (left, right, ScalarType::Bool),
    }
}

/// string, or dynamic taken by its string form.
pub(super) fn is_text(ty: ScalarType) -> bool {
    matches!(ty, ScalarType::String | ScalarType::Dynamic)
}

type Types = (ScalarType, ScalarType, ScalarType);

/// Operand types and result of `+` and `-`.
fn sum_types(op: BinaryOp, left: ScalarType, right: ScalarType) -> Option<Types> {
    use ScalarType::{DateTime, Dynamic, TimeSpan};
    Some(match (left, right) {
        (DateTime, TimeSpan) => (DateTime, TimeSpan, DateTime),
        (TimeSpan, DateTime) if op == BinaryOp::Add => (TimeSpan, DateTime, DateTime),
        (DateTime, DateTime) if op == BinaryOp::Subtract => (DateTime, DateTime, TimeSpan),
        (TimeSpan, TimeSpan | Dynamic) | (Dynamic, TimeSpan) => (TimeSpan, TimeSpan, TimeSpan),
        _ => number_types(left, right)?,
    })
}

/// Operand types and result of `*`, `/` and `%`.
fn product_types(op: BinaryOp, left: ScalarType, right: ScalarType) -> Option<Types> {
    use ScalarType::{DateTime, Long, Real, TimeSpan};
    let factor = |ty: ScalarType| match ty {
        _ if ty.is_integer() => Some(Long),
        _ if ty.is_numeric() => Some(Real),
        _ => None,
    };
    Some(match (op, left, right) {
        (BinaryOp::Multiply | BinaryOp::Divide, TimeSpan, _) if right.is_numeric() => {
            (TimeSpan, factor(right)?, TimeSpan)
        }
        (BinaryOp::Multiply, _, TimeSpan) if left.is_numeric() => {
            (factor(left)?, TimeSpan, TimeSpan)
        }
        (BinaryOp::Divide, TimeSpan, TimeSpan) => (TimeSpan, TimeSpan, Real),
        (BinaryOp::Modulo, TimeSpan, TimeSpan) => (TimeSpan, TimeSpan, TimeSpan),
        (BinaryOp::Modulo, DateTime, TimeSpan) => (DateTime, TimeSpan, TimeSpan),
        _ => number_types(left, right)?,
    })
}

fn number_types(left: ScalarType, right: ScalarType) -> Option<Types> {
    let ty = match (left, right) {
        _ if left.is_numeric() && right.is_numeric() => coerce::arithmetic(left, right),
        (ScalarType::Dynamic, other) | (other, ScalarType::Dynamic) if other.is_numeric() => {
            coerce::arithmetic(other, other)
        }
        _ => return None,
    };
    Some((ty, ty, ty))
}

/// The type in which `==` compares. A text or a dynamic is converted to the other side's type.
pub(super) fn equality_type(left: ScalarType, right: ScalarType) -> Option<ScalarType> {
    use ScalarType::{Bool, Dynamic, String};
    match (left, right) {
        (Dynamic, Dynamic) => None,
        _ if left == right => Some(left),
        _ if left.is_numeric() && right.is_numeric() => Some(coerce::wider(left, right)),
        (Bool, number) | (number, Bool) if number.is_numeric() => {
            Some(coerce::arithmetic(number, number))
        }
        (Dynamic | String, other) | (other, Dynamic | String) => Some(other),
        _ => None,
    }
}

/// The type in which `<` and its like compare.
fn order_type(left: ScalarType, right: ScalarType) -> Option<ScalarType> {
    use ScalarType::{Bool, DateTime, Dynamic, TimeSpan};
    match (left, right) {
        (Bool, Bool) => Some(Bool),
        (DateTime, DateTime) => Some(DateTime),
        (TimeSpan, TimeSpan) => Some(TimeSpan),
        _ if left.is_numeric() && right.is_numeric() => Some(coerce::wider(left, right)),
        (Bool, number) | (number, Bool) if number.is_numeric() => {
            Some(coerce::arithmetic(number, number))
        }
        (Dynamic, number) | (number, Dynamic) if number.is_numeric() => Some(number),
        _ => None,
    }
}
