//! `join`. Keys are computed before the join, so that it always compares columns; null equals
//! null, and what an outer join leaves open is null, or `""` for text.

use datafusion::common::{Column, JoinType, NullEquality};
use datafusion::functions::core::expr_fn::coalesce;
use datafusion::logical_expr::{Expr, LogicalPlan, LogicalPlanBuilder, lit};
use kql::hir::{self, BinaryOp, ExprKind, JoinKind, Plan, PlanKind};
use kql::types::ScalarType;

use super::group::Groups;
use super::relation::Relation;
use super::{Lowering, Result, column, literal, output_name};
use crate::error::EngineError;

impl Lowering<'_> {
    /// The input of a filter, if it is a join of unique left rows. Which row of a key is kept is
    /// open; as in Kusto it is one that what the filter says of the left side holds for.
    pub(super) fn unique_join(&self, input: &Plan, filter: &hir::Expr) -> Result<Option<Relation>> {
        let PlanKind::Join {
            left,
            right,
            kind: kind @ JoinKind::InnerUnique,
            on,
        } = &*input.kind
        else {
            return Ok(None);
        };
        let mut filters = Vec::new();
        let mut pending = vec![filter];
        while let Some(next) = pending.pop() {
            match &next.kind {
                ExprKind::Binary {
                    op: BinaryOp::And,
                    left,
                    right,
                } => pending.extend([&**left, &**right]),
                _ if reads_only(next, left.schema.len()) => filters.push(next),
                _ => {}
            }
        }
        self.join(left, right, *kind, on, &filters, input).map(Some)
    }

    pub(super) fn join(
        &self,
        left: &Plan,
        right: &Plan,
        kind: JoinKind,
        on: &[(hir::Expr, hir::Expr)],
        left_filters: &[&hir::Expr],
        output: &Plan,
    ) -> Result<Relation> {
        let columns = output.schema.columns();
        let names = |from: usize, count: usize| -> Vec<String> {
            columns[from..from + count]
                .iter()
                .map(|column| output_name(&column.name))
                .collect()
        };
        let (left_names, right_names) = match kind {
            JoinKind::LeftSemi | JoinKind::LeftAnti => (names(0, left.schema.len()), Vec::new()),
            JoinKind::RightSemi | JoinKind::RightAnti => (Vec::new(), names(0, right.schema.len())),
            JoinKind::InnerUnique
            | JoinKind::Inner
            | JoinKind::LeftOuter
            | JoinKind::RightOuter
            | JoinKind::FullOuter => {
                let width = left.schema.len();
                (names(0, width), names(width, right.schema.len()))
            }
        };
        let left_keys: Vec<&hir::Expr> = on.iter().map(|(key, _)| key).collect();
        let right_keys: Vec<&hir::Expr> = on.iter().map(|(_, key)| key).collect();
        let mut left_side = self.join_side(left, &left_names, &left_keys, left_filters)?;
        let mut right_side = self.join_side(right, &right_names, &right_keys, &[])?;
        let groups = self.join_groups(&mut left_side, &mut right_side, kind, output)?;
        let (left_plan, left_on) = (left_side.plan, left_side.on);
        let (right_plan, right_on) = (right_side.plan, right_side.on);
        let left_plan = match kind {
            JoinKind::InnerUnique => {
                let keys = left_on
                    .iter()
                    .map(|key| Expr::Column(key.clone()))
                    .collect();
                let all = left_plan
                    .schema()
                    .columns()
                    .into_iter()
                    .map(Expr::Column)
                    .collect();
                LogicalPlanBuilder::from(left_plan)
                    .distinct_on(keys, all, None)?
                    .build()?
            }
            _ => left_plan,
        };
        let join_type = match kind {
            JoinKind::InnerUnique | JoinKind::Inner => JoinType::Inner,
            JoinKind::LeftOuter => JoinType::Left,
            JoinKind::RightOuter => JoinType::Right,
            JoinKind::FullOuter => JoinType::Full,
            JoinKind::LeftSemi => JoinType::LeftSemi,
            JoinKind::LeftAnti => JoinType::LeftAnti,
            JoinKind::RightSemi => JoinType::RightSemi,
            JoinKind::RightAnti => JoinType::RightAnti,
        };
        let left_open = matches!(kind, JoinKind::RightOuter | JoinKind::FullOuter);
        let right_open = matches!(kind, JoinKind::LeftOuter | JoinKind::FullOuter);
        // The hash table is built of what comes first.
        let joined = if self.is_right_smaller(left, right) {
            LogicalPlanBuilder::from(right_plan).join_detailed(
                left_plan,
                join_type.swap(),
                (right_on, left_on),
                None,
                NullEquality::NullEqualsNull,
            )?
        } else {
            LogicalPlanBuilder::from(left_plan).join_detailed(
                right_plan,
                join_type,
                (left_on, right_on),
                None,
                NullEquality::NullEqualsNull,
            )?
        };
        let mut outputs = Vec::with_capacity(columns.len());
        for (position, output) in columns.iter().enumerate() {
            let name = output_name(&output.name);
            let value = column(&name);
            let open = if position < left_names.len() {
                left_open
            } else {
                right_open
            };
            outputs.push(if open && output.ty == ScalarType::String {
                coalesce(vec![value, lit(literal::missing(output.ty)?)]).alias(name)
            } else {
                value
            });
        }
        let (groups, hidden) = groups.map_or((None, Vec::new()), |(groups, hidden)| {
            (Some(groups), hidden)
        });
        outputs.extend(hidden);
        Ok(Relation {
            groups,
            ..Relation::unordered(joined.project(outputs)?.build()?, columns.len())
        })
    }

    /// Within a subquery, rows meet those of their own group only. The groups of the result, and
    /// what its hidden columns are.
    fn join_groups(
        &self,
        left: &mut Side,
        right: &mut Side,
        kind: JoinKind,
        output: &Plan,
    ) -> Result<Option<(Groups, Vec<Expr>)>> {
        let (has_left, has_right) = (left.groups.is_some(), right.groups.is_some());
        if let (Some(left_groups), Some(right_groups)) = (&left.groups, &right.groups) {
            // Both sides have columns of these names.
            let mut columns: Vec<Expr> = (0..right.visible)
                .map(|at| column(right.plan.schema().field(at).name()))
                .collect();
            let mut renamed = right_groups.clone();
            for name in renamed.keys.iter_mut().chain(&mut renamed.carried) {
                let fresh = self.hidden_name();
                columns.push(column(&*name).alias(&fresh));
                *name = fresh;
            }
            for (left_key, right_key) in left_groups.keys.iter().zip(&renamed.keys) {
                left.on.push(Column::new_unqualified(left_key));
                right.on.push(Column::new_unqualified(right_key));
            }
            right.groups = Some(renamed);
            let plan = std::mem::take(&mut right.plan);
            right.plan = LogicalPlanBuilder::from(plan).project(columns)?.build()?;
        }
        let needs_left = matches!(
            kind,
            JoinKind::LeftOuter | JoinKind::LeftSemi | JoinKind::LeftAnti | JoinKind::FullOuter
        );
        let needs_right = matches!(
            kind,
            JoinKind::RightOuter | JoinKind::RightSemi | JoinKind::RightAnti | JoinKind::FullOuter
        );
        let Some(groups) = left.groups.as_ref().or(right.groups.as_ref()) else {
            return Ok(None);
        };
        if (needs_left && !has_left) || (needs_right && !has_right) {
            let what = "a `join` that keeps rows of a table outside of the subquery";
            return Err(EngineError::not_supported(what, output.span));
        }
        let of = |side: &Side, at: usize| {
            let groups = side.groups.as_ref();
            groups.and_then(|groups| groups.keys.iter().chain(&groups.carried).nth(at).cloned())
        };
        let hidden = groups.keys.iter().chain(&groups.carried).enumerate();
        let hidden = hidden.map(|(at, name)| {
            let own = match (of(left, at), of(right, at)) {
                (Some(left), Some(right)) if kind == JoinKind::FullOuter => {
                    coalesce(vec![column(left), column(right)])
                }
                (Some(left), Some(_)) if !needs_right => column(left),
                (_, Some(right)) => column(right),
                (Some(left), None) => column(left),
                (None, None) => column(name),
            };
            own.alias(name)
        });
        Ok(Some((groups.clone(), hidden.collect())))
    }

    /// A side of a join: its columns under their names in the output (none where the join does
    /// not return them), then its keys and what tells its groups.
    fn join_side(
        &self,
        side: &Plan,
        names: &[String],
        keys: &[&hir::Expr],
        filters: &[&hir::Expr],
    ) -> Result<Side> {
        let mut input = self.plan(side)?.without_order();
        for filter in filters {
            let predicate = self.predicate(filter, &input)?;
            input = self.filtered(input, predicate)?;
        }
        let input = Self::without_placeholders(input, "join", side.span)?;
        let input = self.with_windows(input, keys.iter().copied())?;
        let mut columns: Vec<Expr> = names
            .iter()
            .enumerate()
            .map(|(position, name)| input.column(position).alias(name))
            .collect();
        let mut on = Vec::with_capacity(keys.len());
        for key in keys {
            let name = self.hidden_name();
            columns.push(self.value(key, &input)?.alias(&name));
            on.push(Column::new_unqualified(name));
        }
        let visible = columns.len();
        columns.extend(input.groups.iter().flat_map(Groups::columns).map(column));
        let plan = LogicalPlanBuilder::from(input.plan)
            .project(columns)?
            .build()?;
        Ok(Side {
            plan,
            visible,
            on,
            groups: input.groups,
        })
    }
}

/// Whether an expression reads none but the first `width` columns, and no other rows.
fn reads_only(expr: &hir::Expr, width: usize) -> bool {
    match &expr.kind {
        ExprKind::Column(position) => *position < width,
        ExprKind::Further(_) => false,
        ExprKind::Call { function, .. } if function.is_window() => false,
        _ => expr.operands().all(|operand| reads_only(operand, width)),
    }
}

/// An input of a join.
struct Side {
    plan: LogicalPlan,
    /// Columns before those of the groups.
    visible: usize,
    on: Vec<Column>,
    groups: Option<Groups>,
}
