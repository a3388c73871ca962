//! Takes out of a typed query what its answer does not need, before a plan is made of it: columns
//! that nothing above reads, and rows of a union's legs that nothing above keeps. DataFusion does
//! the same for plans, at a cost that grows with all columns of all legs, in each of its rules;
//! a union of all tables has millions of those. What a step means is not the business of this
//! module: it leaves alone what it does not know.

mod columns;
mod condition;
mod legs;

use kql::builtin;
use kql::hir::{Expr, ExprKind, Plan};

use crate::lookup;

/// Tells whether an expression without columns is true; none where only running it would.
pub(crate) type Truth<'t> = &'t dyn Fn(&Expr) -> Option<bool>;

/// Narrows a query in place. Its own columns stay.
pub(crate) fn narrow(plan: &mut Plan, truth: Truth<'_>) {
    legs::narrow(plan, truth);
    columns::narrow(plan);
}

/// Whether the value of an expression depends on the columns that it mentions and nothing else.
fn reads_its_columns_only(expr: &Expr) -> bool {
    let mut pending = vec![expr];
    while let Some(expr) = pending.pop() {
        let reads_more = match &expr.kind {
            ExprKind::Further(_) | ExprKind::ToScalar(_) | ExprKind::InTable { .. } => true,
            ExprKind::Call { function, .. } => {
                function.is_window()
                    || function.reads_record()
                    || builtin::graph(function.name).is_some()
                    || matches!(function.name, "rand" | "new_guid" | lookup::LOCATIONS)
            }
            _ => false,
        };
        if reads_more {
            return false;
        }
        pending.extend(expr.operands());
    }
    true
}
