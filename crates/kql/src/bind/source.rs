//! Tabular expressions: tables by name, pipelines, `datatable`, `range`, `print`.

use std::rc::Rc;
use std::sync::Arc;

use super::expression::Row;
use super::literal;
use super::name::output_name;
use super::scope::Binding;
use super::several::names_of;
use super::table::{OutputName, Outputs, Table};
use super::{Attempt, Binder, Reported, Value, code, coerce};
use crate::catalog::TableInfo;
use crate::diagnostic::Diagnostic;
use crate::hir::{Place, PlanKind};
use crate::span::Span;
use crate::syntax::ast::{self, OperatorKind};
use crate::types::{Column, ScalarType, Schema, Value as Constant};

/// Most operators in one pipeline.
const OPERATORS_MAX: usize = 500;

/// Most columns of a table. Joins of joins double them each time.
const COLUMNS_MAX: usize = 40_000;

impl<'a> Binder<'a> {
    /// An expression that must be a table.
    pub(super) fn table(&mut self, expr: &'a ast::Expr) -> Attempt<Table> {
        self.nested(expr.span, |binder| binder.table_here(expr))
    }

    fn table_here(&mut self, expr: &'a ast::Expr) -> Attempt<Table> {
        match &expr.kind {
            ast::ExprKind::Missing => Err(Reported),
            ast::ExprKind::Name(name) => self.table_by_name(name),
            ast::ExprKind::Parenthesized(inner) => self.table(inner),
            ast::ExprKind::Pipe { source, operators } => self.pipe(source, operators),
            ast::ExprKind::Source(operator) => self.leading_operator(operator),
            ast::ExprKind::DataTable { columns, values } => {
                self.data_table(columns, values, expr.span)
            }
            ast::ExprKind::ExternalData {
                columns,
                uris,
                properties,
            } => self.external_data(columns, uris, properties, expr.span),
            ast::ExprKind::Wildcard(name) => {
                let message = format!("`{}` can only stand in `union`", name.text);
                Err(self.error(code::MISPLACED, name.span, message))
            }
            _ => match self.value(expr, Row::NONE)? {
                Value::Table(table) => Ok(table),
                Value::Scalar(_) => {
                    let message = "a single value stands where a table is expected";
                    Err(self.error(code::TABLE_OR_SCALAR, expr.span, message))
                }
            },
        }
    }

    /// A table, or a stand-in for one whose error was reported.
    pub(super) fn table_or_unknown(&mut self, expr: &'a ast::Expr) -> Table {
        self.table(expr)
            .unwrap_or_else(|Reported| Table::unknown(expr.span))
    }

    fn pipe(
        &mut self,
        source: &'a ast::Expr,
        operators: &'a [ast::TableOperator],
    ) -> Attempt<Table> {
        if let Some(excess) = operators.get(OPERATORS_MAX) {
            let message = format!("a pipeline has at most {OPERATORS_MAX} operators");
            return Err(self.error(code::TOO_LARGE, excess.span, message));
        }
        let mut table = self.table_or_unknown(source);
        for operator in operators {
            self.grow(1 + table.schema().len() / 8, operator.span)?;
            table = self.operator(table, operator);
            table.merge_broken();
            if table.schema().len() > COLUMNS_MAX {
                let message = format!("a table has at most {COLUMNS_MAX} columns");
                return Err(self.report(
                    Diagnostic::error(code::TOO_LARGE, operator.span, message)
                        .with_help("drop columns that are not needed with `project`"),
                ));
            }
        }
        self.check_plan_depth(&table.plan, source.span)?;
        Ok(table)
    }

    /// An operator that starts a query.
    fn leading_operator(&mut self, operator: &'a ast::TableOperator) -> Attempt<Table> {
        self.grow(1, operator.span)?;
        match &operator.kind {
            OperatorKind::Print(columns) => Ok(self.print(columns, operator.span)),
            OperatorKind::Range {
                column,
                from,
                to,
                step,
            } => self.range(column, [from, to, step], operator.span),
            OperatorKind::Union { properties, tables } => {
                self.union(None, properties, tables, operator.span)
            }
            OperatorKind::Search { .. } => self.search(None, operator),
            OperatorKind::Find { .. } => self.find(false, operator),
            OperatorKind::MacroExpand {
                properties,
                group,
                name,
                body,
            } => self.macro_expand(properties, group, name, body, operator.span),
            OperatorKind::Evaluate {
                properties,
                call,
                schema,
            } => {
                let nothing = PlanKind::Values { rows: Vec::new() };
                let nothing = Table::new(
                    nothing,
                    Schema::default(),
                    Span::at(operator.span.start as usize),
                );
                Ok(self.evaluate(nothing, properties, call, schema.as_ref(), operator.span))
            }
            OperatorKind::Unparsed => Err(Reported),
            _ => Err(self.operator_unsupported(&operator.keyword)),
        }
    }

