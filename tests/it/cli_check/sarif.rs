//! The SARIF log: what its specification demands, and what code hosts need.

use serde_json::{Value, json};

use super::{huntd, text};

fn sarif(path: &str) -> Value {
    let output = huntd(&[
        "--config",
        "nothing.yaml",
        "check",
        "--format",
        "sarif",
        path,
    ]);
    assert_eq!(text(&output.stderr), "");
    serde_json::from_slice(&output.stdout).unwrap()
}

#[test]
fn a_log_has_the_form_that_sarif_demands() {
    for path in [
        "tests/data/hunts",
        "tests/data/hunts/good",
        "tests/data/hunts/nothing.kql",
    ] {
        let log = sarif(path);
        assert_eq!(log["version"], "2.1.0");
        let runs = log["runs"].as_array().unwrap();
        assert_eq!(runs.len(), 1);
        let driver = &runs[0]["tool"]["driver"];
        assert_eq!(driver["name"], "huntd");
        let rules = driver["rules"].as_array().unwrap();
        for rule in rules {
            for key in ["shortDescription", "fullDescription", "help"] {
                assert!(!rule[key]["text"].as_str().unwrap().is_empty());
            }
        }
        for result in runs[0]["results"].as_array().unwrap() {
            let rule = &rules[usize::try_from(result["ruleIndex"].as_u64().unwrap()).unwrap()];
            assert_eq!(rule["id"], result["ruleId"]);
            assert!(["error", "warning"].contains(&result["level"].as_str().unwrap()));
            assert!(!result["message"]["text"].as_str().unwrap().is_empty());
            let location = &result["locations"][0]["physicalLocation"];
            let uri = location["artifactLocation"]["uri"].as_str().unwrap();
            assert!(uri.starts_with("tests/") && !uri.contains(' '), "{uri}");
            if let Some(region) = location.get("region") {
                let number = |key: &str| region[key].as_u64().unwrap();
                let start = (number("startLine"), number("startColumn"));
                let end = (number("endLine"), number("endColumn"));
                assert!(start.0 >= 1 && start.1 >= 1 && start <= end, "{region}");
            }
        }
    }
}

#[test]
fn what_was_probably_meant_is_a_fix() {
    let log = sarif("tests/data/hunts/misspelt-column.kql");
    let results = log["runs"][0]["results"].as_array().unwrap();
    let fixes = json!([{
        "description": {"text": "write `FileName`"},
        "artifactChanges": [{
            "artifactLocation": {"uri": "tests/data/hunts/misspelt-column.kql"},
            "replacements": [{
                "deletedRegion":
                    {"startLine": 6, "startColumn": 9, "endLine": 6, "endColumn": 16},
                "insertedContent": {"text": "FileName"},
            }],
        }],
    }]);
    assert_eq!(results[0]["fixes"], fixes);
}
