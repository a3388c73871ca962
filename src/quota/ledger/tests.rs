//! What the ledger never does: let a window hold more than it may, whatever happens in whatever
//! order, and however the service counts.

use std::collections::BTreeSet;

use proptest::prelude::*;

use super::*;
use crate::quota::limits::{CallLimit, RunningLimit};
use crate::quota::snapshot::{CallRecord, Snapshot};
use crate::quota::{Api, Throttle};

fn at(milliseconds: i64) -> DateTime<Utc> {
    DateTime::from_timestamp_millis(1_767_312_000_000 + milliseconds).unwrap()
}

fn hunt(name: &str) -> Arc<str> {
    Arc::from(name)
}

fn small_limits() -> Limits {
    Limits {
        calls: vec![
            CallLimit {
                max: 5,
                per: TimeDelta::seconds(10),
            },
            CallLimit {
                max: 12,
                per: TimeDelta::seconds(60),
            },
        ],
        concurrency: Some(4),
        ..Limits::of(Api::Graph)
    }
}

/// The service: counts by any ten seconds, by any minute, and by the clock's tens and minutes.
fn assert_within(arrivals: &[i64], limits: &Limits) {
    let mut arrivals = arrivals.to_vec();
    arrivals.sort_unstable();
    for limit in &limits.calls {
        let (max, per) = (limit.max as usize, limit.per.num_milliseconds());
        for pair in arrivals.windows(max + 1) {
            assert!(pair[max] - pair[0] >= per, "{max} in {per} ms: {pair:?}");
        }
        for offset in [0, per / 3] {
            let mut counts: BTreeMap<i64, usize> = BTreeMap::new();
            for arrival in &arrivals {
                *counts
                    .entry((arrival + offset).div_euclid(per))
                    .or_default() += 1;
            }
            assert!(counts.values().all(|count| *count <= max));
        }
    }
}

#[derive(Clone, Debug)]
enum Step {
    Pass(i64),
    Call(Lane, u8),
    End(usize),
    GiveBack(usize),
    Store,
    Crash,
    Restart,
}

fn step() -> impl Strategy<Value = Step> {
    let lane = prop::sample::select(Lane::ALL.to_vec());
    prop_oneof![
        4 => (0_i64..4000).prop_map(Step::Pass),
        8 => (lane, any::<u8>()).prop_map(|(lane, delay)| Step::Call(lane, delay)),
        6 => (0_usize..8).prop_map(Step::End),
        1 => (0_usize..8).prop_map(Step::GiveBack),
        2 => Just(Step::Store),
        1 => Just(Step::Crash),
        1 => Just(Step::Restart),
    ]
}

/// A call under way: its id, when it was booked, and how long it takes to arrive at most.
type OpenCall = (CallId, i64, i64);

/// What a store keeps: later records of a call replace earlier ones, and what was returned is gone.
#[derive(Clone, Debug, Default)]
struct Store {
    calls: BTreeMap<CallId, CallRecord>,
    kept: Snapshot,
}

impl Store {
    fn save(&mut self, ledger: &mut Ledger, now: i64) {
        let changes = ledger.take_changes(at(now));
        let calls = changes.calls.iter().map(|call| (call.id, *call));
        self.calls.extend(calls);
        for id in &changes.returned {
            self.calls.remove(id);
        }
        self.kept.running.extend(changes.running);
        self.kept.learnt = changes.learnt.or(self.kept.learnt.take());
    }

    fn all(&self) -> Snapshot {
        Snapshot {
            calls: self.calls.values().copied().collect(),
            ..self.kept.clone()
        }
    }
}

