//! Who may send the next call: one for all sources of the process.
//!
//! A call is booked in the ledger of its tenant and API, and sent only when it is stored that it is
//! booked and that it fits beside those that other processes stored, so that neither they nor a
//! crash make the service refuse a call because of us. Those who wait are served by `quota::turn`;
//! what fails is left alone by `quota::breaker`. The broker sends nothing itself.

mod permit;
mod standing;
mod store;

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use chrono::{DateTime, SecondsFormat, Utc};
use tokio::sync::Notify;

use crate::clock::SharedClock;
use crate::quota::breaker::{Breaker, Change, Passage};
use crate::quota::turn::{Turns, Waiting};
use crate::quota::{Admission, CallId, Lane, Ledger, Limits, QuotaStore, Reason, Route, Scope};
use store::{Books, Unconfirmed};

pub use permit::Permit;
pub use standing::{Failing, Standing, Tally};

/// Grants calls.
#[derive(Debug)]
pub struct Broker {
    clock: SharedClock,
    store: Option<Arc<dyn QuotaStore>>,
    desks: Mutex<Desks>,
    books: tokio::sync::Mutex<Books>,
}

#[derive(Debug, Default)]
struct Desks {
    by_scope: BTreeMap<Scope, Desk>,
    /// Whether their books are stored.
    stored: bool,
    /// Whether those of the store were read.
    loaded: bool,
    next_ticket: u64,
}

/// Where the calls of one scope are granted.
#[derive(Debug)]
struct Desk {
    ledger: Ledger,
    /// By door, where something failed.
    breakers: BTreeMap<Arc<str>, Breaker>,
    turns: Turns,
    waiting: BTreeMap<u64, Waiter>,
    /// Booked calls that may not be sent yet.
    unconfirmed: BTreeMap<CallId, Unconfirmed>,
    /// Counts the changes of books and queue.
    version: u64,
    tally: Tally,
    /// Whether limits were set, and not only assumed.
    configured: bool,
    /// Whether books are stored.
    stored: bool,
}

#[derive(Debug)]
struct Waiter {
    waiting: Waiting,
    door: Arc<str>,
    granted: Option<Grant>,
    /// The version that it looked at last. The first of each lane keeps up with all of them, and
    /// looks again in time; the others are woken when it is their turn.
    seen: Option<u64>,
    woken: Arc<Notify>,
}

/// A call that is booked for somebody who waits.
#[derive(Clone, Copy, Debug)]
struct Grant {
    call: CallId,
    /// Whether it tries out what failed.
    probe: bool,
}

/// Why a call may not be sent.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
pub enum Denied {
    /// Its turn would come too late.
    #[error(
        "no call to {scope} in time: {reason}{}",
        at.map(|at| format!("; the next is possible at {}", text(at))).unwrap_or_default()
    )]
    Late {
        /// Whose calls.
        scope: Scope,
        /// When one may be possible, as far as that can be told.
        at: Option<DateTime<Utc>>,
        /// What it would wait for.
        reason: Reason,
    },
    /// It failed several times one after the other.
    #[error("{scope} is not asked before {}, as it failed several times: {why}", text(*next_try))]
    Open {
        /// Whose calls.
        scope: Scope,
        /// When it is tried out.
        next_try: DateTime<Utc>,
        /// The last failure.
        why: String,
    },
}

fn text(at: DateTime<Utc>) -> String {
    at.to_rfc3339_opts(SecondsFormat::Secs, true)
}

impl Broker {
    /// A broker with empty books, or with those of the store, which are read before the first
    /// call.
    pub fn new(clock: SharedClock, store: Option<Arc<dyn QuotaStore>>) -> Arc<Self> {
        let desks = Desks {
            stored: store.is_some(),
            ..Desks::default()
        };
        Arc::new(Self {
            clock,
            store,
            desks: Mutex::new(desks),
            books: tokio::sync::Mutex::default(),
        })
    }

