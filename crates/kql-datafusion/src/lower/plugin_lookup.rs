//! `ipv4_lookup` and `ipv6_lookup`: the table that is looked into was read before and is kept in
//! memory; the rows that look into it stream.

use std::sync::Arc;

use arrow::array::{Array, ArrayRef};
use arrow::compute::concat;
use datafusion::common::ScalarValue;
use datafusion::error::DataFusionError;
use datafusion::logical_expr::{Extension, LogicalPlan, LogicalPlanBuilder};
use kql::hir::{ExprKind, PluginValue};
use kql::types::ScalarType;

use super::plugin::Call;
use super::prepare::{Answer, address};
use super::relation::{OrderKey, Relation};
use super::{Lowering, Result, column, output_name};
use crate::function::Input;
use crate::function::lookup::{self, Family, Networks};
use crate::node::mv_expand::{MvExpand, MvExpandNames};
use crate::types::arrow_type;

impl Lowering<'_> {
    pub(super) fn address_lookup(&self, call: &Call<'_>, family: Family) -> Result<Relation> {
        let (source, wanted) = match family {
            Family::V4 => ("SourceIPv4Key", "IPv4LookupKey"),
            Family::V6 => ("SourceIPv6Key", "IPv6LookupKey"),
        };
        let source = call.column(source)?;
        let wanted = call.all(wanted).find_map(|argument| match argument.value {
            PluginValue::LookupColumn(position) => Some(position),
            _ => None,
        });
        let table = call
            .table()
            .and_then(|plan| self.subqueries.get(&address(plan)));
        let (Some(wanted), Some(Answer::Table(schema, batches))) = (wanted, table) else {
            return Err(call.refused());
        };
        let returns_unmatched = matches!(
            self.argument(call, "return_unmatched")?,
            Some(ScalarValue::Boolean(Some(true)))
        );
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
        let (expanded, row, mut order) = self.expanded(&input, found, returns_unmatched)?;
        let mut above = Vec::with_capacity(call.output.schema.len());
        let mut outputs = call.output.schema.columns().iter();
        let mut values = Vec::new();
        for (position, looked_up) in schema.columns().iter().enumerate() {
            if shared.iter().any(|(_, other)| *other == position) {
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
        let all = match family {
            Family::V4 => own.into_iter().chain(values).collect::<Vec<_>>(),
            // The processor puts what it found first.
            Family::V6 => values.into_iter().chain(own).collect(),
        };
        for value in all {
            let output = outputs.next().ok_or_else(|| call.refused())?;
            above.push(value.alias(output_name(&output.name)));
        }
        let width = above.len();
        above.extend(order.iter().map(|key| column(&key.column)));
        let plan = LogicalPlanBuilder::from(expanded).project(above)?.build()?;
        Ok(Relation {
            order: std::mem::take(&mut order),
            ..Relation::unordered(plan, width)
        })
    }

    /// The rows of a relation once for each element of an array, the column of that element, and
    /// the order. A row without elements stays if `keeps` says so, with null for an element.
    fn expanded(
        &self,
        input: &Relation,
        array: datafusion::logical_expr::Expr,
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
        };
        let node = MvExpand::new(below.build()?, names, None, false)?;
        if !order.is_empty() {
            order.push(OrderKey {
                column: index,
                ascending: true,
                nulls_first: false,
            });
        }
        let plan = LogicalPlan::Extension(Extension {
            node: Arc::new(node),
        });
        Ok((plan, element, order))
    }
}
