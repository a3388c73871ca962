//! Scalar expressions. DataFusion's own operators are used wherever they mean the same, because
//! they are fast and scans prune with them; KQL's own functions do the rest.
//!
//! Two entries: [`Lowering::value`] keeps null apart from false, [`Lowering::predicate`] is for
//! places where only truth counts, and may give either for the other.

use std::sync::Arc;

use datafusion::common::ScalarValue;
use datafusion::logical_expr::expr::{Between, BinaryExpr};
use datafusion::logical_expr::{Case, Cast, Expr, Operator, ScalarUDF, lit};
use kql::builtin::Scalar;
use kql::hir::{self, BinaryOp, ExprKind};
use kql::types::{ScalarType, Value};

use super::graph::is_graph_call;
use super::relation::Relation;
use super::{Lowering, Result, column, literal, prepare};
use crate::error::EngineError;
use crate::types::arrow_type;
use crate::{function, lookup};

/// What an expression is lowered for.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Use {
    Value,
    Predicate,
}

impl Lowering<'_> {
    /// The expression over the columns of `input`.
    pub(super) fn value(&self, expr: &hir::Expr, input: &Relation) -> Result<Expr> {
        self.expression(expr, input, Use::Value)
    }

    /// A condition of which only matters whether it is true.
    pub(super) fn predicate(&self, expr: &hir::Expr, input: &Relation) -> Result<Expr> {
        self.expression(expr, input, Use::Predicate)
    }

    fn expression(&self, expr: &hir::Expr, input: &Relation, purpose: Use) -> Result<Expr> {
        if self.reads_unknown_column(expr) {
            return Ok(lit(literal::missing(expr.ty)?));
        }
        Ok(match &expr.kind {
            ExprKind::Column(position) => input.column(*position),
            ExprKind::Further(name) => {
                let what = format!("the column `{name}`, which only a plugin makes known,");
                return Err(EngineError::not_supported(what, expr.span));
            }
            ExprKind::Literal(value) => lit(literal::scalar(value, expr.ty)?),
            ExprKind::Now => lit(literal::datetime(self.now)),
            ExprKind::Binary {
                op: BinaryOp::And | BinaryOp::Or,
                ..
            } => self.connective(expr, input, purpose)?,
            ExprKind::Binary { op, left, right } => {
                self.binary(*op, left, right, expr.ty, input, purpose)?
            }
            ExprKind::Negate(operand) => {
                function::negate(expr.ty).call(vec![self.value(operand, input)?])
            }
            ExprKind::InList { op, value, list } => {
                self.in_list(*op, value, list, input, purpose)?
            }
            ExprKind::InTable { op, value, table } => self.in_table(*op, value, table, input)?,
            ExprKind::Between {
                value,
                low,
                high,
                negated,
            } => self.between(value, low, high, *negated, input)?,
            ExprKind::Call {
                function,
                arguments,
            } => self.call(function, arguments, expr, input, purpose)?,
            ExprKind::Element { call, index } => self.element(call, *index, expr.ty, input)?,
            ExprKind::Convert(operand) => self.convert(operand, expr.ty, input)?,
            ExprKind::Member { base, name } => {
                let name = lit(ScalarValue::Utf8View(Some(name.to_string())));
                function::member().call(vec![self.value(base, input)?, name])
            }
            ExprKind::Index { base, index } => {
                let operands = vec![self.value(base, input)?, self.value(index, input)?];
                function::index(index.ty).call(operands)
            }
            ExprKind::ToScalar(table) => {
                if let Some(name) = input.windows.get(&std::ptr::from_ref(expr).addr()) {
                    return Ok(column(name));
                }
                let answer = self.subqueries.get(&prepare::address(table));
                let value = answer.and_then(prepare::Answer::scalar).ok_or_else(|| {
                    EngineError::not_supported("toscalar() in this place", expr.span)
                })?;
                lit(value.clone())
            }
        })
    }

    /// A chain of one connective as a balanced tree, so that long chains stay shallow.
    fn connective(&self, expr: &hir::Expr, input: &Relation, purpose: Use) -> Result<Expr> {
        let ExprKind::Binary { op, .. } = &expr.kind else {
            return self.expression(expr, input, purpose);
        };
        let mut operands = Vec::new();
        let mut pending = vec![expr];
        while let Some(next) = pending.pop() {
            match &next.kind {
                ExprKind::Binary {
                    op: inner,
                    left,
                    right,
                } if inner == op => {
                    pending.push(right);
                    pending.push(left);
                }
                _ => operands.push(self.expression(next, input, purpose)?),
            }
        }
        let operator = if *op == BinaryOp::And {
            Operator::And
        } else {
            Operator::Or
        };
        while operands.len() > 1 {
            let mut halves = Vec::with_capacity(operands.len().div_ceil(2));
            let mut rest = operands.into_iter();
            while let Some(left) = rest.next() {
                halves.push(match rest.next() {
                    Some(right) => binary(left, operator, right),
                    None => left,
                });
            }
            operands = halves;
        }
        Ok(operands.remove(0))
    }

    fn binary(
        &self,
        op: BinaryOp,
        left: &hir::Expr,
        right: &hir::Expr,
        result: ScalarType,
        input: &Relation,
        purpose: Use,
    ) -> Result<Expr> {
        let operator = match op {
            BinaryOp::Equal => Operator::Eq,
            BinaryOp::NotEqual => Operator::NotEq,
            BinaryOp::Less => Operator::Lt,
            BinaryOp::LessOrEqual => Operator::LtEq,
            BinaryOp::Greater => Operator::Gt,
            BinaryOp::GreaterOrEqual => Operator::GtEq,
            BinaryOp::String {
                op,
                negated,
                case_sensitive,
            } => {
                let operands = vec![self.value(left, input)?, self.value(right, input)?];
                return Ok(function::string_operator(op, negated, case_sensitive).call(operands));
            }
            BinaryOp::Add
            | BinaryOp::Subtract
            | BinaryOp::Multiply
            | BinaryOp::Divide
            | BinaryOp::Modulo => {
                let operands = vec![self.value(left, input)?, self.value(right, input)?];
                return Ok(function::arithmetic(op, left.ty, right.ty, result).call(operands));
            }
            BinaryOp::And | BinaryOp::Or => {
                let operands = (self.value(left, input)?, self.value(right, input)?);
                let operator = if op == BinaryOp::And {
                    Operator::And
                } else {
                    Operator::Or
                };
                return Ok(binary(operands.0, operator, operands.1));
            }
        };
        let ty = left.ty;
        let (left_value, right_value) = (self.value(left, input)?, self.value(right, input)?);
        if !has_native_order(ty) {
            return Ok(function::comparison::compare(op, ty).call(vec![left_value, right_value]));
        }
        let plain = vec![left_value.clone(), right_value.clone()];
        let [left_value, right_value] = Self::comparable([left_value, right_value], ty, input)?;
        if ty == ScalarType::String
            || !matches!(op, BinaryOp::Equal | BinaryOp::NotEqual)
            || (op == BinaryOp::Equal && purpose == Use::Predicate)
        {
            return Ok(binary(left_value, operator, right_value));
        }
        // `==` and `!=` are total where exactly one side is null.
        if purpose == Use::Predicate {
            return Ok(binary(left_value, Operator::IsDistinctFrom, right_value));
        }
        if is_value(left) || is_value(right) {
            let equal = binary(left_value, Operator::Eq, right_value);
            return Ok(match op {
                BinaryOp::Equal => equal.is_true(),
                _ => equal.is_not_true(),
            });
        }
        Ok(function::comparison::compare(op, ty).call(plain))
    }

    fn between(
        &self,
        value: &hir::Expr,
        low: &hir::Expr,
        high: &hir::Expr,
        negated: bool,
        input: &Relation,
    ) -> Result<Expr> {
        let ty = value.ty;
        let value = self.value(value, input)?;
        let low = self.value(low, input)?;
        let high = self.value(high, input)?;
        if has_native_order(ty) {
            let [value, low, high] = Self::comparable([value, low, high], ty, input)?;
            let (low, high) = (Box::new(low), Box::new(high));
            return Ok(Expr::Between(Between::new(
                Box::new(value),
                negated,
                low,
                high,
            )));
        }
        let from = function::comparison::compare(BinaryOp::GreaterOrEqual, ty);
        let to = function::comparison::compare(BinaryOp::LessOrEqual, ty);
        let within = from
            .call(vec![value.clone(), low])
            .and(to.call(vec![value, high]));
        Ok(if negated {
            Expr::Not(Box::new(within))
        } else {
            within
        })
    }

    fn convert(&self, operand: &hir::Expr, to: ScalarType, input: &Relation) -> Result<Expr> {
        use ScalarType::{Int, Long, Real};
        let value = self.value(operand, input)?;
        Ok(match (operand.ty, to) {
            (from, to) if from == to => value,
            (Int, Long | Real) | (Long, Real) => {
                Expr::Cast(Cast::new(Box::new(value), arrow_type(to)))
            }
            (from, to) => function::convert(from, to).call(vec![value]),
        })
    }

    fn call(
        &self,
        function: &'static Scalar,
        arguments: &[hir::Expr],
        call: &hir::Expr,
        input: &Relation,
        purpose: Use,
    ) -> Result<Expr> {
        if function.is_window() || is_graph_call(call) {
            return Self::window_value(call, input);
        }
        match (function.name, arguments) {
            ("not", [operand]) => return Ok(Expr::Not(Box::new(self.value(operand, input)?))),
            ("iff", [_, _, _]) | ("case", [_, _, _, ..]) => {
                return self.choice(arguments, input, purpose);
            }
            ("isnull" | "isnotnull", [operand]) if operand.ty != ScalarType::Dynamic => {
                let is_null = function.name == "isnull";
                if operand.ty == ScalarType::String {
                    return Ok(lit(!is_null));
                }
                let value = self.value(operand, input)?;
                return Ok(if is_null {
                    value.is_null()
                } else {
                    value.is_not_null()
                });
            }
            ("isempty" | "isnotempty", [operand]) if operand.ty == ScalarType::String => {
                let value = self.value(operand, input)?;
                let empty = lit(ScalarValue::Utf8View(Some(String::new())));
                let is_empty = function.name == "isempty";
                let operator = if is_empty {
                    Operator::Eq
                } else {
                    Operator::NotEq
                };
                return Ok(binary(value, operator, empty));
            }
            ("ingestion_time", []) => return self.ingestion_time(call, input),
            (lookup::LOCATIONS, [address]) => return self.location(address, call.span, input),
            _ => {}
        }
        if let Some(version) = self.chosen_version(function.name, arguments, call.ty, input)? {
            return Ok(version);
        }
        self.opened(call, input, |name, types| {
            function::scalar(name, types, call.ty)
        })
    }

    /// A call of the function that `find` knows by its name and the types of its arguments.
    pub(super) fn opened(
        &self,
        call: &hir::Expr,
        input: &Relation,
        find: impl FnOnce(&str, &[ScalarType]) -> Option<Arc<ScalarUDF>>,
    ) -> Result<Expr> {
        let name = match &call.kind {
            ExprKind::Call { function, .. } => function.name,
            _ => "",
        };
        let types: Vec<ScalarType> = call.operands().map(|argument| argument.ty).collect();
        let function = find(name, &types).ok_or_else(|| {
            let what = match name {
                "bin_auto" => "`bin_auto()` without `set query_bin_auto_size`".to_owned(),
                name => format!("function `{name}`"),
            };
            EngineError::not_supported(what, call.span)
        })?;
        let values = call
            .operands()
            .map(|argument| self.value(argument, input))
            .collect::<Result<Vec<_>>>()?;
        Ok(function.call(values))
    }

    /// `ingestion_time()` of rows that do not record it: their time column, where they still have
    /// it.
    fn ingestion_time(&self, call: &hir::Expr, input: &Relation) -> Result<Expr> {
        let mut fields = input.plan.schema().fields().iter().take(input.width);
        let position = fields.position(|field| {
            self.time_columns.contains(field.name())
                && *field.data_type() == arrow_type(ScalarType::DateTime)
        });
        position.map(|at| input.column(at)).ok_or_else(|| {
            let what = "function `ingestion_time` where the rows have no time column";
            EngineError::not_supported(what, call.span)
        })
    }

    /// `iff` and `case`: pairs of a condition and a value, then the value of the rest.
    fn choice(&self, arguments: &[hir::Expr], input: &Relation, purpose: Use) -> Result<Expr> {
        let (pairs, rest) = arguments.as_chunks::<2>();
        let chosen = pairs.iter().map(|[_, value]| value).chain(rest.first());
        let ty = chosen
            .clone()
            .next()
            .map_or(ScalarType::Dynamic, |value| value.ty);
        let values = chosen
            .map(|value| self.expression(value, input, purpose))
            .collect::<Result<Vec<_>>>()?;
        let mut values = Self::choosable(values, ty, input)?
            .into_iter()
            .map(Box::new);
        let mut branches = Vec::with_capacity(pairs.len());
        for ([condition, _], value) in pairs.iter().zip(values.by_ref()) {
            branches.push((Box::new(self.predicate(condition, input)?), value));
        }
        Ok(Expr::Case(Case::new(None, branches, values.next())))
    }
}

/// Whether Arrow orders and equates values of the type as KQL does. Arrow holds NaN equal to
/// itself and -0.0 below 0.0; a dynamic is text to it.
pub(super) fn has_native_order(ty: ScalarType) -> bool {
    !matches!(ty, ScalarType::Real | ScalarType::Dynamic)
}

/// Whether the expression is a constant that is not null.
pub(super) fn is_value(expr: &hir::Expr) -> bool {
    match &expr.kind {
        ExprKind::Literal(value) => *value != Value::Null,
        ExprKind::Now => true,
        _ => expr.ty == ScalarType::String,
    }
}

/// An operator of DataFusion.
pub(super) fn binary(left: Expr, operator: Operator, right: Expr) -> Expr {
    Expr::BinaryExpr(BinaryExpr::new(Box::new(left), operator, Box::new(right)))
}
