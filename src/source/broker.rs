//! Who may send the next call: one for all sources of the process.
//!
//! A call is booked in the ledger of its tenant and API before it is sent, and sent only while what
//! is stored is at most a second behind, so that neither a restart nor a crash makes the service
//! refuse a call because of us. Those who wait are served by `quota::turn`; a tenant that fails is
//! left alone by `quota::breaker`. The broker sends nothing itself.

mod permit;
mod standing;
mod store;

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use chrono::{DateTime, SecondsFormat, Utc};
use tokio::sync::{Notify, OnceCell};

use crate::clock::SharedClock;
use crate::quota::breaker::{Breaker, Change, Passage};
use crate::quota::turn::{Turns, Waiting};
use crate::quota::{Admission, CallId, Lane, Ledger, Limits, QuotaStore, Reason, Scope};

pub use permit::Permit;
pub use standing::{Standing, Tally};

/// Grants calls.
#[derive(Debug)]
pub struct Broker {
    clock: SharedClock,
    store: Option<Arc<dyn QuotaStore>>,
    desks: Mutex<Desks>,
    loaded: OnceCell<()>,
    saving: tokio::sync::Mutex<store::Saved>,
}

#[derive(Debug, Default)]
struct Desks {
    by_scope: BTreeMap<Scope, Desk>,
    /// Whether their books are stored.
    stored: bool,
    next_ticket: u64,
}

/// Where the calls of one scope are granted.
#[derive(Debug)]
struct Desk {
    ledger: Ledger,
    breaker: Breaker,
    turns: Turns,
    waiting: BTreeMap<u64, Waiter>,
    /// Counts the changes of books and queue.
    version: u64,
    tally: Tally,
    /// Whether limits were set, and not only assumed.
    configured: bool,
}

#[derive(Debug)]
struct Waiter {
    waiting: Waiting,
    granted: Option<CallId>,
    /// The version that it looked at last. The first of each lane keeps up with all of them, and
    /// looks again in time; the others are woken when it is their turn.
    seen: Option<u64>,
    woken: Arc<Notify>,
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
    /// The tenant failed several times one after the other.
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
            loaded: OnceCell::new(),
            saving: tokio::sync::Mutex::default(),
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
    /// alone. May be dropped at any time: then nothing is booked.
    pub async fn acquire(
        self: &Arc<Self>,
        scope: &Scope,
        lane: Lane,
        hunt: &str,
        deadline: Option<DateTime<Utc>>,
    ) -> Result<Permit, Denied> {
        self.load().await;
        let place = Place::take(self, scope, lane, hunt);
        let permit = loop {
            let now = self.clock.now();
            let (at, reason, timed) = match place.look(now) {
                Look::Granted(permit) => break permit,
                Look::Denied(denied) => return Err(denied),
                Look::Wait { at, reason, timed } => (at, reason, timed),
            };
            if let Some(deadline) = deadline
                && (now >= deadline || at.is_some_and(|at| at > deadline))
            {
                self.desks().desk(scope).tally.denied += 1;
                return Err(Denied::Late {
                    scope: scope.clone(),
                    at,
                    reason,
                });
            }
            let wake_at = [at.filter(|_| timed), deadline].into_iter().flatten().min();
            match wake_at {
                Some(at) => tokio::select! {
                    () = place.woken.notified() => {}
                    () = self.clock.sleep_until(at) => {}
                },
                None => place.woken.notified().await,
            }
        };
        drop(place);
        self.store_what_was_booked().await;
        Ok(permit.ready())
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
    fn tell(scope: &Scope, change: Option<Change>) {
        match change {
            Some(Change::Opened { fault, next_try }) => tracing::error!(
                tenant = scope.tenant,
                api = scope.api.as_str(),
                kind = fault.kind.as_str(),
                cause = fault.what,
                next_try = text(next_try),
                "a tenant's API fails and is not asked until it works again"
            ),
            Some(Change::Closed { after }) => tracing::info!(
                tenant = scope.tenant,
                api = scope.api.as_str(),
                after_seconds = after.num_seconds(),
                "a tenant's API works again"
            ),
            None => {}
        }
    }
}

impl Desks {
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
                breaker: Breaker::default(),
                turns: Turns::default(),
                waiting: BTreeMap::new(),
                version: 0,
                tally: Tally::default(),
                configured: false,
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
        self.alert();
    }

    /// Wakes the first of each lane, where it has not seen the last change.
    fn alert(&self) {
        for lane in Lane::ALL {
            if let Some(first) = self.first(lane)
                && first.seen != Some(self.version)
            {
                first.woken.notify_one();
            }
        }
    }

