//! Base64 and percent encoding.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use kql::types::ScalarType;
use percent_encoding::percent_decode_str;

use super::json;
use super::text;
use super::udf::{Evaluate, code};

/// Encoding functions by name.
pub(super) fn find(name: &str, _: &[ScalarType]) -> Option<Evaluate> {
    Some(match name {
        "base64_encode_tostring" | "base64_encodestring" => {
            map(|text, out| STANDARD.encode_string(text, out))
        }
        // Bytes that are no text decode to no text.
        "base64_decode_tostring" | "base64_decodestring" => map(|text, out| {
            let decoded = STANDARD.decode(text).ok();
            if let Some(text) = decoded.and_then(|bytes| String::from_utf8(bytes).ok()) {
                out.push_str(&text);
            }
        }),
        "base64_decode_toarray" => code(|a| {
            let texts = a.texts(0)?;
            a.optional_strings(|row, out| {
                let bytes = STANDARD.decode(texts.text(row)).ok()?;
                let bytes: Vec<String> = bytes.iter().map(u8::to_string).collect();
                json::write_array(bytes.iter().map(String::as_str), out);
                Some(())
            })
        }),
        "base64_decode_toguid" => code(|a| {
            let texts = a.texts(0)?;
            a.optional_strings(|row, out| {
                let mut bytes = STANDARD.decode(texts.text(row)).ok()?;
                if bytes.len() != 16 {
                    return None;
                }
                swap_guid(&mut bytes);
                let mut digits = String::with_capacity(32);
                for byte in bytes {
                    text::write(&mut digits, format_args!("{byte:02x}"));
                }
                text::write_guid(&digits, out)
            })
        }),
        "base64_encode_fromguid" => code(|a| {
            let guids = a.texts(0)?;
            a.strings(|row, out| {
                if let Some(mut bytes) = guid_bytes(guids.text(row)) {
                    swap_guid(&mut bytes);
                    STANDARD.encode_string(bytes, out);
                }
            })
        }),
        // Anything but an array of bytes encodes to no text.
        "base64_encode_fromarray" => code(|a| {
            let arrays = a.raw(0)?;
            a.strings(|row, out| {
                let bytes = arrays.get(row).and_then(json::elements).and_then(|items| {
                    items
                        .map(|item| item.parse::<u8>().ok())
                        .collect::<Option<Vec<u8>>>()
                });
                if let Some(bytes) = bytes {
                    STANDARD.encode_string(bytes, out);
                }
            })
        }),
        "url_encode" => map(|text, out| percent_encode(text, "+", out)),
        "url_encode_component" => map(|text, out| percent_encode(text, "%20", out)),
        "url_decode" => map(|text, out| {
            let text = text.replace('+', " ");
            out.push_str(&percent_decode_str(&text).decode_utf8_lossy());
        }),
        _ => return None,
    })
}

/// The first three groups of a guid are little-endian as bytes.
fn swap_guid(bytes: &mut [u8]) {
    bytes[0..4].reverse();
    bytes[4..6].reverse();
    bytes[6..8].reverse();
}

/// The bytes of a guid in the order of its text.
fn guid_bytes(guid: &str) -> Option<Vec<u8>> {
    let digits: String = guid.chars().filter(|c| *c != '-').collect();
    let bytes = (0..digits.len())
        .step_by(2)
        .map(|at| u8::from_str_radix(digits.get(at..at + 2)?, 16).ok())
        .collect::<Option<Vec<u8>>>()?;
    (bytes.len() == 16).then_some(bytes)
}

fn map(write: fn(&str, &mut String)) -> Evaluate {
    code(move |arguments| {
        let texts = arguments.texts(0)?;
        arguments.strings(|row, out| write(texts.text(row), out))
    })
}

/// Escapes all but letters, digits and a few marks, in lower-case hexadecimal.
fn percent_encode(text: &str, blank: &str, out: &mut String) {
    for byte in text.bytes() {
        match byte {
            b' ' => out.push_str(blank),
            b'-' | b'_' | b'.' | b'~' => out.push(byte as char),
            byte if byte.is_ascii_alphanumeric() => out.push(byte as char),
            byte => text::write(out, format_args!("%{byte:02x}")),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::testing::{dynamic, eval, guid, string};
    use super::*;

    #[test]
    fn guids_and_bytes() {
        let base64 = "8jMxriJurkmwahbmqbIS6w==";
        let text = "ae3133f2-6e22-49ae-b06a-16e6a9b212eb";
        let arguments = [guid(text)];
        let got = eval("base64_encode_fromguid", ScalarType::String, &arguments);
        assert_eq!(got, base64);
        let arguments = [string(base64)];
        let got = eval("base64_decode_toguid", ScalarType::Guid, &arguments);
        assert_eq!(got, text);
        let arguments = [string("S3VzdG8=")];
        let got = eval("base64_decode_toguid", ScalarType::Guid, &arguments);
        assert_eq!(got, "null");
        let arguments = [dynamic("[75,117,115,116,111]")];
        let got = eval("base64_encode_fromarray", ScalarType::String, &arguments);
        assert_eq!(got, "S3VzdG8=");
    }

    #[test]
    fn encodings() {
        for (name, text, expected) in [
            ("base64_encode_tostring", "Kusto", "S3VzdG8="),
            ("base64_decode_tostring", "S3VzdG8=", "Kusto"),
            ("base64_decode_tostring", "U3RyaW5n0KHR0tGA0L7Rh9C60LA=", ""),
            (
                "url_encode",
                "https://x/hello world",
                "https%3a%2f%2fx%2fhello+world",
            ),
            ("url_encode_component", "a b/", "a%20b%2f"),
            ("url_decode", "https%3a%2f%2fx%2f", "https://x/"),
        ] {
            assert_eq!(
                eval(name, ScalarType::String, &[string(text)]),
                expected,
                "{name} {text}"
            );
        }
    }
}
