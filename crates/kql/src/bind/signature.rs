//! Which signature of a built-in the arguments fit, and what to say where none does.

use super::call::is_constant;
use super::table::is_untyped;
use super::{Attempt, Binder, Reported, code, coerce};
use crate::builtin::{Parameter, Signature};
use crate::diagnostic::Diagnostic;
use crate::hir::Expr;
use crate::span::Span;
use crate::types::ScalarType;

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
        let wanted = describe(parameter);
        let message = format!("argument {number} of `{name}` is of type {ty}, not {wanted}");
        let diagnostic = Diagnostic::error(code::ARGUMENT_TYPE, argument.span, message);
        let help = match parameter {
            Parameter::Is(ScalarType::Dynamic) if ty == ScalarType::String => {
                "read the text with `parse_json()` first".to_owned()
            }
            Parameter::Is(target) | Parameter::Constant(target) => {
                format!("convert it with `to{target}()`")
            }
            Parameter::Text => "convert it with `tostring()`".to_owned(),
            Parameter::Number | Parameter::Integer | Parameter::Summable => {
                "convert it with `tolong()` or `toreal()`".to_owned()
            }
            Parameter::Comparable | Parameter::Orderable => {
                "convert it with `tostring()` or `tolong()`".to_owned()
            }
            Parameter::Any | Parameter::Stringified | Parameter::SameAsFirst => {
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
        let most = self.parameters.len();
        let mut least = most - self.optional;
        if self.variadic {
            // The repeated parameter may be left out behind others, as in `bag_merge(a)`.
            least = least.saturating_sub(1).max(1);
        }
        count >= least && (self.variadic || count <= most)
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
            (Real, _) if ty.is_numeric() => Some(Real),
            (Long, Int) => Some(Long),
            (String, Dynamic) => Some(String),
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
        Parameter::Text => matches!(ty, String | Dynamic).then_some(String),
        Parameter::Stringified => Some(String),
        Parameter::SameAsFirst => {
            let first = all[0].ty;
            coerce::common([first, ty].into_iter()).map(|_| first)
        }
    }
}

fn describe(parameter: Parameter) -> String {
    match parameter {
        Parameter::Is(ty) | Parameter::Constant(ty) => ty.to_string(),
        Parameter::Comparable => "a type that can be compared".to_owned(),
        Parameter::Orderable => "a type that has an order".to_owned(),
        Parameter::Number => "a number".to_owned(),
        Parameter::Integer => "an integer".to_owned(),
        Parameter::Summable => "a number, timespan or datetime".to_owned(),
        Parameter::Text => "string".to_owned(),
        Parameter::SameAsFirst => "the type of the first argument".to_owned(),
        Parameter::Any | Parameter::Stringified => "a value".to_owned(),
    }
}

fn count_text(signature: &Signature) -> String {
    let most = signature.parameters.len();
    let least = most - signature.optional - usize::from(signature.variadic);
    let plural = |count: usize| if count == 1 { "" } else { "s" };
    if signature.variadic {
        let least = least.max(1);
        format!("at least {least} argument{}", plural(least))
    } else if least == most {
        format!("{most} argument{}", plural(most))
    } else {
        format!("{least} to {most} arguments")
    }
}
