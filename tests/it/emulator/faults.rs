//! What goes wrong on purpose, and how a test drives it.

use std::time::{Duration, Instant};

use huntd::emulator::fault::{Kind, Rule};
use serde_json::{Value, json};

use super::call::{Answer, GRAPH, Lab};

const HUNT: &str = "/v1.0/security/runHuntingQuery";

#[tokio::test]
async fn faults_with_answers_of_their_own() {
    let lab = Lab::new().await;
    let token = lab.token(GRAPH).await;
    let query = json!({"Query": "Events"});
    for (kind, status, code, retry_after) in [
        (Kind::Throttled, 429, "TooManyRequests", Some("1")),
        (Kind::ThrottledSilent, 429, "TooManyRequests", None),
        (Kind::InternalError, 500, "UnknownError", None),
        (Kind::Unavailable, 503, "ServiceUnavailable", None),
        (Kind::GatewayTimeout, 504, "UnknownError", None),
        (Kind::ExpiredToken, 401, "InvalidAuthenticationToken", None),
        (Kind::Preempted, 400, "BadRequest", None),
        (Kind::TooLarge, 400, "BadRequest", None),
    ] {
        lab.running.faults().replace(vec![Rule::always(kind)]);
        let answer = lab.post(HUNT, &token, &query).await;
        assert_eq!(answer.status, status, "{kind:?}");
        assert_eq!(answer.error()["code"], code, "{kind:?}");
        assert_eq!(answer.retry_after.as_deref(), retry_after, "{kind:?}");
    }
    lab.running.faults().replace(vec![Rule::always(Kind::Html)]);
    let answer = lab.post(HUNT, &token, &query).await;
    assert_eq!(answer.status, 200);
    assert!(
        answer.body.starts_with("<!DOCTYPE html>"),
        "{}",
        answer.body
    );
    lab.running.faults().replace(Vec::new());
    assert_eq!(lab.post(HUNT, &token, &query).await.status, 200);
    let faults: Vec<_> = lab
        .running
        .requests()
        .iter()
        .map(|record| record.fault)
        .collect();
    assert_eq!(faults.len(), 11);
    assert_eq!(faults.last(), Some(&None));
    assert_eq!(faults[1], Some(Kind::Throttled));
}

#[tokio::test]
async fn faults_in_the_body() {
    let lab = Lab::with(|config| config.slow_piece = Duration::from_millis(60)).await;
    let token = lab.token(GRAPH).await;
    for query in ["Events", "range n from 1 to 100000 step 1"] {
        let body = json!({"Query": query});
        let whole = lab.post(HUNT, &token, &body).await.body;
        let send = async || {
            let request = lab.http.post(lab.url(HUNT)).bearer_auth(&token).json(&body);
            request.send().await.unwrap()
        };
        lab.running.faults().replace(vec![Rule::always(Kind::Cut)]);
        let response = send().await;
        assert_eq!(response.status(), 200);
        assert!(
            response.text().await.is_err(),
            "{query}: it is not seen to be cut"
        );
        lab.running
            .faults()
            .replace(vec![Rule::always(Kind::Truncated)]);
        let truncated = send().await.text().await.unwrap();
        assert!(
            whole.starts_with(&truncated) && truncated.len() < whole.len(),
            "{query}"
        );
        assert!(
            serde_json::from_str::<Value>(&truncated).is_err(),
            "{query}"
        );
        lab.running
            .faults()
            .replace(vec![Rule::always(Kind::WrongContentType)]);
        let response = send().await;
        assert_eq!(
            response.headers()["content-type"],
            "text/plain; charset=utf-8"
        );
        assert_eq!(response.text().await.unwrap(), whole, "{query}");
        lab.running.faults().replace(Vec::new());
    }
    lab.running.faults().replace(vec![Rule::always(Kind::Slow)]);
    let begun = Instant::now();
    assert_eq!(
        lab.post(HUNT, &token, &json!({"Query": "Events"}))
            .await
            .status,
        200
    );
    assert!(begun.elapsed() >= Duration::from_millis(60));
}

#[tokio::test]
async fn a_test_drives_faults_and_the_clock_and_reads_the_log() {
    let lab = Lab::new().await;
    let token = lab.token(GRAPH).await;
    let admin = |path: &str| lab.url(&format!("/admin/{path}"));
    let body = json!({"faults": ["internal-error=1@/v1.0", "cut=0@/api"]});
    let put = lab
        .http
        .put(admin("faults"))
        .json(&body)
        .send()
        .await
        .unwrap();
    assert_eq!(Answer::of(put).await.json(), body);
    assert_eq!(
        lab.post(HUNT, &token, &json!({"Query": "Events"}))
            .await
            .status,
        500
    );
    let bad = lab
        .http
        .put(admin("faults"))
        .json(&json!({"faults": ["boom=1"]}));
    assert_eq!(bad.send().await.unwrap().status(), 400);
    lab.http.delete(admin("faults")).send().await.unwrap();
    assert_eq!(
        lab.post(HUNT, &token, &json!({"Query": "Events"}))
            .await
            .status,
        200
    );
    let advance = lab
        .http
        .post(admin("clock"))
        .json(&json!({"advance": "2h"}));
    let clock = Answer::of(advance.send().await.unwrap()).await.json();
    assert_eq!(clock, json!({"now": "2026-01-20T02:00:00Z", "speed": 1.0}));
    assert_eq!(
        lab.post(HUNT, &token, &json!({"Query": "Events"}))
            .await
            .status,
        401
    );
    let log = Answer::of(lab.http.get(admin("requests")).send().await.unwrap())
        .await
        .json();
    let statuses: Vec<u64> = log["requests"]
        .as_array()
        .unwrap()
        .iter()
        .map(|record| record["status"].as_u64().unwrap())
        .collect();
    assert_eq!(statuses, [200, 500, 200, 401]);
    assert_eq!(log["requests"][1]["fault"], "internal-error");
    assert_eq!(log["requests"][2]["path"], HUNT);
    assert_eq!(log["requests"][3]["at"], "2026-01-20T02:00:00Z");
    let foreign = lab
        .http
        .get(admin("requests"))
        .header("Host", "example.com");
    assert_eq!(foreign.send().await.unwrap().status(), 403);
}

#[tokio::test]
async fn a_rule_for_hunting_hides_none_for_other_calls() {
    let lab = Lab::with(|config| config.checks_tokens = false).await;
    let rules = ["preempted=1", "expired-token=1@/common", "throttled=1@/api"];
    let rules = rules.map(|rule| rule.parse().unwrap());
    lab.running.faults().replace(rules.to_vec());
    assert_eq!(lab.get("/api/machines", "x").await.status, 429);
    let hunt = json!({"Query": "Events"});
    assert_eq!(lab.post(HUNT, "x", &hunt).await.status, 400);
}
