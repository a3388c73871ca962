//! Advanced hunting by its three doors.

use std::time::Duration;

use huntd::emulator::config::ClientConfig;
use huntd::emulator::limit::Limit;
use serde_json::{Value, json};

use super::call::{APP, GRAPH, LOG_ANALYTICS, Lab, MDE, SECRET, XDR};

#[tokio::test]
async fn graph_answers_with_columns_and_rows() {
    let lab = Lab::new().await;
    let answer = lab
        .hunt("Events | order by Timestamp asc | project Timestamp, Device, Bytes, Ok, More")
        .await;
    assert_eq!(answer.status, 200, "{}", answer.body);
    let expected = json!({
        "@odata.context": lab.url("/v1.0/$metadata#microsoft.graph.security.huntingQueryResults"),
        "schema": [
            {"name": "Timestamp", "type": "DateTime"},
            {"name": "Device", "type": "String"},
            {"name": "Bytes", "type": "Int64"},
            {"name": "Ok", "type": "SByte"},
            {"name": "More", "type": "Object"},
        ],
        "results": [
            {"Timestamp": "2026-01-15T08:00:00Z", "Device": "pc1", "Bytes": 10, "Ok": true,
             "More": "{\"a\":[1]}"},
            {"Timestamp": "2026-01-15T08:30:00Z", "Device": "pc1", "Bytes": 20, "Ok": false,
             "More": "{\"a\":[2]}"},
            {"Timestamp": "2026-01-15T10:00:00Z", "Device": "pc2", "Bytes": 5, "Ok": null,
             "More": null},
        ],
    });
    assert_eq!(answer.json(), expected);
    let empty = lab
        .hunt("Events | where Bytes > 100 | project Bytes")
        .await
        .json();
    assert_eq!(empty["results"], json!([]));
    assert_eq!(empty["schema"], json!([{"name": "Bytes", "type": "Int64"}]));
}

#[tokio::test]
async fn the_timespan_confines_tables_and_the_narrower_of_two_counts() {
    let lab = Lab::new().await;
    let token = lab.token(GRAPH).await;
    let count = async |body: Value| {
        let answer = lab
            .post("/v1.0/security/runHuntingQuery", &token, &body)
            .await;
        assert_eq!(answer.status, 200, "{body}: {}", answer.body);
        answer.json()["results"][0]["Count"].as_u64().unwrap()
    };
    let query = "Events | count";
    let early = "2026-01-15T07:00:00Z/2026-01-15T08:15:00Z";
    assert_eq!(count(json!({"Query": query})).await, 3);
    assert_eq!(count(json!({"query": query, "timespan": early})).await, 1);
    assert_eq!(count(json!({"QUERY": query, "TimeSpan": "P1D"})).await, 0);
    assert_eq!(count(json!({"Query": query, "Timespan": "P5D"})).await, 3);
    let narrow = "Events | where Timestamp > datetime(2026-01-15T08:10:00Z) | count";
    assert_eq!(count(json!({"Query": narrow, "Timespan": "P5D"})).await, 2);
    assert_eq!(count(json!({"Query": narrow, "Timespan": early})).await, 0);
    // Both ends belong to it.
    let exact = "2026-01-15T08:00:00Z/2026-01-15T08:30:00Z";
    assert_eq!(count(json!({"Query": query, "Timespan": exact})).await, 2);
    let bad = json!({"Query": query, "Timespan": "yesterday"});
    let answer = lab
        .post("/v1.0/security/runHuntingQuery", &token, &bad)
        .await;
    assert_eq!(answer.status, 400);
    assert_eq!(answer.error()["code"], "BadRequest");
}

#[tokio::test]
async fn a_lookback_hides_older_data() {
    let lab = Lab::with(|config| config.lookback = Some(Duration::from_hours(24))).await;
    let answer = lab.hunt("Events | count").await.json();
    assert_eq!(answer["results"][0]["Count"], 0);
}

