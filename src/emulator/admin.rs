//! How a test drives the emulator: what goes wrong, what time it is, what was asked. Answered to
//! programs of this machine only.

use std::sync::Arc;

use axum::Router;
use axum::extract::{ConnectInfo, Request, State};
use axum::http::{StatusCode, header};
use axum::middleware::{Next, from_fn};
use axum::response::{IntoResponse as _, Response};
use axum::routing::get;
use bytes::Bytes;
use serde::Deserialize;
use serde_json::{Value, json};

use super::SharedState;
use super::fault::Rule;
use super::listener::Peer;
use super::security;
use crate::clock::Clock as _;
use crate::duration::DurationText;
use crate::server::access::Access;

/// Most rules at a time.
const RULES_MAX: usize = 100;

/// `/admin/…`
pub(super) fn router(state: SharedState) -> Router {
    let security = security::admin_router(Arc::clone(&state.security));
    Router::new()
        .route(
            "/admin/faults",
            get(faults).put(put_faults).delete(delete_faults),
        )
        .route("/admin/clock", get(clock).post(advance))
        .route("/admin/requests", get(requests).delete(delete_requests))
        .route("/admin/limits", get(limits))
        .with_state(state)
        .merge(security)
        .layer(from_fn(admit))
}

async fn admit(ConnectInfo(peer): ConnectInfo<Peer>, request: Request, next: Next) -> Response {
    if peer.is_local() && Access::Local.admits(request.headers()).is_ok() {
        let response = next.run(request).await;
        if response.status() == StatusCode::PAYLOAD_TOO_LARGE {
            return refusal(response.status(), "the body is too long");
        }
        return response;
    }
    refusal(
        StatusCode::FORBIDDEN,
        "this is for programs of the same machine only",
    )
}

fn refusal(status: StatusCode, message: &str) -> Response {
    let json = [(header::CONTENT_TYPE, "application/json; charset=utf-8")];
    let body = json!({"error": {"message": message}});
    (status, json, body.to_string()).into_response()
}

fn answer(body: &Value) -> Response {
    let json = [(header::CONTENT_TYPE, "application/json; charset=utf-8")];
    (json, body.to_string()).into_response()
}

async fn faults(State(state): State<SharedState>) -> Response {
    answer(&json!({"faults": state.faults.rules()}))
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct FaultsBody {
    faults: Vec<Rule>,
}

async fn put_faults(State(state): State<SharedState>, body: Bytes) -> Response {
    match serde_json::from_slice::<FaultsBody>(&body) {
        Ok(body) if body.faults.len() <= RULES_MAX => {
            state.faults.replace(body.faults);
            faults(State(state)).await
        }
        Ok(_) => refusal(StatusCode::BAD_REQUEST, "there are more than 100 rules"),
        Err(error) => {
            let message = format!("the body is not {{\"faults\": [\"cut=0.1@/v1.0\"]}}: {error}");
            refusal(StatusCode::BAD_REQUEST, &message)
        }
    }
}

async fn delete_faults(State(state): State<SharedState>) -> Response {
    state.faults.replace(Vec::new());
    faults(State(state)).await
}

async fn clock(State(state): State<SharedState>) -> Response {
    answer(&json!({"now": state.clock.now(), "speed": state.clock.speed()}))
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct AdvanceBody {
    advance: DurationText,
}

async fn advance(State(state): State<SharedState>, body: Bytes) -> Response {
    match serde_json::from_slice::<AdvanceBody>(&body) {
        Ok(body) => {
            state.clock.advance(body.advance.0);
            clock(State(state)).await
        }
        Err(error) => {
            let message = format!("the body is not {{\"advance\": \"15m\"}}: {error}");
            refusal(StatusCode::BAD_REQUEST, &message)
        }
    }
}

async fn requests(State(state): State<SharedState>) -> Response {
    answer(&json!({"requests": state.requests.all()}))
}

async fn delete_requests(State(state): State<SharedState>) -> Response {
    state.requests.clear();
    requests(State(state)).await
}

async fn limits(State(state): State<SharedState>) -> Response {
    let limits: serde_json::Map<String, Value> = state
        .config
        .limits
        .all()
        .map(|(name, value)| (name.to_owned(), json!(value)))
        .collect();
    answer(&json!({"limits": limits, "quotas": state.config.quotas}))
}
