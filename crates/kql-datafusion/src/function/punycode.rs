//! Punycode (RFC 3492), of texts and of the labels of domain names. Text that does not decode is
//! no text.

use idna::punycode;
use kql::types::ScalarType;

use super::udf::{Evaluate, code};

/// What a label starts with that is encoded.
const PREFIX: &str = "xn--";

/// The full stops that separate labels.
const DOTS: [char; 4] = ['.', '\u{3002}', '\u{ff0e}', '\u{ff61}'];

/// Functions of punycode by name. Those of domains are named the other way round.
pub(super) fn find(name: &str, _: &[ScalarType]) -> Option<Evaluate> {
    Some(match name {
        "punycode_from_string" => map(punycode::encode_str),
        "punycode_to_string" => map(punycode::decode_to_string),
        "punycode_domain_to_string" => map(encode_domain),
        "punycode_domain_from_string" => map(decode_domain),
        _ => return None,
    })
}

fn map(convert: fn(&str) -> Option<String>) -> Evaluate {
    code(move |arguments| {
        let texts = arguments.texts(0)?;
        arguments.strings(|row, out| {
            if let Some(text) = convert(texts.text(row)) {
                out.push_str(&text);
            }
        })
    })
}

fn encode_domain(domain: &str) -> Option<String> {
    let labels = domain.split(DOTS).map(|label| {
        if label.is_ascii() {
            return Some(label.to_owned());
        }
        Some(format!("{PREFIX}{}", punycode::encode_str(label)?))
    });
    Some(labels.collect::<Option<Vec<_>>>()?.join("."))
}

fn decode_domain(domain: &str) -> Option<String> {
    let labels = domain.split(DOTS).map(|label| match label.get(..4) {
        Some(prefix) if prefix.eq_ignore_ascii_case(PREFIX) => {
            punycode::decode_to_string(&label[4..])
        }
        _ => Some(label.to_owned()),
    });
    Some(labels.collect::<Option<Vec<_>>>()?.join("."))
}

#[cfg(test)]
mod tests {
    use super::super::testing::{eval, string};
    use super::*;

    #[test]
    fn examples_of_the_reference() {
        for (name, text, expected) in [
            (
                "punycode_from_string",
                "académie-française",
                "acadmie-franaise-npb1a",
            ),
            (
                "punycode_to_string",
                "acadmie-franaise-npb1a",
                "académie-française",
            ),
            ("punycode_to_string", "é", ""),
            (
                "punycode_domain_from_string",
                "xn--Ge-mia.Bulg.edu",
                "Gáe.Bulg.edu",
            ),
            ("punycode_domain_from_string", "XN--Ge-mia.x", "Gáe.x"),
            ("punycode_domain_from_string", "xn--é.x", ""),
            (
                "punycode_domain_to_string",
                "Riðill｡Skáldskaparmál｡org",
                "xn--Riill-jta.xn--Skldskaparml-dbbj.org",
            ),
            ("punycode_domain_to_string", "example.org", "example.org"),
        ] {
            let actual = eval(name, ScalarType::String, &[string(text)]);
            assert_eq!(actual, expected, "{name} {text}");
        }
    }
}
