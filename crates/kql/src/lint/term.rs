//! Terms: the runs of letters and digits that `has` looks for and that Kusto's index holds
//! (datatypes-string-operators.md).

/// The shortest term that the index holds.
pub(super) const INDEXED_MIN: usize = 3;

/// The terms of a text.
pub(super) fn terms(text: &str) -> impl Iterator<Item = &str> {
    text.split(|character: char| !is_term_character(character))
        .filter(|term| !term.is_empty())
}

/// Whether a character belongs to terms.
pub(super) fn is_term_character(character: char) -> bool {
    character.is_alphanumeric()
}

/// Length of the longest term.
pub(super) fn longest(text: &str) -> usize {
    terms(text)
        .map(|term| term.chars().count())
        .max()
        .unwrap_or(0)
}

/// Whether a text begins and ends with something between terms, so that looking for it as a
/// substring and as terms is the same.
pub(super) fn is_delimited(text: &str) -> bool {
    let edge = |character: Option<char>| character.is_some_and(|one| !is_term_character(one));
    edge(text.chars().next()) && edge(text.chars().next_back())
}
