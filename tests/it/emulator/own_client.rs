//! huntd's own way to the emulator, over TLS: every way to sign in, and a call with the token.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use huntd::clock::{ManualClock, SharedClock};
use huntd::emulator::config::{ClientConfig, EmulatorConfig, FederatedCredential};
use huntd::emulator::{Emulator, RunningEmulator};
use huntd::microsoft::{
    ApiClient, ApiErrorKind, Audience, AuthConfig, Body, Call, ConnectionConfig, Environment,
    Tokens,
};
use reqwest::header::HeaderMap;
use reqwest::{Method, Url};
use serde_json::{Value, json};
use uuid::Uuid;

const APP: &str = "00000000-0000-4000-8000-00000000c11e";
const SECRET: &str = "a-secret/with+signs";
const TENANT: &str = "contoso.example";

/// The emulator and what a client of it needs.
struct World {
    emulator: RunningEmulator,
    clock: SharedClock,
    folder: tempfile::TempDir,
}

fn data(name: &str) -> String {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    root.join("tests/data/microsoft")
        .join(name)
        .display()
        .to_string()
}

impl World {
    async fn new(roles: Option<&str>) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let rows = r#"{"Timestamp":"2027-02-03T00:00:00Z","DeviceName":"ws-1"}"#;
        std::fs::write(folder.path().join("DeviceInfo.ndjson"), rows).unwrap();
        let mut client = ClientConfig::with_secret(APP, SECRET);
        client.certificates = vec![data("certificate.pem").into()];
        client.federated = vec![FederatedCredential {
            issuer: "https://issuer.example.com".to_owned(),
            subject: "huntd".to_owned(),
            audience: "api://AzureADTokenExchange".to_owned(),
        }];
        if let Some(role) = roles {
            client = client.with_roles([role]);
        }
        let mut config = EmulatorConfig::new(folder.path());
        config.tls = true;
        config.clients = vec![client];
        // In the time of the certificate.
        let now = "2027-02-03T04:05:06Z".parse().unwrap();
        let clock: SharedClock = Arc::new(ManualClock::new(now));
        let emulator = Emulator::start(config, Arc::clone(&clock)).await.unwrap();
        std::fs::write(folder.path().join(".ca.pem"), emulator.ca_pem().unwrap()).unwrap();
        Self {
            emulator,
            clock,
            folder,
        }
    }

    fn client(&self, auth: &Value, environment: Environment) -> ApiClient {
        let auth: AuthConfig = serde_json::from_value(auth.clone()).unwrap();
        let config = ConnectionConfig {
            authority: Some(self.emulator.url().to_owned()),
            ca_file: Some(self.folder.path().join(".ca.pem")),
            ..ConnectionConfig::new(TENANT, auth)
        };
        assert_eq!(config.check(), []);
        let clock = || Arc::clone(&self.clock);
        let tokens = Tokens::with_environment(&config, environment, clock()).unwrap();
        ApiClient::new(&config, tokens, clock()).unwrap()
    }

    fn call(&self) -> Call {
        Call {
            method: Method::POST,
            url: Url::parse(self.emulator.url())
                .unwrap()
                .join("/v1.0/security/runHuntingQuery")
                .unwrap(),
            headers: HeaderMap::new(),
            body: Some(Body::Json(
                json!({"Query": "DeviceInfo | project DeviceName"}),
            )),
            audience: Audience::new("https://graph.microsoft.com"),
            timeout: Duration::from_mins(1),
            client_request_id: Uuid::new_v4(),
            needs: "ThreatHunting.Read.All",
        }
    }
}

