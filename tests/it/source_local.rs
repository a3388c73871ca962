//! The source `local`: formats, compressions, types, windows, and input that is not as it should
//! be.

use std::io::Write as _;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use arrow::array::RecordBatch;
use futures::TryStreamExt as _;
use huntd::source::local::config::{DatePartitions, MissingTables, OnError};
use huntd::source::local::{LocalConfig, LocalSource};
use huntd::source::{QuerySpec, Source, SourceConfig, SourceError};
use huntd::window::Window;
use kql::bind::Parameters;
use kql::catalog::{EmptyCatalog, MemoryCatalog, TableInfo};
use kql::types::{Column, ScalarType, Schema};
use kql::window::Mode;
use serde_json::{Value, json};

const ROWS: &str = concat!(
    r#"{"Timestamp":"2026-01-02T00:00:00.1234567Z","FileName":"a\\b \u00e9","Port":443,"Score":0.5,"#,
    r#""Elevated":true,"Extra":{"k": [1, "x y"]},"Id":1}"#,
    "\n\n",
    r#"{"Timestamp":"2026-01-02T01:00:00Z","FileName":null,"Port":null,"Score":1,"Id":2}"#,
    "\r\n",
    r#"{"Id":3,"FileName":"","Timestamp":"2026-01-03T00:00:00Z","Port":8080}"#,
);

fn expected() -> Vec<Value> {
    vec![
        json!(["2026-01-02T00:00:00.1234567Z", "a\\b é", 443, 0.5, true, {"k": [1, "x y"]}, 1]),
        json!(["2026-01-02T01:00:00.0000000Z", "", null, 1.0, null, null, 2]),
        json!([
            "2026-01-03T00:00:00.0000000Z",
            "",
            8080,
            null,
            null,
            null,
            3
        ]),
    ]
}

fn put(folder: &Path, name: &str, content: impl AsRef<[u8]>) {
    let path = folder.join(name);
    std::fs::create_dir_all(path.parent().unwrap()).unwrap();
    std::fs::write(path, content).unwrap();
}

fn gzip(content: &[u8]) -> Vec<u8> {
    let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    encoder.write_all(content).unwrap();
    encoder.finish().unwrap()
}

fn source(config: LocalConfig) -> LocalSource {
    LocalSource::new(config, Arc::new(EmptyCatalog))
}

fn spec(text: &str, window: Option<Window>) -> QuerySpec {
    QuerySpec {
        text: text.to_owned(),
        parameters: Parameters::default(),
        window: window
            .unwrap_or_else(|| crate::lake::window("2026-01-01T00:00:00Z", "2027-01-01T00:00:00Z")),
        window_applies: window.is_some(),
        window_mode: Mode::Event,
        stats: Arc::default(),
        now: None,
        timeout: Duration::from_mins(1),
        turn: huntd::source::Turn::of_person(),
    }
}

struct Answer {
    schema: Schema,
    rows: Vec<Value>,
    skipped: u64,
}

async fn ask(source: &LocalSource, spec: &QuerySpec) -> Result<Answer, SourceError> {
    let result = source.query(spec).await?;
    let batches: Vec<RecordBatch> = result.batches.try_collect().await?;
    let rows = batches
        .iter()
        .flat_map(|batch| kql_datafusion::json::rows(batch, &result.schema))
        .map(Value::from)
        .collect();
    Ok(Answer {
        schema: result.schema,
        rows,
        skipped: result.stats.skipped_inputs.load(Ordering::Relaxed),
    })
}

async fn rows(folder: &Path, text: &str) -> Vec<Value> {
    let source = source(LocalConfig::new(folder));
    ask(&source, &spec(text, None)).await.unwrap().rows
}

async fn failure(config: LocalConfig, text: &str) -> String {
    match ask(&source(config), &spec(text, None)).await {
        Ok(answer) => panic!("answered {:?}", answer.rows),
        Err(error) => error.to_string(),
    }
}

