//! Counts for metrics; each is read from an index.

use chrono::{DateTime, Utc};

use super::SqliteStore;
use super::row::{instant, micros};
use crate::state::StateError;

/// How many there are of what.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Census {
    /// Runs that ended since an instant, by hunt and status.
    pub runs: Vec<(String, String, i64)>,
    /// Hunts that are loaded, with the end of the last window done with all before it.
    pub completed: Vec<(String, DateTime<Utc>)>,
    /// Runs that are planned and not done, by hunt.
    pub waiting: Vec<(String, i64)>,
    /// Deliveries that are not done, by status.
    pub deliveries: Vec<(String, i64)>,
}

impl SqliteStore {
    /// Counts what there is, runs that ended since `since`.
    pub async fn census(&self, since: DateTime<Utc>) -> Result<Census, StateError> {
        let census = self.count(since).await;
        census.map_err(|error| self.refused(&error))
    }

    async fn count(&self, since: DateTime<Utc>) -> Result<Census, sqlx::Error> {
        let sql = "SELECT hunt, status, count(*) FROM runs
            WHERE stage = 'closed' AND finished_at >= ?1 GROUP BY hunt, status ORDER BY 1, 2";
        let runs = sqlx::query_as(sql)
            .bind(micros(since))
            .fetch_all(&self.reader)
            .await?;
        let sql = "SELECT name, completed FROM hunts
            WHERE loaded = 1 AND completed IS NOT NULL ORDER BY 1";
        let hunts: Vec<(String, i64)> = sqlx::query_as(sql).fetch_all(&self.reader).await?;
        let completed: Result<_, sqlx::Error> = hunts
            .into_iter()
            .map(|(hunt, completed)| Ok((hunt, instant(completed)?)))
            .collect();
        let sql = "SELECT hunt, count(*) FROM runs
            WHERE stage IN ('waiting', 'running') GROUP BY hunt ORDER BY 1";
        let waiting = sqlx::query_as(sql).fetch_all(&self.reader).await?;
        let mut deliveries = Vec::new();
        for status in ["pending", "sending", "dead"] {
            let sql = "SELECT count(*) FROM deliveries WHERE status = ?1";
            let count: i64 = sqlx::query_scalar(sql)
                .bind(status)
                .fetch_one(&self.reader)
                .await?;
            deliveries.push((status.to_owned(), count));
        }
        Ok(Census {
            runs,
            completed: completed?,
            waiting,
            deliveries,
        })
    }
}
