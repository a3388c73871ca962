//! `mv-apply`: the rows are expanded once, and the subquery runs over all of them in groups, one
//! per row of the input. The input's columns travel along with the group.

use datafusion::logical_expr::{Expr, LogicalPlanBuilder};
use kql::hir::{MvApply, Plan};

use super::group::{Frame, Groups, keeps_groups, rows_of};
use super::mv_expand::{Columns, Options};
use super::relation::{OrderKey, Relation};
use super::{Lowering, Result, column, prepare};
use crate::error::EngineError;

impl Lowering<'_> {
    pub(super) fn mv_apply(&self, apply: &MvApply, output: &Plan) -> Result<Relation> {
        let Some(rows) = rows_of(&apply.subquery) else {
            let what = "an `mv-apply` whose subquery reads no rows";
            return Err(EngineError::not_supported(what, output.span));
        };
        let is_numbered = self.inputs.contains_key(&prepare::address(&apply.input));
        let input = self.input(&apply.input)?;
        // Rows that were computed before have numbers, by which they are in order.
        let numbers = input.order.first().filter(|_| is_numbered);
        let numbers = numbers.map(|key| key.column.clone());
        let values = apply.columns.iter().map(|column| &column.value);
        let input = self.with_windows(input, values)?;

        let outer = input.groups.clone();
        let outer_keeps = outer.as_ref().is_some_and(|groups| groups.keeps);
        let mut kept = Vec::with_capacity(apply.kept.len());
        let mut copies = Vec::with_capacity(apply.kept.len());
        for position in &apply.kept {
            let name = self.hidden_name();
            copies.push(input.column(*position).alias(&name));
            kept.push(name);
        }
        // What the rows had so far, they have again behind the subquery.
        let mut carried = kept.clone();
        carried.extend(outer.iter().flat_map(Groups::columns).cloned());
        carried.extend(input.order.iter().map(|key| key.column.clone()));

        let row = self.hidden_name();
        if let Some(numbers) = &numbers {
            copies.push(column(numbers).alias(&row));
        }
        let options = Options {
            item_index: apply.item_index,
            row_limit: apply.row_limit,
            bag_as_array: false,
            keeps_empty: outer_keeps,
        };
        let columns = Columns {
            expanded: &apply.columns,
            copies,
            row: numbers.is_none().then(|| row.clone()),
        };
        let input_order = input.order.clone();
        let (expanded, index) = self.expanded(input, columns, options, &rows.schema)?;
        let (expanded, exists, alive) = if outer_keeps {
            let (expanded, exists, alive) =
                self.with_existence(expanded, &index, outer.as_ref())?;
            carried.push(exists.clone());
            (expanded, Some(exists), Some(alive))
        } else {
            (expanded, None, None)
        };
        let rows = Relation {
            order: vec![OrderKey {
                column: index,
                ascending: true,
                nulls_first: false,
            }],
            groups: Some(Groups {
                keys: vec![row.clone()],
                carried,
                alive,
                keeps: outer_keeps || keeps_groups(&apply.subquery),
            }),
            ..expanded
        };
        let frame = Frame {
            rows,
            sources: None,
            is_one_group: false,
        };
        let result = self.grouped(frame, &apply.subquery)?;

        let mut order = input_order;
        if !order.is_empty() {
            order.push(OrderKey {
                column: row,
                ascending: true,
                nulls_first: false,
            });
            order.extend(result.order.iter().cloned());
        }
        let mut columns: Vec<Expr> = kept.iter().map(column).collect();
        let results = apply.results.iter();
        columns.extend(results.map(|position| result.column(*position)));
        self.leave_groups(&result, columns, output, outer, order, exists.as_ref())
    }

    /// The expanded rows with two columns that tell whether the row is one of its group, or
    /// stands for a group that has none: one to keep, and one that filters change.
    fn with_existence(
        &self,
        expanded: Relation,
        index: &str,
        outer: Option<&Groups>,
    ) -> Result<(Relation, String, String)> {
        let (exists, alive) = (self.hidden_name(), self.hidden_name());
        let mut mark = column(index).is_not_null();
        if let Some(before) = outer.and_then(|groups| groups.alive.as_ref()) {
            mark = mark.and(column(before));
        }
        let mut columns: Vec<Expr> = (0..expanded.plan.schema().fields().len())
            .map(|position| expanded.column(position))
            .collect();
        columns.push(mark.clone().alias(&exists));
        columns.push(mark.alias(&alive));
        let marked =
            expanded.map(|plan| LogicalPlanBuilder::from(plan).project(columns)?.build())?;
        Ok((marked, exists, alive))
    }
}