#[tokio::test]
async fn now_is_not_the_end_of_the_window_if_it_is_given() {
    let folder = tempfile::tempdir().unwrap();
    put(
        folder.path(),
        "T.ndjson",
        "{\"Timestamp\":\"2026-01-15T08:00:00Z\"}\n",
    );
    let window = crate::lake::window("2026-01-15T00:00:00Z", "2026-01-16T00:00:00Z");
    let mut spec = spec("T | project now() - Timestamp", Some(window));
    let source = source(LocalConfig::new(folder.path()));
    let answer = ask(&source, &spec).await.unwrap();
    assert_eq!(answer.rows, [json!(["16:00:00"])]);
    spec.now = Some("2026-01-15T09:00:00Z".parse().unwrap());
    let answer = ask(&source, &spec).await.unwrap();
    assert_eq!(answer.rows, [json!(["01:00:00"])]);
}

#[tokio::test]
async fn a_window_can_be_of_the_time_of_ingestion() {
    let folder = tempfile::tempdir().unwrap();
    let row = |id: u32, at: &str, arrived: &str| {
        format!("{{\"Id\":{id},\"Timestamp\":\"{at}\",\"_ingestion_time\":\"{arrived}\"}}\n")
    };
    let rows = [
        row(1, "2026-01-15T08:00:00Z", "2026-01-15T08:05:00Z"),
        row(2, "2026-01-14T08:00:00Z", "2026-01-15T23:59:59.9999999Z"),
        row(3, "2026-01-15T23:00:00Z", "2026-01-16T00:00:00Z"),
    ];
    put(
        folder.path(),
        "T/date=2026-01-14/rows.ndjson",
        rows.concat(),
    );
    put(
        folder.path(),
        "Plain.ndjson",
        "{\"Timestamp\":\"2026-01-15T08:00:00Z\"}\n",
    );
    put(folder.path(), "Timeless.ndjson", "{\"Id\":2}\n");
    let window = crate::lake::window("2026-01-15T00:00:00Z", "2026-01-16T00:00:00Z");
    let of = |text: &str| QuerySpec {
        window_mode: Mode::Ingestion,
        ..spec(text, Some(window))
    };
    let source = source(LocalConfig::new(folder.path()));
    let text = "T | where Id in ((Timeless | project Id)) or Id != 2 | project Id | sort by Id asc";
    let answer = ask(&source, &of(text)).await.unwrap();
    assert_eq!(answer.rows, [json!([1]), json!([2])]);
    // A plugin has the query bound anew, and the window put onto it again.
    let text = "T | extend Bag = bag_pack('n', Id) | evaluate bag_unpack(Bag) | summarize sum(n)";
    let answer = ask(&source, &of(text)).await.unwrap();
    assert_eq!(answer.rows, [json!([3])]);
    let refused = ask(&source, &of("union T, Plain | count")).await;
    let told = refused.err().unwrap().to_string();
    assert!(told.contains("rows of `Plain` arrived"), "{told}");
    assert!(told.contains("_ingestion_time"), "{told}");
}

const ALL: &str =
    "T | project Timestamp, FileName, Port, Score, Elevated, Extra, Id | sort by Id asc";

#[tokio::test]
async fn text_formats_and_compressions_give_the_same_rows() {
    let lines: Vec<&str> = ROWS.lines().filter(|line| !line.is_empty()).collect();
    let array = format!("\u{feff}[\n  {}\n]\n", lines.join(",\n  "));
    let files: [(&str, Vec<u8>); 7] = [
        ("T.ndjson", ROWS.into()),
        ("T/a/b.jsonl", ROWS.into()),
        ("T/part-0.ndjson.gz", gzip(ROWS.as_bytes())),
        (
            "T/part-0.ndjson.zst",
            zstd::encode_all(ROWS.as_bytes(), 1).unwrap(),
        ),
        ("T.json", array.clone().into()),
        ("T/deep/er/x.json.gz", gzip(array.as_bytes())),
        ("T/pretty.json", ROWS.replace(',', ",\n").into()),
    ];
    for (name, content) in files {
        let folder = tempfile::tempdir().unwrap();
        put(folder.path(), name, content);
        assert_eq!(rows(folder.path(), ALL).await, expected(), "{name}");
    }
}

