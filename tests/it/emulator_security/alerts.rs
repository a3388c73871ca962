//! `/api/alerts`

use serde_json::json;

use super::lab::{Lab, SHA1, SRV1, WS17};

#[tokio::test]
async fn alerts_are_listed_newest_first_and_only_when_their_time_has_come() {
    let lab = Lab::new().await;
    let alerts = lab.get("/api/alerts").await;
    assert_eq!(alerts.each("id"), ["da2_1", "da1_1"]);
    let first = &alerts.ok()["value"][1];
    assert_eq!(first["severity"], "Medium");
    assert_eq!(first["status"], "New");
    assert_eq!(first["machineId"], WS17);
    assert_eq!(first["mitreTechniques"], json!(["T1059.001"]));
    assert_eq!(first["alertCreationTime"], "2026-01-18T10:00:00.0000000Z");
    assert_eq!(
        first["relatedUser"],
        json!({"userName": "ada", "domainName": "EXAMPLE"})
    );
    assert_eq!(first["evidence"], json!([]), "only where it is expanded");
    let context = alerts.ok()["@odata.context"].clone();
    assert!(context.as_str().unwrap().ends_with("/api/$metadata#Alerts"));
    lab.pass(7 * 3_600);
    let alerts = lab.get("/api/alerts").await;
    assert_eq!(alerts.each("id"), ["da4_1", "da2_1", "da1_1"]);
}

#[tokio::test]
async fn lists_take_the_documented_options_and_no_others() {
    let lab = Lab::new().await;
    let get = async |options: &str| lab.get(&format!("/api/alerts?{options}")).await;
    let high = get("$filter=severity+eq+'High'").await;
    assert_eq!(high.each("id"), ["da2_1"]);
    let late = get("$filter=alertCreationTime%20gt%202026-01-18T10:30:00Z").await;
    assert_eq!(late.each("id"), ["da2_1"]);
    assert_eq!(get("$top=1").await.each("id"), ["da2_1"]);
    assert_eq!(get("$top=1&$skip=1").await.each("id"), ["da1_1"]);
    assert_eq!(get("$top=1&$count=true").await.ok()["@odata.count"], 2);
    assert_eq!(lab.get("/api/alerts/$count").await.body, "2");
    let counted = lab
        .get("/api/alerts/$count?$filter=severity eq 'High'")
        .await;
    assert_eq!(counted.body, "1");
    let expanded = get("$expand=evidence&$filter=id eq 'da1_1'").await.ok();
    assert_eq!(
        expanded["value"][0]["evidence"].as_array().unwrap().len(),
        5
    );
}

#[tokio::test]
async fn wrong_options_are_odata_errors() {
    let lab = Lab::new().await;
    for (options, part) in [
        ("$filter=title eq 'x'", "'title' cannot be used"),
        ("$filter=severity eq High", "single quotes"),
        (
            "$filter=lastUpdateTime ge '2026-01-01T00:00:00Z'",
            "incompatible types",
        ),
        (
            "$top=10001",
            "The limit of '10000' for Top query has been exceeded",
        ),
        ("$top=-1", "Invalid value '-1'"),
        ("$stop=1", "'$stop' is not supported"),
        ("$expand=machine", "$expand"),
    ] {
        let message = lab
            .get(&format!("/api/alerts?{options}"))
            .await
            .fails(400, "ODataError");
        assert!(message.contains(part), "{options}: {message}");
    }
}

