//! Which signature of a built-in the arguments fit, and what to say where none does.

use super::call::is_constant;
use super::shape::{Shape, shape};
use super::table::is_untyped;
use super::{Attempt, Binder, Reported, code, coerce};
use crate::builtin::{Parameter, Signature};
use crate::diagnostic::Diagnostic;
use crate::hir::{Expr, ExprKind};
use crate::span::Span;
use crate::types::{ScalarType, Value};

impl Binder<'_> {
    /// The first signature that the arguments fit, and the arguments converted to it.
    pub(super) fn fit(
        &mut self,
        name: &str,
        signatures: &'static [Signature],
        arguments: Vec<Expr>,
        span: Span,
    ) -> Attempt<(&'static Signature, Vec<Expr>)> {
        let mut mismatch = None;
        for signature in signatures {
            if !signature.takes_count(arguments.len()) {
                continue;
            }
            let targets: Result<Vec<ScalarType>, usize> = arguments
                .iter()
                .enumerate()
                .map(|(index, argument)| {
                    accepts(signature.parameter(index), argument, &arguments).ok_or(index)
                })
                .collect();
            match targets {
                Ok(targets) => {
                    let converted = arguments
                        .into_iter()
                        .zip(targets)
                        .map(|(argument, ty)| coerce::convert(argument, ty))
                        .collect();
                    return Ok((signature, converted));
                }
                Err(index) => {
                    mismatch.get_or_insert((signature.parameter(index), index));
                }
            }
        }
        Err(match mismatch {
            Some((parameter, index)) => self.mismatch(name, parameter, index, &arguments[index]),
            None => self.wrong_count(name, signatures, arguments.len(), span),
        })
    }

    fn mismatch(
        &mut self,
        name: &str,
        parameter: Parameter,
        index: usize,
        argument: &Expr,
    ) -> Reported {
        let number = index + 1;
        let ty = argument.ty;
        if let Parameter::Constant(wanted) = parameter
            && (ty == wanted || (ty.is_numeric() && wanted.is_numeric()))
        {
            let message = format!("argument {number} of `{name}` must be a constant");
            return self.error(code::NOT_CONSTANT, argument.span, message);
        }
        if let Parameter::OneOf(known) = parameter {
            let what = format!("argument {number} of `{name}`");
            if let ExprKind::Literal(Value::String(text)) = &argument.kind {
                let known = known.iter().copied();
                return self.unknown(
                    code::ARGUMENT_TYPE,
                    "option",
                    &std::sync::Arc::clone(text),
                    argument.span,
                    known,
                );
            }
            let message = format!("{what} must be one of {}", known.join(", "));
            return self.error(code::NOT_CONSTANT, argument.span, message);
        }
        let wanted = parameter.describe();
        let given = match shape(argument) {
            _ if ty != ScalarType::Dynamic => format!("of type {ty}"),
            Shape::Unknown | Shape::Single => "of type dynamic".to_owned(),
            Shape::Array => "an array".to_owned(),
            Shape::Bag => "a property bag".to_owned(),
        };
        let message = format!("argument {number} of `{name}` is {given}, not {wanted}");
        let diagnostic = Diagnostic::error(code::ARGUMENT_TYPE, argument.span, message);
        let help = match parameter {
            Parameter::Is(ScalarType::Dynamic) | Parameter::Array | Parameter::Bag
                if ty == ScalarType::String =>
            {
                "read the text with `parse_json()` first".to_owned()
            }
            Parameter::Array if shape(argument) == Shape::Bag => {
                "take a property of it, or its names with `bag_keys()`".to_owned()
            }
            Parameter::Array => "make an array with `pack_array()`".to_owned(),
            Parameter::Bag => "make a bag with `bag_pack()`".to_owned(),
            Parameter::Is(target) | Parameter::Constant(target) => {
                format!("convert it with `to{target}()`")
            }
            Parameter::Text | Parameter::TextOrDynamic | Parameter::TextOrArray => {
                "convert it with `tostring()`".to_owned()
            }
            Parameter::Number
            | Parameter::Integer
            | Parameter::Summable
            | Parameter::IntegerOrArray
            | Parameter::NumberOrBool => "convert it with `tolong()` or `toreal()`".to_owned(),
            Parameter::Comparable | Parameter::Orderable | Parameter::Hashable => {
                "convert it with `tostring()` or `tolong()`".to_owned()
            }
            Parameter::Any
            | Parameter::Stringified
            | Parameter::SameAsFirst
            | Parameter::OneOf(_) => {
                return self.report(diagnostic);
            }
        };
        self.report(diagnostic.with_help(help))
    }

    fn wrong_count(
        &mut self,
        name: &str,
        signatures: &[Signature],
        given: usize,
        span: Span,
    ) -> Reported {
        let forms: Vec<String> = signatures.iter().map(count_text).collect();
        let wanted = forms.join(" or ");
        let message = format!("`{name}` takes {wanted}, {given} given");
        self.error(code::ARGUMENT_COUNT, span, message)
    }
}

