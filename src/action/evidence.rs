//! Evidence made fit for people: rows of findings as a table of short, harmless texts, and whole
//! results as CSV. What is left out is counted, so that a message can say so.

pub mod csv;
mod stored_file;

use std::fmt::Write as _;

use serde_json::Value;

use super::payload::fair_shares;
use crate::finding::Finding;

/// Rows of several findings under common columns.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Table {
    /// Columns in which at least one shown row has a value, in the order of the result.
    pub columns: Vec<String>,
    /// The rows shown.
    pub rows: Vec<Row>,
    /// How many rows the findings have in all.
    pub rows_total: u64,
    /// Columns left out as they are empty in every row shown.
    pub columns_empty: usize,
    /// Columns left out for want of room.
    pub columns_cut: usize,
}

/// One row.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Row {
    /// Number of its finding, from one.
    pub finding: usize,
    /// As many texts as the table has columns.
    pub cells: Vec<String>,
}

/// How much of the evidence is shown.
#[derive(Clone, Copy, Debug)]
pub struct TableLimits {
    /// Rows, over all findings.
    pub rows_max: usize,
    /// Columns.
    pub columns_max: usize,
    /// Characters of a cell.
    pub cell_chars_max: usize,
    /// Bytes of all cells; the first row is shown in any case.
    pub bytes_max: usize,
}

impl Table {
    /// The table of these findings. Every finding shows a row before any shows a second one.
    pub fn of(findings: &[Finding], limits: TableLimits) -> Self {
        let lengths: Vec<usize> = findings.iter().map(|f| f.evidence.len()).collect();
        let shares = fair_shares(&lengths, limits.rows_max);
        let mut shown = Vec::new();
        for (index, (finding, share)) in findings.iter().zip(shares).enumerate() {
            shown.extend(
                finding
                    .evidence
                    .iter()
                    .take(share)
                    .map(|row| (index + 1, row)),
            );
        }

        let mut columns: Vec<&str> = Vec::new();
        let mut known = std::collections::HashSet::new();
        for (_, row) in &shown {
            columns.extend(
                row.keys()
                    .map(String::as_str)
                    .filter(|name| known.insert(*name)),
            );
        }
        let columns_known = columns.len();
        let has_value = |name: &&str| {
            shown
                .iter()
                .any(|(_, row)| row.get(*name).is_some_and(|value| !is_empty(value)))
        };
        columns.retain(has_value);
        let columns_empty = columns_known - columns.len();
        let columns_cut = columns.len().saturating_sub(limits.columns_max);
        columns.truncate(limits.columns_max);

        let mut rows: Vec<Row> = Vec::new();
        let mut bytes = 0;
        for (finding, row) in shown {
            let cells: Vec<String> = columns
                .iter()
                .map(|name| row.get(*name).map_or_else(String::new, cell_text))
                .map(|text| shorten(&text, limits.cell_chars_max))
                .collect();
            bytes += cells.iter().map(String::len).sum::<usize>();
            if bytes > limits.bytes_max && !rows.is_empty() {
                break;
            }
            rows.push(Row { finding, cells });
        }
        Self {
            columns: columns.into_iter().map(visible).collect(),
            rows,
            rows_total: findings.iter().map(|finding| finding.rows).sum(),
            columns_empty,
            columns_cut,
        }
    }
}

fn is_empty(value: &Value) -> bool {
    match value {
        Value::Null => true,
        Value::String(text) => text.is_empty(),
        _ => false,
    }
}

/// A value as a person reads it.
fn cell_text(value: &Value) -> String {
    match value {
        Value::Null => String::new(),
        Value::String(text) => visible(text),
        other => visible(&other.to_string()),
    }
}

/// The first characters of a text, with an ellipsis where something is missing.
pub fn shorten(text: &str, chars_max: usize) -> String {
    match text.char_indices().nth(chars_max) {
        None => text.to_owned(),
        Some((end, _)) => format!("{}…", &text[..end]),
    }
}

/// A text on one line in which nothing hides: line breaks become spaces, other control characters
/// and those that turn or hide what follows (as in `gpj.exe` shown as `exe.jpg`) become escapes.
pub fn visible(text: &str) -> String {
    let mut shown = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '\n' | '\r' | '\t' => shown.push(' '),
            c if c.is_control() || is_deceptive(c) => {
                let _ = write!(shown, "\\u{{{:x}}}", u32::from(c));
            }
            c => shown.push(c),
        }
    }
    shown
}

/// Direction marks and overrides, zero-width characters, line and paragraph separators, tags.
fn is_deceptive(c: char) -> bool {
    matches!(
        c,
        '\u{ad}'
            | '\u{61c}'
            | '\u{180e}'
            | '\u{200b}'..='\u{200f}'
            | '\u{2028}'..='\u{202e}'
            | '\u{2060}'..='\u{206f}'
            | '\u{feff}'
            | '\u{e0000}'..='\u{e007f}'
    )
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::action::example;

    const LIMITS: TableLimits = TableLimits {
        rows_max: 3,
        columns_max: 2,
        cell_chars_max: 8,
        bytes_max: 1000,
    };

    fn finding(rows: Value, total: u64) -> Finding {
        let mut finding = example::delivery().alert.findings.remove(0);
        finding.evidence = serde_json::from_value(rows).unwrap();
        finding.rows = total;
        finding
    }

    #[test]
    fn rows_and_columns_are_cut_and_counted() {
        let findings = [
            finding(
                json!([{"A": 1, "B": "", "C": "x"}, {"A": 2, "B": null, "C": "y"}]),
                20,
            ),
            finding(json!([{"A": [1], "D": "0123456789"}, {"A": true}]), 2),
        ];
        let table = Table::of(&findings, LIMITS);
        assert_eq!(table.columns, ["A", "C"]);
        assert_eq!((table.columns_empty, table.columns_cut), (1, 1));
        assert_eq!(table.rows_total, 22);
        let rows: Vec<(usize, Vec<String>)> = table
            .rows
            .into_iter()
            .map(|row| (row.finding, row.cells))
            .collect();
        let row = |finding, a: &str, c: &str| (finding, vec![a.to_owned(), c.to_owned()]);
        assert_eq!(
            rows,
            [row(1, "1", "x"), row(1, "2", "y"), row(2, "[1]", "")]
        );
    }

    #[test]
    fn nothing_hides_in_a_cell() {
        assert_eq!(visible("a\r\nb\tc"), "a  b c");
        assert_eq!(
            visible("\u{202e}gpj.exe\0\u{1b}[2J"),
            "\\u{202e}gpj.exe\\u{0}\\u{1b}[2J"
        );
        assert_eq!(visible("Grüße 日本 🎯"), "Grüße 日本 🎯");
        assert_eq!(shorten("äöü", 3), "äöü");
        assert_eq!(shorten("äöüß", 3), "äöü…");
    }
}
