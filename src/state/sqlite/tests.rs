//! The conformance suite, and what is particular to a file.

use chrono::TimeDelta;
use tempfile::TempDir;

use super::*;
use crate::quota::{Api, Lane, Ledger, Limits, QuotaStore, Scope, Throttle, Throttled};
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

/// Calls and seconds of running time that count, by what is stored.
async fn used(store: &SqliteStore, minute: i64) -> (u32, u32) {
    let stored = QuotaStore::load(store, at(minute) - TimeDelta::hours(25)).await;
    let stored: Vec<_> = stored
        .unwrap()
        .into_iter()
        .map(|(_, stored)| stored)
        .collect();
    let mut ledger = ledger(1 << 40);
    ledger.absorb(at(minute), &stored);
    let uses = ledger.remaining(at(minute)).uses;
    (uses[1].used as u32, uses[2].used as u32)
}

#[tokio::test]
async fn what_is_used_of_quotas_adds_up_over_processes() {
    let (_folder, store) = open().await;
    let other = SqliteStore::open(store.path()).await.unwrap();
    let save = async |store: &SqliteStore, ledger: &mut Ledger, minute, open| {
        let mut changes = ledger.take_changes(at(minute));
        changes.open = open;
        let since = at(minute) - TimeDelta::hours(25);
        QuotaStore::save(store, &[(graph(), changes)], since)
            .await
            .unwrap();
    };
    let (mut ours, mut theirs) = (ledger(0), ledger(1000));
    call(&mut ours, 0);
    call(&mut ours, 1);
    save(&store, &mut ours, 1, false).await;
    call(&mut theirs, 2);
    save(&other, &mut theirs, 2, false).await;
    assert_eq!(used(&store, 2).await, (3, 60));
    // Stored again, a call is the same call; running time is told once.
    call(&mut ours, 3);
    save(&store, &mut ours, 3, true).await;
    assert_eq!(used(&store, 5).await, (4 + 44, 80), "it may have sent more");
    let booked = ours.book(at(3), Lane::Export, &"a".into());
    save(&store, &mut ours, 3, false).await;
    assert_eq!(used(&store, 3).await.0, 5);
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
    save(&store, &mut ours, 4, false).await;
    store.close().await;
    let stored = QuotaStore::load(&other, at(0)).await.unwrap();
    let calls: usize = stored.iter().map(|(_, stored)| stored.calls.len()).sum();
    assert_eq!(calls, 5, "one was taken back");
    let learnt: Vec<u32> = stored
        .iter()
        .flat_map(|(_, stored)| stored.learnt.calls.iter().map(|calls| calls.max))
        .collect();
    assert_eq!(learnt, [7]);
    // A day and an hour later nothing counts any more.
    save(&other, &mut theirs, 26 * 60, false).await;
    let stored = QuotaStore::load(&other, at(-10_000)).await.unwrap();
    assert!(stored.iter().all(|(_, stored)| stored.calls.is_empty()));
}