proptest! {
    #[test]
    fn no_window_ever_holds_more_than_it_may(steps in prop::collection::vec(step(), 1..300)) {
        let limits = small_limits();
        let mut ledger = Ledger::new(limits.clone(), 0);
        let mut now = 0_i64;
        let mut store = Store::default();
        let mut open: Vec<OpenCall> = Vec::new();
        let mut arrivals = Vec::new();
        let mut starts = 0;
        for step in steps {
            match step {
                Step::Pass(by) => now += by,
                Step::Call(lane, delay) => {
                    if open.len() < 4 && ledger.admit(at(now), lane) == Admission::Now {
                        let id = ledger.book(at(now), lane, &hunt("a"));
                        store.save(&mut ledger, now);
                        open.push((id, now, i64::from(delay) * 2000 / 255));
                    } else {
                        prop_assert!(
                            open.len() >= 3 || ledger.admit(at(now), lane) != Admission::Now
                        );
                    }
                }
                Step::End(index) => {
                    if let Some((id, begun, delay)) = take(&mut open, index) {
                        ledger.finish(at(now), id, TimeDelta::milliseconds(now - begun), None);
                        arrivals.push((begun + delay).min(now));
                    }
                }
                Step::GiveBack(index) => {
                    if let Some((id, ..)) = take(&mut open, index) {
                        ledger.give_back(id);
                    }
                }
                Step::Store => store.save(&mut ledger, now),
                Step::Crash | Step::Restart => {
                    let clean = matches!(step, Step::Restart);
                    for (id, begun, delay) in open.drain(..) {
                        arrivals.push((begun + delay).min(now));
                        if clean {
                            let ran = TimeDelta::milliseconds(now - begun);
                            ledger.finish(at(now), id, ran, None);
                        }
                    }
                    if clean {
                        store.save(&mut ledger, now);
                    }
                    starts += 1_000_000;
                    ledger = Ledger::new(limits.clone(), starts);
                    ledger.absorb(at(now), &store.all());
                }
            }
        }
        assert_within(&arrivals, &limits);
    }

    #[test]
    fn the_instant_that_is_told_is_the_first_that_is_free(
        calls in prop::collection::vec(0_i64..4000, 1..60),
        lane in prop::sample::select(Lane::ALL.to_vec()),
    ) {
        let mut ledger = Ledger::new(small_limits(), 0);
        let mut now = 0;
        for wait in calls {
            now += wait;
            if ledger.admit(at(now), lane) == Admission::Now {
                let id = ledger.book(at(now), lane, &hunt("a"));
                ledger.finish(at(now), id, TimeDelta::zero(), None);
            }
        }
        if let Admission::At(free, _) = ledger.admit(at(now), lane) {
            let before = free - TimeDelta::milliseconds(1);
            prop_assert!(matches!(ledger.clone().admit(before, lane), Admission::At(at, _) if at == free));
            prop_assert_eq!(ledger.admit(free, lane), Admission::Now);
        }
    }
}

fn take(open: &mut Vec<OpenCall>, index: usize) -> Option<OpenCall> {
    (index < open.len()).then(|| open.swap_remove(index))
}

#[test]
fn lanes_leave_a_reserve_and_have_a_sure_part() {
    let mut ledger = Ledger::new(Limits::of(Api::Graph), 0);
    let granted = |ledger: &mut Ledger, lane| {
        let mut count = 0;
        while ledger.admit(at(0), lane) == Admission::Now {
            let id = ledger.book(at(0), lane, &hunt("a"));
            ledger.finish(at(0), id, TimeDelta::zero(), None);
            count += 1;
        }
        count
    };
    assert_eq!(granted(&mut ledger, Lane::Backfill), 27);
    assert_eq!(granted(&mut ledger, Lane::Export), 9);
    assert_eq!(granted(&mut ledger, Lane::Detection), 9);
    // Detection alone, up to all but one: of 45 calls the others have two for sure.
    let mut ledger = Ledger::new(Limits::of(Api::Graph), 0);
    for _ in 0..44 {
        let id = ledger.book(at(0), Lane::Detection, &hunt("a"));
        ledger.finish(at(0), id, TimeDelta::zero(), None);
    }
    assert_eq!(granted(&mut ledger, Lane::Backfill), 1);
    assert_eq!(granted(&mut ledger, Lane::Detection), 0);
    let Admission::At(free, reason) = ledger.admit(at(0), Lane::Export) else {
        panic!("the minute is used up");
    };
    assert_eq!(free, at(60_060), "a service's clock may go slower");
    assert_eq!(
        reason.to_string(),
        "36 of 45 calls in 1m are used, the rest is kept for detection"
    );
}