#[tokio::test]
async fn every_way_to_sign_in_leads_to_an_answer() {
    let world = World::new(None).await;
    let encode = |value: &Value| URL_SAFE_NO_PAD.encode(value.to_string());
    let claims = json!({
        "iss": "https://issuer.example.com", "sub": "huntd",
        "aud": "api://AzureADTokenExchange", "exp": 1_900_000_000,
    });
    let assertion = format!("{}.{}.x", encode(&json!({"alg": "RS256"})), encode(&claims));
    let token_file = world.folder.path().join(".token");
    std::fs::write(&token_file, assertion).unwrap();
    let certificate = |more: Value| {
        let mut auth = json!({
            "kind": "certificate", "client_id": APP,
            "file": data("certificate.pem"), "key_file": data("key.pem"),
        });
        auth.as_object_mut()
            .unwrap()
            .extend(more.as_object().unwrap().clone());
        auth
    };
    for auth in [
        json!({"kind": "secret", "client_id": APP, "secret": SECRET}),
        certificate(json!({})),
        certificate(json!({"algorithm": "rs256"})),
        certificate(json!({
            "file": data("modern.pfx"), "key_file": null, "password": "pfx-password",
        })),
        json!({"kind": "federated", "client_id": APP, "token_file": token_file}),
    ] {
        let client = world.client(&auth, Environment::new(|_| None));
        let answer = client.send(world.call()).await;
        let answer = answer.unwrap_or_else(|error| panic!("{auth}: {error}"));
        assert!(answer.ids.request_id.is_some(), "{auth}");
        let body = answer.json(10_000).await.unwrap();
        assert_eq!(body["results"], json!([{"DeviceName": "ws-1"}]), "{auth}");
        let audience = Audience::new("https://graph.microsoft.com");
        let token = client.tokens().token(&audience).await.unwrap();
        assert_eq!(token.app_id().as_deref(), Some(APP));
        assert_eq!(
            token.audience().as_deref(),
            Some("https://graph.microsoft.com")
        );
        assert!(token.roles().contains(&"ThreatHunting.Read.All".to_owned()));
    }
}

#[tokio::test]
async fn a_role_that_is_missing_is_named() {
    let world = World::new(Some("Machine.Read.All")).await;
    let auth = json!({"kind": "secret", "client_id": APP, "secret": SECRET});
    let client = world.client(&auth, Environment::new(|_| None));
    let error = client.send(world.call()).await.unwrap_err();
    assert_eq!(error.kind, ApiErrorKind::Forbidden);
    let line = error.to_string();
    let words = "the token has Machine.Read.All; the call needs ThreatHunting.Read.All";
    assert!(line.contains(words), "{line}");
}

#[tokio::test]
async fn machines_of_azure_are_asked_without_tls() {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(
        folder.path().join("DeviceInfo.ndjson"),
        "{\"DeviceName\":\"ws-1\"}",
    )
    .unwrap();
    let mut config = EmulatorConfig::new(folder.path());
    config.clients = vec![ClientConfig::with_secret(APP, SECRET)];
    let clock: SharedClock = Arc::new(huntd::clock::SystemClock);
    let emulator = Emulator::start(config, Arc::clone(&clock)).await.unwrap();
    let url = emulator.url().to_owned();
    let header = emulator.identity_header().expose().to_owned();
    let of_app = Environment::new(move |name| match name {
        "IDENTITY_ENDPOINT" => Some(format!("{}/msi/token", url.trim_end_matches('/'))),
        "IDENTITY_HEADER" => Some(header.clone()),
        _ => None,
    });
    let of_machine = json!({"kind": "managed-identity", "endpoint": emulator.url()});
    let of_app_auth = json!({"kind": "managed-identity", "client_id": APP});
    for (auth, environment) in [
        (of_machine, Environment::new(|_| None)),
        (of_app_auth, of_app),
    ] {
        let auth: AuthConfig = serde_json::from_value(auth).unwrap();
        let config = ConnectionConfig::new(TENANT, auth);
        let tokens = Tokens::with_environment(&config, environment, Arc::clone(&clock)).unwrap();
        let audience = Audience::new("https://management.azure.com/");
        let token = tokens.token(&audience).await.unwrap();
        assert_eq!(token.app_id().as_deref(), Some(APP));
        assert_eq!(
            token.audience().as_deref(),
            Some("https://management.azure.com/")
        );
    }
}
