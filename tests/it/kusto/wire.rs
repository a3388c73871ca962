//! What goes over the wire, where the official client does not look or looks away.

use std::sync::Arc;
use std::time::{Duration, Instant};

use huntd::clock::SystemClock;
use huntd::secret::Secret;
use huntd::server::Server;
use huntd::server::access::Access;
use huntd::server::kusto::Kusto;
use huntd::server::kusto::databases::{Databases, Set};
use huntd::source::local::LocalConfig;
use serde_json::{Value, json};
use tempfile::TempDir;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::task::JoinHandle;
use tokio_util::sync::{CancellationToken, DropGuard};

pub(super) const EVENTS: &str = "\
{\"Timestamp\":\"2026-01-15T08:00:00Z\",\"Device\":\"pc1\",\"Bytes\":10}
{\"Timestamp\":\"2026-01-15T08:30:00Z\",\"Device\":\"pc1\",\"Bytes\":20}
{\"Timestamp\":\"2026-01-15T10:00:00Z\",\"Device\":\"pc2\",\"Bytes\":5}
";

/// Runs for longer than anybody waits.
const ENDLESS: &str = "range x from 1 to 1000000000000 step 1 | summarize sum(x)";

/// A server over a folder with a table; stops when dropped.
struct Service {
    address: std::net::SocketAddr,
    serving: JoinHandle<anyhow::Result<()>>,
    stop: CancellationToken,
    _stop: DropGuard,
    _folder: TempDir,
}

/// An answer as it came.
struct Answer {
    status: u16,
    head: String,
    body: String,
}

impl Answer {
    fn json(&self) -> Value {
        serde_json::from_str(&self.body).unwrap_or_else(|error| panic!("{error}: {}", self.body))
    }

    /// What an error says.
    fn error(&self) -> Value {
        self.json()["error"].clone()
    }

    /// The rows of the first result of a `/v1` answer.
    fn rows(&self) -> Value {
        self.json()["Tables"][0]["Rows"].clone()
    }
}

impl Service {
    async fn start(token: Option<&str>) -> Self {
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join("Events.ndjson"), EVENTS).unwrap();
        let config = LocalConfig::new(folder.path());
        let set = Set::single("lab", huntd::source::local(&config), false);
        let kusto = Kusto::new(Databases::new(set), Arc::new(SystemClock));
        let listen = "127.0.0.1:0".parse().unwrap();
        let access = Access::new(listen, token.map(Secret::new)).unwrap();
        let server = Server::bind(listen, access, Arc::new(kusto)).await.unwrap();
        let stop = CancellationToken::new();
        Self {
            address: server.address(),
            serving: tokio::spawn(server.serve(stop.clone())),
            _stop: stop.clone().drop_guard(),
            stop,
            _folder: folder,
        }
    }

    /// Sends a request as it stands.
    async fn send(&self, request: &str) -> TcpStream {
        let mut stream = TcpStream::connect(self.address).await.unwrap();
        stream.write_all(request.as_bytes()).await.unwrap();
        stream
    }

    async fn ask(&self, request: &str) -> Answer {
        let mut stream = self.send(request).await;
        let mut bytes = Vec::new();
        stream.read_to_end(&mut bytes).await.unwrap();
        let text = String::from_utf8(bytes).unwrap();
        let (head, body) = text.split_once("\r\n\r\n").unwrap();
        let status = head.split(' ').nth(1).unwrap().parse().unwrap();
        let is_chunked = head.to_lowercase().contains("transfer-encoding: chunked");
        let body = if is_chunked {
            unchunked(body)
        } else {
            body.to_owned()
        };
        Answer {
            status,
            head: head.to_owned(),
            body,
        }
    }

    async fn get(&self, path: &str) -> Answer {
        self.ask(&format!(
            "GET {path} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n"
        ))
        .await
    }

    async fn post(&self, path: &str, body: &Value) -> Answer {
        self.ask(&post(path, body, "")).await
    }

    async fn query(&self, csl: &str) -> Answer {
        self.post("/v1/rest/query", &json!({"db": "lab", "csl": csl}))
            .await
    }

    async fn command(&self, csl: &str) -> Answer {
        self.post("/v1/rest/mgmt", &json!({"db": "lab", "csl": csl}))
            .await
    }

    async fn queries(&self) -> i64 {
        let answer = self.command(".show queries | count").await;
        answer.rows()[0][0].as_i64().unwrap()
    }

    async fn wait_for_queries(&self, count: i64) {
        let deadline = Instant::now() + Duration::from_secs(20);
        while self.queries().await != count {
            assert!(Instant::now() < deadline, "there are never {count} queries");
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    }
}

fn post(path: &str, body: &Value, headers: &str) -> String {
    let body = body.to_string();
    format!(
        "POST {path} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\
         Content-Type: application/json\r\nContent-Length: {}\r\n{headers}\r\n{body}",
        body.len()
    )
}

fn unchunked(mut rest: &str) -> String {
    let mut body = String::new();
    while let Some((size, after)) = rest.split_once("\r\n") {
        let size = usize::from_str_radix(size, 16).unwrap();
        body.push_str(&after[..size]);
        rest = after[size..].trim_start_matches("\r\n");
    }
    body
}

#[tokio::test]
async fn an_answer_of_v1_has_its_tables_and_tables_about_them() {
    let service = Service::start(None).await;
    let answer = service
        .query("Events | count; print a = dynamic([1])")
        .await;
    assert_eq!(answer.status, 200);
    let tables = answer.json()["Tables"].clone();
    let names: Vec<&str> = tables
        .as_array()
        .unwrap()
        .iter()
        .map(|table| table["TableName"].as_str().unwrap())
        .collect();
    assert_eq!(
        names,
        ["Table_0", "Table_1", "Table_2", "Table_3", "Table_4"]
    );
    assert_eq!(
        tables[0]["Columns"],
        json!([{"ColumnName": "Count", "DataType": "Int64", "ColumnType": "long"}])
    );
    assert_eq!(tables[0]["Rows"], json!([[3]]));
    assert_eq!(tables[1]["Rows"], json!([[[1]]]));
    let properties: Value =
        serde_json::from_str(tables[2]["Rows"][0][0].as_str().unwrap()).unwrap();
    assert_eq!(properties["Visualization"], Value::Null);
    assert_eq!(tables[3]["Rows"][0][2], "Info");
    let kinds: Vec<&Value> = tables[4]["Rows"]
        .as_array()
        .unwrap()
        .iter()
        .map(|row| &row[1])
        .collect();
    assert_eq!(
        kinds,
        [
            "QueryResult",
            "QueryResult",
            "QueryProperties",
            "QueryStatus"
        ]
    );
}

#[tokio::test]
async fn a_query_of_several_tables_yields_them_under_their_names() {
    let service = Service::start(None).await;
    let csl =
        "Events | fork Sum=(summarize sum(Bytes)) (where Bytes > 10 | project Device); print 1";
    let tables = service.query(csl).await.json()["Tables"].clone();
    let rows: Vec<&Value> = (0..3).map(|table| &tables[table]["Rows"]).collect();
    assert_eq!(rows, [&json!([[35]]), &json!([["pc1"]]), &json!([[1]])]);
    let contents = tables.as_array().unwrap().last().unwrap()["Rows"].clone();
    let contents: Vec<_> = contents
        .as_array()
        .unwrap()
        .iter()
        .map(|row| (row[1].as_str().unwrap(), row[4].as_str().unwrap()))
        .collect();
    assert_eq!(
        contents,
        [
            ("QueryResult", "Sum"),
            ("QueryResult", ""),
            ("QueryResult", ""),
            ("QueryProperties", ""),
            ("QueryStatus", "")
        ]
    );

    let csl = "Events | facet by Device with (count)";
    let frames = service
        .post("/v2/rest/query", &json!({"db": "lab", "csl": csl}))
        .await
        .json();
    let primary: Vec<&Value> = frames
        .as_array()
        .unwrap()
        .iter()
        .filter(|frame| frame["TableKind"] == "PrimaryResult")
        .collect();
    let ids: Vec<&Value> = primary.iter().map(|table| &table["TableId"]).collect();
    assert_eq!(ids, [1, 2]);
    assert_eq!(primary[0]["Rows"], json!([["pc1", 2], ["pc2", 1]]));
    assert_eq!(primary[1]["Rows"], json!([[3]]));

    let branches = "(count) ".repeat(33);
    let answer = service.query(&format!("Events | fork {branches}")).await;
    assert_eq!(answer.status, 400, "{}", answer.body);
    assert!(answer.body.contains("33 results"), "{}", answer.body);
}

#[tokio::test]
async fn an_answer_of_v2_is_frames() {
    let service = Service::start(None).await;
    let csl = "Events | sort by Timestamp asc | take 1 | render timechart with (title='Bytes')";
    let answer = service
        .post("/v2/rest/query", &json!({"db": "lab", "csl": csl}))
        .await;
    let frames = answer.json();
    let types: Vec<&Value> = frames
        .as_array()
        .unwrap()
        .iter()
        .map(|frame| &frame["FrameType"])
        .collect();
    assert_eq!(
        types,
        [
            "DataSetHeader",
            "DataTable",
            "DataTable",
            "DataTable",
            "DataSetCompletion"
        ]
    );
    let drawn = frames[1]["Rows"][0][2].as_str().unwrap();
    assert!(
        drawn.contains("\"Visualization\":\"timechart\",\"Title\":\"Bytes\""),
        "{drawn}"
    );
    assert_eq!(frames[2]["TableKind"], "PrimaryResult");
    assert_eq!(
        frames[2]["Rows"],
        json!([["2026-01-15T08:00:00Z", "pc1", 10]])
    );
    assert_eq!(frames[3]["Rows"][0][5], 4);
    assert_eq!(
        frames[4],
        json!({"FrameType": "DataSetCompletion", "HasErrors": false, "Cancelled": false})
    );
}

#[tokio::test]
async fn what_is_cut_off_is_told_in_the_rows_and_at_the_end() {
    let service = Service::start(None).await;
    let query = json!({
        "db": "lab",
        "csl": "range x from 1 to 10 step 1",
        "properties": {"Options": {"truncationmaxrecords": 2}},
    });
    let frames = service.post("/v2/rest/query", &query).await.json();
    let rows = frames[2]["Rows"].as_array().unwrap();
    assert_eq!(rows.len(), 3);
    assert_eq!(
        rows[2]["OneApiErrors"][0]["error"]["code"],
        "LimitsExceeded"
    );
    assert_eq!(frames[3]["Rows"][0][5], 2);
    let end = &frames[4];
    assert_eq!(end["HasErrors"], true);
    assert_eq!(end["OneApiErrors"], rows[2]["OneApiErrors"]);

    let answer = service.post("/v1/rest/query", &query).await.json();
    assert_eq!(answer["Tables"][0]["Rows"].as_array().unwrap().len(), 3);
    let told = &answer["Tables"][0]["Rows"][2]["Exceptions"];
    assert_eq!(*told, answer["Exceptions"]);
    assert!(
        told[0]
            .as_str()
            .unwrap()
            .contains("E_QUERY_RESULT_SET_TOO_LARGE")
    );

    let mut deferred = query;
    deferred["properties"]["Options"]["deferpartialqueryfailures"] = json!(true);
    let frames = service.post("/v2/rest/query", &deferred).await.json();
    assert_eq!(frames[2]["Rows"].as_array().unwrap().len(), 2);
    assert_eq!(frames[3]["Rows"][0][6], "Error");
    assert_eq!(frames[4]["HasErrors"], false);
}

#[tokio::test]
async fn an_error_that_comes_up_behind_sent_rows_is_told_at_their_end() {
    let service = Service::start(None).await;
    // The first part fills pieces; the second ends with the time.
    let csl = format!("range x from 1 to 100000 step 1; {ENDLESS}");
    let query = json!({
        "db": "lab",
        "csl": csl,
        "properties": {"Options": {"servertimeout": "00:00:03"}},
    });
    let answer = service.post("/v2/rest/query", &query).await;
    assert_eq!(answer.status, 200);
    let frames = answer.json();
    assert_eq!(frames[2]["Rows"].as_array().unwrap().len(), 100_000);
    assert_eq!(
        frames[3]["Rows"][0]["OneApiErrors"][0]["error"]["code"],
        "RequestExecutionTimeout"
    );
    assert_eq!(frames[5]["HasErrors"], true);
}

#[tokio::test]
async fn ids_go_back_with_every_answer() {
    let service = Service::start(None).await;
    let body = json!({"db": "lab", "csl": "Nope"});
    let request = post("/v2/rest/query", &body, "x-ms-client-request-id: App;7\r\n");
    let answer = service.ask(&request).await;
    assert_eq!(answer.status, 400);
    assert!(
        answer.head.contains("x-ms-client-request-id: App;7"),
        "{}",
        answer.head
    );
    assert!(
        answer.head.contains("x-ms-activity-id: "),
        "{}",
        answer.head
    );
    assert_eq!(answer.error()["@context"]["clientRequestId"], "App;7");
    assert_eq!(answer.error()["innererror"]["code"], "KQL201");
    assert_eq!(answer.error()["innererror"]["@line"], "1");
}

#[tokio::test]
async fn requests_that_are_wrong_have_their_statuses() {
    let service = Service::start(None).await;
    let code = |answer: &Answer| answer.error()["code"].as_str().unwrap().to_owned();
    let answer = service
        .post("/v1/rest/query", &json!({"db": "other", "csl": "print 1"}))
        .await;
    assert_eq!(
        (answer.status, &*code(&answer)),
        (400, "BadRequest_EntityNotFound")
    );
    assert!(answer.body.contains("lab"), "{}", answer.body);
    let answer = service.command("Events | take 1").await;
    assert_eq!(
        (answer.status, &*code(&answer)),
        (400, "General_BadRequest")
    );
    let answer = service.command(".show table Event details").await;
    assert!(
        answer.body.contains("Did you mean 'Events'"),
        "{}",
        answer.body
    );
    let answer = service.get("/v1/rest/ingest/lab/Events").await;
    assert_eq!((answer.status, &*code(&answer)), (404, "NotFound"));
    let answer = service.ask(&post("/v1/rest/query", &json!([1]), "")).await;
    assert_eq!(answer.status, 400);
    let answer = service.query("").await;
    assert_eq!(answer.status, 400);
}

#[tokio::test]
async fn a_query_can_be_in_the_url_and_a_command_sent_as_a_query() {
    let service = Service::start(None).await;
    let answer = service
        .get("/v1/rest/query?db=lab&csl=Events%20%7C%20count")
        .await;
    assert_eq!(answer.rows(), json!([[3]]));
    let answer = service.query(".show tables | project TableName").await;
    assert_eq!(answer.rows(), json!([["Events"]]));
    assert_eq!(answer.json()["Tables"].as_array().unwrap().len(), 4);
    // Names that clients send where none was configured.
    for db in [json!(null), json!(""), json!("NetDefaultDB"), json!("LAB")] {
        let answer = service
            .post(
                "/v1/rest/query",
                &json!({"db": db, "csl": "Events | count"}),
            )
            .await;
        assert_eq!(answer.rows(), json!([[3]]), "{db}");
    }
    assert_eq!(service.get("/healthz").await.body, "ok\n");
}

#[tokio::test]
async fn commands_show_databases_and_tables_in_all_their_forms() {
    let service = Service::start(None).await;
    let rows = async |command: &str| service.command(command).await.rows();
    let csl = "Timestamp:datetime,Device:string,Bytes:long";
    assert_eq!(rows(".show table Events cslschema").await[0][1], csl);
    let json: Value = serde_json::from_str(
        rows(".show table Events schema as json").await[0][1]
            .as_str()
            .unwrap(),
    )
    .unwrap();
    assert_eq!(
        json["OrderedColumns"][2],
        json!({"Name": "Bytes", "Type": "System.Int64", "CslType": "long"})
    );
    let json: Value = serde_json::from_str(
        rows(".show database schema as json").await[0][0]
            .as_str()
            .unwrap(),
    )
    .unwrap();
    assert_eq!(
        json["Databases"]["lab"]["Tables"]["Events"]["OrderedColumns"][1]["Name"],
        "Device"
    );
    assert_eq!(
        rows(".show database schema")
            .await
            .as_array()
            .unwrap()
            .len(),
        5
    );
    assert_eq!(
        rows(".show databases entities | project EntityName, CslOutputSchema").await,
        json!([["Events", csl.replace(',', ", ")]])
    );
    assert_eq!(
        rows(".show databases | project DatabaseName, IsCurrent").await,
        json!([["lab", true]])
    );
    assert_eq!(
        rows(".show database lab schema as csl script").await[0][0],
        format!(".create-merge table Events ({})", csl.replace(',', ", "))
    );
    assert_eq!(
        rows(".show tables details | project TotalRowCount").await,
        json!([[null]])
    );
    for command in [
        ".show version",
        ".show cluster",
        ".show diagnostics",
        ".show principal roles",
    ] {
        assert_eq!(
            rows(command).await.as_array().unwrap().len(),
            1,
            "{command}"
        );
    }
    for command in [
        ".show functions",
        ".show materialized-views",
        ".show external tables",
        ".show entity_groups",
    ] {
        assert_eq!(rows(command).await, json!([]), "{command}");
    }
}

#[tokio::test]
async fn a_token_is_asked_for_where_one_is_set() {
    let service = Service::start(Some("s3cret")).await;
    let body = json!({"db": "lab", "csl": "print 1"});
    let answer = service.post("/v2/rest/query", &body).await;
    assert_eq!(answer.status, 401);
    assert!(
        answer
            .head
            .to_lowercase()
            .contains("www-authenticate: bearer")
    );
    let request = post("/v2/rest/query", &body, "Authorization: Bearer s3cret\r\n");
    assert_eq!(service.ask(&request).await.status, 200);
    assert_eq!(service.get("/healthz").await.status, 200);
    assert_eq!(service.get("/v1/rest/auth/metadata").await.status, 200);
}

#[tokio::test]
async fn a_page_elsewhere_cannot_ask_under_another_name() {
    let service = Service::start(None).await;
    let answer = service
        .ask("GET /v1/rest/query?csl=print%201 HTTP/1.1\r\nHost: evil.example.com\r\nConnection: close\r\n\r\n")
        .await;
    assert_eq!(answer.status, 403);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_query_ends_when_nobody_waits_for_it() {
    let service = Service::start(None).await;
    let body = json!({"db": "lab", "csl": ENDLESS});
    for path in ["/v1/rest/query", "/v2/rest/query"] {
        let asking = service.send(&post(path, &body, "")).await;
        service.wait_for_queries(1).await;
        drop(asking);
        let left = Instant::now();
        service.wait_for_queries(0).await;
        // Asked for are 100 ms; the machine of the tests has other things to do.
        assert!(
            left.elapsed() < Duration::from_secs(2),
            "{:?}",
            left.elapsed()
        );
    }
    // Also where rows are on their way.
    let rows = json!({
        "db": "lab",
        "csl": "set notruncation; range x from 1 to 1000000000 step 1",
    });
    let mut asking = service.send(&post("/v2/rest/query", &rows, "")).await;
    let mut some = [0; 10_000];
    asking.read_exact(&mut some).await.unwrap();
    service.wait_for_queries(1).await;
    drop(asking);
    service.wait_for_queries(0).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn stopping_the_server_cancels_queries() {
    let mut service = Service::start(None).await;
    let body = json!({"db": "lab", "csl": ENDLESS});
    let mut asking = service.send(&post("/v2/rest/query", &body, "")).await;
    service.wait_for_queries(1).await;
    service.stop.cancel();
    let mut answer = String::new();
    asking.read_to_string(&mut answer).await.unwrap();
    assert!(answer.contains("the server is stopping"), "{answer}");
    (&mut service.serving).await.unwrap().unwrap();
}
