//! One indicator: what a request may say of it, and how it is told.

use std::net::IpAddr;

use chrono::{DateTime, Utc};
use serde_json::{Map, Value, json};

use super::super::call::{Object, members, short};
use super::super::error::ApiError;
use super::super::folder::timestamp;
use crate::emulator::caller::Caller;

const TYPES: [&str; 7] = [
    "FileSha1",
    "FileSha256",
    "FileMd5",
    "CertificateThumbprint",
    "IpAddress",
    "DomainName",
    "Url",
];
/// `Alert` and `AlertAndBlock` were to end in 2022, but are documented still.
const ACTIONS: [&str; 7] = [
    "Warn",
    "Block",
    "Audit",
    "Alert",
    "AlertAndBlock",
    "BlockAndRemediate",
    "Allowed",
];
const SEVERITIES: [&str; 4] = ["Informational", "Low", "Medium", "High"];
const MEMBERS: [&str; 15] = [
    "indicatorValue",
    "indicatorType",
    "action",
    "application",
    "externalID",
    "expirationTime",
    "severity",
    "title",
    "description",
    "recommendedActions",
    "rbacGroupNames",
    "rbacGroupIds",
    "generateAlert",
    "educateUrl",
    "source",
];
/// What a request wants an indicator to be.
#[derive(Debug)]
pub(super) struct Wanted {
    value: String,
    ty: &'static str,
    action: &'static str,
    title: String,
    description: String,
    severity: &'static str,
    application: Option<String>,
    external_id: Option<String>,
    recommended_actions: Option<String>,
    groups: Vec<String>,
    group_ids: Vec<String>,
    generate_alert: bool,
    expires: Option<DateTime<Utc>>,
}

