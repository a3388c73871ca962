//! What is taken of responses in every form, and what is refused.

use std::convert::Infallible;

use arrow::array::{Array as _, AsArray as _};
use arrow::datatypes::{
    Decimal128Type, DurationNanosecondType, Float64Type, Int32Type, Int64Type,
    TimestampNanosecondType,
};
use bytes::Bytes;
use futures::{StreamExt as _, stream};
use kql::types::Column;
use kql_datafusion::json;
use serde_json::{Value, json};

use super::*;

/// What came of a body: its tables with their rows as JSON, and the summary.
#[derive(Debug, PartialEq)]
struct Decoded {
    tables: Vec<(Option<String>, Schema, Vec<Value>)>,
    summary: Summary,
}

impl Decoded {
    fn rows(&self) -> &[Value] {
        &self.tables[0].2
    }

    fn names(&self) -> Vec<&str> {
        let columns = self.tables[0].1.columns().iter();
        columns.map(|column| &*column.name).collect()
    }
}

async fn events(pieces: Vec<Vec<u8>>, options: DecodeOptions) -> Result<Vec<Event>, DecodeError> {
    let pieces = pieces
        .into_iter()
        .map(|piece| Ok::<_, Infallible>(Bytes::from(piece)));
    let events = decode(stream::iter(pieces), options).collect::<Vec<_>>();
    let events = events.await.into_iter().map(|event| {
        event.map_err(|failure| match failure {
            Failure::Body(never) => match never {},
            Failure::Decode(error) => error,
        })
    });
    events.collect()
}

async fn decode_pieces(
    pieces: Vec<Vec<u8>>,
    options: DecodeOptions,
) -> Result<Decoded, DecodeError> {
    let mut tables: Vec<(Option<String>, Schema, Vec<Value>)> = Vec::new();
    for event in events(pieces, options).await? {
        match event {
            Event::Table {
                name,
                schema,
                arrow,
            } => {
                assert_eq!(arrow, kql_datafusion::types::arrow_schema(&schema));
                tables.push((name.map(|name| name.to_string()), schema, Vec::new()));
            }
            Event::Batch(batch) => {
                let (_, schema, rows) = tables.last_mut().expect("a table begins before its rows");
                for row in 0..batch.num_rows() {
                    rows.push(Value::Object(json::object(&batch, schema, row)));
                }
            }
            Event::End(summary) => return Ok(Decoded { tables, summary }),
        }
    }
    panic!("a stream without an error has an end");
}

fn block_on<T>(future: impl Future<Output = T>) -> T {
    tokio::runtime::Builder::new_current_thread()
        .build()
        .unwrap()
        .block_on(future)
}

fn options(shape: Shape) -> DecodeOptions {
    DecodeOptions {
        shape,
        expected: None,
    }
}

fn decoded(shape: Shape, body: &str) -> Result<Decoded, DecodeError> {
    block_on(decode_pieces(vec![body.into()], options(shape)))
}

fn hunting(body: &str) -> Decoded {
    decoded(Shape::Hunting, body).unwrap()
}

const HUNTING: &str = r#"{"@odata.context":"https://graph.example/v1.0/$metadata#x{}]",
 "schema":[{"name":"Timestamp","type":"DateTime"},{"name":"DeviceName","type":"String"},{"name":"Events","type":"Int64"}],
 "results":[{"Timestamp":"2026-02-03T04:05:06.7890123Z","DeviceName":"ws-17.example.org","Events":42},
  {"Timestamp":"2026-02-03T04:05:07Z","DeviceName":"a\\b\"}],[{\u00e9","Events":-7}]}"#;

#[test]
fn advanced_hunting_of_graph() {
    let decoded = hunting(HUNTING);
    assert_eq!(
        decoded.rows(),
        [
            json!({"Timestamp": "2026-02-03T04:05:06.7890123Z",
                "DeviceName": "ws-17.example.org", "Events": 42}),
            json!({"Timestamp": "2026-02-03T04:05:07.0000000Z",
                "DeviceName": "a\\b\"}],[{é", "Events": -7}),
        ]
    );
    assert_eq!(decoded.summary.rows, 2);
    assert_eq!(decoded.summary.bytes, HUNTING.len() as u64);
    assert_eq!(decoded.summary.failure, None);
    assert_eq!(decoded.summary.notes, [""; 0]);
}

#[test]
fn advanced_hunting_of_defender_with_its_columns_last() {
    let decoded = hunting(concat!(
        "\u{feff} ",
        r#"{"Results":[{"FileName":"net.exe"},{"FileName":null}],
            "Stats":{"ExecutionTime":4.62,"resource_usage":{"cpu":{"total cpu":"00:00:19.06"}}},
            "Unknown":[{"]":"}"},1e5,[[]]],
            "Schema":[{"Type":"String","Name":"FileName"}]} "#
    ));
    assert_eq!(
        decoded.rows(),
        [json!({"FileName": "net.exe"}), json!({"FileName": ""})]
    );
    let stats = decoded.summary.stats.unwrap();
    assert_eq!(stats["resource_usage"]["cpu"]["total cpu"], "00:00:19.06");
}

#[test]
fn rows_before_their_columns_may_be_more_than_memory_holds() {
    let text = "x".repeat(1_000);
    let rows: Vec<Value> = (0..20_000).map(|n| json!({"n": n, "text": text})).collect();
    let columns = json!([{"name": "n", "type": "Int64"}, {"name": "text", "type": "String"}]);
    let body = format!(
        r#"{{"results":{},"schema":{columns}}}"#,
        Value::from(rows.clone())
    );
    assert_eq!(hunting(&body).rows(), rows);
}

