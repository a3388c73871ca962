//! The conformance suite, and what is particular to a file.

use std::sync::Arc;

use chrono::TimeDelta;
use tempfile::TempDir;

use super::*;
use crate::clock::ManualClock;
use crate::quota::{
    Api, Lane, Ledger, Limits, News, QuotaStore as _, Route, Scope, Seen, Stored, Throttle,
    Throttled,
};
use crate::source::broker::Broker;
use crate::state::suite::{at, conformance, request};
use crate::state::{RunFilter, RunStore as _, ScheduleStore as _};

async fn open() -> (TempDir, SqliteStore) {
    let folder = tempfile::tempdir().unwrap();
    let store = SqliteStore::open(&folder.path().join("data/state.db"))
        .await
        .unwrap();
    (folder, store)
}

conformance!(open());

#[tokio::test]
async fn what_was_committed_is_there_after_a_reopening() {
    let (_folder, store) = open().await;
    store.plan(&[request("a", 1)], &[]).await.unwrap();
    store.close().await;
    let store = SqliteStore::open(store.path()).await.unwrap();
    assert_eq!(store.runs(&RunFilter::default()).await.unwrap().len(), 1);
}

#[tokio::test]
async fn a_database_of_a_newer_version_is_refused() {
    let (_folder, store) = open().await;
    let sql = "INSERT INTO _sqlx_migrations (version, description, success, checksum, \
        execution_time) VALUES (9999, 'later', true, x'00', 0)";
    sqlx::query(sql).execute(&store.writer).await.unwrap();
    store.close().await;
    let error = SqliteStore::open(store.path())
        .await
        .unwrap_err()
        .to_string();
    assert!(error.contains("newer huntd"), "{error}");
}

#[tokio::test]
async fn a_file_that_is_no_database_is_refused_with_advice() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("state.db");
    std::fs::write(
        &path,
        "this is a text and not a database; it is long enough to be read as one",
    )
    .unwrap();
    let error = SqliteStore::open(&path).await.unwrap_err().to_string();
    assert!(
        error.contains("state.db") && error.contains("point `state`"),
        "{error}"
    );
}

#[tokio::test]
async fn a_folder_that_cannot_be_made_is_named() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("file");
    std::fs::write(&file, "").unwrap();
    let error = SqliteStore::open(&file.join("state.db"))
        .await
        .unwrap_err()
        .to_string();
    assert!(error.contains("cannot make its folder"), "{error}");
}

fn graph() -> Scope {
    Scope {
        tenant: "contoso".to_owned(),
        api: Api::Mde,
    }
}

fn ledger(first_id: i64) -> Ledger {
    Ledger::new(Limits::of(Api::Mde), first_id)
}

fn call(ledger: &mut Ledger, minute: i64) {
    let id = ledger.book(at(minute), Lane::Export, &"a".into());
    ledger.finish(at(minute), id, TimeDelta::seconds(20), None);
}

/// What a store tells that has read nothing yet.
async fn stored(store: &SqliteStore, since: i64) -> News {
    store.news(Seen::default(), at(since)).await.unwrap()
}

/// Calls and seconds of running time that count, by what others stored.
async fn used(store: &SqliteStore, minute: i64) -> (u32, u32) {
    let mut ledger = ledger(1 << 40);
    for (_, snapshot) in stored(store, minute - 25 * 60).await.used {
        ledger.absorb(at(minute), &snapshot);
    }
    let uses = ledger.remaining(at(minute)).uses;
    (uses[1].used as u32, uses[2].used as u32)
}

async fn save(store: &SqliteStore, ledger: &mut Ledger, minute: i64) {
    let changes = [(graph(), ledger.take_changes(at(minute)))];
    let since = at(minute) - TimeDelta::hours(25);
    let seen = stored(store, minute).await.seen;
    let saved = store.save(seen, &changes, since).await.unwrap();
    assert_eq!(saved, Stored::Written(Seen(seen.0 + 1)));
}

