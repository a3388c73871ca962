//! The dispatcher's part: deliveries are taken, settled, listed and sent again.

use std::collections::BTreeSet;

use async_trait::async_trait;
use chrono::{DateTime, Utc};
use sqlx::{Sqlite, Transaction};

use super::SqliteStore;
use super::row::{DeliveryRow, instant, json_list, limit, micros};
use crate::alert::{Delivery, DeliveryStatus};
use crate::id::{ActionName, DeliveryId};
use crate::state::{Outbox, Settled, StateError};

#[async_trait]
impl Outbox for SqliteStore {
    async fn take_due(
        &self,
        now: DateTime<Utc>,
        at_most: usize,
        except: &BTreeSet<ActionName>,
    ) -> Result<Vec<Delivery>, StateError> {
        let except = json_list(except.iter().map(ActionName::as_str));
        // Most often nothing is due: the look takes no write lock.
        let look = "SELECT EXISTS (
            SELECT 1 FROM deliveries
            WHERE status = 'pending' AND not_before <= ?1
              AND action NOT IN (SELECT value FROM json_each(?2)))";
        let any: bool = sqlx::query_scalar(look)
            .bind(micros(now))
            .bind(&except)
            .fetch_one(&self.reader)
            .await
            .map_err(|error| self.refused(&error))?;
        if !any || at_most == 0 {
            return Ok(Vec::new());
        }
        let mut transaction = self.write().await?;
        let taken = take_in(&mut transaction, now, at_most, &except)
            .await
            .map_err(|error| self.refused(&error))?;
        transaction
            .commit()
            .await
            .map_err(|error| self.refused(&error))?;
        Ok(taken)
    }

    async fn settle(&self, settled: &Settled) -> Result<(), StateError> {
        let sql = "
            UPDATE deliveries SET status = ?2, attempts = ?3, not_before = ?4, last_error = ?5
            WHERE id = ?1";
        sqlx::query(sql)
            .bind(settled.id.to_string())
            .bind(settled.status.as_str())
            .bind(i64::from(settled.attempts))
            .bind(micros(settled.not_before))
            .bind(&settled.last_error)
            .execute(&self.writer)
            .await
            .map_err(|error| self.refused(&error))?;
        Ok(())
    }

    async fn next_due(&self) -> Result<Option<DateTime<Utc>>, StateError> {
        let sql = "SELECT min(not_before) FROM deliveries WHERE status = 'pending'";
        let next: Option<i64> = sqlx::query_scalar(sql)
            .fetch_one(&self.reader)
            .await
            .map_err(|error| self.refused(&error))?;
        next.map(instant)
            .transpose()
            .map_err(|error| self.refused(&error))
    }

    async fn deliveries(
        &self,
        status: Option<DeliveryStatus>,
        at_most: usize,
    ) -> Result<Vec<Delivery>, StateError> {
        let query = match status {
            Some(status) => sqlx::query_as(
                "SELECT * FROM deliveries WHERE status = ?2 ORDER BY id DESC LIMIT ?1",
            )
            .bind(limit(at_most))
            .bind(status.as_str()),
            None => sqlx::query_as("SELECT * FROM deliveries ORDER BY id DESC LIMIT ?1")
                .bind(limit(at_most)),
        };
        let rows: Vec<DeliveryRow> = query
            .fetch_all(&self.reader)
            .await
            .map_err(|error| self.refused(&error))?;
        rows.into_iter()
            .map(DeliveryRow::into_delivery)
            .collect::<Result<_, _>>()
            .map_err(|error| self.refused(&error))
    }

    async fn delivery(&self, id: DeliveryId) -> Result<Option<Delivery>, StateError> {
        let row: Option<DeliveryRow> = sqlx::query_as("SELECT * FROM deliveries WHERE id = ?1")
            .bind(id.to_string())
            .fetch_optional(&self.reader)
            .await
            .map_err(|error| self.refused(&error))?;
        row.map(DeliveryRow::into_delivery)
            .transpose()
            .map_err(|error| self.refused(&error))
    }

    async fn resend(&self, id: DeliveryId, now: DateTime<Utc>) -> Result<bool, StateError> {
        // Its attempts begin anew, so that it has the whole time to be delivered.
        let sql = "
            UPDATE deliveries
            SET status = 'pending', attempts = 0, not_before = ?2, created_at = ?2
            WHERE id = ?1 AND status = 'dead'";
        let done = sqlx::query(sql)
            .bind(id.to_string())
            .bind(micros(now))
            .execute(&self.writer)
            .await
            .map_err(|error| self.refused(&error))?;
        Ok(done.rows_affected() == 1)
    }
}

async fn take_in(
    transaction: &mut Transaction<'_, Sqlite>,
    now: DateTime<Utc>,
    at_most: usize,
    except: &str,
) -> Result<Vec<Delivery>, sqlx::Error> {
    let due = "
        SELECT * FROM deliveries
        WHERE status = 'pending' AND not_before <= ?1
          AND action NOT IN (SELECT value FROM json_each(?2))
        ORDER BY not_before, id LIMIT ?3";
    let rows: Vec<DeliveryRow> = sqlx::query_as(due)
        .bind(micros(now))
        .bind(except)
        .bind(limit(at_most))
        .fetch_all(&mut **transaction)
        .await?;
    let ids = json_list(rows.iter().map(DeliveryRow::id));
    let mark = "UPDATE deliveries SET status = 'sending'
        WHERE id IN (SELECT value FROM json_each(?1))";
    sqlx::query(mark)
        .bind(ids)
        .execute(&mut **transaction)
        .await?;
    rows.into_iter()
        .map(|row| {
            let delivery = row.into_delivery()?;
            Ok(Delivery {
                status: DeliveryStatus::Sending,
                ..delivery
            })
        })
        .collect()
}
