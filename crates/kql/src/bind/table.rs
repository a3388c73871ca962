//! A bound tabular expression, and the list of columns that `project`, `extend`, `summarize` and
//! their like build. Columns that failed to bind are remembered, so that uses of them stay quiet.

use std::rc::Rc;
use std::sync::Arc;

use super::Binder;
use super::code;
use super::graph::{Element, Graph};
use super::numbering::Numbering;
use crate::diagnostic::Diagnostic;
use crate::hir::{Expr, ExprKind, Plan, PlanKind};
use crate::name_map::{NameMap, NameSet};
use crate::span::Span;
use crate::types::{Column, ScalarType, Schema};

/// A bound tabular expression.
#[derive(Clone, Debug)]
pub(super) struct Table {
    pub(super) plan: Plan,
    /// Names of columns whose expression had an error.
    pub(super) broken: Vec<Arc<str>>,
    /// Whether errors left its columns unknown altogether. Not to be mistaken for an open schema,
    /// whose further columns are no error.
    pub(super) open: bool,
    /// Columns whose type is known only when the query runs; dynamic in the schema.
    pub(super) untyped: Vec<Arc<str>>,
    /// What it is made of, where it is a graph and no table.
    pub(super) graph: Option<Rc<Graph>>,
    /// Nodes and edges of a pattern, where its rows are matches of one.
    pub(super) elements: Option<Rc<[Element]>>,
    /// The table's name, as `union withsource=` shows it.
    pub(super) label: Option<Arc<str>>,
}

impl Table {
    pub(super) fn new(kind: PlanKind, schema: Schema, span: Span) -> Self {
        let plan = Plan {
            kind: Box::new(kind),
            schema,
            span,
        };
        Self {
            plan,
            broken: Vec::new(),
            open: false,
            untyped: Vec::new(),
            graph: None,
            elements: None,
            label: None,
        }
    }

    /// Stands for a table that could not be bound; an error has been reported.
    pub(super) fn unknown(span: Span) -> Self {
        let mut table = Self::new(
            PlanKind::Values { rows: Vec::new() },
            Schema::default(),
            span,
        );
        table.open = true;
        table
    }

    /// A step on top of this table with other columns.
    pub(super) fn then(
        self,
        schema: Schema,
        span: Span,
        kind: impl FnOnce(Plan) -> PlanKind,
    ) -> Self {
        let is_open = self.schema().is_open() || schema.is_open();
        let untyped = self.untyped_of(&schema);
        let plan = Plan {
            kind: Box::new(kind(self.plan)),
            schema: schema.opened(is_open),
            span,
        };
        Self {
            plan,
            broken: self.broken,
            open: self.open,
            untyped,
            graph: None,
            elements: None,
            label: None,
        }
    }

    /// The columns of a step on top whose type may be known only when the query runs: those of
    /// type dynamic, where there are such columns here. It is better to hold too many for such
    /// than to find an error where there is none.
    fn untyped_of(&self, schema: &Schema) -> Vec<Arc<str>> {
        if self.untyped.is_empty() && !self.schema().is_open() {
            return Vec::new();
        }
        let columns = schema.columns().iter();
        columns
            .filter(|column| column.ty == ScalarType::Dynamic)
            .map(|column| Arc::clone(&column.name))
            .collect()
    }

    /// A step on top of this table with the same columns.
    pub(super) fn then_same(self, span: Span, kind: impl FnOnce(Plan) -> PlanKind) -> Self {
        let schema = self.plan.schema.clone();
        self.then(schema, span, kind)
    }

    /// Whether its rows have an order that window functions may rely on. A table that had errors
    /// is taken to have one.
    pub(super) fn is_serialized(&self) -> bool {
        self.open || is_serialized(&self.plan)
    }

    /// Names each broken column once. Operators add up what is broken in their inputs, which would
    /// double it with each of them.
    pub(super) fn merge_broken(&mut self) {
        if self.broken.len() > 1 {
            let mut met = NameSet::default();
            self.broken.retain(|name| met.insert(Arc::clone(name)));
        }
    }

    /// How many nodes a copy of its plan takes, roughly.
    pub(super) fn size(&self) -> usize {
        plan_size(&self.plan)
    }

    pub(super) fn schema(&self) -> &Schema {
        &self.plan.schema
    }

    /// Says that there are no columns but those of the schema.
    pub(super) fn close(&mut self) {
        self.open = false;
        self.plan.schema = self.plan.schema.clone().opened(false);
    }

