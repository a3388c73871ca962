//! Functions that the query defines: arguments are bound to parameters and the body is bound in
//! the scope the function was written in, once per call.

use std::sync::Arc;

use super::expression::Row;
use super::scope::{Binding, Scope};
use super::table::Table;
use super::{Attempt, Binder, Reported, Value, code, coerce};
use crate::diagnostic::Diagnostic;
use crate::hir::{Expr, ExprKind, PlanKind};
use crate::span::Span;
use crate::syntax::ast;
use crate::types::ScalarType;

/// Mistakes in the body of a function that do not depend on what it is called with.
const CERTAIN: &[&str] = &[
    code::UNKNOWN_NAME,
    code::UNKNOWN_TABLE,
    code::UNKNOWN_FUNCTION,
    code::UNKNOWN_TYPE,
    code::ARGUMENT_COUNT,
    code::ARGUMENT_TYPE,
    code::OPERAND_TYPES,
    code::DUPLICATE_COLUMN,
    code::AGGREGATE_PLACE,
    code::NOT_BOOL,
    code::PROPERTY,
    code::JOIN_CONDITION,
];

/// What a call counts for, as its arguments and its body are bound anew: more than a node.
const CALL_NODES: usize = 8;

/// A constant of which only the type is known.
pub(super) fn opaque(ty: ScalarType, span: Span) -> Expr {
    Expr {
        kind: ExprKind::Now,
        ty,
        span,
    }
}

impl<'a> Binder<'a> {
    /// A call of a name that the query bound.
    pub(super) fn call_binding(
        &mut self,
        name: &'a ast::Name,
        binding: &Binding<'a>,
        arguments: &'a [ast::Argument],
        span: Span,
        row: Row<'_>,
    ) -> Attempt<Value> {
        match binding {
            Binding::Function { function, scope } => {
                self.call_function(name, function, scope, None, arguments, span, row)
            }
            Binding::Entities(_) | Binding::Entity(_) => {
                let message = format!("`{}` is not a function", name.text);
                Err(self.error(code::TABLE_OR_SCALAR, name.span, message))
            }
            Binding::Pattern { pattern, scope } => {
                self.call_pattern(name, *pattern, scope, arguments, None, span)
            }
            Binding::Broken => Err(Reported),
            Binding::Scalar { .. } | Binding::Table { .. } => {
                if arguments.is_empty() && matches!(binding, Binding::Table { .. }) {
                    return self.table_by_name(name).map(Value::Table);
                }
                let message = format!("`{}` is not a function", name.text);
                Err(self.error(code::TABLE_OR_SCALAR, name.span, message))
            }
        }
    }

    /// Inlines a call. `piped` is the table that `invoke` passes as the first argument.
    #[expect(clippy::too_many_arguments, reason = "a call has that many parts")]
    pub(super) fn call_function(
        &mut self,
        name: &'a ast::Name,
        function: &'a ast::Function,
        scope: &Scope<'a>,
        piped: Option<Table>,
        arguments: &'a [ast::Argument],
        span: Span,
        row: Row<'_>,
    ) -> Attempt<Value> {
        self.grow(CALL_NODES, span)?;
        let mut body = scope.body();
        let mut slots: Vec<Option<Binding<'a>>> = vec![None; function.parameters.len()];
        let mut failed = false;
        let mut next = 0;
        if let Some(table) = piped {
            let Some(parameter) = function.parameters.first() else {
                let message = format!("`{}` takes no table to be invoked on", name.text);
                return Err(self.error(code::ARGUMENT_COUNT, name.span, message));
            };
            slots[0] = Some(self.table_argument(parameter, table, name.span)?);
            next = 1;
        }
        for argument in arguments {
            let (place, value) = if let ast::ExprKind::Named { names, value, .. } = &argument.kind {
                let wanted = &names[0];
                let parameters = &function.parameters;
                let place = parameters
                    .iter()
                    .position(|parameter| parameter.name.text == wanted.text);
                let Some(place) = place else {
                    let known = parameters.iter().map(|parameter| &*parameter.name.text);
                    let (text, span) = (&wanted.text, wanted.span);
                    self.unknown(code::UNKNOWN_NAME, "parameter", text, span, known);
                    failed = true;
                    continue;
                };
                (place, &**value)
            } else {
                next += 1;
                (next - 1, argument)
            };
            let Some(parameter) = function.parameters.get(place) else {
                return Err(self.wrong_argument_count(name, function, arguments.len(), span));
            };
            match self.argument(parameter, value, row) {
                Ok(binding) => slots[place] = Some(binding),
                Err(Reported) => failed = true,
            }
        }
        let outer = std::mem::replace(&mut self.scope, scope.clone());
        for (parameter, slot) in function.parameters.iter().zip(&mut slots) {
            if slot.is_some() {
                continue;
            }
            match &parameter.default {
                Some(default) => match self.default_argument(parameter, default) {
                    Ok(binding) => *slot = Some(binding),
                    Err(Reported) => failed = true,
                },
                None if failed => {}
                None => {
                    self.wrong_argument_count(name, function, arguments.len(), span);
                    failed = true;
                }
            }
        }
        if failed {
            self.scope = outer;
            return Err(Reported);
        }
        for (parameter, slot) in function.parameters.iter().zip(slots) {
            let binding = slot.unwrap_or(Binding::Broken);
            body.bind(parameter.name.text.clone(), binding);
        }
        self.scope = body;
        let result = self.nested(span, |binder| binder.bind_body(&function.body, span));
        self.scope = outer;
        let mut result = result?;
        self.check_depth(&result, span)?;
        match &mut result {
            Value::Table(table) => table.label = function.view.then(|| name.text.clone()),
            Value::Scalar(expr) => expr.span = span,
        }
        Ok(result)
    }