    fn first(&self, lane: Lane) -> Option<&Waiter> {
        let mut waiting = self.waiting.values();
        waiting.find(|waiter| waiter.granted.is_none() && waiter.waiting.lane == lane)
    }

    /// Grants as many calls as may be sent now to those whose turn it is.
    fn serve(&mut self, now: DateTime<Utc>) {
        // What detection may not do, no other lane may.
        if self.waiting.is_empty() || self.ledger.admit(now, Lane::Detection) != Admission::Now {
            return;
        }
        let mut recent = None;
        for lane in Lane::ALL {
            while self.first(lane).is_some() && self.ledger.admit(now, lane) == Admission::Now {
                let recent = recent.get_or_insert_with(|| self.ledger.recent_calls(now));
                let waiting = self.waiting.values();
                let waiting = waiting.filter(|waiter| waiter.granted.is_none());
                let waiting = waiting.map(|waiter| &waiter.waiting);
                let Some(next) = self.turns.next(lane, waiting, recent) else {
                    break;
                };
                let (ticket, hunt) = (next.ticket, Arc::clone(&next.hunt));
                let call = self.ledger.book(now, lane, &hunt);
                self.version += 1;
                self.turns.serve(&hunt);
                *recent.entry(hunt).or_default() += 1;
                if let Some(waiter) = self.waiting.get_mut(&ticket) {
                    waiter.granted = Some(call);
                    waiter.woken.notify_one();
                }
            }
        }
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
    scope: &'a Scope,
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
        /// Whether to look again then; otherwise another of the lane does.
        timed: bool,
    },
}

impl<'a> Place<'a> {
    fn take(broker: &'a Arc<Broker>, scope: &'a Scope, lane: Lane, hunt: &str) -> Self {
        let woken = Arc::new(Notify::new());
        let mut desks = broker.desks();
        let ticket = desks.next_ticket;
        desks.next_ticket += 1;
        let waiter = Waiter {
            waiting: Waiting {
                ticket,
                lane,
                hunt: Arc::from(hunt),
            },
            granted: None,
            seen: None,
            woken: Arc::clone(&woken),
        };
        desks.desk(scope).waiting.insert(ticket, waiter);
        Self {
            broker,
            scope,
            lane,
            ticket,
            woken,
        }
    }

    /// How it stands for this place, after everybody got what there is.
    fn look(&self, now: DateTime<Utc>) -> Look {
        let mut desks = self.broker.desks();
        let desk = desks.desk(self.scope);
        let open = |next_try, why| {
            Look::Denied(Denied::Open {
                scope: self.scope.clone(),
                next_try,
                why,
            })
        };
        // Who would have to wait only to be told so is told so now.
        if let Some((next_try, why)) = desk.breaker.refuses(now) {
            desk.tally.denied += 1;
            return open(next_try, why);
        }
        desk.serve(now);
        let version = desk.version;
        let waiter = desk.waiting.get_mut(&self.ticket);
        let granted = waiter.and_then(|waiter| {
            waiter.seen = Some(version);
            waiter.granted.take()
        });
        desk.alert();
        let Some(call) = granted else {
            let first = desk.first(self.lane);
            let timed = first.is_some_and(|first| first.waiting.ticket == self.ticket);
            let (at, reason) = match desk.ledger.admit(now, self.lane) {
                Admission::At(at, reason) => (Some(at), reason),
                Admission::WhenOneEnds(reason) => (None, reason),
                // Others of the lane come first, who were woken.
                Admission::Now => (Some(now), Reason::Turn(self.lane)),
            };
            return Look::Wait { at, reason, timed };
        };
        desk.waiting.remove(&self.ticket);
        let probe = match desk.breaker.pass(now) {
            Passage::Free => false,
            Passage::Probe => true,
            Passage::Refused { next_try, why } => {
                desk.ledger.give_back(call);
                desk.tally.denied += 1;
                desk.changed(now);
                return open(next_try, why);
            }
        };
        drop(desks);
        Look::Granted(Permit::new(self.broker, self.scope, call, now, probe))
    }
}

impl Drop for Place<'_> {
    fn drop(&mut self) {
        self.broker.change(self.scope, |desk, _| {
            if let Some(call) = desk.waiting.remove(&self.ticket).and_then(|w| w.granted) {
                desk.ledger.give_back(call);
            }
        });
    }
}

#[cfg(test)]
mod tests;
