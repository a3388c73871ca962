//! Sends requests with tokens. A request is sent once; only one whose token is refused is sent
//! again, with a new token.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use reqwest::header::{
    ACCEPT, AUTHORIZATION, CONTENT_LENGTH, CONTENT_TYPE, HeaderMap, HeaderName, HeaderValue,
};
use reqwest::{Method, Response, Url};
use uuid::Uuid;

use super::answer::{Answer, declares_text, looks_like_json, not_the_service};
use super::classify::{classify, ids_of};
use super::config::ConnectionConfig;
use super::error::{ApiError, ApiErrorKind, RequestIds};
use super::token::AccessToken;
use super::{Audience, Tokens};
use crate::clock::SharedClock;
use crate::http::{self, Failure, HttpClient, HttpLimits};

/// Most of an error's body that is read.
const ERROR_BYTES_MAX: usize = 64 << 10;
/// Longest time of a call that brings no limit of its own.
const CALL_MAX: Duration = Duration::from_hours(1);
/// Where the names of requests go: Graph reads the first, the others the second.
const CLIENT_REQUEST_ID: [HeaderName; 2] = [
    HeaderName::from_static("client-request-id"),
    HeaderName::from_static("x-ms-client-request-id"),
];

/// One request.
#[derive(Clone)]
pub struct Call {
    /// The method.
    pub method: Method,
    /// The whole address.
    pub url: Url,
    /// Headers beside those that every request has. An `Accept` of text lets text pass as a body.
    pub headers: HeaderMap,
    /// The body, if there is one.
    pub body: Option<Body>,
    /// Whom the token must be made out to.
    pub audience: Audience,
    /// The longest time for a token, and again until the whole body is read.
    pub timeout: Duration,
    /// Our name of the request.
    pub client_request_id: Uuid,
    /// The permission that the call needs, such as `ThreatHunting.Read.All`, to tell when it is
    /// missing.
    pub needs: &'static str,
}

/// The body of a request.
#[derive(Clone)]
pub enum Body {
    /// JSON, declared as such.
    Json(serde_json::Value),
    /// Anything else, declared as JSON if no header says what it is.
    Bytes(Bytes),
}

/// Neither addresses nor bodies are shown: they hold queries and rows.
impl fmt::Debug for Call {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Call")
            .field("method", &self.method)
            .field("host", &self.url.host_str())
            .field("path", &self.url.path())
            .field("audience", &self.audience)
            .field("client_request_id", &self.client_request_id)
            .finish_non_exhaustive()
    }
}

impl fmt::Debug for Body {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Json(_) => "Json(…)",
            Self::Bytes(_) => "Bytes(…)",
        })
    }
}

/// A client for the APIs of one tenant. Cheap to clone.
#[derive(Clone, Debug)]
pub struct ApiClient {
    client: HttpClient,
    config: Arc<ConnectionConfig>,
    tokens: Arc<Tokens>,
    clock: SharedClock,
}

impl ApiClient {
    /// A client. Opens no connection.
    pub fn new(
        config: &ConnectionConfig,
        tokens: Arc<Tokens>,
        clock: SharedClock,
    ) -> anyhow::Result<Self> {
        let limits = HttpLimits {
            connect: config.connect_timeout.0,
            read: config.read_timeout.map_or(CALL_MAX, |limit| limit.0),
            // Each call brings its own.
            total: CALL_MAX,
        };
        Ok(Self {
            client: HttpClient::with(&limits, &config.http_options())?,
            config: Arc::new(config.clone()),
            tokens,
            clock,
        })
    }

    /// The tokens that it sends.
    pub fn tokens(&self) -> &Arc<Tokens> {
        &self.tokens
    }

    /// Sends a request and waits for the head of the response. Fails, before anything is sent, if
    /// the host may not be sent a token. Dropping the future, or the answer, cancels the request.
    pub async fn send(&self, call: Call) -> Result<Answer, ApiError> {
        let ids = RequestIds {
            client_request_id: call.client_request_id.to_string(),
            request_id: None,
        };
        if let Err(why) = self.config.check_address(&call.url) {
            let error = ApiError::new(ApiErrorKind::Misconfigured, &why);
            return Err(error.with_ids(ids));
        }
        let mut is_second = false;
        loop {
            let token =
                match tokio::time::timeout(call.timeout, self.tokens.token(&call.audience)).await {
                    Ok(Ok(token)) => token,
                    Ok(Err(error)) => return Err(own_ids(error.into(), ids)),
                    Err(_) => {
                        // Others may wait for the same token, so it goes on being asked for.
                        let message = "no token in the time that the call has";
                        return Err(ApiError::new(ApiErrorKind::Unavailable, message).with_ids(ids));
                    }
                };
            let response = self.send_once(&call, &token, &ids).await?;
            let status = response.status();
            let host = host_of(&call.url);
            let service_ids = ids_of(&ids, response.headers(), None);
            if status.is_success() {
                let accepts_text = call.headers.get(ACCEPT).is_some_and(|accept| {
                    accept.as_bytes().starts_with(b"text/") || accept.as_bytes() == b"*/*"
                });
                return Answer::take(response, service_ids, host, accepts_text).await;
            }
            let error = self.error_of(response, &host, &ids).await;
            let is_refused = error.kind == ApiErrorKind::Unauthorized;
            if is_refused && !is_second {
                // It may have been revoked, or be older than a role that was granted since.
                self.tokens.forget(&call.audience, &token);
                is_second = true;
                continue;
            }
            return Err(with_advice(error, &call, &token));
        }
    }

