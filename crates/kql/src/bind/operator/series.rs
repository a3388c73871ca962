//! `make-series`.

use std::cell::RefCell;

use super::subquery::projection;
use crate::bind::aggregate::Aggregation;
use crate::bind::expression::Row;
use crate::bind::source::named;
use crate::bind::table::{Outputs, Table};
use crate::bind::{Attempt, Binder, Reported, code, coerce};
use crate::hir::{Expr, MakeSeries, PlanKind};
use crate::span::Span;
use crate::syntax::ast::{self, SeriesRange};
use crate::types::{Column, ScalarType, Schema};

/// The bins of a series.
struct Bins {
    from: Option<Expr>,
    to: Option<Expr>,
    step: Expr,
    inclusive: bool,
}

impl<'a> Binder<'a> {
    pub(super) fn make_series(
        &mut self,
        table: Table,
        series: &'a ast::MakeSeries,
        span: Span,
    ) -> Table {
        let mut nonempty = false;
        for property in self.properties(&series.properties, &["kind"]) {
            nonempty = self.property_word(property, &["nonempty"]).is_ok();
        }
        self.check_hints(&series.properties, &table, &[]);
        let mut outputs = Outputs::over(&table);
        let mut keys = Vec::with_capacity(series.by.len());
        for key in &series.by {
            let (name, value) = named(key);
            let bound = self.scalar(value, Row::of(&table)).ok();
            let name = outputs.name(self, name, key.span);
            keys.extend(bound.clone());
            outputs.push(name, bound);
        }
        let aggregation = RefCell::new(Aggregation::default());
        let mut defaults = Vec::with_capacity(series.aggregates.len());
        for (aggregate, default) in &series.aggregates {
            let before = outputs.exprs().len();
            self.summary(aggregate, &table, &aggregation, &mut outputs);
            let default = default
                .as_ref()
                .and_then(|default| self.scalar(default, Row::NONE).ok());
            let made = outputs.exprs().len() - before;
            defaults.extend(std::iter::repeat_n(default, made));
        }
        let aggregation = aggregation.into_inner();
        let (name, value) = named(&series.axis);
        let axis = self.scalar(value, Row::of(&table));
        let name = outputs.name(self, name, series.axis.span);
        let values: Vec<Expr> = outputs.exprs()[keys.len()..].to_vec();
        outputs.push(name, axis.clone().ok());
        let columns = outputs.schema();
        let columns = columns.columns().iter().enumerate();
        let columns: Vec<Column> = columns
            .map(|(index, column)| {
                let is_key = index < keys.len();
                let ty = if is_key {
                    column.ty
                } else {
                    ScalarType::Dynamic
                };
                Column::new(column.name.clone(), ty)
            })
            .collect();
        let bins = self.bins(&series.range, axis.as_ref().ok());
        let mut broken = outputs.into_broken();
        let (Ok(axis), Ok(bins)) = (axis, bins) else {
            // The columns are known by name at least.
            broken.extend(columns.into_iter().map(|column| column.name));
            let mut result = Table::unknown(span);
            result.open = table.open;
            result.broken = broken;
            return result;
        };
        let values = projection(&aggregation.outputs, values, span);
        let mut result = table.then(Schema::new(columns), span, |input| {
            PlanKind::MakeSeries(MakeSeries {
                input,
                keys,
                axis,
                from: bins.from,
                to: bins.to,
                step: bins.step,
                inclusive: bins.inclusive,
                nonempty,
                aggregates: aggregation.calls,
                values,
                defaults,
            })
        });
        result.broken = broken;
        result.open = false;
        result
    }

    /// Ends and width of the bins, in types that go with the axis.
    fn bins(&mut self, range: &'a SeriesRange, axis: Option<&Expr>) -> Attempt<Bins> {
        let (from, to, step) = match range {
            SeriesRange::Step { from, to, step } => (from.as_deref(), to.as_deref(), &**step),
            SeriesRange::Range { arguments, span } => {
                let [from, to, step] = arguments.as_slice() else {
                    let message = "the range of a series has a start, an end and a step";
                    return Err(self.error(code::ARGUMENT_COUNT, *span, message));
                };
                (Some(from), Some(to), step)
            }
        };
        let from = from.map(|from| self.end_of_axis(from, axis));
        let to = to.map(|to| self.end_of_axis(to, axis));
        let bound = self.scalar(step, Row::NONE);
        let (from, to) = (from.transpose()?, to.transpose()?);
        let (step_expr, axis) = (bound?, axis.ok_or(Reported)?);
        let fits = match axis.ty {
            ScalarType::DateTime | ScalarType::TimeSpan => step_expr.ty == ScalarType::TimeSpan,
            ty => ty.is_numeric() && step_expr.ty.is_numeric(),
        };
        if !fits {
            let message = format!(
                "a series over type {} has no steps of type {}",
                axis.ty, step_expr.ty
            );
            return Err(self.error(code::OPERAND_TYPES, step.span, message));
        }
        Ok(Bins {
            from,
            to,
            step: step_expr,
            inclusive: matches!(range, SeriesRange::Range { .. }),
        })
    }

    fn end_of_axis(&mut self, end: &'a ast::Expr, axis: Option<&Expr>) -> Attempt<Expr> {
        let bound = self.scalar(end, Row::NONE)?;
        let Some(axis) = axis else {
            return Err(Reported);
        };
        if bound.ty == axis.ty {
            return Ok(bound);
        }
        if bound.ty.is_numeric() && axis.ty.is_numeric() {
            let ty = coerce::wider(bound.ty, axis.ty);
            return Ok(coerce::convert(bound, ty));
        }
        let message = format!(
            "the series is over type {}, its ends cannot be of type {}",
            axis.ty, bound.ty
        );
        Err(self.error(code::OPERAND_TYPES, end.span, message))
    }
}