#[test]
fn tables_that_say_last_what_they_are_keep_their_rows_apart() {
    let frame = |kind: &str, name: &str, rows: std::ops::Range<i64>| {
        let columns = json!([{"ColumnName": name, "ColumnType": "long"}]);
        let rows: Vec<_> = rows.map(|n| [n]).collect();
        let rows = serde_json::to_string(&rows).unwrap();
        let members = format!(r#""FrameType":"DataTable","TableKind":"{kind}""#);
        format!(r#"{{"Columns":{columns},"Rows":{rows},{members}}}"#)
    };
    let body = [
        r#"{"FrameType":"DataSetHeader"}"#.to_owned(),
        frame("QueryProperties", "p", 0..700),
        frame("PrimaryResult", "a", 0..1_300),
        frame("QueryPlan", "q", 0..700),
        frame("PrimaryResult", "b", 0..1_400),
        frame("PrimaryResult", "c", 0..1_500),
        frame("QueryProperties", "r", 0..1),
        r#"{"FrameType":"DataSetCompletion","HasErrors":false}"#.to_owned(),
    ];
    let body = format!("[{}]", body.join(","));
    for size in [body.len(), 4_096, 100] {
        let pieces = body.as_bytes().chunks(size).map(<[u8]>::to_vec).collect();
        let decoded = block_on(decode_pieces(pieces, options(Shape::Frames))).unwrap();
        assert_eq!(decoded.tables.len(), 3);
        for ((_, _, rows), (name, count)) in
            decoded
                .tables
                .iter()
                .zip([("a", 1_300), ("b", 1_400), ("c", 1_500)])
        {
            let expected: Vec<_> = (0..count).map(|n: i64| json!({ name: n })).collect();
            assert_eq!(*rows, expected, "{name} in pieces of {size}");
        }
        assert_eq!(decoded.summary.rows, 4_200);
    }
}

#[test]
fn white_space_between_rows_is_bounded() {
    let spaces = vec![b' '; 1 << 20];
    for start in [r#"{"results":["#, r#"{"results":[{}"#, r#"{"results":[{},"#] {
        let mut pieces = vec![spaces.clone(); 40];
        pieces.insert(0, start.into());
        let error = block_on(decode_pieces(pieces, options(Shape::Hunting))).unwrap_err();
        assert!(matches!(error, DecodeError::TooLarge { .. }), "{error}");
    }
}

#[test]
fn keys_are_found_in_any_case_and_exact_ones_first() {
    let columns = r#""schema":[{"name":"Timestamp","type":"Int64"},{"name":"Other","type":"Int64"},
        {"name":"other","type":"Int64"}]"#;
    let rows = r#""results":[{"timestamp":1,"extra":{"a":[1]},"OTHER":2},{"timestamp":3,"Timestamp":4},{},
        {"Timestamp":5,"timestamp":6,"other":7},{"Other":8,"other":9,"OTHER":10,"T\u0069mestamp":11}]"#;
    let decoded = hunting(&format!("{{{columns},{rows}}}"));
    let cells: Vec<[Option<i64>; 3]> = decoded
        .rows()
        .iter()
        .map(|row| ["Timestamp", "Other", "other"].map(|name| row[name].as_i64()))
        .collect();
    assert_eq!(
        cells,
        [
            [Some(1), Some(2), None],
            [Some(4), None, None],
            [None, None, None],
            [Some(5), None, Some(7)],
            [Some(11), Some(8), Some(9)],
        ]
    );
}

#[test]
fn columns_of_the_same_name_take_the_keys_in_turn() {
    let decoded = hunting(
        r#"{"schema":[{"name":"Id","type":"Int64"},{"name":"N","type":"Int64"},{"name":"Id","type":"Int64"}],
            "results":[{"Id":1,"N":2,"Id":3},{"Id":4,"N":5},{"Id":6,"Id":7,"Id":8}]}"#,
    );
    assert_eq!(decoded.names(), ["Id", "N", "Id1"]);
    assert_eq!(
        decoded.rows(),
        [
            json!({"Id": 1, "N": 2, "Id1": 3}),
            json!({"Id": 4, "N": 5, "Id1": null}),
            json!({"Id": 6, "N": null, "Id1": 7}),
        ]
    );
}

