//! Plugins that find patterns of discrete values.

use datafusion::common::ScalarValue;
use kql::types::ScalarType;

use super::plugin::Call;
use super::relation::Relation;
use super::{Lowering, Result, literal, output_name};
use crate::function;
use crate::plugin::columns::plan_schema;
use crate::plugin::pattern::{PatternSearch, Search, TextDifferences};
use crate::plugin::timeline::number;

/// The part of the rows from which on a pattern is one.
const THRESHOLDS: std::ops::RangeInclusive<f64> = 0.015..=1.0;
/// Where the query says nothing.
const THRESHOLD: f64 = 0.05;
/// Attributes that determine a pattern of `basket`, where the query says nothing.
const DIMENSIONS: usize = 5;
/// Words of a text that `diffpatterns_text` looks at.
const WORDS: usize = 20;
/// What it can be asked to find in a pattern at least.
const FEWEST_WORDS_MAX: usize = 200;
/// Rows from which `autocluster` starts, where the query says nothing, and at most.
const SEEDS: usize = 25;
const SEEDS_MAX: usize = 1_000;

impl Lowering<'_> {
    pub(super) fn pattern_search(&self, call: &Call<'_>) -> Result<Relation> {
        let search = match call.function.name {
            "autocluster" => {
                let size_weight = self.real(call, "SizeWeight")?.unwrap_or(0.5);
                if !(0.0..=1.0).contains(&size_weight) {
                    return Err(call.invalid("SizeWeight must be from 0 to 1"));
                }
                let seeds = self.count(call, "NumSeeds")?.unwrap_or(SEEDS);
                Search::Clusters {
                    size_weight,
                    seeds: seeds.clamp(1, SEEDS_MAX),
                }
            }
            "basket" => Search::Frequent {
                threshold: self.threshold(call)?,
                dimensions: self.count(call, "MaxDimensions")?.unwrap_or(DIMENSIONS),
            },
            _ => {
                let value = |parameter: &str| -> Result<String> {
                    let value = self.text(call, parameter)?;
                    value.ok_or_else(|| call.invalid(format!("{parameter} has no value")))
                };
                Search::Differences {
                    split: call.column("SplitColumn")?,
                    values: [value("SplitValueA")?, value("SplitValueB")?],
                    threshold: self.threshold(call)?,
                    dimensions: self.count(call, "MaxDimensions")?.unwrap_or(usize::MAX),
                }
            }
        };
        let columns = call.input.schema.columns();
        let weight = match call.expr("WeightColumn") {
            Some(_) => Some(call.column("WeightColumn")?),
            None => None,
        };
        let ty = weight.map(|weight| columns[weight].ty);
        if let Some(ty) = ty.filter(|ty| !ty.is_numeric()) {
            return Err(call.invalid(format!("the weight is of type {ty}, not a number")));
        }
        let wildcards = call.exprs("CustomWildcard");
        let wildcard = |ty: ScalarType| -> Result<ScalarValue> {
            match wildcards.iter().find(|wildcard| wildcard.ty == ty) {
                Some(wildcard) => self.constant(wildcard),
                None => Ok(literal::missing(ty)?),
            }
        };
        let table = PatternSearch {
            name: call.function.name,
            types: columns.iter().map(|column| column.ty).collect(),
            search,
            weight,
            wildcards: columns
                .iter()
                .map(|column| wildcard(column.ty))
                .collect::<Result<_>>()?,
            output: plan_schema(&call.output.schema, output_name),
        };
        let name = call.function.name;
        let input = Self::without_versions(self.plan(call.input)?, name, call.output.span)?;
        self.whole(input, table)
    }

    pub(super) fn text_differences(&self, call: &Call<'_>) -> Result<Relation> {
        let within = |parameter: &str, most: usize| -> Result<Option<usize>> {
            let Some(value) = self.argument(call, parameter)? else {
                return Ok(None);
            };
            let count = number(&value).and_then(|count| usize::try_from(count).ok());
            let message = format!("{parameter} must be from 0 to {most}");
            let count = count.filter(|count| *count <= most);
            count.map(Some).ok_or_else(|| call.invalid(message))
        };
        let table = TextDifferences {
            fewest: within("MinTokens", FEWEST_WORDS_MAX)?.unwrap_or(1),
            most: within("MaxTokens", WORDS)?.unwrap_or(WORDS),
            threshold: self.threshold(call)?,
            output: plan_schema(&call.output.schema, output_name),
        };
        let text = call.column("TextColumn")?;
        let Some(condition) = call.expr("BooleanCondition") else {
            return Err(call.invalid("BooleanCondition is missing"));
        };
        let input = self.with_windows(self.plan(call.input)?, [condition])?;
        let condition = self.value(condition, &input)?.alias(self.hidden_name());
        let ty = call.input.schema.columns()[text].ty;
        let text = match ty {
            ScalarType::String => input.column(text),
            ty => function::convert(ty, ScalarType::String).call(vec![input.column(text)]),
        };
        let columns = vec![text.alias(self.hidden_name()), condition];
        self.whole(input.project(columns)?, table)
    }

    fn threshold(&self, call: &Call<'_>) -> Result<f64> {
        let threshold = self.real(call, "Threshold")?.unwrap_or(THRESHOLD);
        if THRESHOLDS.contains(&threshold) {
            return Ok(threshold);
        }
        let (least, most) = (THRESHOLDS.start(), THRESHOLDS.end());
        Err(call.invalid(format!("Threshold must be from {least} to {most}")))
    }

    fn real(&self, call: &Call<'_>, parameter: &str) -> Result<Option<f64>> {
        let Some(value) = self.argument(call, parameter)? else {
            return Ok(None);
        };
        let real = match &value {
            ScalarValue::Float64(value) => *value,
            other => number(other).map(|number| number as f64),
        };
        let message = format!("{parameter} is not a number");
        real.map(Some).ok_or_else(|| call.invalid(message))
    }

    fn count(&self, call: &Call<'_>, parameter: &str) -> Result<Option<usize>> {
        let Some(value) = self.argument(call, parameter)? else {
            return Ok(None);
        };
        let count = number(&value).and_then(|count| usize::try_from(count).ok());
        let message = format!("{parameter} must be above zero");
        let count = count.filter(|count| *count > 0);
        count.map(Some).ok_or_else(|| call.invalid(message))
    }
}
