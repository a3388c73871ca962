//! Rows of the tables as our types, and back. An instant is a number of microseconds.

use chrono::{DateTime, Utc};
use serde_json::json;
use sqlx::FromRow;

use crate::alert::{Delivery, DeliveryStatus};
use crate::id::{ActionName, HuntName};
use crate::run::report::SourceReport;
use crate::run::{RunCounts, RunRecord, RunRequest, RunStatus, Trigger};
use crate::state::{LISTED_MAX, StoredFinding};
use crate::window::Window;

pub(super) fn micros(at: DateTime<Utc>) -> i64 {
    at.timestamp_micros()
}

pub(super) fn instant(micros: i64) -> Result<DateTime<Utc>, sqlx::Error> {
    DateTime::from_timestamp_micros(micros).ok_or_else(|| unreadable("instant", &micros))
}

/// What a value that we did not write reads like.
pub(super) fn unreadable(what: &str, value: &dyn std::fmt::Display) -> sqlx::Error {
    sqlx::Error::Decode(format!("`{value}` is not a valid {what}").into())
}

pub(super) fn parsed<T: std::str::FromStr>(what: &str, text: &str) -> Result<T, sqlx::Error> {
    text.parse().map_err(|_| unreadable(what, &text))
}

pub(super) fn hunt_name(text: &str) -> Result<HuntName, sqlx::Error> {
    HuntName::new(text).map_err(|_| unreadable("hunt name", &text))
}

/// Limit of a listing; zero is the greatest there is.
pub(super) fn limit(limit: usize) -> i64 {
    let rows = if limit == 0 { LISTED_MAX } else { limit };
    rows.min(LISTED_MAX) as i64
}

/// Texts as a JSON array, to bind a list as one value.
pub(super) fn json_list<'a>(texts: impl IntoIterator<Item = &'a str>) -> String {
    json!(texts.into_iter().collect::<Vec<_>>()).to_string()
}

/// A run, by the columns of its table.
#[derive(Debug, FromRow)]
pub(super) struct RunRow {
    id: String,
    hunt: String,
    window_start: i64,
    window_end: i64,
    fire_time: i64,
    not_before: i64,
    trigger: String,
    attempt: i64,
    status: String,
    started_at: Option<i64>,
    finished_at: Option<i64>,
    rows: i64,
    bytes: i64,
    skipped_inputs: i64,
    matched: i64,
    new: i64,
    suppressed: i64,
    notified: i64,
    file: Option<String>,
    message: Option<String>,
    report: Option<String>,
}

impl RunRow {
    pub(super) fn into_record(self) -> Result<RunRecord, sqlx::Error> {
        let window = Window::new(instant(self.window_start)?, instant(self.window_end)?)
            .map_err(|error| sqlx::Error::Decode(Box::new(error)))?;
        let request = RunRequest {
            id: parsed("run id", &self.id)?,
            hunt: hunt_name(&self.hunt)?,
            window,
            fire_time: instant(self.fire_time)?,
            not_before: instant(self.not_before)?,
            trigger: Trigger::parse(&self.trigger)
                .ok_or_else(|| unreadable("trigger", &self.trigger))?,
            attempt: self.attempt as u32,
        };
        Ok(RunRecord {
            request,
            status: RunStatus::parse(&self.status)
                .ok_or_else(|| unreadable("run status", &self.status))?,
            started_at: self.started_at.map(instant).transpose()?,
            finished_at: self.finished_at.map(instant).transpose()?,
            counts: RunCounts {
                rows: self.rows as u64,
                bytes: self.bytes as u64,
                skipped_inputs: self.skipped_inputs as u64,
                matched: self.matched as u64,
                new: self.new as u64,
                suppressed: self.suppressed as u64,
                notified: self.notified as u64,
            },
            file: self.file,
            message: self.message,
            report: self.report.as_deref().map(report).transpose()?,
        })
    }
}

fn report(text: &str) -> Result<Box<SourceReport>, sqlx::Error> {
    serde_json::from_str(text).map_err(|error| sqlx::Error::Decode(Box::new(error)))
}

/// A finding, by the columns of its table.
#[derive(Debug, FromRow)]
pub(super) struct FindingRow {
    suppressed: Option<String>,
    body: String,
}

impl FindingRow {
    pub(super) fn into_finding(self) -> Result<StoredFinding, sqlx::Error> {
        let finding = serde_json::from_str(&self.body)
            .map_err(|error| sqlx::Error::Decode(Box::new(error)))?;
        Ok(StoredFinding {
            finding,
            suppressed: self.suppressed,
        })
    }
}

/// A delivery, by the columns of its table.
#[derive(Debug, FromRow)]
pub(super) struct DeliveryRow {
    id: String,
    key: String,
    action: String,
    status: String,
    attempts: i64,
    not_before: i64,
    created_at: i64,
    last_error: Option<String>,
    alert: String,
}

impl DeliveryRow {
    pub(super) fn id(&self) -> &str {
        &self.id
    }

    pub(super) fn into_delivery(self) -> Result<Delivery, sqlx::Error> {
        Ok(Delivery {
            id: parsed("delivery id", &self.id)?,
            key: self.key,
            action: ActionName::new(&self.action)
                .map_err(|_| unreadable("action name", &self.action))?,
            alert: serde_json::from_str(&self.alert)
                .map_err(|error| sqlx::Error::Decode(Box::new(error)))?,
            status: DeliveryStatus::parse(&self.status)
                .ok_or_else(|| unreadable("delivery status", &self.status))?,
            attempts: self.attempts as u32,
            not_before: instant(self.not_before)?,
            created_at: instant(self.created_at)?,
            last_error: self.last_error,
        })
    }
}
