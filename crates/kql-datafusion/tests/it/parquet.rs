//! Queries over Parquet files give what they give over the same rows in memory: filters run
//! inside the scan, on the files' own types, and rows are left out by statistics.

use std::path::Path;
use std::sync::Arc;

use arrow::array::{
    ArrayRef, Int64Array, RecordBatch, StringArray, StringViewArray, TimestampMicrosecondArray,
    TimestampNanosecondArray,
};
use kql::catalog::TableInfo;
use kql::types::{Column, ScalarType, Schema};
use kql_datafusion::parquet::{ParquetFile, ParquetTable};
use kql_datafusion::tables::{Table, Tables};
use kql_datafusion::types::{UTC, arrow_schema};
use kql_datafusion::{KqlContext, Limits, MemoryTables, QueryTime, json};
use parquet::arrow::ArrowWriter;

/// Enough for the plans that only large tables get.
const ROWS: usize = 60_000;
/// 2025-06-01 in microseconds since 1970.
const START: i64 = 1_748_736_000_000_000;

/// A row by its number.
struct Row {
    /// Microseconds since 1970.
    time: Option<i64>,
    name: Option<&'static str>,
    port: Option<i64>,
    text: String,
}

fn row(number: usize) -> Row {
    let time = match number {
        // Beyond what nanoseconds hold.
        17 => Some(16_725_225_600_000_000),
        n if n % 1_000 == 3 => None,
        n => Some(START + n as i64 * 7_000_001),
    };
    let name = [Some("a"), Some("b"), None, Some(""), Some("Cafe.exe")][number % 5];
    Row {
        time,
        name,
        port: (!number.is_multiple_of(7)).then_some(number as i64 % 40),
        text: format!("cmd.exe /c Step{number} --Mode={}", number % 13),
    }
}

fn columns() -> Schema {
    let mut columns = vec![
        Column::new("Timestamp", ScalarType::DateTime),
        Column::new("Name", ScalarType::String),
        Column::new("Port", ScalarType::Long),
        Column::new("Text", ScalarType::String),
        // The files do not have it.
        Column::new("Absent", ScalarType::String),
    ];
    columns.extend((0..5).map(|n| Column::new(format!("Extra{n}"), ScalarType::Long)));
    Schema::new(columns)
}

fn numbers(of: impl Fn(usize) -> Option<i64>) -> Int64Array {
    (0..ROWS).map(of).collect()
}

fn in_memory() -> MemoryTables {
    let time = |n| row(n).time.map(|time| time.saturating_mul(1_000));
    let times: TimestampNanosecondArray = (0..ROWS).map(time).collect();
    let names = (0..ROWS).map(|n| row(n).name.unwrap_or(""));
    let texts = (0..ROWS).map(|n| row(n).text);
    let mut columns: Vec<ArrayRef> = vec![
        Arc::new(times.with_timezone(UTC)),
        Arc::new(StringViewArray::from_iter_values(names)),
        Arc::new(numbers(|n| row(n).port)),
        Arc::new(StringViewArray::from_iter_values(texts)),
        Arc::new(StringViewArray::from_iter_values((0..ROWS).map(|_| ""))),
    ];
    columns.extend((0..5).map(|_| -> ArrayRef { Arc::new(numbers(|n| Some(n as i64))) }));
    let batch = RecordBatch::try_new(arrow_schema(&self::columns()), columns).unwrap();
    let mut tables = MemoryTables::new();
    tables.insert("T", self::columns(), vec![batch]).unwrap();
    tables
}

fn write_file(path: &Path) {
    let times: TimestampMicrosecondArray = (0..ROWS).map(|n| row(n).time).collect();
    let names: StringArray = (0..ROWS).map(|n| row(n).name).collect();
    let texts: StringArray = (0..ROWS).map(|n| Some(row(n).text)).collect();
    let mut columns: Vec<(String, ArrayRef)> = vec![
        ("Timestamp".to_owned(), Arc::new(times.with_timezone("UTC"))),
        ("Name".to_owned(), Arc::new(names)),
        ("Port".to_owned(), Arc::new(numbers(|n| row(n).port))),
        ("Text".to_owned(), Arc::new(texts)),
    ];
    for extra in 0..5 {
        let values = Arc::new(numbers(|n| Some(n as i64)));
        columns.push((format!("Extra{extra}"), values));
    }
    let batch = RecordBatch::try_from_iter_with_nullable(
        columns.into_iter().map(|(name, array)| (name, array, true)),
    );
    let batch = batch.unwrap();
    let properties = parquet::file::properties::WriterProperties::builder()
        .set_max_row_group_row_count(Some(10_000))
        .build();
    let file = std::fs::File::create(path).unwrap();
    let mut writer = ArrowWriter::try_new(file, batch.schema(), Some(properties)).unwrap();
    writer.write(&batch).unwrap();
    writer.close().unwrap();
}

/// The file as the table `T`.
#[derive(Debug)]
struct OneTable(Table);

