//! The books of one API of one tenant: what was used when, and when the next call may be sent.
//!
//! Calls are counted exactly and over any time of a limit's length: whether the service counts
//! from the full minute on or over the last sixty seconds, it never finds more than it allows. A
//! call is counted from the last instant at which it may have arrived. Attempts count, whatever
//! came of them.

mod books;
mod spent;
mod window;

use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;

use chrono::{DateTime, TimeDelta, Utc};

use self::spent::Spent;
use self::window::{Free, counted_for};
use super::learnt::{Learnt, next};
use super::limits::{Limits, QUARTER};
use super::remaining::{Remaining, Unit, Use};
use super::{Lane, Reason, Throttled};

/// The time over which hunts are compared: who called least goes first.
pub const RECENT: TimeDelta = TimeDelta::minutes(1);
/// What a query may have run at most of which another process has not told the end, be it that it
/// was killed: services end it then.
const ABANDONED_MAX: TimeDelta = TimeDelta::seconds(200);
/// No query runs longer, whatever a service says of it.
const RUNNING_MAX: TimeDelta = TimeDelta::days(1);
/// Calls kept where no limit says how many there can be.
const CALLS_KEPT_MAX: usize = 20_000;

/// Which call of a ledger.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Debug)]
pub struct CallId(pub i64);

/// Whether a call may be sent.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Admission {
    /// At once.
    Now,
    /// Not before this instant, and then only if nobody was quicker.
    At(DateTime<Utc>, Reason),
    /// When one of those under way has ended.
    WhenOneEnds(Reason),
}

#[derive(Clone, Debug)]
struct Call {
    id: CallId,
    at: DateTime<Utc>,
    counted_by: DateTime<Utc>,
    lane: Lane,
    hunt: Arc<str>,
    ended: bool,
}

/// A call under way.
#[derive(Clone, Copy, Debug)]
struct UnderWay {
    /// When it was booked.
    begun: DateTime<Utc>,
    lane: Lane,
}

/// What is not stored yet.
#[derive(Clone, Debug, Default)]
struct Changes {
    calls: Vec<CallId>,
    returned: Vec<CallId>,
    running: BTreeMap<i64, Spent>,
    learnt: bool,
}

/// What was used, and what may be.
#[derive(Clone, Debug)]
pub struct Ledger {
    limits: Limits,
    calls: VecDeque<Call>,
    /// Calls under way of this process.
    open: BTreeMap<CallId, UnderWay>,
    /// Calls of other processes that have not told their end.
    elsewhere: BTreeMap<CallId, UnderWay>,
    /// Running time by the minute in which queries ended.
    running: BTreeMap<i64, Spent>,
    /// What a query takes, of late.
    typical: TimeDelta,
    /// CPU time of the quarter of an hour that began then.
    cpu: (DateTime<Utc>, Spent),
    learnt: Learnt,
    /// When the service refused last, and how often since a call last succeeded.
    refused: Option<(DateTime<Utc>, u32)>,
    next_id: i64,
    /// Whether the books are stored.
    stored: bool,
    changes: Changes,
}

impl Ledger {
    /// Empty books that are not stored.
    pub fn unstored(limits: Limits) -> Self {
        Self {
            stored: false,
            ..Self::new(limits, 0)
        }
    }

    /// Empty books. Ids of calls follow `first_id`; processes that store into the same place need
    /// different ones.
    pub fn new(limits: Limits, first_id: i64) -> Self {
        Self {
            limits,
            calls: VecDeque::new(),
            open: BTreeMap::new(),
            elsewhere: BTreeMap::new(),
            running: BTreeMap::new(),
            typical: TimeDelta::seconds(1),
            cpu: (DateTime::UNIX_EPOCH, Spent::default()),
            learnt: Learnt::default(),
            refused: None,
            next_id: first_id,
            stored: true,
            changes: Changes::default(),
        }
    }

    /// What may be used, without what refusals taught.
    pub fn limits(&self) -> &Limits {
        &self.limits
    }

    /// Changes what may be used, from now on.
    pub fn set_limits(&mut self, limits: Limits) {
        self.limits = limits;
    }

