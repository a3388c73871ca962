//! Subqueries of `mv-apply` and `partition` that cannot be lowered to one plan over all groups:
//! they are lowered over the rows of one group, and a node runs that plan for each of them.

use std::sync::Arc;

use arrow::datatypes::{DataType, Field, Schema};
use kql::hir::Plan;

use super::group::{Frame, Groups};
use super::relation::{OrderKey, Relation};
use super::{Lowering, Result};
use crate::error::EngineError;
use crate::node::each_group::{EachGroup, GroupTable, Subquery};
use crate::node::step::Step;

impl Lowering<'_> {
    /// Lowers a subquery over the rows of `frame`: for all groups at once if that is possible,
    /// else for one group at a time.
    pub(super) fn grouped(&self, frame: Frame, subquery: &Plan) -> Result<Relation> {
        let rows = frame.rows.clone();
        match self.within(frame, || self.plan(subquery)) {
            Err(EngineError::NotSupported { .. }) => self.each_group(rows, subquery),
            result => result,
        }
    }

    fn each_group(&self, rows: Relation, subquery: &Plan) -> Result<Relation> {
        let Some(groups) = rows.groups.clone() else {
            let what = "a subquery without groups";
            return Err(EngineError::not_supported(what, subquery.span));
        };
        if groups.alive.is_some() {
            // The subquery around this one is run group by group instead.
            let what = "a subquery before a `summarize` without keys in a subquery";
            return Err(EngineError::not_supported(what, subquery.span));
        }
        let is_numbered = !rows.order.is_empty();
        let schema = rows.plan.schema().as_arrow();
        let fields = schema.fields().iter().take(rows.width);
        let mut fields: Vec<Field> = fields
            .map(|field| {
                let name = field.name();
                let name = name.strip_prefix('@').unwrap_or(name);
                Field::new(name, field.data_type().clone(), true)
            })
            .collect();
        if is_numbered {
            fields.push(Field::new("\u{1f}position", DataType::Int64, false));
        }
        let table = Arc::new(GroupTable::new(Arc::new(Schema::new(fields))));
        let frame = Frame {
            rows: self.cached(table, is_numbered, rows.width)?,
            sources: None,
            is_one_group: true,
        };
        let result = self.within(frame, || self.plan(subquery))?;
        let width = result.width;
        let subquery = Subquery {
            plan: result.sorted()?,
            session: self.session_of_groups(),
            width: rows.width,
            is_numbered,
            keys: groups.keys.clone(),
            carried: groups.carried.clone(),
            order: rows.order_keys(),
        };
        let position = self.hidden_name();
        let each = EachGroup {
            subquery: Arc::new(subquery),
            position: position.clone(),
        };
        let plan = Step::plan(rows.plan, each)?;
        Ok(Relation {
            order: vec![OrderKey {
                column: position,
                ascending: true,
                nulls_first: false,
            }],
            groups: Some(Groups {
                alive: None,
                keeps: false,
                ..groups
            }),
            ..Relation::unordered(plan, width)
        })
    }

    /// The session that plans what runs once per group: groups run beside each other instead of
    /// in parts, and what a run learns of its rows for its own scans holds for no other.
    fn session_of_groups(&self) -> datafusion::execution::SessionState {
        let mut session = self.state.clone();
        let options = session.config_mut().options_mut();
        options.execution.target_partitions = 1;
        options.optimizer.enable_dynamic_filter_pushdown = false;
        options.optimizer.enable_topk_dynamic_filter_pushdown = false;
        options.optimizer.enable_join_dynamic_filter_pushdown = false;
        options.optimizer.enable_aggregate_dynamic_filter_pushdown = false;
        session
    }
}
