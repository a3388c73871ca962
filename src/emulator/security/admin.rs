//! What plays by hand and looks inside: a new alert, what actions made of machines, mails that
//! were sent, and the settings.

use std::sync::Arc;

use axum::Router;
use axum::extract::State;
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse as _, Response};
use axum::routing::{get, post};
use bytes::Bytes;
use chrono::{DateTime, TimeDelta, Utc};
use serde::Deserialize;
use serde_json::{Map, Value, json};

use super::Security;
use super::alerts::defender::machine_evidence;
use super::alerts::{Alert, DEFENDER_FOR_ENDPOINT, Evidence, Review, User, new_id};
use super::error::ApiError;
use super::folder::timestamp;
use super::machines::Machine;
use super::settings::SecurityConfig;
use super::words::{SEVERITIES, known};

/// Titles, categories and techniques of alerts that are made up.
const MADE_UP: [(&str, &str, &str); 4] = [
    (
        "Suspicious PowerShell command line",
        "Execution",
        "T1059.001",
    ),
    ("Suspicious service launched", "Persistence", "T1543.003"),
    ("Possible credential dumping", "CredentialAccess", "T1003"),
    ("Suspicious remote activity", "LateralMovement", "T1021"),
];
/// Most pieces of evidence of an alert that is posted.
const EVIDENCE_MAX: usize = 100;

pub(super) fn routes() -> Router<Arc<Security>> {
    Router::new()
        .route("/admin/alerts", post(add_alert))
        .route("/admin/machines", get(machines))
        .route("/admin/mails", get(mails).delete(forget_mails))
        .route("/admin/security", get(settings).patch(change_settings))
}

/// An alert to be added. All of it may be left out.
#[derive(Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
struct NewAlert {
    id: Option<String>,
    title: Option<String>,
    description: Option<String>,
    severity: Option<String>,
    category: Option<String>,
    techniques: Option<Vec<String>>,
    service_source: Option<String>,
    detection_source: Option<String>,
    /// Id or name of a machine of the folder.
    device: Option<String>,
    /// `domain\name`.
    user: Option<String>,
    /// When it comes to be; now, if not told.
    at: Option<DateTime<Utc>>,
    /// The same in seconds from now.
    in_seconds: Option<u32>,
    /// Rows of `AlertEvidence`.
    evidence: Vec<Map<String, Value>>,
}

fn answer(status: StatusCode, value: &Value) -> Response {
    let content = [(header::CONTENT_TYPE, "application/json; charset=utf-8")];
    (status, content, format!("{value}\n")).into_response()
}

fn refusal(error: &ApiError) -> Response {
    let body = json!({ "error": { "code": error.code, "message": error.message } });
    answer(error.status, &body)
}

fn read<T: serde::de::DeserializeOwned>(body: &Bytes) -> Result<T, ApiError> {
    let body: &[u8] = if body.is_empty() { b"{}" } else { body };
    serde_json::from_slice(body).map_err(|error| ApiError::invalid_body(&error.to_string()))
}

async fn add_alert(State(security): State<Arc<Security>>, body: Bytes) -> Response {
    let added = async {
        let wanted: NewAlert = read(&body)?;
        security.read_alerts().await?;
        let machines = security.machines().await?;
        let machine = match &wanted.device {
            Some(device) => Some(machines.find(device)?),
            None => machines.first(),
        };
        let now = security.now();
        let alert = alert(wanted, machine, now)?;
        let (id, created) = (alert.id.clone(), alert.created);
        let device = alert.device_id.clone();
        let mut known = security.known();
        known.add_alert(alert)?;
        // An alert of the future is not found by its id yet.
        let incident = known.alerts.find(&id, created)?.incident;
        Ok::<_, ApiError>(json!({
            "id": id,
            "incidentId": incident,
            "machineId": device,
            "createdDateTime": timestamp(created),
        }))
    };
    match added.await {
        Ok(added) => answer(StatusCode::CREATED, &added),
        Err(error) => refusal(&error),
    }
}

