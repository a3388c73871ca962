//! JSON text as dynamics hold it: finding members, elements and entries by scanning, without
//! building a tree, and writing strings and numbers the way Kusto does. Text that is not JSON
//! yields nothing rather than an error, because accessors never fail.

use std::borrow::Cow;

use memchr::memchr2;

use super::text;

/// What a JSON value is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    Null,
    Bool,
    Long,
    Real,
    String,
    Array,
    Bag,
}

/// Deepest nesting that `write_compact` accepts; deeper text counts as not being JSON.
const DEPTH_MAX: usize = 512;

/// The kind of a value, by its first character.
pub(crate) fn kind(json: &str) -> Kind {
    let json = json.trim_ascii_start();
    match json.as_bytes().first() {
        Some(b'{') => Kind::Bag,
        Some(b'[') => Kind::Array,
        Some(b'"') => Kind::String,
        Some(b't' | b'f') => Kind::Bool,
        Some(b'-' | b'0'..=b'9') => {
            if json.bytes().any(|byte| matches!(byte, b'.' | b'e' | b'E')) {
                Kind::Real
            } else {
                Kind::Long
            }
        }
        _ => Kind::Null,
    }
}

/// The value of a bag's property; of duplicates the last, as in parsers that build a tree.
pub(super) fn member<'a>(json: &'a str, name: &str) -> Option<&'a str> {
    let mut found = None;
    for (key, value) in entries(json)? {
        if key_is(key, name) {
            found = Some(value);
        }
    }
    found
}

/// The element of an array; a negative index counts from the end.
pub(super) fn element(json: &str, index: i64) -> Option<&str> {
    let position = if index < 0 {
        let length = elements(json)?.count() as i64;
        usize::try_from(length.checked_add(index)?).ok()?
    } else {
        usize::try_from(index).ok()?
    };
    elements(json)?.nth(position)
}

/// The elements of an array, `None` for anything else.
pub(crate) fn elements(json: &str) -> Option<Elements<'_>> {
    let json = json.trim_ascii();
    json.starts_with('[').then_some(Elements { json, at: 1 })
}

/// The entries of a bag, `None` for anything else. Keys are raw: quoted and escaped.
pub(crate) fn entries(json: &str) -> Option<Entries<'_>> {
    let json = json.trim_ascii();
    json.starts_with('{').then_some(Entries { json, at: 1 })
}

/// Iterator over the values of an array.
pub(crate) struct Elements<'a> {
    json: &'a str,
    at: usize,
}

impl<'a> Iterator for Elements<'a> {
    type Item = &'a str;

    fn next(&mut self) -> Option<&'a str> {
        let start = skip_separators(self.json, self.at);
        let end = value_end(self.json, start)?;
        self.at = end;
        Some(&self.json[start..end])
    }
}

/// Iterator over the entries of a bag.
pub(crate) struct Entries<'a> {
    json: &'a str,
    at: usize,
}

impl<'a> Iterator for Entries<'a> {
    type Item = (&'a str, &'a str);

    fn next(&mut self) -> Option<(&'a str, &'a str)> {
        let key_start = skip_separators(self.json, self.at);
        if self.json.as_bytes().get(key_start) != Some(&b'"') {
            return None;
        }
        let key_end = value_end(self.json, key_start)?;
        let start = skip_separators(self.json, key_end);
        let end = value_end(self.json, start)?;
        self.at = end;
        Some((&self.json[key_start..key_end], &self.json[start..end]))
    }
}

/// Whether a raw key spells `name`.
pub(super) fn key_is(raw: &str, name: &str) -> bool {
    let inner = raw.get(1..raw.len().saturating_sub(1)).unwrap_or("");
    inner == name || (inner.contains('\\') && unescape(raw) == name)
}

/// The text of a raw JSON string, quotes included on input.
pub(crate) fn unescape(raw: &str) -> Cow<'_, str> {
    let inner = raw.strip_prefix('"').unwrap_or(raw);
    let inner = inner.strip_suffix('"').unwrap_or(inner);
    if !inner.contains('\\') {
        return Cow::Borrowed(inner);
    }
    let mut out = String::with_capacity(inner.len());
    let mut chars = inner.chars();
    while let Some(c) = chars.next() {
        if c != '\\' {
            out.push(c);
            continue;
        }
        match chars.next() {
            Some('n') => out.push('\n'),
            Some('r') => out.push('\r'),
            Some('t') => out.push('\t'),
            Some('b') => out.push('\u{8}'),
            Some('f') => out.push('\u{c}'),
            Some('u') => out.push(unicode_escape(&mut chars)),
            Some(other) => out.push(other),
            None => {}
        }
    }
    Cow::Owned(out)
}

