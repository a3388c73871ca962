//! `/v1.0/security/alerts_v2`: alerts as Microsoft Graph tells and changes them.

use std::sync::Arc;

use chrono::{DateTime, Utc};
use serde_json::{Map, Value, json};

use super::super::Security;
use super::super::call::{Call, Object, Rate, Reply, Request, members};
use super::super::error::ApiError;
use super::super::folder::{self, timestamp};
use super::super::machines::Machines;
use super::super::odata::{Accepted, Kind, Options, Paging};
use super::super::words::{self, CLASSIFICATIONS, DETERMINATIONS, SEVERITIES, STATUSES};
use super::defender::detector;
use super::{Alert, Change, Evidence, Review};

const READ: &[&str] = &["SecurityAlert.Read.All", "SecurityAlert.ReadWrite.All"];
const WRITE: &[&str] = &["SecurityAlert.ReadWrite.All"];

/// Where alerts are shown to people.
pub(in super::super) const PORTAL: &str = "https://security.microsoft.com";

/// How often Graph's security calls may be made.
pub(in super::super) const RATE: Rate = Rate::per_minute(150);

const ACCEPTED: Accepted = Accepted {
    filterable: &[
        ("assignedTo", Kind::Text),
        ("classification", Kind::Word),
        ("determination", Kind::Word),
        ("createdDateTime", Kind::Time),
        ("lastUpdateDateTime", Kind::Time),
        ("severity", Kind::Word),
        ("serviceSource", Kind::Word),
        ("status", Kind::Word),
    ],
    expandable: None,
};

pub(in super::super) fn calls() -> Vec<Call> {
    vec![
        Call::get("/v1.0/security/alerts_v2", READ, list).at(RATE),
        Call::get("/v1.0/security/alerts_v2/{}", READ, single).at(RATE),
        Call::patch("/v1.0/security/alerts_v2/{}", WRITE, update).at(RATE),
        Call::post("/v1.0/security/alerts_v2/{}/comments", WRITE, comment).at(RATE),
    ]
}

async fn list(security: Arc<Security>, request: Request) -> Result<Reply, ApiError> {
    security.read_alerts().await?;
    let machines = security.machines().await?;
    let settings = security.settings();
    let paging = Paging::Graph {
        page: settings.graph_page,
        page_max: settings.graph_page_max,
    };
    let options = Options::read(&request, &ACCEPTED, paging)?;
    let now = security.now();
    let known = security.known();
    // Filters know all members, also those that are not told.
    let telling = Telling {
        later_members: true,
        ..Telling::of(&request)
    };
    let alerts = known.alerts.newest_first(now).into_iter();
    let items = alerts.map(|alert| Value::Object(told(alert, &telling, now, None)));
    let mut page = options.page(&request, items.collect());
    let telling = Telling::of(&request);
    for item in &mut page.items {
        let id = item.get("id").and_then(Value::as_str).unwrap_or("");
        let alert = known.alerts.find(id, now)?;
        *item = Value::Object(told(alert, &telling, now, Some(&machines)));
    }
    Ok(page.reply(&request, &context(&request, "alerts_v2")))
}

/// Where Graph's metadata lives.
pub(in super::super) fn context(request: &Request, set: &str) -> String {
    format!("{}/v1.0/$metadata#security/{set}", request.base)
}

/// One entity beside its context.
pub(in super::super) fn entity(request: &Request, set: &str, entity: Map<String, Value>) -> Reply {
    let mut members = Map::new();
    let context = context(request, &format!("{set}/$entity"));
    members.insert("@odata.context".to_owned(), context.into());
    members.extend(entity);
    Reply::ok(Value::Object(members))
}

async fn single(security: Arc<Security>, request: Request) -> Result<Reply, ApiError> {
    security.read_alerts().await?;
    let machines = security.machines().await?;
    let now = security.now();
    let known = security.known();
    let alert = known.alerts.find(request.found(0), now)?;
    let alert = told(alert, &Telling::of(&request), now, Some(&machines));
    Ok(entity(&request, "alerts_v2", alert))
}

