//! A lowered table: a plan and the order of its rows.

use std::collections::HashMap;
use std::sync::Arc;

use datafusion::common::Result as DataFusionResult;
use datafusion::logical_expr::expr::Sort;
use datafusion::logical_expr::{Expr, LogicalPlan, LogicalPlanBuilder};

use super::group::Groups;
use super::{Result, column};
use crate::node::order::Key;
use crate::node::step::Step;
use crate::node::whole::{Whole, WholeTable};

/// A plan whose first `width` columns are those of the KQL table, and after them the hidden
/// columns that `order` and `groups` name.
#[derive(Clone, Debug)]
pub(super) struct Relation {
    pub(super) plan: LogicalPlan,
    pub(super) width: usize,
    /// The keys the rows were sorted by, most significant first; empty for no order.
    pub(super) order: Vec<OrderKey>,
    /// Hidden columns with the values of window functions, by the address of the call. They last
    /// until the next projection.
    pub(super) windows: HashMap<usize, String>,
    /// Within a subquery that runs once per group of rows, what tells the groups.
    pub(super) groups: Option<Groups>,
}

/// A hidden column that rows are sorted by.
#[derive(Clone, Debug)]
pub(super) struct OrderKey {
    pub(super) column: String,
    pub(super) ascending: bool,
    pub(super) nulls_first: bool,
}

impl Relation {
    pub(super) fn unordered(plan: LogicalPlan, width: usize) -> Self {
        Self {
            plan,
            width,
            order: Vec::new(),
            windows: HashMap::new(),
            groups: None,
        }
    }

    /// The column at a position.
    pub(super) fn column(&self, position: usize) -> Expr {
        column(self.plan.schema().field(position).name())
    }

    /// The visible columns.
    pub(super) fn columns(&self) -> Vec<Expr> {
        (0..self.width)
            .map(|position| self.column(position))
            .collect()
    }

    /// The hidden columns that projections hand on.
    pub(super) fn hidden(&self) -> Vec<Expr> {
        let groups = self.groups.iter().flat_map(Groups::columns);
        let order = self.order.iter().map(|key| &key.column);
        groups.chain(order).map(column).collect()
    }

    /// The plan with its visible columns only.
    pub(super) fn visible(self) -> Result<LogicalPlan> {
        if self.plan.schema().fields().len() == self.width {
            return Ok(self.plan);
        }
        let columns = self.columns();
        Ok(LogicalPlanBuilder::from(self.plan)
            .project(columns)?
            .build()?)
    }

    /// What a computation over all rows, in their order if they have one, yields. Its input has
    /// the visible columns and then hidden ones; the rows it yields stay in their order.
    pub(super) fn whole(self, table: Arc<dyn WholeTable>, position: String) -> Result<Self> {
        let width = table.schema().fields().len();
        let whole = Whole {
            order: self.order_keys(),
            table,
            position: position.clone(),
        };
        let plan = Step::plan(self.plan, whole)?;
        let order = vec![OrderKey {
            column: position,
            ascending: true,
            nulls_first: false,
        }];
        Ok(Self {
            order,
            ..Self::unordered(plan, width)
        })
    }

    /// Forgets the order. Its hidden columns stay, unread, until the next projection.
    pub(super) fn without_order(mut self) -> Self {
        self.order.clear();
        self
    }

    /// Replaces the visible columns and keeps the order.
    pub(super) fn project(self, mut columns: Vec<Expr>) -> Result<Self> {
        let width = columns.len();
        columns.extend(self.hidden());
        let plan = LogicalPlanBuilder::from(self.plan)
            .project(columns)?
            .build()?;
        Ok(Self {
            plan,
            width,
            windows: HashMap::new(),
            ..self
        })
    }

    /// Replaces the plan by one of the same columns whose rows have the same order.
    pub(super) fn map(
        self,
        change: impl FnOnce(LogicalPlan) -> DataFusionResult<LogicalPlan>,
    ) -> Result<Self> {
        Ok(Self {
            plan: change(self.plan)?,
            ..self
        })
    }

    /// The same for a change that looks at the order, such as a limit.
    pub(super) fn map_sorted(
        self,
        change: impl FnOnce(LogicalPlan) -> DataFusionResult<LogicalPlan>,
    ) -> Result<Self> {
        let sort = self.sort_expressions();
        self.map(|plan| {
            let plan = if sort.is_empty() {
                plan
            } else {
                LogicalPlanBuilder::from(plan).sort(sort)?.build()?
            };
            change(plan)
        })
    }

    /// The plan with its visible columns only, its rows in order.
    pub(super) fn sorted(self) -> Result<LogicalPlan> {
        self.map_sorted(Ok)?.visible()
    }

    /// The order as a node asks for it.
    pub(super) fn order_keys(&self) -> Vec<Key> {
        let keys = self.order.iter().map(|key| Key {
            column: key.column.clone(),
            ascending: key.ascending,
            nulls_first: key.nulls_first,
        });
        keys.collect()
    }

    pub(super) fn sort_expressions(&self) -> Vec<Sort> {
        self.order
            .iter()
            .map(|key| Sort::new(column(&key.column), key.ascending, key.nulls_first))
            .collect()
    }
}
