//! One line for people: what a finding is called.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use crate::finding::EvidenceRow;
use crate::hunt::Hunt;
use crate::hunt::build::TITLE_NAMES;
use crate::template::{Escape, Template};
use crate::window::Window;

/// Longest title, in characters.
const TITLE_CHARS_MAX: usize = 300;

/// What a title may speak of.
pub(super) struct TitleFacts<'f> {
    /// The first row, if there is one.
    pub(super) row: Option<&'f EvidenceRow>,
    pub(super) rows: u64,
    pub(super) key: &'f BTreeMap<String, String>,
    pub(super) window: Window,
}

impl TitleFacts<'_> {
    /// What a template may speak of, by [`TITLE_NAMES`].
    fn values(&self, hunt: &Hunt) -> Value {
        json!({
            "hunt": {"name": hunt.name, "title": hunt.title},
            "row": self.row,
            "rows": self.rows,
            "key": self.key,
            "window": {
                "start": self.window.start().to_rfc3339(),
                "end": self.window.end().to_rfc3339(),
            },
        })
    }
}

/// The hunt's template filled in; without one, the hunt's title and the values of the key.
pub(super) fn finding_title(hunt: &Hunt, facts: &TitleFacts<'_>) -> String {
    let rendered = hunt.finding_title.as_ref().and_then(|template| {
        let template = Template::parse(template, Escape::Plain, TITLE_NAMES).ok()?;
        // A template that fails on some row costs its wording, not the finding.
        template.render(&facts.values(hunt)).ok()
    });
    let title = rendered
        .filter(|title| !title.trim().is_empty())
        .unwrap_or_else(|| {
            let values = facts.key.values().map(String::as_str);
            let values: Vec<&str> = values.filter(|value| !value.is_empty()).collect();
            if values.is_empty() {
                hunt.title.clone()
            } else {
                format!("{}: {}", hunt.title, values.join(", "))
            }
        });
    one_line(&title)
}

/// Title of the finding that stands for all beyond the limit.
pub(super) fn rest_title(hunt: &Hunt, keys: usize, is_capped: bool, rows: u64) -> String {
    let least = if is_capped { "at least " } else { "" };
    one_line(&format!(
        "{}: {least}{keys} further findings in {rows} rows, beyond the limit of findings of one run",
        hunt.title
    ))
}

fn one_line(title: &str) -> String {
    let mut line = title.split_whitespace().collect::<Vec<_>>().join(" ");
    if let Some((end, _)) = line.char_indices().nth(TITLE_CHARS_MAX) {
        line.truncate(end);
        line.push('…');
    }
    line
}
