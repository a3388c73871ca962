//! `/api/alerts`: alerts as Defender for Endpoint tells and changes them.

use std::sync::Arc;

use axum::http::StatusCode;
use chrono::{DateTime, Utc};
use serde_json::{Map, Value, json};

use super::super::call::{Call, Object, Rate, Reply, Request, members};
use super::super::error::ApiError;
use super::super::folder::{self, Question, timestamp};
use super::super::odata::{Accepted, Kind, Options, Paging};
use super::super::{Security, enrichment, machines, words};
use super::{Alert, Change, DEFENDER_FOR_ENDPOINT, Evidence, Review, new_id};

const READ: &[&str] = &["Alert.Read.All", "Alert.ReadWrite.All"];
const WRITE: &[&str] = &["Alert.ReadWrite.All", "Alerts.ReadWrite.All"];
const MACHINES: &[&str] = &["Machine.Read.All", "Machine.ReadWrite.All"];

const ACCEPTED: Accepted = Accepted {
    filterable: &[
        ("alertCreationTime", Kind::Time),
        ("lastUpdateTime", Kind::Time),
        ("incidentId", Kind::Number),
        ("investigationId", Kind::Number),
        ("id", Kind::Text),
        ("assignedTo", Kind::Text),
        ("detectionSource", Kind::Word),
        ("lastEventTime", Kind::Time),
        ("status", Kind::Word),
        ("severity", Kind::Word),
        ("category", Kind::Word),
    ],
    expandable: Some("evidence"),
};

/// What `CreateAlertByReference` takes as category.
const CATEGORIES: &[&str] = &[
    "General",
    "CommandAndControl",
    "Collection",
    "CredentialAccess",
    "DefenseEvasion",
    "Discovery",
    "Exfiltration",
    "Exploit",
    "Execution",
    "InitialAccess",
    "LateralMovement",
    "Malware",
    "Persistence",
    "PrivilegeEscalation",
    "Ransomware",
    "SuspiciousActivity",
];

/// Most alerts of one `batchUpdate`; the documents name none.
const BATCH_MAX: usize = 100;

/// Tables whose rows an alert can refer to.
const EVENT_TABLES: &[&str] = &[
    "DeviceEvents",
    "DeviceFileCertificateInfo",
    "DeviceFileEvents",
    "DeviceImageLoadEvents",
    "DeviceInfo",
    "DeviceLogonEvents",
    "DeviceNetworkEvents",
    "DeviceNetworkInfo",
    "DeviceProcessEvents",
    "DeviceRegistryEvents",
];

pub(in super::super) fn calls() -> Vec<Call> {
    vec![
        Call::get("/api/alerts", READ, list),
        Call::post("/api/alerts/batchUpdate", WRITE, update_batch).at(Rate::of(10, 500)),
        Call::post("/api/alerts/CreateAlertByReference", WRITE, create).at(Rate::per_minute(15)),
        Call::get("/api/alerts/{}", READ, single),
        Call::patch("/api/alerts/{}", WRITE, update),
        Call::get("/api/alerts/{}/machine", MACHINES, machine),
        Call::get("/api/alerts/{}/user", &["User.Read.All"], user),
        Call::get("/api/alerts/{}/files", &["File.Read.All"], files),
        Call::get("/api/alerts/{}/ips", &["Ip.Read.All"], ips),
        Call::get("/api/alerts/{}/domains", &["URL.Read.All"], domains),
    ]
}

async fn list(security: Arc<Security>, request: Request) -> Result<Reply, ApiError> {
    security.read_alerts().await?;
    listed(&security, &request, |_| true)
}

