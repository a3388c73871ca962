//! Many hunts at one tenant, by a manual clock, before a service that counts for itself.

use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::Duration;

use async_trait::async_trait;
use chrono::TimeDelta;
use tokio::task::JoinSet;

use super::*;
use crate::clock::{Clock as _, ManualClock};
use crate::quota::breaker::{Fault, FaultKind};
use crate::quota::snapshot::CallRecord;
use crate::quota::{Api, News, QuotaStoreError, Seen, Snapshot, Stored, Throttle, Throttled};

fn begin() -> DateTime<Utc> {
    // Not at a full minute: the service's windows are not ours.
    DateTime::from_timestamp(1_767_312_017, 0).unwrap()
}

fn graph() -> Route {
    Route {
        scope: Scope {
            tenant: "contoso".to_owned(),
            api: Api::Graph,
        },
        door: Arc::from("graph.microsoft.com"),
    }
}

/// Keeps what it is given, as a database does that several processes have open.
#[derive(Debug, Default)]
struct Disk {
    writes: Mutex<Vec<Write>>,
    processes: AtomicUsize,
}

#[derive(Debug)]
struct Write {
    process: usize,
    changes: Vec<(Scope, Snapshot)>,
}

/// A process's way to it.
#[derive(Debug)]
struct Handle {
    disk: Arc<Disk>,
    process: usize,
}

impl Disk {
    fn open(self: &Arc<Self>) -> Arc<Handle> {
        Arc::new(Handle {
            disk: Arc::clone(self),
            process: self.processes.fetch_add(1, Ordering::Relaxed),
        })
    }

    fn broker(self: &Arc<Self>, clock: &Arc<ManualClock>) -> Arc<Broker> {
        Broker::new(Arc::clone(clock) as _, Some(self.open()))
    }
}

impl Handle {
    fn news_of(&self, writes: &[Write], seen: Seen) -> News {
        let mut used: BTreeMap<Scope, BTreeMap<CallId, CallRecord>> = BTreeMap::new();
        let mut rest = Vec::new();
        let new = writes[seen.0 as usize..].iter();
        let new = new.filter(|write| write.process != self.process);
        for (scope, snapshot) in new.flat_map(|write| &write.changes) {
            let calls = used.entry(scope.clone()).or_default();
            calls.extend(snapshot.calls.iter().map(|call| (call.id, *call)));
            for id in &snapshot.returned {
                calls.remove(id);
            }
            let calls = Vec::new();
            rest.push((
                scope.clone(),
                Snapshot {
                    calls,
                    ..snapshot.clone()
                },
            ));
        }
        let used = used.into_iter().map(|(scope, calls)| {
            let calls = calls.into_values().collect();
            (
                scope,
                Snapshot {
                    calls,
                    ..Snapshot::default()
                },
            )
        });
        News {
            seen: Seen(writes.len() as i64),
            used: used.chain(rest).collect(),
        }
    }
}

#[async_trait]
impl QuotaStore for Handle {
    async fn news(&self, seen: Seen, _: DateTime<Utc>) -> Result<News, QuotaStoreError> {
        Ok(self.news_of(&self.disk.writes.lock().unwrap(), seen))
    }

