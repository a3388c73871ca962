//! The hunts that ship with huntd: each loads and binds, finds its stage of the sample's
//! intrusion, and stays quiet on days without one.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;

use chrono::{DateTime, TimeDelta, Utc};
use huntd::app::App;
use huntd::clock::ManualClock;
use huntd::run::RunStatus;
use huntd::sample::{SampleOptions, write};
use huntd::state::{RunFilter, RunStore as _};

fn configuration(folder: &Path) -> String {
    let queries = Path::new(env!("CARGO_MANIFEST_DIR")).join("queries");
    let path = |path: &Path| serde_json::Value::from(path.to_string_lossy()).to_string();
    format!(
        "queries: [{}]\nstate: \"sqlite:{}\"\nlake: {{url: {}}}\n\
         sources:\n  defender: {{kind: local, path: {}}}\n",
        path(&queries),
        folder.join("state.db").display(),
        path(&folder.join("lake")),
        path(&folder.join("telemetry")),
    )
}

/// Runs every shipped hunt over the last hours of a sample; findings by hunt.
async fn findings_of_all_hunts(intrusion: bool) -> BTreeMap<String, u64> {
    let folder = tempfile::tempdir().unwrap();
    let until: DateTime<Utc> = "2026-01-15T18:00:00Z".parse().unwrap();
    let options = SampleOptions {
        until,
        days: 1,
        devices: 16,
        seed: 7,
        intrusion,
    };
    write(&folder.path().join("telemetry"), &options).unwrap();
    let config = folder.path().join("huntd.yaml");
    std::fs::write(&config, configuration(folder.path())).unwrap();

    let clock = Arc::new(ManualClock::new(until - TimeDelta::hours(8)));
    let app = App::open(&config, Arc::<ManualClock>::clone(&clock) as _)
        .await
        .unwrap();
    app.take_over().await.unwrap();
    app.schedule().await.unwrap();
    clock.set(until + TimeDelta::minutes(10));
    app.drain().await.unwrap();

    let runs = app.store().runs(&RunFilter::default()).await.unwrap();
    let mut findings = BTreeMap::new();
    for run in runs {
        assert_eq!(run.status, RunStatus::Complete, "{:?}", run.message);
        *findings.entry(run.request.hunt.to_string()).or_default() += run.counts.new;
    }
    app.close().await;
    findings
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_hunt_finds_its_stage_of_the_intrusion() {
    let findings = findings_of_all_hunts(true).await;
    assert!(findings.len() >= 12, "only {} hunts", findings.len());
    for (hunt, found) in findings {
        assert!(found > 0, "{hunt} found nothing");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_hunt_is_quiet_on_a_clean_day() {
    let findings = findings_of_all_hunts(false).await;
    assert!(findings.len() >= 12, "only {} hunts", findings.len());
    let loud: Vec<_> = findings.iter().filter(|(_, found)| **found > 0).collect();
    assert!(loud.is_empty(), "false alarms: {loud:?}");
}

#[test]
fn nothing_is_to_be_said_about_the_shipped_hunts() {
    let output = std::process::Command::new(env!("CARGO_BIN_EXE_huntd"))
        .args(["--config", "nothing.yaml", "check", "--strict", "queries"])
        .output()
        .unwrap();
    let said = String::from_utf8(output.stdout).unwrap();
    assert!(output.status.success() && said.is_empty(), "{said}");
}
