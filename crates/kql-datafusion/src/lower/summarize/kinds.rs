//! One function per kind of aggregate: what it computes below, which DataFusion or own aggregate
//! it is, and what becomes of the result.

use std::sync::Arc;

use arrow::datatypes::DataType;
use datafusion::common::ScalarValue;
use datafusion::functions::core::expr_fn::coalesce;
use datafusion::functions::core::get_field;
use datafusion::functions_aggregate::{average, count, min_max, sum};
use datafusion::logical_expr::{AggregateUDF, Cast, Expr, lit};
use kql::hir;
use kql::types::ScalarType;

use super::super::{Result, column, literal};
use super::Layers;
use crate::aggregate::{self, Best};
use crate::function;
use crate::types::arrow_type;

/// Most elements of `make_list`, `make_set` and `make_bag` unless the call says less.
const COLLECT_MAX: usize = 1_048_576;
/// Most elements of `makelist` and `makeset`.
const LEGACY_COLLECT_MAX: usize = 128;

impl Layers<'_, '_> {
    /// An argument as the integer underneath: itself, or the nanoseconds of a time.
    fn whole_argument(&mut self, expr: &hir::Expr) -> Result<Expr> {
        let value = self.lowering.value(expr, self.input)?;
        Ok(self.below(cast(value, ScalarType::Long)))
    }

    pub(super) fn sum(
        &mut self,
        value: &hir::Expr,
        ty: ScalarType,
        filter: Option<&Expr>,
    ) -> Result<()> {
        let whole = matches!(
            value.ty,
            ScalarType::Int | ScalarType::Long | ScalarType::TimeSpan
        );
        let argument = if whole {
            self.whole_argument(value)?
        } else {
            self.argument(value)?
        };
        let total = self.aggregate(sum::sum_udaf(), vec![argument], filter, false);
        let total = if whole {
            coalesce(vec![total, lit(0_i64)])
        } else if ty == ScalarType::Real {
            coalesce(vec![total, lit(0.0)])
        } else {
            let zero = ScalarValue::new_zero(&arrow_type(ty))?;
            coalesce(vec![cast(total, ty), lit(zero)])
        };
        self.outputs
            .push(if whole { cast(total, ty) } else { total });
        Ok(())
    }

    pub(super) fn average(
        &mut self,
        value: &hir::Expr,
        ty: ScalarType,
        filter: Option<&Expr>,
    ) -> Result<()> {
        let argument = match value.ty {
            ScalarType::DateTime | ScalarType::TimeSpan => {
                let whole = cast(self.lowering.value(value, self.input)?, ScalarType::Long);
                self.below(cast_exact(whole, DataType::Decimal128(19, 0)))
            }
            ScalarType::Decimal => self.argument(value)?,
            ScalarType::Int | ScalarType::Long => {
                // As `sum` does, the sum wraps around where it overflows.
                let argument = self.whole_argument(value)?;
                let sum = sum::sum_udaf();
                let total = self.aggregate(sum, vec![argument.clone()], filter, false);
                let total = cast(coalesce(vec![total, lit(0_i64)]), ScalarType::Real);
                let count = self.aggregate(count::count_udaf(), vec![argument], filter, false);
                self.outputs.push(total / cast(count, ScalarType::Real));
                return Ok(());
            }
            _ => {
                let real = cast(self.lowering.value(value, self.input)?, ScalarType::Real);
                self.below(real)
            }
        };
        let mean = self.aggregate(average::avg_udaf(), vec![argument], filter, false);
        self.outputs.push(match ty {
            ScalarType::Real => coalesce(vec![mean, lit(f64::NAN)]),
            ScalarType::DateTime | ScalarType::TimeSpan => cast(cast(mean, ScalarType::Long), ty),
            _ => cast(mean, ty),
        });
        Ok(())
    }

    pub(super) fn extreme_value(
        &mut self,
        greatest: bool,
        value: &hir::Expr,
        filter: Option<&Expr>,
    ) -> Result<()> {
        let argument = self.argument(value)?;
        let best = if value.ty == ScalarType::Real {
            // NaN is both minimum and maximum, which DataFusion's are not.
            let best = if greatest {
                Best::Greatest
            } else {
                Best::Least
            };
            let udaf = aggregate::extreme(best, &[arrow_type(value.ty)]);
            let row = self.aggregate(udaf, vec![argument], filter, false);
            field(row, 0)
        } else {
            let udaf = if greatest {
                min_max::max_udaf()
            } else {
                min_max::min_udaf()
            };
            self.aggregate(udaf, vec![argument], filter, false)
        };
        self.output(best, value.ty)
    }

    /// Adds an output that is null for a group without values, `""` for text.
    pub(super) fn output(&mut self, value: Expr, ty: ScalarType) -> Result<()> {
        self.outputs.push(if ty == ScalarType::String {
            coalesce(vec![value, lit(literal::missing(ty)?)])
        } else {
            value
        });
        Ok(())
    }

