//! What refusals taught: until when a service is left alone, and limits that are lower than those
//! we know of.
//!
//! The service says how many calls it allows in which time, or that the tenant's CPU time is used
//! up; `Retry-After` is not promised. Where it does not say when to come back, the rules here do.

use std::fmt;
use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};
use serde::{Deserialize, Serialize};

use super::limits::{CallLimit, QUARTER};
use super::{Lane, Throttle, Throttled};
use crate::duration::DurationText;

/// The longest wait that a service may ask for.
const ASKED_MAX: TimeDelta = TimeDelta::days(1);
/// How long a limit that was learnt holds; then the one that we know of is tried again.
const LEARNT_FOR: TimeDelta = TimeDelta::days(1);
/// The same for calls at a time, which depend on what else runs.
const CONCURRENCY_LEARNT_FOR: TimeDelta = TimeDelta::minutes(15);
/// The wait after the first refusal for too many calls at a time.
const CONCURRENCY_WAIT: TimeDelta = TimeDelta::seconds(10);
/// When detection first tries again after the calls of an hour are used up: others may use them
/// as well, and the service may count them one by one.
const HOUR_WAIT: TimeDelta = TimeDelta::minutes(5);
/// Doubling ends with this many refusals.
const DOUBLINGS_MAX: u32 = 6;

/// What refusals taught.
#[derive(Clone, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
pub struct Learnt {
    /// Until when nothing is sent.
    pub block: Option<Block>,
    /// Limits of calls.
    pub calls: Vec<LearntCalls>,
    /// Calls at a time, and when that was learnt.
    pub concurrency: Option<(u32, DateTime<Utc>)>,
}

/// A time in which nothing is sent.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Block {
    /// When it began.
    pub since: DateTime<Utc>,
    /// When detection may try again.
    pub until: DateTime<Utc>,
    /// When the other lanes may.
    pub others_until: DateTime<Utc>,
    /// Why.
    pub cause: Cause,
}

/// Why a service was left alone.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Cause {
    /// Too many calls in this time.
    Calls {
        /// How many it allows.
        allowed: u32,
        /// In which time.
        per: Duration,
    },
    /// The tenant's CPU time is used up.
    Cpu,
    /// Too many calls at a time.
    Concurrency,
    /// It did not say.
    Unknown,
}

impl fmt::Display for Cause {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match *self {
            Self::Calls { allowed, per } => {
                write!(f, "it allows {allowed} calls in {}", DurationText(per))
            }
            Self::Cpu => f.write_str("the tenant's CPU time of this quarter of an hour is used"),
            Self::Concurrency => f.write_str("too many calls at a time"),
            Self::Unknown => f.write_str("too many requests, without saying which"),
        }
    }
}

/// A limit of calls that a service told.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct LearntCalls {
    /// How many.
    pub max: u32,
    /// In how many milliseconds.
    pub per_milliseconds: i64,
    /// When it was told.
    pub at: DateTime<Utc>,
}

impl Learnt {
    /// Takes in a refusal, the `repeated`th after the first without a call that succeeded between
    /// them. `under_way` calls are still out; `jitter` keeps those who wait from coming back in
    /// the very instant.
    pub fn learn(
        &mut self,
        now: DateTime<Utc>,
        throttled: &Throttled,
        repeated: u32,
        under_way: u32,
        jitter: TimeDelta,
    ) {
        let doubled = 2_i32.pow(repeated.min(DOUBLINGS_MAX));
        let quarter = next(now, QUARTER) + jitter;
        let (cause, until, others_until) = match throttled.throttle {
            Throttle::Calls { allowed, per } => {
                let per_delta = TimeDelta::from_std(per)
                    .unwrap_or(ASKED_MAX)
                    .clamp(TimeDelta::seconds(1), ASKED_MAX);
                self.lower(now, allowed.max(1), per_delta);
                let turn = next(now, per_delta) + jitter;
                let cause = Cause::Calls { allowed, per };
                if per_delta > QUARTER {
                    (cause, turn.min(now + HOUR_WAIT * doubled + jitter), turn)
                } else if repeated == 0 {
                    (cause, turn, turn)
                } else {
                    // It does not count from the full minute on: a whole one helps for sure.
                    let until = now + per_delta + jitter;
                    (cause, until, until)
                }
            }
            Throttle::Cpu { again_in } => {
                let told = again_in.and_then(|wait| TimeDelta::from_std(wait).ok());
                let until = told.map_or(quarter, |wait| now + wait.min(ASKED_MAX) + jitter);
                (Cause::Cpu, until, until)
            }
            Throttle::Concurrency => {
                let known = self.concurrency.map_or(u32::MAX, |(max, _)| max);
                self.concurrency = Some((known.min(under_way.max(1)), now));
                let until = now + CONCURRENCY_WAIT * doubled + jitter;
                (Cause::Concurrency, until, until)
            }
            // First the shortest of the known reasons, then the longest.
            Throttle::Unknown if repeated == 0 => {
                let until = next(now, TimeDelta::minutes(1)) + jitter;
                (Cause::Unknown, until, until)
            }
            Throttle::Unknown => (Cause::Unknown, quarter, quarter),
        };
        // What the service asks for counts more than our rules.
        let asked = throttled.after.map(|after| {
            let after = TimeDelta::from_std(after).unwrap_or(ASKED_MAX);
            now + after.min(ASKED_MAX) + jitter
        });
        let (until, others_until) = match asked {
            Some(asked) => (asked, asked),
            None => (until, others_until),
        };
        let block = Block {
            since: now,
            until,
            others_until,
            cause,
        };
        self.add_block(&block);
    }

