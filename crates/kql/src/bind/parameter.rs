//! Query parameters: what `declare query_parameters` declares, and the values that whoever sends
//! the query gives for them. A value is text that stands for a constant of the declared type and
//! can be nothing else, so that it cannot change what the query does.

use std::collections::BTreeMap;

use super::function::opaque;
use super::scope::Binding;
use super::{Attempt, Binder, code, literal};
use crate::diagnostic::Diagnostic;
use crate::hir::{Expr, ExprKind};
use crate::syntax::ast::{self, StatementKind};
use crate::syntax::{self};
use crate::types::{ScalarType, Value};

/// Values for the parameters of a query, by name: for each the text of a constant of the declared
/// type, such as `10`, `long(10)`, `datetime(2026-01-15)` or `dynamic(["a"])`. A text for a
/// parameter of type string is taken as it is, or without its quotes if it is in quotes.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Parameters(BTreeMap<String, String>);

impl Parameters {
    /// No values.
    pub fn new() -> Self {
        Self::default()
    }

    /// Gives a value for the parameter called `name`. What the query does not declare has no
    /// effect.
    pub fn insert(&mut self, name: impl Into<String>, value: impl Into<String>) {
        self.0.insert(name.into(), value.into());
    }

    /// The values by name, each as KQL writes it.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &str)> {
        self.0
            .iter()
            .map(|(name, value)| (name.as_str(), value.as_str()))
    }
}

impl<'a> Binder<'a> {
    pub(super) fn declare_parameters(&mut self, parameters: &'a [ast::Parameter]) {
        for parameter in parameters {
            let binding = self.query_parameter(parameter).unwrap_or(Binding::Broken);
            self.scope.bind(parameter.name.text.clone(), binding);
        }
    }