#[tokio::test]
async fn csv_is_typed_and_quoted_fields_hold_line_ends() {
    let folder = tempfile::tempdir().unwrap();
    let csv = "Timestamp,Text,Port,Code,Flag\n\
               2026-01-02T00:00:00Z,\"a, \"\"b\"\"\nc\",443,007,true\n\
               2026-01-02T00:00:01Z,,,,\n";
    put(folder.path(), "T.csv", csv);
    put(folder.path(), "G.csv.gz", gzip(csv.as_bytes()));
    for table in ["T", "G"] {
        let text = format!("{table} | sort by Timestamp asc");
        assert_eq!(
            rows(folder.path(), &text).await,
            [
                json!([
                    "2026-01-02T00:00:00.0000000Z",
                    "a, \"b\"\nc",
                    443,
                    "007",
                    true
                ]),
                json!(["2026-01-02T00:00:01.0000000Z", "", null, "", null]),
            ]
        );
    }
}

#[tokio::test]
async fn known_tables_have_their_types_and_whatever_else_their_files_hold() {
    let folder = tempfile::tempdir().unwrap();
    put(
        folder.path(),
        "Events.ndjson",
        r#"{"Port":"443","Extra":"{\"a\":1}","New":7}"#,
    );
    let columns = [
        Column::new("Timestamp", ScalarType::DateTime),
        Column::new("Port", ScalarType::Int),
        Column::new("Extra", ScalarType::Dynamic),
    ];
    let mut known = MemoryCatalog::new();
    let info = TableInfo {
        schema: Schema::new(columns),
        time_column: Some("Timestamp".to_owned()),
    };
    known.insert("Events", info.clone());
    known.insert("Others", info);
    let known = Arc::new(known);
    let strict = LocalSource::new(
        LocalConfig::new(folder.path()),
        Arc::<_>::clone(&known) as _,
    );
    let answer = ask(&strict, &spec("Events", None)).await.unwrap();
    assert_eq!(answer.rows, [json!([null, 443, {"a": 1}, 7])]);
    let new = answer.schema.column("New").unwrap();
    assert_eq!(new.ty, ScalarType::Long);
    let error = ask(&strict, &spec("Others", None)).await.err().unwrap();
    let error = error.to_string();
    assert!(error.contains("table `Others` has no files; put them into Others/"));
    assert!(
        strict.catalog().table("Others").is_some(),
        "hunts of it load"
    );
    let lenient = LocalConfig {
        missing_tables: MissingTables::Empty,
        ..LocalConfig::new(folder.path())
    };
    let lenient = LocalSource::new(lenient, known);
    let answer = ask(&lenient, &spec("Others | count", None)).await.unwrap();
    assert_eq!(answer.rows, [json!([0])]);
}

#[tokio::test]
async fn declared_columns_are_taken_in_their_order() {
    let folder = tempfile::tempdir().unwrap();
    put(
        folder.path(),
        "T.ndjson",
        r#"{"When":"2026-01-02T00:00:00Z","Port":1,"Left":"out"}"#,
    );
    let config: SourceConfig = serde_json::from_value(json!({
        "kind": "local",
        "path": folder.path(),
        "tables": {"T": {"columns": {"Port": "real", "When": "datetime"}, "time": "When"}},
    }))
    .unwrap();
    let SourceConfig::Local(config) = config else {
        panic!("{config:?}");
    };
    let source = source(config);
    let window = crate::lake::window("2026-01-02T00:00:00Z", "2026-01-02T00:00:01Z");
    let answer = ask(&source, &spec("T", Some(window))).await.unwrap();
    assert_eq!(answer.rows, [json!([1.0, "2026-01-02T00:00:00.0000000Z"])]);
    let before = crate::lake::window("2026-01-01T00:00:00Z", "2026-01-02T00:00:00Z");
    let answer = ask(&source, &spec("T", Some(before))).await.unwrap();
    assert_eq!(
        answer.rows,
        Vec::<Value>::new(),
        "a window ends before its end"
    );
}

