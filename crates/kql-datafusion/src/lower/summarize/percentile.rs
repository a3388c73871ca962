//! `percentile` and its relatives. Calls over the same values share one aggregation, whatever
//! their percentages are.

use datafusion::common::ScalarValue;
use datafusion::logical_expr::{Expr, when};
use kql::hir::{self, AggregateCall};
use kql::types::ScalarType;

use super::super::Result;
use super::Layers;
use super::kinds::{cast, field};
use crate::aggregate;
use crate::error::EngineError;
use crate::function::{self, json};
use crate::types::arrow_type;

impl Layers<'_, '_> {
    /// `percentile(value, rank)` and `percentilew(value, weight, rank)`.
    pub(super) fn percentile(
        &mut self,
        name: &str,
        arguments: &[&hir::Expr],
        ty: ScalarType,
        call: &AggregateCall,
    ) -> Result<()> {
        let (operands, [rank]) = split_ranks(name, arguments, call)? else {
            return Err(no_rank(call));
        };
        let rank = self.rank(rank, call)?;
        let mut ranks = Vec::new();
        for other in self
            .calls
            .iter()
            .filter(|other| other.function.name == name)
        {
            let arguments: Vec<_> = other.arguments.iter().collect();
            if let (others, [rank]) = split_ranks(name, &arguments, other)?
                && self.same(&operands, &others)?
            {
                let rank = self.rank(rank, other)?;
                if !ranks.contains(&rank) {
                    ranks.push(rank);
                }
            }
        }
        let row = self.percentiles(&operands, &ranks, ty, call)?;
        let position = ranks
            .iter()
            .position(|known| known.total_cmp(&rank).is_eq());
        self.outputs.push(field(row, position.unwrap_or(0)));
        Ok(())
    }

    /// `percentiles_array(value, rank, …)`, with an array of ranks, and the same with weights.
    /// Null for a group without values.
    pub(super) fn percentile_array(
        &mut self,
        name: &str,
        arguments: &[&hir::Expr],
        call: &AggregateCall,
    ) -> Result<()> {
        let (operands, given) = split_ranks(name, arguments, call)?;
        let mut ranks = Vec::new();
        for rank in given {
            if rank.ty == ScalarType::Dynamic {
                let ScalarValue::Utf8View(Some(array)) = self.lowering.constant(rank)? else {
                    return Err(no_rank(call));
                };
                for rank in json::elements(&array).ok_or_else(|| no_rank(call))? {
                    ranks.push(checked(rank.parse().ok(), call)?);
                }
            } else {
                ranks.push(self.rank(rank, call)?);
            }
        }
        if ranks.is_empty() {
            return Err(no_rank(call));
        }
        let ty = match operands[0].ty {
            ScalarType::Int => ScalarType::Long,
            ScalarType::Decimal => ScalarType::Real,
            ty => ty,
        };
        let row = self.percentiles(&operands, &ranks, ty, call)?;
        let fields: Vec<Expr> = (0..ranks.len())
            .map(|position| field(row.clone(), position))
            .collect();
        let types = vec![ty; fields.len()];
        let pack = function::scalar("pack_array", &types, ScalarType::Dynamic)
            .ok_or_else(|| EngineError::not_supported("pack_array()", call.span))?;
        let has_values = fields[0].clone().is_not_null();
        self.outputs
            .push(when(has_values, pack.call(fields)).end()?);
        Ok(())
    }

    /// A struct of the percentiles of the first operand, weighted by the second if there is one.
    fn percentiles(
        &mut self,
        operands: &[&hir::Expr],
        ranks: &[f64],
        ty: ScalarType,
        call: &AggregateCall,
    ) -> Result<Expr> {
        use ScalarType::{DateTime, Int, Long, Real, TimeSpan};
        if !matches!(ty, Int | Long | Real | DateTime | TimeSpan) {
            return Err(EngineError::not_supported(
                format!("a percentile of {ty}"),
                call.span,
            ));
        }
        let value = self.lowering.value(operands[0], self.input)?;
        let value = match operands[0].ty {
            from if from == ty => value,
            from @ ScalarType::Decimal => function::convert(from, ty).call(vec![value]),
            _ => cast(value, ty),
        };
        let mut arguments = vec![self.below(value)];
        let udaf = match operands.get(1) {
            Some(weight) => {
                let weight = self.lowering.value(weight, self.input)?;
                arguments.push(self.below(cast(weight, Long)));
                aggregate::weighted_percentiles(ranks, &arrow_type(ty))
            }
            None => aggregate::percentiles(ranks, &arrow_type(ty)),
        };
        Ok(self.aggregate(udaf, arguments, None, false))
    }

    /// Whether operands of two calls are the same.
    fn same(&self, left: &[&hir::Expr], right: &[&hir::Expr]) -> Result<bool> {
        for (left, right) in left.iter().zip(right) {
            let left = self.lowering.value(left, self.input)?;
            if left != self.lowering.value(right, self.input)? {
                return Ok(false);
            }
        }
        Ok(true)
    }

    fn rank(&self, rank: &hir::Expr, call: &AggregateCall) -> Result<f64> {
        let rank = self.lowering.constant(rank)?;
        match rank.cast_to(&arrow_type(ScalarType::Real))? {
            ScalarValue::Float64(rank) => checked(rank, call),
            _ => Err(no_rank(call)),
        }
    }
}

/// The operands of a call, and its percentages.
fn split_ranks<'a, 'h>(
    name: &str,
    arguments: &'a [&'h hir::Expr],
    call: &AggregateCall,
) -> Result<(Vec<&'h hir::Expr>, &'a [&'h hir::Expr])> {
    let operands = if matches!(name, "percentilew" | "percentilesw_array") {
        2
    } else {
        1
    };
    let (operands, ranks) = arguments
        .split_at_checked(operands)
        .ok_or_else(|| no_rank(call))?;
    Ok((operands.to_vec(), ranks))
}

fn checked(rank: Option<f64>, call: &AggregateCall) -> Result<f64> {
    rank.filter(|rank| (0.0..=100.0).contains(rank))
        .ok_or_else(|| no_rank(call))
}

fn no_rank(call: &AggregateCall) -> EngineError {
    EngineError::Invalid {
        what: "a percentage is a number from 0 to 100".to_owned(),
        span: call.span,
    }
}
