//! Managed identities: the metadata service of virtual machines, and the endpoint of App Service
//! and Container Apps. Both give tokens to whoever is on the machine, so they answer to it alone.

use axum::extract::{ConnectInfo, RawQuery, State};
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse as _, Response};
use serde_json::{Value, json};

use super::client::{Client, is_same};
use super::sign_in::{Issued, issue, token_response};
use crate::emulator::form::Form;
use crate::emulator::listener::Peer;
use crate::emulator::{EmulatorState, SharedState};
use crate::server::access::Access;

/// The tenant that identities of the machine belong to where none is configured.
const TENANT: &str = "00000000-0000-4000-8000-000000000001";

/// What names an identity: its client, or its object, which has the id of the client here.
const BY_ID: [&str; 3] = ["client_id", "object_id", "principal_id"];
/// What names it by its path in Azure.
const BY_RESOURCE: [&str; 2] = ["msi_res_id", "mi_res_id"];

/// `GET /metadata/identity/oauth2/token`
pub(super) async fn imds(
    State(state): State<SharedState>,
    ConnectInfo(peer): ConnectInfo<Peer>,
    RawQuery(query): RawQuery,
    headers: HeaderMap,
) -> Response {
    let asked = headers.get("metadata").is_some_and(|value| value == "true");
    if !asked || headers.contains_key("x-forwarded-for") {
        let text = "Required metadata header not specified or not correct";
        return refusal(StatusCode::BAD_REQUEST, "bad_request_102", text);
    }
    if !is_local(peer, &headers) {
        return refusal(
            StatusCode::UNAUTHORIZED,
            "unknown_source",
            "not of this machine",
        );
    }
    let form = Form::parse(&query.unwrap_or_default());
    match managed(&state, &form) {
        Ok((issued, resource)) => token_response(&json!({
            "access_token": issued.token,
            "refresh_token": "",
            "expires_in": issued.seconds.to_string(),
            "expires_on": issued.expires_on().to_string(),
            "not_before": issued.not_before.to_string(),
            "resource": resource,
            "token_type": "Bearer",
        })),
        Err(response) => *response,
    }
}

/// `GET {IDENTITY_ENDPOINT}`
pub(super) async fn app_service(
    State(state): State<SharedState>,
    ConnectInfo(peer): ConnectInfo<Peer>,
    RawQuery(query): RawQuery,
    headers: HeaderMap,
) -> Response {
    let given = headers
        .get("x-identity-header")
        .and_then(|value| value.to_str().ok());
    let is_known = given.is_some_and(|given| {
        !state.config.checks_tokens || is_same(given, state.identity_header.expose())
    });
    if !is_known || !is_local(peer, &headers) {
        let body = json!({"statusCode": 401, "message": "the X-IDENTITY-HEADER is not right"});
        return (StatusCode::UNAUTHORIZED, token_response(&body)).into_response();
    }
    let form = Form::parse(&query.unwrap_or_default());
    match managed(&state, &form) {
        Ok((issued, resource)) => token_response(&json!({
            "access_token": issued.token,
            "client_id": issued.claims.appid,
            "expires_on": issued.expires_on().to_string(),
            "not_before": issued.not_before.to_string(),
            "resource": resource,
            "token_type": "Bearer",
        })),
        Err(response) => *response,
    }
}

fn is_local(peer: Peer, headers: &HeaderMap) -> bool {
    peer.is_local() && Access::Local.admits(headers).is_ok()
}

fn managed(state: &EmulatorState, form: &Form) -> Result<(Issued, String), Box<Response>> {
    let refused = |error: &str, text: &str| Box::new(refusal(StatusCode::BAD_REQUEST, error, text));
    let resource = form.get("resource");
    let resource = resource.ok_or_else(|| refused("invalid_request", "resource is missing"))?;
    let tenant = state.config.tenants.first().map_or(TENANT, |tenant| tenant);
    let given =
        |names: &[&str]| -> Vec<&str> { names.iter().filter_map(|name| form.get(name)).collect() };
    let (ids, resources) = (given(&BY_ID), given(&BY_RESOURCE));
    let anybody;
    let client = match (&ids[..], &resources[..]) {
        ([], []) => state.clients.first(),
        ([id], []) if state.config.checks_tokens => state.clients.find(id, tenant).ok(),
        ([id], []) => {
            anybody = Client::anybody(id);
            Some(&anybody)
        }
        // No application is an Azure resource here.
        ([], [_]) => None,
        _ => {
            let text = "Multiple user assigned identities specified";
            return Err(refused("invalid_request", text));
        }
    };
    let client = client.ok_or_else(|| refused("invalid_request", "Identity not found"))?;
    let issued = issue(state, client, tenant, resource).map_err(|_| {
        refused(
            "invalid_resource",
            "AADSTS500011: The resource principal was not found in the tenant",
        )
    })?;
    Ok((issued, resource.to_owned()))
}

fn refusal(status: StatusCode, error: &str, text: &str) -> Response {
    let body: Value = json!({"error": error, "error_description": text});
    let json = [(header::CONTENT_TYPE, "application/json; charset=utf-8")];
    (status, json, body.to_string()).into_response()
}