#[test]
fn more_keys_than_are_remembered_are_still_found() {
    let mut row: Vec<String> = (0..10_000).map(|n| format!(r#""k{n}":{n}"#)).collect();
    row.insert(5_000, r#""VALUE":7"#.to_owned());
    let row = row.join(",");
    let decoded = hunting(&format!(
        r#"{{"schema":[{{"name":"Value","type":"Int64"}}],"results":[{{{row}}},{{"Value":8}},{{{row}}}]}}"#
    ));
    let values: Vec<_> = decoded
        .rows()
        .iter()
        .map(|row| row["Value"].as_i64())
        .collect();
    assert_eq!(values, [Some(7), Some(8), Some(7)]);
}

/// The one column of a table whose cells are written like this.
fn column(ty: &str, cells: &str) -> Result<arrow::array::ArrayRef, DecodeError> {
    let body = format!(
        r#"{{"tables":[{{"name":"T","columns":[{{"name":"c","type":"{ty}"}}],"rows":[{cells}]}}]}}"#
    );
    for event in block_on(events(vec![body.into()], options(Shape::Tables)))? {
        if let Event::Batch(batch) = event {
            return Ok(Arc::clone(batch.column(0)));
        }
    }
    panic!("there are rows");
}

#[test]
fn values_are_taken_however_they_are_written() {
    let cells = column(
        "SByte",
        r#"[true],[false],[1],[0],["True"],["0"],[""],[null]"#,
    )
    .unwrap();
    let expected = [
        Some(true),
        Some(false),
        Some(true),
        Some(false),
        Some(true),
        Some(false),
    ];
    let expected = expected.into_iter().chain([None, None]);
    assert!(cells.as_boolean().iter().eq(expected));

    let cells = column("int", r#"[-1],["2147483647"],[3.0],[""],[null]"#).unwrap();
    let expected = [Some(-1), Some(i32::MAX), Some(3), None, None];
    assert!(cells.as_primitive::<Int32Type>().iter().eq(expected));

    let cells = "[-9223372036854775808],[9223372036854775807],[\"12\"],[1e3],[-0],[null]";
    let cells = column("Int64", cells).unwrap();
    let expected = [
        Some(i64::MIN),
        Some(i64::MAX),
        Some(12),
        Some(1000),
        Some(0),
        None,
    ];
    assert!(cells.as_primitive::<Int64Type>().iter().eq(expected));

    let cells = r#"[0.1],[1],["-Infinity"],["Infinity"],["1.5e300"],[null]"#;
    let cells = column("Double", cells).unwrap();
    let expected = [0.1, 1.0, f64::NEG_INFINITY, f64::INFINITY, 1.5e300].map(Some);
    let expected = expected.into_iter().chain([None]);
    assert!(cells.as_primitive::<Float64Type>().iter().eq(expected));
    let cells = column("real", r#"["NaN"]"#).unwrap();
    assert!(cells.as_primitive::<Float64Type>().value(0).is_nan());

    let cells = r#"["1.50"],[-2],["12345678901234567890.123456789012345678"],[1e-3],
        ["12345678901234567890123456789012345678901234567890e-30"],[null]"#;
    let cells = column("System.Data.SqlTypes.SqlDecimal", cells).unwrap();
    let unit = 10_i128.pow(18);
    let expected = [
        Some(unit * 3 / 2),
        Some(-2 * unit),
        Some(12_345_678_901_234_567_890_123_456_789_012_345_678),
        Some(unit / 1000),
        Some(12_345_678_901_234_567_890_123_456_789_012_345_678),
        None,
    ];
    assert!(cells.as_primitive::<Decimal128Type>().iter().eq(expected));

    let cells = concat!(
        r#"["1970-01-01T00:00:01"],["1970-01-01T00:00:01.5Z"],["1970-01-01T00:00:01.12345678912Z"],"#,
        r#"["1970-01-01T02:00:00+02:00"],["1970-01-01"],[""],[null]"#
    );
    let cells = column("DateTime", cells).unwrap();
    let expected = [1_000_000_000, 1_500_000_000, 1_123_456_700, 0, 0].map(Some);
    let expected = expected.into_iter().chain([None, None]);
    assert!(
        cells
            .as_primitive::<TimestampNanosecondType>()
            .iter()
            .eq(expected)
    );

    let cells = r#"["00:00:01"],["-1.02:03:04.5"],["10675199.02:48:05.4775807"],[null]"#;
    let cells = column("TimeSpan", cells).unwrap();
    let days = 86_400_000_000_000 + 7_384_500_000_000;
    let expected = [Some(1_000_000_000), Some(-days), Some(i64::MAX), None];
    assert!(
        cells
            .as_primitive::<DurationNanosecondType>()
            .iter()
            .eq(expected)
    );

    let cells = concat!(
        r#"["74BE27DE-1e4e-49d9-b579-fe0b331d3642"],["{74be27de-1e4e-49d9-b579-fe0b331d3642}"],"#,
        r#"[null]"#
    );
    let cells = column("Guid", cells).unwrap();
    let guid = Some("74be27de-1e4e-49d9-b579-fe0b331d3642");
    assert!(cells.as_string_view().iter().eq([guid, guid, None]));

    let cells = r#"["a\u00e9\/\ud83d\ude00"],["\ud83d"],[12.50],[true],[{"a" : 1}],[null]"#;
    let cells = column("String", cells).unwrap();
    let expected = ["aé/😀", "\u{fffd}", "12.50", "true", r#"{"a":1}"#, ""];
    assert!(cells.as_string_view().iter().eq(expected.map(Some)));
    assert_eq!(cells.null_count(), 0);

    let cells = concat!(
        r#"[{"a" : [1, "b c"]}],["{\"a\": 1}"],["[1]"],["\"quoted\""],["plain"],["{not json"],"#,
        r#"["007"],[5],[true],["say \"x\""],[{"k":"\ud83d"}],["{\"k\":\"\\ud83d\\ude00\"}"],"#,
        "[{\"a\tb\":\"x y\"}],",
        r#"[""],[null]"#
    );
    let cells = column("dynamic", cells).unwrap();
    let expected = [
        r#"{"a":[1,"b c"]}"#,
        r#"{"a":1}"#,
        "[1]",
        r#""quoted""#,
        r#""plain""#,
        r#""{not json""#,
        r#""007""#,
        "5",
        "true",
        r#""say \"x\"""#,
        "{\"k\":\"\u{fffd}\"}",
        r#"{"k":"\ud83d\ude00"}"#,
        r#"{"a\u0009b":"x y"}"#,
    ];
    let expected = expected.map(Some).into_iter().chain([None, None]);
    assert!(cells.as_string_view().iter().eq(expected));
}

#[test]
fn a_value_that_does_not_fit_is_named_by_its_place() {
    for (ty, cell, kind) in [
        ("bool", "2", ScalarType::Bool),
        ("int", "2147483648", ScalarType::Int),
        ("long", "1.5", ScalarType::Long),
        ("long", "9223372036854775808", ScalarType::Long),
        ("long", "true", ScalarType::Long),
        ("real", "\"secret\"", ScalarType::Real),
        ("decimal", "\"1e\"", ScalarType::Decimal),
        ("decimal", "1e30", ScalarType::Decimal),
        ("decimal", "1e65537", ScalarType::Decimal),
        ("datetime", "\"secret\"", ScalarType::DateTime),
        ("datetime", "1", ScalarType::DateTime),
        ("timespan", "{}", ScalarType::TimeSpan),
        ("guid", "\"secret\"", ScalarType::Guid),
    ] {
        let error = column(ty, &format!("[null],[{cell}]")).unwrap_err();
        let expected = DecodeError::Value {
            column: "c".into(),
            row: 2,
            ty: kind,
        };
        assert_eq!(error, expected, "{ty} {cell}");
        assert!(!error.to_string().contains("secret"));
    }
}

#[test]
fn expected_types_decide_between_text_and_json() {
    let body = r#"{"schema":[{"name":"AdditionalFields","type":"String"},{"name":"Plain","type":"Object"}],
        "results":[{"AdditionalFields":"{\"a\": 1}","Plain":{"b" : 2}}]}"#;
    let columns = [
        ("AdditionalFields", ScalarType::Dynamic),
        ("Plain", ScalarType::String),
    ];
    let columns = columns.map(|(name, ty)| Column::new(name, ty));
    let expecting = DecodeOptions {
        shape: Shape::Hunting,
        expected: Some(Schema::new(columns.to_vec())),
    };
    let decoded = block_on(decode_pieces(vec![body.into()], expecting)).unwrap();
    let row = json!({"AdditionalFields": {"a": 1}, "Plain": "{\"b\":2}"});
    assert_eq!(decoded.rows(), [row]);
    let row = json!({"AdditionalFields": "{\"a\": 1}", "Plain": {"b": 2}});
    assert_eq!(hunting(body).rows(), [row]);
}

#[test]
fn columns_that_nobody_describes_are_those_expected() {
    let body = r#"{"results":[{"n":"1"}]}"#;
    let expecting = DecodeOptions {
        shape: Shape::Hunting,
        expected: Some(Schema::new(vec![Column::new("n", ScalarType::Long)])),
    };
    let decoded = block_on(decode_pieces(vec![body.into()], expecting)).unwrap();
    assert_eq!(decoded.rows(), [json!({"n": 1})]);
}

#[test]
fn log_analytics_has_several_tables_and_an_error_beside_them() {
    let body = r#"{"tables":[{"name":"PrimaryResult","columns":[{"name":"Category","type":"string"},
            {"name":"count_","type":"long"}],"rows":[["Administrative",20839],["Alert",64]]},
        {"rows":[[1,2]],"columns":[{"name":"x","type":"int"},{"name":"x","type":"int"}],"name":"Other"},
        {"name":"None","columns":[],"rows":[]}],
        "error":{"code":"PartialError","message":"There were some errors.","details":[
            {"code":"EngineError","message":"wrong","innererror":{"code":"-2133196797","message":"limit"}}]}}"#;
    let decoded = decoded(Shape::Tables, body).unwrap();
    let names: Vec<_> = decoded
        .tables
        .iter()
        .map(|(name, ..)| name.as_deref())
        .collect();
    assert_eq!(names, [Some("PrimaryResult"), Some("Other"), Some("None")]);
    let rows: Vec<_> = decoded
        .tables
        .iter()
        .map(|(.., rows)| rows.clone())
        .collect();
    assert_eq!(
        rows,
        [
            vec![
                json!({"Category": "Administrative", "count_": 20839}),
                json!({"Category": "Alert", "count_": 64})
            ],
            vec![json!({"x": 1, "x1": 2})],
            vec![],
        ]
    );
    let failure = decoded.summary.failure.unwrap();
    assert_eq!(failure.code, "PartialError");
    assert_eq!(failure.inner[1].message, "limit");
    assert_eq!(decoded.summary.rows, 3);
}

#[test]
fn frames_give_the_rows_of_primary_results_only() {
    let body = r#"[{"FrameType":"DataSetHeader","IsProgressive":false,"Version":"v2.0"},
        {"FrameType":"DataTable","TableId":0,"TableKind":"QueryProperties","TableName":"@ExtendedProperties",
         "Columns":[{"ColumnName":"Value","ColumnType":"dynamic"}],"Rows":[["{\"Visualization\":null}"]]},
        {"FrameType":"DataTable","TableId":1,"TableKind":"PrimaryResult","TableName":"PrimaryResult",
         "Columns":[{"ColumnName":"n","ColumnType":"long"},{"ColumnName":"d","DataType":"System.Object"}],
         "Rows":[[7,{"a":[]}],[8,null]]},
        {"Rows":[[9]],"Columns":[{"ColumnName":"m","ColumnType":"long"}],"TableKind":"PrimaryResult",
         "TableName":"Second","TableId":2,"FrameType":"DataTable"},
        {"Rows":[[10]],"Columns":[{"ColumnName":"m","ColumnType":"long"}],"TableKind":"QueryPlan",
         "FrameType":"DataTable"},
        {"FrameType":"DataTable","TableId":3,"TableKind":"QueryCompletionInformation","TableName":"Q",
         "Columns":[{"ColumnName":"Timestamp","ColumnType":"datetime"},{"ColumnName":"LevelName",
         "ColumnType":"string"}],"Rows":[["2026-02-03T04:05:06Z","Info"]]},
        {"FrameType":"DataSetCompletion","HasErrors":false,"Cancelled":false}]"#;
    let decoded = decoded(Shape::Frames, body).unwrap();
    assert_eq!(
        decoded.rows(),
        [json!({"n": 7, "d": {"a": []}}), json!({"n": 8, "d": null})]
    );
    assert_eq!(decoded.tables.len(), 2);
    assert_eq!(decoded.tables[1].2, [json!({"m": 9})]);
    assert_eq!(decoded.summary.failure, None);
}

