//! Time as an argument: a window `[from, to)` is put around every read of a table that has a time
//! column, and `now()` becomes the window's end. A query bound so gives the same answer whenever
//! it runs.

use std::collections::HashMap;
use std::sync::Arc;

use crate::hir::{BinaryOp, Expr, ExprKind, Plan, PlanKind, Query};
use crate::types::{ScalarType, Value};

/// A half-open range of time in ticks since 0001-01-01.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Window {
    /// First tick.
    pub from: i64,
    /// The tick just after the last.
    pub to: i64,
}

/// Restricts every table with a time column to the window, and binds `now()` to its end.
pub fn apply(query: Query, window: Window) -> Query {
    rewrite(query, window.to, Some(window))
}

/// Binds `now()` to a time in ticks and reads tables whole.
pub fn bind_now(query: Query, now: i64) -> Query {
    rewrite(query, now, None)
}

fn rewrite(mut query: Query, now: i64, window: Option<Window>) -> Query {
    let mut rewrite = Rewrite {
        now,
        window,
        shared: HashMap::new(),
    };
    rewrite.plan(&mut query.plan);
    query
}

struct Rewrite {
    now: i64,
    window: Option<Window>,
    /// Shared subtrees that were rewritten already: references stay references to one subtree.
    shared: HashMap<u32, Arc<Plan>>,
}

impl Rewrite {
    fn plan(&mut self, plan: &mut Plan) {
        if let PlanKind::Shared { id, input } = &mut *plan.kind {
            if let Some(done) = self.shared.get(id) {
                *input = Arc::clone(done);
                return;
            }
            let mut inner = Plan::clone(input);
            self.plan(&mut inner);
            *input = Arc::new(inner);
            self.shared.insert(*id, Arc::clone(input));
            return;
        }
        for input in plan.inputs_mut() {
            self.plan(input);
        }
        for expr in plan.expressions_mut() {
            self.expr(expr);
        }
        if let PlanKind::Table { time_column, .. } = &*plan.kind
            && let (Some(window), Some(column)) = (self.window, *time_column)
        {
            restrict(plan, column, window);
        }
    }

    fn expr(&mut self, expr: &mut Expr) {
        if let ExprKind::Now = expr.kind {
            expr.kind = ExprKind::Literal(Value::DateTime(self.now));
        }
        for operand in expr.operands_mut() {
            self.expr(operand);
        }
        if let Some(table) = expr.table_mut() {
            self.plan(table);
        }
    }
}

/// Puts `from <= column and column < to` on top of a table.
fn restrict(plan: &mut Plan, column: usize, window: Window) {
    let span = plan.span;
    let bool_expr = |op, left, right| Expr {
        kind: ExprKind::Binary {
            op,
            left: Box::new(left),
            right: Box::new(right),
        },
        ty: ScalarType::Bool,
        span,
    };
    let time = Expr {
        kind: ExprKind::Column(column),
        ty: ScalarType::DateTime,
        span,
    };
    let tick = |value| Expr {
        kind: ExprKind::Literal(Value::DateTime(value)),
        ty: ScalarType::DateTime,
        span,
    };
    let starts = bool_expr(BinaryOp::GreaterOrEqual, time.clone(), tick(window.from));
    let ends = bool_expr(BinaryOp::Less, time, tick(window.to));
    let predicate = bool_expr(BinaryOp::And, starts, ends);
    let schema = plan.schema.clone();
    let table = std::mem::replace(
        plan,
        Plan {
            kind: Box::new(PlanKind::Values { rows: Vec::new() }),
            schema: schema.clone(),
            span,
        },
    );
    *plan = Plan {
        kind: Box::new(PlanKind::Filter {
            input: table,
            predicate,
        }),
        schema,
        span,
    };
}
