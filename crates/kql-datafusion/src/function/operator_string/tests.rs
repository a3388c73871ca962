//! One line per rule: operator, text, pattern, result.

use kql::hir::StringOp::{self, *};

use super::super::testing::{bool_of, string};
use super::string_operator;

fn check(op: StringOp, case_sensitive: bool, text: &str, pattern: &str, expected: bool) {
    for negated in [false, true] {
        let udf = string_operator(op, negated, case_sensitive);
        let got = bool_of(&udf, &[string(text), string(pattern)]);
        assert_eq!(
            got,
            Some(expected != negated),
            "{text:?} {op:?} {pattern:?} {negated}"
        );
    }
}

#[test]
fn has_finds_whole_terms() {
    for (text, pattern, expected) in [
        ("alpha-beta", "alpha", true),
        ("alpha_beta", "alpha", true),
        ("alpha beta", "ALPHA", true),
        ("alphabeta", "alpha", false),
        ("foo\\bar", "bar", true),
        ("category", "cat", false),
        ("cat category", "cat", true),
        ("category cat", "cat", true),
        ("Привет мир", "МИР", true),
        ("anything", "", true),
        ("", "x", false),
        ("1_2_3", "3", true),
        ("a", "a", true),
    ] {
        check(Has, false, text, pattern, expected);
    }
    check(Has, true, "CO-OP", "co", false);
    check(Has, true, "co-op", "co", true);
}

#[test]
fn has_with_separators_in_the_pattern_is_delimited_by_terms() {
    for (text, pattern, expected) in [
        ("v1.2.3", "2.3", true),
        ("1.2.3-rc", "2.3", true),
        ("1_2_3", "2.3", false),
        ("1.2.34", "2.3", false),
        ("cmd /c whoami", "/c", true),
        ("cmd /create", "/c", false),
        ("cmd/c", "/c", true),
        ("a-enc b", "-enc", true),
    ] {
        check(Has, false, text, pattern, expected);
    }
}

#[test]
fn prefix_and_suffix_of_terms() {
    check(HasPrefix, false, "scatter Category", "cat", true);
    check(HasPrefix, false, "scatter", "cat", false);
    check(HasSuffix, false, "a tomcat b", "cat", true);
    check(HasSuffix, false, "cats", "cat", false);
    check(HasPrefix, true, "Category", "cat", false);
}

#[test]
fn substrings_prefixes_and_suffixes() {
    check(Contains, false, "PowerShell.exe", "SHELL", true);
    check(Contains, true, "PowerShell.exe", "SHELL", false);
    check(Contains, false, "x", "", true);
    check(StartsWith, false, "CAFÉ au lait", "café", true);
    check(StartsWith, false, "x", "", true);
    check(StartsWith, false, "caf", "café", false);
    check(EndsWith, false, "C:\\Windows\\CMD.EXE", "cmd.exe", true);
    check(EndsWith, true, "CMD.EXE", "cmd.exe", false);
}

#[test]
fn equality_ignores_case_by_simple_folding() {
    check(EqualIgnoringCase, false, "CAFÉ", "café", true);
    check(EqualIgnoringCase, false, "ＦＵＬＬ", "full", false);
    check(EqualIgnoringCase, false, "ΟΔΟΣ", "οδος", true);
    check(EqualIgnoringCase, false, "a", "ab", false);
}

#[test]
fn regular_expressions() {
    check(MatchesRegex, true, "abc123", r"\d+$", true);
    check(MatchesRegex, true, "ABC", "abc", false);
    check(MatchesRegex, true, "ABC", "(?i)abc", true);
}
