//! An alert as the mail's templates show it: every text is final, so that the templates only
//! arrange.

use chrono::{DateTime, TimeDelta, Timelike as _, Utc};
use serde::Serialize;

use crate::action::evidence::{Table, TableLimits, shorten, visible};
use crate::action::payload::headline;
use crate::alert::{Alert, Delivery};
use crate::duration::DurationText;
use crate::finding::{Finding, Severity};
use crate::run::RunStatus;
use crate::window::Window;

/// What came of attaching the whole result.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Attached {
    /// There is no result to attach.
    Nothing,
    /// It is switched off.
    Off,
    /// It could not be read.
    Failed,
    /// It is attached, whole or in part.
    Csv {
        /// Rows attached.
        rows: u64,
        /// Rows there are.
        rows_total: u64,
    },
}

/// Everything the templates show.
#[derive(Debug, Serialize)]
pub(super) struct View {
    title: String,
    severity: &'static str,
    colour: &'static str,
    hunt_name: String,
    hunt_title: String,
    description: String,
    tactics: String,
    techniques: Vec<Technique>,
    window: String,
    window_length: String,
    /// What keeps the result from being complete.
    warning: Option<String>,
    rows: String,
    suppressed: u64,
    findings: Vec<FindingView>,
    findings_total: usize,
    findings_more: usize,
    columns: Vec<String>,
    /// Rows below each other, a line for each value: for few rows, however many columns.
    records: Vec<Record>,
    /// Rows as a table.
    table_rows: Vec<TableRow>,
    rows_shown: String,
    rows_total: String,
    columns_note: Option<String>,
    attachment: String,
    query: String,
    query_cut: bool,
    file: Option<String>,
    run: String,
    delivery: String,
}

#[derive(Debug, Serialize)]
struct Technique {
    id: String,
    url: String,
}

#[derive(Debug, Serialize)]
struct FindingView {
    number: usize,
    title: String,
    severity: &'static str,
    colour: &'static str,
    rows: String,
    entities: Vec<EntityView>,
    entities_more: usize,
}

#[derive(Debug, Serialize)]
struct EntityView {
    kind: &'static str,
    value: String,
}

#[derive(Debug, Serialize)]
struct Record {
    finding: usize,
    values: Vec<(String, String)>,
}

#[derive(Debug, Serialize)]
struct TableRow {
    finding: usize,
    cells: Vec<String>,
}

/// Findings listed one by one; the others are in the table and in the attachment.
const FINDINGS_MAX: usize = 25;
const ENTITIES_MAX: usize = 12;
const COLUMNS_MAX: usize = 12;
/// Up to so many rows are shown as records.
const RECORD_ROWS_MAX: usize = 3;
const RECORD_COLUMNS_MAX: usize = 60;
/// In a table, so that rows stay low.
const CELL_CHARS_MAX: usize = 160;
const RECORD_VALUE_CHARS_MAX: usize = 1000;
const TITLE_CHARS_MAX: usize = 200;
const QUERY_CHARS_MAX: usize = 10_000;
/// Gmail cuts mails of more than 102 kB.
const EVIDENCE_BYTES_MAX: usize = 50_000;

impl View {
    pub(super) fn of(delivery: &Delivery, rows_max: usize, attached: Attached) -> Self {
        let alert = &delivery.alert;
        let (columns, records, table_rows, table) = arrange(&alert.findings, rows_max);
        let rows_shown = records.len() + table_rows.len();
        let query = visible_lines(&alert.hunt.query);
        Self {
            title: shorten(&visible(&headline(alert)), TITLE_CHARS_MAX),
            severity: alert.severity().as_str(),
            colour: colour(alert.severity()),
            hunt_name: alert.hunt.name.to_string(),
            hunt_title: visible(&alert.hunt.title),
            description: visible(&alert.hunt.description),
            tactics: visible(&alert.hunt.tactics.join(", ")),
            techniques: alert
                .hunt
                .techniques
                .iter()
                .map(|id| technique(id))
                .collect(),
            window: window_text(alert.window),
            window_length: length_text(alert.window.length()),
            warning: warning(alert),
            rows: grouped(alert.rows),
            suppressed: alert.suppressed,
            findings: findings(alert),
            findings_total: alert.findings.len(),
            findings_more: alert.findings.len().saturating_sub(FINDINGS_MAX),
            columns,
            records,
            table_rows,
            rows_shown: grouped(rows_shown as u64),
            rows_total: grouped(table.rows_total),
            columns_note: columns_note(&table),
            attachment: attachment_text(attached),
            query_cut: query.chars().count() > QUERY_CHARS_MAX,
            query: shorten(&query, QUERY_CHARS_MAX),
            file: alert.file.clone(),
            run: alert.run.to_string(),
            delivery: delivery.id.to_string(),
        }
    }
}

