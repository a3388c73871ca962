//! What tables inside the expressions of a subquery come to for each group: `toscalar` of the rows
//! of the group, and `in` over them. Each becomes a hidden column beside the rows.

use datafusion::common::{Column, JoinType, NullEquality, ScalarValue};
use datafusion::functions::core::expr_fn::coalesce;
use datafusion::logical_expr::{Expr, LogicalPlan, LogicalPlanBuilder, lit};
use kql::hir::{self, ExprKind, Plan, PlanKind};
use kql::types::ScalarType;

use super::group::{Groups, carried_value, reads_rows};
use super::relation::Relation;
use super::{Lowering, Result, column, literal, prepare, window};
use crate::error::EngineError;
use crate::{aggregate, function};

/// A table inside an expression that reads the rows of the group at hand.
pub(super) enum GroupValue<'p> {
    /// Its first value.
    Scalar {
        expr: &'p hir::Expr,
        table: &'p Plan,
    },
    /// The values of its first column.
    List { table: &'p Plan },
}

impl<'p> GroupValue<'p> {
    /// The table of an expression, if it reads the rows of the group.
    pub(super) fn of(expr: &'p hir::Expr) -> Option<Self> {
        match &expr.kind {
            ExprKind::ToScalar(table) if reads_rows(table) => Some(Self::Scalar { expr, table }),
            ExprKind::InTable { table, .. } if reads_rows(table) => Some(Self::List { table }),
            _ => None,
        }
    }

    /// What its column is known by.
    pub(super) fn address(&self) -> usize {
        match self {
            Self::Scalar { expr, .. } => window::address(expr),
            Self::List { table } => prepare::address(table),
        }
    }

    fn table(&self) -> &'p Plan {
        match self {
            Self::Scalar { table, .. } | Self::List { table } => table,
        }
    }

    /// What stands for a group without rows, if that is not null.
    fn missing(&self) -> Result<Option<ScalarValue>> {
        Ok(match self {
            Self::Scalar { expr, .. } if expr.ty == ScalarType::String => {
                Some(literal::missing(expr.ty)?)
            }
            Self::Scalar { .. } => None,
            Self::List { .. } => Some(ScalarValue::Utf8View(Some("[]".to_owned()))),
        })
    }
}

impl Lowering<'_> {
    /// The rows with the value for their group, in a column that is called as returned.
    pub(super) fn with_group_value(
        &self,
        input: Relation,
        value: &GroupValue<'_>,
    ) -> Result<(Relation, String)> {
        let table = value.table();
        let groups = input.groups.clone();
        if let (GroupValue::Scalar { .. }, Some(groups)) = (value, &groups)
            && let Some(key) = self.key_of_group(table, groups)
        {
            return Ok((input, key));
        }
        if table.schema.is_empty() {
            let what = "a table without columns inside an expression of a subquery";
            return Err(EngineError::not_supported(what, table.span));
        }
        let values = self.plan(table)?;
        let own = values.groups.clone();
        if groups.is_some() != own.is_some() || (groups.is_none() && !self.is_one_group()) {
            let what = "a table inside an expression of a subquery, in this place,";
            return Err(EngineError::not_supported(what, table.span));
        }
        let values = match own.as_ref().and_then(|own| own.alive.as_ref()) {
            Some(alive) => {
                let alive = column(alive);
                values.map(|plan| LogicalPlanBuilder::from(plan).filter(alive)?.build())?
            }
            None => values,
        };
        let name = self.hidden_name();
        let values = match value {
            GroupValue::Scalar { .. } => self.first_of_group(values, own.as_ref(), &name)?,
            GroupValue::List { .. } => Self::list_of_group(values, own.as_ref(), table, &name)?,
        };
        let filled = self.hidden_name();
        let mut columns: Vec<Expr> = (0..input.plan.schema().fields().len())
            .map(|position| input.column(position))
            .collect();
        columns.push(match value.missing()? {
            Some(missing) => coalesce(vec![column(&name), lit(missing)]).alias(&filled),
            None => column(&name).alias(&filled),
        });
        let joined = match (groups, own) {
            (Some(groups), Some(own)) => {
                let mut renamed = vec![column(&name)];
                let mut on = (Vec::new(), Vec::new());
                for (left, right) in groups.keys.iter().zip(&own.keys) {
                    let key = self.hidden_name();
                    renamed.push(column(right).alias(&key));
                    on.0.push(Column::new_unqualified(left));
                    on.1.push(Column::new_unqualified(key));
                }
                let values = LogicalPlanBuilder::from(values).project(renamed)?.build()?;
                let equal = NullEquality::NullEqualsNull;
                input.map(|plan| {
                    LogicalPlanBuilder::from(plan)
                        .join_detailed(values, JoinType::Left, on, None, equal)?
                        .project(columns)?
                        .build()
                })?
            }
            _ => input.map(|plan| {
                LogicalPlanBuilder::from(plan)
                    .cross_join(values)?
                    .project(columns)?
                    .build()
            })?,
        };
        Ok((joined, filled))
    }

    /// The first value of each group, beside its keys. One group alone has a row in any case.
    fn first_of_group(
        &self,
        values: Relation,
        groups: Option<&Groups>,
        name: &str,
    ) -> Result<LogicalPlan> {
        let Some(groups) = groups else {
            let first = values.column(0);
            let only = values
                .map_sorted(|plan| LogicalPlanBuilder::from(plan).limit(0, Some(1))?.build())?
                .plan;
            let schema = only.schema();
            let value = carried_value(first, schema.field(0).name(), schema).alias(name);
            let only =
                LogicalPlanBuilder::from(only.clone()).aggregate(Vec::<Expr>::new(), [value])?;
            return Ok(only.build()?);
        };
        let order = values.sort_expressions();
        let (values, number) = self.numbered(values, groups.partition(), order)?;
        let mut columns = vec![values.column(0).alias(name)];
        columns.extend(groups.keys.iter().map(column));
        let first = LogicalPlanBuilder::from(values.plan)
            .filter(column(number).eq(lit(1_u64)))?
            .project(columns)?;
        Ok(first.build()?)
    }

    /// The distinct values of each group as an array, beside its keys.
    fn list_of_group(
        values: Relation,
        groups: Option<&Groups>,
        table: &Plan,
        name: &str,
    ) -> Result<LogicalPlan> {
        let ty = table.schema.columns().first().map(|column| column.ty);
        let value = match ty {
            Some(ScalarType::Dynamic) | None => values.column(0),
            Some(ty) => function::convert(ty, ScalarType::Dynamic).call(vec![values.column(0)]),
        };
        let list = aggregate::set(usize::MAX).call(vec![value]).alias(name);
        let keys: Vec<Expr> = groups
            .iter()
            .flat_map(|groups| groups.keys.iter().map(column))
            .collect();
        Ok(LogicalPlanBuilder::from(values.plan)
            .aggregate(keys, [list])?
            .build()?)
    }

    /// The column of the key that `partition` tells its groups by, if that is what the table is.
    fn key_of_group(&self, table: &Plan, groups: &Groups) -> Option<String> {
        let frames = self.frames.borrow();
        frames.last()?.sources.as_ref()?;
        let PlanKind::Project { input, columns } = &*table.kind else {
            return None;
        };
        let is_key = matches!(&*input.kind, PlanKind::Rows)
            && matches!(&columns[..], [only] if matches!(only.kind, ExprKind::Column(_)));
        is_key.then(|| groups.keys.last().cloned()).flatten()
    }
}
