//! Machines by an address they had, and by tag.

use std::collections::BTreeSet;
use std::net::IpAddr;
use std::sync::Arc;

use chrono::{DateTime, TimeDelta, Utc};
use serde_json::Value;

use super::super::Security;
use super::super::call::{Reply, Request};
use super::super::error::ApiError;
use super::super::folder::{self, Question};
use super::{Machine, values};

/// How far from the instant an address may have been used.
const AROUND: TimeDelta = TimeDelta::minutes(15);
/// How long ago the instant may be.
const OLDEST: TimeDelta = TimeDelta::days(30);

/// `findbyip(ip='10.0.0.5',timestamp=2026-02-03T04:05:06Z)`
pub(super) async fn by_ip(security: Arc<Security>, request: Request) -> Result<Reply, ApiError> {
    let now = security.now();
    let (ip, at) = arguments(request.found(0))?;
    if now - at > OLDEST {
        return Err(ApiError::bad(
            "BadRequest",
            "The timestamp must be in the past 30 days",
        ));
    }
    security.read_alerts().await?;
    let machines = security.machines().await?;
    let tables = security
        .folder
        .of(&["DeviceNetworkEvents", "DeviceNetworkInfo"])
        .await?;
    let mut ids = BTreeSet::new();
    for table in tables {
        let condition = if table == "DeviceNetworkInfo" {
            "IPAddresses has ip"
        } else {
            "LocalIP == ip"
        };
        let question = format!(
            "{table}\n\
             | where Timestamp between (earliest .. latest) and {condition}\n\
             | distinct DeviceId\n\
             | take 10000"
        );
        let question = Question::new(question, now)
            .text("ip", &ip.to_string())
            .time("earliest", at - AROUND)
            .time("latest", at + AROUND);
        for row in security.folder.rows(question).await? {
            ids.extend(folder::owned(&row, "DeviceId"));
        }
    }
    let found = machines.iter().filter(|machine| ids.contains(&machine.id));
    found_or_404(&security, &request, found)
}

/// `ip='…',timestamp=…`
fn arguments(text: &str) -> Result<(IpAddr, DateTime<Utc>), ApiError> {
    let (mut ip, mut at) = (None, None);
    for argument in text.split(',') {
        let Some((name, value)) = argument.split_once('=') else {
            continue;
        };
        let value = value.trim().trim_matches('\'');
        match name.trim() {
            "ip" => {
                let parsed = value.parse::<IpAddr>();
                let wrong = |_| ApiError::bad("InvalidIpAddress", "The IP address is not valid");
                ip = Some(parsed.map_err(wrong)?);
            }
            "timestamp" => {
                let parsed = DateTime::parse_from_rfc3339(value);
                let wrong = |_| ApiError::invalid_input("The timestamp is not a date and time");
                at = Some(parsed.map_err(wrong)?.to_utc());
            }
            _ => {}
        }
    }
    let ip = ip.ok_or_else(|| ApiError::missing_parameter("ip"))?;
    let at = at.ok_or_else(|| ApiError::missing_parameter("timestamp"))?;
    Ok((ip, at))
}

/// `findbytag?tag=x&useStartsWithFilter=true`
pub(super) async fn by_tag(security: Arc<Security>, request: Request) -> Result<Reply, ApiError> {
    let tag = request.option("tag").filter(|tag| !tag.is_empty());
    let tag = tag.ok_or_else(|| ApiError::missing_parameter("tag"))?;
    let starts = match request.option("useStartsWithFilter") {
        None => false,
        Some(value) => value
            .to_ascii_lowercase()
            .parse()
            .map_err(|_| ApiError::invalid_input("useStartsWithFilter is not true or false"))?,
    };
    security.read_alerts().await?;
    let machines = security.machines().await?;
    let tagged: BTreeSet<String> = {
        let known = security.known();
        let has = |machine: &&Machine| {
            known.overlay.tags(machine).iter().any(|other| {
                if starts {
                    other.starts_with(tag)
                } else {
                    other == tag
                }
            })
        };
        let found = machines.iter().filter(has);
        found.map(|machine| machine.id.clone()).collect()
    };
    let found = machines
        .iter()
        .filter(|machine| tagged.contains(&machine.id));
    let found: Vec<Value> = values(&security, found);
    Ok(Reply::list(&request, "Machines", found))
}

fn found_or_404<'m>(
    security: &Security,
    request: &Request,
    found: impl Iterator<Item = &'m Machine>,
) -> Result<Reply, ApiError> {
    let found = values(security, found);
    if found.is_empty() {
        return Err(ApiError::not_found("No machine was found"));
    }
    Ok(Reply::list(request, "Machines", found))
}
