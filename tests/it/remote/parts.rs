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
    let source = world.source("graph", &json!({"rows_max": 64}));
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
    let source = world.source("graph", &json!({"rows_max": 64}));
    let text = "DeviceProcessEvents | summarize dcount(FileName) by ProcessId";
    let got = run(&source, &spec(text, Some(window(1000)))).await.unwrap();
    assert_eq!(got.report.root.outcome, PartOutcome::Truncated);
    assert_eq!(got.rows.len(), 64);
    let missing = got.report.missing().unwrap();
    assert!(missing.contains("64 rows"), "{missing}");

    // More rows in a second than an answer holds.
    let source = world.source("graph", &json!({"rows_max": 64, "split_floor": "10m"}));
    let text = "DeviceProcessEvents | project Timestamp, ProcessId";
    let got = run(&source, &spec(text, Some(window(1000)))).await.unwrap();
    let missing = got.report.missing().unwrap();
    assert!(missing.contains("split_floor"), "{missing}");
}

#[tokio::test]
async fn bins_are_cut_where_they_end_even_where_that_is_far_from_the_middle() {
    let world = World::new(100, |config| {
        config.limits.put(Limit::HuntingRows, Some(64));
    })
    .await;
    let source = world.source("graph", &json!({"rows_max": 64}));
    let text = "DeviceProcessEvents | summarize dcount(FileName) by bin(Timestamp, 60s), ProcessId";
    let got = run(&source, &spec(text, Some(window(100)))).await.unwrap();
    assert_eq!(got.report.missing(), None, "{:?}", got.report);
    assert_eq!(got.rows.len(), 100);
    let parts: Vec<i64> = got
        .report
        .root
        .parts
        .iter()
        .map(|part| part.window.length().num_seconds())
        .collect();
    assert_eq!(parts, [60, 40]);
}

/// Queries whose parts make the whole, in every way that parts are merged.
const MERGED: [&str; 22] = [
    "DeviceProcessEvents | project Timestamp, ProcessId | where ProcessId % 3 != 1",
    "DeviceProcessEvents | summarize count() by DeviceName, ProcessId",
    "DeviceProcessEvents | summarize n = count(), least = min(ProcessId), most = max(ProcessId), \
     total = sum(ProcessId), earliest = min(Timestamp) by DeviceName, FileName, x = ProcessId / 7",
    "DeviceProcessEvents | summarize arg_max(Timestamp, ProcessId, FileName) by x = ProcessId / 5",
    "DeviceProcessEvents | project Timestamp, ProcessId, FileName, DeviceName \
     | summarize arg_min(Timestamp, *) by x = ProcessId % 90",
    "DeviceProcessEvents | summarize make_set(DeviceName), countif(FileName == 'cmd.exe') \
     by x = ProcessId / 4",
    "DeviceProcessEvents | summarize make_bag(bag_pack(DeviceName, 1)) by x = ProcessId / 4",
    "DeviceProcessEvents | summarize binary_all_or(ProcessId), binary_all_xor(ProcessId) \
     by x = ProcessId / 4",
    "DeviceProcessEvents | summarize n = count() by bin(Timestamp, 4s)",
    "DeviceProcessEvents | summarize n = dcount(ProcessId) by bin(Timestamp, 4s), DeviceName",
    "DeviceProcessEvents | distinct DeviceName, x = ProcessId / 3",
    "DeviceProcessEvents | project ProcessId, DeviceName | sort by DeviceName asc, ProcessId desc",
    "DeviceProcessEvents | summarize n = count() by x = ProcessId / 2 | sort by n desc, x asc",
    "DeviceProcessEvents | top 70 by ProcessId desc | project ProcessId",
    "DeviceProcessEvents | extend d = todynamic(AdditionalFields) | project Timestamp, n = tolong(d.n)",
    "DeviceProcessEvents | mv-expand i = range(1, 2) to typeof(long) | project ProcessId, i",
    "DeviceProcessEvents | extend a = iff(ProcessId < 120, long(null), 7), \
     b = iff(ProcessId < 120, 9, long(null)) \
     | summarize take_any(a), take_any(b) by DeviceName, x = ProcessId % 60 | extend k = strlen(DeviceName)",
    "DeviceProcessEvents | distinct DeviceName, FileName, x = ProcessId / 2 | extend d = split(FileName, '.')",
    "union (DeviceProcessEvents | project d = bin(Timestamp, 10s), x = ProcessId), \
     (DeviceProcessEvents | project d = bin(Timestamp, 10s) + 10s, x = ProcessId) | summarize count() by d, x",
    "DeviceProcessEvents | summarize arg_max(ProcessId, FileName) by DeviceName, x = ProcessId / 3",
    "let other = DeviceProcessEvents | project Timestamp, y = ProcessId; DeviceProcessEvents \
     | join kind=inner other on Timestamp | project ProcessId, y",
    "DeviceProcessEvents | make-series n = count() default = 0 on Timestamp step 10s by DeviceName",
];

