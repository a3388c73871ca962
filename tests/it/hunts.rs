//! Hunt files: what they mean, and what each file named after a mistake tells.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use huntd::config::{self, Loaded};
use huntd::hunt::load::{self, Examined};
use huntd::hunt::{Detect, HuntSet};
use huntd::id::SourceName;
use huntd::problem::SourceFile;
use huntd::schedule::CatchUpPolicy;
use kql::catalog::{MemoryCatalog, SharedCatalog, TableInfo};
use kql::types::{Column, ScalarType, Schema};
use kql::window::Mode;

use crate::config::{FixedSurroundings, defender_tables, fixtures, rendered};

fn config(text: &str) -> Loaded {
    let file = SourceFile::new("huntd.yaml", text);
    let (loaded, problems) = config::examine(file, &FixedSurroundings);
    assert_eq!(rendered(&problems), "");
    loaded.unwrap()
}

const CONFIG: &str = "
queries: [tests/data/hunts/good]
sources: {lab: {kind: local, path: data}}
actions: {soc-mail: {kind: email, to: [soc@example.com], folder: mail}}
defaults: {window: {delay: 5m}, dedupe_for: 6h}
hunts: {plain: {schedule: '0 6 * * *', actions: [soc-mail], window: {lookback: 2h}}}
";

fn examine(config: Option<&Loaded>, paths: &[PathBuf]) -> Examined {
    let mut examined = Examined::default();
    let config = config.map(Loaded::hunts);
    load::examine_files(paths, config.as_ref(), &defender_tables, &mut examined);
    examined
}

#[test]
fn each_mistake_is_told_with_its_place_and_a_way_out() {
    let config = config(CONFIG);
    for path in fixtures("tests/data/hunts") {
        let stem = path
            .file_stem()
            .unwrap()
            .to_str()
            .unwrap()
            .replace(' ', "-");
        let examined = examine(Some(&config), &[path]);
        assert!(examined.set.hunts.is_empty(), "{stem}");
        insta::assert_snapshot!(format!("hunt-{stem}"), rendered(&examined.problems));
    }
}

#[test]
fn a_header_says_everything() {
    let config = config(CONFIG);
    let set = HuntSet::load(&config.hunts(), &defender_tables).unwrap();
    let hunt = set.get("encoded-powershell").unwrap();
    assert_eq!(hunt.title, "Encoded PowerShell command line");
    assert_eq!(hunt.description, "Attackers hide their commands.");
    assert_eq!(
        hunt.schedule.as_ref().unwrap().to_string(),
        "*/15 * * * * Europe/Berlin"
    );
    assert_eq!(hunt.schedule.as_ref().unwrap().jitter.as_secs(), 30);
    assert_eq!(hunt.window.lookback.num_minutes(), 60);
    assert_eq!(hunt.window.delay.num_minutes(), 10);
    assert_eq!(hunt.tactics, ["Execution", "DefenseEvasion"]);
    assert_eq!(hunt.entities.len(), 2);
    assert!(matches!(hunt.detect, Detect::Query(_)));
    assert_eq!(hunt.dedupe.key, ["DeviceId"]);
    assert_eq!(hunt.catch_up.policy, CatchUpPolicy::Latest);
    assert_eq!(hunt.timeout.as_secs(), 90);
    assert_eq!(hunt.origin.query_line, 19);
    assert!(hunt.query.starts_with("DeviceProcessEvents\n"));
}

