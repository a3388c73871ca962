//! Whom a finding is told: what was told before is not told again within the hunt's dedupe time,
//! and all that is new in a run makes one delivery for each of the hunt's actions.

use std::collections::BTreeMap;

use chrono::{DateTime, SecondsFormat, TimeDelta, Utc};

use super::Executed;
use crate::alert::{ALERT_VERSION, Alert, Delivery, DeliveryStatus, HuntSummary};
use crate::duration::DurationText;
use crate::finding::{Finding, Fingerprint};
use crate::hunt::{Dedupe, Hunt, Truncated};
use crate::id::{ActionName, DeliveryId, FindingId};
use crate::run::{RunCounts, RunRequest, RunStatus, Trigger};
use crate::state::StoredFinding;

/// A result with what is to be told of it.
#[derive(Clone, Debug, PartialEq)]
pub struct Judged {
    /// Complete, truncated where the source cut the result, or partial where input was skipped.
    pub status: RunStatus,
    /// Whether the watermark stays and the window is tried again.
    pub hold: bool,
    /// Path of the result in the lake.
    pub file: Option<String>,
    /// All counts.
    pub counts: RunCounts,
    /// Why it is not complete.
    pub message: Option<String>,
    /// Every finding, with the reason why it is not told.
    pub findings: Vec<StoredFinding>,
    /// What is to be told.
    pub deliveries: Vec<Delivery>,
}

/// Decides at `now` what is told of a result, given when its findings were told last.
pub fn judge(
    hunt: &Hunt,
    request: &RunRequest,
    executed: Executed,
    mut told: BTreeMap<Fingerprint, DateTime<Utc>>,
    now: DateTime<Utc>,
) -> Judged {
    let mut findings = Vec::with_capacity(executed.findings.len());
    for finding in executed.findings {
        let last = told.get(&finding.fingerprint).copied();
        let suppressed = last.and_then(|last| suppression(&hunt.dedupe, last, now));
        if suppressed.is_none() {
            told.insert(finding.fingerprint.clone(), now);
        }
        let finding = Finding {
            detected_at: now,
            ..finding
        };
        findings.push(StoredFinding {
            finding,
            suppressed,
        });
    }
    let new: Vec<Finding> = findings
        .iter()
        .filter(|stored| stored.suppressed.is_none())
        .map(|stored| stored.finding.clone())
        .collect();
    let suppressed = (findings.len() - new.len()) as u64;
    let status = if executed.missing.is_some() {
        RunStatus::Truncated
    } else if executed.skipped_inputs > 0 {
        RunStatus::Partial
    } else {
        RunStatus::Complete
    };
    let skipped = (executed.skipped_inputs > 0).then(|| {
        format!(
            "{} malformed lines or files were skipped, as the source is configured to \
             (`on_error: skip`)",
            executed.skipped_inputs
        )
    });
    let message = executed.missing.clone().or(skipped);
    let hold = executed.missing.is_some() && hunt.truncated == Truncated::Hold;
    let alert = Alert {
        version: ALERT_VERSION,
        hunt: summary(hunt),
        run: request.id,
        window: request.window,
        status,
        missing: executed.missing,
        rows: executed.rows,
        file: executed.file.clone(),
        findings: new,
        suppressed,
        created_at: now,
    };
    let new = alert.findings.len() as u64;
    let deliveries: Vec<Delivery> = if alert.findings.is_empty() {
        Vec::new()
    } else {
        hunt.actions
            .iter()
            .map(|action| delivery(request, action, &alert, hold))
            .collect()
    };
    let counts = RunCounts {
        rows: executed.rows,
        bytes: executed.bytes,
        skipped_inputs: executed.skipped_inputs,
        matched: findings.len() as u64,
        new,
        suppressed,
        notified: deliveries.len() as u64,
    };
    Judged {
        status,
        hold,
        file: executed.file,
        counts,
        message,
        findings,
        deliveries,
    }
}

/// What is told where rows are missing, whatever was found: silence must mean that there is nothing.
pub fn incomplete(hunt: &Hunt, request: &RunRequest, missing: &str, now: DateTime<Utc>) -> Finding {
    let key = BTreeMap::from([("result".to_owned(), "incomplete".to_owned())]);
    Finding {
        id: FindingId::generate(),
        hunt: hunt.name.clone(),
        run: request.id,
        window: request.window,
        title: format!("{}: the result is not complete, {missing}", hunt.title),
        severity: hunt.severity,
        entities: Vec::new(),
        fingerprint: Fingerprint::of(&hunt.name, &key),
        key,
        evidence: Vec::new(),
        rows: 0,
        detected_at: now,
    }
}

fn suppression(dedupe: &Dedupe, last: DateTime<Utc>, now: DateTime<Utc>) -> Option<String> {
    // A clock that was set back must not make the same thing new again.
    let again_at = last + TimeDelta::from_std(dedupe.window).unwrap_or(TimeDelta::MAX / 4);
    (now < again_at).then(|| {
        format!(
            "told on {}, and not again within {}",
            last.to_rfc3339_opts(SecondsFormat::Secs, true),
            DurationText(dedupe.window)
        )
    })
}

/// A scheduled window is told once to each action. A run that a person asked for is an effect of
/// its own, or what it finds beyond the scheduled one would never be told.
fn delivery(request: &RunRequest, action: &ActionName, alert: &Alert, hold: bool) -> Delivery {
    let mut key = format!("{}/{}/{action}", request.hunt, request.window.key());
    if request.trigger == Trigger::Manual {
        key = format!("{key}/{}", request.id);
    } else if hold {
        // The window is tried again, and what is found beyond this must be told then.
        key = format!("{key}/attempt-{}", request.attempt);
    }
    Delivery {
        id: DeliveryId::generate(),
        key,
        action: action.clone(),
        alert: alert.clone(),
        status: DeliveryStatus::Pending,
        attempts: 0,
        not_before: alert.created_at,
        created_at: alert.created_at,
        last_error: None,
    }
}

fn summary(hunt: &Hunt) -> HuntSummary {
    HuntSummary {
        name: hunt.name.clone(),
        title: hunt.title.clone(),
        description: hunt.description.clone(),
        tactics: hunt.tactics.clone(),
        techniques: hunt.techniques.clone(),
        query: hunt.query.clone(),
    }
}
