//! Subqueries that run once per group of rows: `mv-apply` and `partition`. They are lowered
//! once, for all groups: hidden columns tell the groups apart, and every operator of the
//! subquery keeps to them. The operators that do are the ones that hand [`Groups`] on; a subquery
//! with any other is run group by group (`each_group.rs`), never as if its rows were one group.

use std::collections::{HashMap, HashSet};

use arrow::datatypes::DataType;
use datafusion::common::{DFSchema, ScalarValue};
use datafusion::functions::core::expr_fn::coalesce;
use datafusion::functions_aggregate::bool_and_or::bool_or;
use datafusion::functions_aggregate::min_max::max;
use datafusion::functions_window::expr_fn::row_number;
use datafusion::logical_expr::expr::Sort;
use datafusion::logical_expr::{
    Expr, ExprFunctionExt, LogicalPlan, LogicalPlanBuilder, Operator, lit,
};
use kql::hir::{ExprKind, MakeSeries, MvApply, Partition, Plan, PlanKind, Scan, TopNested};
use kql::span::Span;

use super::expression::binary;
use super::relation::{OrderKey, Relation};
use super::{Lowering, Result, column, output_name};
use crate::error::EngineError;
use crate::node::order::Key;
use crate::node::step::Step;
use crate::node::window::{Call, Function, Window};

/// The hidden columns of rows that belong to groups.
#[derive(Clone, Debug)]
pub(super) struct Groups {
    /// Equal within a group, different between groups.
    pub(super) keys: Vec<String>,
    /// Equal within a group; whoever made the groups wants them back.
    pub(super) carried: Vec<String>,
    /// False for rows that are only there because their group must not be forgotten.
    pub(super) alive: Option<String>,
    /// Whether a group without rows counts, because an aggregation makes a row of it.
    pub(super) keeps: bool,
}

/// A subquery that is being lowered.
pub(super) struct Frame {
    /// What [`PlanKind::Rows`] stands for.
    pub(super) rows: Relation,
    /// For subqueries over tables of their own: the keys of all groups, for each of which the
    /// tables are read.
    pub(super) sources: Option<LogicalPlan>,
    /// Whether the rows are those of a single group, so that nothing needs to tell groups apart.
    pub(super) is_one_group: bool,
}

impl Groups {
    /// All hidden columns.
    pub(super) fn columns(&self) -> impl Iterator<Item = &String> {
        self.keys.iter().chain(&self.carried).chain(&self.alive)
    }

    /// The columns within which rows are ordered and counted.
    pub(super) fn partition(&self) -> Vec<Expr> {
        self.keys.iter().chain(&self.alive).map(column).collect()
    }
}

