//! Statements: `let`, `set`, `declare query_parameters`, and the expression that is the result.

use super::expression::Row;
use super::scope::Binding;
use super::{Attempt, Binder, Reported, Value, code};
use crate::diagnostic::Diagnostic;
use crate::hir::Plan;
use crate::span::Span;
use crate::syntax::ast::{self, LetValue, StatementKind};

/// Options of `set` that change how Kusto runs a query but not what it yields.
const OPTIONS: &[&str] = &[
    "best_effort",
    "deferpartialqueryfailures",
    "maxmemoryconsumptionperiterator",
    "maxoutputcolumns",
    "max_memory_consumption_per_query_per_node",
    "norequesttimeout",
    "notruncation",
    "push_selection_through_aggregation",
    "query_bin_auto_at",
    "query_bin_auto_size",
    "query_datascope",
    "query_language",
    "query_log_query_parameters",
    "query_results_cache_max_age",
    "query_take_max_records",
    "request_description",
    "request_readonly",
    "results_progressive_enabled",
    "servertimeout",
    "truncationmaxrecords",
    "truncationmaxsize",
];

impl<'a> Binder<'a> {
    /// The plan of a whole query; `None` where it has none.
    pub(super) fn bind_script(&mut self, script: &'a ast::Script) -> Option<Plan> {
        let end = script
            .statements
            .last()
            .map_or(Span::default(), |statement| statement.span);
        match self.bind_body(script, end).ok()? {
            Value::Table(table) => Some(table.plan),
            Value::Scalar(scalar) => {
                self.report(
                    Diagnostic::error(
                        code::NO_RESULT,
                        scalar.span,
                        "the query yields a single value, not a table",
                    )
                    .with_help("put `print` in front of it"),
                );
                None
            }
        }
    }

    /// The statements of a query or of a function; the value of the last expression.
    pub(super) fn bind_body(&mut self, script: &'a ast::Script, span: Span) -> Attempt<Value> {
        let mut result: Option<Attempt<Value>> = None;
        for statement in &script.statements {
            match &statement.kind {
                StatementKind::Let { name, value } => self.bind_let(name, value),
                StatementKind::Set { name, value } => self.bind_set(name, value.as_ref()),
                StatementKind::DeclareParameters(parameters) => {
                    self.declare_parameters(parameters);
                }
                StatementKind::Unsupported { keyword } => {
                    let message = format!("the statement `{keyword}` is not supported yet");
                    self.error(code::FORM_UNSUPPORTED, statement.span, message);
                }
                StatementKind::Expression(expr) => {
                    if result.is_some() {
                        let message = "a query has one result: an earlier one is not shown";
                        self.warn(code::IGNORED, statement.span, message);
                    }
                    let before = self.scope.clone();
                    result = Some(self.value(expr, Row::NONE));
                    // Names given with `as` end with the statement.
                    self.scope = before;
                }
            }
        }
        result.unwrap_or_else(|| {
            Err(self.report(
                Diagnostic::error(code::NO_RESULT, span, "there is no expression to run")
                    .with_help("end with a table, such as `DeviceProcessEvents | take 10`"),
            ))
        })
    }

    fn bind_let(&mut self, name: &'a ast::Name, value: &'a LetValue) {
        if self.scope.declares(&name.text) {
            let message = format!("`{}` is already defined", name.text);
            self.error(code::DUPLICATE_LET, name.span, message);
        }
        let binding = match value {
            LetValue::Function(function) => Binding::Function {
                function,
                scope: self.scope.clone(),
            },
            LetValue::Expr(ast::Expr {
                kind: ast::ExprKind::EntityGroup(entities),
                ..
            }) => Binding::Entities(entities),
            LetValue::Expr(expr) => match self.value(expr, Row::NONE) {
                Ok(Value::Scalar(expr)) => Binding::scalar(expr),
                Ok(Value::Table(mut table)) => {
                    table.label = None;
                    Binding::table(table)
                }
                Err(Reported) => Binding::Broken,
            },
        };
        self.scope.bind(name.text.clone(), binding);
    }

    fn bind_set(&mut self, name: &ast::Name, value: Option<&'a ast::Expr>) {
        if let Some(value) = value
            && !matches!(value.kind, ast::ExprKind::Name(_))
            && self.scalar(value, Row::NONE).is_err()
        {
            return;
        }
        if !OPTIONS.contains(&&*name.text) {
            let message = format!("the option `{}` is unknown and has no effect", name.text);
            self.warn(code::IGNORED, name.span, message);
        }
    }

    fn declare_parameters(&mut self, parameters: &'a [ast::Parameter]) {
        for parameter in parameters {
            let binding = self.query_parameter(parameter).unwrap_or(Binding::Broken);
            self.scope.bind(parameter.name.text.clone(), binding);
        }
    }

    fn query_parameter(&mut self, parameter: &'a ast::Parameter) -> Attempt<Binding<'a>> {
        let ast::ParameterType::Scalar(type_name) = &parameter.ty else {
            let message = "a query parameter is a scalar";
            return Err(self.error(code::TABLE_OR_SCALAR, parameter.name.span, message));
        };
        let ty = self.type_named(type_name)?;
        let Some(default) = &parameter.default else {
            return Err(self.report(
                Diagnostic::error(
                    code::NOT_CONSTANT,
                    parameter.name.span,
                    format!("the query parameter `{}` has no value", parameter.name.text),
                )
                .with_help("give it a default: `name: type = value`"),
            ));
        };
        let value = self.scalar(default, Row::NONE)?;
        let expr = self.scalar_argument(parameter, value, ty);
        Ok(Binding::scalar(expr))
    }
}
