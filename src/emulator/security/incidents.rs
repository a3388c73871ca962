//! `/v1.0/security/incidents`: alerts of one machine and day make an incident. It is there as soon
//! as the first of its alerts is.

use std::collections::HashMap;
use std::sync::Arc;

use chrono::{DateTime, NaiveDate, Utc};
use serde_json::{Map, Value, json};

use super::alerts::graph::{self, PORTAL, RATE};
use super::alerts::{Alert, Change, Review};
use super::call::{Call, Object, Reply, Request, members};
use super::error::ApiError;
use super::folder::timestamp;
use super::machines::Machines;
use super::odata::{Accepted, Kind, Options, Paging};
use super::words::{self, CLASSIFICATIONS, DETERMINATIONS, SEVERITIES, known};
use super::{Known, Security};

const READ: &[&str] = &[
    "SecurityIncident.Read.All",
    "SecurityIncident.ReadWrite.All",
];
const WRITE: &[&str] = &["SecurityIncident.ReadWrite.All"];

const ACCEPTED: Accepted = Accepted {
    filterable: &[
        ("assignedTo", Kind::Text),
        ("classification", Kind::Word),
        ("createdDateTime", Kind::Time),
        ("determination", Kind::Word),
        ("lastUpdateDateTime", Kind::Time),
        ("severity", Kind::Word),
        ("status", Kind::Word),
    ],
    expandable: Some("alerts"),
};

/// States that people can give an incident; in Graph's spelling.
const STATUSES: [&str; 3] = ["active", "inProgress", "resolved"];
/// Most tags of an incident.
const TAGS_MAX: usize = 100;

/// Incidents by number.
#[derive(Debug, Default)]
pub(super) struct Incidents {
    all: Vec<Incident>,
    by_subject: HashMap<(String, NaiveDate), u64>,
}

#[derive(Debug)]
struct Incident {
    number: u64,
    alerts: Vec<String>,
    name: Option<String>,
    tags: Vec<String>,
    /// In Graph's spelling.
    status: &'static str,
    /// What people made of it, its status aside.
    review: Review,
}

impl Incidents {
    /// The number of the incident that an alert belongs to.
    fn take_in(&mut self, alert: &Alert) -> u64 {
        let subject = alert.device_id.as_ref().unwrap_or(&alert.title);
        let subject = (subject.clone(), alert.created.date_naive());
        let next = self.all.len() as u64 + 1;
        let number = *self.by_subject.entry(subject).or_insert(next);
        if number == next {
            self.all.push(Incident {
                number,
                alerts: Vec::new(),
                name: None,
                tags: Vec::new(),
                status: "active",
                review: Review::new(alert.created),
            });
        }
        if let Some(incident) = self.all.get_mut(number as usize - 1) {
            incident.alerts.push(alert.id.clone());
        }
        number
    }

    fn find(&mut self, id: &str) -> Option<&mut Incident> {
        let number: usize = id.parse().ok()?;
        self.all.get_mut(number.checked_sub(1)?)
    }
}

impl Known {
    /// Adds an alert, to its incident too.
    pub(super) fn add_alert(&mut self, mut alert: Alert) -> Result<(), ApiError> {
        // Numbers are given only to alerts that are taken.
        self.alerts.check(&alert)?;
        alert.incident = self.incidents.take_in(&alert);
        self.alerts.add(alert);
        Ok(())
    }
}

pub(super) fn calls() -> Vec<Call> {
    vec![
        Call::get("/v1.0/security/incidents", READ, list).at(RATE),
        Call::get("/v1.0/security/incidents/{}", READ, single).at(RATE),
        Call::patch("/v1.0/security/incidents/{}", WRITE, update).at(RATE),
        Call::post("/v1.0/security/incidents/{}/comments", WRITE, comment).at(RATE),
    ]
}

fn options(security: &Security, request: &Request) -> Result<Options, ApiError> {
    let settings = security.settings();
    let paging = Paging::Graph {
        page: settings.graph_page,
        page_max: settings.graph_page_max,
    };
    Options::read(request, &ACCEPTED, paging)
}