impl OneTable {
    fn open(path: &Path) -> Self {
        let (file, file_schema) = ParquetFile::open(path).unwrap();
        let table = ParquetTable::new(columns(), file_schema, vec![file], |array, _, ty| {
            Err(format!("{} is no {ty}", array.data_type()))
        });
        Self(Table {
            info: TableInfo {
                schema: columns(),
                time_column: None,
            },
            provider: Arc::new(table),
        })
    }
}

impl Tables for OneTable {
    fn table(&self, name: &str) -> Option<Table> {
        (name == "T").then(|| self.0.clone())
    }

    fn names(&self) -> Vec<String> {
        vec!["T".to_owned()]
    }
}

async fn answer(tables: Arc<dyn Tables>, text: &str) -> Vec<String> {
    let context = KqlContext::new(tables, Limits::default()).unwrap();
    let query = context.bind(text).query.unwrap();
    let time = QueryTime {
        now: 638_869_248_000_000_000,
        window: None,
    };
    let mut stream = context.stream(&query, time).await.unwrap();
    let mut answer = Vec::new();
    while let Some(batch) = stream.next_batch().await.unwrap() {
        let rows = json::rows(&batch, &stream.schema);
        answer.extend(
            rows.iter()
                .map(|row| serde_json::Value::from(row.clone()).to_string()),
        );
    }
    answer.sort();
    answer
}

#[tokio::test(flavor = "multi_thread")]
async fn files_answer_as_memory_does() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("T.parquet");
    write_file(&path);
    let file: Arc<dyn Tables> = Arc::new(OneTable::open(&path));
    let memory: Arc<dyn Tables> = Arc::new(in_memory());
    let conditions = [
        r#"Name == """#,
        r#"Name != "b""#,
        r#"Name != """#,
        r#"Name in ("a", "Cafe.exe")"#,
        r#"Name in ("", "a")"#,
        r#"Name !in ("a")"#,
        r#"Name in~ ("cafe.EXE", "B")"#,
        r#"Name =~ """#,
        r#"not(Name == "a")"#,
        r#"not(Name == "a" and Port > 3)"#,
        r#"strcmp(Name, "b") < 0"#,
        "isempty(Name) or Port == 5",
        "Port == 5",
        "Port != 5",
        "isnull(Port)",
        r#"Port > 30 or Name == "a""#,
        "Port in (1, 2, 3) and Extra0 < 20000",
        "Timestamp > datetime(2025-06-03)",
        "Timestamp >= datetime(2025-06-01 00:00:07.0000011)",
        "Timestamp <= datetime(2025-06-01 00:00:07.0000009)",
        "Timestamp == datetime(2025-06-01 00:00:07.000001)",
        "Timestamp == datetime(2025-06-01 00:00:07.0000015)",
        "Timestamp between (datetime(2025-06-02) .. 1h)",
        "Timestamp > datetime(2200-01-01)",
        "isnull(Timestamp)",
        r#"Text has "step777""#,
        r#"Text contains "MODE=12" and Name startswith "CAFE""#,
        r#"Text has_any ("step1", "step2", "nothing")"#,
        r#"Text matches regex @"Step\d{2} ""#,
        r#"Absent == "" and Port == 1"#,
        r#"Absent != """#,
    ];
    let mut queries: Vec<String> = conditions
        .iter()
        .map(|condition| {
            format!("T | where {condition} | summarize count(), min(Extra1), max(Text)")
        })
        .collect();
    queries.extend(
        [
            "T | summarize arg_max(Timestamp, *) by Name",
            "T | where Port > 3 | summarize arg_min(Timestamp, *) by Name, Key = Port % 3",
            "T | summarize dcount(Text), dcount(Name), count() by bin(Timestamp, 1d)",
            "T | where Extra0 % 3 == 0 | join kind=inner (T | where Extra0 % 4 == 0) on Extra0 \
             | summarize count(), sum(Extra1), max(Name1)",
            r#"T | where Name == "a" | join kind=leftanti (T | where Extra0 > 5) on Extra0"#,
            "T | where Extra0 < 10 | join kind=leftouter (T | where Extra0 < 50 and Port > 20) on Port",
            "T | where Extra0 < 9 | join kind=rightouter (T | where Extra0 < 12) on Port, Name",
            "T | where Extra0 in ((T | where Port == 39 | take 1000 | project Extra0 % 10)) | count",
            "T | where Extra0 < 20 | parse Text with * \"Step\" Step:long \" --Mode=\" Mode:long \
             | where Mode > 3 | project Step, Mode",
        ]
        .map(str::to_owned),
    );
    for query in queries {
        let expected = answer(Arc::clone(&memory), &query).await;
        assert_eq!(answer(Arc::clone(&file), &query).await, expected, "{query}");
    }
    // What a filter leaves of some rows is not what it would leave of others.
    let taken = answer(file, "T | take 100 | where Extra0 >= 0 | count").await;
    assert_eq!(taken, ["[100]"]);
}
