//! What the windows of a ledger's limits count, and when they have room again.

use chrono::{DateTime, TimeDelta, Utc};

use super::spent::Spent;
use super::{ABANDONED_MAX, Call, Ledger, minute_of};
use crate::quota::Lane;
use crate::quota::limits::{CallLimit, Limits, RunningLimit};

/// The service's clock may go slower than ours by a thousandth.
const DRIFT_DIVISOR: i32 = 1000;

/// When there is room; the sooner the less.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Free {
    Now,
    At(DateTime<Utc>),
    WhenOneEnds,
}

impl Ledger {
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
    pub(super) fn count(&self, now: DateTime<Utc>, per: TimeDelta) -> usize {
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
    pub(super) fn calls_free_at(
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

    /// Running time that a window of this length still counts, with when it stops to, oldest
    /// first. Of a call elsewhere it is the time since it began, or what it may have run at most.
    pub(super) fn running_in(
        &self,
        now: DateTime<Utc>,
        per: TimeDelta,
    ) -> Vec<(DateTime<Utc>, Spent)> {
        let mut ran = self.running.clone();
        for call in self.elsewhere.values() {
            let time = (now - call.begun).clamp(TimeDelta::zero(), ABANDONED_MAX);
            let minute = ran.entry(minute_of(call.begun + time)).or_default();
            minute.add(call.lane, time);
        }
        ran.into_iter()
            .map(|(minute, time)| (end_of(minute) + counted_for(per), time))
            .filter(|(freed, _)| *freed > now)
            .collect()
    }

    /// When a window has room for a query of this lane, by the rule for calls.
    pub(super) fn running_free_at(
        &self,
        now: DateTime<Utc>,
        limit: &RunningLimit,
        lane: Lane,
        under_way: &Spent,
    ) -> Free {
        let ran = self.running_in(now, limit.per);
        let all = |max| free_at(&ran, max, under_way.all(), Spent::all);
        let by_share = all(self.limits.time_allowance(limit.max, lane));
        let sure = Limits::time_sure(limit.max);
        let own = free_at(&ran, sure, under_way.of(lane), |time| time.of(lane));
        by_share.min(own.max(all(limit.max)))
    }
}

/// When less than `max` of a time is used, of which `used` is by what is under way.
fn free_at(
    ran: &[(DateTime<Utc>, Spent)],
    max: TimeDelta,
    used: TimeDelta,
    of: impl Fn(&Spent) -> TimeDelta,
) -> Free {
    let mut used = used + ran.iter().map(|(_, time)| of(time)).sum::<TimeDelta>();
    if used < max {
        return Free::Now;
    }
    for (freed, time) in ran {
        used -= of(time);
        if used < max {
            return Free::At(*freed);
        }
    }
    Free::WhenOneEnds
}

/// How long a call is counted, by our clock.
pub(super) fn counted_for(per: TimeDelta) -> TimeDelta {
    per + per / DRIFT_DIVISOR
}

fn end_of(minute: i64) -> DateTime<Utc> {
    let seconds = minute.saturating_add(1).saturating_mul(60);
    DateTime::from_timestamp(seconds, 0).unwrap_or(DateTime::UNIX_EPOCH)
}
