//! `summarize`. Keys and arguments are computed below the aggregation, neutral values and
//! conversions above it, so that the aggregation itself sees columns only.

mod kinds;
mod percentile;
mod sketch;

use std::sync::Arc;

use datafusion::functions_aggregate::{bit_and_or_xor, count, stddev, variance};
use datafusion::logical_expr::expr::AggregateFunction;
use datafusion::logical_expr::{AggregateUDF, Expr, LogicalPlan, LogicalPlanBuilder, lit};
use kql::hir::{self, AggregateCall, Plan};

use super::group::carried_value;
use super::relation::Relation;
use super::{Lowering, Result, column, output_name};
use crate::aggregate::{self, Best, Of};
use crate::error::EngineError;

/// The three layers of an aggregation.
struct Layers<'l, 'a> {
    lowering: &'l Lowering<'a>,
    input: &'l Relation,
    calls: &'l [AggregateCall],
    /// Below: expressions over the input, and their names.
    arguments: Vec<(Expr, String)>,
    /// The aggregates over those columns, and the names of their results.
    aggregates: Vec<(Expr, String)>,
    /// Above: one expression per output column.
    outputs: Vec<Expr>,
    /// Which rows are aggregated, where not all are.
    alive: Option<Expr>,
}

impl Lowering<'_> {
    pub(super) fn summarize(
        &self,
        input: &Plan,
        keys: &[hir::Expr],
        aggregates: &[AggregateCall],
        output: &Plan,
    ) -> Result<Relation> {
        let arguments = aggregates.iter().flat_map(|call| &call.arguments);
        let input = self.with_windows(self.plan(input)?, keys.iter().chain(arguments))?;
        let input = self.extreme_rows(input, keys, aggregates, output)?;
        let mut values = Vec::with_capacity(keys.len());
        for key in keys {
            values.push(self.value(key, &input)?);
        }
        let columns = output.schema.columns().iter();
        let names = columns.map(|column| output_name(&column.name)).collect();
        self.aggregated(input, values, aggregates, names)
    }

    /// The keys and the aggregates, under the given names.
    pub(super) fn aggregated(
        &self,
        input: Relation,
        keys: Vec<Expr>,
        aggregates: &[AggregateCall],
        names: Vec<String>,
    ) -> Result<Relation> {
        let mut layers = Layers {
            lowering: self,
            input: &input,
            calls: aggregates,
            arguments: Vec::new(),
            aggregates: Vec::new(),
            outputs: Vec::new(),
            alive: None,
        };
        let mut groups = Vec::with_capacity(keys.len());
        let mut hidden = Vec::new();
        let mut carried = Vec::new();
        let mut above = input.groups.clone();
        if let Some(own) = &mut above {
            for key in &own.keys {
                let group = layers.below(column(key));
                hidden.push(group.clone().alias(key));
                groups.push(group);
            }
            for name in &own.carried {
                let value = layers.below(column(name));
                let value = carried_value(value, name, input.plan.schema());
                let aggregate = self.hidden_name();
                hidden.push(column(&aggregate).alias(name));
                carried.push(value.alias(aggregate));
            }
            if keys.is_empty() {
                // Each group becomes a row, those without rows too.
                let alive = own.alive.take();
                layers.alive = alive.map(|alive| layers.below(column(alive)));
            } else if let Some(alive) = &own.alive {
                let group = layers.below(column(alive));
                hidden.push(group.clone().alias(alive));
                groups.push(group);
            }
        }
        for key in keys {
            let key = layers.below(key);
            if !groups.contains(&key) {
                groups.push(key.clone());
            }
            layers.outputs.push(key);
        }
        for call in aggregates {
            layers.call(call)?;
        }
        let Layers {
            arguments,
            aggregates,
            outputs,
            ..
        } = layers;
        let named = |(expr, name): (Expr, String)| expr.alias(name);
        let arguments: Vec<Expr> = arguments.into_iter().map(named).collect();
        let mut aggregates: Vec<Expr> = aggregates.into_iter().map(named).collect();
        aggregates.extend(carried);
        let plan: LogicalPlan = if arguments.is_empty() {
            input.plan
        } else {
            LogicalPlanBuilder::from(input.plan)
                .project(arguments)?
                .build()?
        };
        let is_one_row = groups.is_empty();
        let mut plan = LogicalPlanBuilder::from(plan).aggregate(groups, aggregates)?;
        if is_one_row {
            // A filter without columns would be moved below the aggregate, which then yields its
            // row for no input; filters are not moved past a limit.
            plan = plan.limit(0, Some(1))?;
        }
        let width = names.len();
        let outputs = outputs.into_iter().zip(names);
        let outputs = outputs.map(|(expr, name)| expr.alias(name)).chain(hidden);
        let plan = plan.project(outputs.collect::<Vec<_>>())?.build()?;
        Ok(Relation {
            groups: above,
            ..Relation::unordered(plan, width)
        })
    }
}

impl Layers<'_, '_> {
    /// Computes an expression below the aggregation, once for all that use it.
    fn below(&mut self, expr: Expr) -> Expr {
        if let Some((_, name)) = self.arguments.iter().find(|(known, _)| *known == expr) {
            return column(name);
        }
        let name = self.lowering.hidden_name();
        self.arguments.push((expr, name.clone()));
        column(name)
    }

