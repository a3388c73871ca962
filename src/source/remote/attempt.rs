//! One part of a window from the service: a call when the quota has room, its answer decoded and
//! kept apart until it is known to be complete, and another try where that may help.
//!
//! | what happened | what is done |
//! |---|---|
//! | the query or a setting is wrong, a role is missing | given up at once |
//! | too many calls, CPU used up | wait as long as the service says, or the quota tells |
//! | connection cut, 5xx, an answer that ends early or is none | try again, with growing waits |
//! | too large, exactly as many rows as the service returns at most, stopped for its memory | incomplete: not tried again, but split |
//! | timed out twice | the same |

mod cost;

use std::time::Duration;

use arrow::datatypes::SchemaRef;
use chrono::{DateTime, SecondsFormat, TimeDelta, Utc};
use futures::StreamExt as _;
use kql::types::Schema;
use reqwest::Method;
use uuid::Uuid;

use super::Inner;
use super::prepare::Prepared;
use super::query_api::{AnswerLimits, Asked};
use crate::microsoft::{self, ApiError, ApiErrorKind, Body, Call, RequestIds, classify_failure};
use crate::quota::breaker::{Fault, FaultKind};
use crate::quota::{Throttle, Throttled};
use crate::run::report;
use crate::source::SourceError;
use crate::source::broker::Denied;
use crate::source::decode::{DecodeError, DecodeOptions, Event, Failure, Summary, decode};
use crate::source::spool::{Spool, Spooled};
use crate::window::Window;

/// The wait after the first failure, doubled with each further one; the half of it is random.
const FIRST_WAIT: Duration = Duration::from_secs(1);
/// The longest wait of our own.
const LONGEST_WAIT: Duration = Duration::from_mins(1);
/// Timeouts after which a part is split rather than asked again.
const TIMEOUTS_MAX: u32 = 2;
/// For the way to the service and back, beyond what it may take itself.
const WAY: Duration = Duration::from_secs(30);
/// Tokens refused after which a part is given up; each was refused twice.
const REJECTIONS_MAX: u32 = 3;
/// Refusals for the number of calls after which a part is given up, where nothing else ends it.
const REFUSALS_MAX: u32 = 100;

/// What a service answered.
pub(super) struct Answered {
    /// Columns; none if nothing could be had.
    pub(super) columns: Option<(Schema, SchemaRef)>,
    /// Rows; none if nothing could be had.
    pub(super) rows: Option<Spooled>,
    /// How many, and in how many bytes.
    pub(super) counted: Counted,
    /// Why it is not the whole answer.
    pub(super) incomplete: Option<Incomplete>,
    /// What was unusual.
    pub(super) notes: Vec<String>,
    /// How long the service ran the query, and with how much CPU, if it tells.
    running: Option<Duration>,
    cpu: Option<Duration>,
}

/// Size of an answer.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Counted {
    pub(super) rows: u64,
    pub(super) bytes: u64,
}

/// Why an answer is not the whole.
#[derive(Clone, Debug)]
pub(super) struct Incomplete {
    pub(super) reason: String,
    /// Whether its size is the reason.
    pub(super) is_too_large: bool,
}

/// What became of one call.
struct Called {
    ids: RequestIds,
    status: Option<u16>,
    counted: Counted,
    outcome: Result<Answered, ApiError>,
}

impl Inner {
    /// What one answer may hold, as configured or documented.
    pub(super) fn limits(&self) -> AnswerLimits {
        let documented = self.api.limits();
        AnswerLimits {
            rows: self.config.rows_max.unwrap_or(documented.rows),
            bytes: self.config.bytes_max.or(documented.bytes),
            time: documented.time,
        }
    }

