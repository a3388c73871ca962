//! What a source tells of a run: which parts of the window it asked for, with which calls, and
//! whether the rows are all there are. Kept with the run's record.

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

use crate::window::Window;

/// Version of the stored form.
pub const REPORT_VERSION: u32 = 1;
/// Most calls that a report lists; further ones are counted.
pub const CALLS_MAX: usize = 2_000;

/// What a source tells of a run.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct SourceReport {
    /// Of this form.
    pub version: u32,
    /// The window, with the parts that it was split into.
    pub root: Part,
    /// Calls that are not listed, as there were too many.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub calls_omitted: u64,
    /// What the service said beside its rows, such as a type that is not known.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub notes: Vec<String>,
}

/// A window that was asked for, and what came of it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Part {
    /// Which time.
    pub window: Window,
    /// What came of it.
    pub outcome: PartOutcome,
    /// Why it was split, is truncated, or failed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
    /// Rows that it gave; those of its parts, if it was split.
    pub rows: u64,
    /// Calls made for it, without those of its parts.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub calls: Vec<Call>,
    /// Its halves.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub parts: Vec<Part>,
}

/// What came of a part.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum PartOutcome {
    /// Not done with.
    Pending,
    /// All its rows are there.
    Complete,
    /// It was split.
    Split,
    /// Rows are missing, and it could not be split further.
    Truncated,
    /// It could not be had.
    Failed,
}

/// A call of a service.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Call {
    /// When it was sent.
    pub at: DateTime<Utc>,
    /// Until its last byte, or its failure.
    pub took_ms: u64,
    /// HTTP status, if there was an answer.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub status: Option<u16>,
    /// What we call it, for the vendor's support.
    pub client_request_id: String,
    /// What the service calls it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub request_id: Option<String>,
    /// Bytes of the answer.
    pub bytes: u64,
    /// Rows of the answer.
    pub rows: u64,
    /// Why it was not accepted.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub error: Option<String>,
}

#[expect(
    clippy::trivially_copy_pass_by_ref,
    reason = "serde asks for a reference"
)]
fn is_zero(count: &u64) -> bool {
    *count == 0
}

impl SourceReport {
    /// Of a window of which nothing is known yet.
    pub fn new(window: Window) -> Self {
        Self {
            version: REPORT_VERSION,
            root: Part::new(window),
            calls_omitted: 0,
            notes: Vec::new(),
        }
    }

    /// Calls made.
    pub fn calls(&self) -> u64 {
        let listed: usize = self
            .root
            .leaves_and_branches()
            .map(|part| part.calls.len())
            .sum();
        listed as u64 + self.calls_omitted
    }

    /// Why rows are missing; none if they are all there.
    pub fn missing(&self) -> Option<String> {
        let truncated: Vec<&Part> = self
            .root
            .leaves_and_branches()
            .filter(|part| part.outcome == PartOutcome::Truncated)
            .collect();
        let first = truncated.first()?;
        let reason = first
            .reason
            .as_deref()
            .unwrap_or("the source cut the result");
        Some(match truncated.len() {
            1 if self.root.parts.is_empty() => format!("rows are missing: {reason}"),
            1 => format!("rows are missing in {}: {reason}", first.window),
            more => format!(
                "rows are missing in {more} parts of the window, the first {}: {reason}",
                first.window
            ),
        })
    }
}

impl Part {
    /// Of which nothing is known yet.
    pub fn new(window: Window) -> Self {
        Self {
            window,
            outcome: PartOutcome::Pending,
            reason: None,
            rows: 0,
            calls: Vec::new(),
            parts: Vec::new(),
        }
    }

    /// This part and all below it, in order of time.
    pub fn leaves_and_branches(&self) -> impl Iterator<Item = &Self> {
        let mut waiting = vec![self];
        std::iter::from_fn(move || {
            let next = waiting.pop()?;
            waiting.extend(next.parts.iter().rev());
            Some(next)
        })
    }
}

impl PartOutcome {
    /// Lowercase word.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Pending => "pending",
            Self::Complete => "complete",
            Self::Split => "split",
            Self::Truncated => "truncated",
            Self::Failed => "failed",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn window(from: i64, to: i64) -> Window {
        let at = |minutes: i64| DateTime::from_timestamp(minutes * 60, 0).unwrap();
        Window::new(at(from), at(to)).unwrap()
    }

    #[test]
    fn missing_rows_are_told_with_their_part() {
        let mut report = SourceReport::new(window(0, 4));
        assert_eq!(report.missing(), None);
        report.root.outcome = PartOutcome::Truncated;
        report.root.reason = Some("exactly 100000 rows".to_owned());
        let missing = report.missing().unwrap();
        assert_eq!(missing, "rows are missing: exactly 100000 rows");

        let mut parts = [Part::new(window(0, 2)), Part::new(window(2, 4))];
        parts[0].outcome = PartOutcome::Complete;
        parts[1].outcome = PartOutcome::Truncated;
        parts[1].reason = Some("exactly 100000 rows".to_owned());
        report.root.outcome = PartOutcome::Split;
        report.root.parts = parts.to_vec();
        assert_eq!(
            report.missing().unwrap(),
            "rows are missing in [1970-01-01T00:02:00Z, 1970-01-01T00:04:00Z): exactly 100000 rows"
        );
        report.root.parts[0].outcome = PartOutcome::Truncated;
        let missing = report.missing().unwrap();
        assert!(
            missing.starts_with("rows are missing in 2 parts"),
            "{missing}"
        );
    }

    #[test]
    fn a_report_reads_back_as_written() {
        let mut report = SourceReport::new(window(0, 4));
        report.root.parts = vec![Part::new(window(0, 1)), Part::new(window(1, 4))];
        report.root.parts[1].calls = vec![Call {
            at: window(0, 1).start(),
            took_ms: 12,
            status: Some(429),
            client_request_id: "a".to_owned(),
            request_id: None,
            bytes: 0,
            rows: 0,
            error: Some("too many".to_owned()),
        }];
        let text = serde_json::to_string(&report).unwrap();
        assert_eq!(serde_json::from_str::<SourceReport>(&text).unwrap(), report);
        assert_eq!(report.calls(), 1);
    }
}
