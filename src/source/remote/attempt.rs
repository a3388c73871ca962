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
use kql_datafusion::types::arrow_schema;
use reqwest::Method;
use uuid::Uuid;

use super::Inner;
use super::patience::{Next, Patience};
use super::prepare::Prepared;
use super::query_api::{AnswerLimits, Asked};
use crate::microsoft::{self, ApiError, ApiErrorKind, Body, Call, RequestIds, classify_failure};
use crate::quota::breaker::{Fault, FaultKind};
use crate::quota::{Throttle, Throttled};
use crate::run::report;
use crate::source::broker::{Denied, Permit};
use crate::source::decode::{DecodeError, DecodeOptions, Event, Failure, Summary, decode};
use crate::source::spool::{Spool, Spooled};
use crate::source::{SourceError, Turn};
use crate::window::Window;

/// The status with which Log Analytics says that a workspace holds no data.
const NO_CONTENT: u16 = 204;
/// For the way to the service and back, beyond what it may take itself.
const WAY: Duration = Duration::from_secs(30);
/// The shortest time that a call is given, however near its deadline is.
const LEAST_TIME: Duration = Duration::from_secs(1);

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

impl Called {
    /// For the run's report.
    fn record(&self, at: DateTime<Utc>, took: Duration) -> report::Call {
        let error = match &self.outcome {
            Err(error) => Some(error.to_string()),
            Ok(answered) => answered.incomplete.as_ref().map(|why| why.reason.clone()),
        };
        report::Call {
            at,
            took_ms: u64::try_from(took.as_millis()).unwrap_or(u64::MAX),
            status: self.status,
            client_request_id: self.ids.client_request_id.clone(),
            request_id: self.ids.request_id.clone(),
            bytes: self.counted.bytes,
            rows: self.counted.rows,
            error,
        }
    }
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

    /// Asks for a part of a window until there is an answer, or trying on is of no use; not after
    /// `deadline`. Every call is told to `tell`.
    pub(super) async fn ask(
        &self,
        prepared: &Prepared,
        part: Window,
        can_split: bool,
        deadline: Option<DateTime<Utc>>,
        tell: &(dyn Fn(report::Call) + Sync),
    ) -> Result<Answered, SourceError> {
        let turn = prepared.turn();
        let attempts = self.config.attempts;
        let mut patience = Patience::new(turn.attempts.map_or(attempts, |most| most.min(attempts)));
        loop {
            let Some(permit) = self.permit(turn, deadline, &mut patience).await? else {
                continue;
            };
            let at = self.clock.now();
            let begun = tokio::time::Instant::now();
            let called = self.call(prepared, part).await;
            tell(called.record(at, begun.elapsed()));
            let error = match called.outcome {
                Ok(answered) => {
                    permit.finish(answered.running, answered.cpu);
                    return Ok(answered);
                }
                Err(error) => error,
            };
            book(permit, &error, called.status);
            match patience.after(&error, can_split) {
                Next::AskBroker => {}
                Next::AskForLess => return Ok(Answered::refused(&error)),
                Next::GiveUp => return Err(self.failure(&error)),
                Next::Wait(wait) => {
                    let until = self.clock.now() + TimeDelta::from_std(wait).unwrap_or_default();
                    if deadline.is_some_and(|deadline| until >= deadline) {
                        return Err(self.failure(&error));
                    }
                    self.clock.sleep_until(until).await;
                }
            }
        }
    }

    /// The right to send a call; none where that is to be asked for again.
    async fn permit(
        &self,
        turn: &Turn,
        deadline: Option<DateTime<Utc>>,
        patience: &mut Patience,
    ) -> Result<Option<Permit>, SourceError> {
        let granted = self
            .broker
            .acquire(&self.route, turn.lane, &turn.hunt, deadline)
            .await;
        let denied = match granted {
            Ok(permit) => return Ok(Some(permit)),
            Err(denied) => denied,
        };
        if let Denied::Open { next_try, .. } = denied
            && deadline.is_none_or(|deadline| next_try < deadline)
            && patience.waits_for_breaker()
        {
            self.clock.sleep_until(next_try).await;
            return Ok(None);
        }
        Err(SourceError::Throttled {
            message: format!("{}: {denied}", self.api.title()),
            until: match denied {
                Denied::Late { at, .. } => at,
                Denied::Open { next_try, .. } => Some(next_try),
            },
        })
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
            .deadline()
            .map_or(TimeDelta::MAX, |deadline| deadline - self.clock.now());
        let left = left.to_std().unwrap_or_default().max(LEAST_TIME);
        let time = limits.time.min(left);
        let limit = self.config.call_timeout;
        let limit = limit.map_or(time + WAY, |limit| limit.0).min(left);
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
                    timeout: limit,
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
        if answer.status == NO_CONTENT {
            let columns = prepared
                .expected()
                .unwrap_or_else(|| Schema::new(Vec::new()));
            let arrow = arrow_schema(&columns);
            return Ok(Answered {
                columns: Some((columns, arrow)),
                rows: Some(kept(Spool::default()).await?),
                notes: vec!["the service says that it holds no data".to_owned()],
                ..Answered::nothing()
            });
        }
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
        let rows = kept(spool).await?;
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

async fn kept(spool: Spool) -> Result<Spooled, ApiError> {
    let rows = spool.finish().await;
    rows.map_err(|error| ApiError::new(ApiErrorKind::Bug, &error.to_string()))
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

/// Tells the broker what became of a call that failed. A failure of the query says nothing against
/// the tenant, and nothing for it, either, unless the service answered with it.
fn book(permit: Permit, error: &ApiError, status: Option<u16>) {
    let kind = match &error.kind {
        ApiErrorKind::Throttled { after, quota } => {
            return permit.throttled(&Throttled {
                after: *after,
                throttle: throttle(quota.as_ref()),
            });
        }
        ApiErrorKind::Unauthorized | ApiErrorKind::Forbidden => FaultKind::Unauthorized,
        ApiErrorKind::Misconfigured => FaultKind::Misconfigured,
        ApiErrorKind::Unavailable => FaultKind::Unavailable,
        // It could not even be asked.
        ApiErrorKind::InvalidQuery if status.is_none() => return permit.give_back(),
        _ if status.is_none() => {
            return permit.unanswered(Fault {
                kind: FaultKind::Unavailable,
                what: error.to_string(),
            });
        }
        ApiErrorKind::InvalidQuery
        | ApiErrorKind::NotFound
        | ApiErrorKind::TooLarge
        | ApiErrorKind::Preempted
        | ApiErrorKind::Timeout
        | ApiErrorKind::Bug => return permit.finish(None, None),
    };
    permit.failed(Fault {
        kind,
        what: error.to_string(),
    });
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

#[cfg(test)]
mod tests;
