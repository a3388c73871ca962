//! The tables of a folder at one moment: which there are, and the columns of each.
//!
//! Columns are those that the configuration declares; else the well-known ones of the table,
//! followed by whatever else its files hold; else what its files hold. Of many files a sample is
//! looked at. A table's columns are worked out when a query first names it.

use std::collections::{BTreeMap, HashMap};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use kql::catalog::{Catalog, EmptyCatalog, SharedCatalog, TableInfo};
use kql::types::{Column, ScalarType, Schema};
use kql_datafusion::lookup;
use kql_datafusion::tables::{Table, Tables};

use super::config::{DatePartitions, HuntingFunction, LocalConfig, MissingTables, OnError};
use super::discover::{Format, InputFile, TableFiles, discover};
use super::infer::common_type;
use super::provider::{LocalTable, ScanContext};
use crate::parallel;
use crate::source::schema::TIME_COLUMNS;

/// Parquet files of a table whose footers are looked at for columns.
const PARQUET_SAMPLE_FILES: usize = 256;
/// Text files of a table whose first rows are looked at for columns.
const TEXT_SAMPLE_FILES: usize = 8;

/// The tables of a folder.
pub(super) struct LocalTables {
    root: PathBuf,
    config: Arc<LocalConfig>,
    known: SharedCatalog,
    files: TableFiles,
    context: Arc<ScanContext>,
    resolved: Mutex<HashMap<String, Option<Table>>>,
    failures: Mutex<BTreeMap<String, String>>,
    lookups: Arc<Lookups>,
}

impl std::fmt::Debug for LocalTables {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let files = self.files.keys();
        f.debug_tuple("LocalTables").field(&files).finish()
    }
}

impl LocalTables {
    /// What the folder holds now.
    pub(super) fn discover(
        config: Arc<LocalConfig>,
        known: SharedCatalog,
        context: ScanContext,
        lookups: Arc<Lookups>,
    ) -> Result<Self, String> {
        // Paths are absolute from here on: DataFusion's store knows no working directory.
        let root = std::path::absolute(&config.path).unwrap_or_else(|_| config.path.clone());
        let mut files = discover(&root)?;
        if config.missing_tables == MissingTables::Empty {
            for name in known.table_names() {
                files.entry(name).or_default();
            }
        }
        for name in config.tables.keys() {
            let declares_columns = config.tables[name].columns.is_some();
            if declares_columns && config.missing_tables == MissingTables::Empty {
                files.entry(name.clone()).or_default();
            }
        }
        Ok(Self {
            root,
            config,
            known,
            files,
            context: Arc::new(context),
            resolved: Mutex::default(),
            failures: Mutex::default(),
            lookups,
        })
    }

    /// One table over one Parquet file, with the columns of `schema` and no time column.
    pub(super) fn of_file(name: &str, schema: Schema, file: &Path) -> Result<Self, String> {
        let root = std::path::absolute(file).unwrap_or_else(|_| file.to_owned());
        let found = discover(&root)?;
        let files: Vec<InputFile> = found.into_values().flatten().collect();
        let context = Arc::new(ScanContext {
            on_error: OnError::Fail,
            date_partitions: DatePartitions::Ignore,
            summaries: Arc::default(),
            stats: Arc::default(),
        });
        let info = TableInfo {
            schema,
            time_column: None,
        };
        let provider = LocalTable::new(info.clone(), files.clone(), Arc::clone(&context));
        let provider = Arc::new(provider);
        let table = Table { info, provider };
        Ok(Self {
            root,
            config: Arc::new(LocalConfig::new(file)),
            known: Arc::new(EmptyCatalog),
            files: [(name.to_owned(), files)].into(),
            context,
            resolved: Mutex::new([(name.to_owned(), Some(table))].into()),
            failures: Mutex::default(),
            lookups: Arc::default(),
        })
    }

    /// Why tables that there should be cannot be read, by name, of those that were asked for.
    pub(super) fn failures(&self) -> BTreeMap<String, String> {
        self.failures
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .clone()
    }

