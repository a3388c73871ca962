//! Reads YAML into a tree of [`Node`]s.
//!
//! Problems of the YAML itself are reported here, duplicate keys among them. References such as
//! `${env:NAME}` may stand unquoted even within `{…}`; `interpolation` resolves them later.

use std::collections::HashMap;

use kql::diagnostic::Diagnostic;
use kql::span::{LineIndex, Span};
use saphyr_parser::{Event, Marker, Parser, ScalarStyle};

use super::excerpt::Excerpt;
use super::node::{Entry, Node, Value};
use crate::problem::code;

/// Deeper nesting is a mistake, not a configuration.
const DEPTH_MAX: usize = 64;
/// Most values of a document, with those that aliases repeat.
const NODES_MAX: usize = 200_000;

/// Reads one YAML document, an excerpt of the text `file`. What can be read is returned also where
/// something is wrong.
pub fn parse(file: &str, excerpt: &Excerpt) -> (Option<Node>, Vec<Diagnostic>) {
    let masked = mask_references(excerpt.text());
    let mut reader = Reader {
        file,
        excerpt,
        offsets: excerpt.text().char_indices().map(|(at, _)| at).collect(),
        open: Vec::new(),
        anchors: HashMap::new(),
        nodes: 0,
        root: None,
        problems: Vec::new(),
    };
    for event in Parser::new_from_str(&masked) {
        match event {
            Ok((event, span)) => {
                if reader.take(event, span.start, span.end).is_err() {
                    break;
                }
            }
            Err(error) => {
                let at = reader.offset(*error.marker());
                let message = format!("this is not YAML: {}", error.info());
                reader.report(code::SYNTAX, Span::at(at), message);
                break;
            }
        }
    }
    (reader.root, reader.problems)
}

/// Braces and colons of references stand for themselves, though YAML knows other meanings: they
/// are put aside as characters of a private area while the text is parsed. The byte lengths differ
/// but the number of characters does not, which is what the parser counts places in.
const MASKS: [(char, char); 6] = [
    ('{', '\u{F8F0}'),
    ('}', '\u{F8F1}'),
    (':', '\u{F8F2}'),
    (' ', '\u{F8F3}'),
    (',', '\u{F8F4}'),
    ('#', '\u{F8F5}'),
];

fn mask_references(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(start) = rest.find("${") {
        let (before, tail) = rest.split_at(start);
        out.push_str(before);
        let end = tail.find(['}', '\n']).unwrap_or(tail.len());
        if !tail[end..].starts_with('}') {
            out.push_str(&tail[..2]);
            rest = &tail[2..];
            continue;
        }
        let (reference, after) = tail.split_at(end + 1);
        out.extend(reference.chars().map(|c| {
            MASKS
                .iter()
                .find(|(plain, _)| *plain == c)
                .map_or(c, |(_, masked)| *masked)
        }));
        rest = after;
    }
    out.push_str(rest);
    out
}

fn unmask(text: &str) -> String {
    text.chars()
        .map(|c| {
            MASKS
                .iter()
                .find(|(_, masked)| *masked == c)
                .map_or(c, |(plain, _)| *plain)
        })
        .collect()
}

struct Stop;

struct Open {
    start: usize,
    anchor: usize,
    kind: OpenKind,
}

enum OpenKind {
    List(Vec<Node>),
    Mapping {
        entries: Vec<Entry>,
        key: Option<(String, Span)>,
    },
}

struct Reader<'a> {
    file: &'a str,
    excerpt: &'a Excerpt,
    /// Byte offset of each character.
    offsets: Vec<usize>,
    open: Vec<Open>,
    anchors: HashMap<usize, Node>,
    nodes: usize,
    root: Option<Node>,
    problems: Vec<Diagnostic>,
}