    /// When a call of this lane may be sent, as far as can be told now. Books nothing.
    pub fn admit(&mut self, now: DateTime<Utc>, lane: Lane) -> Admission {
        self.settle(now);
        let mut wait: Option<(DateTime<Utc>, Reason)> = None;
        let mut hold = |until: DateTime<Utc>, reason: Reason| {
            if until > now && wait.is_none_or(|(known, _)| until > known) {
                wait = Some((until, reason));
            }
        };
        if let Some((until, cause)) = self.learnt.blocked(now, lane) {
            hold(until, Reason::Refused(cause));
        }
        for limit in self.learnt.tightened(&self.limits.calls) {
            let allowed = self.limits.allowance(limit.max, lane);
            if let Some(until) = self.calls_free_at(now, &limit, allowed, lane) {
                let per = limit.per.to_std().unwrap_or_default();
                let max = limit.max;
                hold(until, Reason::Calls { allowed, max, per });
            }
        }
        let (mut waits_for_end, under_way) = (None, self.time_under_way(now));
        for limit in &self.limits.running {
            let reason = Reason::Running {
                max: limit.max.to_std().unwrap_or_default(),
                per: limit.per.to_std().unwrap_or_default(),
            };
            match self.running_free_at(now, limit, lane, &under_way) {
                Free::Now => {}
                Free::At(until) => hold(until, reason),
                Free::WhenOneEnds => waits_for_end = Some(reason),
            }
        }
        if let Some(max) = self.limits.cpu
            && self.cpu.1.all() >= self.limits.time_allowance(max, lane)
            && (self.cpu.1.of(lane) >= Limits::time_sure(max) || self.cpu.1.all() >= max)
        {
            hold(next(now, QUARTER), Reason::Cpu);
        }
        if let Some(max) = self.concurrency() {
            let allowed = self.limits.allowance(max, lane);
            let all = self.open.len();
            let own = self.open.values().filter(|call| call.lane == lane).count();
            if all >= allowed as usize && (own >= Limits::sure(max) as usize || all >= max as usize)
            {
                waits_for_end = Some(Reason::Concurrency { allowed, max });
            }
        }
        match (wait, waits_for_end) {
            (Some((until, reason)), _) => Admission::At(until, reason),
            (None, Some(reason)) => Admission::WhenOneEnds(reason),
            (None, None) => Admission::Now,
        }
    }

    /// Books a call that is about to be sent. It is under way until [`Ledger::finish`].
    pub fn book(&mut self, now: DateTime<Utc>, lane: Lane, hunt: &Arc<str>) -> CallId {
        let id = CallId(self.next_id);
        self.next_id = self.next_id.wrapping_add(1);
        self.put(now, id, lane, Arc::clone(hunt));
        id
    }

    fn put(&mut self, now: DateTime<Utc>, id: CallId, lane: Lane, hunt: Arc<str>) {
        self.calls.push_back(Call {
            id,
            at: now,
            counted_by: now + self.limits.arrival,
            lane,
            hunt,
            ended: false,
        });
        if self.calls.len() > CALLS_KEPT_MAX {
            self.calls.pop_front();
        }
        self.open.insert(id, UnderWay { begun: now, lane });
        self.note(id);
    }

    /// Books the end of a call: how long the query ran and what CPU time it took, as far as the
    /// service or a clock says so. The service has counted it by now.
    pub fn finish(
        &mut self,
        now: DateTime<Utc>,
        id: CallId,
        running: TimeDelta,
        cpu: Option<TimeDelta>,
    ) {
        let Some(UnderWay { begun, lane }) = self.open.remove(&id) else {
            return;
        };
        if let Some(call) = self.calls.iter_mut().rev().find(|call| call.id == id) {
            call.counted_by = call.counted_by.min(now).max(call.at);
            call.ended = true;
            self.note(id);
        }
        let running = running.clamp(TimeDelta::zero(), RUNNING_MAX);
        self.typical = (self.typical * 3 + running) / 4;
        if !self.limits.running.is_empty() {
            let minute = minute_of(now);
            self.running.entry(minute).or_default().add(lane, running);
            if self.stored {
                let unstored = self.changes.running.entry(minute).or_default();
                unstored.add(lane, running);
            }
        }
        if let Some(cpu) = cpu {
            self.settle_cpu(now);
            let cpu = cpu.clamp(TimeDelta::zero(), RUNNING_MAX);
            self.cpu.1.add(lane, cpu);
        }
        if self.refused.is_some_and(|(refused, _)| begun > refused) {
            self.refused = None;
        }
    }

    /// Takes a call back that was booked and never sent. One that is stored is counted until it is
    /// stored that it was taken back, as other processes count it.
    pub fn give_back(&mut self, id: CallId) {
        if self.open.remove(&id).is_none() {
            return;
        }
        let unstored = self.changes.calls.len();
        self.changes.calls.retain(|changed| *changed != id);
        if !self.stored || self.changes.calls.len() < unstored {
            self.calls.retain(|call| call.id != id);
        } else {
            self.changes.returned.push(id);
        }
    }

    /// Takes in that the service refused a call, which has ended thereby. `jitter` keeps those who
    /// wait from coming back in the very instant.
    pub fn learn(
        &mut self,
        now: DateTime<Utc>,
        id: CallId,
        throttled: &Throttled,
        jitter: TimeDelta,
    ) {
        let Some(UnderWay { begun, .. }) = self.open.remove(&id) else {
            return;
        };
        if let Some(call) = self.calls.iter_mut().rev().find(|call| call.id == id) {
            call.counted_by = call.counted_by.min(now).max(call.at);
            call.ended = true;
            self.note(id);
        }
        let repeated = match self.refused {
            // Calls that were under way when the first was refused are no repetition.
            Some((refused, repeated)) if begun > refused => repeated.saturating_add(1),
            Some((_, repeated)) => repeated,
            None => 0,
        };
        self.refused = Some((now, repeated));
        let under_way = u32::try_from(self.open.len()).unwrap_or(u32::MAX);
        self.learnt
            .learn(now, throttled, repeated, under_way, jitter);
        self.changes.learnt = self.stored;
    }

