//! `/v1.0/security/alerts_v2` and `/v1.0/security/incidents`

use reqwest::Method;
use serde_json::json;

use super::lab::{Lab, WS17};

const ALERTS: &str = "/v1.0/security/alerts_v2";
const INCIDENTS: &str = "/v1.0/security/incidents";

#[tokio::test]
async fn alerts_are_told_as_graph_tells_them() {
    let lab = Lab::new().await;
    let alerts = lab.get(ALERTS).await;
    assert_eq!(alerts.each("id"), ["sn3_1", "da2_1", "da1_1"]);
    assert_eq!(alerts.each("severity"), ["low", "high", "medium"]);
    assert_eq!(alerts.each("status"), ["new", "new", "new"]);
    // Members that came later are hidden.
    let detections = [
        "unknownFutureValue",
        "antivirus",
        "microsoftDefenderForEndpoint",
    ];
    assert_eq!(alerts.each("detectionSource"), detections);
    let request = lab
        .request(Method::GET, ALERTS)
        .header("Prefer", "include-unknown-enum-members");
    let alerts = lab.send(request).await;
    assert_eq!(alerts.each("detectionSource")[0], "scheduledAlerts");
    assert_eq!(alerts.each("serviceSource")[0], "microsoftSentinel");

    let alert = lab.get(&format!("{ALERTS}/da1_1")).await.ok();
    let evidence = alert["evidence"].as_array().unwrap();
    let types: Vec<&str> = evidence
        .iter()
        .map(|one| {
            one["@odata.type"]
                .as_str()
                .unwrap()
                .rsplit('.')
                .next()
                .unwrap()
        })
        .collect();
    let expected = [
        "deviceEvidence",
        "fileEvidence",
        "processEvidence",
        "userEvidence",
        "ipEvidence",
        "urlEvidence",
    ];
    assert_eq!(types, expected);
    assert_eq!(evidence[0]["mdeDeviceId"], WS17);
    assert_eq!(evidence[0]["osPlatform"], "Windows11");
    assert_eq!(evidence[2]["processId"], 4711);
    assert_eq!(evidence[2]["imageFile"]["fileName"], "powershell.exe");
    assert_eq!(evidence[3]["userAccount"]["accountName"], "ada");
    let beta = lab.get("/beta/security/alerts_v2/da1_1").await.ok();
    assert_eq!(beta["id"], "da1_1");
    lab.get(&format!("{ALERTS}/none"))
        .await
        .fails(404, "NotFound");
}

#[tokio::test]
async fn lists_are_read_page_by_page() {
    let lab = Lab::with(|config| {
        config.checks_tokens = false;
        config.security.graph_page = 2;
    })
    .await;
    let first = lab
        .get(&format!("{ALERTS}?$count=true&$filter=severity ne 'x y'"))
        .await;
    assert_eq!(first.each("id"), ["sn3_1", "da2_1"]);
    assert_eq!(first.ok()["@odata.count"], 3);
    let next = first.ok()["@odata.nextLink"].as_str().unwrap().to_owned();
    let second = lab.get(&next).await;
    assert_eq!(second.each("id"), ["da1_1"]);
    assert_eq!(second.ok()["@odata.count"], 3);
    assert!(second.ok().get("@odata.nextLink").is_none());
    let three = lab.get(&format!("{ALERTS}?$top=3")).await.ok();
    assert!(three.get("@odata.nextLink").is_none(), "{three}");
    // The size of a page is kept.
    let ones = lab.get(&format!("{ALERTS}?$top=1")).await.ok();
    let next = ones["@odata.nextLink"].as_str().unwrap();
    assert_eq!(lab.get(next).await.each("id"), ["da2_1"]);
}

#[tokio::test]
async fn filters_take_the_documented_properties() {
    let lab = Lab::new().await;
    let ids = async |filter: &str| {
        lab.get(&format!("{ALERTS}?$filter={filter}"))
            .await
            .each("id")
    };
    assert_eq!(
        ids("createdDateTime ge 2026-01-18T11:00:00Z").await,
        ["sn3_1", "da2_1"]
    );
    let endpoint = ids("serviceSource eq 'microsoftDefenderForEndpoint'").await;
    assert_eq!(endpoint, ["da2_1", "da1_1"]);
    assert_eq!(
        ids("severity eq 'high' or severity eq 'medium'").await,
        ["da2_1", "da1_1"]
    );
    lab.get(&format!("{ALERTS}?$filter=title eq 'x'"))
        .await
        .fails(400, "BadRequest");
    lab.get(&format!("{ALERTS}?$orderby=createdDateTime"))
        .await
        .fails(400, "BadRequest");
}

