//! Statements: `let`, `set`, `declare query_parameters`, and the expression that is the result.

use super::expression::Row;
use super::scope::Binding;
use super::{Attempt, Binder, Reported, Value, code};
use crate::diagnostic::Diagnostic;
use crate::hir::Plan;
use crate::span::Span;
use crate::syntax::ast::{self, LetValue, StatementKind};
use crate::types::ScalarType;

/// Options of `set` that change how Kusto runs a query but not what it yields, and their types
/// where a wrong one is an error.
const OPTIONS: &[(&str, Option<ScalarType>)] = &[
    ("best_effort", Some(ScalarType::Bool)),
    ("deferpartialqueryfailures", Some(ScalarType::Bool)),
    ("maxmemoryconsumptionperiterator", None),
    ("maxoutputcolumns", None),
    ("max_memory_consumption_per_query_per_node", None),
    ("norequesttimeout", Some(ScalarType::Bool)),
    ("notruncation", Some(ScalarType::Bool)),
    ("push_selection_through_aggregation", None),
    ("query_bin_auto_at", None),
    ("query_bin_auto_size", None),
    ("query_datascope", None),
    ("query_language", None),
    ("query_log_query_parameters", None),
    ("query_results_cache_max_age", None),
    ("query_take_max_records", None),
    ("request_description", None),
    ("request_readonly", None),
    ("results_progressive_enabled", None),
    ("servertimeout", None),
    ("truncationmaxrecords", Some(ScalarType::Long)),
    ("truncationmaxsize", Some(ScalarType::Long)),
];

/// Most statements of a query or of a function. Each name is looked up among those before it.
const STATEMENTS_MAX: usize = 5_000;

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
        for (index, statement) in script.statements.iter().enumerate() {
            if index == STATEMENTS_MAX {
                let message = format!("a query has at most {STATEMENTS_MAX} statements");
                return Err(self.report(
                    Diagnostic::error(code::TOO_LARGE, statement.span, message)
                        .with_help("keep lists of values in a table"),
                ));
            }
            match &statement.kind {
                StatementKind::Let { name, value } => self.bind_let(name, value),
                StatementKind::Set { name, value } => self.bind_set(name, value.as_ref()),
                StatementKind::DeclareParameters(parameters) => {
                    self.declare_parameters(parameters);
                }
                StatementKind::Alias { name, database } => self.bind_alias(name, database),
                StatementKind::Restrict(tables) => self.restrict(tables),
                StatementKind::Pattern { name, pattern } => {
                    self.declare_pattern(name, pattern.as_ref());
                }
                StatementKind::Directive => {
                    let message = "a line with `#` is for a desktop tool and is left out";
                    self.warn(code::IGNORED, statement.span, message);
                }
                StatementKind::Command { keyword } => {
                    return Err(self.report(
                        Diagnostic::error(
                            code::FORM_UNSUPPORTED,
                            keyword.span,
                            format!("`{}` is a management command, not a query", keyword.text),
                        )
                        .with_help("run it on the cluster"),
                    ));
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
                    for (name, binding) in std::mem::take(&mut self.tables_to_come) {
                        self.scope.bind(name, binding);
                    }
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
            LetValue::Function(function) => {
                self.check_function(function);
                Binding::Function {
                    function,
                    scope: self.scope.clone(),
                }
            }
            LetValue::Expr(ast::Expr {
                kind: ast::ExprKind::EntityGroup(entities),
                ..
            }) => Binding::Entities(entities),
            LetValue::Expr(expr) => match self.shallow_value(expr) {
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

    /// A value that others may build on.
    fn shallow_value(&mut self, expr: &'a ast::Expr) -> Attempt<Value> {
        let value = self.value(expr, Row::NONE)?;
        // A pipeline has been measured already.
        if !matches!(expr.kind, ast::ExprKind::Pipe { .. }) {
            self.check_depth(&value, expr.span)?;
        }
        Ok(value)
    }

    fn bind_set(&mut self, name: &ast::Name, value: Option<&'a ast::Expr>) {
        let Some(ty) = OPTIONS
            .iter()
            .find_map(|(option, ty)| (**option == *name.text).then_some(*ty))
        else {
            if value.is_none_or(|value| self.scalar(value, Row::NONE).is_ok()) {
                let message = format!("the option `{}` is unknown and has no effect", name.text);
                self.warn(code::IGNORED, name.span, message);
            }
            return;
        };
        let Some(value) = value else { return };
        let Ok(bound) = self.scalar(value, Row::NONE) else {
            return;
        };
        if ty.is_some_and(|ty| ty != bound.ty && !(ty.is_numeric() && bound.ty.is_numeric())) {
            let wanted = ty.map_or_else(String::new, |ty| ty.to_string());
            let message = format!("the option `{}` is of type {wanted}", name.text);
            self.error(code::ARGUMENT_TYPE, value.span, message);
        }
        match &*name.text {
            "query_bin_auto_size" => self.bin_auto.size = Some(bound),
            "query_bin_auto_at" => self.bin_auto.at = Some(bound),
            _ => {}
        }
    }

    /// `alias database`: the database stays one of another place.
    fn bind_alias(&mut self, name: &ast::Name, database: &'a ast::Expr) {
        self.aliases.push(name.text.clone());
        if let ast::ExprKind::Name(name) = &database.kind
            && self.scope.find(&name.text).is_none()
        {
            let message = format!("unknown name `{}`", name.text);
            self.report(
                Diagnostic::error(code::UNKNOWN_NAME, name.span, message)
                    .with_help("write `cluster(\"…\").database(\"…\")`"),
            );
        }
    }

    /// `restrict access to (…)`
    fn restrict(&mut self, tables: &'a [ast::Expr]) {
        let mut allowed = Vec::with_capacity(tables.len());
        for table in tables {
            match &table.kind {
                ast::ExprKind::Star => allowed.push("*".into()),
                ast::ExprKind::Wildcard(pattern) => allowed.push(pattern.text.clone()),
                ast::ExprKind::Name(name) => {
                    if self.table(table).is_ok() {
                        allowed.push(name.text.clone());
                    }
                }
                ast::ExprKind::Member { member, .. } => match &member.kind {
                    ast::ExprKind::Name(name) | ast::ExprKind::Wildcard(name) => {
                        allowed.push(name.text.clone());
                    }
                    _ => allowed.push("*".into()),
                },
                ast::ExprKind::Missing => {}
                _ => {
                    let message = "access is restricted to tables and views by their names";
                    self.error(code::MISPLACED, table.span, message);
                }
            }
        }
        self.scope.restrict(allowed);
    }
}