/// Reads the digits after `\u`, and the second half of a surrogate pair.
fn unicode_escape(chars: &mut std::str::Chars<'_>) -> char {
    let first = hex4(chars);
    if (0xD800..0xDC00).contains(&first) {
        let mut ahead = chars.clone();
        if ahead.next() == Some('\\') && ahead.next() == Some('u') {
            let second = hex4(&mut ahead);
            if (0xDC00..0xE000).contains(&second) {
                *chars = ahead;
                let code = 0x10000 + ((first - 0xD800) << 10) + (second - 0xDC00);
                return char::from_u32(code).unwrap_or(char::REPLACEMENT_CHARACTER);
            }
        }
    }
    char::from_u32(first).unwrap_or(char::REPLACEMENT_CHARACTER)
}

fn hex4(chars: &mut std::str::Chars<'_>) -> u32 {
    let mut code = 0;
    for _ in 0..4 {
        code = code * 16 + chars.next().and_then(|c| c.to_digit(16)).unwrap_or(0);
    }
    code
}

/// Writes text as a JSON string.
pub(crate) fn write_string(value: &str, out: &mut String) {
    let is_special = |byte: u8| byte < 0x20 || byte == b'"' || byte == b'\\';
    let mut rest = value;
    out.push('"');
    while let Some(position) = rest.bytes().position(is_special) {
        out.push_str(&rest[..position]);
        match rest.as_bytes()[position] {
            b'"' => out.push_str("\\\""),
            b'\\' => out.push_str("\\\\"),
            b'\n' => out.push_str("\\n"),
            b'\r' => out.push_str("\\r"),
            b'\t' => out.push_str("\\t"),
            0x08 => out.push_str("\\b"),
            0x0C => out.push_str("\\f"),
            byte => text::write(out, format_args!("\\u{byte:04x}")),
        }
        rest = &rest[position + 1..];
    }
    out.push_str(rest);
    out.push('"');
}

/// Writes a real as JSON; what JSON has no number for becomes a string.
pub(crate) fn write_real(value: f64, out: &mut String) {
    if value.is_nan() {
        out.push_str("\"NaN\"");
    } else if value.is_infinite() {
        out.push_str(if value > 0.0 {
            "\"Infinity\""
        } else {
            "\"-Infinity\""
        });
    } else {
        text::write_real(value, out);
    }
}

/// Writes a dynamic's string form: a JSON string without its quotes, else the JSON.
pub(crate) fn write_text(json: &str, out: &mut String) {
    match kind(json) {
        Kind::Null => {}
        Kind::String => out.push_str(&unescape(json.trim_ascii())),
        _ => out.push_str(json),
    }
}

/// Writes elements as an array.
pub(super) fn write_array<'a>(values: impl IntoIterator<Item = &'a str>, out: &mut String) {
    out.push('[');
    for (position, value) in values.into_iter().enumerate() {
        if position > 0 {
            out.push(',');
        }
        out.push_str(value);
    }
    out.push(']');
}

/// Writes raw keys and values as a bag.
pub(super) fn write_bag<'a>(
    entries: impl IntoIterator<Item = (&'a str, &'a str)>,
    out: &mut String,
) {
    out.push('{');
    for (position, (key, value)) in entries.into_iter().enumerate() {
        if position > 0 {
            out.push(',');
        }
        out.push_str(key);
        out.push(':');
        out.push_str(value);
    }
    out.push('}');
}

/// Checks JSON text and writes it without white space, escapes and reals in Kusto's form.
/// `None`, with `out` as it was, if the text is not JSON.
pub(crate) fn write_compact(json: &str, out: &mut String) -> Option<()> {
    let length = out.len();
    let mut compactor = Compactor { json, at: 0, out };
    let written = compactor.value(0).and_then(|()| {
        compactor.white_space();
        (compactor.at == json.len()).then_some(())
    });
    if written.is_none() {
        out.truncate(length);
    }
    written
}

struct Compactor<'a, 'o> {
    json: &'a str,
    at: usize,
    out: &'o mut String,
}

impl Compactor<'_, '_> {
    fn peek(&self) -> Option<u8> {
        self.json.as_bytes().get(self.at).copied()
    }