    /// Adds an aggregate over columns, once for all that use it: DataFusion fails on two that are
    /// equal.
    fn aggregate(
        &mut self,
        udaf: Arc<AggregateUDF>,
        arguments: Vec<Expr>,
        filter: Option<&Expr>,
        distinct: bool,
    ) -> Expr {
        let filter = match (filter.cloned(), self.alive.clone()) {
            (Some(filter), Some(alive)) => Some(filter.and(alive)),
            (filter, alive) => filter.or(alive),
        };
        let filter = filter.map(Box::new);
        let call = AggregateFunction::new_udf(udaf, arguments, distinct, filter, Vec::new(), None);
        let call = Expr::AggregateFunction(call);
        if let Some((_, name)) = self.aggregates.iter().find(|(known, _)| *known == call) {
            return column(name);
        }
        let name = self.lowering.hidden_name();
        self.aggregates.push((call, name.clone()));
        column(name)
    }

    fn call(&mut self, call: &AggregateCall) -> Result<()> {
        let (name, predicate) = split_predicate(call.function.name);
        let mut arguments: Vec<&hir::Expr> = call.arguments.iter().collect();
        let filter = match predicate {
            Some(position) if position < arguments.len() => {
                let predicate = arguments.remove(position);
                let predicate = self.lowering.predicate(predicate, self.input)?;
                Some(self.below(predicate))
            }
            _ => None,
        };
        let filter = filter.as_ref();
        let unsupported = || {
            let what = format!("aggregate `{}`", call.function.name);
            EngineError::not_supported(what, call.span)
        };
        let Some(first) = arguments.first().copied() else {
            if name != "count" {
                return Err(unsupported());
            }
            let rows = self.aggregate(count::count_udaf(), vec![lit(1_i64)], filter, false);
            self.outputs.push(rows);
            return Ok(());
        };
        if self.lowering.reads_unknown_column(first) && needs_type(name) {
            // There has to be an aggregate where there are no keys.
            self.aggregate(count::count_udaf(), vec![lit(1_i64)], filter, false);
            for ty in &call.outputs {
                self.outputs.push(Lowering::nothing(*ty)?);
            }
            return Ok(());
        }
        let ty = call.outputs.first().copied().unwrap_or(first.ty);
        match name {
            "sum" => self.sum(first, ty, filter)?,
            "avg" => self.average(first, ty, filter)?,
            "min" | "max" => self.extreme_value(name == "max", first, filter)?,
            "dcount" => {
                let value = self.argument(first)?;
                let udaf =
                    aggregate::distinct_count(&self.lowering.stored_type(first, self.input)?);
                let distinct = self.aggregate(udaf, vec![value], filter, false);
                self.outputs.push(distinct);
            }
            "count_distinct" => {
                let value = self.argument(first)?;
                let distinct = self.aggregate(count::count_udaf(), vec![value], filter, true);
                self.outputs.push(distinct);
            }
            "make_list"
            | "make_list_with_nulls"
            | "makelist"
            | "make_set"
            | "makeset"
            | "make_bag" => {
                let most = self.most(name, arguments.get(1).copied())?;
                self.collect(name, first, most, filter)?;
            }
            "arg_max" => self.row_of_extreme(Best::Greatest, &arguments, filter)?,
            "arg_min" => self.row_of_extreme(Best::Least, &arguments, filter)?,
            "take_any" | "passthrough" => self.any_row(&arguments, filter)?,
            "stdev" => self.moment(stddev::stddev_udaf(), first, filter)?,
            "stdevp" => self.moment(stddev::stddev_pop_udaf(), first, filter)?,
            "variance" => self.moment(variance::var_samp_udaf(), first, filter)?,
            "variancep" => self.moment(variance::var_pop_udaf(), first, filter)?,
            "percentile" | "percentilew" => self.percentile(name, &arguments, ty, call)?,
            "percentiles_array" | "percentilesw_array" => {
                self.percentile_array(name, &arguments, call)?;
            }
            "covariance" => self.covariance(Of::Sample, &arguments, filter)?,
            "covariancep" => self.covariance(Of::Population, &arguments, filter)?,
            "buildschema" => self.schema(first)?,
            "hll" => self.hll(first, arguments.get(1).copied(), filter, call)?,
            "hll_merge" => self.merged(aggregate::hll_merge(), first)?,
            "tdigest" => self.tdigest(first, arguments.get(1).copied())?,
            "tdigest_merge" => self.merged(aggregate::tdigest_merge(), first)?,
            "binary_all_and" => self.bits(bit_and_or_xor::bit_and_udaf(), first)?,
            "binary_all_or" => self.bits(bit_and_or_xor::bit_or_udaf(), first)?,
            "binary_all_xor" => self.bits(bit_and_or_xor::bit_xor_udaf(), first)?,
            _ => return Err(unsupported()),
        }
        Ok(())
    }

    /// An argument, computed below.
    fn argument(&mut self, expr: &hir::Expr) -> Result<Expr> {
        let value = self.lowering.value(expr, self.input)?;
        Ok(self.below(value))
    }
}

/// Whether an aggregate can only be computed of values of a known type.
fn needs_type(name: &str) -> bool {
    let computes = [
        "sum",
        "avg",
        "min",
        "max",
        "stdev",
        "variance",
        "percentile",
        "binary_all",
    ];
    computes.iter().any(|computes| name.starts_with(computes))
}

/// The aggregate without its `if`, and the position of its predicate.
fn split_predicate(name: &str) -> (&str, Option<usize>) {
    match name {
        "countif" => ("count", Some(0)),
        "make_list_if" => ("make_list", Some(1)),
        "make_set_if" => ("make_set", Some(1)),
        "make_bag_if" => ("make_bag", Some(1)),
        "hll_if" => ("hll", Some(1)),
        "covarianceif" => ("covariance", Some(2)),
        "covariancepif" => ("covariancep", Some(2)),
        _ => match name.strip_suffix("if") {
            Some(base) => (base, Some(1)),
            None => (name, None),
        },
    }
}
