//! `/api/investigations` and `startInvestigation`: automated investigations, each of which finds
//! something to do, or nothing, after a while.

use std::sync::Arc;

use axum::http::StatusCode;
use chrono::{DateTime, TimeDelta, Utc};
use serde_json::{Map, Value, json};

use super::Security;
use super::call::{Call, Rate, Reply, Request, members};
use super::error::ApiError;
use super::folder::timestamp;
use super::machines::Machine;
use super::odata::{Accepted, Kind, Options, Paging};
use super::settings::SecurityConfig;

const READ: &[&str] = &["Alert.Read.All", "Alert.ReadWrite.All"];

/// Most investigations that are kept.
const INVESTIGATIONS_MAX: usize = 10_000;
/// How many times as long as a machine action an investigation takes.
const LENGTH: i32 = 4;

const ACCEPTED: Accepted = Accepted {
    filterable: &[
        ("startTime", Kind::Time),
        ("id", Kind::Text),
        ("state", Kind::Word),
        ("machineId", Kind::Text),
        ("triggeringAlertId", Kind::Text),
    ],
    expandable: None,
};

/// Investigations, oldest first.
#[derive(Debug, Default)]
pub(super) struct Investigations {
    all: Vec<Investigation>,
    count: u64,
}

/// An investigation as an alert knows it.
#[derive(Clone, Copy, Debug)]
pub(super) struct Started {
    pub(super) number: u64,
    ends: DateTime<Utc>,
}

impl Started {
    /// Where it is.
    pub(super) fn state(self, now: DateTime<Utc>) -> &'static str {
        if now < self.ends { "Running" } else { "Benign" }
    }
}

#[derive(Debug)]
struct Investigation {
    started_as: Started,
    machine_id: String,
    machine_name: String,
    alert: Option<String>,
    started: DateTime<Utc>,
}

impl Investigations {
    /// Starts one; the oldest goes where there are too many.
    pub(super) fn start(
        &mut self,
        machine: &Machine,
        alert: Option<&str>,
        settings: &SecurityConfig,
        now: DateTime<Utc>,
    ) -> Started {
        if self.all.len() >= INVESTIGATIONS_MAX {
            self.all.remove(0);
        }
        self.count += 1;
        let length = TimeDelta::seconds(settings.running_seconds.into()) * LENGTH;
        let started_as = Started {
            number: self.count,
            ends: now + length,
        };
        self.all.push(Investigation {
            started_as,
            machine_id: machine.id.clone(),
            machine_name: machine.name.clone(),
            alert: alert.map(str::to_owned),
            started: now,
        });
        started_as
    }
}

impl Investigation {
    fn told(&self, now: DateTime<Utc>) -> Map<String, Value> {
        let ends = self.started_as.ends;
        members(json!({
            "id": self.started_as.number.to_string(),
            "startTime": timestamp(self.started),
            "endTime": (now >= ends).then(|| timestamp(ends)),
            "cancelledBy": null,
            "state": self.started_as.state(now),
            "statusDetails": null,
            "machineId": self.machine_id,
            "computerDnsName": self.machine_name,
            "triggeringAlertId": self.alert,
        }))
    }
}

pub(super) fn calls() -> Vec<Call> {
    vec![
        Call::get("/api/investigations", READ, list),
        Call::get("/api/investigations/{}", READ, single),
        Call::post(
            "/api/machines/{}/startInvestigation",
            &["Alert.ReadWrite.All"],
            start,
        )
        .at(Rate::per_hour(50)),
    ]
}

async fn list(security: Arc<Security>, request: Request) -> Result<Reply, ApiError> {
    let settings = security.settings();
    let paging = Paging::Defender {
        page: settings.defender_page,
        links: settings.defender_next_link,
    };
    let options = Options::read(&request, &ACCEPTED, paging)?;
    let now = security.now();
    let known = security.known();
    let newest_first = known.investigations.all.iter().rev();
    let items = newest_first.map(|investigation| Value::Object(investigation.told(now)));
    let page = options.page(&request, items.collect());
    Ok(page.reply(&request, &request.context("Investigations")))
}

async fn single(security: Arc<Security>, request: Request) -> Result<Reply, ApiError> {
    let known = security.known();
    let id: Option<u64> = request.found(0).parse().ok();
    let mut all = known.investigations.all.iter();
    let found = all.find(|investigation| Some(investigation.started_as.number) == id);
    let none = || ApiError::not_found("The investigation was not found");
    let told = found.ok_or_else(none)?.told(security.now());
    Ok(Reply::entity(&request, "Investigations", told))
}

async fn start(security: Arc<Security>, request: Request) -> Result<Reply, ApiError> {
    let body = request.object()?;
    body.required("Comment")?;
    body.only(&["Comment", "ExternalId"])?;
    let machines = security.machines().await?;
    let machine = machines.find(request.found(0))?;
    let settings = security.settings();
    let now = security.now();
    let mut known = security.known();
    known.investigations.start(machine, None, &settings, now);
    let started = known.investigations.all.last();
    let told = started.map(|started| started.told(now)).unwrap_or_default();
    Ok(Reply::entity_as(
        StatusCode::CREATED,
        &request,
        "Investigations",
        told,
    ))
}
