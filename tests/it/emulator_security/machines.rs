//! `/api/machines`

use serde_json::json;

use super::lab::{Lab, MAC1, SRV1, WS17};

#[tokio::test]
async fn machines_are_those_of_the_folder_as_they_are_now() {
    let lab = Lab::new().await;
    let machines = lab.get("/api/machines").await;
    assert_eq!(machines.each("id"), [WS17, SRV1, MAC1]);
    let machine = lab.get(&format!("/api/machines/{WS17}")).await.ok();
    assert_eq!(machine["computerDnsName"], "ws-17.example.org");
    assert_eq!(machine["firstSeen"], "2026-01-10T08:00:00.0000000Z");
    assert_eq!(machine["lastSeen"], "2026-01-19T20:00:00.0000000Z");
    assert_eq!(machine["exposureLevel"], "Medium", "of the newest row");
    assert_eq!(machine["riskScore"], "High", "of its worst open alert");
    assert_eq!(machine["machineTags"], json!(["lab", "vip users"]));
    assert_eq!(machine["lastIpAddress"], "10.0.0.17");
    assert_eq!(machine["ipAddresses"][0]["macAddress"], "001122334455");
    assert_eq!(machine["rbacGroupId"], 1);
    let by_name = lab.get("/api/machines/SRV-1.example.org").await.ok();
    assert_eq!(by_name["id"], SRV1);
    assert_eq!(
        by_name["lastIpAddress"], "10.0.0.99",
        "from its connections"
    );
    assert_eq!(by_name["riskScore"], "None");
    let missing = lab
        .get("/api/machines/none")
        .await
        .fails(404, "ResourceNotFound");
    assert!(missing.contains("none"), "{missing}");
}

#[tokio::test]
async fn lists_are_filtered_and_404_when_empty() {
    let lab = Lab::new().await;
    let ids = async |options: &str| {
        lab.get(&format!("/api/machines?{options}"))
            .await
            .each("id")
    };
    assert_eq!(ids("$filter=osPlatform eq 'macOS'").await, [MAC1]);
    assert_eq!(
        ids("$filter=startswith(computerDnsName,'srv')").await,
        [SRV1]
    );
    assert_eq!(ids("$filter=riskScore eq 'High'&$top=5").await, [WS17]);
    assert_eq!(
        ids("$filter=machineTags/any(tag: tag eq 'lab')").await,
        [WS17]
    );
    assert_eq!(
        ids("$filter=rbacGroupId eq 1 and lastSeen lt 2026-01-01T00:00:00Z").await,
        [MAC1]
    );
    lab.get("/api/machines?$filter=id eq 'none'")
        .await
        .fails(404, "ResourceNotFound");
    lab.get("/api/machines?$filter=isAadJoined eq true")
        .await
        .fails(400, "ODataError");
    assert_eq!(lab.get("/api/machines/$count").await.body, "3");
    let empty = Lab::empty().await;
    empty
        .get("/api/machines")
        .await
        .fails(404, "ResourceNotFound");
}

#[tokio::test]
async fn what_is_documented_as_recent_can_be_asked_for() {
    let lab = Lab::with(|config| {
        config.checks_tokens = false;
        config.security.recent_days = Some(30);
    })
    .await;
    assert_eq!(lab.get("/api/machines").await.each("id"), [WS17, SRV1]);
}

#[tokio::test]
async fn machines_have_users_and_alerts() {
    let lab = Lab::new().await;
    let users = lab.get(&format!("/api/machines/{WS17}/logonusers")).await;
    assert_eq!(users.each("accountName"), ["ada"]);
    let ada = &users.ok()["value"][0];
    assert_eq!(ada["logonTypes"], "Interactive");
    assert_eq!(ada["firstSeen"], "2026-01-15T08:00:00.0000000Z");
    assert_eq!(ada["isOnlyNetworkUser"], false);
    let failed = lab.get(&format!("/api/machines/{MAC1}/logonusers")).await;
    assert_eq!(failed.ok()["value"], json!([]), "a failed logon is none");
    let alerts = lab.get(&format!("/api/machines/{WS17}/alerts")).await;
    assert_eq!(alerts.each("id"), ["da2_1", "da1_1"]);
    assert_eq!(
        lab.get(&format!("/api/machines/{WS17}/alerts/$count"))
            .await
            .body,
        "2"
    );
    lab.get("/api/machines/none/alerts")
        .await
        .fails(404, "ResourceNotFound");
}

