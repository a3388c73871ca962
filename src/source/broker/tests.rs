//! Many hunts at one tenant, by a manual clock, before a service that counts for itself.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use async_trait::async_trait;
use chrono::TimeDelta;
use tokio::task::JoinSet;

use super::*;
use crate::clock::{Clock as _, ManualClock};
use crate::quota::breaker::{Fault, FaultKind};
use crate::quota::snapshot::CallRecord;
use crate::quota::{Api, QuotaStoreError, Snapshot, Throttle, Throttled};

fn begin() -> DateTime<Utc> {
    // Not at a full minute: the service's windows are not ours.
    DateTime::from_timestamp(1_767_312_017, 0).unwrap()
}

fn graph() -> Scope {
    Scope {
        tenant: "contoso".to_owned(),
        api: Api::Graph,
    }
}

/// Keeps what it is given, as a database does.
#[derive(Debug, Default)]
struct Disk {
    calls: Mutex<BTreeMap<CallId, CallRecord>>,
    /// What was written last.
    last: Mutex<Option<Snapshot>>,
    saves: AtomicUsize,
}

#[async_trait]
impl QuotaStore for Disk {
    async fn load(&self, _: DateTime<Utc>) -> Result<Vec<(Scope, Snapshot)>, QuotaStoreError> {
        let calls = self.calls.lock().unwrap().values().copied().collect();
        let last = self.last.lock().unwrap().clone();
        let snapshot = last.map(|last| (graph(), Snapshot { calls, ..last }));
        Ok(snapshot.into_iter().collect())
    }

    async fn save(
        &self,
        changes: &[(Scope, Snapshot)],
        _: DateTime<Utc>,
    ) -> Result<(), QuotaStoreError> {
        self.saves.fetch_add(1, Ordering::Relaxed);
        // Others run meanwhile, as they do while a disk writes.
        tokio::task::yield_now().await;
        let mut calls = self.calls.lock().unwrap();
        for (_, snapshot) in changes {
            calls.extend(snapshot.calls.iter().map(|call| (call.id, *call)));
            for id in &snapshot.returned {
                calls.remove(id);
            }
            *self.last.lock().unwrap() = Some(snapshot.clone());
        }
        Ok(())
    }
}

/// Calls as the service saw them.
#[derive(Debug, Default)]
struct Service(Mutex<Vec<Served>>);

#[derive(Clone, Debug)]
struct Served {
    asked: DateTime<Utc>,
    sent: DateTime<Utc>,
    at: DateTime<Utc>,
    lane: Lane,
    hunt: usize,
}

impl Service {
    fn calls(&self) -> Vec<Served> {
        self.0.lock().unwrap().clone()
    }

    /// It would have refused none: counted over any time, and by the clock's minutes and hours.
    fn assert_content(&self) {
        let instants: Vec<i64> = self
            .calls()
            .iter()
            .map(|call| call.at.timestamp_millis())
            .collect();
        for (max, per) in [(45, 60_000), (1500, 3_600_000)] {
            for pair in instants.windows(max + 1) {
                assert!(pair[max] - pair[0] >= per, "{max} calls in {per} ms");
            }
            for offset in (0..per).step_by(per as usize / 12) {
                let mut counts: BTreeMap<i64, usize> = BTreeMap::new();
                for instant in &instants {
                    *counts
                        .entry((instant + offset).div_euclid(per))
                        .or_default() += 1;
                }
                assert!(counts.values().all(|count| *count <= max));
            }
        }
    }
}

/// Lets all tasks go as far as they can at this instant.
async fn settle() {
    for _ in 0..60 {
        tokio::task::yield_now().await;
    }
}

/// Moves the clock from one instant that somebody waits for to the next, until `done`.
async fn pass_time(clock: &ManualClock, mut done: impl FnMut() -> bool) {
    settle().await;
    while !done() {
        let next = clock.next_wake().expect("somebody waits for the time");
        clock.set(next.max(clock.now()));
        settle().await;
    }
}

const HUNTS: usize = 200;
const CALLS: usize = 9;

fn lane_of(hunt: usize) -> Lane {
    Lane::ALL[hunt % 3]
}

/// The hunts that have not had all their calls begin, or go on.
fn start_hunts(
    broker: &Arc<Broker>,
    clock: &Arc<ManualClock>,
    service: &Arc<Service>,
) -> JoinSet<()> {
    let calls = service.calls();
    let mut hunts = JoinSet::new();
    for hunt in 0..HUNTS {
        let had = calls.iter().filter(|call| call.hunt == hunt).count();
        let (broker, clock) = (Arc::clone(broker), Arc::clone(clock));
        let service = Arc::clone(service);
        hunts.spawn(async move {
            for call in had..CALLS {
                let name = format!("hunt-{hunt}");
                let (lane, asked) = (lane_of(hunt), clock.now());
                let permit = broker.acquire(&graph(), lane, &name, None).await.unwrap();
                // On its way, and then under way.
                let milliseconds = (hunt * 7 + call * 131) as i64;
                let sent = clock.now();
                let arrives = sent + TimeDelta::milliseconds(milliseconds % 1900);
                clock.sleep_until(arrives).await;
                service.0.lock().unwrap().push(Served {
                    asked,
                    sent,
                    at: clock.now(),
                    lane,
                    hunt,
                });
                let ends = arrives + TimeDelta::milliseconds(500 + milliseconds % 9000);
                clock.sleep_until(ends).await;
                permit.finish(None, None);
            }
        });
    }
    hunts
}

