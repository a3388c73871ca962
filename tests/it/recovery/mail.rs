//! Mails reach a mail server that others wrote, and hold what was found.

use std::io::{BufRead as _, BufReader};
use std::path::Path;
use std::process::{Child, Stdio};

use mail_parser::{MessageParser, MimeHeaders as _};
use serde_json::{Value, json};

use crate::support::installation::Installation;
use crate::support::python;

/// `aiosmtpd` under way; ends when dropped.
struct Server {
    child: Child,
    port: u16,
}

impl Server {
    /// None where Python or the module is missing.
    fn start(folder: &Path, certificate: &[&Path]) -> Option<Self> {
        let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data/mail/receive_mails.py");
        let mut child = python(&["aiosmtpd"])?
            .arg(script)
            .arg(folder)
            .args(certificate)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let mut line = String::new();
        let mut output = BufReader::new(child.stdout.take().unwrap());
        output.read_line(&mut line).unwrap();
        let port = line.trim().parse().unwrap();
        Some(Self { child, port })
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

const HUNT: &str = "\
// ---
// name: Encoded PowerShell
// severity: high
// entities: {device: DeviceName}
// dedupe: {key: [DeviceName]}
// ---
DeviceProcessEvents
| where ProcessCommandLine has \"-enc\"
| project Timestamp, DeviceName, ProcessCommandLine
";
const EVENTS: &str = r#"
{"Timestamp":"2026-01-02T10:00:00Z","DeviceName":"rechner-ü1","ProcessCommandLine":"powershell -enc <b>SQBFAFgA</b>"}
{"Timestamp":"2026-01-02T10:01:00Z","DeviceName":"server-2","ProcessCommandLine":"=cmd -enc, \"quoted\""}
{"Timestamp":"2026-01-02T10:02:00Z","DeviceName":"server-3","ProcessCommandLine":"notepad"}
{"Timestamp":"2026-01-02T11:00:00Z","DeviceName":"server-4","ProcessCommandLine":"later -enc"}
"#;

/// A hunt with events that it finds in the first of two hours.
fn installation() -> Installation {
    let installation = Installation::new("");
    installation.write("queries/encoded-powershell.kql", HUNT);
    installation.write("telemetry/DeviceProcessEvents.ndjson", EVENTS.trim());
    std::fs::create_dir(installation.path("received")).unwrap();
    installation
}

fn configure(installation: &Installation, smtp: &str) {
    let config = format!(
        "sources: {{lab: {{kind: local, path: telemetry}}}}\n\
         defaults: {{actions: [soc-mail]}}\n\
         actions:\n\
         \x20 soc-mail:\n\
         \x20   kind: email\n\
         \x20   from: huntd <huntd@example.com>\n\
         \x20   to: [SOC <soc@example.com>]\n\
         \x20   smtp: {{user: huntd, password: \"${{file:password}}\", {smtp}}}\n"
    );
    installation.write("config/huntd.yaml", &config);
    installation.write("password", "open sesame");
}

/// Runs the hunt and looks at the mail that the server took.
fn check_mail(installation: &Installation, encrypted: bool) {
    let window = [
        "--from",
        "2026-01-02T10:00:00Z",
        "--to",
        "2026-01-02T11:00:00Z",
    ];
    let run = installation.huntd(&[&["run", "encoded-powershell"], &window[..]].concat());
    assert_eq!(run.code, Some(0), "{run:?}");
    assert!(run.stdout.contains("soc-mail: done"), "{run:?}");
    assert_eq!(installation.files("received"), ["0.eml", "0.json"]);
    let about = std::fs::read(installation.path("received/0.json")).unwrap();
    assert_eq!(
        serde_json::from_slice::<Value>(&about).unwrap(),
        json!({
            "from": "huntd@example.com", "to": ["soc@example.com"],
            "user": "huntd", "encrypted": encrypted,
        })
    );

    let mail = std::fs::read(installation.path("received/0.eml")).unwrap();
    let mail = MessageParser::default().parse(&mail).unwrap();
    assert_eq!(
        mail.subject(),
        Some("[HIGH] Encoded PowerShell: 2 findings")
    );
    let text = mail.body_text(0).unwrap();
    let html = mail.body_html(0).unwrap();
    for device in ["rechner-ü1", "server-2"] {
        assert!(text.contains(device), "{text}");
        assert!(html.contains(device), "{html}");
    }
    assert!(
        !text.contains("server-4"),
        "it is of another window: {text}"
    );
    assert!(
        html.contains("&lt;b&gt;SQBFAFgA"),
        "cells are escaped: {html}"
    );
    assert!(!html.contains("<b>SQBFAFgA"), "cells are escaped: {html}");
    let csv = mail.attachment(0).unwrap();
    let name = Path::new(csv.attachment_name().unwrap());
    assert_eq!(name.extension().unwrap(), "csv");
    let mut reader = csv::Reader::from_reader(csv.contents());
    assert_eq!(&reader.headers().unwrap()[1], "DeviceName");
    let rows: Vec<csv::StringRecord> = reader.records().map(Result::unwrap).collect();
    assert_eq!(rows.len(), 2, "{rows:?}");
    assert!(rows.iter().any(|row| &row[1] == "rechner-ü1"), "{rows:?}");
    let formula = rows.iter().find(|row| &row[1] == "server-2").unwrap();
    assert!(!formula[2].starts_with('='), "no formula: {formula:?}");
}

#[test]
fn a_mail_reaches_a_server_that_wants_a_login() {
    let installation = installation();
    let Some(server) = Server::start(&installation.path("received"), &[]) else {
        return;
    };
    configure(
        &installation,
        &format!("host: 127.0.0.1, port: {}, tls: none", server.port),
    );
    check_mail(&installation, false);
}

#[test]
fn a_mail_reaches_a_server_that_wants_starttls() {
    let installation = installation();
    let made = rcgen::generate_simple_self_signed(["localhost".to_owned()]).unwrap();
    installation.write("certificate.pem", &made.cert.pem());
    installation.write("key.pem", &made.signing_key.serialize_pem());
    let certificate = installation.path("certificate.pem");
    let key = installation.path("key.pem");
    let Some(server) = Server::start(&installation.path("received"), &[&certificate, &key]) else {
        return;
    };
    let options = format!(
        "host: localhost, port: {}, ca_file: certificate.pem",
        server.port
    );
    configure(&installation, &options);
    check_mail(&installation, true);
}
