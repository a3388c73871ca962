//! The broker's part: what was used of quotas. Several processes add to it; what each learnt from
//! refusals is its own row.

use std::collections::BTreeMap;

use async_trait::async_trait;
use chrono::{DateTime, Utc};
use serde_json::json;
use sqlx::{Sqlite, Transaction};

use super::SqliteStore;
use super::row::{instant, micros, unreadable};
use crate::quota::ledger::CallId;
use crate::quota::snapshot::{CallRecord, RunningRecord, SNAPSHOT_VERSION};
use crate::quota::{Api, Lane, QuotaStore, QuotaStoreError, Scope, Snapshot};
use crate::state::StateError;

#[async_trait]
impl QuotaStore for SqliteStore {
    async fn load(&self, since: DateTime<Utc>) -> Result<Vec<(Scope, Snapshot)>, QuotaStoreError> {
        let loaded = load_in(self, since).await;
        loaded.map_err(|error| told(&self.refused(&error)))
    }

    async fn save(
        &self,
        changes: &[(Scope, Snapshot)],
        since: DateTime<Utc>,
    ) -> Result<(), QuotaStoreError> {
        let mut transaction = self.write().await.map_err(|error| told(&error))?;
        save_in(&mut transaction, &self.process, changes, since)
            .await
            .map_err(|error| told(&self.refused(&error)))?;
        transaction
            .commit()
            .await
            .map_err(|error| told(&self.refused(&error)))
    }
}

fn told(error: &StateError) -> QuotaStoreError {
    QuotaStoreError(error.to_string())
}

type CallRow = (String, String, i64, i64, i64, String, bool);
type LearntRow = (String, String, i64, i64, bool, String);

async fn load_in(
    store: &SqliteStore,
    since: DateTime<Utc>,
) -> Result<Vec<(Scope, Snapshot)>, sqlx::Error> {
    let mut used: BTreeMap<Scope, Snapshot> = BTreeMap::new();
    let sql = "SELECT tenant, api, id, at, counted_by, lane, ended FROM quota_calls
        WHERE at >= ?1 ORDER BY at";
    let calls: Vec<CallRow> = sqlx::query_as(sql)
        .bind(micros(since))
        .fetch_all(&store.reader)
        .await?;
    for (tenant, api, id, at, counted_by, lane, ended) in calls {
        let lane = Lane::ALL
            .into_iter()
            .find(|known| known.as_str() == lane)
            .ok_or_else(|| unreadable("lane", &lane))?;
        let record = CallRecord {
            id: CallId(id),
            at: instant(at)?,
            counted_by: instant(counted_by)?,
            lane,
            ended,
        };
        let snapshot = used
            .entry(scope(tenant, &api)?)
            .or_insert_with(|| empty(since));
        snapshot.calls.push(record);
    }
    let sql = "SELECT tenant, api, minute, milliseconds FROM quota_running WHERE minute >= ?1";
    let running: Vec<(String, String, i64, i64)> = sqlx::query_as(sql)
        .bind(minute_of(since))
        .fetch_all(&store.reader)
        .await?;
    for (tenant, api, minute, milliseconds) in running {
        let snapshot = used
            .entry(scope(tenant, &api)?)
            .or_insert_with(|| empty(since));
        snapshot.running.push(RunningRecord {
            minute,
            milliseconds,
        });
    }
    let mut snapshots: Vec<(Scope, Snapshot)> = used.into_iter().collect();
    let sql =
        "SELECT tenant, api, version, saved_at, open, body FROM quota_learnt WHERE saved_at >= ?1";
    let learnt: Vec<LearntRow> = sqlx::query_as(sql)
        .bind(micros(since))
        .fetch_all(&store.reader)
        .await?;
    for (tenant, api, version, saved_at, open, body) in learnt {
        // What a later version learnt is not ours to read; that its end was not clean is.
        let learnt = if version == i64::from(SNAPSHOT_VERSION) {
            serde_json::from_str(&body).map_err(|error| unreadable("learnt quota", &error))?
        } else {
            crate::quota::learnt::Learnt::default()
        };
        let snapshot = Snapshot {
            learnt,
            open,
            ..empty(instant(saved_at)?)
        };
        snapshots.push((scope(tenant, &api)?, snapshot));
    }
    Ok(snapshots)
}

