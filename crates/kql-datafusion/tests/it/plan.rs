//! What reaches the scan: filters that files are skipped by, and only the columns that are read.

use std::sync::Arc;

use datafusion::datasource::file_format::parquet::ParquetFormat;
use datafusion::datasource::listing::{
    ListingOptions, ListingTable, ListingTableConfig, ListingTableUrl,
};
use kql::catalog::TableInfo;
use kql::types::ScalarType;
use kql_datafusion::tables::{Table, Tables};
use kql_datafusion::types::arrow_schema;
use kql_datafusion::{KqlContext, QueryTime};

use crate::world;

#[derive(Debug)]
struct OneTable(Table);

impl Tables for OneTable {
    fn table(&self, name: &str) -> Option<Table> {
        (name == "DeviceEvents").then(|| self.0.clone())
    }

    fn names(&self) -> Vec<String> {
        vec!["DeviceEvents".to_owned()]
    }
}

async fn explain(text: &str) -> String {
    let schema = world::schema(&[
        ("Timestamp", ScalarType::DateTime),
        ("DeviceId", ScalarType::String),
        ("FileName", ScalarType::String),
        ("Size", ScalarType::Long),
        ("AdditionalFields", ScalarType::Dynamic),
    ]);
    let folder = std::env::temp_dir();
    let url =
        ListingTableUrl::parse(format!("file://{}/no-such-table/", folder.display())).unwrap();
    let options = ListingOptions::new(Arc::new(ParquetFormat::default()));
    let config = ListingTableConfig::new(url)
        .with_listing_options(options)
        .with_schema(arrow_schema(&schema));
    let table = Table {
        info: TableInfo {
            schema,
            time_column: Some("Timestamp".to_owned()),
        },
        provider: Arc::new(ListingTable::try_new(config).unwrap()),
    };
    let context = KqlContext::new(Arc::new(OneTable(table)), world::limits()).unwrap();
    let query = context.bind(text).query.unwrap();
    let time = QueryTime {
        now: world::NOW,
        window: Some((world::NOW - 10_000_000, world::NOW)),
    };
    context.explain(&query, time).await.unwrap()
}

#[tokio::test]
async fn filters_of_columns_and_constants_reach_the_scan() {
    let text = "DeviceEvents | extend f = FileName | project f, Size, DeviceId \
                | where f == 'a' and Size in (1, 2) and Size != 7";
    let plan = explain(text).await;
    let filter = plan
        .lines()
        .find(|line| line.contains("FilterExec"))
        .unwrap();
    assert!(filter.contains("FileName@2 = a"), "{plan}");
    assert!(filter.contains("Size@3 = 1 OR Size@3 = 2"), "{plan}");
    assert!(filter.contains("Size@3 IS DISTINCT FROM 7"), "{plan}");
    assert!(
        filter.contains("Timestamp@0 >= 1714564799000000000"),
        "{plan}"
    );
    assert_eq!(plan.matches("FilterExec").count(), 1, "{plan}");
}

#[tokio::test]
async fn sort_and_take_keep_the_first_rows_only() {
    let plan = explain("DeviceEvents | top 3 by Size | extend x = 1").await;
    assert!(plan.contains("TopK(fetch=3)"), "{plan}");
}

#[tokio::test]
async fn mv_expand_reads_what_is_asked_for_and_lets_filters_through() {
    let text = "DeviceEvents | mv-expand d = AdditionalFields \
                | where FileName == 'x' | project d, DeviceId";
    let plan = explain(text).await;
    let (above, below) = plan.split_once("KqlMvExpand").unwrap();
    assert!(!above.contains("FilterExec"), "{plan}");
    assert!(below.contains("FileName@2 = x"), "{plan}");
    assert!(!below.contains("@Size"), "{plan}");
}

#[tokio::test]
async fn a_filter_repeats_no_volatile_expression() {
    let text = "DeviceEvents | where FileName startswith 'x' | parse DeviceId with * 'a' B 'c' \
                | where B != 'd' and isnotempty(B) | project B";
    let plan = explain(text).await;
    assert_eq!(plan.matches("kql_parse").count(), 1, "{plan}");
    let text = "DeviceEvents | where FileName startswith 'x' | extend r = rand() | where r > 0.5";
    let plan = explain(text).await;
    assert_eq!(plan.matches("kql_rand").count(), 1, "{plan}");
}

#[tokio::test]
async fn the_ends_of_a_series_reach_the_scan() {
    let text = "DeviceEvents | make-series count() on Timestamp \
                from datetime(2024-05-01 11:59:59.2) to datetime(2024-05-01 11:59:59.8) \
                step 100ms by DeviceId";
    let plan = explain(text).await;
    let (_, below) = plan.split_once("KqlMakeSeries").unwrap();
    assert!(
        below.contains("Timestamp@0 >= 1714564799200000000"),
        "{plan}"
    );
    assert!(
        below.contains("Timestamp@0 < 1714564799800000000"),
        "{plan}"
    );
    assert!(!below.contains("Size"), "{plan}");
}

#[tokio::test]
async fn a_call_of_several_values_is_computed_once() {
    for then in [
        "project a, b, c",
        "extend d = a + c, e = b * 2 | project d, e, a",
    ] {
        let text = "DeviceEvents | project x = AdditionalFields.x \
                    | extend (a, b, c) = series_stats(x)";
        let plan = explain(&format!("{text} | {then}")).await;
        assert_eq!(plan.matches("kql_series_stats(").count(), 1, "{plan}");
    }
}
