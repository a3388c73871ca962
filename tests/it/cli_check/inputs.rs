//! Every form in which people keep queries, read where it stands.

use std::path::Path;

use serde_json::Value;

use super::{huntd, text};

/// Files of these names and texts, checked as a folder: exit code, and `file:line:column code`.
fn check_folder(files: &[(&str, &[u8])], arguments: &[&str]) -> (i32, Vec<String>) {
    let folder = tempfile::tempdir().unwrap();
    for (name, bytes) in files {
        let path = folder.path().join(name);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, bytes).unwrap();
    }
    check(folder.path(), &[""], arguments)
}

pub(super) fn check(folder: &Path, names: &[&str], arguments: &[&str]) -> (i32, Vec<String>) {
    let paths: Vec<String> = names
        .iter()
        .map(|name| folder.join(name).to_str().unwrap().to_owned())
        .collect();
    let mut all = vec!["--config", "nothing.yaml", "check", "--format", "json"];
    all.extend(arguments);
    all.extend(paths.iter().map(String::as_str));
    let output = huntd(&all);
    let list: Vec<Value> = serde_json::from_slice(&output.stdout)
        .unwrap_or_else(|error| panic!("{error}: {}", text(&output.stderr)));
    let lines = list.iter().map(|problem| {
        let file = Path::new(problem["file"].as_str().unwrap());
        let file = file.strip_prefix(folder).unwrap_or(file).display();
        let number = |key: &str| problem[key].as_u64().unwrap();
        let code = problem["code"].as_str().unwrap();
        format!(
            "{file}:{}:{}-{}:{} {code}",
            number("line"),
            number("column"),
            number("end_line"),
            number("end_column"),
        )
    });
    (output.status.code().unwrap(), lines.collect())
}

#[test]
fn plain_queries_need_neither_header_nor_name() {
    let query = b"DeviceProcessEvents\n| where FileNam == 'a'\n";
    let (code, found) = check_folder(&[("a b (2).kql", query), ("c.csl", query)], &[]);
    assert_eq!(code, 1);
    assert_eq!(
        found,
        ["a b (2).kql:2:9-2:16 KQL201", "c.csl:2:9-2:16 KQL201"]
    );
}

#[test]
fn texts_below_folders_are_hunts_or_left_alone() {
    let folder = tempfile::tempdir().unwrap();
    let write = |name: &str, text: &str| std::fs::write(folder.path().join(name), text).unwrap();
    write("notes.txt", "what I wanted to say | x y\n");
    write(
        "hunt.txt",
        "// ---\n// severty: high\n// ---\nDeviceInfo | take 1\n",
    );
    let (_, found) = check(folder.path(), &[""], &[]);
    assert_eq!(found, ["hunt.txt:2:4-2:11 CFG102"]);
    let (code, found) = check(folder.path(), &["notes.txt"], &["--syntax-only"]);
    assert_eq!(code, 1);
    assert!(found[0].starts_with("notes.txt:1:"), "{found:?}");
}

#[test]
fn fences_of_markdown_are_queries_of_their_own() {
    let markdown = "# Hunt\n\nText | with pipes\n\n```kql\nDeviceInfo\n| where Nam == 1\n```\n\n\
        1. Then:\n\n   ```Kusto\n   DeviceInfo\n     | tak 1\n   ```\n\n> ~~~KQL\n> DeviceInf\n> ~~~\n";
    let without = "# Text\n\n```sql\nselect *\n```\n";
    let files: [(&str, &[u8]); 2] = [("a.md", markdown.as_bytes()), ("b.md", without.as_bytes())];
    let (code, found) = check_folder(&files, &[]);
    assert_eq!(code, 1);
    assert_eq!(
        found,
        [
            "a.md:7:9-7:12 KQL201",
            "a.md:14:8-14:11 KQL106",
            "a.md:18:3-18:12 KQL201",
        ]
    );
}

const RULE: &str = "\
id: 0b9ae89d-8cad-461c-808f-0494f70ad5c4
name: Many failures
description: |
  Many of them.
severity: Medium
requiredDataConnectors:
  - connectorId: AzureActiveDirectory
    dataTypes: [SigninLogs]
queryFrequency: 1h
queryPeriod: 1h
triggerOperator: gt
triggerThreshold: 0
status: Available
tactics: [CredentialAccess]
relevantTechniques: [T1110]
somethingNew: yes
query: |
  SigninLogs
  | where ResultType != '0'
  | summarize Failures = count() by UserPrincipalName, IPAddress
entityMappings:
  - entityType: Account
    fieldMappings:
      - identifier: FullName
        columnName: UserPrincipalName
version: 1.0.0
kind: Scheduled
";

#[test]
fn a_rule_of_sentinel_is_checked_as_it_stands() {
    let good = check_folder(&[("rule.yaml", RULE.as_bytes())], &[]);
    assert_eq!(good, (0, Vec::new()));

    let bad = RULE
        .replace("queryFrequency: 1h", "queryFrequency: 1m")
        .replace("triggerOperator: gt", "triggerOperator: ge")
        .replace("version: 1.0.0\n", "")
        .replace("severity: Medium\n", "")
        .replace("columnName: UserPrincipalName", "columnName: UserPrincipal")
        .replace("identifier: FullName", "identifier: Fullname");
    let (code, found) = check_folder(&[("rule.yaml", bad.as_bytes())], &[]);
    assert_eq!(code, 0, "what Sentinel would refuse are warnings");
    assert_eq!(
        found,
        [
            "rule.yaml:1:1-1:3 CFG201",
            "rule.yaml:8:17-8:19 CFG202",
            "rule.yaml:10:18-10:20 CFG202",
            "rule.yaml:23:21-23:29 CFG202",
            "rule.yaml:24:21-24:34 CFG113",
        ]
    );

    let misspelt = RULE.replace("where ResultType", "where ResultTyp");
    let (code, found) = check_folder(&[("rule.yaml", misspelt.as_bytes())], &[]);
    assert_eq!(
        (code, found),
        (1, vec!["rule.yaml:19:11-19:20 KQL201".to_owned()])
    );

    let (_, found) = check_folder(
        &[("rule.yaml", RULE.as_bytes())],
        &["--catalog", "defender"],
    );
    assert_eq!(found, ["rule.yaml:18:3-18:13 KQL202"]);
}

