//! Decimals are stored in two ways (`types.rs`). Where both meet in operators of DataFusion, which
//! would make them what the wider values do not fit, they are brought together here.

use arrow::datatypes::DataType;
use datafusion::common::ScalarValue;
use datafusion::functions::core::expr_fn as core;
use datafusion::logical_expr::{Cast, Expr, ExprSchemable, lit};
use kql::hir::{self, Plan};
use kql::span::Span;
use kql::types::ScalarType;

use super::relation::Relation;
use super::{Lowering, Result};
use crate::error::EngineError;
use crate::types::{DECIMAL_SCALE, WHOLE_DECIMAL, arrow_type};

/// Holds decimals of both kinds.
const WIDE_DECIMAL: DataType = DataType::Decimal256(76, DECIMAL_SCALE);

impl Lowering<'_> {
    /// The Arrow type of the values of an expression.
    pub(super) fn stored_type(&self, expr: &hir::Expr, input: &Relation) -> Result<DataType> {
        if expr.ty != ScalarType::Decimal {
            return Ok(arrow_type(expr.ty));
        }
        let value = self.value(expr, input)?;
        Ok(value.get_type(input.plan.schema())?)
    }

    /// Values of a KQL type as operands that compare.
    pub(super) fn comparable<const N: usize>(
        values: [Expr; N],
        ty: ScalarType,
        input: &Relation,
    ) -> Result<[Expr; N]> {
        if !are_mixed(&values, ty, input)? {
            return Ok(values);
        }
        Ok(values.map(|value| Expr::Cast(Cast::new(Box::new(value), WIDE_DECIMAL))))
    }

    /// Values of a KQL type of which one is chosen: constants among them take the form of others.
    pub(super) fn choosable(
        values: Vec<Expr>,
        ty: ScalarType,
        input: &Relation,
    ) -> Result<Vec<Expr>> {
        if !are_mixed(&values, ty, input)? {
            return Ok(values);
        }
        let one = 10_i128.pow(DECIMAL_SCALE.unsigned_abs().into());
        let values = values.into_iter().map(|value| match &value {
            Expr::Literal(ScalarValue::Decimal128(unscaled, _, DECIMAL_SCALE), _)
                if unscaled.is_none_or(|unscaled| unscaled % one == 0) =>
            {
                let whole = unscaled.map(|unscaled| unscaled / one);
                lit(ScalarValue::Decimal128(whole, 38, 0))
            }
            _ => value,
        });
        Ok(values.collect())
    }

    /// The legs of a union with one way of storing each column of decimals. Columns that a leg
    /// does not have take that of the others.
    pub(super) fn stored_alike(
        legs: Vec<Relation>,
        missing: &[Vec<bool>],
        output: &Plan,
    ) -> Result<Vec<Relation>> {
        let is_whole = |leg: &Relation, position: usize| {
            *leg.plan.schema().field(position).data_type() == WHOLE_DECIMAL
        };
        let mixed: Vec<usize> = (0..output.schema.len())
            .filter(|position| {
                let wholes = legs.iter().filter(|leg| is_whole(leg, *position)).count();
                wholes > 0 && wholes < legs.len()
            })
            .collect();
        if mixed.is_empty() {
            return Ok(legs);
        }
        let mut alike = Vec::with_capacity(legs.len());
        for (leg, missing) in legs.into_iter().zip(missing) {
            let mut columns = leg.columns();
            for position in &mixed {
                if is_whole(&leg, *position) {
                    continue;
                }
                if !missing[*position] {
                    let what = "a `union` of version numbers with other decimals";
                    return Err(EngineError::not_supported(what, output.span));
                }
                let name = leg.plan.schema().field(*position).name().clone();
                columns[*position] = lit(ScalarValue::Decimal128(None, 38, 0)).alias(name);
            }
            alike.push(leg.project(columns)?);
        }
        Ok(alike)
    }

    /// An error if a step that knows decimals of one kind only gets version numbers.
    pub(super) fn without_versions(input: Relation, step: &str, span: Span) -> Result<Relation> {
        let fields = input.plan.schema().fields().iter().take(input.width);
        let mut types = fields.map(|field| field.data_type());
        if types.any(|data_type| *data_type == WHOLE_DECIMAL) {
            let what = format!("`{step}` over the results of `parse_version()`");
            return Err(EngineError::not_supported(what, span));
        }
        Ok(input)
    }

    /// The greatest or least of several values, or the first that is there: DataFusion's functions
    /// of version numbers, which KQL's own would make decimals that they do not fit.
    pub(super) fn chosen_version(
        &self,
        function: &str,
        values: &[hir::Expr],
        ty: ScalarType,
        input: &Relation,
    ) -> Result<Option<Expr>> {
        let choose = match function {
            "coalesce" => core::coalesce,
            "max_of" => core::greatest,
            "min_of" => core::least,
            _ => return Ok(None),
        };
        if ty != ScalarType::Decimal {
            return Ok(None);
        }
        let values = values.iter().map(|value| self.value(value, input));
        let values = Self::choosable(values.collect::<Result<_>>()?, ty, input)?;
        for value in &values {
            if value.get_type(input.plan.schema())? != WHOLE_DECIMAL {
                return Ok(None);
            }
        }
        Ok(Some(choose(values)))
    }
}

/// Whether some of these decimals are stored in one way and some in the other.
fn are_mixed(values: &[Expr], ty: ScalarType, input: &Relation) -> Result<bool> {
    if ty != ScalarType::Decimal {
        return Ok(false);
    }
    let mut wholes = 0;
    for value in values {
        wholes += usize::from(value.get_type(input.plan.schema())? == WHOLE_DECIMAL);
    }
    Ok(wholes > 0 && wholes < values.len())
}