    /// The table of a view of the query, by its name.
    pub(super) fn view(&mut self, name: &Arc<str>, span: Span) -> Attempt<Table> {
        let Some(Binding::Function { function, scope }) = self.scope.find(name).cloned() else {
            return Err(Reported);
        };
        self.grow(1, span)?;
        let outer = std::mem::replace(&mut self.scope, scope.body());
        let result = self.nested(span, |binder| binder.bind_body(&function.body, span));
        self.scope = outer;
        match result? {
            Value::Table(mut table) => {
                table.label = Some(Arc::clone(name));
                Ok(table)
            }
            Value::Scalar(_) => {
                let message = format!("the view `{name}` yields a single value, not a table");
                Err(self.error(code::TABLE_OR_SCALAR, span, message))
            }
        }
    }

    fn wrong_argument_count(
        &mut self,
        name: &ast::Name,
        function: &ast::Function,
        given: usize,
        span: Span,
    ) -> Reported {
        let most = function.parameters.len();
        let defaults = function
            .parameters
            .iter()
            .filter(|parameter| parameter.default.is_some())
            .count();
        let wanted = match defaults {
            0 => most.to_string(),
            _ => format!("{} to {most}", most - defaults),
        };
        let plural = if most == 1 { "" } else { "s" };
        let message = format!(
            "`{}` takes {wanted} argument{plural}, {given} given",
            name.text
        );
        self.error(code::ARGUMENT_COUNT, span, message)
    }