    /// A table by its name: a `let`, a function without arguments, or a table of the catalog.
    pub(super) fn table_by_name(&mut self, name: &'a ast::Name) -> Attempt<Table> {
        match self.scope.find(&name.text).cloned() {
            Some(Binding::Table { table, size }) => {
                self.grow(size, name.span)?;
                Ok(Rc::unwrap_or_clone(table))
            }
            Some(Binding::Function { function, scope }) => {
                match self.call_function(name, function, &scope, None, &[], name.span, Row::NONE)? {
                    Value::Table(table) => Ok(table),
                    Value::Scalar(_) => {
                        let message = format!("`{}` yields a single value, not a table", name.text);
                        Err(self.error(code::TABLE_OR_SCALAR, name.span, message))
                    }
                }
            }
            Some(Binding::Scalar { .. }) => {
                let message = format!("`{}` is a single value, not a table", name.text);
                Err(self.error(code::TABLE_OR_SCALAR, name.span, message))
            }
            Some(Binding::Entity(entity)) => self.table(entity),
            Some(Binding::Entities(_)) => Err(self.misplaced_group(name.span)),
            Some(Binding::Pattern { .. }) => {
                let message = format!("the pattern `{}` takes arguments", name.text);
                Err(self.error(code::ARGUMENT_COUNT, name.span, message))
            }
            Some(Binding::Broken) => Err(Reported),
            None => {
                let found = self.catalog.table(&name.text);
                if found.is_some() || self.catalog.function(&name.text).is_none() {
                    return self.catalog_table_found(&name.text, None, found, name.span);
                }
                match self.catalog_call(name, &[], name.span, Row::NONE)? {
                    Value::Table(table) => Ok(table),
                    Value::Scalar(_) => Err(Reported),
                }
            }
        }
    }

    /// A table of the catalog.
    pub(super) fn catalog_table(&mut self, name: &Arc<str>, span: Span) -> Attempt<Table> {
        self.catalog_table_of(name, None, span)
    }

    /// A table of the catalog, possibly said to be in another place: what a place has that the
    /// catalog does not know is taken to be right.
    pub(super) fn catalog_table_of(
        &mut self,
        name: &Arc<str>,
        place: Option<Place>,
        span: Span,
    ) -> Attempt<Table> {
        let found = self.catalog.table(name);
        self.catalog_table_found(name, place, found, span)
    }

    fn catalog_table_found(
        &mut self,
        name: &Arc<str>,
        place: Option<Place>,
        found: Option<TableInfo>,
        span: Span,
    ) -> Attempt<Table> {
        // Another cluster may have another table of that name, or a later form of it.
        let in_a_cluster = place.as_ref().is_some_and(Place::is_in_a_cluster);
        let is_elsewhere = place.is_some() && found.is_none();
        let is_open = is_elsewhere || self.catalog.is_open(name);
        let info = match found {
            Some(info) if in_a_cluster => TableInfo {
                schema: info.schema.opened(true),
                ..info
            },
            Some(info) => info,
            None if is_open => TableInfo {
                schema: Schema::default(),
                time_column: None,
            },
            None => return Err(self.unknown_table(name, span)),
        };
        if !self.scope.allows(name) {
            let message = format!("the query restricts access to other tables than `{name}`");
            return Err(self.error(code::UNKNOWN_TABLE, span, message));
        }
        self.is_open |= is_open;
        self.grow(1, span)?;
        let time_column = info
            .time_column
            .and_then(|column| info.schema.index_of(&column));
        let kind = PlanKind::Table {
            name: name.to_string(),
            place,
            time_column,
        };
        let mut table = Table::new(kind, info.schema, span);
        table.label = Some(Arc::clone(name));
        table.open = is_open;
        Ok(table)
    }

    fn unknown_table(&mut self, name: &str, span: Span) -> Reported {
        let similar = self.catalog.similar_table(name);
        let own: Vec<Arc<str>> = self.scope.names().map(|(name, _)| name.clone()).collect();
        let candidates = similar.iter().map(String::as_str);
        let candidates = candidates.chain(own.iter().map(|name| &**name));
        self.unknown(code::UNKNOWN_TABLE, "table", name, span, candidates)
    }

    /// `print a, x = b`
    pub(super) fn print(&mut self, columns: &'a [ast::Expr], span: Span) -> Table {
        // A row without columns, so that values of a caller's row are refused in here.
        let nothing = Table::new(
            PlanKind::Values { rows: Vec::new() },
            Schema::default(),
            span,
        );
        let mut outputs = Outputs::default();
        for (position, column) in columns.iter().enumerate() {
            let (names, value) = names_of(column);
            if let Some(values) = self.several_values(value, Row::of(&nothing)) {
                let mut values = self.given_names(names, values, column);
                // Names say which values `print` shows.
                if !names.is_empty() {
                    values.truncate(names.len());
                }
                for (name, expr) in values {
                    let name = outputs.name(self, name, column.span);
                    outputs.push(name, expr);
                }
                continue;
            }
            self.single_name(names, column.span);
            let name = match names.first() {
                Some(name) => OutputName::Declared(Arc::clone(&name.text)),
                None => OutputName::Derived(format!("print_{position}").into()),
            };
            let expr = self.scalar(value, Row::of(&nothing)).ok();
            let name = outputs.name(self, name, column.span);
            outputs.push(name, expr);
        }
        let schema = outputs.schema();
        let columns = outputs.exprs().to_vec();
        let mut table = Table::new(PlanKind::Print { columns }, schema, span);
        table.broken = outputs.into_broken();
        table
    }

