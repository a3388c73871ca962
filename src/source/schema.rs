//! Tables whose columns are known without looking at data: those of Microsoft Defender XDR's
//! advanced hunting.
//!
//! Names and types are data, in `schema/defender.json`: table, then column and KQL type, in the
//! order in which the product shows them.

use std::collections::BTreeMap;
use std::sync::{Arc, LazyLock};

use kql::catalog::{MemoryCatalog, SharedCatalog, TableInfo};
use kql::types::{Column, ScalarType, Schema};
use serde_json::{Map, Value};

use super::Sources;
use crate::id::SourceName;

/// The column that holds the time of an event.
const TIME_COLUMN: &str = "Timestamp";

/// The tables of Microsoft Defender XDR.
pub fn defender() -> &'static Arc<MemoryCatalog> {
    static DEFENDER: LazyLock<Arc<MemoryCatalog>> =
        LazyLock::new(|| Arc::new(read(include_str!("schema/defender.json"))));
    &DEFENDER
}

/// The tables that hunts are checked against, by source. Where no source is known,
/// those of Defender.
#[derive(Clone, Default)]
pub struct KnownTables(BTreeMap<SourceName, SharedCatalog>);

impl KnownTables {
    /// Looks at the sources: reads the folders of local ones.
    pub fn of(sources: &Sources) -> Self {
        let catalogs = sources
            .iter()
            .map(|(name, source)| (name.clone(), source.catalog()));
        Self(catalogs.collect())
    }

    /// The tables of a source.
    pub fn tables(&self, source: Option<&SourceName>) -> SharedCatalog {
        match source.and_then(|source| self.0.get(source)) {
            Some(catalog) => Arc::clone(catalog),
            None => Arc::<MemoryCatalog>::clone(defender()),
        }
    }
}

fn read(text: &str) -> MemoryCatalog {
    let tables: Map<String, Value> =
        serde_json::from_str(text).expect("the file is part of the program and tested");
    let mut catalog = MemoryCatalog::new();
    for (name, columns) in tables {
        let columns = columns.as_object().into_iter().flatten();
        let schema: Schema = columns
            .filter_map(|(column, ty)| {
                let ty = ScalarType::from_name(ty.as_str()?)?;
                Some(Column::new(column.as_str(), ty))
            })
            .collect();
        let time_column = schema.column(TIME_COLUMN).map(|_| TIME_COLUMN.to_owned());
        catalog.insert(
            name,
            TableInfo {
                schema,
                time_column,
            },
        );
    }
    catalog
}

#[cfg(test)]
mod tests {
    use kql::catalog::Catalog as _;

    use super::*;

    #[test]
    fn every_table_and_column_is_read() {
        let tables: Map<String, Value> =
            serde_json::from_str(include_str!("schema/defender.json")).unwrap();
        assert!(tables.len() > 60);
        for (name, columns) in tables {
            let table = defender().table(&name).unwrap();
            assert_eq!(
                table.schema.len(),
                columns.as_object().unwrap().len(),
                "{name}"
            );
        }
    }

    #[test]
    fn events_have_a_time_column() {
        let table = defender().table("DeviceProcessEvents").unwrap();
        assert_eq!(table.time_column.as_deref(), Some("Timestamp"));
        let time = table.schema.column("Timestamp").unwrap();
        assert_eq!(time.ty, ScalarType::DateTime);
        assert!(table.schema.column("ProcessCommandLine").is_some());
        let inventory = defender().table("DeviceTvmSoftwareInventory").unwrap();
        assert_eq!(inventory.time_column, None);
    }
}
