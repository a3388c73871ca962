//! `/api/domains/{domain}`: hosts and what is below them, from the connections of machines.

use std::sync::Arc;

use serde_json::json;

use super::super::call::{Call, Reply, Request};
use super::super::error::ApiError;
use super::super::folder::{self, Row, timestamp};
use super::super::machines::{READ, values};
use super::super::{Security, alerts, indicators};
use super::{ALERTS, Place, look_back, machine_ids, sightings, span};

/// Hosts stand bare or within an address.
const PLACES: &[Place] = &[(
    "DeviceNetworkEvents",
    "RemoteUrl has value and tolower(iff(RemoteUrl contains '://', \
     tostring(parse_url(RemoteUrl).Host), tostring(split(split(RemoteUrl, '/')[0], ':')[0]))) \
     in (tolower(value), strcat('www.', tolower(value)))",
)];
/// Most machines of an answer.
const MACHINES_MAX: usize = 500;

pub(super) fn calls() -> Vec<Call> {
    vec![
        Call::get("/api/domains/{}/stats", &["URL.Read.All"], stats),
        Call::get("/api/domains/{}/machines", READ, machines),
        Call::get("/api/domains/{}/alerts", ALERTS, alerts_of),
    ]
}

fn domain(request: &Request) -> Result<&str, ApiError> {
    let domain = request.found(0);
    if indicators::is_domain(domain) {
        return Ok(domain);
    }
    Err(ApiError::bad(
        "InvalidDomainName",
        "The domain name is not valid",
    ))
}

async fn stats(security: Arc<Security>, request: Request) -> Result<Reply, ApiError> {
    let host = domain(&request)?;
    let back = look_back(&request)?;
    let folder = &security.folder;
    let rows: Vec<Row> = sightings(folder, PLACES, "", host, security.now(), Some(back)).await?;
    let (first, last) = span(&rows);
    Ok(Reply::ok(json!({
        "@odata.context": request.context("microsoft.windowsDefenderATP.api.InOrgDomainStats"),
        "host": host,
        "organizationPrevalence": rows.len(),
        "orgFirstSeen": first.map(timestamp),
        "orgLastSeen": last.map(timestamp),
    })))
}

async fn machines(security: Arc<Security>, request: Request) -> Result<Reply, ApiError> {
    let host = domain(&request)?;
    let rows = sightings(&security.folder, PLACES, "", host, security.now(), None).await?;
    let ids = machine_ids(&rows);
    security.read_alerts().await?;
    let machines = security.machines().await?;
    let found = ids.iter().filter_map(|id| machines.find(id).ok());
    let found = values(&security, found.take(MACHINES_MAX));
    Ok(Reply::list(&request, "Machines", found))
}

async fn alerts_of(security: Arc<Security>, request: Request) -> Result<Reply, ApiError> {
    let host = domain(&request)?;
    security.read_alerts().await?;
    alerts::defender::listed(&security, &request, |alert| {
        alert.evidence.iter().any(|evidence| {
            folder::text(&evidence.row, "RemoteUrl")
                .is_some_and(|url| alerts::defender::host(url).eq_ignore_ascii_case(host))
        })
    })
}