#[tokio::test]
async fn an_alert_has_its_evidence_and_what_it_is_about() {
    let lab = Lab::new().await;
    let alert = lab.get("/api/alerts/da1_1").await.ok();
    let evidence = alert["evidence"].as_array().unwrap();
    let kinds: Vec<&str> = evidence
        .iter()
        .map(|one| one["entityType"].as_str().unwrap())
        .collect();
    assert_eq!(
        kinds,
        ["File", "Process", "User", "Ip", "Url"],
        "the machine is told elsewhere"
    );
    assert_eq!(evidence[1]["processId"], 4711);
    assert_eq!(lab.get("/api/alerts/da1_1/machine").await.ok()["id"], WS17);
    let user = lab.get("/api/alerts/da1_1/user").await.ok();
    assert_eq!(user["id"], "example\\ada");
    assert_eq!(user["logOnMachinesCount"], 2);
    let files = lab.get("/api/alerts/da1_1/files").await;
    assert_eq!(files.each("sha1"), [SHA1]);
    let ips = lab.get("/api/alerts/da1_1/ips").await;
    assert_eq!(ips.each("id"), ["198.51.100.9"]);
    let domains = lab.get("/api/alerts/da1_1/domains").await;
    assert_eq!(domains.each("host"), ["evil.example.com"]);
    lab.get("/api/alerts/none")
        .await
        .fails(404, "ResourceNotFound");
    lab.get("/api/alerts/da2_1/user")
        .await
        .fails(404, "ResourceNotFound");
    lab.get("/api/alerts/da4_1")
        .await
        .fails(404, "ResourceNotFound");
}

#[tokio::test]
async fn alerts_are_changed_one_by_one_and_together() {
    let lab = Lab::new().await;
    let change = json!({
        "status": "Resolved", "classification": "FalsePositive", "determination": "NotMalicious",
        "assignedTo": "ada@example.org", "comment": "a test",
    });
    lab.pass(60);
    let changed = lab.patch("/api/alerts/da1_1", change).await.ok();
    assert_eq!(changed["status"], "Resolved");
    assert_eq!(
        changed["determination"], "Clean",
        "either spelling is taken"
    );
    assert_eq!(changed["resolvedTime"], "2026-01-20T00:01:00.0000000Z");
    assert_eq!(changed["lastUpdateTime"], "2026-01-20T00:01:00.0000000Z");
    assert_eq!(changed["comments"][0]["comment"], "a test");
    // Graph tells the same alert.
    let graph = lab.get("/v1.0/security/alerts_v2/da1_1").await.ok();
    assert_eq!(graph["determination"], "notMalicious");

    let both = json!({"alertIds": ["da1_1", "da2_1"], "status": "InProgress"});
    let answer = lab.post("/api/alerts/batchUpdate", both).await;
    assert_eq!((answer.status, answer.body.as_str()), (200, ""));
    let alerts = lab.get("/api/alerts").await;
    assert_eq!(alerts.each("status"), ["InProgress", "InProgress"]);
    assert_eq!(alerts.ok()["value"][1]["resolvedTime"], json!(null));

    let patch = async |body| lab.patch("/api/alerts/da1_1", body).await;
    patch(json!({"Status": "New"}))
        .await
        .fails(400, "InvalidRequestBody");
    patch(json!({"status": "Done"}))
        .await
        .fails(400, "InvalidInput");
    patch(json!([])).await.fails(400, "InvalidRequestBody");
    lab.patch("/api/alerts/none", json!({}))
        .await
        .fails(404, "ResourceNotFound");
    let batch = async |body| lab.post("/api/alerts/batchUpdate", body).await;
    batch(json!({"status": "New"}))
        .await
        .fails(400, "MissingRequiredParameter");
    let ids: Vec<String> = (0..101).map(|id| id.to_string()).collect();
    batch(json!({"alertIds": ids}))
        .await
        .fails(400, "MaximumBatchSizeExceeded");
    batch(json!({"alertIds": ["none"], "status": "New"}))
        .await
        .fails(404, "ResourceNotFound");
}