async fn save_in(
    transaction: &mut Transaction<'_, Sqlite>,
    process: &str,
    changes: &[(Scope, Snapshot)],
    since: DateTime<Utc>,
) -> Result<(), sqlx::Error> {
    for (scope, snapshot) in changes {
        let (tenant, api) = (scope.tenant.as_str(), scope.api.as_str());
        let calls = snapshot.calls.iter().map(|call| {
            let (at, counted_by) = (micros(call.at), micros(call.counted_by));
            let ended = i64::from(call.ended);
            json!([call.id.0, at, counted_by, call.lane.as_str(), ended])
        });
        let calls: Vec<_> = calls.collect();
        let sql = "
            INSERT INTO quota_calls (tenant, api, id, at, counted_by, lane, ended)
            SELECT ?1, ?2, value ->> 0, value ->> 1, value ->> 2, value ->> 3, value ->> 4
            FROM json_each(?3) WHERE true
            ON CONFLICT DO UPDATE SET counted_by = excluded.counted_by, ended = excluded.ended";
        if !calls.is_empty() {
            sqlx::query(sql)
                .bind(tenant)
                .bind(api)
                .bind(json!(calls).to_string())
                .execute(&mut **transaction)
                .await?;
        }
        if !snapshot.returned.is_empty() {
            let sql = "DELETE FROM quota_calls WHERE tenant = ?1 AND api = ?2
                AND id IN (SELECT value FROM json_each(?3))";
            sqlx::query(sql)
                .bind(tenant)
                .bind(api)
                .bind(json!(snapshot.returned).to_string())
                .execute(&mut **transaction)
                .await?;
        }
        for running in &snapshot.running {
            let sql = "
                INSERT INTO quota_running (tenant, api, minute, milliseconds)
                VALUES (?1, ?2, ?3, ?4)
                ON CONFLICT DO UPDATE SET milliseconds = milliseconds + excluded.milliseconds";
            sqlx::query(sql)
                .bind(tenant)
                .bind(api)
                .bind(running.minute)
                .bind(running.milliseconds)
                .execute(&mut **transaction)
                .await?;
        }
        save_learnt(transaction, process, scope, snapshot).await?;
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
    Ok(())
}

async fn save_learnt(
    transaction: &mut Transaction<'_, Sqlite>,
    process: &str,
    scope: &Scope,
    snapshot: &Snapshot,
) -> Result<(), sqlx::Error> {
    let (tenant, api) = (scope.tenant.as_str(), scope.api.as_str());
    let known = "SELECT EXISTS (SELECT 1 FROM quota_learnt
        WHERE tenant = ?1 AND api = ?2 AND process = ?3)";
    let known: bool = sqlx::query_scalar(known)
        .bind(tenant)
        .bind(api)
        .bind(process)
        .fetch_one(&mut **transaction)
        .await?;
    if !known {
        // What those before us did not store was assumed when it was loaded, and is among the
        // calls that were just added. One that is still alive says anew that it is open.
        let sql = "UPDATE quota_learnt SET open = 0 WHERE tenant = ?1 AND api = ?2";
        sqlx::query(sql)
            .bind(tenant)
            .bind(api)
            .execute(&mut **transaction)
            .await?;
    }
    let body = serde_json::to_string(&snapshot.learnt)
        .map_err(|error| sqlx::Error::Encode(error.into()))?;
    let sql = "
        INSERT INTO quota_learnt (tenant, api, process, version, saved_at, open, body)
        VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)
        ON CONFLICT DO UPDATE SET version = excluded.version, saved_at = excluded.saved_at,
            open = excluded.open, body = excluded.body";
    sqlx::query(sql)
        .bind(tenant)
        .bind(api)
        .bind(process)
        .bind(i64::from(snapshot.version))
        .bind(micros(snapshot.saved_at))
        .bind(snapshot.open)
        .bind(body)
        .execute(&mut **transaction)
        .await?;
    Ok(())
}

fn empty(saved_at: DateTime<Utc>) -> Snapshot {
    Snapshot {
        version: SNAPSHOT_VERSION,
        calls: Vec::new(),
        returned: Vec::new(),
        running: Vec::new(),
        learnt: crate::quota::learnt::Learnt::default(),
        saved_at,
        open: false,
    }
}

fn scope(tenant: String, api: &str) -> Result<Scope, sqlx::Error> {
    let api = Api::parse(api).ok_or_else(|| unreadable("API", &api))?;
    Ok(Scope { tenant, api })
}

fn minute_of(at: DateTime<Utc>) -> i64 {
    at.timestamp().div_euclid(60)
}
