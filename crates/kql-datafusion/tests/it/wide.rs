//! Unions, searches and finds over many tables with many columns: what they answer, and that they
//! answer at all. The tables `T0`, `T1`, … have columns that all have, a few that some have, and
//! many of their own.

use std::sync::Arc;

use arrow::array::{ArrayRef, Int64Array, RecordBatch, StringViewArray, TimestampNanosecondArray};
use kql::types::ScalarType;
use kql_datafusion::types::arrow_schema;
use kql_datafusion::{KqlContext, Limits, MemoryTables, json};

use crate::world;

const TABLES: usize = 60;
const OWN_COLUMNS: usize = 10;
/// 2024-05-01T11:00:00Z.
const TIME: i64 = 1_714_561_200_000_000_000;

/// Every table has two rows: its number, and its number again an hour later with another name.
fn tables() -> MemoryTables {
    let mut tables = MemoryTables::new();
    for table in 0..TABLES {
        let number = i64::try_from(table).unwrap();
        let mut names = vec!["Time".to_owned(), "Number".to_owned()];
        let mut types = vec![ScalarType::DateTime, ScalarType::Long];
        let times = TimestampNanosecondArray::from(vec![TIME, TIME + 3_600_000_000_000]);
        let mut columns: Vec<ArrayRef> = vec![
            Arc::new(times.with_timezone("+00:00")),
            Arc::new(Int64Array::from(vec![number, number])),
        ];
        if table % 10 == 0 {
            names.push("Name".to_owned());
            types.push(ScalarType::String);
            let values = vec![format!("host {table}"), "other".to_owned()];
            columns.push(Arc::new(StringViewArray::from_iter_values(values)));
        }
        for own in 0..OWN_COLUMNS {
            names.push(format!("Own{table}_{own}"));
            types.push(ScalarType::String);
            columns.push(Arc::new(StringViewArray::from(vec!["needle", ""])));
        }
        let pairs: Vec<(&str, ScalarType)> = names.iter().map(String::as_str).zip(types).collect();
        let schema = world::schema(&pairs);
        let batch = RecordBatch::try_new(arrow_schema(&schema), columns).unwrap();
        let (name, time) = (format!("T{table}"), Some("Time".to_owned()));
        tables
            .insert_with_time(name, schema, time, vec![batch])
            .unwrap();
    }
    tables
}

async fn answer_in(context: &KqlContext, text: &str) -> (usize, Vec<String>) {
    let stream = world::start_in(context, text, None).await.unwrap();
    let schema = stream.schema.clone();
    let batches = stream.collect().await.unwrap();
    let rows = batches.iter().flat_map(|batch| json::rows(batch, &schema));
    let mut rows: Vec<String> = rows
        .map(|row| serde_json::to_string(&row).unwrap())
        .collect();
    rows.sort();
    (schema.len(), rows)
}

fn context() -> KqlContext {
    KqlContext::new(Arc::new(tables()), Limits::default()).unwrap()
}

async fn answer(text: &str) -> Vec<String> {
    answer_in(&context(), text).await.1
}

#[tokio::test]
async fn a_search_finds_text_in_columns_of_any_table() {
    let found = answer("search 'needle' | summarize Tables = dcount($table), Rows = count()").await;
    assert_eq!(found, ["[60,60]"]);
    let found = answer("search 'other' | project $table, Name | where $table endswith '20'").await;
    assert_eq!(found, [r#"["T20","other"]"#]);
    let found = answer("search 'needle' and Name: 'host' and Number > 45 | project Number").await;
    assert_eq!(found, ["[50]"]);
}

#[tokio::test]
async fn conditions_reach_the_tables_that_have_the_columns() {
    let found = answer("union withsource=T * | where Name == 'host 50' | project T, Number").await;
    assert_eq!(found, [r#"["T50",50]"#]);
    // A column that a table does not have is empty there, and so may be asked for.
    let found = answer("union * | where isempty(Name) and Number < 12 | count").await;
    assert_eq!(found, ["[20]"]);
    let found = answer("union * | where Own3_4 != 'needle' or Number == 4 | count").await;
    assert_eq!(found, ["[119]"]);
    let found = answer("union withsource=T * | where T in ('T7', 'T8') | count").await;
    assert_eq!(found, ["[4]"]);
    let found = answer("union * | where Number in ((T5 | project Number)) | count").await;
    assert_eq!(found, ["[2]"]);
    let found = answer("union * | where Time > datetime(2024-05-01 11:30) | count").await;
    assert_eq!(found, ["[60]"]);
    let found = answer("union * | where false | summarize count()").await;
    assert_eq!(found, ["[0]"]);
}

#[tokio::test]
async fn all_columns_of_some_rows() {
    let context = context();
    let all = 2 + 1 + TABLES * OWN_COLUMNS;
    let (columns, rows) = answer_in(&context, "union * | where Number == 7").await;
    assert_eq!((columns, rows.len()), (all, 2));
    assert_eq!(rows[0].matches("needle").count(), OWN_COLUMNS);
    let (columns, rows) = answer_in(&context, "search * | take 10").await;
    assert_eq!((columns, rows.len()), (all + 1, 10));
    let text = "union * | sort by Number desc, Time asc | take 3 | project Number, Name, Own59_0";
    let (_, rows) = answer_in(&context, text).await;
    let expected = [r#"[58,"",""]"#, r#"[59,"",""]"#, r#"[59,"","needle"]"#];
    assert_eq!(rows, expected);
}

#[tokio::test]
async fn a_find_shows_the_columns_that_it_names() {
    let text = "find where Name == 'host 20' project Name, Number";
    assert_eq!(answer(text).await, [r#"["T20","host 20",20]"#]);
}

#[tokio::test]
async fn a_union_is_read_as_often_as_it_is_asked() {
    let text = "let U = materialize(union withsource=T * | where Number < 2 | project T); \
                U | summarize A = count() by T | join (U | summarize B = count() by T) on T \
                | project T, A, B";
    assert_eq!(answer(text).await, [r#"["T0",2,2]"#, r#"["T1",2,2]"#]);
    let text = "union (union T0, T1 | extend X = Number), T2 | where X == 1 or Number == 2 | count";
    assert_eq!(answer(text).await, ["[4]"]);
}

/// What is worked out before there is a plan changes nothing but the time it takes.
#[tokio::test]
async fn narrowed_queries_answer_as_they_were_written() {
    let narrowed = context();
    let whole = context().without_optimizer();
    for text in [
        "union withsource=S T0, T1, T10 | where Name has 'host' or Own1_0 == 'needle' \
         | extend Long = strlen(Name) | project S, Long, Number",
        "T10 | join kind=leftouter (T20 | extend Number = 10) on Number \
         | project Name, Name1, Own20_3, Own10_2",
        "T10 | join kind=rightsemi (T10 | where Name == 'other') on Name | project Own10_1",
        "T0 | extend A = Own0_1, B = strcat(Own0_2, 'x') | sort by Time asc | project B, A",
        "T0 | summarize arg_max(Time, *) by Number | project Own0_7, Name",
        "T0 | where Number in ((union T0, T1 | project Number)) | count",
        "T0 | where toscalar(union T1, T2 | summarize max(Number), min(Time)) == 2 | count",
        "union T0, T1 | where rand() >= 0 | count",
        "union T0, T1 | where Own1_1 == '' | distinct Number, Own1_1",
    ] {
        let (_, narrow) = answer_in(&narrowed, text).await;
        let (_, wide) = answer_in(&whole, text).await;
        assert_eq!(narrow, wide, "{text}");
        assert!(!narrow.is_empty(), "{text}");
    }
}
