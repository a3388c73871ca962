//! The tables a query can read: their KQL schemas for the binder, their data for DataFusion.

use std::fmt::Debug;
use std::sync::Arc;

use datafusion::catalog::TableProvider;
use kql::catalog::{Catalog, TableInfo};

/// Tables by name. Answers from memory; the data is read when a provider is scanned.
pub trait Tables: Debug + Send + Sync {
    /// The table called `name`.
    fn table(&self, name: &str) -> Option<Table>;

    /// Names of all tables.
    fn names(&self) -> Vec<String>;
}

/// One table.
#[derive(Clone, Debug)]
pub struct Table {
    /// Schema and time column.
    pub info: TableInfo,
    /// Its data; the provider's Arrow schema is `types::arrow_schema(&info.schema)`.
    pub provider: Arc<dyn TableProvider>,
}

/// [`Tables`] as the binder's catalog.
#[derive(Clone, Copy, Debug)]
pub struct TablesCatalog<'t>(pub &'t dyn Tables);

impl Catalog for TablesCatalog<'_> {
    fn table(&self, name: &str) -> Option<TableInfo> {
        self.0.table(name).map(|table| table.info)
    }

    fn table_names(&self) -> Vec<String> {
        self.0.names()
    }
}
