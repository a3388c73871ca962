//! The tables of the random queries: few rows, many equal values, and nulls wherever they may be.

use std::fs::File;
use std::path::Path;
use std::sync::Arc;

use arrow::array::RecordBatch;
use datafusion::common::config::TableParquetOptions;
use datafusion::datasource::file_format::parquet::ParquetFormat;
use datafusion::datasource::listing::{
    ListingOptions, ListingTable, ListingTableConfig, ListingTableUrl,
};
use datafusion::parquet::arrow::ArrowWriter;
use datafusion::parquet::file::properties::WriterProperties;
use kql::catalog::TableInfo;
use kql::types::Schema;
use kql_datafusion::MemoryTables;
use kql_datafusion::tables::{Table, Tables};
use kql_datafusion::types::arrow_schema;

use crate::world;

/// A KQL text that yields the rows of each table.
const ROWS: [(&str, &str); 2] = [
    (
        "Events",
        "range i from 0 to 39 step 1 \
         | project l = iff(i % 7 == 3, long(null), i % 5), \
                   n = iff(i % 6 == 5, int(null), toint(i % 4)), \
                   r = iff(i % 5 == 4, real(null), (i % 9) / 2.0), \
                   s = tostring(dynamic(['', 'a', 'B', 'b c', 'Ab-12', 'x.y', 'ab'])[i % 7]), \
                   t = iff(i % 11 == 10, datetime(null), \
                           datetime(2024-05-01) + (i % 8) * 6h + i * 1s), \
                   b = iff(i % 4 == 3, bool(null), i % 2 == 0), \
                   d = parse_json(tostring(dynamic(['{\"k\":1,\"v\":[1,2]}', '[\"a\",\"b\"]', \
                           '', '7', '{\"k\":\"z\"}', 'null'])[i % 6]))",
    ),
    (
        "Devices",
        "range i from 0 to 11 step 1 \
         | project l = iff(i == 5, long(null), i % 6), \
                   s = tostring(dynamic(['a', 'b c', '', 'q'])[i % 4]), \
                   w = i * 0.5, \
                   u = datetime(2024-05-01) + i * 8h",
    ),
];

#[derive(Debug)]
struct Files(Vec<(&'static str, Table)>);

impl Tables for Files {
    fn table(&self, name: &str) -> Option<Table> {
        let found = self.0.iter().find(|(known, _)| *known == name);
        found.map(|(_, table)| table.clone())
    }

    fn names(&self) -> Vec<String> {
        self.0.iter().map(|(name, _)| (*name).to_owned()).collect()
    }
}

/// The same rows in memory.
pub(super) async fn in_memory() -> MemoryTables {
    let mut tables = MemoryTables::new();
    for (name, text) in ROWS {
        let (schema, batches) = rows(text).await;
        tables.insert(name, schema, batches).unwrap();
    }
    tables
}

/// The same rows in Parquet files below `folder`, with statistics for every few of them.
pub(super) async fn in_files(folder: &Path) -> impl Tables + 'static {
    let mut tables = Vec::new();
    for (name, text) in ROWS {
        let (schema, batches) = rows(text).await;
        let file = File::create(folder.join(format!("{name}.parquet"))).unwrap();
        let properties = WriterProperties::builder()
            .set_max_row_group_row_count(Some(7))
            .set_data_page_row_count_limit(3)
            .set_write_batch_size(3)
            .build();
        let mut writer =
            ArrowWriter::try_new(file, arrow_schema(&schema), Some(properties)).unwrap();
        for batch in batches {
            writer.write(&batch).unwrap();
        }
        writer.close().unwrap();
        let url = format!("file://{}/{name}.parquet", folder.display());
        let format = ParquetFormat::default().with_options(pushed_down());
        let config = ListingTableConfig::new(ListingTableUrl::parse(url).unwrap())
            .with_listing_options(ListingOptions::new(Arc::new(format)))
            .with_schema(arrow_schema(&schema));
        let table = Table {
            info: TableInfo {
                schema,
                time_column: None,
            },
            provider: Arc::new(ListingTable::try_new(config).unwrap()),
        };
        tables.push((name, table));
    }
    Files(tables)
}

fn pushed_down() -> TableParquetOptions {
    let mut options = TableParquetOptions::default();
    options.global.pushdown_filters = true;
    options.global.reorder_filters = true;
    options
}

async fn rows(text: &str) -> (Schema, Vec<RecordBatch>) {
    let stream = world::start(MemoryTables::new(), world::limits(), text, None);
    let stream = stream.await.unwrap();
    let schema = stream.schema.clone();
    (schema, stream.collect().await.unwrap())
}
