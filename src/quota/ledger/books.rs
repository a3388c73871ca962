//! How a ledger is stored, taken up again, and kept in step with those of other processes that
//! store into the same place.

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};
use std::sync::Arc;

use chrono::{DateTime, TimeDelta, Utc};

use super::spent::Spent;
use super::{Admission, CALLS_KEPT_MAX, Call, CallId, Changes, Ledger, RUNNING_MAX, UnderWay};
use crate::quota::Lane;
use crate::quota::snapshot::{CallRecord, RunningRecord, Snapshot};

impl Ledger {
    /// Whether something is not stored yet.
    pub fn has_changes(&self) -> bool {
        let Changes {
            calls,
            returned,
            running,
            learnt,
        } = &self.changes;
        *learnt || !(calls.is_empty() && returned.is_empty() && running.is_empty())
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
            calls: calls.map(Call::record).collect(),
            returned: changes.returned,
            running: running_records(&changes.running),
            learnt: changes.learnt.then(|| self.learnt.clone()),
            saved_at: now,
            since: self.counted_since(now),
        }
    }

    /// Puts back what could not be stored.
    pub fn keep_changes(&mut self, unstored: Snapshot) {
        let ids = unstored.calls.iter().map(|call| call.id);
        self.changes.calls.extend(ids);
        self.changes.returned.extend(unstored.returned);
        for record in unstored.running {
            let running = self.changes.running.entry(record.minute).or_default();
            running.add(record.lane, TimeDelta::milliseconds(record.milliseconds));
        }
        self.changes.learnt |= unstored.learnt.is_some();
        // What no limit needs any more is not worth keeping until the store is back.
        let known: BTreeSet<CallId> = self.calls.iter().map(|call| call.id).collect();
        self.changes.calls.retain(|id| known.contains(id));
        self.changes.returned.truncate(CALLS_KEPT_MAX);
    }

    /// Takes in what others stored, be it this process before it was started anew. What was taken
    /// in already is replaced.
    pub fn absorb(&mut self, now: DateTime<Utc>, stored: &Snapshot) {
        if let Some(learnt) = &stored.learnt {
            self.learnt.absorb(learnt);
        }
        self.absorb_calls(now, &stored.calls);
        if !stored.returned.is_empty() {
            let returned: HashSet<CallId> = stored.returned.iter().copied().collect();
            self.calls.retain(|call| !returned.contains(&call.id));
            self.elsewhere.retain(|id, _| !returned.contains(id));
        }
        for record in &stored.running {
            let milliseconds = record.milliseconds.clamp(0, RUNNING_MAX.num_milliseconds());
            let running = self.running.entry(record.minute).or_default();
            running.add(record.lane, TimeDelta::milliseconds(milliseconds));
        }
        self.settle(now);
    }

    fn absorb_calls(&mut self, now: DateTime<Utc>, records: &[CallRecord]) {
        if records.is_empty() {
            return;
        }
        let known = self.calls.iter().enumerate();
        let known: HashMap<CallId, usize> = known.map(|(place, call)| (call.id, place)).collect();
        let (nobody, counted_since) = (Arc::<str>::from(""), self.counted_since(now));
        for record in records {
            if self.open.contains_key(&record.id) {
                continue;
            }
            if record.ended {
                self.elsewhere.remove(&record.id);
            } else {
                let (begun, lane) = (record.at, record.lane);
                self.elsewhere.insert(record.id, UnderWay { begun, lane });
            }
            let counted_by = record.counted_by.min(record.at + self.limits.arrival);
            if let Some(place) = known.get(&record.id) {
                let call = &mut self.calls[*place];
                (call.counted_by, call.ended) = (counted_by, record.ended);
            } else if counted_by > counted_since {
                self.calls.push_back(Call {
                    id: record.id,
                    at: record.at,
                    counted_by,
                    lane: record.lane,
                    hunt: Arc::clone(&nobody),
                    ended: record.ended,
                });
            }
        }
        self.calls.make_contiguous().sort_by_key(|call| call.at);
        let surplus = self.calls.len().saturating_sub(CALLS_KEPT_MAX);
        self.calls.drain(..surplus);
        while self.elsewhere.len() > CALLS_KEPT_MAX {
            self.elsewhere.pop_first();
        }
    }

    /// Books calls anew that were booked before it was known what others did, and are neither
    /// stored nor sent. Those that do not fit any more are taken back; they are the answer.
    pub fn book_anew(&mut self, now: DateTime<Utc>, ids: &BTreeSet<CallId>) -> Vec<CallId> {
        let booked = self.calls.iter().filter(|call| ids.contains(&call.id));
        let booked: Vec<Call> = booked.cloned().collect();
        self.calls.retain(|call| !ids.contains(&call.id));
        self.open.retain(|id, _| !ids.contains(id));
        self.changes.calls.retain(|id| !ids.contains(id));
        let mut refused = Vec::new();
        for call in booked {
            if self.admit(now, call.lane) == Admission::Now {
                self.put(now, call.id, call.lane, call.hunt);
            } else {
                refused.push(call.id);
            }
        }
        refused
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

fn running_records(running: &BTreeMap<i64, Spent>) -> Vec<RunningRecord> {
    let lanes = running.iter().flat_map(|(minute, spent)| {
        Lane::ALL.map(|lane| RunningRecord {
            minute: *minute,
            lane,
            milliseconds: spent.of(lane).num_milliseconds(),
        })
    });
    lanes.filter(|record| record.milliseconds > 0).collect()
}
