//! What the binder may ask about the world outside the query.

mod hunting;
mod unions;

use std::sync::Arc;

pub use hunting::watchlist_columns;
pub use unions::Unions;
pub(crate) use unions::{Common, Legs};

use crate::diagnostic::did_you_mean;
use crate::types::{ScalarType, Schema, Value};

/// The column that holds when a row arrived, in tables that store it as one.
pub const INGESTION_COLUMN: &str = "_ingestion_time";

/// The tables and functions a query can name. The binder itself does no I/O; a catalog may find a
/// table's columns out when it is first asked for them.
pub trait Catalog {
    /// The table called `name` (case-sensitive), if there is one.
    fn table(&self, name: &str) -> Option<TableInfo>;

    /// Names of all tables, for wildcards (`union Device*`) and for "did you mean".
    fn table_names(&self) -> Vec<String>;

    /// The function called `name` that yields a table, if the source has one. Every catalog knows
    /// those of the hunting service, unless it says otherwise.
    fn function(&self, name: &str) -> Option<FunctionInfo> {
        hunting::function(name)
    }

    /// The columns that a call of a function yields, where they depend on what it is called with:
    /// the constants among the arguments. None where they do not, or nobody knows.
    fn function_columns(&self, _name: &str, _arguments: &[Option<&Value>]) -> Option<Schema> {
        None
    }

    /// Names of all functions, for "did you mean".
    fn function_names(&self) -> Vec<String> {
        hunting::NAMES.iter().map(ToString::to_string).collect()
    }

    /// Whether the table called `name` has columns of which nothing is known, beside those that
    /// [`Catalog::table`] tells or instead of them. Uses of such columns are taken to be right.
    fn is_open(&self, _name: &str) -> bool {
        false
    }

    /// The name of a table that `name` was probably meant to be.
    fn similar_table(&self, name: &str) -> Option<String> {
        let names = self.table_names();
        did_you_mean(name, names.iter().map(String::as_str)).map(ToOwned::to_owned)
    }

    /// Where the common columns of many tables are kept from one query to the next. It pays for a
    /// catalog that gives the same schema, a clone of one it holds, each time a table is asked for.
    fn unions(&self) -> Option<&Unions> {
        None
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

    fn function(&self, name: &str) -> Option<FunctionInfo> {
        (**self).function(name)
    }

    fn function_columns(&self, name: &str, arguments: &[Option<&Value>]) -> Option<Schema> {
        (**self).function_columns(name, arguments)
    }

    fn function_names(&self) -> Vec<String> {
        (**self).function_names()
    }

    fn is_open(&self, name: &str) -> bool {
        (**self).is_open(name)
    }

    fn similar_table(&self, name: &str) -> Option<String> {
        (**self).similar_table(name)
    }

    fn unions(&self) -> Option<&Unions> {
        (**self).unions()
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

/// What the binder knows of a function of the source, which yields a table.
#[derive(Clone, Debug, PartialEq)]
pub struct FunctionInfo {
    /// Whether it takes a table: the piped one of `invoke`, or the first argument of a call.
    pub input: FunctionInput,
    /// The scalar parameters in order.
    pub parameters: Vec<FunctionParameter>,
    /// The columns it yields, or adds to those of the table it takes. The schema is open where it
    /// has others that only running the query tells.
    pub columns: Schema,
}

/// What a function of the source does with a table it is called on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FunctionInput {
    /// It takes none.
    None,
    /// It adds its columns to those of the table.
    Extends,
    /// It reads the table, and yields its own columns only.
    Replaces,
}

/// A scalar parameter of a function of the source.
#[derive(Clone, Debug, PartialEq)]
pub struct FunctionParameter {
    /// Name.
    pub name: String,
    /// Type that arguments are converted to.
    pub ty: ScalarType,
    /// Value where no argument is given; without one an argument is needed.
    pub default: Option<Value>,
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
    unions: Unions,
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

    fn similar_table(&self, name: &str) -> Option<String> {
        did_you_mean(name, self.tables.keys().map(String::as_str)).map(ToOwned::to_owned)
    }

    fn unions(&self) -> Option<&Unions> {
        Some(&self.unions)
    }
}