    /// `range x from a to b step c`
    fn range(
        &mut self,
        column: &ast::Name,
        [from, to, step]: [&'a ast::Expr; 3],
        span: Span,
    ) -> Attempt<Table> {
        let from = self.scalar(from, Row::NONE);
        let to = self.scalar(to, Row::NONE);
        let step = self.scalar(step, Row::NONE);
        let (from, to, step) = (from?, to?, step?);
        let ty = match (from.ty, to.ty, step.ty) {
            (ScalarType::DateTime, ScalarType::DateTime, ScalarType::TimeSpan) => {
                ScalarType::DateTime
            }
            (ScalarType::TimeSpan, ScalarType::TimeSpan, ScalarType::TimeSpan) => {
                ScalarType::TimeSpan
            }
            (a, b, c) if a.is_numeric() && b.is_numeric() && c.is_numeric() => {
                coerce::wider(coerce::wider(a, b), c)
            }
            (a, b, c) => {
                return Err(self.report(
                    Diagnostic::error(
                        code::OPERAND_TYPES,
                        span,
                        format!("`range` is not defined from {a} to {b} by {c}"),
                    )
                    .with_help("use numbers, or datetimes with a timespan as the step"),
                ));
            }
        };
        let step_type = match ty {
            ScalarType::DateTime => ScalarType::TimeSpan,
            other => other,
        };
        let kind = PlanKind::Range {
            from: coerce::convert(from, ty),
            to: coerce::convert(to, ty),
            step: coerce::convert(step, step_type),
        };
        let schema = Schema::new(vec![Column::new(Arc::clone(&column.text), ty)]);
        Ok(Table::new(kind, schema, span))
    }

    /// The columns of a declared schema; two of one name are an error.
    pub(super) fn declared_columns(
        &mut self,
        columns: &[ast::ColumnDeclaration],
    ) -> Attempt<Schema> {
        let mut declared: Vec<Column> = Vec::with_capacity(columns.len());
        let mut failed = false;
        for column in columns {
            let Ok(ty) = self.type_named(&column.ty) else {
                failed = true;
                continue;
            };
            if declared.iter().any(|other| other.name == column.name.text) {
                let message = format!("there is already a column `{}` here", column.name.text);
                self.error(code::DUPLICATE_COLUMN, column.name.span, message);
                failed = true;
            }
            declared.push(Column::new(Arc::clone(&column.name.text), ty));
        }
        if failed {
            return Err(Reported);
        }
        Ok(Schema::new(declared))
    }

    /// `datatable(schema) [values]`
    fn data_table(
        &mut self,
        columns: &[ast::ColumnDeclaration],
        values: &'a [ast::Expr],
        span: Span,
    ) -> Attempt<Table> {
        let schema = self.declared_columns(columns)?;
        if schema.is_empty() || !values.len().is_multiple_of(schema.len()) {
            let message = format!(
                "the values of the datatable do not fill its rows: {} values for {} columns",
                values.len(),
                schema.len()
            );
            return Err(self.error(code::VALUE_COUNT, span, message));
        }
        let mut rows = Vec::with_capacity(values.len() / schema.len());
        let mut failed = false;
        for written in values.chunks_exact(schema.len()) {
            let mut row = Vec::with_capacity(schema.len());
            for (value, column) in written.iter().zip(schema.columns()) {
                match self.data_value(value, column) {
                    Ok(value) => row.push(value),
                    Err(Reported) => failed = true,
                }
            }
            rows.push(row);
        }
        if failed {
            return Err(Reported);
        }
        self.grow(rows.len() / 64, span)?;
        Ok(Table::new(PlanKind::Values { rows }, schema, span))
    }

    fn data_value(&mut self, value: &'a ast::Expr, column: &Column) -> Attempt<Constant> {
        let bound = self.scalar(value, Row::NONE)?;
        let (from, to) = (bound.ty, column.ty);
        literal::read(bound.kind, from, to).ok_or_else(|| {
            let message = format!(
                "the value of the column `{}` is no constant of type {to}",
                column.name
            );
            self.error(code::NOT_CONSTANT, value.span, message)
        })
    }
}

/// The name and the value of an output column.
pub(super) fn named(expr: &ast::Expr) -> (OutputName, &ast::Expr) {
    match &expr.kind {
        ast::ExprKind::Named { names, value, .. } => {
            let name = Arc::clone(&names[0].text);
            (OutputName::Declared(name), value)
        }
        _ => (output_name(expr), expr),
    }
}