#[test]
fn a_hunting_query_of_sentinel_needs_less() {
    let query = "id: 0b9ae89d-8cad-461c-808f-0494f70ad5c4\nname: N\nrequiredDataConnectors: []\n\
        tactics: [Execution]\nquery: >-\n  DeviceProcessEvents\n  | where TimeGenerated > ago(1d)\n  \
        | where FileNam == 'x'\n";
    let (_, found) = check_folder(&[("q.yml", query.as_bytes())], &[]);
    assert_eq!(found, ["q.yml:8:11-8:18 KQL201"]);
}

#[test]
fn places_are_right_in_every_form_of_a_yaml_text() {
    for query in [
        "query: |\n  AlertInfo\n  | where Bad == 1",
        "query: |2-\n\n  AlertInfo\n    | where Bad == 1",
        "query: >\n  AlertInfo\n  | where\n  Bad == 1",
        "query: \"AlertInfo\\n| where Bad == 1\"",
        "query: \"AlertInfo | where Title == '\\\\\\\\x' and\n  Bad == 1\"",
        "query: 'AlertInfo | where Title == ''x'' and Bad == 1'",
        "query: AlertInfo | where Bad == 1",
        "query:\n  AlertInfo\n  | where\n    Bad == 1",
    ] {
        let file = format!("{query}\nsource: defender\n");
        let (_, found) = check_folder(&[("q.yaml", file.as_bytes())], &[]);
        let (before, _) = file.split_once("Bad").unwrap();
        let line = before.lines().count();
        let column = before.lines().last().unwrap().len() + 1;
        let expected = format!("q.yaml:{line}:{column}-{line}:{} KQL201", column + 3);
        assert_eq!(found, [expected], "{file}");
    }
}

#[test]
fn other_yaml_below_a_folder_is_left_alone() {
    let files: [(&str, &[u8]); 4] = [
        ("workflow.yaml", b"name: CI\non: push\njobs: {}\n"),
        ("huntd.yaml", b"sources: {}\nunknown: 1\n"),
        ("hunt.yaml", b"schedule: '0 6 * * *'\n"),
        ("readme.rst", b"x"),
    ];
    let (code, found) = check_folder(&files, &[]);
    assert_eq!((code, found.len()), (1, 1), "{found:?}");
    assert!(found[0].starts_with("hunt.yaml:1:1") && found[0].ends_with("CFG105"));
}

#[test]
fn what_is_no_text_is_told_and_nothing_breaks() {
    let mut huge = b"DeviceInfo | where DeviceName in (".to_vec();
    while huge.len() < 10 << 20 {
        huge.extend_from_slice(b"'abcdefgh', \n");
    }
    let nested = "(".repeat(10_000);
    let files: [(&str, &[u8]); 7] = [
        ("a-empty.kql", b""),
        ("b-binary.kql", b"\x7fELF\x00\x01\x02"),
        (
            "c-latin.kql",
            b"DeviceInfo\n| where DeviceName == 'M\xfcller'\n",
        ),
        ("d-utf16.kql", b"\xff\xfeD\x00e\x00v\x00"),
        ("e-bom.kql", b"\xef\xbb\xbfDeviceInfo | take 1"),
        ("f-nested.kql", nested.as_bytes()),
        ("g-empty.md", b""),
    ];
    let (code, found) = check_folder(&files, &[]);
    assert_eq!(code, 2);
    assert_eq!(
        found[..4],
        [
            "a-empty.kql:1:1-1:1 CFG105",
            "b-binary.kql:1:1-1:1 CFG111",
            "c-latin.kql:2:25-2:26 CFG111",
            "d-utf16.kql:1:1-1:1 CFG111",
        ]
    );
    assert!(found[4].ends_with("KQL110"), "{found:?}");
    let (code, found) = check_folder(&[("huge.kql", &huge)], &["--syntax-only"]);
    assert_eq!(code, 1);
    assert!(found.len() < 300);
}

#[test]
fn problems_come_in_the_order_of_the_files() {
    let files: Vec<(String, Vec<u8>)> = (0..200)
        .map(|number| {
            let text = match number % 3 {
                0 => "// ---\n// name: n\n// ---\nDeviceInf",
                1 => "DeviceInf",
                _ => "```kql\nDeviceInf\n```\n",
            };
            let extension = if number % 3 == 2 { "md" } else { "kql" };
            (
                format!("q{number:03}.{extension}"),
                text.as_bytes().to_vec(),
            )
        })
        .collect();
    let borrowed: Vec<(&str, &[u8])> = files
        .iter()
        .map(|(name, text)| (name.as_str(), text.as_slice()))
        .collect();
    let (_, found) = check_folder(&borrowed, &[]);
    assert_eq!(found.len(), 200);
    assert!(found.is_sorted(), "{found:?}");
}
