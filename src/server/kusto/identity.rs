//! Who asks and how a request is called: the ids that go back with every answer, and what clients
//! are told about signing in.

use axum::http::{HeaderMap, HeaderValue, header};
use axum::response::{IntoResponse, Response};
use chrono::{DateTime, Utc};
use serde_json::json;
use uuid::Uuid;

use super::header as text_of;
use super::request::Properties;

/// A request's ids and sender.
#[derive(Clone, Debug)]
pub(super) struct Identity {
    pub(super) client_request_id: String,
    pub(super) activity_id: Uuid,
    pub(super) user: String,
    pub(super) application: String,
    pub(super) received: DateTime<Utc>,
}

impl Identity {
    /// As the headers say; ids that are missing are made.
    pub(super) fn of(
        headers: &HeaderMap,
        properties: Option<&Properties>,
        received: DateTime<Utc>,
    ) -> Self {
        let activity_id = Uuid::now_v7();
        let sent = properties.and_then(|properties| properties.client_request_id.clone());
        let header = |name: &str| text_of(headers, name).map(ToOwned::to_owned);
        let client_request_id = header("x-ms-client-request-id")
            .or(sent)
            .filter(|id| !id.is_empty())
            .unwrap_or_else(|| format!("unspecified;{activity_id}"));
        let user = header("x-ms-user").or_else(|| header("x-ms-user-id"));
        Self {
            client_request_id,
            activity_id,
            user: user.unwrap_or_default(),
            application: header("x-ms-app").unwrap_or_default(),
            received,
        }
    }

    /// Puts the ids into the headers of an answer.
    pub(super) fn mark(&self, headers: &mut HeaderMap) {
        let activity = self.activity_id.to_string();
        for (name, value) in [
            ("x-ms-client-request-id", &self.client_request_id),
            ("x-ms-activity-id", &activity),
        ] {
            if let Ok(value) = HeaderValue::from_str(value) {
                headers.insert(name, value);
            }
        }
    }
}

/// Where clients would sign in: the public cloud's page, which is what they take where a server
/// says nothing. The server looks at no token of it.
pub(super) async fn cloud_metadata() -> Response {
    let body = json!({
        "AzureAD": {
            "LoginEndpoint": "https://login.microsoftonline.com",
            "LoginMfaRequired": false,
            "KustoClientAppId": "db662dc1-0cfe-4e1c-a843-19a68e65be58",
            "KustoClientRedirectUri": "http://localhost",
            "KustoServiceResourceId": "https://kusto.kusto.windows.net",
            "FirstPartyAuthorityUrl":
                "https://login.microsoftonline.com/f8cdef31-a31e-4b4a-93e4-5f571e91255a",
        },
    });
    let json = [(header::CONTENT_TYPE, "application/json; charset=utf-8")];
    (json, body.to_string()).into_response()
}
