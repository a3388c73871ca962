//! Functions over text: pieces, replacements, searches, joins. Positions and lengths count
//! Unicode characters. What takes a regular expression is in `regex.rs`.

use std::borrow::Cow;

use aho_corasick::{AhoCorasick, MatchKind};
use datafusion::common::{Result, exec_datafusion_err};
use kql::types::ScalarType;
use memchr::memmem;

use super::arguments::Arguments;
use super::cached::Cached;
use super::json;
use super::operator_string::has_term;
use super::text;
use super::udf::{Evaluate, code};
use super::value::Datum;

/// Most text that one value may grow to.
const LENGTH_MAX: usize = 16 << 20;

/// String functions by name.
pub(super) fn find(name: &str, arguments: &[ScalarType]) -> Option<Evaluate> {
    Some(match name {
        "strlen" => code(|a| {
            let texts = a.texts(0)?;
            a.longs(|row| Some(texts.text(row).chars().count() as i64))
        }),
        "string_size" => code(|a| {
            let texts = a.texts(0)?;
            a.longs(|row| Some(texts.text(row).len() as i64))
        }),
        "toupper" => map(|text, out| out.extend(text.chars().flat_map(char::to_uppercase))),
        "tolower" => map(|text, out| out.extend(text.chars().flat_map(char::to_lowercase))),
        "reverse" => map(|text, out| out.extend(text.chars().rev())),
        "isempty" => code(|a| {
            let texts = a.texts(0)?;
            a.tests(|row| texts.text(row).is_empty())
        }),
        "isnotempty" | "notempty" => code(|a| {
            let texts = a.texts(0)?;
            a.tests(|row| !texts.text(row).is_empty())
        }),
        "isascii" => code(|a| {
            let texts = a.texts(0)?;
            a.tests(|row| texts.text(row).is_ascii())
        }),
        // Text in Arrow is always valid UTF-8.
        "isutf8" => code(|a| a.tests(|_| true)),
        "strcmp" => code(|a| {
            let (left, right) = (a.texts(0)?, a.texts(1)?);
            a.longs(|row| Some(left.text(row).cmp(right.text(row)) as i64))
        }),
        "substring" => code(substring),
        "strcat" => code(|a| {
            let inputs = a.inputs(0);
            a.strings(|row, out| {
                for input in &inputs {
                    input.get(row).write_text(out);
                }
            })
        }),
        "strcat_delim" => code(|a| {
            let delimiters = a.texts(0)?;
            let inputs = a.inputs(1);
            a.strings(|row, out| {
                for (position, input) in inputs.iter().enumerate() {
                    if position > 0 {
                        out.push_str(delimiters.text(row));
                    }
                    input.get(row).write_text(out);
                }
            })
        }),
        "strcat_array" => code(|a| {
            let (arrays, delimiters) = (a.raw(0)?, a.texts(1)?);
            a.strings(|row, out| {
                let elements = arrays.get(row).and_then(json::elements);
                for (position, element) in elements.into_iter().flatten().enumerate() {
                    if position > 0 {
                        out.push_str(delimiters.text(row));
                    }
                    json::write_text(element, out);
                }
            })
        }),
        "strrep" => code(|a| repeat(a, arguments_or(a, 2))),
        "replace_string" => code(|a| {
            let (texts, lookups, rewrites) = (a.texts(0)?, a.texts(1)?, a.texts(2)?);
            a.strings(|row, out| {
                replace(texts.text(row), lookups.text(row), rewrites.text(row), out);
            })
        }),
        "replace_strings" => code(replace_strings),
        "has_any_index" => code(has_any_index),
        "unicode_codepoints_from_string" => code(|a| {
            let texts = a.texts(0)?;
            a.strings(|row, out| {
                let codes: Vec<_> = texts
                    .text(row)
                    .chars()
                    .map(|c| u32::from(c).to_string())
                    .collect();
                json::write_array(codes.iter().map(String::as_str), out);
            })
        }),
        "unicode_codepoints_to_string" | "make_string" => code(|a| {
            let inputs = a.inputs(0);
            a.strings(|row, out| {
                for input in &inputs {
                    write_codepoints(input.get(row), out);
                }
            })
        }),
        "split" => code(split),
        "indexof" => code(index_of),
        "countof" if arguments.len() == 2 => code(|a| {
            let (texts, needles) = (a.texts(0)?, a.texts(1)?);
            a.longs(|row| Some(count_overlapping(texts.text(row), needles.text(row))))
        }),
        "translate" => code(|a| {
            let (from, to, texts) = (a.texts(0)?, a.texts(1)?, a.texts(2)?);
            a.strings(|row, out| translate(from.text(row), to.text(row), texts.text(row), out))
        }),
        "tohex" => code(to_hex),
        "format_bytes" => code(format_bytes),
        _ => return None,
    })
}

