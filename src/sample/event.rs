//! Rows of Defender's tables, with the columns that real events fill.

use chrono::{DateTime, TimeDelta, Utc};
use serde_json::{Value, json};

use super::estate::{Device, NETBIOS, Person};
use super::random::hex_of;
use super::telemetry::{Row, Telemetry, timestamp};

/// A program with the command line it was started with.
#[derive(Clone, Debug)]
pub(super) struct Process {
    pub(super) file: &'static str,
    pub(super) folder: &'static str,
    pub(super) company: &'static str,
    pub(super) command_line: String,
}

impl Process {
    pub(super) fn new(
        file: &'static str,
        folder: &'static str,
        company: &'static str,
        command_line: impl Into<String>,
    ) -> Self {
        Self {
            file,
            folder,
            company,
            command_line: command_line.into(),
        }
    }

    /// A program of Windows itself.
    pub(super) fn system(file: &'static str, command_line: impl Into<String>) -> Self {
        Self::new(
            file,
            r"C:\Windows\System32",
            "Microsoft Corporation",
            command_line,
        )
    }

    fn path(&self) -> String {
        format!(r"{}\{}", self.folder, self.file)
    }

    fn id(&self) -> i64 {
        let digits = hex_of(&self.command_line, 4);
        i64::from_str_radix(&digits, 16).unwrap_or(4) / 4 * 4 + 4
    }
}

/// Who an event happens as.
#[derive(Clone, Debug)]
pub(super) struct Account {
    pub(super) domain: String,
    pub(super) name: String,
    pub(super) sid: String,
    pub(super) upn: String,
    pub(super) elevated: bool,
}

impl Account {
    pub(super) fn system() -> Self {
        Self {
            domain: "nt authority".into(),
            name: "system".into(),
            sid: "S-1-5-18".into(),
            upn: String::new(),
            elevated: true,
        }
    }

    pub(super) fn of(person: &Person) -> Self {
        Self {
            domain: NETBIOS.into(),
            name: person.account.clone(),
            sid: person.sid.clone(),
            upn: person.upn(),
            elevated: false,
        }
    }

    fn integrity(&self) -> &'static str {
        if self.elevated { "System" } else { "Medium" }
    }
}

/// An event on a device: where and when it happens, as whom, and started by what.
#[derive(Debug)]
pub(super) struct Scene<'s> {
    pub(super) at: DateTime<Utc>,
    pub(super) device: &'s Device,
    pub(super) account: &'s Account,
    /// The initiating process.
    pub(super) by: &'s Process,
    /// Its parent.
    pub(super) parent: &'static str,
}

