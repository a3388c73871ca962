//! State in a SQLite database: how it is opened and how its errors read.
//!
//! One connection writes, so that writers queue here instead of colliding on the database's lock;
//! a few others read. What is stored is in `migrations`, and each caller's part in a file of its
//! own below `sqlite/`.

pub mod census;

mod outbox;
mod quota;
mod record;
mod row;
mod runs;
mod schedule;

use std::path::{Path, PathBuf};
use std::time::Duration;

use sqlx::migrate::MigrateError;
use sqlx::sqlite::{
    SqliteConnectOptions, SqliteJournalMode, SqlitePool, SqlitePoolOptions, SqliteSynchronous,
};
use sqlx::{Sqlite, Transaction};

use super::StateError;

/// How long a statement waits for another process that writes.
const BUSY_TIMEOUT: Duration = Duration::from_secs(10);
/// Readers: listings and look-ups of the runs under way.
const READERS: u32 = 4;

/// State in a SQLite database.
#[derive(Debug)]
pub struct SqliteStore {
    path: PathBuf,
    /// Tells what this process wrote from what others did.
    process: String,
    writer: SqlitePool,
    reader: SqlitePool,
}

impl SqliteStore {
    /// Opens the database at `path`, making it and its folder where they do not exist, and brings
    /// its schema up to date.
    pub async fn open(path: &Path) -> Result<Self, StateError> {
        if let Some(folder) = path
            .parent()
            .filter(|folder| !folder.as_os_str().is_empty())
        {
            std::fs::create_dir_all(folder).map_err(|error| StateError::Database {
                path: path.display().to_string(),
                reason: format!("cannot make its folder: {error}"),
            })?;
        }
        // Each commit is synced: what was told must not be forgotten when the power fails.
        let options = SqliteConnectOptions::new()
            .filename(path)
            .create_if_missing(true)
            .journal_mode(SqliteJournalMode::Wal)
            .synchronous(SqliteSynchronous::Full)
            .foreign_keys(true)
            .busy_timeout(BUSY_TIMEOUT);
        let pool = |connections| {
            SqlitePoolOptions::new()
                .max_connections(connections)
                .acquire_timeout(Duration::from_mins(1))
                .idle_timeout(None)
                .max_lifetime(None)
        };
        let writer = pool(1)
            .connect_with(options.clone())
            .await
            .map_err(|error| refusal(path, &error))?;
        sqlx::migrate!("src/state/migrations")
            .run(&writer)
            .await
            .map_err(|error| migration_refusal(path, &error))?;
        let reader = pool(READERS)
            .connect_with(options)
            .await
            .map_err(|error| refusal(path, &error))?;
        Ok(Self {
            path: path.to_owned(),
            process: uuid::Uuid::now_v7().simple().to_string(),
            writer,
            reader,
        })
    }

    /// The database's file.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Closes the database; what was committed is in its file.
    pub async fn close(&self) {
        self.reader.close().await;
        self.writer.close().await;
    }

    /// Whether it can be written to; nothing is.
    pub async fn try_write(&self) -> Result<(), StateError> {
        let transaction = self.write().await?;
        transaction
            .rollback()
            .await
            .map_err(|error| self.refused(&error))
    }

    async fn write(&self) -> Result<Transaction<'static, Sqlite>, StateError> {
        self.writer
            .begin_with("BEGIN IMMEDIATE")
            .await
            .map_err(|error| self.refused(&error))
    }

    fn refused(&self, error: &sqlx::Error) -> StateError {
        refusal(&self.path, error)
    }
}

/// Primary result codes of SQLite that have their own advice.
const SQLITE_BUSY: u32 = 5;
const SQLITE_READONLY: u32 = 8;
const SQLITE_CORRUPT: u32 = 11;
const SQLITE_FULL: u32 = 13;
const SQLITE_CANTOPEN: u32 = 14;
const SQLITE_NOTADB: u32 = 26;

fn refusal(path: &Path, error: &sqlx::Error) -> StateError {
    let code = error
        .as_database_error()
        .and_then(sqlx::error::DatabaseError::code)
        .and_then(|code| code.parse::<u32>().ok())
        .map(|extended| extended & 0xff);
    let advice = match code {
        Some(SQLITE_BUSY) => "; another process keeps it locked: stop it",
        Some(SQLITE_READONLY | SQLITE_CANTOPEN) => {
            "; huntd must be able to write to this file and its folder"
        }
        Some(SQLITE_CORRUPT) => "; restore it from a backup",
        Some(SQLITE_FULL) => "; free some space",
        Some(SQLITE_NOTADB) => "; point `state` to another file",
        _ => "",
    };
    StateError::Database {
        path: path.display().to_string(),
        reason: format!("{error}{advice}"),
    }
}

fn migration_refusal(path: &Path, error: &MigrateError) -> StateError {
    let reason = match error {
        MigrateError::VersionMissing(version) => format!(
            "its schema {version} was written by a newer huntd; use that one or another `state`"
        ),
        MigrateError::Execute(error) | MigrateError::ExecuteMigration(error, _) => {
            return refusal(path, error);
        }
        other => other.to_string(),
    };
    StateError::Database {
        path: path.display().to_string(),
        reason,
    }
}

#[cfg(test)]
mod tests;