/// A function of one text.
fn map(write: fn(&str, &mut String)) -> Evaluate {
    code(move |arguments| {
        let texts = arguments.texts(0)?;
        arguments.strings(|row, out| write(texts.text(row), out))
    })
}

/// The position of an optional argument, if it was given.
fn arguments_or(arguments: &Arguments<'_>, position: usize) -> Option<usize> {
    (arguments.len() > position).then_some(position)
}

/// A negative start counts from the end; what lies outside is empty.
fn substring(arguments: &Arguments<'_>) -> Result<arrow::array::ArrayRef> {
    let (texts, starts) = (arguments.texts(0)?, arguments.longs_in(1));
    let lengths = arguments_or(arguments, 2).map(|position| arguments.longs_in(position));
    arguments.borrowed(|row| {
        let length = match &lengths {
            Some(lengths) => lengths.get(row)?,
            None => i64::MAX,
        };
        slice(texts.text(row), starts.get(row)?, length)
    })
}

fn slice(text: &str, start: i64, length: i64) -> Option<&str> {
    let start = if start < 0 {
        usize::try_from(text.chars().count() as i64 + start).ok()?
    } else {
        start as usize
    };
    let length = usize::try_from(length).ok()?;
    if text.is_ascii() {
        return text.get(start..start.saturating_add(length).min(text.len()));
    }
    let mut bounds = text.char_indices().map(|(at, _)| at).skip(start);
    let from = bounds.next()?;
    if length == 0 {
        return Some("");
    }
    let to = bounds.nth(length - 1).unwrap_or(text.len());
    Some(&text[from..to])
}

fn repeat(arguments: &Arguments<'_>, delimiter: Option<usize>) -> Result<arrow::array::ArrayRef> {
    let (texts, counts) = (arguments.texts(0)?, arguments.longs_in(1));
    let delimiters = delimiter
        .map(|position| arguments.texts(position))
        .transpose()?;
    arguments.strings(|row, out| {
        let text = texts.text(row);
        let delimiter = delimiters
            .as_ref()
            .map_or("", |delimiters| delimiters.text(row));
        for position in 0..counts.get(row).unwrap_or(0).clamp(0, 1024) {
            if out.len() + text.len() > LENGTH_MAX {
                break;
            }
            if position > 0 {
                out.push_str(delimiter);
            }
            out.push_str(text);
        }
    })
}

fn replace(text: &str, lookup: &str, rewrite: &str, out: &mut String) {
    if lookup.is_empty() {
        return out.push_str(text);
    }
    let mut from = 0;
    for at in memmem::find_iter(text.as_bytes(), lookup.as_bytes()) {
        out.push_str(&text[from..at]);
        out.push_str(rewrite);
        from = at + lookup.len();
    }
    out.push_str(&text[from..]);
}

/// Replaces each of an array of texts by its counterpart in another; what has no text as its
/// counterpart stays.
fn replace_strings(arguments: &Arguments<'_>) -> Result<arrow::array::ArrayRef> {
    let (texts, lookups, rewrites) = (arguments.texts(0)?, arguments.raw(1)?, arguments.raw(2)?);
    let cached: Cached<String, AhoCorasick> = Cached::new();
    arguments.optional_strings(|row, out| {
        let (text, lookups) = (texts.text(row), lookups.get(row)?);
        let automaton = cached
            .get(lookups.to_owned(), |lookups| compile_lookups(lookups))
            .ok()?;
        let rewrites: Vec<&str> = json::elements(rewrites.get(row)?)?.collect();
        let mut from = 0;
        for found in automaton.find_iter(text) {
            out.push_str(&text[from..found.start()]);
            match rewrites.get(found.pattern().as_usize()) {
                Some(rewrite) if json::kind(rewrite) == json::Kind::String => {
                    out.push_str(&json::unescape(rewrite));
                }
                _ => out.push_str(&text[found.range()]),
            }
            from = found.end();
        }
        out.push_str(&text[from..]);
        Some(())
    })
}