#[tokio::test]
async fn the_older_doors_have_statistics_and_capitals() {
    let lab = Lab::new().await;
    for (path, resource) in [
        ("/api/advancedhunting/run", XDR),
        ("/api/advancedqueries/run", MDE),
    ] {
        let token = lab.token(resource).await;
        let query = json!({"Query": "Events | summarize Bytes = sum(Bytes)"});
        let answer = lab.post(path, &token, &query).await;
        assert_eq!(answer.status, 200, "{}", answer.body);
        let body = answer.json();
        assert_eq!(body["Schema"], json!([{"Name": "Bytes", "Type": "Int64"}]));
        assert_eq!(body["Results"], json!([{"Bytes": 35}]));
        assert!(body["Stats"]["ExecutionTime"].is_f64(), "{body}");
        assert_eq!(body["Stats"]["dataset_statistics"][0]["table_row_count"], 1);
        assert!(body["Stats"]["resource_usage"]["cpu"]["total cpu"].is_string());
        // Their bodies are case-sensitive.
        let answer = lab.post(path, &token, &json!({"query": "Events"})).await;
        assert_eq!(answer.status, 400);
        assert_eq!(answer.error()["code"], "MissingRequiredParameter");
    }
}

#[tokio::test]
async fn what_the_documentation_leaves_open_can_be_switched() {
    let lab = Lab::with(|config| {
        config.encoding = "bool=number,dynamic=object,schema=last,keys=camel,members=pascal"
            .parse()
            .unwrap();
    })
    .await;
    let query = "Events | top 2 by Timestamp asc | project Timestamp, Ok, More";
    let answer = lab.hunt(query).await;
    let (schema, results) = (
        answer.body.find("\"schema\"").unwrap(),
        answer.body.find("\"results\"").unwrap(),
    );
    assert!(results < schema, "{}", answer.body);
    let body = answer.json();
    assert_eq!(body["schema"][1], json!({"Name": "Ok", "Type": "SByte"}));
    assert_eq!(
        body["results"][0],
        json!({"timestamp": "2026-01-15T08:00:00Z", "ok": 1, "more": {"a": [1]}})
    );
    assert_eq!(body["results"][1]["ok"], 0);
}

#[tokio::test]
async fn rows_beyond_the_cap_are_missing_without_a_word_and_bytes_are_an_error() {
    let lab = Lab::with(|config| {
        config.limits.put(Limit::HuntingRows, Some(1_000));
        config.limits.put(Limit::HuntingBytes, Some(20_000));
        config.limits.put(Limit::HuntingPreemptRows, Some(1_500));
    })
    .await;
    let rows = async |query: &str| {
        let answer = lab.hunt(query).await;
        assert_eq!(answer.status, 200, "{}", answer.body);
        answer.json()["results"].as_array().unwrap().len()
    };
    assert_eq!(rows("range n from 1 to 999 step 1").await, 999);
    assert_eq!(rows("range n from 1 to 1000 step 1").await, 1_000);
    assert_eq!(rows("range n from 1 to 1000000 step 1").await, 1_000);
    let answer = lab
        .hunt("range n from 1 to 1000 step 1 | extend t = strrep('x', 30)")
        .await;
    assert_eq!(answer.status, 400);
    let message = answer.error()["message"].as_str().unwrap().to_owned();
    assert!(
        message.starts_with("Query execution has exceeded the allowed result size."),
        "{message}"
    );
}

#[tokio::test]
async fn a_query_that_is_preempted_or_too_slow_is_told_so() {
    let lab = Lab::with(|config| config.limits.put(Limit::HuntingPreemptRows, Some(10))).await;
    assert_eq!(lab.hunt("range n from 1 to 10 step 1").await.status, 200);
    let answer = lab.hunt("range n from 1 to 11 step 1").await;
    assert_eq!(answer.status, 400);
    let message = answer.error()["message"].as_str().unwrap().to_owned();
    assert!(message.contains("preempted"), "{message}");
    let lab = Lab::with(|config| config.limits.put(Limit::HuntingSeconds, Some(0))).await;
    let endless = "range x from 1 to 1000000000000 step 1 | summarize sum(x)";
    let answer = lab.hunt(endless).await;
    assert_eq!(answer.status, 504);
    assert_eq!(answer.error()["code"], "UnknownError");
    assert_eq!(answer.error()["message"], "");
}

#[tokio::test]
async fn a_wrong_query_is_told_as_the_service_tells_it() {
    let lab = Lab::new().await;
    let answer = lab.hunt("NoSuchTable | where A == 1").await;
    assert_eq!(answer.status, 400);
    let error = answer.error();
    assert_eq!(error["code"], "BadRequest");
    assert_eq!(
        error["message"],
        "'where' operator: Failed to resolve table or column expression named 'NoSuchTable'. Fix \
         semantic errors in your query."
    );
    assert!(error["innerError"]["request-id"].is_string());
    assert_eq!(error["innerError"]["date"], "2026-01-20T00:00:00");
    let answer = lab.hunt("Events | filterr").await;
    let message = answer.error()["message"].as_str().unwrap().to_owned();
    assert!(
        message.contains("Fix syntax errors in your query."),
        "{message}"
    );
}

