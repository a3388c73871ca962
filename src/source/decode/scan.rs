//! Where JSON values end: quickly and in pieces while a body arrives, thoroughly once they are
//! whole.

use memchr::memchr2;

use super::DEPTH_MAX;
use super::text::quoted;

/// What is wrong with a text, and where.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Flaw {
    /// Not JSON, or not what is expected.
    Malformed(usize, &'static str),
    /// Too many levels of brackets.
    TooDeep(usize),
    /// Not of the type of its column.
    Misfit,
}

/// The first position at or behind `at` that is no white space.
pub(super) fn skip_space(bytes: &[u8], mut at: usize) -> usize {
    while let Some(b' ' | b'\n' | b'\r' | b'\t') = bytes.get(at) {
        at += 1;
    }
    at
}

/// Finds the end of a container or string whose bytes come in pieces. It sees whether brackets
/// match, nothing else: the rest is up to whoever decodes the container.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Brackets {
    /// A bit for each open bracket, 1 for an object: [`DEPTH_MAX`] of them.
    open: u128,
    depth: u32,
    is_in_string: bool,
    is_escape: bool,
}

/// What a byte outside of strings means to [`Brackets`].
const OTHER: u8 = 0;
const QUOTE: u8 = 1;
const OPEN: u8 = 2;
const CLOSE: u8 = 3;

static CLASSES: [u8; 256] = {
    let mut classes = [OTHER; 256];
    classes[b'"' as usize] = QUOTE;
    classes[b'{' as usize] = OPEN;
    classes[b'[' as usize] = OPEN;
    classes[b'}' as usize] = CLOSE;
    classes[b']' as usize] = CLOSE;
    classes
};

impl Brackets {
    /// Follows `bytes` from `at`, which begin with the opening bracket or quote, or where the
    /// last call ended. The position behind the closing one, if it is among them.
    pub(super) fn end(&mut self, bytes: &[u8], mut at: usize) -> Result<Option<usize>, Flaw> {
        loop {
            if self.is_in_string {
                if self.is_escape {
                    if at >= bytes.len() {
                        return Ok(None);
                    }
                    at += 1;
                    self.is_escape = false;
                }
                let rest = bytes.get(at..).unwrap_or_default();
                let Some(found) = memchr2(b'"', b'\\', rest) else {
                    return Ok(None);
                };
                at += found + 1;
                if rest[found] == b'"' {
                    self.is_in_string = false;
                    if self.depth == 0 {
                        return Ok(Some(at));
                    }
                } else {
                    self.is_escape = true;
                    continue;
                }
            }
            let Some(found) = bytes[at..]
                .iter()
                .position(|byte| CLASSES[usize::from(*byte)] != OTHER)
            else {
                return Ok(None);
            };
            at += found + 1;
            match CLASSES[usize::from(bytes[at - 1])] {
                QUOTE => self.is_in_string = true,
                OPEN => {
                    self.depth += 1;
                    if self.depth > DEPTH_MAX {
                        return Err(Flaw::TooDeep(at - 1));
                    }
                    self.open = self.open << 1 | u128::from(bytes[at - 1] == b'{');
                }
                _ => {
                    if (self.open & 1 == 1) != (bytes[at - 1] == b'}') {
                        return Err(Flaw::Malformed(at - 1, "another bracket is to be closed"));
                    }
                    self.open >>= 1;
                    self.depth = self.depth.saturating_sub(1);
                    if self.depth == 0 {
                        return Ok(Some(at));
                    }
                }
            }
        }
    }
}

/// The position behind the value that begins at `start`, which must be whole and valid.
pub(super) fn value_end(bytes: &[u8], start: usize) -> Result<usize, Flaw> {
    // A bit for each open bracket, 1 for an object: DEPTH_MAX of them.
    let mut open: u128 = 0;
    let mut depth: u32 = 0;
    let mut at = start;
    loop {
        // At a value.
        match bytes.get(at) {
            Some(b'{' | b'[') => {
                if depth == DEPTH_MAX {
                    return Err(Flaw::TooDeep(at));
                }
                let is_object = bytes[at] == b'{';
                open = open << 1 | u128::from(is_object);
                depth += 1;
                at = skip_space(bytes, at + 1);
                let close = if is_object { b'}' } else { b']' };
                if bytes.get(at) == Some(&close) {
                    at += 1;
                    depth -= 1;
                    open >>= 1;
                } else {
                    if is_object {
                        at = key_end(bytes, at)?;
                    }
                    continue;
                }
            }
            _ => at = scalar_end(bytes, at)?,
        }
        // Behind a value.
        loop {
            if depth == 0 {
                return Ok(at);
            }
            let is_object = open & 1 == 1;
            at = skip_space(bytes, at);
            match (bytes.get(at), is_object) {
                (Some(b','), _) => {
                    at = skip_space(bytes, at + 1);
                    if is_object {
                        at = key_end(bytes, at)?;
                    }
                    break;
                }
                (Some(b'}'), true) | (Some(b']'), false) => {
                    at += 1;
                    depth -= 1;
                    open >>= 1;
                }
                _ => {
                    return Err(Flaw::Malformed(
                        at,
                        "a comma or a closing bracket is missing",
                    ));
                }
            }
        }
    }
}

