//! Expressions that make several columns: calls such as `series_stats(x)` and
//! `array_sort_asc(x, y)`, and `(a, b) = call`. Aggregates of several columns join in.

use std::sync::Arc;

use super::expression::Row;
use super::graph;
use super::source::named;
use super::table::{OutputName, Table};
use super::{Attempt, Binder, code, name};
use crate::builtin::{self, Scalar};
use crate::hir::{Expr, ExprKind};
use crate::span::Span;
use crate::syntax::ast;
use crate::types::{ScalarType, Value as Constant};

/// One of the columns that an expression makes, and its own name for it.
pub(super) type NamedOutput = (OutputName, Expr);

impl<'a> Binder<'a> {
    /// The columns that an expression of `project`, `extend` and their like makes, in order, with
    /// what they are called. A column that had an error has no expression.
    pub(super) fn output_columns(
        &mut self,
        expr: &'a ast::Expr,
        table: &Table,
    ) -> Vec<(OutputName, Option<Expr>)> {
        let (names, value) = names_of(expr);
        let row = Row::of(table);
        if let Some(columns) = self.several_values(value, row) {
            return self.given_names(names, columns, expr);
        }
        self.single_name(names, expr.span);
        let (name, value) = named(expr);
        let bound = self.scalar(value, row).ok();
        let bound = bound.map(|bound| graph::projected(bound, table));
        // `column_ifexists` is called as the column that it found.
        let found = existing_column(value)
            .filter(|name| names.is_empty() && table.schema().index_of(name).is_some());
        let name = found.map_or(name, OutputName::Derived);
        vec![(name, bound)]
    }

    /// Columns of an expression of several values under the names written in front of it.
    pub(super) fn given_names(
        &mut self,
        names: &[ast::Name],
        columns: Attempt<Vec<NamedOutput>>,
        expr: &ast::Expr,
    ) -> Vec<(OutputName, Option<Expr>)> {
        let given = |name: &ast::Name| OutputName::Declared(Arc::clone(&name.text));
        let Ok(columns) = columns else {
            let (first, _) = named(expr);
            let rest = names.iter().skip(1).map(given);
            let names = std::iter::once(first).chain(rest);
            return names.map(|name| (name, None)).collect();
        };
        if names.len() > columns.len() {
            let message = format!(
                "{} names for an expression that yields {} columns",
                names.len(),
                columns.len()
            );
            self.error(code::VALUE_COUNT, expr.span, message);
        }
        let columns = columns.into_iter().enumerate();
        columns
            .map(|(index, (own, expr))| (names.get(index).map_or(own, given), Some(expr)))
            .collect()
    }

    /// `(a, b) = …` makes sense only where an expression has several values.
    pub(super) fn single_name(&mut self, names: &[ast::Name], span: Span) {
        if names.len() > 1 {
            let message = "the expression has one value and takes one name";
            self.error(code::MISPLACED, span, message);
        }
    }

    /// The values of a call that yields several; `None` for any other expression.
    pub(super) fn several_values(
        &mut self,
        value: &'a ast::Expr,
        row: Row<'_>,
    ) -> Option<Attempt<Vec<NamedOutput>>> {
        let (function, arguments) = match &value.kind {
            ast::ExprKind::Parenthesized(inner) => return self.several_values(inner, row),
            ast::ExprKind::Call {
                function,
                arguments,
            } => (function, arguments.as_slice()),
            _ => return None,
        };
        if self.scope.find(&function.text).is_some() {
            return None;
        }
        let scalar = builtin::scalar(&function.text)?;
        if is_array_sort(scalar) && arguments.len() > 1 {
            return Some(self.sorted_arrays(scalar, function, arguments, value.span, row));
        }
        let columns = scalar.columns()?;
        let call = self
            .arguments(arguments, row)
            .and_then(|bound| self.fit(&function.text, scalar.signatures, bound, value.span))
            .map(|(_, bound)| call_of_several(scalar, bound, value.span));
        let own = arguments.first().and_then(name::derived);
        let own = own.unwrap_or_default();
        Some(call.map(|call| {
            let columns = columns.iter().enumerate();
            columns
                .map(|(index, (ending, ty))| {
                    let name = format!("{}_{own}_{ending}", function.text);
                    let element = element(call.clone(), index, *ty);
                    (OutputName::Derived(name.into()), element)
                })
                .collect()
        }))
    }

