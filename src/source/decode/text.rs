//! JSON's strings: where they end, and what they say without their escapes.

use std::fmt::Write as _;

use memchr::{memchr, memchr_iter, memchr2};

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

/// Whether JSON has escapes of surrogates, in pairs or alone. True at times if it has none.
pub(super) fn has_surrogate(json: &str) -> bool {
    let bytes = json.as_bytes();
    // Nearly none has a `\u`, and without a branch the processor compares many bytes at once.
    let pairs = bytes.iter().zip(bytes.get(1..).unwrap_or_default());
    let has_unicode = pairs.fold(0, |found, (first, second)| {
        found | (u8::from(*first == b'\\') & u8::from(*second == b'u'))
    });
    has_unicode == 1
        && memchr_iter(b'\\', bytes).any(|at| {
            let escape = bytes.get(at + 1..at + 4);
            matches!(
                escape,
                Some([b'u', b'd' | b'D', b'8' | b'9' | b'a'..=b'f' | b'A'..=b'F'])
            )
        })
}

/// As [`append_compact`], with strings that any reader takes: half of a surrogate pair becomes
/// U+FFFD, control characters become their escapes.
pub(super) fn append_mended(json: &str, out: &mut String) {
    let bytes = json.as_bytes();
    let mut start = 0;
    let mut at = 0;
    while at < bytes.len() {
        let end = match bytes[at] {
            b'"' => quoted(bytes, at + 1).map_or(bytes.len(), |string| string.close + 1),
            b' ' | b'\t' | b'\n' | b'\r' => at + 1,
            _ => {
                at += 1;
                continue;
            }
        };
        out.push_str(&json[start..at]);
        if bytes[at] == b'"' {
            append_mended_string(&json[at..end], out);
        }
        at = end;
        start = end;
    }
    out.push_str(&json[start..]);
}

/// Appends a string, its quotes included.
fn append_mended_string(string: &str, out: &mut String) {
    let bytes = string.as_bytes();
    let mut start = 0;
    let mut at = 0;
    while at < bytes.len() {
        let is_unicode = bytes[at] == b'\\' && bytes.get(at + 1) == Some(&b'u');
        match bytes[at] {
            b'\\' if is_unicode => {
                let escape = unicode_escape(&string[at + 1..]);
                let (character, length) = escape.unwrap_or(('u', 1));
                let end = at + 1 + length;
                if character == char::REPLACEMENT_CHARACTER {
                    out.push_str(&string[start..at]);
                    out.push(character);
                    start = end;
                }
                at = end;
            }
            b'\\' => at += 2,
            byte @ ..b' ' => {
                out.push_str(&string[start..at]);
                write!(out, "\\u{byte:04x}").expect("a string takes all that is written");
                at += 1;
                start = at;
            }
            _ => at += 1,
        }
    }
    out.push_str(&string[start..]);
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

    #[test]
    fn strings_are_mended_where_other_readers_would_refuse_them() {
        for (json, expected) in [
            (r#"{"k":"\ud83d"}"#, "{\"k\":\"\u{fffd}\"}"),
            (r#"["\uDE00x\uD83Dy"]"#, "[\"\u{fffd}x\u{fffd}y\"]"),
            (
                r#"{"\ud83d\ud83d\ude00":1}"#,
                "{\"\u{fffd}\\ud83d\\ude00\":1}",
            ),
            (r#"["\\ud83d \n\u0041é"]"#, r#"["\\ud83d \n\u0041é"]"#),
            ("{ \"a\tb\" :\n\"\u{1}\" }", r#"{"a\u0009b":"\u0001"}"#),
        ] {
            assert!(has_surrogate(json) || json.contains(char::is_control));
            let mut out = String::new();
            append_mended(json, &mut out);
            assert_eq!(out, expected, "{json}");
            assert!(serde_json::from_str::<serde_json::Value>(&out).is_ok());
        }
        assert!(!has_surrogate(r#"["\ud7ff\ue000\uD"]"#));
        assert!(!has_surrogate("\\ud"));
    }
}