impl Scene<'_> {
    fn row(&self, action: &str) -> Row {
        object(json!({
            "DeviceId": self.device.id,
            "DeviceName": self.device.name,
            "ActionType": action,
        }))
    }

    fn finish(&self, telemetry: &mut Telemetry, table: &'static str, mut row: Row) {
        let created = self.at - TimeDelta::seconds(40);
        row.append(&mut object(json!({
            "InitiatingProcessAccountDomain": self.account.domain,
            "InitiatingProcessAccountName": self.account.name,
            "InitiatingProcessAccountSid": self.account.sid,
            "InitiatingProcessAccountUpn": self.account.upn,
            "InitiatingProcessSHA1": hex_of(&self.by.path(), 40),
            "InitiatingProcessSHA256": hex_of(&self.by.path(), 64),
            "InitiatingProcessFileName": self.by.file,
            "InitiatingProcessFolderPath": self.by.path().to_lowercase(),
            "InitiatingProcessVersionInfoCompanyName": self.by.company,
            "InitiatingProcessId": self.by.id(),
            "InitiatingProcessCommandLine": self.by.command_line,
            "InitiatingProcessCreationTime": timestamp(created),
            "InitiatingProcessParentFileName": self.parent,
            "InitiatingProcessIntegrityLevel": self.account.integrity(),
            "ReportId": 0,
        })));
        telemetry.add(table, self.at, row);
    }

    /// `process` is started.
    pub(super) fn starts(&self, telemetry: &mut Telemetry, process: &Process) {
        let mut row = self.row("ProcessCreated");
        row.append(&mut object(json!({
            "FileName": process.file,
            "FolderPath": process.path(),
            "SHA1": hex_of(&process.path(), 40),
            "SHA256": hex_of(&process.path(), 64),
            "MD5": hex_of(&process.path(), 32),
            "FileSize": 40_960 + process.id() * 13,
            "ProcessVersionInfoCompanyName": process.company,
            "ProcessVersionInfoOriginalFileName": process.file,
            "ProcessId": process.id(),
            "ProcessCommandLine": process.command_line,
            "ProcessIntegrityLevel": self.account.integrity(),
            "ProcessTokenElevation":
                if self.account.elevated { "TokenElevationTypeFull" } else { "TokenElevationTypeLimited" },
            "ProcessCreationTime": timestamp(self.at),
            "AccountDomain": self.account.domain,
            "AccountName": self.account.name,
            "AccountSid": self.account.sid,
            "AccountUpn": self.account.upn,
        })));
        self.finish(telemetry, "DeviceProcessEvents", row);
    }

    /// A connection to a host outside or inside.
    pub(super) fn connects(&self, telemetry: &mut Telemetry, url: &str, ip: &str, port: u16) {
        let public = !ip.starts_with("10.");
        let mut row = self.row("ConnectionSuccess");
        row.append(&mut object(json!({
            "RemoteIP": ip,
            "RemotePort": port,
            "RemoteUrl": url,
            "LocalIP": self.device.ip,
            "LocalPort": 49_152 + self.at.timestamp() % 16_000,
            "Protocol": "Tcp",
            "LocalIPType": "Private",
            "RemoteIPType": if public { "Public" } else { "Private" },
        })));
        self.finish(telemetry, "DeviceNetworkEvents", row);
    }

    /// A file is created, renamed or deleted.
    pub(super) fn touches_file(
        &self,
        telemetry: &mut Telemetry,
        action: &str,
        folder: &str,
        file: &str,
        size_bytes: u64,
    ) {
        let path = format!(r"{folder}\{file}");
        let mut row = self.row(action);
        row.append(&mut object(json!({
            "FileName": file,
            "FolderPath": path,
            "SHA1": hex_of(&path, 40),
            "SHA256": hex_of(&path, 64),
            "FileSize": size_bytes,
        })));
        self.finish(telemetry, "DeviceFileEvents", row);
    }

    /// A registry value is set.
    pub(super) fn sets_registry(
        &self,
        telemetry: &mut Telemetry,
        key: &str,
        name: &str,
        data: &str,
    ) {
        let mut row = self.row("RegistryValueSet");
        row.append(&mut object(json!({
            "RegistryKey": key,
            "RegistryValueType": "String",
            "RegistryValueName": name,
            "RegistryValueData": data,
        })));
        self.finish(telemetry, "DeviceRegistryEvents", row);
    }

    /// Anything that Defender files under DeviceEvents, with the columns it fills for it.
    pub(super) fn device_event(&self, telemetry: &mut Telemetry, action: &str, columns: Value) {
        let mut row = self.row(action);
        row.append(&mut object(columns));
        self.finish(telemetry, "DeviceEvents", row);
    }

    /// A logon to the device, by the scene's account.
    pub(super) fn logs_on(
        &self,
        telemetry: &mut Telemetry,
        kind: &str,
        from: Option<&Device>,
        success: bool,
    ) {
        let action = if success {
            "LogonSuccess"
        } else {
            "LogonFailed"
        };
        let mut row = self.row(action);
        row.append(&mut object(json!({
            "LogonType": kind,
            "AccountDomain": self.account.domain,
            "AccountName": self.account.name,
            "AccountSid": self.account.sid,
            "Protocol": if kind == "Network" { "NTLM" } else { "Negotiate" },
            "FailureReason": if success { "" } else { "InvalidUserNameOrPassword" },
            "IsLocalAdmin": self.account.elevated,
            "LogonId": 100_000 + self.at.timestamp() % 900_000,
            "RemoteDeviceName": from.map_or("", |device| device.name.as_str()),
            "RemoteIP": from.map_or("", |device| device.ip.as_str()),
            "RemoteIPType": if from.is_some() { "Private" } else { "" },
        })));
        self.finish(telemetry, "DeviceLogonEvents", row);
    }
}

/// The members of a JSON object literal.
pub(super) fn object(value: Value) -> Row {
    match value {
        Value::Object(row) => row,
        _ => Row::new(),
    }
}