    /// The column called `name` whose type is known only when the query runs, if it has one.
    pub(super) fn further(&self, name: &Arc<str>, span: Span) -> Option<Expr> {
        let may_have = self.schema().is_open() && self.schema().index_of(name).is_none();
        (may_have || self.untyped.contains(name)).then(|| Expr {
            kind: ExprKind::Further(Arc::clone(name)),
            ty: ScalarType::Dynamic,
            span,
        })
    }

    /// Whether a name that is not among the columns may be one all the same.
    pub(super) fn may_have(&self, name: &str) -> bool {
        self.open || self.broken.iter().any(|broken| &**broken == name)
    }

    /// The column at `index` as an expression.
    pub(super) fn column(&self, index: usize, span: Span) -> Expr {
        column(self.schema(), index, span)
    }
}

/// Whether only running the query tells the type of an expression, so that it suits every use.
pub(super) fn is_untyped(expr: &Expr) -> bool {
    expr.ty == ScalarType::Dynamic
        && (matches!(expr.kind, ExprKind::Further(_)) || expr.operands().any(is_untyped))
}

/// The column at `index` of a schema as an expression.
pub(super) fn column(schema: &Schema, index: usize, span: Span) -> Expr {
    Expr {
        kind: ExprKind::Column(index),
        ty: schema.columns()[index].ty,
        span,
    }
}

fn is_serialized(plan: &Plan) -> bool {
    match &*plan.kind {
        PlanKind::Sort { .. }
        | PlanKind::Serialize { .. }
        | PlanKind::Range { .. }
        | PlanKind::Print { .. }
        // Items and parts come in order.
        | PlanKind::Rows
        | PlanKind::Scan(_) => true,
        PlanKind::Filter { input, .. }
        | PlanKind::Project { input, .. }
        | PlanKind::Take { input, .. }
        | PlanKind::MvExpand { input, .. }
        | PlanKind::Parse { input, .. } => is_serialized(input),
        PlanKind::Shared { input, .. } => is_serialized(input),
        PlanKind::Table { .. }
        | PlanKind::ExternalData { .. }
        | PlanKind::Values { .. }
        | PlanKind::Aggregate { .. }
        | PlanKind::CatalogFunction { .. }
        | PlanKind::Distinct { .. }
        | PlanKind::Sample { .. }
        | PlanKind::Several { .. }
        | PlanKind::Reduce { .. }
        | PlanKind::Join { .. }
        | PlanKind::Union { .. }
        | PlanKind::MakeSeries(_)
        | PlanKind::Partition(_)
        | PlanKind::TopNested(_)
        | PlanKind::Plugin { .. }
        | PlanKind::Graph(_) => false,
        PlanKind::MvApply(apply) => is_serialized(&apply.input),
        PlanKind::ParseKv(parse) => is_serialized(&parse.input),
    }
}

fn plan_size(plan: &Plan) -> usize {
    let own = match &*plan.kind {
        PlanKind::Values { rows } => rows.len() / 64,
        _ => 0,
    };
    let expressions = plan.expressions().into_iter();
    let nodes: usize = expressions.map(super::call::node_count).sum();
    let below: usize = plan.inputs().into_iter().map(plan_size).sum();
    1 + own + (plan.schema.len() + nodes) / 8 + below
}

/// Where the name of an output column comes from.
#[derive(Clone, Debug)]
pub(super) enum OutputName {
    /// Written, or a bare column: two of them with one name are an error.
    Declared(Arc<str>),
    /// Derived from the expression: a clash appends a number.
    Derived(Arc<str>),
    /// None: `Column1`, `Column2`, ….
    Numbered,
}

/// Output columns under construction, with unique names.
#[derive(Default)]
pub(super) struct Outputs {
    columns: Vec<Column>,
    exprs: Vec<Expr>,
    broken: Vec<Arc<str>>,
    /// Names in use, and whether they were declared.
    taken: NameMap<bool>,
    /// Columns of the input, whose names `Column1` and so on leave out.
    input: Schema,
    numbering: Numbering,
}

impl Outputs {
    /// Starts without columns, as `project` does.
    pub(super) fn over(table: &Table) -> Self {
        Self {
            input: table.schema().clone(),
            ..Self::default()
        }
    }

