//! An ordinary day: what people and machines do when nobody attacks them. Busy in office hours,
//! quiet at night and on weekends, and with things in it that only look bad.

use chrono::{DateTime, Datelike as _, TimeDelta, Timelike as _, Utc, Weekday};
use serde_json::json;

use super::estate::{DOMAIN, Device, Estate, NETBIOS, Person, Role};
use super::event::{Account, Process, Scene, object};
use super::random::{Random, guid_of, hex_of};
use super::telemetry::{Telemetry, timestamp};

/// Sites that people use: host, address.
const SITES: [(&str, &str); 12] = [
    ("outlook.office.example", "198.51.100.10"),
    ("teams.office.example", "198.51.100.11"),
    ("drive.office.example", "198.51.100.12"),
    ("search.example", "198.51.100.20"),
    ("news.example", "198.51.100.31"),
    ("maps.example", "198.51.100.32"),
    ("crm.meridian.example", "10.20.1.13"),
    ("wiki.meridian.example", "10.20.1.13"),
    ("payroll.example", "198.51.100.44"),
    ("travel.example", "198.51.100.45"),
    ("code.example", "198.51.100.60"),
    ("weather.example", "198.51.100.61"),
];

const SENDERS: [(&str, &str, &str); 6] = [
    ("orders@brightpaper.example", "Bright Paper", "192.0.2.10"),
    ("noreply@travel.example", "Travel desk", "192.0.2.20"),
    ("newsletter@news.example", "Daily news", "192.0.2.30"),
    ("support@crm.example", "CRM support", "192.0.2.40"),
    ("hello@caterers.example", "Green Caterers", "192.0.2.50"),
    (
        "accounts@northpier.example",
        "Northpier Logistics",
        "192.0.2.60",
    ),
];

const SUBJECTS: [&str; 8] = [
    "Your order is on its way",
    "Minutes of yesterday's meeting",
    "Offer for Q3",
    "Updated travel plan",
    "Lunch on Friday?",
    "Monthly report",
    "Re: contract draft",
    "Reminder: timesheets",
];

/// Records the 24 hours from `day` on.
pub(super) fn record(
    telemetry: &mut Telemetry,
    estate: &Estate,
    random: &mut Random,
    day: DateTime<Utc>,
) {
    for hour in 0..24 {
        let start = day + TimeDelta::hours(hour);
        let load = activity_permille(start);
        for person in &estate.people {
            work(telemetry, estate, random, person, start, load);
        }
        for device in &estate.devices {
            housekeeping(telemetry, random, device, start);
        }
        servers(telemetry, estate, random, start);
    }
    low_severity_alert(telemetry, estate, random, day);
}

/// How busy an hour is, in thousandths of the busiest.
fn activity_permille(hour: DateTime<Utc>) -> u64 {
    let weekend = matches!(hour.weekday(), Weekday::Sat | Weekday::Sun);
    let weekday_load = match hour.hour() {
        7 => 300,
        8 | 17 => 700,
        9..=11 | 13..=16 => 1000,
        12 => 550,
        18 | 19 => 250,
        20..=22 => 90,
        _ => 20,
    };
    if weekend {
        weekday_load / 10
    } else {
        weekday_load
    }
}

fn within(random: &mut Random, hour: DateTime<Utc>) -> DateTime<Utc> {
    hour + TimeDelta::seconds(random.below(3600) as i64)
}

