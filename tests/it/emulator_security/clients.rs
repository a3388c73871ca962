//! The emulated security APIs as the official client of Graph sees them.

use std::path::Path;

use huntd::emulator::config::ClientConfig;

use super::lab::Lab;
use crate::support::python;

const APP: &str = "aaaaaaaa-0000-4000-8000-000000000001";
const TENANT: &str = "bbbbbbbb-0000-4000-8000-000000000001";

#[tokio::test]
async fn msgraph_sdk_reads_and_changes_alerts_and_sends_mail() {
    let Some(mut python) = python(&["azure.identity", "msgraph"]) else {
        return;
    };
    let lab = Lab::with(|config| {
        config.tls = true;
        config.clients = vec![ClientConfig::with_secret(APP, "s")];
    })
    .await;
    // That of tomorrow is there as well.
    lab.pass(7 * 3_600);
    let folder = tempfile::tempdir().unwrap();
    let ca = folder.path().join("ca.pem");
    std::fs::write(&ca, lab.running.ca_pem().unwrap()).unwrap();
    python
        .arg(Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data/emulator/security.py"))
        .args([lab.running.url(), TENANT, APP, "s"])
        .env("SSL_CERT_FILE", &ca)
        .env("REQUESTS_CA_BUNDLE", &ca);
    let run = tokio::task::spawn_blocking(move || python.output().unwrap());
    let output = run.await.unwrap();
    let printed = String::from_utf8_lossy(&output.stdout);
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{printed}\n{said}");
    let held: Vec<&str> = printed.lines().collect();
    let expected = [
        "pages",
        "evidence",
        "later members",
        "change",
        "incident",
        "mail",
        "error",
    ];
    assert_eq!(held, expected);
}