#[tokio::test]
async fn tables_of_the_source_answer_what_the_cloud_would() {
    let folder = tempfile::tempdir().unwrap();
    put(
        folder.path(),
        "Files.csv",
        "SHA1,GlobalPrevalence,Signer\nabc,7,Contoso\n",
    );
    put(
        folder.path(),
        "Networks.csv",
        "network,country,city\n10.0.0.0/8,Nowhere,\n10.1.0.0/16,Here,Town\n",
    );
    put(folder.path(), "Vips.csv", "SearchKey,Owner\nhost-1,ada\n");
    let config: SourceConfig = serde_json::from_value(json!({
        "kind": "local",
        "path": folder.path(),
        "functions": {"FileProfile": "Files", "geo_info_from_ip_address": "Networks"},
        "watchlists": {"vips": "Vips"},
    }))
    .unwrap();
    let SourceConfig::Local(config) = config else {
        panic!("{config:?}");
    };
    let source = source(config);
    for (text, row) in [
        (
            "datatable(SHA1: string)['ABC', 'other'] | invoke FileProfile(SHA1) \
             | project SHA1, GlobalPrevalence, Signer | sort by SHA1 asc | take 1",
            json!(["ABC", 7, "Contoso"]),
        ),
        (
            "print tostring(geo_info_from_ip_address('10.1.2.3').country)",
            json!(["Here"]),
        ),
        (
            "_GetWatchlist('vips') | project SearchKey, Owner",
            json!(["host-1", "ada"]),
        ),
    ] {
        let answer = ask(&source, &spec(text, None)).await.unwrap();
        assert_eq!(answer.rows, [row], "{text}");
    }
    let missing = spec("_GetWatchlist('others')", None);
    let error = ask(&source, &missing).await.err().unwrap().to_string();
    assert!(error.contains("watchlists: {others: <table>}"), "{error}");
}

#[tokio::test]
async fn externaldata_reads_what_the_source_allows() {
    let folder = tempfile::tempdir().unwrap();
    put(folder.path(), "data/T.csv", "a\n1\n");
    put(folder.path(), "lists/hosts.csv", "host-1,3\nhost-2,4\n");
    put(folder.path(), "secret/hosts.csv", "host-9,9\n");
    let list = |name: &str| {
        let file = folder.path().join(name).join("hosts.csv");
        let file = file.display();
        spec(
            &format!("externaldata(Host: string, N: long) [@'{file}'] | summarize sum(N)"),
            None,
        )
    };
    let off = source(LocalConfig::new(folder.path().join("data")));
    let error = ask(&off, &list("lists")).await.err().unwrap().to_string();
    assert!(error.contains("externaldata.allow"), "{error}");
    let config: SourceConfig = serde_json::from_value(json!({
        "kind": "local",
        "path": folder.path().join("data"),
        "externaldata": {"allow": [folder.path().join("lists")]},
    }))
    .unwrap();
    let SourceConfig::Local(config) = config else {
        panic!("{config:?}");
    };
    let on = source(config);
    let answer = ask(&on, &list("lists")).await.unwrap();
    assert_eq!(answer.rows, [json!([7])]);
    let refused = ask(&on, &list("lists/../secret")).await;
    assert!(refused.is_err(), "nothing beside what is allowed");
}

#[test]
fn configurations_that_make_no_sense_are_refused() {
    let refuse = |value: Value| serde_json::from_value::<SourceConfig>(value).unwrap_err();
    let unknown = refuse(json!({"kind": "local", "path": "x", "onerror": "skip"}));
    assert!(
        unknown.to_string().contains("unknown field `onerror`"),
        "{unknown}"
    );
    let columns = json!({"T": {"columns": {"A": "text"}}});
    let ty = refuse(json!({"kind": "local", "path": "x", "tables": columns}));
    assert!(
        ty.to_string()
            .contains("`text` is not a KQL type; use one of bool"),
        "{ty}"
    );
}

