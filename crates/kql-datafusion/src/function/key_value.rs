//! The keys and values that `parse-kv` finds in a text. One pass over a text gives the values of
//! all keys; the first appearance of a key counts. Types are not known here: values are text.

use std::collections::HashMap;
use std::hash::{Hash, Hasher};
use std::sync::Arc;

use arrow::array::{Array, ArrayRef, StringViewBuilder, StructArray};
use arrow::datatypes::{DataType, Field, Fields};
use datafusion::common::{Result, cast::as_string_view_array};
use datafusion::logical_expr::{
    ColumnarValue, ScalarFunctionArgs, ScalarUDF, ScalarUDFImpl, Signature, Volatility,
};
use regex::Regex;

/// How keys and values are told apart.
#[derive(Clone, Debug)]
pub(crate) enum Notation {
    /// By delimiters.
    Delimited {
        /// Between pairs.
        pair: String,
        /// Between a key and its value.
        key_value: String,
        /// Unquoted values end where the next key starts, not at the first delimiter of pairs.
        greedy: bool,
        /// What surrounds keys and values.
        quotes: Quotes,
    },
    /// Whatever is neither a letter nor a digit tells them apart.
    Words(Quotes),
    /// A regular expression with a group for the key and one for the value.
    Matched(Regex),
}

/// Quotes, and what escapes them.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub(crate) struct Quotes {
    /// Opening and closing characters.
    pub(crate) pairs: Vec<(char, char)>,
    /// Characters that make the quote behind them part of the value.
    pub(crate) escapes: Vec<char>,
}

/// The function from a text to a struct with the values of `keys`, fields `c0`, `c1`, …; a key
/// that does not occur is null.
pub(crate) fn key_values(notation: Notation, keys: &[Arc<str>]) -> ScalarUDF {
    let field = |at| Field::new(format!("c{at}"), DataType::Utf8View, true);
    ScalarUDF::new_from_impl(KeyValues {
        notation,
        keys: keys.to_vec(),
        places: keys.iter().cloned().zip(0..).collect(),
        fields: (0..keys.len()).map(field).collect(),
        signature: Signature::exact(vec![DataType::Utf8View], Volatility::Immutable),
    })
}

#[derive(Debug)]
struct KeyValues {
    notation: Notation,
    keys: Vec<Arc<str>>,
    places: HashMap<Arc<str>, usize>,
    fields: Fields,
    signature: Signature,
}

impl KeyValues {
    /// All that tells it from others.
    fn identity(&self) -> (String, &[Arc<str>]) {
        (format!("{:?}", self.notation), &self.keys)
    }
}

impl PartialEq for KeyValues {
    fn eq(&self, other: &Self) -> bool {
        self.identity() == other.identity()
    }
}

impl Eq for KeyValues {}

impl Hash for KeyValues {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.identity().hash(state);
    }
}

impl ScalarUDFImpl for KeyValues {
    fn name(&self) -> &'static str {
        "kql_parse_kv"
    }

    fn signature(&self) -> &Signature {
        &self.signature
    }

    fn return_type(&self, _: &[DataType]) -> Result<DataType> {
        Ok(DataType::Struct(self.fields.clone()))
    }

    fn invoke_with_args(&self, arguments: ScalarFunctionArgs) -> Result<ColumnarValue> {
        let texts = arguments.args[0].to_array(arguments.number_rows)?;
        let texts = as_string_view_array(&texts)?;
        let mut builders: Vec<StringViewBuilder> = self
            .keys
            .iter()
            .map(|_| StringViewBuilder::with_capacity(texts.len()))
            .collect();
        let mut found = Found::new(&self.places);
        for row in 0..texts.len() {
            found.clear();
            if texts.is_valid(row) {
                self.notation.scan(texts.value(row), &mut found);
            }
            for (builder, value) in builders.iter_mut().zip(&found.values) {
                match value {
                    Some(value) => builder.append_value(value),
                    None => builder.append_null(),
                }
            }
        }
        let columns: Vec<ArrayRef> = builders
            .into_iter()
            .map(|mut builder| Arc::new(builder.finish()) as ArrayRef)
            .collect();
        let rows = StructArray::try_new(self.fields.clone(), columns, None)?;
        Ok(ColumnarValue::Array(Arc::new(rows)))
    }
}

/// The values found so far in a text.
struct Found<'k> {
    places: &'k HashMap<Arc<str>, usize>,
    values: Vec<Option<String>>,
    missing: usize,
}

impl<'k> Found<'k> {
    fn new(places: &'k HashMap<Arc<str>, usize>) -> Self {
        let values = vec![None; places.len()];
        Self {
            places,
            missing: values.len(),
            values,
        }
    }

    fn clear(&mut self) {
        self.values.fill(None);
        self.missing = self.values.len();
    }