async fn update(security: Arc<Security>, request: Request) -> Result<Reply, ApiError> {
    security.read_alerts().await?;
    let machines = security.machines().await?;
    let body = request.object()?;
    body.only(&["status", "assignedTo", "classification", "determination"])?;
    let change = Change::of(&body)?;
    let now = security.now();
    let mut known = security.known();
    let alert = known.alerts.find_mut(request.found(0), now)?;
    alert.review.apply(&change, &request.caller.app, now);
    let alert = told(alert, &Telling::of(&request), now, Some(&machines));
    Ok(entity(&request, "alerts_v2", alert))
}

async fn comment(security: Arc<Security>, request: Request) -> Result<Reply, ApiError> {
    security.read_alerts().await?;
    let text = comment_text(&request)?;
    let now = security.now();
    let mut known = security.known();
    let alert = known.alerts.find_mut(request.found(0), now)?;
    alert.review.comment(&text, &request.caller.app, now);
    let context = context(&request, &format!("alerts_v2('{}')/comments", alert.id));
    let comments = comments(&alert.review);
    Ok(Reply::ok(
        json!({ "@odata.context": context, "value": comments }),
    ))
}

/// The comment that a request adds: one as documented, or a list of one as SDKs send it.
pub(in super::super) fn comment_text(request: &Request) -> Result<String, ApiError> {
    let body = match serde_json::from_slice::<Vec<Map<String, Value>>>(&request.body) {
        Ok(mut listed) if listed.len() == 1 => Object::of(listed.remove(0)),
        _ => request.object()?,
    };
    body.only(&["comment"])?;
    let ty = body
        .text("@odata.type")?
        .map(|ty| ty.trim_start_matches('#'));
    if ty.is_some_and(|ty| ty != "microsoft.graph.security.alertComment") {
        return Err(ApiError::invalid_input(
            "'@odata.type' is not that of a comment",
        ));
    }
    Ok(body.required("comment")?.to_owned())
}

/// Comments as Graph tells them.
pub(in super::super) fn comments(review: &Review) -> Vec<Value> {
    let told = review.comments.iter().map(|comment| {
        json!({
            "@odata.type": "#microsoft.graph.security.alertComment",
            "comment": comment.text,
            "createdByDisplayName": comment.by,
            "createdDateTime": timestamp(comment.at),
        })
    });
    told.collect()
}

/// To whom, and how.
pub(in super::super) struct Telling<'r> {
    tenant: &'r str,
    /// Whether members of enumerations are told that came later than `unknownFutureValue`.
    later_members: bool,
}

impl<'r> Telling<'r> {
    /// As a request asks for it.
    pub(in super::super) fn of(request: &'r Request) -> Self {
        Self {
            tenant: &request.caller.tenant,
            later_members: words::wants_later_members(request),
        }
    }
}

/// An alert as Graph tells it; without machines, without its evidence.
pub(in super::super) fn told(
    alert: &Alert,
    telling: &Telling<'_>,
    now: DateTime<Utc>,
    machines: Option<&Machines>,
) -> Map<String, Value> {
    let later = telling.later_members;
    let review = &alert.review;
    let tenant = telling.tenant;
    members(json!({
        "id": alert.id,
        "providerAlertId": alert.id,
        "incidentId": alert.incident.to_string(),
        "status": words::of_graph(STATUSES, review.status),
        "severity": words::of_graph(SEVERITIES, alert.severity),
        "classification": review.classification.map(|word| words::of_graph(CLASSIFICATIONS, word)),
        "determination": review.determination.map(|word| words::of_graph(DETERMINATIONS, word)),
        "serviceSource": words::service_source(&alert.service_source, later),
        "detectionSource": words::detection_source(&alert.detection_source, later),
        "productName": alert.service_source,
        "detectorId": detector(alert),
        "alertPolicyId": null,
        "tenantId": tenant,
        "title": alert.title,
        "description": alert.description,
        "recommendedActions": alert.recommended_actions,
        "category": alert.category,
        "categories": [alert.category],
        "assignedTo": review.assigned_to,
        "alertWebUrl": format!("{PORTAL}/alerts/{}?tid={tenant}", alert.id),
        "incidentWebUrl": format!("{PORTAL}/incidents/{}?tid={tenant}", alert.incident),
        "actorDisplayName": null,
        "threatDisplayName": null,
        "threatFamilyName": alert.threat_family,
        "mitreTechniques": alert.techniques,
        "createdDateTime": timestamp(alert.created),
        "lastUpdateDateTime": timestamp(review.updated),
        "resolvedDateTime": review.resolved.map(timestamp),
        "firstActivityDateTime": timestamp(alert.first_event),
        "lastActivityDateTime": timestamp(alert.last_event),
        "systemTags": [],
        "comments": comments(review),
        "evidence": machines.map_or_else(Vec::new, |machines| evidence(alert, machines)),
        "additionalData": null,
        "customDetails": {},
        "investigationState": alert.investigation.map_or_else(
            || "unsupportedAlertType".to_owned(),
            |started| words::small_first(started.state(now)),
        ),
    }))
}