    fn query_parameter(&mut self, parameter: &'a ast::Parameter) -> Attempt<Binding<'a>> {
        let name = &parameter.name;
        let ast::ParameterType::Scalar(type_name) = &parameter.ty else {
            let message = "a query parameter is a scalar";
            return Err(self.error(code::TABLE_OR_SCALAR, name.span, message));
        };
        let ty = self.type_named(type_name)?;
        let default = match &parameter.default {
            Some(default) => Some(self.default_value(parameter, default, ty)?),
            None => None,
        };
        if let Some(text) = self.parameters.0.get(&*name.text) {
            let Some(value) = constant(text, ty) else {
                // What a value says may be a secret, and goes into no message.
                let message = format!("the value given for `{}` is not of type {ty}", name.text);
                return Err(self.error(code::ARGUMENT_TYPE, name.span, message));
            };
            return Ok(Binding::scalar(Expr {
                kind: ExprKind::Literal(value),
                ty,
                span: name.span,
            }));
        }
        if let Some(default) = default {
            return Ok(Binding::scalar(default));
        }
        let message = format!("the query parameter `{}` has no value", name.text);
        self.report(
            Diagnostic::warning(code::NOT_CONSTANT, name.span, message)
                .with_help("give it a default to run the query: `name: type = value`"),
        );
        self.is_open = true;
        Ok(Binding::scalar(opaque(ty, name.span)))
    }
}

/// The constant of type `ty` that a text stands for: a literal of KQL, or a bare value such as
/// `2026-01-15T08:00:00Z` for a datetime. `None` if it is none.
pub fn constant(text: &str, ty: ScalarType) -> Option<Value> {
    let written = written_constant(text);
    if ty == ScalarType::String {
        return Some(match written {
            Some((ScalarType::String, value @ Value::String(_))) => value,
            _ => Value::String(text.into()),
        });
    }
    if let Some((from, value)) = written {
        let fits = from == ty
            || (from.is_numeric() && ty.is_numeric())
            || matches!(from, ScalarType::String)
            || (ty == ScalarType::Dynamic && from != ScalarType::Decimal);
        let bare_decimal = ty == ScalarType::Decimal && from == ScalarType::Real;
        if fits && !bare_decimal {
            return converted(value, from, ty);
        }
    }
    let text = text.trim();
    let bare = |value: &str| converted(Value::String(value.into()), ScalarType::String, ty);
    match ty {
        ScalarType::Guid | ScalarType::Decimal | ScalarType::Dynamic => {
            match written_constant(&format!("{ty}({text})")) {
                // What is no guid or no number would be null.
                Some((found, value)) if found == ty && (value != Value::Null || text == "null") => {
                    Some(value)
                }
                _ => None,
            }
        }
        _ => bare(text),
    }
}

/// A constant in another type.
fn converted(value: Value, from: ScalarType, ty: ScalarType) -> Option<Value> {
    if from == ty || value == Value::Null {
        return Some(value);
    }
    literal::read(ExprKind::Literal(value), from, ty)
}

/// The constant that is all of a text, and its type.
fn written_constant(text: &str) -> Option<(ScalarType, Value)> {
    // The value of an option can be a constant only.
    let parsed = syntax::parse(&format!("set value = {text}\n"));
    if parsed.has_errors() {
        return None;
    }
    let [statement] = &parsed.script.statements[..] else {
        return None;
    };
    match &statement.kind {
        StatementKind::Set {
            value: Some(value), ..
        } => constant_of(value),
        _ => None,
    }
}

/// The constant that an expression is.
pub(crate) fn constant_of(expr: &ast::Expr) -> Option<(ScalarType, Value)> {
    match &expr.kind {
        ast::ExprKind::Literal(literal) => Some((literal.ty, literal.value.clone())),
        ast::ExprKind::Unary { op, operand } => {
            let (ty, value) = constant_of(operand)?;
            let value = match op {
                ast::UnaryOp::Plus => value,
                ast::UnaryOp::Minus => negated(value)?,
            };
            Some((ty, value))
        }
        _ => None,
    }
}

fn negated(value: Value) -> Option<Value> {
    Some(match value {
        Value::Null => Value::Null,
        Value::Int(number) => Value::Int(number.checked_neg()?),
        Value::Long(number) => Value::Long(number.wrapping_neg()),
        Value::Real(number) => Value::Real(-number),
        Value::TimeSpan(ticks) => Value::TimeSpan(ticks.checked_neg()?),
        Value::Decimal(digits) => Value::Decimal(match digits.strip_prefix('-') {
            Some(digits) => digits.into(),
            None => format!("-{digits}").into(),
        }),
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_text_is_a_constant_of_the_type_or_none() {
        use ScalarType::{Bool, DateTime, Decimal, Dynamic, Guid, Int, Long, Real, TimeSpan};
        const GUID: &str = "74be27de-1e4e-49d9-b579-fe0b331d3642";
        let day = crate::time::parse_datetime("2026-01-15").unwrap();
        let hour = 36_000_000_000;
        for (text, ty, expected) in [
            ("10", Long, Some(Value::Long(10))),
            ("long(-10)", Long, Some(Value::Long(-10))),
            ("-10", Long, Some(Value::Long(-10))),
            ("'10'", Long, Some(Value::Long(10))),
            ("int(3)", Long, Some(Value::Long(3))),
            ("3", Int, Some(Value::Int(3))),
            ("3000000000", Int, None),
            ("ten", Long, None),
            ("1; T", Long, None),
            ("1 | T", Long, None),
            ("toscalar(T)", Long, None),
            ("now()", DateTime, None),
            ("", Long, None),
            ("long(null)", Long, Some(Value::Null)),
            ("1.5", Real, Some(Value::Real(1.5))),
            ("2", Real, Some(Value::Real(2.0))),
            ("true", Bool, Some(Value::Bool(true))),
            ("True", Bool, Some(Value::Bool(true))),
            ("datetime(2026-01-15)", DateTime, Some(Value::DateTime(day))),
            ("2026-01-15", DateTime, Some(Value::DateTime(day))),
            ("2026-01-15T00:00:00Z", DateTime, Some(Value::DateTime(day))),
            ("yesterday", DateTime, None),
            ("1h", TimeSpan, Some(Value::TimeSpan(hour))),
            ("-1h", TimeSpan, Some(Value::TimeSpan(-hour))),
            ("01:00:00", TimeSpan, Some(Value::TimeSpan(hour))),
            ("time(1h)", TimeSpan, Some(Value::TimeSpan(hour))),
            (GUID, Guid, Some(Value::Guid(GUID.into()))),
            ("nothing", Guid, None),
            (
                "1.000000000000000001",
                Decimal,
                Some(Value::Decimal("1.000000000000000001".into())),
            ),
            (
                "dynamic(['a', 1])",
                Dynamic,
                Some(Value::Dynamic(r#"["a",1]"#.into())),
            ),
            (
                r#"["a",1]"#,
                Dynamic,
                Some(Value::Dynamic(r#"["a",1]"#.into())),
            ),
        ] {
            assert_eq!(constant(text, ty), expected, "{text} as {ty}");
        }
    }

    #[test]
    fn a_text_for_a_string_is_taken_as_it_is_or_without_its_quotes() {
        for (text, expected) in [
            ("TEXAS", "TEXAS"),
            ("", ""),
            (" a ", " a "),
            ("\"quoted \\\" text\"", "quoted \" text"),
            ("'single'", "single"),
            ("'a' or 'b'", "'a' or 'b'"),
            ("10", "10"),
            ("' | T", "' | T"),
        ] {
            let value = constant(text, ScalarType::String);
            assert_eq!(value, Some(Value::String(expected.into())), "{text}");
        }
    }
}