/// The alerts that a condition holds for, as a list with all its options.
pub(in super::super) fn listed(
    security: &Security,
    request: &Request,
    holds: impl Fn(&Alert) -> bool,
) -> Result<Reply, ApiError> {
    let settings = security.settings();
    let paging = Paging::Defender {
        page: settings.defender_page,
        links: settings.defender_next_link,
    };
    let options = Options::read(request, &ACCEPTED, paging)?;
    let known = security.known();
    let now = security.now();
    let alerts = known.alerts.newest_first(now).into_iter();
    let alerts = alerts.filter(|alert| is_of_defender(alert) && holds(alert));
    let tenant = &request.caller.tenant;
    let items = alerts
        .map(|alert| Value::Object(told(alert, tenant, now, Vec::new())))
        .collect();
    let mut page = options.page(request, items);
    if options.expand {
        for item in &mut page.items {
            let id = item.get("id").and_then(Value::as_str).unwrap_or("");
            let evidence = evidence(known.alerts.find(id, now)?);
            item["evidence"] = Value::Array(evidence);
        }
    }
    Ok(page.reply(request, &request.context("Alerts")))
}

/// Whether an alert is one of Defender for Endpoint: of that product, or about a machine.
fn is_of_defender(alert: &Alert) -> bool {
    alert.service_source == DEFENDER_FOR_ENDPOINT || alert.device_id.is_some()
}

async fn single(security: Arc<Security>, request: Request) -> Result<Reply, ApiError> {
    security.read_alerts().await?;
    let now = security.now();
    let known = security.known();
    let alert = known.alerts.find(request.found(0), now)?;
    let alert = told(alert, &request.caller.tenant, now, evidence(alert));
    Ok(Reply::entity(&request, "Alerts", alert))
}

const CHANGES: [&str; 5] = [
    "status",
    "assignedTo",
    "classification",
    "determination",
    "comment",
];

async fn update(security: Arc<Security>, request: Request) -> Result<Reply, ApiError> {
    security.read_alerts().await?;
    let body = request.object()?;
    body.only(&CHANGES)?;
    let change = Change::of(&body)?;
    let now = security.now();
    let mut known = security.known();
    let alert = known.alerts.find_mut(request.found(0), now)?;
    alert.review.apply(&change, &request.caller.app, now);
    let alert = told(alert, &request.caller.tenant, now, evidence(alert));
    Ok(Reply::entity(&request, "Alerts", alert))
}

async fn update_batch(security: Arc<Security>, request: Request) -> Result<Reply, ApiError> {
    security.read_alerts().await?;
    let body = request.object()?;
    let ids = body.texts("alertIds")?.unwrap_or_default();
    if ids.is_empty() {
        return Err(ApiError::missing_parameter("alertIds"));
    }
    if ids.len() > BATCH_MAX {
        return Err(ApiError::bad(
            "MaximumBatchSizeExceeded",
            format!("At most {BATCH_MAX} alerts can be updated at once"),
        ));
    }
    let names: Vec<&str> = CHANGES.into_iter().chain(["alertIds"]).collect();
    body.only(&names)?;
    let change = Change::of(&body)?;
    let now = security.now();
    let mut known = security.known();
    for id in &ids {
        known.alerts.find(id, now)?;
    }
    for id in &ids {
        let alert = known.alerts.find_mut(id, now)?;
        alert.review.apply(&change, &request.caller.app, now);
    }
    Ok(Reply::Empty(StatusCode::OK))
}

/// What `CreateAlertByReference` is sent.
struct Reference {
    machine: String,
    time: String,
    report: i64,
    severity: &'static str,
    title: String,
    description: String,
    recommended_action: String,
    category: String,
}