/// Of lookups that begin at the same place, the first one listed is found.
fn compile_lookups(lookups: &str) -> Result<AhoCorasick> {
    let lookups = json::elements(lookups).into_iter().flatten();
    let lookups = lookups
        .filter(|lookup| *lookup != "\"\"")
        .map(json::unescape);
    AhoCorasick::builder()
        .match_kind(MatchKind::LeftmostFirst)
        .build(lookups.map(Cow::into_owned))
        .map_err(|error| exec_datafusion_err!("replace_strings: {error}"))
}

/// Position of the first of an array of terms that the text has, or -1.
fn has_any_index(arguments: &Arguments<'_>) -> Result<arrow::array::ArrayRef> {
    let (texts, terms) = (arguments.texts(0)?, arguments.raw(1)?);
    let mut term = String::new();
    arguments.longs(|row| {
        let mut terms = json::elements(terms.get(row)?)?;
        let found = terms.position(|element| {
            term.clear();
            json::write_text(element, &mut term);
            has_term(texts.text(row), &term)
        });
        Some(found.map_or(-1, |position| position as i64))
    })
}

/// Appends the characters of a code or of an array of codes.
fn write_codepoints(codes: Datum<'_>, out: &mut String) {
    let character = |datum: Datum<'_>| char::from_u32(u32::try_from(datum.to_long()?).ok()?);
    match codes {
        Datum::Dynamic(json) => match json::elements(json) {
            Some(elements) => out.extend(elements.filter_map(|e| character(Datum::Dynamic(e)))),
            None => out.extend(character(codes)),
        },
        _ => out.extend(character(codes)),
    }
}

/// With an index, the array of that one piece, or null if there is no such piece.
fn split(arguments: &Arguments<'_>) -> Result<arrow::array::ArrayRef> {
    let (texts, delimiters) = (arguments.texts(0)?, arguments.texts(1)?);
    let indexes = arguments_or(arguments, 2).map(|position| arguments.longs_in(position));
    arguments.optional_strings(|row, out| {
        let (text, delimiter) = (texts.text(row), delimiters.text(row));
        let mut pieces: Vec<&str> = if delimiter.is_empty() {
            vec![text]
        } else {
            text.split(delimiter).collect()
        };
        if let Some(indexes) = &indexes {
            let index = usize::try_from(indexes.get(row)?).ok()?;
            pieces = vec![pieces.get(index)?];
        }
        write_strings(pieces, out);
        Some(())
    })
}

/// Writes texts as a JSON array of strings.
pub(super) fn write_strings<'t>(texts: impl IntoIterator<Item = &'t str>, out: &mut String) {
    out.push('[');
    for (position, text) in texts.into_iter().enumerate() {
        if position > 0 {
            out.push(',');
        }
        json::write_string(text, out);
    }
    out.push(']');
}

/// `indexof(text, lookup, start, length, occurrence)`: an occurrence counts if it begins within
/// the range; a negative start counts from the end, a negative length is none.
fn index_of(arguments: &Arguments<'_>) -> Result<arrow::array::ArrayRef> {
    let (texts, lookups) = (arguments.texts(0)?, arguments.texts(1)?);
    let range = Range::new(arguments);
    arguments.longs(|row| {
        let (text, lookup) = (texts.text(row), lookups.text(row));
        if lookup.is_empty() {
            return None;
        }
        let (from, to, occurrence) = range.get(row, text, true)?;
        let mut at = from;
        let mut seen = 0;
        while let Some(offset) = text.get(at..)?.find(lookup) {
            let start = at + offset;
            if start >= to {
                break;
            }
            seen += 1;
            if seen == occurrence {
                return Some(text[..start].chars().count() as i64);
            }
            at = start + text[start..].chars().next().map_or(1, char::len_utf8);
        }
        Some(-1)
    })
}

/// The optional arguments start, length and occurrence of `indexof` and `indexof_regex`.
pub(super) struct Range {
    start: Option<super::arguments::Numbers<i64>>,
    length: Option<super::arguments::Numbers<i64>>,
    occurrence: Option<super::arguments::Numbers<i64>>,
}

impl Range {
    pub(super) fn new(arguments: &Arguments<'_>) -> Self {
        let optional =
            |position| arguments_or(arguments, position).map(|at| arguments.longs_in(at));
        Self {
            start: optional(2),
            length: optional(3),
            occurrence: optional(4),
        }
    }

