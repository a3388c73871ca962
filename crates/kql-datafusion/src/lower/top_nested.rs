//! `top-nested`: level by level, the values within those of the levels above are aggregated and
//! ranked, and the rows of the best go on to the next level. The rows of the others become one
//! row where a level asks for it, which stands for the levels below too.

use datafusion::common::{Column, JoinType, NullEquality};
use datafusion::logical_expr::expr::Sort;
use datafusion::logical_expr::{Expr, LogicalPlan, LogicalPlanBuilder, Union, lit};
use kql::hir::{NestedLevel, Plan, TopNested};
use kql::types::ScalarType;

use super::group::{Frame, Groups};
use super::relation::Relation;
use super::{Lowering, Result, column, literal, output_name};
use crate::error::EngineError;
use crate::function;

/// Rows and what is known of them at a level.
struct State {
    rows: Relation,
    /// The groups of the rows around the operator.
    outer: Groups,
    /// The hidden columns with the values of all levels.
    values: Vec<String>,
    /// The hidden columns with what the levels so far are ordered by.
    by: Vec<String>,
}

impl State {
    /// The rows in groups of one value per level above and including `levels` levels.
    fn grouped(&self, levels: usize) -> Relation {
        let mut groups = self.outer.clone();
        groups.keys.extend_from_slice(&self.values[..levels]);
        groups.carried.extend_from_slice(&self.by);
        Relation {
            groups: Some(groups),
            ..self.rows.clone()
        }
    }
}

