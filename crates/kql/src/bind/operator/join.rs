//! `join` and `lookup`.

use std::collections::HashSet;
use std::sync::Arc;

use super::columns::select;
use crate::bind::numbering::RightNames;
use crate::bind::table::{Table, column};
use crate::bind::{Attempt, Binder, Reported, code, coerce};
use crate::diagnostic::Diagnostic;
use crate::hir::{BinaryOp, Expr, JoinKind, PlanKind};
use crate::span::Span;
use crate::syntax::ast::{self, JoinSide, Operator};
use crate::types::{Column, ScalarType, Schema};

const KINDS: &[&str] = &[
    "inner",
    "innerunique",
    "leftouter",
    "rightouter",
    "fullouter",
    "leftsemi",
    "rightsemi",
    "leftanti",
    "rightanti",
    "anti",
    "leftantisemi",
    "rightantisemi",
];

/// A bound condition: positions in the left and the right table.
type KeyPair = (usize, usize);

impl<'a> Binder<'a> {
    pub(super) fn join(
        &mut self,
        left: Table,
        properties: &'a [ast::Property],
        right: &'a ast::Expr,
        on: &'a [ast::Expr],
        span: Span,
    ) -> Table {
        let mut kind = JoinKind::InnerUnique;
        for property in self.properties(properties, &["kind"]) {
            if let Ok(word) = self.property_word(property, KINDS) {
                kind = join_kind(word);
            }
        }
        let strategies = ["auto", "broadcast", "centralized", "shuffle"];
        self.check_hints(properties, &left, &strategies);
        let right = self.table_or_unknown(right);
        let pairs = self.key_pairs(on, &left, &right, span);
        joined(left, right, kind, &pairs, span)
    }

    pub(super) fn lookup(
        &mut self,
        left: Table,
        properties: &'a [ast::Property],
        right: &'a ast::Expr,
        on: &'a [ast::Expr],
        span: Span,
    ) -> Table {
        let mut kind = JoinKind::LeftOuter;
        for property in self.properties(properties, &["kind"]) {
            if let Ok(word) = self.property_word(property, &["leftouter", "inner"]) {
                kind = join_kind(word);
            }
        }
        let right = self.table_or_unknown(right);
        let pairs = self.key_pairs(on, &left, &right, span);
        let left_columns = left.schema().clone();
        let right_columns = right.schema().clone();
        let table = joined(left, right, kind, &pairs, span);
        // The keys of the right side are not repeated; other names move up to fill the gap.
        let mut names: Vec<Arc<str>> = left_columns
            .columns()
            .iter()
            .map(|column| Arc::clone(&column.name))
            .collect();
        let mut kept: Vec<usize> = (0..left_columns.len()).collect();
        let mut taken: HashSet<Arc<str>> = names.iter().cloned().collect();
        let mut right_names = RightNames::new(&right_columns);
        for (index, column) in right_columns.columns().iter().enumerate() {
            if pairs.iter().any(|(_, right)| *right == index) {
                continue;
            }
            let name = right_names.free(&column.name, |name| taken.contains(name));
            taken.insert(Arc::clone(&name));
            names.push(name);
            kept.push(left_columns.len() + index);
        }
        let mut table = select(table, &kept, span);
        let columns = table.schema().columns().iter().zip(names);
        table.plan.schema = columns
            .map(|(column, name)| Column::new(name, column.ty))
            .collect();
        table
    }

    /// The conditions of a join, or none where they have errors.
    fn key_pairs(
        &mut self,
        on: &'a [ast::Expr],
        left: &Table,
        right: &Table,
        span: Span,
    ) -> Vec<KeyPair> {
        let mut conditions = Vec::with_capacity(on.len());
        for condition in on {
            flatten(condition, &mut conditions);
        }
        if conditions.is_empty() {
            self.report(
                Diagnostic::error(code::JOIN_CONDITION, span, "the join has no condition")
                    .with_help("add `on Column` or `on $left.A == $right.B`"),
            );
        }
        conditions
            .into_iter()
            .filter_map(|condition| self.key_pair(condition, left, right).ok())
            .collect()
    }

