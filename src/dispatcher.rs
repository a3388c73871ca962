//! Delivers what the outbox holds: each delivery to its action, again after a failure, until it is
//! accepted, refused or given up.
//!
//! It acts only on what the state recorded, and records what came of it before it goes on, so that
//! stopping at any moment loses nothing. A delivery is made twice only if the process dies between
//! the receiver's acceptance and our record of it; its id tells the receiver. Deliveries of one
//! action go out one after the other, oldest first; those of different actions side by side.

mod round;
mod verdict;

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError, RwLock};
use std::time::Duration;

use tokio::sync::Notify;
use tokio::time::MissedTickBehavior;
use tokio_util::sync::CancellationToken;

use self::round::Round;
use crate::action::Notifier;
use crate::clock::SharedClock;
use crate::id::ActionName;
use crate::state::{Outbox, StateError};

/// An action as the dispatcher sees it.
#[derive(Clone, Debug)]
pub struct Destination {
    /// Tells.
    pub notifier: Arc<dyn Notifier>,
    /// How long a delivery is tried.
    pub give_up_after: Duration,
}

/// The configured actions.
pub type Destinations = BTreeMap<ActionName, Destination>;

/// Bounds of the dispatcher.
#[derive(Clone, Copy, Debug)]
pub struct DispatcherLimits {
    /// Deliveries under way at the same time, at most one for each action.
    pub concurrency: usize,
    /// Deliveries taken from the outbox at a time; at most so many wait for one action.
    pub taken_max: usize,
    /// Longest time of one attempt, whatever the action's own limits are.
    pub attempt: Duration,
    /// How long those under way may take to end when huntd stops.
    pub stop: Duration,
}

impl Default for DispatcherLimits {
    fn default() -> Self {
        Self {
            concurrency: 8,
            taken_max: 100,
            attempt: Duration::from_mins(10),
            stop: Duration::from_secs(10),
        }
    }
}

/// What deliveries came to.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Delivered {
    /// Accepted.
    pub done: u64,
    /// Failed, and tried again later.
    pub retried: u64,
    /// Given up.
    pub dead: u64,
}

/// Looks after the outbox.
#[derive(Debug)]
pub struct Dispatcher {
    outbox: Arc<dyn Outbox>,
    clock: SharedClock,
    limits: DispatcherLimits,
    destinations: RwLock<Arc<Destinations>>,
    nudged: Notify,
    /// Why each action fails, as logged last: a cause is logged once, not at each attempt.
    causes: Mutex<BTreeMap<ActionName, String>>,
}

/// How often the outbox is read though nobody nudged.
const TICK: Duration = Duration::from_secs(1);

impl Dispatcher {
    /// A dispatcher that does nothing yet.
    pub fn new(
        outbox: Arc<dyn Outbox>,
        clock: SharedClock,
        destinations: Destinations,
        limits: DispatcherLimits,
    ) -> Self {
        Self {
            outbox,
            clock,
            limits,
            destinations: RwLock::new(Arc::new(destinations)),
            nudged: Notify::new(),
            causes: Mutex::default(),
        }
    }

    /// Uses other actions from now on. Attempts under way end with the old ones.
    pub fn replace_destinations(&self, destinations: Destinations) {
        let mut current = self
            .destinations
            .write()
            .unwrap_or_else(PoisonError::into_inner);
        *current = Arc::new(destinations);
    }

    /// Something was put into the outbox.
    pub fn nudge(&self) {
        self.nudged.notify_one();
    }

    /// Delivers until `stop`, then lets the attempts under way end within the limit.
    pub async fn run(&self, stop: CancellationToken) {
        let mut round = Round::new(self);
        let mut tick = tokio::time::interval(TICK);
        tick.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let mut outbox_error: Option<String> = None;
        loop {
            match round.advance().await {
                Ok(()) => outbox_error = None,
                Err(error) => {
                    let error = error.to_string();
                    if outbox_error.as_ref() != Some(&error) {
                        tracing::error!(error, "cannot use the outbox, trying on");
                        outbox_error = Some(error);
                    }
                }
            }
            tokio::select! {
                () = stop.cancelled() => break,
                Some(attempt) = round.next_ended() => round.conclude(attempt),
                () = self.nudged.notified() => {}
                _ = tick.tick() => {}
            }
        }
        self.end(round).await;
    }

    /// Delivers all that is due, and tells what it came to. What failed is due again only later.
    /// Where the outbox fails, what was taken and not tried is given back.
    pub async fn deliver_due(&self) -> Result<Delivered, StateError> {
        let mut round = Round::new(self);
        loop {
            if let Err(error) = round.advance().await {
                self.end(round).await;
                return Err(error);
            }
            let Some(attempt) = round.next_ended().await else {
                return Ok(round.delivered());
            };
            round.conclude(attempt);
        }
    }

    async fn end(&self, round: Round<'_>) {
        if let Err(error) = round.stop(self.limits.stop).await {
            let error = error.to_string();
            tracing::error!(
                error,
                "cannot record the last deliveries, they are made again"
            );
        }
    }

    fn destination(&self, action: &ActionName) -> Option<Destination> {
        let destinations = self
            .destinations
            .read()
            .unwrap_or_else(PoisonError::into_inner);
        destinations.get(action).cloned()
    }

    /// Notes why an action fails, or that it works. Whether that is news.
    fn note_cause(&self, action: &ActionName, cause: Option<&str>) -> bool {
        let mut causes = self.causes.lock().unwrap_or_else(PoisonError::into_inner);
        match cause {
            None => causes.remove(action).is_some(),
            Some(cause) => {
                causes.insert(action.clone(), cause.to_owned()).as_deref() != Some(cause)
            }
        }
    }
}
