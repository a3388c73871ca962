//! Which tables `huntd check` and `huntd query --bind-only` know.

use std::io::Write as _;
use std::process::{Command, Stdio};

use serde_json::{Value, json};

use super::{huntd, text};

fn messages(arguments: &[&str], query: &str) -> Vec<String> {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("query.kql");
    std::fs::write(&path, query).unwrap();
    let mut all = vec!["check", "--format", "json"];
    all.extend(arguments);
    all.push(path.to_str().unwrap());
    let output = huntd(&all);
    let list: Vec<Value> = serde_json::from_slice(&output.stdout).unwrap();
    let message = |problem: &Value| problem["message"].as_str().unwrap().to_owned();
    list.iter().map(message).collect()
}

#[test]
fn families_of_tables_can_be_chosen() {
    let of = |family: &str, query: &str| {
        messages(&["--config", "nothing.yaml", "--catalog", family], query).len()
    };
    let both = "DeviceEvents | where Timestamp > ago(1d) and TimeGenerated > ago(1d)";
    assert_eq!(of("all", both), 0);
    assert_eq!(of("defender", both), 1);
    assert_eq!(of("none", both), 1);
    assert_eq!(of("sentinel", "SecurityEvent | where EventID == 4625"), 0);
    assert_eq!(
        of("sentinel", "AzureDiagnostics | where requestUri_s has 'x'"),
        0
    );
    assert_eq!(of("defender", "SecurityEvent | where EventID == 4625"), 1);
    let unnamed = ["--config", "nothing.yaml"];
    assert_eq!(messages(&unnamed, both), [""; 0]);
    let named = "// ---\n// source: defender\n// ---\nSecurityEvent | where EventID == 1";
    assert_eq!(messages(&unnamed, named).len(), 1);
    assert_eq!(
        messages(&unnamed, &named.replace("defender", "sentinel")),
        [""; 0]
    );
}

#[test]
fn any_name_is_a_table_on_request_only() {
    let query = "_Im_Dns | where anything == 1 | project a | where b == 1";
    let found = messages(&["--config", "nothing.yaml", "--any-table"], query);
    assert_eq!(found, ["unknown column `b`"]);
    let found = messages(&["--config", "nothing.yaml"], query);
    assert!(found[0].starts_with("unknown table `_Im_Dns`"), "{found:?}");
}

#[test]
fn tables_come_from_the_configuration_and_from_files_as_well() {
    let folder = tempfile::tempdir().unwrap();
    let config = folder.path().join("huntd.yaml");
    std::fs::write(
        &config,
        "queries: []\ncatalog: {tables: {My_CL: {TimeGenerated: datetime, Host: string}}}\n",
    )
    .unwrap();
    let config = config.to_str().unwrap();
    let found = messages(
        &["--config", config],
        "My_CL | where Host == 'a' and Hst == 'b'",
    );
    assert_eq!(found, ["unknown column `Hst`; help: did you mean `Host`?"]);

    let data = folder.path().join("data");
    std::fs::create_dir(&data).unwrap();
    std::fs::write(data.join("Proxy.csv"), "Time,Url\n2026-01-01T00:00:00Z,x\n").unwrap();
    let data = data.to_str().unwrap();
    let found = messages(
        &["--config", config, "--data", data],
        "Proxy | join kind=inner (My_CL | project Url = Host) on Url | where Ulr == ''",
    );
    assert_eq!(found.len(), 1, "{found:?}");
    assert!(found[0].starts_with("unknown column `Ulr`"), "{found:?}");
}

fn ask(arguments: &[&str], questions: &[Value]) -> Vec<Value> {
    let mut child = Command::new(env!("CARGO_BIN_EXE_huntd"))
        .args(["query", "--batch", "--bind-only"])
        .args(arguments)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let lines: Vec<String> = questions.iter().map(Value::to_string).collect();
    let mut input = child.stdin.take().unwrap();
    writeln!(input, "{}", lines.join("\n")).unwrap();
    drop(input);
    let output = child.wait_with_output().unwrap();
    let answers = text(&output.stdout);
    let answers = answers
        .lines()
        .map(|line| serde_json::from_str(line).unwrap());
    answers.collect()
}

#[test]
fn questions_bring_their_tables_or_are_asked_of_the_known_ones() {
    let own = json!({"T": [{"name": "a", "type": "long"}]});
    let questions = [
        json!({"id": 1, "query": "T | project b = a * 2.0", "tables": own}),
        json!({"id": 2, "query": "SecurityEvent | project EventID", "tables": own}),
        json!({"id": 3, "query": "SecurityEvent | project EventID, Computer"}),
        json!({"id": 4, "query": "Nowhere | project EventID"}),
    ];
    let answers = ask(&[], &questions);
    let first =
        json!({"id": 1, "columns": [{"name": "b", "type": "real"}], "rows": [], "error": null});
    assert_eq!(answers[0], first);
    assert!(
        answers[1]["error"]
            .as_str()
            .unwrap()
            .contains("unknown table")
    );
    let columns =
        json!([{"name": "EventID", "type": "int"}, {"name": "Computer", "type": "string"}]);
    assert_eq!(answers[2]["columns"], columns);
    assert!(
        answers[3]["error"]
            .as_str()
            .unwrap()
            .contains("unknown table")
    );

    let defender = ask(&["--catalog", "defender", "--any-table"], &questions[2..]);
    for answer in defender {
        assert_eq!(answer["error"], Value::Null);
        assert_eq!(answer["open"], true);
        assert_eq!(answer["columns"], json!([]));
    }
}