    fn white_space(&mut self) {
        while matches!(self.peek(), Some(b' ' | b'\t' | b'\n' | b'\r')) {
            self.at += 1;
        }
    }

    fn take(&mut self, byte: u8) -> Option<()> {
        self.white_space();
        (self.peek()? == byte).then(|| {
            self.at += 1;
            self.out.push(byte as char);
        })
    }

    fn value(&mut self, depth: usize) -> Option<()> {
        if depth > DEPTH_MAX {
            return None;
        }
        self.white_space();
        match self.peek()? {
            b'{' => self.sequence(b'{', b'}', depth, |this, depth| {
                this.white_space();
                this.string()?;
                this.take(b':')?;
                this.value(depth)
            }),
            b'[' => self.sequence(b'[', b']', depth, Self::value),
            b'"' => self.string(),
            b't' => self.word("true"),
            b'f' => self.word("false"),
            b'n' => self.word("null"),
            _ => self.number(),
        }
    }

    fn sequence(
        &mut self,
        open: u8,
        close: u8,
        depth: usize,
        item: impl Fn(&mut Self, usize) -> Option<()>,
    ) -> Option<()> {
        self.take(open)?;
        if self.take(close).is_some() {
            return Some(());
        }
        loop {
            item(self, depth + 1)?;
            if self.take(b',').is_none() {
                return self.take(close);
            }
        }
    }

    fn word(&mut self, word: &str) -> Option<()> {
        self.json[self.at..].starts_with(word).then(|| {
            self.at += word.len();
            self.out.push_str(word);
        })
    }

    fn string(&mut self) -> Option<()> {
        if self.peek()? != b'"' {
            return None;
        }
        let end = string_end(self.json.as_bytes(), self.at)?;
        let raw = &self.json[self.at..end];
        // JSON wants control characters escaped; text that does not is not JSON.
        if raw.bytes().any(|byte| byte < 0x20) {
            return None;
        }
        self.at = end;
        if raw.contains('\\') {
            write_string(&unescape(raw), self.out);
        } else {
            self.out.push_str(raw);
        }
        Some(())
    }

    fn number(&mut self) -> Option<()> {
        let rest = &self.json[self.at..];
        let length = rest
            .bytes()
            .position(|b| !matches!(b, b'-' | b'+' | b'.' | b'e' | b'E' | b'0'..=b'9'))
            .unwrap_or(rest.len());
        let digits = &rest[..length];
        let unsigned = digits.strip_prefix('-').unwrap_or(digits);
        if !unsigned.starts_with(|c: char| c.is_ascii_digit()) || unsigned.ends_with('.') {
            return None;
        }
        let value: f64 = digits.parse().ok()?;
        self.at += length;
        if unsigned.bytes().all(|byte| byte.is_ascii_digit()) {
            self.out.push_str(digits);
        } else {
            write_real(value, self.out);
        }
        Some(())
    }
}

fn skip_separators(json: &str, mut at: usize) -> usize {
    let bytes = json.as_bytes();
    while matches!(
        bytes.get(at),
        Some(b' ' | b'\t' | b'\n' | b'\r' | b',' | b':')
    ) {
        at += 1;
    }
    at
}

/// Where the value that starts at `start` ends; `None` at the end of a sequence.
fn value_end(json: &str, start: usize) -> Option<usize> {
    let bytes = json.as_bytes();
    match bytes.get(start)? {
        b'"' => string_end(bytes, start),
        b'{' | b'[' => {
            let mut depth = 0_usize;
            let mut at = start;
            while at < bytes.len() {
                match bytes[at] {
                    b'"' => {
                        at = string_end(bytes, at)?;
                        continue;
                    }
                    b'{' | b'[' => depth += 1,
                    b'}' | b']' => {
                        depth -= 1;
                        if depth == 0 {
                            return Some(at + 1);
                        }
                    }
                    _ => {}
                }
                at += 1;
            }
            None
        }
        b'}' | b']' => None,
        _ => {
            let rest = &bytes[start..];
            let is_end =
                |byte: &u8| matches!(byte, b',' | b']' | b'}' | b':') || byte.is_ascii_whitespace();
            Some(start + rest.iter().position(is_end).unwrap_or(rest.len()))
        }
    }
}

fn string_end(bytes: &[u8], start: usize) -> Option<usize> {
    let mut at = start + 1;
    loop {
        at += memchr2(b'"', b'\\', bytes.get(at..)?)?;
        if bytes[at] == b'"' {
            return Some(at + 1);
        }
        at += 2;
    }
}
