//! What lists and families of tables hold.

use kql::catalog::Catalog;

use super::*;

/// Each line is a table, sorted, and each of its columns has a name and a type of KQL.
fn check_list(text: &'static str, list: &TableList, tables: usize) {
    let names: Vec<&str> = text
        .lines()
        .filter_map(|line| line.split(' ').next())
        .collect();
    assert_eq!(names.len(), tables);
    assert!(names.is_sorted_by(|left, right| left < right));
    assert_eq!(list.table_names(), names);
    for line in text.lines() {
        let (name, columns) = line.split_once(' ').unwrap();
        let table = list.table(name).unwrap();
        let written: Vec<String> = table
            .schema
            .columns()
            .iter()
            .map(|column| match column.ty {
                ScalarType::String => column.name.to_string(),
                ty => format!("{}:{ty}", column.name),
            })
            .collect();
        assert_eq!(written.join(" "), columns, "{name}");
    }
}

#[test]
fn every_table_and_column_is_read() {
    check_list(include_str!("defender.txt"), defender(), 65);
    check_list(include_str!("sentinel.txt"), sentinel(), 925);
}

#[test]
fn events_have_a_time_column() {
    let time = |catalog: &dyn Catalog, table: &str| catalog.table(table).unwrap().time_column;
    let timestamp = Some("Timestamp".to_owned());
    let generated = Some("TimeGenerated".to_owned());
    assert_eq!(time(&**defender(), "DeviceProcessEvents"), timestamp);
    assert_eq!(time(&**defender(), "DeviceTvmSoftwareInventory"), None);
    assert_eq!(time(&**sentinel(), "SecurityEvent"), generated);
    assert_eq!(time(&**sentinel(), "DeviceProcessEvents"), generated);
    assert_eq!(
        time(&*Family::All.tables(), "DeviceProcessEvents"),
        timestamp
    );
    assert_eq!(time(&*Family::All.tables(), "SecurityEvent"), generated);
}

#[test]
fn tables_of_both_families_have_the_columns_of_both() {
    let all = Family::All.tables();
    let schema = all.table("DeviceFileEvents").unwrap().schema;
    assert!(schema.column("Timestamp").is_some());
    assert!(schema.column("TimeGenerated").is_some());
    // Where they disagree, Defender's type counts.
    let fields = schema.column("AdditionalFields").unwrap();
    assert_eq!(fields.ty, ScalarType::String);
    assert_eq!(schema.columns()[0].name.as_ref(), "Timestamp");
    assert!(defender().table("SecurityEvent").is_none());
    assert!(Family::None.tables().table("DeviceFileEvents").is_none());
}

#[test]
fn a_source_is_known_by_its_tables_or_by_its_name() {
    let config: CatalogConfig =
        serde_json::from_str(r#"{"tables": {"My_CL": {"TimeGenerated": "datetime"}}}"#).unwrap();
    let known = KnownTables::of(&BTreeMap::new(), &config);
    let has = |known: &KnownTables, source: Option<&str>, table: &str| {
        let source = source.map(|source| SourceName::new(source).unwrap());
        known.tables(source.as_ref()).table(table).is_some()
    };
    assert!(has(&known, Some("sentinel"), "SecurityEvent"));
    assert!(!has(&known, Some("defender"), "SecurityEvent"));
    assert!(has(&known, Some("elsewhere"), "SecurityEvent"));
    assert!(has(&known, None, "AlertInfo"));
    assert!(has(&known, Some("defender"), "My_CL"));

    let known = known.with_family(Family::None);
    assert!(!has(&known, None, "AlertInfo"));
    assert!(has(&known, None, "My_CL"));
    assert!(!known.tables(None).is_open("AlertInfo"));

    let known = known.with_any_table();
    assert!(known.tables(None).is_open("AlertInfo"));
    assert!(!known.tables(None).is_open("My_CL"));
}