impl Reader<'_> {
    /// Byte offset in the excerpt.
    fn offset(&self, marker: Marker) -> usize {
        let end = self.excerpt.text().len();
        self.offsets.get(marker.index()).copied().unwrap_or(end)
    }

    fn span(&self, start: usize, end: usize) -> Span {
        let slice = self.excerpt.text().get(start..end).unwrap_or("");
        let end = start + slice.trim_end().len();
        self.excerpt.file_span(Span::new(start, end))
    }

    fn report(&mut self, code: &'static str, span: Span, message: impl Into<String>) {
        let span = self.excerpt.file_span(span);
        self.problems.push(Diagnostic::error(code, span, message));
    }

    fn take(&mut self, event: Event<'_>, start: Marker, end: Marker) -> Result<(), Stop> {
        let (from, to) = (self.offset(start), self.offset(end));
        match event {
            Event::DocumentStart(_) if self.root.is_some() => {
                let message = "a second document begins; one is read";
                self.report(code::SYNTAX, Span::at(from), message);
                return Err(Stop);
            }
            Event::SequenceStart(anchor, tag) => {
                self.refuse_tag(tag.is_some(), from);
                self.begin(from, anchor, OpenKind::List(Vec::new()))?;
            }
            Event::MappingStart(anchor, tag) => {
                self.refuse_tag(tag.is_some(), from);
                let kind = OpenKind::Mapping {
                    entries: Vec::new(),
                    key: None,
                };
                self.begin(from, anchor, kind)?;
            }
            Event::SequenceEnd | Event::MappingEnd => {
                let Some(open) = self.open.pop() else {
                    return Ok(());
                };
                let node = Node {
                    span: self.span(open.start, to.max(open.start)),
                    value: match open.kind {
                        OpenKind::List(items) => Value::List(items),
                        OpenKind::Mapping { entries, .. } => Value::Mapping(entries),
                    },
                    is_reference: false,
                    is_block: false,
                };
                self.add(node, open.anchor)?;
            }
            Event::Scalar(text, style, anchor, tag) => {
                self.refuse_tag(tag.is_some(), from);
                let text = unmask(&text);
                let value = if style == ScalarStyle::Plain {
                    plain_value(&text)
                } else {
                    Value::Text(text)
                };
                let node = Node {
                    span: self.span(from, to),
                    value,
                    is_reference: false,
                    is_block: matches!(style, ScalarStyle::Literal | ScalarStyle::Folded),
                };
                self.add(node, anchor)?;
            }
            Event::Alias(anchor) => {
                let Some(node) = self.anchors.get(&anchor).cloned() else {
                    let message = "this alias names no anchor before it";
                    self.report(code::SYNTAX, Span::new(from, to), message);
                    return Ok(());
                };
                self.nodes += count(&node);
                let node = Node {
                    span: self.span(from, to),
                    is_block: false,
                    ..node
                };
                self.add(node, 0)?;
            }
            _ => {}
        }
        Ok(())
    }

    fn refuse_tag(&mut self, has_tag: bool, at: usize) {
        if has_tag {
            self.report(
                code::SYNTAX,
                Span::at(at),
                "tags such as `!!str` are not read",
            );
        }
    }

    fn begin(&mut self, start: usize, anchor: usize, kind: OpenKind) -> Result<(), Stop> {
        if self.open.len() == DEPTH_MAX {
            let message = format!("nested deeper than {DEPTH_MAX} levels");
            self.report(code::SYNTAX, Span::at(start), message);
            return Err(Stop);
        }
        self.open.push(Open {
            start,
            anchor,
            kind,
        });
        Ok(())
    }

    fn add(&mut self, node: Node, anchor: usize) -> Result<(), Stop> {
        self.nodes += 1;
        if self.nodes > NODES_MAX {
            let message = format!("more than {NODES_MAX} values");
            self.problems
                .push(Diagnostic::error(code::SYNTAX, node.span, message));
            return Err(Stop);
        }
        if anchor > 0 {
            self.anchors.insert(anchor, node.clone());
        }
        let Some(parent) = self.open.last_mut() else {
            self.root = Some(node);
            return Ok(());
        };
        match &mut parent.kind {
            OpenKind::List(items) => items.push(node),
            OpenKind::Mapping { entries, key } => match key.take() {
                None => *key = Some((key_text(&node), node.span)),
                Some((name, key_span)) => {
                    let first = entries.iter().find(|entry| entry.key == name);
                    if let Some(first) = first {
                        let first_span = first.key_span;
                        self.report_duplicate(&name, key_span, first_span);
                    } else {
                        entries.push(Entry {
                            key: name,
                            key_span,
                            node,
                        });
                    }
                }
            },
        }
        Ok(())
    }

    fn report_duplicate(&mut self, name: &str, span: Span, first: Span) {
        let message = format!("`{name}` is given twice");
        let line = LineIndex::new(self.file)
            .position(self.file, first.start)
            .line;
        self.problems.push(
            Diagnostic::error(code::DUPLICATE_KEY, span, message)
                .with_help(format!("keep one; the first is on line {line}")),
        );
    }
}

fn count(node: &Node) -> usize {
    match &node.value {
        Value::List(items) => 1 + items.iter().map(count).sum::<usize>(),
        Value::Mapping(entries) => 1 + entries.iter().map(|e| count(&e.node)).sum::<usize>(),
        _ => 1,
    }
}

fn key_text(node: &Node) -> String {
    match &node.value {
        Value::Text(text) => text.clone(),
        Value::Integer(number) => number.to_string(),
        Value::Real(number) => number.to_string(),
        Value::Bool(value) => value.to_string(),
        Value::Null => "null".to_owned(),
        Value::List(_) | Value::Mapping(_) => "(not a text)".to_owned(),
    }
}

/// What an unquoted text means, by YAML 1.2's core schema without its octal and hexadecimal forms.
pub(super) fn plain_value(text: &str) -> Value {
    match text {
        "" | "~" | "null" | "Null" | "NULL" => return Value::Null,
        "true" | "True" | "TRUE" => return Value::Bool(true),
        "false" | "False" | "FALSE" => return Value::Bool(false),
        _ => {}
    }
    if let Ok(number) = text.parse() {
        return Value::Integer(number);
    }
    let looks_real = text.contains(|c: char| c.is_ascii_digit())
        && text
            .chars()
            .all(|c| c.is_ascii_digit() || matches!(c, '.' | '-' | '+' | 'e' | 'E'));
    match text.parse() {
        Ok(number) if looks_real => Value::Real(number),
        _ => Value::Text(text.to_owned()),
    }
}
