//! An emulator over a small estate, whose clock stands still, and requests to it.

use std::fmt::Write as _;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use huntd::clock::{ManualClock, SharedClock};
use huntd::emulator::config::EmulatorConfig;
use huntd::emulator::{Emulator, RunningEmulator};
use huntd::http::{HttpLimits, metadata_client};
use reqwest::{Client, Method, RequestBuilder, header};
use serde_json::{Value, json};
use tempfile::TempDir;

/// The instant at which the emulator's clock stands.
pub(super) const NOW: &str = "2026-01-20T00:00:00Z";

/// Ids of the machines: two with Windows, one with macOS.
pub(super) const WS17: &str = "1111111111111111111111111111111111111111";
pub(super) const SRV1: &str = "2222222222222222222222222222222222222222";
pub(super) const MAC1: &str = "3333333333333333333333333333333333333333";
pub(super) const SHA1: &str = "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa";
pub(super) const SHA256: &str = "bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb";

pub(super) struct Lab {
    pub(super) running: RunningEmulator,
    pub(super) clock: Arc<ManualClock>,
    http: Client,
    _folder: TempDir,
}

/// An answer as it came.
#[derive(Debug)]
pub(super) struct Answer {
    pub(super) status: u16,
    pub(super) body: String,
}

impl Answer {
    pub(super) fn json(&self) -> Value {
        serde_json::from_str(&self.body).unwrap_or_else(|error| panic!("{error}: {}", self.body))
    }

    /// The body of a success.
    #[track_caller]
    pub(super) fn ok(&self) -> Value {
        assert_eq!(self.status, 200, "{}", self.body);
        self.json()
    }

    /// One member of each item of a list.
    #[track_caller]
    pub(super) fn each(&self, member: &str) -> Vec<Value> {
        let body = self.ok();
        let items = body["value"].as_array().unwrap();
        items.iter().map(|item| item[member].clone()).collect()
    }

    /// Checks that it is an error.
    #[track_caller]
    pub(super) fn fails(&self, status: u16, code: &str) -> String {
        assert_eq!(self.status, status, "{}", self.body);
        let error = self.json()["error"].clone();
        assert_eq!(error["code"], code, "{}", self.body);
        error["message"].as_str().unwrap().to_owned()
    }
}

impl Lab {
    /// Over the estate, for anybody.
    pub(super) async fn new() -> Self {
        Self::with(|config| config.checks_tokens = false).await
    }

    pub(super) async fn with(change: impl FnOnce(&mut EmulatorConfig)) -> Self {
        let folder = tempfile::tempdir().unwrap();
        write_estate(folder.path());
        Self::over(folder, change).await
    }

    /// Over a folder without any table of the estate.
    pub(super) async fn empty() -> Self {
        let folder = tempfile::tempdir().unwrap();
        put(folder.path(), "Events", &[json!({"Timestamp": NOW})]);
        Self::over(folder, |config| config.checks_tokens = false).await
    }

    async fn over(folder: TempDir, change: impl FnOnce(&mut EmulatorConfig)) -> Self {
        let mut config = EmulatorConfig::new(folder.path());
        config.quotas = false;
        change(&mut config);
        let clock = Arc::new(ManualClock::new(NOW.parse().unwrap()));
        let shared: SharedClock = Arc::<ManualClock>::clone(&clock);
        let limits = HttpLimits {
            connect: Duration::from_secs(5),
            read: Duration::from_secs(30),
            total: Duration::from_mins(1),
        };
        Self {
            running: Emulator::start(config, shared).await.unwrap(),
            clock,
            http: metadata_client(&limits).unwrap(),
            _folder: folder,
        }
    }

    pub(super) fn request(&self, method: Method, path: &str) -> RequestBuilder {
        let url = if path.starts_with("http") {
            path.to_owned()
        } else {
            format!("{}{path}", self.running.url())
        };
        self.http.request(method, url)
    }

    pub(super) async fn send(&self, request: RequestBuilder) -> Answer {
        let response = request.send().await.unwrap();
        Answer {
            status: response.status().as_u16(),
            body: response.text().await.unwrap(),
        }
    }