    async fn send_once(
        &self,
        call: &Call,
        token: &AccessToken,
        ids: &RequestIds,
    ) -> Result<Response, ApiError> {
        let host = host_of(&call.url);
        let mut bearer = HeaderValue::try_from(format!("Bearer {}", token.secret.expose()))
            .map_err(|_| {
                let message = "the token has characters that no header may have";
                ApiError::new(ApiErrorKind::Misconfigured, message).with_ids(ids.clone())
            })?;
        bearer.set_sensitive(true);
        let mut headers = call.headers.clone();
        headers.insert(AUTHORIZATION, bearer);
        let json = HeaderValue::from_static("application/json");
        headers.entry(ACCEPT).or_insert(json);
        let id = HeaderValue::try_from(&ids.client_request_id)
            .expect("a UUID has only letters, digits and hyphens");
        for name in CLIENT_REQUEST_ID {
            headers.entry(name).or_insert_with(|| id.clone());
        }
        if call.body.is_none() && call.method != Method::GET {
            // Front ends refuse a POST that does not say how long it is.
            headers.insert(CONTENT_LENGTH, HeaderValue::from_static("0"));
        }
        if call.body.is_some() {
            let json = HeaderValue::from_static("application/json; charset=utf-8");
            headers.entry(CONTENT_TYPE).or_insert(json);
        }
        let mut request = self
            .client
            .request(call.method.clone(), call.url.clone())
            .headers(headers)
            .timeout(call.timeout);
        request = match &call.body {
            Some(Body::Json(value)) => request.body(value.to_string()),
            Some(Body::Bytes(bytes)) => request.body(bytes.clone()),
            None => request,
        };
        let sent = request.send().await;
        sent.map_err(|error| {
            tracing::debug!(host, "request failed: {}", http::describe_ref(&error));
            ApiError::of_failure(&host, Failure::of(&error)).with_ids(ids.clone())
        })
    }

    async fn error_of(&self, response: Response, host: &str, ids: &RequestIds) -> ApiError {
        let status = response.status().as_u16();
        let headers = response.headers().clone();
        // What the status says counts, also if the body is cut.
        let body = http::read_capped(response, ERROR_BYTES_MAX).await;
        let body = body.unwrap_or_default();
        let is_page = declares_text(&headers) && !looks_like_json(&body);
        let mut error = if is_page && is_odd_for_page(status) {
            not_the_service(host, status)
        } else {
            classify(status, &headers, &body, self.clock.now())
        };
        error
            .ids
            .client_request_id
            .clone_from(&ids.client_request_id);
        error
    }
}

/// Whether a page with such a status comes from something in between. Front ends of the services
/// themselves answer with pages when they are overloaded, and to what is too long.
fn is_odd_for_page(status: u16) -> bool {
    matches!(status, 300..=400 | 403 | 404 | 405 | 407 | 511)
}

fn host_of(url: &Url) -> String {
    url.host_str().unwrap_or_default().to_owned()
}

/// Keeps our name of the request when none came from elsewhere.
fn own_ids(mut error: ApiError, ids: RequestIds) -> ApiError {
    if error.ids.client_request_id.is_empty() {
        error.ids.client_request_id = ids.client_request_id;
    }
    error
}

/// What to do about a refused token, which depends on what is in it.
fn with_advice(mut error: ApiError, call: &Call, token: &AccessToken) -> ApiError {
    match error.kind {
        ApiErrorKind::Unauthorized => {
            error.help = Some(format!(
                "a new token for {} is refused, too: check `cloud`, the tenant and the audience, \
                 and this machine's clock",
                call.audience
            ));
        }
        ApiErrorKind::Forbidden => {
            let mut granted = token.roles();
            granted.extend(token.scopes());
            let has = if granted.is_empty() {
                "the token has no role".to_owned()
            } else {
                format!("the token has {}", granted.join(", "))
            };
            let needs = match call.needs {
                "" => String::new(),
                needs => format!("; the call needs {needs}"),
            };
            let mut help = format!("{has}{needs}: see docs/guides/permissions.md");
            if let Some(more) = error.help.take() {
                help = format!("{more}; {help}");
            }
            error.help = Some(super::error::one_line(&help));
        }
        _ => {}
    }
    error
}