#[test]
fn a_call_counts_from_when_it_may_have_arrived() {
    let limits = Limits {
        calls: vec![CallLimit {
            max: 1,
            per: TimeDelta::seconds(10),
        }],
        ..Limits::of(Api::Graph)
    };
    let free = |ledger: &mut Ledger| match ledger.admit(at(5000), Lane::Detection) {
        Admission::At(free, _) => free,
        other => panic!("{other:?}"),
    };
    let mut ledger = Ledger::new(limits.clone(), 0);
    let id = ledger.book(at(0), Lane::Detection, &hunt("a"));
    assert_eq!(free(&mut ledger), at(12_010), "two seconds on its way");
    let mut quick = ledger.clone();
    quick.finish(at(300), id, TimeDelta::zero(), None);
    assert_eq!(free(&mut quick), at(10_310));
    ledger.finish(at(4000), id, TimeDelta::zero(), None);
    assert_eq!(free(&mut ledger), at(12_010), "however long it runs");
}

#[test]
fn running_time_is_counted_with_that_of_queries_under_way() {
    let limits = Limits {
        calls: Vec::new(),
        running: vec![RunningLimit {
            max: TimeDelta::minutes(10),
            per: TimeDelta::hours(1),
        }],
        ..Limits::of(Api::Mde)
    };
    let mut ledger = Ledger::new(limits, 0);
    for minute in [0, 3, 6] {
        let id = ledger.book(at(minute * 60_000), Lane::Detection, &hunt("a"));
        ledger.finish(at((minute + 3) * 60_000), id, TimeDelta::minutes(3), None);
    }
    assert_eq!(ledger.admit(at(540_000), Lane::Detection), Admission::Now);
    let id = ledger.book(at(540_000), Lane::Detection, &hunt("a"));
    // Nine minutes ran, and the one under way is expected to take its minute.
    let Admission::At(free, reason) = ledger.admit(at(600_000), Lane::Detection) else {
        panic!("ten minutes are used");
    };
    // The first query ended in the fourth minute.
    assert_eq!(free, at(240_000 + 3_603_600));
    assert_eq!(
        reason.to_string(),
        "queries ran as long as they may, 10m in 1h"
    );
    ledger.finish(at(600_000), id, TimeDelta::seconds(1), None);
    assert_eq!(ledger.admit(at(600_000), Lane::Detection), Admission::Now);
    assert_eq!(ledger.admit(at(600_000), Lane::Backfill), Admission::Now);
    let id = ledger.book(at(600_000), Lane::Backfill, &hunt("b"));
    ledger.finish(at(600_000), id, TimeDelta::seconds(30), None);
    assert!(
        matches!(ledger.admit(at(600_000), Lane::Backfill), Admission::At(..)),
        "six minutes are used by all, and thirty seconds by it"
    );
}

#[test]
fn refusals_teach() {
    let refused = |throttle, after: Option<u64>| {
        let mut ledger = Ledger::new(Limits::of(Api::Graph), 0);
        let id = ledger.book(at(0), Lane::Detection, &hunt("a"));
        let throttled = Throttled {
            after: after.map(std::time::Duration::from_secs),
            throttle,
        };
        ledger.learn(at(20_000), id, &throttled, TimeDelta::milliseconds(100));
        let wait = |lane| match ledger.clone().admit(at(20_000), lane) {
            Admission::At(free, _) => (free - at(0)).num_milliseconds(),
            other => panic!("{other:?}"),
        };
        (wait(Lane::Detection), wait(Lane::Backfill))
    };
    let calls = |allowed, seconds| Throttle::Calls {
        allowed,
        per: std::time::Duration::from_secs(seconds),
    };
    // The instants of the tests begin with a full hour.
    assert_eq!(at(0).to_rfc3339(), "2026-01-02T00:00:00+00:00");
    for (throttle, after, waits) in [
        (calls(45, 60), None, (60_100, 60_100)),
        (calls(45, 60), Some(7), (27_100, 27_100)),
        (calls(1500, 3600), None, (320_100, 3_600_100)),
        (Throttle::Cpu { again_in: None }, None, (900_100, 900_100)),
        (Throttle::Unknown, None, (60_100, 60_100)),
        (Throttle::Concurrency, None, (30_100, 30_100)),
    ] {
        assert_eq!(refused(throttle, after), waits, "{throttle:?}");
    }
    let told = Throttle::Cpu {
        again_in: Some(std::time::Duration::from_secs(100)),
    };
    assert_eq!(refused(told, None).0, 120_100);
    // A wait that nobody can mean.
    assert_eq!(
        refused(Throttle::Unknown, Some(u64::MAX)).0,
        86_400_000 + 20_100
    );
}

