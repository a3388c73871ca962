//! The right to send one call, and what its holder tells of it.

use std::sync::Arc;
use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};

use super::{Broker, Desk};
use crate::quota::breaker::{Change, Fault};
use crate::quota::{CallId, Scope, Throttled};

/// The longest pause, at random, after which those who wait come back when a refusal ends.
const JITTER_MAX_MS: i64 = 3000;

/// The right to send one call. Dropped, the call counts as sent, and as ended at that time.
#[derive(Debug)]
#[must_use = "the call is booked until the permit is finished or dropped"]
pub struct Permit {
    broker: Arc<Broker>,
    scope: Scope,
    call: CallId,
    begun: DateTime<Utc>,
    /// Whether this call tries out a tenant that failed.
    probe: bool,
    stage: Stage,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Stage {
    /// Nobody has it yet.
    Granted,
    /// The call may be sent.
    Ready,
    /// It is booked what became of it.
    Ended,
}

impl Permit {
    pub(super) fn new(
        broker: &Arc<Broker>,
        scope: &Scope,
        call: CallId,
        now: DateTime<Utc>,
        probe: bool,
    ) -> Self {
        Self {
            broker: Arc::clone(broker),
            scope: scope.clone(),
            call,
            begun: now,
            probe,
            stage: Stage::Granted,
        }
    }

    pub(super) fn ready(mut self) -> Self {
        self.stage = Stage::Ready;
        self
    }

    /// The service answered, be it that the query is wrong. `running` is how long the query ran;
    /// if nobody knows, it is since the permit was given. `cpu` is the CPU time it took, if the
    /// service tells.
    pub fn finish(mut self, running: Option<Duration>, cpu: Option<Duration>) {
        self.end(|desk, call, now, begun| {
            let running = running.map_or(now - begun, delta);
            desk.ledger.finish(now, call, running, cpu.map(delta));
            desk.tally.done += 1;
            desk.breaker.succeeded(now)
        });
    }

    /// The service refused the call for its number.
    pub fn throttled(mut self, throttled: &Throttled) {
        let jitter = TimeDelta::milliseconds(fastrand::i64(0..=JITTER_MAX_MS));
        let scope = self.scope.clone();
        self.end(|desk, call, now, _| {
            let known = desk.ledger.remaining(now).blocked.is_some();
            desk.ledger.learn(now, call, throttled, jitter);
            desk.tally.throttled += 1;
            if let (false, Some((until, cause))) = (known, desk.ledger.remaining(now).blocked) {
                tracing::warn!(
                    tenant = scope.tenant,
                    api = scope.api.as_str(),
                    cause = cause.to_string(),
                    until = super::text(until),
                    "a service refuses calls and is left alone for a while"
                );
            }
            desk.breaker.succeeded(now)
        });
    }

    /// The call failed by the tenant's fault.
    pub fn failed(mut self, fault: Fault) {
        self.end(|desk, call, now, begun| {
            desk.ledger.finish(now, call, now - begun, None);
            desk.tally.failed += 1;
            let change = desk.breaker.failed(now, fault);
            if change.is_some() {
                desk.wake_all();
            }
            change
        });
    }

    /// The call was not sent after all, and is not counted.
    pub fn give_back(mut self) {
        self.return_unspent();
    }

    fn return_unspent(&mut self) {
        let probe = self.probe;
        self.end(|desk, call, _, _| {
            desk.ledger.give_back(call);
            desk.tally.returned += 1;
            if probe {
                desk.breaker.abandoned();
            }
            None
        });
    }

    fn end(
        &mut self,
        book: impl FnOnce(&mut Desk, CallId, DateTime<Utc>, DateTime<Utc>) -> Option<Change>,
    ) {
        self.stage = Stage::Ended;
        let (call, begun) = (self.call, self.begun);
        let change = self
            .broker
            .change(&self.scope, |desk, now| book(desk, call, now, begun));
        Broker::tell(&self.scope, change);
    }
}

impl Drop for Permit {
    fn drop(&mut self) {
        match self.stage {
            Stage::Ended => {}
            Stage::Granted => self.return_unspent(),
            Stage::Ready => {
                let probe = self.probe;
                self.end(|desk, call, now, begun| {
                    desk.ledger.finish(now, call, now - begun, None);
                    desk.tally.abandoned += 1;
                    if probe {
                        desk.breaker.abandoned();
                    }
                    None
                });
            }
        }
    }
}

fn delta(duration: Duration) -> TimeDelta {
    TimeDelta::from_std(duration).unwrap_or(TimeDelta::days(1))
}