    /// Byte range in which an occurrence must begin, and its number from one; `None` for
    /// arguments that are not valid.
    pub(super) fn get(
        &self,
        row: usize,
        text: &str,
        from_end: bool,
    ) -> Option<(usize, usize, i64)> {
        let value = |numbers: &Option<super::arguments::Numbers<i64>>, default| match numbers {
            Some(numbers) => numbers.get(row),
            None => Some(default),
        };
        let mut start = value(&self.start, 0)?;
        let length = value(&self.length, -1)?;
        let occurrence = value(&self.occurrence, 1)?;
        if occurrence < 1 || (start < 0 && !from_end) {
            return None;
        }
        if start < 0 {
            start = (text.chars().count() as i64 + start).max(0);
        }
        let from = byte_of(text, start);
        let to = if length < 0 {
            text.len()
        } else {
            byte_of(text, start.saturating_add(length))
        };
        Some((from, to, occurrence))
    }
}

/// Byte offset of a character, or the end.
fn byte_of(text: &str, character: i64) -> usize {
    let position = usize::try_from(character).unwrap_or(0);
    text.char_indices()
        .nth(position)
        .map_or(text.len(), |(at, _)| at)
}

/// Plain occurrences may overlap.
pub(super) fn count_overlapping(text: &str, needle: &str) -> i64 {
    if needle.is_empty() {
        return 0;
    }
    let step = needle.chars().next().map_or(1, char::len_utf8);
    let finder = memmem::Finder::new(needle);
    let mut count = 0;
    let mut from = 0;
    while let Some(offset) = finder.find(&text.as_bytes()[from..]) {
        count += 1;
        from += offset + step;
    }
    count
}

/// Where the replacements are fewer, the last one stands for the rest.
fn translate(from: &str, to: &str, text: &str, out: &mut String) {
    let replacements: Vec<char> = to.chars().collect();
    for c in text.chars() {
        match from.chars().position(|candidate| candidate == c) {
            Some(position) => {
                out.extend(replacements.get(position).or_else(|| replacements.last()));
            }
            None => out.push(c),
        }
    }
}

fn to_hex(arguments: &Arguments<'_>) -> Result<arrow::array::ArrayRef> {
    let values = arguments.longs_in(0);
    let widths = arguments_or(arguments, 1).map(|position| arguments.longs_in(position));
    let is_int = arguments.ty(0) == ScalarType::Int;
    arguments.strings(|row, out| {
        let Some(value) = values.get(row) else { return };
        let width = widths
            .as_ref()
            .and_then(|widths| widths.get(row))
            .unwrap_or(0);
        let width = usize::try_from(width).unwrap_or(0).min(64);
        if is_int {
            text::write(out, format_args!("{:0width$x}", value as i32));
        } else {
            text::write(out, format_args!("{value:0width$x}"));
        }
    })
}

/// `format_bytes(value, precision, unit)`: the unit is the largest that leaves a whole part.
fn format_bytes(arguments: &Arguments<'_>) -> Result<arrow::array::ArrayRef> {
    const UNITS: [&str; 7] = ["Bytes", "KB", "MB", "GB", "TB", "PB", "EB"];
    let values = arguments.reals_in(0);
    let precisions = arguments_or(arguments, 1).map(|position| arguments.longs_in(position));
    let units = arguments_or(arguments, 2)
        .map(|position| arguments.texts(position))
        .transpose()?;
    arguments.strings(|row, out| {
        let Some(value) = values.get(row) else { return };
        let precision = precisions
            .as_ref()
            .and_then(|p| p.get(row))
            .unwrap_or(0)
            .clamp(0, 15);
        let wanted = units.as_ref().map_or("", |units| units.text(row));
        let given = UNITS
            .iter()
            .position(|unit| unit.eq_ignore_ascii_case(wanted));
        let mut scaled = value;
        let mut unit = 0;
        while given.map_or(scaled.abs() >= 1024.0 && unit < 6, |given| unit < given) {
            scaled /= 1024.0;
            unit += 1;
        }
        let factor = 10_f64.powi(precision as i32);
        text::write(
            out,
            format_args!("{} {}", (scaled * factor).round() / factor, UNITS[unit]),
        );
    })
}

#[cfg(test)]
mod tests {
    use super::super::testing::{Argument, dynamic, eval, long, real, string, timespan};
    use super::*;

    fn check(name: &str, arguments: &[Argument], expected: &str) {
        let result = match name {
            "strlen" | "string_size" | "indexof" | "countof" => ScalarType::Long,
            "split" => ScalarType::Dynamic,
            _ => ScalarType::String,
        };
        assert_eq!(
            eval(name, result, arguments),
            expected,
            "{name} {arguments:?}"
        );
    }

