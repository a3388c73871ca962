//! How an attempt is recorded: done, or failed with the time of the next one.

use chrono::{DateTime, TimeDelta, Utc};
use uuid::Uuid;

use super::policy::Judged;
use crate::backoff::backoff;
use crate::run::{RunRecord, RunRequest, RunStatus, Trigger};
use crate::state::RunOutcome;

pub(super) fn done(
    owner: Uuid,
    request: &RunRequest,
    judged: Judged,
    started_at: DateTime<Utc>,
    finished_at: DateTime<Utc>,
) -> RunOutcome {
    let record = RunRecord {
        request: request.clone(),
        status: judged.status,
        started_at: Some(started_at),
        finished_at: Some(finished_at),
        counts: judged.counts,
        file: judged.file,
        message: judged.message,
    };
    RunOutcome {
        owner,
        record,
        findings: judged.findings,
        deliveries: judged.deliveries,
    }
}

/// A scheduled run is tried again for ever, as its window must not be lost; one that a person
/// asked for fails for good.
pub(super) fn failed(
    owner: Uuid,
    request: &RunRequest,
    cause: String,
    started_at: Option<DateTime<Utc>>,
    finished_at: DateTime<Utc>,
) -> RunOutcome {
    let mut request = request.clone();
    if request.trigger == Trigger::Schedule {
        let wait = backoff(request.attempt.saturating_sub(1), None);
        request.not_before =
            finished_at + TimeDelta::from_std(wait).expect("a backoff is at most an hour");
        request.attempt = request.attempt.saturating_add(1);
    }
    let record = RunRecord {
        status: RunStatus::Failed,
        started_at,
        finished_at: Some(finished_at),
        message: Some(cause),
        ..RunRecord::planned(request)
    };
    RunOutcome {
        owner,
        record,
        findings: Vec::new(),
        deliveries: Vec::new(),
    }
}
