//! The books of one API of one tenant: what was used when, and when the next call may be sent.
//!
//! Calls are counted exactly and over any time of a limit's length: whether the service counts
//! from the full minute on or over the last sixty seconds, it never finds more than it allows. A
//! call is counted from the last instant at which it may have arrived. Attempts count, whatever
//! came of them.

use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;

use chrono::{DateTime, TimeDelta, Utc};
use serde::{Deserialize, Serialize};

use super::learnt::{Learnt, next};
use super::limits::{CallLimit, Limits, QUARTER};
use super::remaining::{Remaining, Unit, Use};
use super::snapshot::{CallRecord, RunningRecord, SNAPSHOT_VERSION, Snapshot};
use super::{Lane, Reason, Throttled};

/// The service's clock may go slower than ours by a thousandth.
const DRIFT_DIVISOR: i32 = 1000;
/// By how much what is stored may be behind what was sent.
pub const STORED_WITHIN: TimeDelta = TimeDelta::seconds(1);
/// The time over which hunts are compared: who called least goes first.
pub const RECENT: TimeDelta = TimeDelta::minutes(1);
/// What a query that a process left behind may have run at most: services end it then.
const ABANDONED_MAX: TimeDelta = TimeDelta::seconds(200);
/// Calls kept where no limit says how many there can be.
const CALLS_KEPT_MAX: usize = 20_000;

/// Which call of a ledger.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Debug, Serialize, Deserialize)]
#[serde(transparent)]
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

/// What is not stored yet.
#[derive(Clone, Debug, Default)]
struct Changes {
    calls: Vec<CallId>,
    returned: Vec<CallId>,
    running: BTreeMap<i64, TimeDelta>,
}

