//! An alert made up to try out templates when they are loaded: what they yield for it is checked
//! before the first real alert needs them.

use std::collections::BTreeMap;

use chrono::{DateTime, TimeDelta, Utc};
use serde_json::json;
use uuid::Uuid;

use crate::alert::{ALERT_VERSION, Alert, Delivery, DeliveryStatus, HuntSummary};
use crate::finding::{Entity, EntityKind, EvidenceRow, Finding, Fingerprint, Severity};
use crate::id::{ActionName, DeliveryId, FindingId, HuntName, RunId};
use crate::run::RunStatus;
use crate::window::Window;

/// A delivery of one finding with two rows; the same one each time.
pub fn delivery() -> Delivery {
    let end = DateTime::<Utc>::from_timestamp(1_767_366_000, 0).expect("a time of 2026");
    let window = Window::new(end - TimeDelta::hours(1), end).expect("an hour is not empty");
    let hunt = HuntName::new("encoded-powershell").expect("a valid name");
    let run = RunId(Uuid::from_u128(0x019b_7f2a_0000_7000_8000_0000_0000_0001));
    let key = BTreeMap::from([("DeviceName".to_owned(), "ws-017.example.com".to_owned())]);
    let finding = Finding {
        id: FindingId(Uuid::from_u128(0x019b_7f2a_0000_7000_8000_0000_0000_0002)),
        hunt: hunt.clone(),
        run,
        window,
        title: "Encoded PowerShell command line: ws-017.example.com".to_owned(),
        severity: Severity::High,
        entities: vec![
            entity(EntityKind::Device, "ws-017.example.com"),
            entity(EntityKind::Account, "j.doe"),
        ],
        fingerprint: Fingerprint::of(&hunt, &key),
        key,
        evidence: vec![row("14:12:07.4910000", 4312), row("14:13:55.0020000", 4377)],
        rows: 2,
        detected_at: end,
    };
    let alert = Alert {
        version: ALERT_VERSION,
        hunt: HuntSummary {
            name: hunt,
            title: "Encoded PowerShell command line".to_owned(),
            description: "PowerShell started with a command encoded in base64.".to_owned(),
            tactics: vec!["Execution".to_owned()],
            techniques: vec!["T1059.001".to_owned(), "T1027".to_owned()],
            query: "DeviceProcessEvents\n| where ProcessCommandLine has \"-enc\"".to_owned(),
        },
        run,
        window,
        missing: None,
        status: RunStatus::Complete,
        rows: 2,
        file: None,
        findings: vec![finding],
        suppressed: 0,
        created_at: end,
    };
    Delivery {
        id: DeliveryId(Uuid::from_u128(0x019b_7f2a_0000_7000_8000_0000_0000_0003)),
        key: format!("encoded-powershell/{}/example", window.key()),
        action: ActionName::new("example").expect("a valid name"),
        alert,
        status: DeliveryStatus::Sending,
        attempts: 0,
        not_before: end,
        created_at: end,
        last_error: None,
    }
}

fn entity(kind: EntityKind, value: &str) -> Entity {
    Entity {
        kind,
        value: value.to_owned(),
    }
}

fn row(time: &str, process: u32) -> EvidenceRow {
    let cells = [
        ("Timestamp", json!(format!("2026-01-02T{time}Z"))),
        ("DeviceName", json!("ws-017.example.com")),
        ("AccountName", json!("j.doe")),
        ("ProcessId", json!(process)),
        (
            "ProcessCommandLine",
            json!("powershell.exe -NoP -W Hidden -enc SQBFAFgA"),
        ),
    ];
    cells
        .into_iter()
        .map(|(column, value)| (column.to_owned(), value))
        .collect()
}