#[tokio::test]
async fn what_is_used_of_quotas_adds_up_over_processes() {
    let (_folder, store) = open().await;
    let other = SqliteStore::open(store.path()).await.unwrap();
    let reader = SqliteStore::open(store.path()).await.unwrap();
    let (mut ours, mut theirs) = (ledger(0), ledger(1000));
    call(&mut ours, 0);
    call(&mut ours, 1);
    save(&store, &mut ours, 1).await;
    call(&mut theirs, 2);
    save(&other, &mut theirs, 2).await;
    assert_eq!(used(&reader, 2).await, (3, 60));
    assert_eq!(used(&store, 2).await, (1, 20), "of others");
    // Stored again, a call is the same call; running time is told once. A process that goes on has
    // used what it stored, and nothing more.
    call(&mut ours, 3);
    save(&store, &mut ours, 3).await;
    assert_eq!(used(&reader, 5).await, (4, 80));
    let booked = ours.book(at(3), Lane::Export, &"a".into());
    save(&store, &mut ours, 3).await;
    assert_eq!(used(&reader, 3).await.0, 5);
    ours.give_back(booked);
    let throttled = Throttled {
        after: None,
        throttle: Throttle::Calls {
            allowed: 7,
            per: std::time::Duration::from_hours(1),
        },
    };
    let refused = ours.book(at(4), Lane::Export, &"a".into());
    ours.learn(at(4), refused, &throttled, TimeDelta::zero());
    save(&store, &mut ours, 4).await;
    store.close().await;
    let news = stored(&reader, 0).await.used;
    let calls: usize = news.iter().map(|(_, stored)| stored.calls.len()).sum();
    assert_eq!(calls, 5, "one was taken back");
    let learnt: Vec<u32> = news
        .iter()
        .flat_map(|(_, stored)| &stored.learnt)
        .flat_map(|learnt| learnt.calls.iter().map(|calls| calls.max))
        .collect();
    assert_eq!(learnt, [7]);
    // Two hours later no limit counts the calls any more; a day and an hour later nothing does.
    call(&mut theirs, 124);
    save(&other, &mut theirs, 124).await;
    let calls = |news: &News| -> usize { news.used.iter().map(|(_, s)| s.calls.len()).sum() };
    let running = |news: &News| -> usize { news.used.iter().map(|(_, s)| s.running.len()).sum() };
    let news = stored(&reader, -10_000).await;
    assert_eq!((calls(&news), running(&news)), (1, 5));
    save(&other, &mut theirs, 124 + 26 * 60).await;
    let news = stored(&reader, -10_000).await;
    assert_eq!((calls(&news), running(&news)), (0, 0));
}

#[tokio::test]
async fn who_does_not_know_what_others_used_stores_nothing() {
    let (_folder, store) = open().await;
    let other = SqliteStore::open(store.path()).await.unwrap();
    let (mut ours, mut theirs) = (ledger(0), ledger(1000));
    call(&mut theirs, 0);
    save(&other, &mut theirs, 0).await;
    call(&mut ours, 0);
    let changes = [(graph(), ours.take_changes(at(0)))];
    let since = at(-60);
    let saved = store.save(Seen::default(), &changes, since).await.unwrap();
    let Stored::Behind(news) = saved else {
        panic!("{saved:?}");
    };
    assert_eq!((news.seen, news.used[0].1.calls.len()), (Seen(1), 1));
    assert_eq!(used(&other, 0).await.0, 0, "nothing of ours is there");
    let saved = store.save(news.seen, &changes, since).await.unwrap();
    assert_eq!(saved, Stored::Written(Seen(2)));
    // Each is told only what is new, and of others.
    let news = other.news(Seen(1), since).await.unwrap();
    assert_eq!((news.seen, news.used[0].1.calls.len()), (Seen(2), 1));
    assert_eq!(other.news(Seen(2), since).await.unwrap().used, []);
    assert_eq!(store.news(Seen(1), since).await.unwrap().used, []);
}

/// As `huntd serve` and `huntd query` do at the same time.
#[tokio::test]
async fn two_processes_together_get_what_one_may_have() {
    let (_folder, store) = open().await;
    let clock = Arc::new(ManualClock::new(at(0)));
    let route = Route {
        scope: Scope {
            api: Api::Graph,
            ..graph()
        },
        door: "graph.microsoft.com".into(),
    };
    let mut brokers = Vec::new();
    for _ in 0..2 {
        let store = SqliteStore::open(store.path()).await.unwrap();
        brokers.push(Broker::new(Arc::clone(&clock) as _, Some(Arc::new(store))));
    }
    let mut calls = tokio::task::JoinSet::new();
    for index in 0..80 {
        let (broker, route) = (Arc::clone(&brokers[index % 2]), route.clone());
        calls.spawn(async move {
            let soon = Some(at(0) + TimeDelta::seconds(1));
            let permit = broker.acquire(&route, Lane::Detection, "a", soon).await;
            permit.map(|permit| permit.finish(None, None)).is_ok()
        });
    }
    let granted = calls
        .join_all()
        .await
        .into_iter()
        .filter(|granted| *granted);
    assert_eq!(granted.count(), 45);
    for broker in &brokers {
        let standing = broker.standing().await.remove(0);
        assert_eq!(standing.remaining.uses[0].used as u32, 45);
        broker.close().await;
    }
    // A third finds what is true, while the others are alive: nothing is invented.
    let third = Broker::new(clock, Some(Arc::new(store)));
    let standing = third.standing().await.remove(0);
    assert_eq!(standing.remaining.uses[0].used as u32, 45);
    assert_eq!(standing.remaining.uses[1].used as u32, 45);
}
