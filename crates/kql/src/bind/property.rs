//! Properties of operators (`kind=inner`, `hint.strategy=broadcast`): every one is known and has a
//! known value, or is reported. Hints never change results and are dropped.

use super::{Attempt, Binder, code};
use crate::diagnostic::Diagnostic;
use crate::syntax::ast::{ExprKind, Name, Property};
use crate::types::Value;

const HINTS: &[&str] = &[
    "hint.concurrency",
    "hint.distribution",
    "hint.materialized",
    "hint.num_partitions",
    "hint.pass_filters",
    "hint.pass_filters_column",
    "hint.progressive_top",
    "hint.remote",
    "hint.shufflekey",
    "hint.spread",
    "hint.strategy",
];

impl Binder<'_> {
    /// The properties called one of `known`, in order. Others are hints or errors.
    pub(super) fn properties<'p>(
        &mut self,
        properties: &'p [Property],
        known: &[&str],
    ) -> Vec<&'p Property> {
        let mut found = Vec::new();
        for property in properties {
            let name = &*property.name.text;
            let twice = found
                .iter()
                .any(|other: &&Property| *other.name.text == *name);
            if twice {
                let message = format!("`{name}` is given twice");
                self.error(code::PROPERTY, property.name.span, message);
            }
            if known.contains(&name) {
                found.push(property);
            } else if !HINTS.contains(&name) {
                let candidates = known.iter().chain(HINTS).copied();
                self.unknown(
                    code::PROPERTY,
                    "property",
                    name,
                    property.name.span,
                    candidates,
                );
            }
        }
        found
    }

    /// The value of a property that is one of the listed words.
    pub(super) fn property_word<'w>(
        &mut self,
        property: &Property,
        words: &[&'w str],
    ) -> Attempt<&'w str> {
        let text = property_text(property);
        let word = text
            .as_deref()
            .and_then(|text| words.iter().find(|word| **word == text));
        if let Some(word) = word {
            return Ok(word);
        }
        let shown = text.unwrap_or_default();
        let name = &property.name.text;
        Err(self.report(
            Diagnostic::error(
                code::PROPERTY,
                property.value.span,
                format!("`{shown}` is no value of `{name}`"),
            )
            .with_help(format!("use one of {}", words.join(", "))),
        ))
    }

    /// The value of a property that is a name.
    pub(super) fn property_name(&mut self, property: &Property) -> Attempt<Name> {
        match property_text(property) {
            Some(text) => Ok(Name {
                text: text.into(),
                span: property.value.span,
            }),
            None => Err(self.error(
                code::PROPERTY,
                property.value.span,
                format!("`{}` takes a name", property.name.text),
            )),
        }
    }
}

/// A property's value as text: a bare word, a text or a constant.
pub(super) fn property_text(property: &Property) -> Option<String> {
    match &property.value.kind {
        ExprKind::Name(name) => Some(name.text.to_string()),
        ExprKind::Literal(literal) => Some(match &literal.value {
            Value::String(text) => text.to_string(),
            Value::Bool(value) => value.to_string(),
            Value::Long(value) => value.to_string(),
            Value::Int(value) => value.to_string(),
            Value::Real(value) => value.to_string(),
            _ => return None,
        }),
        _ => None,
    }
}