/// One person's hour.
fn work(
    telemetry: &mut Telemetry,
    estate: &Estate,
    random: &mut Random,
    person: &Person,
    hour: DateTime<Utc>,
    load: u64,
) {
    let device = estate.device_of(person);
    let account = Account::of(person);
    let explorer = Process::new(
        "explorer.exe",
        r"C:\Windows",
        "Microsoft Corporation",
        r"C:\Windows\Explorer.EXE",
    );
    for _ in 0..random.count(load * 5) {
        let program = office_program(random, person);
        let at = within(random, hour);
        let scene = Scene {
            at,
            device,
            account: &account,
            by: &explorer,
            parent: "userinit.exe",
        };
        scene.starts(telemetry, &program);
        let (url, ip) = *random.pick_skewed(&SITES);
        let scene = Scene {
            by: &program,
            parent: "explorer.exe",
            ..scene
        };
        if random.permille(800) {
            scene.connects(telemetry, url, ip, 443);
        }
        if random.permille(350) {
            let documents = format!(r"C:\Users\{}\Documents", person.account);
            let file = format!(
                "{}-{}.docx",
                random.pick(&["notes", "offer", "plan"]),
                random.below(400)
            );
            let action = *random.pick(&["FileCreated", "FileModified", "FileRenamed"]);
            scene.touches_file(
                telemetry,
                action,
                &documents,
                &file,
                random.between(9_000, 900_000),
            );
        }
    }
    for _ in 0..random.count(load) {
        let at = within(random, hour);
        let scene = Scene {
            at,
            device,
            account: &account,
            by: &explorer,
            parent: "userinit.exe",
        };
        if random.permille(300) {
            let logon = Process::system("winlogon.exe", "winlogon.exe");
            let scene = Scene {
                by: &logon,
                parent: "smss.exe",
                ..scene
            };
            // People mistype their password now and then.
            let success = random.permille(960);
            scene.logs_on(telemetry, "Interactive", None, success);
            identity_logon(telemetry, at, person, device, estate, success);
        }
        if random.permille(120) {
            let server = estate.server(Role::FileServer);
            let lsass = Process::system("lsass.exe", "lsass.exe");
            let scene = Scene {
                device: server,
                by: &lsass,
                parent: "wininit.exe",
                ..scene
            };
            scene.logs_on(telemetry, "Network", Some(device), true);
        }
    }
    for _ in 0..random.count(load * 3 / 2) {
        let at = within(random, hour);
        email(telemetry, random, person, at);
    }
}

