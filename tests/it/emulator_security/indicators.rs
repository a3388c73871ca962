//! `/api/indicators`

use serde_json::{Value, json};

use super::lab::{Lab, SHA1};

const PATH: &str = "/api/indicators";

fn indicator(ty: &str, value: &str, action: &str) -> Value {
    json!({
        "indicatorValue": value, "indicatorType": ty, "action": action,
        "title": "t", "description": "d",
    })
}

#[tokio::test]
async fn an_indicator_is_made_changed_and_deleted() {
    let lab = Lab::new().await;
    let mut body = indicator("FileSha1", SHA1, "Block");
    body["application"] = json!("first");
    body["rbacGroupNames"] = json!(["Office"]);
    let made = lab.post(PATH, body.clone()).await.ok();
    assert_eq!(made["id"], "1");
    assert_eq!(made["severity"], "Informational");
    assert_eq!(made["rbacGroupNames"], json!(["Office"]));
    assert_eq!(
        made["creationTimeDateTimeUtc"],
        "2026-01-20T00:00:00.0000000Z"
    );
    lab.pass(60);
    body["indicatorValue"] = json!(SHA1.to_uppercase());
    body["action"] = json!("Warn");
    body["application"] = json!("second");
    let changed = lab.post(PATH, body).await.ok();
    assert_eq!(changed["id"], "1", "one value, one indicator");
    assert_eq!(changed["action"], "Warn");
    assert_eq!(changed["application"], "first", "is not changed");
    assert_eq!(
        changed["creationTimeDateTimeUtc"],
        made["creationTimeDateTimeUtc"]
    );
    assert_eq!(changed["lastUpdateTime"], "2026-01-20T00:01:00.0000000Z");
    assert_eq!(lab.get(PATH).await.each("id"), ["1"]);
    let deleted = lab.delete("/api/indicators/1").await;
    assert_eq!((deleted.status, deleted.body.as_str()), (204, ""));
    lab.delete("/api/indicators/1")
        .await
        .fails(404, "ResourceNotFound");
    assert_eq!(
        lab.get(PATH).await.ok()["value"],
        json!([]),
        "empty, but no 404"
    );
}

#[tokio::test]
async fn what_is_required_and_allowed_is_checked() {
    let lab = Lab::new().await;
    let whole = indicator("IpAddress", "192.0.2.1", "Block");
    for name in whole.as_object().unwrap().keys() {
        let mut body = whole.clone();
        body.as_object_mut().unwrap().remove(name);
        lab.post(PATH, body)
            .await
            .fails(400, "MissingRequiredParameter");
    }
    let fails = async |ty: &str, value: &str, code: &str| {
        lab.post(PATH, indicator(ty, value, "Block"))
            .await
            .fails(400, code);
    };
    fails("FileSha1", "abc", "InvalidHashValue").await;
    fails("FileSha256", SHA1, "InvalidHashValue").await;
    fails("FileMd5", SHA1, "InvalidHashValue").await;
    fails("IpAddress", "192.0.2.0/24", "InvalidIpAddress").await;
    fails("DomainName", "no domain", "InvalidDomainName").await;
    fails("Url", "not a url", "InvalidUrl").await;
    fails("Colour", "red", "InvalidInput").await;
    let audit = indicator("DomainName", "evil.example.com", "Audit");
    lab.post(PATH, audit.clone())
        .await
        .fails(400, "InvalidInput");
    let mut alerting = audit;
    alerting["generateAlert"] = json!(true);
    lab.post(PATH, alerting).await.ok();
    let mut capital = whole.clone();
    capital["Severity"] = json!("High");
    lab.post(PATH, capital)
        .await
        .fails(400, "InvalidRequestBody");
    let mut past = whole;
    past["expirationTime"] = json!("2026-01-19T00:00:00Z");
    lab.post(PATH, past).await.fails(400, "InvalidInput");
}

#[tokio::test]
async fn indicators_expire_and_are_filtered() {
    let lab = Lab::new().await;
    let mut short = indicator("IpAddress", "192.0.2.1", "Block");
    short["expirationTime"] = json!("2026-01-20T00:01:00Z");
    lab.post(PATH, short).await.ok();
    lab.post(PATH, indicator("Url", "https://evil.example.com/x", "Warn"))
        .await
        .ok();
    let warn = lab.get("/api/indicators?$filter=action eq 'Warn'").await;
    assert_eq!(warn.each("id"), ["2"]);
    lab.get("/api/indicators?$filter=description eq 'd'")
        .await
        .fails(400, "ODataError");
    lab.pass(60);
    assert_eq!(lab.get(PATH).await.each("id"), ["2"]);
}

#[tokio::test]
async fn many_are_imported_and_deleted_at_once() {
    let lab = Lab::new().await;
    let import = async |indicators: Value| {
        lab.post("/api/indicators/import", json!({"Indicators": indicators}))
            .await
    };
    let results = import(json!([
        indicator("IpAddress", "192.0.2.1", "Block"),
        indicator("IpAddress", "192.0.2", "Block"),
        indicator("DomainName", "evil.example.com", "Block"),
        "nonsense",
    ]))
    .await;
    assert_eq!(results.each("isFailed"), [false, true, false, true]);
    assert_eq!(
        results.each("id"),
        [json!("1"), json!(null), json!("2"), json!(null)]
    );
    assert_eq!(results.each("indicator")[1], "192.0.2");
    assert!(results.ok()["value"][1]["failureReason"].is_string());
    import(json!([]))
        .await
        .fails(400, "MissingRequiredParameter");
    let one = indicator("IpAddress", "192.0.2.1", "Block");
    let many: Vec<&Value> = std::iter::repeat_n(&one, 501).collect();
    import(json!(many))
        .await
        .fails(400, "MaximumBatchSizeExceeded");

    let delete = async |ids: Value| {
        lab.post("/api/indicators/BatchDelete", json!({"IndicatorIds": ids}))
            .await
    };
    delete(json!(["1", "9"]))
        .await
        .fails(404, "ResourceNotFound");
    delete(json!(["1", "x"])).await.fails(400, "InvalidInput");
    delete(json!([]))
        .await
        .fails(400, "MissingRequiredParameter");
    assert_eq!(lab.get(PATH).await.each("id"), ["1", "2"], "all or nothing");
    assert_eq!(delete(json!(["1", "2"])).await.status, 204);
    assert_eq!(lab.get(PATH).await.ok()["value"], json!([]));
}

#[tokio::test]
async fn there_is_room_for_fifteen_thousand() {
    let lab = Lab::new().await;
    for batch in 0..30 {
        let batch: Vec<Value> = (0..500)
            .map(|n| {
                indicator(
                    "IpAddress",
                    &format!("10.{batch}.{}.{}", n / 250, n % 250),
                    "Block",
                )
            })
            .collect();
        let body = json!({"Indicators": batch});
        let answer = lab.post("/api/indicators/import", body).await;
        assert!(!answer.each("isFailed").contains(&json!(true)));
    }
    let one_more = indicator("IpAddress", "192.0.2.1", "Block");
    let message = lab.post(PATH, one_more).await.fails(400, "BadRequest");
    assert!(message.contains("15000"), "{message}");
    // One that is there can be changed still.
    lab.post(PATH, indicator("IpAddress", "10.0.0.0", "Warn"))
        .await
        .ok();
    let page = lab.get(PATH).await.ok();
    assert_eq!(page["value"].as_array().unwrap().len(), 10_000);
    let next = lab
        .get(page["@odata.nextLink"].as_str().unwrap())
        .await
        .ok();
    assert_eq!(next["value"].as_array().unwrap().len(), 5_000);
}
