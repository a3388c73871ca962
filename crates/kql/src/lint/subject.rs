//! The query that rules look at, with what several of them want to know about it.

use std::collections::{HashMap, HashSet};

use crate::hir;
use crate::span::Span;
use crate::syntax::ast::{
    Expr, ExprKind, LetValue, Node, Operator, OperatorKind, Script, StatementKind, TableOperator,
};
use crate::types::Value;

use super::context::LintContext;
use super::pipeline::Pipeline;

/// How often a name may stand for another name.
const ALIASES_MAX: u32 = 32;

/// A query under examination.
pub(super) struct Subject<'a> {
    /// Its text.
    pub(super) text: &'a str,
    /// What was written.
    pub(super) script: &'a Script,
    /// What it means, if it could be bound.
    pub(super) query: Option<&'a hir::Query>,
    /// How it is run.
    pub(super) context: &'a LintContext,
    /// The values of names, those inside of functions included.
    lets: HashMap<&'a str, &'a LetValue>,
    /// The tables with a time column that the query reads.
    event_tables: HashSet<&'a str>,
    /// The names of their time columns.
    pub(super) time_columns: HashSet<&'a str>,
    /// Every plan of the bound query.
    pub(super) plans: Vec<&'a hir::Plan>,
}

impl<'a> Subject<'a> {
    pub(super) fn new(
        text: &'a str,
        script: &'a Script,
        query: Option<&'a hir::Query>,
        context: &'a LintContext,
    ) -> Self {
        let mut lets = HashMap::new();
        script.walk(|node| {
            if let Node::Statement(statement) = node
                && let StatementKind::Let { name, value } = &statement.kind
            {
                lets.insert(&*name.text, value);
            }
        });
        let mut event_tables = HashSet::new();
        let mut time_columns = HashSet::new();
        let plans = query.map_or_else(Vec::new, all_plans);
        for plan in &plans {
            if let hir::PlanKind::Table {
                name,
                time_column: Some(column),
                ..
            } = &*plan.kind
            {
                event_tables.insert(&**name);
                time_columns.insert(&*plan.schema.columns()[*column].name);
            }
        }
        event_tables.retain(|name| !lets.contains_key(name));
        Self {
            text,
            script,
            query,
            context,
            lets,
            event_tables,
            time_columns,
            plans,
        }
    }

