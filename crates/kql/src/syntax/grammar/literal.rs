//! Constants: numbers, timespans, strings, and typed literals such as `datetime(2020-01-01)`.

use std::fmt::Write as _;
use std::sync::Arc;

use crate::diagnostic::Diagnostic;
use crate::span::Span;
use crate::syntax::ast::{Expr, ExprKind, Literal, Name, UnaryOp};
use crate::syntax::parser::Parser;
use crate::syntax::string;
use crate::syntax::token::TokenKind as T;
use crate::time;
use crate::types::{ScalarType, Value};

/// A literal; the cursor is at its token.
pub(super) fn literal(p: &mut Parser<'_>) -> Expr {
    let token = p.token(0);
    p.leaf();
    if token.kind == T::String {
        let text = string(p);
        let span = p.span_from(token.span);
        return constant(Value::String(text), ScalarType::String, span);
    }
    p.bump();
    let text = p.slice(token.span);
    match token.kind {
        T::Long => long(p, text, token.span),
        T::Real => {
            let value = text.parse().unwrap_or(f64::NAN);
            constant(Value::Real(value), ScalarType::Real, token.span)
        }
        T::TimeSpan => {
            let value = time::parse_timespan(text);
            if value.is_none() {
                out_of_range(p, token.span, "timespan");
            }
            let value = value.map_or(Value::Null, Value::TimeSpan);
            constant(value, ScalarType::TimeSpan, token.span)
        }
        _ => typed(p, text, token.span),
    }
}

/// The value of `true` and `false` in their spellings.
pub(super) fn bool_word(word: &str) -> Option<bool> {
    match word {
        "true" | "True" | "TRUE" => Some(true),
        "false" | "False" | "FALSE" => Some(false),
        _ => None,
    }
}

pub(super) fn constant(value: Value, ty: ScalarType, span: Span) -> Expr {
    Expr {
        kind: ExprKind::Literal(Literal { value, ty }),
        span,
    }
}

/// Adjacent string literals, which are one string.
pub(super) fn string(p: &mut Parser<'_>) -> Arc<str> {
    let mut whole = String::new();
    while p.at(T::String) {
        let span = p.bump().span;
        let (text, bad) = string::decode(p.slice(span), span.start as usize);
        whole.push_str(&text);
        for escape in bad {
            let written = escape.written;
            let message = format!("`{written}` is not an escape sequence");
            let help = format!("write `\\{written}`, or a verbatim string: @\"…\"");
            p.report_aside(Diagnostic::error("KQL103", escape.span, message).with_help(help));
        }
    }
    Arc::from(whole)
}

fn out_of_range(p: &mut Parser<'_>, span: Span, ty: &str) {
    let message = format!("`{}` is beyond the range of {ty}", p.slice(span));
    p.report_aside(Diagnostic::error("KQL105", span, message));
}

fn long(p: &mut Parser<'_>, text: &str, span: Span) -> Expr {
    let value = integer(text);
    if value.is_none() {
        let message = format!("`{text}` is beyond the range of long");
        let diagnostic = Diagnostic::error("KQL105", span, message)
            .with_help(format!("use `real({text})` or `decimal({text})`"));
        p.report_aside(diagnostic);
    }
    let value = value.map_or(Value::Null, Value::Long);
    constant(value, ScalarType::Long, span)
}

/// `-9223372036854775808`, whose digits alone are no long. The sign at `start` is consumed.
pub(super) fn smallest_long(p: &mut Parser<'_>, sign: UnaryOp, start: Span) -> Option<Expr> {
    let token = p.token(0);
    let is_smallest = sign == UnaryOp::Minus
        && token.kind == T::Long
        && p.slice(token.span) == "9223372036854775808";
    if !is_smallest {
        return None;
    }
    p.bump();
    p.leaf();
    let span = start.to(token.span);
    Some(constant(Value::Long(i64::MIN), ScalarType::Long, span))
}

/// Decimal or hexadecimal digits with an optional sign.
fn integer(text: &str) -> Option<i64> {
    let (negative, digits) = match text.strip_prefix('-') {
        Some(rest) => (true, rest),
        None => (false, text.strip_prefix('+').unwrap_or(text)),
    };
    let hex = digits.strip_prefix("0x").or(digits.strip_prefix("0X"));
    let magnitude = match hex {
        Some(hex) => i128::from(u64::from_str_radix(hex, 16).ok()?),
        None if digits.bytes().all(|byte| byte.is_ascii_digit()) => digits.parse::<i128>().ok()?,
        None => return None,
    };
    i64::try_from(if negative { -magnitude } else { magnitude }).ok()
}

