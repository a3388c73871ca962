//! Reads the answer of `.show database schema as json`: the tables of a database with their
//! columns. What is not as expected is left out, so that a query fails at what is missing and
//! nothing else does.

use std::collections::BTreeMap;
use std::sync::Arc;

use kql::catalog::{MemoryCatalog, SharedCatalog, TableInfo};
use kql::types::{Column, ScalarType, Schema};
use serde_json::Value;

use crate::source::schema::TIME_COLUMNS;

/// The tables of `database`.
pub(super) fn tables(
    answer: &Value,
    database: &str,
    time_columns: &BTreeMap<String, String>,
) -> SharedCatalog {
    let mut catalog = MemoryCatalog::new();
    let text = answer.pointer("/Tables/0/Rows/0/0").and_then(Value::as_str);
    let told: Value = text
        .and_then(|text| serde_json::from_str(text).ok())
        .unwrap_or_default();
    let databases = told.get("Databases").and_then(Value::as_object);
    let found = databases.and_then(|databases| {
        let named = |(name, _): &(&String, &Value)| name.eq_ignore_ascii_case(database);
        let exact = databases.get(database);
        // One was asked for; a proxy may tell it by another name.
        let only = databases.values().next().filter(|_| databases.len() == 1);
        exact
            .or_else(|| databases.iter().find(named).map(|(_, found)| found))
            .or(only)
    });
    for kind in ["Tables", "MaterializedViews", "ExternalTables"] {
        let entries = found.and_then(|found| found.get(kind)?.as_object());
        for (name, table) in entries.into_iter().flatten() {
            let schema = columns(table);
            let time_column = time_columns
                .get(name)
                .cloned()
                .or_else(|| time_column(&schema));
            catalog.insert(
                name,
                TableInfo {
                    schema,
                    time_column,
                },
            );
        }
    }
    Arc::new(catalog)
}

fn columns(table: &Value) -> Schema {
    let columns = table.get("OrderedColumns").and_then(Value::as_array);
    let column = |column: &Value| {
        let name = column.get("Name")?.as_str()?;
        let ty = column.get("CslType").and_then(Value::as_str);
        let ty = ty.and_then(ScalarType::from_name);
        Some(Column::new(name, ty.unwrap_or(ScalarType::Dynamic)))
    };
    columns.into_iter().flatten().filter_map(column).collect()
}

/// `Timestamp`, `TimeGenerated`, or the only datetime there is.
fn time_column(schema: &Schema) -> Option<String> {
    let is_time = |column: &&Column| column.ty == ScalarType::DateTime;
    let known = TIME_COLUMNS
        .into_iter()
        .find(|name| schema.column(name).as_ref().is_some_and(is_time));
    if let Some(name) = known {
        return Some(name.to_owned());
    }
    let mut times = schema.columns().iter().filter(is_time);
    match (times.next(), times.next()) {
        (Some(only), None) => Some(only.name.to_string()),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use kql::catalog::Catalog as _;
    use serde_json::json;

    use super::*;

    #[test]
    fn tables_have_the_columns_that_the_database_tells() {
        let told = json!({"Databases": {"Hunting": {
            "Name": "Hunting",
            "Tables": {
                "Events": {"OrderedColumns": [
                    {"Name": "Timestamp", "Type": "System.DateTime", "CslType": "datetime"},
                    {"Name": "Seen", "Type": "System.DateTime", "CslType": "datetime"},
                    {"Name": "n", "Type": "System.Int64", "CslType": "long"},
                ]},
                "Odd": {"OrderedColumns": [
                    {"Name": "at", "CslType": "datetime"}, {"Name": "x", "CslType": "new"},
                ]},
                "Two": {"OrderedColumns": [
                    {"Name": "a", "CslType": "datetime"}, {"Name": "b", "CslType": "datetime"},
                ]},
            },
            "MaterializedViews": {"Daily": {"OrderedColumns": []}},
        }}});
        let answer = json!({"Tables": [{"Rows": [[told.to_string()]]}]});
        let times = BTreeMap::from([("Two".to_owned(), "b".to_owned())]);
        let tables = tables(&answer, "hunting", &times);
        let time = |name: &str| tables.table(name).unwrap().time_column;
        assert_eq!(time("Events").as_deref(), Some("Timestamp"));
        assert_eq!(time("Odd").as_deref(), Some("at"));
        assert_eq!(time("Two").as_deref(), Some("b"));
        assert_eq!(time("Daily"), None);
        let events = tables.table("Events").unwrap().schema;
        assert_eq!(events.column("n").unwrap().ty, ScalarType::Long);
    }

    #[test]
    fn an_answer_of_another_form_tells_no_tables() {
        let tables = tables(&json!({"Tables": []}), "d", &BTreeMap::new());
        assert!(tables.table_names().is_empty());
    }
}
