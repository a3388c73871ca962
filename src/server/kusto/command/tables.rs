//! `.show tables` and `.show table`. How many rows there are and how large they are is not known
//! without reading them, and is null.

use kql::catalog::Catalog as _;
use kql::types::ScalarType::{DateTime, Long, Real, String as Text};

use super::super::databases::Set;
use super::super::error::ApiError;
use super::databases::catalog;
use super::form::TableView;
use super::schema;
use super::table::{Columns, Table, text};

const LIST: &Columns = &[
    ("TableName", Text),
    ("DatabaseName", Text),
    ("Folder", Text),
    ("DocString", Text),
];
const DETAILS: &Columns = &[
    ("TableName", Text),
    ("DatabaseName", Text),
    ("Folder", Text),
    ("DocString", Text),
    ("TotalExtents", Long),
    ("TotalExtentSize", Real),
    ("TotalOriginalSize", Real),
    ("TotalRowCount", Long),
    ("HotExtents", Long),
    ("HotExtentSize", Real),
    ("HotOriginalSize", Real),
    ("HotRowCount", Long),
    ("AuthorizedPrincipals", Text),
    ("RetentionPolicy", Text),
    ("CachingPolicy", Text),
    ("ShardingPolicy", Text),
    ("MergePolicy", Text),
    ("StreamingIngestionPolicy", Text),
    ("MinExtentsCreationTime", DateTime),
    ("MaxExtentsCreationTime", DateTime),
    ("RowOrderPolicy", Text),
];
const SCHEMA: &Columns = &[
    ("TableName", Text),
    ("Schema", Text),
    ("DatabaseName", Text),
    ("Folder", Text),
    ("DocString", Text),
];
const COLUMNS: &Columns = &[
    ("AttributeName", Text),
    ("AttributeType", Text),
    ("CslType", Text),
    ("Folder", Text),
    ("DocString", Text),
];

pub(super) fn show(
    set: &Set,
    database: Option<&str>,
    only: Option<&[String]>,
    view: TableView,
) -> Result<Table, ApiError> {
    let (database, source) = set.find(database)?;
    let tables = catalog(source)?;
    let mut names = tables.table_names();
    names.sort();
    if let Some(only) = only {
        let there: Vec<&str> = names.iter().map(String::as_str).collect();
        if let Some(missing) = only.iter().find(|name| !there.contains(&name.as_str())) {
            return Err(ApiError::no_such_entity("Table", missing, &there));
        }
        names.retain(|name| only.contains(name));
    }
    let mut table = Table::new(match view {
        TableView::List => LIST,
        TableView::Details => DETAILS,
        TableView::Columns => COLUMNS,
        TableView::SchemaJson | TableView::CslSchema => SCHEMA,
    });
    for name in names {
        if matches!(view, TableView::List | TableView::Details) {
            table.push([text(name), text(database)]);
            continue;
        }
        let Some(info) = tables.table(&name) else {
            return Err(ApiError::malformed(&format!(
                "the table `{name}` cannot be read"
            )));
        };
        match view {
            TableView::SchemaJson => {
                let json = schema::table(&name, &info.schema).to_string();
                table.push([text(name), text(json), text(database)]);
            }
            TableView::CslSchema => {
                let columns = schema::csl(&info.schema, ",");
                table.push([text(name), text(columns), text(database)]);
            }
            _ => {
                for column in info.schema.columns() {
                    let (clr, csl) = (column.ty.clr_name(), column.ty.as_str());
                    table.push([text(&column.name), text(clr), text(csl)]);
                }
            }
        }
    }
    Ok(table)
}
