//! Machines out of the folder's tables: the newest row of each in `DeviceInfo`, addresses of
//! `DeviceNetworkInfo`, or of `DeviceNetworkEvents` where that has none.

use std::collections::{BTreeSet, HashMap};

use chrono::{DateTime, Utc};
use serde_json::Value;

use super::super::error::ApiError;
use super::super::folder::{self, Folder, Question, Row};
use super::super::words::pascal_case;
use super::{Address, Machine, Machines};

/// Most machines; of a folder with more, those seen last are taken.
const MACHINES_MAX: usize = 50_000;

/// The machines of the folder at `now`.
pub(in super::super) async fn read(
    folder: &Folder,
    now: DateTime<Utc>,
) -> Result<Machines, ApiError> {
    if !folder.has("DeviceInfo").await? {
        return Ok(Machines::new(now, Vec::new()));
    }
    let question = format!(
        "DeviceInfo\n\
         | where isnotempty(DeviceId)\n\
         | project Timestamp, DeviceId, DeviceName, PublicIP, OSArchitecture, OSPlatform, OSBuild, \
           IsAzureADJoined, AadDeviceId, RegistryDeviceTag, OSVersion, OSVersionInfo, \
           MachineGroup, OnboardingStatus, SensorHealthState, ExposureLevel, AssetValue, \
           DeviceManualTags, DeviceDynamicTags\n\
         | summarize arg_max(Timestamp, *), FirstTime = min(Timestamp) by DeviceId\n\
         | top {MACHINES_MAX} by Timestamp"
    );
    let rows = folder
        .rows(Question::new(question, now).of_the_past())
        .await?;
    let mut addresses = addresses(folder, now).await?;
    let groups: BTreeSet<String> = rows
        .iter()
        .filter_map(|row| folder::owned(row, "MachineGroup"))
        .collect();
    let machines = rows.iter().filter_map(|row| {
        let mut machine = machine(row, now)?;
        machine.addresses = addresses.remove(&machine.id).unwrap_or_default();
        let group = machine.group_name.as_ref();
        let number = group.and_then(|group| groups.iter().position(|known| known == group));
        machine.group = number.map_or(0, |number| number as i64 + 1);
        Some(machine)
    });
    Ok(Machines::new(now, machines.collect()))
}

fn machine(row: &Row, now: DateTime<Utc>) -> Option<Machine> {
    let id = folder::owned(row, "DeviceId")?;
    let last_seen = folder::time(row, "Timestamp").unwrap_or(now);
    let word = |column: &str, default: &str| {
        folder::text(row, column).map_or_else(|| default.to_owned(), pascal_case)
    };
    let mut tags = Vec::new();
    for column in ["RegistryDeviceTag", "DeviceManualTags", "DeviceDynamicTags"] {
        let several = match folder::inner(row, column) {
            Some(Value::Array(items)) => items
                .iter()
                .filter_map(|item| item.as_str().map(str::to_owned))
                .collect(),
            _ => Vec::from_iter(folder::owned(row, column)),
        };
        let new = several.into_iter().filter(|tag| !tag.is_empty());
        for tag in new {
            if !tags.contains(&tag) {
                tags.push(tag);
            }
        }
    }
    Some(Machine {
        name: folder::owned(row, "DeviceName").unwrap_or_else(|| id.clone()),
        first_seen: folder::time(row, "FirstTime").unwrap_or(last_seen),
        last_seen,
        os_platform: folder::owned(row, "OSPlatform").unwrap_or_default(),
        version: folder::owned(row, "OSVersionInfo").or_else(|| folder::owned(row, "OSVersion")),
        os_architecture: folder::owned(row, "OSArchitecture"),
        os_build: folder::number(row, "OSBuild"),
        last_external_ip: folder::owned(row, "PublicIP"),
        addresses: Vec::new(),
        health: health(folder::text(row, "SensorHealthState")).to_owned(),
        onboarding: word("OnboardingStatus", "Onboarded"),
        group: 0,
        group_name: folder::owned(row, "MachineGroup"),
        exposure: word("ExposureLevel", "None"),
        value: word("AssetValue", "Normal"),
        aad_device_id: folder::owned(row, "AadDeviceId"),
        is_aad_joined: folder::truth(row, "IsAzureADJoined"),
        tags,
        id,
    })
}

/// What tables call `Impaired communication` is one word here.
fn health(state: Option<&str>) -> &'static str {
    let state = state.map(|state| pascal_case(state).to_lowercase());
    match state.as_deref() {
        Some("active") => "Active",
        Some("inactive") => "Inactive",
        Some("impairedcommunication" | "impairedcommunications") => "ImpairedCommunication",
        Some("nosensordata") => "NoSensorData",
        Some("nosensordataimpairedcommunication") => "NoSensorDataImpairedCommunication",
        _ => "Unknown",
    }
}

/// Addresses by machine, those told last first.
async fn addresses(
    folder: &Folder,
    now: DateTime<Utc>,
) -> Result<HashMap<String, Vec<Address>>, ApiError> {
    let mut found: HashMap<String, Vec<Address>> = HashMap::new();
    if folder.has("DeviceNetworkInfo").await? {
        let question = Question::new(
            "DeviceNetworkInfo\n\
             | where isnotempty(DeviceId)\n\
             | project Timestamp, DeviceId, MacAddress, NetworkAdapterStatus, IPAddresses\n\
             | summarize arg_max(Timestamp, *) by DeviceId, MacAddress\n\
             | order by DeviceId asc, Timestamp desc",
            now,
        );
        for row in folder.rows(question.of_the_past()).await? {
            let Some(id) = folder::owned(&row, "DeviceId") else {
                continue;
            };
            let Some(Value::Array(addresses)) = folder::inner(&row, "IPAddresses") else {
                continue;
            };
            let mac = folder::text(&row, "MacAddress")
                .map(|mac| mac.chars().filter(char::is_ascii_hexdigit).collect());
            let of_machine = found.entry(id).or_default();
            for address in addresses {
                if let Some(ip) = address.get("IPAddress").and_then(Value::as_str) {
                    of_machine.push(Address {
                        ip: ip.to_owned(),
                        mac: mac.clone(),
                        status: folder::owned(&row, "NetworkAdapterStatus"),
                    });
                }
            }
        }
    }
    if folder.has("DeviceNetworkEvents").await? {
        let question = Question::new(
            "DeviceNetworkEvents\n\
             | where isnotempty(DeviceId) and isnotempty(LocalIP) and LocalIP !startswith '127.'\n\
             | summarize arg_max(Timestamp, LocalIP) by DeviceId",
            now,
        );
        for row in folder.rows(question.of_the_past()).await? {
            let id = folder::owned(&row, "DeviceId");
            let (Some(id), Some(ip)) = (id, folder::owned(&row, "LocalIP")) else {
                continue;
            };
            let of_machine = found.entry(id).or_default();
            if of_machine.is_empty() {
                of_machine.push(Address {
                    ip,
                    mac: None,
                    status: Some("Up".to_owned()),
                });
            }
        }
    }
    Ok(found)
}