async fn list(security: Arc<Security>, request: Request) -> Result<Reply, ApiError> {
    security.read_alerts().await?;
    let machines = security.machines().await?;
    let options = options(&security, &request)?;
    let now = security.now();
    let known = security.known();
    let incidents = known.incidents.all.iter();
    let mut there: Vec<(DateTime<Utc>, Map<String, Value>)> = incidents
        .filter_map(|incident| incident.told(&known, &request, now))
        .collect();
    there.sort_by(|(one, _), (other, _)| other.cmp(one));
    let items = there.into_iter().map(|(_, told)| Value::Object(told));
    let mut page = options.page(&request, items.collect());
    if options.expand {
        for item in &mut page.items {
            let id = item.get("id").and_then(Value::as_str).unwrap_or("");
            let number: usize = id.parse().unwrap_or(0);
            if let Some(incident) = known.incidents.all.get(number.wrapping_sub(1)) {
                let alerts = incident.alerts_told(&known, &request, &machines, now);
                item["alerts"] = Value::Array(alerts);
            }
        }
    }
    Ok(page.reply(&request, &graph::context(&request, "incidents")))
}

async fn single(security: Arc<Security>, request: Request) -> Result<Reply, ApiError> {
    security.read_alerts().await?;
    let machines = security.machines().await?;
    let expand = options(&security, &request)?.expand;
    let known = security.known();
    told(
        &known,
        &request,
        security.now(),
        expand.then_some(&machines),
    )
}

/// The incident that a request names, as it is told.
fn told(
    known: &Known,
    request: &Request,
    now: DateTime<Utc>,
    expand: Option<&Machines>,
) -> Result<Reply, ApiError> {
    let id = request.found(0);
    let number: usize = id.parse().unwrap_or(0);
    let incident = known.incidents.all.get(number.wrapping_sub(1));
    let told = incident.and_then(|incident| {
        let (_, mut told) = incident.told(known, request, now)?;
        if let Some(machines) = expand {
            let alerts = incident.alerts_told(known, request, machines, now);
            told.insert("alerts".to_owned(), Value::Array(alerts));
        }
        Some(told)
    });
    let told = told.ok_or_else(|| not_found(id))?;
    Ok(graph::entity(request, "incidents", told))
}

fn not_found(id: &str) -> ApiError {
    let id: String = id.chars().take(100).collect();
    ApiError::not_found(format!("Incident {id} was not found"))
}

async fn update(security: Arc<Security>, request: Request) -> Result<Reply, ApiError> {
    security.read_alerts().await?;
    let body = request.object()?;
    body.only(&[
        "status",
        "assignedTo",
        "classification",
        "determination",
        "customTags",
        "displayName",
    ])?;
    let status = status(&body)?;
    let tags = body.texts("customTags")?;
    if tags.as_ref().is_some_and(|tags| tags.len() > TAGS_MAX) {
        return Err(ApiError::invalid_input("'customTags' has too many tags"));
    }
    let name = body.text("displayName")?.map(str::to_owned);
    let change = Change {
        status: None,
        classification: word(&body, "classification", CLASSIFICATIONS)?,
        determination: word(&body, "determination", DETERMINATIONS)?,
        assigned_to: body.text("assignedTo")?.map(str::to_owned),
        comment: None,
    };
    let now = security.now();
    let mut known = security.known();
    // What is not there yet is not changed.
    told(&known, &request, now, None)?;
    let found = known.incidents.find(request.found(0));
    let incident = found.ok_or_else(|| not_found(request.found(0)))?;
    incident.review.apply(&change, &request.caller.app, now);
    incident.status = status.unwrap_or(incident.status);
    incident.tags = tags.unwrap_or_else(|| std::mem::take(&mut incident.tags));
    incident.name = name.or(incident.name.take());
    told(&known, &request, now, None)
}