/// The evidence of an alert, each of a type of its own.
fn evidence(alert: &Alert, machines: &Machines) -> Vec<Value> {
    let told = alert.evidence.iter().filter_map(|evidence| {
        let (ty, own) = typed(evidence, machines)?;
        let mut told = members(json!({
            "@odata.type": format!("#microsoft.graph.security.{ty}"),
            "createdDateTime": timestamp(evidence.at),
            "verdict": verdict(evidence),
            "remediationStatus": "none",
            "remediationStatusDetails": null,
            "roles": [],
            "detailedRoles": Vec::from_iter(folder::text(&evidence.row, "EvidenceRole")),
            "tags": [],
        }));
        told.extend(members(own));
        Some(Value::Object(told))
    });
    told.collect()
}

fn verdict(evidence: &Evidence) -> &'static str {
    match evidence
        .additional(&["Verdict"])
        .as_ref()
        .and_then(Value::as_str)
    {
        Some("Suspicious") => "suspicious",
        Some("Malicious") => "malicious",
        Some("NoThreatsFound") => "noThreatsFound",
        _ => "unknown",
    }
}

/// Type of evidence, and the members that it alone has. What tables know and Graph does not is
/// left out.
fn typed(evidence: &Evidence, machines: &Machines) -> Option<(&'static str, Value)> {
    let row = &evidence.row;
    let column = |name| folder::text(row, name);
    let device = column("DeviceId");
    let file = || {
        json!({
            "sha1": column("SHA1"),
            "sha256": column("SHA256"),
            "fileName": column("FileName"),
            "filePath": column("FolderPath"),
            "fileSize": folder::number(row, "FileSize"),
            "filePublisher": evidence.additional(&["Publisher"]),
            "signer": evidence.additional(&["Signer"]),
            "issuer": evidence.additional(&["Issuer"]),
        })
    };
    let account = || {
        json!({
            "accountName": column("AccountName"),
            "domainName": column("AccountDomain"),
            "userSid": column("AccountSid"),
            "azureAdUserId": column("AccountObjectId"),
            "userPrincipalName": column("AccountUpn"),
            "displayName": column("AccountName"),
        })
    };
    let number = |path: &[&str]| match evidence.additional(path)? {
        Value::String(text) => text.parse().ok(),
        value => value.as_i64(),
    };
    let hive_and_key = || {
        let (hive, key) = column("RegistryKey")?.split_once('\\')?;
        Some((hive.to_owned(), key.to_owned()))
    };
    Some(match evidence.entity.as_str() {
        "Machine" => ("deviceEvidence", device_members(evidence, machines)),
        "File" => (
            "fileEvidence",
            json!({
                "detectionStatus": "detected",
                "mdeDeviceId": device,
                "fileDetails": file(),
            }),
        ),
        "Process" => (
            "processEvidence",
            json!({
                "processId": number(&["ProcessId"]),
                "parentProcessId": number(&["ParentProcess", "ProcessId"]),
                "processCommandLine": column("ProcessCommandLine"),
                "processCreationDateTime": evidence.additional(&["CreationTimeUtc"]),
                "parentProcessCreationDateTime":
                    evidence.additional(&["ParentProcess", "CreationTimeUtc"]),
                "detectionStatus": "detected",
                "mdeDeviceId": device,
                "imageFile": file(),
                "parentProcessImageFile": evidence.additional(&["ParentProcess", "ImageFile"])
                    .map(|image| json!({
                        "fileName": image.get("Name"),
                        "filePath": image.get("Directory"),
                    })),
                "userAccount": column("AccountName").map(|_| account()),
            }),
        ),
        "User" => (
            "userEvidence",
            json!({ "stream": null, "userAccount": account() }),
        ),
        "Ip" => (
            "ipEvidence",
            json!({ "ipAddress": column("RemoteIP"), "countryLetterCode": null }),
        ),
        "Url" => ("urlEvidence", json!({ "url": column("RemoteUrl") })),
        "RegistryKey" => (
            "registryKeyEvidence",
            json!({
                "registryHive": hive_and_key().map(|(hive, _)| hive),
                "registryKey": hive_and_key().map(|(_, key)| key),
            }),
        ),
        "RegistryValue" => (
            "registryValueEvidence",
            json!({
                "registryHive": hive_and_key().map(|(hive, _)| hive),
                "registryKey": hive_and_key().map(|(_, key)| key),
                "registryValue": column("RegistryValueData"),
                "registryValueName": column("RegistryValueName"),
                "registryValueType": evidence.additional(&["ValueType"]),
                "mdeDeviceId": device,
            }),
        ),
        "Mailbox" => (
            "mailboxEvidence",
            json!({
                "primaryAddress": column("AccountUpn"),
                "displayName": column("AccountName"),
                "userAccount": account(),
            }),
        ),
        "MailMessage" => (
            "analyzedMessageEvidence",
            json!({
                "networkMessageId": column("NetworkMessageId"),
                "subject": column("EmailSubject"),
                "recipientEmailAddress": column("AccountUpn"),
            }),
        ),
        "CloudApplication" => (
            "cloudApplicationEvidence",
            json!({
                "appId": folder::number(row, "ApplicationId"),
                "displayName": column("Application"),
            }),
        ),
        "OAuthApplication" => (
            "oauthApplicationEvidence",
            json!({
                "appId": column("OAuthApplicationId"),
                "displayName": column("Application"),
            }),
        ),
        "CloudResource" | "AzureResource" => (
            "azureResourceEvidence",
            json!({
                "resourceId": column("ResourceID"),
                "resourceName": column("CloudResource"),
                "resourceType": column("ResourceType"),
            }),
        ),
        _ => return None,
    })
}

