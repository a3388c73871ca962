//! Alerts: those of the folder's tables `AlertInfo` and `AlertEvidence`, those made by reference,
//! and those posted by hand. `read` takes them from the folder, `defender` and `graph` are the two
//! shapes in which they are told and changed. An alert whose time has not come is not there yet.

pub(super) mod defender;
pub(super) mod graph;
mod read;

use std::collections::HashMap;

use chrono::{DateTime, Utc};
use serde_json::Value;

use super::error::ApiError;
use super::folder::Row;
use super::investigations::Started;
use super::words::{self, CLASSIFICATIONS, DETERMINATIONS, STATUSES};

pub(super) use read::read;

/// Most alerts.
pub(super) const ALERTS_MAX: usize = 30_000;
/// Most alerts of the folder; of more, the newest are taken.
const FOLDER_MAX: usize = 20_000;
/// Most comments of an alert or incident.
pub(super) const COMMENTS_MAX: usize = 100;
/// Name of Defender for Endpoint where tables tell the product of an alert.
pub(super) const DEFENDER_FOR_ENDPOINT: &str = "Microsoft Defender for Endpoint";

/// An alert.
#[derive(Clone, Debug)]
pub(super) struct Alert {
    pub(super) id: String,
    pub(super) title: String,
    pub(super) description: String,
    pub(super) recommended_actions: String,
    pub(super) category: String,
    /// In Defender for Endpoint's spelling, as are the other words.
    pub(super) severity: &'static str,
    /// As tables tell it: `Microsoft Defender for Endpoint`.
    pub(super) service_source: String,
    /// As tables tell it: `EDR`.
    pub(super) detection_source: String,
    pub(super) techniques: Vec<String>,
    pub(super) threat_family: Option<String>,
    pub(super) created: DateTime<Utc>,
    pub(super) first_event: DateTime<Utc>,
    pub(super) last_event: DateTime<Utc>,
    pub(super) device_id: Option<String>,
    pub(super) device_name: Option<String>,
    pub(super) user: Option<User>,
    pub(super) evidence: Vec<Evidence>,
    pub(super) incident: u64,
    pub(super) investigation: Option<Started>,
    pub(super) review: Review,
}

/// What people made of an alert or incident.
#[derive(Clone, Debug)]
pub(super) struct Review {
    pub(super) status: &'static str,
    pub(super) classification: Option<&'static str>,
    pub(super) determination: Option<&'static str>,
    pub(super) assigned_to: Option<String>,
    pub(super) comments: Vec<Comment>,
    pub(super) updated: DateTime<Utc>,
    pub(super) resolved: Option<DateTime<Utc>>,
}

impl Review {
    /// Of what nobody looked at yet.
    pub(super) fn new(at: DateTime<Utc>) -> Self {
        Self {
            status: "New",
            classification: None,
            determination: None,
            assigned_to: None,
            comments: Vec::new(),
            updated: at,
            resolved: None,
        }
    }

    /// Changes what a request asks to change.
    pub(super) fn apply(&mut self, change: &Change, by: &str, now: DateTime<Utc>) {
        if let Some(status) = change.status {
            self.status = status;
            self.resolved = (status == "Resolved").then(|| self.resolved.unwrap_or(now));
        }
        self.classification = change.classification.or(self.classification);
        self.determination = change.determination.or(self.determination);
        if let Some(assigned_to) = &change.assigned_to {
            self.assigned_to = Some(assigned_to.clone()).filter(|to| !to.is_empty());
        }
        if let Some(text) = &change.comment {
            self.comment(text, by, now);
        }
        self.updated = now;
    }

    /// Adds a comment; the oldest goes where there are too many.
    pub(super) fn comment(&mut self, text: &str, by: &str, now: DateTime<Utc>) {
        if self.comments.len() == COMMENTS_MAX {
            self.comments.remove(0);
        }
        self.comments.push(Comment {
            text: text.to_owned(),
            by: by.to_owned(),
            at: now,
        });
        self.updated = now;
    }
}

/// What somebody wrote.
#[derive(Clone, Debug)]
pub(super) struct Comment {
    pub(super) text: String,
    pub(super) by: String,
    pub(super) at: DateTime<Utc>,
}