    /// Says what may be asked of a scope; unsaid, it is what the service documents. Said several
    /// times since [`Broker::reset_limits`], the lower limits count: sources may share a tenant.
    pub fn limit(&self, scope: &Scope, limits: Limits) {
        let now = self.clock.now();
        let mut desks = self.desks();
        let desk = desks.desk(scope);
        let limits = if desk.configured {
            desk.ledger.limits().clone().and(&limits)
        } else {
            limits
        };
        desk.configured = true;
        desk.ledger.set_limits(limits);
        desk.changed(now);
    }

    /// Forgets what [`Broker::limit`] said, before a new configuration says it anew. What was used
    /// is not forgotten.
    pub fn reset_limits(&self) {
        for (scope, desk) in &mut self.desks().by_scope {
            desk.configured = false;
            desk.ledger.set_limits(Limits::of(scope.api));
        }
    }

    /// Waits until a call may be sent and books it. `hunt` is whose call it is. Fails as soon as
    /// it is clear that it may not be sent before `deadline`, and at once while the tenant is left
    /// alone; what comes of a call that tries it out is waited for. May be dropped at any time: then
    /// nothing is booked.
    pub async fn acquire(
        self: &Arc<Self>,
        route: &Route,
        lane: Lane,
        hunt: &str,
        deadline: Option<DateTime<Utc>>,
    ) -> Result<Permit, Denied> {
        self.load().await;
        let ticket = self.desks().ticket();
        loop {
            let waiting = Waiting {
                ticket,
                lane,
                hunt: Arc::from(hunt),
            };
            let permit = self.wait(route, waiting, deadline).await?;
            if self.confirm(&route.scope, permit.call()).await {
                return Ok(permit.ready());
            }
            permit.lost();
        }
    }

    /// Waits for a call that may be sent by what is known of other processes.
    async fn wait(
        self: &Arc<Self>,
        route: &Route,
        waiting: Waiting,
        deadline: Option<DateTime<Utc>>,
    ) -> Result<Permit, Denied> {
        let place = Place::take(self, route, waiting);
        loop {
            let now = self.clock.now();
            let (at, reason, look_again) = match place.look(now) {
                Look::Granted(permit) => return Ok(permit),
                Look::Denied(denied) => return Err(denied),
                Look::Wait {
                    at,
                    reason,
                    look_again,
                } => (at, reason, look_again),
            };
            if let Some(deadline) = deadline
                && (now >= deadline || at.is_some_and(|at| at > deadline))
            {
                self.desks().desk(&route.scope).tally.denied += 1;
                return Err(Denied::Late {
                    scope: route.scope.clone(),
                    at,
                    reason,
                });
            }
            match [look_again, deadline].into_iter().flatten().min() {
                Some(at) => tokio::select! {
                    () = place.woken.notified() => {}
                    () = self.clock.sleep_until(at) => {}
                },
                None => place.woken.notified().await,
            }
        }
    }

    fn desks(&self) -> MutexGuard<'_, Desks> {
        self.desks.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Changes the books of a scope, and lets those who wait have what that sets free.
    fn change<T>(&self, scope: &Scope, change: impl FnOnce(&mut Desk, DateTime<Utc>) -> T) -> T {
        let now = self.clock.now();
        let mut desks = self.desks();
        let desk = desks.desk(scope);
        let changed = change(desk, now);
        desk.changed(now);
        changed
    }

    /// Tells what became of a breaker, once.
    fn tell(route: &Route, change: Option<Change>) {
        let (scope, door) = (&route.scope, route.door.as_ref());
        match change {
            Some(Change::Opened { fault, next_try }) => tracing::error!(
                tenant = scope.tenant,
                api = scope.api.as_str(),
                door,
                kind = fault.kind.as_str(),
                cause = fault.what,
                next_try = text(next_try),
                "a tenant's API fails and is not asked until it works again"
            ),
            Some(Change::Closed { after }) => tracing::info!(
                tenant = scope.tenant,
                api = scope.api.as_str(),
                door,
                after_seconds = after.num_seconds(),
                "a tenant's API works again"
            ),
            None => {}
        }
    }
}

