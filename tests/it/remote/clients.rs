//! Each client gets what the embedded engine gets of the same folder.

use huntd::emulator::limit::Limit;
use serde_json::json;

use super::support::{World, run, spec, window};

const QUERIES: [&str; 5] = [
    "DeviceProcessEvents | project Timestamp, DeviceName, ProcessId, ProcessCommandLine, \
     AdditionalFields",
    "DeviceProcessEvents | summarize n = count(), latest = max(Timestamp) by DeviceName",
    "DeviceProcessEvents | where ProcessId < 2 | extend b = ProcessId == 1, r = 1.5, \
     t = 90m, d = dynamic({\"a\": [1, 2]}), g = guid(74be27de-1e4e-49d9-b579-fe0b331d3642), \
     l = tolong(ProcessId) * 5000000000, no = int(null), at = now() \
     | project-away AdditionalFields",
    "DeviceProcessEvents | where FileName == 'none' | project Timestamp, ProcessId",
    "print x = 'ü', y = datetime(2026-01-01T00:00:00.1234567Z), z = real(nan)",
];

#[tokio::test]
async fn every_client_reads_what_the_engine_says() {
    let world = World::new(300, |_| {}).await;
    let local = world.local();
    for kind in ["graph", "xdr", "mde", "loganalytics", "kusto"] {
        let source = world.source(kind, &json!({}));
        for text in QUERIES {
            for window in [Some(window(200)), None] {
                let spec = spec(text, window);
                let got = run(&source, &spec).await;
                let mut got = got.unwrap_or_else(|error| panic!("{kind}: {text}\n{error}"));
                if text.contains("now()") && window.is_none() {
                    continue;
                }
                let mut expected = run(&local, &spec).await.unwrap();
                got.rows.sort();
                expected.rows.sort();
                assert_eq!(got.columns, expected.columns, "{kind}: {text}");
                assert_eq!(got.rows, expected.rows, "{kind}: {text}");
                assert_eq!(got.report.missing(), None);
                assert_eq!(got.report.calls(), 1, "{:?}", got.report);
            }
        }
    }
}

#[tokio::test]
async fn requests_can_be_found_in_the_logs_of_both_sides() {
    let world = World::new(3, |_| {}).await;
    for kind in ["graph", "xdr", "mde", "loganalytics", "kusto"] {
        let source = world.source(kind, &json!({}));
        let got = run(&source, &spec("DeviceProcessEvents", Some(window(10)))).await;
        let got = got.unwrap();
        let [call] = got.report.root.calls.as_slice() else {
            panic!("{kind}: {:?}", got.report);
        };
        assert_eq!((call.status, call.rows), (Some(200), 3), "{kind}");
        assert!(call.bytes > 0, "{kind}");
        assert_eq!(call.client_request_id.len(), 36, "{kind}");
        assert!(call.request_id.is_some(), "{kind}: {call:?}");
    }
}

#[tokio::test]
async fn a_mistake_is_told_before_a_call_is_spent() {
    let world = World::new(3, |_| {}).await;
    for kind in ["graph", "xdr", "mde", "loganalytics", "kusto"] {
        let source = world.source(kind, &json!({}));
        let wrong = spec(
            "DeviceProcessEvents | where FileNam == 'a'",
            Some(window(10)),
        );
        let error = run(&source, &wrong).await.unwrap_err().to_string();
        assert!(error.contains("FileName"), "{kind}: {error}");
    }
}

#[tokio::test]
async fn quotas_of_the_service_are_waited_for() {
    let clock = std::sync::Arc::new(huntd::emulator::clock::EmulatorClock::new(
        std::sync::Arc::new(huntd::clock::SystemClock),
        600.0,
    ));
    let world = World::with_clock(30, clock, |config| {
        config.limits.put(Limit::HuntingCallsPerMinute, Some(5));
    })
    .await;
    // We believe in 45, and are told of 5.
    let source = world.source("graph", &json!({}));
    for _ in 0..12 {
        let got = run(&source, &spec("DeviceProcessEvents", Some(window(10)))).await;
        assert_eq!(got.unwrap().rows.len(), 10);
    }
}
