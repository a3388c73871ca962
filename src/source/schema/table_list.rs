//! A list of well-known tables: names and types, one line a table, part of the program.
//!
//! A line is the table's name and its columns in the order in which the product shows them, each
//! `name:type`, or only the name of a string. Lines are sorted. A table's columns are read when a
//! query first names it, so that a list costs nearly nothing at the start.

use std::sync::OnceLock;

use kql::catalog::{Catalog, TableInfo};
use kql::types::{Column, ScalarType, Schema};

/// Well-known tables.
#[derive(Debug)]
pub struct TableList {
    tables: Vec<Listed>,
    /// Time columns by convention; a table has the first that is among its columns.
    time_columns: &'static [&'static str],
    /// Tables that have further columns, of which nothing is known.
    open: &'static [&'static str],
}

#[derive(Debug)]
struct Listed {
    name: &'static str,
    columns: &'static str,
    info: OnceLock<TableInfo>,
}

impl TableList {
    /// The list that `text` is.
    pub(super) fn new(
        text: &'static str,
        time_columns: &'static [&'static str],
        open: &'static [&'static str],
    ) -> Self {
        let tables = text.lines().filter_map(|line| line.split_once(' '));
        Self {
            tables: tables
                .map(|(name, columns)| Listed {
                    name,
                    columns,
                    info: OnceLock::new(),
                })
                .collect(),
            time_columns,
            open,
        }
    }

    fn read(&self, columns: &'static str) -> TableInfo {
        let schema: Schema = columns
            .split(' ')
            .map(|column| {
                let (name, ty) = column.split_once(':').unwrap_or((column, "string"));
                let ty = ScalarType::from_name(ty).expect("the list is part of the program");
                Column::new(name, ty)
            })
            .collect();
        let is_time = |name: &&&str| schema.column(name).is_some();
        let time_column = self.time_columns.iter().find(is_time);
        let time_column = time_column.map(|name| (*name).to_owned());
        TableInfo {
            schema,
            time_column,
        }
    }
}

impl Catalog for TableList {
    fn table(&self, name: &str) -> Option<TableInfo> {
        let found = self.tables.binary_search_by(|listed| listed.name.cmp(name));
        let listed = &self.tables[found.ok()?];
        let info = listed.info.get_or_init(|| self.read(listed.columns));
        Some(info.clone())
    }

    fn table_names(&self) -> Vec<String> {
        let names = self.tables.iter().map(|listed| listed.name.to_owned());
        names.collect()
    }

    fn is_open(&self, name: &str) -> bool {
        self.open.contains(&name)
    }
}
