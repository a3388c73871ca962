//! Which columns a table has: names and types as the service writes them, settled against what
//! is expected of the query.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use arrow::datatypes::SchemaRef;
use kql::types::{Column, ScalarType, Schema};
use kql_datafusion::types::arrow_schema;
use serde_json::{Map, Value};

/// Most columns of a table: Kusto's own limits are below.
const COLUMNS_MAX: usize = 4_096;

/// Most notes of a response: one for each column would say no more.
const NOTES_MAX: usize = 16;

/// How the rows of a table are written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Layout {
    /// Objects with a member for each column.
    Objects,
    /// Arrays with a value for each column.
    Arrays,
}

/// How the rows of a table become batches.
#[derive(Debug)]
pub(super) struct Plan {
    /// Layout of the rows.
    pub(super) layout: Layout,
    /// Name of each column on the wire, which several may share.
    pub(super) keys: Vec<Arc<str>>,
    /// The columns as they are called in the result.
    pub(super) schema: Schema,
    /// Their Arrow types.
    pub(super) arrow: SchemaRef,
}

/// A column as the service describes it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct WireColumn {
    name: String,
    /// The names of its type that are given, the best first.
    types: Vec<String>,
}

impl WireColumn {
    /// Its name.
    pub(super) fn name(&self) -> &str {
        &self.name
    }
}

/// The columns that a service lists, in any of the ways in which they do. `None` if it is no such
/// list.
pub(super) fn wire_columns(listed: &Value) -> Option<Vec<WireColumn>> {
    let listed = listed.as_array()?;
    if listed.len() > COLUMNS_MAX {
        return None;
    }
    let columns = listed.iter().map(|column| {
        let column = column.as_object()?;
        let text = |names: &[&str]| {
            let found = names.iter().find_map(|name| member(column, name)?.as_str());
            found.map(str::to_owned)
        };
        Some(WireColumn {
            name: text(&["name", "ColumnName"])?,
            types: ["type", "ColumnType", "DataType"]
                .iter()
                .filter_map(|name| text(&[name]))
                .collect(),
        })
    });
    columns.collect()
}

/// The member of an object called `name`, in any letter case.
pub(super) fn member<'v>(object: &'v Map<String, Value>, name: &str) -> Option<&'v Value> {
    object.get(name).or_else(|| {
        let mut members = object.iter();
        members
            .find(|(key, _)| key.eq_ignore_ascii_case(name))
            .map(|(_, value)| value)
    })
}

impl Plan {
    /// Settles the columns of a table, and notes what is unusual about them.
    pub(super) fn new(
        layout: Layout,
        wire: &[WireColumn],
        expected: Option<&Schema>,
        notes: &mut Vec<String>,
    ) -> Self {
        let mut columns = Vec::with_capacity(wire.len());
        let names = unique_names(wire.iter().map(|column| column.name.as_str()));
        for (column, name) in wire.iter().zip(names) {
            let expected = expected.and_then(|schema| schema.column(&name));
            let known = column.types.iter().find_map(|name| scalar_type(name));
            let ty = match (known, expected.map(|column| column.ty)) {
                // Some doors send columns as text that others send as JSON.
                (Some(ScalarType::String), Some(ScalarType::Dynamic)) => ScalarType::Dynamic,
                (Some(ScalarType::Dynamic), Some(ScalarType::String)) => ScalarType::String,
                (Some(known), _) => known,
                (None, Some(expected)) => expected,
                (None, None) => {
                    if !column.types.is_empty() && notes.len() < NOTES_MAX {
                        notes.push(format!(
                            "column `{name}` has a type that is not known; it is read as text"
                        ));
                    }
                    ScalarType::String
                }
            };
            columns.push(Column::new(name, ty));
        }
        let keys = wire.iter().map(|column| column.name.as_str().into());
        Self::of_schema(layout, keys.collect(), Schema::new(columns))
    }

    /// A table that has the columns which are expected, where the service does not describe any.
    pub(super) fn of_expected(layout: Layout, expected: &Schema) -> Self {
        let columns = expected.columns().iter();
        let keys = columns.map(|column| Arc::clone(&column.name)).collect();
        Self::of_schema(layout, keys, expected.clone().opened(false))
    }

    fn of_schema(layout: Layout, keys: Vec<Arc<str>>, schema: Schema) -> Self {
        Self {
            layout,
            keys,
            arrow: arrow_schema(&schema),
            schema,
        }
    }
}

