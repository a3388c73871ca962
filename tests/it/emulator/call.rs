//! An emulator over a small folder, and requests to it.

use std::sync::Arc;
use std::time::Duration;

use huntd::clock::{ManualClock, SharedClock};
use huntd::emulator::config::{ClientConfig, EmulatorConfig};
use huntd::emulator::{Emulator, RunningEmulator};
use huntd::http::{HttpLimits, metadata_client};
use reqwest::{Client, Response};
use serde_json::{Value, json};
use tempfile::TempDir;

pub(super) const EVENTS: &str = "\
{\"Timestamp\":\"2026-01-15T08:00:00Z\",\"Device\":\"pc1\",\"Bytes\":10,\"Ok\":true,\"More\":{\"a\":[1]}}
{\"Timestamp\":\"2026-01-15T08:30:00Z\",\"Device\":\"pc1\",\"Bytes\":20,\"Ok\":false,\"More\":{\"a\":[2]}}
{\"Timestamp\":\"2026-01-15T10:00:00Z\",\"Device\":\"pc2\",\"Bytes\":5,\"Ok\":null,\"More\":null}
";

pub(super) const APP: &str = "aaaaaaaa-0000-4000-8000-000000000001";
pub(super) const TENANT: &str = "bbbbbbbb-0000-4000-8000-000000000001";
pub(super) const SECRET: &str = "s3cret/+";
pub(super) const GRAPH: &str = "https://graph.microsoft.com";
pub(super) const MDE: &str = "https://api.securitycenter.microsoft.com";
pub(super) const XDR: &str = "https://api.security.microsoft.com";
pub(super) const LOG_ANALYTICS: &str = "https://api.loganalytics.io";

/// The instant at which the emulator's clock stands.
pub(super) const NOW: &str = "2026-01-20T00:00:00Z";

/// An emulator whose clock stands still.
pub(super) struct Lab {
    pub(super) running: RunningEmulator,
    pub(super) clock: Arc<ManualClock>,
    pub(super) http: Client,
    _folder: TempDir,
}

/// An answer as it came.
#[derive(Debug)]
pub(super) struct Answer {
    pub(super) status: u16,
    pub(super) retry_after: Option<String>,
    pub(super) body: String,
}

impl Answer {
    pub(super) async fn of(response: Response) -> Self {
        let retry_after = response.headers().get("retry-after");
        Self {
            status: response.status().as_u16(),
            retry_after: retry_after.map(|value| value.to_str().unwrap().to_owned()),
            body: response.text().await.unwrap(),
        }
    }

    pub(super) fn json(&self) -> Value {
        serde_json::from_str(&self.body).unwrap_or_else(|error| panic!("{error}: {}", self.body))
    }

    pub(super) fn error(&self) -> Value {
        self.json()["error"].clone()
    }
}

impl Lab {
    pub(super) async fn new() -> Self {
        Self::with(|_| {}).await
    }

    pub(super) async fn with(change: impl FnOnce(&mut EmulatorConfig)) -> Self {
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join("Events.ndjson"), EVENTS).unwrap();
        let mut config = EmulatorConfig::new(folder.path());
        config.clients = vec![ClientConfig::with_secret(APP, SECRET)];
        change(&mut config);
        let clock = Arc::new(ManualClock::new(NOW.parse().unwrap()));
        let shared: SharedClock = Arc::<ManualClock>::clone(&clock);
        let limits = HttpLimits {
            connect: Duration::from_secs(5),
            read: Duration::from_secs(20),
            total: Duration::from_mins(1),
        };
        Self {
            running: Emulator::start(config, shared).await.unwrap(),
            clock,
            http: metadata_client(&limits).unwrap(),
            _folder: folder,
        }
    }

    pub(super) fn url(&self, path: &str) -> String {
        format!("{}{path}", self.running.url())
    }

    /// Asks for a token with a form.
    pub(super) async fn sign_in(&self, tenant: &str, form: &[(&str, &str)]) -> Answer {
        let url = self.url(&format!("/{tenant}/oauth2/v2.0/token"));
        Answer::of(self.http.post(url).form(form).send().await.unwrap()).await
    }

    /// A token for a service.
    pub(super) async fn token(&self, resource: &str) -> String {
        let answer = self
            .sign_in(
                TENANT,
                &[
                    ("grant_type", "client_credentials"),
                    ("client_id", APP),
                    ("client_secret", SECRET),
                    ("scope", &format!("{resource}/.default")),
                ],
            )
            .await;
        assert_eq!(answer.status, 200, "{}", answer.body);
        answer.json()["access_token"].as_str().unwrap().to_owned()
    }

    pub(super) async fn post(&self, path: &str, token: &str, body: &Value) -> Answer {
        let request = self.http.post(self.url(path)).bearer_auth(token).json(body);
        Answer::of(request.send().await.unwrap()).await
    }

    pub(super) async fn get(&self, path: &str, token: &str) -> Answer {
        let request = self.http.get(self.url(path)).bearer_auth(token);
        Answer::of(request.send().await.unwrap()).await
    }

    /// A query by Graph.
    pub(super) async fn hunt(&self, query: &str) -> Answer {
        let token = self.token(GRAPH).await;
        let body = json!({"Query": query});
        self.post("/v1.0/security/runHuntingQuery", &token, &body)
            .await
    }
}
