//! The words of a command, and where it ends and a query is piped onto it.

use super::super::error::ApiError;

/// A piece of a command.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Word {
    /// As it is written.
    Plain(String),
    /// A name or text in quotes, or in brackets and quotes.
    Quoted(String),
    /// `(`, `)`, `,`, `=`
    Sign(char),
}

/// The command at the beginning of a text, and where the `|` behind it is.
pub(super) fn split(text: &str) -> (&str, Option<usize>) {
    let mut quote = None;
    for (at, letter) in text.char_indices() {
        match (quote, letter) {
            (Some(open), _) if open == letter => quote = None,
            (None, '"' | '\'') => quote = Some(letter),
            (None, '|') => return (&text[..at], Some(at)),
            _ => {}
        }
    }
    (text, None)
}

/// The words of a command, read one after the other.
#[derive(Debug)]
pub(super) struct Words {
    words: Vec<Word>,
    next: usize,
}

impl Words {
    pub(super) fn read(command: &str) -> Result<Self, ApiError> {
        let mut words = Vec::new();
        let mut rest = command.trim().trim_end_matches(';').trim_end();
        while let Some(first) = rest.chars().next() {
            if first.is_whitespace() {
                rest = rest.trim_start();
                continue;
            }
            if rest.starts_with("//") {
                rest = rest.split_once('\n').map_or("", |(_, rest)| rest);
                continue;
            }
            let in_brackets = rest.starts_with('[');
            let opened = if in_brackets {
                rest[1..].trim_start()
            } else {
                rest
            };
            if let Some(quote) = opened.chars().next().filter(|c| matches!(c, '"' | '\'')) {
                let (name, behind) = opened[1..].split_once(quote).ok_or_else(|| {
                    ApiError::bad_command(&format!("a quote is not closed: {rest}"))
                })?;
                words.push(Word::Quoted(name.to_owned()));
                let behind = if in_brackets {
                    behind.trim_start()
                } else {
                    behind
                };
                rest = behind
                    .strip_prefix(']')
                    .filter(|_| in_brackets)
                    .unwrap_or(behind);
                continue;
            }
            if in_brackets {
                // A name in brackets alone.
                let (name, behind) = rest[1..].split_once(']').ok_or_else(|| {
                    ApiError::bad_command(&format!("a bracket is not closed: {rest}"))
                })?;
                words.push(Word::Quoted(name.trim().to_owned()));
                rest = behind;
                continue;
            }
            if matches!(first, '(' | ')' | ',' | '=') {
                words.push(Word::Sign(first));
                rest = &rest[1..];
                continue;
            }
            let end = rest
                .find(|c: char| c.is_whitespace() || matches!(c, '(' | ')' | ',' | '=' | '[' | '"'))
                .unwrap_or(rest.len());
            words.push(Word::Plain(rest[..end].to_owned()));
            rest = &rest[end..];
        }
        Ok(Self { words, next: 0 })
    }

    /// Takes the next word if it is this one.
    pub(super) fn take(&mut self, word: &str) -> bool {
        let found = matches!(
            self.words.get(self.next),
            Some(Word::Plain(plain)) if plain.eq_ignore_ascii_case(word)
        );
        self.next += usize::from(found);
        found
    }

    /// Takes the next words if they are these.
    pub(super) fn take_all(&mut self, words: &[&str]) -> bool {
        let before = self.next;
        if words.iter().all(|word| self.take(word)) {
            return true;
        }
        self.next = before;
        false
    }

    fn sign(&mut self, sign: char) -> bool {
        let found = self.words.get(self.next) == Some(&Word::Sign(sign));
        self.next += usize::from(found);
        found
    }

    /// Takes a name, which is none of `keywords` unless it is in quotes.
    pub(super) fn name(&mut self, keywords: &[&str]) -> Option<String> {
        let name = match self.words.get(self.next)? {
            Word::Plain(name) if keywords.iter().any(|word| name.eq_ignore_ascii_case(word)) => {
                return None;
            }
            Word::Plain(name) | Word::Quoted(name) => name.clone(),
            Word::Sign(_) => return None,
        };
        self.next += 1;
        Some(name)
    }

    /// Takes `(a, b)`, each with what else is said of it.
    pub(super) fn names(&mut self) -> Option<Vec<String>> {
        let before = self.next;
        if !self.sign('(') {
            return None;
        }
        let mut names = Vec::new();
        while let Some(name) = self.name(&[]) {
            names.push(name);
            self.if_later_than();
            if !self.sign(',') {
                break;
            }
        }
        if self.sign(')') {
            return Some(names);
        }
        self.next = before;
        None
    }

    /// Takes `if_later_than "version"`: the schema here has no version, and counts as later.
    pub(super) fn if_later_than(&mut self) {
        if self.take("if_later_than") {
            self.name(&[]);
        }
    }

    /// Takes `with (name = value, …)`.
    pub(super) fn properties(&mut self) -> Vec<(String, String)> {
        let before = self.next;
        let mut properties = Vec::new();
        if !self.take("with") || !self.sign('(') {
            self.next = before;
            return properties;
        }
        while let Some(name) = self.name(&[]) {
            let value = if self.sign('=') { self.name(&[]) } else { None };
            properties.push((name, value.unwrap_or_default()));
            if !self.sign(',') {
                break;
            }
        }
        if !self.sign(')') {
            self.next = before;
        }
        properties
    }

    pub(super) fn at_end(&self) -> bool {
        self.next == self.words.len()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pipe_ends_a_command_unless_it_is_in_quotes() {
        assert_eq!(split(".show tables | take 1"), (".show tables ", Some(13)));
        assert_eq!(split(".show table ['a|b'] details").1, None);
    }

    #[test]
    fn names_are_written_in_several_ways() {
        let mut words =
            Words::read(".show Tables (T, ['my table'], \"x y\", [Z]) // all\n;").unwrap();
        assert!(words.take(".show") && words.take("tables"));
        assert_eq!(words.names().unwrap(), ["T", "my table", "x y", "Z"]);
        assert!(words.at_end());
        assert!(Words::read(".show table ['x").is_err());
    }

    #[test]
    fn properties_are_pairs() {
        let mut words = Words::read("with (a = true, b='x y')").unwrap();
        let pair = |name: &str, value: &str| (name.to_owned(), value.to_owned());
        assert_eq!(words.properties(), [pair("a", "true"), pair("b", "x y")]);
        assert!(words.at_end());
    }
}
