//! The broker's part: what was used of quotas. Several processes add to it, each only while it
//! knows what the others added; what each learnt from refusals is its own row.

use std::collections::BTreeMap;

use async_trait::async_trait;
use chrono::{DateTime, Utc};
use serde_json::json;
use sqlx::{Sqlite, SqliteConnection, Transaction};

use super::SqliteStore;
use super::row::{instant, micros, unreadable};
use crate::quota::ledger::CallId;
use crate::quota::snapshot::{CallRecord, LEARNT_VERSION, RunningRecord};
use crate::quota::{Api, Lane, News, QuotaStore, QuotaStoreError, Scope, Seen, Snapshot, Stored};
use crate::state::StateError;

#[async_trait]
impl QuotaStore for SqliteStore {
    async fn news(&self, seen: Seen, since: DateTime<Utc>) -> Result<News, QuotaStoreError> {
        let news = async {
            // In a transaction all statements see the same.
            let mut transaction = self.reader.begin().await?;
            let written = written(&mut transaction).await?;
            news(&mut transaction, &self.process, (seen, written), since).await
        };
        news.await.map_err(|error| told(&self.refused(&error)))
    }

    async fn save(
        &self,
        seen: Seen,
        changes: &[(Scope, Snapshot)],
        since: DateTime<Utc>,
    ) -> Result<Stored, QuotaStoreError> {
        let mut transaction = self.write().await.map_err(|error| told(&error))?;
        let saved = async {
            let written = written(&mut transaction).await?;
            if written != seen {
                let seen = (seen, written);
                let news = news(&mut transaction, &self.process, seen, since).await?;
                return Ok(Stored::Behind(news));
            }
            let written = add(&mut transaction, &self.process, changes, since).await?;
            transaction.commit().await?;
            Ok(Stored::Written(written))
        };
        let saved: Result<Stored, sqlx::Error> = saved.await;
        saved.map_err(|error| told(&self.refused(&error)))
    }
}

fn told(error: &StateError) -> QuotaStoreError {
    QuotaStoreError(error.to_string())
}

type CallRow = (String, String, i64, i64, i64, String, bool, bool);
type RunningRow = (String, String, i64, String, i64);

/// Which write was the last.
async fn written(connection: &mut SqliteConnection) -> Result<Seen, sqlx::Error> {
    let count = sqlx::query_scalar("SELECT count FROM quota_writes");
    Ok(Seen(count.fetch_one(connection).await?))
}

/// What others than `process` wrote after the first of two writes and up to the second.
async fn news(
    connection: &mut SqliteConnection,
    process: &str,
    (seen, written): (Seen, Seen),
    since: DateTime<Utc>,
) -> Result<News, sqlx::Error> {
    let mut used: BTreeMap<Scope, Snapshot> = BTreeMap::new();
    let sql = "SELECT tenant, api, id, at, counted_by, lane, ended, returned FROM quota_calls
        WHERE written > ?1 AND process <> ?2 AND at >= ?3";
    let calls: Vec<CallRow> = sqlx::query_as(sql)
        .bind(seen.0)
        .bind(process)
        .bind(micros(since))
        .fetch_all(&mut *connection)
        .await?;
    for (tenant, api, id, at, counted_by, lane, ended, returned) in calls {
        let snapshot = used.entry(scope(tenant, &api)?).or_default();
        if returned {
            snapshot.returned.push(CallId(id));
            continue;
        }
        snapshot.calls.push(CallRecord {
            id: CallId(id),
            at: instant(at)?,
            counted_by: instant(counted_by)?,
            lane: self::lane(&lane)?,
            ended,
        });
    }
    let sql = "SELECT tenant, api, minute, lane, sum(milliseconds) FROM quota_running
        WHERE written > ?1 AND process <> ?2 AND minute >= ?3
        GROUP BY tenant, api, minute, lane";
    let running: Vec<RunningRow> = sqlx::query_as(sql)
        .bind(seen.0)
        .bind(process)
        .bind(minute_of(since))
        .fetch_all(&mut *connection)
        .await?;
    for (tenant, api, minute, lane, milliseconds) in running {
        let snapshot = used.entry(scope(tenant, &api)?).or_default();
        snapshot.running.push(RunningRecord {
            minute,
            lane: self::lane(&lane)?,
            milliseconds,
        });
    }
    let mut used: Vec<(Scope, Snapshot)> = used.into_iter().collect();
    // What a later version learnt is not ours to read.
    let sql = "SELECT tenant, api, body FROM quota_learnt
        WHERE written > ?1 AND process <> ?2 AND saved_at >= ?3 AND version = ?4";
    let learnt: Vec<(String, String, String)> = sqlx::query_as(sql)
        .bind(seen.0)
        .bind(process)
        .bind(micros(since))
        .bind(i64::from(LEARNT_VERSION))
        .fetch_all(&mut *connection)
        .await?;
    for (tenant, api, body) in learnt {
        let learnt =
            serde_json::from_str(&body).map_err(|error| unreadable("learnt quota", &error))?;
        let snapshot = Snapshot {
            learnt: Some(learnt),
            ..Snapshot::default()
        };
        used.push((scope(tenant, &api)?, snapshot));
    }
    Ok(News {
        seen: written,
        used,
    })
}