    /// Asks for a part of a window until there is an answer, or trying on is of no use. Every call
    /// is told to `tell`.
    pub(super) async fn ask(
        &self,
        prepared: &Prepared,
        part: Window,
        can_split: bool,
        tell: &(dyn Fn(report::Call) + Sync),
    ) -> Result<Answered, SourceError> {
        let (mut failures, mut timeouts, mut refusals, mut rejections) = (0, 0, 0, 0);
        let turn = prepared.turn();
        let attempts = self.config.attempts;
        let attempts = turn.attempts.map_or(attempts, |most| most.min(attempts));
        loop {
            let granted = self
                .broker
                .acquire(&self.scope, turn.lane, &turn.hunt, turn.deadline)
                .await;
            let permit = match granted {
                Ok(permit) => permit,
                // The tenant is left alone for a while: that is a failure as others are.
                Err(Denied::Open { next_try, .. })
                    if failures < attempts
                        && turn.deadline.is_none_or(|deadline| next_try < deadline) =>
                {
                    failures += 1;
                    self.clock.sleep_until(next_try).await;
                    continue;
                }
                Err(denied) => {
                    return Err(SourceError::Throttled {
                        message: format!("{}: {denied}", self.api.title()),
                        until: match denied {
                            Denied::Late { at, .. } => at,
                            Denied::Open { next_try, .. } => Some(next_try),
                        },
                    });
                }
            };
            let at = self.clock.now();
            let begun = tokio::time::Instant::now();
            let called = self.call(prepared, part).await;
            let took = begun.elapsed();
            let error = called.outcome.as_ref().err();
            let refused = called.outcome.as_ref().ok();
            let refused = refused.and_then(|answered| answered.incomplete.as_ref());
            tell(report::Call {
                at,
                took_ms: u64::try_from(took.as_millis()).unwrap_or(u64::MAX),
                status: called.status,
                client_request_id: called.ids.client_request_id,
                request_id: called.ids.request_id,
                bytes: called.counted.bytes,
                rows: called.counted.rows,
                error: error
                    .map(ToString::to_string)
                    .or_else(|| refused.map(|incomplete| incomplete.reason.clone())),
            });
            let error = match called.outcome {
                Ok(answered) => {
                    permit.finish(answered.running, answered.cpu);
                    return Ok(answered);
                }
                Err(error) => error,
            };
            match &error.kind {
                ApiErrorKind::Throttled { after, quota } => {
                    permit.throttled(&Throttled {
                        after: *after,
                        throttle: throttle(quota.as_ref()),
                    });
                    refusals += 1;
                    if refusals >= REFUSALS_MAX {
                        return Err(self.failure(&error));
                    }
                    // The broker knows now how long to wait.
                    continue;
                }
                ApiErrorKind::TooLarge | ApiErrorKind::Preempted => {
                    permit.finish(None, None);
                    return Ok(Answered::refused(&error));
                }
                ApiErrorKind::Timeout => {
                    permit.finish(None, None);
                    timeouts += 1;
                    if timeouts >= TIMEOUTS_MAX && can_split {
                        return Ok(Answered::refused(&error));
                    }
                    failures += 1;
                    if failures >= attempts {
                        return Ok(Answered::refused(&error));
                    }
                }
                ApiErrorKind::InvalidQuery | ApiErrorKind::NotFound | ApiErrorKind::Bug => {
                    permit.finish(None, None);
                    return Err(self.failure(&error));
                }
                _ => {
                    // A token that is refused twice may yet be taken; more than that is a fault of
                    // the settings.
                    rejections += u32::from(error.kind == ApiErrorKind::Unauthorized);
                    let may_pass = error.kind.is_retryable()
                        || is_passing(&error) && rejections < REJECTIONS_MAX;
                    permit.failed(Fault {
                        kind: fault(&error.kind),
                        what: error.to_string(),
                    });
                    failures += 1;
                    if !may_pass || failures >= attempts {
                        return Err(self.failure(&error));
                    }
                }
            }
            self.wait(failures, turn.deadline, &error).await?;
        }
    }

    /// Waits before another try; not beyond the deadline.
    async fn wait(
        &self,
        failures: u32,
        deadline: Option<DateTime<Utc>>,
        error: &ApiError,
    ) -> Result<(), SourceError> {
        let doubled = FIRST_WAIT.saturating_mul(2_u32.saturating_pow(failures.saturating_sub(1)));
        let most = doubled.min(LONGEST_WAIT);
        let wait = most / 2 + (most / 2).mul_f64(fastrand::f64());
        let until = self.clock.now() + TimeDelta::from_std(wait).unwrap_or(TimeDelta::zero());
        if deadline.is_some_and(|deadline| until >= deadline) {
            return Err(self.failure(error));
        }
        self.clock.sleep_until(until).await;
        Ok(())
    }

