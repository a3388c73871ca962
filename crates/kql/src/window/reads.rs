//! Which tables a query reads, where that is written, and in which form. Putting a window on them
//! is the business of `apply.rs` and `rewrite.rs`.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use super::words::Words;
use super::{REFERENCE_FUNCTIONS, constant};
use crate::catalog::INGESTION_COLUMN;
use crate::hir::{BinaryOp, Expr, ExprKind, Plan, PlanKind, Query};
use crate::span::Span;
use crate::syntax::TokenKind;
use crate::types::{ScalarType, Schema};

/// A table that a query reads at one place of its text. A place inside a function that is called
/// several times, or in a `let` that is used several times, is one read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Read {
    /// Name in the catalog.
    pub table: String,
    /// Where the name, the pattern or the operator that stands for it is written.
    pub span: Span,
    /// The column that says when a row happened; tables without one are read whole.
    pub time_column: Option<Arc<str>>,
    /// Its columns.
    pub schema: Schema,
    /// How it is written.
    pub form: Form,
    /// How often the resolved query reads it from there.
    pub times: usize,
}

impl Read {
    /// Whether rows have a time, and none of when they arrived: a window by [`super::Mode::Ingestion`]
    /// would take the one for the other.
    pub fn lacks_arrival(&self) -> bool {
        self.time_column.is_some() && !self.schema.is_open() && arrival(&self.schema).is_none()
    }

    /// Whether the catalog knows too little of the table to tell if it has a time.
    pub fn is_unknown(&self) -> bool {
        self.time_column.is_none() && self.schema.is_open()
    }
}

/// How the read of a table is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Form {
    /// `DeviceEvents`, `['DeviceEvents']`
    Name,
    /// `union Device*`: one of the tables that match.
    Wildcard,
    /// `table("DeviceEvents")`
    TableFunction,
    /// `database("x").DeviceEvents`, `workspace("x").DeviceEvents`
    Qualified,
    /// `search`, `find`: one of the tables that the operator goes through.
    Search,
}

/// The tables that `query` reads, in the order of `text`, which it was bound from.
pub fn reads(text: &str, query: &Query) -> Vec<Read> {
    collect(&Words::new(text), query).reads
}

/// The column that says when rows arrived.
pub(super) fn arrival(schema: &Schema) -> Option<usize> {
    let mut columns = schema.columns().iter();
    columns
        .position(|column| &*column.name == INGESTION_COLUMN && column.ty == ScalarType::DateTime)
}

/// What a query holds that has to do with time.
#[derive(Default)]
pub(super) struct Collected {
    pub(super) reads: Vec<Read>,
    /// Calls of functions of the source that read what they like.
    pub(super) functions: Vec<Span>,
    /// Where `ago(x)` and `now(x)` are written, the ticks they add to `now()`; `None` where that
    /// is not one constant.
    pub(super) offsets: HashMap<Span, Option<i64>>,
}

/// Goes through a query once.
pub(super) fn collect(words: &Words<'_>, query: &Query) -> Collected {
    let mut collector = Collector {
        words,
        found: Collected::default(),
        known: HashMap::new(),
        shared: HashSet::new(),
    };
    collector.plan(&query.plan);
    let mut found = collector.found;
    found.reads.sort_by_key(|read| read.span);
    found
}

/// A reference to a table as words: with the database before it, or the call of `table()` around.
#[derive(Clone, Copy, Debug)]
pub(super) struct Reference {
    pub(super) first: usize,
    pub(super) last: usize,
    pub(super) form: Form,
}

/// The words that make the reference to a table read at `span`.
pub(super) fn reference(words: &Words<'_>, span: Span) -> Option<Reference> {
    let (mut first, mut last) = words.within(span)?;
    if is_search(words, first) {
        let form = Form::Search;
        return Some(Reference { first, last, form });
    }
    let mut form = Form::Name;
    if (first..=last).any(|at| words.kind(at) == TokenKind::Star) {
        form = Form::Wildcard;
    }
    let call = first.checked_sub(2);
    if let Some(call) = call
        && words.kind(call + 1) == TokenKind::OpenParen
        && words.is_word(call, "table")
        && let Some(close) = words.partner(call + 1)
    {
        (first, last) = (call, close);
        form = Form::TableFunction;
    } else if words.is_word(first, "table") && words.kind(first + 1) == TokenKind::OpenParen {
        form = Form::TableFunction;
    }
    // `cluster("x").database("y").` in front.
    while words.kind_before(first) == Some(TokenKind::Dot) {
        if form != Form::Wildcard {
            form = Form::Qualified;
        }
        let before = first.checked_sub(2)?;
        first = match words.kind(before) {
            TokenKind::CloseParen | TokenKind::CloseBracket => {
                let open = words.partner(before)?;
                match words.kind_before(open) {
                    Some(TokenKind::Name) => open - 1,
                    _ => open,
                }
            }
            _ => before,
        };
    }
    if search_of(words, first).is_some() {
        form = Form::Search;
    }
    Some(Reference { first, last, form })
}

