//! Regular expressions that say nothing a plain text could not say.

/// A plain text, and where it must stand.
#[derive(Debug, PartialEq)]
pub(super) struct Plain {
    /// The text, escapes taken away.
    pub(super) text: String,
    /// Whether case is ignored.
    pub(super) ignores_case: bool,
    /// Whether it must stand at the beginning.
    pub(super) at_start: bool,
    /// Whether it must stand at the end.
    pub(super) at_end: bool,
}

/// The plain text that a pattern means.
pub(super) fn plain(pattern: &str) -> Option<Plain> {
    let (pattern, ignores_case) = without_flag(pattern);
    let (pattern, at_start) = match pattern.strip_prefix('^') {
        Some(rest) => (rest, true),
        None => (pattern, false),
    };
    let (pattern, at_start) = match pattern.strip_prefix(".*") {
        Some(rest) => (rest, false),
        None => (pattern, at_start),
    };
    let is_escaped = pattern.ends_with("\\$");
    let (pattern, at_end) = match pattern.strip_suffix('$').filter(|_| !is_escaped) {
        Some(rest) => (rest, true),
        None => (pattern, false),
    };
    let (pattern, at_end) = match pattern.strip_suffix(".*") {
        Some(rest) if !rest.ends_with('\\') => (rest, false),
        _ => (pattern, at_end),
    };
    let text = literal(pattern).filter(|text| !text.is_empty())?;
    Some(Plain {
        text,
        ignores_case,
        at_start,
        at_end,
    })
}

/// The plain texts of which a pattern wants one, if there are several.
pub(super) fn alternatives(pattern: &str) -> Option<(Vec<String>, bool)> {
    let (pattern, ignores_case) = without_flag(pattern);
    let inner = pattern
        .strip_prefix("(?:")
        .or_else(|| pattern.strip_prefix('('))
        .and_then(|rest| rest.strip_suffix(')'))
        .unwrap_or(pattern);
    let texts: Option<Vec<String>> = inner.split('|').map(literal).collect();
    let texts = texts.filter(|texts| texts.len() > 1)?;
    let all_say_something = texts.iter().all(|text| !text.is_empty());
    all_say_something.then_some((texts, ignores_case))
}

fn without_flag(pattern: &str) -> (&str, bool) {
    match pattern.strip_prefix("(?i)") {
        Some(rest) => (rest, true),
        None => (pattern, false),
    }
}

/// A pattern without any special character but escaped ones.
fn literal(pattern: &str) -> Option<String> {
    let mut text = String::with_capacity(pattern.len());
    let mut characters = pattern.chars();
    while let Some(character) = characters.next() {
        match character {
            '\\' => match characters.next() {
                Some(escaped) if escaped.is_ascii_punctuation() => text.push(escaped),
                _ => return None,
            },
            '.' | '[' | ']' | '{' | '}' | '(' | ')' | '*' | '+' | '?' | '|' | '^' | '$' => {
                return None;
            }
            other => text.push(other),
        }
    }
    Some(text)
}

/// The longest word that every match of a pattern holds, and whether it stands there as a term, with
/// something other than letters and digits around it.
pub(super) fn required_word(pattern: &str) -> Option<(String, bool)> {
    let (pattern, _) = without_flag(pattern);
    let mut words: Vec<(String, bool)> = Vec::new();
    let mut word = String::new();
    let mut is_term = true;
    let mut depth = 0_u32;
    let mut characters = pattern.chars().peekable();
    let end = |word: &mut String, is_term: bool, words: &mut Vec<(String, bool)>| {
        if !word.is_empty() {
            words.push((std::mem::take(word), is_term));
        }
    };
    while let Some(character) = characters.next() {
        match character {
            '|' if depth == 0 => return None,
            '(' | '[' if depth == 0 => {
                end(&mut word, false, &mut words);
                depth = 1;
                is_term = false;
            }
            '(' => depth += 1,
            ')' | ']' if depth > 0 => depth -= 1,
            '\\' => {
                let escaped = characters.next()?;
                if depth > 0 {
                    continue;
                }
                let splits = escaped == 'b' || escaped.is_ascii_punctuation();
                end(&mut word, is_term && splits, &mut words);
                is_term = splits;
            }
            _ if depth > 0 => {}
            '?' | '*' | '{' => {
                // What is repeated may be missing.
                word.pop();
                end(&mut word, false, &mut words);
                is_term = false;
                if character == '{' {
                    while characters.next_if(|one| *one != '}').is_some() {}
                }
            }
            one if one.is_alphanumeric() => word.push(one),
            one => {
                let splits = !matches!(one, '.' | '+');
                end(&mut word, is_term && splits, &mut words);
                is_term = splits;
            }
        }
    }
    end(&mut word, is_term, &mut words);
    words.into_iter().max_by_key(|(word, _)| word.len())
}