#[test]
fn a_lower_limit_is_learnt_for_a_day_and_a_repeated_refusal_waits_longer() {
    let mut ledger = Ledger::new(Limits::of(Api::Graph), 0);
    let throttled = Throttled {
        after: None,
        throttle: Throttle::Calls {
            allowed: 10,
            per: std::time::Duration::from_mins(1),
        },
    };
    let limit = |ledger: &mut Ledger, now| ledger.remaining(now).uses[0].limit;
    let free = |ledger: &mut Ledger, now| match ledger.admit(now, Lane::Detection) {
        Admission::At(free, _) => (free - now).num_seconds(),
        other => panic!("{other:?}"),
    };
    let id = ledger.book(at(0), Lane::Detection, &hunt("a"));
    let other = ledger.book(at(0), Lane::Detection, &hunt("b"));
    ledger.learn(at(50_000), id, &throttled, TimeDelta::zero());
    assert_eq!(free(&mut ledger, at(50_000)), 10);
    ledger.learn(at(50_000), other, &throttled, TimeDelta::zero());
    assert_eq!(free(&mut ledger, at(50_000)), 10, "it was under way");
    assert_eq!(limit(&mut ledger, at(50_000)) as u32, 10);
    let id = ledger.book(at(60_000), Lane::Detection, &hunt("a"));
    ledger.learn(at(61_000), id, &throttled, TimeDelta::zero());
    assert_eq!(free(&mut ledger, at(61_000)), 60, "a whole minute");
    let day = TimeDelta::days(1);
    assert_eq!(limit(&mut ledger, at(61_000) + day) as u32, 45);
}

#[test]
fn a_clock_that_was_set_wrong_blocks_nobody_for_long() {
    let mut ledger = Ledger::new(Limits::of(Api::Mde), 0);
    let future = at(0) + TimeDelta::days(365);
    for _ in 0..45 {
        let id = ledger.book(future, Lane::Detection, &hunt("a"));
        ledger.finish(
            future,
            id,
            TimeDelta::seconds(1),
            Some(TimeDelta::seconds(1)),
        );
    }
    let id = ledger.book(future, Lane::Detection, &hunt("a"));
    let throttled = Throttled {
        after: None,
        throttle: Throttle::Cpu { again_in: None },
    };
    ledger.learn(future, id, &throttled, TimeDelta::zero());
    let Admission::At(free, _) = ledger.admit(at(0), Lane::Detection) else {
        panic!("it counts as of now");
    };
    assert!(free <= at(0) + QUARTER, "{free}");
    assert_eq!(ledger.admit(free, Lane::Detection), Admission::Now);
}

#[test]
fn every_limit_has_a_part_for_each_lane() {
    let mut ledger = Ledger::new(Limits::of(Api::Mde), 0);
    let run = |ledger: &mut Ledger, minute: i64, lane, time| {
        let id = ledger.book(at(minute * 60_000), lane, &hunt("a"));
        ledger.finish(at(minute * 60_000), id, time, None);
    };
    let is_free = |ledger: &mut Ledger, minute: i64, lane| {
        ledger.admit(at(minute * 60_000), lane) == Admission::Now
    };
    // Nine of ten minutes an hour, more than exports may use.
    for minute in 0..6 {
        run(&mut ledger, minute, Lane::Detection, TimeDelta::seconds(90));
    }
    assert!(is_free(&mut ledger, 6, Lane::Export));
    run(&mut ledger, 6, Lane::Export, TimeDelta::seconds(30));
    assert!(!is_free(&mut ledger, 7, Lane::Export), "five percent");
    assert!(is_free(&mut ledger, 7, Lane::Backfill), "which has its own");
    run(&mut ledger, 7, Lane::Detection, TimeDelta::seconds(30));
    assert!(!is_free(&mut ledger, 8, Lane::Backfill), "nothing is left");

    let limits = Limits {
        cpu: Some(TimeDelta::seconds(100)),
        ..Limits::of(Api::Graph)
    };
    let mut ledger = Ledger::new(limits, 0);
    let spend = |ledger: &mut Ledger, lane, seconds| {
        let id = ledger.book(at(0), lane, &hunt("a"));
        let cpu = TimeDelta::seconds(seconds);
        ledger.finish(at(0), id, TimeDelta::zero(), Some(cpu));
    };
    spend(&mut ledger, Lane::Detection, 90);
    assert!(is_free(&mut ledger, 0, Lane::Export));
    spend(&mut ledger, Lane::Export, 5);
    assert!(!is_free(&mut ledger, 0, Lane::Export));
    assert!(is_free(&mut ledger, 0, Lane::Detection));

    let mut ledger = Ledger::new(Limits::of(Api::Graph), 0);
    for _ in 0..8 {
        ledger.book(at(0), Lane::Detection, &hunt("a"));
    }
    assert!(is_free(&mut ledger, 0, Lane::Export), "of ten at a time");
    ledger.book(at(0), Lane::Export, &hunt("b"));
    assert!(!is_free(&mut ledger, 0, Lane::Export), "one is its own");
    assert!(is_free(&mut ledger, 0, Lane::Detection));
}

