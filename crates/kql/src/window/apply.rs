//! The window in the resolved query: a filter on top of each table, and constants for `now()`.

use std::collections::HashMap;
use std::sync::Arc;

use super::{Mode, Timing, constant, reads, time_column};
use crate::builtin;
use crate::hir::{BinaryOp, Expr, ExprKind, Plan, PlanKind, Query};
use crate::types::{ScalarType, Value};

/// Restricts every table with a time column to the window, and binds `now()`. Tables without a
/// time column (lists, reference data) are read whole.
pub fn apply(query: Query, timing: impl Into<Timing>) -> Query {
    let timing = timing.into();
    bind(query, timing.now, Some(timing))
}

/// Binds `now()` to a time in ticks and reads tables whole.
pub fn bind_now(query: Query, now: i64) -> Query {
    bind(query, now, None)
}

fn bind(mut query: Query, now: i64, timing: Option<Timing>) -> Query {
    let mut apply = Apply {
        now,
        timing,
        shared: HashMap::new(),
    };
    apply.plan(&mut query.plan);
    query
}

struct Apply {
    now: i64,
    timing: Option<Timing>,
    /// Shared subtrees that were bound already: references stay references to one subtree.
    shared: HashMap<u32, Arc<Plan>>,
}

impl Apply {
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
        if let (Some(timing), Some(column)) = (self.timing, time_column(&plan.kind)) {
            restrict(plan, column, timing);
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
        // `ago(7d)` becomes a constant that a scan can compare with its statistics.
        if expr.ty == ScalarType::DateTime
            && let ExprKind::Binary { .. } = expr.kind
            && let Some(ticks) = constant::datetime(expr)
        {
            expr.kind = ExprKind::Literal(Value::DateTime(ticks));
        }
    }
}

/// Puts `from <= time and time < to` on top of a table.
fn restrict(plan: &mut Plan, column: usize, timing: Timing) {
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
        kind: match timing.mode {
            Mode::Event => ExprKind::Column(column),
            Mode::Ingestion => arrival(plan),
        },
        ty: ScalarType::DateTime,
        span,
    };
    let tick = |value| Expr {
        kind: ExprKind::Literal(Value::DateTime(value)),
        ty: ScalarType::DateTime,
        span,
    };
    let window = timing.window;
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

/// `ingestion_time()` of a table: a column of it, or what whoever reads it knows.
fn arrival(table: &Plan) -> ExprKind {
    match reads::arrival(&table.schema) {
        Some(column) => ExprKind::Column(column),
        None => ExprKind::Call {
            function: builtin::scalar("ingestion_time").expect("the function is declared"),
            arguments: Vec::new(),
        },
    }
}