fn alert(
    wanted: NewAlert,
    machine: Option<&Machine>,
    now: DateTime<Utc>,
) -> Result<Alert, ApiError> {
    let (title, category, technique) = MADE_UP[fastrand::usize(..MADE_UP.len())];
    let soon = wanted
        .in_seconds
        .map(|seconds| now + TimeDelta::seconds(seconds.into()));
    let created = wanted.at.or(soon).unwrap_or(now);
    let severity = match wanted.severity.as_deref() {
        None => "Medium",
        Some(word) => known(SEVERITIES, word)
            .ok_or_else(|| ApiError::invalid_input("severity has a value that is not allowed"))?,
    };
    if wanted.evidence.len() > EVIDENCE_MAX {
        return Err(ApiError::invalid_input("there is too much evidence"));
    }
    let of_machine = machine.map(|machine| machine_evidence(&machine.id, &machine.name, created));
    let posted = wanted.evidence.into_iter().map(|row| Evidence {
        at: created,
        entity: super::folder::owned(&row, "EntityType").unwrap_or_default(),
        row,
    });
    let evidence = of_machine.into_iter().chain(posted).collect();
    let user = wanted.user.map(|user| match user.split_once('\\') {
        Some((domain, name)) => User {
            name: name.to_owned(),
            domain: domain.to_owned(),
        },
        None => User {
            name: user,
            domain: String::new(),
        },
    });
    let title = wanted.title.unwrap_or_else(|| title.to_owned());
    Ok(Alert {
        id: wanted.id.unwrap_or_else(|| new_id(now, fastrand::u32(1..))),
        description: wanted.description.unwrap_or_else(|| title.clone()),
        title,
        recommended_actions: String::new(),
        category: wanted.category.unwrap_or_else(|| category.to_owned()),
        severity,
        service_source: wanted
            .service_source
            .unwrap_or_else(|| DEFENDER_FOR_ENDPOINT.to_owned()),
        detection_source: wanted.detection_source.unwrap_or_else(|| "EDR".to_owned()),
        techniques: wanted
            .techniques
            .unwrap_or_else(|| vec![technique.to_owned()]),
        threat_family: None,
        created,
        first_event: created,
        last_event: created,
        device_id: machine.map(|machine| machine.id.clone()),
        device_name: machine.map(|machine| machine.name.clone()),
        user,
        evidence,
        incident: 0,
        investigation: None,
        review: Review::new(created),
    })
}

async fn machines(State(security): State<Arc<Security>>) -> Response {
    let machines = match security.machines().await {
        Ok(machines) => machines,
        Err(error) => return refusal(&error),
    };
    let offline = security.settings().offline;
    let known = security.known();
    let conditions = known.actions.conditions(security.now());
    let told: Vec<Value> = machines
        .iter()
        .map(|machine| {
            let condition = conditions.get(machine.id.as_str());
            json!({
                "id": machine.id,
                "name": machine.name,
                "isolation": condition.and_then(|condition| condition.isolation.as_deref()),
                "restricted": condition.is_some_and(|condition| condition.restricted),
                "offboarded": condition.is_some_and(|condition| condition.offboarded),
                "quarantined": condition.map_or(&[][..], |condition| &condition.quarantined[..]),
                "offline": offline.contains(&machine.id) || offline.contains(&machine.name),
                "tags": known.overlay.tags(machine),
            })
        })
        .collect();
    answer(StatusCode::OK, &json!({ "value": told }))
}

async fn mails(State(security): State<Arc<Security>>) -> Response {
    let told = security.known().mails.told();
    answer(StatusCode::OK, &json!({ "value": told }))
}

async fn forget_mails(State(security): State<Arc<Security>>) -> StatusCode {
    security.known().mails.clear();
    StatusCode::NO_CONTENT
}

async fn settings(State(security): State<Arc<Security>>) -> Response {
    answer(StatusCode::OK, &json!(security.settings()))
}

async fn change_settings(State(security): State<Arc<Security>>, body: Bytes) -> Response {
    let changed = || {
        let changes: Map<String, Value> = read(&body)?;
        let mut all = super::call::members(json!(security.settings()));
        all.extend(changes);
        let invalid = |error: serde_json::Error| ApiError::invalid_body(&error.to_string());
        let changed: SecurityConfig =
            serde_json::from_value(Value::Object(all)).map_err(invalid)?;
        changed.check().map_err(ApiError::invalid_input)?;
        Ok::<_, ApiError>(changed)
    };
    match changed() {
        Ok(changed) => {
            let told = json!(changed);
            security.set(changed);
            answer(StatusCode::OK, &told)
        }
        Err(error) => refusal(&error),
    }
}
