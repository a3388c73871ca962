//! The runner's part: runs are claimed, held by lease, given back and listed.

use std::collections::{BTreeMap, BTreeSet};

use async_trait::async_trait;
use chrono::{DateTime, Utc};
use sqlx::{Sqlite, Transaction};

use super::SqliteStore;
use super::row::{FindingRow, RunRow, instant, json_list, limit, micros};
use crate::finding::Fingerprint;
use crate::id::{HuntName, RunId};
use crate::run::{RunRecord, RunRequest};
use crate::state::{
    Claim, FindingFilter, Holder, Lease, RunFilter, RunOutcome, RunStore, StateError, StoredFinding,
};
use crate::window::Window;

const ABANDONED: &str = "not finished: huntd was stopped while it ran; run it again";

/// What giving back does to a run: a scheduled one waits again, any other has failed.
const GIVE_BACK: &str = "
    UPDATE runs SET
        stage = iif(trigger = 'schedule', 'waiting', 'closed'),
        status = iif(trigger = 'schedule', 'planned', 'failed'),
        message = iif(trigger = 'schedule', message, ?2),
        finished_at = iif(trigger = 'schedule', finished_at, ?3),
        owner = NULL, lease_until = NULL
    WHERE stage = 'running' AND id IN (SELECT value FROM json_each(?1))";

#[async_trait]
impl RunStore for SqliteStore {
    async fn claim(&self, claim: &Claim) -> Result<Vec<RunRequest>, StateError> {
        if claim.limit == 0 || claim.slots.values().all(|slots| *slots == 0) {
            return Ok(Vec::new());
        }
        let mut transaction = self.write().await?;
        let claimed = claim_in(&mut transaction, claim)
            .await
            .map_err(|error| self.refused(&error))?;
        if claimed.is_empty() {
            transaction
                .rollback()
                .await
                .map_err(|error| self.refused(&error))?;
        } else {
            transaction
                .commit()
                .await
                .map_err(|error| self.refused(&error))?;
        }
        Ok(claimed)
    }

    async fn begin(&self, request: &RunRequest, lease: &Lease) -> Result<bool, StateError> {
        let sql = "
            INSERT INTO runs (id, hunt, window_start, window_end, fire_time, not_before, trigger,
                              attempt, status, stage, owner, lease_until, started_at)
            SELECT ?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, 'running', 'running', ?9, ?10, ?11
            WHERE NOT EXISTS (SELECT 1 FROM runs WHERE hunt = ?2 AND stage = 'running')";
        let added = sqlx::query(sql)
            .bind(request.id.to_string())
            .bind(request.hunt.as_str())
            .bind(micros(request.window.start()))
            .bind(micros(request.window.end()))
            .bind(micros(request.fire_time))
            .bind(micros(request.not_before))
            .bind(request.trigger.as_str())
            .bind(i64::from(request.attempt))
            .bind(lease.owner.simple().to_string())
            .bind(micros(lease.until))
            .bind(micros(lease.now))
            .execute(&self.writer)
            .await
            .map_err(|error| self.refused(&error))?;
        Ok(added.rows_affected() == 1)
    }

    async fn renew(&self, runs: &[RunId], lease: &Lease) -> Result<(), StateError> {
        let sql = "
            UPDATE runs SET lease_until = ?3
            WHERE stage = 'running' AND owner = ?2 AND id IN (SELECT value FROM json_each(?1))";
        sqlx::query(sql)
            .bind(id_list(runs))
            .bind(lease.owner.simple().to_string())
            .bind(micros(lease.until))
            .execute(&self.writer)
            .await
            .map_err(|error| self.refused(&error))?;
        Ok(())
    }

    async fn release(&self, runs: &[RunId], lease: &Lease) -> Result<(), StateError> {
        let sql = "
            SELECT id FROM runs
            WHERE stage = 'running' AND owner = ?2 AND id IN (SELECT value FROM json_each(?1))";
        let mut transaction = self.write().await?;
        let held: Vec<String> = sqlx::query_scalar(sql)
            .bind(id_list(runs))
            .bind(lease.owner.simple().to_string())
            .fetch_all(&mut *transaction)
            .await
            .map_err(|error| self.refused(&error))?;
        give_back(&mut transaction, &held, lease.now)
            .await
            .map_err(|error| self.refused(&error))?;
        transaction
            .commit()
            .await
            .map_err(|error| self.refused(&error))
    }

