//! Catalogs made of other catalogs: one on top of another, both families side by side, and one in
//! which any table exists.

use std::collections::BTreeSet;

use kql::catalog::{Catalog, SharedCatalog, TableInfo};
use kql::types::{Column, Schema};

/// Catalogs on top of each other: the first that has a table tells its columns.
pub(super) struct Layered(pub(super) Vec<SharedCatalog>);

impl Catalog for Layered {
    fn table(&self, name: &str) -> Option<TableInfo> {
        self.0.iter().find_map(|catalog| catalog.table(name))
    }

    fn table_names(&self) -> Vec<String> {
        let names: BTreeSet<String> = self.0.iter().flat_map(Catalog::table_names).collect();
        names.into_iter().collect()
    }

    fn is_open(&self, name: &str) -> bool {
        let first = self.0.iter().find(|catalog| catalog.table(name).is_some());
        match first {
            Some(catalog) => catalog.is_open(name),
            None => self.0.iter().any(|catalog| catalog.is_open(name)),
        }
    }
}

/// Two families of tables. A table of both has the columns of the first, followed by those that
/// only the second has: a query written for either binds.
pub(super) struct SideBySide(pub(super) SharedCatalog, pub(super) SharedCatalog);

impl Catalog for SideBySide {
    fn table(&self, name: &str) -> Option<TableInfo> {
        let (first, second) = (self.0.table(name), self.1.table(name));
        let (Some(first), Some(second)) = (&first, &second) else {
            return first.or(second);
        };
        let is_new = |column: &&Column| first.schema.column(&column.name).is_none();
        let added = second.schema.columns().iter().filter(is_new);
        let columns = first.schema.columns().iter().chain(added).cloned();
        Some(TableInfo {
            schema: columns.collect::<Schema>(),
            time_column: first.time_column.clone().or(second.time_column.clone()),
        })
    }

    fn table_names(&self) -> Vec<String> {
        let names = self.0.table_names().into_iter();
        let names: BTreeSet<String> = names.chain(self.1.table_names()).collect();
        names.into_iter().collect()
    }

    fn is_open(&self, name: &str) -> bool {
        self.0.is_open(name) || self.1.is_open(name)
    }
}

/// A catalog in which every table exists; of those that the inner one lacks nothing is known.
pub(super) struct AnyTable(pub(super) SharedCatalog);

impl Catalog for AnyTable {
    fn table(&self, name: &str) -> Option<TableInfo> {
        self.0.table(name)
    }

    fn table_names(&self) -> Vec<String> {
        self.0.table_names()
    }

    fn is_open(&self, name: &str) -> bool {
        self.0.is_open(name) || self.0.table(name).is_none()
    }
}