#[tokio::test]
async fn large_files_are_read_in_parts_without_losing_or_repeating_a_line() {
    let folder = tempfile::tempdir().unwrap();
    let mut content = String::new();
    let count = 60_000;
    for id in 0..count {
        let padding = "x".repeat(id % 97);
        content.push_str(&json!({"Id": id, "Text": padding}).to_string());
        content.push('\n');
    }
    put(folder.path(), "T.ndjson", &content);
    let text = "T | summarize count(), dcount(Id), sum(Id)";
    let sum = count * (count - 1) / 2;
    let answer = rows(folder.path(), text).await;
    assert_eq!(answer[0][0], json!(count));
    assert_eq!(answer[0][2], json!(sum));
    // The place of a line is right in every part.
    let lines: Vec<&str> = content.lines().collect();
    let mut broken = lines.clone();
    broken[count - 10] = r#"{"Id": nonsense}"#;
    put(folder.path(), "T.ndjson", broken.join("\n"));
    let error = failure(LocalConfig::new(folder.path()), "T | summarize sum(Id)").await;
    let place = format!("T.ndjson:{}: no valid JSON at column", count - 9);
    assert!(error.contains(&place), "{error}");
}

#[tokio::test]
async fn malformed_input_stops_the_query_and_says_where() {
    let good = r#"{"Id":1,"Text":"a"}"#;
    let cases: [(&str, Vec<u8>, &str); 8] = [
        (
            "T.ndjson",
            format!("{good}\n{{\"Id\":2\n").into(),
            "T.ndjson:2: ends inside a JSON value",
        ),
        (
            "T.ndjson",
            format!("{good}\n[1]\n").into(),
            "T.ndjson:2: no JSON object",
        ),
        (
            "T.ndjson",
            format!("{good}\n\n{{\"Id\":\"secret\"}}\n").into(),
            "T.ndjson:3: the value of `Id` is no long; correct the line, declare",
        ),
        (
            "T.ndjson",
            [good.as_bytes(), b"\n{\"Id\":2,\"Text\":\"\xFF\"}\n"].concat(),
            "T.ndjson:2: not UTF-8",
        ),
        (
            "T.json",
            format!("[{good},\n 5]").into(),
            "T.json:2: no JSON object where one should",
        ),
        (
            "T.json",
            format!("[{good},\n{{").into(),
            "T.json:2: the file ends inside a JSON object",
        ),
        (
            "T.csv",
            "Id,Text\n1,a\n2\n".into(),
            "T.csv:3: 1 fields where the header has 2",
        ),
        (
            "T.ndjson.gz",
            gzip(good.as_bytes())[..20].into(),
            "T.ndjson.gz: ",
        ),
    ];
    for (name, content, place) in cases {
        let folder = tempfile::tempdir().unwrap();
        put(folder.path(), name, content);
        let mut config = LocalConfig::new(folder.path());
        let columns = json!({"T": {"columns": {"Id": "long", "Text": "string"}}});
        config.tables = serde_json::from_value(columns).unwrap();
        let error = failure(config, "T").await;
        assert!(error.contains(place), "{name}: {error}");
        assert!(error.contains("`on_error: skip`"), "{error}");
        assert!(
            !error.contains("secret"),
            "values stay out of messages: {error}"
        );
    }
}

