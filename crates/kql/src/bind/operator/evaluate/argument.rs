//! What an argument of a plugin is bound to, by what its parameter takes.

use std::cell::RefCell;

use super::Given;
use crate::bind::aggregate::Aggregation;
use crate::bind::call::is_constant;
use crate::bind::expression::Row;
use crate::bind::table::{Table, is_untyped};
use crate::bind::{Attempt, Binder, Reported, code, coerce};
use crate::builtin::plugin::{Class, Plugin, Takes};
use crate::diagnostic::Diagnostic;
use crate::hir::{Expr, ExprKind, PluginValue};
use crate::syntax::ast;
use crate::types::{ScalarType, Value as Constant};

impl<'a> Binder<'a> {
    pub(super) fn plugin_argument(
        &mut self,
        plugin: &'static Plugin,
        given: &Given<'a>,
        table: &Table,
        lookup: &mut Option<Table>,
    ) -> Attempt<PluginValue> {
        let value = given.value;
        let is_default = given.parameter.optional && is_default(value);
        let class = match given.parameter.takes {
            Takes::Table => {
                let found = self.table(value)?;
                let plan = found.plan.clone();
                *lookup = Some(found);
                return Ok(PluginValue::Table(plan));
            }
            Takes::OutputSchema => return self.output_schema(value),
            Takes::Aggregate => return self.plugin_aggregate(value, table),
            Takes::CommonColumn => {
                let name = self.column_name(value)?;
                if let Some(lookup) = lookup {
                    self.lookup_column(name, lookup)?;
                }
                return self.input_column(value, table).map(PluginValue::Expr);
            }
            Takes::LookupColumn(class) => {
                let name = self.column_name(value)?;
                let Some(lookup) = lookup else {
                    return Err(Reported);
                };
                let index = self.lookup_column(name, lookup)?;
                let column = lookup.column(index, value.span);
                self.check_class(plugin, given, &column, class)?;
                return Ok(PluginValue::LookupColumn(index));
            }
            Takes::Column(_) | Takes::Constant(_) | Takes::Literal(_) if is_default => Class::Any,
            Takes::Column(class) => {
                let column = self.input_column(value, table)?;
                self.check_class(plugin, given, &column, class)?;
                return Ok(PluginValue::Expr(column));
            }
            Takes::Expression(class) | Takes::Constant(class) | Takes::Literal(class) => class,
        };
        let bound = self.scalar(value, Row::of(table))?;
        let literal = matches!(given.parameter.takes, Takes::Literal(_));
        let constant = literal || matches!(given.parameter.takes, Takes::Constant(_));
        if constant && !is_constant(&bound) {
            return Err(self.not_constant(plugin, given, "a constant"));
        }
        if literal && !matches!(value.kind, ast::ExprKind::Literal(_)) {
            return Err(self.not_constant(plugin, given, "written out where it stands"));
        }
        let target = self.check_class(plugin, given, &bound, class)?;
        if literal
            && matches!(&bound.kind, ExprKind::Literal(Constant::String(text)) if text.is_empty())
        {
            return Err(self.not_constant(plugin, given, "a text that is not empty"));
        }
        Ok(PluginValue::Expr(coerce::convert(bound, target)))
    }

    fn not_constant(&mut self, plugin: &Plugin, given: &Given<'a>, wanted: &str) -> Reported {
        let (parameter, name) = (given.parameter.name, plugin.name);
        let message = format!("the argument `{parameter}` of `{name}` must be {wanted}");
        self.error(code::NOT_CONSTANT, given.value.span, message)
    }

