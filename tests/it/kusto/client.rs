//! `huntd emulate` as the official Python client sees it.

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::TcpStream;
use std::path::Path;
use std::process::{Child, Command, Stdio};

use crate::support::installation::Installation;
use crate::support::python;

/// A `huntd emulate` under way; ended when dropped.
struct Emulator {
    child: Child,
    url: String,
}

impl Emulator {
    fn start(data: &Path, arguments: &[&str]) -> Self {
        let mut child = Command::new(env!("CARGO_BIN_EXE_huntd"))
            .args(["emulate", "--listen", "127.0.0.1:0", "--data"])
            .arg(data)
            .args(arguments)
            .env_remove("HUNTD_TOKEN")
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let mut first = String::new();
        let mut output = BufReader::new(child.stdout.take().unwrap());
        output.read_line(&mut first).unwrap();
        let url = first.split_whitespace().last().unwrap().to_owned();
        assert!(url.starts_with("http://127.0.0.1:"), "{first}");
        Self { child, url }
    }
}

impl Drop for Emulator {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

#[test]
fn the_official_client_reads_every_answer() {
    let Some(mut python) = python(&["azure.kusto.data", "pandas"]) else {
        return;
    };
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("Events.ndjson"), super::wire::EVENTS).unwrap();
    let emulator = Emulator::start(folder.path(), &[]);
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data/kusto/client.py");
    let output = python.arg(script).arg(&emulator.url).output().unwrap();
    let (done, failure) = (
        String::from_utf8_lossy(&output.stdout),
        String::from_utf8_lossy(&output.stderr),
    );
    assert!(output.status.success(), "{done}\n{failure}");
    assert_eq!(done.lines().count(), 13, "{done}");
}

#[test]
fn others_than_this_machine_need_a_token() {
    let folder = tempfile::tempdir().unwrap();
    let output = Command::new(env!("CARGO_BIN_EXE_huntd"))
        .args(["emulate", "--listen", "0.0.0.0:0", "--data"])
        .arg(folder.path())
        .env_remove("HUNTD_TOKEN")
        .output()
        .unwrap();
    assert_eq!(output.status.code(), Some(2));
    let error = String::from_utf8_lossy(&output.stderr);
    assert!(error.contains("HUNTD_TOKEN"), "{error}");
    let output = Command::new(env!("CARGO_BIN_EXE_huntd"))
        .args(["emulate", "--data", "no-such-folder"])
        .output()
        .unwrap();
    assert_eq!(output.status.code(), Some(2));
}

#[test]
fn serve_answers_over_its_sources_if_it_is_to_listen() {
    let installation = Installation::new(
        "state: sqlite:data/state.db\nlake: {url: data/lake}\n\
         sources: {lab: {kind: local, path: telemetry}, other: {kind: local, path: telemetry}}\n\
         defaults: {source: lab}\nserver: {listen: \"127.0.0.1:0\"}\n",
    );
    installation.write("telemetry/Events.ndjson", super::wire::EVENTS);
    let mut serving = installation.serve();
    let log = serving.wait_for_log("huntd is serving");
    let (_, address) = log.split_once("listen=").unwrap();
    let address = address.trim_start_matches('"');
    let end = address.find(['"', ' ', '\n']).unwrap_or(address.len());
    let mut stream = TcpStream::connect(&address[..end]).unwrap();
    let body = r#"{"csl": ".show databases | project DatabaseName, IsCurrent"}"#;
    write!(
        stream,
        "POST /v1/rest/mgmt HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\
         Content-Length: {}\r\n\r\n{body}",
        body.len()
    )
    .unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    assert!(
        answer.contains(r#"[["lab",true],["other",false]]"#),
        "{answer}"
    );
    let (code, log) = serving.stop();
    assert_eq!(code, Some(0), "{log}");
}

#[test]
fn serve_does_not_listen_to_everybody_without_a_token() {
    let installation = Installation::new("server: {listen: \"0.0.0.0:8420\"}\n");
    let checked = installation.huntd(&["check"]);
    assert_eq!(checked.code, Some(1), "{checked:?}");
    let said = format!("{}{}", checked.stdout, checked.stderr);
    assert!(said.contains("token is needed"), "{said}");
}