#[tokio::test]
async fn machines_are_found_by_the_address_they_had() {
    let lab = Lab::new().await;
    let find = async |ip: &str, at: &str| {
        lab.get(&format!("/api/machines/findbyip(ip='{ip}',timestamp={at})"))
            .await
    };
    let found = find("10.0.0.99", "2026-01-18T09:14:00Z").await;
    assert_eq!(found.each("id"), [SRV1]);
    find("10.0.0.99", "2026-01-18T09:16:00Z")
        .await
        .fails(404, "ResourceNotFound");
    assert_eq!(
        find("10.0.0.17", "2026-01-19T20:10:00Z").await.each("id"),
        [WS17]
    );
    find("10.0.0.99", "2025-12-01T00:00:00Z")
        .await
        .fails(400, "BadRequest");
    find("10.0.0", "2026-01-18T09:00:00Z")
        .await
        .fails(400, "InvalidIpAddress");
    find("10.0.0.99", "yesterday")
        .await
        .fails(400, "InvalidInput");
    lab.get("/api/machines/findbyip(ip='10.0.0.99')")
        .await
        .fails(400, "MissingRequiredParameter");
}

#[tokio::test]
async fn tags_and_values_are_changed() {
    let lab = Lab::new().await;
    let tags = format!("/api/machines/{SRV1}/tags");
    let tag = |value: &str, action: &str| json!({"Value": value, "Action": action});
    let tagged = lab.post(&tags, tag("crown jewel", "Add")).await.ok();
    assert_eq!(tagged["machineTags"], json!(["crown jewel"]));
    let find = async |options: &str| lab.get(&format!("/api/machines/findbytag?{options}")).await;
    assert_eq!(find("tag=crown%20jewel").await.each("id"), [SRV1]);
    assert_eq!(find("tag=crown").await.ok()["value"], json!([]));
    let started = find("tag=crown&useStartsWithFilter=true").await;
    assert_eq!(started.each("id"), [SRV1]);
    let untagged = lab.post(&tags, tag("crown jewel", "Remove")).await.ok();
    assert_eq!(untagged["machineTags"], json!([]));
    lab.post(&tags, tag("x", "add"))
        .await
        .fails(400, "InvalidInput");
    lab.post(&tags, json!({"value": "x", "action": "Add"}))
        .await
        .fails(400, "MissingRequiredParameter");
    find("").await.fails(400, "MissingRequiredParameter");

    let several = "/api/machines/AddOrRemoveTagForMultipleMachines";
    let both = json!({"Value": "t", "Action": "Add", "MachineIds": [SRV1, MAC1]});
    assert_eq!(lab.post(several, both).await.each("id"), [SRV1, MAC1]);
    assert_eq!(find("tag=t").await.each("id"), [SRV1, MAC1]);
    let missing = json!({"Value": "u", "Action": "Add", "MachineIds": [SRV1, "none"]});
    lab.post(several, missing)
        .await
        .fails(404, "ResourceNotFound");
    assert_eq!(
        find("tag=u").await.ok()["value"],
        json!([]),
        "all or nothing"
    );
    let many: Vec<&str> = std::iter::repeat_n(SRV1, 501).collect();
    let many = json!({"Value": "u", "Action": "Add", "MachineIds": many});
    lab.post(several, many)
        .await
        .fails(400, "MaximumBatchSizeExceeded");

    let value = format!("/api/machines/{SRV1}/setDeviceValue");
    let valued = lab.post(&value, json!({"DeviceValue": "High"})).await.ok();
    assert_eq!(valued["deviceValue"], "High");
    lab.post(&value, json!({"DeviceValue": "Huge"}))
        .await
        .fails(400, "InvalidInput");
}

#[tokio::test]
async fn a_page_behind_the_last_is_empty() {
    let lab = Lab::new().await;
    for options in ["$skip=3", "$top=3&$skip=3", "$top=0"] {
        let page = lab.get(&format!("/api/machines?{options}")).await;
        assert_eq!(page.ok()["value"], json!([]), "{options}");
    }
    lab.get("/api/machines?$filter=id eq 'none'&$skip=1")
        .await
        .fails(404, "ResourceNotFound");
}

#[tokio::test]
async fn groups_and_instants_are_written_as_clients_write_them() {
    let lab = Lab::new().await;
    for filter in [
        "rbacGroupId eq 1",
        "rbacGroupId eq '1'",
        "lastSeen ge 2025-11-01T12:00:00%2B02:00",
    ] {
        let path = format!("/api/machines?$filter={filter}");
        assert_eq!(lab.get(&path).await.each("id").len(), 3, "{filter}");
    }
}

#[tokio::test]
async fn case_does_not_matter_in_paths() {
    let lab = Lab::new().await;
    for path in [
        "/API/machines",
        "/api/Machines?$top=1",
        "/V1.0/security/Alerts_V2",
        "/Beta/Security/Incidents",
    ] {
        lab.get(path).await.ok();
    }
    let mail = json!({"message": {
        "subject": "s",
        "body": {"contentType": "text", "content": "b"},
        "toRecipients": [{"emailAddress": {"address": "a@example.com"}}],
    }});
    let sent = lab.post("/v1.0/Users/a@example.com/SendMail", mail).await;
    assert_eq!(sent.status, 202, "{}", sent.body);
}