    /// Calls of each hunt of late.
    pub fn recent_calls(&self, now: DateTime<Utc>) -> BTreeMap<Arc<str>, u32> {
        let mut recent: BTreeMap<Arc<str>, u32> = BTreeMap::new();
        let calls = self.calls.iter().rev();
        for call in calls.take_while(|call| now - call.at < RECENT) {
            *recent.entry(Arc::clone(&call.hunt)).or_default() += 1;
        }
        recent
    }

    /// What is left, to be shown.
    pub fn remaining(&mut self, now: DateTime<Utc>) -> Remaining {
        self.settle(now);
        let mut uses = Vec::new();
        for limit in self.learnt.tightened(&self.limits.calls) {
            let used = self.count(now, limit.per);
            uses.push(Use {
                unit: Unit::Calls,
                per: limit.per.to_std().unwrap_or_default(),
                limit: f64::from(limit.max),
                used: used as f64,
            });
        }
        let under_way = self.time_under_way(now).all();
        for limit in &self.limits.running {
            let ran = self.running_in(now, limit.per);
            let ran: TimeDelta = ran.iter().map(|(_, time)| time.all()).sum();
            uses.push(Use {
                unit: Unit::RunningSeconds,
                per: limit.per.to_std().unwrap_or_default(),
                limit: seconds(limit.max),
                used: seconds(ran + under_way),
            });
        }
        if let Some(max) = self.limits.cpu {
            uses.push(Use {
                unit: Unit::CpuSeconds,
                per: QUARTER.to_std().unwrap_or_default(),
                limit: seconds(max),
                used: seconds(self.cpu.1.all()),
            });
        }
        if let Some(max) = self.concurrency() {
            uses.push(Use {
                unit: Unit::AtATime,
                per: std::time::Duration::ZERO,
                limit: f64::from(max),
                used: self.open.len() as f64,
            });
        }
        let blocked = self.learnt.blocked(now, Lane::Detection);
        Remaining { uses, blocked }
    }

    /// Notes that a call is to be stored.
    fn note(&mut self, id: CallId) {
        if self.stored {
            self.changes.calls.push(id);
        }
    }

    /// Forgets what no limit counts any more.
    fn settle(&mut self, now: DateTime<Utc>) {
        self.learnt.settle(now);
        if self.calls.back().is_some_and(|call| call.at > now) {
            // A clock that was set back must not leave calls in the future, which would be counted
            // until it has caught up.
            let counted_by_max = now + self.limits.arrival;
            for call in &mut self.calls {
                call.at = call.at.min(now);
                call.counted_by = call.counted_by.min(counted_by_max);
            }
        }
        let counted_since = self.counted_since(now);
        while let Some(call) = self.calls.front()
            && call.counted_by <= counted_since
        {
            self.calls.pop_front();
        }
        for call in self.open.values_mut().chain(self.elsewhere.values_mut()) {
            call.begun = call.begun.min(now);
        }
        let longest = self.limits.running.iter().map(|limit| limit.per).max();
        let longest = counted_for(longest.unwrap_or_default());
        let over_since = now - longest - ABANDONED_MAX;
        self.elsewhere.retain(|_, call| call.begun > over_since);
        let this_minute = minute_of(now);
        let oldest = this_minute - longest.num_minutes() - 1;
        self.running = self.running.split_off(&oldest);
        for ahead in self.running.split_off(&(this_minute + 1)).into_values() {
            self.running.entry(this_minute).or_default().add_all(&ahead);
        }
        self.settle_cpu(now);
    }

    /// What was counted by then, no limit of calls counts any more.
    fn counted_since(&self, now: DateTime<Utc>) -> DateTime<Utc> {
        let limits = self.learnt.tightened(&self.limits.calls);
        let longest = limits.iter().map(|limit| counted_for(limit.per));
        now - longest.fold(RECENT, TimeDelta::max)
    }

    fn settle_cpu(&mut self, now: DateTime<Utc>) {
        let quarter = next(now, QUARTER) - QUARTER;
        if self.cpu.0 != quarter {
            self.cpu = (quarter, Spent::default());
        }
    }

    fn concurrency(&self) -> Option<u32> {
        let learnt = self.learnt.concurrency.map(|(max, _)| max);
        match (self.limits.concurrency, learnt) {
            (Some(known), Some(learnt)) => Some(known.min(learnt)),
            (known, learnt) => known.or(learnt),
        }
    }

    /// What the queries under way have run, or will at least.
    fn time_under_way(&self, now: DateTime<Utc>) -> Spent {
        let mut spent = Spent::default();
        for call in self.open.values() {
            spent.add(call.lane, (now - call.begun).max(self.typical));
        }
        spent
    }
}

fn minute_of(at: DateTime<Utc>) -> i64 {
    at.timestamp().div_euclid(60)
}

fn seconds(time: TimeDelta) -> f64 {
    time.num_milliseconds() as f64 / 1000.0
}

#[cfg(test)]
mod tests;
