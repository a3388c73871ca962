//! Regular expressions by text. A constant one that is wrong is the query's error; one that
//! comes from a row is that row's null.

use std::collections::HashMap;
use std::sync::Arc;

use datafusion::common::{Result, exec_err};
use regex::Regex;

use super::arguments::Texts;
use super::cached::Cached;

/// Most expressions of rows that are kept at a time.
const ROW_PATTERNS_MAX: usize = 256;

/// Compiled patterns of one function.
pub(super) struct Patterns {
    constant: Cached<String, Regex>,
}

/// The patterns of one batch.
pub(super) enum Batch<'t> {
    /// One for all rows.
    Constant(Arc<Regex>),
    /// One per row, those seen so far.
    Rows(
        &'t Texts,
        HashMap<&'t str, Option<Arc<Regex>>>,
        fn(&str) -> String,
    ),
}

impl Patterns {
    /// None yet.
    pub(super) fn new() -> Self {
        Self {
            constant: Cached::new(),
        }
    }

    /// The patterns of a batch, each passed through `spell` before it is compiled.
    pub(super) fn batch<'t>(
        &self,
        texts: &'t Texts,
        spell: fn(&str) -> String,
    ) -> Result<Batch<'t>> {
        let Some(pattern) = texts.constant() else {
            return Ok(Batch::Rows(texts, HashMap::new(), spell));
        };
        let regex = self.constant.get(pattern.to_owned(), |pattern| {
            Regex::new(&spell(pattern)).or_else(|error| {
                exec_err!(
                    "regular expression `{pattern}` is not valid: {}",
                    reason(&error)
                )
            })
        })?;
        Ok(Batch::Constant(regex))
    }
}

impl Batch<'_> {
    /// The expression of a row.
    pub(super) fn get(&mut self, row: usize) -> Option<Arc<Regex>> {
        match self {
            Self::Constant(regex) => Some(Arc::clone(regex)),
            Self::Rows(texts, compiled, spell) => {
                if compiled.len() >= ROW_PATTERNS_MAX {
                    compiled.clear();
                }
                let pattern = texts.text(row);
                compiled
                    .entry(pattern)
                    .or_insert_with(|| Regex::new(&spell(pattern)).ok().map(Arc::new))
                    .clone()
            }
        }
    }
}

/// The pattern as written.
pub(super) fn as_written(pattern: &str) -> String {
    pattern.to_owned()
}

/// The last line of the regex crate's message; the lines before it draw the pattern.
fn reason(error: &regex::Error) -> String {
    let message = error.to_string();
    let last = message.lines().next_back().unwrap_or(&message);
    last.trim_start_matches("error: ").to_owned()
}