    fn resolve(&self, name: &str) -> Option<Table> {
        let found = self.files.get(name);
        if found.is_none() && !self.is_expected(name) {
            return None;
        }
        let files = found.map(Vec::as_slice).unwrap_or_default();
        match self
            .info(name, files)
            .and_then(|info| self.with_files(name, files, info))
        {
            Ok(info) => {
                let context = Arc::clone(&self.context);
                let provider = LocalTable::new(info.clone(), files.to_vec(), context);
                let provider = Arc::new(provider);
                Some(Table { info, provider })
            }
            Err(what) => {
                let mut failures = self.failures.lock().unwrap_or_else(PoisonError::into_inner);
                failures.insert(name.to_owned(), what);
                None
            }
        }
    }

    /// Whether the table is known, though its files may be missing.
    fn is_expected(&self, name: &str) -> bool {
        if self.config.missing_tables == MissingTables::Unknown {
            return false;
        }
        let declared = self.config.tables.get(name);
        self.known.table(name).is_some() || declared.is_some_and(|table| table.columns.is_some())
    }

    /// Telemetry that is missing must not look like telemetry in which nothing happened.
    fn with_files(
        &self,
        name: &str,
        files: &[InputFile],
        info: TableInfo,
    ) -> Result<TableInfo, String> {
        if files.is_empty() && self.config.missing_tables == MissingTables::Error {
            return Err(format!(
                "{}: table `{name}` has no files; put them into {name}/ there, or set \
                 `missing_tables: empty` of the source",
                self.root.display()
            ));
        }
        Ok(info)
    }

    fn info(&self, name: &str, files: &[InputFile]) -> Result<TableInfo, String> {
        let declared = self.config.tables.get(name);
        let known = self.known.table(name);
        let schema = if let Some(columns) = declared.and_then(|table| table.columns.as_ref()) {
            let columns = columns.0.iter();
            columns
                .map(|(name, ty)| Column::new(name.as_str(), *ty))
                .collect()
        } else {
            let base = known.as_ref().map(|known| &known.schema);
            self.with_found_columns(name, files, base)?
        };
        let time = declared.and_then(|table| table.time.clone());
        let is_time = |name: &str| {
            let column = schema.column(name);
            column.is_some_and(|column| column.ty == ScalarType::DateTime)
        };
        if let Some(time) = time.as_ref().filter(|time| !is_time(time)) {
            return Err(format!(
                "table `{name}`: its time column `{time}` is no datetime column of it; correct \
                 `tables.{name}.time` of the source"
            ));
        }
        let known = known.and_then(|known| known.time_column);
        let conventional = TIME_COLUMNS.into_iter().find(|name| is_time(name));
        let time_column = time
            .or(known.filter(|name| is_time(name)))
            .or(conventional.map(str::to_owned));
        Ok(TableInfo {
            schema,
            time_column,
        })
    }

    /// The columns of `base`, then others that the files hold.
    fn with_found_columns(
        &self,
        name: &str,
        files: &[InputFile],
        base: Option<&Schema>,
    ) -> Result<Schema, String> {
        let mut columns: Vec<Column> = base
            .into_iter()
            .flat_map(Schema::columns)
            .cloned()
            .collect();
        let fixed = columns.len();
        let mut failure = None;
        let sample = sample(files);
        let summaries = parallel::map(&sample, |file| self.context.summaries.of(file));
        for (file, summary) in sample.into_iter().zip(summaries) {
            let summary = match summary {
                Ok(summary) => summary,
                // Reported when the file is read, if a query has to.
                Err(what) => {
                    failure = Some(format!("{}: {what}", file.path.display()));
                    continue;
                }
            };
            for found in &summary.columns {
                match columns.iter().position(|column| column.name == found.name) {
                    None => columns.push(found.clone()),
                    Some(position) if position >= fixed => {
                        let column = &mut columns[position];
                        column.ty = common_type(column.ty, found.ty);
                    }
                    Some(_) => {}
                }
            }
        }
        if columns.is_empty() {
            let failure = failure.unwrap_or_else(|| "it has no file with rows".to_owned());
            return Err(format!(
                "table `{name}`: no columns are known: {failure}; declare them in \
                 `tables.{name}.columns` of the source"
            ));
        }
        Ok(Schema::new(columns))
    }
}

