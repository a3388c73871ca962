//! `mv-expand`: an own plan node multiplies the rows, a projection above it converts the elements
//! and puts the columns in their places.

use std::collections::HashMap;

use datafusion::logical_expr::{Expr, LogicalPlanBuilder};
use kql::hir::{MvExpandColumn, Plan};
use kql::types::{ScalarType, Schema};

use super::relation::{OrderKey, Relation};
use super::{Lowering, Result, column, output_name};
use crate::function;
use crate::node::mv_expand::{MvExpand, MvExpandNames, MvExpandOptions};
use crate::node::step::Step;

/// How the operator was asked to expand.
#[derive(Clone, Copy)]
pub(super) struct Options {
    pub(super) item_index: bool,
    pub(super) row_limit: Option<u64>,
    pub(super) bag_as_array: bool,
    /// A row without elements becomes one whose index is null.
    pub(super) keeps_empty: bool,
}

/// What is expanded, and what goes along.
pub(super) struct Columns<'p> {
    pub(super) expanded: &'p [MvExpandColumn],
    /// Further hidden columns over the input, each under its own name.
    pub(super) copies: Vec<Expr>,
    /// A hidden column for a number that only the rows of one input row have.
    pub(super) row: Option<String>,
}

impl Lowering<'_> {
    pub(super) fn mv_expand(
        &self,
        input: &Plan,
        columns: &[MvExpandColumn],
        mut options: Options,
        output: &Plan,
    ) -> Result<Relation> {
        let expressions = columns.iter().map(|column| &column.value);
        let input = self.with_windows(self.plan(input)?, expressions)?;
        options.keeps_empty = input.groups.as_ref().is_some_and(|groups| groups.keeps);
        let columns = Columns {
            expanded: columns,
            copies: Vec::new(),
            row: None,
        };
        let is_ordered = !input.order.is_empty();
        let (mut expanded, index) = self.expanded(input, columns, options, &output.schema)?;
        if is_ordered {
            // The elements of a row stay in their order.
            expanded.order.push(OrderKey {
                column: index.clone(),
                ascending: true,
                nulls_first: false,
            });
        }
        if options.keeps_empty {
            return self.filtered(expanded, column(index).is_not_null());
        }
        Ok(expanded)
    }

    /// The expanded rows under the columns of `schema`, in the order of the input, and the hidden
    /// column with the numbers of the elements.
    pub(super) fn expanded(
        &self,
        input: Relation,
        columns: Columns<'_>,
        options: Options,
        schema: &Schema,
    ) -> Result<(Relation, String)> {
        let mut below = input.columns();
        below.extend(input.hidden());
        let mut hidden = input.hidden();
        for copy in columns.copies {
            hidden.push(column(copy.qualified_name().1));
            below.push(copy);
        }
        let mut values = Vec::with_capacity(columns.expanded.len());
        let mut elements = HashMap::new();
        for expanded in columns.expanded {
            let value = self.hidden_name();
            below.push(self.value(&expanded.value, &input)?.alias(&value));
            let element = self.hidden_name();
            values.push((value, element.clone()));
            elements.insert(expanded.output, element);
        }
        let index = self.hidden_name();
        hidden.push(column(&index));
        hidden.extend(columns.row.iter().map(column));
        let names = MvExpandNames {
            values,
            index: index.clone(),
            row: columns.row,
        };
        let width = input.width;
        let inputs = input.columns();
        let below = LogicalPlanBuilder::from(input.plan)
            .project(below)?
            .build()?;
        let options_of_step = MvExpandOptions {
            row_limit: options.row_limit,
            bag_as_array: options.bag_as_array,
            keeps_empty: options.keeps_empty,
        };
        let step = MvExpand {
            names,
            options: options_of_step,
        };
        let node = Step::plan(below, step)?;
        let last = schema.len() - 1;
        let mut above = Vec::with_capacity(schema.len());
        for (position, output) in schema.columns().iter().enumerate() {
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
        let width = above.len();
        above.extend(hidden);
        let plan = LogicalPlanBuilder::from(node).project(above)?.build()?;
        let expanded = Relation {
            order: input.order,
            groups: input.groups,
            ..Relation::unordered(plan, width)
        };
        Ok((expanded, index))
    }
}