    /// Makes one call and reads its answer to the end.
    async fn call(&self, prepared: &Prepared, part: Window) -> Called {
        let id = Uuid::now_v7();
        let mut called = Called {
            ids: RequestIds {
                client_request_id: id.to_string(),
                request_id: None,
            },
            status: None,
            counted: Counted::default(),
            outcome: Ok(Answered::nothing()),
        };
        let limits = self.limits();
        let left = prepared
            .turn()
            .deadline
            .map_or(TimeDelta::MAX, |deadline| deadline - self.clock.now());
        let left = left.to_std().unwrap_or_default().max(FIRST_WAIT);
        let time = limits.time.min(prepared.timeout()).min(left);
        let text = prepared.text(part);
        let asked = Asked {
            text: &text,
            timespan: prepared.timespan(part),
            parameters: prepared.parameters(),
            time,
            client_request_id: id,
        };
        called.outcome = match self.api.request(&asked) {
            Ok(request) => {
                let call = Call {
                    method: Method::POST,
                    url: request.url,
                    headers: request.headers,
                    body: Some(Body::Json(request.body)),
                    audience: self.api.audience().clone(),
                    timeout: self.config.call_timeout.map_or(time + WAY, |limit| limit.0),
                    client_request_id: id,
                    needs: self.api.role(),
                };
                self.answer(call, prepared, &mut called).await
            }
            Err(error) => Err(ApiError::new(
                ApiErrorKind::InvalidQuery,
                &error.to_string(),
            )),
        };
        if let Err(error) = &mut called.outcome {
            called.status = error.status.or(called.status);
            if error.ids.request_id.is_some() {
                called.ids.request_id.clone_from(&error.ids.request_id);
            }
        }
        called
    }

    async fn answer(
        &self,
        call: Call,
        prepared: &Prepared,
        called: &mut Called,
    ) -> Result<Answered, ApiError> {
        let answer = self.client.send(call).await?;
        called.status = Some(answer.status);
        called.ids = answer.ids.clone();
        let options = DecodeOptions {
            shape: self.api.shape(),
            expected: prepared.expected(),
        };
        let mut events = std::pin::pin!(decode(answer.into_stream(), options));
        let mut spool = Spool::default();
        let mut columns = None;
        let mut summary = None;
        while let Some(event) = events.next().await {
            match event.map_err(undecoded)? {
                Event::Table { schema, arrow, .. } if columns.is_none() => {
                    columns = Some((schema, arrow));
                }
                Event::Table { .. } => {
                    let message = "the answer has several tables; ask for them one by one";
                    return Err(ApiError::new(ApiErrorKind::InvalidQuery, message));
                }
                Event::Batch(batch) => {
                    called.counted.rows += batch.num_rows() as u64;
                    let pushed = spool.push(batch).await;
                    pushed.map_err(|error| ApiError::new(ApiErrorKind::Bug, &error.to_string()))?;
                }
                Event::End(end) => summary = Some(end),
            }
        }
        let summary: Summary = summary.unwrap_or_default();
        called.counted.bytes = summary.bytes;
        let rows = spool.finish().await;
        let rows = rows.map_err(|error| ApiError::new(ApiErrorKind::Bug, &error.to_string()))?;
        let mut incomplete = self.cut(called.counted);
        if let Some(failure) = &summary.failure {
            let error = classify_failure(&failure.code, &failure.message, Some(&failure.raw));
            match error.kind {
                ApiErrorKind::TooLarge | ApiErrorKind::Preempted => {
                    incomplete = Some(Incomplete::of(&error));
                }
                _ => return Err(error),
            }
        }
        Ok(Answered {
            columns,
            rows: Some(rows),
            counted: called.counted,
            incomplete,
            running: cost::running(summary.stats.as_ref()),
            cpu: cost::cpu(summary.stats.as_ref()),
            notes: summary.notes,
        })
    }