    async fn save(
        &self,
        seen: Seen,
        changes: &[(Scope, Snapshot)],
        _: DateTime<Utc>,
    ) -> Result<Stored, QuotaStoreError> {
        // Others run meanwhile, as they do while a disk writes.
        tokio::task::yield_now().await;
        let mut writes = self.disk.writes.lock().unwrap();
        if seen != Seen(writes.len() as i64) {
            return Ok(Stored::Behind(self.news_of(&writes, seen)));
        }
        writes.push(Write {
            process: self.process,
            changes: changes.to_vec(),
        });
        Ok(Stored::Written(Seen(writes.len() as i64)))
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

/// The hunts that have not had all their calls begin, or go on; spread over several processes.
fn start_hunts(
    brokers: &[Arc<Broker>],
    clock: &Arc<ManualClock>,
    service: &Arc<Service>,
) -> JoinSet<()> {
    let calls = service.calls();
    let mut hunts = JoinSet::new();
    for (hunt, broker) in (0..HUNTS).zip(brokers.iter().cycle()) {
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
    let open = || disk.broker(&clock);
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
    let mut hunts = start_hunts(std::slice::from_ref(&broker), &clock, &service);
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
    let mut hunts = start_hunts(std::slice::from_ref(&broker), &clock, &service);
    pass_time(&clock, || count() >= 900).await;
    hunts.shutdown().await;
    broker.close().await;
    let broker = open();
    let mut hunts = start_hunts(std::slice::from_ref(&broker), &clock, &service);
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
    let saves = disk.writes.lock().unwrap().len();
    assert!(saves < 2000, "at most one for each call: {saves}");
}

#[tokio::test]
async fn two_processes_at_once_stay_inside_the_quota() {
    let clock = Arc::new(ManualClock::new(begin()));
    let (disk, service) = (Arc::new(Disk::default()), Arc::new(Service::default()));
    let brokers = [disk.broker(&clock), disk.broker(&clock)];
    let mut hunts = start_hunts(&brokers, &clock, &service);
    pass_time(&clock, || service.calls().len() >= 200).await;
    // One ends in the middle of a minute, without a word; the other goes on.
    let [first, second] = brokers;
    hunts.shutdown().await;
    drop(first);
    let mut hunts = start_hunts(&[second], &clock, &service);
    pass_time(&clock, || service.calls().len() >= 400).await;
    hunts.shutdown().await;
    service.assert_content();
    let took = clock.now() - begin();
    assert!(took < TimeDelta::minutes(10), "as fast as one: {took}");
}

#[tokio::test]
async fn what_another_process_uses_is_seen_and_nothing_is_invented() {
    let clock = Arc::new(ManualClock::new(begin()));
    let disk = Arc::new(Disk::default());
    let (serve, query) = (disk.broker(&clock), disk.broker(&clock));
    let call = async |broker: &Arc<Broker>| {
        let soon = Some(clock.now() + TimeDelta::seconds(5));
        let permit = broker.acquire(&graph(), Lane::Detection, "a", soon).await;
        permit.map(|permit| permit.finish(None, None))
    };
    let used =
        async |broker: &Arc<Broker>| broker.standing().await[0].remaining.uses[0].used as u32;
    for _ in 0..6 {
        call(&serve).await.unwrap();
    }
    clock.advance(Duration::from_secs(10));
    assert_eq!(
        used(&query).await,
        6,
        "a process that lives has sent what it stored"
    );
    for _ in 0..39 {
        call(&query).await.unwrap();
    }
    assert!(matches!(call(&serve).await, Err(Denied::Late { .. })));
    assert_eq!(used(&serve).await, 45);
    clock.advance(Duration::from_secs(51));
    call(&serve).await.unwrap();
    assert_eq!(used(&disk.broker(&clock)).await, 40);
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
    broker.limit(&graph().scope, limits);
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
    drop(call().await.unwrap());
    let probe = call().await.unwrap();
    probe.finish(None, None);
    call().await.unwrap().finish(None, None);
    let standing = broker.standing().await.remove(0);
    assert_eq!(standing.failing, []);
    assert_eq!(standing.tally.failed, 5);
}

fn fault(what: &str) -> Fault {
    Fault {
        kind: FaultKind::Unavailable,
        what: what.to_owned(),
    }
}

async fn fail_five_times(broker: &Arc<Broker>, route: &Route) {
    for _ in 0..5 {
        let permit = broker.acquire(route, Lane::Detection, "a", None).await;
        permit.unwrap().failed(fault("it is down"));
    }
}

#[tokio::test]
async fn others_wait_for_what_comes_of_the_call_that_tries_it_out() {
    let clock = Arc::new(ManualClock::new(begin()));
    let broker = Broker::new(Arc::clone(&clock) as _, None);
    fail_five_times(&broker, &graph()).await;
    let start = || {
        let mut calls = JoinSet::new();
        for _ in 0..8 {
            let broker = Arc::clone(&broker);
            calls.spawn(async move {
                let route = graph();
                let permit = broker.acquire(&route, Lane::Export, "b", None).await;
                permit.map(|permit| permit.finish(None, None))
            });
        }
        calls
    };
    let probe = async || broker.acquire(&graph(), Lane::Detection, "a", None).await;
    // It fails: all are told, and when it is tried out the next time.
    clock.advance(Duration::from_secs(30));
    let permit = probe().await.unwrap();
    let mut calls = start();
    settle().await;
    assert!(calls.try_join_next().is_none(), "they wait");
    permit.failed(fault("it is still down"));
    for denied in calls.join_all().await {
        let Err(Denied::Open { next_try, .. }) = denied else {
            panic!("{denied:?}");
        };
        assert_eq!(next_try, clock.now() + TimeDelta::seconds(60));
    }
    // It works: all go on.
    clock.advance(Duration::from_mins(1));
    let permit = probe().await.unwrap();
    let soon = Some(clock.now() + TimeDelta::seconds(1));
    let waiting = {
        let broker = Arc::clone(&broker);
        tokio::spawn(async move {
            let route = graph();
            broker.acquire(&route, Lane::Export, "c", soon).await
        })
    };
    let calls = start();
    settle().await;
    clock.advance(Duration::from_secs(1));
    settle().await;
    assert_eq!(
        waiting.await.unwrap().unwrap_err().to_string(),
        "no call to graph of contoso in time: a call tries out whether it works again after \
         failures"
    );
    permit.finish(None, None);
    assert!(calls.join_all().await.iter().all(Result::is_ok));
}

#[tokio::test]
async fn what_fails_at_one_door_does_not_shut_the_others() {
    let clock = Arc::new(ManualClock::new(begin()));
    let broker = Broker::new(Arc::clone(&clock) as _, None);
    let other = Route {
        door: Arc::from("graph.microsoft.com as another"),
        ..graph()
    };
    fail_five_times(&broker, &graph()).await;
    let denied = broker.acquire(&graph(), Lane::Detection, "a", None).await;
    assert!(matches!(denied, Err(Denied::Open { .. })));
    let permit = broker.acquire(&other, Lane::Detection, "b", None).await;
    permit.unwrap().finish(None, None);
    let standing = broker.standing().await.remove(0);
    assert_eq!(standing.failing.len(), 1, "their success is their own");
    assert_eq!(standing.remaining.uses[0].used as u32, 6, "of one quota");
}

#[tokio::test]
async fn a_call_that_was_not_answered_says_neither_yes_nor_no() {
    let clock = Arc::new(ManualClock::new(begin()));
    let broker = Broker::new(Arc::clone(&clock) as _, None);
    let route = graph();
    let call = async || broker.acquire(&route, Lane::Detection, "a", None).await;
    let late = || fault("no response came in time");
    for _ in 0..4 {
        call().await.unwrap().failed(fault("it is down"));
        call().await.unwrap().unanswered(late());
    }
    call().await.unwrap().failed(fault("it is down"));
    assert!(call().await.is_err(), "five failures one after the other");
    clock.advance(Duration::from_secs(30));
    call().await.unwrap().unanswered(late());
    let Err(Denied::Open { next_try, why, .. }) = call().await else {
        panic!("it does not work again");
    };
    assert_eq!(next_try, clock.now() + TimeDelta::seconds(60));
    assert_eq!(why, "no response came in time");
}

/// A store that works now and then.
#[derive(Debug)]
struct Shaky {
    store: Arc<Handle>,
    works: AtomicBool,
}

impl Shaky {
    fn works(&self) -> Result<(), QuotaStoreError> {
        let works = self.works.load(Ordering::Relaxed);
        let gone = || QuotaStoreError("the disk is gone".to_owned());
        works.then_some(()).ok_or_else(gone)
    }
}

#[async_trait]
impl QuotaStore for Shaky {
    async fn news(&self, seen: Seen, since: DateTime<Utc>) -> Result<News, QuotaStoreError> {
        self.works()?;
        self.store.news(seen, since).await
    }

    async fn save(
        &self,
        seen: Seen,
        changes: &[(Scope, Snapshot)],
        since: DateTime<Utc>,
    ) -> Result<Stored, QuotaStoreError> {
        self.works()?;
        self.store.save(seen, changes, since).await
    }
}

#[tokio::test]
async fn a_store_that_fails_stops_nobody_and_is_tried_again() {
    let clock = Arc::new(ManualClock::new(begin()));
    let disk = Arc::new(Disk::default());
    let other = disk.broker(&clock);
    for _ in 0..7 {
        let permit = other.acquire(&graph(), Lane::Detection, "b", None).await;
        permit.unwrap().finish(None, None);
    }
    let store = Arc::new(Shaky {
        store: disk.open(),
        works: AtomicBool::new(false),
    });
    let broker = Broker::new(Arc::clone(&clock) as _, Some(Arc::clone(&store) as _));
    for _ in 0..10 {
        let permit = broker.acquire(&graph(), Lane::Detection, "a", None).await;
        permit.unwrap().finish(None, None);
        clock.advance(Duration::from_secs(1));
    }
    broker.close().await;
    let used =
        async |broker: &Arc<Broker>| broker.standing().await[0].remaining.uses[0].used as u32;
    assert_eq!(used(&broker).await, 10);
    clock.advance(Duration::from_secs(1));
    store.works.store(true, Ordering::Relaxed);
    let permit = broker.acquire(&graph(), Lane::Detection, "a", None).await;
    permit.unwrap().finish(None, None);
    assert_eq!(used(&broker).await, 18, "with those of the other");
    assert_eq!(used(&other).await, 18, "and what was sent meanwhile");
}
