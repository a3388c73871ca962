//! `huntd emulate` where it cannot start, or has nothing to tell.

use std::io::{BufRead as _, BufReader};
use std::net::TcpListener;
use std::path::Path;
use std::process::{Command, Output, Stdio};

fn command(listen: &str, data: &Path) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_huntd"));
    command
        .args(["emulate", "--listen", listen, "--data"])
        .arg(data)
        .env_remove("HUNTD_TOKEN")
        .env_remove("HUNTD_EMULATE_SECRET");
    command
}

#[track_caller]
fn refused(output: &Output, words: &[&str]) {
    let error = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(2), "{error}");
    for word in words {
        assert!(error.contains(word), "{error}");
    }
}

#[test]
fn a_port_in_use_is_bad_input() {
    let folder = tempfile::tempdir().unwrap();
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = taken.local_addr().unwrap().to_string();
    let output = command(&address, folder.path()).output().unwrap();
    refused(&output, &[&address, "--listen", "in use"]);
}

#[test]
fn who_can_connect_from_elsewhere_needs_a_secret_or_a_token() {
    let folder = tempfile::tempdir().unwrap();
    let output = command("0.0.0.0:0", folder.path()).output().unwrap();
    refused(
        &output,
        &["HUNTD_EMULATE_SECRET", "HUNTD_TOKEN", "127.0.0.1"],
    );
}

#[test]
fn a_folder_without_tables_is_told() {
    let folder = tempfile::tempdir().unwrap();
    let mut child = command("127.0.0.1:0", folder.path())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let mut first = String::new();
    let mut error = BufReader::new(child.stderr.take().unwrap());
    error.read_line(&mut first).unwrap();
    child.kill().unwrap();
    child.wait().unwrap();
    assert!(first.starts_with("warning: "), "{first}");
    assert!(first.contains("holds no table"), "{first}");
}