    fn add(&mut self, key: &str, value: &str) {
        if let Some(at) = self.places.get(key)
            && self.values[*at].is_none()
        {
            self.values[*at] = Some(value.to_owned());
            self.missing -= 1;
        }
    }
}

impl Notation {
    fn scan(&self, text: &str, found: &mut Found<'_>) {
        match self {
            Self::Delimited {
                pair,
                key_value,
                greedy,
                quotes,
            } => {
                let delimited = Delimited {
                    pair,
                    key_value,
                    greedy: *greedy,
                    quotes,
                };
                delimited.scan(text, found);
            }
            Self::Words(quotes) => scan_words(text, quotes, found),
            Self::Matched(regex) => {
                for captures in regex.captures_iter(text) {
                    if let (Some(key), Some(value)) = (captures.get(1), captures.get(2)) {
                        found.add(key.as_str().trim(), value.as_str().trim());
                    }
                    if found.missing == 0 {
                        break;
                    }
                }
            }
        }
    }
}

impl Quotes {
    /// The quoted value that `text` starts with, and what is behind it. A quote that is never
    /// closed is no quote.
    fn quoted<'t>(&self, text: &'t str) -> Option<(String, &'t str)> {
        let open = text.chars().next()?;
        let (_, close) = self.pairs.iter().find(|(start, _)| *start == open)?;
        let mut value = String::new();
        let mut rest = text[open.len_utf8()..].char_indices();
        while let Some((at, c)) = rest.next() {
            if self.escapes.contains(&c) {
                match rest.clone().next() {
                    Some((_, next)) if self.is_special(next) => {
                        value.push(next);
                        rest.next();
                        continue;
                    }
                    _ => {}
                }
            }
            if c == *close {
                let end = open.len_utf8() + at + c.len_utf8();
                return Some((value, &text[end..]));
            }
            value.push(c);
        }
        None
    }

    fn is_special(&self, c: char) -> bool {
        let mut pairs = self.pairs.iter();
        self.escapes.contains(&c) || pairs.any(|(open, close)| c == *open || c == *close)
    }

    fn opens(&self, c: char) -> bool {
        self.pairs.iter().any(|(open, _)| *open == c)
    }
}

struct Delimited<'n> {
    pair: &'n str,
    key_value: &'n str,
    greedy: bool,
    quotes: &'n Quotes,
}

impl Delimited<'_> {
    fn scan(&self, text: &str, found: &mut Found<'_>) {
        let mut rest = text;
        while !rest.is_empty() && found.missing > 0 {
            rest = rest.trim_start();
            let (key, behind) = self.key(rest);
            let Some(value) = behind.trim_start().strip_prefix(self.key_value) else {
                rest = match behind.strip_prefix(self.pair) {
                    Some(next) => next,
                    None => self.behind_pair(behind),
                };
                continue;
            };
            let value = value.trim_start();
            if let Some((quoted, behind)) = self.quotes.quoted(value) {
                found.add(&key, quoted.trim());
                rest = self.behind_pair(behind);
                continue;
            }
            let end = self.end_of_value(value);
            found.add(&key, value[..end].trim());
            rest = &value[end..];
            rest = rest.strip_prefix(self.pair).unwrap_or(rest);
        }
    }

    /// The key that the text starts with, and what is behind it: the text up to the first
    /// delimiter.
    fn key<'t>(&self, text: &'t str) -> (String, &'t str) {
        if let Some((key, behind)) = self.quotes.quoted(text) {
            return (key.trim().to_owned(), behind);
        }
        let key_value = text.find(self.key_value).unwrap_or(text.len());
        let end = text[..key_value].find(self.pair).unwrap_or(key_value);
        (text[..end].trim().to_owned(), &text[end..])
    }

    /// What comes after the next delimiter of pairs.
    fn behind_pair<'t>(&self, text: &'t str) -> &'t str {
        match text.find(self.pair) {
            Some(at) => &text[at + self.pair.len()..],
            None => "",
        }
    }

    /// Where an unquoted value ends.
    fn end_of_value(&self, text: &str) -> usize {
        if !self.greedy {
            return text.find(self.pair).unwrap_or(text.len());
        }
        // The last delimiter of pairs before the next key is where the value ends.
        match text.find(self.key_value) {
            Some(next) => {
                let before_key = text[..next].trim_end();
                before_key.rfind(self.pair).unwrap_or(text.len())
            }
            None => text.len(),
        }
    }
}