#[tokio::test]
async fn an_event_becomes_an_alert_once() {
    let lab = Lab::new().await;
    let reference = json!({
        "machineId": WS17, "eventTime": "2026-01-15T08:00:00.1234567Z", "reportId": "12",
        "severity": "High", "title": "Odd file", "description": "d",
        "recommendedAction": "look", "category": "Execution",
    });
    let create = async |body| lab.post("/api/alerts/CreateAlertByReference", body).await;
    let alert = create(reference.clone()).await.ok();
    assert_eq!(alert["title"], "Odd file");
    assert_eq!(alert["investigationState"], "Running");
    assert_eq!(alert["firstEventTime"], "2026-01-15T08:00:00.1234567Z");
    let again = create(reference.clone()).await.ok();
    assert_eq!(
        again["id"], alert["id"],
        "an open alert takes in others of its title"
    );
    let id = alert["id"].as_str().unwrap();
    lab.patch(&format!("/api/alerts/{id}"), json!({"status": "Resolved"}))
        .await
        .ok();
    assert_ne!(create(reference.clone()).await.ok()["id"], alert["id"]);
    let investigations = lab.get("/api/investigations").await;
    assert_eq!(investigations.each("state"), ["Running", "Running"]);
    lab.pass(3_600);
    assert_eq!(
        lab.get("/api/investigations/1").await.ok()["state"],
        "Benign"
    );

    for name in reference.as_object().unwrap().keys() {
        let mut body = reference.clone();
        body.as_object_mut().unwrap().remove(name);
        let message = create(body).await.fails(400, "MissingRequiredParameter");
        assert!(message.contains(name), "{message}");
    }
    let with = |name: &str, value: &str| {
        let mut body = reference.clone();
        body[name] = json!(value);
        body
    };
    create(with("severity", "Informational"))
        .await
        .fails(400, "InvalidInput");
    create(with("category", "Nonsense"))
        .await
        .fails(400, "InvalidInput");
    create(with("reportId", "13"))
        .await
        .fails(404, "ResourceNotFound");
    create(with("eventTime", "2026-01-15T08:00:00.123456Z"))
        .await
        .fails(404, "ResourceNotFound");
    create(with("machineId", SRV1))
        .await
        .fails(404, "ResourceNotFound");
}

#[tokio::test]
async fn alerts_are_posted_by_hand() {
    let lab = Lab::new().await;
    let posted = lab.post("/admin/alerts", json!({})).await;
    assert_eq!(posted.status, 201, "{}", posted.body);
    let id = posted.json()["id"].as_str().unwrap().to_owned();
    let alert = lab.get(&format!("/api/alerts/{id}")).await.ok();
    assert_eq!(alert["machineId"], WS17, "the machine that was seen last");
    let later = json!({
        "id": "da9_9", "title": "Later", "severity": "low", "device": "srv-1.example.org",
        "user": "EXAMPLE\\bob", "in_seconds": 30,
        "evidence": [{"EntityType": "Ip", "RemoteIP": "192.0.2.1"}],
    });
    assert_eq!(lab.post("/admin/alerts", later.clone()).await.status, 201);
    lab.get("/api/alerts/da9_9")
        .await
        .fails(404, "ResourceNotFound");
    lab.pass(30);
    let alert = lab.get("/api/alerts/da9_9").await.ok();
    assert_eq!(alert["machineId"], SRV1);
    assert_eq!(alert["evidence"][0]["ipAddress"], "192.0.2.1");
    lab.post("/admin/alerts", later)
        .await
        .fails(400, "BadRequest");
    lab.post("/admin/alerts", json!({"nonsense": 1}))
        .await
        .fails(400, "InvalidRequestBody");
    lab.post("/admin/alerts", json!({"device": "no"}))
        .await
        .fails(404, "ResourceNotFound");
}

#[tokio::test]
async fn a_folder_without_alerts_has_none_but_those_posted() {
    let lab = Lab::empty().await;
    assert_eq!(lab.get("/api/alerts").await.ok()["value"], json!([]));
    assert_eq!(
        lab.get("/v1.0/security/incidents").await.ok()["value"],
        json!([])
    );
    assert_eq!(
        lab.post("/admin/alerts", json!({"title": "x"}))
            .await
            .status,
        201
    );
    let alerts = lab.get("/v1.0/security/alerts_v2").await;
    assert_eq!(alerts.each("title"), ["x"]);
}
