//! Window functions: their arguments are computed below an own plan node, which numbers the rows
//! too. That number is the order from there on, so that ties of a sort fall the same way for all
//! functions above it.

use datafusion::common::ScalarValue;
use datafusion::functions::core::expr_fn::coalesce;
use datafusion::logical_expr::{Case, Expr, ExprSchemable, LogicalPlanBuilder, Operator, lit};
use kql::hir::{self, ExprKind};
use kql::types::ScalarType;

use super::expression::binary;
use super::group_value::GroupValue;
use super::relation::{OrderKey, Relation};
use super::{Lowering, Result, column, literal};
use crate::error::EngineError;
use crate::node::step::Step;
use crate::node::window::{Call, Function, Window};
use crate::types::arrow_type;

impl Lowering<'_> {
    /// The relation with the values of all window functions in `exprs`, which `value` then finds
    /// there. A call whose arguments hold calls waits for them.
    pub(super) fn with_windows<'e>(
        &self,
        mut input: Relation,
        exprs: impl IntoIterator<Item = &'e hir::Expr>,
    ) -> Result<Relation> {
        let mut calls = Vec::new();
        for expr in exprs {
            let mut pending = vec![expr];
            while let Some(expr) = pending.pop() {
                if is_window(expr) {
                    calls.push(expr);
                } else if let Some(value) = GroupValue::of(expr) {
                    let (attached, name) = self.with_group_value(input, &value)?;
                    input = attached;
                    input.windows.insert(value.address(), name);
                }
                pending.extend(expr.operands());
            }
        }
        while !calls.is_empty() {
            let (ready, blocked): (Vec<_>, Vec<_>) =
                calls.into_iter().partition(|call| is_ready(call, &input));
            input = self.window_pass(input, &ready)?;
            calls = blocked;
        }
        Ok(input)
    }

    /// One pass over the rows.
    fn window_pass(&self, input: Relation, exprs: &[&hir::Expr]) -> Result<Relation> {
        let (input, bounds) = match input.groups.clone() {
            Some(groups) => {
                let (input, starts) = self.group_starts(input, &groups)?;
                (input, Some((groups, column(starts))))
            }
            None => (input, None),
        };
        let mut below: Vec<Expr> = (0..input.plan.schema().fields().len())
            .map(|position| input.column(position))
            .collect();
        let mut calls: Vec<Call> = Vec::new();
        let mut known: Vec<(Function, Vec<Expr>, String)> = Vec::new();
        let mut windows = input.windows.clone();
        let mut bounded: Vec<Expr> = Vec::new();
        for expr in exprs {
            let (mut function, arguments) = self.window_function(expr, &input)?;
            let mut data_type = arrow_type(expr.ty);
            if let (Some((offset, default)), [value]) = (function.distance(), &arguments[..])
                && expr.ty == ScalarType::Decimal
            {
                data_type = value.get_type(input.plan.schema())?;
                function = function.at_distance(offset, default.cast_to(&data_type)?);
            }
            let same = known
                .iter()
                .find(|(other, values, _)| *other == function && *values == arguments);
            if let Some((_, _, output)) = same {
                windows.insert(address(expr), output.clone());
                continue;
            }
            let mut values = arguments.clone();
            let mut restart = (values.len() > function.values())
                .then(|| values.pop())
                .flatten();
            if let Some((_, starts)) = &bounds {
                let own = restart.map(|own| coalesce(vec![own, lit(false)]));
                restart = Some(own.map_or(starts.clone(), |own| own.or(starts.clone())));
            }
            let mut compute = |value: Expr| {
                let name = self.hidden_name();
                below.push(value.alias(&name));
                name
            };
            let names: Vec<String> = values.into_iter().map(&mut compute).collect();
            let restart = restart.filter(|_| function.restarts()).map(&mut compute);
            let mut output = self.hidden_name();
            windows.insert(address(expr), output.clone());
            if let (Some((groups, _)), Some((offset, default))) = (&bounds, function.distance()) {
                // What stands in another group is not there.
                let within = self.hidden_name();
                let mut same = Vec::new();
                for key in groups.keys.iter().chain(&groups.alive) {
                    let field = input.plan.schema().field_with_unqualified_name(key)?;
                    let data_type = field.data_type().clone();
                    let there = self.hidden_name();
                    calls.push(Call {
                        function: function.at_distance(offset, ScalarValue::try_from(&data_type)?),
                        arguments: vec![key.clone()],
                        restart: None,
                        output: there.clone(),
                        data_type,
                    });
                    let same_key = Operator::IsNotDistinctFrom;
                    same.push(binary(column(key), same_key, column(there)));
                }
                let same = same
                    .into_iter()
                    .reduce(Expr::and)
                    .unwrap_or_else(|| lit(true));
                let branch = (Box::new(same), Box::new(column(&within)));
                let otherwise = Some(Box::new(lit(default.clone())));
                let value = Expr::Case(Case::new(None, vec![branch], otherwise));
                bounded.push(value.alias(&output));
                output = within;
            }
            calls.push(Call {
                function: function.clone(),
                arguments: names,
                restart,
                output: output.clone(),
                data_type,
            });
            known.push((function, arguments, output));
        }
        let position = self.hidden_name();
        let window = Window {
            order: input.order_keys(),
            calls,
            position: position.clone(),
        };
        let below = LogicalPlanBuilder::from(input.plan)
            .project(below)?
            .build()?;
        let plan = Step::plan(below, window)?;
        let plan = if bounded.is_empty() {
            plan
        } else {
            let fields = plan.schema().fields().iter();
            let mut columns: Vec<Expr> = fields.map(|field| column(field.name())).collect();
            columns.extend(bounded);
            LogicalPlanBuilder::from(plan).project(columns)?.build()?
        };
        Ok(Relation {
            plan,
            width: input.width,
            order: vec![OrderKey {
                column: position,
                ascending: true,
                nulls_first: false,
            }],
            windows,
            groups: input.groups,
        })
    }

    /// The function of a call with its constants, and its arguments that vary by row.
    fn window_function(&self, expr: &hir::Expr, input: &Relation) -> Result<(Function, Vec<Expr>)> {
        let ExprKind::Call {
            function,
            arguments,
        } = &expr.kind
        else {
            return Err(EngineError::not_supported("this call", expr.span));
        };
        let mut varying: &[hir::Expr] = arguments;
        let function = match function.name {
            "row_number" => {
                let start = match arguments.split_first() {
                    Some((start, rest)) => {
                        varying = rest;
                        self.constant_long(start)?
                    }
                    None => 1,
                };
                Function::Number { start }
            }
            "row_cumsum" => Function::Sum,
            "row_rank_dense" => Function::RankDense,
            "row_rank_min" => Function::RankMin,
            "row_window_session" => Function::Session,
            "prev" | "next" => {
                varying = &arguments[..1];
                let offset = match arguments.get(1) {
                    Some(offset) => usize::try_from(self.constant_long(offset)?).map_err(|_| {
                        let what = format!("`{}` looks at least 1 row away", function.name);
                        EngineError::Invalid {
                            what,
                            span: offset.span,
                        }
                    })?,
                    None => 1,
                };
                let default = match arguments.get(2) {
                    Some(default) => self.constant(default)?,
                    None => literal::missing(expr.ty)?,
                };
                match function.name {
                    "prev" => Function::Previous { offset, default },
                    _ => Function::Next { offset, default },
                }
            }
            name => {
                let what = format!("window function `{name}`");
                return Err(EngineError::not_supported(what, expr.span));
            }
        };
        let values = varying
            .iter()
            .map(|argument| self.value(argument, input))
            .collect::<Result<Vec<_>>>()?;
        Ok((function, values))
    }

    fn constant_long(&self, expr: &hir::Expr) -> Result<i64> {
        match self.constant(expr)? {
            ScalarValue::Int64(Some(value)) => Ok(value),
            _ => Err(EngineError::Invalid {
                what: "the argument must be a number".to_owned(),
                span: expr.span,
            }),
        }
    }

    /// The value of a window function that [`Lowering::with_windows`] computed.
    pub(super) fn window_value(expr: &hir::Expr, input: &Relation) -> Result<Expr> {
        let name = input.windows.get(&address(expr));
        name.map(column)
            .ok_or_else(|| EngineError::not_supported("a window function in this place", expr.span))
    }
}