impl Desks {
    fn ticket(&mut self) -> u64 {
        let ticket = self.next_ticket;
        self.next_ticket += 1;
        ticket
    }

    fn desk(&mut self, scope: &Scope) -> &mut Desk {
        if !self.by_scope.contains_key(scope) {
            let limits = Limits::of(scope.api);
            let ledger = if self.stored {
                // Ids of calls are those of this process alone.
                Ledger::new(limits, fastrand::i64(0..i64::MAX / 2))
            } else {
                Ledger::unstored(limits)
            };
            let desk = Desk {
                ledger,
                breakers: BTreeMap::new(),
                turns: Turns::default(),
                waiting: BTreeMap::new(),
                unconfirmed: BTreeMap::new(),
                version: 0,
                tally: Tally::default(),
                configured: false,
                stored: self.stored,
            };
            self.by_scope.insert(scope.clone(), desk);
        }
        self.by_scope
            .get_mut(scope)
            .expect("it was there or has been inserted")
    }
}

impl Desk {
    /// Lets those who wait know that something changed.
    fn changed(&mut self, now: DateTime<Utc>) {
        self.version += 1;
        self.serve(now);
        self.alert(now);
    }

    /// Wakes the first of each lane, where it has not seen the last change.
    fn alert(&self, now: DateTime<Utc>) {
        for lane in Lane::ALL {
            if let Some(first) = self.first(lane, now)
                && first.seen != Some(self.version)
            {
                first.woken.notify_one();
            }
        }
    }

    /// Those whom a call can be granted, as far as it is up to their doors.
    fn queue(&self, now: DateTime<Utc>) -> impl Iterator<Item = &Waiter> {
        let waiting = self.waiting.values();
        waiting.filter(move |waiter| {
            let is_open = || matches!(self.door(&waiter.door, now), Passage::Free | Passage::Probe);
            waiter.granted.is_none() && is_open()
        })
    }

    fn first(&self, lane: Lane, now: DateTime<Utc>) -> Option<&Waiter> {
        self.queue(now).find(|waiter| waiter.waiting.lane == lane)
    }

    fn door(&self, door: &Arc<str>, now: DateTime<Utc>) -> Passage {
        let breaker = self.breakers.get(door);
        breaker.map_or(Passage::Free, |breaker| breaker.view(now))
    }

    /// Grants as many calls as may be sent now to those whose turn it is.
    fn serve(&mut self, now: DateTime<Utc>) {
        for breaker in self.breakers.values_mut() {
            breaker.settle(now);
        }
        // What detection may not do, no other lane may.
        if self.waiting.is_empty() || self.ledger.admit(now, Lane::Detection) != Admission::Now {
            return;
        }
        let mut recent = None;
        for lane in Lane::ALL {
            while self.first(lane, now).is_some() && self.ledger.admit(now, lane) == Admission::Now
            {
                let recent = recent.get_or_insert_with(|| self.ledger.recent_calls(now));
                let waiting = self.queue(now).map(|waiter| &waiter.waiting);
                let Some(next) = self.turns.next(lane, waiting, recent) else {
                    break;
                };
                let (ticket, hunt) = (next.ticket, Arc::clone(&next.hunt));
                let call = self.ledger.book(now, lane, &hunt);
                if self.stored {
                    self.unconfirmed.insert(call, Unconfirmed::Booked);
                }
                self.version += 1;
                self.turns.serve(&hunt);
                *recent.entry(hunt).or_default() += 1;
                if let Some(waiter) = self.waiting.get_mut(&ticket) {
                    let breaker = self.breakers.get_mut(&waiter.door);
                    let passage = breaker.map(|breaker| breaker.pass(now));
                    let probe = passage == Some(Passage::Probe);
                    waiter.granted = Some(Grant { call, probe });
                    waiter.woken.notify_one();
                }
            }
        }
    }

