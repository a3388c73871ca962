//! How a ledger is stored and taken up again: what changed since it was stored last, and what a
//! process that did not end as it should may not have stored.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use chrono::{DateTime, TimeDelta, Utc};

use super::window::counted_for;
use super::{
    ABANDONED_MAX, CALLS_KEPT_MAX, Call, CallId, Changes, Ledger, RUNNING_MAX, STORED_WITHIN,
    minute_of,
};
use crate::quota::Lane;
use crate::quota::snapshot::{CallRecord, RunningRecord, SNAPSHOT_VERSION, Snapshot};

impl Ledger {
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
        let known: BTreeSet<CallId> = self.calls.iter().map(|call| call.id).collect();
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
                let milliseconds = record.milliseconds.clamp(0, RUNNING_MAX.num_milliseconds());
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

fn running_records(running: &BTreeMap<i64, TimeDelta>) -> Vec<RunningRecord> {
    running
        .iter()
        .map(|(minute, time)| RunningRecord {
            minute: *minute,
            milliseconds: time.num_milliseconds(),
        })
        .collect()
}
