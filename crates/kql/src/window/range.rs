//! How far back a query reaches by itself: what its own conditions on the time column of a table
//! say relative to `now()`. For people who set a window, which comes on top.

use std::borrow::Borrow;
use std::collections::{HashMap, HashSet};
use std::time::Duration;

use super::{constant, time_column};
use crate::hir::{BinaryOp, Expr, ExprKind, JoinKind, Plan, PlanKind, Query};
use crate::span::Span;
use crate::types::{TICKS_PER_DAY, Value};

/// The range of time that a query asks of one table by itself.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OwnRange {
    /// The condition that says so.
    pub span: Span,
    /// Name of the table in the catalog.
    pub table: String,
    /// Where the table is read.
    pub read: Span,
    /// How far before `now()` the range begins; the farthest where it depends on the time of day.
    pub reach: Duration,
}

/// What the query asks of each place where it reads a table, where that can be told. A place
/// without a condition on its time has no range, nor one that compares it with fixed dates only.
/// A place that is read several times has the widest range.
pub fn own_ranges(query: &Query) -> Vec<OwnRange> {
    let mut ranges = Ranges {
        found: HashMap::new(),
        shared: HashSet::new(),
    };
    ranges.plan(&query.plan, &[]);
    let mut own: Vec<OwnRange> = ranges
        .found
        .into_iter()
        .filter_map(|((read, table), limit)| {
            let limit = limit?;
            Some(OwnRange {
                span: limit.span,
                table,
                read,
                reach: duration(limit.reach),
            })
        })
        .collect();
    own.sort_by(|a, b| (a.read, &a.table).cmp(&(b.read, &b.table)));
    own
}

fn duration(ticks: i64) -> Duration {
    let ticks = u64::try_from(ticks).unwrap_or(0);
    let second = crate::types::TICKS_PER_SECOND as u64;
    Duration::new(ticks / second, (ticks % second) as u32 * 100)
}

/// A column is not before `now()` minus so many ticks.
#[derive(Clone, Copy, Debug)]
struct Limit {
    column: usize,
    reach: i64,
    span: Span,
}

struct Ranges {
    /// Per place and table, the widest range; `None` where a read has none.
    found: HashMap<(Span, String), Option<Limit>>,
    /// Shared subtrees that were seen; what is above their second use is not looked at.
    shared: HashSet<u32>,
}

impl Ranges {
    /// `limits` are conditions above the plan, over its columns.
    fn plan(&mut self, plan: &Plan, limits: &[Limit]) {
        for expr in plan.expressions() {
            self.expr(expr);
        }
        match &*plan.kind {
            PlanKind::Table { name, .. } => self.read(plan, name, limits),
            PlanKind::Filter { input, predicate } => {
                let mut limits = limits.to_vec();
                conditions(predicate, &mut limits);
                self.plan(input, &limits);
            }
            PlanKind::Project { input, columns } => {
                let through = through(limits, |column| columns.get(column));
                self.plan(input, &through);
            }
            PlanKind::Aggregate { input, keys, .. } => {
                let through = through(limits, |column| keys.get(column));
                self.plan(input, &through);
            }
            PlanKind::Union { inputs } => {
                for leg in inputs {
                    let through = through(limits, |output| leg.expression(output));
                    self.plan(&leg.plan, &through);
                }
            }
            PlanKind::Distinct { input }
            | PlanKind::Sort { input, .. }
            | PlanKind::Serialize { input } => self.plan(input, limits),
            PlanKind::Join {
                left, right, kind, ..
            } => self.join(left, right, *kind, limits),
            // A condition above may be about the rows of another place too.
            PlanKind::Shared { id, input } => {
                if self.shared.insert(*id) {
                    self.plan(input, &[]);
                }
            }
            _ => {
                for input in plan.inputs() {
                    self.plan(input, &[]);
                }
            }
        }
    }

    fn expr(&mut self, expr: &Expr) {
        if let Some(table) = expr.table() {
            self.plan(table, &[]);
        }
        for operand in expr.operands() {
            self.expr(operand);
        }
    }

    /// A condition on a side holds for the rows of that side, unless it may be null by itself.
    fn join(&mut self, left: &Plan, right: &Plan, kind: JoinKind, limits: &[Limit]) {
        let width = left.schema.len();
        let (of_left, of_right): (Vec<Limit>, Vec<Limit>) = match kind {
            JoinKind::LeftSemi | JoinKind::LeftAnti => (limits.to_vec(), Vec::new()),
            JoinKind::RightSemi | JoinKind::RightAnti => (Vec::new(), limits.to_vec()),
            _ => {
                let (of_left, of_right) = limits.iter().partition(|limit| limit.column < width);
                let of_right: Vec<Limit> = of_right;
                let moved = of_right.into_iter().map(|limit| Limit {
                    column: limit.column - width,
                    ..limit
                });
                (of_left, moved.collect())
            }
        };
        self.plan(left, &of_left);
        self.plan(right, &of_right);
    }

    fn read(&mut self, plan: &Plan, name: &str, limits: &[Limit]) {
        let Some(time) = time_column(&plan.kind) else {
            return;
        };
        let own = limits.iter().filter(|limit| limit.column == time);
        let narrowest = own.min_by_key(|limit| limit.reach).copied();
        self.found
            .entry((plan.span, name.to_owned()))
            .and_modify(|known| {
                *known = match (*known, narrowest) {
                    (Some(a), Some(b)) => Some(if a.reach >= b.reach { a } else { b }),
                    _ => None,
                };
            })
            .or_insert(narrowest);
    }
}