#[tokio::test]
async fn audience_role_and_life_of_a_token_are_checked() {
    let lab = Lab::with(|config| {
        config.clients =
            vec![ClientConfig::with_secret(APP, SECRET).with_roles(["AdvancedQuery.Read.All"])];
    })
    .await;
    let query = json!({"Query": "Events | count"});
    let (graph, mde) = (lab.token(GRAPH).await, lab.token(MDE).await);
    let path = "/v1.0/security/runHuntingQuery";
    let answer = lab.post(path, &graph, &query).await;
    assert_eq!(
        (answer.status, &answer.error()["code"]),
        (403, &json!("Forbidden"))
    );
    assert!(
        answer.body.contains("ThreatHunting.Read.All"),
        "{}",
        answer.body
    );
    let answer = lab.post(path, &mde, &query).await;
    assert_eq!(answer.status, 401);
    assert_eq!(answer.error()["code"], "InvalidAuthenticationToken");
    for token in ["", "x", "a.b.c"] {
        assert_eq!(lab.post(path, token, &query).await.status, 401, "{token:?}");
    }
    let path = "/api/advancedqueries/run";
    assert_eq!(lab.post(path, &mde, &query).await.status, 200);
    let other = lab.token(LOG_ANALYTICS).await;
    let answer = lab.post(path, &other, &query).await;
    assert_eq!(
        (answer.status, &answer.error()["code"]),
        (401, &json!("Unauthorized"))
    );
    lab.clock.advance(Duration::from_hours(1));
    assert_eq!(lab.post(path, &mde, &query).await.status, 401);
    let mde = lab.token(MDE).await;
    assert_eq!(lab.post(path, &mde, &query).await.status, 200);
}

#[tokio::test]
async fn the_forty_sixth_call_of_a_minute_waits() {
    let lab = Lab::new().await;
    let token = lab.token(MDE).await;
    let query = json!({"Query": "print 1"});
    let path = "/api/advancedqueries/run";
    for call in 0..45 {
        assert_eq!(
            lab.post(path, &token, &query).await.status,
            200,
            "call {call}"
        );
    }
    let answer = lab.post(path, &token, &query).await;
    assert_eq!(answer.status, 429);
    assert_eq!(answer.retry_after.as_deref(), Some("60"));
    let error = answer.error();
    assert_eq!(error["code"], "429");
    assert_eq!(
        error["message"],
        "API calls quota exceeded! maximum allowed 45 per 00:01:00"
    );
    // The doors have quotas of their own.
    assert_eq!(lab.hunt("print 1").await.status, 200);
    lab.clock.advance(Duration::from_mins(1));
    assert_eq!(lab.post(path, &token, &query).await.status, 200);
}

#[tokio::test]
async fn a_large_answer_is_whole_and_compressed_where_that_is_wanted() {
    let lab = Lab::new().await;
    let query = "range n from 1 to 40000 step 1 | extend Text = strrep('x', 40)";
    let answer = lab.hunt(query).await;
    let mut rows: Vec<u64> = answer.json()["results"]
        .as_array()
        .unwrap()
        .iter()
        .map(|row| row["n"].as_u64().unwrap())
        .collect();
    rows.sort_unstable();
    assert!(rows.into_iter().eq(1..=40_000));
    // More than is kept in memory.
    assert!(answer.body.len() > 2_000_000);
    let token = lab.token(GRAPH).await;
    let plain = reqwest::Client::builder().no_gzip().build().unwrap();
    for (encoding, length) in [("identity", Some(answer.body.len() as u64)), ("gzip", None)] {
        let request = plain
            .post(lab.url("/v1.0/security/runHuntingQuery"))
            .header("Accept-Encoding", encoding)
            .bearer_auth(&token)
            .json(&json!({"Query": query}));
        let response = request.send().await.unwrap();
        assert_eq!(response.content_length(), length, "{encoding}");
        let bytes = response.bytes().await.unwrap();
        assert_eq!(
            encoding == "gzip",
            bytes.starts_with(&[0x1f, 0x8b]),
            "{encoding}"
        );
    }
}

