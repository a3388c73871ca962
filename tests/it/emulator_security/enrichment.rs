//! `/api/files`, `/api/ips`, `/api/domains`, `/api/users`

use std::fmt::Write as _;

use serde_json::json;

use super::lab::{Lab, MAC1, SHA1, SHA256, SRV1, WS17};

#[tokio::test]
async fn files_are_known_by_their_hashes() {
    let lab = Lab::new().await;
    for hash in [SHA1, SHA256] {
        let file = lab.get(&format!("/api/files/{hash}")).await.ok();
        assert_eq!(file["sha1"], SHA1);
        assert_eq!(file["sha256"], SHA256);
        assert_eq!(file["size"], 4_096);
        assert_eq!(file["globalPrevalence"], 3);
        assert_eq!(file["fileType"], "exe");
        assert_eq!(file["determinationType"], "Unknown");
    }
    let stats = lab.get(&format!("/api/files/{SHA1}/stats")).await.ok();
    assert_eq!(stats["organizationPrevalence"], 2, "of the last 30 days");
    assert_eq!(stats["orgFirstSeen"], "2026-01-15T08:00:00.1234567Z");
    assert_eq!(stats["orgLastSeen"], "2026-01-18T08:00:00.0000000Z");
    assert_eq!(stats["globallyPrevalence"], 3, "as the service spells it");
    assert_eq!(stats["topFileNames"], json!(["tool.exe"]));
    let day = lab
        .get(&format!("/api/files/{SHA1}/stats?lookBackHours=49"))
        .await
        .ok();
    assert_eq!(day["organizationPrevalence"], 1);
    let machines = lab.get(&format!("/api/files/{SHA1}/machines")).await;
    assert_eq!(machines.each("id"), [SRV1, WS17, MAC1]);
    let alerts = lab.get(&format!("/api/files/{SHA1}/alerts")).await;
    assert_eq!(alerts.each("id"), ["da1_1"]);
}

#[tokio::test]
async fn what_is_not_known_is_404_or_empty_as_documented() {
    let lab = Lab::new().await;
    let other = "c".repeat(40);
    lab.get(&format!("/api/files/{other}"))
        .await
        .fails(404, "ResourceNotFound");
    lab.get(&format!("/api/files/{other}/stats"))
        .await
        .fails(404, "ResourceNotFound");
    let machines = lab.get(&format!("/api/files/{other}/machines")).await.ok();
    assert_eq!(machines["value"], json!([]));
    lab.get("/api/files/tool.exe")
        .await
        .fails(400, "InvalidHashValue");
    lab.get(&format!("/api/files/{SHA256}/machines"))
        .await
        .fails(400, "InvalidHashValue");
    let wrong = format!("/api/files/{SHA1}/stats?lookBackHours=721");
    lab.get(&wrong).await.fails(400, "InvalidInput");
    let ip = lab.get("/api/ips/192.0.2.77/stats").await.ok();
    assert_eq!(ip["organizationPrevalence"], 0);
    assert_eq!(ip["orgFirstSeen"], json!(null));
    assert_eq!(
        lab.get("/api/ips/192.0.2.77/alerts").await.ok()["value"],
        json!([])
    );
    lab.get("/api/ips/192.0.2/stats")
        .await
        .fails(400, "InvalidIpAddress");
    lab.get("/api/ips/192.0.2/alerts")
        .await
        .fails(400, "InvalidIpAddress");
    let domain = lab.get("/api/domains/good.example.com/stats").await.ok();
    assert_eq!(domain["organizationPrevalence"], 0);
    let machines = lab.get("/api/domains/good.example.com/machines").await.ok();
    assert_eq!(machines["value"], json!([]));
    lab.get("/api/domains/no%20domain/stats")
        .await
        .fails(400, "InvalidDomainName");
    assert_eq!(
        lab.get("/api/users/nobody/machines").await.ok()["value"],
        json!([])
    );
    assert_eq!(
        lab.get("/api/users/nobody/alerts").await.ok()["value"],
        json!([])
    );
    let empty = Lab::empty().await;
    empty
        .get(&format!("/api/files/{SHA1}"))
        .await
        .fails(404, "ResourceNotFound");
    assert_eq!(
        empty.get("/api/ips/192.0.2.1/stats").await.ok()["organizationPrevalence"],
        0
    );
}

#[tokio::test]
async fn addresses_domains_and_people_are_known_by_what_machines_did() {
    let lab = Lab::new().await;
    let ip = lab.get("/api/ips/198.51.100.9/stats").await.ok();
    assert_eq!(ip["organizationPrevalence"], 2);
    assert_eq!(ip["orgFirstSeen"], "2026-01-18T09:00:00.0000000Z");
    assert_eq!(ip["orgLastSeen"], "2026-01-19T09:05:00.0000000Z");
    assert_eq!(
        lab.get("/api/ips/198.51.100.9/alerts").await.each("id"),
        ["da1_1"]
    );
    let domain = lab.get("/api/domains/evil.example.com/stats").await.ok();
    assert_eq!(domain["host"], "evil.example.com");
    assert_eq!(domain["organizationPrevalence"], 2);
    assert_eq!(
        domain["orgLastSeen"], "2026-01-19T09:00:00.0000000Z",
        "not of longer names"
    );
    let machines = lab.get("/api/domains/evil.example.com/machines").await;
    assert_eq!(machines.each("id"), [WS17, SRV1]);
    assert_eq!(
        lab.get("/api/domains/evil.example.com/alerts")
            .await
            .each("id"),
        ["da1_1"]
    );
    assert_eq!(lab.get("/api/users/ADA/machines").await.each("id").len(), 2);
    assert_eq!(lab.get("/api/users/ada/alerts").await.each("id"), ["da1_1"]);
    let upn = lab.get("/api/users/ada@example.org/machines").await.ok();
    assert_eq!(upn["value"], json!([]), "the bare name of the account only");
}

#[tokio::test]
async fn values_of_the_url_are_no_kql() {
    let lab = Lab::new().await;
    for name in [
        "x' or 1 == 1 or AccountName == 'y",
        "\"",
        "\\",
        "datetime(2026-01-01)",
        "'ada'",
    ] {
        let mut path = String::new();
        for byte in name.bytes() {
            write!(path, "%{byte:02X}").unwrap();
        }
        let machines = lab.get(&format!("/api/users/{path}/machines")).await.ok();
        assert_eq!(machines["value"], json!([]), "{name}");
    }
}