#[test]
fn frames_tell_of_failures_in_many_ways() {
    let frames = |rows: &str, status: &str, completion: &str| {
        let body = format!(
            r#"[{{"FrameType":"DataTable","TableKind":"PrimaryResult",
                "Columns":[{{"ColumnName":"n","ColumnType":"long"}}],"Rows":[{rows}]}},
            {{"FrameType":"DataTable","TableKind":"QueryCompletionInformation","Columns":[
                {{"ColumnName":"LevelName"}},{{"ColumnName":"Level"}},{{"ColumnName":"StatusCodeName"}},
                {{"ColumnName":"Payload"}}],"Rows":[{status}]}},
            {{"FrameType":"DataSetCompletion",{completion}}}]"#
        );
        let decoded = decoded(Shape::Frames, &body).unwrap();
        (decoded.summary.rows, decoded.summary.failure)
    };
    let fine = r#"["Info",4,"S_OK","{\"Count\":1}"]"#;
    let (rows, failure) = frames("[1],[2]", fine, r#""HasErrors":false"#);
    assert_eq!((rows, failure), (2, None));
    let error = r#"{"OneApiErrors":[{"error":{"code":"LimitsExceeded","message":"too much"}}]}"#;
    let (rows, failure) = frames(&format!("[1],{error},[2]"), fine, r#""HasErrors":false"#);
    assert_eq!(
        (rows, failure.unwrap().code.as_str()),
        (2, "LimitsExceeded")
    );
    let (_, failure) = frames(error, fine, r#""HasErrors":false"#);
    assert_eq!(failure.unwrap().message, "too much");
    let completion = r#""HasErrors":true,"OneApiErrors":[{"error":{"code":"E1","message":"m"}}]"#;
    let (_, failure) = frames("[1]", fine, completion);
    assert_eq!(failure.unwrap().code, "E1");
    for told in ["true", "\"true\"", "1"] {
        let (_, failure) = frames("[1]", fine, &format!(r#""HasErrors":{told}"#));
        assert_eq!(failure.unwrap().code, "HasErrors");
    }
    let (_, failure) = frames("[1]", fine, r#""HasErrors":null,"Cancelled":null"#);
    assert_eq!(failure, None);
    let (_, failure) = frames("[1]", fine, r#""Cancelled":true"#);
    assert_eq!(failure.unwrap().code, "Cancelled");
    let status = r#"["Error",2,"E_QUERY_RESULT_SET_TOO_LARGE","{\"Text\":\"cut\"}"]"#;
    let (_, failure) = frames("[1]", &format!("{fine},{status}"), r#""HasErrors":false"#);
    let failure = failure.unwrap();
    assert_eq!(
        (&*failure.code, &*failure.message),
        ("E_QUERY_RESULT_SET_TOO_LARGE", "cut")
    );
    let refused = decoded(Shape::Frames, r#"{"error":{"code":"Bad","message":"no"}}"#).unwrap();
    assert_eq!(refused.summary.failure.unwrap().code, "Bad");
}

#[test]
fn progressive_frames_are_read_unless_they_replace_rows() {
    let body = |kind: &str| {
        format!(
            r#"[{{"FrameType":"DataSetHeader","IsProgressive":true}},
            {{"FrameType":"TableHeader","TableId":1,"TableKind":"PrimaryResult","TableName":"P",
              "Columns":[{{"ColumnName":"n","ColumnType":"long"}}]}},
            {{"FrameType":"TableFragment","TableId":1,"TableFragmentType":"DataAppend","Rows":[[1],[2]]}},
            {{"FrameType":"TableProgress","TableId":1,"TableProgress":50.0}},
            {{"FrameType":"TableHeader","TableId":2,"TableKind":"QueryPlan","Columns":[]}},
            {{"FrameType":"TableFragment","TableId":2,"TableFragmentType":"DataAppend","Rows":[["x"]]}},
            {{"Rows":[["y"]],"FrameType":"TableFragment","TableId":2,"TableFragmentType":"DataAppend"}},
            {{"FrameType":"TableCompletion","TableId":2,"RowCount":2}},
            {{"Rows":[[3],[true]],"FrameType":"TableFragment","TableId":1,"TableFragmentType":"{kind}"}},
            {{"FrameType":"TableCompletion","TableId":1,"RowCount":4}},
            {{"FrameType":"DataSetCompletion","HasErrors":false}}]"#
        )
    };
    let replaced = decoded(Shape::Frames, &body("DataReplace"));
    assert_eq!(replaced, Err(DecodeError::Replaced));
    let error = DecodeError::Value {
        column: "n".into(),
        row: 4,
        ty: ScalarType::Long,
    };
    assert_eq!(decoded(Shape::Frames, &body("DataAppend")), Err(error));
    let body = body("DataAppend").replace("true", "4");
    let decoded = decoded(Shape::Frames, &body).unwrap();
    let rows: Vec<_> = decoded.rows().iter().map(|row| row["n"].as_i64()).collect();
    assert_eq!(rows, [Some(1), Some(2), Some(3), Some(4)]);
}

#[test]
fn progressive_frames_that_lose_rows_are_refused() {
    let header = |id: i64, kind: &str| {
        json!({"FrameType": "TableHeader", "TableId": id, "TableKind": kind,
            "Columns": [{"ColumnName": "n", "ColumnType": "long"}]})
    };
    let fragment = |id: i64| {
        json!({"FrameType": "TableFragment", "TableId": id, "TableFragmentType": "DataAppend",
            "Rows": [[1], [2]]})
    };
    let completion = |id: i64, rows: u64| json!({"FrameType": "TableCompletion", "TableId": id, "RowCount": rows});
    let decode = |frames: &[Value]| {
        let mut frames = frames.to_vec();
        frames.push(json!({"FrameType": "DataSetCompletion", "HasErrors": false}));
        decoded(Shape::Frames, &Value::from(frames).to_string())
    };
    let primary = |id| header(id, "PrimaryResult");
    let two = [
        primary(1),
        fragment(1),
        fragment(1),
        completion(1, 4),
        primary(2),
        completion(2, 0),
    ];
    let rows: Vec<_> = decode(&two)
        .unwrap()
        .tables
        .iter()
        .map(|table| table.2.len())
        .collect();
    assert_eq!(rows, [4, 0]);
    for (frames, what) in [
        (
            vec![primary(1), fragment(1), completion(1, 5)],
            "a table has not as many rows as the service says",
        ),
        (
            vec![primary(1), fragment(1)],
            "a table of the result is not complete",
        ),
        (
            vec![primary(1), primary(2), fragment(1)],
            "a table of the result begins before the last one is complete",
        ),
        (
            vec![primary(1), header(1, "QueryPlan")],
            "two tables have the same number",
        ),
        (
            vec![primary(1), completion(1, 0), fragment(1)],
            "a frame is of a table that is not under way",
        ),
        (
            vec![
                json!({"Rows": [[1]], "FrameType": "TableHeader", "TableId": 1,
                "TableKind": "PrimaryResult"}),
            ],
            "a frame has rows that should have none",
        ),
        (
            vec![primary(1), completion(2, 0)],
            "a frame is of a table that is not under way",
        ),
        (
            vec![header(1, "QueryCompletionInformation")],
            "the statuses of the query come in fragments",
        ),
        (
            vec![json!({"FrameType": "TableHeader", "TableId": 1})],
            "a table does not say what it is about",
        ),
        (
            vec![json!({"FrameType": "TableFragment", "Rows": [[1]]})],
            "a frame does not say which table it is of",
        ),
        (
            vec![
                primary(1),
                json!({"FrameType": "TableFragment", "TableId": 1, "Rows": null}),
            ],
            "there are no rows, not even an empty list",
        ),
    ] {
        assert_eq!(malformed(decode(&frames)), what);
    }
}

/// Why a body is malformed.
fn malformed(decoded: Result<Decoded, DecodeError>) -> &'static str {
    match decoded {
        Err(DecodeError::Malformed { what, .. }) => what,
        other => panic!("it is taken, or refused for something else: {other:?}"),
    }
}

#[test]
fn an_answer_without_a_table_of_the_result_is_refused() {
    use Shape::{Frames, Hunting, KustoTables, Tables};
    let completion = r#"{"FrameType":"DataSetCompletion","HasErrors":false,"Cancelled":false}"#;
    let of_frame = |frame: &str| format!("[{frame},{completion}]");
    let columns = r#""Columns":[{"ColumnName":"n","ColumnType":"long"}]"#;
    let no_table = "there is no table of the result";
    let no_kind = "a table does not say what it is about";
    let no_rows = "there are no rows, not even an empty list";
    for (shape, body, what) in [
        (
            Frames,
            of_frame(r#"{"FrameType":"DataSetHeader","IsProgressive":false}"#),
            no_table,
        ),
        (
            Frames,
            of_frame(&format!(
                r#"{{"FrameType":"DataTable","TableKind":"QueryProperties",{columns},"Rows":[[1]]}}"#
            )),
            no_table,
        ),
        (
            Frames,
            of_frame(&format!(
                r#"{{"FrameType":"DataTable",{columns},"Rows":[[1]]}}"#
            )),
            no_kind,
        ),
        (Frames, of_frame(r#"{"FrameType":"DataTable"}"#), no_kind),
        (Frames, of_frame(r#"{"Rows":[[1]]}"#), no_kind),
        (
            Frames,
            of_frame(&format!(
                r#"{{"FrameType":"DataTable","TableKind":"PrimaryResult",{columns},"Rows":null}}"#
            )),
            no_rows,
        ),
        (
            Frames,
            of_frame(&format!(
                r#"{{"TableKind":"QueryPlan",{columns},"Rows":[[1]],"TableKind":"PrimaryResult"}}"#
            )),
            "a table says behind its rows that they are of the result",
        ),
        (Tables, r#"{"tables":[]}"#.to_owned(), no_table),
        (Tables, r#"{"tables":null}"#.to_owned(), no_table),
        (KustoTables, r#"{"Tables":[]}"#.to_owned(), no_table),
        (
            Tables,
            r#"{"tables":[{"columns":[{"name":"n"}],"rows":null}]}"#.to_owned(),
            no_rows,
        ),
        (
            Hunting,
            r#"{"schema":[{"name":"n"}],"results":null}"#.to_owned(),
            no_rows,
        ),
    ] {
        assert_eq!(malformed(decoded(shape, &body)), what, "{body}");
    }
    let body = r#"{"tables":[],"error":{"code":"E","message":"m"}}"#;
    let failed = decoded(Tables, body).unwrap();
    assert_eq!(failed.summary.failure.unwrap().code, "E");
    let empty = hunting(r#"{"schema":[{"name":"n","type":"Int64"}],"results":[]}"#);
    assert_eq!((empty.names(), empty.rows().len()), (vec!["n"], 0));
}

#[test]
fn kusto_v1_gives_its_result_without_the_tables_about_it() {
    let body = |severity: u8| {
        format!(
            r#"{{"Tables":[{{"TableName":"Table_0","Columns":[{{"ColumnName":"Text","DataType":"String",
                "ColumnType":"string"}}],"Rows":[["hello"]]}},
            {{"TableName":"Table_1","Columns":[{{"ColumnName":"Value","DataType":"String"}}],"Rows":[["{{}}"]]}},
            {{"TableName":"Table_2","Columns":[{{"ColumnName":"Severity"}},{{"ColumnName":"StatusCode"}},
                {{"ColumnName":"StatusDescription"}},{{"ColumnName":"RequestId"}}],
                "Rows":[[{severity},0,"what happened","id"]]}},
            {{"TableName":"Table_3","Columns":[{{"ColumnName":"Ordinal"}},{{"ColumnName":"Kind"}},
                {{"ColumnName":"Name"}},{{"ColumnName":"Id"}},{{"ColumnName":"PrettyName"}}],
                "Rows":[[0,"QueryResult","PrimaryResult","x",""]]}}]}}"#
        )
    };
    let fine = decoded(Shape::KustoTables, &body(4)).unwrap();
    assert_eq!(fine.tables.len(), 1);
    assert_eq!(fine.rows(), [json!({"Text": "hello"})]);
    assert_eq!(fine.summary.failure, None);
    let failed = decoded(Shape::KustoTables, &body(2)).unwrap();
    assert_eq!(failed.summary.failure.unwrap().message, "what happened");
    let body = body(4).replace(
        r#"["hello"]"#,
        r#"["hello"],{"Exceptions":["out of memory"]}"#,
    );
    let failed = decoded(Shape::KustoTables, &body).unwrap();
    assert_eq!(failed.summary.failure.unwrap().message, "out of memory");
}

#[test]
fn bodies_that_are_no_responses_are_errors() {
    use Shape::{Frames, Hunting, Tables};
    for shape in [Hunting, Tables, Frames, Shape::KustoTables] {
        assert_eq!(decoded(shape, ""), Err(DecodeError::Empty));
        assert_eq!(decoded(shape, " \r\n"), Err(DecodeError::Empty));
        let error = decoded(shape, "<html>").unwrap_err();
        assert!(
            matches!(error, DecodeError::Malformed { at_byte: 0, .. }),
            "{error}"
        );
    }
    let columns = r#""schema":[{"name":"n","type":"Int64"}]"#;
    for (shape, body) in [
        (Hunting, "{}".to_owned()),
        (Hunting, format!("{{{columns}}}")),
        (Hunting, r#"{"results":[{"n":1}]}"#.to_owned()),
        (Hunting, format!("{{{columns},\"results\":[]}}x")),
        (
            Hunting,
            format!("{{{columns},\"results\":[],\"results\":[]}}"),
        ),
        (Hunting, format!("{{{columns},\"results\":[1]}}")),
        (Hunting, format!("{{{columns},\"results\":{{}}}}")),
        (
            Hunting,
            format!("{{{columns},\"results\":[{{\"n\":1}} {{\"n\":1}}]}}"),
        ),
        (Hunting, format!("{{{columns},\"results\":[{{\"n\":1}},]}}")),
        (Hunting, format!("{{{columns},\"results\":[{{\"n\":1,}}]}}")),
        (Hunting, format!("{{{columns},\"results\":[{{\"n\":01}}]}}")),
        (
            Hunting,
            format!("{{{columns},\"results\":[{{\"n\":[1}}}}]}}"),
        ),
        (Hunting, format!("{{{columns},\"results\":[{{\"n\" 1}}]}}")),
        (
            Hunting,
            format!("{{{columns},\"results\":[{{\"m\":\"\\x\"}}]}}"),
        ),
        (
            Hunting,
            format!("{{{columns},\"other\":tru,\"results\":[]}}"),
        ),
        (
            Hunting,
            format!("{{{columns},\"other\":[{{]}},\"results\":[]}}"),
        ),
        (
            Hunting,
            format!("{{\"other\":[}}, \"x\":{{],{columns},\"results\":[]}}"),
        ),
        (Hunting, format!("{{{columns} \"results\":[]}}")),
        (Hunting, r#"{"schema":{},"results":[]}"#.to_owned()),
        (Tables, r#"{"tables":{}}"#.to_owned()),
        (Tables, r#"{"tables":[1]}"#.to_owned()),
        (Tables, r#"{"tables":[{"rows":[[1]]}]}"#.to_owned()),
        (
            Tables,
            r#"{"tables":[{"columns":[{"name":"n"}],"rows":[[1,2]]}]}"#.to_owned(),
        ),
        (
            Tables,
            r#"{"tables":[{"columns":[{"name":"n"}],"rows":[[]]}]}"#.to_owned(),
        ),
        (Tables, r#"{"other":1}"#.to_owned()),
        (Frames, r#"[{"FrameType":"DataSetHeader"}]"#.to_owned()),
        (Frames, "{}".to_owned()),
    ] {
        let error = decoded(shape, &body);
        assert!(
            matches!(error, Err(DecodeError::Malformed { .. })),
            "{body}: {error:?}"
        );
    }
    let nested = format!(
        "{{{columns},\"results\":[{{\"x\":{}1{}}}]}}",
        "[".repeat(200),
        "]".repeat(200)
    );
    assert!(matches!(
        decoded(Hunting, &nested),
        Err(DecodeError::TooDeep { .. })
    ));
    let mut invalid = format!("{{{columns},\"results\":[{{\"x\":\"?\"}}]}}").into_bytes();
    let at = invalid.iter().position(|byte| *byte == b'?').unwrap();
    invalid[at] = 0xFF;
    let error = block_on(decode_pieces(vec![invalid], options(Hunting))).unwrap_err();
    let expected = DecodeError::Malformed {
        at_byte: at as u64,
        what: "not UTF-8",
    };
    assert_eq!(error, expected);
}

#[test]
fn a_body_that_ends_early_is_truncated_wherever_that_is() {
    for end in 1..HUNTING.len() {
        let error = decoded(Shape::Hunting, HUNTING.get(..end).unwrap_or("{"));
        assert!(
            matches!(error, Err(DecodeError::Truncated { .. })),
            "after {end} bytes: {error:?}"
        );
    }
}

#[test]
fn errors_of_the_body_end_the_stream() {
    let pieces = [Ok(Bytes::from_static(b"{\"schema\":")), Err("reset")];
    let events =
        block_on(decode(stream::iter(pieces), options(Shape::Hunting)).collect::<Vec<_>>());
    assert!(matches!(&events[..], [Err(Failure::Body("reset"))]));
}

#[test]
fn parts_that_are_too_large_are_refused_or_left_out() {
    let long = "x".repeat(100 << 10);
    let decoded = hunting(&format!(
        r#"{{"Stats":{{"a":"{long}"}},"schema":[],"results":[],"other":"{long}"}}"#
    ));
    assert_eq!(decoded.summary.stats, None);
    assert_eq!(decoded.summary.notes.len(), 1);
    let name = "x".repeat(5 << 20);
    let error = super::tests::decoded(
        Shape::Hunting,
        &format!(r#"{{"schema":[{{"name":"{name}"}}],"results":[]}}"#),
    );
    assert!(matches!(error, Err(DecodeError::TooLarge { .. })));
}

#[test]
fn batches_are_of_a_bounded_size() {
    let rows = "[1],".repeat(50_000) + "[1]";
    let columns = r#"{"name":"c","type":"long"}"#;
    let body = format!(r#"{{"tables":[{{"columns":[{columns}],"rows":[{rows}]}}]}}"#);
    let events = block_on(events(vec![body.into()], options(Shape::Tables))).unwrap();
    let batches: Vec<_> = events
        .iter()
        .filter_map(|event| match event {
            Event::Batch(batch) => Some(batch.num_rows()),
            _ => None,
        })
        .collect();
    assert_eq!(batches.iter().sum::<usize>(), 50_001);
    assert!(batches.iter().all(|rows| *rows <= 8_192));
}

mod properties {
    use proptest::prelude::*;

    use super::*;

    /// Any JSON value without white space.
    fn any_json() -> impl Strategy<Value = Value> {
        let leaf = prop_oneof![
            Just(Value::Null),
            any::<bool>().prop_map(Value::from),
            any::<i64>().prop_map(Value::from),
            any::<String>().prop_map(Value::from),
        ];
        leaf.prop_recursive(3, 12, 4, |inner| {
            prop_oneof![
                prop::collection::vec(inner.clone(), 0..4).prop_map(Value::from),
                prop::collection::vec(("[a-z\"{}\\\\]{0,3}", inner), 0..4)
                    .prop_map(|members| Value::Object(members.into_iter().collect())),
            ]
        })
    }

    fn any_row() -> impl Strategy<Value = (Option<i64>, String, Value, Option<f64>)> {
        (
            any::<Option<i64>>(),
            any::<String>(),
            any_json(),
            prop::option::of(-1e9_f64..1e9),
        )
    }

    /// More than wait in one chunk for their columns.
    const FRAME_ROWS: usize = 600;

    /// A frame of Kusto's with its members in any order.
    fn any_frame() -> impl Strategy<Value = String> {
        let rows: Vec<_> = (0..FRAME_ROWS).map(|n| [n]).collect();
        let rows = format!(r#""Rows":{}"#, serde_json::to_string(&rows).unwrap());
        let columns = r#""Columns":[{"ColumnName":"n","ColumnType":"long"}]"#.to_owned();
        let table = |frame_type: &str, kind: &str| {
            vec![
                format!(r#""FrameType":"{frame_type}""#),
                format!(r#""TableKind":"{kind}""#),
                r#""TableId":1"#.to_owned(),
                columns.clone(),
            ]
        };
        let with_rows = |mut members: Vec<String>| {
            members.push(rows.clone());
            members
        };
        let frame = prop::sample::select(vec![
            with_rows(table("DataTable", "PrimaryResult")),
            with_rows(table("DataTable", "PrimaryResult")),
            with_rows(table("DataTable", "QueryProperties")),
            table("TableHeader", "PrimaryResult"),
            with_rows(vec![
                r#""FrameType":"TableFragment","TableId":1"#.to_owned(),
                r#""TableFragmentType":"DataAppend""#.to_owned(),
            ]),
            vec![r#""FrameType":"TableCompletion","TableId":1"#.to_owned()],
        ]);
        let frame = frame.prop_shuffle();
        frame.prop_map(|members| format!("{{{}}}", members.join(",")))
    }

    /// What a dynamic is that is written as this.
    fn dynamic(value: &Value) -> Value {
        let Some(text) = value.as_str() else {
            return value.clone();
        };
        let trimmed = text.trim_matches([' ', '\t', '\n', '\r']);
        match serde_json::from_str(trimmed) {
            _ if trimmed.is_empty() => Value::Null,
            Ok(encoded @ (Value::Object(_) | Value::Array(_) | Value::String(_))) => encoded,
            _ => value.clone(),
        }
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(64))]

        #[test]
        fn a_body_means_the_same_however_it_is_cut(
            rows in prop::collection::vec(any_row(), 0..12),
            cuts in prop::collection::vec(1_usize..40, 1..8),
            is_pretty in any::<bool>(),
            is_last in any::<bool>(),
        ) {
            let columns = json!([
                {"name": "n", "type": "Int64"}, {"name": "text", "type": "String"},
                {"name": "bag", "type": "Object"}, {"name": "real", "type": "Double"},
            ]);
            let listed: Vec<Value> = rows
                .iter()
                .map(|(n, text, bag, real)| json!({"n": n, "text": text, "bag": bag, "real": real}))
                .collect();
            let body = if is_last {
                json!({"Stats": {"a": 1}, "results": listed, "schema": columns})
            } else {
                json!({"schema": columns, "results": listed, "x": [{"}": "]"}]})
            };
            let body = if is_pretty {
                serde_json::to_vec_pretty(&body).unwrap()
            } else {
                serde_json::to_vec(&body).unwrap()
            };
            let mut pieces = Vec::new();
            let mut rest = &body[..];
            for length in cuts.iter().cycle() {
                let (piece, behind) = rest.split_at((*length).min(rest.len()));
                pieces.push(piece.to_vec());
                rest = behind;
                if rest.is_empty() {
                    break;
                }
            }
            let decoded = block_on(decode_pieces(pieces, options(Shape::Hunting))).unwrap();
            let expected: Vec<Value> = rows
                .iter()
                .map(|(n, text, bag, real)| {
                    json!({"n": n, "text": text, "bag": dynamic(bag), "real": real})
                })
                .collect();
            prop_assert_eq!(decoded.rows(), &expected[..]);
            let whole = block_on(decode_pieces(vec![body], options(Shape::Hunting))).unwrap();
            prop_assert_eq!(decoded, whole);
        }

        #[test]
        fn frames_mean_the_same_however_they_are_cut(
            frames in prop::collection::vec(any_frame(), 1..6),
            cut in 1_usize..2_000,
        ) {
            let completion = r#"{"FrameType":"DataSetCompletion","HasErrors":false}"#;
            let body = format!("[{},{completion}]", frames.join(","));
            let pieces = body.as_bytes().chunks(cut).map(<[u8]>::to_vec).collect();
            let cut = block_on(decode_pieces(pieces, options(Shape::Frames)));
            let whole = block_on(decode_pieces(vec![body.into()], options(Shape::Frames)));
            if let Ok(decoded) = &whole && decoded.summary.failure.is_none() {
                // Each row says in which frame it is, and frames are in their order, whole.
                let rows = decoded.tables.iter().flat_map(|(.., rows)| rows);
                let counts = rows.map(|row| row["n"].as_u64()).collect::<Vec<_>>();
                prop_assert_eq!(counts.len() % FRAME_ROWS, 0);
                for frame in counts.chunks(FRAME_ROWS) {
                    prop_assert!(frame.iter().copied().eq((0..FRAME_ROWS as u64).map(Some)));
                }
            }
            prop_assert_eq!(cut.ok(), whole.ok());
        }

        #[test]
        fn no_body_makes_it_panic(
            body in prop::collection::vec(prop::sample::select(vec![
                "{", "}", "[", "]", ",", ":", "\"", "\\", "1", "null", "\"schema\":", "\"results\":",
                "\"tables\":[{\"columns\":[{\"name\":\"a\"}],\"rows\":[[", "\"Rows\":[[", " ", "\u{e9}",
                "{\"schema\":[{\"name\":\"a\",\"type\":\"Int64\"}],\"results\":[{\"a\":", "-", "0", "\"a\":",
                "\"FrameType\":\"DataTable\"", "\"FrameType\":\"TableHeader\"",
                "\"FrameType\":\"TableFragment\"", "\"FrameType\":\"TableCompletion\"",
                "\"FrameType\":\"DataSetCompletion\"", "\"TableKind\":\"PrimaryResult\"",
                "\"TableKind\":\"QueryProperties\"", "\"TableKind\":\"QueryCompletionInformation\"",
                "\"TableId\":1", "\"TableFragmentType\":\"DataAppend\"", "\"RowCount\":1",
                "\"Columns\":[{\"ColumnName\":\"a\"}]", "\"Rows\":[[1],[2]]", "},{",
            ]), 0..40),
            cut in 1_usize..9,
        ) {
            let body: String = body.concat();
            for shape in [Shape::Hunting, Shape::Tables, Shape::Frames, Shape::KustoTables] {
                let pieces: Vec<Vec<u8>> = body.as_bytes().chunks(cut).map(<[u8]>::to_vec).collect();
                let cut = block_on(decode_pieces(pieces, options(shape)));
                let whole = block_on(decode_pieces(vec![body.clone().into()], options(shape)));
                prop_assert_eq!(cut, whole);
            }
        }
    }
}
