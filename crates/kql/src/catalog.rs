//! What the binder may ask about the world outside the query.

use std::sync::Arc;

use crate::types::Schema;

/// The tables and functions a query can name. The binder itself does no I/O; a catalog may find a
/// table's columns out when it is first asked for them.
pub trait Catalog {
    /// The table called `name` (case-sensitive), if there is one.
    fn table(&self, name: &str) -> Option<TableInfo>;

    /// Names of all tables, for wildcards (`union Device*`) and for "did you mean".
    fn table_names(&self) -> Vec<String>;

    /// Whether the table called `name` has columns of which nothing is known, beside those that
    /// [`Catalog::table`] tells or instead of them. Uses of such columns are taken to be right.
    fn is_open(&self, _name: &str) -> bool {
        false
    }
}

/// A catalog that several share.
pub type SharedCatalog = Arc<dyn Catalog + Send + Sync>;

impl<C: Catalog + ?Sized> Catalog for Arc<C> {
    fn table(&self, name: &str) -> Option<TableInfo> {
        (**self).table(name)
    }

    fn table_names(&self) -> Vec<String> {
        (**self).table_names()
    }

    fn is_open(&self, name: &str) -> bool {
        (**self).is_open(name)
    }
}

/// What the binder knows of one table.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TableInfo {
    /// Its columns.
    pub schema: Schema,
    /// The column a window is applied to, such as `Timestamp` or `TimeGenerated`.
    pub time_column: Option<String>,
}

/// A catalog without tables.
#[derive(Clone, Copy, Debug, Default)]
pub struct EmptyCatalog;

impl Catalog for EmptyCatalog {
    fn table(&self, _name: &str) -> Option<TableInfo> {
        None
    }

    fn table_names(&self) -> Vec<String> {
        Vec::new()
    }
}

/// Tables held in a map, for tests, for ad-hoc schemas and as a building block of other catalogs.
#[derive(Clone, Debug, Default)]
pub struct MemoryCatalog {
    tables: std::collections::BTreeMap<String, TableInfo>,
}

impl MemoryCatalog {
    /// A catalog without tables yet.
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds or replaces a table.
    pub fn insert(&mut self, name: impl Into<String>, table: TableInfo) {
        self.tables.insert(name.into(), table);
    }
}

impl Catalog for MemoryCatalog {
    fn table(&self, name: &str) -> Option<TableInfo> {
        self.tables.get(name).cloned()
    }

    fn table_names(&self) -> Vec<String> {
        self.tables.keys().cloned().collect()
    }
}