/// What an indicator is about: its type, and its value whatever its case.
pub(super) type Subject = (&'static str, String);

/// An indicator.
#[derive(Debug)]
pub(super) struct Entry {
    is: Wanted,
    created_by: String,
    created: DateTime<Utc>,
    updated_by: String,
    updated: DateTime<Utc>,
}

impl Wanted {
    /// Reads and checks what a request says.
    pub(super) fn read(body: &Object, now: DateTime<Utc>) -> Result<Self, ApiError> {
        for name in [
            "indicatorValue",
            "indicatorType",
            "action",
            "title",
            "description",
        ] {
            body.required(name)?;
        }
        body.only(&MEMBERS)?;
        let ty = one_of("indicatorType", body.required("indicatorType")?, &TYPES)?;
        let action = one_of("action", body.required("action")?, &ACTIONS)?;
        let severity = body.text("severity")?.unwrap_or("Informational");
        let value = body.required("indicatorValue")?.trim().to_owned();
        check_value(ty, &value)?;
        let generate_alert = match body.get("generateAlert") {
            None => false,
            Some(Value::Bool(value)) => *value,
            Some(Value::String(text)) if text.eq_ignore_ascii_case("true") => true,
            Some(Value::String(text)) if text.eq_ignore_ascii_case("false") => false,
            Some(_) => {
                return Err(ApiError::invalid_body(
                    "'generateAlert' is not true or false",
                ));
            }
        };
        if action == "Audit" && !generate_alert {
            return Err(ApiError::invalid_input(
                "'generateAlert' must be true where the action is Audit",
            ));
        }
        let expires = match body.text("expirationTime")? {
            None => None,
            Some(text) => {
                let wrong = |_| ApiError::invalid_input("'expirationTime' is not a date and time");
                Some(DateTime::parse_from_rfc3339(text).map_err(wrong)?.to_utc())
            }
        };
        if expires.is_some_and(|expires| expires <= now) {
            return Err(ApiError::invalid_input("'expirationTime' is in the past"));
        }
        let text = |name| Ok::<_, ApiError>(body.text(name)?.map(str::to_owned));
        Ok(Self {
            value,
            ty,
            action,
            title: body.required("title")?.to_owned(),
            description: body.required("description")?.to_owned(),
            severity: one_of("severity", severity, &SEVERITIES)?,
            application: text("application")?,
            external_id: text("externalID")?,
            recommended_actions: text("recommendedActions")?,
            groups: groups(body, "rbacGroupNames")?,
            group_ids: groups(body, "rbacGroupIds")?,
            generate_alert,
            expires,
        })
    }
}

impl Wanted {
    /// What it is to be about.
    pub(super) fn subject(&self) -> Subject {
        (self.ty, self.value.to_lowercase())
    }
}

/// Groups are documented as text with commas, and shown as an array.
fn groups(body: &Object, name: &str) -> Result<Vec<String>, ApiError> {
    if let Some(Value::String(text)) = body.get(name) {
        let parts = short(name, text)?
            .split(',')
            .map(|part| part.trim().to_owned());
        return Ok(parts.filter(|part| !part.is_empty()).collect());
    }
    Ok(body.texts(name)?.unwrap_or_default())
}

fn one_of(name: &str, text: &str, allowed: &[&'static str]) -> Result<&'static str, ApiError> {
    let found = allowed.iter().find(|known| **known == text);
    found.copied().ok_or_else(|| {
        ApiError::invalid_input(format!("'{name}' is not one of {}", allowed.join(", ")))
    })
}

fn check_value(ty: &str, value: &str) -> Result<(), ApiError> {
    let hash = |digits: usize| {
        if value.len() == digits && value.chars().all(|c| c.is_ascii_hexdigit()) {
            return Ok(());
        }
        Err(ApiError::bad(
            "InvalidHashValue",
            format!("'indicatorValue' is not a {ty}"),
        ))
    };
    let wrong = |code, what: &str| Err(ApiError::bad(code, format!("'indicatorValue' {what}")));
    match ty {
        "FileSha1" | "CertificateThumbprint" => hash(40),
        "FileSha256" => hash(64),
        "FileMd5" => hash(32),
        "IpAddress" if value.parse::<IpAddr>().is_err() => {
            wrong("InvalidIpAddress", "is not a single IP address")
        }
        "DomainName" if !is_domain(value) => wrong("InvalidDomainName", "is not a domain name"),
        "Url" if !is_url(value) => wrong("InvalidUrl", "is not a URL"),
        _ => Ok(()),
    }
}

/// Whether a text is a name of a host as DNS allows it, with at least two labels.
pub(in super::super) fn is_domain(text: &str) -> bool {
    let is_label = |label: &str| {
        let fits = |c: char| c.is_alphanumeric() || c == '-' || c == '_';
        (1..=63).contains(&label.len())
            && label.chars().all(fits)
            && !label.starts_with('-')
            && !label.ends_with('-')
    };
    text.len() <= 253
        && text.contains('.')
        && text.parse::<IpAddr>().is_err()
        && text.split('.').all(is_label)
}

fn is_url(text: &str) -> bool {
    let rest = text.split_once("://").map_or(text, |(_, rest)| rest);
    let host = rest.split(['/', '?', '#', ':']).next().unwrap_or(rest);
    !text.contains(char::is_whitespace) && (is_domain(host) || host.parse::<IpAddr>().is_ok())
}

impl Entry {
    /// A new one.
    pub(super) fn new(wanted: Wanted, caller: &Caller, now: DateTime<Utc>) -> Self {
        Self {
            is: wanted,
            created_by: caller.app.clone(),
            created: now,
            updated_by: caller.app.clone(),
            updated: now,
        }
    }

    /// Makes it what is wanted. Its application stays, as documented.
    pub(super) fn update(&mut self, wanted: Wanted, caller: &Caller, now: DateTime<Utc>) {
        let application = self.is.application.take();
        self.is = Wanted {
            application,
            ..wanted
        };
        self.updated_by.clone_from(&caller.app);
        self.updated = now;
    }

    /// What it is about.
    pub(super) fn subject(&self) -> Subject {
        self.is.subject()
    }

    /// Whether this application made it.
    pub(super) fn is_by(&self, caller: &Caller) -> bool {
        self.created_by == caller.app
    }

    /// Whether it is in force no more.
    pub(super) fn has_expired(&self, now: DateTime<Utc>) -> bool {
        self.is.expires.is_some_and(|expires| expires <= now)
    }

    /// As it is told.
    pub(super) fn told(&self, number: u64) -> Map<String, Value> {
        let is = &self.is;
        members(json!({
            "id": number.to_string(),
            "indicatorValue": is.value,
            "indicatorType": is.ty,
            "action": is.action,
            "application": is.application,
            "externalID": is.external_id,
            "source": self.created_by,
            "createdBySource": self.created_by,
            "sourceType": "AadApp",
            "createdBy": self.created_by,
            "createdByDisplayName": self.created_by,
            "lastUpdatedBy": self.updated_by,
            "creationTimeDateTimeUtc": timestamp(self.created),
            "expirationTime": is.expires.map(timestamp),
            "lastUpdateTime": timestamp(self.updated),
            "severity": is.severity,
            "title": is.title,
            "description": is.description,
            "recommendedActions": is.recommended_actions,
            "rbacGroupNames": is.groups,
            "rbacGroupIds": is.group_ids,
            "generateAlert": is.generate_alert,
        }))
    }
}
