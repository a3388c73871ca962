//! The conformance suite, and what is particular to a file.

use tempfile::TempDir;

use super::*;
use crate::state::suite::{conformance, request};
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
