//! JSON's strings: where they end, and what they say without their escapes.

use memchr::{memchr, memchr2};

/// A string in its text.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Quoted {
    /// Where its closing quote is.
    pub(super) close: usize,
    /// Whether it has escapes.
    pub(super) is_escaped: bool,
}

/// The string whose opening quote is right before `start`; `None` if it does not end.
pub(super) fn quoted(bytes: &[u8], start: usize) -> Option<Quoted> {
    let mut at = start;
    let mut is_escaped = false;
    loop {
        at += memchr2(b'"', b'\\', bytes.get(at..)?)?;
        if bytes[at] == b'"' {
            return Some(Quoted {
                close: at,
                is_escaped,
            });
        }
        is_escaped = true;
        at += 2;
    }
}

/// Appends what a string says, given what is between its quotes. Half of a surrogate pair alone
/// becomes U+FFFD. An error says that there is no such escape.
pub(super) fn append_unescaped(inner: &str, out: &mut String) -> Result<(), ()> {
    out.reserve(inner.len());
    let mut rest = inner;
    while let Some(position) = memchr(b'\\', rest.as_bytes()) {
        out.push_str(&rest[..position]);
        let escape = &rest[position + 1..];
        let (character, length) = match escape.as_bytes().first() {
            Some(b'"') => ('"', 1),
            Some(b'\\') => ('\\', 1),
            Some(b'/') => ('/', 1),
            Some(b'b') => ('\u{8}', 1),
            Some(b'f') => ('\u{c}', 1),
            Some(b'n') => ('\n', 1),
            Some(b'r') => ('\r', 1),
            Some(b't') => ('\t', 1),
            Some(b'u') => unicode_escape(escape).ok_or(())?,
            _ => return Err(()),
        };
        out.push(character);
        rest = &escape[length..];
    }
    out.push_str(rest);
    Ok(())
}

/// The character of `uXXXX`, or of `uXXXX\uXXXX`, and how long the escape is.
fn unicode_escape(escape: &str) -> Option<(char, usize)> {
    let high = code_unit(escape, 1)?;
    if (0xD800..0xDC00).contains(&high) && escape.get(5..7) == Some("\\u") {
        let low = code_unit(escape, 7)?;
        if (0xDC00..0xE000).contains(&low) {
            let code_point = 0x10000 + ((high - 0xD800) << 10) + (low - 0xDC00);
            return Some((char::from_u32(code_point)?, 11));
        }
    }
    let character = char::from_u32(high).unwrap_or(char::REPLACEMENT_CHARACTER);
    Some((character, 5))
}

fn code_unit(escape: &str, at: usize) -> Option<u32> {
    let digits = escape.get(at..at + 4)?;
    let is_hex = digits.bytes().all(|byte| byte.is_ascii_hexdigit());
    is_hex
        .then(|| u32::from_str_radix(digits, 16).ok())
        .flatten()
}

/// Appends a valid JSON value without the white space between its parts.
pub(super) fn append_compact(json: &str, out: &mut String) {
    let bytes = json.as_bytes();
    let mut start = 0;
    let mut at = 0;
    while at < bytes.len() {
        match bytes[at] {
            b'"' => at = quoted(bytes, at + 1).map_or(bytes.len(), |string| string.close + 1),
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

#[cfg(test)]
mod tests {
    use super::*;

    fn unescaped(inner: &str) -> Option<String> {
        let mut out = String::new();
        append_unescaped(inner, &mut out).is_ok().then_some(out)
    }

    #[test]
    fn escapes_are_read_as_json_says() {
        for inner in [
            "",
            "plain",
            r"\\",
            r"C:\\a\\b",
            r#"\"\/\b\f\n\r\t"#,
            r"\u00e9\uD83D\ude00",
            "ä\\u0041ö",
        ] {
            let expected: String = serde_json::from_str(&format!("\"{inner}\"")).unwrap();
            assert_eq!(unescaped(inner), Some(expected), "{inner}");
        }
        assert_eq!(unescaped(r"\ud83dx").as_deref(), Some("\u{fffd}x"));
        assert_eq!(unescaped(r"\ude00").as_deref(), Some("\u{fffd}"));
        assert_eq!(unescaped(r"\ud83d\u0041").as_deref(), Some("\u{fffd}A"));
        for wrong in [r"\x", r"\u12", r"\u+123", r"\u12é", r"\ud83d\u12"] {
            assert_eq!(unescaped(wrong), None, "{wrong}");
        }
    }

    #[test]
    fn strings_end_at_their_own_quote() {
        let close = |text: &str| quoted(text.as_bytes(), 1).map(|string| string.close);
        assert_eq!(close(r#""a""#), Some(2));
        assert_eq!(close(r#""a\"b\\""#), Some(7));
        assert_eq!(close(r#""a\"#), None);
        assert_eq!(close(r#""a\""#), None);
    }

    #[test]
    fn white_space_within_strings_stays() {
        let mut out = String::new();
        append_compact("{ \"a b\" : [ 1 ,\n\"\\\" c\" ] }", &mut out);
        assert_eq!(out, "{\"a b\":[1,\"\\\" c\"]}");
    }
}
