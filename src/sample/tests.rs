//! The sample is deterministic, ordered and confined to its time.

use std::collections::BTreeMap;
use std::path::Path;

use chrono::{DateTime, TimeDelta, Utc};

use super::{SampleOptions, write};

fn options(seed: u64, intrusion: bool) -> SampleOptions {
    let until: DateTime<Utc> = "2026-01-15T18:00:00Z".parse().unwrap();
    SampleOptions {
        until,
        days: 2,
        devices: 14,
        seed,
        intrusion,
    }
}

fn files(root: &Path) -> BTreeMap<String, String> {
    let mut files = BTreeMap::new();
    for table in std::fs::read_dir(root).unwrap().flatten() {
        for day in std::fs::read_dir(table.path()).unwrap().flatten() {
            let path = day.path().join("events.ndjson");
            let name = path
                .strip_prefix(root)
                .unwrap()
                .to_string_lossy()
                .into_owned();
            files.insert(name, std::fs::read_to_string(&path).unwrap());
        }
    }
    files
}

fn sample(options: &SampleOptions) -> BTreeMap<String, String> {
    let folder = tempfile::tempdir().unwrap();
    write(folder.path(), options).unwrap();
    files(folder.path())
}

#[test]
fn same_options_give_the_same_bytes_and_another_seed_gives_others() {
    let first = sample(&options(1, true));
    assert_eq!(first, sample(&options(1, true)));
    assert_ne!(first, sample(&options(2, true)));
}

#[test]
fn every_row_lies_in_its_day_and_in_the_sample_in_order() {
    let options = options(1, true);
    let start = options.until - TimeDelta::days(2);
    for (name, text) in sample(&options) {
        let mut last = String::new();
        for line in text.lines() {
            let row: serde_json::Value = serde_json::from_str(line).unwrap();
            let stamp = row["Timestamp"].as_str().unwrap().to_owned();
            let at: DateTime<Utc> = stamp.parse().unwrap();
            assert!(start <= at && at < options.until, "{name}: {stamp}");
            assert!(
                name.contains(&format!("date={}", at.date_naive())),
                "{name}: {stamp}"
            );
            assert!(last <= stamp, "{name}: {last} before {stamp}");
            last = stamp;
        }
    }
}

#[test]
fn an_intrusion_leaves_traces_that_a_clean_day_has_not() {
    let clean = sample(&options(1, false));
    let attacked = sample(&options(1, true));
    let lines =
        |files: &BTreeMap<String, String>| files.values().flat_map(|text| text.lines()).count();
    assert!(lines(&attacked) > lines(&clean) + 150);
    let has = |files: &BTreeMap<String, String>, text: &str| {
        files.values().any(|file| file.contains(text))
    };
    for trace in [
        "-EncodedCommand",
        "comsvcs.dll",
        "PSEXESVC",
        "rclone.exe",
        "delete shadows",
    ] {
        assert!(has(&attacked, trace), "{trace} is missing");
        assert!(!has(&clean, trace), "{trace} on a clean day");
    }
}

#[test]
fn the_busy_hours_are_office_hours() {
    let files = sample(&options(1, false));
    let processes = &files["DeviceProcessEvents/date=2026-01-14/events.ndjson"];
    let in_hour = |hour: &str| {
        processes
            .lines()
            .filter(|line| line.contains(&format!("T{hour}:")))
            .count()
    };
    assert!(
        in_hour("10") > 3 * in_hour("03"),
        "{} against {}",
        in_hour("10"),
        in_hour("03")
    );
}
