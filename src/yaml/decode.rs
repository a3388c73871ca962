//! From a file's text to a value of a type: parse, resolve references, hold against the schema,
//! decode. Everything that is wrong is told, and as much as possible is decoded nevertheless.

use kql::diagnostic::Diagnostic;
use kql::span::Span;
use schemars::JsonSchema;
use serde::de::DeserializeOwned;
use serde_json::Value as Json;

use super::excerpt::Excerpt;
use super::interpolation::{self, Surroundings};
use super::node::{Node, Value};
use super::parse::parse;
use super::shape::{Fit, Shape};
use crate::problem::code;

/// What decoding yields.
#[derive(Clone, Debug)]
pub struct Decoded<T> {
    /// The value, without the entries that are wrong; none if nothing is left of it.
    pub value: Option<T>,
    /// The document as it was written, for places.
    pub document: Node,
    /// What is wrong.
    pub problems: Vec<Diagnostic>,
}

/// Decodes an excerpt of the text `file`. Without `surroundings`, references are not resolved.
pub fn decode<T: DeserializeOwned + JsonSchema>(
    file: &str,
    excerpt: &Excerpt,
    surroundings: Option<&dyn Surroundings>,
) -> Decoded<T> {
    let (root, mut problems) = parse(file, excerpt);
    let document = root.unwrap_or_else(|| Node {
        span: excerpt.file_span(Span::at(0)),
        value: Value::Null,
        is_reference: false,
        is_block: false,
    });
    let is_broken = problems.iter().any(|problem| problem.code == code::SYNTAX);
    if is_broken {
        // The rest of the document was not read: what it lacks would be guesswork.
        return Decoded {
            value: None,
            document,
            problems,
        };
    }
    let mut tree = document.clone();
    if let Some(surroundings) = surroundings {
        problems.extend(interpolation::resolve(&mut tree, surroundings));
    }
    let schema = schemars::schema_for!(T).to_value();
    let anchor = document.place([]);
    let fit = Shape::new(&schema).check(&mut tree, anchor, &mut problems);
    let value = match fit {
        Fit::Good => decode_rest(tree, &mut problems),
        Fit::Bad => None,
    };
    Decoded {
        value,
        document,
        problems,
    }
}

/// Decodes what has the right shape. A value that its type refuses is taken out and reported, and
/// decoding begins again.
fn decode_rest<T: DeserializeOwned>(mut tree: Node, problems: &mut Vec<Diagnostic>) -> Option<T> {
    loop {
        let error = match from_tree::<T>(&tree) {
            Ok(value) => return Some(value),
            Err(error) => error.to_string(),
        };
        let refused = culprit::<T>(&tree, &error);
        let span = refused
            .as_ref()
            .map_or(tree.place([]), |refused| refused.span);
        let problem = Diagnostic::error(code::INVALID_VALUE, span, error);
        if problems.contains(&problem) {
            return None;
        }
        problems.push(problem);
        tree = without(&tree, refused?.path, |tree| {
            let decoded = from_tree::<T>(tree).err().map(|error| error.to_string());
            decoded.is_none_or(|error| !error.starts_with("missing field"))
        })?;
    }
}

fn from_tree<T: DeserializeOwned>(tree: &Node) -> Result<T, serde_json::Error> {
    serde_json::from_value(to_json(tree))
}

struct Culprit {
    path: Vec<usize>,
    span: Span,
}

/// The innermost value without which this error does not occur. Types that pick a form by its
/// content lose track of places, so this is found by trying.
fn culprit<T: DeserializeOwned>(tree: &Node, error: &str) -> Option<Culprit> {
    let mut path = Vec::new();
    let mut found = None;
    loop {
        let node = at(tree, &path)?;
        let children = match &node.value {
            Value::List(items) => items.len(),
            Value::Mapping(entries) => entries.len(),
            _ => 0,
        };
        let error_without = |child: usize| {
            let mut attempt = tree.clone();
            remove(&mut attempt, &[path.as_slice(), &[child]].concat());
            from_tree::<T>(&attempt)
                .err()
                .map(|error| error.to_string())
        };
        // Without its kind nothing can be said of a mapping, whichever value is wrong.
        let candidates: Vec<(usize, Option<String>)> = (0..children)
            .filter(|child| {
                node.entries()
                    .get(*child)
                    .is_none_or(|entry| entry.key != "kind")
            })
            .map(|child| (child, error_without(child)))
            .filter(|(_, other)| other.as_deref() != Some(error))
            .collect();
        let is_whole = |(_, other): &&(usize, Option<String>)| {
            other
                .as_ref()
                .is_none_or(|other| !other.starts_with("missing field"))
        };
        let guilty = candidates
            .iter()
            .find(is_whole)
            .or_else(|| candidates.first())
            .map(|(child, _)| *child);
        let Some(child) = guilty else { return found };
        path.push(child);
        found = Some(Culprit {
            span: at(tree, &path)?.span,
            path: path.clone(),
        });
    }
}

/// The tree without the value at `path`; or without what is around it, where nothing can be made of
/// that once the value is missing.
fn without(tree: &Node, mut path: Vec<usize>, is_whole: impl Fn(&Node) -> bool) -> Option<Node> {
    while !path.is_empty() {
        let mut attempt = tree.clone();
        if remove(&mut attempt, &path) && is_whole(&attempt) {
            return Some(attempt);
        }
        path.pop();
    }
    None
}

fn at<'n>(tree: &'n Node, path: &[usize]) -> Option<&'n Node> {
    path.iter().try_fold(tree, |node, step| match &node.value {
        Value::List(items) => items.get(*step),
        Value::Mapping(entries) => entries.get(*step).map(|entry| &entry.node),
        _ => None,
    })
}

fn remove(tree: &mut Node, path: &[usize]) -> bool {
    let Some((last, parents)) = path.split_last() else {
        return false;
    };
    let mut node = tree;
    for step in parents {
        let child = match &mut node.value {
            Value::List(items) => items.get_mut(*step),
            Value::Mapping(entries) => entries.get_mut(*step).map(|entry| &mut entry.node),
            _ => None,
        };
        match child {
            Some(child) => node = child,
            None => return false,
        }
    }
    match &mut node.value {
        Value::List(items) if *last < items.len() => drop(items.remove(*last)),
        Value::Mapping(entries) if *last < entries.len() => drop(entries.remove(*last)),
        _ => return false,
    }
    true
}

fn to_json(node: &Node) -> Json {
    match &node.value {
        Value::Null => Json::Null,
        Value::Bool(value) => Json::Bool(*value),
        Value::Integer(number) => Json::from(*number),
        Value::Real(number) => Json::from(*number),
        Value::Text(text) => Json::String(text.clone()),
        Value::List(items) => Json::Array(items.iter().map(to_json).collect()),
        Value::Mapping(entries) => Json::Object(
            entries
                .iter()
                .map(|entry| (entry.key.clone(), to_json(&entry.node)))
                .collect(),
        ),
    }
}
