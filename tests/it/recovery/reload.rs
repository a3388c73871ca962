//! Hunts change while huntd serves.

use crate::support::installation::Installation;

/// A broken hunt leaves those loaded as they are, and says where it is broken; once it is put
/// right it is loaded without being asked.
#[tokio::test]
async fn a_reload_takes_all_or_nothing() {
    let installation = Installation::new(
        "sources: {lab: {kind: local, path: telemetry, missing_tables: empty}}\n\
         defaults: {window: {delay: 0s}}\n",
    );
    let query = "DeviceProcessEvents | project DeviceId\n";
    installation.write("queries/first.kql", &every_second(query));
    let mut serving = installation.serve();
    serving.wait_for_log("run finished");

    let before = serving.log().len();
    let broken = every_second("DeviceProcessEvents | project DeviceIdd\n");
    installation.write("queries/first.kql", &broken);
    installation.write("queries/second.kql", &every_second(query));
    serving.signal("HUP");
    let log = serving.wait_for_log_after(before, "are not reloaded");
    for part in [
        "those loaded stay",
        "queries/first.kql:4:31",
        "unknown column `DeviceIdd`",
        "did you mean `DeviceId`?",
    ] {
        assert!(log.contains(part), "{part}: {log}");
    }
    let before = serving.log().len();
    serving.wait_for_log_after(before, "hunt.name=first");
    assert!(!serving.log().contains("hunt.name=second"));

    installation.write("queries/first.kql", &every_second(query));
    let log = serving.wait_for_log_after(before, "are reloaded");
    assert!(log.contains("added=\"second\""), "{log}");
    serving.wait_for_log_after(before, "hunt.name=second");
    let (code, log) = serving.stop();
    assert_eq!(code, Some(0), "{log}");
}

fn every_second(query: &str) -> String {
    format!("// ---\n// schedule: {{every: 1s}}\n// ---\n{query}")
}
