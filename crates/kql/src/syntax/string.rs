//! What a string literal means: prefixes, quotes and escapes of every kind taken away.

use crate::span::Span;

use super::lexer::closing_quote;

/// An escape that does not exist, where it stands and how it is written.
pub(super) struct BadEscape {
    pub(super) span: Span,
    pub(super) written: String,
}

/// The text a literal (as written, with prefix and quotes) stands for. `offset` is its place in
/// the query, from which the places of bad escapes are counted. An unclosed literal gives what
/// there is of it.
pub(super) fn decode(literal: &str, offset: usize) -> (String, Vec<BadEscape>) {
    let body = literal.trim_start_matches(['h', 'H']);
    let (body, verbatim) = match body.strip_prefix('@') {
        Some(rest) => (rest, true),
        None => (body, false),
    };
    for fence in ["```", "~~~"] {
        if let Some(inner) = body.strip_prefix(fence) {
            let inner = inner.strip_suffix(fence).unwrap_or(inner);
            return (inner.to_owned(), Vec::new());
        }
    }
    let Some(quote) = body.chars().next() else {
        return (String::new(), Vec::new());
    };
    let inner = &body[quote.len_utf8()..];
    if let Some(close) = closing_quote(quote) {
        return (inner.trim_end_matches(close).to_owned(), Vec::new());
    }
    let inner_offset = offset + literal.len() - inner.len();
    if verbatim {
        let inner = inner.strip_suffix(quote).unwrap_or(inner);
        let doubled = format!("{quote}{quote}");
        return (inner.replace(&doubled, &quote.to_string()), Vec::new());
    }
    unescape(inner, quote, inner_offset)
}

/// Reads up to the closing `quote`.
fn unescape(inner: &str, quote: char, offset: usize) -> (String, Vec<BadEscape>) {
    let mut out = String::with_capacity(inner.len());
    let mut bad = Vec::new();
    let mut rest = inner;
    while let Some(character) = rest.chars().next() {
        if character == quote {
            break;
        }
        let plain = rest.find(['\\', quote]).unwrap_or(rest.len());
        if plain > 0 {
            out.push_str(&rest[..plain]);
            rest = &rest[plain..];
            continue;
        }
        let at = offset + inner.len() - rest.len();
        if let Some((meant, length)) = escape(rest) {
            out.push(meant);
            rest = &rest[length..];
            continue;
        }
        let written: String = rest.chars().take(2).collect();
        let span = Span::new(at, at + written.len());
        rest = &rest[written.len()..];
        out.push_str(&written);
        bad.push(BadEscape { span, written });
    }
    (out, bad)
}

/// The character that the escape at the start of `text` stands for, and its length in bytes.
fn escape(text: &str) -> Option<(char, usize)> {
    let kind = text.as_bytes().get(1).copied()?;
    let simple = match kind {
        b'\\' | b'\'' | b'"' => kind as char,
        b'n' => '\n',
        b't' => '\t',
        b'r' => '\r',
        b'a' => '\u{7}',
        b'b' => '\u{8}',
        b'f' => '\u{c}',
        b'v' => '\u{b}',
        b'x' => return hexadecimal(text, 2),
        b'u' => return hexadecimal(text, 4),
        b'U' => return hexadecimal(text, 8),
        b'0'..=b'7' => return Some(octal(text)),
        _ => return None,
    };
    Some((simple, 2))
}

fn hexadecimal(text: &str, digits: usize) -> Option<(char, usize)> {
    let written = text.get(2..2 + digits)?;
    if !written.bytes().all(|byte| byte.is_ascii_hexdigit()) {
        return None;
    }
    let code = u32::from_str_radix(written, 16).ok()?;
    if let Some(character) = char::from_u32(code) {
        return Some((character, 2 + digits));
    }
    // Characters beyond the first plane may be written as two surrogates.
    text.get(6..8).filter(|start| *start == "\\u")?;
    let low = text.get(8..12)?;
    let low = u32::from_str_radix(low, 16).ok()?;
    let is_pair = (0xd800..0xdc00).contains(&code) && (0xdc00..0xe000).contains(&low);
    let combined = is_pair.then(|| 0x10000 + ((code - 0xd800) << 10) + (low - 0xdc00))?;
    Some((char::from_u32(combined)?, 12))
}

fn octal(text: &str) -> (char, usize) {
    let digits = text[1..]
        .bytes()
        .take(3)
        .take_while(|byte| matches!(byte, b'0'..=b'7'))
        .count();
    let code = u32::from_str_radix(&text[1..=digits], 8).unwrap_or(0) & 0xff;
    (char::from_u32(code).unwrap_or('\0'), 1 + digits)
}