#[tokio::test]
async fn alerts_are_changed_and_commented() {
    let lab = Lab::new().await;
    let path = format!("{ALERTS}/da1_1");
    lab.pass(5);
    let change = json!({
        "status": "inProgress", "classification": "truePositive",
        "determination": "compromisedUser", "assignedTo": "ada@example.org",
    });
    let changed = lab.patch(&path, change).await.ok();
    assert_eq!(changed["status"], "inProgress");
    assert_eq!(
        changed["determination"], "compromisedAccount",
        "the newer spelling"
    );
    assert_eq!(
        changed["lastUpdateDateTime"],
        "2026-01-20T00:00:05.0000000Z"
    );
    lab.patch(&path, json!({"title": "x"}))
        .await
        .fails(400, "BadRequest");
    let comment = json!({
        "@odata.type": "microsoft.graph.security.alertComment", "comment": "one",
    });
    let comments = format!("{path}/comments");
    lab.post(&comments, comment).await.ok();
    let both = lab.post(&comments, json!({"comment": "two"})).await;
    assert_eq!(both.each("comment"), ["one", "two"]);
    lab.post(&comments, json!({}))
        .await
        .fails(400, "BadRequest");
    let error = lab.get(&format!("{ALERTS}/none")).await.json();
    assert!(
        error["error"]["innerError"]["request-id"].is_string(),
        "{error}"
    );
}

#[tokio::test]
async fn alerts_of_a_machine_and_day_are_an_incident() {
    let lab = Lab::new().await;
    let incidents = lab.get(&format!("{INCIDENTS}?$expand=alerts")).await.ok();
    let first = &incidents["value"][1];
    assert_eq!(first["severity"], "high");
    assert_eq!(first["status"], "active");
    assert_eq!(first["createdDateTime"], "2026-01-18T10:00:00.0000000Z");
    let alerts: Vec<_> = first["alerts"]
        .as_array()
        .unwrap()
        .iter()
        .map(|a| &a["id"])
        .collect();
    assert_eq!(alerts, ["da1_1", "da2_1"]);
    let id = first["id"].as_str().unwrap();
    assert_eq!(
        lab.get("/api/alerts/da1_1").await.ok()["incidentId"].to_string(),
        id
    );
    assert!(
        lab.get(INCIDENTS).await.ok()["value"][0]
            .get("alerts")
            .is_none()
    );

    let path = format!("{INCIDENTS}/{id}");
    let change = json!({
        "status": "Resolved", "classification": "TruePositive", "determination": "malware",
        "assignedTo": "ada@example.org", "customTags": ["seen"],
    });
    let changed = lab.patch(&path, change).await.ok();
    assert_eq!(changed["status"], "resolved");
    assert_eq!(changed["classification"], "truePositive");
    assert_eq!(changed["customTags"], json!(["seen"]));
    let comments = lab
        .post(&format!("{path}/comments"), json!({"comment": "c"}))
        .await;
    assert_eq!(comments.each("comment"), ["c"]);
    let resolved = lab
        .get(&format!("{INCIDENTS}?$filter=status eq 'resolved'"))
        .await;
    assert_eq!(resolved.each("id"), [id]);
    let single = lab.get(&format!("{path}?$expand=alerts")).await.ok();
    assert_eq!(single["alerts"].as_array().unwrap().len(), 2);
    lab.patch(&path, json!({"status": "awaitingAction"}))
        .await
        .fails(400, "BadRequest");
    lab.get(&format!("{INCIDENTS}/99"))
        .await
        .fails(404, "NotFound");
    // The incident of an alert that is not there yet is not there either.
    lab.get(&format!("{INCIDENTS}/3"))
        .await
        .fails(404, "NotFound");
    lab.pass(24 * 3_600);
    lab.get(&format!("{INCIDENTS}/3")).await.ok();
}
