//! Calls: of the query's own functions, of aggregates, and of built-ins with the type they yield.

use super::expression::Row;
use super::scope::Binding;
use super::several::{first_of_several, is_array_sort};
use super::table::is_untyped;
use super::{Attempt, Binder, Reported, Value, code, coerce};
use crate::builtin::{self, ResultType, Scalar};
use crate::diagnostic::Diagnostic;
use crate::hir::{Expr, ExprKind};
use crate::span::Span;
use crate::syntax::ast;
use crate::types::ScalarType;

/// Functions that yield tables or lead to them.
const TABLE_FUNCTIONS: &[&str] = &[
    "app",
    "cluster",
    "database",
    "external_table",
    "materialize",
    "materialized_view",
    "resource",
    "stored_query_result",
    "table",
    "view",
    "workspace",
];

impl<'a> Binder<'a> {
    /// `name(arguments)`: a function of the query, a form of the language, an aggregate or a
    /// built-in, in this order.
    pub(super) fn call(
        &mut self,
        function: &'a ast::Name,
        arguments: &'a [ast::Argument],
        span: Span,
        row: Row<'_>,
    ) -> Attempt<Value> {
        if let Some(result) = self.graph_call(function, arguments, span, row) {
            return result.map(Value::Scalar);
        }
        let binding = self.scope.find(&function.text).cloned();
        // A value of the name of a built-in hides no function.
        if let Some(binding) = binding
            && (!matches!(binding, Binding::Scalar { .. }) || !is_builtin(&function.text))
        {
            return self.call_binding(function, &binding, arguments, span, row);
        }
        if let Some(result) = self.special_call(function, arguments, span, row) {
            return result;
        }
        let scalar = builtin::scalar(&function.text);
        // Some names are an aggregate in `summarize` and a scalar elsewhere.
        let aggregate = builtin::aggregate(&function.text)
            .filter(|_| scalar.is_none() || row.aggregation.is_some());
        if let Some(aggregate) = aggregate {
            let call = self.aggregate_in_expression(aggregate, function, arguments, span, row)?;
            return Ok(Value::Scalar(call));
        }
        let Some(scalar) = scalar else {
            return self.catalog_call(function, arguments, span, row);
        };
        if scalar.is_window() {
            return self
                .window_call(scalar, function, arguments, span, row)
                .map(Value::Scalar);
        }
        let arguments = self.arguments(arguments, row)?;
        self.builtin_call(scalar, function, arguments, span)
            .map(Value::Scalar)
    }

    /// All arguments as scalars; every one is bound, so that each mistake is reported.
    pub(super) fn arguments(
        &mut self,
        arguments: &'a [ast::Argument],
        row: Row<'_>,
    ) -> Attempt<Vec<Expr>> {
        let bound: Vec<Attempt<Expr>> = arguments
            .iter()
            .enumerate()
            .map(|(index, argument)| self.argument_value(index, argument, row))
            .collect();
        bound.into_iter().collect()
    }

    /// An argument of a built-in. A name in front of the first one may name the column that is
    /// made of the call, as in `toint(Hits = count())`; elsewhere a name is probably a mistake.
    fn argument_value(
        &mut self,
        index: usize,
        argument: &'a ast::Argument,
        row: Row<'_>,
    ) -> Attempt<Expr> {
        let ast::ExprKind::Named { names, value, .. } = &argument.kind else {
            return self.scalar(argument, row);
        };
        if index > 0 {
            let message = format!("the name `{}` has no effect here", names[0].text);
            self.report(
                Diagnostic::warning(code::IGNORED, names[0].span, message)
                    .with_help("to compare, write `==`"),
            );
        }
        self.scalar(value, row)
    }

    /// A call of a built-in on bound arguments.
    pub(super) fn builtin_call(
        &mut self,
        function: &'static Scalar,
        name: &ast::Name,
        arguments: Vec<Expr>,
        span: Span,
    ) -> Attempt<Expr> {
        if is_array_sort(function) {
            // Of several arrays it is an array of them.
            let arguments = self.sort_arguments(function, name, arguments, span)?;
            let kind = ExprKind::Call {
                function,
                arguments,
            };
            let ty = ScalarType::Dynamic;
            return Ok(Expr { kind, ty, span });
        }
        let (signature, mut arguments) =
            self.fit(&name.text, function.signatures, arguments, span)?;
        let ty = match signature.result {
            ResultType::Is(ty) => ty,
            ResultType::Array | ResultType::Bag => ScalarType::Dynamic,
            ResultType::Columns(_) => return Ok(first_of_several(function, arguments, span)),
            ResultType::OfArgument(index) => arguments[index].ty,
            ResultType::WidenedArgument(index) => widened(arguments[index].ty),
            ResultType::CommonFrom(from) => {
                self.unify(function.name, &mut arguments, from, span)?
            }
            ResultType::Special => {
                let ty = arguments
                    .iter()
                    .map(|argument| argument.ty)
                    .reduce(coerce::arithmetic)
                    .map_or(ScalarType::Long, |ty| coerce::arithmetic(ty, ty));
                convert_all(&mut arguments, ty);
                ty
            }
        };
        if let Some(ty) = conversion(function.name) {
            let operand = arguments.swap_remove(0);
            let mut converted = coerce::convert(operand, ty);
            converted.span = span;
            return Ok(converted);
        }
        let kind = ExprKind::Call {
            function,
            arguments,
        };
        Ok(Expr { kind, ty, span })
    }

