//! Functions that take a regular expression: `extract`, `extract_all`, `replace_regex`, `trim`
//! and their kin. Expressions compile through `pattern.rs`; the syntax is that of the crate
//! `regex`, which is Kusto's: leftmost-first, no look-around, Unicode classes.

use arrow::array::ArrayRef;
use datafusion::common::Result;
use kql::types::ScalarType;
use regex::{Captures, Regex};

use super::arguments::Arguments;
use super::json;
use super::pattern::{Patterns, as_written};
use super::string::{Range, count_overlapping};
use super::udf::{Evaluate, code};
use super::value::Datum;

/// Functions with regular expressions by name.
pub(super) fn find(name: &str, arguments: &[ScalarType]) -> Option<Evaluate> {
    let patterns = Patterns::new();
    Some(match name {
        "extract" => code(move |a| extract(a, &patterns)),
        "extract_all" => code(move |a| extract_all(a, &patterns)),
        "replace_regex" => code(move |a| replace_regex(a, &patterns, [0, 1, 2])),
        // The retired form takes the text last.
        "replace" => code(move |a| replace_regex(a, &patterns, [2, 0, 1])),
        "indexof_regex" => code(move |a| index_of(a, &patterns)),
        "countof" if arguments.len() == 3 => code(move |a| count_of(a, &patterns)),
        "trim_start" => code(move |a| trim(a, Some(&patterns), None)),
        "trim_end" => code(move |a| trim(a, None, Some(&patterns))),
        "trim" => {
            let at_end = Patterns::new();
            code(move |a| trim(a, Some(&patterns), Some(&at_end)))
        }
        "regex_quote" => code(|a| {
            let texts = a.texts(0)?;
            a.strings(|row, out| out.push_str(&::regex::escape(texts.text(row))))
        }),
        _ => return None,
    })
}

/// `extract(regex, group, text, type)`: without a match `""`, or null for other types.
fn extract(arguments: &Arguments<'_>, patterns: &Patterns) -> Result<ArrayRef> {
    let (operand, groups, texts) = (
        arguments.texts(0)?,
        arguments.longs_in(1),
        arguments.texts(2)?,
    );
    let mut patterns = patterns.batch(&operand, as_written)?;
    arguments.datums(|row| {
        let group = groups
            .get(row)
            .and_then(|group| usize::try_from(group).ok());
        let found = patterns.get(row).and_then(|regex| match group? {
            0 => regex.find(texts.text(row)),
            group => regex.captures(texts.text(row))?.get(group),
        });
        found.map_or(Datum::Null, |found| Datum::String(found.as_str()))
    })
}

/// `extract_all(regex, groups, text)`: the matches as texts if there is one group, as arrays of
/// texts if there are several; null if nothing matches.
fn extract_all(arguments: &Arguments<'_>, patterns: &Patterns) -> Result<ArrayRef> {
    let operand = arguments.texts(0)?;
    let texts = arguments.texts(arguments.len() - 1)?;
    let groups = if arguments.len() == 3 {
        Some(arguments.raw(1)?)
    } else {
        None
    };
    let mut patterns = patterns.batch(&operand, as_written)?;
    arguments.optional_strings(|row, out| {
        let regex = patterns.get(row)?;
        let groups = match &groups {
            Some(groups) => wanted_groups(&regex, groups.get(row)?)?,
            None if regex.captures_len() == 1 => vec![0],
            None => (1..regex.captures_len()).collect(),
        };
        out.push('[');
        for (position, captures) in regex.captures_iter(texts.text(row)).enumerate() {
            if position > 0 {
                out.push(',');
            }
            write_groups(&captures, &groups, out);
        }
        out.push(']');
        (out != "[]").then_some(())
    })
}

/// Groups by number or name.
fn wanted_groups(regex: &Regex, json: &str) -> Option<Vec<usize>> {
    json::elements(json)?
        .map(|element| match json::kind(element) {
            json::Kind::String => {
                let name = json::unescape(element);
                regex
                    .capture_names()
                    .position(|candidate| candidate == Some(&*name))
            }
            _ => usize::try_from(Datum::Dynamic(element).to_long()?).ok(),
        })
        .collect()
}

