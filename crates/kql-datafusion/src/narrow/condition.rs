//! What a condition on a union comes to on one of its legs, where some columns are constants:
//! missing, or the name of the table. The condition of a `search` compares thousands of columns,
//! of which a leg has a few dozen; parts that are about none of those are looked at once for all
//! legs.

use kql::hir::{BinaryOp, Expr, ExprKind, UnionInput};
use kql::types::{ScalarType, Schema, Value};

use super::Truth;

/// A condition on the rows of a union.
pub(super) struct Condition<'c> {
    root: Part<'c>,
    schema: &'c Schema,
    truth: Truth<'c>,
}

/// What a condition comes to.
pub(super) enum Outcome {
    /// All rows are kept, or none.
    Known(bool),
    /// Those are for which this expression over the leg is true.
    Open(Expr),
}

/// A part of a condition, with the columns of the union that it may read.
struct Part<'c> {
    kind: PartKind<'c>,
    lowest: usize,
    highest: usize,
    /// Whether it is true where all its columns are missing, if that is known.
    without_columns: Option<bool>,
}

enum PartKind<'c> {
    Connected {
        expr: &'c Expr,
        op: BinaryOp,
        parts: Box<[Part<'c>; 2]>,
    },
    Leaf {
        expr: &'c Expr,
        columns: Vec<usize>,
    },
}

impl<'c> Condition<'c> {
    /// A condition over the columns of `schema`.
    pub(super) fn new(expr: &'c Expr, schema: &'c Schema, truth: Truth<'c>) -> Self {
        Self {
            root: Part::new(expr, schema, truth),
            schema,
            truth,
        }
    }

    /// What it comes to on a leg of the union. `budget` goes down by the size of the expression,
    /// `None` where it does not suffice.
    pub(super) fn on(&self, leg: &UnionInput, budget: &mut usize) -> Option<Outcome> {
        self.part_on(&self.root, leg, budget)
    }

    fn part_on(&self, part: &Part<'_>, leg: &UnionInput, budget: &mut usize) -> Option<Outcome> {
        if let Some(known) = part.without_columns
            && !part.reads(leg)
        {
            return Some(Outcome::Known(known));
        }
        match &part.kind {
            PartKind::Connected { expr, op, parts } => {
                let left = self.part_on(&parts[0], leg, budget)?;
                // What decides the whole.
                let decisive = *op == BinaryOp::Or;
                let left = match left {
                    Outcome::Known(known) if known == decisive => {
                        return Some(Outcome::Known(decisive));
                    }
                    Outcome::Known(_) => return self.part_on(&parts[1], leg, budget),
                    Outcome::Open(left) => left,
                };
                Some(match self.part_on(&parts[1], leg, budget)? {
                    Outcome::Known(known) if known == decisive => Outcome::Known(decisive),
                    Outcome::Known(_) => Outcome::Open(left),
                    Outcome::Open(right) => Outcome::Open(Expr {
                        kind: ExprKind::Binary {
                            op: *op,
                            left: Box::new(left),
                            right: Box::new(right),
                        },
                        ty: ScalarType::Bool,
                        span: expr.span,
                    }),
                })
            }
            PartKind::Leaf { expr, .. } => {
                *budget = budget.checked_sub(size(expr))?;
                let mut own = Expr::clone(expr);
                let reads_leg = on_leg(&mut own, self.schema, leg);
                let known = if reads_leg { None } else { (self.truth)(&own) };
                Some(known.map_or(Outcome::Open(own), Outcome::Known))
            }
        }
    }
}