/// What a request asks to change.
#[derive(Clone, Debug, Default)]
pub(super) struct Change {
    pub(super) status: Option<&'static str>,
    pub(super) classification: Option<&'static str>,
    pub(super) determination: Option<&'static str>,
    pub(super) assigned_to: Option<String>,
    pub(super) comment: Option<String>,
}

impl Change {
    /// What the members of a request say; `words` of other sets are refused.
    pub(super) fn of(body: &super::call::Object) -> Result<Self, ApiError> {
        let word = |name: &str, set| match body.text(name)? {
            None => Ok(None),
            Some(text) => words::known(set, text).map(Some).ok_or_else(|| {
                ApiError::invalid_input(format!("'{name}' has a value that is not allowed"))
            }),
        };
        Ok(Self {
            status: word("status", STATUSES)?,
            classification: word("classification", CLASSIFICATIONS)?,
            determination: word("determination", DETERMINATIONS)?,
            assigned_to: body.text("assignedTo")?.map(str::to_owned),
            comment: body.text("comment")?.map(str::to_owned),
        })
    }
}

/// Somebody whom an alert is about.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct User {
    pub(super) name: String,
    pub(super) domain: String,
}

/// Something that an alert is about: a row of `AlertEvidence` without its empty columns.
#[derive(Clone, Debug)]
pub(super) struct Evidence {
    pub(super) at: DateTime<Utc>,
    /// As tables tell it: `Machine`, `File`, `Process`.
    pub(super) entity: String,
    pub(super) row: Row,
}

impl Evidence {
    /// A member of what the row adds as JSON.
    pub(super) fn additional(&self, path: &[&str]) -> Option<Value> {
        let mut value = super::folder::inner(&self.row, "AdditionalFields")?;
        for name in path {
            value = value.get_mut(*name)?.take();
        }
        Some(value)
    }
}

/// All alerts, in the order of their times.
#[derive(Debug, Default)]
pub(super) struct Alerts {
    all: Vec<Alert>,
    by_id: HashMap<String, usize>,
}

impl Alerts {
    /// Whether one can be added: not if there are too many, or there is one of this id.
    pub(super) fn check(&self, alert: &Alert) -> Result<(), ApiError> {
        if self.all.len() >= ALERTS_MAX {
            return Err(ApiError::bad(
                "BadRequest",
                "The emulator keeps no more alerts",
            ));
        }
        if self.by_id.contains_key(&alert.id) {
            return Err(ApiError::bad(
                "BadRequest",
                "There is an alert with this id",
            ));
        }
        Ok(())
    }

    /// Adds one that was checked.
    pub(super) fn add(&mut self, alert: Alert) {
        self.by_id.insert(alert.id.clone(), self.all.len());
        self.all.push(alert);
    }

    /// The one of this id, if its time has come.
    pub(super) fn find(&self, id: &str, now: DateTime<Utc>) -> Result<&Alert, ApiError> {
        let index = self.by_id.get(id);
        let alert = index.and_then(|index| self.all.get(*index));
        alert
            .filter(|alert| alert.created <= now)
            .ok_or_else(|| not_found(id))
    }

    /// The same, to be changed.
    pub(super) fn find_mut(
        &mut self,
        id: &str,
        now: DateTime<Utc>,
    ) -> Result<&mut Alert, ApiError> {
        let index = self.by_id.get(id).copied();
        let alert = index.and_then(|index| self.all.get_mut(index));
        alert
            .filter(|alert| alert.created <= now)
            .ok_or_else(|| not_found(id))
    }

    /// Those whose time has come, newest first.
    pub(super) fn newest_first(&self, now: DateTime<Utc>) -> Vec<&Alert> {
        let mut alerts: Vec<&Alert> = self.visible(now).collect();
        alerts.sort_by(|a, b| b.created.cmp(&a.created).then_with(|| b.id.cmp(&a.id)));
        alerts
    }

    /// Those whose time has come.
    pub(super) fn visible(&self, now: DateTime<Utc>) -> impl Iterator<Item = &Alert> {
        self.all.iter().filter(move |alert| alert.created <= now)
    }
}

fn not_found(id: &str) -> ApiError {
    let id: String = id.chars().take(100).collect();
    ApiError::not_found(format!("Alert {id} was not found"))
}

/// An id as Defender makes them: ticks and a number.
pub(super) fn new_id(at: DateTime<Utc>, number: u32) -> String {
    format!("da{}_-{number}", crate::source::kusto_ticks(at))
}