    /// Starts with all columns of a table, as `extend` does.
    pub(super) fn of(table: &Table) -> Self {
        let columns = table.schema().columns();
        let mut outputs = Self::over(table);
        // Room for a few more, which is why one starts so.
        outputs.columns = Vec::with_capacity(columns.len() + 4);
        outputs.columns.extend_from_slice(columns);
        outputs.exprs = Vec::with_capacity(columns.len() + 4);
        let span = table.plan.span;
        let exprs = columns.iter().enumerate().map(|(index, column)| Expr {
            kind: ExprKind::Column(index),
            ty: column.ty,
            span,
        });
        outputs.exprs.extend(exprs);
        outputs
    }

    pub(super) fn exprs(&self) -> &[Expr] {
        &self.exprs
    }

    pub(super) fn schema(&self) -> Schema {
        Schema::new(self.columns.clone())
    }

    /// Reserves a name; an error if it is declared twice.
    pub(super) fn name(
        &mut self,
        binder: &mut Binder<'_>,
        name: OutputName,
        span: Span,
    ) -> Arc<str> {
        let (base, declared) = match name {
            OutputName::Declared(name) => (name, true),
            OutputName::Derived(name) => (name, false),
            OutputName::Numbered => {
                let name = self.numbering.numbered(&"Column".into(), |name| {
                    self.taken.contains_key(name) || self.input.index_of(name).is_some()
                });
                self.taken.insert(Arc::clone(&name), false);
                return name;
            }
        };
        match self.taken.get(&base) {
            Some(true) if declared => {
                binder.report(
                    Diagnostic::error(
                        code::DUPLICATE_COLUMN,
                        span,
                        format!("there is already a column `{base}` here"),
                    )
                    .with_help("give one of them another name: `name = expression`"),
                );
                base
            }
            Some(_) => {
                let taken = |name: &str| self.taken.contains_key(name);
                let name = self.numbering.numbered(&base, taken);
                self.taken.insert(Arc::clone(&name), declared);
                name
            }
            None => {
                self.taken.insert(Arc::clone(&base), declared);
                base
            }
        }
    }

    /// Adds a column under a name that [`Outputs::name`] gave; `None` where it had an error.
    pub(super) fn push(&mut self, name: Arc<str>, expr: Option<Expr>) {
        match expr {
            Some(expr) => {
                self.columns.push(Column::new(name, expr.ty));
                self.exprs.push(expr);
            }
            None => self.broken.push(name),
        }
    }

    /// Puts an expression in the place of the column `name`, or adds it (`extend`).
    pub(super) fn set(&mut self, name: Arc<str>, expr: Option<Expr>) {
        let place = self.columns.iter().position(|column| column.name == name);
        match (place, expr) {
            (Some(place), Some(expr)) => {
                self.columns[place].ty = expr.ty;
                self.exprs[place] = expr;
            }
            (Some(place), None) => {
                self.columns.remove(place);
                self.exprs.remove(place);
                self.broken.push(name);
            }
            (None, expr) => self.push(name, expr),
        }
    }

    /// The projection of `table` to these columns. `keeps` where columns that are broken in the
    /// table stay so in the result.
    pub(super) fn project(self, table: Table, span: Span, keeps: bool) -> Table {
        let untyped: Vec<Arc<str>> = self
            .columns
            .iter()
            .zip(&self.exprs)
            .filter(|(_, expr)| match expr.kind {
                ExprKind::Column(at) => table
                    .schema()
                    .columns()
                    .get(at)
                    .is_some_and(|column| table.untyped.contains(&column.name)),
                _ => is_untyped(expr),
            })
            .map(|(column, _)| Arc::clone(&column.name))
            .collect();
        let schema = Schema::new(self.columns);
        let exprs = self.exprs;
        let mut result = table.then(schema, span, |input| PlanKind::Project {
            input,
            columns: exprs,
        });
        if !keeps {
            result.broken.clear();
        }
        result.broken.extend(self.broken);
        result.untyped = untyped;
        result
    }

    /// The columns and the names of those that had errors.
    pub(super) fn into_schema(self) -> (Schema, Vec<Arc<str>>) {
        (Schema::new(self.columns), self.broken)
    }

    /// The names of columns that had errors.
    pub(super) fn into_broken(self) -> Vec<Arc<str>> {
        self.broken
    }
}

/// `base`, or `base1`, `base2`, … until it is free.
pub(super) fn free_name(base: &Arc<str>, taken: impl Fn(&str) -> bool) -> Arc<str> {
    if !taken(base) {
        return Arc::clone(base);
    }
    let mut number = 1;
    loop {
        let name = format!("{base}{number}");
        if !taken(&name) {
            return name.into();
        }
        number += 1;
    }
}