    #[test]
    fn lengths_count_characters_and_sizes_bytes() {
        check("strlen", &[string("𝓗ello")], "5");
        check("string_size", &[string("𝓗ello")], "8");
        check("reverse", &[string("𝓗ello")], "olle𝓗");
        check("toupper", &[string("naïveté")], "NAÏVETÉ");
    }

    #[test]
    fn substring_counts_from_both_ends() {
        for (text, start, length, expected) in [
            ("abc", 5, 3, ""),
            ("abc", -1, 2, "c"),
            ("abc", -2, 5, "bc"),
            ("x", -2, 5, ""),
            ("hello", 1, -1, ""),
            ("hello", 0, 0, ""),
            ("𝓗ello", 0, 2, "𝓗e"),
            ("𝓗ello", 1, 100, "ello"),
        ] {
            check(
                "substring",
                &[string(text), long(start), long(length)],
                expected,
            );
        }
        check("substring", &[string("hello"), long(2)], "llo");
    }

    #[test]
    fn joining_writes_string_forms() {
        check(
            "strcat",
            &[string("a"), long(1), super::super::testing::bool(true)],
            "a1True",
        );
        let parts = [
            string("-"),
            long(1),
            string("2"),
            string("A"),
            timespan("00:00:01"),
        ];
        check("strcat_delim", &parts, "1-2-A-00:00:01");
        check(
            "strcat_array",
            &[dynamic(r#"["a",null,"","b"]"#), string("|")],
            "a|||b",
        );
        check("strrep", &[string("ABC"), long(2)], "ABCABC");
        check("strrep", &[long(123), long(3), string(".")], "123.123.123");
    }

    #[test]
    fn split_gives_arrays_and_one_piece_as_an_array() {
        check("split", &[string("a,,b"), string(",")], r#"["a","","b"]"#);
        check("split", &[string(""), string(",")], r#"[""]"#);
        check(
            "split",
            &[string("key=val"), string("="), long(1)],
            r#"["val"]"#,
        );
        check("split", &[string("noequals"), string("="), long(1)], "null");
    }

    #[test]
    fn indexof_looks_where_an_occurrence_begins() {
        let check_range = |numbers: &[i64], expected: &str| {
            let mut arguments = vec![string("abcdefgabcdefg"), string("cde")];
            arguments.extend(numbers.iter().map(|number| long(*number)));
            check("indexof", &arguments, expected);
        };
        check_range(&[], "2");
        check_range(&[1, 2], "2");
        check_range(&[3, 4], "-1");
        check_range(&[1, 10, 2], "9");
        check_range(&[1, 10, 3], "-1");
        check(
            "indexof",
            &[string("abcdefg"), string("cde"), long(-5)],
            "2",
        );
        check("indexof", &[string("abc"), string("")], "null");
    }

    #[test]
    fn replacing_and_counting() {
        check(
            "replace_string",
            &[string("aba"), string("a"), string("")],
            "b",
        );
        check(
            "replace_string",
            &[string("aba"), string(""), string("X")],
            "aba",
        );
        check("countof", &[string("aaa"), string("aa")], "2");
        check(
            "translate",
            &[string("krasp"), string("otsku"), string("spark")],
            "kusto",
        );
        check(
            "translate",
            &[string("abc"), string("x"), string("abcd")],
            "xxxd",
        );
    }

    #[test]
    fn lists_of_texts() {
        let message = string("This is an example");
        let rewrites = [
            message.clone(),
            dynamic(r#"["This","is"]"#),
            dynamic(r#"[1,"was"]"#),
        ];
        check("replace_strings", &rewrites, "This was an example");
        let terms = [message, dynamic(r#"["not","EXAMPLE"]"#)];
        assert_eq!(eval("has_any_index", ScalarType::Long, &terms), "1");
        let codes = [dynamic("[75,117]"), long(115)];
        check("unicode_codepoints_to_string", &codes, "Kus");
    }

    #[test]
    fn numbers_as_text() {
        check("tohex", &[long(256)], "100");
        check("tohex", &[long(-256)], "ffffffffffffff00");
        check("tohex", &[long(256), long(8)], "00000100");
        check("format_bytes", &[real(20_010_332.0), long(2)], "19.08 MB");
        check(
            "format_bytes",
            &[real(20_010_332.0), long(0), string("KB")],
            "19541 KB",
        );
    }
}
