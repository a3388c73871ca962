//! Warnings of the linter, with what a hunt's settings say about them.

use super::inputs::check;

const HUNT: &str = "\
// ---
// source: defender
// schedule: \"0 * * * *\"
// window: {lookback: 1h}
// title: \"{{ row.FileName }} on {{ row.DeviceName }}\"
// entities: {device: DeviceId}
// detect: {threshold: rows > 0}
// ---
DeviceProcessEvents
| where Timestamp > ago(1d) // huntd: allow KQL416 an example
| where tolower(FileName) == 'a.exe'
| project DeviceId, FileName
";

fn codes(text: &str, arguments: &[&str]) -> (i32, Vec<String>) {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("hunt.kql"), text).unwrap();
    check(folder.path(), &["hunt.kql"], arguments)
}

#[test]
fn hunts_are_linted_with_their_window_and_their_title() {
    let (code, found) = codes(HUNT, &[]);
    let expected = ["hunt.kql:11:9-11:16 KQL411", "hunt.kql:12:3-12:29 KQL417"];
    assert_eq!(found, expected);
    assert_eq!(code, 0, "warnings do not fail");
    let without_comment = HUNT.replace("// huntd: allow KQL416 an example", "");
    let (_, found) = codes(&without_comment, &[]);
    assert_eq!(found.len(), 3, "{found:?}");
    let other_window = HUNT.replace("lookback: 1h", "lookback: 1d");
    let (_, found) = codes(&other_window, &[]);
    let idle = "hunt.kql:10:45-10:51 KQL430";
    assert_eq!(found, [idle, expected[0], expected[1]]);
    let with_name = HUNT.replace("DeviceId, FileName", "DeviceId, DeviceName, FileName");
    assert_eq!(codes(&with_name, &[]).1, [expected[0]]);
}

#[test]
fn warnings_fail_a_strict_check() {
    assert_eq!(codes(HUNT, &["--strict"]).0, 1);
    let right = "DeviceProcessEvents | where FileName =~ 'a.exe'";
    assert_eq!(codes(right, &["--strict"]), (0, Vec::new()));
}

#[test]
fn syntax_alone_is_not_linted() {
    assert_eq!(codes(HUNT, &["--syntax-only"]), (0, Vec::new()));
}

#[test]
fn rules_of_sentinel_are_linted_with_their_period() {
    let folder = tempfile::tempdir().unwrap();
    let rule = |period: &str| {
        let text = format!(
            "id: 0f1c5a3e-0d1c-4f0e-9a6b-1d2c3b4a5f60\nname: Failures\nkind: Scheduled\n\
             queryFrequency: 1h\nqueryPeriod: {period}\ntriggerOperator: gt\n\
             triggerThreshold: 0\nquery: |\n  SecurityEvent\n  \
             | where TimeGenerated > ago(1d)\n  | where EventID == 4625\n"
        );
        std::fs::write(folder.path().join("rule.yaml"), text).unwrap();
        let (_, found) = check(folder.path(), &["rule.yaml"], &[]);
        let lint = found.into_iter().filter(|one| one.contains("KQL4"));
        lint.collect::<Vec<_>>()
    };
    assert_eq!(rule("1h"), ["rule.yaml:10:11-10:34 KQL416"]);
    assert_eq!(rule("1d"), [""; 0]);
}
