//! `parse_url()` and `parse_urlquery()`: the parts of an address as a bag of texts, percent
//! escapes as they are. Text that is no address gives empty parts, never an error.

use kql::types::ScalarType;

use super::json;
use super::udf::{Evaluate, code};

/// Functions of addresses by name.
pub(super) fn find(name: &str, _: &[ScalarType]) -> Option<Evaluate> {
    Some(match name {
        "parse_url" | "parseurl" => code(|a| {
            let texts = a.texts(0)?;
            a.strings(|row, out| write_url(texts.text(row), out))
        }),
        "parse_urlquery" => code(|a| {
            let texts = a.texts(0)?;
            a.strings(|row, out| {
                let query = texts.text(row);
                let query = query.rsplit_once('?').map_or(query, |(_, query)| query);
                out.push_str("{\"Query Parameters\":");
                write_query(query, out);
                out.push('}');
            })
        }),
        _ => return None,
    })
}

fn write_url(url: &str, out: &mut String) {
    let (url, fragment) = url.split_once('#').unwrap_or((url, ""));
    let (url, query) = url.split_once('?').unwrap_or((url, ""));
    let (scheme, rest) = url.split_once("://").unwrap_or(("", url));
    let (authority, path) = if scheme.is_empty() {
        ("", rest)
    } else {
        rest.split_at(rest.find('/').unwrap_or(rest.len()))
    };
    let (user_info, host_port) = authority.rsplit_once('@').unwrap_or(("", authority));
    let (user, password) = user_info.split_once(':').unwrap_or((user_info, ""));
    let (host, port) = split_port(host_port);
    out.push('{');
    for (name, value) in [
        ("Scheme", scheme),
        ("Host", host),
        ("Port", port),
        ("Path", path),
        ("Username", user),
        ("Password", password),
    ] {
        json::write_string(name, out);
        out.push(':');
        json::write_string(value, out);
        out.push(',');
    }
    out.push_str("\"Query Parameters\":");
    write_query(query, out);
    out.push_str(",\"Fragment\":");
    json::write_string(fragment, out);
    out.push('}');
}

/// Splits the port off; an address of IP version 6 has colons inside its brackets.
fn split_port(host_port: &str) -> (&str, &str) {
    match host_port.rsplit_once(':') {
        Some((host, port)) if port.bytes().all(|byte| byte.is_ascii_digit()) => (host, port),
        _ => (host_port, ""),
    }
}

/// Writes parameters as a bag; of equal names the last value stays.
fn write_query(query: &str, out: &mut String) {
    let mut parameters: Vec<(&str, &str)> = Vec::new();
    for parameter in query.split('&').filter(|parameter| !parameter.is_empty()) {
        let (name, value) = parameter.split_once('=').unwrap_or((parameter, ""));
        match parameters.iter_mut().find(|(held, _)| *held == name) {
            Some(held) => held.1 = value,
            None => parameters.push((name, value)),
        }
    }
    out.push('{');
    for (position, (name, value)) in parameters.into_iter().enumerate() {
        if position > 0 {
            out.push(',');
        }
        json::write_string(name, out);
        out.push(':');
        json::write_string(value, out);
    }
    out.push('}');
}

#[cfg(test)]
mod tests {
    use super::super::testing::{eval, string};
    use super::*;

    fn check(name: &str, text: &str, expected: &str) {
        assert_eq!(
            eval(name, ScalarType::Dynamic, &[string(text)]),
            expected,
            "{text}"
        );
    }

    #[test]
    fn all_parts_of_an_address() {
        check(
            "parse_url",
            "scheme://username:password@host:1234/this/is/a/path?k1=v1&k2=v2#fragment",
            r#"{"Scheme":"scheme","Host":"host","Port":"1234","Path":"/this/is/a/path","Username":"username","Password":"password","Query Parameters":{"k1":"v1","k2":"v2"},"Fragment":"fragment"}"#,
        );
    }

    #[test]
    fn parts_that_are_missing_are_empty() {
        check(
            "parse_url",
            "https://[::1]",
            r#"{"Scheme":"https","Host":"[::1]","Port":"","Path":"","Username":"","Password":"","Query Parameters":{},"Fragment":""}"#,
        );
    }

    #[test]
    fn queries_alone() {
        check(
            "parse_urlquery",
            "k1=v1&k2",
            r#"{"Query Parameters":{"k1":"v1","k2":""}}"#,
        );
    }
}
