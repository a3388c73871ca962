//! Names and values of forms and URLs: `application/x-www-form-urlencoded`.

use std::collections::BTreeMap;

/// The fields of a form; of several of a name the last.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Form(BTreeMap<String, String>);

impl Form {
    /// Reads a body or the query of a URL. What is no text in UTF-8 becomes replacement characters.
    pub(super) fn parse(text: &str) -> Self {
        let fields = text.split('&').filter(|field| !field.is_empty());
        let pairs = fields.map(|field| field.split_once('=').unwrap_or((field, "")));
        Self(
            pairs
                .map(|(name, value)| (decode(name), decode(value)))
                .collect(),
        )
    }

    /// The value of a field, unless it is empty.
    pub(super) fn get(&self, name: &str) -> Option<&str> {
        let value = self.0.get(name).map(String::as_str);
        value.filter(|value| !value.is_empty())
    }
}

/// A text with `+` for spaces and `%xx` for bytes.
pub(super) fn decode(text: &str) -> String {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let [first, tail @ ..] = rest {
        rest = tail;
        if *first == b'%'
            && let [high, low, behind @ ..] = tail
            && let Some(byte) = hex(*high, *low)
        {
            bytes.push(byte);
            rest = behind;
        } else {
            bytes.push(if *first == b'+' { b' ' } else { *first });
        }
    }
    String::from_utf8_lossy(&bytes).into_owned()
}

fn hex(high: u8, low: u8) -> Option<u8> {
    let digit = |byte: u8| char::from(byte).to_digit(16);
    u8::try_from(digit(high)? * 16 + digit(low)?).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fields_are_decoded() {
        let form = Form::parse("a=1&b=x+y%2Fz&&c&%41=%C3%A4&a=2&bad=%4&worse=%zz%");
        assert_eq!(form.get("a"), Some("2"));
        assert_eq!(form.get("b"), Some("x y/z"));
        assert_eq!(form.get("c"), None);
        assert_eq!(form.get("A"), Some("\u{e4}"));
        assert_eq!(form.get("bad"), Some("%4"));
        assert_eq!(form.get("worse"), Some("%zz%"));
    }
}
