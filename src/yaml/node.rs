//! A YAML value in which every key and value knows its place in the file.
//!
//! What keys and values mean is not known here; `parse` makes such trees, `shape` holds them
//! against the type that is wanted.

use kql::span::Span;

/// A value with its place.
#[derive(Clone, Debug, PartialEq)]
pub struct Node {
    /// Where it is written, in bytes of the file.
    pub span: Span,
    /// What it is.
    pub value: Value,
    /// Whether the whole text is a resolved reference.
    pub is_reference: bool,
    /// Whether it is a text below `|` or `>`; its place begins with the text itself.
    pub is_block: bool,
}

/// What a node is.
#[derive(Clone, Debug, PartialEq)]
pub enum Value {
    /// `null`, `~` or nothing.
    Null,
    /// `true` or `false`.
    Bool(bool),
    /// A whole number.
    Integer(i64),
    /// Another number.
    Real(f64),
    /// A text.
    Text(String),
    /// A list.
    List(Vec<Node>),
    /// A mapping, in the order written.
    Mapping(Vec<Entry>),
}

/// A key with its value.
#[derive(Clone, Debug, PartialEq)]
pub struct Entry {
    /// The key.
    pub key: String,
    /// Where the key is written.
    pub key_span: Span,
    /// The value.
    pub node: Node,
}

impl Node {
    /// The entries of a mapping; none of anything else.
    pub fn entries(&self) -> &[Entry] {
        match &self.value {
            Value::Mapping(entries) => entries,
            _ => &[],
        }
    }

    /// The entry of a mapping.
    pub fn entry(&self, key: &str) -> Option<&Entry> {
        self.entries().iter().find(|entry| entry.key == key)
    }

    /// The text of a text.
    pub fn as_text(&self) -> Option<&str> {
        match &self.value {
            Value::Text(text) => Some(text),
            _ => None,
        }
    }

    /// The place of a value below this one, by keys and list positions; the nearest that exists.
    pub fn place<'p>(&self, path: impl IntoIterator<Item = &'p str>) -> Span {
        let mut node = self;
        let mut place = match self.entries().first() {
            Some(first) => first.key_span,
            None => self.span,
        };
        for step in path {
            match &node.value {
                Value::Mapping(_) => {
                    let Some(entry) = node.entry(step) else { break };
                    let is_scalar = !matches!(entry.node.value, Value::Mapping(_) | Value::List(_));
                    place = if is_scalar && entry.node.value != Value::Null {
                        entry.node.span
                    } else {
                        entry.key_span
                    };
                    node = &entry.node;
                }
                Value::List(items) => {
                    let Some(item) = step.parse().ok().and_then(|at: usize| items.get(at)) else {
                        break;
                    };
                    place = item.span;
                    node = item;
                }
                _ => break,
            }
        }
        place
    }

    /// What it is, for messages.
    pub fn kind(&self) -> &'static str {
        match self.value {
            Value::Null => "nothing",
            Value::Bool(_) => "true or false",
            Value::Integer(_) | Value::Real(_) => "a number",
            Value::Text(_) => "a text",
            Value::List(_) => "a list",
            Value::Mapping(_) => "a mapping",
        }
    }
}