fn office_program(random: &mut Random, person: &Person) -> Process {
    const OFFICE: &str = r"C:\Program Files\Microsoft Office\root\Office16";
    const BROWSER: &str = r"C:\Program Files (x86)\Microsoft\Edge\Application";
    let vendor = "Microsoft Corporation";
    match random.below(20) {
        0..8 => Process::new(
            "msedge.exe",
            BROWSER,
            vendor,
            format!(r#""{BROWSER}\msedge.exe" --profile-directory=Default"#),
        ),
        8..12 => Process::new(
            "OUTLOOK.EXE",
            OFFICE,
            vendor,
            format!(r#""{OFFICE}\OUTLOOK.EXE""#),
        ),
        12..15 => {
            let document = format!(
                r"C:\Users\{}\Documents\plan-{}.docx",
                person.account,
                random.below(400)
            );
            Process::new(
                "WINWORD.EXE",
                OFFICE,
                vendor,
                format!(r#""{OFFICE}\WINWORD.EXE" /n "{document}""#),
            )
        }
        15..17 => {
            let sheet = format!(
                r"C:\Users\{}\Documents\budget-{}.xlsx",
                person.account,
                random.below(90)
            );
            Process::new(
                "EXCEL.EXE",
                OFFICE,
                vendor,
                format!(r#""{OFFICE}\EXCEL.EXE" "{sheet}""#),
            )
        }
        17 => Process::system(
            "notepad.exe",
            format!(r"notepad.exe C:\Users\{}\todo.txt", person.account),
        ),
        18 => Process::system("cmd.exe", "cmd.exe /c ipconfig /all"),
        // An archive without a password: common, and no finding.
        _ => Process::new(
            "7z.exe",
            r"C:\Program Files\7-Zip",
            "Igor Pavlov",
            format!(
                r#""C:\Program Files\7-Zip\7z.exe" a C:\Users\{0}\Documents\photos.7z C:\Users\{0}\Pictures"#,
                person.account
            ),
        ),
    }
}

/// What every machine does by itself.
fn housekeeping(
    telemetry: &mut Telemetry,
    random: &mut Random,
    device: &Device,
    hour: DateTime<Utc>,
) {
    let system = Account::system();
    let services = Process::system("services.exe", "services.exe");
    let service_host = Process::system("svchost.exe", "svchost.exe -k netsvcs -p");
    let at = within(random, hour);
    let scene = Scene {
        at,
        device,
        account: &system,
        by: &services,
        parent: "wininit.exe",
    };
    for _ in 0..random.count(800) {
        let scene = Scene {
            at: within(random, hour),
            ..scene_of(&scene)
        };
        scene.starts(telemetry, &maintenance_program(random, device));
    }
    if random.permille(600) {
        let scene = Scene {
            at: within(random, hour),
            by: &service_host,
            ..scene_of(&scene)
        };
        scene.connects(telemetry, "update.office.example", "198.51.100.90", 443);
    }
    if random.permille(300) {
        let scene = Scene {
            at: within(random, hour),
            by: &service_host,
            ..scene_of(&scene)
        };
        let (key, name, data) = *random.pick(&[
            (
                r"HKEY_LOCAL_MACHINE\SYSTEM\ControlSet001\Services\W32Time\Config",
                "LastKnownGoodTime",
                "133800000",
            ),
            (
                r"HKEY_LOCAL_MACHINE\SOFTWARE\Microsoft\Windows\CurrentVersion\Run",
                "SecurityHealth",
                r"C:\Windows\System32\SecurityHealthSystray.exe",
            ),
            (
                r"HKEY_LOCAL_MACHINE\SOFTWARE\Policies\Microsoft\Windows\WindowsUpdate",
                "AUOptions",
                "4",
            ),
        ]);
        scene.sets_registry(telemetry, key, name, data);
    }
    if random.permille(200) {
        // The antivirus engine opens lsass all day long; a hunt must know it.
        let antivirus = Process::new(
            "MsMpEng.exe",
            r"C:\ProgramData\Microsoft\Windows Defender\Platform\4.18.1",
            "Microsoft Corporation",
            "MsMpEng.exe",
        );
        let scene = Scene {
            at: within(random, hour),
            by: &antivirus,
            parent: "services.exe",
            ..scene_of(&scene)
        };
        scene.device_event(
            telemetry,
            "OpenProcessApiCall",
            json!({
                "FileName": "lsass.exe",
                "FolderPath": r"C:\Windows\System32\lsass.exe",
                "ProcessId": 704,
                "ProcessCommandLine": "lsass.exe",
                "AdditionalFields": r#"{"DesiredAccess":4096}"#,
            }),
        );
    }
    if hour.hour().is_multiple_of(4) {
        device_info(telemetry, random, device, at);
    }
}

fn scene_of<'s>(scene: &Scene<'s>) -> Scene<'s> {
    Scene {
        at: scene.at,
        device: scene.device,
        account: scene.account,
        by: scene.by,
        parent: scene.parent,
    }
}

fn maintenance_program(random: &mut Random, device: &Device) -> Process {
    match random.below(12) {
        0..5 => {
            let group = random.pick(&["netsvcs", "LocalService", "UnistackSvcGroup", "wsappx"]);
            Process::system("svchost.exe", format!("svchost.exe -k {group} -p"))
        }
        5..7 => Process::system("taskhostw.exe", "taskhostw.exe Install $(Arg0)"),
        7 => Process::system("wevtutil.exe", "wevtutil.exe gl System"),
        8 => Process::system(
            "schtasks.exe",
            r#"schtasks.exe /query /tn "Microsoft\Office\Update""#,
        ),
        // Scripts of the administrators: PowerShell, but nothing encoded.
        9 => Process::new(
            "powershell.exe",
            r"C:\Windows\System32\WindowsPowerShell\v1.0",
            "Microsoft Corporation",
            r"powershell.exe -NoProfile -ExecutionPolicy RemoteSigned -File C:\ProgramData\Inventory\collect.ps1",
        ),
        10 if device.is_server() => Process::system("vssadmin.exe", "vssadmin.exe list shadows"),
        _ => Process::system(
            "backgroundTaskHost.exe",
            "backgroundTaskHost.exe -ServerName:App.AppX",
        ),
    }
}

/// Backup and monitoring log on to servers from one place, to few machines at a time.
fn servers(telemetry: &mut Telemetry, estate: &Estate, random: &mut Random, hour: DateTime<Utc>) {
    let backup = Account {
        domain: NETBIOS.into(),
        name: "svc-backup".into(),
        sid: "S-1-5-21-1004336348-1177238915-682003330-900".into(),
        upn: format!("svc-backup@{DOMAIN}"),
        elevated: true,
    };
    let lsass = Process::system("lsass.exe", "lsass.exe");
    let source = estate.server(Role::FileServer);
    for role in [Role::WebServer, Role::DatabaseServer] {
        if hour.hour() == 2 || random.permille(60) {
            let at = within(random, hour);
            let device = estate.server(role);
            let scene = Scene {
                at,
                device,
                account: &backup,
                by: &lsass,
                parent: "wininit.exe",
            };
            scene.logs_on(telemetry, "Network", Some(source), true);
        }
    }
    let web = estate.server(Role::WebServer);
    let worker = Process::system("w3wp.exe", r#"w3wp.exe -ap "DefaultAppPool""#);
    let system = Account::system();
    for _ in 0..random.count(6_000) {
        let at = within(random, hour);
        let scene = Scene {
            at,
            device: web,
            account: &system,
            by: &worker,
            parent: "svchost.exe",
        };
        let database = estate.server(Role::DatabaseServer);
        scene.connects(telemetry, "", &database.ip, 1433);
    }
}

fn device_info(telemetry: &mut Telemetry, random: &mut Random, device: &Device, at: DateTime<Utc>) {
    let (platform, kind) = if device.is_server() {
        ("WindowsServer2022", "Server")
    } else {
        ("Windows11", "Workstation")
    };
    let tag = if device.role == Role::DomainController {
        "domain-controller"
    } else {
        ""
    };
    let row = object(json!({
        "DeviceId": device.id,
        "DeviceName": device.name,
        "ClientVersion": "10.8760.26100.1",
        "PublicIP": "203.0.113.5",
        "OSArchitecture": "64-bit",
        "OSPlatform": platform,
        "OSBuild": 26_100,
        "IsAzureADJoined": !device.is_server(),
        "JoinType": "Hybrid Azure AD Join",
        "RegistryDeviceTag": tag,
        "DeviceType": kind,
        "OnboardingStatus": "Onboarded",
        "SensorHealthState": "Active",
        "ExposureLevel": random.pick(&["Low", "Low", "Medium"]),
        "AssetValue": if device.is_server() { "High" } else { "Normal" },
        "IsInternetFacing": device.role == Role::WebServer,
        "ReportId": 0,
    }));
    telemetry.add("DeviceInfo", at, row);
}

/// The domain controller's view of a logon.
pub(super) fn identity_logon(
    telemetry: &mut Telemetry,
    at: DateTime<Utc>,
    person: &Person,
    device: &Device,
    estate: &Estate,
    success: bool,
) {
    let controller = estate.server(Role::DomainController);
    let row = object(json!({
        "ActionType": if success { "LogonSuccess" } else { "LogonFailed" },
        "Application": "Active Directory",
        "LogonType": "Credentials validation",
        "Protocol": "Kerberos",
        "FailureReason": if success { "" } else { "WrongPassword" },
        "AccountName": person.account,
        "AccountDomain": DOMAIN,
        "AccountUpn": person.upn(),
        "AccountSid": person.sid,
        "AccountObjectId": person.object_id,
        "AccountDisplayName": person.display_name,
        "DeviceName": device.name,
        "IPAddress": device.ip,
        "DestinationDeviceName": controller.name,
        "DestinationIPAddress": controller.ip,
        "DestinationPort": 88,
        "ReportId": hex_of(&format!("{}{}", person.account, at), 24),
        "AdditionalFields": {"Count": 1, "TargetComputer": controller.name},
    }));
    telemetry.add("IdentityLogonEvents", at, row);
}

/// A message as it arrives.
#[derive(Debug)]
pub(super) struct Email<'e> {
    pub(super) sender: &'e str,
    pub(super) sender_name: &'e str,
    pub(super) sender_ip: &'e str,
    pub(super) subject: &'e str,
    /// Whether SPF, DKIM and DMARC pass.
    pub(super) authenticated: bool,
    /// Name and type of an attachment.
    pub(super) attachment: Option<(&'e str, &'e str)>,
    /// A link in it.
    pub(super) url: Option<&'e str>,
}

impl Email<'_> {
    pub(super) fn deliver(&self, telemetry: &mut Telemetry, to: &Person, at: DateTime<Utc>) {
        let id = guid_of(&format!(
            "{}{}{}{at}",
            self.sender, to.account, self.subject
        ));
        let domain = self.sender.split_once('@').map_or("", |(_, domain)| domain);
        let verdict = if self.authenticated { "pass" } else { "fail" };
        let inside = domain == DOMAIN;
        telemetry.add("EmailEvents", at, object(json!({
            "NetworkMessageId": id,
            "InternetMessageId": format!("<{id}@{domain}>"),
            "SenderMailFromAddress": self.sender,
            "SenderFromAddress": self.sender,
            "SenderDisplayName": self.sender_name,
            "SenderMailFromDomain": domain,
            "SenderFromDomain": domain,
            "SenderIPv4": self.sender_ip,
            "RecipientEmailAddress": to.upn(),
            "RecipientObjectId": to.object_id,
            "Subject": self.subject,
            "EmailDirection": if inside { "Intra-org" } else { "Inbound" },
            "DeliveryAction": "Delivered",
            "DeliveryLocation": "Inbox/folder",
            "AuthenticationDetails": format!(
                r#"{{"SPF":"{verdict}","DKIM":"{verdict}","DMARC":"{verdict}","CompAuth":"{verdict}"}}"#
            ),
            "AttachmentCount": u32::from(self.attachment.is_some()),
            "UrlCount": u32::from(self.url.is_some()),
            "EmailLanguage": "en",
            "ReportId": format!("{id}-1"),
        })));
        if let Some((file, kind)) = self.attachment {
            telemetry.add(
                "EmailAttachmentInfo",
                at,
                object(json!({
                    "NetworkMessageId": id,
                    "SenderFromAddress": self.sender,
                    "SenderDisplayName": self.sender_name,
                    "RecipientEmailAddress": to.upn(),
                    "FileName": file,
                    "FileType": kind,
                    "SHA256": hex_of(file, 64),
                    "FileSize": 84_213,
                    "ReportId": format!("{id}-1"),
                })),
            );
        }
        if let Some(url) = self.url {
            let host = url.split('/').nth(2).unwrap_or("");
            telemetry.add(
                "EmailUrlInfo",
                at,
                object(json!({
                    "NetworkMessageId": id,
                    "Url": url,
                    "UrlDomain": host,
                    "UrlLocation": "Body",
                    "ReportId": format!("{id}-1"),
                })),
            );
        }
    }
}

fn email(telemetry: &mut Telemetry, random: &mut Random, to: &Person, at: DateTime<Utc>) {
    let (sender, sender_name, sender_ip) = *random.pick_skewed(&SENDERS);
    let colleague = format!("team@{DOMAIN}");
    let inside = random.permille(600);
    let subject = random.pick(&SUBJECTS);
    let message = Email {
        sender: if inside { &colleague } else { sender },
        sender_name: if inside { "Team" } else { sender_name },
        sender_ip: if inside { "10.20.1.12" } else { sender_ip },
        subject,
        authenticated: true,
        attachment: random.permille(150).then_some(("report.pdf", "pdf")),
        url: random
            .permille(300)
            .then_some("https://crm.meridian.example/case"),
    };
    message.deliver(telemetry, to, at);
}

/// About one harmless alert a day, so that alert hunts have something to look past.
fn low_severity_alert(
    telemetry: &mut Telemetry,
    estate: &Estate,
    random: &mut Random,
    day: DateTime<Utc>,
) {
    let at = day + TimeDelta::seconds(random.below(86_400) as i64);
    let device = random.pick(&estate.devices);
    alert(
        telemetry,
        at,
        device,
        &AlertKind {
            title: "Unwanted software was blocked",
            category: "UnwantedSoftware",
            severity: "Low",
            techniques: "",
        },
    );
}

/// What an alert says.
#[derive(Debug)]
pub(super) struct AlertKind {
    pub(super) title: &'static str,
    pub(super) category: &'static str,
    pub(super) severity: &'static str,
    pub(super) techniques: &'static str,
}

/// An alert about a device, with the device as evidence.
pub(super) fn alert(
    telemetry: &mut Telemetry,
    at: DateTime<Utc>,
    device: &Device,
    kind: &AlertKind,
) {
    let id = format!(
        "da{}_1",
        hex_of(&format!("{}{at}{}", device.id, kind.title), 18)
    );
    telemetry.add(
        "AlertInfo",
        at,
        object(json!({
            "AlertId": id,
            "Title": kind.title,
            "Category": kind.category,
            "Severity": kind.severity,
            "ServiceSource": "Microsoft Defender for Endpoint",
            "DetectionSource": "EDR",
            "AttackTechniques": kind.techniques,
        })),
    );
    telemetry.add("AlertEvidence", at, object(json!({
        "AlertId": id,
        "Title": kind.title,
        "Categories": format!(r#"["{}"]"#, kind.category),
        "AttackTechniques": kind.techniques,
        "ServiceSource": "Microsoft Defender for Endpoint",
        "DetectionSource": "EDR",
        "EntityType": "Machine",
        "EvidenceRole": "Impacted",
        "DeviceId": device.id,
        "DeviceName": device.name,
        "Severity": kind.severity,
        "AdditionalFields": json!({"HostName": device.name, "FirstSeen": timestamp(at)}).to_string(),
    })));
}
