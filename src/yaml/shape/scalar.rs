//! Holds single values against their schema: words of an enumeration, texts, numbers, and the
//! formats that texts have.

use kql::diagnostic::{Diagnostic, did_you_mean};
use kql::span::Span;
use serde_json::Value as Json;

use super::Fit;
use crate::duration::DurationText;
use crate::problem::code;
use crate::yaml::node::{Node, Value};
use crate::yaml::parse::plain_value;

pub(super) fn words_for(ty: &str) -> &'static str {
    match ty {
        "string" => "a text",
        "integer" => "a whole number",
        "number" => "a number",
        "boolean" => "true or false",
        "array" => "a list",
        _ => "a mapping",
    }
}

pub(super) fn wrong_type(span: Span, wanted: &str, found: &str) -> Diagnostic {
    let message = format!("{wanted} is needed here, not {found}");
    Diagnostic::error(code::WRONG_TYPE, span, message)
}

pub(super) fn fit_word(node: &mut Node, allowed: &[&str], problems: &mut Vec<Diagnostic>) -> Fit {
    let written = match &node.value {
        Value::Text(text) => text.clone(),
        // `none`, `null` and `true` are words, too, where words are wanted.
        Value::Null => "null".to_owned(),
        Value::Bool(value) => value.to_string(),
        Value::Integer(number) => number.to_string(),
        _ => {
            problems.push(wrong_type(node.span, "a text", node.kind()));
            return Fit::Bad;
        }
    };
    if allowed.contains(&written.as_str()) {
        node.value = Value::Text(written);
        return Fit::Good;
    }
    let message = format!("`{written}` is not allowed here");
    let problem = Diagnostic::error(code::NOT_ALLOWED, node.span, message);
    let all = allowed.join(", ");
    problems.push(match did_you_mean(&written, allowed.iter().copied()) {
        Some(nearest) => problem.with_help(format!("did you mean `{nearest}`? allowed: {all}")),
        None => problem.with_help(format!("allowed: {all}")),
    });
    Fit::Bad
}

pub(super) fn fit_scalar(
    node: &mut Node,
    wanted: &str,
    schema: &Json,
    problems: &mut Vec<Diagnostic>,
) -> Fit {
    if node.is_reference
        && wanted != "string"
        && let Value::Text(text) = &node.value
    {
        node.value = plain_value(text.trim());
    }
    let fits = match (&node.value, wanted) {
        (Value::Text(_), "string")
        | (Value::Bool(_), "boolean")
        | (Value::Integer(_) | Value::Real(_), "number")
        | (Value::Integer(_), "integer") => true,
        (_, "string" | "boolean" | "number" | "integer") => false,
        _ => true,
    };
    if !fits {
        let problem = wrong_type(node.span, words_for(wanted), node.kind());
        let is_plain = matches!(
            node.value,
            Value::Bool(_) | Value::Integer(_) | Value::Real(_)
        );
        problems.push(if wanted == "string" && is_plain {
            problem.with_help("put it in quotes if a text is meant")
        } else {
            problem
        });
        return Fit::Bad;
    }
    match &node.value {
        Value::Text(text) => fit_format(text, node, schema, problems),
        Value::Integer(number) => fit_range(*number as f64, node.span, schema, problems),
        Value::Real(number) => fit_range(*number, node.span, schema, problems),
        _ => Fit::Good,
    }
}

fn fit_format(text: &str, node: &Node, schema: &Json, problems: &mut Vec<Diagnostic>) -> Fit {
    match schema.get("format").and_then(Json::as_str) {
        Some("secret") if !node.is_reference => {
            let message = "a secret must not be written into this file";
            let problem = Diagnostic::error(code::LITERAL_SECRET, node.span, message);
            problems.push(problem.with_help(
                "refer to it: ${env:NAME} is an environment variable, ${file:/path} a file",
            ));
            // It has been told; that something is missing here would be wrong.
            Fit::Good
        }
        Some("duration-text") => match text.parse::<DurationText>() {
            Ok(_) => Fit::Good,
            Err(error) => {
                let message = error.to_string();
                problems.push(Diagnostic::error(code::INVALID_VALUE, node.span, message));
                Fit::Bad
            }
        },
        _ => Fit::Good,
    }
}

fn fit_range(number: f64, span: Span, schema: &Json, problems: &mut Vec<Diagnostic>) -> Fit {
    let bound = |name: &str| schema.get(name).and_then(Json::as_f64);
    let message = match (bound("minimum"), bound("maximum")) {
        (Some(least), _) if number < least => {
            format!("{number} is too small, {least} is the least")
        }
        (_, Some(most)) if number > most => format!("{number} is too great, {most} is the most"),
        _ => return Fit::Good,
    };
    problems.push(Diagnostic::error(code::INVALID_VALUE, span, message));
    Fit::Bad
}