/// `type(raw text)`
fn typed(p: &mut Parser<'_>, text: &str, span: Span) -> Expr {
    let (word, rest) = text.split_once('(').unwrap_or((text, ""));
    let raw = rest.strip_suffix(')').unwrap_or(rest).trim();
    let raw = unquoted(raw);
    let Some(ty) = ScalarType::from_name(word) else {
        return constant(Value::Null, ScalarType::Dynamic, span);
    };
    if raw == "null" {
        return constant(Value::Null, ty, span);
    }
    if ty == ScalarType::DateTime && (raw.is_empty() || raw == "now") {
        let function = Name {
            text: Arc::from("now"),
            span,
        };
        return Expr {
            kind: ExprKind::Call {
                function,
                arguments: Vec::new(),
            },
            span,
        };
    }
    if let Some(value) = typed_value(ty, raw) {
        return constant(value, ty, span);
    }
    // A text that was cut off has been reported already.
    if text.ends_with(')') {
        // Kusto takes any text here, and hunts in the wild have notes in it.
        let message = format!("`{raw}` is not a valid {ty} and reads as null");
        let help = match ty {
            ScalarType::DateTime => "write it as `datetime(2024-12-31 23:59:59)`".to_owned(),
            ScalarType::TimeSpan => "write it as `1d`, `90m` or `timespan(1.02:03:04)`".to_owned(),
            ScalarType::Guid => {
                "write it as `guid(01234567-89ab-cdef-0123-456789abcdef)`".to_owned()
            }
            _ => format!("`{word}(…)` takes a constant; to convert a value use `to{ty}(…)`"),
        };
        p.report_aside(Diagnostic::warning("KQL104", span, message).with_help(help));
    }
    constant(Value::Null, ty, span)
}

fn unquoted(raw: &str) -> &str {
    ['"', '\'']
        .iter()
        .find_map(|quote| raw.strip_prefix(*quote)?.strip_suffix(*quote))
        .map_or(raw, str::trim)
}

/// The value of `raw` as a constant of type `ty`.
fn typed_value(ty: ScalarType, raw: &str) -> Option<Value> {
    Some(match ty {
        ScalarType::Int => Value::Int(i32::try_from(integer(raw)?).ok()?),
        ScalarType::Long => Value::Long(integer(raw)?),
        ScalarType::Real => Value::Real(real(raw)?),
        ScalarType::Decimal => Value::Decimal(decimal(raw)?),
        ScalarType::Bool => Value::Bool(match raw.to_ascii_lowercase().as_str() {
            "true" => true,
            "false" => false,
            number => integer(number)? != 0,
        }),
        ScalarType::Guid => Value::Guid(guid(raw)?),
        ScalarType::DateTime => Value::DateTime(time::parse_datetime(raw)?),
        ScalarType::TimeSpan => Value::TimeSpan(time::parse_timespan(raw)?),
        ScalarType::String | ScalarType::Dynamic => return None,
    })
}

fn real(raw: &str) -> Option<f64> {
    let unsigned = raw.trim_start_matches(['+', '-']);
    let is_number = unsigned.starts_with(|c: char| c.is_ascii_digit() || c == '.');
    let is_special = ["nan", "inf", "infinity"]
        .iter()
        .any(|special| unsigned.eq_ignore_ascii_case(special));
    if is_number || is_special {
        return raw.parse().ok();
    }
    None
}

/// Most digits a decimal has.
const DECIMAL_DIGITS_MAX: i64 = 38;

