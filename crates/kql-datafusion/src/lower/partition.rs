//! `partition`: its subquery runs over all rows in groups, told by the values of a column. A
//! subquery over tables of its own reads them for each value.

use datafusion::logical_expr::{Expr, LogicalPlanBuilder};
use kql::hir::{Partition, Plan};

use super::group::{Frame, Groups, keeps_groups, reads_rows};
use super::relation::Relation;
use super::{Lowering, Result, column};

impl Lowering<'_> {
    pub(super) fn partition(&self, partition: &Partition, output: &Plan) -> Result<Relation> {
        let input = self.plan(&partition.input)?;
        let outer = input.groups.clone();
        let mut groups = outer.clone().unwrap_or(Groups {
            keys: Vec::new(),
            carried: Vec::new(),
            alive: None,
            keeps: false,
        });
        let key = self.hidden_name();
        groups.keys.push(key.clone());
        groups.keeps |= keeps_groups(&partition.subquery);
        // A group of rows that are not there is none, whatever the subquery makes of it.
        let exists = groups.alive.clone();
        groups.carried.extend(exists.clone());
        groups.alive = exists.as_ref().map(|_| self.hidden_name());
        let mut columns = input.columns();
        columns.extend(input.hidden());
        columns.push(input.column(partition.by).alias(&key));
        if let (Some(before), Some(now)) = (&exists, &groups.alive) {
            columns.push(column(before).alias(now));
        }
        let plan = LogicalPlanBuilder::from(input.plan)
            .project(columns)?
            .build()?;
        let rows = Relation {
            order: input.order,
            groups: Some(groups.clone()),
            ..Relation::unordered(plan, input.width)
        };
        let sources = if reads_rows_directly(&partition.subquery) {
            None
        } else {
            let keys: Vec<Expr> = groups.keys.iter().map(column).collect();
            let carried = groups.carried_values(rows.plan.schema());
            let keys = LogicalPlanBuilder::from(rows.plan.clone()).aggregate(keys, carried)?;
            Some(keys.build()?)
        };
        let frame = Frame {
            rows,
            sources,
            is_one_group: false,
        };
        let result = self.grouped(frame, &partition.subquery)?;
        let columns = result.columns();
        self.leave_groups(&result, columns, output, outer, Vec::new(), exists.as_ref())
    }
}

/// Whether the subquery starts at the rows of the group, instead of at tables of its own.
fn reads_rows_directly(subquery: &Plan) -> bool {
    let mut first = subquery;
    loop {
        match first.inputs().into_iter().next() {
            Some(input) => first = input,
            None => match &*first.kind {
                kql::hir::PlanKind::Shared { input, .. } => first = input,
                _ => return reads_rows(first),
            },
        }
    }
}
