//! `/api/ips/{ip}`: addresses, from the connections of machines.

use std::net::IpAddr;
use std::sync::Arc;

use serde_json::json;

use super::super::call::{Call, Reply, Request};
use super::super::error::ApiError;
use super::super::folder::{self, timestamp};
use super::super::{Security, alerts};
use super::{ALERTS, Place, look_back, sightings, span};

const PLACES: &[Place] = &[
    ("DeviceNetworkEvents", "RemoteIP == value"),
    ("DeviceLogonEvents", "RemoteIP == value"),
];

pub(super) fn calls() -> Vec<Call> {
    vec![
        Call::get("/api/ips/{}/stats", &["Ip.Read.All"], stats),
        Call::get("/api/ips/{}/alerts", ALERTS, alerts_of),
    ]
}

fn address(request: &Request) -> Result<String, ApiError> {
    let address: Result<IpAddr, _> = request.found(0).parse();
    let wrong = |_| ApiError::bad("InvalidIpAddress", "The IP address is not valid");
    address.map(|address| address.to_string()).map_err(wrong)
}

async fn stats(security: Arc<Security>, request: Request) -> Result<Reply, ApiError> {
    let ip = address(&request)?;
    let back = look_back(&request)?;
    let folder = &security.folder;
    let rows = sightings(folder, PLACES, "", &ip, security.now(), Some(back)).await?;
    let (first, last) = span(&rows);
    Ok(Reply::ok(json!({
        "@odata.context": request.context("microsoft.windowsDefenderATP.api.InOrgIPStats"),
        "ipAddress": ip,
        "organizationPrevalence": rows.len(),
        "orgFirstSeen": first.map(timestamp),
        "orgLastSeen": last.map(timestamp),
    })))
}

async fn alerts_of(security: Arc<Security>, request: Request) -> Result<Reply, ApiError> {
    let ip = address(&request)?;
    security.read_alerts().await?;
    alerts::defender::listed(&security, &request, |alert| {
        let mut evidence = alert.evidence.iter();
        evidence.any(|evidence| folder::text(&evidence.row, "RemoteIP") == Some(&ip))
    })
}
