//! `.show databases`, `.show database` and their schemas.

use std::sync::Arc;

use kql::catalog::SharedCatalog;
use kql::types::ScalarType::{Bool, Dynamic, Guid, String as Text};
use kql::types::Value;
use serde_json::{Map, json};

use super::super::databases::Set;
use super::super::error::ApiError;
use super::form::{DatabaseView, Extent};
use super::schema;
use super::table::{Table, text};
use crate::source::Source;

/// A database with its name.
type Named<'s> = (&'s str, &'s Arc<dyn Source>);

pub(super) fn show(
    set: &Set,
    current: Option<&str>,
    only: Option<&[String]>,
    view: DatabaseView,
) -> Result<Table, ApiError> {
    let extent = match view {
        DatabaseView::List(extent)
        | DatabaseView::Schema(extent)
        | DatabaseView::SchemaJson(extent) => extent,
        DatabaseView::SchemaScript | DatabaseView::CslSchema => Extent::Current,
        DatabaseView::Entities => Extent::All,
    };
    let shown: Vec<Named<'_>> = match (only, extent) {
        (Some(names), _) => names
            .iter()
            .map(|name| set.find(Some(name)))
            .collect::<Result<_, _>>()?,
        (None, Extent::Current) => vec![set.find(current)?],
        (None, Extent::All) => set
            .sources
            .iter()
            .map(|(name, source)| (name.as_str(), source))
            .collect(),
    };
    match view {
        DatabaseView::List(_) => {
            let current = set.find(current).ok().map(|(name, _)| name);
            Ok(list(&shown, current))
        }
        DatabaseView::Schema(_) => columns(&shown),
        DatabaseView::SchemaJson(_) => json_text(&shown),
        DatabaseView::SchemaScript => script(&shown),
        DatabaseView::CslSchema => csl(&shown),
        DatabaseView::Entities => entities(&shown),
    }
}

/// The tables of a database now.
pub(super) fn catalog(source: &Arc<dyn Source>) -> Result<SharedCatalog, ApiError> {
    source.tables().map_err(ApiError::of_source)
}

fn list(shown: &[Named<'_>], current: Option<&str>) -> Table {
    let mut table = Table::new(&[
        ("DatabaseName", Text),
        ("PersistentStorage", Text),
        ("Version", Text),
        ("IsCurrent", Bool),
        ("DatabaseAccessMode", Text),
        ("PrettyName", Text),
        ("ReservedSlot1", Bool),
        ("DatabaseId", Guid),
        ("InTransitionTo", Text),
        ("SuspensionState", Text),
    ]);
    for (name, _) in shown {
        table.push([
            text(name),
            text(""),
            text("v1.0"),
            Value::Bool(current == Some(name)),
            text("ReadOnly"),
        ]);
    }
    table
}

fn columns(shown: &[Named<'_>]) -> Result<Table, ApiError> {
    let mut table = Table::new(&[
        ("DatabaseName", Text),
        ("TableName", Text),
        ("ColumnName", Text),
        ("ColumnType", Text),
        ("IsDefaultTable", Bool),
        ("IsDefaultColumn", Bool),
        ("PrettyName", Text),
        ("Version", Text),
        ("Folder", Text),
        ("DocString", Text),
    ]);
    for (name, source) in shown {
        let mut row = |of: &str, column: &str, ty: &str, version: &str| {
            table.push([
                text(name),
                text(of),
                text(column),
                text(ty),
                Value::Bool(false),
                Value::Bool(false),
                text(""),
                text(version),
            ]);
        };
        row("", "", "", "v1.0");
        for (of, info) in schema::tables(&catalog(source)?) {
            row(&of, "", "", "");
            for column in info.schema.columns() {
                row(&of, &column.name, column.ty.clr_name(), "");
            }
        }
    }
    Ok(table)
}

fn json_text(shown: &[Named<'_>]) -> Result<Table, ApiError> {
    let mut databases = Map::new();
    for (name, source) in shown {
        databases.insert(
            (*name).to_owned(),
            schema::database(name, &catalog(source)?),
        );
    }
    let mut table = Table::new(&[("DatabaseSchema", Text)]);
    table.push([text(json!({"Databases": databases}).to_string())]);
    Ok(table)
}

fn script(shown: &[Named<'_>]) -> Result<Table, ApiError> {
    let mut table = Table::new(&[("DatabaseSchemaScript", Text)]);
    for (_, source) in shown {
        for (name, info) in schema::tables(&catalog(source)?) {
            let (name, columns) = (schema::name(&name), schema::csl(&info.schema, ", "));
            table.push([text(format!(".create-merge table {name} ({columns})"))]);
        }
    }
    Ok(table)
}

fn csl(shown: &[Named<'_>]) -> Result<Table, ApiError> {
    let mut table = Table::new(&[
        ("TableName", Text),
        ("Schema", Text),
        ("DatabaseName", Text),
        ("Folder", Text),
        ("DocString", Text),
    ]);
    for (database, source) in shown {
        for (name, info) in schema::tables(&catalog(source)?) {
            let columns = schema::csl(&info.schema, ",");
            table.push([text(name), text(columns), text(database)]);
        }
    }
    Ok(table)
}

fn entities(shown: &[Named<'_>]) -> Result<Table, ApiError> {
    let mut table = Table::new(&[
        ("DatabaseName", Text),
        ("EntityType", Text),
        ("EntityName", Text),
        ("DocString", Text),
        ("Folder", Text),
        ("CslInputSchema", Text),
        ("Content", Text),
        ("CslOutputSchema", Text),
        ("Properties", Dynamic),
    ]);
    for (database, source) in shown {
        for (name, info) in schema::tables(&catalog(source)?) {
            table.push([
                text(database),
                text("Table"),
                text(name),
                text(""),
                text(""),
                text(""),
                text(""),
                text(schema::csl(&info.schema, ", ")),
            ]);
        }
    }
    Ok(table)
}
