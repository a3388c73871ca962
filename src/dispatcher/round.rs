//! The deliveries in hand: a queue for each action, and the attempts under way.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::panic::AssertUnwindSafe;
use std::time::Duration;

use chrono::{DateTime, Utc};
use futures::FutureExt as _;
use tokio::task::JoinSet;
use tokio::time::Instant;

use super::{Delivered, Destination, Dispatcher, verdict};
use crate::action::ActionOutcome;
use crate::alert::{Delivery, DeliveryStatus};
use crate::backoff::backoff;
use crate::id::{ActionName, DeliveryId};
use crate::state::{Settled, StateError};

pub(super) struct Round<'a> {
    dispatcher: &'a Dispatcher,
    lanes: BTreeMap<ActionName, Lane>,
    attempts: JoinSet<Attempt>,
    /// What came of deliveries and is not recorded yet. Nothing is taken before it is.
    unsettled: VecDeque<Settled>,
    delivered: Delivered,
}

/// The deliveries of one action.
#[derive(Debug, Default)]
struct Lane {
    queue: VecDeque<Delivery>,
    is_busy: bool,
    last_failed: Option<DeliveryId>,
    /// Times in a row that another delivery failed than before: the action is to blame.
    failures: u32,
    /// An action that is down is not tried with every delivery that there is for it.
    closed_until: Option<DateTime<Utc>>,
}

/// An attempt that ended.
pub(super) struct Attempt {
    delivery: Delivery,
    outcome: ActionOutcome,
    give_up_after: Duration,
}

impl<'a> Round<'a> {
    pub(super) fn new(dispatcher: &'a Dispatcher) -> Self {
        Self {
            dispatcher,
            lanes: BTreeMap::new(),
            attempts: JoinSet::new(),
            unsettled: VecDeque::new(),
            delivered: Delivered::default(),
        }
    }

    pub(super) fn delivered(&self) -> Delivered {
        self.delivered
    }

    /// Records what came of deliveries, takes more, and starts attempts, until every action has
    /// deliveries waiting or none is due.
    pub(super) async fn advance(&mut self) -> Result<(), StateError> {
        loop {
            self.record().await?;
            let taken = self.take().await?;
            self.start();
            if taken == 0 {
                return Ok(());
            }
        }
    }

    /// The next attempt to end; `None` if none is under way.
    pub(super) async fn next_ended(&mut self) -> Option<Attempt> {
        let ended = self.attempts.join_next().await?;
        Some(ended.expect("attempts catch panics, and are aborted only when nobody asks any more"))
    }

    /// Decides what becomes of a delivery and of those that wait behind it.
    pub(super) fn conclude(&mut self, attempt: Attempt) {
        let Attempt {
            delivery,
            outcome,
            give_up_after,
        } = attempt;
        let now = self.dispatcher.clock.now();
        let settled = verdict::settle(&delivery, &outcome, now, give_up_after);
        self.tell(&delivery, &outcome, &settled);
        match settled.status {
            DeliveryStatus::Done => self.delivered.done += 1,
            DeliveryStatus::Dead => self.delivered.dead += 1,
            DeliveryStatus::Pending | DeliveryStatus::Sending => self.delivered.retried += 1,
        }
        let lane = self.lanes.entry(delivery.action.clone()).or_default();
        lane.is_busy = false;
        match &outcome {
            ActionOutcome::Done => {
                lane.last_failed = None;
                lane.failures = 0;
                lane.closed_until = None;
            }
            // The fault is the delivery's own: the next may fare better.
            ActionOutcome::Rejected { .. } => {}
            ActionOutcome::Retry { why, after } => {
                let another_failed = lane.last_failed.is_some_and(|id| id != delivery.id);
                lane.last_failed = Some(delivery.id);
                if another_failed || after.is_some() {
                    lane.failures += 1;
                    let until = now + backoff(lane.failures, *after);
                    lane.closed_until = Some(until);
                    let waiting = lane.queue.drain(..);
                    self.unsettled
                        .extend(waiting.map(|next| verdict::put_off(&next, until, Some(why))));
                }
            }
        }
        self.unsettled.push_front(settled);
    }

    /// Ends what is under way within `limit`; what was not tried goes back as it was. Attempts
    /// that do not end are abandoned: their deliveries are made again at the next start.
    pub(super) async fn stop(mut self, limit: Duration) -> Result<(), StateError> {
        for lane in self.lanes.values_mut() {
            for delivery in lane.queue.drain(..) {
                let unchanged = verdict::put_off(&delivery, delivery.not_before, None);
                self.unsettled.push_back(unchanged);
            }
        }
        let deadline = Instant::now() + limit;
        while let Ok(Some(attempt)) = tokio::time::timeout_at(deadline, self.next_ended()).await {
            self.conclude(attempt);
        }
        if !self.attempts.is_empty() {
            let deliveries = self.attempts.len();
            tracing::warn!(
                deliveries,
                "deliveries did not end in time and are made again"
            );
        }
        self.record().await
    }

