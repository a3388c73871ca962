//! JSON as text: strings without their escapes, values without their white space.

/// Appends the content of a JSON string (between its quotes) without its escapes. Half of a
/// surrogate pair alone becomes U+FFFD.
pub(super) fn append_unescaped(inner: &str, out: &mut String) {
    out.reserve(inner.len());
    let mut rest = inner;
    while let Some(position) = memchr::memchr(b'\\', rest.as_bytes()) {
        out.push_str(&rest[..position]);
        let escape = &rest[position + 1..];
        let (character, length) = match escape.as_bytes().first() {
            Some(b'b') => ('\u{8}', 1),
            Some(b'f') => ('\u{c}', 1),
            Some(b'n') => ('\n', 1),
            Some(b'r') => ('\r', 1),
            Some(b't') => ('\t', 1),
            Some(b'u') => unicode_escape(escape),
            Some(byte) => (char::from(*byte), 1),
            None => return,
        };
        out.push(character);
        rest = escape.get(length..).unwrap_or("");
    }
    out.push_str(rest);
}

/// The character of `uXXXX`, or of `uXXXX\uXXXX`, and how long the escape is.
fn unicode_escape(escape: &str) -> (char, usize) {
    let unit = |at: usize| {
        let digits = escape.get(at + 1..at + 5)?;
        u32::from_str_radix(digits, 16).ok()
    };
    let Some(high) = unit(0) else {
        return (char::REPLACEMENT_CHARACTER, 1);
    };
    if (0xD800..0xDC00).contains(&high) && escape.get(5..7) == Some("\\u") {
        let low = unit(6).filter(|low| (0xDC00..0xE000).contains(low));
        let pair = low.map(|low| 0x10000 + ((high - 0xD800) << 10) + (low - 0xDC00));
        if let Some(character) = pair.and_then(char::from_u32) {
            return (character, 11);
        }
    }
    (
        char::from_u32(high).unwrap_or(char::REPLACEMENT_CHARACTER),
        5,
    )
}

/// Appends a valid JSON value without the white space between its parts.
pub(super) fn append_compact(json: &str, out: &mut String) {
    let bytes = json.as_bytes();
    let mut start = 0;
    let mut at = 0;
    while at < bytes.len() {
        match bytes[at] {
            b'"' => at = string_end(bytes, at),
            b' ' | b'\t' | b'\n' | b'\r' => {
                out.push_str(&json[start..at]);
                at += 1;
                start = at;
            }
            _ => at += 1,
        }
    }
    out.push_str(&json[start..]);
}

/// The position after the string that starts at `start`.
fn string_end(bytes: &[u8], start: usize) -> usize {
    let mut at = start + 1;
    while let Some(found) = memchr::memchr2(b'"', b'\\', &bytes[at..]) {
        at += found;
        if bytes[at] == b'"' {
            return at + 1;
        }
        at = (at + 2).min(bytes.len());
    }
    bytes.len()
}

/// Appends text as a JSON string.
pub(super) fn append_quoted(text: &str, out: &mut String) {
    out.push_str(&serde_json::Value::from(text).to_string());
}

/// Whether text is a JSON object or array.
pub(super) fn is_structure(text: &str) -> bool {
    text.starts_with(['{', '[']) && serde_json::from_str::<serde::de::IgnoredAny>(text).is_ok()
}