    /// Converts the arguments from `from` on to their common type.
    fn unify(
        &mut self,
        function: &str,
        arguments: &mut [Expr],
        from: usize,
        span: Span,
    ) -> Attempt<ScalarType> {
        let types = arguments[from..].iter().map(|argument| argument.ty);
        let ty = if function == "iff" || arguments[from..].iter().any(is_untyped) {
            coerce::common_or_dynamic(types)
        } else {
            coerce::common(types).ok_or_else(|| {
                let message = format!("the arguments of `{function}` have no common type");
                self.report(
                    Diagnostic::error(code::ARGUMENT_TYPE, span, message)
                        .with_help("convert them to one type, as in `tostring()`"),
                )
            })?
        };
        convert_all(&mut arguments[from..], ty);
        Ok(ty)
    }

    /// Whether the language or the catalog has a function of this name.
    pub(super) fn is_function(&self, name: &str) -> bool {
        builtin::scalar(name).is_some()
            || builtin::aggregate(name).is_some()
            || TABLE_FUNCTIONS.contains(&name)
            || self.catalog.function(name).is_some()
    }

    pub(super) fn unknown_function(&mut self, function: &ast::Name) -> Reported {
        let name = &*function.text;
        if builtin::graph(name).is_some() {
            let message = format!("`{name}` stands only in the patterns of a graph");
            return self.error(code::MISPLACED, function.span, message);
        }
        if TABLE_FUNCTIONS.contains(&name) {
            let message = format!("`{name}` leads to tables, and stands in front of one");
            return self.report(
                Diagnostic::error(code::MISPLACED, function.span, message)
                    .with_help(format!("name a table behind it: `{name}(…).Table`")),
            );
        }
        let own: Vec<std::sync::Arc<str>> =
            self.scope.names().map(|(name, _)| name.clone()).collect();
        let catalog = self.catalog.function_names();
        let candidates = builtin::scalars()
            .map(|function| function.name)
            .chain(builtin::aggregates().map(|function| function.name))
            .chain(catalog.iter().map(String::as_str))
            .chain(own.iter().map(|name| &**name));
        self.unknown(
            code::UNKNOWN_FUNCTION,
            "function",
            name,
            function.span,
            candidates,
        )
    }
}

fn is_builtin(name: &str) -> bool {
    builtin::scalar(name).is_some() || builtin::aggregate(name).is_some()
}

/// The target type of the functions that are nothing but a conversion.
fn conversion(function: &str) -> Option<ScalarType> {
    Some(match function {
        "tostring" => ScalarType::String,
        "tolong" => ScalarType::Long,
        "toint" => ScalarType::Int,
        "toreal" => ScalarType::Real,
        "tobool" => ScalarType::Bool,
        "todatetime" => ScalarType::DateTime,
        "totimespan" => ScalarType::TimeSpan,
        "todecimal" => ScalarType::Decimal,
        "toguid" => ScalarType::Guid,
        _ => return None,
    })
}

pub(super) fn widened(ty: ScalarType) -> ScalarType {
    match ty {
        ScalarType::Int => ScalarType::Long,
        other => other,
    }
}

pub(super) fn convert_all(arguments: &mut [Expr], ty: ScalarType) {
    for argument in arguments {
        if argument.ty != ty {
            let placeholder = Expr {
                kind: ExprKind::Now,
                ty,
                span: argument.span,
            };
            let original = std::mem::replace(argument, placeholder);
            *argument = coerce::convert(original, ty);
        }
    }
}

/// Whether an expression reads no column and no other row.
pub(super) fn is_constant(expr: &Expr) -> bool {
    match &expr.kind {
        ExprKind::Column(_) => return false,
        ExprKind::Call { function, .. } if function.is_window() || function.reads_record() => {
            return false;
        }
        _ => {}
    }
    expr.operands().all(is_constant)
}

/// How many nodes an expression has.
pub(super) fn node_count(expr: &Expr) -> usize {
    1 + expr.operands().map(node_count).sum::<usize>()
}