fn device_members(evidence: &Evidence, machines: &Machines) -> Value {
    let id = folder::text(&evidence.row, "DeviceId").unwrap_or("");
    let name = folder::text(&evidence.row, "DeviceName");
    let machine = machines.find(id).ok();
    json!({
        "firstSeenDateTime": machine.map(|machine| timestamp(machine.first_seen)),
        "mdeDeviceId": id,
        "azureAdDeviceId": machine.and_then(|machine| machine.aad_device_id.as_deref()),
        "deviceDnsName": machine.map(|machine| machine.name.as_str()).or(name),
        "hostName": name.map(|name| name.split('.').next().unwrap_or(name)),
        "osPlatform": machine.map(|machine| machine.os_platform.as_str()),
        "osBuild": machine.and_then(|machine| machine.os_build),
        "version": machine.and_then(|machine| machine.version.as_deref()),
        "healthStatus": machine
            .map_or_else(|| "unknown".to_owned(), |machine| words::small_first(&machine.health)),
        "riskScore": "none",
        "rbacGroupId": machine.map(|machine| machine.group),
        "rbacGroupName": machine.and_then(|machine| machine.group_name.as_deref()),
        "onboardingStatus": machine
            .map_or_else(|| "unknown".to_owned(), |machine| words::small_first(&machine.onboarding)),
        "defenderAvStatus": "unknown",
        "ipInterfaces": machine.map_or_else(Vec::new, |machine| {
            machine.addresses.iter().map(|address| address.ip.as_str()).collect()
        }),
        "loggedOnUsers": [],
        "vmMetadata": null,
    })
}