#[tokio::test]
async fn malformed_input_is_skipped_and_counted_where_that_is_configured() {
    let folder = tempfile::tempdir().unwrap();
    let lines = concat!(
        "{\"Id\":1,\"Text\":\"a\"}\n",
        "not json\n",
        "{\"Id\":\"many\",\"Text\":\"b\"}\n",
        "{\"Id\":4,\"Text\":\"d\"}\n",
    );
    put(folder.path(), "T/1.ndjson", lines);
    put(folder.path(), "T/2.parquet", "PAR1 but not really");
    let truncated = &gzip(lines.as_bytes())[..30];
    put(folder.path(), "T/3.ndjson.gz", truncated);
    let mut config = LocalConfig::new(folder.path());
    config.on_error = OnError::Skip;
    let columns = json!({"T": {"columns": {"Id": "long", "Text": "string"}}});
    config.tables = serde_json::from_value(columns).unwrap();
    let answer = ask(&source(config), &spec("T | sort by Id asc", None))
        .await
        .unwrap();
    assert_eq!(answer.rows, [json!([1, "a"]), json!([4, "d"])]);
    assert_eq!(answer.skipped, 4, "two lines and two files");
}

#[tokio::test]
async fn missing_folders_and_tables_are_named() {
    let folder = tempfile::tempdir().unwrap();
    put(folder.path(), "DeviceEvents.ndjson", "{\"Id\":1}");
    let nowhere = LocalConfig::new(folder.path().join("nowhere"));
    let error = failure(nowhere, "T").await;
    assert!(error.contains("nowhere: no such file or folder; check the source's `path`"));
    let error = failure(LocalConfig::new(folder.path()), "DeviceEvnts").await;
    assert!(error.contains("did you mean `DeviceEvents`"), "{error}");
    put(folder.path(), "Empty/.keep", "");
    let error = failure(LocalConfig::new(folder.path()), "Empty").await;
    assert!(
        error.contains("table `Empty`: no columns are known"),
        "{error}"
    );
}

#[tokio::test]
async fn hidden_and_unfinished_files_are_left_alone_and_new_ones_are_seen() {
    let folder = tempfile::tempdir().unwrap();
    let row = "{\"Id\":1}";
    put(folder.path(), "T/1.ndjson", row);
    for name in [
        "T/.hidden.ndjson",
        "T/_tmp/2.ndjson",
        "T/3.ndjson#1",
        "T/#4.ndjson",
    ] {
        put(folder.path(), name, "broken");
    }
    let source = source(LocalConfig::new(folder.path()));
    let spec = spec("T | count", None);
    assert_eq!(ask(&source, &spec).await.unwrap().rows, [json!([1])]);
    put(folder.path(), "T/2.ndjson", row);
    assert_eq!(ask(&source, &spec).await.unwrap().rows, [json!([2])]);
}

#[tokio::test]
async fn days_outside_the_window_are_not_touched() {
    let folder = tempfile::tempdir().unwrap();
    let row = |time: &str| format!("{{\"Timestamp\":\"{time}\"}}\n");
    put(
        folder.path(),
        "T/date=2026-01-02/a.ndjson",
        row("2026-01-02T10:00:00Z"),
    );
    for name in ["a.ndjson", "b.ndjson.gz", "c.parquet"] {
        put(
            folder.path(),
            &format!("T/date=2026-01-01/{name}"),
            "broken",
        );
        put(
            folder.path(),
            &format!("T/date=2026-01-03/{name}"),
            "broken",
        );
    }
    let day = crate::lake::window("2026-01-02T00:00:00Z", "2026-01-03T00:00:00Z");
    let mut config = LocalConfig::new(folder.path());
    let columns = json!({"T": {"columns": {"Timestamp": "datetime"}}});
    config.tables = serde_json::from_value(columns).unwrap();
    let answer = ask(&source(config.clone()), &spec("T | count", Some(day)))
        .await
        .unwrap();
    assert_eq!(answer.rows, [json!([1])]);
    // The query's own conditions count as much as the window.
    let own = "T | where Timestamp >= datetime(2026-01-02) and Timestamp < datetime(2026-01-03)";
    let answer = ask(&source(config.clone()), &spec(own, None))
        .await
        .unwrap();
    assert_eq!(answer.rows.len(), 1);
    config.date_partitions = DatePartitions::Ignore;
    let result = ask(&source(config), &spec("T | count", Some(day))).await;
    let error = result
        .err()
        .map(|error| error.to_string())
        .unwrap_or_default();
    assert!(
        error.contains("date=2026-01-0"),
        "folders that say nothing are read: {error}"
    );
}