fn arrange(
    findings: &[Finding],
    rows_max: usize,
) -> (Vec<String>, Vec<Record>, Vec<TableRow>, Table) {
    let rows: usize = findings.iter().map(|finding| finding.evidence.len()).sum();
    let as_records = rows.min(rows_max) <= RECORD_ROWS_MAX;
    let (columns_max, cell_chars_max) = if as_records {
        (RECORD_COLUMNS_MAX, RECORD_VALUE_CHARS_MAX)
    } else {
        (COLUMNS_MAX, CELL_CHARS_MAX)
    };
    let limits = TableLimits {
        rows_max,
        columns_max,
        cell_chars_max,
        bytes_max: EVIDENCE_BYTES_MAX,
    };
    let mut table = Table::of(findings, limits);
    let rows = std::mem::take(&mut table.rows);
    let columns = table.columns.clone();
    if as_records {
        let record = |row: crate::action::evidence::Row| Record {
            finding: row.finding,
            values: columns
                .iter()
                .cloned()
                .zip(row.cells)
                .filter(|(_, value)| !value.is_empty())
                .collect(),
        };
        let records = rows.into_iter().map(record).collect();
        (columns, records, Vec::new(), table)
    } else {
        let table_row = |row: crate::action::evidence::Row| TableRow {
            finding: row.finding,
            cells: row.cells,
        };
        let rows = rows.into_iter().map(table_row).collect();
        (columns, Vec::new(), rows, table)
    }
}

fn findings(alert: &Alert) -> Vec<FindingView> {
    let view = |(index, finding): (usize, &Finding)| FindingView {
        number: index + 1,
        title: shorten(&visible(&finding.title), TITLE_CHARS_MAX),
        severity: finding.severity.as_str(),
        colour: colour(finding.severity),
        rows: grouped(finding.rows),
        entities: finding
            .entities
            .iter()
            .take(ENTITIES_MAX)
            .map(|entity| EntityView {
                kind: entity.kind.as_str(),
                value: shorten(&visible(&entity.value), TITLE_CHARS_MAX),
            })
            .collect(),
        entities_more: finding.entities.len().saturating_sub(ENTITIES_MAX),
    };
    let shown = alert.findings.iter().take(FINDINGS_MAX);
    shown.enumerate().map(view).collect()
}

/// White text is readable on each of these, on a light and on a dark page.
fn colour(severity: Severity) -> &'static str {
    match severity {
        Severity::High => "#b42318",
        Severity::Medium => "#b54708",
        Severity::Low => "#175cd3",
        Severity::Informational => "#475467",
    }
}

fn technique(id: &str) -> Technique {
    let is_id = id.strip_prefix('T').is_some_and(|rest| {
        rest.chars().all(|c| c.is_ascii_digit() || c == '.') && rest.len() >= 4
    });
    let page = id.replace('.', "/");
    Technique {
        id: visible(id),
        url: if is_id {
            format!("https://attack.mitre.org/techniques/{page}/")
        } else {
            String::new()
        },
    }
}

