//! What a plan or an expression is made of, so that passes over the tree need not know every
//! variant.

use kql::hir::{Expr, ExprKind, Plan, PlanKind};

/// The plans that a plan reads.
pub(super) fn inputs(plan: &Plan) -> Vec<&Plan> {
    match &*plan.kind {
        PlanKind::Table { .. }
        | PlanKind::Values { .. }
        | PlanKind::Print { .. }
        | PlanKind::Range { .. } => Vec::new(),
        PlanKind::Filter { input, .. }
        | PlanKind::Project { input, .. }
        | PlanKind::Aggregate { input, .. }
        | PlanKind::Distinct { input }
        | PlanKind::Sort { input, .. }
        | PlanKind::Take { input, .. }
        | PlanKind::MvExpand { input, .. }
        | PlanKind::Parse { input, .. }
        | PlanKind::Serialize { input } => vec![input],
        PlanKind::Join { left, right, .. } => vec![left, right],
        PlanKind::Union { inputs } => inputs.iter().map(|leg| &leg.plan).collect(),
        PlanKind::Shared { input, .. } => vec![input],
    }
}

/// The expressions that a plan itself evaluates.
pub(super) fn expressions(plan: &Plan) -> Vec<&Expr> {
    match &*plan.kind {
        PlanKind::Table { .. }
        | PlanKind::Values { .. }
        | PlanKind::Distinct { .. }
        | PlanKind::Serialize { .. }
        | PlanKind::Shared { .. } => Vec::new(),
        PlanKind::Print { columns } | PlanKind::Project { columns, .. } => columns.iter().collect(),
        PlanKind::Range { from, to, step } => vec![from, to, step],
        PlanKind::Filter { predicate, .. } => vec![predicate],
        PlanKind::Aggregate {
            keys, aggregates, ..
        } => keys
            .iter()
            .chain(aggregates.iter().flat_map(|call| &call.arguments))
            .collect(),
        PlanKind::Sort { keys, .. } => keys.iter().map(|key| &key.expr).collect(),
        PlanKind::Take { count, .. } => vec![count],
        PlanKind::Join { on, .. } => on.iter().flat_map(|(left, right)| [left, right]).collect(),
        PlanKind::Union { inputs } => inputs.iter().flat_map(|leg| &leg.columns).collect(),
        PlanKind::MvExpand { columns, .. } => columns.iter().map(|column| &column.value).collect(),
        PlanKind::Parse { text, .. } => vec![text],
    }
}

/// The operands of an expression.
pub(super) fn operands(expr: &Expr) -> Vec<&Expr> {
    match &expr.kind {
        ExprKind::Column(_) | ExprKind::Literal(_) | ExprKind::Now | ExprKind::ToScalar(_) => {
            Vec::new()
        }
        ExprKind::Binary { left, right, .. } => vec![left, right],
        ExprKind::Negate(operand) | ExprKind::Convert(operand) => vec![operand],
        ExprKind::InList { value, list, .. } => std::iter::once(&**value).chain(list).collect(),
        ExprKind::InTable { value, .. } => vec![value],
        ExprKind::Between {
            value, low, high, ..
        } => vec![value, low, high],
        ExprKind::Call { arguments, .. } => arguments.iter().collect(),
        ExprKind::Member { base, .. } => vec![base],
        ExprKind::Index { base, index } => vec![base, index],
    }
}

/// Calls `visit` on every expression of a plan and their operands, not of its inputs. Iterative,
/// because generated queries hold chains of thousands of operators.
pub(super) fn each_expression<'p>(plan: &'p Plan, mut visit: impl FnMut(&'p Expr)) {
    let mut pending = expressions(plan);
    while let Some(expr) = pending.pop() {
        visit(expr);
        pending.extend(operands(expr));
    }
}