    /// Takes in what another process learnt.
    pub fn absorb(&mut self, other: &Self) {
        if let Some(block) = &other.block {
            self.add_block(block);
        }
        for calls in &other.calls {
            self.lower(
                calls.at,
                calls.max,
                TimeDelta::milliseconds(calls.per_milliseconds),
            );
        }
        if let Some((max, at)) = other.concurrency {
            let known = self.concurrency.map_or(u32::MAX, |(max, _)| max);
            if max < known {
                self.concurrency = Some((max, at));
            }
        }
    }

    /// Forgets what holds no longer. A clock that was set back must not make a wait endless.
    pub fn settle(&mut self, now: DateTime<Utc>) {
        if let Some(block) = &mut self.block {
            if block.since > now {
                let back = block.since - now;
                block.since = now;
                block.until -= back;
                block.others_until -= back;
            }
            if block.until.max(block.others_until) <= now {
                self.block = None;
            }
        }
        let holds = |at: DateTime<Utc>, length| at <= now && now - at < length;
        self.calls.retain(|learnt| holds(learnt.at, LEARNT_FOR));
        self.concurrency = self
            .concurrency
            .filter(|(_, at)| holds(*at, CONCURRENCY_LEARNT_FOR));
    }

    /// Until when a lane must wait, and why.
    pub fn blocked(&self, now: DateTime<Utc>, lane: Lane) -> Option<(DateTime<Utc>, Cause)> {
        let block = self.block.as_ref()?;
        let until = match lane {
            Lane::Detection => block.until,
            Lane::Export | Lane::Backfill => block.others_until,
        };
        (until > now).then_some((until, block.cause))
    }

    /// Limits with those that were learnt.
    pub fn tightened(&self, limits: &[CallLimit]) -> Vec<CallLimit> {
        let mut tightened = limits.to_vec();
        for learnt in &self.calls {
            let per = TimeDelta::milliseconds(learnt.per_milliseconds);
            match tightened.iter_mut().find(|limit| limit.per == per) {
                Some(limit) => limit.max = limit.max.min(learnt.max),
                None => tightened.push(CallLimit {
                    max: learnt.max,
                    per,
                }),
            }
        }
        tightened
    }

    fn lower(&mut self, at: DateTime<Utc>, max: u32, per: TimeDelta) {
        let per_milliseconds = per.num_milliseconds();
        let known = self
            .calls
            .iter_mut()
            .find(|learnt| learnt.per_milliseconds == per_milliseconds);
        match known {
            // The newest word counts: tenants grow.
            Some(known) if known.at <= at => (known.max, known.at) = (max, at),
            Some(_) => {}
            None => self.calls.push(LearntCalls {
                max,
                per_milliseconds,
                at,
            }),
        }
        // A service has two or three such limits; a hostile one would name new ones for ever.
        if self.calls.len() > 8 {
            self.calls.remove(0);
        }
    }

    fn add_block(&mut self, block: &Block) {
        self.block = Some(match self.block.take() {
            None => *block,
            Some(old) => Block {
                since: old.since.max(block.since),
                until: old.until.max(block.until),
                others_until: old.others_until.max(block.others_until),
                cause: if block.until >= old.until {
                    block.cause
                } else {
                    old.cause
                },
            },
        });
    }
}

/// The next turn of a length that divides the day, such as the full hour.
pub fn next(now: DateTime<Utc>, length: TimeDelta) -> DateTime<Utc> {
    let length_ms = length.num_milliseconds().max(1);
    let ms = now.timestamp_millis();
    now + TimeDelta::milliseconds(length_ms - ms.rem_euclid(length_ms))
}