#[test]
fn calls_of_other_processes_are_taken_in_and_followed() {
    let limits = Limits::of(Api::Mde);
    let (mut ours, mut theirs) = (
        Ledger::new(limits.clone(), 0),
        Ledger::new(limits, 1_000_000),
    );
    let used = |ledger: &mut Ledger, now| {
        let uses = ledger.remaining(at(now)).uses;
        (uses[0].used as u32, uses[2].used as u32)
    };
    let first = theirs.book(at(0), Lane::Export, &hunt("a"));
    let second = theirs.book(at(0), Lane::Export, &hunt("a"));
    ours.absorb(at(0), &theirs.take_changes(at(0)));
    assert_eq!(used(&mut ours, 20_000), (2, 40), "two have run for 20 s");
    theirs.finish(at(30_000), first, TimeDelta::seconds(5), None);
    theirs.give_back(second);
    ours.absorb(at(30_000), &theirs.take_changes(at(30_000)));
    assert_eq!(used(&mut ours, 40_000), (1, 5), "as they told then");
    // What never tells its end is taken for as long as services let a query run.
    theirs.book(at(50_000), Lane::Export, &hunt("a"));
    ours.absorb(at(50_000), &theirs.take_changes(at(50_000)));
    assert_eq!(used(&mut ours, 60 * 60_000).1, 205);
    assert_eq!(used(&mut ours, 70 * 60_000).1, 0);
}

#[test]
fn what_does_not_fit_beside_calls_of_others_is_taken_back() {
    let mut ours = Ledger::new(Limits::of(Api::Graph), 0);
    let mut theirs = Ledger::new(Limits::of(Api::Graph), 1_000_000);
    for _ in 0..40 {
        let id = theirs.book(at(0), Lane::Detection, &hunt("a"));
        theirs.finish(at(0), id, TimeDelta::zero(), None);
    }
    let booked = (0..8).map(|_| ours.book(at(100), Lane::Detection, &hunt("b")));
    let booked: BTreeSet<CallId> = booked.collect();
    ours.absorb(at(100), &theirs.take_changes(at(100)));
    let lost = ours.book_anew(at(100), &booked);
    assert_eq!(lost, booked.iter().copied().skip(5).collect::<Vec<_>>());
    assert_eq!(ours.remaining(at(100)).uses[0].used as u32, 45);
    assert_eq!(ours.take_changes(at(100)).calls.len(), 5);
}

#[test]
fn many_stored_calls_are_taken_in_quickly_and_old_ones_not_at_all() {
    let mut ledger = Ledger::new(Limits::of(Api::Graph), 0);
    let calls = (0..200_000).map(|id| CallRecord {
        id: CallId(1_000_000 + id),
        // Over a day and an hour, of which the last counts.
        at: at(id * 450),
        counted_by: at(id * 450),
        lane: Lane::Export,
        ended: true,
    });
    let stored = Snapshot {
        calls: calls.collect(),
        ..Snapshot::default()
    };
    let begun = std::time::Instant::now();
    let now = 200_000 * 450;
    ledger.absorb(at(now), &stored);
    // Compared one by one, they would take many minutes.
    assert!(begun.elapsed() < std::time::Duration::from_secs(20));
    assert_eq!(ledger.calls.len(), 3_603_600 / 450 - 1);
}
