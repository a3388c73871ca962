//! `query` through the binary: queries that yield several tables, in every format.

use std::io::Write as _;
use std::path::Path;
use std::process::{Command, Output, Stdio};

use serde_json::{Value, json};

const EVENTS: &str = "{\"Device\":\"pc1\",\"Bytes\":10}\n{\"Device\":\"pc2\",\"Bytes\":5}\n";
const FORK: &str =
    "Events | fork Sum=(summarize Bytes = sum(Bytes)) (project Device | sort by Device)";

fn folder() -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("Events.ndjson"), EVENTS).unwrap();
    folder
}

fn query(folder: &Path, text: &str, arguments: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_huntd"))
        .args(["query", text, "--data", "."])
        .args(arguments)
        .current_dir(folder)
        .output()
        .unwrap()
}

/// What `huntd query` answers to a text on its stdin.
fn piped(arguments: &[&str], text: &str) -> Output {
    let folder = folder();
    let mut process = Command::new(env!("CARGO_BIN_EXE_huntd"))
        .arg("query")
        .args(arguments)
        .current_dir(folder.path())
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let mut input = process.stdin.take().unwrap();
    input.write_all(text.as_bytes()).unwrap();
    drop(input);
    process.wait_with_output().unwrap()
}

/// What a query writes to stdout.
fn written(text: &str, format: &str) -> String {
    let output = query(folder().path(), text, &["--format", format]);
    assert!(output.status.success(), "{output:?}");
    String::from_utf8(output.stdout).unwrap()
}

#[test]
fn tables_stand_below_each_other_under_their_names() {
    let text = written(FORK, "table");
    let lines: Vec<&str> = text.lines().collect();
    assert_eq!(lines.first(), Some(&"Sum"), "{text}");
    assert!(text.contains("1 row\n\nTable_1\n"), "{text}");
    assert_eq!(lines.last(), Some(&"2 rows"), "{text}");
}

#[test]
fn json_names_the_table_of_its_rows() {
    let all: Value = serde_json::from_str(&written(FORK, "json")).unwrap();
    let expected = json!([
        {"table": "Sum", "rows": [{"Bytes": 15}]},
        {"table": "Table_1", "rows": [{"Device": "pc2"}, {"Device": "pc1"}]},
    ]);
    assert_eq!(all, expected);
    let lines: Vec<Value> = written(FORK, "ndjson")
        .lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect();
    let expected = [
        json!({"table": "Sum", "row": {"Bytes": 15}}),
        json!({"table": "Table_1", "row": {"Device": "pc2"}}),
        json!({"table": "Table_1", "row": {"Device": "pc1"}}),
    ];
    assert_eq!(lines, expected);
    // One table is written as ever, whatever it is called.
    let one = written("Events | fork Sum=(summarize Bytes = sum(Bytes))", "ndjson");
    assert_eq!(one, "{\"Bytes\":15}\n");
}

#[test]
fn formats_of_one_table_make_a_file_of_each() {
    let folder = folder();
    let text = "Events | fork 'a/b'=(count) ['A b']=(take 0 | project Device) ['a b']=(take 1)";
    let text = text.replace("'a/b'", "['a/b']");
    for format in ["csv", "parquet"] {
        let output = query(folder.path(), &text, &["--format", format]);
        assert!(!output.status.success());
        let told = String::from_utf8_lossy(&output.stderr);
        assert!(
            told.contains("3 tables") && told.contains("--output"),
            "{told}"
        );
    }
    let output = query(
        folder.path(),
        &text,
        &["--format", "csv", "--output", "all.csv"],
    );
    assert!(output.status.success(), "{output:?}");
    let read = |name: &str| std::fs::read_to_string(folder.path().join(name)).unwrap();
    assert_eq!(read("all.a_b.csv"), "Count\n2\n");
    assert_eq!(read("all.A_b_1.csv"), "Device\n");
    assert_eq!(read("all.a_b_2.csv").lines().count(), 2);
    assert!(!folder.path().join("all.csv").exists());
    let output = query(
        folder.path(),
        "Events | facet by Device, Bytes",
        &["--format", "parquet", "--output", "facets.parquet"],
    );
    assert!(output.status.success(), "{output:?}");
    let count = "['facets.Table_0'] | summarize Rows = count(), Most = max(count_Device)";
    let output = query(folder.path(), count, &["--format", "ndjson"]);
    let told = String::from_utf8_lossy(&output.stdout);
    assert_eq!(told, "{\"Rows\":2,\"Most\":1}\n", "{output:?}");
}

#[test]
fn a_batch_tells_all_tables_and_the_first_as_ever() {
    let ask = |arguments: &[&str]| {
        let questions = json!({
            "id": 1,
            "query": "range x from 1 to 3 step 1 | fork Most=(summarize m = max(x)) (count)",
        });
        let arguments = [&["--batch"], arguments].concat();
        let output = piped(&arguments, &format!("{questions}\n"));
        serde_json::from_slice::<Value>(&output.stdout).unwrap()
    };
    let columns = [
        json!([{"name": "m", "type": "long"}]),
        json!([{"name": "Count", "type": "long"}]),
    ];
    let answer = ask(&[]);
    assert_eq!(answer["error"], Value::Null);
    assert_eq!(
        (&answer["columns"], &answer["rows"]),
        (&columns[0], &json!([[3]]))
    );
    assert_eq!(
        answer["tables"],
        json!([
            {"name": "Most", "columns": columns[0], "rows": [[3]]},
            {"name": null, "columns": columns[1], "rows": [[3]]},
        ])
    );
    let bound = ask(&["--bind-only"]);
    assert_eq!(bound["columns"], columns[0]);
    assert_eq!(bound["tables"][1]["columns"], columns[1]);
}

#[test]
fn a_query_may_come_through_a_pipe() {
    let ndjson = ["--data", ".", "--format", "ndjson"];
    for arguments in [&ndjson[..], &[&["-"][..], &ndjson].concat()] {
        let output = piped(arguments, "print x = 1 + 1");
        assert_eq!(
            String::from_utf8_lossy(&output.stdout),
            "{\"x\":2}\n",
            "{output:?}"
        );
    }
    let output = piped(&ndjson, " \n");
    assert!(!output.status.success());
    let told = String::from_utf8_lossy(&output.stderr);
    assert!(told.contains("no query: give KQL text"), "{told}");
}

#[test]
fn a_batch_tries_queries_over_empty_tables() {
    let ask = |query: &str| {
        let columns = json!([
            {"name": "Timestamp", "type": "datetime"},
            {"name": "SHA1", "type": "string"},
        ]);
        let question = json!({"id": 1, "query": query, "tables": {"Events": columns}});
        let output = piped(&["--batch"], &format!("{question}\n"));
        serde_json::from_slice::<Value>(&output.stdout).unwrap()
    };
    for query in [
        "Events | invoke FileProfile(SHA1, 1000) | where GlobalPrevalence < 10",
        "Events | extend Place = geo_info_from_ip_address(SHA1) | where Place.country == 'x'",
        "externaldata(a: string) [@'https://example.org/list.csv'] with (format='csv')",
        "Events | where ingestion_time() > ago(1h)",
    ] {
        let answer = ask(query);
        assert_eq!(answer["error"], Value::Null, "{query}");
        assert_eq!(answer["rows"], json!([]), "{query}");
    }
    let wrong = ask("Events | where Sha1 == ''");
    assert!(
        wrong["error"]
            .as_str()
            .is_some_and(|text| text.contains("KQL201"))
    );
}
