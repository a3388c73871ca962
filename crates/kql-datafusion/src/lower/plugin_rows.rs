//! Plugins that hand rows of their input on.

use datafusion::common::ScalarValue;
use datafusion::logical_expr::{Expr, LogicalPlanBuilder};
use kql::types::{Column, ScalarType, Schema};

use super::plugin::Call;
use super::relation::Relation;
use super::{Lowering, Result, output_name};
use crate::function;
use crate::plugin::columns::plan_schema;
use crate::plugin::rows_near::RowsNear;
use crate::plugin::schema_merge::SchemaMerge;
use crate::plugin::timeline::number;

impl Lowering<'_> {
    pub(super) fn rows_near(&self, call: &Call<'_>) -> Result<Relation> {
        let count = |parameter: &str| -> Result<Option<usize>> {
            let Some(value) = self.argument(call, parameter)? else {
                return Ok(None);
            };
            let count = number(&value).and_then(|count| usize::try_from(count).ok());
            let message = format!("{parameter} must be zero or above");
            count.map(Some).ok_or_else(|| call.invalid(message))
        };
        let before = count("NumRows")?.unwrap_or(0);
        let after = count("NumRowsAfter")?.unwrap_or(before);
        let conditions = call.exprs("Condition");
        let input = self.with_windows(self.plan(call.input)?, conditions.iter().copied())?;
        let mut columns: Vec<Expr> = input.columns();
        for condition in conditions {
            let condition = self.value(condition, &input)?;
            columns.push(condition.alias(self.hidden_name()));
        }
        let rows_near = RowsNear {
            before,
            after,
            output: plan_schema(&call.output.schema, output_name),
        };
        self.whole(input.project(columns)?, rows_near)
    }

    /// The first rows; how many there are in all is a second result, which has no place here.
    pub(super) fn preview(&self, call: &Call<'_>) -> Result<Relation> {
        let count = self.argument(call, "NumberOfRows")?;
        let count = count.as_ref().and_then(number);
        let count = count.ok_or_else(|| call.invalid("NumberOfRows has no value"))?;
        let count = usize::try_from(count).unwrap_or(0);
        self.plan(call.input)?.map_sorted(|plan| {
            LogicalPlanBuilder::from(plan)
                .limit(0, Some(count))?
                .build()
        })
    }

    pub(super) fn schema_merge(&self, call: &Call<'_>) -> Result<Relation> {
        let schema = &call.input.schema;
        let mut columns = Vec::new();
        for name in ["ColumnName", "ColumnOrdinal", "ColumnType"] {
            let position = schema.index_of(name);
            columns.push(position.ok_or_else(|| {
                call.invalid(format!(
                    "the input has no column `{name}`, as `getschema` tells it"
                ))
            })?);
        }
        let preserves_order = self.argument(call, "PreserveOrder")?;
        let merge = SchemaMerge {
            preserves_order: preserves_order != Some(ScalarValue::Boolean(Some(false))),
            types: self.types_of(call, &columns),
            output: plan_schema(&getschema(), output_name),
        };
        let merged = self.whole(self.columns_of(call, &columns)?, merge)?;
        let names = getschema();
        let columns = call.output.schema.columns().iter().map(|column| {
            let position = names.index_of(&column.name)?;
            Some(merged.column(position).alias(output_name(&column.name)))
        });
        let columns: Option<Vec<Expr>> = columns.collect();
        merged.project(
            columns.ok_or_else(|| {
                call.invalid("the input has other columns than `getschema` tells")
            })?,
        )
    }

    /// How many values the first sketch, the first two, the first three … have in common.
    pub(super) fn intersected_counts(&self, call: &Call<'_>) -> Result<Relation> {
        let sketches = call.exprs("hll");
        if !(2..=SKETCHES_MAX).contains(&sketches.len()) {
            return Err(call.invalid(format!("there must be 2 to {SKETCHES_MAX} sketches")));
        }
        let input = self.with_windows(self.plan(call.input)?, sketches.iter().copied())?;
        let mut columns = input.columns();
        let mut values = Vec::with_capacity(sketches.len());
        for sketch in sketches {
            let value = self.value(sketch, &input)?;
            values.push(match sketch.ty {
                ScalarType::Dynamic => value,
                ty => function::convert(ty, ScalarType::Dynamic).call(vec![value]),
            });
            columns.push(function::sketches_in_common(values.len()).call(values.clone()));
        }
        let output = call.output.schema.columns().iter();
        let columns = columns
            .into_iter()
            .zip(output)
            .map(|(value, column)| value.alias(output_name(&column.name)));
        input.project(columns.collect())
    }

    pub(super) fn counted_rows(&self, call: &Call<'_>) -> Result<Relation> {
        let input = self.plan(call.input)?.plan;
        let rows = datafusion::functions_aggregate::count::count_udaf();
        let one = datafusion::logical_expr::lit(1_i64);
        let name = output_name(&call.output.schema.columns()[0].name);
        let plan = LogicalPlanBuilder::from(input)
            .aggregate(Vec::<Expr>::new(), vec![rows.call(vec![one]).alias(name)])?
            .build()?;
        Ok(Relation::unordered(plan, 1))
    }
}

/// Most sketches of `dcount_intersect`.
const SKETCHES_MAX: usize = 16;

/// The columns that `getschema` tells of columns.
fn getschema() -> Schema {
    Schema::new([
        Column::new("ColumnName", ScalarType::String),
        Column::new("ColumnOrdinal", ScalarType::Long),
        Column::new("DataType", ScalarType::String),
        Column::new("ColumnType", ScalarType::String),
    ])
}