fn write_groups(captures: &Captures<'_>, groups: &[usize], out: &mut String) {
    let text = |group: &usize| captures.get(*group).map_or("", |found| found.as_str());
    if let [group] = groups {
        return json::write_string(text(group), out);
    }
    super::string::write_strings(groups.iter().map(text), out);
}

/// The positions are those of the text, the expression and the rewrite.
fn replace_regex(
    arguments: &Arguments<'_>,
    patterns: &Patterns,
    [text, expression, rewrite]: [usize; 3],
) -> Result<ArrayRef> {
    let (texts, operand, rewrites) = (
        arguments.texts(text)?,
        arguments.texts(expression)?,
        arguments.texts(rewrite)?,
    );
    let mut patterns = patterns.batch(&operand, as_written)?;
    arguments.strings(|row, out| {
        let text = texts.text(row);
        let Some(regex) = patterns.get(row) else {
            return out.push_str(text);
        };
        let rewrite = rewrites.text(row);
        let mut from = 0;
        for captures in regex.captures_iter(text) {
            let Some(whole) = captures.get(0) else {
                continue;
            };
            out.push_str(&text[from..whole.start()]);
            write_rewrite(rewrite, &captures, out);
            from = whole.end();
        }
        out.push_str(&text[from..]);
    })
}

/// `\0` to `\9` stand for groups, `\\` for a backslash; all else for itself.
fn write_rewrite(rewrite: &str, captures: &Captures<'_>, out: &mut String) {
    let mut chars = rewrite.chars().peekable();
    while let Some(c) = chars.next() {
        let escaped = chars.peek().copied().filter(|_| c == '\\');
        match escaped.map(|next| (next, next.to_digit(10))) {
            Some((_, Some(group))) => {
                chars.next();
                out.push_str(
                    captures
                        .get(group as usize)
                        .map_or("", |found| found.as_str()),
                );
            }
            Some(('\\', None)) => {
                chars.next();
                out.push('\\');
            }
            _ => out.push(c),
        }
    }
}

fn index_of(arguments: &Arguments<'_>, patterns: &Patterns) -> Result<ArrayRef> {
    let (texts, operand) = (arguments.texts(0)?, arguments.texts(1)?);
    let range = Range::new(arguments);
    let mut patterns = patterns.batch(&operand, as_written)?;
    arguments.longs(|row| {
        let text = texts.text(row);
        let (from, to, occurrence) = range.get(row, text, false)?;
        let regex = patterns.get(row)?;
        let mut found = regex.find_iter(text.get(from..)?);
        let position = usize::try_from(occurrence - 1).ok()?;
        match found
            .nth(position)
            .map(|found| from + found.start())
            .filter(|start| *start < to)
        {
            Some(start) => Some(text[..start].chars().count() as i64),
            None => Some(-1),
        }
    })
}

/// `countof(text, search, kind)`: regular expressions do not overlap, plain text may.
fn count_of(arguments: &Arguments<'_>, patterns: &Patterns) -> Result<ArrayRef> {
    let (texts, operand, kinds) = (
        arguments.texts(0)?,
        arguments.texts(1)?,
        arguments.texts(2)?,
    );
    let count_plain = |row| Some(count_overlapping(texts.text(row), operand.text(row)));
    if kinds.constant().is_some_and(|kind| kind != "regex") {
        return arguments.longs(count_plain);
    }
    let mut patterns = patterns.batch(&operand, as_written)?;
    arguments.longs(|row| {
        if kinds.text(row) == "regex" {
            return Some(patterns.get(row)?.find_iter(texts.text(row)).count() as i64);
        }
        count_plain(row)
    })
}

/// Takes one match off either end.
fn trim(
    arguments: &Arguments<'_>,
    start: Option<&Patterns>,
    end: Option<&Patterns>,
) -> Result<ArrayRef> {
    let (operand, texts) = (arguments.texts(0)?, arguments.texts(1)?);
    let at_start = |pattern: &str| format!(r"\A(?:{pattern})");
    let at_end = |pattern: &str| format!(r"(?:{pattern})\z");
    let mut start = start
        .map(|patterns| patterns.batch(&operand, at_start))
        .transpose()?;
    let mut end = end
        .map(|patterns| patterns.batch(&operand, at_end))
        .transpose()?;
    arguments.borrowed(|row| {
        let mut text = texts.text(row);
        if let Some(found) = start.as_mut().and_then(|batch| batch.get(row)?.find(text)) {
            text = &text[found.end()..];
        }
        if let Some(found) = end.as_mut().and_then(|batch| batch.get(row)?.find(text)) {
            text = &text[..found.start()];
        }
        Some(text)
    })
}

