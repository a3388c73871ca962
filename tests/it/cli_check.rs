//! `check`, `list`, `next` and `explain` through the binary: exit code and output.

mod catalogs;
mod inputs;
mod lint;
mod sarif;

use std::path::PathBuf;
use std::process::{Command, Output};

fn huntd(arguments: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_huntd"))
        .args(arguments)
        .env_remove("HUNTD_CONFIG")
        .output()
        .unwrap()
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8(bytes.to_vec()).unwrap()
}

/// A configuration over the good hunts, in a folder of its own.
fn configuration() -> (tempfile::TempDir, PathBuf) {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("huntd.yaml");
    let state = folder.path().join("state.db");
    let config = format!(
        "queries: [tests/data/hunts/good]\nstate: sqlite:{}\n\
         sources: {{lab: {{kind: local, path: {}}}}}\n\
         actions: {{soc-mail: {{kind: email, to: [soc@example.com], folder: mail}}}}\n",
        state.display(),
        folder.path().display()
    );
    std::fs::write(&path, config).unwrap();
    (folder, path)
}

#[test]
fn check_prints_one_json_array() {
    let output = huntd(&[
        "--config",
        "nothing.yaml",
        "check",
        "--format",
        "json",
        "tests/data/hunts/misspelt-column.kql",
    ]);
    assert_eq!(output.status.code(), Some(1));
    insta::assert_snapshot!(
        text(&output.stdout).trim_end(),
        @r#"[{"file":"tests/data/hunts/misspelt-column.kql","line":6,"column":9,"end_line":6,"end_column":16,"severity":"error","code":"KQL201","message":"unknown column `FileNam`; help: did you mean `FileName`?"}]"#
    );
    assert_eq!(text(&output.stderr), "");
}

#[test]
fn exit_codes_tell_good_wrong_and_unreadable_apart() {
    let code = |path: &str| {
        huntd(&["--config", "nothing.yaml", "check", path])
            .status
            .code()
    };
    assert_eq!(code("tests/data/hunts/good"), Some(0));
    assert_eq!(code("tests/data/hunts/unknown-keys.kql"), Some(1));
    assert_eq!(code("tests/data/hunts/nothing.kql"), Some(2));
    assert_eq!(code("tests/data/config/unknown-keys.yaml"), Some(1));
    let syntax = huntd(&[
        "check",
        "--syntax-only",
        "tests/data/hunts/misspelt-column.kql",
    ]);
    assert_eq!(syntax.status.code(), Some(0));
}

#[test]
fn a_secret_is_never_printed() {
    for format in ["text", "json"] {
        let path = "tests/data/config/literal-secret.yaml";
        let output = huntd(&["check", "--format", format, path]);
        assert_eq!(output.status.code(), Some(1));
        assert!(!text(&output.stdout).contains("hunter2"));
        assert!(!text(&output.stderr).contains("hunter2"));
    }
}

#[test]
fn hunts_are_listed_foretold_and_explained() {
    let (_folder, path) = configuration();
    let config = path.to_str().unwrap();
    let list = huntd(&["--config", config, "list"]);
    assert_eq!(list.status.code(), Some(0), "{}", text(&list.stderr));
    assert!(text(&list.stdout).contains("*/15 * * * * Europe/Berlin"));

    let next = huntd(&[
        "--config", config, "next", "--count", "2", "--format", "json",
    ]);
    let times: serde_json::Value = serde_json::from_slice(&next.stdout).unwrap();
    assert_eq!(
        times.as_array().unwrap().len(),
        4,
        "two of each scheduled hunt"
    );
    for time in times.as_array().unwrap() {
        assert!(time["window_start"].as_str() < time["window_end"].as_str());
    }

    let explain = huntd(&["--config", config, "explain", "encoded-powershell"]);
    let explained = text(&explain.stdout);
    assert!(
        explained.contains("reads        DeviceProcessEvents by Timestamp"),
        "{explained}"
    );
    assert!(
        explained.contains("splitting    independent parts"),
        "{explained}"
    );
    assert!(
        explained.contains("detect       Results | summarize Hits"),
        "{explained}"
    );

    let windowed = huntd(&["--config", config, "explain", "--kql", "encoded-powershell"]);
    assert_eq!(windowed.status.code(), Some(0));
    let windowed = text(&windowed.stdout);
    assert!(
        windowed.contains("| where Timestamp >= datetime("),
        "{windowed}"
    );

    let unknown = huntd(&["--config", config, "explain", "encoded-powershel"]);
    assert_eq!(unknown.status.code(), Some(2));
    assert!(text(&unknown.stderr).contains("did you mean `encoded-powershell`?"));
}

#[test]
fn a_code_is_explained() {
    let output = huntd(&["check", "--explain", "kql201"]);
    assert_eq!(output.status.code(), Some(0));
    let explained = text(&output.stdout);
    assert!(
        explained.starts_with("KQL201: an unknown column"),
        "{explained}"
    );
    assert!(
        explained.contains("\nWrong:\n\n    DeviceProcessEvents\n"),
        "{explained}"
    );
    let output = huntd(&["check", "--explain", "KQL20"]);
    assert_eq!(output.status.code(), Some(2));
    assert!(text(&output.stderr).contains("did you mean `KQL2"));
}
