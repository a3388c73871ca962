//! What the folder knows of files, addresses, domains and people: how many machines had to do with
//! them, since when, and which.

pub(super) mod files;
pub(super) mod users;

mod domains;
mod ips;

use chrono::{DateTime, TimeDelta, Utc};

use super::call::{Call, Request};
use super::error::ApiError;
use super::folder::{self, Folder, Question, Row};

/// How far back statistics look where it is not said, and at most.
const LOOK_BACK_HOURS: i64 = 30 * 24;
/// Who may read alerts.
const ALERTS: &[&str] = &["Alert.Read.All", "Alert.ReadWrite.All"];

pub(super) fn calls() -> Vec<Call> {
    let mut calls = files::calls();
    calls.extend(ips::calls());
    calls.extend(domains::calls());
    calls.extend(users::calls());
    calls
}

/// How far back a request wants to look.
fn look_back(request: &Request) -> Result<TimeDelta, ApiError> {
    let Some(text) = request.option("lookBackHours") else {
        return Ok(TimeDelta::hours(LOOK_BACK_HOURS));
    };
    match text.parse::<i64>() {
        Ok(hours) if (1..=LOOK_BACK_HOURS).contains(&hours) => Ok(TimeDelta::hours(hours)),
        _ => Err(ApiError::invalid_input(format!(
            "lookBackHours is not a whole number from 1 to {LOOK_BACK_HOURS}"
        ))),
    }
}

/// A table, and the condition on its rows over the parameter `value`.
type Place = (&'static str, &'static str);

/// Where something was seen: a row for each machine, with `First`, `Last` and what `summarized`
/// adds.
async fn sightings(
    folder: &Folder,
    places: &[Place],
    summarized: &str,
    value: &str,
    now: DateTime<Utc>,
    back: Option<TimeDelta>,
) -> Result<Vec<Row>, ApiError> {
    let names: Vec<&str> = places.iter().map(|(table, _)| *table).collect();
    let there = folder.of(&names).await?;
    let parts: Vec<String> = places
        .iter()
        .filter(|(table, _)| there.contains(table))
        .map(|(table, condition)| format!("({table} | where {condition})"))
        .collect();
    if parts.is_empty() {
        return Ok(Vec::new());
    }
    let question = format!(
        "union {}\n\
         | where isnotempty(DeviceId)\n\
         | summarize First = min(Timestamp), Last = max(Timestamp){summarized} by DeviceId\n\
         | order by Last desc",
        parts.join(", ")
    );
    let question = Question::new(question, now).text("value", value);
    let question = match back {
        Some(back) => question.looking_back(back),
        None => question.of_the_past(),
    };
    folder.rows(question).await
}

/// The first and last time of sightings.
fn span(rows: &[Row]) -> (Option<DateTime<Utc>>, Option<DateTime<Utc>>) {
    let first = rows
        .iter()
        .filter_map(|row| folder::time(row, "First"))
        .min();
    let last = rows
        .iter()
        .filter_map(|row| folder::time(row, "Last"))
        .max();
    (first, last)
}

/// The machines of sightings, by id.
fn machine_ids(rows: &[Row]) -> Vec<String> {
    let ids = rows.iter().filter_map(|row| folder::owned(row, "DeviceId"));
    ids.collect()
}
