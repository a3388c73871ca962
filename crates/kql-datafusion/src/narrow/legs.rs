//! Rows of a union that nothing keeps. Conditions on a union become conditions on its legs, where
//! columns that a leg does not have are constants; a leg that they leave no row of goes. A number
//! of rows that is taken of a union is the most that is taken of each leg.

use std::collections::HashMap;
use std::sync::Arc;

use kql::hir::{Expr, ExprKind, Plan, PlanKind, SortKey, UnionInput};
use kql::types::Value;

use super::condition::{Condition, Outcome, always, conjunction, conjuncts, on_leg};
use super::{Truth, reads_its_columns_only};

/// Most nodes of expressions that conditions on one union become. What is larger, such as a
/// condition with a list of thousands of values, stays above the union.
const NODES_MAX: usize = 1 << 20;
/// Fewest legs that make it worth it to take the first rows of each.
const SORTED_LEGS_MIN: usize = 8;

pub(super) fn narrow(plan: &mut Plan, truth: Truth<'_>) {
    let shared = HashMap::new();
    Legs { truth, shared }.plan(plan);
}

struct Legs<'t> {
    truth: Truth<'t>,
    /// Shared subtrees that are done: references stay references to one subtree.
    shared: HashMap<u32, Arc<Plan>>,
}

impl Legs<'_> {
    fn plan(&mut self, plan: &mut Plan) {
        for expr in plan.expressions_mut() {
            let mut pending = vec![expr];
            while let Some(expr) = pending.pop() {
                if let Some(table) = expr.table_mut() {
                    self.plan(table);
                }
                pending.extend(expr.operands_mut());
            }
        }
        match &mut *plan.kind {
            PlanKind::Shared { id, input } => {
                if let Some(done) = self.shared.get(id) {
                    *input = Arc::clone(done);
                } else {
                    let mut inner = Plan::clone(input);
                    self.plan(&mut inner);
                    *input = Arc::new(inner);
                    self.shared.insert(*id, Arc::clone(input));
                }
            }
            // Within a subquery, a group counts even if none of its rows is kept.
            PlanKind::MvApply(apply) => self.plan(&mut apply.input),
            PlanKind::Partition(partition) => self.plan(&mut partition.input),
            PlanKind::TopNested(nested) => self.plan(&mut nested.input),
            PlanKind::MakeSeries(series) => self.plan(&mut series.input),
            PlanKind::Scan(scan) => self.plan(&mut scan.input),
            _ => {
                for input in plan.inputs_mut() {
                    self.plan(input);
                }
            }
        }
        self.push_down(plan);
    }

    fn push_down(&self, plan: &mut Plan) {
        match &mut *plan.kind {
            PlanKind::Filter { input, .. } if is_union(input) => self.push_filter(plan),
            PlanKind::Take { input, count } if is_literal(count) => match &mut *input.kind {
                PlanKind::Union { inputs } if inputs.len() > 1 => {
                    for leg in inputs {
                        let count = count.clone();
                        wrap(&mut leg.plan, |input| PlanKind::Take { input, count });
                        self.push_down(&mut leg.plan);
                    }
                }
                PlanKind::Sort { input, keys } => self.push_sorted_take(input, keys, count),
                _ => {}
            },
            _ => {}
        }
    }

    /// Pushes what it can of a filter of a union.
    fn push_filter(&self, plan: &mut Plan) {
        let PlanKind::Filter { input, predicate } = &mut *plan.kind else {
            return;
        };
        let schema = input.schema.clone();
        let PlanKind::Union { inputs } = &mut *input.kind else {
            return;
        };
        if schema.is_open() {
            return;
        }
        let span = predicate.span;
        let condition = std::mem::replace(predicate, always(span));
        let (pushed, mut kept): (Vec<Expr>, Vec<Expr>) = conjuncts(condition)
            .into_iter()
            .partition(reads_its_columns_only);
        if let Some(pushed) = conjunction(pushed) {
            let outcomes = outcomes(&Condition::new(&pushed, &schema, self.truth), inputs);
            match outcomes {
                Some(outcomes) => self.filter_legs(inputs, outcomes),
                None => kept.insert(0, pushed),
            }
        }
        if inputs.is_empty() {
            *input.kind = PlanKind::Values { rows: Vec::new() };
        }
        if let Some(kept) = conjunction(kept) {
            *predicate = kept;
        } else {
            let input = std::mem::replace(input, nothing(plan.span));
            *plan = input;
        }
    }

    fn filter_legs(&self, legs: &mut Vec<UnionInput>, outcomes: Vec<Outcome>) {
        let mut outcomes = outcomes.into_iter();
        legs.retain_mut(|leg| match outcomes.next() {
            Some(Outcome::Known(false)) => false,
            Some(Outcome::Known(true)) | None => true,
            Some(Outcome::Open(predicate)) => {
                wrap(&mut leg.plan, |input| PlanKind::Filter { input, predicate });
                self.push_down(&mut leg.plan);
                true
            }
        });
    }

    /// The first rows of a sorted union are among the first rows of its legs.
    fn push_sorted_take(&self, union: &mut Plan, keys: &[SortKey], count: &Expr) {
        let schema = union.schema.clone();
        let PlanKind::Union { inputs } = &mut *union.kind else {
            return;
        };
        let is_simple = keys.iter().all(|key| reads_its_columns_only(&key.expr));
        if inputs.len() < SORTED_LEGS_MIN || !is_simple || schema.is_open() {
            return;
        }
        for leg in inputs {
            let mut keys = keys.to_vec();
            keys.retain_mut(|key| on_leg(&mut key.expr, &schema, leg));
            if !keys.is_empty() {
                wrap(&mut leg.plan, |input| PlanKind::Sort { input, keys });
            }
            let count = count.clone();
            wrap(&mut leg.plan, |input| PlanKind::Take { input, count });
            self.push_down(&mut leg.plan);
        }
    }
}

/// What a condition comes to on each leg, `None` if that is too much to write down.
fn outcomes(condition: &Condition<'_>, legs: &[UnionInput]) -> Option<Vec<Outcome>> {
    let mut budget = NODES_MAX;
    legs.iter()
        .map(|leg| condition.on(leg, &mut budget))
        .collect()
}

fn is_union(plan: &Plan) -> bool {
    matches!(&*plan.kind, PlanKind::Union { .. })
}

fn is_literal(count: &Expr) -> bool {
    matches!(count.kind, ExprKind::Literal(Value::Long(_)))
}

/// Puts a step on top of a plan that yields the same columns.
fn wrap(plan: &mut Plan, step: impl FnOnce(Plan) -> PlanKind) {
    let (schema, span) = (plan.schema.clone(), plan.span);
    let input = std::mem::replace(plan, nothing(span));
    *plan = Plan {
        kind: Box::new(step(input)),
        schema,
        span,
    };
}

/// What stands where a plan was for as long as it is moved.
fn nothing(span: kql::span::Span) -> Plan {
    Plan {
        kind: Box::new(PlanKind::Values { rows: Vec::new() }),
        schema: kql::types::Schema::default(),
        span,
    }
}
