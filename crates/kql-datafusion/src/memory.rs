//! Tables held in memory: a run's results for its detection query, the empty tables that a query
//! is bound against, and the tables of tests.

use std::collections::BTreeMap;
use std::sync::Arc;

use arrow::array::RecordBatch;
use datafusion::datasource::MemTable;
use kql::catalog::TableInfo;
use kql::types::Schema;

use crate::error::EngineError;
use crate::tables::{Table, Tables};
use crate::types::{arrow_schema, arrow_schema_of};

/// [`Tables`] over record batches.
#[derive(Clone, Debug, Default)]
pub struct MemoryTables {
    tables: BTreeMap<String, Table>,
    /// By function and key.
    functions: BTreeMap<(String, Option<String>), Table>,
}

impl MemoryTables {
    /// No tables yet.
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds or replaces a table. The columns of each batch have the types of
    /// [`crate::types::arrow_schema`]; names and metadata are taken from `schema`.
    pub fn insert(
        &mut self,
        name: impl Into<String>,
        schema: Schema,
        batches: Vec<RecordBatch>,
    ) -> Result<(), EngineError> {
        self.insert_with_time(name, schema, None, batches)
    }

    /// Adds or replaces a table with a time column, to which windows apply.
    pub fn insert_with_time(
        &mut self,
        name: impl Into<String>,
        schema: Schema,
        time_column: Option<String>,
        batches: Vec<RecordBatch>,
    ) -> Result<(), EngineError> {
        let provider = Arc::new(mem_table(&schema, batches)?);
        let info = TableInfo {
            schema,
            time_column,
        };
        self.tables.insert(name.into(), Table { info, provider });
        Ok(())
    }
}

impl MemoryTables {
    /// Adds or replaces the table that answers a function of a hunting service, for a watchlist
    /// under its alias.
    pub fn insert_function(
        &mut self,
        function: impl Into<String>,
        key: Option<String>,
        schema: Schema,
        batches: Vec<RecordBatch>,
    ) -> Result<(), EngineError> {
        let provider = Arc::new(mem_table(&schema, batches)?);
        let info = TableInfo {
            schema,
            time_column: None,
        };
        let table = Table { info, provider };
        self.functions.insert((function.into(), key), table);
        Ok(())
    }
}

impl Tables for MemoryTables {
    fn table(&self, name: &str) -> Option<Table> {
        self.tables.get(name).cloned()
    }

    fn names(&self) -> Vec<String> {
        self.tables.keys().cloned().collect()
    }

    fn function_table(&self, function: &str, key: Option<&str>) -> Option<Table> {
        let key = (function.to_owned(), key.map(ToOwned::to_owned));
        self.functions.get(&key).cloned()
    }

    fn function_keys(&self, function: &str) -> Vec<String> {
        let known = self.functions.keys().filter(|(name, _)| name == function);
        known.filter_map(|(_, key)| key.clone()).collect()
    }
}

/// A DataFusion table of one partition over batches, whose schema is that of `schema`.
pub(crate) fn mem_table(
    schema: &Schema,
    batches: Vec<RecordBatch>,
) -> Result<MemTable, EngineError> {
    let arrow_schema = match batches.first() {
        Some(batch) => arrow_schema_of(schema, batch.schema_ref()),
        None => arrow_schema(schema),
    };
    let batches = batches
        .into_iter()
        .map(|batch| {
            RecordBatch::try_new(Arc::clone(&arrow_schema), batch.columns().to_vec())
                .map_err(|error| EngineError::Source(error.to_string()))
        })
        .collect::<Result<Vec<_>, _>>()?;
    Ok(MemTable::try_new(arrow_schema, vec![batches])?)
}
