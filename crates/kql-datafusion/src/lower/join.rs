//! `join`. Keys are computed before the join, so that it always compares columns; null equals
//! null, and what an outer join leaves open is null, or `""` for text.

use datafusion::common::{Column, JoinType, NullEquality};
use datafusion::functions::core::expr_fn::coalesce;
use datafusion::logical_expr::{Expr, LogicalPlan, LogicalPlanBuilder, lit};
use kql::hir::{self, BinaryOp, ExprKind, JoinKind, Plan, PlanKind};
use kql::types::ScalarType;

use super::relation::Relation;
use super::{Lowering, Result, column, literal, output_name};

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
        let (left_plan, left_on) = self.join_side(left, &left_names, &left_keys, left_filters)?;
        let (right_plan, right_on) = self.join_side(right, &right_names, &right_keys, &[])?;
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
        Ok(Relation::unordered(
            joined.project(outputs)?.build()?,
            columns.len(),
        ))
    }

    /// A side of a join: its columns under their names in the output (none where the join does
    /// not return them), then its keys.
    fn join_side(
        &self,
        side: &Plan,
        names: &[String],
        keys: &[&hir::Expr],
        filters: &[&hir::Expr],
    ) -> Result<(LogicalPlan, Vec<Column>)> {
        let mut input = self.plan(side)?.without_order();
        for filter in filters {
            let predicate = self.predicate(filter, &input)?;
            input = input.map(|plan| LogicalPlanBuilder::from(plan).filter(predicate)?.build())?;
        }
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
        Ok((
            LogicalPlanBuilder::from(input.plan)
                .project(columns)?
                .build()?,
            on,
        ))
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
