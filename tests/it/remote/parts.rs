//! Answers that the service cuts are never taken for the whole.

use huntd::emulator::limit::Limit;
use huntd::run::report::PartOutcome;
use serde_json::json;

use super::support::{World, run, spec, window};

#[tokio::test]
async fn a_capped_result_arrives_whole_and_in_order() {
    let world = World::new(1000, |config| {
        config.limits.put(Limit::HuntingRows, Some(64));
    })
    .await;
    let source = world.source("graph", json!({"rows_max": 64}));
    let text = "DeviceProcessEvents | project Timestamp, ProcessId";
    let got = run(&source, &spec(text, Some(window(1000)))).await.unwrap();
    let ids: Vec<String> = got.rows.iter().map(|row| row[1].clone()).collect();
    let expected: Vec<String> = (0..1000).map(|id| id.to_string()).collect();
    assert_eq!(ids, expected);
    assert_eq!(got.report.missing(), None);
    assert_eq!(got.report.root.outcome, PartOutcome::Split);
    assert_eq!(got.report.root.rows, 1000);
    // 1,000 rows in parts of less than 64: 16 halves of halves, and what was too large before them.
    assert!(got.report.calls() < 40, "{}", got.report.calls());
}

#[tokio::test]
async fn what_cannot_be_split_is_truncated_and_says_so() {
    let world = World::new(1000, |config| {
        config.limits.put(Limit::HuntingRows, Some(64));
    })
    .await;
    let source = world.source("graph", json!({"rows_max": 64}));
    let text = "DeviceProcessEvents | summarize dcount(FileName) by ProcessId";
    let got = run(&source, &spec(text, Some(window(1000)))).await.unwrap();
    assert_eq!(got.report.root.outcome, PartOutcome::Truncated);
    assert_eq!(got.rows.len(), 64);
    let missing = got.report.missing().unwrap();
    assert!(missing.contains("64 rows"), "{missing}");

    // More rows in a second than an answer holds.
    let source = world.source("graph", json!({"rows_max": 64, "split_floor": "10m"}));
    let text = "DeviceProcessEvents | project Timestamp, ProcessId";
    let got = run(&source, &spec(text, Some(window(1000)))).await.unwrap();
    let missing = got.report.missing().unwrap();
    assert!(missing.contains("split_floor"), "{missing}");
}
