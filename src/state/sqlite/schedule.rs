//! The scheduler's part: which hunts there are, how far they are planned, and new runs.

use std::collections::BTreeMap;

use async_trait::async_trait;
use chrono::{DateTime, Utc};
use serde_json::json;
use sqlx::{Sqlite, Transaction};

use super::SqliteStore;
use super::row::{hunt_name, instant, json_list, micros};
use crate::id::HuntName;
use crate::run::RunRequest;
use crate::state::{Registration, ScheduleStore, StateError};

/// Sets `completed` of the hunts in a JSON array to `planned` where no window is left to be done.
pub(super) const COMPLETE_PLANNED: &str = "
    UPDATE hunts SET completed = planned
    WHERE name IN (SELECT value FROM json_each(?1)) AND completed < planned
      AND NOT EXISTS (
        SELECT 1 FROM runs
        WHERE hunt = hunts.name AND trigger = 'schedule' AND stage = 'waiting')
      AND NOT EXISTS (
        SELECT 1 FROM runs
        WHERE hunt = hunts.name AND trigger = 'schedule' AND stage = 'running')";

const SKIPPED: &str = "missed, and skipped by the hunt's catch-up policy or its limit";

#[async_trait]
impl ScheduleStore for SqliteStore {
    async fn register(
        &self,
        hunts: &[Registration],
    ) -> Result<BTreeMap<HuntName, DateTime<Utc>>, StateError> {
        let mut transaction = self.write().await?;
        register_in(&mut transaction, hunts)
            .await
            .map_err(|error| self.refused(&error))?;
        transaction
            .commit()
            .await
            .map_err(|error| self.refused(&error))?;
        let initial = hunts
            .iter()
            .filter_map(|hunt| Some((hunt.hunt.clone(), hunt.initial?)));
        self.watermarks(&initial.collect::<Vec<_>>()).await
    }

    async fn watermarks(
        &self,
        hunts: &[(HuntName, DateTime<Utc>)],
    ) -> Result<BTreeMap<HuntName, DateTime<Utc>>, StateError> {
        let names = json_list(hunts.iter().map(|(name, _)| name.as_str()));
        let sql = "SELECT name, planned FROM hunts
            WHERE planned IS NOT NULL AND name IN (SELECT value FROM json_each(?1))";
        let known: Vec<(String, i64)> = sqlx::query_as(sql)
            .bind(names)
            .fetch_all(&self.reader)
            .await
            .map_err(|error| self.refused(&error))?;
        let mut watermarks: BTreeMap<_, _> = hunts.iter().cloned().collect();
        for (name, planned) in known {
            let name = hunt_name(&name).map_err(|error| self.refused(&error))?;
            let planned = instant(planned).map_err(|error| self.refused(&error))?;
            watermarks.insert(name, planned);
        }
        Ok(watermarks)
    }

    async fn completed(&self, hunt: &HuntName) -> Result<Option<DateTime<Utc>>, StateError> {
        let completed: Option<Option<i64>> =
            sqlx::query_scalar("SELECT completed FROM hunts WHERE name = ?1")
                .bind(hunt.as_str())
                .fetch_optional(&self.reader)
                .await
                .map_err(|error| self.refused(&error))?;
        completed
            .flatten()
            .map(instant)
            .transpose()
            .map_err(|error| self.refused(&error))
    }

    async fn plan(&self, run: &[RunRequest], skip: &[RunRequest]) -> Result<(), StateError> {
        if run.is_empty() && skip.is_empty() {
            return Ok(());
        }
        let mut transaction = self.write().await?;
        plan_in(&mut transaction, run, skip)
            .await
            .map_err(|error| self.refused(&error))?;
        transaction
            .commit()
            .await
            .map_err(|error| self.refused(&error))
    }
}

async fn register_in(
    transaction: &mut Transaction<'_, Sqlite>,
    hunts: &[Registration],
) -> Result<(), sqlx::Error> {
    sqlx::query("UPDATE hunts SET loaded = 0 WHERE loaded = 1")
        .execute(&mut **transaction)
        .await?;
    let rows: Vec<_> = hunts
        .iter()
        .map(|hunt| {
            json!([
                hunt.hunt.as_str(),
                hunt.source.as_str(),
                hunt.initial.map(micros)
            ])
        })
        .collect();
    let sql = "
        INSERT INTO hunts (name, source, loaded, planned, completed)
        SELECT value ->> 0, value ->> 1, 1, value ->> 2, value ->> 2 FROM json_each(?1) WHERE true
        ON CONFLICT (name) DO UPDATE SET
            loaded = 1, source = excluded.source,
            planned = coalesce(planned, excluded.planned),
            completed = coalesce(completed, excluded.completed)";
    sqlx::query(sql)
        .bind(json!(rows).to_string())
        .execute(&mut **transaction)
        .await?;
    Ok(())
}

async fn plan_in(
    transaction: &mut Transaction<'_, Sqlite>,
    run: &[RunRequest],
    skip: &[RunRequest],
) -> Result<(), sqlx::Error> {
    let row = |request: &RunRequest, status: &str, stage: &str, message: Option<&str>| {
        json!([
            request.id.to_string(),
            request.hunt.as_str(),
            micros(request.window.start()),
            micros(request.window.end()),
            micros(request.fire_time),
            micros(request.not_before),
            request.trigger.as_str(),
            request.attempt,
            status,
            stage,
            message,
        ])
    };
    let planned = run
        .iter()
        .map(|request| row(request, "planned", "waiting", None));
    let skipped = skip
        .iter()
        .map(|request| row(request, "skipped", "closed", Some(SKIPPED)));
    let rows = json!(planned.chain(skipped).collect::<Vec<_>>()).to_string();
    let insert = "
        INSERT INTO runs (id, hunt, window_start, window_end, fire_time, not_before, trigger,
                          attempt, status, stage, message)
        SELECT value ->> 0, value ->> 1, value ->> 2, value ->> 3, value ->> 4, value ->> 5,
               value ->> 6, value ->> 7, value ->> 8, value ->> 9, value ->> 10
        FROM json_each(?1) WHERE true
        ON CONFLICT DO NOTHING";
    sqlx::query(insert)
        .bind(&rows)
        .execute(&mut **transaction)
        .await?;
    let advance = "
        UPDATE hunts SET planned = max(planned, ends.window_end)
        FROM (
            SELECT value ->> 1 AS hunt, max(value ->> 3) AS window_end
            FROM json_each(?1) WHERE value ->> 6 = 'schedule' GROUP BY value ->> 1
        ) AS ends
        WHERE hunts.name = ends.hunt";
    sqlx::query(advance)
        .bind(&rows)
        .execute(&mut **transaction)
        .await?;
    if !skip.is_empty() {
        let hunts = json_list(skip.iter().map(|request| request.hunt.as_str()));
        sqlx::query(COMPLETE_PLANNED)
            .bind(hunts)
            .execute(&mut **transaction)
            .await?;
    }
    Ok(())
}
