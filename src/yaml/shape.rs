//! Holds a YAML tree against the JSON Schema of a type, to tell everything that does not fit at
//! once, with its place and what would.
//!
//! Entries that do not fit are taken out, so that the rest can still be decoded and checked for
//! what it means. Texts that came from references become numbers and truth values where those are
//! needed.

mod scalar;
mod schema;

use kql::diagnostic::{Diagnostic, did_you_mean};
use kql::span::Span;
use serde_json::Value as Json;

use self::scalar::{fit_scalar, fit_word, words_for, wrong_type};
use self::schema::{Object, accepts_null, allowed_words, alternatives, type_of};
use super::node::{Entry, Node, Value};
use crate::problem::code;

/// A schema with its definitions.
#[derive(Clone, Copy, Debug)]
pub(super) struct Shape<'s> {
    root: &'s Json,
}

/// Whether a node fits its schema, but for entries that were taken out of it.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Fit {
    /// It can be decoded.
    Good,
    /// It cannot; why has been reported.
    Bad,
}

impl<'s> Shape<'s> {
    /// The schema as schemars makes it.
    pub(super) fn new(root: &'s Json) -> Self {
        Self { root }
    }

    /// Checks a document. `anchor` is the place of what is missing in it.
    pub(super) fn check(
        self,
        node: &mut Node,
        anchor: Span,
        problems: &mut Vec<Diagnostic>,
    ) -> Fit {
        self.fit(node, self.root, anchor, problems)
    }

