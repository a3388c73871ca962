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