/// The `search` or `find` in whose list of tables, `in (A, B*)`, a word stands.
pub(super) fn search_of(words: &Words<'_>, at: usize) -> Option<usize> {
    let word = words.enclosing(at)?.checked_sub(1)?;
    if !words.is_word(word, "in") {
        return None;
    }
    let mut before = word.checked_sub(1)?;
    // Properties in between: `kind=case_sensitive`, `withsource=Source`.
    while !is_search(words, before) {
        if words.kind_before(before) != Some(TokenKind::Assign) {
            return None;
        }
        before = before.checked_sub(3)?;
    }
    Some(before)
}

/// Whether the operator `search` or `find` starts at a word.
pub(super) fn is_search(words: &Words<'_>, at: usize) -> bool {
    let starts = !matches!(
        words.kind_before(at),
        Some(TokenKind::Dot | TokenKind::Comma | TokenKind::OpenBracket)
    );
    let goes_on = !matches!(
        words.kind(at + 1),
        TokenKind::EndOfText
            | TokenKind::Bar
            | TokenKind::Semicolon
            | TokenKind::Assign
            | TokenKind::CloseParen
            | TokenKind::CloseBrace
    );
    (words.is_word(at, "search") || words.is_word(at, "find")) && starts && goes_on
}

struct Collector<'w> {
    words: &'w Words<'w>,
    found: Collected,
    known: HashMap<(Span, String), usize>,
    shared: HashSet<u32>,
}

impl Collector<'_> {
    fn plan(&mut self, plan: &Plan) {
        match &*plan.kind {
            PlanKind::Table {
                name, time_column, ..
            } => self.table(plan, name, *time_column),
            PlanKind::Shared { id, input } if self.shared.insert(*id) => {
                self.plan(input);
            }
            PlanKind::CatalogFunction {
                name, input: None, ..
            } if !REFERENCE_FUNCTIONS.contains(&name.as_str()) => {
                self.found.functions.push(plan.span);
            }
            _ => {}
        }
        for input in plan.inputs() {
            self.plan(input);
        }
        for expr in plan.expressions() {
            self.expr(expr);
        }
    }

    fn expr(&mut self, expr: &Expr) {
        if let ExprKind::Binary { op, left, right } = &expr.kind
            && let ExprKind::Now = left.kind
        {
            let ticks = match op {
                BinaryOp::Add => constant::timespan(right),
                BinaryOp::Subtract => constant::timespan(right).and_then(i64::checked_neg),
                _ => None,
            };
            let offsets = &mut self.found.offsets;
            let known = offsets.entry(expr.span).or_insert(ticks);
            *known = known.filter(|known| Some(*known) == ticks);
        }
        if let Some(table) = expr.table() {
            self.plan(table);
        }
        for operand in expr.operands() {
            self.expr(operand);
        }
    }

    fn table(&mut self, plan: &Plan, name: &str, time_column: Option<usize>) {
        let key = (plan.span, name.to_owned());
        if let Some(known) = self.known.get(&key) {
            self.found.reads[*known].times += 1;
            return;
        }
        self.known.insert(key, self.found.reads.len());
        let columns = plan.schema.columns();
        let time_column = time_column.and_then(|at| columns.get(at));
        let form = match reference(self.words, plan.span) {
            Some(reference) => reference.form,
            None => Form::Name,
        };
        self.found.reads.push(Read {
            table: name.to_owned(),
            span: plan.span,
            time_column: time_column.map(|column| Arc::clone(&column.name)),
            schema: plan.schema.clone(),
            form,
            times: 1,
        });
    }
}
