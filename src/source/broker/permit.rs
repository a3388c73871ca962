//! The right to send one call, and what its holder tells of it.

use std::sync::Arc;
use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};

use super::{Broker, Desk};
use crate::quota::breaker::{Change, Fault};
use crate::quota::{CallId, Route, Throttled};

/// The longest pause, at random, after which those who wait come back when a refusal ends.
const JITTER_MAX_MS: i64 = 3000;

/// The right to send one call. Dropped, the call counts as sent, and as ended at that time.
#[derive(Debug)]
#[must_use = "the call is booked until the permit is finished or dropped"]
pub struct Permit {
    broker: Arc<Broker>,
    route: Route,
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
        route: &Route,
        call: CallId,
        now: DateTime<Utc>,
        probe: bool,
    ) -> Self {
        Self {
            broker: Arc::clone(broker),
            route: route.clone(),
            call,
            begun: now,
            probe,
            stage: Stage::Granted,
        }
    }

    /// Which call is booked for it.
    pub(super) fn call(&self) -> CallId {
        self.call
    }

    /// The call may be sent.
    pub(super) fn ready(mut self) -> Self {
        self.stage = Stage::Ready;
        self.begun = self.broker.clock.now();
        self
    }

    /// Calls of other processes took its place.
    pub(super) fn lost(mut self) {
        self.end(Desk::abandoned);
    }

    /// The service answered, be it that the query is wrong. `running` is how long the query ran;
    /// if nobody knows, it is since the permit was given. `cpu` is the CPU time it took, if the
    /// service tells.
    pub fn finish(mut self, running: Option<Duration>, cpu: Option<Duration>) {
        self.end(|desk, end| {
            let running = running.map_or(end.now - end.begun, delta);
            let cpu = cpu.map(delta);
            desk.ledger.finish(end.now, end.call, running, cpu);
            desk.tally.done += 1;
            desk.succeeded(end)
        });
    }

    /// The service did not answer, in a time that says nothing against it: another query may take
    /// less. A call that tries it out has failed by that.
    pub fn unanswered(mut self, fault: Fault) {
        self.end(|desk, end| {
            let ran = end.now - end.begun;
            desk.ledger.finish(end.now, end.call, ran, None);
            desk.tally.abandoned += 1;
            if end.probe {
                desk.failed(end, fault)
            } else {
                None
            }
        });
    }

    /// The service refused the call for its number.
    pub fn throttled(mut self, throttled: &Throttled) {
        let jitter = TimeDelta::milliseconds(fastrand::i64(0..=JITTER_MAX_MS));
        let scope = self.route.scope.clone();
        self.end(|desk, end| {
            let known = desk.ledger.remaining(end.now).blocked.is_some();
            desk.ledger.learn(end.now, end.call, throttled, jitter);
            desk.tally.throttled += 1;
            let blocked = desk.ledger.remaining(end.now).blocked;
            if let (false, Some((until, cause))) = (known, blocked) {
                tracing::warn!(
                    tenant = scope.tenant,
                    api = scope.api.as_str(),
                    cause = cause.to_string(),
                    until = super::text(until),
                    "a service refuses calls and is left alone for a while"
                );
            }
            desk.succeeded(end)
        });
    }

    /// The call failed by the tenant's fault.
    pub fn failed(mut self, fault: Fault) {
        self.end(|desk, end| {
            let ran = end.now - end.begun;
            desk.ledger.finish(end.now, end.call, ran, None);
            desk.tally.failed += 1;
            desk.failed(end, fault)
        });
    }

    /// The call was not sent after all, and is not counted.
    pub fn give_back(mut self) {
        self.return_unspent();
    }

    fn return_unspent(&mut self) {
        self.end(|desk, end| {
            desk.give_back(end.call);
            desk.tally.returned += 1;
            desk.abandoned(end)
        });
    }

    fn end(&mut self, book: impl FnOnce(&mut Desk, &End<'_>) -> Option<Change>) {
        self.stage = Stage::Ended;
        let route = &self.route;
        let change = self.broker.change(&route.scope, |desk, now| {
            let end = End {
                call: self.call,
                begun: self.begun,
                now,
                probe: self.probe,
                door: &route.door,
            };
            book(desk, &end)
        });
        Broker::tell(route, change);
    }
}

impl Drop for Permit {
    fn drop(&mut self) {
        match self.stage {
            Stage::Ended => {}
            Stage::Granted => self.return_unspent(),
            Stage::Ready => self.end(|desk, end| {
                let ran = end.now - end.begun;
                desk.ledger.finish(end.now, end.call, ran, None);
                desk.tally.abandoned += 1;
                desk.abandoned(end)
            }),
        }
    }
}

/// Which call has ended.
struct End<'a> {
    call: CallId,
    begun: DateTime<Utc>,
    now: DateTime<Utc>,
    probe: bool,
    door: &'a Arc<str>,
}

/// What the end of a call says of its door.
impl Desk {
    fn succeeded(&mut self, end: &End<'_>) -> Option<Change> {
        // A door without failures needs no breaker.
        self.breakers.remove(end.door)?.succeeded(end.now)
    }

    fn failed(&mut self, end: &End<'_>, fault: Fault) -> Option<Change> {
        let breaker = self.breakers.entry(Arc::clone(end.door)).or_default();
        let change = breaker.failed(end.now, fault);
        // Who waits for it is told.
        self.wake_all();
        change
    }

    fn abandoned(&mut self, end: &End<'_>) -> Option<Change> {
        if end.probe
            && let Some(breaker) = self.breakers.get_mut(end.door)
        {
            breaker.abandoned();
        }
        None
    }
}

fn delta(duration: Duration) -> TimeDelta {
    TimeDelta::from_std(duration).unwrap_or(TimeDelta::days(1))
}
