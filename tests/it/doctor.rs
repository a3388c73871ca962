//! `huntd doctor` and `/metrics`, through the binary.

use std::io::{Read as _, Write as _};

use serde_json::Value;

use crate::support::installation::Installation;
use crate::support::smtp_server::{Behaviour, SmtpServer};

const HUNT: &str = "\
// ---
// schedule: {cron: \"0 * * * *\", timezone: Europe/Berlin}
// ---
DeviceProcessEvents
| take 1
";

fn installation(more: &str) -> Installation {
    let installation = Installation::new(&format!(
        "state: sqlite:data/state.db\nlake: {{url: data/lake}}\n\
         sources: {{lab: {{kind: local, path: telemetry}}}}\ndefaults: {{source: lab}}\n{more}"
    ));
    installation.write("queries/processes.kql", HUNT);
    let event = r#"{"Timestamp": "2026-01-02T14:00:00Z", "DeviceName": "pc1"}"#;
    installation.write("telemetry/DeviceProcessEvents.ndjson", event);
    installation
}

/// Outcome and detail of each check, by part and check.
fn checks(installation: &Installation) -> (Option<i32>, Vec<(String, String, String)>) {
    let finished = installation.huntd(&["doctor", "--format", "json"]);
    let checks: Vec<Value> = serde_json::from_str(&finished.stdout).unwrap();
    let text = |check: &Value, key: &str| check[key].as_str().unwrap_or_default().to_owned();
    let checks = checks.iter().map(|check| {
        let name = format!("{}: {}", text(check, "part"), text(check, "check"));
        (name, text(check, "outcome"), text(check, "detail"))
    });
    (finished.code, checks.collect())
}

fn outcome<'a>(checks: &'a [(String, String, String)], name: &str) -> (&'a str, &'a str) {
    let found = checks.iter().find(|(check, ..)| check == name);
    let (_, outcome, detail) = found.unwrap_or_else(|| panic!("no `{name}` in {checks:?}"));
    (outcome, detail)
}

#[tokio::test(flavor = "multi_thread")]
async fn doctor_says_that_all_is_well_and_sends_no_mail() {
    let server = SmtpServer::start(Behaviour::plain()).await;
    let port = server.address.port();
    let installation = installation(&format!(
        "actions:\n  soc-mail: {{kind: email, from: huntd@example.com, to: [soc@example.com], \
         smtp: {{host: 127.0.0.1, port: {port}, tls: none}}}}\n"
    ));
    let (code, checks) = checks(&installation);
    assert_eq!(code, Some(0), "{checks:?}");
    for (name, detail) in [
        ("configuration: reads", "huntd.yaml"),
        ("hunts: loaded", "1 are loaded, 1 run by a schedule"),
        ("clock: time zones", "Europe/Berlin"),
        ("state: opens", "will be made at the first start"),
        ("lake: opens", "data/lake can be written"),
        ("action soc-mail: mail", "answers"),
        ("source lab: tables", "telemetry has 1"),
    ] {
        let (outcome, found) = outcome(&checks, name);
        assert_eq!(outcome, "ok", "{name}: {found}");
        assert!(found.contains(detail), "{name}: {found}");
    }
    assert_eq!(server.accepted().len(), 0);
    assert_eq!(installation.files("data/lake"), [] as [String; 0]);
    assert!(!installation.path("data/state.db").exists());
    installation.huntd(&["run", "processes"]);
    let text = installation.huntd(&["doctor"]).stdout;
    assert!(text.contains("state.db can be read and written"), "{text}");
}

#[test]
fn doctor_says_what_fails_and_what_to_do() {
    let unused = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let port = unused.local_addr().unwrap().port();
    drop(unused);
    let installation = installation(&format!(
        "actions:\n  soc-mail: {{kind: email, from: huntd@example.com, to: [soc@example.com], \
         smtp: {{host: 127.0.0.1, port: {port}, tls: none}}}}\n"
    ));
    std::fs::remove_dir_all(installation.path("telemetry")).unwrap();
    installation.write(
        "data/state.db",
        "this is a text and no database; it is long enough for one",
    );
    let (code, found) = checks(&installation);
    assert_eq!(code, Some(1));
    let (mail, why) = outcome(&found, "action soc-mail: mail");
    assert!(mail == "fail" && why.contains("onnection refused"), "{why}");
    assert_eq!(outcome(&found, "source lab: tables").0, "fail");
    let (state, why) = outcome(&found, "state: opens");
    assert!(state == "fail" && why.contains("point `state`"), "{why}");

    installation.write("config/huntd.yaml", "sources: {lab: {kind: locl}}\n");
    let (code, found) = checks(&installation);
    assert_eq!(code, Some(1));
    assert_eq!(outcome(&found, "configuration: reads").0, "fail");
    assert_eq!(found.len(), 1);
}

#[test]
fn metrics_are_served_to_who_may_ask() {
    let installation = installation("server: {listen: \"127.0.0.1:0\"}\n");
    let mut serving = installation.serve();
    let log = serving.wait_for_log("huntd is serving");
    let address = regex::Regex::new(r"127\.0\.0\.1:\d+").unwrap();
    let address = address.find(&log).unwrap().as_str();
    let ask = |host: &str| {
        let mut stream = std::net::TcpStream::connect(address).unwrap();
        let request = format!("GET /metrics HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n\r\n");
        stream.write_all(request.as_bytes()).unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).unwrap();
        answer
    };
    let answer = ask("localhost");
    assert!(answer.starts_with("HTTP/1.1 200"), "{answer}");
    assert!(answer.contains("application/openmetrics-text"), "{answer}");
    for line in [
        "# TYPE huntd_outbox_deliveries gauge",
        r#"huntd_outbox_deliveries{status="dead"} 0.0"#,
        r#"huntd_hunt_completed_until_timestamp_seconds{hunt="processes"} 1"#,
    ] {
        assert!(answer.contains(line), "{line}\n{answer}");
    }
    let refused = ask("evil.example.com");
    assert!(!refused.contains("huntd_outbox"), "{refused}");
    assert_eq!(serving.stop().0, Some(0));
}
