//! The string operators of one text and one pattern: `has`, `contains`, `startswith`,
//! `=~`, `matches regex` and their kin. A constant pattern is prepared once per batch. Lists of
//! patterns are in `in_list.rs`, folding and terms in `fold.rs`.

use std::borrow::Cow;
use std::sync::Arc;

use datafusion::common::Result;
use datafusion::logical_expr::ScalarUDF;
use kql::hir::StringOp;
use kql::types::ScalarType;
use memchr::memmem::Finder;

use super::arguments::Arguments;
use super::cached::Cached;
use super::caseless::Caseless;
use super::fold::{ends_term, fold_char, fold_unless, pattern, starts_term};
use super::pattern::{Patterns, as_written};
use super::udf::{KqlScalar, code};

/// A string operator over (text, pattern).
pub fn string_operator(op: StringOp, negated: bool, case_sensitive: bool) -> Arc<ScalarUDF> {
    let not = if negated { "not_" } else { "" };
    let cs = if case_sensitive { "_cs" } else { "" };
    let name = format!("kql_{not}{op:?}{cs}").to_lowercase();
    let patterns = Patterns::new();
    let finders: Cached<String, Option<Caseless>> = Cached::new();
    let evaluate = code(move |arguments| {
        let texts = arguments.texts(0)?;
        if op == StringOp::MatchesRegex {
            let operand = arguments.texts(1)?;
            let mut patterns = patterns.batch(&operand, as_written)?;
            return arguments.tests(|row| {
                let matched = patterns
                    .get(row)
                    .is_some_and(|re| re.is_match(texts.text(row)));
                matched != negated
            });
        }
        if let Some(needle) = arguments.texts(1)?.constant() {
            let mut matcher = Matcher::new(op, case_sensitive, needle);
            if !case_sensitive && is_search(op) {
                let needle = matcher.needle.to_string();
                matcher.caseless =
                    Some(finders.get(needle, |needle| Ok(Caseless::new([needle.as_str()])))?);
            }
            return arguments.tests(|row| matcher.matches(texts.text(row)) != negated);
        }
        match_row_by_row(op, negated, case_sensitive, arguments)
    });
    KqlScalar::udf(
        name,
        &[ScalarType::String, ScalarType::String],
        ScalarType::Bool,
        evaluate,
    )
}

/// Whether the operator looks for its pattern anywhere in the text.
fn is_search(op: StringOp) -> bool {
    matches!(
        op,
        StringOp::Contains | StringOp::Has | StringOp::HasPrefix | StringOp::HasSuffix
    )
}

/// `text has term`.
pub(super) fn has_term(text: &str, term: &str) -> bool {
    Matcher::new(StringOp::Has, false, term).matches(text)
}

fn match_row_by_row(
    op: StringOp,
    negated: bool,
    case_sensitive: bool,
    arguments: &Arguments<'_>,
) -> Result<arrow::array::ArrayRef> {
    let texts = arguments.texts(0)?;
    let needles = arguments.texts(1)?;
    arguments.tests(|row| {
        let mut matcher = Matcher::new(op, case_sensitive, needles.text(row));
        matcher.matches(texts.text(row)) != negated
    })
}

/// A prepared pattern.
struct Matcher<'n> {
    op: StringOp,
    case_sensitive: bool,
    needle: Cow<'n, str>,
    finder: Finder<'static>,
    folded: String,
    /// Finds the pattern in ASCII whatever the case, if it is prepared.
    caseless: Option<Arc<Option<Caseless>>>,
}

impl<'n> Matcher<'n> {
    fn new(op: StringOp, case_sensitive: bool, needle: &'n str) -> Self {
        let needle = pattern(case_sensitive, needle);
        let finder = Finder::new(needle.as_bytes()).into_owned();
        Self {
            op,
            case_sensitive,
            needle,
            finder,
            folded: String::new(),
            caseless: None,
        }
    }

    fn matches(&mut self, text: &str) -> bool {
        if let Some(caseless) = &self.caseless
            && let Some(caseless) = &**caseless
            && text.is_ascii()
        {
            return caseless.any(text, |_, start, end| {
                is_term(self.op, text, start, end, &self.needle)
            });
        }
        match self.op {
            StringOp::StartsWith if self.case_sensitive => text.starts_with(&*self.needle),
            StringOp::EndsWith if self.case_sensitive => text.ends_with(&*self.needle),
            StringOp::StartsWith => is_prefix(self.needle.chars(), text.chars()),
            StringOp::EndsWith => is_prefix(self.needle.chars().rev(), text.chars().rev()),
            StringOp::EqualIgnoringCase => self.needle.chars().eq(text.chars().map(fold_char)),
            StringOp::Contains => {
                let text = fold_unless(self.case_sensitive, text, &mut self.folded);
                self.finder.find(text.as_bytes()).is_some()
            }
            StringOp::Has | StringOp::HasPrefix | StringOp::HasSuffix => {
                let text = fold_unless(self.case_sensitive, text, &mut self.folded);
                has(self.op, text, &self.needle, &self.finder)
            }
            // Regular expressions have their own path.
            StringOp::MatchesRegex => false,
        }
    }
}

fn is_prefix(needle: impl Iterator<Item = char>, mut text: impl Iterator<Item = char>) -> bool {
    for expected in needle {
        if text.next().map(fold_char) != Some(expected) {
            return false;
        }
    }
    true
}

/// Whether `needle` occurs in `text` with the term boundaries that `op` asks for.
fn has(op: StringOp, text: &str, needle: &str, finder: &Finder<'_>) -> bool {
    if needle.is_empty() {
        return true;
    }
    let mut from = 0;
    while let Some(offset) = finder.find(&text.as_bytes()[from..]) {
        let start = from + offset;
        let end = start + needle.len();
        if is_term(op, text, start, end, needle) {
            return true;
        }
        // The occurrence starts a character, so the next byte index that does is after it.
        from = start + text[start..].chars().next().map_or(1, char::len_utf8);
    }
    false
}

/// Whether an occurrence of `needle` has the term boundaries that `op` asks for.
fn is_term(op: StringOp, text: &str, start: usize, end: usize, needle: &str) -> bool {
    if op == StringOp::Contains {
        return true;
    }
    let left = op == StringOp::HasSuffix || starts_term(text, start, needle);
    let right = op == StringOp::HasPrefix || ends_term(text, end, needle);
    left && right
}

#[cfg(test)]
mod tests;
