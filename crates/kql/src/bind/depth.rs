//! How deep resolved queries may nest. Whoever walks or drops one does so recursively, and lets
//! and functions that build on each other could make it deeper than any stack.

use std::collections::HashMap;

use crate::hir::{BinaryOp, Expr, ExprKind, Plan, PlanKind};
use crate::span::Span;

use super::{Attempt, Binder, SIZE_MAX, Value, code};

/// Most steps and expressions below each other: room for a pipeline of 500 operators. A pipeline
/// is measured when it is whole, so that there may be twice as many for a while.
const DEPTH_MAX: usize = 600;

/// Most conditions of a query that are joined by `and`. Engines take them apart and chain them
/// again, one below the other.
const CONDITIONS_MAX: usize = 1_000;

enum Node<'p> {
    Plan(&'p Plan),
    Expr(&'p Expr),
}

impl Binder<'_> {
    /// Reports a value that nests too deep.
    pub(super) fn check_depth(&mut self, value: &Value, span: Span) -> Attempt<()> {
        match value {
            Value::Table(table) => self.check_plan_depth(&table.plan, span),
            Value::Scalar(expr) => self.check_node_depth(Node::Expr(expr), span),
        }
    }

    /// Reports a plan that nests too deep.
    pub(super) fn check_plan_depth(&mut self, plan: &Plan, span: Span) -> Attempt<()> {
        self.check_node_depth(Node::Plan(plan), span)
    }

    fn check_node_depth(&mut self, node: Node<'_>, span: Span) -> Attempt<()> {
        match excess(node) {
            None => Ok(()),
            Some(message) => Err(self.error(code::TOO_LARGE, span, message)),
        }
    }
}

/// What there is too much of.
fn excess(root: Node<'_>) -> Option<&'static str> {
    // Shared tables are met several times.
    let mut met: HashMap<u32, usize> = HashMap::new();
    let mut nodes = 0;
    // With each node, how many are above it and how many conditions hold for what it yields.
    let mut pending = vec![(root, 1, 0)];
    while let Some((node, depth, mut conditions)) = pending.pop() {
        nodes += 1;
        if depth > DEPTH_MAX || nodes > 4 * SIZE_MAX {
            let what = "the query nests too deeply when its functions and names are written out";
            return Some(what);
        }
        let below = depth + 1;
        match node {
            Node::Plan(plan) => match &*plan.kind {
                PlanKind::Shared { id, input } => {
                    let before = met.insert(*id, depth);
                    if before.is_none_or(|before| before < depth) {
                        pending.push((Node::Plan(input), below, conditions));
                    }
                }
                // Most steps are these, and most of their columns are passed on as they are.
                PlanKind::Project { input, columns } => {
                    pending.push((Node::Plan(input), below, conditions));
                    let columns = columns.iter().filter(|expr| is_compound(expr));
                    pending.extend(columns.map(|expr| (Node::Expr(expr), below, 0)));
                }
                PlanKind::Filter { input, predicate } => {
                    conditions += conjuncts(predicate);
                    if conditions > CONDITIONS_MAX {
                        let what = "more than 1,000 conditions are joined by `and`; \
                                    list values with `in` or `!in` instead";
                        return Some(what);
                    }
                    pending.push((Node::Plan(input), below, conditions));
                    pending.push((Node::Expr(predicate), below, 0));
                }
                _ => {
                    let inputs = plan.inputs().into_iter();
                    pending.extend(inputs.map(|input| (Node::Plan(input), below, conditions)));
                    let expressions = plan.expressions().into_iter();
                    let expressions = expressions.filter(|expr| is_compound(expr));
                    pending.extend(expressions.map(|expr| (Node::Expr(expr), below, 0)));
                }
            },
            Node::Expr(expr) => {
                let operands = expr.operands().filter(|operand| is_compound(operand));
                pending.extend(operands.map(|operand| (Node::Expr(operand), below, 0)));
                pending.extend(expr.table().map(|table| (Node::Plan(table), below, 0)));
            }
        }
    }
    None
}

/// How many conditions `and` joins in this one.
fn conjuncts(condition: &Expr) -> usize {
    let mut count = 0;
    let mut pending = vec![condition];
    while let Some(expr) = pending.pop() {
        match &expr.kind {
            ExprKind::Binary {
                op: BinaryOp::And, ..
            } => pending.extend(expr.operands()),
            _ => count += 1,
        }
    }
    count
}

/// Whether something is below an expression.
fn is_compound(expr: &Expr) -> bool {
    !matches!(
        expr.kind,
        ExprKind::Column(_) | ExprKind::Literal(_) | ExprKind::Now
    )
}
