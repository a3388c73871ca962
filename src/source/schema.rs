//! Tables whose columns are known without looking at data: those of Microsoft Defender XDR's
//! advanced hunting, those of Microsoft Sentinel and Log Analytics, and those that the
//! configuration declares.
//!
//! Names and types are data, in `schema/*.txt`; `table_list` reads them, `layered` puts catalogs
//! together.

mod layered;
mod table_list;

use std::collections::BTreeMap;
use std::sync::{Arc, LazyLock};

use kql::catalog::{EmptyCatalog, MemoryCatalog, SharedCatalog, TableInfo};
use kql::types::{Column, ScalarType, Schema};
use schemars::JsonSchema;
use serde::Deserialize;

use self::layered::{AnyTable, Layered, SideBySide};
use super::SourceConfig;
use super::local::config::Columns;
use crate::id::SourceName;

pub use table_list::TableList;

/// Columns that hold the time of an event, by convention: Defender's, then Log Analytics'.
pub const TIME_COLUMNS: [&str; 2] = ["Timestamp", "TimeGenerated"];
/// The same for a workspace.
const WORKSPACE_TIME_COLUMNS: [&str; 2] = ["TimeGenerated", "Timestamp"];
/// Tables of a workspace whose columns depend on what writes into them.
const OPEN_TABLES: [&str; 1] = ["AzureDiagnostics"];

/// The tables of Microsoft Defender XDR.
pub fn defender() -> &'static Arc<TableList> {
    static DEFENDER: LazyLock<Arc<TableList>> = LazyLock::new(|| {
        let text = include_str!("schema/defender.txt");
        Arc::new(TableList::new(text, &TIME_COLUMNS, &[]))
    });
    &DEFENDER
}

/// The tables of Microsoft Sentinel: all that a Log Analytics workspace may have.
pub fn sentinel() -> &'static Arc<TableList> {
    static SENTINEL: LazyLock<Arc<TableList>> = LazyLock::new(|| {
        let text = include_str!("schema/sentinel.txt");
        let list = TableList::new(text, &WORKSPACE_TIME_COLUMNS, &OPEN_TABLES);
        Arc::new(list)
    });
    &SENTINEL
}

/// Tables that come from nowhere but the program.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub enum Family {
    /// Microsoft Defender XDR
    Defender,
    /// Microsoft Sentinel and Log Analytics
    Sentinel,
    /// Both; tables that both have with the columns of either
    All,
    /// None
    None,
}

impl Family {
    /// Its tables.
    pub fn tables(self) -> SharedCatalog {
        let defender: SharedCatalog = Arc::<TableList>::clone(defender());
        match self {
            Self::Defender => defender,
            Self::Sentinel => Arc::<TableList>::clone(sentinel()),
            Self::All => {
                let sentinel: SharedCatalog = Arc::<TableList>::clone(sentinel());
                Arc::new(SideBySide(defender, sentinel))
            }
            Self::None => Arc::new(EmptyCatalog),
        }
    }

    /// The family that a source's name speaks of, where nothing else is known of the source.
    fn of_name(source: &SourceName) -> Self {
        match source.as_str() {
            "defender" => Self::Defender,
            "sentinel" => Self::Sentinel,
            _ => Self::All,
        }
    }
}

/// A catalog in which any name is a table of which nothing is known.
pub(super) fn any_table() -> SharedCatalog {
    Arc::new(AnyTable(Arc::new(EmptyCatalog)))
}

/// Tables on top of others: those of `first` count more.
pub(super) fn layered(first: &SharedCatalog, then: SharedCatalog) -> SharedCatalog {
    Arc::new(Layered(vec![Arc::clone(first), then]))
}

/// Tables beside those that huntd knows.
#[derive(Clone, Debug, Default, PartialEq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct CatalogConfig {
    /// Columns of tables by name, each with its KQL type and in order, such as
    /// `MyLog_CL: {TimeGenerated: datetime, Host: string}`. Queries are checked against them.
    #[serde(default)]
    pub tables: BTreeMap<String, Columns>,
}

impl CatalogConfig {
    /// The declared tables.
    pub fn catalog(&self) -> MemoryCatalog {
        let mut catalog = MemoryCatalog::new();
        for (name, columns) in &self.tables {
            let columns = columns.0.iter();
            let columns = columns.map(|(name, ty)| Column::new(name.as_str(), *ty));
            let schema: Schema = columns.collect();
            let is_time = |name: &&str| {
                let column = schema.column(name);
                column.is_some_and(|column| column.ty == ScalarType::DateTime)
            };
            let time_column = WORKSPACE_TIME_COLUMNS.into_iter().find(is_time);
            let info = TableInfo {
                time_column: time_column.map(str::to_owned),
                schema,
            };
            catalog.insert(name, info);
        }
        catalog
    }
}

/// The tables that queries are checked against. A source that tells its tables is believed; where
/// nothing is known of it, there are those that the configuration declares and those of the family
/// that its name speaks of, or of both families.
#[derive(Clone, Default)]
pub struct KnownTables {
    sources: BTreeMap<SourceName, SharedCatalog>,
    /// Those of the configuration.
    declared: Option<SharedCatalog>,
    /// What counts more than anything else.
    at_hand: Option<SharedCatalog>,
    /// What is asked instead of the sources.
    family: Option<Family>,
    any_table: bool,
}

impl KnownTables {
    /// Looks at the sources: reads the folders of local ones.
    pub fn of(sources: &BTreeMap<SourceName, SourceConfig>, config: &CatalogConfig) -> Self {
        let declared: SharedCatalog = Arc::new(config.catalog());
        let catalogs = sources
            .iter()
            .map(|(name, source)| (name.clone(), super::catalog(source, &declared)));
        Self {
            sources: catalogs.collect(),
            declared: (!config.tables.is_empty()).then_some(declared),
            ..Self::default()
        }
    }

    /// Puts tables before all others.
    #[must_use]
    pub fn with_tables(mut self, tables: SharedCatalog) -> Self {
        self.at_hand = Some(tables);
        self
    }

    /// Takes the tables of a family instead of those of the sources.
    #[must_use]
    pub fn with_family(mut self, family: Family) -> Self {
        self.family = Some(family);
        self
    }

    /// Takes any name for a table, with columns of which nothing is known.
    #[must_use]
    pub fn with_any_table(mut self) -> Self {
        self.any_table = true;
        self
    }

    /// The tables of a source; of no source in particular, if none is given.
    pub fn tables(&self, source: Option<&SourceName>) -> SharedCatalog {
        let own = source.and_then(|source| self.sources.get(source));
        let mut layers: Vec<SharedCatalog> = self.at_hand.iter().cloned().collect();
        match (self.family, own, source) {
            (None, Some(own), _) => layers.push(Arc::clone(own)),
            (family, _, source) => {
                layers.extend(self.declared.iter().cloned());
                let named = source.map_or(Family::All, Family::of_name);
                layers.push(family.unwrap_or(named).tables());
            }
        }
        let tables: SharedCatalog = Arc::new(Layered(layers));
        if self.any_table {
            Arc::new(AnyTable(tables))
        } else {
            tables
        }
    }
}

#[cfg(test)]
mod tests;
