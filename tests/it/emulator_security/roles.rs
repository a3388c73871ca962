//! Who may make which call.

use huntd::emulator::caller::ROLES;
use huntd::emulator::config::ClientConfig;
use huntd::emulator::security::calls;
use reqwest::Method;
use serde_json::{Value, json};

use super::lab::{Lab, WS17};

const ISOLATOR: &str = "aaaaaaaa-0000-4000-8000-000000000001";
const ANALYST: &str = "aaaaaaaa-0000-4000-8000-000000000002";
const TENANT: &str = "bbbbbbbb-0000-4000-8000-000000000001";
const MDE: &str = "https://api.securitycenter.microsoft.com";
const GRAPH: &str = "https://graph.microsoft.com";

async fn lab() -> Lab {
    Lab::with(|config| {
        config.clients = vec![
            ClientConfig::with_secret(ISOLATOR, "s")
                .with_roles(["Machine.Isolate", "Ti.ReadWrite"]),
            ClientConfig::with_secret(ANALYST, "s").with_roles([
                "Machine.Read.All",
                "SecurityAlert.Read.All",
                "Ti.ReadWrite",
            ]),
        ];
    })
    .await
}

async fn token(lab: &Lab, app: &str, resource: &str) -> String {
    let scope = format!("{resource}/.default");
    let form = [
        ("grant_type", "client_credentials"),
        ("client_id", app),
        ("client_secret", "s"),
        ("scope", &scope),
    ];
    let path = format!("/{TENANT}/oauth2/v2.0/token");
    let answer = lab.send(lab.request(Method::POST, &path).form(&form)).await;
    answer.ok()["access_token"].as_str().unwrap().to_owned()
}

#[tokio::test]
async fn a_call_needs_its_role_and_says_which() {
    let lab = lab().await;
    let isolator = token(&lab, ISOLATOR, MDE).await;
    let analyst = token(&lab, ANALYST, MDE).await;
    let path = format!("/api/machines/{WS17}/isolate");
    let ask = async |token: &str, method: Method, path: &str, body: Value| {
        let request = lab.request(method, path).bearer_auth(token).json(&body);
        lab.send(request).await
    };
    let comment = json!({"Comment": "c"});
    let message = ask(&analyst, Method::POST, &path, comment.clone())
        .await
        .fails(403, "Forbidden");
    assert!(message.contains("Machine.Isolate"), "{message}");
    let started = ask(&isolator, Method::POST, &path, comment.clone()).await;
    assert_eq!(started.status, 201, "{}", started.body);
    let id = started.json()["id"].as_str().unwrap().to_owned();
    assert_eq!(started.json()["requestor"], ISOLATOR);
    let read = format!("/api/machineactions/{id}");
    ask(&isolator, Method::GET, &read, json!({}))
        .await
        .fails(403, "Forbidden");
    ask(&analyst, Method::GET, &read, json!({})).await.ok();
    // Cancelling needs the role of what is cancelled.
    let cancel = format!("/api/machineactions/{id}/cancel");
    ask(&analyst, Method::POST, &cancel, comment.clone())
        .await
        .fails(403, "Forbidden");
    ask(&isolator, Method::POST, &cancel, comment).await.ok();
    lab.get("/api/machines").await.fails(401, "Unauthorized");

    let graph = token(&lab, ANALYST, GRAPH).await;
    let alert = "/v1.0/security/alerts_v2/da1_1";
    ask(&graph, Method::GET, alert, json!({})).await.ok();
    ask(&graph, Method::PATCH, alert, json!({}))
        .await
        .fails(403, "Forbidden");
    lab.get(alert)
        .await
        .fails(401, "InvalidAuthenticationToken");
}

#[tokio::test]
async fn who_may_change_own_indicators_sees_no_others() {
    let lab = lab().await;
    let body = json!({
        "indicatorValue": "192.0.2.1", "indicatorType": "IpAddress", "action": "Block",
        "title": "t", "description": "d",
    });
    let mine = token(&lab, ISOLATOR, MDE).await;
    let other = token(&lab, ANALYST, MDE).await;
    let ask = async |token: &str, method: Method, path: &str| {
        let request = lab.request(method, path).bearer_auth(token).json(&body);
        lab.send(request).await
    };
    ask(&mine, Method::POST, "/api/indicators").await.ok();
    let seen = ask(&other, Method::GET, "/api/indicators").await.ok();
    assert_eq!(seen["value"], json!([]));
    let deleted = ask(&other, Method::DELETE, "/api/indicators/1").await;
    deleted.fails(404, "ResourceNotFound");
    let taken = ask(&other, Method::POST, "/api/indicators").await;
    taken.fails(403, "DisallowedOperation");
    assert_eq!(
        ask(&mine, Method::DELETE, "/api/indicators/1").await.status,
        204
    );
}

#[test]
fn every_role_is_one_that_can_be_granted() {
    for call in calls() {
        for role in call.roles {
            assert!(ROLES.contains(role), "{call:?}: {role}");
        }
    }
}
