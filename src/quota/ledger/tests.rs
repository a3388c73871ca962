//! What the ledger never does: let a window hold more than it may, whatever happens in whatever
//! order, and however the service counts.

use proptest::prelude::*;

use super::*;
use crate::quota::limits::{CallLimit, RunningLimit};
use crate::quota::snapshot::{SNAPSHOT_VERSION, Snapshot};
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

/// What a store keeps: every change in the order written.
fn stored(ledger: &mut Ledger, now: i64, clean: bool) -> Snapshot {
    let mut changes = ledger.take_changes(at(now));
    changes.open = !clean;
    serde_json::from_str(&serde_json::to_string(&changes).unwrap()).unwrap()
}

proptest! {
    #[test]
    fn no_window_ever_holds_more_than_it_may(steps in prop::collection::vec(step(), 1..300)) {
        let limits = small_limits();
        let mut ledger = Ledger::new(limits.clone(), 0);
        let (mut now, mut saved_at) = (0_i64, -10_000);
        let mut store: Vec<Snapshot> = Vec::new();
        let mut open: Vec<OpenCall> = Vec::new();
        let mut arrivals = Vec::new();
        let mut starts = 0;
        for step in steps {
            match step {
                Step::Pass(by) => now += by,
                Step::Call(lane, delay) => {
                    if open.len() < 4 && ledger.admit(at(now), lane) == Admission::Now {
                        let id = ledger.book(at(now), lane, &hunt("a"));
                        if now - saved_at >= 1000 {
                            store.push(stored(&mut ledger, now, false));
                            saved_at = now;
                        }
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
                Step::Store => {
                    store.push(stored(&mut ledger, now, false));
                    saved_at = now;
                }
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
                        store.push(stored(&mut ledger, now, true));
                    }
                    starts += 1_000_000;
                    saved_at = -10_000;
                    ledger = Ledger::new(limits.clone(), starts);
                    ledger.absorb(at(now), &merged(&store));
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

/// What the store answers: later records of a call replace earlier ones, what was returned is
/// gone, and the last process that wrote says whether its end was clean.
fn merged(store: &[Snapshot]) -> Vec<Snapshot> {
    let Some(last) = store.last() else {
        return Vec::new();
    };
    let mut calls = BTreeMap::new();
    let mut running = Vec::new();
    for snapshot in store {
        calls.extend(snapshot.calls.iter().map(|call| (call.id, *call)));
        for id in &snapshot.returned {
            calls.remove(id);
        }
        running.extend(snapshot.running.iter().copied());
    }
    vec![Snapshot {
        calls: calls.into_values().collect(),
        running,
        returned: Vec::new(),
        ..last.clone()
    }]
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
    assert!(
        matches!(ledger.admit(at(600_000), Lane::Backfill), Admission::At(..)),
        "six minutes are its part"
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
fn what_a_crash_may_have_lost_is_assumed() {
    let mut ledger = Ledger::new(Limits::of(Api::Graph), 0);
    let mut store = Vec::new();
    for _ in 0..5 {
        let id = ledger.book(at(0), Lane::Detection, &hunt("a"));
        ledger.finish(at(0), id, TimeDelta::zero(), None);
    }
    store.push(stored(&mut ledger, 0, false));
    let used = |now: i64, store: &[Snapshot]| {
        let mut ledger = Ledger::new(Limits::of(Api::Graph), 1_000_000);
        ledger.absorb(at(now), &merged(store));
        let uses = ledger.remaining(at(now)).uses;
        (uses[0].used as u32, uses[1].used as u32)
    };
    assert_eq!(used(10_000, &store), (45, 45), "40 more within a second");
    assert_eq!(used(63_500, &store), (0, 45), "a minute later");
    store.push(stored(&mut ledger, 500, true));
    assert_eq!(used(10_000, &store), (5, 5), "a clean end loses nothing");
    let newer = Snapshot {
        version: SNAPSHOT_VERSION + 1,
        ..merged(&store).remove(0)
    };
    assert_eq!(
        used(10_000, &[newer]),
        (0, 0),
        "another version is not read"
    );
}