    fn key_pair(
        &mut self,
        condition: &'a ast::Expr,
        left: &Table,
        right: &Table,
    ) -> Attempt<KeyPair> {
        let pair = match &condition.kind {
            ast::ExprKind::Missing => return Err(Reported),
            ast::ExprKind::Name(name) => {
                let before = self.diagnostics.len();
                let in_left = self.key(name, left, "left");
                let between = self.diagnostics.len();
                let in_right = self.key(name, right, "right");
                if between > before && self.diagnostics.len() > between {
                    // One misspelt name is one mistake.
                    self.diagnostics.truncate(between);
                    let notes = self.diagnostics.last_mut().map(|found| &mut found.notes);
                    if let Some(note) = notes.and_then(|notes| notes.last_mut()) {
                        "on both sides of the join".clone_into(note);
                    }
                }
                (in_left?, in_right?)
            }
            ast::ExprKind::Binary {
                op: Operator::Binary(BinaryOp::Equal),
                left: first,
                right: second,
                ..
            } => match (side(first), side(second)) {
                (Some((JoinSide::Left, a)), Some((JoinSide::Right, b))) => {
                    let in_left = self.key(a, left, "left");
                    let in_right = self.key(b, right, "right");
                    (in_left?, in_right?)
                }
                (Some((JoinSide::Right, b)), Some((JoinSide::Left, a))) => {
                    let in_left = self.key(a, left, "left");
                    let in_right = self.key(b, right, "right");
                    self.report(
                        Diagnostic::error(
                            code::JOIN_CONDITION,
                            condition.span,
                            "the left side of a join condition comes first",
                        )
                        .with_help(format!("write `$left.{} == $right.{}`", a.text, b.text)),
                    );
                    (in_left?, in_right?)
                }
                _ => return Err(self.odd_condition(condition.span)),
            },
            _ => return Err(self.odd_condition(condition.span)),
        };
        let is_untyped = |side: &Table, at: usize| {
            let column = &side.schema().columns()[at];
            side.untyped.contains(&column.name)
        };
        let untyped = is_untyped(left, pair.0) || is_untyped(right, pair.1);
        let (left, right) = (
            &left.schema().columns()[pair.0],
            &right.schema().columns()[pair.1],
        );
        if untyped {
            // Whether the types agree, only running the query tells.
            return Ok(pair);
        }
        if left.ty == ScalarType::Dynamic || right.ty == ScalarType::Dynamic {
            return Err(self.report(
                Diagnostic::error(
                    code::DYNAMIC_PLACE,
                    condition.span,
                    "cannot join by a value of type dynamic",
                )
                .with_help("convert the column first: `extend Key = tostring(…)`"),
            ));
        }
        let agree = left.ty == right.ty || (left.ty.is_integer() && right.ty.is_integer());
        if !agree {
            return Err(self.report(
                Diagnostic::error(
                    code::JOIN_CONDITION,
                    condition.span,
                    format!(
                        "the keys of a join have different types: {} and {}",
                        left.ty, right.ty
                    ),
                )
                .with_help("convert one side with `extend` before the join"),
            ));
        }
        Ok(pair)
    }

    fn key(&mut self, name: &ast::Name, table: &Table, side: &str) -> Attempt<usize> {
        if let Some(index) = table.schema().index_of(&name.text) {
            return Ok(index);
        }
        if table.may_have(&name.text) {
            return Err(Reported);
        }
        if table.schema().is_open() {
            return Err(self.wait_for(table));
        }
        let before = self.diagnostics.len();
        let reported = self.unknown_column(name, table.schema());
        if let Some(diagnostic) = self.diagnostics.get_mut(before) {
            diagnostic
                .notes
                .push(format!("on the {side} side of the join"));
        }
        Err(reported)
    }

    fn odd_condition(&mut self, span: Span) -> Reported {
        self.report(
            Diagnostic::error(
                code::JOIN_CONDITION,
                span,
                "a join condition is a column of both sides, or an equality of both sides",
            )
            .with_help("write `on Column` or `on $left.A == $right.B`"),
        )
    }
}