impl Reference {
    fn of(body: &Object) -> Result<Self, ApiError> {
        let names = [
            "machineId",
            "eventTime",
            "reportId",
            "severity",
            "title",
            "description",
            "recommendedAction",
            "category",
        ];
        for name in names {
            body.required(name)?;
        }
        body.only(&names)?;
        let severity = match body.required("severity")? {
            "Low" => "Low",
            "Medium" => "Medium",
            "High" => "High",
            _ => {
                return Err(ApiError::invalid_input(
                    "severity is not Low, Medium or High",
                ));
            }
        };
        let category = body.required("category")?;
        if !CATEGORIES.contains(&category) {
            return Err(ApiError::invalid_input(
                "category has a value that is not allowed",
            ));
        }
        let report = body.required("reportId")?;
        let report = report
            .parse()
            .map_err(|_| ApiError::invalid_input("reportId is not the number of an event"))?;
        Ok(Self {
            machine: body.required("machineId")?.to_owned(),
            time: body.required("eventTime")?.to_owned(),
            report,
            severity,
            title: body.required("title")?.to_owned(),
            description: body.required("description")?.to_owned(),
            recommended_action: body.required("recommendedAction")?.to_owned(),
            category: category.to_owned(),
        })
    }
}

async fn create(security: Arc<Security>, request: Request) -> Result<Reply, ApiError> {
    security.read_alerts().await?;
    let reference = Reference::of(&request.object()?)?;
    let at = DateTime::parse_from_rfc3339(&reference.time)
        .ok()
        .map(|at| at.to_utc())
        // Tables know no earlier time.
        .filter(|at| *at > DateTime::UNIX_EPOCH)
        .ok_or_else(|| ApiError::invalid_input("eventTime is not a date and time"))?;
    let machines = security.machines().await?;
    let machine = machines.find(&reference.machine)?;
    let now = security.now();
    let tables = security.folder.of(EVENT_TABLES).await?;
    let question = format!(
        "union {}\n\
         | where DeviceId == machine and Timestamp == at and ReportId == report\n\
         | project Timestamp, DeviceId, ReportId\n\
         | take 1",
        tables.join(", ")
    );
    let question = Question::new(question, now)
        .text("machine", &machine.id)
        .time("at", at)
        .number("report", reference.report);
    if tables.is_empty() || security.folder.rows(question).await?.is_empty() {
        return Err(ApiError::not_found(
            "The event was not found: machineId, eventTime and reportId must be those of one row",
        ));
    }
    let mut known = security.known();
    let absorbing = known.alerts.visible(now).find(|alert| {
        alert.title == reference.title
            && alert.device_id.as_deref() == Some(&machine.id)
            && alert.review.status != "Resolved"
    });
    let id = if let Some(alert) = absorbing {
        alert.id.clone()
    } else {
        let id = new_id(now, fastrand::u32(1..));
        let investigation =
            known
                .investigations
                .start(machine, Some(&id), &security.settings(), now);
        known.add_alert(Alert {
            id: id.clone(),
            title: reference.title,
            description: reference.description,
            recommended_actions: reference.recommended_action,
            category: reference.category,
            severity: reference.severity,
            service_source: DEFENDER_FOR_ENDPOINT.to_owned(),
            detection_source: "Custom TI".to_owned(),
            techniques: Vec::new(),
            threat_family: None,
            created: now,
            first_event: at,
            last_event: at,
            device_id: Some(machine.id.clone()),
            device_name: Some(machine.name.clone()),
            user: None,
            evidence: vec![machine_evidence(&machine.id, &machine.name, at)],
            incident: 0,
            investigation: Some(investigation),
            review: Review::new(now),
        })?;
        id
    };
    let alert = known.alerts.find_mut(&id, now)?;
    alert.last_event = alert.last_event.max(at);
    alert.review.updated = now;
    let alert = told(alert, &request.caller.tenant, now, evidence(alert));
    Ok(Reply::entity(&request, "Alerts", alert))
}

/// The evidence that an alert is about a machine.
pub(in super::super) fn machine_evidence(id: &str, name: &str, at: DateTime<Utc>) -> Evidence {
    Evidence {
        at,
        entity: "Machine".to_owned(),
        row: members(json!({ "DeviceId": id, "DeviceName": name })),
    }
}