/// Parquet as other tools write it: nullable strings, instants in microseconds without a zone,
/// nested values, dictionaries, small integers.
fn foreign_parquet(start_us: i64) -> Vec<u8> {
    use arrow::array::{
        ArrayRef, DictionaryArray, Int8Array, ListBuilder, StringArray, StringBuilder, StructArray,
        TimestampMicrosecondArray, UInt32Array,
    };
    use arrow::datatypes::{DataType, Field, Int32Type};
    let mut list = ListBuilder::new(StringBuilder::new());
    list.append_value([Some("x"), None]);
    list.append_null();
    let names: ArrayRef = Arc::new(StringArray::from(vec![Some("n\"1"), None]));
    let counts: ArrayRef = Arc::new(Int8Array::from(vec![Some(-3), Some(4)]));
    let nested = StructArray::from(vec![
        (
            Arc::new(Field::new("name", DataType::Utf8, true)),
            Arc::clone(&names),
        ),
        (
            Arc::new(Field::new("n", DataType::Int8, true)),
            Arc::clone(&counts),
        ),
    ]);
    let dictionary: DictionaryArray<Int32Type> = vec![Some("d"), None].into_iter().collect();
    let columns: Vec<(&str, ArrayRef)> = vec![
        (
            "Timestamp",
            Arc::new(TimestampMicrosecondArray::from(vec![
                start_us,
                start_us + 1,
            ])),
        ),
        ("FileName", names),
        ("Count", counts),
        ("Id", Arc::new(UInt32Array::from(vec![7, 8]))),
        ("Dictionary", Arc::new(dictionary)),
        ("List", Arc::new(list.finish())),
        ("Struct", Arc::new(nested)),
    ];
    let batch = RecordBatch::try_from_iter_with_nullable(
        columns.into_iter().map(|(name, array)| (name, array, true)),
    )
    .unwrap();
    let mut bytes = Vec::new();
    let mut writer =
        parquet::arrow::ArrowWriter::try_new(&mut bytes, batch.schema(), None).unwrap();
    writer.write(&batch).unwrap();
    writer.close().unwrap();
    bytes
}

/// 2026-01-02T00:00:00Z
const DAY_US: i64 = 1_767_312_000_000_000;

#[tokio::test]
async fn parquet_of_other_tools_is_read_in_kql_types() {
    let folder = tempfile::tempdir().unwrap();
    put(folder.path(), "T/1.parquet", foreign_parquet(DAY_US));
    put(
        folder.path(),
        "T/2.ndjson",
        r#"{"Id":9,"Other":true,"FileName":"z"}"#,
    );
    let expected = [
        json!(["2026-01-02T00:00:00.0000000Z", "n\"1", -3, 7, "d", ["x", null],
            {"name": "n\"1", "n": -3}, null]),
        json!(["2026-01-02T00:00:00.0000010Z", "", 4, 8, "", null, {"name": null, "n": 4}, null]),
        json!([null, "z", null, 9, "", null, null, true]),
    ];
    assert_eq!(rows(folder.path(), "T | sort by Id asc").await, expected);
    // Strings that are null in the file are empty, in every kind of condition.
    for (condition, ids) in [
        ("FileName == ''", vec![8]),
        ("FileName != 'z'", vec![7, 8]),
        ("isempty(FileName)", vec![8]),
        ("FileName == 'n\"1'", vec![7]),
        ("not(FileName == 'n\"1')", vec![8, 9]),
        ("Count != -3", vec![8, 9]),
        ("Count < 0", vec![7]),
        ("Timestamp > datetime(2026-01-02)", vec![8]),
        (
            "Timestamp <= datetime(2026-01-02T00:00:00.0000009Z)",
            vec![7],
        ),
        ("Struct.n == 4", vec![8]),
    ] {
        let text = format!("T | where {condition} | sort by Id asc | project Id");
        let expected: Vec<Value> = ids.into_iter().map(|id| json!([id])).collect();
        assert_eq!(rows(folder.path(), &text).await, expected, "{condition}");
    }
    assert_eq!(rows(folder.path(), "T | count").await, [json!([3])]);
    // What the engine pushes into scans while it runs leaves no row out either.
    for (text, ids) in [
        ("T | top 1 by FileName asc", vec![8]),
        ("T | top 2 by Id desc", vec![9, 8]),
        (
            "datatable(FileName:string)['', 'z'] | join kind=inner T on FileName",
            vec![8, 9],
        ),
        (
            "T | join kind=inner (T | where Id == 8) on FileName",
            vec![8],
        ),
        ("T | take 2 | summarize Id = count()", vec![2]),
    ] {
        let sorted = if text.contains("top") {
            ""
        } else {
            " | sort by Id asc"
        };
        let text = format!("{text}{sorted} | project Id");
        let expected: Vec<Value> = ids.into_iter().map(|id| json!([id])).collect();
        assert_eq!(rows(folder.path(), &text).await, expected, "{text}");
    }
}

