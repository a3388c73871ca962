//! Calls: of the query's own functions, of aggregates, and of built-ins with the type they yield.

use super::expression::Row;
use super::scope::Binding;
use super::table::is_untyped;
use super::{Attempt, Binder, Reported, Value, code, coerce};
use crate::builtin::{self, ResultType, Scalar};
use crate::diagnostic::Diagnostic;
use crate::hir::{Expr, ExprKind};
use crate::span::Span;
use crate::syntax::ast;
use crate::types::ScalarType;

/// Functions of the language that are not declared yet, by name or by the start of it.
const UNSUPPORTED: &[&str] = &[
    "FileProfile",
    "all",
    "around",
    "assert",
    "bin_auto",
    "column_names_of",
    "current_cluster_endpoint",
    "current_database",
    "current_principal",
    "datetime_list_timezones",
    "estimate_data_size",
    "external_table",
    "extent_id",
    "extent_tags",
    "gamma",
    "geo_info_from_ip_address",
    "hash_combine",
    "hash_many",
    "loggamma",
    "materialized_view",
    "new_guid",
    "stored_query_result",
    "welch_test",
];
const UNSUPPORTED_FAMILIES: &[&str] = &[
    "beta_",
    "convert_",
    "covariance",
    "cursor_",
    "geo_",
    "erf",
    "graph_",
    "hll",
    "node_",
    "percentilesw",
    "percentilew",
    "punycode_",
    "series_",
    "tdigest",
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
        if let Some(aggregate) = builtin::aggregate(&function.text) {
            let call = self.aggregate_in_expression(aggregate, function, arguments, span, row)?;
            return Ok(Value::Scalar(call));
        }
        let Some(scalar) = builtin::scalar(&function.text) else {
            return Err(self.unknown_function(function));
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
        let (signature, mut arguments) =
            self.fit(&name.text, function.signatures, arguments, span)?;
        let ty = match signature.result {
            ResultType::Is(ty) => ty,
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

    fn unknown_function(&mut self, function: &ast::Name) -> Reported {
        let name = &*function.text;
        let known = UNSUPPORTED.contains(&name)
            || UNSUPPORTED_FAMILIES
                .iter()
                .any(|family| name.starts_with(family));
        if known {
            return self.function_unsupported(name, function.span);
        }
        let own: Vec<std::sync::Arc<str>> =
            self.scope.names().map(|(name, _)| name.clone()).collect();
        let candidates = builtin::scalars()
            .map(|function| function.name)
            .chain(builtin::aggregates().map(|function| function.name))
            .chain(own.iter().map(|name| &**name));
        self.unknown(
            code::UNKNOWN_FUNCTION,
            "function",
            name,
            function.span,
            candidates,
        )
    }

    pub(super) fn function_unsupported(&mut self, name: &str, span: Span) -> Reported {
        let message = format!("the function `{name}` is not supported yet");
        self.error(code::FUNCTION_UNSUPPORTED, span, message)
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
        ExprKind::Call { function, .. } if function.is_window() => return false,
        _ => {}
    }
    expr.operands().into_iter().all(is_constant)
}

/// How many nodes an expression has.
pub(super) fn node_count(expr: &Expr) -> usize {
    1 + expr.operands().into_iter().map(node_count).sum::<usize>()
}