fn status(body: &Object) -> Result<Option<&'static str>, ApiError> {
    let Some(text) = body.text("status")? else {
        return Ok(None);
    };
    let known = STATUSES
        .iter()
        .find(|status| status.eq_ignore_ascii_case(text));
    let wrong = || ApiError::invalid_input("'status' has a value that is not allowed");
    known.copied().map(Some).ok_or_else(wrong)
}

fn word(
    body: &Object,
    name: &str,
    set: &'static [(&'static str, &'static str, &'static [&'static str])],
) -> Result<Option<&'static str>, ApiError> {
    let Some(text) = body.text(name)? else {
        return Ok(None);
    };
    let wrong = || ApiError::invalid_input(format!("'{name}' has a value that is not allowed"));
    known(set, text).map(Some).ok_or_else(wrong)
}

async fn comment(security: Arc<Security>, request: Request) -> Result<Reply, ApiError> {
    security.read_alerts().await?;
    let text = graph::comment_text(&request)?;
    let now = security.now();
    let mut known = security.known();
    told(&known, &request, now, None)?;
    let found = known.incidents.find(request.found(0));
    let incident = found.ok_or_else(|| not_found(request.found(0)))?;
    incident.review.comment(&text, &request.caller.app, now);
    let set = format!("incidents('{}')/comments", incident.number);
    let comments = graph::comments(&incident.review);
    Ok(Reply::ok(json!({
        "@odata.context": graph::context(&request, &set),
        "value": comments,
    })))
}

impl Incident {
    /// As it is told, with when it came to be; none before that.
    fn told(
        &self,
        known: &Known,
        request: &Request,
        now: DateTime<Utc>,
    ) -> Option<(DateTime<Utc>, Map<String, Value>)> {
        let alerts: Vec<&Alert> = self
            .alerts
            .iter()
            .filter_map(|id| known.alerts.find(id, now).ok())
            .collect();
        let first = alerts.iter().min_by_key(|alert| alert.created)?;
        let updates = alerts.iter().map(|alert| alert.review.updated);
        let updated = updates.max()?.max(self.review.updated);
        let rank = |severity: &str| SEVERITIES.iter().position(|(word, ..)| *word == severity);
        let worst = alerts.iter().max_by_key(|alert| rank(alert.severity))?;
        let name = self.name.clone().unwrap_or_else(|| match alerts.len() {
            1 => first.title.clone(),
            _ => format!("Multi-stage incident: {}", first.title),
        });
        let tenant = &request.caller.tenant;
        let review = &self.review;
        let told = members(json!({
            "id": self.number.to_string(),
            "tenantId": tenant,
            "incidentWebUrl": format!("{PORTAL}/incidents/{}?tid={tenant}", self.number),
            "redirectIncidentId": null,
            "displayName": name,
            "description": first.description,
            "createdDateTime": timestamp(first.created),
            "lastUpdateDateTime": timestamp(updated),
            "lastModifiedBy": review.comments.last().map(|comment| &comment.by),
            "assignedTo": review.assigned_to,
            "classification": review.classification
                .map_or("unknown", |word| words::of_graph(CLASSIFICATIONS, word)),
            "determination": review.determination
                .map_or("unknown", |word| words::of_graph(DETERMINATIONS, word)),
            "status": self.status,
            "severity": words::of_graph(SEVERITIES, worst.severity),
            "customTags": self.tags,
            "systemTags": [],
            "comments": graph::comments(review),
        }));
        Some((first.created, told))
    }

    fn alerts_told(
        &self,
        known: &Known,
        request: &Request,
        machines: &Machines,
        now: DateTime<Utc>,
    ) -> Vec<Value> {
        let telling = graph::Telling::of(request);
        let alerts = self.alerts.iter();
        let there = alerts.filter_map(|id| known.alerts.find(id, now).ok());
        there
            .map(|alert| Value::Object(graph::told(alert, &telling, now, Some(machines))))
            .collect()
    }
}
