//! How an attempt is recorded: done, or failed with the time of the next one.

use chrono::{DateTime, TimeDelta, Utc};
use uuid::Uuid;

use super::executor::ExecutionError;
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
    let mut request = request.clone();
    let again = judged.hold && request.trigger == Trigger::Schedule;
    if again {
        next_attempt(&mut request, finished_at);
    }
    let record = RunRecord {
        request,
        status: judged.status,
        started_at: Some(started_at),
        finished_at: Some(finished_at),
        counts: judged.counts,
        file: judged.file,
        message: judged.message,
        report: None,
    };
    RunOutcome {
        owner,
        record,
        again,
        findings: judged.findings,
        deliveries: judged.deliveries,
    }
}

/// A scheduled run is tried again for ever, as its window must not be lost; one that a person
/// asked for fails for good.
pub(super) fn failed(
    owner: Uuid,
    request: &RunRequest,
    cause: ExecutionError,
    started_at: Option<DateTime<Utc>>,
    finished_at: DateTime<Utc>,
) -> RunOutcome {
    let mut request = request.clone();
    let again = request.trigger == Trigger::Schedule;
    if again {
        next_attempt(&mut request, finished_at);
    }
    let record = RunRecord {
        status: RunStatus::Failed,
        started_at,
        finished_at: Some(finished_at),
        message: Some(cause.0),
        ..RunRecord::planned(request)
    };
    RunOutcome {
        owner,
        record,
        again,
        findings: Vec::new(),
        deliveries: Vec::new(),
    }
}

/// When it is tried again: after a wait that grows with each attempt.
fn next_attempt(request: &mut RunRequest, now: DateTime<Utc>) {
    let wait = backoff(request.attempt.saturating_sub(1), None);
    request.not_before = now + TimeDelta::from_std(wait).expect("a backoff is at most an hour");
    request.attempt = request.attempt.saturating_add(1);
}
