//! `mv-expand`: an own plan node multiplies the rows, a projection above it converts the elements
//! and puts the columns in their places.

use std::collections::HashMap;
use std::sync::Arc;

use datafusion::logical_expr::{Extension, LogicalPlan, LogicalPlanBuilder};
use kql::hir::{MvExpandColumn, Plan};
use kql::types::ScalarType;

use super::relation::{OrderKey, Relation};
use super::{Lowering, Result, column, output_name};
use crate::function;
use crate::node::mv_expand::{MvExpand, MvExpandNames};

/// How `mv-expand` was asked to expand.
#[derive(Clone, Copy)]
pub(super) struct Options {
    pub(super) item_index: bool,
    pub(super) row_limit: Option<u64>,
    pub(super) bag_as_array: bool,
}

impl Lowering<'_> {
    pub(super) fn mv_expand(
        &self,
        input: &Plan,
        columns: &[MvExpandColumn],
        options: Options,
        output: &Plan,
    ) -> Result<Relation> {
        let expressions = columns.iter().map(|column| &column.value);
        let input = self.with_windows(self.plan(input)?, expressions)?;
        let mut below = input.columns();
        let mut order = input.order.clone();
        below.extend(order.iter().map(|key| column(&key.column)));
        let mut values = Vec::with_capacity(columns.len());
        let mut elements = HashMap::new();
        for expanded in columns {
            let value = self.hidden_name();
            below.push(self.value(&expanded.value, &input)?.alias(&value));
            let element = self.hidden_name();
            values.push((value, element.clone()));
            elements.insert(expanded.output, element);
        }
        let index = self.hidden_name();
        let names = MvExpandNames {
            values,
            index: index.clone(),
        };
        let width = input.width;
        let inputs = input.columns();
        let below = LogicalPlanBuilder::from(input.plan)
            .project(below)?
            .build()?;
        let node = MvExpand::new(below, names, options.row_limit, options.bag_as_array)?;
        let node = LogicalPlan::Extension(Extension {
            node: Arc::new(node),
        });
        let last = output.schema.len() - 1;
        let mut above = Vec::with_capacity(output.schema.len());
        for (position, output) in output.schema.columns().iter().enumerate() {
            let value = match elements.get(&position) {
                Some(element) if output.ty == ScalarType::Dynamic => column(element),
                Some(element) => {
                    let convert = function::convert(ScalarType::Dynamic, output.ty);
                    convert.call(vec![column(element)])
                }
                None if options.item_index && position == last => column(&index),
                None => inputs[position.min(width - 1)].clone(),
            };
            above.push(value.alias(output_name(&output.name)));
        }
        if !order.is_empty() {
            // The elements of a row stay in their order.
            order.push(OrderKey {
                column: index,
                ascending: true,
                nulls_first: false,
            });
        }
        let width = above.len();
        above.extend(order.iter().map(|key| column(&key.column)));
        let plan = LogicalPlanBuilder::from(node).project(above)?.build()?;
        Ok(Relation {
            order,
            ..Relation::unordered(plan, width)
        })
    }
}
