//! Aggregates that end in a sketch or a schema, and covariances.

use std::sync::Arc;

use datafusion::common::ScalarValue;
use datafusion::functions::core::expr_fn::coalesce;
use datafusion::logical_expr::{AggregateUDF, Expr, lit};
use kql::hir::{self, AggregateCall};
use kql::types::ScalarType;

use super::super::Result;
use super::Layers;
use super::kinds::cast;
use crate::aggregate::{self, Of};
use crate::error::EngineError;
use crate::sketch::ACCURACY_DEFAULT;

impl Layers<'_, '_> {
    /// Zero for a group without values, as the other moments are.
    pub(super) fn covariance(
        &mut self,
        of: Of,
        arguments: &[&hir::Expr],
        filter: Option<&Expr>,
    ) -> Result<()> {
        let operands = arguments
            .iter()
            .map(|argument| self.real_argument(argument))
            .collect::<Result<Vec<_>>>()?;
        let covariance = self.aggregate(aggregate::covariance(of), operands, filter, false);
        self.outputs.push(coalesce(vec![covariance, lit(0.0)]));
        Ok(())
    }

    pub(super) fn schema(&mut self, value: &hir::Expr) -> Result<()> {
        let json = self.json(value)?;
        let json = self.below(json);
        let schema = self.aggregate(aggregate::schema(), vec![json], None, false);
        self.outputs.push(schema);
        Ok(())
    }

    pub(super) fn hll(
        &mut self,
        value: &hir::Expr,
        accuracy: Option<&hir::Expr>,
        filter: Option<&Expr>,
        call: &AggregateCall,
    ) -> Result<()> {
        let accuracy = match accuracy {
            Some(accuracy) => {
                let accuracy = self.lowering.constant(accuracy)?;
                accuracy.cast_to(&arrow::datatypes::DataType::Int64)?
            }
            None => ScalarValue::Int64(Some(ACCURACY_DEFAULT)),
        };
        let udaf = match accuracy {
            ScalarValue::Int64(Some(accuracy)) => aggregate::hll(accuracy),
            _ => None,
        };
        let udaf = udaf.ok_or_else(|| EngineError::Invalid {
            what: "the accuracy of a sketch is a number from 0 to 4".to_owned(),
            span: call.span,
        })?;
        let json = self.json(value)?;
        let json = self.below(json);
        let sketch = self.aggregate(udaf, vec![json], filter, false);
        self.outputs.push(sketch);
        Ok(())
    }

    pub(super) fn tdigest(&mut self, value: &hir::Expr, weight: Option<&hir::Expr>) -> Result<()> {
        let (ty, operand) = match value.ty {
            ty @ (ScalarType::DateTime | ScalarType::TimeSpan) => (ty, self.argument(value)?),
            ScalarType::Int | ScalarType::Long => {
                let operand = self.lowering.value(value, self.input)?;
                (
                    ScalarType::Long,
                    self.below(cast(operand, ScalarType::Long)),
                )
            }
            _ => (ScalarType::Real, self.real_argument(value)?),
        };
        let mut operands = vec![operand];
        if let Some(weight) = weight {
            let weight = self.lowering.value(weight, self.input)?;
            operands.push(self.below(cast(weight, ScalarType::Long)));
        }
        let udaf = aggregate::tdigest(ty, operands.len() > 1);
        let sketch = self.aggregate(udaf, operands, None, false);
        self.outputs.push(sketch);
        Ok(())
    }

    /// One sketch of many.
    pub(super) fn merged(&mut self, udaf: Arc<AggregateUDF>, sketch: &hir::Expr) -> Result<()> {
        let sketch = self.argument(sketch)?;
        let merged = self.aggregate(udaf, vec![sketch], None, false);
        self.outputs.push(merged);
        Ok(())
    }
}
