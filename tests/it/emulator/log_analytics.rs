//! Queries of Log Analytics.

use huntd::emulator::limit::Limit;
use serde_json::{Value, json};

use super::call::{Answer, GRAPH, LOG_ANALYTICS, Lab};

const QUERY: &str = "/v1/workspaces/cccccccc-0000-4000-8000-000000000001/query";

#[tokio::test]
async fn tables_come_with_columns_and_rows() {
    let lab = Lab::new().await;
    let token = lab.token(LOG_ANALYTICS).await;
    let query = "Events | order by Timestamp asc | project Timestamp, Bytes, Ok, More";
    let body = lab
        .post(QUERY, &token, &json!({"query": query}))
        .await
        .json();
    assert_eq!(
        body,
        json!({"tables": [{
            "name": "PrimaryResult",
            "columns": [
                {"name": "Timestamp", "type": "datetime"},
                {"name": "Bytes", "type": "long"},
                {"name": "Ok", "type": "bool"},
                {"name": "More", "type": "dynamic"},
            ],
            "rows": [
                ["2026-01-15T08:00:00Z", 10, true, "{\"a\":[1]}"],
                ["2026-01-15T08:30:00Z", 20, false, "{\"a\":[2]}"],
                ["2026-01-15T10:00:00Z", 5, null, null],
            ],
        }]})
    );
    let path = format!("{QUERY}?query=Events%20%7C%20count&timespan=2026-01-15T08:15:00Z%2FPT1H");
    let body = lab.get(&path, &token).await.json();
    assert_eq!(body["tables"][0]["rows"], json!([[1]]));
    // Of two timespans, what is in both.
    let both = json!({"query": "Events | count", "timespan": "2026-01-15T07:00:00Z/PT1H20M"});
    let body = lab
        .post(
            &format!("{QUERY}?timespan=2026-01-15T08:15:00Z"),
            &token,
            &both,
        )
        .await;
    assert_eq!(body.json()["tables"][0]["rows"], json!([[0]]));
}

#[tokio::test]
async fn the_traps_are_there() {
    let lab = Lab::with(|config| config.limits.put(Limit::LogAnalyticsRows, Some(10))).await;
    let token = lab.token(LOG_ANALYTICS).await;
    let request = lab
        .http
        .post(lab.url(QUERY))
        .bearer_auth(&token)
        .body("{\"query\":\"Events\"}");
    let answer = Answer::of(request.send().await.unwrap()).await;
    assert_eq!((answer.status, &*answer.body), (200, ""));
    let query = json!({"query": "range n from 1 to 11 step 1"});
    let answer = lab.post(QUERY, &token, &query).await;
    assert_eq!(answer.status, 200);
    let body = answer.json();
    assert_eq!(body["tables"][0]["rows"].as_array().unwrap().len(), 10);
    assert_eq!(body["error"]["code"], "PartialError");
    let inner = &body["error"]["details"][0]["innererror"];
    assert_eq!(
        inner["message"],
        "The results of this query exceed the set limit of 10 records."
    );
    let query = json!({"query": "range n from 1 to 10 step 1"});
    let body = lab.post(QUERY, &token, &query).await.json();
    assert_eq!(body["error"], Value::Null);
}

#[tokio::test]
async fn preferences_add_members() {
    let lab = Lab::new().await;
    let token = lab.token(LOG_ANALYTICS).await;
    let request = lab
        .http
        .post(lab.url(QUERY))
        .bearer_auth(&token)
        .header(
            "Prefer",
            "wait=30, include-statistics=true,include-render=true",
        )
        .json(&json!({"query": "Events | summarize n = count() by Device | render barchart"}));
    let body = Answer::of(request.send().await.unwrap()).await.json();
    assert_eq!(
        body["statistics"]["query"]["datasetStatistics"][0]["tableRowCount"],
        2
    );
    assert_eq!(body["render"]["visualization"], "barchart");
}

#[tokio::test]
async fn errors_have_codes_within_codes() {
    let lab = Lab::new().await;
    let token = lab.token(LOG_ANALYTICS).await;
    for (query, inner) in [
        ("Events |", "SyntaxError"),
        ("Events | where Nope == 1", "SemanticError"),
    ] {
        let answer = lab.post(QUERY, &token, &json!({"query": query})).await;
        assert_eq!(answer.status, 400);
        assert_eq!(answer.error()["code"], "BadArgumentError");
        assert_eq!(
            answer.error()["innererror"]["code"],
            inner,
            "{}",
            answer.body
        );
    }
    let query = json!({"query": "Events"});
    let answer = lab.post("/v1/workspaces/lab/query", &token, &query).await;
    assert_eq!(answer.status, 400);
    assert_eq!(
        answer.error()["innererror"]["code"],
        "FailedToResolveResource"
    );
    let other = lab.token(GRAPH).await;
    let answer = lab.post(QUERY, &other, &query).await;
    assert_eq!(answer.status, 403);
    assert_eq!(answer.error()["code"], "InvalidAuthenticationTokenAudience");
    let answer = lab.post(QUERY, "x", &query).await;
    assert_eq!(
        (answer.status, &answer.error()["code"]),
        (403, &json!("InvalidAuthenticationToken"))
    );
    let request = lab.http.post(lab.url(QUERY)).json(&query);
    let answer = Answer::of(request.send().await.unwrap()).await;
    assert_eq!(
        (answer.status, &answer.error()["code"]),
        (401, &json!("AuthenticationFailed"))
    );
}

#[tokio::test]
async fn the_path_through_the_resource_manager_answers_too() {
    let lab = Lab::new().await;
    let token = lab.token("https://management.azure.com").await;
    let path = "/subscriptions/s/resourceGroups/g/providers/Microsoft.OperationalInsights/\
                workspaces/w/providers/microsoft.insights/logs?api-version=2018-03-01-preview";
    let body = lab
        .post(path, &token, &json!({"query": "Events | count"}))
        .await
        .json();
    assert_eq!(body["tables"][0]["rows"], json!([[3]]));
}