impl Lowering<'_> {
    /// Lowers something of a subquery.
    pub(super) fn within<T>(&self, frame: Frame, lower: impl FnOnce() -> Result<T>) -> Result<T> {
        self.frames.borrow_mut().push(frame);
        let result = lower();
        self.frames.borrow_mut().pop();
        result
    }

    /// The rows that the subquery at hand reads.
    pub(super) fn rows(&self, plan: &Plan) -> Result<Relation> {
        let frames = self.frames.borrow();
        let frame = frames.last().ok_or_else(|| {
            EngineError::not_supported("a subquery over rows in this place", plan.span)
        })?;
        Ok(frame.rows.clone())
    }

    /// Whether what is being lowered belongs to a subquery.
    pub(super) fn is_in_subquery(&self) -> bool {
        !self.frames.borrow().is_empty()
    }

    /// A table that the query itself names: read once for each group, where the subquery at hand
    /// reads tables of its own.
    pub(super) fn sourced(&self, table: Relation) -> Result<Relation> {
        let frames = self.frames.borrow();
        let Some(Frame {
            rows,
            sources: Some(keys),
            ..
        }) = frames.last()
        else {
            return Ok(table);
        };
        let plan = LogicalPlanBuilder::from(table.plan)
            .cross_join(keys.clone())?
            .build()?;
        let groups = rows.groups.as_ref().map(|groups| Groups {
            alive: None,
            ..groups.clone()
        });
        Ok(Relation {
            plan,
            groups,
            ..table
        })
    }

    /// An error if a step of a subquery forgot the groups of its rows.
    pub(super) fn check_groups(&self, step: &Plan, lowered: Relation) -> Result<Relation> {
        if lowered.groups.is_some() || self.frames.borrow().is_empty() {
            return Ok(lowered);
        }
        if self.is_one_group() {
            return Ok(lowered);
        }
        let frames = self.frames.borrow();
        let sources = frames.last().is_some_and(|frame| frame.sources.is_some());
        if sources || reads_rows(step) {
            let what = format!("`{}` in a subquery", step.kind.operator());
            return Err(EngineError::not_supported(what, step.span));
        }
        Ok(lowered)
    }

    /// Keeps the rows for which the predicate is true.
    pub(super) fn filtered(&self, input: Relation, predicate: Expr) -> Result<Relation> {
        let Some(groups) = input.groups.as_ref().filter(|groups| groups.keeps) else {
            return input.map(|plan| LogicalPlanBuilder::from(plan).filter(predicate)?.build());
        };
        let mut alive = coalesce(vec![predicate, lit(false)]);
        if let Some(before) = &groups.alive {
            alive = column(before).and(alive);
        }
        let name = self.hidden_name();
        let groups = Groups {
            alive: Some(name.clone()),
            ..groups.clone()
        };
        let mut columns = input.columns();
        columns.extend(input.hidden());
        columns.push(alive.alias(name));
        let plan = LogicalPlanBuilder::from(input.plan)
            .project(columns)?
            .build()?;
        Ok(Relation {
            plan,
            groups: Some(groups),
            windows: HashMap::new(),
            ..input
        })
    }

    /// The rows without those that only stand for their group. Refused where the group counts.
    pub(super) fn without_placeholders(
        input: Relation,
        operator: &str,
        span: Span,
    ) -> Result<Relation> {
        match &input.groups {
            Some(groups) if groups.keeps => Err(EngineError::not_supported(
                format!("`{operator}` before a `summarize` without keys in a subquery"),
                span,
            )),
            _ => Ok(input),
        }
    }

    /// Whether the rows of the subquery at hand are those of a single group.
    pub(super) fn is_one_group(&self) -> bool {
        let frames = self.frames.borrow();
        frames.last().is_some_and(|frame| frame.is_one_group)
    }

    /// Numbers the rows within what `partition` tells apart; the column is called as returned.
    pub(super) fn numbered(
        &self,
        input: Relation,
        partition: Vec<Expr>,
        order: Vec<Sort>,
    ) -> Result<(Relation, String)> {
        let name = self.hidden_name();
        let number = row_number().partition_by(partition);
        let number = if order.is_empty() {
            number
        } else {
            number.order_by(order)
        };
        let number = number.build()?.alias(&name);
        let numbered =
            input.map(|plan| LogicalPlanBuilder::from(plan).window([number])?.build())?;
        Ok((numbered, name))
    }

    /// `take` for each group.
    pub(super) fn take_of_groups(
        &self,
        input: Relation,
        groups: &Groups,
        order: Vec<Sort>,
        count: usize,
    ) -> Result<Relation> {
        let (numbered, number) = self.numbered(input, groups.partition(), order)?;
        self.filtered(numbered, column(number).lt_eq(lit(count as u64)))
    }

    /// `distinct` for each group.
    pub(super) fn distinct_of_groups(input: Relation, groups: &Groups) -> Result<Relation> {
        let mut keys = input.columns();
        keys.extend(groups.partition());
        let carried = groups.carried_values(input.plan.schema());
        let mut columns = input.columns();
        columns.extend(groups.columns().map(column));
        let plan = LogicalPlanBuilder::from(input.plan)
            .aggregate(keys, carried)?
            .project(columns)?
            .build()?;
        Ok(Relation {
            groups: input.groups,
            ..Relation::unordered(plan, input.width)
        })
    }

    /// The rows in groups one after the other, each in its order, with a column that is true for
    /// the first row of a group.
    pub(super) fn group_starts(
        &self,
        input: Relation,
        groups: &Groups,
    ) -> Result<(Relation, String)> {
        let keys: Vec<&String> = groups.keys.iter().chain(&groups.alive).collect();
        let mut calls = Vec::with_capacity(keys.len());
        let mut order: Vec<Key> = Vec::new();
        for key in &keys {
            let data_type = input
                .plan
                .schema()
                .field_with_unqualified_name(key)?
                .data_type();
            calls.push(Call {
                function: Function::Previous {
                    offset: 1,
                    default: ScalarValue::try_from(data_type)?,
                },
                arguments: vec![(*key).clone()],
                restart: None,
                output: self.hidden_name(),
                data_type: data_type.clone(),
            });
            order.push(Key {
                column: (*key).clone(),
                ascending: true,
                nulls_first: true,
            });
        }
        order.extend(input.order_keys());
        let position = self.hidden_name();
        let starts = self.hidden_name();
        let changes = keys.iter().zip(&calls).map(|(key, before)| {
            let (key, before) = (column(*key), column(&before.output));
            binary(key, Operator::IsDistinctFrom, before)
        });
        let is_start = changes.reduce(Expr::or).unwrap_or_else(|| lit(false));
        let mut columns: Vec<Expr> = (0..input.plan.schema().fields().len())
            .map(|position| input.column(position))
            .collect();
        columns.push(column(&position));
        columns.push(is_start.alias(&starts));
        let window = Window {
            calls,
            order,
            position: position.clone(),
        };
        let plan = Step::plan(input.plan, window)?;
        let relation = Relation {
            plan: LogicalPlanBuilder::from(plan).project(columns)?.build()?,
            order: vec![OrderKey {
                column: position,
                ascending: true,
                nulls_first: false,
            }],
            ..input
        };
        Ok((relation, starts))
    }

    /// The relation under the names of the output and with the groups of the rows around the
    /// subquery.
    pub(super) fn leave_groups(
        &self,
        result: &Relation,
        mut columns: Vec<Expr>,
        output: &Plan,
        outer: Option<Groups>,
        order: Vec<OrderKey>,
        exists: Option<&String>,
    ) -> Result<Relation> {
        let inner = result
            .groups
            .as_ref()
            .and_then(|groups| groups.alive.clone());
        let mut outer = outer;
        let mut plan = LogicalPlanBuilder::from(result.plan.clone());
        let mut marks: Vec<Expr> = inner.iter().chain(exists).map(column).collect();
        let mut alive = None;
        match &mut outer {
            Some(groups) if groups.keeps => {
                marks.extend(groups.alive.iter().map(column));
                if let Some(mark) = marks.into_iter().reduce(Expr::and) {
                    let name = self.hidden_name();
                    alive = Some(mark.alias(&name));
                    groups.alive = Some(name);
                }
            }
            _ => {
                if let Some(mark) = marks.into_iter().reduce(Expr::and) {
                    plan = plan.filter(mark)?;
                }
            }
        }
        for (value, out) in columns.iter_mut().zip(output.schema.columns()) {
            *value = value.clone().alias(output_name(&out.name));
        }
        let width = columns.len();
        if let Some(groups) = &outer {
            columns.extend(groups.keys.iter().chain(&groups.carried).map(column));
            match alive {
                Some(alive) => columns.push(alive),
                None => columns.extend(groups.alive.iter().map(column)),
            }
        }
        columns.extend(order.iter().map(|key| column(&key.column)));
        Ok(Relation {
            order,
            groups: outer,
            ..Relation::unordered(plan.project(columns)?.build()?, width)
        })
    }
}

