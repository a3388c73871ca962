//! How deep resolved queries may nest. Whoever walks or drops one does so recursively, and lets
//! and functions that build on each other could make it deeper than any stack.

use std::collections::HashMap;

use crate::hir::{Expr, Plan, PlanKind};
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
    let mut met: HashMap<*const Plan, usize> = HashMap::new();
    let mut nodes = 0;
    let mut pending = vec![(root, 1)];
    while let Some((node, depth)) = pending.pop() {
        nodes += 1;
        if depth > DEPTH_MAX || nodes > 4 * SIZE_MAX {
            return false;
        }
        match node {
            Node::Plan(plan) => {
                let before = met.insert(std::ptr::from_ref(plan), depth);
                if before.is_some_and(|before| before >= depth) {
                    continue;
                }
                if let PlanKind::Shared { input, .. } = &*plan.kind {
                    pending.push((Node::Plan(input), depth + 1));
                }
                let inputs = plan.inputs().into_iter();
                pending.extend(inputs.map(|input| (Node::Plan(input), depth + 1)));
                let expressions = plan.expressions().into_iter();
                pending.extend(
                    expressions
                        .filter(|expr| expr.operands().next().is_some() || expr.table().is_some())
                        .map(|expr| (Node::Expr(expr), depth + 1)),
                );
            }
            Node::Expr(expr) => {
                let operands = expr.operands();
                pending.extend(operands.map(|operand| (Node::Expr(operand), depth + 1)));
                pending.extend(expr.table().map(|table| (Node::Plan(table), depth + 1)));
            }
        }
    }
    true
}
