//! The sign-in endpoint: who asks is held against the clients, and gets a token for one service.

use axum::extract::{Path, Request, State};
use axum::http::{HeaderMap, Method, header};
use axum::response::{IntoResponse as _, Response};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};
use uuid::Uuid;

use super::client::Client;
use super::error::SignInError;
use super::{Claims, assertion};
use crate::clock::Clock as _;
use crate::emulator::form::{self, Form};
use crate::emulator::product::{Product, is_known_resource};
use crate::emulator::{EmulatorState, SharedState, hunting};

const ASSERTION_TYPE: &str = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer";
/// Where Microsoft's own sign-in pages are, which assertions may name as their audience.
const LOGIN_HOSTS: [&str; 4] = [
    "login.microsoftonline.com",
    "login.microsoftonline.us",
    "login.chinacloudapi.cn",
    "login.partner.microsoftonline.cn",
];

/// `POST /{tenant}/oauth2/v2.0/token`
pub(super) async fn token_v2(
    State(state): State<SharedState>,
    Path(tenant): Path<String>,
    request: Request,
) -> Response {
    answer(&state, &tenant, request, Version::V2).await
}

/// `POST /{tenant}/oauth2/token`
pub(super) async fn token_v1(
    State(state): State<SharedState>,
    Path(tenant): Path<String>,
    request: Request,
) -> Response {
    answer(&state, &tenant, request, Version::V1).await
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Version {
    /// `resource`; numbers as texts.
    V1,
    /// `scope`; numbers.
    V2,
}

async fn answer(
    state: &EmulatorState,
    tenant: &str,
    request: Request,
    version: Version,
) -> Response {
    if request.method() != Method::POST {
        return SignInError::missing("grant_type").response(state.clock.now());
    }
    let headers = request.headers().clone();
    let body = match hunting::read(request).await {
        Ok(body) => body,
        Err(failure) => return Product::SignIn.respond(&failure, &headers, state.clock.now()),
    };
    let form = Form::parse(&String::from_utf8_lossy(&body));
    match sign_in(state, tenant, &headers, &form, version) {
        Ok(body) => token_response(&body),
        Err(error) => error.response(state.clock.now()),
    }
}

/// JSON that nobody may keep.
pub(super) fn token_response(body: &Value) -> Response {
    let headers = [
        (header::CONTENT_TYPE, "application/json; charset=utf-8"),
        (header::CACHE_CONTROL, "no-store, no-cache"),
    ];
    (headers, body.to_string()).into_response()
}

fn sign_in(
    state: &EmulatorState,
    tenant: &str,
    headers: &HeaderMap,
    form: &Form,
    version: Version,
) -> Result<Value, SignInError> {
    let grant = form
        .get("grant_type")
        .ok_or_else(|| SignInError::missing("grant_type"))?;
    if grant != "client_credentials" {
        return Err(SignInError::grant_type(grant));
    }
    state.clients.check_tenant(tenant)?;
    let basic = basic(headers);
    let id = form
        .get("client_id")
        .or(basic.as_ref().map(|(id, _)| &**id));
    let id = id.ok_or_else(|| SignInError::missing("client_id"))?;
    let anybody;
    let client = if state.config.checks_tokens {
        state.clients.find(id, tenant)?
    } else {
        anybody = Client::anybody(id);
        &anybody
    };
    let secret = form.get("client_secret");
    let secret = secret.or(basic.as_ref().map(|(_, secret)| &**secret));
    let credential = match (form.get("client_assertion"), secret) {
        (Some(assertion), _) => {
            let kind = form.get("client_assertion_type").unwrap_or_default();
            if kind != ASSERTION_TYPE {
                return Err(SignInError::assertion_type(kind));
            }
            Credential::Assertion(assertion)
        }
        (None, Some(secret)) => Credential::Secret(secret),
        (None, None) => return Err(SignInError::no_credential()),
    };
    if state.config.checks_tokens {
        credential.check(state, client, tenant)?;
    }
    let resource = resource(form, version)?;
    Ok(issue(state, client, tenant, resource)?.body(version))
}

/// What an application shows for itself.
enum Credential<'f> {
    Secret(&'f str),
    Assertion(&'f str),
}

impl Credential<'_> {
    fn check(
        &self,
        state: &EmulatorState,
        client: &Client,
        tenant: &str,
    ) -> Result<(), SignInError> {
        match self {
            Self::Secret(secret) => client.check_secret(secret, state.clock.now()),
            Self::Assertion(assertion) => {
                let is_here = |audience: &str| is_here(state, tenant, audience);
                // Whoever made it goes by real time.
                assertion::check(client, assertion, state.clock.real_now(), is_here)
            }
        }
    }
}

/// What a token is asked for.
fn resource(form: &Form, version: Version) -> Result<&str, SignInError> {
    match version {
        Version::V1 => form
            .get("resource")
            .ok_or_else(|| SignInError::missing("resource")),
        Version::V2 => {
            let scope = form.get("scope").unwrap_or_default();
            // Clients may ask for the scopes of a user beside it, which mean nothing here.
            let mut scopes = scope
                .split(' ')
                .filter(|scope| !matches!(*scope, "" | "openid" | "profile" | "offline_access"));
            let resource = scopes
                .next()
                .and_then(|scope| scope.strip_suffix("/.default"));
            match (resource, scopes.next()) {
                (Some(resource), None) if !resource.is_empty() => Ok(resource),
                _ => Err(SignInError::scope(scope)),
            }
        }
    }
}

/// Id and secret of `Authorization: Basic`, each of them encoded as in a URL.
fn basic(headers: &HeaderMap) -> Option<(String, String)> {
    let value = headers.get(header::AUTHORIZATION)?.to_str().ok()?;
    let (scheme, encoded) = value.split_once(' ')?;
    if !scheme.eq_ignore_ascii_case("basic") {
        return None;
    }
    let text = String::from_utf8(STANDARD.decode(encoded.trim()).ok()?).ok()?;
    let (id, secret) = text.split_once(':')?;
    Some((form::decode(id), form::decode(secret)))
}

/// Whether an audience is the token endpoint of the tenant here, or the real one that this stands
/// for.
fn is_here(state: &EmulatorState, tenant: &str, audience: &str) -> bool {
    let Some((_, rest)) = audience.split_once("://") else {
        return false;
    };
    let Some((host, path)) = rest.split_once('/') else {
        return false;
    };
    let of_tenant = [
        format!("{tenant}/oauth2/v2.0/token"),
        format!("{tenant}/oauth2/token"),
        format!("{tenant}/v2.0"),
        format!("{tenant}/"),
    ];
    let is_endpoint = of_tenant.iter().any(|one| one.eq_ignore_ascii_case(path));
    is_endpoint && (LOGIN_HOSTS.contains(&host) || state.is_own_host(host))
}

/// A token that was made.
pub(super) struct Issued {
    pub(super) token: String,
    pub(super) claims: Claims,
    /// How long it lives, in seconds of real time, which clients go by.
    pub(super) seconds: u64,
    /// From when on it is good, in seconds since 1970 of real time.
    pub(super) not_before: i64,
}

/// Makes a token for a client.
pub(super) fn issue(
    state: &EmulatorState,
    client: &Client,
    tenant: &str,
    resource: &str,
) -> Result<Issued, SignInError> {
    if !is_known_resource(resource) && !state.is_own_address(resource) {
        return Err(SignInError::resource(resource, tenant));
    }
    // The claims are in the emulator's time: whoever moves its clock lets tokens expire.
    let now = state.clock.now().timestamp();
    let life = state.config.token_life;
    let claims = Claims {
        aud: resource.to_owned(),
        iss: format!("{}/{tenant}/v2.0", state.url),
        iat: now,
        nbf: now,
        exp: now.saturating_add_unsigned(life.as_secs()),
        appid: client.id.clone(),
        tid: tenant.to_owned(),
        roles: client.roles.iter().cloned().collect(),
        oid: client.id.clone(),
        sub: client.id.clone(),
        ver: "1.0".to_owned(),
        uti: Uuid::new_v4().to_string(),
    };
    Ok(Issued {
        token: state.issuer.sign(&claims),
        seconds: state.clock.real(life).as_secs().saturating_sub(1).max(1),
        not_before: state.clock.real_now().timestamp(),
        claims,
    })
}

impl Issued {
    /// Until when it is good, in seconds since 1970 of real time.
    pub(super) fn expires_on(&self) -> i64 {
        self.not_before.saturating_add_unsigned(self.seconds)
    }

    fn body(&self, version: Version) -> Value {
        match version {
            Version::V2 => json!({
                "token_type": "Bearer",
                "expires_in": self.seconds,
                "ext_expires_in": self.seconds,
                "access_token": self.token,
            }),
            Version::V1 => json!({
                "token_type": "Bearer",
                "expires_in": self.seconds.to_string(),
                "ext_expires_in": self.seconds.to_string(),
                "expires_on": self.expires_on().to_string(),
                "not_before": self.not_before.to_string(),
                "resource": self.claims.aud,
                "access_token": self.token,
            }),
        }
    }
}

/// What clients read before they sign in.
pub(super) async fn openid_configuration(
    State(state): State<SharedState>,
    Path(tenant): Path<String>,
    headers: HeaderMap,
) -> Response {
    if let Err(error) = state.clients.check_tenant(&tenant) {
        return error.response(state.clock.now());
    }
    let url = state.url_for(&headers);
    let body = json!({
        "token_endpoint": format!("{url}/{tenant}/oauth2/v2.0/token"),
        "token_endpoint_auth_methods_supported": [
            "client_secret_post", "private_key_jwt", "client_secret_basic",
        ],
        "jwks_uri": format!("{url}/{tenant}/discovery/v2.0/keys"),
        "response_modes_supported": ["query", "fragment", "form_post"],
        "subject_types_supported": ["pairwise"],
        "id_token_signing_alg_values_supported": ["RS256"],
        "response_types_supported": ["code", "id_token", "code id_token", "id_token token"],
        "scopes_supported": ["openid", "profile", "email", "offline_access"],
        "issuer": format!("{url}/{tenant}/v2.0"),
        "authorization_endpoint": format!("{url}/{tenant}/oauth2/v2.0/authorize"),
        "device_authorization_endpoint": format!("{url}/{tenant}/oauth2/v2.0/devicecode"),
        "end_session_endpoint": format!("{url}/{tenant}/oauth2/v2.0/logout"),
        "tenant_region_scope": null,
        "cloud_instance_name": "microsoftonline.com",
    });
    let json = [(header::CONTENT_TYPE, "application/json; charset=utf-8")];
    (json, body.to_string()).into_response()
}

/// Which sign-in pages belong together: this one with itself.
pub(super) async fn instance(State(state): State<SharedState>, headers: HeaderMap) -> Response {
    let url = state.url_for(&headers);
    let host = url.split_once("://").map_or(&*url, |(_, host)| host);
    let body = json!({
        "tenant_discovery_endpoint":
            format!("{url}/common/v2.0/.well-known/openid-configuration"),
        "api-version": "1.1",
        "metadata": [
            {"preferred_network": host, "preferred_cache": host, "aliases": [host]},
        ],
    });
    let json = [(header::CONTENT_TYPE, "application/json; charset=utf-8")];
    (json, body.to_string()).into_response()
}
