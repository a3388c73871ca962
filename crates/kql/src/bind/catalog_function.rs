//! Calls of functions that the source has: `T | invoke FileProfile(SHA1, 100)`,
//! `AssignedIPAddresses('host')`. The catalog says what they take and yield; the source runs them.

use super::expression::Row;
use super::numbering::RightNames;
use super::several::names_of;
use super::table::Table;
use super::{Attempt, Binder, Reported, Value, code, coerce};
use crate::catalog::{FunctionInfo, FunctionInput, FunctionParameter};
use crate::hir::{Expr, ExprKind, PlanKind};
use crate::span::Span;
use crate::syntax::ast;
use crate::types::{self, Column, Schema};

impl<'a> Binder<'a> {
    /// A call of a name that neither the query nor the language has.
    pub(super) fn catalog_call(
        &mut self,
        name: &'a ast::Name,
        arguments: &'a [ast::Argument],
        span: Span,
        row: Row<'_>,
    ) -> Attempt<Value> {
        let Some(info) = self.catalog.function(&name.text) else {
            return Err(self.unknown_function(name));
        };
        let (input, arguments) = match (info.input, arguments) {
            (FunctionInput::None, arguments) => (None, arguments),
            (FunctionInput::Replaces, arguments) => match arguments.split_first() {
                Some((first, rest)) if self.is_table(first) => (Some(self.table(first)?), rest),
                _ => (None, arguments),
            },
            (FunctionInput::Extends, [first, rest @ ..]) => (Some(self.table(first)?), rest),
            (FunctionInput::Extends, []) => {
                let message = format!("`{}` takes a table", name.text);
                return Err(self.report(
                    crate::diagnostic::Diagnostic::error(code::ARGUMENT_COUNT, span, message)
                        .with_help(format!("call it with `table | invoke {}()`", name.text)),
                ));
            }
        };
        self.source_function(name, &info, input, arguments, span, row)
            .map(Value::Table)
    }

    /// `table | invoke name(arguments)`
    pub(super) fn invoke_source_function(
        &mut self,
        name: &'a ast::Name,
        info: &FunctionInfo,
        table: Table,
        arguments: &'a [ast::Argument],
        span: Span,
    ) -> Attempt<Table> {
        if info.input == FunctionInput::None {
            let message = format!("`{}` takes no table to be invoked on", name.text);
            return Err(self.error(code::ARGUMENT_COUNT, name.span, message));
        }
        let row_of = table.clone();
        self.source_function(name, info, Some(table), arguments, span, Row::of(&row_of))
    }

    /// Binds the arguments and makes the plan. Arguments read the rows of the table, where there
    /// is one: `FileProfile(SHA1)` and `FileProfile("SHA1")` both name the column.
    fn source_function(
        &mut self,
        name: &'a ast::Name,
        info: &FunctionInfo,
        input: Option<Table>,
        arguments: &'a [ast::Argument],
        span: Span,
        row: Row<'_>,
    ) -> Attempt<Table> {
        let parameters = &info.parameters;
        if arguments.len() > parameters.len() {
            return Err(self.wrong_source_arguments(name, parameters, arguments.len(), span));
        }
        let mut slots: Vec<Option<Expr>> = vec![None; parameters.len()];
        let mut failed = false;
        for (position, argument) in arguments.iter().enumerate() {
            let (names, value) = names_of(argument);
            let known = || parameters.iter().map(|parameter| &*parameter.name);
            let place = match names.first() {
                None => Some(position),
                Some(given) => known().position(|known| *known == *given.text),
            };
            let Some(place) = place else {
                let given = &names[0];
                let (what, span) = ("parameter", given.span);
                self.unknown(code::UNKNOWN_NAME, what, &given.text, span, known());
                failed = true;
                continue;
            };
            match self.scalar(value, row) {
                Ok(value) => slots[place] = Some(coerce::convert(value, parameters[place].ty)),
                Err(Reported) => failed = true,
            }
        }
        if failed {
            return Err(Reported);
        }
        let mut bound = Vec::with_capacity(parameters.len());
        for (slot, parameter) in slots.into_iter().zip(parameters) {
            bound.push(match (slot, &parameter.default) {
                (Some(value), _) => value,
                (None, Some(default)) => Expr {
                    kind: ExprKind::Literal(default.clone()),
                    ty: parameter.ty,
                    span,
                },
                (None, None) => {
                    let given = arguments.len();
                    return Err(self.wrong_source_arguments(name, parameters, given, span));
                }
            });
        }
        let constants: Vec<Option<&types::Value>> = bound.iter().map(constant).collect();
        let columns = self.catalog.function_columns(&name.text, &constants);
        let columns = columns.unwrap_or_else(|| info.columns.clone());
        self.grow(1, span)?;
        let kind = |input| PlanKind::CatalogFunction {
            name: name.text.to_string(),
            arguments: bound,
            input,
        };
        Ok(match (info.input, input) {
            (_, None) => Table::new(kind(None), columns, span),
            (FunctionInput::Extends, Some(table)) => {
                let schema = extended(table.schema(), &columns);
                table.then(schema, span, |input| kind(Some(input)))
            }
            (_, Some(table)) => {
                let mut result = table.then(columns, span, |input| kind(Some(input)));
                result.broken.clear();
                result.open = false;
                result
            }
        })
    }

    /// Whether an argument is written as a table: a pipeline, or the name of one.
    fn is_table(&self, argument: &ast::Expr) -> bool {
        match &argument.kind {
            ast::ExprKind::Parenthesized(inner) => self.is_table(inner),
            ast::ExprKind::Pipe { .. } | ast::ExprKind::DataTable { .. } => true,
            ast::ExprKind::Name(name) => match self.scope.find(&name.text) {
                Some(binding) => matches!(binding, super::scope::Binding::Table { .. }),
                None => self.catalog.table(&name.text).is_some(),
            },
            _ => false,
        }
    }

    fn wrong_source_arguments(
        &mut self,
        name: &ast::Name,
        parameters: &[FunctionParameter],
        given: usize,
        span: Span,
    ) -> Reported {
        let most = parameters.len();
        let needed = parameters
            .iter()
            .filter(|parameter| parameter.default.is_none());
        let wanted = match needed.count() {
            needed if needed == most => most.to_string(),
            needed => format!("{needed} to {most}"),
        };
        let plural = if most == 1 { "" } else { "s" };
        let message = format!(
            "`{}` takes {wanted} argument{plural}, {given} given",
            name.text
        );
        self.error(code::ARGUMENT_COUNT, span, message)
    }
}

fn constant(expr: &Expr) -> Option<&types::Value> {
    match &expr.kind {
        ExprKind::Literal(value) => Some(value),
        _ => None,
    }
}

/// The columns of a table and further ones; a name that is taken gets a number, as in a join.
fn extended(input: &Schema, further: &Schema) -> Schema {
    let mut columns: Vec<Column> = input.columns().to_vec();
    let mut right_names = RightNames::new(further);
    for column in further.columns() {
        let name = right_names.free(&column.name, |name| {
            columns.iter().any(|other| *other.name == *name)
        });
        columns.push(Column::new(name, column.ty));
    }
    Schema::new(columns).opened(input.is_open() || further.is_open())
}
