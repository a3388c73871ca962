//! How the broker's books stand, for doctor and metrics.

use std::collections::BTreeMap;
use std::sync::Arc;

use chrono::{DateTime, Utc};

use super::Broker;
use crate::quota::breaker::{self, Fault};
use crate::quota::{Lane, Remaining, Scope};

/// Calls by what became of them, since the process was started.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Tally {
    /// The service answered.
    pub done: u64,
    /// It refused them for their number.
    pub throttled: u64,
    /// They failed by the tenant's fault.
    pub failed: u64,
    /// Nobody waited for their end.
    pub abandoned: u64,
    /// They were not sent after all.
    pub returned: u64,
    /// They may not be sent in time, or not while the tenant fails.
    pub denied: u64,
}

/// How one scope stands.
#[derive(Clone, PartialEq, Debug)]
pub struct Standing {
    /// Whose calls.
    pub scope: Scope,
    /// What is left.
    pub remaining: Remaining,
    /// How many calls wait, by lane.
    pub waiting: BTreeMap<Lane, usize>,
    /// What became of calls.
    pub tally: Tally,
    /// Where it is left alone for its failures.
    pub failing: Vec<Failing>,
}

/// An endpoint, with an identity, that failed several times.
#[derive(Clone, PartialEq, Debug)]
pub struct Failing {
    /// Which.
    pub door: Arc<str>,
    /// Whether it is tried out.
    pub standing: breaker::Standing,
    /// The last failure.
    pub fault: Fault,
    /// When it is tried out.
    pub next_try: DateTime<Utc>,
}

impl Standing {
    /// Whether it is left alone at one door at least.
    pub fn breaker(&self) -> breaker::Standing {
        let doors = self.failing.iter().map(|failing| failing.standing);
        doors.max().unwrap_or(breaker::Standing::Closed)
    }
}

impl Broker {
    /// How all scopes stand. What other processes stored is read first.
    pub async fn standing(&self) -> Vec<Standing> {
        self.catch_up().await;
        let now = self.clock.now();
        let mut desks = self.desks();
        let desks = desks.by_scope.iter_mut();
        desks
            .map(|(scope, desk)| {
                let mut waiting: BTreeMap<Lane, usize> =
                    Lane::ALL.into_iter().map(|lane| (lane, 0)).collect();
                for waiter in desk.waiting.values() {
                    *waiting.entry(waiter.waiting.lane).or_default() += 1;
                }
                let failing = desk.breakers.iter().filter_map(|(door, breaker)| {
                    let (standing, fault, next_try) = breaker.standing();
                    Some(Failing {
                        door: Arc::clone(door),
                        standing,
                        fault: fault?.clone(),
                        next_try: next_try?,
                    })
                });
                Standing {
                    scope: scope.clone(),
                    remaining: desk.ledger.remaining(now),
                    waiting,
                    tally: desk.tally,
                    failing: failing.collect(),
                }
            })
            .collect()
    }
}
