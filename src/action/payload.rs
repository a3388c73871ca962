//! An alert as other programs see it: the JSON that webhooks receive, and the names that templates
//! of mails and webhooks may use. Both are the same. Fields may be added; any other change comes with
//! another [`ALERT_VERSION`](crate::alert::ALERT_VERSION).

use chrono::{DateTime, Utc};
use serde::Serialize;

use crate::alert::{Alert, Delivery, HuntSummary};
use crate::finding::{Finding, Severity};
use crate::id::{ActionName, RunId};
use crate::run::RunStatus;
use crate::window::Window;

/// What a template may refer to: the fields of [`Payload`].
pub const NAMES: &[&str] = &[
    "version",
    "id",
    "action",
    "title",
    "severity",
    "hunt",
    "run",
    "window",
    "status",
    "missing",
    "rows",
    "file",
    "findings",
    "suppressed",
    "created_at",
];

/// One alert for one destination.
#[derive(Clone, Debug, Serialize)]
pub struct Payload<'a> {
    /// Version of this form.
    pub version: u32,
    /// Id of the delivery: the same whenever the same alert is sent again.
    pub id: String,
    /// Name of the action.
    pub action: &'a ActionName,
    /// One line for people.
    pub title: String,
    /// The highest severity among the findings.
    pub severity: Severity,
    /// The hunt: `name`, `title`, `description`, `tactics`, `techniques`, `query`.
    pub hunt: &'a HuntSummary,
    /// Id of the run.
    pub run: RunId,
    /// What the run covered: `start` and `end`.
    pub window: Window,
    /// Whether the result is complete.
    pub status: RunStatus,
    /// Why rows are missing, where the source cut the result.
    pub missing: Option<&'a str>,
    /// Rows of the whole result.
    pub rows: u64,
    /// Path of the whole result in the lake.
    pub file: Option<&'a str>,
    /// The new findings: `id`, `title`, `severity`, `entities`, `fingerprint`, `key`, `evidence`,
    /// `rows`, `detected_at`. `evidence` holds the first of the finding's `rows`.
    pub findings: Vec<Finding>,
    /// Findings of the same run that were told before.
    pub suppressed: u64,
    /// When the run finished.
    pub created_at: DateTime<Utc>,
}

impl<'a> Payload<'a> {
    /// The payload of a delivery, with at most `evidence_rows_max` rows of evidence in all.
    pub fn of(delivery: &'a Delivery, evidence_rows_max: usize) -> Self {
        let alert = &delivery.alert;
        let lengths: Vec<usize> = alert.findings.iter().map(|f| f.evidence.len()).collect();
        let shares = fair_shares(&lengths, evidence_rows_max);
        let mut findings = alert.findings.clone();
        for (finding, share) in findings.iter_mut().zip(shares) {
            finding.evidence.truncate(share);
        }
        Self {
            version: alert.version,
            id: delivery.id.to_string(),
            action: &delivery.action,
            title: headline(alert),
            severity: alert.severity(),
            hunt: &alert.hunt,
            run: alert.run,
            window: alert.window,
            status: alert.status,
            missing: alert.missing.as_deref(),
            rows: alert.rows,
            file: alert.file.as_deref(),
            findings,
            suppressed: alert.suppressed,
            created_at: alert.created_at,
        }
    }
}

/// One line that says what was found: the finding's title, or the hunt's with their number.
pub fn headline(alert: &Alert) -> String {
    match alert.findings.as_slice() {
        [finding] => finding.title.clone(),
        findings => format!("{}: {} findings", alert.hunt.title, findings.len()),
    }
}

/// Divides `most` among parts that want `lengths`: nobody gets a second one before everybody who
/// wants has a first one.
pub fn fair_shares(lengths: &[usize], most: usize) -> Vec<usize> {
    let mut shares = vec![0; lengths.len()];
    let mut left = most;
    while left > 0 {
        let mut given = false;
        for (share, length) in shares.iter_mut().zip(lengths) {
            if left > 0 && *share < *length {
                *share += 1;
                left -= 1;
                given = true;
            }
        }
        if !given {
            break;
        }
    }
    shares
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::action::example;

    #[test]
    fn shares_are_fair() {
        assert_eq!(fair_shares(&[5, 1, 9], 100), [5, 1, 9]);
        assert_eq!(fair_shares(&[5, 1, 9], 7), [3, 1, 3]);
        assert_eq!(fair_shares(&[5, 1, 9], 2), [1, 1, 0]);
        assert_eq!(fair_shares(&[], 2), [0_usize; 0]);
    }

    #[test]
    fn names_are_the_fields() {
        let delivery = example::delivery();
        let json = serde_json::to_value(Payload::of(&delivery, 100)).unwrap();
        let fields: Vec<&String> = json.as_object().unwrap().keys().collect();
        assert_eq!(fields, NAMES);
    }

    #[test]
    fn evidence_is_cut_but_counted() {
        let delivery = example::delivery();
        let payload = Payload::of(&delivery, 1);
        assert_eq!(payload.findings[0].evidence.len(), 1);
        assert_eq!(payload.findings[0].rows, delivery.alert.findings[0].rows);
    }
}