#[cfg(test)]
mod tests {
    use super::super::testing::{Argument, call, dynamic, eval, long, string};
    use super::*;

    fn check(name: &str, result: ScalarType, arguments: &[Argument], expected: &str) {
        assert_eq!(
            eval(name, result, arguments),
            expected,
            "{name} {arguments:?}"
        );
    }

    #[test]
    fn extract_gives_text_or_a_typed_value() {
        let arguments = |text| [string(r"(\d+)-(\d+)"), long(2), string(text)];
        check(
            "extract",
            ScalarType::String,
            &arguments("2020-12-31"),
            "12",
        );
        check("extract", ScalarType::Long, &arguments("2020-12-31"), "12");
        check("extract", ScalarType::String, &arguments("none"), "");
        check("extract", ScalarType::Long, &arguments("none"), "null");
    }

    #[test]
    fn extract_all_is_flat_for_one_group() {
        let all = |pattern: &str, text: &str, expected: &str| {
            check(
                "extract_all",
                ScalarType::Dynamic,
                &[string(pattern), string(text)],
                expected,
            );
        };
        all(r"(\d+)", "a 123, 567", r#"["123","567"]"#);
        all(r"(a)(b)?", "aba", r#"[["a","b"],["a",""]]"#);
        all(r"(\d+)", "none", "null");
        let groups = [string(r"(\d)(\d)"), dynamic("[1,2]"), string("2020")];
        check(
            "extract_all",
            ScalarType::Dynamic,
            &groups,
            r#"[["2","0"],["2","0"]]"#,
        );
    }

    #[test]
    fn replacements_name_groups_with_backslashes() {
        let arguments = [
            string("Number is 1"),
            string(r"is (\d+)"),
            string(r"was: \1"),
        ];
        check(
            "replace_regex",
            ScalarType::String,
            &arguments,
            "Number was: 1",
        );
        let arguments = [
            string("abcABCabc"),
            string("([a-z])([A-Z])"),
            string(r"\1_\2$1"),
        ];
        check(
            "replace_regex",
            ScalarType::String,
            &arguments,
            "abc_A$1BCabc",
        );
    }

    #[test]
    fn the_retired_replace_takes_the_text_last() {
        let arguments = [string("b+"), string("x"), string("abbc")];
        check("replace", ScalarType::String, &arguments, "axc");
    }

    #[test]
    fn trim_takes_one_match_off_each_end() {
        for (name, pattern, text, expected) in [
            ("trim", "x", "xxabcxx", "xabcx"),
            ("trim_start", "x", "xxabcxx", "xabcxx"),
            ("trim_end", r"[^\w]+", "-  Te st1// $", "-  Te st1"),
            ("trim", "x", "xxx", "x"),
            ("trim", "y", "y", ""),
        ] {
            check(
                name,
                ScalarType::String,
                &[string(pattern), string(text)],
                expected,
            );
        }
    }

    #[test]
    fn positions_and_counts() {
        let at = |text: &str, pattern: &str, numbers: &[i64], expected: &str| {
            let mut arguments = vec![string(text), string(pattern)];
            arguments.extend(numbers.iter().map(|number| long(*number)));
            check("indexof_regex", ScalarType::Long, &arguments, expected);
        };
        at("abcabc", "a.c", &[], "0");
        at("abcabcdefg", "a.c", &[0, 9, 2], "3");
        at("abcabc", "a.c", &[1, -1, 2], "-1");
        at("ababaa", "a.a", &[0, -1, 2], "-1");
        at("abcabc", "a|ab", &[-1], "null");
        let count = [string("hello"), string("l+"), string("regex")];
        check("countof", ScalarType::Long, &count, "1");
    }

    #[test]
    fn a_constant_pattern_that_is_wrong_is_named() {
        let types = [ScalarType::String, ScalarType::Long, ScalarType::String];
        let udf = super::super::scalar("extract", &types, ScalarType::String).unwrap();
        let error = call(&udf, &[string("a("), long(0), string("a")]).unwrap_err();
        assert!(
            error
                .to_string()
                .contains("regular expression `a(` is not valid"),
            "{error}"
        );
    }
}