#[test]
fn a_plain_file_is_a_hunt_that_the_configuration_completes() {
    let config = config(CONFIG);
    let set = HuntSet::load(&config.hunts(), &defender_tables).unwrap();
    let hunt = set.get("plain").unwrap();
    assert_eq!(hunt.title, "plain");
    assert_eq!(hunt.source.as_str(), "lab");
    assert_eq!(hunt.schedule.as_ref().unwrap().to_string(), "0 6 * * *");
    assert_eq!(hunt.window.lookback.num_hours(), 2);
    assert_eq!(hunt.window.delay.num_minutes(), 5);
    assert_eq!(hunt.dedupe.window.as_secs(), 6 * 3600);
    assert_eq!(hunt.actions.len(), 1);
    assert_eq!(
        hunt.detect.to_kql(),
        "Results | summarize rows = count() | where rows > 0"
    );
    let in_yaml = set.get("in-yaml").unwrap();
    assert_eq!(
        in_yaml.query,
        "DeviceLogonEvents\n| summarize count() by DeviceId\n"
    );
    assert_eq!(in_yaml.origin.query_line, 5);
}

#[test]
fn without_a_configuration_names_are_not_looked_up() {
    let files = fixtures("tests/data/hunts/good");
    let examined = examine(None, &files);
    assert_eq!(rendered(&examined.problems), "");
    assert_eq!(examined.set.hunts.len(), 3);
}

#[test]
fn two_hunts_of_one_name_are_a_mistake() {
    let folder = Path::new("tests/data/hunts/duplicate");
    let files = [folder.join("a/same.kql"), folder.join("b/Same.kql")];
    let examined = examine(None, &files);
    assert_eq!(examined.set.hunts.len(), 1);
    insta::assert_snapshot!(rendered(&examined.problems), @r"
    error[CFG112]: there are two hunts named `Same`
     --> tests/data/hunts/duplicate/b/Same.kql:1:1
      |
    1 | DeviceEvents
      | ^
      = note: the other one is tests/data/hunts/duplicate/a/same.kql
      = help: rename one of the files
    ");
}

#[test]
fn a_set_knows_what_changed() {
    let old = HuntSet::load(&config(CONFIG).hunts(), &defender_tables).unwrap();
    let changed_text = CONFIG.replace("0 6", "0 7");
    let mut new = HuntSet::load(&config(&changed_text).hunts(), &defender_tables).unwrap();
    new.hunts
        .remove(&huntd::id::HuntName::new("in-yaml").unwrap());
    let names =
        |names: &[huntd::id::HuntName]| names.iter().map(ToString::to_string).collect::<Vec<_>>();
    let changes = old.diff(&new);
    assert_eq!(names(&changes.changed), ["plain"]);
    assert_eq!(names(&changes.removed), ["in-yaml"]);
    assert!(changes.added.is_empty());
    assert_eq!(names(&new.diff(&old).added), ["in-yaml"]);
    assert!(old.diff(&old.clone()).is_empty());
}

#[test]
fn windows_are_of_the_time_of_ingestion_where_tables_tell_it() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("late.kql");
    let header = "// ---\n// window: {time: ingestion}\n// ---\n";
    let examine = |query: &str| {
        std::fs::write(&path, format!("{header}{query}")).unwrap();
        let tables = |_: Option<&SourceName>| -> SharedCatalog {
            let mut catalog = MemoryCatalog::new();
            let time = |name: &str| Column::new(name, ScalarType::DateTime);
            for (name, columns) in [
                ("Told", vec![time("Timestamp"), time("_ingestion_time")]),
                ("Untold", vec![time("Timestamp")]),
            ] {
                let table = TableInfo {
                    schema: Schema::new(columns),
                    time_column: Some("Timestamp".to_owned()),
                };
                catalog.insert(name, table);
            }
            Arc::new(catalog)
        };
        let mut examined = Examined::default();
        load::examine_files(std::slice::from_ref(&path), None, &tables, &mut examined);
        examined
    };
    let examined = examine("Told | count");
    assert_eq!(rendered(&examined.problems), "");
    let hunts: Vec<_> = examined.set.hunts.values().collect();
    assert_eq!(hunts[0].window_mode, Mode::Ingestion);
    let examined = examine("union Told, Untold | count");
    let told = rendered(&examined.problems);
    assert!(told.contains("`Untold` has none"), "{told}");
    assert!(told.contains("late.kql:2:19"), "{told}");
}
