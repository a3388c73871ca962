//! `/api/machines`: the machines of the folder's table `DeviceInfo`. `read` takes them from the
//! folder, `find` looks for some of them, `tags` changes what people say of them; what is done to
//! them is in `machine_actions`.

mod find;
mod read;
mod tags;

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use chrono::{DateTime, TimeDelta, Utc};
use serde_json::{Map, Value, json};

use super::call::{Call, Reply, Request, members};
use super::error::ApiError;
use super::folder::timestamp;
use super::odata::{Accepted, Kind, Options, Paging};
use super::{Known, Security, alerts, enrichment};

pub(super) use read::read;

/// Who may read machines.
pub(super) const READ: &[&str] = &["Machine.Read.All", "Machine.ReadWrite.All"];
/// Who may change what is said of them.
const WRITE: &[&str] = &["Machine.ReadWrite.All"];

/// After how long the machines are looked at anew, by the clock.
const FRESH: TimeDelta = TimeDelta::minutes(30);

const ACCEPTED: Accepted = Accepted {
    filterable: &[
        ("computerDnsName", Kind::Text),
        ("id", Kind::Text),
        ("version", Kind::Text),
        ("deviceValue", Kind::Word),
        ("aadDeviceId", Kind::Text),
        ("machineTags", Kind::Texts),
        ("lastSeen", Kind::Time),
        ("exposureLevel", Kind::Word),
        ("onboardingStatus", Kind::Word),
        ("lastIpAddress", Kind::Text),
        ("healthStatus", Kind::Word),
        ("osPlatform", Kind::Word),
        ("riskScore", Kind::Word),
        ("rbacGroupId", Kind::QuotableNumber),
    ],
    expandable: None,
};

/// A machine.
#[derive(Clone, Debug)]
pub(super) struct Machine {
    pub(super) id: String,
    pub(super) name: String,
    pub(super) first_seen: DateTime<Utc>,
    pub(super) last_seen: DateTime<Utc>,
    pub(super) os_platform: String,
    pub(super) version: Option<String>,
    pub(super) os_architecture: Option<String>,
    pub(super) os_build: Option<i64>,
    pub(super) last_external_ip: Option<String>,
    pub(super) addresses: Vec<Address>,
    pub(super) health: String,
    pub(super) onboarding: String,
    /// Number of its group, from one; zero without a group.
    pub(super) group: i64,
    pub(super) group_name: Option<String>,
    pub(super) exposure: String,
    pub(super) value: String,
    pub(super) aad_device_id: Option<String>,
    pub(super) is_aad_joined: Option<bool>,
    pub(super) tags: Vec<String>,
}

/// Where a machine is reached.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Address {
    pub(super) ip: String,
    /// Twelve hexadecimal digits.
    pub(super) mac: Option<String>,
    pub(super) status: Option<String>,
}

/// The machines of the folder at a time.
#[derive(Debug)]
pub(super) struct Machines {
    read: DateTime<Utc>,
    all: Vec<Machine>,
    by_id: HashMap<String, usize>,
    by_name: HashMap<String, usize>,
}

impl Machines {
    /// These, as they are at `read`.
    pub(super) fn new(read: DateTime<Utc>, all: Vec<Machine>) -> Self {
        let index = |key: &dyn Fn(&Machine) -> String| {
            let keys = all.iter().enumerate();
            keys.map(|(index, machine)| (key(machine), index)).collect()
        };
        Self {
            read,
            by_id: index(&|machine| machine.id.to_lowercase()),
            by_name: index(&|machine| machine.name.to_lowercase()),
            all,
        }
    }

    /// Whether they need not be looked at anew.
    pub(super) fn are_fresh(&self, now: DateTime<Utc>) -> bool {
        now - self.read < FRESH
    }

    /// The one of this id or computer name.
    pub(super) fn find(&self, id_or_name: &str) -> Result<&Machine, ApiError> {
        let key = id_or_name.to_lowercase();
        let index = self.by_id.get(&key).or_else(|| self.by_name.get(&key));
        index.and_then(|index| self.all.get(*index)).ok_or_else(|| {
            let shown: String = id_or_name.chars().take(100).collect();
            ApiError::not_found(format!("Machine {shown} was not found"))
        })
    }

    /// The one seen last.
    pub(super) fn first(&self) -> Option<&Machine> {
        self.all.first()
    }

    /// All, newest first.
    pub(super) fn iter(&self) -> impl Iterator<Item = &Machine> {
        self.all.iter()
    }
}

/// What people say of machines, by their ids.
#[derive(Debug, Default)]
pub(super) struct Overlay(BTreeMap<String, Said>);

/// What people say of a machine.
#[derive(Clone, Debug, Default)]
struct Said {
    tags: Option<Vec<String>>,
    value: Option<String>,
}

impl Overlay {
    /// The tags of a machine.
    pub(super) fn tags<'m>(&'m self, machine: &'m Machine) -> &'m [String] {
        let said = self.0.get(&machine.id);
        said.and_then(|said| said.tags.as_deref())
            .unwrap_or(&machine.tags)
    }

    fn value<'m>(&'m self, machine: &'m Machine) -> &'m str {
        let said = self.0.get(&machine.id);
        said.and_then(|said| said.value.as_deref())
            .unwrap_or(&machine.value)
    }

    fn said(&mut self, machine: &Machine) -> &mut Said {
        self.0.entry(machine.id.clone()).or_default()
    }
}

