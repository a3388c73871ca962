//! What Kusto's clients ask before they know how to identify themselves: where to sign in, which
//! is here. Queries are answered by `server::kusto`.

use axum::Router;
use axum::extract::State;
use axum::http::{HeaderMap, header};
use axum::response::{IntoResponse as _, Response};
use axum::routing::get;
use serde_json::json;

use super::SharedState;

/// The paths that need no token.
pub(super) fn public_router(state: SharedState) -> Router {
    Router::new()
        .route("/v1/rest/auth/metadata", get(metadata))
        .route("/v1/rest/ping", get(async || "pong\n"))
        .with_state(state)
}

async fn metadata(State(state): State<SharedState>, headers: HeaderMap) -> Response {
    let url = state.url_for(&headers);
    let body = json!({
        "AzureAD": {
            "LoginEndpoint": url,
            "LoginMfaRequired": false,
            "KustoClientAppId": "db662dc1-0cfe-4e1c-a843-19a68e65be58",
            "KustoClientRedirectUri": "http://localhost",
            "KustoServiceResourceId": "https://kusto.kusto.windows.net",
            "FirstPartyAuthorityUrl": format!("{url}/f8cdef31-a31e-4b4a-93e4-5f571e91255a"),
        },
    });
    let json = [(header::CONTENT_TYPE, "application/json; charset=utf-8")];
    (json, body.to_string()).into_response()
}