/// Keys are the words that were asked for; the value is the word or the quoted text behind.
fn scan_words(text: &str, quotes: &Quotes, found: &mut Found<'_>) {
    let mut at = 0;
    let mut previous: Option<char> = None;
    while let Some(c) = text[at..].chars().next() {
        let starts_word = previous.is_none_or(|previous| !previous.is_alphanumeric());
        let key = (starts_word && c.is_alphanumeric())
            .then(|| key_at(&text[at..], found))
            .flatten();
        let Some(key) = key else {
            previous = Some(c);
            at += c.len_utf8();
            continue;
        };
        let mut value = &text[at + key.len()..];
        // The quote that closes a quoted key does not open a value.
        if let Some(open) = previous
            && let Some((_, close)) = quotes.pairs.iter().find(|(start, _)| *start == open)
        {
            value = value.strip_prefix(*close).unwrap_or(value);
        }
        let is_start = |c: char| c.is_alphanumeric() || quotes.opens(c);
        let value = &value[value.find(is_start).unwrap_or(value.len())..];
        let behind = if let Some((quoted, behind)) = quotes.quoted(value) {
            found.add(&key, quoted.trim());
            behind
        } else {
            let value = value.trim_start_matches(|c: char| !c.is_alphanumeric());
            let end = value.find(|c: char| !c.is_alphanumeric());
            let (value, behind) = value.split_at(end.unwrap_or(value.len()));
            found.add(&key, value);
            behind
        };
        at = text.len() - behind.len();
        previous = text[..at].chars().next_back();
        if found.missing == 0 {
            return;
        }
    }
}

/// The longest key that the text starts with as a word.
fn key_at(text: &str, found: &Found<'_>) -> Option<String> {
    let keys = found.places.keys().filter(|key| {
        let behind = text.strip_prefix(&***key);
        behind.is_some_and(|behind| !behind.starts_with(char::is_alphanumeric))
    });
    keys.max_by_key(|key| key.len()).map(ToString::to_string)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn find(notation: &Notation, text: &str, keys: &[&str]) -> Vec<Option<String>> {
        let keys: Vec<Arc<str>> = keys.iter().map(|key| Arc::from(*key)).collect();
        let places = keys.into_iter().zip(0..).collect();
        let mut found = Found::new(&places);
        notation.scan(text, &mut found);
        found.values
    }

    fn some(values: &[&str]) -> Vec<Option<String>> {
        values
            .iter()
            .map(|value| Some((*value).to_owned()))
            .collect()
    }

    fn delimited(pair: &str, key_value: &str, greedy: bool) -> Notation {
        Notation::Delimited {
            pair: pair.to_owned(),
            key_value: key_value.to_owned(),
            greedy,
            quotes: Quotes {
                pairs: vec![('"', '"'), ('(', ')')],
                escapes: vec!['\\'],
            },
        }
    }

    #[test]
    fn the_first_of_equal_keys_counts() {
        let found = find(&delimited(";", "=", false), "a=1;b=2;a=3", &["a", "b"]);
        assert_eq!(found, some(&["1", "2"]));
    }

    #[test]
    fn white_space_around_a_delimiter_is_not_a_delimiter() {
        let found = find(
            &delimited(" ", "=", false),
            "  key  =  value  x=y",
            &["key", "x"],
        );
        assert_eq!(found, some(&["value", "y"]));
    }

    #[test]
    fn quotes_hide_delimiters_and_escapes_hide_quotes() {
        let text = r#"a="x, \"y\", \z" tail, (b c)=(1, 2), d="open"#;
        let found = find(&delimited(",", "=", false), text, &["a", "b c", "d"]);
        assert_eq!(found, some(&[r#"x, "y", \z"#, "1, 2", "\"open"]));
    }

    #[test]
    fn greedy_values_end_where_the_next_key_starts() {
        let text = "name=John Doe phone = 555 5555 city=New York";
        let found = find(&delimited(" ", "=", true), text, &["name", "phone", "city"]);
        assert_eq!(found, some(&["John Doe", "555 5555", "New York"]));
    }

    #[test]
    fn a_pair_that_lacks_its_value_is_skipped() {
        let found = find(&delimited(";", "=", false), "a;b=;c=1", &["a", "b", "c"]);
        assert_eq!(found, [None, Some(String::new()), Some("1".to_owned())]);
    }

    #[test]
    fn words_are_told_apart_by_anything() {
        let quotes = Quotes {
            pairs: vec![('\'', '\'')],
            escapes: vec!['\\'],
        };
        let text = r"00:34 [INFO] ThreadId:458, 'A b'='c d', ThreadIds: 7, Text: 'it\'s up'";
        let found = find(&Notation::Words(quotes), text, &["Text", "A b", "ThreadId"]);
        assert_eq!(found, some(&["it's up", "c d", "458"]));
    }

    #[test]
    fn a_pattern_gives_key_and_value() {
        let regex = Regex::new(r#""([\w ]+)\s*:\s*([^"]*)""#).unwrap();
        let text = r#"["a url: https://h/?q=1", "b: 2"]"#;
        let found = find(&Notation::Matched(regex), text, &["a url", "b"]);
        assert_eq!(found, some(&["https://h/?q=1", "2"]));
    }
}
