//! The one transaction that ends an attempt: run, findings, what was told, outbox and watermark.

use sqlx::{Sqlite, Transaction};

use super::SqliteStore;
use super::row::{json_list, micros};
use super::schedule::COMPLETE_PLANNED;
use crate::alert::Delivery;
use crate::run::{RunRecord, Trigger};
use crate::state::{RunOutcome, StateError, StoredFinding};

impl SqliteStore {
    pub(super) async fn record_outcome(&self, outcome: &RunOutcome) -> Result<(), StateError> {
        let mut transaction = self.write().await?;
        let held = record_in(&mut transaction, outcome)
            .await
            .map_err(|error| self.refused(&error))?;
        if !held {
            return Err(StateError::LeaseLost {
                run: outcome.record.request.id,
            });
        }
        transaction
            .commit()
            .await
            .map_err(|error| self.refused(&error))
    }
}

/// Whether the owner still holds the run; if not, nothing has been changed.
async fn record_in(
    transaction: &mut Transaction<'_, Sqlite>,
    outcome: &RunOutcome,
) -> Result<bool, sqlx::Error> {
    let record = &outcome.record;
    if !close_run(transaction, outcome).await? {
        return Ok(false);
    }
    let hunt = record.request.hunt.as_str();
    for finding in &outcome.findings {
        insert_finding(transaction, finding).await?;
    }
    for delivery in &outcome.deliveries {
        insert_delivery(transaction, delivery, record).await?;
    }
    if record.request.trigger == Trigger::Schedule && !outcome.again {
        let sql = "UPDATE hunts SET completed = max(completed, ?2) WHERE name = ?1";
        sqlx::query(sql)
            .bind(hunt)
            .bind(micros(record.request.window.end()))
            .execute(&mut **transaction)
            .await?;
        // Windows that were skipped after this one are done with, too.
        sqlx::query(COMPLETE_PLANNED)
            .bind(json_list([hunt]))
            .execute(&mut **transaction)
            .await?;
    }
    Ok(true)
}

async fn close_run(
    transaction: &mut Transaction<'_, Sqlite>,
    outcome: &RunOutcome,
) -> Result<bool, sqlx::Error> {
    let sql = "
        UPDATE runs SET
            stage = ?3, status = ?4, attempt = ?5, not_before = ?6, started_at = ?7,
            finished_at = ?8, rows = ?9, bytes = ?10, skipped_inputs = ?11, matched = ?12,
            new = ?13, suppressed = ?14, notified = ?15, file = ?16, message = ?17, report = ?18,
            owner = NULL, lease_until = NULL
        WHERE id = ?1 AND owner = ?2 AND stage = 'running'";
    let record = &outcome.record;
    let report = record.report.as_ref().map(json_text).transpose()?;
    let counts = &record.counts;
    let done = sqlx::query(sql)
        .bind(record.request.id.to_string())
        .bind(outcome.owner.simple().to_string())
        .bind(if outcome.again { "waiting" } else { "closed" })
        .bind(record.status.as_str())
        .bind(i64::from(record.request.attempt))
        .bind(micros(record.request.not_before))
        .bind(record.started_at.map(micros))
        .bind(record.finished_at.map(micros))
        .bind(counts.rows as i64)
        .bind(counts.bytes as i64)
        .bind(counts.skipped_inputs as i64)
        .bind(counts.matched as i64)
        .bind(counts.new as i64)
        .bind(counts.suppressed as i64)
        .bind(counts.notified as i64)
        .bind(&record.file)
        .bind(&record.message)
        .bind(report)
        .execute(&mut **transaction)
        .await?;
    Ok(done.rows_affected() == 1)
}

async fn insert_finding(
    transaction: &mut Transaction<'_, Sqlite>,
    stored: &StoredFinding,
) -> Result<(), sqlx::Error> {
    let finding = &stored.finding;
    let sql = "
        INSERT INTO findings (id, hunt, run, fingerprint, suppressed, body)
        VALUES (?1, ?2, ?3, ?4, ?5, ?6)";
    sqlx::query(sql)
        .bind(finding.id.to_string())
        .bind(finding.hunt.as_str())
        .bind(finding.run.to_string())
        .bind(finding.fingerprint.as_str())
        .bind(&stored.suppressed)
        .bind(json_text(finding)?)
        .execute(&mut **transaction)
        .await?;
    if stored.suppressed.is_none() {
        let sql = "
            INSERT INTO told (fingerprint, told_at) VALUES (?1, ?2)
            ON CONFLICT (fingerprint) DO UPDATE SET told_at = max(told_at, excluded.told_at)";
        sqlx::query(sql)
            .bind(finding.fingerprint.as_str())
            .bind(micros(finding.detected_at))
            .execute(&mut **transaction)
            .await?;
    }
    Ok(())
}

async fn insert_delivery(
    transaction: &mut Transaction<'_, Sqlite>,
    delivery: &Delivery,
    record: &RunRecord,
) -> Result<(), sqlx::Error> {
    let sql = "
        INSERT INTO deliveries (id, key, action, run, status, attempts, not_before, created_at,
                                last_error, alert)
        VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10)
        ON CONFLICT (key) DO NOTHING";
    sqlx::query(sql)
        .bind(delivery.id.to_string())
        .bind(&delivery.key)
        .bind(delivery.action.as_str())
        .bind(record.request.id.to_string())
        .bind(delivery.status.as_str())
        .bind(i64::from(delivery.attempts))
        .bind(micros(delivery.not_before))
        .bind(micros(delivery.created_at))
        .bind(&delivery.last_error)
        .bind(json_text(&delivery.alert)?)
        .execute(&mut **transaction)
        .await?;
    Ok(())
}

fn json_text(value: &impl serde::Serialize) -> Result<String, sqlx::Error> {
    serde_json::to_string(value).map_err(|error| sqlx::Error::Encode(Box::new(error)))
}