/// What was used, and what may be.
#[derive(Clone, Debug)]
pub struct Ledger {
    limits: Limits,
    calls: VecDeque<Call>,
    /// Calls under way of this process, with when they were booked.
    open: BTreeMap<CallId, DateTime<Utc>>,
    /// Running time by the minute in which queries ended.
    running: BTreeMap<i64, TimeDelta>,
    /// What a query takes, of late.
    typical: TimeDelta,
    /// CPU time of the quarter of an hour that began then.
    cpu: (DateTime<Utc>, TimeDelta),
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
            running: BTreeMap::new(),
            typical: TimeDelta::seconds(1),
            cpu: (DateTime::UNIX_EPOCH, TimeDelta::zero()),
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
        let (mut waits_for_end, open_time) = (None, self.open_time(now));
        for limit in &self.limits.running {
            let reason = Reason::Running {
                max: limit.max.to_std().unwrap_or_default(),
                per: limit.per.to_std().unwrap_or_default(),
            };
            let allowed = self.limits.time_allowance(limit.max, lane);
            match self.running_free_at(now, limit.per, allowed, open_time) {
                Free::Now => {}
                Free::At(until) => hold(until, reason),
                Free::WhenOneEnds => waits_for_end = Some(reason),
            }
        }
        if let Some(max) = self.limits.cpu
            && self.cpu.1 >= self.limits.time_allowance(max, lane)
        {
            hold(next(now, QUARTER), Reason::Cpu);
        }
        if let Some(max) = self.concurrency() {
            let allowed = self.limits.allowance(max, lane);
            if self.open.len() >= allowed as usize {
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
        self.calls.push_back(Call {
            id,
            at: now,
            counted_by: now + self.limits.arrival,
            lane,
            hunt: Arc::clone(hunt),
            ended: false,
        });
        if self.calls.len() > CALLS_KEPT_MAX {
            self.calls.pop_front();
        }
        self.open.insert(id, now);
        self.note(id);
        id
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
        let Some(begun) = self.open.remove(&id) else {
            return;
        };
        if let Some(call) = self.calls.iter_mut().rev().find(|call| call.id == id) {
            call.counted_by = call.counted_by.min(now).max(call.at);
            call.ended = true;
            self.note(id);
        }
        let running = running.max(TimeDelta::zero());
        self.typical = (self.typical * 3 + running) / 4;
        if !self.limits.running.is_empty() {
            let minute = minute_of(now);
            *self.running.entry(minute).or_default() += running;
            if self.stored {
                *self.changes.running.entry(minute).or_default() += running;
            }
        }
        if let Some(cpu) = cpu {
            self.settle_cpu(now);
            self.cpu.1 += cpu.max(TimeDelta::zero());
        }
        if self.refused.is_some_and(|(refused, _)| begun > refused) {
            self.refused = None;
        }
    }

    /// Takes a call back that was booked and never sent. One that is stored is counted until it is
    /// stored that it was taken back: after a crash, as many calls may be missing as there is
    /// room for beside those that are stored.
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
        let Some(begun) = self.open.remove(&id) else {
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
        let open_time = self.open_time(now);
        for limit in &self.limits.running {
            let used: TimeDelta = self.running_in(now, limit.per).map(|(_, time)| time).sum();
            uses.push(Use {
                unit: Unit::RunningSeconds,
                per: limit.per.to_std().unwrap_or_default(),
                limit: seconds(limit.max),
                used: seconds(used + open_time),
            });
        }
        if let Some(max) = self.limits.cpu {
            uses.push(Use {
                unit: Unit::CpuSeconds,
                per: QUARTER.to_std().unwrap_or_default(),
                limit: seconds(max),
                used: seconds(self.cpu.1),
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

    /// Whether something is not stored yet.
    pub fn has_changes(&self) -> bool {
        let Changes {
            calls,
            returned,
            running,
        } = &self.changes;
        !(calls.is_empty() && returned.is_empty() && running.is_empty())
    }

    /// What is not stored yet. It counts as stored from now on; if storing fails it goes back
    /// with [`Ledger::keep_changes`].
    pub fn take_changes(&mut self, now: DateTime<Utc>) -> Snapshot {
        let mut changes = std::mem::take(&mut self.changes);
        if !changes.returned.is_empty() {
            self.calls
                .retain(|call| !changes.returned.contains(&call.id));
        }
        changes.calls.sort_unstable();
        changes.calls.dedup();
        let calls = self
            .calls
            .iter()
            .filter(|call| changes.calls.binary_search(&call.id).is_ok());
        Snapshot {
            version: SNAPSHOT_VERSION,
            calls: calls.map(Call::record).collect(),
            returned: changes.returned,
            running: running_records(&changes.running),
            learnt: self.learnt.clone(),
            saved_at: now,
            open: true,
        }
    }

    /// Puts back what could not be stored.
    pub fn keep_changes(&mut self, unstored: Snapshot) {
        let ids = unstored.calls.iter().map(|call| call.id);
        self.changes.calls.extend(ids);
        self.changes.returned.extend(unstored.returned);
        for record in unstored.running {
            let running = self.changes.running.entry(record.minute).or_default();
            *running += TimeDelta::milliseconds(record.milliseconds);
        }
        // What no limit needs any more is not worth keeping until the store is back.
        let known: std::collections::BTreeSet<CallId> =
            self.calls.iter().map(|call| call.id).collect();
        self.changes.calls.retain(|id| known.contains(id));
        self.changes.returned.truncate(CALLS_KEPT_MAX);
    }

    /// Everything that is known, as it would be stored.
    pub fn snapshot(&mut self, now: DateTime<Utc>) -> Snapshot {
        self.settle(now);
        Snapshot {
            version: SNAPSHOT_VERSION,
            calls: self.calls.iter().map(Call::record).collect(),
            returned: Vec::new(),
            running: running_records(&self.running),
            learnt: self.learnt.clone(),
            saved_at: now,
            open: true,
        }
    }

    /// Takes in what was stored, by this process before it was started anew, or by others. Where a
    /// process did not end as it should, it may have sent calls that it had no time to store: as
    /// many as it could are assumed.
    pub fn absorb(&mut self, now: DateTime<Utc>, stored: &[Snapshot]) {
        let nobody: Arc<str> = Arc::from("");
        for snapshot in stored.iter().filter(|s| s.version == SNAPSHOT_VERSION) {
            for record in &snapshot.calls {
                if self.calls.iter().any(|call| call.id == record.id) {
                    continue;
                }
                self.calls.push_back(Call {
                    id: record.id,
                    at: record.at,
                    counted_by: record.counted_by.min(record.at + self.limits.arrival),
                    lane: record.lane,
                    hunt: Arc::clone(&nobody),
                    ended: record.ended,
                });
                if !record.ended && !self.limits.running.is_empty() {
                    let ran = (now - record.at).clamp(TimeDelta::zero(), ABANDONED_MAX);
                    *self.running.entry(minute_of(now)).or_default() += ran;
                }
            }
            for record in &snapshot.running {
                let milliseconds = record
                    .milliseconds
                    .clamp(0, QUARTER.num_milliseconds() * 100);
                *self.running.entry(record.minute).or_default() +=
                    TimeDelta::milliseconds(milliseconds);
            }
            self.learnt.absorb(&snapshot.learnt);
        }
        // Nothing is forgotten yet: what was counted then says how many there can have been.
        self.sort();
        let mut gaps: Vec<DateTime<Utc>> = stored
            .iter()
            .filter(|snapshot| snapshot.version == SNAPSHOT_VERSION && snapshot.open)
            .map(|snapshot| (snapshot.saved_at + STORED_WITHIN).min(now))
            .collect();
        gaps.sort_unstable();
        for gap in gaps {
            self.assume_unstored(now, gap);
        }
        self.sort();
        self.settle(now);
    }

    fn sort(&mut self) {
        self.calls.make_contiguous().sort_by_key(|call| call.at);
    }

    /// Books as many calls as could have been sent at `at` without being stored.
    fn assume_unstored(&mut self, now: DateTime<Utc>, at: DateTime<Utc>) {
        let limits = self.learnt.tightened(&self.limits.calls);
        let before = |per| {
            let made = self.calls.iter().filter(|call| call.at <= at);
            made.filter(move |call| call.counted_by + counted_for(per) > at)
                .count()
        };
        let room = limits
            .iter()
            .map(|limit| (limit.max as usize).saturating_sub(before(limit.per)))
            .min()
            .unwrap_or(0)
            .min(CALLS_KEPT_MAX);
        let nobody: Arc<str> = Arc::from("");
        for _ in 0..room {
            let id = CallId(self.next_id);
            self.next_id = self.next_id.wrapping_add(1);
            self.calls.push_back(Call {
                id,
                at,
                counted_by: (at + self.limits.arrival).min(now),
                lane: Lane::Detection,
                hunt: Arc::clone(&nobody),
                ended: true,
            });
            self.changes.calls.push(id);
        }
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
        let limits = self.learnt.tightened(&self.limits.calls);
        let longest = limits
            .iter()
            .map(|limit| counted_for(limit.per))
            .fold(RECENT, TimeDelta::max);
        if self.calls.back().is_some_and(|call| call.at > now) {
            // A clock that was set back must not leave calls in the future, which would be counted
            // until it has caught up.
            let counted_by_max = now + self.limits.arrival;
            for call in &mut self.calls {
                call.at = call.at.min(now);
                call.counted_by = call.counted_by.min(counted_by_max);
            }
        }
        while let Some(call) = self.calls.front()
            && call.counted_by + longest <= now
        {
            self.calls.pop_front();
        }
        for begun in self.open.values_mut() {
            *begun = (*begun).min(now);
        }
        let longest = self.limits.running.iter().map(|limit| limit.per).max();
        let this_minute = minute_of(now);
        let oldest = this_minute - counted_for(longest.unwrap_or_default()).num_minutes() - 1;
        self.running = self.running.split_off(&oldest);
        let ahead: TimeDelta = self
            .running
            .split_off(&(this_minute + 1))
            .into_values()
            .sum();
        if ahead > TimeDelta::zero() {
            *self.running.entry(this_minute).or_default() += ahead;
        }
        self.settle_cpu(now);
    }

    fn settle_cpu(&mut self, now: DateTime<Utc>) {
        let quarter = next(now, QUARTER) - QUARTER;
        if self.cpu.0 != quarter {
            self.cpu = (quarter, TimeDelta::zero());
        }
    }

    fn concurrency(&self) -> Option<u32> {
        let learnt = self.learnt.concurrency.map(|(max, _)| max);
        match (self.limits.concurrency, learnt) {
            (Some(known), Some(learnt)) => Some(known.min(learnt)),
            (known, learnt) => known.or(learnt),
        }
    }

    /// Calls that a window of this length still counts at `now`, newest first; of one lane or of
    /// all.
    fn counted(
        &self,
        now: DateTime<Utc>,
        per: TimeDelta,
        lane: Option<Lane>,
    ) -> impl Iterator<Item = &Call> {
        let after = now - counted_for(per);
        // Calls are in the order in which they were booked.
        let booked_after = after - self.limits.arrival;
        let calls = self.calls.iter().rev();
        calls
            .take_while(move |call| call.at >= booked_after)
            .filter(move |call| call.counted_by > after)
            .filter(move |call| lane.is_none_or(|lane| call.lane == lane))
    }

    /// How many that are, of all lanes.
    fn count(&self, now: DateTime<Utc>, per: TimeDelta) -> usize {
        let after = now - counted_for(per);
        let booked_after = after - self.limits.arrival;
        let surely = self.calls.partition_point(|call| call.at <= after);
        let perhaps = self.calls.range(..surely).rev();
        let late = perhaps
            .take_while(|call| call.at >= booked_after)
            .filter(|call| call.counted_by > after);
        self.calls.len() - surely + late.count()
    }

    /// When less than `max` calls are counted; none if it is so now.
    fn below(
        &self,
        now: DateTime<Utc>,
        per: TimeDelta,
        lane: Option<Lane>,
        max: u32,
    ) -> Option<DateTime<Utc>> {
        let count = match lane {
            None => self.count(now, per),
            Some(_) => self.counted(now, per, lane).count(),
        };
        let surplus = count.checked_sub(max as usize)?;
        let counted = self.counted(now, per, lane);
        let mut ends: Vec<DateTime<Utc>> = counted.map(|call| call.counted_by).collect();
        // There is one more than the surplus, as `max` is at least one.
        let (_, last, _) = ends.select_nth_unstable(surplus.min(count.checked_sub(1)?));
        Some(*last + counted_for(per))
    }

    /// When a window has room for a call of this lane; none if it has now. A lane has room as long
    /// as less than its allowance is used by all, or less than the sure part by itself.
    fn calls_free_at(
        &self,
        now: DateTime<Utc>,
        limit: &CallLimit,
        allowed: u32,
        lane: Lane,
    ) -> Option<DateTime<Utc>> {
        let by_share = self.below(now, limit.per, None, allowed)?;
        if allowed == limit.max {
            return Some(by_share);
        }
        let sure = Limits::sure(limit.max);
        let own = self.below(now, limit.per, Some(lane), sure);
        let all = self.below(now, limit.per, None, limit.max);
        let by_sure = own.max(all)?;
        Some(by_share.min(by_sure))
    }

    /// Running time that a window of this length still counts, with when it stops to.
    fn running_in(
        &self,
        now: DateTime<Utc>,
        per: TimeDelta,
    ) -> impl Iterator<Item = (DateTime<Utc>, TimeDelta)> {
        self.running
            .iter()
            .map(move |(minute, time)| (end_of(*minute) + counted_for(per), *time))
            .filter(move |(freed, _)| *freed > now)
    }

    fn running_free_at(
        &self,
        now: DateTime<Utc>,
        per: TimeDelta,
        allowed: TimeDelta,
        open_time: TimeDelta,
    ) -> Free {
        let ran: TimeDelta = self.running_in(now, per).map(|(_, time)| time).sum();
        let mut used = ran + open_time;
        if used < allowed {
            return Free::Now;
        }
        for (freed, time) in self.running_in(now, per) {
            used -= time;
            if used < allowed {
                return Free::At(freed);
            }
        }
        Free::WhenOneEnds
    }

    /// What the queries under way have run, or will at least.
    fn open_time(&self, now: DateTime<Utc>) -> TimeDelta {
        let times = self.open.values();
        times.map(|begun| (now - *begun).max(self.typical)).sum()
    }
}

enum Free {
    Now,
    At(DateTime<Utc>),
    WhenOneEnds,
}

impl Call {
    fn record(&self) -> CallRecord {
        CallRecord {
            id: self.id,
            at: self.at,
            counted_by: self.counted_by,
            lane: self.lane,
            ended: self.ended,
        }
    }
}

fn counted_for(per: TimeDelta) -> TimeDelta {
    per + per / DRIFT_DIVISOR
}

fn minute_of(at: DateTime<Utc>) -> i64 {
    at.timestamp().div_euclid(60)
}

fn end_of(minute: i64) -> DateTime<Utc> {
    let seconds = minute.saturating_add(1).saturating_mul(60);
    DateTime::from_timestamp(seconds, 0).unwrap_or(DateTime::UNIX_EPOCH)
}

fn running_records(running: &BTreeMap<i64, TimeDelta>) -> Vec<RunningRecord> {
    running
        .iter()
        .map(|(minute, time)| RunningRecord {
            minute: *minute,
            milliseconds: time.num_milliseconds(),
        })
        .collect()
}

fn seconds(time: TimeDelta) -> f64 {
    time.num_milliseconds() as f64 / 1000.0
}

#[cfg(test)]
mod tests;
