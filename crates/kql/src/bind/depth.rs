//! How deep resolved queries may nest. Whoever walks or drops one does so recursively, and lets
//! and functions that build on each other could make it deeper than any stack.

use std::collections::HashMap;

use crate::hir::{Expr, ExprKind, Plan, PlanKind};
use crate::span::Span;

use super::{Attempt, Binder, SIZE_MAX, Value, code};

/// Most steps and expressions below each other: room for a pipeline of 500 operators. A pipeline
/// is measured when it is whole, so that there may be twice as many for a while.
const DEPTH_MAX: usize = 600;

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
        if is_bounded(node) {
            return Ok(());
        }
        let message = "the query nests too deeply when its functions and names are written out";
        Err(self.error(code::TOO_LARGE, span, message))
    }
}

fn is_bounded(root: Node<'_>) -> bool {
    // Shared tables are met several times.
    let mut met: HashMap<u32, usize> = HashMap::new();
    let mut nodes = 0;
    let mut pending = vec![(root, 1)];
    while let Some((node, depth)) = pending.pop() {
        nodes += 1;
        if depth > DEPTH_MAX || nodes > 4 * SIZE_MAX {
            return false;
        }
        let below = depth + 1;
        match node {
            Node::Plan(plan) => match &*plan.kind {
                PlanKind::Shared { id, input } => {
                    let before = met.insert(*id, depth);
                    if before.is_none_or(|before| before < depth) {
                        pending.push((Node::Plan(input), below));
                    }
                }
                // Most steps are these, and most of their columns are passed on as they are.
                PlanKind::Project { input, columns } => {
                    pending.push((Node::Plan(input), below));
                    let columns = columns.iter().filter(|expr| is_compound(expr));
                    pending.extend(columns.map(|expr| (Node::Expr(expr), below)));
                }
                PlanKind::Filter { input, predicate } => {
                    pending.push((Node::Plan(input), below));
                    pending.push((Node::Expr(predicate), below));
                }
                _ => {
                    let inputs = plan.inputs().into_iter();
                    pending.extend(inputs.map(|input| (Node::Plan(input), below)));
                    let expressions = plan.expressions().into_iter();
                    let expressions = expressions.filter(|expr| is_compound(expr));
                    pending.extend(expressions.map(|expr| (Node::Expr(expr), below)));
                }
            },
            Node::Expr(expr) => {
                let operands = expr.operands().filter(|operand| is_compound(operand));
                pending.extend(operands.map(|operand| (Node::Expr(operand), below)));
                pending.extend(expr.table().map(|table| (Node::Plan(table), below)));
            }
        }
    }
    true
}

/// Whether something is below an expression.
fn is_compound(expr: &Expr) -> bool {
    !matches!(
        expr.kind,
        ExprKind::Column(_) | ExprKind::Literal(_) | ExprKind::Now
    )
}