/// The conditions below a step whose columns are computed by `column`. A bin begins at or before
/// the times in it, so that a lower end of the bin is one of the time.
fn through<E: Borrow<Expr>>(limits: &[Limit], column: impl Fn(usize) -> Option<E>) -> Vec<Limit> {
    let below = limits.iter().filter_map(|limit| {
        let column = column(limit.column)?;
        let mut expr: &Expr = column.borrow();
        loop {
            match &expr.kind {
                ExprKind::Column(column) => {
                    return Some(Limit {
                        column: *column,
                        ..*limit
                    });
                }
                ExprKind::Call {
                    function,
                    arguments,
                } if rounds_down(function.name) && arguments.len() <= 2 => {
                    expr = arguments.first()?;
                }
                _ => return None,
            }
        }
    });
    below.collect()
}

fn rounds_down(function: &str) -> bool {
    matches!(function, "bin" | "floor" | "startofday" | "startofweek")
}

/// Adds what a predicate says about the lower ends of columns.
fn conditions(predicate: &Expr, limits: &mut Vec<Limit>) {
    let span = predicate.span;
    let mut add = |column: usize, reach: i64| {
        limits.push(Limit {
            column,
            reach,
            span,
        });
    };
    match &predicate.kind {
        ExprKind::Binary {
            op: BinaryOp::And,
            left,
            right,
        } => {
            conditions(left, limits);
            conditions(right, limits);
        }
        ExprKind::Between {
            value,
            low,
            negated: false,
            ..
        } => {
            if let (Some(column), Some(reach)) = (time(value), reach(low)) {
                add(column, reach);
            }
        }
        ExprKind::Binary { op, left, right } => {
            let (greater, less) = match op {
                BinaryOp::Greater | BinaryOp::GreaterOrEqual | BinaryOp::Equal => (left, right),
                BinaryOp::Less | BinaryOp::LessOrEqual => (right, left),
                _ => return,
            };
            if let (Some(column), Some(reach)) = (time(greater), reach(less)) {
                add(column, reach);
            }
            // `now() - Timestamp < 7d`
            if let ExprKind::Binary {
                op: BinaryOp::Subtract,
                left: later,
                right: earlier,
            } = &less.kind
                && let (Some(from), Some(column), Some(age)) =
                    (reach(later), time(earlier), constant::timespan(greater))
                && let Some(reach) = from.checked_add(age)
            {
                add(column, reach);
            }
        }
        _ => {}
    }
}

/// The column that an expression is, or is the start of a bin of.
fn time(expr: &Expr) -> Option<usize> {
    match &expr.kind {
        ExprKind::Column(column) => Some(*column),
        ExprKind::Call {
            function,
            arguments,
        } if rounds_down(function.name) && arguments.len() <= 2 => time(arguments.first()?),
        _ => None,
    }
}

/// How many ticks before `now()` a time is, the most where that depends on the time of day.
fn reach(expr: &Expr) -> Option<i64> {
    match &expr.kind {
        ExprKind::Now => Some(0),
        ExprKind::Binary {
            op: BinaryOp::Add,
            left,
            right,
        } => match constant::timespan(right) {
            Some(offset) => reach(left)?.checked_sub(offset),
            None => reach(right)?.checked_sub(constant::timespan(left)?),
        },
        ExprKind::Binary {
            op: BinaryOp::Subtract,
            left,
            right,
        } => reach(left)?.checked_add(constant::timespan(right)?),
        ExprKind::Call {
            function,
            arguments,
        } => match (function.name, arguments.as_slice()) {
            ("bin" | "floor", [time, step]) => reach(time)?.checked_add(constant::timespan(step)?),
            ("datetime_add", [unit, count, time]) => {
                let ExprKind::Literal(Value::String(unit)) = &unit.kind else {
                    return None;
                };
                let added = constant::long(count)?.checked_mul(longest(unit)?)?;
                reach(time)?.checked_sub(added)
            }
            (name, [time]) => reach(time)?.checked_add(rounding(name)?),
            (name, [time, moved]) => {
                let (length, moved) = (rounding(name)?, constant::long(moved)?);
                let added = moved.checked_mul(length)?;
                reach(time)?.checked_add(length)?.checked_sub(added)
            }
            _ => None,
        },
        _ => None,
    }
}

/// By how many ticks a function rounds down at most.
fn rounding(function: &str) -> Option<i64> {
    let days = match function {
        "startofday" => 1,
        "startofweek" => 7,
        "startofmonth" => 31,
        "startofyear" => 366,
        _ => return None,
    };
    Some(days * TICKS_PER_DAY)
}

/// The ticks of a unit of time, the most where it varies.
fn longest(unit: &str) -> Option<i64> {
    Some(match unit.to_ascii_lowercase().as_str() {
        "year" => 366 * TICKS_PER_DAY,
        "quarter" => 92 * TICKS_PER_DAY,
        "month" => 31 * TICKS_PER_DAY,
        "week" => 7 * TICKS_PER_DAY,
        "day" => TICKS_PER_DAY,
        "hour" => TICKS_PER_DAY / 24,
        "minute" => TICKS_PER_DAY / (24 * 60),
        "second" => TICKS_PER_DAY / (24 * 60 * 60),
        _ => return None,
    })
}