/// The names with a number behind those that came before, as Kusto names columns of a join.
fn unique_names<'n>(names: impl Iterator<Item = &'n str> + Clone) -> Vec<String> {
    let wire: HashSet<&str> = names.clone().collect();
    let mut taken: HashSet<String> = HashSet::new();
    let mut numbers: HashMap<&str, usize> = HashMap::new();
    let mut unique = Vec::new();
    for name in names {
        let mut free = name.to_owned();
        let number = numbers.entry(name).or_default();
        while taken.contains(&free) || (*number > 0 && wire.contains(free.as_str())) {
            *number += 1;
            free = format!("{name}{number}");
        }
        taken.insert(free.clone());
        unique.push(free);
    }
    unique
}

/// The KQL type of a type's name: .NET's, KQL's or SQL's, in any letter case.
fn scalar_type(name: &str) -> Option<ScalarType> {
    let name = name.trim().to_ascii_lowercase();
    let name = name.strip_prefix("edm.").unwrap_or(&name);
    let name = name.strip_prefix("system.").unwrap_or(name);
    let name = name.strip_prefix("data.sqltypes.").unwrap_or(name);
    Some(match name {
        "sbyte" => ScalarType::Bool,
        "byte" | "int16" | "uint16" => ScalarType::Int,
        "uint32" => ScalarType::Long,
        "single" | "float" => ScalarType::Real,
        "sqldecimal" => ScalarType::Decimal,
        "datetimeoffset" => ScalarType::DateTime,
        "object" => ScalarType::Dynamic,
        name => ScalarType::from_name(name)?,
    })
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn types_are_known_by_the_names_of_all_services() {
        for (names, ty) in [
            (
                &["SByte", "Boolean", "bool", "System.SByte"][..],
                ScalarType::Bool,
            ),
            (&["Int32", "int", "System.Int32"], ScalarType::Int),
            (&["Int64", "long", "INT64"], ScalarType::Long),
            (&["Double", "Single", "real"], ScalarType::Real),
            (
                &["SqlDecimal", "Decimal", "System.Data.SqlTypes.SqlDecimal"],
                ScalarType::Decimal,
            ),
            (&["Guid", "System.Guid"], ScalarType::Guid),
            (&["TimeSpan", "timespan"], ScalarType::TimeSpan),
            (&["DateTime", "datetime"], ScalarType::DateTime),
            (&["Object", "dynamic", "System.Object"], ScalarType::Dynamic),
            (&["String", "string"], ScalarType::String),
        ] {
            for name in names {
                assert_eq!(scalar_type(name), Some(ty), "{name}");
            }
        }
        assert_eq!(scalar_type("Geometry"), None);
    }

    #[test]
    fn columns_take_what_is_expected_of_them_where_the_service_leaves_it_open() {
        let listed = json!([
            {"Name": "AdditionalFields", "Type": "String"},
            {"name": "Untyped"},
            {"ColumnName": "Odd", "ColumnType": "geometry"},
            {"ColumnName": "Count", "DataType": "Int64"},
            {"name": "Other", "type": "hyper"},
        ]);
        let wire = wire_columns(&listed).unwrap();
        let expected = Schema::new(vec![
            Column::new("AdditionalFields", ScalarType::Dynamic),
            Column::new("Untyped", ScalarType::Real),
            Column::new("Odd", ScalarType::Guid),
            Column::new("Count", ScalarType::Int),
        ]);
        let mut notes = Vec::new();
        let plan = Plan::new(Layout::Objects, &wire, Some(&expected), &mut notes);
        let types: Vec<_> = plan
            .schema
            .columns()
            .iter()
            .map(|column| column.ty)
            .collect();
        assert_eq!(
            types,
            [
                ScalarType::Dynamic,
                ScalarType::Real,
                ScalarType::Guid,
                ScalarType::Long,
                ScalarType::String
            ]
        );
        let note = "column `Other` has a type that is not known; it is read as text";
        assert_eq!(notes, [note]);
        assert_eq!(wire_columns(&json!([{"type": "long"}])), None);
        assert_eq!(wire_columns(&json!({})), None);
    }

    #[test]
    fn names_that_are_taken_get_a_number() {
        let names = ["a", "b", "a", "a", "a1", "b"];
        let unique = unique_names(names.into_iter());
        assert_eq!(unique, ["a", "b", "a2", "a3", "a1", "b1"]);
    }
}