/// The files that are looked at for columns.
fn sample(files: &[InputFile]) -> Vec<&InputFile> {
    let (parquet, text): (Vec<&InputFile>, Vec<&InputFile>) = files
        .iter()
        .partition(|file| file.format == Format::Parquet);
    let mut sample = spread_evenly(&parquet, PARQUET_SAMPLE_FILES);
    sample.extend(spread_evenly(&text, TEXT_SAMPLE_FILES));
    sample
}

/// At most `count` files at equal distances, the first and the last among them.
fn spread_evenly<'f>(files: &[&'f InputFile], count: usize) -> Vec<&'f InputFile> {
    let count = files.len().min(count);
    let last = files.len().saturating_sub(1);
    (0..count)
        .map(|nth| files[nth * last / (count - 1).max(1)])
        .collect()
}

impl Tables for LocalTables {
    fn table(&self, name: &str) -> Option<Table> {
        let lock = || self.resolved.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(table) = lock().get(name) {
            return table.clone();
        }
        let table = self.resolve(name);
        lock().insert(name.to_owned(), table.clone());
        table
    }

    fn names(&self) -> Vec<String> {
        self.files.keys().cloned().collect()
    }

    fn function_table(&self, function: &str, key: Option<&str>) -> Option<Table> {
        let name = match key {
            Some(alias) => self.config.watchlists.get(alias)?,
            None => self
                .config
                .functions
                .get(&HuntingFunction::named(function)?)?,
        };
        let table = Tables::table(self, name)?;
        let files = self.files.get(name).map(Vec::as_slice).unwrap_or_default();
        Some(self.lookups.keep(name, files, table))
    }

    fn function_keys(&self, function: &str) -> Vec<String> {
        if function != lookup::WATCHLIST {
            return Vec::new();
        }
        self.config.watchlists.keys().cloned().collect()
    }

    fn function_help(&self, function: &str, key: Option<&str>) -> Option<String> {
        let (setting, name) = match key {
            Some(alias) => ("watchlists", alias),
            None => ("functions", function),
        };
        let configured = match key {
            Some(alias) => self.config.watchlists.get(alias),
            None => HuntingFunction::named(function).and_then(|f| self.config.functions.get(&f)),
        };
        Some(match configured {
            Some(table) => match self.failures().remove(table) {
                Some(failure) => format!("its table cannot be read: {failure}"),
                None => format!(
                    "`{setting}.{name}` of the source names `{table}`, which is no table of it"
                ),
            },
            None => format!(
                "name a table of the source that answers it: `{setting}: {{{name}: <table>}}`"
            ),
        })
    }
}

/// The tables that answer functions, kept from query to query as long as their files stay the
/// same: the engine keeps what it builds from a table's rows as long as the table is the same.
#[derive(Default)]
pub(super) struct Lookups(Mutex<HashMap<String, (Vec<InputFile>, Table)>>);

impl Lookups {
    fn keep(&self, name: &str, files: &[InputFile], table: Table) -> Table {
        let mut kept = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        match kept.get(name) {
            Some((known, kept)) if known == files && kept.info == table.info => kept.clone(),
            _ => {
                kept.insert(name.to_owned(), (files.to_vec(), table.clone()));
                table
            }
        }
    }
}

impl Catalog for LocalTables {
    fn table(&self, name: &str) -> Option<TableInfo> {
        Tables::table(self, name).map(|table| table.info)
    }

    fn table_names(&self) -> Vec<String> {
        self.names()
    }
}