#[tokio::test]
async fn an_answer_in_parts_is_the_whole_answer() {
    let mut split = 0;
    for (cap, length) in [(13, 97), (31, 240)] {
        let world = World::new(240, |config| {
            config.limits.put(Limit::HuntingRows, Some(cap));
            config.quotas = false;
        })
        .await;
        let local = world.local();
        let more = json!({"rows_max": cap, "quota": {"calls_per_minute": 1_000_000,
            "calls_per_hour": 1_000_000}});
        let source = world.source("graph", &more);
        for text in MERGED {
            {
                let spec = spec(text, Some(window(length)));
                let mut got = run(&source, &spec).await.unwrap();
                let mut whole = run(&local, &spec).await.unwrap();
                assert_eq!(got.columns, whole.columns, "{text}");
                assert_eq!(got.report.missing(), None, "{text}");
                split += usize::from(got.report.root.outcome == PartOutcome::Split);
                let is_sorted = text.contains("sort by") || text.contains("top ");
                if !is_sorted {
                    got.rows.sort();
                    whole.rows.sort();
                }
                let sets = text.contains("make_set") || text.contains("make_bag");
                let tell = |rows: Vec<Vec<String>>| -> Vec<String> {
                    let row = |row: Vec<String>| {
                        let mut characters: Vec<char> = row.join(" ").chars().collect();
                        // The order within a set means nothing.
                        if sets {
                            characters.sort_unstable();
                        }
                        characters.into_iter().collect()
                    };
                    rows.into_iter().map(row).collect()
                };
                assert_eq!(
                    tell(got.rows),
                    tell(whole.rows),
                    "{text} in {length} s, cap {cap}"
                );
            }
        }
    }
    // All but the series, which has a row for each device.
    assert_eq!(split, 2 * (MERGED.len() - 1));
}

#[tokio::test]
async fn answers_with_columns_that_are_not_known_are_not_merged() {
    let world = World::new(200, |config| {
        config.limits.put(Limit::HuntingRows, Some(31));
    })
    .await;
    let source = world.source("graph", &json!({"rows_max": 31}));
    // The tenant's table has a column that huntd has not heard of.
    let text = "DeviceProcessEvents | summarize arg_min(Timestamp, *) by x = ProcessId % 90";
    let got = run(&source, &spec(text, Some(window(200)))).await.unwrap();
    let missing = got.report.missing().unwrap();
    assert!(
        missing.contains("`TimeGenerated`") && missing.contains("catalog"),
        "{missing}"
    );
}

#[tokio::test]
async fn what_a_service_would_not_tell_or_not_confine_is_said() {
    let world = World::new(10, |_| {}).await;
    let source = world.source("graph", &json!({}));
    let several = "DeviceProcessEvents | fork (count) (summarize max(Timestamp))";
    let error = run(&source, &spec(several, Some(window(10)))).await;
    let error = error.unwrap_err().to_string();
    assert!(error.contains("several tables"), "{error}");

    world.put("DeviceTvmSoftwareInventory", &[json!({"DeviceId": "a"})]);
    let find = "find in (DeviceProcessEvents, DeviceTvmSoftwareInventory) where DeviceId != 'z' \
                | count";
    let got = run(&source, &spec(find, Some(window(10)))).await.unwrap();
    assert!(
        got.report.notes[0].contains("no filter by time"),
        "{:?}",
        got.report
    );
}
