//! `parse_xml()`: elements become bags of their attributes, text and child elements. Comments,
//! CDATA and the like are skipped. Text stays text, also where it looks like a number.

use kql::types::ScalarType;
use quick_xml::Reader;
use quick_xml::escape::resolve_predefined_entity;
use quick_xml::events::{BytesStart, Event};

use super::json;
use super::udf::{Evaluate, code};

/// Longer texts give null.
const LENGTH_MAX: usize = 1_048_576;
/// Deeper texts give null.
const DEPTH_MAX: usize = 256;

/// `parse_xml` by name.
pub(super) fn find(name: &str, _: &[ScalarType]) -> Option<Evaluate> {
    (name == "parse_xml").then(|| {
        code(|a| {
            let texts = a.texts(0)?;
            a.optional_strings(|row, out| {
                let text = texts.text(row);
                if text.len() > LENGTH_MAX {
                    return None;
                }
                let root = parse(text)?;
                let (name, value) = (quoted(&root.name), root.json());
                json::write_bag([(name.as_str(), value.as_str())], out);
                Some(())
            })
        })
    })
}

/// An element with what was read of it so far.
#[derive(Default)]
struct Element {
    name: String,
    attributes: Vec<(String, String)>,
    text: String,
    /// The JSON of the children, by name, in the order of the first of each name.
    children: Vec<(String, Vec<String>)>,
}

/// The root element; `None` where the text is not well-formed.
fn parse(text: &str) -> Option<Element> {
    let mut reader = Reader::from_str(text);
    let mut open: Vec<Element> = Vec::new();
    let mut root = None;
    loop {
        match reader.read_event().ok()? {
            Event::Start(start) => {
                if root.is_some() || open.len() >= DEPTH_MAX {
                    return None;
                }
                open.push(Element::start(&start)?);
            }
            Event::Empty(start) => {
                if root.is_some() {
                    return None;
                }
                close(Element::start(&start)?, &mut open, &mut root);
            }
            Event::End(_) => {
                let element = open.pop()?;
                close(element, &mut open, &mut root);
            }
            Event::Text(text) => {
                let text = text.decode().ok()?;
                match open.last_mut() {
                    Some(element) => element.text.push_str(&text),
                    None if text
                        .trim_matches(['\u{feff}', ' ', '\t', '\r', '\n'])
                        .is_empty() => {}
                    None => return None,
                }
            }
            Event::GeneralRef(reference) => {
                let element = open.last_mut()?;
                if let Some(character) = reference.resolve_char_ref().ok()? {
                    element.text.push(character);
                } else {
                    let name = reference.decode().ok()?;
                    element.text.push_str(resolve_predefined_entity(&name)?);
                }
            }
            Event::CData(_)
            | Event::Comment(_)
            | Event::Decl(_)
            | Event::PI(_)
            | Event::DocType(_) => {}
            Event::Eof => return root.filter(|_| open.is_empty()),
        }
    }
}

fn close(element: Element, open: &mut [Element], root: &mut Option<Element>) {
    match open.last_mut() {
        Some(parent) => parent.add(element),
        None => *root = Some(element),
    }
}

impl Element {
    fn start(start: &BytesStart<'_>) -> Option<Self> {
        let name = |bytes: &[u8]| std::str::from_utf8(bytes).map(str::to_owned).ok();
        let mut attributes = Vec::new();
        for attribute in start.attributes() {
            let attribute = attribute.ok()?;
            let value = attribute.unescape_value().ok()?.into_owned();
            attributes.push((format!("@{}", name(attribute.key.as_ref())?), value));
        }
        Some(Self {
            name: name(start.name().as_ref())?,
            attributes,
            ..Self::default()
        })
    }

    fn add(&mut self, child: Self) {
        let value = child.json();
        match self
            .children
            .iter_mut()
            .find(|(name, _)| *name == child.name)
        {
            Some((_, values)) => values.push(value),
            None => self.children.push((child.name, vec![value])),
        }
    }

    /// Its value: null, the text, or a bag.
    fn json(&self) -> String {
        let mut out = String::new();
        let text = self.text.trim();
        if self.attributes.is_empty() && self.children.is_empty() {
            match text {
                "" => out.push_str("null"),
                text => json::write_string(text, &mut out),
            }
            return out;
        }
        let mut entries: Vec<(String, String)> = Vec::new();
        for (name, value) in &self.attributes {
            entries.push((quoted(name), quoted(value)));
        }
        if !text.is_empty() {
            entries.push((quoted("#text"), quoted(text)));
        }
        for (name, values) in &self.children {
            entries.push((
                quoted(name),
                match values.as_slice() {
                    [only] => only.clone(),
                    several => {
                        let mut array = String::new();
                        json::write_array(several.iter().map(String::as_str), &mut array);
                        array
                    }
                },
            ));
        }
        let entries = entries
            .iter()
            .map(|(name, value)| (name.as_str(), value.as_str()));
        json::write_bag(entries, &mut out);
        out
    }
}

fn quoted(text: &str) -> String {
    let mut out = String::new();
    json::write_string(text, &mut out);
    out
}

#[cfg(test)]
mod tests {
    use super::super::testing::{eval, string};
    use super::*;

    #[test]
    fn elements_become_bags() {
        for (xml, expected) in [
            ("<e/>", r#"{"e":null}"#),
            ("<e>text</e>", r#"{"e":"text"}"#),
            (r#"<e name="value" />"#, r#"{"e":{"@name":"value"}}"#),
            (
                r#"<e name="value">text</e>"#,
                r##"{"e":{"@name":"value","#text":"text"}}"##,
            ),
            (
                "<e> <a>text</a> <b>text</b> </e>",
                r#"{"e":{"a":"text","b":"text"}}"#,
            ),
            (
                "<e> <a>1</a> <b/> <a>2</a> </e>",
                r#"{"e":{"a":["1","2"],"b":null}}"#,
            ),
            (
                "<e> text <a>text</a> </e>",
                r##"{"e":{"#text":"text","a":"text"}}"##,
            ),
            (
                "<?xml version=\"1.0\"?>\n<e a='&lt;'>a &amp; &#98;<!-- no --></e>\n",
                r##"{"e":{"@a":"<","#text":"a & b"}}"##,
            ),
            ("<e><a></e>", "null"),
            ("<e>", "null"),
            ("<a/><b/>", "null"),
            ("no xml", "null"),
            ("", "null"),
            ("<e>&unknown;</e>", "null"),
        ] {
            let got = eval("parse_xml", ScalarType::Dynamic, &[string(xml)]);
            assert_eq!(got, expected, "{xml}");
        }
    }

    #[test]
    fn deep_texts_are_null() {
        let deep = "<a>".repeat(100_000);
        let got = eval("parse_xml", ScalarType::Dynamic, &[string(&deep)]);
        assert_eq!(got, "null");
    }
}