impl Function {
    /// How far it looks, and what it finds where there is no row.
    fn distance(&self) -> Option<(usize, &ScalarValue)> {
        match self {
            Self::Previous { offset, default } | Self::Next { offset, default } => {
                Some((*offset, default))
            }
            _ => None,
        }
    }

    /// The function that looks as far, at a column whose missing value is `default`.
    fn at_distance(&self, offset: usize, default: ScalarValue) -> Self {
        match self {
            Self::Next { .. } => Self::Next { offset, default },
            _ => Self::Previous { offset, default },
        }
    }

    /// Whether it may start anew in the midst of the rows.
    fn restarts(&self) -> bool {
        self.distance().is_none()
    }

    /// How many arguments come before `restart`.
    fn values(&self) -> usize {
        match self {
            Self::Number { .. } => 0,
            Self::Sum
            | Self::RankDense
            | Self::RankMin
            | Self::Previous { .. }
            | Self::Next { .. } => 1,
            Self::Session => 3,
        }
    }
}

/// A call is known by where it is in the tree, which does not move while it is lowered.
pub(super) fn address(expr: &hir::Expr) -> usize {
    std::ptr::from_ref(expr).addr()
}

pub(super) fn is_window(expr: &hir::Expr) -> bool {
    matches!(&expr.kind, ExprKind::Call { function, .. } if function.is_window())
}

/// Whether the calls within a call's arguments are computed.
fn is_ready(call: &hir::Expr, input: &Relation) -> bool {
    let mut pending: Vec<_> = call.operands().collect();
    while let Some(expr) = pending.pop() {
        if is_window(expr) && !input.windows.contains_key(&address(expr)) {
            return false;
        }
        pending.extend(expr.operands());
    }
    true
}