#[tokio::test]
async fn two_hundred_hunts_at_once_stay_inside_the_quota() {
    let clock = Arc::new(ManualClock::new(begin()));
    let disk = Arc::new(Disk::default());
    let service = Arc::new(Service::default());
    let open = || Broker::new(Arc::clone(&clock) as _, Some(Arc::clone(&disk) as _));
    let count = || service.calls().len();

    // Everybody is in the queue before the first call: all places are taken until then.
    let broker = open();
    let mut places = Vec::new();
    for _ in 0..10 {
        let place = broker
            .acquire(&graph(), Lane::Detection, "first", None)
            .await;
        places.push(place.unwrap());
    }
    let mut hunts = start_hunts(&broker, &clock, &service);
    settle().await;
    for place in places {
        place.give_back();
    }

    // A crash in the middle of a minute, and an orderly restart later.
    pass_time(&clock, || count() >= 333).await;
    hunts.shutdown().await;
    drop(broker);
    clock.advance(Duration::from_millis(250));
    let broker = open();
    let mut hunts = start_hunts(&broker, &clock, &service);
    pass_time(&clock, || count() >= 900).await;
    hunts.shutdown().await;
    broker.close().await;
    let broker = open();
    let mut hunts = start_hunts(&broker, &clock, &service);
    pass_time(&clock, || {
        while hunts.try_join_next().is_some() {}
        hunts.is_empty()
    })
    .await;

    service.assert_content();
    let calls = service.calls();
    for hunt in 0..HUNTS {
        let had = calls.iter().filter(|call| call.hunt == hunt).count();
        assert!(had >= CALLS, "hunt {hunt} had {had} calls");
    }
    // Of the 1,800 calls the urgent 1,200 fit into half an hour; the last 525 wait until the first
    // hour is over and its reserve is free again, and then have 27 a minute.
    let took = calls.last().unwrap().at - begin();
    assert!(took < TimeDelta::minutes(92), "{took}");

    // Nothing was sent while a detection waited.
    for call in &calls {
        let passed_over = calls.iter().find(|urgent| {
            let urgent_lane = urgent.lane == Lane::Detection && call.lane != Lane::Detection;
            urgent_lane && urgent.asked < call.sent && call.sent < urgent.sent
        });
        assert!(passed_over.is_none(), "{call:?} before {passed_over:?}");
    }
    let last = |lane| calls.iter().rposition(|call| call.lane == lane).unwrap();
    assert!(
        last(Lane::Detection) < 700,
        "600 calls of detection came first"
    );

    // Hunts of a lane advance together.
    for lane in Lane::ALL {
        let mut had: BTreeMap<usize, usize> = (0..HUNTS)
            .filter(|hunt| lane_of(*hunt) == lane)
            .map(|hunt| (hunt, 0))
            .collect();
        for call in calls.iter().filter(|call| call.lane == lane) {
            *had.get_mut(&call.hunt).unwrap() += 1;
            let fewest = *had.values().min().unwrap();
            // Each restart may take a call from a hunt that was on its way.
            assert!(had[&call.hunt] <= fewest + 4, "{lane}: {had:?}");
        }
    }
    let saves = disk.saves.load(Ordering::Relaxed);
    assert!(saves < 2000, "at most once a second: {saves}");
}

#[tokio::test]
async fn detection_goes_first_and_a_deadline_is_told_in_time() {
    let clock = Arc::new(ManualClock::new(begin()));
    let broker = Broker::new(Arc::clone(&clock) as _, None);
    for _ in 0..27 {
        let permit = broker.acquire(&graph(), Lane::Backfill, "past", None).await;
        permit.unwrap().finish(None, None);
    }
    let soon = begin() + TimeDelta::seconds(59);
    let denied = broker
        .acquire(&graph(), Lane::Backfill, "past", Some(soon))
        .await
        .unwrap_err();
    assert_eq!(
        denied.to_string(),
        "no call to graph of contoso in time: 27 of 45 calls in 1m are used, the rest is kept for \
         detection; the next is possible at 2026-01-02T00:01:17Z"
    );
    let permit = broker
        .acquire(&graph(), Lane::Detection, "now", Some(soon))
        .await;
    permit.unwrap().finish(None, None);
    assert_eq!(clock.now(), begin());
    let standing = broker.standing().await.remove(0);
    assert_eq!((standing.tally.done, standing.tally.denied), (28, 1));
    assert_eq!(standing.remaining.uses[0].left() as u32, 17);
}