impl Groups {
    /// The carried columns as aggregates over the rows of a group.
    pub(super) fn carried_values(&self, schema: &DFSchema) -> Vec<Expr> {
        let carried = self.carried.iter();
        carried
            .map(|name| carried_value(column(name), name, schema).alias(name))
            .collect()
    }
}

/// The value that `value`, which is the carried column `name`, has for all rows of a group: of
/// the aggregates that give it, the one that is fast.
pub(super) fn carried_value(value: Expr, name: &str, schema: &DFSchema) -> Expr {
    let field = schema.field_with_unqualified_name(name);
    match field.map(|field| field.data_type()) {
        Ok(DataType::Boolean) => bool_or(value),
        _ => max(value),
    }
}

/// The plans that a step of a subquery takes rows from, without the subqueries over rows that it
/// makes itself.
fn sources_of(plan: &Plan) -> Vec<&Plan> {
    match &*plan.kind {
        PlanKind::Shared { input, .. } => vec![input],
        PlanKind::MvApply(MvApply { input, .. })
        | PlanKind::Partition(Partition { input, .. })
        | PlanKind::MakeSeries(MakeSeries { input, .. })
        | PlanKind::TopNested(TopNested { input, .. })
        | PlanKind::Scan(Scan { input, .. }) => vec![input],
        _ => plan.inputs(),
    }
}