    fn resolve(self, schema: &'s Json) -> &'s Json {
        let mut schema = schema;
        // References to references are rare; a cycle of them is not followed.
        for _ in 0..8 {
            if schema.get("properties").is_some() {
                return schema;
            }
            let target = schema
                .get("$ref")
                .and_then(Json::as_str)
                .and_then(|path| path.strip_prefix('#'))
                .and_then(|pointer| self.root.pointer(pointer));
            match target {
                Some(target) => schema = target,
                None => return schema,
            }
        }
        schema
    }

    fn fit(
        self,
        node: &mut Node,
        schema: &'s Json,
        anchor: Span,
        problems: &mut Vec<Diagnostic>,
    ) -> Fit {
        let schema = self.resolve(schema);
        if let Some(alternatives) = alternatives(schema) {
            return self.fit_one_of(node, schema, alternatives, anchor, problems);
        }
        if node.value == Value::Null && accepts_null(schema) {
            return Fit::Good;
        }
        if let Some(allowed) = allowed_words(schema) {
            return fit_word(node, &allowed, problems);
        }
        match type_of(schema) {
            Some("object") => self.fit_mapping(node, schema, anchor, problems),
            Some("array") => self.fit_list(node, schema, problems),
            Some(scalar) => fit_scalar(node, scalar, schema, problems),
            None => Fit::Good,
        }
    }

    fn fit_mapping(
        self,
        node: &mut Node,
        schema: &'s Json,
        anchor: Span,
        problems: &mut Vec<Diagnostic>,
    ) -> Fit {
        let object = self.object(schema);
        let found = node.kind();
        // `key:` without anything below it is an empty mapping.
        if node.value == Value::Null {
            node.value = Value::Mapping(Vec::new());
        }
        let Value::Mapping(entries) = &mut node.value else {
            problems.push(wrong_type(node.span, "a mapping", found));
            return Fit::Bad;
        };
        let mut spoilt = Vec::new();
        let mut kept = Vec::new();
        for mut entry in std::mem::take(entries) {
            let key = entry.key.as_str();
            let value_schema = match object.property(key) {
                Some(schema) => Some(schema),
                None if object.is_closed => {
                    problems.push(unknown_key(&entry, &object));
                    continue;
                }
                None => object.others,
            };
            let fit = match value_schema {
                Some(schema) => self.fit(&mut entry.node, schema, entry.key_span, problems),
                None => Fit::Good,
            };
            match fit {
                Fit::Good => kept.push(entry),
                Fit::Bad => spoilt.push(entry.key),
            }
        }
        let mut fit = Fit::Good;
        for key in &object.required {
            if kept.iter().any(|entry| entry.key == *key) {
                continue;
            }
            fit = Fit::Bad;
            if !spoilt.iter().any(|spoilt| spoilt == key) {
                let message = format!("`{key}` is missing");
                let problem = Diagnostic::error(code::MISSING_KEY, anchor, message);
                let about = object
                    .property(key)
                    .and_then(|schema| self.description(schema));
                problems.push(match about {
                    Some(about) => problem.with_help(format!("{key}: {about}")),
                    None => problem,
                });
            }
        }
        *entries = kept;
        fit
    }

    fn fit_list(self, node: &mut Node, schema: &'s Json, problems: &mut Vec<Diagnostic>) -> Fit {
        let found = node.kind();
        let Value::List(items) = &mut node.value else {
            let problem = wrong_type(node.span, "a list", found);
            problems.push(problem.with_help("write it in brackets: [a, b]"));
            return Fit::Bad;
        };
        let Some(schema) = schema.get("items") else {
            return Fit::Good;
        };
        // An item that does not fit is taken out; what is left may still be of use.
        let mut kept = Vec::new();
        for mut item in std::mem::take(items) {
            let anchor = item.span;
            if self.fit(&mut item, schema, anchor, problems) == Fit::Good {
                kept.push(item);
            }
        }
        *items = kept;
        Fit::Good
    }

    /// Several forms: the one that the node's `kind` names, or that it comes nearest to.
    fn fit_one_of(
        self,
        node: &mut Node,
        schema: &'s Json,
        alternatives: &'s [Json],
        anchor: Span,
        problems: &mut Vec<Diagnostic>,
    ) -> Fit {
        let is_null = |schema: &&Json| type_of(schema) == Some("null");
        if node.value == Value::Null && alternatives.iter().any(|schema| is_null(&schema)) {
            return Fit::Good;
        }
        let forms: Vec<&Json> = alternatives
            .iter()
            .filter(|schema| !is_null(schema))
            .collect();
        if let Some(words) = allowed_words(schema) {
            return fit_word(node, &words, problems);
        }
        if let [only] = forms.as_slice() {
            return self.fit(node, only, anchor, problems);
        }
        if let Some(tagged) = self.by_kind(&forms) {
            return self.fit_kind(node, &tagged, anchor, problems);
        }
        let mut best: Option<(usize, Node, Vec<Diagnostic>, Fit)> = None;
        for form in &forms {
            let mut attempt = node.clone();
            let mut found = Vec::new();
            let fit = self.fit(&mut attempt, form, anchor, &mut found);
            // A form of another type says less about what is wrong than one of the same type.
            let distance = found.len() + 100 * usize::from(!self.same_type(node, form));
            if best.as_ref().is_none_or(|(least, ..)| distance < *least) {
                best = Some((distance, attempt, found, fit));
            }
        }
        let Some((distance, attempt, found, fit)) = best else {
            return Fit::Good;
        };
        if distance >= 100 {
            let mut wanted: Vec<&str> = forms.iter().map(|form| self.words_for(form)).collect();
            wanted.dedup();
            problems.push(wrong_type(node.span, &wanted.join(" or "), node.kind()));
            return Fit::Bad;
        }
        *node = attempt;
        problems.extend(found);
        fit
    }

    fn by_kind(self, forms: &[&'s Json]) -> Option<Vec<(&'s str, &'s Json)>> {
        forms
            .iter()
            .map(|form| {
                let kind = self.object(self.resolve(form)).property("kind")?;
                Some((kind.get("const")?.as_str()?, *form))
            })
            .collect()
    }

    fn fit_kind(
        self,
        node: &mut Node,
        forms: &[(&'s str, &'s Json)],
        anchor: Span,
        problems: &mut Vec<Diagnostic>,
    ) -> Fit {
        let kinds: Vec<&str> = forms.iter().map(|(kind, _)| *kind).collect();
        let Value::Mapping(_) = node.value else {
            problems.push(wrong_type(node.span, "a mapping", node.kind()));
            return Fit::Bad;
        };
        let Some(entry) = node.entry("kind") else {
            let problem = Diagnostic::error(code::MISSING_KEY, anchor, "`kind` is missing");
            problems.push(problem.with_help(format!("kind: {}", kinds.join(" or "))));
            return Fit::Bad;
        };
        let written = entry.node.as_text().unwrap_or("").to_owned();
        if let Some((_, form)) = forms.iter().find(|(kind, _)| *kind == written) {
            return self.fit_mapping(node, self.resolve(form), anchor, problems);
        }
        let mut kind = entry.node.clone();
        fit_word(&mut kind, &kinds, problems)
    }

    fn same_type(self, node: &Node, form: &'s Json) -> bool {
        let wanted = type_of(self.resolve(form));
        match node.value {
            Value::Null => true,
            Value::Bool(_) => wanted == Some("boolean"),
            Value::Integer(_) => matches!(wanted, Some("integer" | "number")),
            Value::Real(_) => wanted == Some("number"),
            Value::Text(_) => wanted == Some("string"),
            Value::List(_) => wanted == Some("array"),
            Value::Mapping(_) => wanted == Some("object"),
        }
    }

    fn words_for(self, form: &'s Json) -> &'static str {
        words_for(type_of(self.resolve(form)).unwrap_or("object"))
    }

    fn description(self, schema: &'s Json) -> Option<String> {
        let text = schema
            .get("description")
            .or_else(|| self.resolve(schema).get("description"))?;
        let first = text.as_str()?.split("\n\n").next()?;
        Some(first.replace('\n', " ").trim_end_matches('.').to_owned())
    }

    /// Properties of an object schema with those of what it refers to.
    fn object(self, schema: &'s Json) -> Object<'s> {
        let mut object = Object::default();
        self.collect(schema, &mut object, 0);
        object
    }

    fn collect(self, schema: &'s Json, object: &mut Object<'s>, depth: u32) {
        if let Some(properties) = schema.get("properties").and_then(Json::as_object) {
            object.properties.push(properties);
        }
        if let Some(required) = schema.get("required").and_then(Json::as_array) {
            object
                .required
                .extend(required.iter().filter_map(Json::as_str));
        }
        for closing in ["additionalProperties", "unevaluatedProperties"] {
            match schema.get(closing) {
                Some(Json::Bool(false)) => object.is_closed = true,
                Some(others @ Json::Object(_)) => object.others = Some(others),
                _ => {}
            }
        }
        let pointer = schema
            .get("$ref")
            .and_then(Json::as_str)
            .and_then(|path| path.strip_prefix('#'));
        if let Some(target) = pointer.and_then(|pointer| self.root.pointer(pointer))
            && depth < 8
        {
            self.collect(target, object, depth + 1);
        }
    }
}

fn unknown_key(entry: &Entry, object: &Object<'_>) -> Diagnostic {
    let message = format!("unknown key `{}`", entry.key);
    let problem = Diagnostic::error(code::UNKNOWN_KEY, entry.key_span, message);
    if let Some(nearest) = did_you_mean(&entry.key, object.keys()) {
        return problem.with_help(format!("did you mean `{nearest}`?"));
    }
    let known: Vec<&str> = object.keys().collect();
    problem.with_help(format!("known keys are {}", known.join(", ")))
}
