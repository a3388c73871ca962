//! The tables a query can read: their KQL schemas for the binder, their data for DataFusion.

use std::fmt::Debug;
use std::sync::Arc;

use datafusion::catalog::TableProvider;
use kql::catalog::{Catalog, TableInfo};
use kql::types::{Schema, Value};

use crate::lookup;

/// Tables by name. Answers from memory; the data is read when a provider is scanned.
pub trait Tables: Debug + Send + Sync {
    /// The table called `name`.
    fn table(&self, name: &str) -> Option<Table>;

    /// Names of all tables.
    fn names(&self) -> Vec<String>;

    /// The table that answers a function of a hunting service, none if nobody gave one. `key` is
    /// the alias of a watchlist, none for other functions. `kql_datafusion::lookup` lists the
    /// functions and the columns that are read; further ones do no harm, missing ones are null.
    ///
    /// What the engine builds from the rows it keeps for later queries, as long as the provider
    /// is the same.
    fn function_table(&self, _function: &str, _key: Option<&str>) -> Option<Table> {
        None
    }

    /// The keys under which [`Tables::function_table`] has tables: the aliases of all watchlists.
    fn function_keys(&self, _function: &str) -> Vec<String> {
        Vec::new()
    }

    /// What someone does to give a function its table, for the error that it has none.
    fn function_help(&self, _function: &str, _key: Option<&str>) -> Option<String> {
        None
    }
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

    fn function_columns(&self, name: &str, arguments: &[Option<&Value>]) -> Option<Schema> {
        lookup::columns(self.0, name, arguments)
    }
}