    /// Whether an answer of this size may have been cut.
    fn cut(&self, counted: Counted) -> Option<Incomplete> {
        let limits = self.limits();
        let reason = if counted.rows >= limits.rows {
            format!(
                "the answer has {} rows, at which {} cuts it",
                counted.rows,
                self.api.title()
            )
        } else {
            let most = limits.bytes.filter(|most| counted.bytes >= *most)?;
            format!(
                "the answer has {} bytes; from {most} on, {} may cut it",
                counted.bytes,
                self.api.title()
            )
        };
        Some(Incomplete {
            reason,
            is_too_large: true,
        })
    }

    /// An error of the service as one of the source, with the ids that its support asks for.
    pub(super) fn failure(&self, error: &ApiError) -> SourceError {
        let mut text = format!("{}: {error}", self.api.title());
        if !error.ids.client_request_id.is_empty() {
            text = format!("{text} (request {})", error.ids.client_request_id);
        }
        match &error.kind {
            ApiErrorKind::Throttled { after, .. } => {
                let wait = after.and_then(|after| TimeDelta::from_std(after).ok());
                let until = wait.map(|wait| self.clock.now() + wait);
                let again = until.map(|at| at.to_rfc3339_opts(SecondsFormat::Secs, true));
                let again = again.map_or_else(String::new, |at| format!("; again from {at} on"));
                SourceError::Throttled {
                    message: format!("{text}{again}"),
                    until,
                }
            }
            ApiErrorKind::Unauthorized | ApiErrorKind::Forbidden | ApiErrorKind::Misconfigured => {
                SourceError::Unauthorized(text)
            }
            ApiErrorKind::InvalidQuery => SourceError::Refused(text),
            ApiErrorKind::TooLarge | ApiErrorKind::Preempted => SourceError::Limit(text),
            ApiErrorKind::Timeout | ApiErrorKind::Unavailable => SourceError::Unavailable(text),
            ApiErrorKind::NotFound | ApiErrorKind::Bug => SourceError::Failed(text),
        }
    }
}

impl Answered {
    fn nothing() -> Self {
        Self {
            columns: None,
            rows: None,
            counted: Counted::default(),
            incomplete: None,
            notes: Vec::new(),
            running: None,
            cpu: None,
        }
    }

    /// The service gave no rows, but would for less.
    fn refused(error: &ApiError) -> Self {
        Self {
            incomplete: Some(Incomplete::of(error)),
            ..Self::nothing()
        }
    }
}

impl Incomplete {
    fn of(error: &ApiError) -> Self {
        Self {
            reason: error.message.clone(),
            is_too_large: error.kind == ApiErrorKind::TooLarge,
        }
    }
}

/// An answer that something on the way wrote instead of the service, or a token that it refused: it
/// may be another next time.
fn is_passing(error: &ApiError) -> bool {
    let answered = error.status.is_some();
    answered
        && matches!(
            error.kind,
            ApiErrorKind::Misconfigured | ApiErrorKind::Unauthorized
        )
}

/// An answer that ends early or is none is as if the connection had been cut.
fn undecoded(failure: Failure<ApiError>) -> ApiError {
    match failure {
        Failure::Body(error) => error,
        Failure::Decode(
            error @ (DecodeError::Truncated { .. }
            | DecodeError::Malformed { .. }
            | DecodeError::Empty
            | DecodeError::Stopped),
        ) => ApiError::new(ApiErrorKind::Unavailable, &error.to_string()),
        // It would be the same the next time.
        Failure::Decode(error) => ApiError::new(ApiErrorKind::Bug, &error.to_string()),
    }
}

fn fault(kind: &ApiErrorKind) -> FaultKind {
    match kind {
        ApiErrorKind::Unauthorized | ApiErrorKind::Forbidden => FaultKind::Unauthorized,
        ApiErrorKind::Misconfigured | ApiErrorKind::NotFound => FaultKind::Misconfigured,
        _ => FaultKind::Unavailable,
    }
}

fn throttle(quota: Option<&microsoft::Throttle>) -> Throttle {
    match quota {
        Some(microsoft::Throttle::Calls { allowed, per }) => Throttle::Calls {
            allowed: *allowed,
            per: *per,
        },
        Some(microsoft::Throttle::Cpu { again_in }) => Throttle::Cpu {
            again_in: *again_in,
        },
        Some(microsoft::Throttle::Concurrency) => Throttle::Concurrency,
        None => Throttle::Unknown,
    }
}