    pub(super) async fn get(&self, path: &str) -> Answer {
        self.send(self.request(Method::GET, path)).await
    }

    pub(super) async fn post(&self, path: &str, body: Value) -> Answer {
        self.send(self.request(Method::POST, path).json(&body))
            .await
    }

    pub(super) async fn patch(&self, path: &str, body: Value) -> Answer {
        self.send(self.request(Method::PATCH, path).json(&body))
            .await
    }

    pub(super) async fn delete(&self, path: &str) -> Answer {
        self.send(self.request(Method::DELETE, path)).await
    }

    pub(super) async fn post_text(&self, path: &str, media_type: &str, body: &str) -> Answer {
        let request = self.request(Method::POST, path);
        let request = request.header(header::CONTENT_TYPE, media_type);
        self.send(request.body(body.to_owned())).await
    }

    pub(super) fn pass(&self, seconds: u64) {
        self.clock.advance(Duration::from_secs(seconds));
    }
}

fn put(folder: &Path, table: &str, rows: &[Value]) {
    let mut text = String::new();
    for row in rows {
        writeln!(text, "{row}").unwrap();
    }
    std::fs::write(folder.join(format!("{table}.ndjson")), text).unwrap();
}

fn write_estate(folder: &Path) {
    let device = |at: &str, id: &str, name: &str, platform: &str| {
        json!({
            "Timestamp": at, "DeviceId": id, "DeviceName": name, "OSPlatform": platform,
            "OSArchitecture": "64-bit", "OSBuild": 26_100, "PublicIP": "203.0.113.5",
            "OnboardingStatus": "Onboarded", "SensorHealthState": "Active",
            "ExposureLevel": "Low", "AssetValue": "Normal", "IsAzureADJoined": true,
            "MachineGroup": "Office", "RegistryDeviceTag": "", "ReportId": 7,
        })
    };
    let mut newest = device(
        "2026-01-19T20:00:00Z",
        WS17,
        "ws-17.example.org",
        "Windows11",
    );
    newest["ExposureLevel"] = json!("Medium");
    newest["DeviceManualTags"] = json!("[\"lab\",\"vip users\"]");
    put(
        folder,
        "DeviceInfo",
        &[
            device(
                "2026-01-10T08:00:00Z",
                WS17,
                "ws-17.example.org",
                "Windows11",
            ),
            newest,
            device(
                "2026-01-19T10:00:00Z",
                SRV1,
                "srv-1.example.org",
                "WindowsServer2022",
            ),
            device("2025-11-01T10:00:00Z", MAC1, "mac-1.example.org", "macOS"),
            // Not yet.
            device(
                "2026-02-01T10:00:00Z",
                "4444444444444444444444444444444444444444",
                "n",
                "x",
            ),
        ],
    );
    put(
        folder,
        "DeviceNetworkInfo",
        &[json!({
            "Timestamp": "2026-01-19T20:00:00Z", "DeviceId": WS17, "MacAddress": "00-11-22-33-44-55",
            "NetworkAdapterStatus": "Up",
            "IPAddresses": "[{\"IPAddress\":\"10.0.0.17\",\"SubnetPrefix\":24},{\"IPAddress\":\"fe80::1\"}]",
        })],
    );
    let logon = |at: &str, id: &str, ty: &str, result: &str| {
        json!({
            "Timestamp": at, "DeviceId": id, "ActionType": result, "LogonType": ty,
            "AccountDomain": "EXAMPLE", "AccountName": "ada",
            "AccountSid": "S-1-5-21-1-2-3-1001", "IsLocalAdmin": false,
        })
    };
    put(
        folder,
        "DeviceLogonEvents",
        &[
            logon("2026-01-15T08:00:00Z", WS17, "Interactive", "LogonSuccess"),
            logon("2026-01-16T08:00:00Z", WS17, "Interactive", "LogonSuccess"),
            logon("2026-01-17T08:00:00Z", SRV1, "Network", "LogonSuccess"),
            logon("2026-01-18T08:00:00Z", MAC1, "Network", "LogonFailed"),
        ],
    );
    let file = |at: &str, id: &str, name: &str| {
        json!({
            "Timestamp": at, "DeviceId": id, "FileName": name, "FolderPath": "C:\\Temp",
            "SHA1": SHA1, "SHA256": SHA256, "FileSize": 4_096, "ReportId": 12,
        })
    };
    put(
        folder,
        "DeviceFileEvents",
        &[
            file("2025-11-05T08:00:00Z", MAC1, "old.exe"),
            file("2026-01-15T08:00:00.1234567Z", WS17, "tool.exe"),
            file("2026-01-16T08:00:00Z", WS17, "tool.exe"),
            file("2026-01-18T08:00:00Z", SRV1, "tool.exe"),
        ],
    );
    let connection = |at: &str, id: &str, local: &str, url: &str| {
        json!({
            "Timestamp": at, "DeviceId": id, "LocalIP": local, "RemoteIP": "198.51.100.9",
            "RemoteUrl": url, "ReportId": 20,
        })
    };
    put(
        folder,
        "DeviceNetworkEvents",
        &[
            connection(
                "2026-01-18T09:00:00Z",
                SRV1,
                "10.0.0.99",
                "https://evil.example.com/a?b",
            ),
            connection(
                "2026-01-19T09:00:00Z",
                WS17,
                "10.0.0.17",
                "evil.example.com",
            ),
            connection(
                "2026-01-19T09:05:00Z",
                WS17,
                "10.0.0.17",
                "notevil.example.com.net",
            ),
        ],
    );
    write_alerts(folder);
}

