//! One line per rule: the function, its argument, the result as text.

use kql::types::ScalarType::{
    self, Bool, DateTime, Decimal, Dynamic, Guid, Int, Long, Real, String, TimeSpan,
};

use super::super::testing::{
    self, Argument, call, datetime, decimal, dynamic, eval, guid, int, long, null, real, shown,
    string, timespan,
};
use super::super::{index, member};
use super::convert;

fn check(value: &Argument, to: ScalarType, expected: &str) {
    let got = call(&convert(value.ty, to), std::slice::from_ref(value)).unwrap();
    assert_eq!(shown(&got, to), expected, "{value:?} to {to}");
}

#[test]
fn failed_conversions_are_null() {
    for (text, to) in [
        ("abc", Long),
        ("12.5", Int),
        ("1,234", Long),
        ("1_000", Long),
        ("", Real),
        ("maybe", Bool),
        ("1.0", Bool),
        ("not a date", DateTime),
        ("xyz", Guid),
        ("2147483648", Int),
        ("1.2.3", Decimal),
    ] {
        check(&string(text), to, "null");
    }
}

#[test]
fn text_to_values() {
    check(&string(" 42 "), Long, "42");
    check(&string("0xFF"), Int, "255");
    check(&string("1.5e3"), Real, "1500.0");
    check(&string("TRUE"), Bool, "True");
    check(&string("-1"), Bool, "True");
    check(&string("1.02:03:04.5"), TimeSpan, "1.02:03:04.5000000");
    check(&string("-12.340"), Decimal, "-12.34");
    let hyphenated = "01234567-89ab-cdef-0123-456789abcdef";
    check(
        &string("0123456789ABCDEF0123456789abcdef"),
        Guid,
        hyphenated,
    );
}

#[test]
fn numbers_to_numbers() {
    check(&long(2_147_483_648), Int, "-2147483648");
    check(&real(-2.5), Int, "-2");
    check(&real(0.5), Bool, "True");
    check(&testing::bool(true), Long, "1");
    check(&int(7), Real, "7.0");
    check(&datetime("2020-01-01"), Long, "637134336000000000");
    check(
        &long(637_134_336_000_000_000),
        DateTime,
        "2020-01-01T00:00:00.0000000Z",
    );
    check(&timespan("1d"), Long, "864000000000");
    check(&decimal("2.9"), Long, "2");
}

#[test]
fn values_to_text() {
    check(&testing::bool(true), String, "True");
    check(&real(1.0 / 3.0), String, "0.3333333333333333");
    check(&real(-0.0), String, "-0.0");
    check(&real(f64::INFINITY), String, "inf");
    check(&timespan("1d"), String, "1.00:00:00");
    check(&null(Long), String, "");
    let text = "01234567-89ab-cdef-0123-456789abcdef";
    check(&guid(text), String, text);
}

#[test]
fn dynamics_to_values() {
    check(&dynamic(r#""42""#), Int, "42");
    check(&dynamic(r#""3.14""#), Int, "null");
    check(&dynamic("1.9"), Int, "1");
    check(&dynamic("[1]"), Long, "null");
    check(&dynamic("true"), Real, "1.0");
    check(&dynamic("true"), String, "true");
    check(&dynamic(r#""a\"\u00e9""#), String, "a\"é");
    check(&dynamic("null"), String, "");
    check(&dynamic(r#"{"a":1}"#), String, r#"{"a":1}"#);
}

#[test]
fn values_to_dynamics() {
    check(&string("[1]"), Dynamic, r#""[1]""#);
    check(&real(1.0), Dynamic, "1.0");
    check(
        &datetime("2020-01-01"),
        Dynamic,
        r#""2020-01-01T00:00:00.0000000Z""#,
    );
    check(&null(Long), Dynamic, "null");
}

#[test]
fn parsing_json() {
    for (text, expected) in [
        ("null", "null"),
        ("", "null"),
        ("not json", r#""not json""#),
        (r#" { "a" : [ 1, 2.50, "x" ] } "#, r#"{"a":[1,2.5,"x"]}"#),
        (r#"{"a":1,}"#, r#""{\"a\":1,}""#),
        ("{\"a\":\"tab\there\"}", r#""{\"a\":\"tab\there\"}""#),
    ] {
        assert_eq!(
            eval("parse_json", Dynamic, &[string(text)]),
            expected,
            "{text}"
        );
    }
    let deep = "[".repeat(100_000);
    assert!(eval("parse_json", Dynamic, &[string(&deep)]).starts_with('"'));
}

#[test]
fn access_never_fails() {
    let get = |value: &str, key: Argument| {
        let udf = if key.ty == String {
            member()
        } else {
            index(key.ty)
        };
        shown(&call(&udf, &[dynamic(value), key]).unwrap(), Dynamic)
    };
    assert_eq!(get(r#"{"a":[1,{"b":4}],"b":"x"}"#, string("b")), r#""x""#);
    assert_eq!(get(r#"{"a":{"b":null}}"#, string("a")), r#"{"b":null}"#);
    assert_eq!(get(r#"{"a":null}"#, string("a")), "null");
    assert_eq!(get("[1,2]", string("a")), "null");
    assert_eq!(get("[1,[2,3],{\"b\":4}]", long(1)), "[2,3]");
    assert_eq!(get("[1,2]", long(-1)), "2");
    assert_eq!(get("[1,2]", long(2)), "null");
    assert_eq!(get(r#"{"a\"b":1}"#, string("a\"b")), "1");
    assert_eq!(get(r#"{"a":1"#, string("x")), "null");
}

#[test]
fn type_names() {
    for (value, expected) in [
        (dynamic("null"), "null"),
        (dynamic("1"), "long"),
        (dynamic("1.5"), "double"),
        (dynamic("[]"), "array"),
        (dynamic("{}"), "dictionary"),
        (long(1), "long"),
        (decimal("1"), "decimal"),
        (timespan("1s"), "timespan"),
    ] {
        assert_eq!(
            eval("gettype", String, std::slice::from_ref(&value)),
            expected
        );
    }
}