/// The position of the value of the member whose key is at `at`.
pub(super) fn key_end(bytes: &[u8], at: usize) -> Result<usize, Flaw> {
    if bytes.get(at) != Some(&b'"') {
        return Err(Flaw::Malformed(at, "a key is missing"));
    }
    let at = skip_space(bytes, string_end(bytes, at)?);
    if bytes.get(at) != Some(&b':') {
        return Err(Flaw::Malformed(at, "a colon is missing"));
    }
    Ok(skip_space(bytes, at + 1))
}

/// The position behind the string that begins at `at`.
fn string_end(bytes: &[u8], at: usize) -> Result<usize, Flaw> {
    let string = quoted(bytes, at + 1).ok_or(Flaw::Malformed(at, "a string does not end"))?;
    if string.is_escaped {
        let mut from = at + 1;
        while let Some(found) = memchr::memchr(b'\\', &bytes[from..string.close]) {
            from += found + 1;
            let is_hex = |digits: &[u8]| digits.iter().all(u8::is_ascii_hexdigit);
            let length = match bytes[from] {
                b'"' | b'\\' | b'/' | b'b' | b'f' | b'n' | b'r' | b't' => 1,
                b'u' if string.close - from > 4 && is_hex(&bytes[from + 1..from + 5]) => 5,
                _ => return Err(Flaw::Malformed(from, "there is no such escape")),
            };
            from += length;
        }
    }
    Ok(string.close + 1)
}

/// The position behind the string, number, truth value or null at `at`.
fn scalar_end(bytes: &[u8], at: usize) -> Result<usize, Flaw> {
    let word = |word: &[u8]| {
        let is_word = bytes[at..].starts_with(word);
        is_word
            .then_some(at + word.len())
            .ok_or(Flaw::Malformed(at, "there is no such word"))
    };
    match bytes.get(at) {
        Some(b'"') => string_end(bytes, at),
        Some(b't') => word(b"true"),
        Some(b'f') => word(b"false"),
        Some(b'n') => word(b"null"),
        Some(b'-' | b'0'..=b'9') => number_end(bytes, at),
        _ => Err(Flaw::Malformed(at, "a value is missing")),
    }
}

/// The position behind the number at `start`.
pub(super) fn number_end(bytes: &[u8], start: usize) -> Result<usize, Flaw> {
    let wrong = Flaw::Malformed(start, "a number is malformed");
    let digits = |from: usize| {
        let count = bytes[from..]
            .iter()
            .take_while(|byte| byte.is_ascii_digit());
        match count.count() {
            0 => Err(wrong),
            count => Ok(from + count),
        }
    };
    let whole = start + usize::from(bytes.get(start) == Some(&b'-'));
    let mut at = digits(whole)?;
    if bytes[whole] == b'0' && at > whole + 1 {
        return Err(wrong);
    }
    if bytes.get(at) == Some(&b'.') {
        at = digits(at + 1)?;
    }
    if let Some(b'e' | b'E') = bytes.get(at) {
        at += 1;
        if let Some(b'+' | b'-') = bytes.get(at) {
            at += 1;
        }
        at = digits(at)?;
    }
    Ok(at)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn brackets_are_followed_wherever_the_bytes_are_cut() {
        let text = br#"{"a}\"]":[1,{"b":"\\"},"[\u007b"],"c":{}}tail"#;
        let end = text.len() - 4;
        for cut in 0..=text.len() {
            let mut brackets = Brackets::default();
            let found = match brackets.end(&text[..cut], 0).unwrap() {
                Some(found) => found,
                None => brackets.end(&text[..], cut).unwrap().unwrap(),
            };
            assert_eq!(found, end, "cut at {cut}");
        }
        for (text, at) in [("[}", 1), ("{]", 1), (r#"{"a":[{}}]}"#, 8)] {
            let wrong = Flaw::Malformed(at, "another bracket is to be closed");
            assert_eq!(Brackets::default().end(text.as_bytes(), 0), Err(wrong));
        }
        let deep = vec![b'['; 129];
        assert_eq!(Brackets::default().end(&deep, 0), Err(Flaw::TooDeep(128)));
        assert_eq!(Brackets::default().end(&deep[1..], 0), Ok(None));
    }

    #[test]
    fn values_are_accepted_as_serde_json_accepts_them() {
        for text in [
            "{}",
            "[]",
            "[1]",
            "[1,2]",
            "{\"a\":1}",
            "{\"a\":{\"b\":[]}}",
            " [ ] ",
            "0",
            "-0",
            "01",
            "1.",
            ".5",
            "1.5e-7",
            "1e",
            "-",
            "+1",
            "tru",
            "true",
            "null",
            "nul",
            "\"\\u00e9\"",
            "\"\\u00g9\"",
            "\"\\x\"",
            "\"",
            "[1,]",
            "{\"a\":1,}",
            "{,}",
            "[,]",
            "{a:1}",
            "{\"a\"}",
            "{\"a\" : [ 1 , { } ] }",
            "[}",
            "{]",
            "[1}",
            "{\"a\":1]",
            "[[[]]",
            "",
        ] {
            let trimmed = text.trim();
            let found = value_end(trimmed.as_bytes(), 0).is_ok_and(|end| end == trimmed.len());
            let expected = serde_json::from_str::<serde::de::IgnoredAny>(trimmed).is_ok();
            assert_eq!(found, expected, "{text}");
        }
        let deep = "[".repeat(128) + &"]".repeat(128);
        assert_eq!(value_end(deep.as_bytes(), 0), Ok(256));
        let deeper = "[".repeat(129);
        assert_eq!(value_end(deeper.as_bytes(), 0), Err(Flaw::TooDeep(128)));
    }
}