impl<'c> Part<'c> {
    fn new(expr: &'c Expr, schema: &Schema, truth: Truth<'_>) -> Self {
        if let ExprKind::Binary {
            op: op @ (BinaryOp::And | BinaryOp::Or),
            left,
            right,
        } = &expr.kind
        {
            let left = Self::new(left, schema, truth);
            let right = Self::new(right, schema, truth);
            let known = (left.without_columns, right.without_columns);
            return Self {
                lowest: left.lowest.min(right.lowest),
                highest: left.highest.max(right.highest),
                without_columns: match known {
                    (Some(left), Some(right)) => Some(match op {
                        BinaryOp::And => left && right,
                        _ => left || right,
                    }),
                    _ => None,
                },
                kind: PartKind::Connected {
                    expr,
                    op: *op,
                    parts: Box::new([left, right]),
                },
            };
        }
        let mut columns = Vec::new();
        let mut pending = vec![expr];
        while let Some(expr) = pending.pop() {
            if let ExprKind::Column(position) = expr.kind {
                columns.push(position);
            }
            pending.extend(expr.operands());
        }
        let mut missing = expr.clone();
        replace_columns(&mut missing, &mut |position, span| {
            Expr::missing(schema.columns()[position].ty, span)
        });
        Self {
            lowest: columns.iter().copied().min().unwrap_or(usize::MAX),
            highest: columns.iter().copied().max().unwrap_or(0),
            without_columns: truth(&missing),
            kind: PartKind::Leaf { expr, columns },
        }
    }

    /// Whether a leg may give one of the columns.
    fn reads(&self, leg: &UnionInput) -> bool {
        let from = leg
            .columns
            .partition_point(|column| column.output() < self.lowest);
        let gives_between = leg
            .columns
            .get(from)
            .is_some_and(|column| column.output() <= self.highest)
            || leg
                .values
                .iter()
                .any(|value| (self.lowest..=self.highest).contains(&value.output));
        match &self.kind {
            PartKind::Leaf { columns, .. } => {
                gives_between && columns.iter().any(|at| leg.gives(*at))
            }
            PartKind::Connected { .. } => gives_between,
        }
    }
}

/// Rewrites an expression over a union to one over a leg. Whether it reads columns of the leg.
pub(super) fn on_leg(expr: &mut Expr, schema: &Schema, leg: &UnionInput) -> bool {
    let mut reads_leg = false;
    replace_columns(expr, &mut |position, span| {
        let own = leg.expression(position);
        let own = own.unwrap_or_else(|| Expr::missing(schema.columns()[position].ty, span));
        reads_leg |= !matches!(own.kind, ExprKind::Literal(_));
        own
    });
    reads_leg
}

fn replace_columns(expr: &mut Expr, replacement: &mut impl FnMut(usize, kql::span::Span) -> Expr) {
    let mut pending = vec![expr];
    while let Some(expr) = pending.pop() {
        match expr.kind {
            ExprKind::Column(position) => *expr = replacement(position, expr.span),
            _ => pending.extend(expr.operands_mut()),
        }
    }
}

/// How many nodes an expression has.
fn size(expr: &Expr) -> usize {
    let mut nodes = 0;
    let mut pending = vec![expr];
    while let Some(expr) = pending.pop() {
        nodes += 1;
        pending.extend(expr.operands());
    }
    nodes
}

/// The operands of a chain of `and`, in order.
pub(super) fn conjuncts(condition: Expr) -> Vec<Expr> {
    let mut found = Vec::new();
    let mut pending = vec![condition];
    while let Some(expr) = pending.pop() {
        match expr.kind {
            ExprKind::Binary {
                op: BinaryOp::And,
                left,
                right,
            } => pending.extend([*right, *left]),
            _ => found.push(expr),
        }
    }
    found
}

/// All of the conditions, `None` if there are none. A balanced tree, which stays shallow.
pub(super) fn conjunction(mut conditions: Vec<Expr>) -> Option<Expr> {
    while conditions.len() > 1 {
        let mut halves = Vec::with_capacity(conditions.len().div_ceil(2));
        let mut rest = conditions.into_iter();
        while let Some(left) = rest.next() {
            halves.push(match rest.next() {
                None => left,
                Some(right) => Expr {
                    span: left.span,
                    ty: ScalarType::Bool,
                    kind: ExprKind::Binary {
                        op: BinaryOp::And,
                        left: Box::new(left),
                        right: Box::new(right),
                    },
                },
            });
        }
        conditions = halves;
    }
    conditions.pop()
}

/// A condition that all rows meet.
pub(super) fn always(span: kql::span::Span) -> Expr {
    Expr {
        kind: ExprKind::Literal(Value::Bool(true)),
        ty: ScalarType::Bool,
        span,
    }
}
