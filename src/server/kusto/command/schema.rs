//! The columns of tables in the forms that commands show them.

use kql::catalog::{Catalog, TableInfo};
use kql::types::{Column, Schema};
use serde_json::{Map, Value, json};

/// `name:type,…` with names as KQL needs them.
pub(super) fn csl(schema: &Schema, separator: &str) -> String {
    let column = |column: &Column| format!("{}:{}", name(&column.name), column.ty);
    let columns: Vec<String> = schema.columns().iter().map(column).collect();
    columns.join(separator)
}

/// A name as KQL needs it: in brackets and quotes unless it is a plain word.
pub(super) fn name(name: &str) -> String {
    let is_plain = !name.starts_with(|c: char| c.is_ascii_digit())
        && !name.is_empty()
        && name.chars().all(|c| c.is_ascii_alphanumeric() || c == '_');
    if is_plain {
        return name.to_owned();
    }
    let escaped = name.replace('\\', "\\\\").replace('\'', "\\'");
    format!("['{escaped}']")
}

/// A table with its columns.
pub(super) fn table(name: &str, schema: &Schema) -> Value {
    let column = |column: &Column| {
        json!({
            "Name": &*column.name,
            "Type": column.ty.clr_name(),
            "CslType": column.ty.as_str(),
        })
    };
    json!({
        "Name": name,
        "Folder": "",
        "DocString": "",
        "OrderedColumns": schema.columns().iter().map(column).collect::<Vec<_>>(),
    })
}

/// A database with its tables.
pub(super) fn database(name: &str, catalog: &dyn Catalog) -> Value {
    let tables: Map<String, Value> = tables(catalog)
        .into_iter()
        .map(|(name, info)| (name.clone(), table(&name, &info.schema)))
        .collect();
    json!({
        "Name": name,
        "Tables": tables,
        "ExternalTables": {},
        "MaterializedViews": {},
        "EntityGroups": {},
        "Functions": {},
        "PrettyName": null,
        "MajorVersion": 1,
        "MinorVersion": 0,
        "DatabaseAccessMode": "ReadOnly",
    })
}

/// The tables of a catalog in order. One that cannot be read is named without columns.
pub(super) fn tables(catalog: &dyn Catalog) -> Vec<(String, TableInfo)> {
    let mut names = catalog.table_names();
    names.sort();
    names
        .into_iter()
        .map(|name| {
            let info = catalog.table(&name).unwrap_or_else(|| TableInfo {
                schema: Schema::new(Vec::new()),
                time_column: None,
            });
            (name, info)
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use kql::types::ScalarType;

    use super::*;

    #[test]
    fn names_that_are_no_words_are_quoted() {
        let schema = Schema::new(vec![
            Column::new("a", ScalarType::Long),
            Column::new("b c", ScalarType::String),
            Column::new("it's", ScalarType::Dynamic),
            Column::new("1st", ScalarType::Bool),
        ]);
        assert_eq!(
            csl(&schema, ","),
            r"a:long,['b c']:string,['it\'s']:dynamic,['1st']:bool"
        );
    }

    #[test]
    fn a_column_has_both_of_its_types() {
        let schema = Schema::new(vec![Column::new("a", ScalarType::Long)]);
        let columns = &table("T", &schema)["OrderedColumns"];
        assert_eq!(
            *columns,
            json!([{"Name": "a", "Type": "System.Int64", "CslType": "long"}])
        );
    }
}
