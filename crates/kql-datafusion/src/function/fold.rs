//! Case folding and terms: what "ignoring case" and "a whole term" mean in every operator.
//! Folding is Unicode's simple one, character by character; a term is a maximal run of letters
//! and digits, so `_` and all punctuation separate terms.

use std::borrow::Cow;

/// Folds one character.
pub(super) fn fold_char(c: char) -> char {
    if c.is_ascii() {
        return c.to_ascii_lowercase();
    }
    // The dotless i is a letter of its own, though its capital is that of `i`.
    if c == 'ı' {
        return c;
    }
    single(single(c, char::to_uppercase), char::to_lowercase)
}

/// A mapping where it gives one character, else the character itself.
fn single<I: Iterator<Item = char>>(c: char, map: impl Fn(char) -> I) -> char {
    let mut mapped = map(c);
    match (mapped.next(), mapped.next()) {
        (Some(one), None) => one,
        _ => c,
    }
}

/// Folds a text.
pub(super) fn fold(text: &str) -> String {
    let mut folded = String::new();
    fold_into(text, &mut folded);
    folded
}

/// Folds a text into a buffer, replacing what it held.
pub(super) fn fold_into(text: &str, buffer: &mut String) {
    buffer.clear();
    if text.is_ascii() {
        buffer.push_str(text);
        buffer.make_ascii_lowercase();
    } else {
        buffer.extend(text.chars().map(fold_char));
    }
}

/// A text as it is, or folded into the buffer.
pub(super) fn fold_unless<'t>(
    case_sensitive: bool,
    text: &'t str,
    buffer: &'t mut String,
) -> &'t str {
    if case_sensitive {
        return text;
    }
    fold_into(text, buffer);
    buffer
}

/// The folded form of a pattern, or the pattern itself for the `_cs` operators.
pub(super) fn pattern(case_sensitive: bool, text: &str) -> Cow<'_, str> {
    if case_sensitive {
        Cow::Borrowed(text)
    } else {
        Cow::Owned(fold(text))
    }
}

/// Whether no term crosses the position `at`, the left end of an occurrence of `needle`. An edge
/// of the needle that is a separator itself is a boundary.
pub(super) fn starts_term(text: &str, at: usize, needle: &str) -> bool {
    !needle.starts_with(char::is_alphanumeric)
        || !text[..at]
            .chars()
            .next_back()
            .is_some_and(char::is_alphanumeric)
}

/// Whether no term crosses the position `at`, the right end of an occurrence of `needle`.
pub(super) fn ends_term(text: &str, at: usize, needle: &str) -> bool {
    !needle.ends_with(char::is_alphanumeric) || !text[at..].starts_with(char::is_alphanumeric)
}