    pub(super) fn most(&self, name: &str, given: Option<&hir::Expr>) -> Result<usize> {
        let most = match given {
            Some(given) => match self.lowering.constant(given)? {
                ScalarValue::Int64(Some(most)) => usize::try_from(most).unwrap_or(0),
                _ => COLLECT_MAX,
            },
            None if matches!(name, "makelist" | "makeset") => LEGACY_COLLECT_MAX,
            None => COLLECT_MAX,
        };
        Ok(most.min(COLLECT_MAX))
    }

    /// An argument as JSON.
    pub(super) fn json(&self, value: &hir::Expr) -> Result<Expr> {
        let json = self.lowering.value(value, self.input)?;
        Ok(match value.ty {
            ScalarType::Dynamic => json,
            ty => function::convert(ty, ScalarType::Dynamic).call(vec![json]),
        })
    }

    pub(super) fn collect(
        &mut self,
        name: &str,
        value: &hir::Expr,
        most: usize,
        filter: Option<&Expr>,
    ) -> Result<()> {
        let mut json = self.json(value)?;
        let with_nulls = name == "make_list_with_nulls";
        if with_nulls {
            json = coalesce(vec![
                json,
                lit(ScalarValue::Utf8View(Some("null".to_owned()))),
            ]);
        }
        let mut arguments = vec![self.below(json)];
        let udaf = match name {
            "make_set" | "makeset" => aggregate::set(most),
            "make_bag" => aggregate::bag(most),
            _ => {
                let order = &self.input.order;
                if let Some(key) = aggregate::order_key(
                    order
                        .iter()
                        .map(|key| (column(&key.column), key.ascending, key.nulls_first)),
                    self.input.plan.schema(),
                )? {
                    arguments.push(self.below(key));
                }
                aggregate::list(most, with_nulls, arguments.len() > 1)
            }
        };
        let collected = self.aggregate(udaf, arguments, filter, false);
        self.outputs.push(collected);
        Ok(())
    }

    pub(super) fn row_of_extreme(
        &mut self,
        best: Best,
        values: &[&hir::Expr],
        filter: Option<&Expr>,
    ) -> Result<()> {
        let mut types = Vec::with_capacity(values.len());
        let mut arguments = Vec::with_capacity(values.len());
        for value in values {
            types.push(self.lowering.stored_type(value, self.input)?);
            arguments.push(self.argument(value)?);
        }
        let row = self.aggregate(aggregate::extreme(best, &types), arguments, filter, false);
        for (position, value) in values.iter().enumerate() {
            self.output(field(row.clone(), position), value.ty)?;
        }
        Ok(())
    }

    /// Any row; of a single column a value that is neither null nor empty, if there is one.
    pub(super) fn any_row(&mut self, values: &[&hir::Expr], filter: Option<&Expr>) -> Result<()> {
        let mut types = vec![arrow_type(ScalarType::Bool)];
        let mut arguments = Vec::with_capacity(values.len() + 1);
        let has_value = match values {
            [only] => {
                let value = self.lowering.value(only, self.input)?;
                if only.ty == ScalarType::String {
                    value.not_eq(lit(ScalarValue::Utf8View(Some(String::new()))))
                } else {
                    value.is_not_null()
                }
            }
            _ => lit(true),
        };
        arguments.push(self.below(has_value));
        for value in values {
            types.push(self.lowering.stored_type(value, self.input)?);
            arguments.push(self.argument(value)?);
        }
        let udaf = aggregate::extreme(Best::Greatest, &types);
        let row = self.aggregate(udaf, arguments, filter, false);
        for (position, value) in values.iter().enumerate() {
            self.output(field(row.clone(), position + 1), value.ty)?;
        }
        Ok(())
    }

    /// An argument as `todouble()` makes it.
    pub(super) fn real_argument(&mut self, value: &hir::Expr) -> Result<Expr> {
        let operand = self.lowering.value(value, self.input)?;
        let real = match value.ty {
            ScalarType::Real => operand,
            ScalarType::Int | ScalarType::Long => cast(operand, ScalarType::Real),
            ty => function::convert(ty, ScalarType::Real).call(vec![operand]),
        };
        Ok(self.below(real))
    }

    pub(super) fn moment(
        &mut self,
        udaf: Arc<AggregateUDF>,
        value: &hir::Expr,
        filter: Option<&Expr>,
    ) -> Result<()> {
        let argument = self.real_argument(value)?;
        let moment = self.aggregate(udaf, vec![argument], filter, false);
        self.outputs.push(coalesce(vec![moment, lit(0.0)]));
        Ok(())
    }

    pub(super) fn bits(&mut self, udaf: Arc<AggregateUDF>, value: &hir::Expr) -> Result<()> {
        let argument = self.argument(value)?;
        let bits = self.aggregate(udaf, vec![argument], None, false);
        self.outputs.push(bits);
        Ok(())
    }
}

pub(super) fn field(row: Expr, position: usize) -> Expr {
    get_field().call(vec![row, lit(format!("c{position}"))])
}

pub(super) fn cast(value: Expr, ty: ScalarType) -> Expr {
    cast_exact(value, arrow_type(ty))
}

fn cast_exact(value: Expr, ty: DataType) -> Expr {
    Expr::Cast(Cast::new(Box::new(value), ty))
}
