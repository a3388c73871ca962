//! The emulator as the official Python clients see it: over TLS, signed in, with nothing of them
//! switched off but the look-up of the real sign-in pages.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Arc;

use huntd::clock::SystemClock;
use huntd::emulator::config::{ClientConfig, EmulatorConfig};
use huntd::emulator::limit::Limit;
use huntd::emulator::{Emulator, RunningEmulator};
use huntd::secret::Secret;
use tempfile::TempDir;

use super::call::{APP, EVENTS, SECRET, TENANT};
use crate::support::python;

/// An emulator that speaks TLS, and a folder with what clients need to know of it.
struct Lab {
    running: RunningEmulator,
    folder: TempDir,
}

fn script(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("tests/data/emulator")
        .join(name)
}

/// Runs a script that must succeed; the lines that it printed.
async fn lines(mut command: Command) -> Vec<String> {
    let run = tokio::task::spawn_blocking(move || command.output().unwrap());
    let output = run.await.unwrap();
    let printed = String::from_utf8_lossy(&output.stdout);
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{printed}\n{said}");
    printed.lines().map(ToOwned::to_owned).collect()
}

impl Lab {
    async fn start(change: impl FnOnce(&mut EmulatorConfig, &Path)) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let data = folder.path().join("data");
        std::fs::create_dir(&data).unwrap();
        std::fs::write(data.join("Events.ndjson"), EVENTS).unwrap();
        let mut config = EmulatorConfig {
            tls: true,
            tenants: vec![TENANT.to_owned()],
            clients: vec![ClientConfig::with_secret(APP, SECRET)],
            identity_header: Some(Secret::new("header")),
            ..EmulatorConfig::new(data)
        };
        change(&mut config, folder.path());
        let running = Emulator::start(config, Arc::new(SystemClock))
            .await
            .unwrap();
        std::fs::write(folder.path().join("ca.pem"), running.ca_pem().unwrap()).unwrap();
        Self { running, folder }
    }

    /// Runs a script against it, which prints the name of each check that holds.
    async fn run(&self, mut python: Command, name: &str, more: &[&Path]) -> Vec<String> {
        let ca = self.folder.path().join("ca.pem");
        python
            .arg(script(name))
            .args([self.running.url(), TENANT, APP, SECRET])
            .args(more)
            .env("SSL_CERT_FILE", &ca)
            .env("REQUESTS_CA_BUNDLE", &ca)
            .env(
                "IDENTITY_ENDPOINT",
                format!("{}/msi/token", self.running.url()),
            )
            .env("IDENTITY_HEADER", "header");
        lines(python).await
    }
}

#[tokio::test]
async fn azure_identity_signs_in_every_way() {
    let Some(mut maker) = python(&["azure.identity", "cryptography"]) else {
        return;
    };
    let keys = tempfile::tempdir().unwrap();
    let (both, alone) = (
        keys.path().join("both.pem"),
        keys.path().join("certificate.pem"),
    );
    maker.arg(script("certificate.py")).args([&both, &alone]);
    lines(maker).await;
    let lab = Lab::start(|config, _| config.clients[0].certificates.push(alone)).await;
    let python = python(&["azure.identity"]).unwrap();
    let held = lab.run(python, "identity.py", &[&both]).await;
    let ways = ["secret", "certificate", "managed identity"];
    let mistakes = ["wrong secret", "no such application", "no such assertion"];
    assert_eq!(held, [ways, mistakes].concat());
}

#[tokio::test]
async fn azure_kusto_data_signs_in_and_queries() {
    let Some(python) = python(&["azure.identity", "azure.kusto.data"]) else {
        return;
    };
    let lab = Lab::start(|_, _| {}).await;
    let held = lab.run(python, "kusto.py", &[]).await;
    assert_eq!(held, ["rows", "error", "wrong secret"]);
}

#[tokio::test]
async fn azure_monitor_query_reads_every_answer() {
    let Some(python) = python(&["azure.identity", "azure.monitor.query"]) else {
        return;
    };
    let capped = |config: &mut EmulatorConfig, _: &Path| {
        config.limits.put(Limit::LogAnalyticsRows, Some(100));
    };
    let lab = Lab::start(capped).await;
    let held = lab.run(python, "monitor.py", &[]).await;
    assert_eq!(
        held,
        [
            "rows and columns",
            "timespan",
            "statistics",
            "partial",
            "error"
        ]
    );
}

#[tokio::test]
async fn msgraph_sdk_hunts() {
    let Some(python) = python(&["azure.identity", "msgraph"]) else {
        return;
    };
    let lab = Lab::start(|_, _| {}).await;
    let held = lab.run(python, "graph.py", &[]).await;
    assert_eq!(held, ["rows and columns", "timespan", "error", "many rows"]);
}