async fn machine(security: Arc<Security>, request: Request) -> Result<Reply, ApiError> {
    security.read_alerts().await?;
    let machines = security.machines().await?;
    let known = security.known();
    let now = security.now();
    let alert = known.alerts.find(request.found(0), now)?;
    let id = alert.device_id.as_deref().unwrap_or("");
    let machine = machines.find(id)?;
    let machine = machines::told(machine, &known, now);
    Ok(Reply::entity(&request, "Machines", machine))
}

async fn user(security: Arc<Security>, request: Request) -> Result<Reply, ApiError> {
    security.read_alerts().await?;
    let user = {
        let known = security.known();
        let alert = known.alerts.find(request.found(0), security.now())?;
        alert.user.clone()
    };
    let none = || ApiError::not_found("The alert has no user");
    let user = user.ok_or_else(none)?;
    let user = enrichment::users::entity(&security, &user).await?;
    Ok(Reply::entity(&request, "Users", user))
}

async fn files(security: Arc<Security>, request: Request) -> Result<Reply, ApiError> {
    security.read_alerts().await?;
    let mut hashes: Vec<String> = Vec::new();
    {
        let known = security.known();
        let alert = known.alerts.find(request.found(0), security.now())?;
        for evidence in &alert.evidence {
            let sha1 = folder::owned(&evidence.row, "SHA1");
            let hash = sha1.or_else(|| folder::owned(&evidence.row, "SHA256"));
            hashes.extend(hash.filter(|hash| !hashes.contains(hash)));
        }
    }
    let mut files = Vec::new();
    for hash in hashes {
        files.extend(
            enrichment::files::entity(&security, &hash)
                .await?
                .map(Value::Object),
        );
    }
    Ok(Reply::list(&request, "Files", files))
}

async fn ips(security: Arc<Security>, request: Request) -> Result<Reply, ApiError> {
    security.read_alerts().await?;
    let known = security.known();
    let alert = known.alerts.find(request.found(0), security.now())?;
    let ips = distinct(alert, |evidence| folder::owned(&evidence.row, "RemoteIP"));
    let ips = ips.into_iter().map(|ip| json!({ "id": ip })).collect();
    Ok(Reply::list(&request, "Ips", ips))
}

async fn domains(security: Arc<Security>, request: Request) -> Result<Reply, ApiError> {
    security.read_alerts().await?;
    let known = security.known();
    let alert = known.alerts.find(request.found(0), security.now())?;
    let hosts = distinct(alert, |evidence| {
        folder::text(&evidence.row, "RemoteUrl").map(|url| host(url).to_owned())
    });
    let hosts = hosts
        .into_iter()
        .map(|host| json!({ "host": host }))
        .collect();
    Ok(Reply::list(&request, "Domains", hosts))
}

/// The host of a URL, which tables also write without a scheme.
pub(in super::super) fn host(url: &str) -> &str {
    let rest = url.split_once("://").map_or(url, |(_, rest)| rest);
    let authority = rest.split(['/', '?', '#']).next().unwrap_or(rest);
    let host = authority
        .rsplit_once('@')
        .map_or(authority, |(_, host)| host);
    host.split_once(':').map_or(host, |(host, _)| host)
}

fn distinct(alert: &Alert, value: impl Fn(&Evidence) -> Option<String>) -> Vec<String> {
    let mut found: Vec<String> = Vec::new();
    for evidence in &alert.evidence {
        found.extend(value(evidence).filter(|value| !found.contains(value)));
    }
    found
}