/// Calls `visit` on the steps that a subquery is made of, tables inside expressions included. A
/// subtree that is referenced several times is visited once, as there may be any number of ways
/// to it.
fn each_step<'p>(subquery: &'p Plan, mut visit: impl FnMut(&'p Plan)) {
    let mut seen = HashSet::new();
    let mut pending = vec![subquery];
    while let Some(plan) = pending.pop() {
        if let PlanKind::Shared { id, .. } = &*plan.kind
            && !seen.insert(*id)
        {
            continue;
        }
        visit(plan);
        pending.extend(sources_of(plan));
        plan.each_expression(|expr| pending.extend(expr.table()));
    }
}

/// Whether a plan reads the rows of the subquery that it is part of.
pub(super) fn reads_rows(plan: &Plan) -> bool {
    rows_of(plan).is_some()
}

/// Whether what a subquery becomes reads the rows it runs over in more than one place.
pub(super) fn reads_rows_twice(subquery: &Plan) -> bool {
    let mut places = 0;
    let mut repeats = false;
    let mut mentions: HashMap<u32, (usize, &Plan)> = HashMap::new();
    each_step(subquery, |plan| {
        let sources = sources_of(plan);
        let mut tables = sources;
        plan.each_expression(|expr| tables.extend(expr.table()));
        for table in tables {
            if let PlanKind::Shared { id, input } = &*table.kind {
                mentions.entry(*id).or_insert((0, input)).0 += 1;
            }
        }
        match &*plan.kind {
            PlanKind::Rows => places += 1,
            // Its levels look at the rows one after the other.
            PlanKind::TopNested(_) => repeats |= reads_rows(plan),
            _ => {}
        }
    });
    let mut shared = mentions.values();
    repeats || places > 1 || shared.any(|(count, input)| *count > 1 && reads_rows(input))
}

/// Whether the rows of a table may be others when it is computed again.
pub(super) fn is_open(table: &Plan) -> bool {
    let mut open = false;
    each_step(table, |plan| {
        open |= matches!(&*plan.kind, PlanKind::Take { .. } | PlanKind::Sample { .. });
        plan.each_expression(|expr| {
            open |= matches!(
                &expr.kind,
                ExprKind::Call { function, .. }
                    if matches!(function.name, "rand" | "new_guid" | "random")
            );
        });
    });
    open
}

/// The rows that a subquery runs over, as the binder saw them.
pub(super) fn rows_of(subquery: &Plan) -> Option<&Plan> {
    let mut found = None;
    each_step(subquery, |plan| {
        if matches!(&*plan.kind, PlanKind::Rows) {
            found = Some(plan);
        }
    });
    found
}

/// Whether a group without rows yields a row: an aggregation without keys makes one.
pub(super) fn keeps_groups(subquery: &Plan) -> bool {
    let mut keeps = false;
    each_step(subquery, |plan| {
        keeps |= matches!(&*plan.kind, PlanKind::Aggregate { keys, .. } if keys.is_empty());
    });
    keeps
}
