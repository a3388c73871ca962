//! The dispatcher's part: deliveries are taken, settled, listed and sent again.

use async_trait::async_trait;
use chrono::{DateTime, Utc};

use super::SqliteStore;
use super::row::{DeliveryRow, instant, json_list, limit, micros};
use crate::alert::{Delivery, DeliveryStatus};
use crate::id::DeliveryId;
use crate::state::{Outbox, Settled, StateError};

#[async_trait]
impl Outbox for SqliteStore {
    async fn take_due(
        &self,
        now: DateTime<Utc>,
        at_most: usize,
    ) -> Result<Vec<Delivery>, StateError> {
        if at_most == 0 {
            return Ok(Vec::new());
        }
        let due = "
            SELECT * FROM deliveries WHERE status = 'pending' AND not_before <= ?1
            ORDER BY not_before, id LIMIT ?2";
        let rows: Vec<DeliveryRow> = {
            // Most often nothing is due: the look takes no write lock.
            let look = "SELECT EXISTS (
                SELECT 1 FROM deliveries WHERE status = 'pending' AND not_before <= ?1)";
            let any: bool = sqlx::query_scalar(look)
                .bind(micros(now))
                .fetch_one(&self.reader)
                .await
                .map_err(|error| self.refused(&error))?;
            if !any {
                return Ok(Vec::new());
            }
            let mut transaction = self.write().await?;
            let rows: Vec<DeliveryRow> = sqlx::query_as(due)
                .bind(micros(now))
                .bind(limit(at_most))
                .fetch_all(&mut *transaction)
                .await
                .map_err(|error| self.refused(&error))?;
            let ids = json_list(rows.iter().map(DeliveryRow::id));
            let mark = "UPDATE deliveries SET status = 'sending'
                WHERE id IN (SELECT value FROM json_each(?1))";
            sqlx::query(mark)
                .bind(ids)
                .execute(&mut *transaction)
                .await
                .map_err(|error| self.refused(&error))?;
            transaction
                .commit()
                .await
                .map_err(|error| self.refused(&error))?;
            rows
        };
        let taken = rows.into_iter().map(|row| {
            let delivery = row.into_delivery()?;
            Ok(Delivery {
                status: DeliveryStatus::Sending,
                ..delivery
            })
        });
        taken
            .collect::<Result<_, sqlx::Error>>()
            .map_err(|error| self.refused(&error))
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
