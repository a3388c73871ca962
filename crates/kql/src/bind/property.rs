//! Properties of operators (`kind=inner`, `hint.strategy=broadcast`): every one is known and has a
//! known value, or is reported. Hints never change results and are dropped.

use super::table::Table;
use super::{Attempt, Binder, code};
use crate::diagnostic::Diagnostic;
use crate::syntax::ast::{ExprKind, Literal, Name, Property};
use crate::syntax::keyword::HINTS;
use crate::types::Value;

/// Properties of some operators that others read over.
const ELSEWHERE: &[&str] = &[
    "bagexpansion",
    "decodeblocks",
    "expandoutput",
    "flags",
    "isfuzzy",
    "kind",
    "with_itemindex",
    "with_match_id",
    "with_source",
    "withsource",
];

impl Binder<'_> {
    /// The properties called one of `known`, in order. Others are hints or errors.
    pub(super) fn properties<'p>(
        &mut self,
        properties: &'p [Property],
        known: &[&str],
    ) -> Vec<&'p Property> {
        self.properties_with_lists(properties, known, &[])
    }

    /// The same where those called one of `lists` may be given several times.
    pub(super) fn properties_with_lists<'p>(
        &mut self,
        properties: &'p [Property],
        known: &[&str],
        lists: &[&str],
    ) -> Vec<&'p Property> {
        let mut found = Vec::new();
        for property in properties {
            let name = &*property.name.text;
            let twice = found
                .iter()
                .any(|other: &&Property| *other.name.text == *name);
            if twice && !lists.contains(&name) {
                let message = format!("`{name}` is given twice");
                self.error(code::PROPERTY, property.name.span, message);
            }
            if known.contains(&name) {
                found.push(property);
            } else if ELSEWHERE.contains(&name) {
                let message = format!("`{name}` means nothing to this operator");
                self.warn(code::IGNORED, property.name.span, message);
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

    /// Checks the values of hints: columns of the table to shuffle by, and one of the strategies
    /// where the operator has some.
    pub(super) fn check_hints(
        &mut self,
        properties: &[Property],
        table: &Table,
        strategies: &[&str],
    ) {
        for property in properties {
            match (&*property.name.text, &property.value.kind) {
                ("hint.shufflekey", ExprKind::Name(name)) => {
                    let known = table.schema().index_of(&name.text).is_some();
                    if !known && !table.may_have(&name.text) {
                        self.unknown_column(name, table.schema());
                    }
                }
                ("hint.strategy", _) if !strategies.is_empty() => {
                    // A wrong one is reported, and changes nothing.
                    let _ = self.property_word(property, strategies);
                }
                ("hint.remote", _) if strategies.contains(&"broadcast") => {
                    let remotes = ["auto", "left", "local", "right", "unresolved"];
                    let _ = self.property_word(property, &remotes);
                }
                _ => {}
            }
        }
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
        let name = &property.name.text;
        if let Some(word) = word {
            if is_quoted(property) {
                let span = property.value.span;
                let message = format!("`{name}` takes a word without quotes");
                return Err(self.report(
                    Diagnostic::error(code::PROPERTY, span, message)
                        .with_help(format!("write `{name}={word}`")),
                ));
            }
            return Ok(word);
        }
        let shown = text.unwrap_or_default();
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

fn is_quoted(property: &Property) -> bool {
    matches!(
        &property.value.kind,
        ExprKind::Literal(Literal {
            value: Value::String(_),
            ..
        })
    )
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