fn warning(alert: &Alert) -> Option<String> {
    let more = "there may be more than is shown.";
    match alert.status {
        RunStatus::Truncated => {
            let missing = alert.missing.as_deref();
            let missing = missing.unwrap_or("the source cut the result");
            Some(format!(
                "The result is not complete: {}; {more}",
                visible(missing)
            ))
        }
        RunStatus::Partial => Some(format!("A part of the data could not be read: {more}")),
        _ => None,
    }
}

fn window_text(window: Window) -> String {
    let (start, end) = (window.start(), window.end());
    let time = |at: DateTime<Utc>| {
        let pattern = if at.second() == 0 && at.nanosecond() == 0 {
            "%H:%M"
        } else {
            "%H:%M:%S%.f"
        };
        at.format(pattern).to_string()
    };
    let day = |at: DateTime<Utc>| at.format("%Y-%m-%d").to_string();
    if start.date_naive() == end.date_naive() {
        format!("{} {} – {} UTC", day(start), time(start), time(end))
    } else {
        let (start_time, end_time) = (time(start), time(end));
        format!("{} {start_time} – {} {end_time} UTC", day(start), day(end))
    }
}

fn length_text(length: TimeDelta) -> String {
    let length = length.to_std().unwrap_or_default();
    DurationText(length).to_string()
}

fn columns_note(table: &Table) -> Option<String> {
    let mut notes = Vec::new();
    if table.columns_cut > 0 {
        notes.push(format!("{} more columns are not shown", table.columns_cut));
    }
    if table.columns_empty > 0 {
        notes.push(format!(
            "{} empty columns are left out",
            table.columns_empty
        ));
    }
    (!notes.is_empty()).then(|| notes.join(", "))
}

fn attachment_text(attached: Attached) -> String {
    match attached {
        Attached::Nothing => "The run wrote no result to attach.".to_owned(),
        Attached::Off => {
            "Attachments are switched off; the whole result is in the lake.".to_owned()
        }
        Attached::Failed => {
            "The result could not be attached: its file could not be read from the lake.".to_owned()
        }
        Attached::Csv { rows, rows_total } if rows < rows_total => format!(
            "The attached CSV has the first {} of {} rows; the whole result is in the lake.",
            grouped(rows),
            grouped(rows_total)
        ),
        Attached::Csv { rows: 1, .. } => "The whole result, 1 row, is attached as CSV.".to_owned(),
        Attached::Csv { rows, .. } => {
            format!(
                "The whole result, {} rows, is attached as CSV.",
                grouped(rows)
            )
        }
    }
}

/// A number with a comma between each three digits.
fn grouped(number: u64) -> String {
    let digits = number.to_string();
    let mut text = String::new();
    for (index, digit) in digits.chars().enumerate() {
        if index > 0 && (digits.len() - index).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

/// [`visible`], line by line.
fn visible_lines(text: &str) -> String {
    let expanded = text.trim_end().replace('\t', "    ");
    let lines: Vec<String> = expanded.lines().map(visible).collect();
    lines.join("\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_grouped() {
        assert_eq!(grouped(7), "7");
        assert_eq!(grouped(1_234), "1,234");
        assert_eq!(grouped(123_456), "123,456");
        assert_eq!(grouped(12_345_678), "12,345,678");
    }

    #[test]
    fn windows_read_well() {
        let window = |start: &str, end: &str| {
            window_text(Window::new(start.parse().unwrap(), end.parse().unwrap()).unwrap())
        };
        assert_eq!(
            window("2026-01-02T14:00:00Z", "2026-01-02T15:00:00Z"),
            "2026-01-02 14:00 – 15:00 UTC"
        );
        assert_eq!(
            window("2026-01-01T23:45:00Z", "2026-01-02T00:00:30Z"),
            "2026-01-01 23:45 – 2026-01-02 00:00:30 UTC"
        );
    }

    #[test]
    fn only_technique_ids_are_linked() {
        let url = |id: &str| technique(id).url;
        assert_eq!(
            url("T1059.001"),
            "https://attack.mitre.org/techniques/T1059/001/"
        );
        assert_eq!(url("javascript:x"), "");
    }
}
