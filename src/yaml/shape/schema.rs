//! Reads what a JSON Schema, as schemars writes it, says of a value.

use serde_json::{Map, Value as Json};

/// What an object schema says.
#[derive(Default)]
pub(super) struct Object<'s> {
    pub(super) properties: Vec<&'s Map<String, Json>>,
    pub(super) required: Vec<&'s str>,
    pub(super) is_closed: bool,
    pub(super) others: Option<&'s Json>,
}

impl<'s> Object<'s> {
    pub(super) fn property(&self, key: &str) -> Option<&'s Json> {
        self.properties
            .iter()
            .find_map(|properties| properties.get(key))
    }

    pub(super) fn keys(&self) -> impl Iterator<Item = &'s str> {
        self.properties
            .iter()
            .flat_map(|properties| properties.keys().map(String::as_str))
    }
}

pub(super) fn alternatives(schema: &Json) -> Option<&[Json]> {
    schema
        .get("oneOf")
        .or_else(|| schema.get("anyOf"))
        .and_then(Json::as_array)
        .map(Vec::as_slice)
}

/// The words of an enumeration, in either form that schemars writes.
pub(super) fn allowed_words(schema: &Json) -> Option<Vec<&str>> {
    if let Some(word) = schema.get("const") {
        return Some(vec![word.as_str()?]);
    }
    if let Some(words) = schema.get("enum").and_then(Json::as_array) {
        return Some(words.iter().filter_map(Json::as_str).collect());
    }
    let mut words = Vec::new();
    for form in alternatives(schema)? {
        words.extend(allowed_words(form)?);
    }
    Some(words)
}

pub(super) fn accepts_null(schema: &Json) -> bool {
    match schema.get("type") {
        Some(Json::Array(types)) => types.iter().any(|ty| ty == "null"),
        Some(ty) => ty == "null",
        None => false,
    }
}

pub(super) fn type_of(schema: &Json) -> Option<&str> {
    match schema.get("type") {
        Some(Json::Array(types)) => types
            .iter()
            .filter_map(Json::as_str)
            .find(|ty| *ty != "null"),
        Some(ty) => ty.as_str(),
        None if schema.get("properties").is_some() => Some("object"),
        None => allowed_words(schema).map(|_| "string"),
    }
}