#[tokio::test]
async fn parquet_files_outside_the_window_are_not_read_beyond_their_footer() {
    let folder = tempfile::tempdir().unwrap();
    put(folder.path(), "T/1.parquet", foreign_parquet(DAY_US));
    let mut corrupt = foreign_parquet(DAY_US - 86_400_000_000);
    // Everything but the footer is destroyed: reading a value would fail.
    let footer = u32::from_le_bytes(corrupt[corrupt.len() - 8..][..4].try_into().unwrap());
    let values = corrupt.len() - 8 - footer as usize;
    corrupt[4..values].fill(0xFF);
    put(folder.path(), "T/2.parquet", corrupt);
    let source = source(LocalConfig::new(folder.path()));
    let inside = crate::lake::window("2026-01-02T00:00:00Z", "2026-01-03T00:00:00Z");
    let text = "T | summarize count(), max(FileName)";
    let answer = ask(&source, &spec(text, Some(inside))).await.unwrap();
    assert_eq!(answer.rows, [json!([2, "n\"1"])]);
    let both = crate::lake::window("2026-01-01T00:00:00Z", "2026-01-03T00:00:00Z");
    let error = ask(&source, &spec(text, Some(both))).await.err().unwrap();
    let message = error.to_string();
    assert!(matches!(error, SourceError::Unreadable(_)), "{message}");
    assert!(
        message.starts_with(folder.path().to_str().unwrap()),
        "{message}"
    );
}

#[tokio::test]
async fn the_lake_reads_back_with_the_types_that_were_written() {
    let folder = tempfile::tempdir().unwrap();
    let (schema, _) = crate::lake::write_every_type(folder.path()).await;
    let source = source(LocalConfig::new(folder.path()));
    // The window of the run does not confine its rows: the partition is not their day.
    let window = crate::lake::window("2020-01-01T00:00:00Z", "2020-01-02T00:00:00Z");
    let answer = ask(&source, &spec("['all-types']", Some(window)))
        .await
        .unwrap();
    assert_eq!(answer.schema.columns()[..schema.len()], *schema.columns());
    let row = answer.rows[0].as_array().unwrap();
    assert_eq!(
        row[..12],
        [
            json!(true),
            json!("2026-01-02T00:00:00.1234567Z"),
            json!("-1.5"),
            json!({"a": [1, 2]}),
            json!("74be27de-1e4e-49d9-b579-fe0b331d3642"),
            json!(-7),
            json!(1_i64 << 40),
            json!(2.5),
            json!("übung"),
            json!("00:01:30"),
            json!("d1"),
            json!("all-types"),
        ]
    );
}