    async fn record(&mut self) -> Result<(), StateError> {
        while let Some(settled) = self.unsettled.front() {
            self.dispatcher.outbox.settle(settled).await?;
            self.unsettled.pop_front();
        }
        Ok(())
    }

    /// Takes what is due for actions that have nothing waiting, up to the limit: a slow action
    /// must not keep others from being told. How many there were.
    async fn take(&mut self) -> Result<usize, StateError> {
        let waiting: BTreeSet<ActionName> = self
            .lanes
            .iter()
            .filter(|(_, lane)| !lane.queue.is_empty())
            .map(|(action, _)| action.clone())
            .collect();
        let now = self.dispatcher.clock.now();
        let outbox = &self.dispatcher.outbox;
        let limit = self.dispatcher.limits.taken_max;
        let mut due = outbox.take_due(now, limit, &waiting).await?;
        due.sort_by_key(|delivery| (delivery.created_at, delivery.id));
        let taken = due.len();
        for delivery in due {
            let lane = self.lanes.entry(delivery.action.clone()).or_default();
            match lane.closed_until {
                // The one that closed the lane is due first, and opens it.
                Some(until) if now < until => {
                    self.unsettled
                        .push_back(verdict::put_off(&delivery, until, None));
                }
                _ => lane.queue.push_back(delivery),
            }
        }
        Ok(taken)
    }

    /// Starts attempts, at most one for each action; what was queued first goes first.
    fn start(&mut self) {
        let mut idle: Vec<(DeliveryId, &mut Lane)> = self
            .lanes
            .values_mut()
            .filter(|lane| !lane.is_busy)
            .filter_map(|lane| Some((lane.queue.front()?.id, lane)))
            .collect();
        idle.sort_by_key(|(first, _)| *first);
        for (_, lane) in idle {
            if self.attempts.len() >= self.dispatcher.limits.concurrency {
                return;
            }
            let Some(delivery) = lane.queue.pop_front() else {
                continue;
            };
            lane.is_busy = true;
            let destination = self.dispatcher.destination(&delivery.action);
            let longest = self.dispatcher.limits.attempt;
            self.attempts.spawn(attempt(delivery, destination, longest));
        }
    }

    fn tell(&self, delivery: &Delivery, outcome: &ActionOutcome, settled: &Settled) {
        let (action, id) = (&delivery.action, delivery.id);
        let cause = match outcome {
            ActionOutcome::Done => None,
            ActionOutcome::Retry { why, .. } | ActionOutcome::Rejected { why } => Some(why),
        };
        let is_news = match outcome {
            ActionOutcome::Rejected { .. } => false,
            _ => self
                .dispatcher
                .note_cause(action, cause.map(String::as_str)),
        };
        match settled.status {
            DeliveryStatus::Dead => tracing::error!(
                action.name = %action,
                delivery.id = %id,
                hunt.name = %delivery.alert.hunt.name,
                error = settled.last_error.as_deref().unwrap_or_default(),
                "an alert was not delivered; `huntd resend` tries again"
            ),
            DeliveryStatus::Done if is_news => {
                tracing::info!(action.name = %action, "the action works again");
            }
            DeliveryStatus::Done => {
                tracing::debug!(action.name = %action, delivery.id = %id, "delivered");
            }
            _ if is_news => tracing::warn!(
                action.name = %action,
                delivery.id = %id,
                error = cause.map_or("", String::as_str),
                next = %settled.not_before,
                "an action fails, trying on"
            ),
            _ => {}
        }
    }
}

async fn attempt(
    delivery: Delivery,
    destination: Option<Destination>,
    longest: Duration,
) -> Attempt {
    let Some(destination) = destination else {
        let action = &delivery.action;
        let outcome = ActionOutcome::retry(format!(
            "no action `{action}` is configured; put it back, or let the delivery be given up"
        ));
        return Attempt {
            delivery,
            outcome,
            give_up_after: crate::action::GIVE_UP_AFTER,
        };
    };
    let telling = AssertUnwindSafe(destination.notifier.notify(&delivery)).catch_unwind();
    let outcome = match tokio::time::timeout(longest, telling).await {
        Ok(Ok(outcome)) => outcome,
        Ok(Err(_)) => ActionOutcome::retry("the action panicked, which is a mistake in huntd"),
        Err(_) => {
            let seconds = longest.as_secs();
            ActionOutcome::retry(format!("the action did not end within {seconds} s"))
        }
    };
    Attempt {
        delivery,
        outcome,
        give_up_after: destination.give_up_after,
    }
}