/// An alert as it is told, with this evidence.
fn told(
    alert: &Alert,
    tenant: &str,
    now: DateTime<Utc>,
    evidence: Vec<Value>,
) -> Map<String, Value> {
    let review = &alert.review;
    let comments: Vec<Value> = review
        .comments
        .iter()
        .map(|comment| {
            json!({
                "comment": comment.text,
                "createdBy": comment.by,
                "createdTime": timestamp(comment.at),
            })
        })
        .collect();
    let mut told = members(json!({
        "id": alert.id,
        "incidentId": alert.incident,
        "investigationId": alert.investigation.map(|started| started.number),
        "assignedTo": review.assigned_to,
        "severity": alert.severity,
        "status": review.status,
        "classification": review.classification,
        "determination": review.determination,
        "investigationState": alert
            .investigation
            .map_or("UnsupportedAlertType", |started| started.state(now)),
        "detectionSource": words::defender_detection_source(&alert.detection_source),
        "detectorId": detector(alert),
        "category": alert.category,
        "threatFamilyName": alert.threat_family,
        "title": alert.title,
        "description": alert.description,
        "alertCreationTime": timestamp(alert.created),
        "firstEventTime": timestamp(alert.first_event),
        "lastEventTime": timestamp(alert.last_event),
        "lastUpdateTime": timestamp(review.updated),
        "resolvedTime": review.resolved.map(timestamp),
        "machineId": alert.device_id,
        "computerDnsName": alert.device_name,
        "rbacGroupName": null,
        "aadTenantId": tenant,
        "threatName": null,
        "mitreTechniques": alert.techniques,
        "relatedUser": alert.user.as_ref().map(|user| {
            json!({ "userName": user.name, "domainName": user.domain })
        }),
        "comments": comments,
    }));
    told.insert("evidence".to_owned(), Value::Array(evidence));
    told
}

/// The id of what detected: one for each kind of alert.
pub(super) fn detector(alert: &Alert) -> String {
    let name = format!("{}\n{}", alert.detection_source, alert.title);
    uuid::Uuid::new_v5(&uuid::Uuid::NAMESPACE_OID, name.as_bytes()).to_string()
}

/// The evidence of an alert as it is told; of machines, `machineId` tells.
fn evidence(alert: &Alert) -> Vec<Value> {
    let told = alert.evidence.iter().filter_map(|evidence| {
        let entity = match evidence.entity.as_str() {
            "User" | "Process" | "File" | "Ip" | "Url" => evidence.entity.as_str(),
            "RegistryKey" | "RegistryValue" => "Registry",
            _ => return None,
        };
        let row = &evidence.row;
        let column = |name| folder::text(row, name);
        let number = |path: &[&str]| match evidence.additional(path)? {
            Value::String(text) => text.parse().ok(),
            value => value.as_i64(),
        };
        let hive_and_key =
            column("RegistryKey").map(|key| key.split_once('\\').unwrap_or(("", key)));
        Some(json!({
            "entityType": entity,
            "evidenceCreationTime": timestamp(evidence.at),
            "sha1": column("SHA1"),
            "sha256": column("SHA256"),
            "fileName": column("FileName"),
            "filePath": column("FolderPath"),
            "processId": number(&["ProcessId"]),
            "processCommandLine": column("ProcessCommandLine"),
            "processCreationTime": evidence.additional(&["CreationTimeUtc"]),
            "parentProcessId": number(&["ParentProcess", "ProcessId"]),
            "parentProcessCreationTime": evidence.additional(&["ParentProcess", "CreationTimeUtc"]),
            "parentProcessFileName": evidence.additional(&["ParentProcess", "ImageFile", "Name"]),
            "parentProcessFilePath":
                evidence.additional(&["ParentProcess", "ImageFile", "Directory"]),
            "ipAddress": column("RemoteIP"),
            "url": column("RemoteUrl"),
            "registryKey": hive_and_key.map(|(_, key)| key),
            "registryHive": hive_and_key.map(|(hive, _)| hive).filter(|hive| !hive.is_empty()),
            "registryValueType": evidence.additional(&["ValueType"]),
            "registryValue": column("RegistryValueData"),
            "accountName": column("AccountName"),
            "domainName": column("AccountDomain"),
            "userSid": column("AccountSid"),
            "aadUserId": column("AccountObjectId"),
            "userPrincipalName": column("AccountUpn"),
            "detectionStatus": evidence.additional(&["DetectionStatus"]),
        }))
    });
    told.collect()
}