pub(super) fn calls() -> Vec<Call> {
    let mut calls = vec![
        Call::get("/api/machines", READ, list),
        Call::get("/api/machines/findbyip()", READ, find::by_ip),
        Call::get("/api/machines/findbytag", READ, find::by_tag),
        Call::get("/api/machines/{}", READ, single),
        Call::get(
            "/api/machines/{}/logonusers",
            &["User.Read.All"],
            logon_users,
        ),
        Call::get(
            "/api/machines/{}/alerts",
            &["Alert.Read.All", "Alert.ReadWrite.All"],
            alerts_of,
        ),
    ];
    calls.extend(tags::calls(WRITE));
    calls
}

async fn list(security: Arc<Security>, request: Request) -> Result<Reply, ApiError> {
    security.read_alerts().await?;
    let machines = security.machines().await?;
    let now = security.now();
    let days = security.settings().recent_days;
    let recent = machines.iter().filter(|machine| {
        days.is_none_or(|days| now - machine.last_seen < TimeDelta::days(days.into()))
    });
    page(&security, &request, recent)
}

/// Machines as a list with all its options. Where none is found it is 404, as documented.
fn page<'m>(
    security: &Security,
    request: &Request,
    machines: impl Iterator<Item = &'m Machine>,
) -> Result<Reply, ApiError> {
    let settings = security.settings();
    let paging = Paging::Defender {
        page: settings.defender_page,
        links: settings.defender_next_link,
    };
    let options = Options::read(request, &ACCEPTED, paging)?;
    let items: Vec<Value> = values(security, machines);
    if items.is_empty() && !request.counts {
        return Err(ApiError::not_found("There are no recent machines"));
    }
    let page = options.page(request, items);
    if page.total == 0 && !request.counts {
        return Err(ApiError::not_found("No machine was found"));
    }
    Ok(page.reply(request, &request.context("Machines")))
}

/// Machines as they are told.
pub(super) fn values<'m>(
    security: &Security,
    machines: impl Iterator<Item = &'m Machine>,
) -> Vec<Value> {
    let known = security.known();
    let risks = risks(&known, security.now());
    machines
        .map(|machine| Value::Object(told_with(machine, &known, risks.get(&machine.id).copied())))
        .collect()
}

async fn single(security: Arc<Security>, request: Request) -> Result<Reply, ApiError> {
    security.read_alerts().await?;
    let machines = security.machines().await?;
    let machine = machines.find(request.found(0))?;
    let machine = told(machine, &security.known(), security.now());
    Ok(Reply::entity(&request, "Machines", machine))
}

async fn logon_users(security: Arc<Security>, request: Request) -> Result<Reply, ApiError> {
    let machines = security.machines().await?;
    let machine = machines.find(request.found(0))?;
    let users = enrichment::users::of_machine(&security, machine).await?;
    Ok(Reply::list(&request, "Users", users))
}

async fn alerts_of(security: Arc<Security>, request: Request) -> Result<Reply, ApiError> {
    security.read_alerts().await?;
    let machines = security.machines().await?;
    let machine = machines.find(request.found(0))?;
    alerts::defender::listed(&security, &request, |alert| {
        alert.device_id.as_deref() == Some(&machine.id)
    })
}

/// A machine as it is told.
pub(super) fn told(machine: &Machine, known: &Known, now: DateTime<Utc>) -> Map<String, Value> {
    let risk = risks(known, now).get(&machine.id).copied();
    told_with(machine, known, risk)
}

/// The worst severity of the open alerts of machines, by id.
fn risks(known: &Known, now: DateTime<Utc>) -> HashMap<String, &'static str> {
    const ORDER: [&str; 5] = ["UnSpecified", "Informational", "Low", "Medium", "High"];
    let rank = |severity: &str| ORDER.iter().position(|known| *known == severity);
    let mut risks: HashMap<String, &'static str> = HashMap::new();
    for alert in known.alerts.visible(now) {
        if let Some(device) = &alert.device_id
            && alert.review.status != "Resolved"
            && rank(alert.severity) > Some(0)
        {
            let risk = risks.entry(device.clone()).or_insert(alert.severity);
            if rank(alert.severity) > rank(risk) {
                *risk = alert.severity;
            }
        }
    }
    risks
}

fn told_with(machine: &Machine, known: &Known, risk: Option<&'static str>) -> Map<String, Value> {
    let addresses: Vec<Value> = machine
        .addresses
        .iter()
        .map(|address| {
            json!({
                "ipAddress": address.ip,
                "macAddress": address.mac,
                "operationalStatus": address.status,
            })
        })
        .collect();
    members(json!({
        "id": machine.id,
        "computerDnsName": machine.name,
        "firstSeen": timestamp(machine.first_seen),
        "lastSeen": timestamp(machine.last_seen),
        "osPlatform": machine.os_platform,
        "version": machine.version,
        "osProcessor": match machine.os_architecture.as_deref() {
            Some("64-bit") => Some("x64"),
            Some("32-bit") => Some("x86"),
            _ => None,
        },
        "osArchitecture": machine.os_architecture,
        "osBuild": machine.os_build,
        "lastIpAddress": machine.addresses.first().map(|address| &address.ip),
        "lastExternalIpAddress": machine.last_external_ip,
        "ipAddresses": addresses,
        "healthStatus": machine.health,
        "onboardingStatus": machine.onboarding,
        "rbacGroupId": machine.group,
        "rbacGroupName": machine.group_name,
        "riskScore": risk.unwrap_or("None"),
        "exposureLevel": machine.exposure,
        "deviceValue": known.overlay.value(machine),
        "aadDeviceId": machine.aad_device_id,
        "isAadJoined": machine.is_aad_joined,
        "machineTags": known.overlay.tags(machine),
    }))
}