/// The columns of a join: all left ones, then all right ones with names that are still free.
fn joined(left: Table, right: Table, kind: JoinKind, pairs: &[KeyPair], span: Span) -> Table {
    let on = pairs
        .iter()
        .map(|(a, b)| key_exprs(left.schema(), right.schema(), *a, *b, span))
        .collect();
    let mut columns: Vec<Column> = Vec::new();
    let (keeps_left, keeps_right) = match kind {
        JoinKind::LeftSemi | JoinKind::LeftAnti => (true, false),
        JoinKind::RightSemi | JoinKind::RightAnti => (false, true),
        _ => (true, true),
    };
    if keeps_left {
        columns.extend_from_slice(left.schema().columns());
    }
    if keeps_right {
        let left_names = columns.iter().map(|column| Arc::clone(&column.name));
        let mut taken: HashSet<Arc<str>> = left_names.collect();
        let mut right_names = RightNames::new(right.schema());
        for column in right.schema().columns() {
            let name = right_names.free(&column.name, |name| taken.contains(name));
            taken.insert(Arc::clone(&name));
            columns.push(Column::new(name, column.ty));
        }
    }
    let mut broken = Vec::new();
    let mut untyped = Vec::new();
    let mut open = false;
    let mut further = false;
    for (side, kept) in [(&left, keeps_left), (&right, keeps_right)] {
        if kept {
            broken.extend(side.broken.iter().cloned());
            untyped.extend(side.untyped.iter().cloned());
            open |= side.open;
            further |= side.schema().is_open();
        }
    }
    let kind = PlanKind::Join {
        left: left.plan,
        right: right.plan,
        kind,
        on,
    };
    let mut table = Table::new(kind, Schema::new(columns).opened(further), span);
    table.broken = broken;
    table.untyped = untyped;
    table.open = open;
    table
}

/// A pair of keys in one type.
fn key_exprs(left: &Schema, right: &Schema, a: usize, b: usize, span: Span) -> (Expr, Expr) {
    let (a, b) = (column(left, a, span), column(right, b, span));
    let ty = if a.ty == b.ty {
        a.ty
    } else {
        coerce::wider(a.ty, b.ty)
    };
    (coerce::convert(a, ty), coerce::convert(b, ty))
}

fn join_kind(word: &str) -> JoinKind {
    match word {
        "inner" => JoinKind::Inner,
        "leftouter" => JoinKind::LeftOuter,
        "rightouter" => JoinKind::RightOuter,
        "fullouter" => JoinKind::FullOuter,
        "leftsemi" => JoinKind::LeftSemi,
        "rightsemi" => JoinKind::RightSemi,
        "leftanti" | "anti" | "leftantisemi" => JoinKind::LeftAnti,
        "rightanti" | "rightantisemi" => JoinKind::RightAnti,
        _ => JoinKind::InnerUnique,
    }
}

/// The parts of a condition that are joined by `and`.
fn flatten<'e>(condition: &'e ast::Expr, out: &mut Vec<&'e ast::Expr>) {
    match &condition.kind {
        ast::ExprKind::Parenthesized(inner) => flatten(inner, out),
        ast::ExprKind::Binary {
            op: Operator::Binary(BinaryOp::And),
            left,
            right,
            ..
        } => {
            flatten(left, out);
            flatten(right, out);
        }
        _ => out.push(condition),
    }
}

/// `$left.name` or `$right.name`
fn side(expr: &ast::Expr) -> Option<(JoinSide, &ast::Name)> {
    let (base, name) = match &expr.kind {
        ast::ExprKind::Parenthesized(inner) => return side(inner),
        ast::ExprKind::Member { base, member } => match &member.kind {
            ast::ExprKind::Name(name) => (base, name),
            _ => return None,
        },
        _ => return None,
    };
    match base.kind {
        ast::ExprKind::Side(side) => Some((side, name)),
        _ => None,
    }
}