    fn argument(
        &mut self,
        parameter: &'a ast::Parameter,
        value: &'a ast::Expr,
        row: Row<'_>,
    ) -> Attempt<Binding<'a>> {
        match &parameter.ty {
            ast::ParameterType::Scalar(type_name) => {
                let ty = self.type_named(type_name)?;
                let value = self.scalar(value, row)?;
                let expr = self.scalar_argument(parameter, value, ty);
                Ok(Binding::scalar(expr))
            }
            ast::ParameterType::Tabular { .. } => {
                let table = self.table(value)?;
                self.table_argument(parameter, table, value.span)
            }
        }
    }

    fn default_argument(
        &mut self,
        parameter: &'a ast::Parameter,
        default: &'a ast::Expr,
    ) -> Attempt<Binding<'a>> {
        let ast::ParameterType::Scalar(type_name) = &parameter.ty else {
            let message = "a table parameter has no default";
            return Err(self.error(code::TABLE_OR_SCALAR, default.span, message));
        };
        let ty = self.type_named(type_name)?;
        self.default_value(parameter, default, ty)
            .map(Binding::scalar)
    }

    /// The default of a parameter, whose type it must have: only numbers are converted.
    pub(super) fn default_value(
        &mut self,
        parameter: &ast::Parameter,
        default: &'a ast::Expr,
        ty: ScalarType,
    ) -> Attempt<Expr> {
        let value = self.scalar(default, Row::NONE)?;
        if value.ty == ty || (value.ty.is_numeric() && ty.is_numeric()) {
            return Ok(coerce::convert(value, ty));
        }
        let message = format!(
            "the default of `{}` is of type {}, not {ty}",
            parameter.name.text, value.ty
        );
        Err(self.error(code::ARGUMENT_TYPE, default.span, message))
    }

    /// Binds the body of a function with stand-ins for its arguments, so that mistakes in it are
    /// found whether it is called or not. A table parameter has the columns it declares and no
    /// others. What depends on the value of an argument is left to the calls.
    ///
    /// Bodies are bound again by each call, but checked once: functions within functions would
    /// take twice the time with each level. What all checks write out is limited as the query is.
    pub(super) fn check_function(&mut self, function: &'a ast::Function) {
        if !self.checked.insert(std::ptr::from_ref(function)) {
            return;
        }
        let mut body = self.scope.body();
        for parameter in &function.parameters {
            let span = parameter.name.span;
            let binding = match &parameter.ty {
                ast::ParameterType::Scalar(type_name) => {
                    if let Some(default) = &parameter.default {
                        let _ = self.default_argument(parameter, default);
                    }
                    match self.type_named(type_name) {
                        Ok(ty) => Binding::scalar(opaque(ty, span)),
                        Err(Reported) => Binding::Broken,
                    }
                }
                ast::ParameterType::Tabular { columns, .. } => {
                    match self.declared_columns(columns) {
                        Ok(schema) => Binding::table(Table::new(PlanKind::Rows, schema, span)),
                        Err(Reported) => Binding::Broken,
                    }
                }
            };
            body.bind(parameter.name.text.clone(), binding);
        }
        let outer = std::mem::replace(&mut self.scope, body);
        let before = self.diagnostics.len();
        let size = std::mem::replace(&mut self.size, self.checked_size);
        let (is_open, render) = (self.is_open, self.render.clone());
        let _ = self.nested(function.span, |binder| {
            binder.bind_body(&function.body, function.span)
        });
        self.scope = outer;
        self.checked_size = self.checked_size.max(self.size);
        self.size = size;
        self.is_open = is_open;
        self.render = render;
        let found = self.diagnostics.split_off(before);
        let certain = found
            .into_iter()
            .filter(|diagnostic| CERTAIN.contains(&diagnostic.code));
        self.diagnostics.extend(certain);
    }

    /// A scalar argument in the type of its parameter. Conversions that may surprise are warned of.
    pub(super) fn scalar_argument(
        &mut self,
        parameter: &ast::Parameter,
        value: Expr,
        ty: ScalarType,
    ) -> Expr {
        let usual = value.ty == ty
            || value.ty == ScalarType::Dynamic
            || (value.ty.is_numeric() && ty.is_numeric() && coerce::wider(value.ty, ty) == ty)
            || (value.ty == ScalarType::Long && ty == ScalarType::Int);
        if !usual {
            self.report(
                Diagnostic::warning(
                    code::IMPLICIT_CONVERSION,
                    value.span,
                    format!(
                        "the argument is converted from {} to {ty} for the parameter `{}`",
                        value.ty, parameter.name.text
                    ),
                )
                .with_help("convert it where it is passed"),
            );
        }
        coerce::convert(value, ty)
    }

    fn table_argument(
        &mut self,
        parameter: &'a ast::Parameter,
        table: Table,
        span: Span,
    ) -> Attempt<Binding<'a>> {
        let ast::ParameterType::Tabular { columns, .. } = &parameter.ty else {
            let message = format!(
                "the parameter `{}` takes a scalar, not a table",
                parameter.name.text
            );
            return Err(self.error(code::TABLE_OR_SCALAR, span, message));
        };
        for wanted in columns {
            let ty = self.type_named(&wanted.ty)?;
            let name = &wanted.name.text;
            match table.schema().column(name) {
                Some(column) if column.ty == ty => {}
                None if table.may_have(name) || table.schema().is_open() => {}
                found => {
                    let found = match found {
                        Some(column) => format!("has it as {}", column.ty),
                        None => "has no such column".to_owned(),
                    };
                    let parameter = &parameter.name.text;
                    let message = format!(
                        "`{parameter}` wants a column `{name}` of type {ty}, the table {found}"
                    );
                    return Err(self.error(code::ARGUMENT_TYPE, span, message));
                }
            }
        }
        Ok(Binding::table(table))
    }
}