    /// `array_sort_asc(x, y, true)`: the first array sorted, and the others in the same order.
    fn sorted_arrays(
        &mut self,
        scalar: &'static Scalar,
        function: &'a ast::Name,
        arguments: &'a [ast::Argument],
        span: Span,
        row: Row<'_>,
    ) -> Attempt<Vec<NamedOutput>> {
        let bound = self.arguments(arguments, row)?;
        let bound = self.sort_arguments(scalar, function, bound, span)?;
        let arrays = bound.iter().filter(|argument| is_array(argument)).count();
        let call = call_of_several(scalar, bound, span);
        let names = (0..arrays).map(|index| {
            let own = name::derived(&arguments[index]);
            let own = own.unwrap_or_else(|| format!("array{index}"));
            OutputName::Derived(format!("{own}_sorted").into())
        });
        if arrays == 1 {
            return Ok(names.map(|name| (name, call.clone())).collect());
        }
        let values = (0..arrays).map(|index| element(call.clone(), index, ScalarType::Dynamic));
        Ok(names.zip(values).collect())
    }

    /// The arguments of `array_sort_asc` and `array_sort_desc`: arrays, and a constant at the end
    /// that tells where nulls go.
    pub(super) fn sort_arguments(
        &mut self,
        scalar: &'static Scalar,
        function: &ast::Name,
        mut bound: Vec<Expr>,
        span: Span,
    ) -> Attempt<Vec<Expr>> {
        let one = builtin::scalar("array_reverse").expect("it is declared");
        let flag = bound.pop_if(|last| {
            last.ty == ScalarType::Bool && matches!(last.kind, ExprKind::Literal(Constant::Bool(_)))
        });
        let (_, _) = self.fit(&function.text, scalar.signatures, bound.clone(), span)?;
        for array in &bound {
            self.fit(&function.text, one.signatures, vec![array.clone()], span)?;
        }
        bound.extend(flag);
        Ok(bound)
    }
}

/// Whether it is one of the functions that sort several arrays at once.
pub(super) fn is_array_sort(scalar: &Scalar) -> bool {
    matches!(scalar.name, "array_sort_asc" | "array_sort_desc")
}

/// The first value of a call that yields several: what it stands for in an expression.
pub(super) fn first_of_several(scalar: &'static Scalar, arguments: Vec<Expr>, span: Span) -> Expr {
    let ty = match scalar.columns() {
        Some([(_, ty), ..]) => *ty,
        _ => ScalarType::Dynamic,
    };
    element(call_of_several(scalar, arguments, span), 0, ty)
}

/// The names in front of an expression, and the expression.
pub(super) fn names_of(expr: &ast::Expr) -> (&[ast::Name], &ast::Expr) {
    match &expr.kind {
        ast::ExprKind::Named { names, value, .. } => (names, value),
        _ => (&[], expr),
    }
}

/// The name in a call of `column_ifexists`.
fn existing_column(value: &ast::Expr) -> Option<Arc<str>> {
    let (function, arguments) = match &value.kind {
        ast::ExprKind::Parenthesized(inner) => return existing_column(inner),
        ast::ExprKind::Call {
            function,
            arguments,
        } => (function, arguments),
        _ => return None,
    };
    let ast::ExprKind::Literal(literal) = &arguments.first()?.kind else {
        return None;
    };
    match &literal.value {
        Constant::String(name)
            if matches!(&*function.text, "column_ifexists" | "columnifexists") =>
        {
            Some(Arc::clone(name))
        }
        _ => None,
    }
}

fn is_array(argument: &Expr) -> bool {
    argument.ty == ScalarType::Dynamic
}

fn call_of_several(function: &'static Scalar, arguments: Vec<Expr>, span: Span) -> Expr {
    let kind = ExprKind::Call {
        function,
        arguments,
    };
    let ty = ScalarType::Dynamic;
    Expr { kind, ty, span }
}

fn element(call: Expr, index: usize, ty: ScalarType) -> Expr {
    let span = call.span;
    let call = Box::new(call);
    let kind = ExprKind::Element { call, index };
    Expr { kind, ty, span }
}