    /// Takes back a call that was not sent.
    fn give_back(&mut self, call: CallId) {
        self.unconfirmed.remove(&call);
        self.ledger.give_back(call);
    }

    fn wake_all(&self) {
        for waiter in self.waiting.values() {
            waiter.woken.notify_one();
        }
    }
}

/// A place in the queue. Dropped, it is given up, with what was granted to it.
struct Place<'a> {
    broker: &'a Arc<Broker>,
    route: &'a Route,
    lane: Lane,
    ticket: u64,
    woken: Arc<Notify>,
}

enum Look {
    Granted(Permit),
    Denied(Denied),
    Wait {
        /// When a call may be possible, as far as that can be told.
        at: Option<DateTime<Utc>>,
        reason: Reason,
        /// When to look again; otherwise others see to that.
        look_again: Option<DateTime<Utc>>,
    },
}

impl<'a> Place<'a> {
    fn take(broker: &'a Arc<Broker>, route: &'a Route, waiting: Waiting) -> Self {
        let woken = Arc::new(Notify::new());
        let (ticket, lane) = (waiting.ticket, waiting.lane);
        let waiter = Waiter {
            waiting,
            door: Arc::clone(&route.door),
            granted: None,
            seen: None,
            woken: Arc::clone(&woken),
        };
        let mut desks = broker.desks();
        desks.desk(&route.scope).waiting.insert(ticket, waiter);
        drop(desks);
        Self {
            broker,
            route,
            lane,
            ticket,
            woken,
        }
    }

    /// How it stands for this place, after everybody got what there is.
    fn look(&self, now: DateTime<Utc>) -> Look {
        let mut desks = self.broker.desks();
        let desk = desks.desk(&self.route.scope);
        desk.serve(now);
        let version = desk.version;
        let waiter = desk.waiting.get_mut(&self.ticket);
        let granted = waiter.and_then(|waiter| {
            waiter.seen = Some(version);
            waiter.granted
        });
        desk.alert(now);
        let door = desk.door(&self.route.door, now);
        // Who would have to wait only to be told so is told so now.
        if let Passage::Refused { next_try, why } = door {
            desk.tally.denied += 1;
            return Look::Denied(Denied::Open {
                scope: self.route.scope.clone(),
                next_try,
                why,
            });
        }
        if let Some(Grant { call, probe }) = granted {
            desk.waiting.remove(&self.ticket);
            drop(desks);
            return Look::Granted(Permit::new(self.broker, self.route, call, now, probe));
        }
        if let Passage::Wait { until } = door {
            return Look::Wait {
                at: None,
                reason: Reason::Trial,
                look_again: Some(until),
            };
        }
        let (at, reason) = match desk.ledger.admit(now, self.lane) {
            Admission::At(at, reason) => (Some(at), reason),
            Admission::WhenOneEnds(reason) => (None, reason),
            // Others of the lane come first, who were woken.
            Admission::Now => (Some(now), Reason::Turn(self.lane)),
        };
        let first = desk.first(self.lane, now);
        let is_first = first.is_some_and(|first| first.waiting.ticket == self.ticket);
        Look::Wait {
            at,
            reason,
            look_again: at.filter(|_| is_first),
        }
    }
}

impl Drop for Place<'_> {
    fn drop(&mut self) {
        self.broker.change(&self.route.scope, |desk, _| {
            let waiter = desk.waiting.remove(&self.ticket);
            let granted = waiter.and_then(|waiter| waiter.granted);
            if let Some(Grant { call, probe }) = granted {
                desk.give_back(call);
                if probe && let Some(breaker) = desk.breakers.get_mut(&self.route.door) {
                    breaker.abandoned();
                }
            }
        });
    }
}

#[cfg(test)]
mod tests;