    async fn recover(&self, lease: &Lease, holder: Holder) -> Result<u64, StateError> {
        let orphaned = "
            SELECT id FROM runs
            WHERE stage = 'running' AND (lease_until <= ?1 OR (?2 AND trigger = 'schedule'))";
        let exclusive = holder == Holder::Exclusive;
        let mut transaction = self.write().await?;
        let orphans: Vec<String> = sqlx::query_scalar(orphaned)
            .bind(micros(lease.now))
            .bind(exclusive)
            .fetch_all(&mut *transaction)
            .await
            .map_err(|error| self.refused(&error))?;
        let mut recovered = give_back(&mut transaction, &orphans, lease.now)
            .await
            .map_err(|error| self.refused(&error))?;
        if exclusive {
            let sql = "UPDATE deliveries SET status = 'pending' WHERE status = 'sending'";
            let pending = sqlx::query(sql)
                .execute(&mut *transaction)
                .await
                .map_err(|error| self.refused(&error))?;
            recovered += pending.rows_affected();
        }
        transaction
            .commit()
            .await
            .map_err(|error| self.refused(&error))?;
        Ok(recovered)
    }

    async fn last_told(
        &self,
        fingerprints: &[Fingerprint],
    ) -> Result<BTreeMap<Fingerprint, DateTime<Utc>>, StateError> {
        if fingerprints.is_empty() {
            return Ok(BTreeMap::new());
        }
        let sql = "SELECT fingerprint, told_at FROM told
            WHERE fingerprint IN (SELECT value FROM json_each(?1))";
        let told: Vec<(String, i64)> = sqlx::query_as(sql)
            .bind(json_list(fingerprints.iter().map(Fingerprint::as_str)))
            .fetch_all(&self.reader)
            .await
            .map_err(|error| self.refused(&error))?;
        told.into_iter()
            .map(|(fingerprint, at)| Ok((Fingerprint::from_stored(fingerprint), instant(at)?)))
            .collect::<Result<_, sqlx::Error>>()
            .map_err(|error| self.refused(&error))
    }

    async fn record(&self, outcome: &RunOutcome) -> Result<(), StateError> {
        self.record_outcome(outcome).await
    }

    async fn ended_last(&self, at_most: usize) -> Result<Vec<RunRequest>, StateError> {
        let sql = "
            SELECT * FROM runs AS ended WHERE stage = 'closed' AND finished_at IS NOT NULL
              AND NOT EXISTS (SELECT 1 FROM runs WHERE hunt = ended.hunt AND stage = 'running')
            ORDER BY finished_at DESC LIMIT ?1";
        let rows: Vec<RunRow> = sqlx::query_as(sql)
            .bind(limit(at_most))
            .fetch_all(&self.reader)
            .await
            .map_err(|error| self.refused(&error))?;
        rows.into_iter()
            .map(|row| Ok(row.into_record()?.request))
            .collect::<Result<_, sqlx::Error>>()
            .map_err(|error| self.refused(&error))
    }

    async fn result_of(
        &self,
        hunt: &HuntName,
        window: Window,
    ) -> Result<Option<String>, StateError> {
        let sql = "
            SELECT file FROM runs
            WHERE hunt = ?1 AND window_end = ?2 AND window_start = ?3 AND stage = 'closed'
              AND status IN ('complete', 'truncated', 'partial')
            ORDER BY finished_at DESC LIMIT 1";
        let file: Option<Option<String>> = sqlx::query_scalar(sql)
            .bind(hunt.as_str())
            .bind(micros(window.end()))
            .bind(micros(window.start()))
            .fetch_optional(&self.reader)
            .await
            .map_err(|error| self.refused(&error))?;
        Ok(file.flatten())
    }

    async fn run(&self, id: RunId) -> Result<Option<RunRecord>, StateError> {
        let row: Option<RunRow> = sqlx::query_as("SELECT * FROM runs WHERE id = ?1")
            .bind(id.to_string())
            .fetch_optional(&self.reader)
            .await
            .map_err(|error| self.refused(&error))?;
        row.map(RunRow::into_record)
            .transpose()
            .map_err(|error| self.refused(&error))
    }

    async fn runs(&self, filter: &RunFilter) -> Result<Vec<RunRecord>, StateError> {
        let query = match &filter.hunt {
            Some(hunt) => {
                sqlx::query_as("SELECT * FROM runs WHERE hunt = ?2 ORDER BY id DESC LIMIT ?1")
                    .bind(limit(filter.limit))
                    .bind(hunt.as_str())
            }
            None => sqlx::query_as("SELECT * FROM runs ORDER BY id DESC LIMIT ?1")
                .bind(limit(filter.limit)),
        };
        let rows: Vec<RunRow> = query
            .fetch_all(&self.reader)
            .await
            .map_err(|error| self.refused(&error))?;
        rows.into_iter()
            .map(RunRow::into_record)
            .collect::<Result<_, _>>()
            .map_err(|error| self.refused(&error))
    }