#[tokio::test]
async fn who_gives_up_leaves_nothing_behind() {
    let clock = Arc::new(ManualClock::new(begin()));
    let broker = Broker::new(Arc::clone(&clock) as _, None);
    let limits = Limits {
        concurrency: Some(1),
        ..Limits::of(Api::Graph)
    };
    broker.limit(&graph(), limits);
    let first = broker
        .acquire(&graph(), Lane::Detection, "a", None)
        .await
        .unwrap();
    let (scope, second) = (graph(), Arc::clone(&broker));
    let waiting =
        tokio::spawn(async move { second.acquire(&scope, Lane::Detection, "b", None).await });
    settle().await;
    let waits = |standing: &Standing| standing.waiting[&Lane::Detection];
    assert_eq!(waits(&broker.standing().await[0]), 1);
    waiting.abort();
    settle().await;
    assert_eq!(waits(&broker.standing().await[0]), 0);
    // What was granted to somebody who is gone goes to the next.
    let (scope, third) = (graph(), Arc::clone(&broker));
    let gone = tokio::spawn(async move { third.acquire(&scope, Lane::Detection, "c", None).await });
    settle().await;
    first.give_back();
    gone.abort();
    settle().await;
    let permit = broker.acquire(&graph(), Lane::Detection, "d", None).await;
    let used = |standing: &Standing| standing.remaining.uses[0].used as u32;
    assert_eq!(used(&broker.standing().await[0]), 1);
    drop(permit);
    assert_eq!(
        used(&broker.standing().await[0]),
        1,
        "it may have been sent"
    );
}

#[tokio::test]
async fn a_refusal_holds_up_everybody_until_it_ends() {
    let clock = Arc::new(ManualClock::new(begin()));
    let broker = Broker::new(Arc::clone(&clock) as _, None);
    let permit = broker
        .acquire(&graph(), Lane::Detection, "a", None)
        .await
        .unwrap();
    permit.throttled(&Throttled {
        after: Some(Duration::from_secs(40)),
        throttle: Throttle::Unknown,
    });
    let waiting = Arc::clone(&broker);
    let mut hunts = JoinSet::new();
    hunts.spawn(async move {
        let permit = waiting.acquire(&graph(), Lane::Detection, "b", None).await;
        permit.unwrap().finish(None, None);
    });
    pass_time(&clock, || hunts.try_join_next().is_some()).await;
    let waited = clock.now() - begin();
    assert!(
        (40_000..=43_000).contains(&waited.num_milliseconds()),
        "{waited}"
    );
}

#[tokio::test]
async fn a_tenant_that_fails_is_left_alone_and_tried_out() {
    let clock = Arc::new(ManualClock::new(begin()));
    let broker = Broker::new(Arc::clone(&clock) as _, None);
    let scope = graph();
    let call = || broker.acquire(&scope, Lane::Detection, "a", None);
    let fault = || Fault {
        kind: FaultKind::Unauthorized,
        what: "the secret has run out".to_owned(),
    };
    for _ in 0..5 {
        call().await.unwrap().failed(fault());
    }
    assert_eq!(
        call().await.unwrap_err().to_string(),
        "graph of contoso is not asked before 2026-01-02T00:00:47Z, as it failed several times: \
         the secret has run out"
    );
    clock.advance(Duration::from_secs(30));
    let probe = call().await.unwrap();
    assert!(
        matches!(call().await, Err(Denied::Open { .. })),
        "one at a time"
    );
    drop(probe);
    let probe = call().await.unwrap();
    probe.finish(None, None);
    call().await.unwrap().finish(None, None);
    let standing = broker.standing().await.remove(0);
    assert_eq!(standing.breaker, crate::quota::breaker::Standing::Closed);
    assert_eq!(standing.tally.failed, 5);
}

/// A store that does not work.
#[derive(Debug)]
struct BrokenStore;

#[async_trait]
impl QuotaStore for BrokenStore {
    async fn load(&self, _: DateTime<Utc>) -> Result<Vec<(Scope, Snapshot)>, QuotaStoreError> {
        Err(QuotaStoreError("the disk is gone".to_owned()))
    }

    async fn save(&self, _: &[(Scope, Snapshot)], _: DateTime<Utc>) -> Result<(), QuotaStoreError> {
        Err(QuotaStoreError("the disk is gone".to_owned()))
    }
}

#[tokio::test]
async fn a_store_that_fails_stops_nobody() {
    let clock = Arc::new(ManualClock::new(begin()));
    let broker = Broker::new(Arc::clone(&clock) as _, Some(Arc::new(BrokenStore)));
    for _ in 0..10 {
        let permit = broker.acquire(&graph(), Lane::Detection, "a", None).await;
        permit.unwrap().finish(None, None);
        clock.advance(Duration::from_secs(2));
    }
    broker.close().await;
}