impl Signature {
    fn takes_count(&self, count: usize) -> bool {
        let declared = self.parameters.len();
        let most = if self.variadic { self.most } else { declared };
        (declared - self.optional..=most).contains(&count)
    }

    fn parameter(&self, index: usize) -> Parameter {
        self.parameters[index.min(self.parameters.len() - 1)]
    }
}

/// The type that a parameter wants an argument in, if it takes it at all.
fn accepts(parameter: Parameter, argument: &Expr, all: &[Expr]) -> Option<ScalarType> {
    use ScalarType::{Bool, DateTime, Dynamic, Int, Long, Real, String, TimeSpan};
    let ty = argument.ty;
    if is_untyped(argument) {
        return Some(match parameter {
            Parameter::Is(wanted) | Parameter::Constant(wanted) => wanted,
            Parameter::Text | Parameter::Stringified => String,
            Parameter::SameAsFirst => all[0].ty,
            _ => ty,
        });
    }
    match parameter {
        Parameter::Any => Some(ty),
        Parameter::Is(wanted) => match (wanted, ty) {
            _ if wanted == ty => Some(ty),
            (Real, Int | Long) => Some(Real),
            (Long, Int) => Some(Long),
            (Int, Long) if is_constant(argument) => Some(Int),
            (String, Dynamic) => (shape(argument) == Shape::Unknown).then_some(String),
            _ => None,
        },
        Parameter::Constant(wanted) => {
            accepts(Parameter::Is(wanted), argument, all).filter(|_| is_constant(argument))
        }
        Parameter::Comparable => (ty != Dynamic).then_some(ty),
        Parameter::Orderable => {
            (ty.is_numeric() || matches!(ty, TimeSpan | DateTime | String | Bool)).then_some(ty)
        }
        Parameter::Number => ty.is_numeric().then_some(ty),
        Parameter::Integer => ty.is_integer().then_some(Long),
        Parameter::Summable => (ty.is_numeric() || matches!(ty, TimeSpan | DateTime)).then_some(ty),
        Parameter::Text => match ty {
            String => Some(String),
            Dynamic => (shape(argument) == Shape::Unknown).then_some(String),
            _ => None,
        },
        Parameter::TextOrDynamic => matches!(ty, String | Dynamic).then_some(String),
        Parameter::Array => (ty == Dynamic
            && matches!(shape(argument), Shape::Unknown | Shape::Array))
        .then_some(ty),
        Parameter::Bag => {
            (ty == Dynamic && matches!(shape(argument), Shape::Unknown | Shape::Bag)).then_some(ty)
        }
        Parameter::TextOrArray => {
            (ty == String || (ty == Dynamic && shape(argument) != Shape::Bag)).then_some(ty)
        }
        Parameter::IntegerOrArray => {
            (ty.is_integer() || (ty == Dynamic && shape(argument) != Shape::Bag)).then_some(ty)
        }
        Parameter::NumberOrBool => (ty.is_numeric() || ty == Bool).then_some(ty),
        Parameter::Hashable => (!matches!(ty, Real | Bool)).then_some(ty),
        Parameter::OneOf(known) => match &argument.kind {
            ExprKind::Literal(Value::String(text)) if known.contains(&&**text) => Some(String),
            _ => None,
        },
        Parameter::Stringified => Some(String),
        Parameter::SameAsFirst => {
            let first = all[0].ty;
            coerce::common([first, ty].into_iter()).map(|_| first)
        }
    }
}

fn count_text(signature: &Signature) -> String {
    let most = signature.parameters.len();
    let least = most - signature.optional;
    let plural = |count: usize| if count == 1 { "" } else { "s" };
    if signature.variadic && signature.most < usize::MAX {
        format!("{least} to {} arguments", signature.most)
    } else if signature.variadic {
        format!("at least {least} argument{}", plural(least))
    } else if least == most {
        format!("{most} argument{}", plural(most))
    } else {
        format!("{least} to {most} arguments")
    }
}