impl Lowering<'_> {
    pub(super) fn top_nested(&self, nested: &TopNested, output: &Plan) -> Result<Relation> {
        let input = self.input(&nested.input)?.without_order();
        let input = Self::without_placeholders(input, "top-nested", output.span)?;
        let around = input.groups.clone();
        let mut columns = input.columns();
        columns.extend(input.hidden());
        let mut values = Vec::with_capacity(nested.levels.len());
        for level in &nested.levels {
            let name = self.hidden_name();
            columns.push(self.value(&level.value, &input)?.alias(&name));
            values.push(name);
        }
        let mut state = State {
            rows: input.map(|plan| LogicalPlanBuilder::from(plan).project(columns)?.build())?,
            outer: around.clone().unwrap_or(Groups {
                keys: Vec::new(),
                carried: Vec::new(),
                alive: None,
                keeps: false,
            }),
            values,
            by: Vec::new(),
        };
        let mut legs: Vec<LogicalPlan> = Vec::new();
        for (at, level) in nested.levels.iter().enumerate() {
            let (best, by) = self.best_values(&state, at, level)?;
            if at + 1 == nested.levels.len() && !has_others(&nested.levels[at..]) {
                state.by.push(by);
                legs.push(leg(&state, best, output)?);
                break;
            }
            let marked = self.marked(&state, at, best.clone(), &by)?;
            let (marked, is_best, found_by) = marked;
            if has_others(&nested.levels[at..]) {
                let rest = State {
                    rows: marked.clone(),
                    outer: state.outer.clone(),
                    values: state.values.clone(),
                    by: state.by.clone(),
                };
                legs.push(self.others(rest, at, &is_best, nested, output)?);
            }
            let is_best = column(is_best).is_not_null();
            state.rows =
                marked.map(|plan| LogicalPlanBuilder::from(plan).filter(is_best)?.build())?;
            if at + 1 == nested.levels.len() {
                state.by.push(by);
                legs.push(leg(&state, best, output)?);
            } else {
                state.by.push(found_by);
            }
        }
        let plan = match <[LogicalPlan; 1]>::try_from(legs) {
            Ok([only]) => only,
            Err(legs) => {
                let legs = legs.into_iter().map(std::sync::Arc::new).collect();
                LogicalPlan::Union(Union::try_new(legs)?)
            }
        };
        Ok(Relation {
            groups: around,
            ..Relation::unordered(plan, output.schema.len())
        })
    }

    /// The best values of a level with the column they are ordered by, in groups.
    fn best_values(
        &self,
        state: &State,
        at: usize,
        level: &NestedLevel,
    ) -> Result<(Relation, String)> {
        let (ranked, by) = self.aggregates_of(state.grouped(at + 1), &[level])?;
        let by = by.into_iter().next().flatten().ok_or_else(|| {
            EngineError::not_supported("a level without aggregate", level.value.span)
        })?;
        let Some(count) = &level.count else {
            return Ok((ranked, by));
        };
        let count = self.row_count(count)?;
        let mut order = Vec::new();
        if level.by.schema.columns()[0].ty == ScalarType::Real
            && let Some(is_nan) = function::scalar("isnan", &[ScalarType::Real], ScalarType::Bool)
        {
            // NaN has its place between null and the numbers.
            order.push(Sort::new(is_nan.call(vec![column(&by)]), true, false));
        }
        order.push(Sort::new(column(&by), level.ascending, false));
        let within = state.outer.keys.iter().chain(&state.values[..at]);
        let (ranked, rank) = self.numbered(ranked, within.map(column).collect(), order)?;
        let is_best = column(rank).lt_eq(lit(count as u64));
        let best = ranked.map(|plan| LogicalPlanBuilder::from(plan).filter(is_best)?.build())?;
        Ok((best, by))
    }

    /// What the levels are ordered by, for the groups of `rows`: a relation without visible
    /// columns, and one hidden column per level.
    fn aggregates_of(
        &self,
        rows: Relation,
        levels: &[&NestedLevel],
    ) -> Result<(Relation, Vec<Option<String>>)> {
        let calls: Vec<_> = levels
            .iter()
            .flat_map(|level| level.aggregates.iter().cloned())
            .collect();
        let outputs: usize = calls.iter().map(|call| call.outputs.len()).sum();
        let names: Vec<String> = (0..outputs).map(|_| self.hidden_name()).collect();
        let mut groups = rows.groups.clone();
        let mut relation = self.aggregated(rows, Vec::new(), &calls, names.clone())?;
        if let Some(groups) = &mut groups {
            groups.carried.extend_from_slice(&names);
        }
        relation.groups = groups;
        relation.width = 0;
        let mut rest = &names[..];
        let mut by = Vec::with_capacity(levels.len());
        for level in levels {
            let own: usize = level.aggregates.iter().map(|call| call.outputs.len()).sum();
            let (mine, others) = rest.split_at(own);
            rest = others;
            let mine = mine
                .iter()
                .map(|name| column(name).alias(self.hidden_name()));
            let frame = Frame {
                rows: relation.project(mine.collect())?,
                sources: None,
                is_one_group: false,
            };
            let ordered = self.within(frame, || self.plan(&level.by))?;
            let name = self.hidden_name();
            let mut columns = ordered.hidden();
            columns.push(ordered.column(0).alias(&name));
            let mut groups = ordered.groups.clone();
            if let Some(groups) = &mut groups {
                groups.carried.push(name.clone());
            }
            let plan = LogicalPlanBuilder::from(ordered.plan).project(columns)?;
            relation = Relation {
                groups,
                ..Relation::unordered(plan.build()?, 0)
            };
            by.push(Some(name));
        }
        Ok((relation, by))
    }

    /// All rows, with a column that is not null for those of the best values, and what those are
    /// ordered by.
    fn marked(
        &self,
        state: &State,
        at: usize,
        best: Relation,
        by: &str,
    ) -> Result<(Relation, String, String)> {
        let (is_best, found_by) = (self.hidden_name(), self.hidden_name());
        let mut columns = vec![lit(true).alias(&is_best), column(by).alias(&found_by)];
        let mut on = (Vec::new(), Vec::new());
        for key in state.outer.keys.iter().chain(&state.values[..=at]) {
            let name = self.hidden_name();
            columns.push(column(key).alias(&name));
            on.0.push(Column::new_unqualified(key));
            on.1.push(Column::new_unqualified(name));
        }
        let best = LogicalPlanBuilder::from(best.plan)
            .project(columns)?
            .build()?;
        let mut columns: Vec<Expr> = (0..state.rows.plan.schema().fields().len())
            .map(|position| state.rows.column(position))
            .collect();
        columns.extend([column(&is_best), column(&found_by)]);
        let marked = state.rows.clone().map(|plan| {
            LogicalPlanBuilder::from(plan)
                .join_detailed(best, JoinType::Left, on, None, NullEquality::NullEqualsNull)?
                .project(columns)?
                .build()
        })?;
        Ok((marked, is_best, found_by))
    }

    /// One row for the rows of a level that are not among the best, within each value of the
    /// levels above.
    fn others(
        &self,
        mut rest: State,
        at: usize,
        is_best: &str,
        nested: &TopNested,
        output: &Plan,
    ) -> Result<LogicalPlan> {
        // The mark is part of the key, so that no rows make no row.
        let is_rest = self.hidden_name();
        let mut columns: Vec<Expr> = (0..rest.rows.plan.schema().fields().len())
            .map(|position| rest.rows.column(position))
            .collect();
        columns.push(column(is_best).is_null().alias(&is_rest));
        let mark = column(&is_rest);
        rest.rows = rest.rows.map(|plan| {
            LogicalPlanBuilder::from(plan)
                .project(columns)?
                .filter(mark)?
                .build()
        })?;
        let mut grouped = rest.grouped(at);
        if let Some(groups) = &mut grouped.groups {
            groups.keys.push(is_rest);
        }
        let below = &nested.levels[at..];
        let asked: Vec<&NestedLevel> = below
            .iter()
            .filter(|level| level.others.is_some())
            .collect();
        let (relation, by) = self.aggregates_of(grouped, &asked)?;
        let mut by = by.into_iter().flatten();
        let outputs = output.schema.columns();
        let mut columns = Vec::with_capacity(outputs.len());
        for (value, by) in rest.values[..at].iter().zip(&rest.by) {
            columns.extend([column(value), column(by)]);
        }
        let no_rows = Relation::unordered(LogicalPlanBuilder::empty(true).build()?, 0);
        for (level, types) in below.iter().zip(outputs[2 * at..].chunks(2)) {
            let others = level.others.as_ref();
            if let (Some(others), Some(by)) = (others, others.and_then(|_| by.next())) {
                let mut value = self.value(others, &no_rows)?;
                if others.ty != types[0].ty {
                    value = function::convert(others.ty, types[0].ty).call(vec![value]);
                }
                columns.extend([value, column(by)]);
            } else {
                columns.push(lit(literal::missing(types[0].ty)?));
                columns.push(lit(literal::missing(types[1].ty)?));
            }
        }
        named(relation, columns, &rest.outer, output)
    }
}

fn has_others(levels: &[NestedLevel]) -> bool {
    levels.iter().any(|level| level.others.is_some())
}

/// The rows of the last level.
fn leg(state: &State, best: Relation, output: &Plan) -> Result<LogicalPlan> {
    let pairs = state.values.iter().zip(&state.by);
    let columns = pairs.flat_map(|(value, by)| [column(value), column(by)]);
    let columns = columns.collect();
    named(best, columns, &state.outer, output)
}

/// The columns under their names in the output, and those of the groups around.
fn named(
    relation: Relation,
    columns: Vec<Expr>,
    outer: &Groups,
    output: &Plan,
) -> Result<LogicalPlan> {
    let columns = columns.into_iter().zip(output.schema.columns());
    let columns = columns.map(|(value, out)| value.alias(output_name(&out.name)));
    let columns: Vec<Expr> = columns.chain(outer.columns().map(column)).collect();
    let plan = LogicalPlanBuilder::from(relation.plan).project(columns)?;
    Ok(plan.build()?)
}
