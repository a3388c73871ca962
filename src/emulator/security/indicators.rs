//! `/api/indicators`: what machines are to block, allow or tell of. `entry` reads and tells one.

mod entry;

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use axum::http::StatusCode;
use chrono::{DateTime, Utc};
use serde_json::{Value, json};

use super::Security;
use super::call::{Call, Object, Rate, Reply, Request};
use super::error::ApiError;
use super::odata::{Accepted, Kind, Options, Paging};
use crate::emulator::caller::Caller;
use entry::{Entry, Subject, Wanted};

pub(super) use entry::is_domain;

const ROLES: &[&str] = &["Ti.ReadWrite", "Ti.ReadWrite.All"];
/// Who sees and changes what others made.
const ALL: &[&str] = &["Ti.ReadWrite.All"];

/// Most indicators of a tenant that have not expired.
const INDICATORS_MAX: usize = 15_000;
/// Most indicators of one request.
const BATCH_MAX: usize = 500;

const ACCEPTED: Accepted = Accepted {
    filterable: &[
        ("application", Kind::Text),
        ("createdByDisplayName", Kind::Text),
        ("expirationTime", Kind::Time),
        ("generateAlert", Kind::Bool),
        ("title", Kind::Text),
        ("rbacGroupNames", Kind::Texts),
        ("rbacGroupIds", Kind::Texts),
        ("indicatorValue", Kind::Text),
        ("indicatorType", Kind::Word),
        ("creationTimeDateTimeUtc", Kind::Time),
        ("createdBy", Kind::Text),
        ("action", Kind::Word),
        ("severity", Kind::Word),
    ],
    expandable: None,
};

/// Indicators by number.
#[derive(Debug, Default)]
pub(super) struct Indicators {
    all: BTreeMap<u64, Entry>,
    /// Numbers by what indicators are about.
    by_subject: HashMap<Subject, u64>,
    count: u64,
}

impl Indicators {
    /// Makes an indicator, or changes the one of the same value; gives its number.
    fn put(
        &mut self,
        wanted: Wanted,
        caller: &Caller,
        now: DateTime<Utc>,
    ) -> Result<u64, ApiError> {
        let subject = wanted.subject();
        let number = self.by_subject.get(&subject).copied();
        if let Some(number) = number
            && let Some(entry) = self.all.get_mut(&number)
        {
            if !sees(caller, entry) {
                let message = "The indicator belongs to another application";
                return Err(ApiError::new(
                    StatusCode::FORBIDDEN,
                    "DisallowedOperation",
                    message,
                ));
            }
            entry.update(wanted, caller, now);
            return Ok(number);
        }
        if self.all.len() >= INDICATORS_MAX {
            return Err(ApiError::bad(
                "BadRequest",
                format!("Max capacity exceeded: there can be {INDICATORS_MAX} active indicators"),
            ));
        }
        self.count += 1;
        self.by_subject.insert(subject, self.count);
        self.all.insert(self.count, Entry::new(wanted, caller, now));
        Ok(self.count)
    }

    /// Forgets what has expired.
    fn expire(&mut self, now: DateTime<Utc>) {
        let by_subject = &mut self.by_subject;
        self.all.retain(|_, entry| {
            let expired = entry.has_expired(now);
            if expired {
                by_subject.remove(&entry.subject());
            }
            !expired
        });
    }

    fn remove(&mut self, number: u64) {
        if let Some(entry) = self.all.remove(&number) {
            self.by_subject.remove(&entry.subject());
        }
    }

    /// The number that an id stands for, if the caller sees that indicator.
    fn find(&self, id: &str, caller: &Caller) -> Option<u64> {
        let number: u64 = id.parse().ok()?;
        self.all.get(&number).filter(|entry| sees(caller, entry))?;
        Some(number)
    }
}

fn sees(caller: &Caller, entry: &Entry) -> bool {
    caller.may(ALL) || entry.is_by(caller)
}

pub(super) fn calls() -> Vec<Call> {
    let batch = Rate::of(30, 1_500);
    vec![
        Call::get("/api/indicators", ROLES, list),
        Call::post("/api/indicators", ROLES, put),
        Call::post("/api/indicators/import", ROLES, import).at(Rate::per_minute(30)),
        Call::post("/api/indicators/BatchDelete", ROLES, delete_batch).at(batch),
        Call::delete("/api/indicators/{}", ROLES, delete),
    ]
}

