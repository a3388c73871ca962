//! `mv-apply`.

use super::expand::{Expansion, item_index_column};
use super::subquery::rows;
use crate::bind::Binder;
use crate::bind::expression::Row;
use crate::bind::table::Table;
use crate::hir::{MvApply, PlanKind};
use crate::syntax::ast;
use crate::types::{Column, Schema};

/// The limit of the retired spelling `mvapply`.
const RETIRED_LIMIT: u64 = 128;

impl<'a> Binder<'a> {
    pub(super) fn mv_apply(
        &mut self,
        table: Table,
        apply: &'a ast::MvApply,
        operator: &'a ast::TableOperator,
    ) -> Table {
        let mut index_name = None;
        for property in self.properties(&apply.properties, &["with_itemindex"]) {
            index_name = self.property_name(property).ok();
        }
        let row_limit = match &apply.limit {
            Some(limit) => self.expansion_limit(limit).ok(),
            None if &*operator.keyword.text == "mvapply" => Some(RETIRED_LIMIT),
            None => None,
        };
        if let Some(id) = &apply.id {
            // It tells the rows apart in the plan only; an error is reported all the same.
            let _ = self.scalar(id, Row::of(&table));
        }
        let Expansion {
            mut schema,
            columns,
            broken,
        } = self.expansion(&table, &apply.columns);
        let item_index = index_name.is_some();
        if let Some(name) = index_name {
            schema.push(item_index_column(&name.text, &schema));
        }
        let mut inner = rows(Schema::new(schema), apply.subquery.span);
        inner.broken.clone_from(&table.broken);
        inner.broken.extend(broken);
        inner.open = table.open;
        let subquery = self.subquery(inner, &apply.subquery);
        let is_expanded = |index: usize| columns.iter().any(|column| column.output == index);
        let kept: Vec<usize> = (0..table.schema().len())
            .filter(|index| !is_expanded(*index))
            .collect();
        let mut output: Vec<Column> = Vec::new();
        for index in &kept {
            output.push(table.schema().columns()[*index].clone());
        }
        let (inner, before) = (subquery.schema().clone(), table.schema().clone());
        let results: Vec<usize> = (0..inner.len())
            .filter(|index| {
                let place = before.index_of(&inner.columns()[*index].name);
                place.is_none_or(is_expanded)
            })
            .collect();
        for index in &results {
            output.push(inner.columns()[*index].clone());
        }
        let (broken, open) = (subquery.broken, subquery.open);
        let plan = subquery.plan;
        let mut result = table.then(Schema::new(output), operator.span, |input| {
            PlanKind::MvApply(MvApply {
                input,
                columns,
                item_index,
                row_limit,
                subquery: plan,
                kept,
                results,
            })
        });
        result.broken.extend(broken);
        result.open |= open;
        result
    }
}
