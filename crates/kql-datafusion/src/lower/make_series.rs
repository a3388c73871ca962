//! `make-series`: `summarize` by the keys and the number of the bin, and an own plan node that
//! puts the few rows of each key together to arrays. The ends of the axis filter the input, so
//! that scans prune by them.

use datafusion::common::ScalarValue;
use datafusion::logical_expr::{Expr, LogicalPlan, LogicalPlanBuilder};
use kql::hir::{self, ExprKind, MakeSeries, Plan, PlanKind};
use kql::types::{ScalarType, Value};

use super::relation::Relation;
use super::{Lowering, Result, column, output_name};
use crate::error::EngineError;
use crate::function::{Bins, Ends};
use crate::node::make_series::{LENGTH_MAX, Layout, Series};
use crate::node::step::Step;
use crate::types::unix_ns_to_ticks;

impl Lowering<'_> {
    pub(super) fn make_series(&self, series: &MakeSeries, output: &Plan) -> Result<Relation> {
        let arguments = series.aggregates.iter().flat_map(|call| &call.arguments);
        let over_input = series.keys.iter().chain([&series.axis]).chain(arguments);
        let input = self.with_windows(self.plan(&series.input)?, over_input)?;
        let bins = self.bins_of(series)?;
        let axis = self.value(&series.axis, &input)?;
        let within = self.within_ends(series, &axis, &input)?;
        let input = input.map(|plan| LogicalPlanBuilder::from(plan).filter(within)?.build())?;
        let mut groups = Vec::with_capacity(series.keys.len() + 1);
        for key in &series.keys {
            groups.push(self.value(key, &input)?);
        }
        groups.push(bins.numbering(series.axis.ty).call(vec![axis]));
        let mut keys: Vec<String> = groups.iter().map(|_| self.hidden_name()).collect();
        let results = series.aggregates.iter().flat_map(|call| &call.outputs);
        let results: Vec<String> = results.map(|_| self.hidden_name()).collect();
        let names = [&keys[..], &results[..]].concat();
        let aggregated = self.aggregated(input, groups, &series.aggregates, names)?;

        // The values of the series are expressions over the results of the aggregates.
        let width = results.len();
        let columns = results.iter().chain(&keys).map(column);
        let plan = LogicalPlanBuilder::from(aggregated.plan)
            .project(columns.collect::<Vec<_>>())?
            .build()?;
        let results = Relation::unordered(plan, width);
        let bin = keys
            .pop()
            .ok_or_else(|| invalid("a series has bins", output))?;
        let mut columns: Vec<Expr> = keys.iter().map(column).collect();
        columns.push(column(&bin));
        let PlanKind::Project {
            columns: values, ..
        } = &*series.values.kind
        else {
            return Err(invalid("a series has values", output));
        };
        let mut made = Vec::with_capacity(values.len());
        for (position, value) in values.iter().enumerate() {
            let json = to_dynamic(value.clone());
            let name = self.hidden_name();
            columns.push(self.value(&json, &results)?.alias(&name));
            let default = series.defaults.get(position).and_then(Option::as_ref);
            made.push(Series {
                value: name,
                output: self.hidden_name(),
                default: self.default_json(default, value)?,
            });
        }
        let plan = LogicalPlanBuilder::from(results.plan)
            .project(columns)?
            .build()?;
        let layout = Layout {
            keys,
            bin,
            series: made,
            axis: self.hidden_name(),
            bins,
            nonempty: series.nonempty,
        };
        Self::assembled(plan, layout, output)
    }

    /// The own node, and above it the columns under their names.
    fn assembled(plan: LogicalPlan, layout: Layout, output: &Plan) -> Result<Relation> {
        let names = layout.keys.iter();
        let names = names.chain(layout.series.iter().map(|series| &series.output));
        let columns: Vec<Expr> = names
            .chain([&layout.axis])
            .zip(output.schema.columns())
            .map(|(name, visible)| column(name).alias(output_name(&visible.name)))
            .collect();
        let node = Step::plan(plan, layout)?;
        let plan = LogicalPlanBuilder::from(node).project(columns)?.build()?;
        Ok(Relation::unordered(plan, output.schema.len()))
    }

    /// The bins that the constants of the query make.
    fn bins_of(&self, series: &MakeSeries) -> Result<Bins> {
        let wrong = || {
            invalid_expr(
                "the step of a series must be a positive value",
                &series.step,
            )
        };
        let given = [series.from.as_ref(), series.to.as_ref()];
        let types = given.iter().flatten().map(|end| end.ty);
        let mut types = types.chain([series.axis.ty, series.step.ty]);
        let real = types.any(|ty| matches!(ty, ScalarType::Real | ScalarType::Decimal));
        let bins = if real {
            let step = self.constant_real(&series.step)?.ok_or_else(wrong)?;
            let ends = self.ends(series, Self::constant_real)?;
            Bins::real(ends, step)
        } else {
            let step = self.constant_whole(&series.step)?.ok_or_else(wrong)?;
            let ends = self.ends(series, Self::constant_whole)?;
            Bins::whole(series.axis.ty, ends, step)
        };
        let bins = bins.ok_or_else(wrong)?;
        if let (Some(first), Some(last)) = (bins.first, bins.last)
            && last.saturating_sub(first) >= LENGTH_MAX
        {
            let what = format!("a series has at most {LENGTH_MAX} bins, choose a larger step");
            return Err(invalid_expr(&what, &series.step));
        }
        Ok(bins)
    }

    fn ends<T>(
        &self,
        series: &MakeSeries,
        read: impl Fn(&Self, &hir::Expr) -> Result<Option<T>>,
    ) -> Result<Ends<T>> {
        let end = |end: &Option<hir::Expr>| {
            let Some(end) = end else { return Ok(None) };
            let value = read(self, end)?;
            let missing = || invalid_expr("an end of a series must not be null", end);
            value.ok_or_else(missing).map(Some)
        };
        Ok(Ends {
            from: end(&series.from)?,
            to: end(&series.to)?,
            inclusive: series.inclusive,
        })
    }

    /// A constant integer, or a constant time in ticks.
    fn constant_whole(&self, expr: &hir::Expr) -> Result<Option<i64>> {
        Ok(match self.constant(expr)? {
            ScalarValue::Int32(value) => value.map(i64::from),
            ScalarValue::Int64(value) => value,
            ScalarValue::TimestampNanosecond(ns, _) => ns.map(unix_ns_to_ticks),
            ScalarValue::DurationNanosecond(ns) => ns.map(|ns| ns.div_euclid(100)),
            _ => None,
        })
    }

    fn constant_real(&self, expr: &hir::Expr) -> Result<Option<f64>> {
        let value = self.constant(&converted(expr.clone(), ScalarType::Real))?;
        Ok(match value {
            ScalarValue::Float64(value) => value,
            _ => None,
        })
    }

    /// The rows between the ends. Ends of another type than the axis are left to the bins.
    fn within_ends(&self, series: &MakeSeries, axis: &Expr, input: &Relation) -> Result<Expr> {
        let mut within = axis.clone().is_not_null();
        if let Some(from) = &series.from
            && from.ty == series.axis.ty
        {
            within = within.and(axis.clone().gt_eq(self.value(from, input)?));
        }
        if let Some(to) = &series.to
            && to.ty == series.axis.ty
        {
            let to = self.value(to, input)?;
            within = within.and(if series.inclusive {
                axis.clone().lt_eq(to)
            } else {
                axis.clone().lt(to)
            });
        }
        Ok(within)
    }

    /// What stands in bins without rows, as JSON: the default in the type of the series, or zero.
    fn default_json(&self, default: Option<&hir::Expr>, value: &hir::Expr) -> Result<String> {
        use ScalarType::{Decimal, Dynamic, Int, Long, Real, TimeSpan};
        let default = match default {
            Some(default) if value.ty == Dynamic => default.clone(),
            Some(default) => converted(default.clone(), value.ty),
            None if matches!(value.ty, Int | Long | Real | Decimal | TimeSpan) => {
                let zero = hir::Expr {
                    kind: ExprKind::Literal(Value::Long(0)),
                    ty: Long,
                    span: value.span,
                };
                converted(zero, value.ty)
            }
            None => hir::Expr::missing(value.ty, value.span),
        };
        Ok(match self.constant(&to_dynamic(default))? {
            ScalarValue::Utf8View(Some(json)) => json,
            _ => "null".to_owned(),
        })
    }
}

fn converted(expr: hir::Expr, ty: ScalarType) -> hir::Expr {
    if expr.ty == ty {
        return expr;
    }
    let span = expr.span;
    let kind = ExprKind::Convert(Box::new(expr));
    hir::Expr { kind, ty, span }
}

fn to_dynamic(expr: hir::Expr) -> hir::Expr {
    converted(expr, ScalarType::Dynamic)
}

fn invalid(what: &str, plan: &Plan) -> EngineError {
    let (what, span) = (what.to_owned(), plan.span);
    EngineError::Invalid { what, span }
}

fn invalid_expr(what: &str, expr: &hir::Expr) -> EngineError {
    let (what, span) = (what.to_owned(), expr.span);
    EngineError::Invalid { what, span }
}