#[tokio::test]
async fn the_schema_is_that_of_the_folder() {
    let lab = Lab::new().await;
    let token = lab.token(GRAPH).await;
    let body = lab
        .get("/beta/security/getHuntingSchema", &token)
        .await
        .json();
    assert_eq!(body["tables"][0]["name"], "Events");
    assert_eq!(body["tables"][0]["columns"][0]["name"], "Timestamp");
    assert_eq!(body["tables"][0]["columns"][0]["dataType"], "DateTime");
}

#[tokio::test]
async fn a_table_that_the_folder_lacks_is_unknown_as_any_other_name() {
    let lab = Lab::new().await;
    let graph = lab.hunt("CloudAppEvents | count").await;
    assert_eq!(graph.status, 400, "{}", graph.body);
    assert_eq!(
        graph.error()["message"],
        "'count' operator: Failed to resolve table or column expression named 'CloudAppEvents'. \
         Fix semantic errors in your query."
    );
    let token = lab.token(LOG_ANALYTICS).await;
    let path = "/v1/workspaces/cccccccc-0000-4000-8000-000000000001/query";
    let body = json!({"query": "CloudAppEvents | count"});
    let answer = lab.post(path, &token, &body).await;
    let inner = answer.error()["innererror"].clone();
    assert_eq!(inner["code"], "SemanticError", "{}", answer.body);
    let text = inner["message"].as_str().unwrap();
    assert!(text.contains("named 'CloudAppEvents'"), "{text}");
}

#[tokio::test]
async fn nothing_of_the_emulator_itself_is_told() {
    let lab = Lab::with(|config| {
        std::fs::write(config.data.join("Broken.parquet"), "no parquet").unwrap();
    })
    .await;
    let token = lab.token(LOG_ANALYTICS).await;
    let path = "/v1/workspaces/cccccccc-0000-4000-8000-000000000001/query";
    for (query, status) in [
        ("externaldata(a: string)['https://example.com/x.csv']", 400),
        ("externaldata(a: string)['/etc/passwd']", 400),
        ("Broken | count", 500),
    ] {
        let graph = lab.hunt(query).await;
        let body = json!({"query": query});
        let workspace = lab.post(path, &token, &body).await;
        for answer in [graph, workspace] {
            assert_eq!(answer.status, status, "{query}: {}", answer.body);
            for own in ["sources.", "externaldata.allow", "Broken.parquet", "/tmp"] {
                assert!(!answer.body.contains(own), "{query}: {}", answer.body);
            }
        }
    }
}

#[tokio::test]
async fn running_time_counts_in_the_emulators_time_also_if_the_client_goes_away() {
    let lab = Lab::with(|config| {
        config.speed = 10_000.0;
        config.limits.put(Limit::HuntingRunSecondsPerHour, Some(60));
    })
    .await;
    let token = lab.token(MDE).await;
    let path = "/api/advancedqueries/run";
    let query = json!({"Query": "range n from 1 to 1000000000000 step 1 | summarize sum(n)"});
    let request = lab.http.post(lab.url(path)).bearer_auth(&token);
    let request = request.json(&query).timeout(Duration::from_millis(300));
    assert!(request.send().await.unwrap_err().is_timeout());
    let begun = std::time::Instant::now();
    let record = loop {
        if let Some(record) = lab.running.requests().into_iter().nth(1) {
            break record;
        }
        assert!(begun.elapsed() < Duration::from_secs(30), "it is not seen");
        tokio::time::sleep(Duration::from_millis(20)).await;
    };
    assert_eq!((&*record.path, record.status), (path, None));
    assert_eq!(record.app.as_deref(), Some(APP));
    // A third of a second was most of an hour.
    let answer = lab.post(path, &token, &json!({"Query": "print 1"})).await;
    assert_eq!(answer.status, 429, "{}", answer.body);
    assert!(answer.body.contains("running time"), "{}", answer.body);
}

#[tokio::test]
async fn case_does_not_matter_in_paths() {
    let lab = Lab::new().await;
    let query = json!({"Query": "print 1"});
    for (path, resource) in [
        ("/V1.0/Security/RunHuntingQuery", GRAPH),
        ("/API/AdvancedHunting/run", XDR),
        ("/api/AdvancedQueries/Run", MDE),
    ] {
        let token = lab.token(resource).await;
        let answer = lab.post(path, &token, &query).await;
        assert_eq!(answer.status, 200, "{path}: {}", answer.body);
    }
}