    fn column_name(&mut self, value: &'a ast::Expr) -> Attempt<&'a ast::Name> {
        match &value.kind {
            ast::ExprKind::Name(name) => Ok(name),
            ast::ExprKind::Missing => Err(Reported),
            _ => Err(self.report(
                Diagnostic::error(
                    code::ARGUMENT_TYPE,
                    value.span,
                    "expected the name of a column, found an expression",
                )
                .with_help("make a column of it with `extend` first"),
            )),
        }
    }

    /// A column of the input.
    fn input_column(&mut self, value: &'a ast::Expr, table: &Table) -> Attempt<Expr> {
        let name = self.column_name(value)?;
        if let Some(column) = table.further(&name.text, name.span) {
            return Ok(column);
        }
        match table.schema().index_of(&name.text) {
            Some(index) => Ok(table.column(index, name.span)),
            None if table.may_have(&name.text) => Err(Reported),
            None => Err(self.unknown_column(name, table.schema())),
        }
    }

    fn lookup_column(&mut self, name: &ast::Name, lookup: &Table) -> Attempt<usize> {
        if let Some(index) = lookup.schema().index_of(&name.text) {
            return Ok(index);
        }
        if lookup.may_have(&name.text) {
            return Err(Reported);
        }
        if lookup.schema().is_open() {
            return Err(self.wait_for(lookup));
        }
        Err(self.unknown_column(name, lookup.schema()))
    }

    /// `typeof(*, a: long)`
    fn output_schema(&mut self, value: &ast::Expr) -> Attempt<PluginValue> {
        match &value.kind {
            ast::ExprKind::TypeOfTable {
                columns,
                keeps_input,
            } => Ok(PluginValue::Schema {
                keeps_input: *keeps_input,
                columns: self.declared_columns(columns)?,
            }),
            ast::ExprKind::Missing => Err(Reported),
            _ => Err(self.report(
                Diagnostic::error(
                    code::ARGUMENT_TYPE,
                    value.span,
                    "the columns of the result are told as `typeof(…)`",
                )
                .with_help("write `typeof(*, name: type)`"),
            )),
        }
    }

    fn plugin_aggregate(&mut self, value: &'a ast::Expr, table: &Table) -> Attempt<PluginValue> {
        let aggregation = RefCell::new(Aggregation::default());
        let row = Row {
            table: Some(table),
            aggregation: Some(&aggregation),
            states: None,
        };
        let value = self.scalar(value, row)?;
        let calls = aggregation.into_inner().calls;
        Ok(PluginValue::Aggregate { calls, value })
    }

    /// The type in which a parameter takes a value, or an error.
    fn check_class(
        &mut self,
        plugin: &Plugin,
        given: &Given<'a>,
        bound: &Expr,
        class: Class,
    ) -> Attempt<ScalarType> {
        let ty = bound.ty;
        let dynamic = ty == ScalarType::Dynamic;
        let suits = match class {
            _ if is_untyped(bound) => true,
            Class::Any => true,
            Class::NotDynamic => !dynamic,
            Class::Summable => {
                ty.is_numeric() || matches!(ty, ScalarType::TimeSpan | ScalarType::DateTime)
            }
            Class::Integer => ty.is_integer(),
            Class::Number => ty.is_numeric(),
            Class::Array => dynamic && !written_as(bound, '{'),
            Class::Bag => dynamic && !written_as(bound, '['),
            Class::Is(ScalarType::Real) => ty.is_numeric() || dynamic,
            Class::Is(wanted) => ty == wanted || dynamic,
        };
        if suits {
            return Ok(match class {
                Class::Is(wanted) => wanted,
                _ => ty,
            });
        }
        let wanted = match class {
            Class::Any => "a value".to_owned(),
            Class::NotDynamic => "anything but dynamic".to_owned(),
            Class::Summable => "a number, timespan or datetime".to_owned(),
            Class::Integer => "an integer".to_owned(),
            Class::Number => "a number".to_owned(),
            Class::Array => "a dynamic array".to_owned(),
            Class::Bag => "a dynamic property bag".to_owned(),
            Class::Is(wanted) => wanted.to_string(),
        };
        let (parameter, name) = (given.parameter.name, plugin.name);
        let message =
            format!("the argument `{parameter}` of `{name}` is of type {ty}, not {wanted}");
        Err(self.error(code::ARGUMENT_TYPE, given.value.span, message))
    }
}

/// Whether a constant of type dynamic is JSON text that begins like this.
fn written_as(bound: &Expr, first: char) -> bool {
    match &bound.kind {
        ExprKind::Literal(Constant::Dynamic(json)) => json.starts_with(first),
        _ => false,
    }
}

/// `'~'` stands for an optional argument that is left out.
fn is_default(value: &ast::Expr) -> bool {
    match &value.kind {
        ast::ExprKind::Literal(literal) => {
            matches!(&literal.value, Constant::String(text) if &**text == "~")
        }
        _ => false,
    }
}