    async fn findings(&self, filter: &FindingFilter) -> Result<Vec<StoredFinding>, StateError> {
        let sql = "
            SELECT suppressed, body FROM findings
            WHERE (?2 IS NULL OR hunt = ?2) AND (?3 IS NULL OR run = ?3) AND (?4 IS NULL OR id = ?4)
            ORDER BY id DESC LIMIT ?1";
        let rows: Vec<FindingRow> = sqlx::query_as(sql)
            .bind(limit(filter.limit))
            .bind(filter.hunt.as_ref().map(|hunt| hunt.as_str().to_owned()))
            .bind(filter.run.map(|run| run.to_string()))
            .bind(filter.id.map(|id| id.to_string()))
            .fetch_all(&self.reader)
            .await
            .map_err(|error| self.refused(&error))?;
        rows.into_iter()
            .map(FindingRow::into_finding)
            .collect::<Result<_, _>>()
            .map_err(|error| self.refused(&error))
    }
}

/// Claims page by page: a page is read longest due first; what does not fit into the slots of its
/// source is left, and the next page leaves that source out. Ends when all slots are filled or
/// nothing is left.
async fn claim_in(
    transaction: &mut Transaction<'_, Sqlite>,
    claim: &Claim,
) -> Result<Vec<RunRequest>, sqlx::Error> {
    let candidates = "
        SELECT r.*, h.source AS source FROM runs AS r JOIN hunts AS h ON h.name = r.hunt
        WHERE r.stage = 'waiting' AND r.not_before <= ?1
          AND h.loaded = 1 AND h.source IN (SELECT value FROM json_each(?2))
          AND NOT EXISTS (SELECT 1 FROM runs WHERE hunt = r.hunt AND stage = 'running')
          AND (r.trigger <> 'schedule' OR NOT EXISTS (
            SELECT 1 FROM runs AS earlier
            WHERE earlier.hunt = r.hunt AND earlier.stage = 'waiting'
              AND earlier.trigger = 'schedule' AND earlier.fire_time < r.fire_time))
        ORDER BY r.not_before, r.fire_time
        LIMIT ?3";
    let mark = "
        UPDATE runs SET stage = 'running', status = 'running',
            owner = ?2, lease_until = ?3, started_at = ?4
        WHERE id IN (SELECT value FROM json_each(?1))";
    let mut slots = claim.slots.clone();
    let mut claimed: Vec<RunRequest> = Vec::new();
    loop {
        slots.retain(|_, free| *free > 0);
        let wanted = claim.limit - claimed.len();
        if wanted == 0 || slots.is_empty() {
            return Ok(claimed);
        }
        let page: Vec<CandidateRow> = sqlx::query_as(candidates)
            .bind(micros(claim.lease.now))
            .bind(json_list(slots.keys().map(crate::id::SourceName::as_str)))
            .bind(limit(wanted))
            .fetch_all(&mut **transaction)
            .await?;
        let mut taken: Vec<RunRequest> = Vec::new();
        let mut hunts = BTreeSet::new();
        for row in page {
            let free = slots
                .iter_mut()
                .find(|(source, _)| source.as_str() == row.source);
            let request = row.run.into_record()?.request;
            // A hunt may have a scheduled run and one asked for by a person on the same page.
            if let Some((_, free)) = free.filter(|(_, free)| **free > 0)
                && hunts.insert(request.hunt.clone())
            {
                *free -= 1;
                taken.push(request);
            }
        }
        if taken.is_empty() {
            return Ok(claimed);
        }
        let ids: Vec<RunId> = taken.iter().map(|request| request.id).collect();
        sqlx::query(mark)
            .bind(id_list(&ids))
            .bind(claim.lease.owner.simple().to_string())
            .bind(micros(claim.lease.until))
            .bind(micros(claim.lease.now))
            .execute(&mut **transaction)
            .await?;
        claimed.extend(taken);
    }
}

#[derive(Debug, sqlx::FromRow)]
struct CandidateRow {
    #[sqlx(flatten)]
    run: RunRow,
    source: String,
}

async fn give_back(
    transaction: &mut Transaction<'_, Sqlite>,
    runs: &[String],
    now: DateTime<Utc>,
) -> Result<u64, sqlx::Error> {
    if runs.is_empty() {
        return Ok(0);
    }
    let done = sqlx::query(GIVE_BACK)
        .bind(json_list(runs.iter().map(String::as_str)))
        .bind(ABANDONED)
        .bind(micros(now))
        .execute(&mut **transaction)
        .await?;
    Ok(done.rows_affected())
}

fn id_list(runs: &[RunId]) -> String {
    let texts: Vec<String> = runs.iter().map(RunId::to_string).collect();
    json_list(texts.iter().map(String::as_str))
}
