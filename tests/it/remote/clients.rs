//! Each client gets what the embedded engine gets of the same folder.

use std::time::Duration;

use huntd::emulator::limit::Limit;
use huntd::window::Window;
use kql::window::Mode;
use serde_json::json;

use super::support::{World, origin, run, spec, window};
use crate::support::http_server::{Answer, HttpServer};

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

#[tokio::test]
async fn windows_of_when_rows_arrived_have_the_late_ones() {
    let world = World::new(1, |_| {}).await;
    let event = |id: u32, happened: &str, arrived: &str| {
        json!({"Timestamp": happened, "TimeGenerated": happened, "_ingestion_time": arrived,
            "FileName": id.to_string()})
    };
    world.put(
        "DeviceFileEvents",
        &[
            event(1, "2026-01-05T00:59:00Z", "2026-01-05T00:59:30Z"),
            event(2, "2026-01-05T00:59:00Z", "2026-01-05T01:00:00Z"),
            event(3, "2026-01-01T00:00:00Z", "2026-01-05T01:30:00Z"),
            event(4, "2026-01-05T01:59:59Z", "2026-01-05T02:00:00Z"),
        ],
    );
    let second = chrono::TimeDelta::hours(1);
    let hour = Window::new(origin() + second, origin() + second * 2).unwrap();
    for kind in ["graph", "xdr", "mde", "loganalytics", "kusto"] {
        let source = world.source(kind, &json!({}));
        let mut spec = spec("DeviceFileEvents | project FileName", Some(hour));
        spec.window_mode = Mode::Ingestion;
        let mut rows = run(&source, &spec).await.unwrap().rows;
        rows.sort();
        assert_eq!(rows, [["2"], ["3"]], "{kind}");
    }
}

#[tokio::test]
async fn a_workspace_without_data_has_no_rows() {
    let server = HttpServer::start(Answer::status(204)).await;
    let world = World::new(1, |_| {}).await;
    let more = json!({"url": server.url(""), "auth": {"kind": "token", "token": "x"}});
    let source = world.source("loganalytics", &more);
    let got = run(&source, &spec("SigninLogs | project TimeGenerated", None)).await;
    let got = got.unwrap();
    assert_eq!(got.columns, ["TimeGenerated"]);
    assert_eq!(got.rows.len(), 0);
    assert!(got.report.notes[0].contains("no data"), "{:?}", got.report);
    assert_eq!(server.requests().len(), 1);
}

#[tokio::test]
async fn a_service_that_says_nothing_is_given_up_in_time() {
    let server = HttpServer::start(Answer::Hang).await;
    let world = World::new(1, |_| {}).await;
    let more = json!({"url": server.url(""), "auth": {"kind": "token", "token": "x"}});
    let source = world.source("graph", &more);
    let mut spec = spec("DeviceProcessEvents", Some(window(10)));
    spec.timeout = Duration::from_secs(2);
    let begun = std::time::Instant::now();
    let error = run(&source, &spec).await;
    assert!(begun.elapsed() < Duration::from_secs(20));
    // Its calls are told nevertheless.
    let report = spec.stats.report().unwrap();
    assert!(!report.root.calls.is_empty(), "{report:?}");
    assert!(error.is_err() || report.missing().is_some(), "{report:?}");
}