async fn list(security: Arc<Security>, request: Request) -> Result<Reply, ApiError> {
    let settings = security.settings();
    let paging = Paging::Defender {
        page: settings.defender_page,
        links: settings.defender_next_link,
    };
    let options = Options::read(&request, &ACCEPTED, paging)?;
    let mut known = security.known();
    known.indicators.expire(security.now());
    let all = known.indicators.all.iter();
    let seen = all.filter(|(_, entry)| sees(&request.caller, entry));
    let items = seen.map(|(number, entry)| Value::Object(entry.told(*number)));
    let page = options.page(&request, items.collect());
    Ok(page.reply(&request, &request.context("Indicators")))
}

async fn put(security: Arc<Security>, request: Request) -> Result<Reply, ApiError> {
    let now = security.now();
    let wanted = Wanted::read(&request.object()?, now)?;
    let mut known = security.known();
    known.indicators.expire(now);
    let number = known.indicators.put(wanted, &request.caller, now)?;
    let entry = known.indicators.all.get(&number);
    let told = entry.map(|entry| entry.told(number)).unwrap_or_default();
    Ok(Reply::entity(&request, "Indicators", told))
}

async fn import(security: Arc<Security>, request: Request) -> Result<Reply, ApiError> {
    let body = request.object()?;
    body.only(&["Indicators"])?;
    let listed = match body.get("Indicators") {
        Some(Value::Array(listed)) => listed,
        Some(_) => return Err(ApiError::invalid_body("'Indicators' is not an array")),
        None => return Err(ApiError::missing_parameter("Indicators")),
    };
    check_batch(listed.len(), "Indicators")?;
    let now = security.now();
    let mut known = security.known();
    known.indicators.expire(now);
    let results = listed.iter().map(|item| {
        let value = item.get("indicatorValue").cloned();
        let put = match item {
            Value::Object(members) => Wanted::read(&Object::of(members.clone()), now)
                .and_then(|wanted| known.indicators.put(wanted, &request.caller, now)),
            _ => Err(ApiError::invalid_body("an indicator is not an object")),
        };
        let number = put.as_ref().ok();
        json!({
            "id": number.map(ToString::to_string),
            "indicator": value,
            "isFailed": put.is_err(),
            "failureReason": put.as_ref().err().map(|error| &error.message),
        })
    });
    let results: Vec<Value> = results.collect();
    let set = "Collection(microsoft.windowsDefenderATP.api.ImportIndicatorResult)";
    Ok(Reply::ok(
        json!({ "@odata.context": request.context(set), "value": results }),
    ))
}

async fn delete(security: Arc<Security>, request: Request) -> Result<Reply, ApiError> {
    let mut known = security.known();
    known.indicators.expire(security.now());
    let number = known.indicators.find(request.found(0), &request.caller);
    let none = || ApiError::not_found("The indicator was not found");
    known.indicators.remove(number.ok_or_else(none)?);
    Ok(Reply::Empty(StatusCode::NO_CONTENT))
}

async fn delete_batch(security: Arc<Security>, request: Request) -> Result<Reply, ApiError> {
    let body = request.object()?;
    body.only(&["IndicatorIds"])?;
    let ids = body.texts("IndicatorIds")?;
    let ids = ids.ok_or_else(|| ApiError::missing_parameter("IndicatorIds"))?;
    check_batch(ids.len(), "IndicatorIds")?;
    if !ids.iter().all(|id| id.parse::<u64>().is_ok()) {
        return Err(ApiError::invalid_input(
            "'IndicatorIds' has an id that is not a number",
        ));
    }
    let mut known = security.known();
    known.indicators.expire(security.now());
    let numbers: Option<Vec<u64>> = ids
        .iter()
        .map(|id| known.indicators.find(id, &request.caller))
        .collect();
    let none = || ApiError::not_found("One of the indicators was not found");
    for number in numbers.ok_or_else(none)? {
        known.indicators.remove(number);
    }
    Ok(Reply::Empty(StatusCode::NO_CONTENT))
}

fn check_batch(count: usize, name: &str) -> Result<(), ApiError> {
    match count {
        0 => Err(ApiError::missing_parameter(name)),
        count if count > BATCH_MAX => Err(ApiError::bad(
            "MaximumBatchSizeExceeded",
            format!("'{name}' has more than {BATCH_MAX} items"),
        )),
        _ => Ok(()),
    }
}
