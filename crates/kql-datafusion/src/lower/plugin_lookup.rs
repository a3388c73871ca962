//! Plugins that look rows up: the table that is looked into was read before and is kept in memory;
//! the rows that look into it stream.

use std::sync::Arc;

use arrow::array::{Array, ArrayRef, RecordBatch};
use arrow::compute::concat;
use datafusion::common::ScalarValue;
use datafusion::error::DataFusionError;
use datafusion::logical_expr::{Expr, LogicalPlan, LogicalPlanBuilder};
use kql::hir::{ExprKind, PluginValue};
use kql::types::{ScalarType, Schema};

use super::plugin::Call;
use super::prepare::{Answer, address};
use super::relation::{OrderKey, Relation};
use super::{Lowering, Result, column, output_name};
use crate::function::lookup::{self, Family, Networks};
use crate::function::{self, Input};
use crate::node::mv_expand::{MvExpand, MvExpandNames, MvExpandOptions};
use crate::node::step::Step;
use crate::types::arrow_type;

/// What places are looked up in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Shapes {
    Polygons,
    Lines,
}

impl Lowering<'_> {
    /// The table that a call looks values up in: the position of the column that they are looked
    /// for in, its columns and its rows.
    fn looked_into(&self, call: &Call<'_>) -> Result<(usize, &Schema, &[RecordBatch])> {
        let mut arguments = call.arguments.iter();
        let wanted = arguments.find_map(|argument| match argument.value {
            PluginValue::LookupColumn(position) => Some(position),
            _ => None,
        });
        let table = call
            .table()
            .and_then(|plan| self.subqueries.get(&address(plan)));
        let (Some(wanted), Some(Answer::Table(schema, batches))) = (wanted, table) else {
            return Err(call.refused());
        };
        Ok((wanted, schema, batches))
    }

    /// `ipv4_lookup` and `ipv6_lookup`.
    pub(super) fn address_lookup(&self, call: &Call<'_>, family: Family) -> Result<Relation> {
        let source = match family {
            Family::V4 => "SourceIPv4Key",
            Family::V6 => "SourceIPv6Key",
        };
        let source = call.column(source)?;
        let (wanted, schema, batches) = self.looked_into(call)?;
        let input_columns = call.input.schema.columns();
        // Pairs of columns that must be equal, too.
        let mut shared = Vec::new();
        for key in call.exprs("ExtraKey") {
            let ExprKind::Column(position) = key.kind else {
                continue;
            };
            let own = &input_columns[position];
            let other = schema.index_of(&own.name);
            let other = other.ok_or_else(|| {
                call.invalid(format!("the lookup table has no column `{}`", own.name))
            })?;
            let (left, right) = (own.ty, schema.columns()[other].ty);
            if left != right && !(left.is_integer() && right.is_integer()) {
                return Err(call.invalid(format!(
                    "the key `{}` is of type {left} here and {right} in the lookup table",
                    own.name
                )));
            }
            shared.push((position, other));
        }
        let mut networks = Networks::new(family);
        for batch in batches {
            let value = |at: usize| Input::new(batch.column(at), schema.columns()[at].ty);
            let ranges = value(wanted);
            let keys: Vec<Input> = shared.iter().map(|(_, other)| value(*other)).collect();
            let mut text = String::new();
            for row in 0..batch.num_rows() {
                text.clear();
                ranges.get(row).write_text(&mut text);
                networks.push(&text, keys.iter().map(|key| key.get(row)));
            }
        }
        let mut keys = vec![source];
        keys.extend(shared.iter().map(|(own, _)| *own));
        let types: Vec<ScalarType> = keys.iter().map(|key| input_columns[*key].ty).collect();
        let found = lookup::row_numbers(&self.hidden_name(), &types, Arc::new(networks));

        let input = self.plan(call.input)?;
        let found = found.call(keys.iter().map(|key| input.column(*key)).collect());
        let left_out: Vec<usize> = shared.iter().map(|(_, other)| *other).collect();
        let table = (schema, batches);
        self.looked_up(call, &input, found, table, &left_out)
    }

    /// `geo_polygon_lookup` and `geo_line_lookup`: each place is held against each shape.
    pub(super) fn place_lookup(&self, call: &Call<'_>, shapes: Shapes) -> Result<Relation> {
        let (wanted, schema, batches) = self.looked_into(call)?;
        let radius = match self.argument(call, "radius")? {
            Some(ScalarValue::Float64(radius)) => radius,
            _ => None,
        };
        if shapes == Shapes::Lines && radius.is_none() {
            return Err(call.invalid("radius has no value"));
        }
        let (test, result) = match (shapes, radius) {
            (Shapes::Polygons, None) => ("geo_point_in_polygon", ScalarType::Bool),
            (Shapes::Polygons, Some(_)) => ("geo_distance_point_to_polygon", ScalarType::Real),
            (Shapes::Lines, _) => ("geo_distance_point_to_line", ScalarType::Real),
        };
        let types = [ScalarType::Real, ScalarType::Real, ScalarType::Dynamic];
        let test = function::scalar(test, &types, result).ok_or_else(|| call.refused())?;
        let mut values = Vec::new();
        for batch in batches {
            for row in 0..batch.num_rows() {
                values.push(ScalarValue::try_from_array(batch.column(wanted), row)?);
            }
        }
        let found = lookup::places(&self.hidden_name(), test, values, radius);
        let input = self.plan(call.input)?;
        let mut place = Vec::new();
        for parameter in ["SourceLongitude", "SourceLatitude"] {
            let column = call.column(parameter)?;
            let ty = call.input.schema.columns()[column].ty;
            let value = input.column(column);
            place.push(match ty {
                ScalarType::Real => value,
                ty => function::convert(ty, ScalarType::Real).call(vec![value]),
            });
        }
        let keeps_key = matches!(
            self.argument(call, "return_lookup_key")?,
            Some(ScalarValue::Boolean(Some(true)))
        );
        let left_out = if keeps_key { vec![] } else { vec![wanted] };
        let table = (schema, batches);
        self.looked_up(call, &input, found.call(place), table, &left_out)
    }

    /// The rows of the input with those of a table whose numbers are in an array.
    fn looked_up(
        &self,
        call: &Call<'_>,
        input: &Relation,
        found: Expr,
        (schema, batches): (&Schema, &[RecordBatch]),
        left_out: &[usize],
    ) -> Result<Relation> {
        let returns_unmatched = matches!(
            self.argument(call, "return_unmatched")?,
            Some(ScalarValue::Boolean(Some(true)))
        );
        let (expanded, row, order) = self.expanded_lookup(input, found, returns_unmatched)?;
        let mut values = Vec::new();
        for (position, looked_up) in schema.columns().iter().enumerate() {
            if left_out.contains(&position) {
                continue;
            }
            let parts: Vec<&dyn Array> = batches.iter().map(|b| &**b.column(position)).collect();
            let array: ArrayRef = if parts.is_empty() {
                arrow::array::new_empty_array(&arrow_type(looked_up.ty))
            } else {
                concat(&parts).map_err(DataFusionError::from)?
            };
            let value = lookup::row_value(&self.hidden_name(), looked_up.ty, array);
            values.push(value.call(vec![column(&row)]));
        }
        let own = input.columns();
        let all = if call.function.name == "ipv6_lookup" {
            // The processor puts what it found first.
            values.into_iter().chain(own).collect::<Vec<_>>()
        } else {
            own.into_iter().chain(values).collect()
        };
        let outputs = call.output.schema.columns();
        if outputs.len() != all.len() {
            return Err(call.refused());
        }
        let mut above: Vec<Expr> = all
            .into_iter()
            .zip(outputs)
            .map(|(value, output)| value.alias(output_name(&output.name)))
            .collect();
        let width = above.len();
        above.extend(order.iter().map(|key| column(&key.column)));
        let plan = LogicalPlanBuilder::from(expanded).project(above)?.build()?;
        Ok(Relation {
            order,
            ..Relation::unordered(plan, width)
        })
    }

    /// The rows of a relation once for each element of an array, the column of that element, and
    /// the order. A row without elements stays if `keeps` says so, with null for an element.
    fn expanded_lookup(
        &self,
        input: &Relation,
        array: Expr,
        keeps: bool,
    ) -> Result<(LogicalPlan, String, Vec<OrderKey>)> {
        let mut order = input.order.clone();
        let mut below = input.columns();
        below.extend(order.iter().map(|key| column(&key.column)));
        let (value, element, index) = (self.hidden_name(), self.hidden_name(), self.hidden_name());
        below.push(array.alias(&value));
        let mut below = LogicalPlanBuilder::from(input.plan.clone()).project(below)?;
        if !keeps {
            below = below.filter(column(&value).is_not_null())?;
        }
        let names = MvExpandNames {
            values: vec![(value, element.clone())],
            index: index.clone(),
            row: None,
        };
        let options = MvExpandOptions {
            row_limit: None,
            bag_as_array: false,
            keeps_empty: false,
        };
        let plan = Step::plan(below.build()?, MvExpand { names, options })?;
        if !order.is_empty() {
            order.push(OrderKey {
                column: index,
                ascending: true,
                nulls_first: false,
            });
        }
        Ok((plan, element, order))
    }
}