    /// The text of a place.
    pub(super) fn slice(&self, span: Span) -> &'a str {
        span.text(self.text)
    }

    /// Whether a `let` of the query defines the name.
    pub(super) fn is_let(&self, name: &str) -> bool {
        self.lets.contains_key(name)
    }

    /// The expression that is the result, if the query ends with one.
    pub(super) fn result(&self) -> Option<&'a Expr> {
        match &self.script.statements.last()?.kind {
            StatementKind::Expression(expr) => Some(expr),
            _ => None,
        }
    }

    /// Calls `visit` on every expression, in the order of the text.
    pub(super) fn each_expr(&self, mut visit: impl FnMut(&'a Expr)) {
        self.script.walk(|node| {
            if let Node::Expr(expr) = node {
                visit(expr);
            }
        });
    }

    /// Calls `visit` on every tabular operator, in the order of the text.
    pub(super) fn each_operator(&self, mut visit: impl FnMut(&'a TableOperator)) {
        self.script.walk(|node| {
            if let Node::Operator(operator) = node {
                visit(operator);
            }
        });
    }

    /// Calls `visit` on every expression inside of a `where`.
    pub(super) fn each_in_filters(&self, mut visit: impl FnMut(&'a Expr)) {
        self.each_operator(|operator| {
            if let Some(predicate) = predicate(operator) {
                Node::Expr(predicate).walk(|node| {
                    if let Node::Expr(expr) = node {
                        visit(expr);
                    }
                });
            }
        });
    }

    /// Calls `visit` on every pipeline as written, names on its left not followed.
    pub(super) fn each_pipe(&self, mut visit: impl FnMut(&'a Expr, &'a [TableOperator])) {
        self.each_expr(|expr| {
            if let ExprKind::Pipe { source, operators } = &expr.kind {
                visit(source, operators);
            }
        });
    }

    /// What a tabular expression is made of, with names, parentheses and `materialize` replaced
    /// by what they stand for.
    pub(super) fn pipeline(&self, expr: &'a Expr) -> Pipeline<'a> {
        let mut source = expr;
        let mut groups: Vec<&[TableOperator]> = Vec::new();
        for _ in 0..ALIASES_MAX {
            source = match &source.kind {
                ExprKind::Parenthesized(inner) => inner,
                ExprKind::Pipe { source, operators } => {
                    groups.push(operators);
                    source
                }
                ExprKind::Call {
                    function,
                    arguments,
                } if &*function.text == "materialize" && arguments.len() == 1 => &arguments[0],
                ExprKind::Name(name) => match self.lets.get(&*name.text) {
                    Some(LetValue::Expr(value)) => value,
                    _ => break,
                },
                _ => break,
            };
        }
        let operators = groups.into_iter().rev().flatten().collect();
        Pipeline { source, operators }
    }

    /// Whether the expression is a table of the catalog with a time column. Nothing is known of
    /// tables where the query could not be bound.
    pub(super) fn is_event_table(&self, source: &Expr) -> bool {
        match &source.kind {
            ExprKind::Name(name) => self.event_tables.contains(&*name.text),
            _ => false,
        }
    }

    /// The string that an expression is, directly or by the name of one.
    pub(super) fn string(&self, expr: &'a Expr) -> Option<&'a str> {
        match &self.constant(expr)?.kind {
            ExprKind::Literal(literal) => match &literal.value {
                Value::String(text) => Some(text),
                _ => None,
            },
            _ => None,
        }
    }

    /// The expression behind parentheses and names.
    pub(super) fn constant(&self, expr: &'a Expr) -> Option<&'a Expr> {
        let mut expr = expr;
        for _ in 0..ALIASES_MAX {
            expr = match &expr.kind {
                ExprKind::Parenthesized(inner) => inner,
                ExprKind::Name(name) => match self.lets.get(&*name.text) {
                    Some(LetValue::Expr(value)) => value,
                    _ => return None,
                },
                _ => return Some(expr),
            };
        }
        None
    }
}

/// The string that an expression itself is.
pub(super) fn literal_string(expr: &Expr) -> Option<&str> {
    match &unwrapped(expr).kind {
        ExprKind::Literal(literal) => match &literal.value {
            Value::String(text) => Some(text),
            _ => None,
        },
        _ => None,
    }
}

/// The expression without parentheses around it.
pub(super) fn unwrapped(expr: &Expr) -> &Expr {
    let mut expr = expr;
    while let ExprKind::Parenthesized(inner) = &expr.kind {
        expr = inner;
    }
    expr
}

/// The conditions that all (`And`) or of which one (`Or`) must hold.
pub(super) fn joined_by(expr: &Expr, joint: hir::BinaryOp) -> Vec<&Expr> {
    let mut parts = Vec::new();
    let mut pending = vec![expr];
    while let Some(expr) = pending.pop() {
        match &unwrapped(expr).kind {
            ExprKind::Binary {
                op: Operator::Binary(op),
                left,
                right,
                ..
            } if *op == joint => pending.extend([&**right, &**left]),
            _ => parts.push(expr),
        }
    }
    parts
}

/// A text as a literal of KQL.
pub(super) fn quoted(text: &str) -> String {
    if text.contains('\\') && !text.contains('"') {
        format!("@\"{text}\"")
    } else {
        format!("{text:?}")
    }
}

/// The predicate of a `where`.
pub(super) fn predicate(operator: &TableOperator) -> Option<&Expr> {
    match &operator.kind {
        OperatorKind::Where { predicate } => Some(predicate),
        _ => None,
    }
}

/// Whether a name stands anywhere in the expression.
pub(super) fn mentions(expr: &Expr, name: &str) -> bool {
    let mut found = false;
    Node::Expr(expr).walk(|node| {
        if let Node::Expr(Expr {
            kind: ExprKind::Name(other),
            ..
        }) = node
        {
            found |= &*other.text == name;
        }
    });
    found
}

/// Every plan of a query, those that several places share once.
fn all_plans(query: &hir::Query) -> Vec<&hir::Plan> {
    let mut plans = Vec::new();
    let mut shared = HashSet::new();
    let mut pending = vec![&query.plan];
    while let Some(plan) = pending.pop() {
        plans.push(plan);
        if let hir::PlanKind::Shared { id, input } = &*plan.kind
            && shared.insert(*id)
        {
            pending.push(input);
        }
        each_written(plan, |expr| pending.extend(expr.table()));
        pending.extend(plan.inputs());
    }
    plans
}

/// Calls `visit` on the expressions of a plan that someone wrote. Those of a union are made by the
/// binder, one per table and column, which are many where all tables are read.
pub(super) fn each_written<'p>(plan: &'p hir::Plan, visit: impl FnMut(&'p hir::Expr)) {
    if !matches!(&*plan.kind, hir::PlanKind::Union { .. }) {
        plan.each_expression(visit);
    }
}