/// Decimal text without exponent, plus sign or superfluous leading zeros.
fn decimal(raw: &str) -> Option<Arc<str>> {
    let (sign, unsigned) = match raw.strip_prefix('-') {
        Some(rest) => ("-", rest),
        None => ("", raw.strip_prefix('+').unwrap_or(raw)),
    };
    let (mantissa, exponent) = match unsigned.split_once(['e', 'E']) {
        Some((mantissa, exponent)) => (mantissa, exponent.parse::<i64>().ok()?),
        None => (unsigned, 0),
    };
    let (whole, fraction) = mantissa.split_once('.').unwrap_or((mantissa, ""));
    let digits = format!("{whole}{fraction}");
    let is_number = !digits.is_empty() && digits.bytes().all(|byte| byte.is_ascii_digit());
    if !is_number || exponent.abs() > DECIMAL_DIGITS_MAX {
        return None;
    }
    let point = whole.len() as i64 + exponent;
    let leading = usize::try_from(-point).unwrap_or(0);
    let digits = format!("{}{digits}", "0".repeat(leading));
    let point = usize::try_from(point).unwrap_or(0);
    let trailing = point.saturating_sub(digits.len());
    let digits = format!("{digits}{}", "0".repeat(trailing));
    let (whole, fraction) = digits.split_at(point);
    let whole = whole.trim_start_matches('0');
    if (whole.len() + fraction.len()) as i64 > 2 * DECIMAL_DIGITS_MAX {
        return None;
    }
    let whole = if whole.is_empty() { "0" } else { whole };
    Some(if fraction.is_empty() {
        Arc::from(format!("{sign}{whole}"))
    } else {
        Arc::from(format!("{sign}{whole}.{fraction}"))
    })
}

/// A guid in lower case with hyphens, from one with or without hyphens or braces.
fn guid(raw: &str) -> Option<Arc<str>> {
    let inner = raw
        .strip_prefix('{')
        .and_then(|rest| rest.strip_suffix('}'))
        .unwrap_or(raw);
    let hex = inner.replace('-', "").to_ascii_lowercase();
    if hex.len() != 32 || !hex.bytes().all(|byte| byte.is_ascii_hexdigit()) {
        return None;
    }
    let hyphenated = [
        &hex[..8],
        &hex[8..12],
        &hex[12..16],
        &hex[16..20],
        &hex[20..],
    ]
    .join("-");
    let in_place = inner.len() == 32 || inner.eq_ignore_ascii_case(&hyphenated);
    in_place.then(|| Arc::from(hyphenated))
}

/// The JSON text of a constant inside `dynamic(…)`; `None` for a null.
pub(super) fn json(value: &Value) -> Option<String> {
    Some(match value {
        Value::Null => return None,
        Value::Bool(value) => value.to_string(),
        Value::Int(value) => value.to_string(),
        Value::Long(value) => value.to_string(),
        Value::Real(value) if value.is_finite() => format!("{value:?}"),
        Value::Real(value) => json_string(&value.to_string()),
        Value::Decimal(text) => text.to_string(),
        Value::String(text) | Value::Guid(text) => json_string(text),
        Value::DateTime(ticks) => json_string(&time::format_datetime(*ticks)),
        Value::TimeSpan(ticks) => json_string(&time::format_timespan(*ticks)),
        Value::Dynamic(json) => json.to_string(),
    })
}

/// `text` as a JSON string.
pub(super) fn json_string(text: &str) -> String {
    let mut out = String::with_capacity(text.len() + 2);
    out.push('"');
    for character in text.chars() {
        match character {
            '"' => out.push_str("\\\""),
            '\\' => out.push_str("\\\\"),
            '\n' => out.push_str("\\n"),
            '\r' => out.push_str("\\r"),
            '\t' => out.push_str("\\t"),
            control if (control as u32) < 0x20 => {
                // Writing to a String cannot fail.
                let _ = write!(out, "\\u{:04x}", control as u32);
            }
            other => out.push(other),
        }
    }
    out.push('"');
    out
}

/// Whether an expression is a constant that is written out.
pub(super) fn is_written_constant(value: &Expr) -> bool {
    let constant = match &value.kind {
        ExprKind::Unary { operand, .. } => &operand.kind,
        kind => kind,
    };
    match constant {
        ExprKind::Literal(_) | ExprKind::Missing => true,
        ExprKind::Name(name) => &*name.text == "null",
        // `datetime(now)`
        ExprKind::Call { function, .. } => function.span == value.span,
        _ => false,
    }
}

/// Reports that something else than a constant stands where only one can.
pub(super) fn report_not_constant(p: &mut Parser<'_>, span: Span, message: &str) {
    p.report_aside(Diagnostic::error("KQL117", span, message));
}