async fn add(
    transaction: &mut Transaction<'_, Sqlite>,
    process: &str,
    changes: &[(Scope, Snapshot)],
    since: DateTime<Utc>,
) -> Result<Seen, sqlx::Error> {
    let sql = "UPDATE quota_writes SET count = count + 1 RETURNING count";
    let written: i64 = sqlx::query_scalar(sql)
        .fetch_one(&mut **transaction)
        .await?;
    for (scope, snapshot) in changes {
        add_calls(transaction, (process, written), scope, snapshot).await?;
        let (tenant, api) = (scope.tenant.as_str(), scope.api.as_str());
        for running in &snapshot.running {
            let sql = "INSERT INTO quota_running
                (tenant, api, minute, lane, milliseconds, process, written)
                VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)";
            sqlx::query(sql)
                .bind(tenant)
                .bind(api)
                .bind(running.minute)
                .bind(running.lane.as_str())
                .bind(running.milliseconds)
                .bind(process)
                .bind(written)
                .execute(&mut **transaction)
                .await?;
        }
        if let Some(learnt) = &snapshot.learnt {
            let body =
                serde_json::to_string(learnt).map_err(|error| sqlx::Error::Encode(error.into()))?;
            let sql = "INSERT OR REPLACE INTO quota_learnt
                (tenant, api, version, saved_at, body, process, written)
                VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)";
            sqlx::query(sql)
                .bind(tenant)
                .bind(api)
                .bind(i64::from(LEARNT_VERSION))
                .bind(micros(snapshot.saved_at))
                .bind(body)
                .bind(process)
                .bind(written)
                .execute(&mut **transaction)
                .await?;
        }
    }
    for sql in [
        "DELETE FROM quota_calls WHERE at < ?1",
        "DELETE FROM quota_learnt WHERE saved_at < ?1",
    ] {
        sqlx::query(sql)
            .bind(micros(since))
            .execute(&mut **transaction)
            .await?;
    }
    sqlx::query("DELETE FROM quota_running WHERE minute < ?1")
        .bind(minute_of(since))
        .execute(&mut **transaction)
        .await?;
    Ok(Seen(written))
}

async fn add_calls(
    transaction: &mut Transaction<'_, Sqlite>,
    (process, written): (&str, i64),
    scope: &Scope,
    snapshot: &Snapshot,
) -> Result<(), sqlx::Error> {
    let (tenant, api) = (scope.tenant.as_str(), scope.api.as_str());
    if !snapshot.calls.is_empty() {
        let calls = snapshot.calls.iter().map(|call| {
            let (at, counted_by) = (micros(call.at), micros(call.counted_by));
            let ended = i64::from(call.ended);
            json!([call.id.0, at, counted_by, call.lane.as_str(), ended])
        });
        let calls: Vec<_> = calls.collect();
        let sql = "
            INSERT INTO quota_calls
            (tenant, api, id, at, counted_by, lane, ended, returned, process, written)
            SELECT ?1, ?2, value ->> 0, value ->> 1, value ->> 2, value ->> 3, value ->> 4,
                0, ?4, ?5
            FROM json_each(?3) WHERE true
            ON CONFLICT DO UPDATE SET counted_by = excluded.counted_by, ended = excluded.ended,
                written = excluded.written";
        sqlx::query(sql)
            .bind(tenant)
            .bind(api)
            .bind(json!(calls).to_string())
            .bind(process)
            .bind(written)
            .execute(&mut **transaction)
            .await?;
    }
    if !snapshot.returned.is_empty() {
        let returned: Vec<i64> = snapshot.returned.iter().map(|id| id.0).collect();
        let sql = "UPDATE quota_calls SET returned = 1, written = ?4
            WHERE tenant = ?1 AND api = ?2 AND id IN (SELECT value FROM json_each(?3))";
        sqlx::query(sql)
            .bind(tenant)
            .bind(api)
            .bind(json!(returned).to_string())
            .bind(written)
            .execute(&mut **transaction)
            .await?;
    }
    // What never ended may still count as running time.
    let sql = "DELETE FROM quota_calls WHERE tenant = ?1 AND api = ?2 AND counted_by <= ?3
        AND (ended OR returned)";
    sqlx::query(sql)
        .bind(tenant)
        .bind(api)
        .bind(micros(snapshot.since))
        .execute(&mut **transaction)
        .await?;
    Ok(())
}

fn scope(tenant: String, api: &str) -> Result<Scope, sqlx::Error> {
    let api = Api::parse(api).ok_or_else(|| unreadable("API", &api))?;
    Ok(Scope { tenant, api })
}

fn lane(word: &str) -> Result<Lane, sqlx::Error> {
    let mut lanes = Lane::ALL.into_iter();
    let lane = lanes.find(|known| known.as_str() == word);
    lane.ok_or_else(|| unreadable("lane", &word))
}

fn minute_of(at: DateTime<Utc>) -> i64 {
    at.timestamp().div_euclid(60)
}