fn write_alerts(folder: &Path) {
    let alert = |at: &str, id: &str, title: &str, severity: &str, source: &str, by: &str| {
        json!({
            "Timestamp": at, "AlertId": id, "Title": title, "Category": "Execution",
            "Severity": severity, "ServiceSource": source, "DetectionSource": by,
            "AttackTechniques": "[\"PowerShell (T1059.001)\"]",
        })
    };
    let endpoint = "Microsoft Defender for Endpoint";
    put(
        folder,
        "AlertInfo",
        &[
            alert(
                "2026-01-18T10:00:00Z",
                "da1_1",
                "Odd script",
                "Medium",
                endpoint,
                "EDR",
            ),
            alert(
                "2026-01-18T11:00:00Z",
                "da2_1",
                "Worse script",
                "High",
                endpoint,
                "Antivirus",
            ),
            alert(
                "2026-01-19T10:00:00Z",
                "sn3_1",
                "Rule fired",
                "Low",
                "Microsoft Sentinel",
                "Scheduled alerts",
            ),
            alert(
                "2026-01-20T06:00:00Z",
                "da4_1",
                "Tomorrow",
                "Low",
                endpoint,
                "EDR",
            ),
        ],
    );
    let evidence = |id: &str, entity: &str, more: Value| {
        let mut row = json!({
            "Timestamp": "2026-01-18T09:59:00Z", "AlertId": id, "EntityType": entity,
            "EvidenceRole": "Related", "DeviceId": WS17, "DeviceName": "ws-17.example.org",
        });
        for (name, value) in more.as_object().unwrap() {
            row[name] = value.clone();
        }
        row
    };
    put(
        folder,
        "AlertEvidence",
        &[
            evidence("da1_1", "Machine", json!({})),
            evidence(
                "da1_1",
                "File",
                json!({"FileName": "tool.exe", "SHA1": SHA1}),
            ),
            evidence(
                "da1_1",
                "Process",
                json!({
                    "FileName": "powershell.exe", "ProcessCommandLine": "powershell -enc AAAA",
                    "AdditionalFields": "{\"ProcessId\":\"4711\"}",
                }),
            ),
            evidence(
                "da1_1",
                "User",
                json!({"AccountName": "ada", "AccountDomain": "EXAMPLE"}),
            ),
            evidence("da1_1", "Ip", json!({"RemoteIP": "198.51.100.9"})),
            evidence(
                "da1_1",
                "Url",
                json!({"RemoteUrl": "https://evil.example.com/x"}),
            ),
            evidence("da2_1", "Machine", json!({})),
            evidence("da4_1", "Machine", json!({"DeviceId": SRV1})),
        ],
    );
}
