//! What the errors of the APIs mean. Graph, Defender, Log Analytics, Azure Resource Manager and
//! Azure Data Explorer each write them in their own way; the codes and texts that matter are told
//! apart here, without looking at which of them was asked.

mod text;

use std::time::Duration;

use chrono::{DateTime, Utc};
use reqwest::header::{DATE, HeaderMap, RETRY_AFTER};
use serde_json::Value;

use self::text::Said;
use super::error::{ApiError, ApiErrorKind, RequestIds, Throttle, one_line};

/// The headers in which services name a request.
const REQUEST_ID_HEADERS: [&str; 4] = [
    "request-id",
    "x-ms-activity-id",
    "x-ms-correlation-request-id",
    "x-ms-request-id",
];
/// How deep errors inside errors are followed.
const DEPTH_MAX: usize = 12;
/// How many errors side by side are looked at.
const DETAILS_MAX: usize = 16;
/// The longest wait that is believed.
const WAIT_MAX: Duration = Duration::from_hours(24);

/// What a response with a bad status means. `now` is needed only for a `Retry-After` that is a
/// date, in a response without a date of its own.
pub fn classify(status: u16, headers: &HeaderMap, body: &[u8], now: DateTime<Utc>) -> ApiError {
    let body: Value = serde_json::from_slice(body).unwrap_or_default();
    let found = Found::of(root_of(&body));
    let said = Said::of(&found.everything());
    let after = retry_after(headers, now);
    let kind = kind_of(status, &found, &said, after);
    let message = match found.message() {
        Some(message) => format!("{status}: {message}"),
        None => match &found.code {
            Some(code) => format!("{status}: {code}"),
            None => format!("status {status}"),
        },
    };
    ApiError {
        help: help_for(&kind, status, &found),
        kind,
        status: Some(status),
        code: found.best_code(),
        message: one_line(&message),
        ids: Box::new(ids_of(&RequestIds::default(), headers, found.request_id)),
    }
}

/// What an error means that stands inside a response of status 200, as Log Analytics and Azure
/// Data Explorer write them when a query fails after it has begun to answer. `error` is the whole
/// error where there is more of it.
pub fn classify_failure(code: &str, message: &str, error: Option<&Value>) -> ApiError {
    let mut found = error
        .map(|error| Found::of(root_of(error)))
        .unwrap_or_default();
    if !code.is_empty() && found.code.is_none() {
        found.code = Some(code.to_owned());
    }
    if !message.is_empty() && !found.messages.iter().any(|known| known == message) {
        found.messages.insert(0, message.to_owned());
    }
    let said = Said::of(&found.everything());
    let kind = match kind_of_words(&found, &said, None, true) {
        Some(kind) => kind,
        None if found.permanent == Some(true) => ApiErrorKind::InvalidQuery,
        None => ApiErrorKind::Unavailable,
    };
    let message = found.message().unwrap_or_else(|| code.to_owned());
    ApiError {
        help: help_for(&kind, 200, &found),
        kind,
        status: Some(200),
        code: found.best_code(),
        message: one_line(&format!(
            "the query failed after it had begun to answer: {message}"
        )),
        ids: Box::new(RequestIds {
            client_request_id: String::new(),
            request_id: found.request_id,
        }),
    }
}

/// How long a response asks to wait: in seconds or until a date.
pub(super) fn retry_after(headers: &HeaderMap, now: DateTime<Utc>) -> Option<Duration> {
    let text = headers.get(RETRY_AFTER)?.to_str().ok()?.trim();
    if let Ok(seconds) = text.parse::<f64>() {
        let wait = Duration::try_from_secs_f64(seconds).ok()?;
        return Some(wait.min(WAIT_MAX));
    }
    let until: DateTime<Utc> = httpdate::parse_http_date(text).ok()?.into();
    // Their clock counts, not ours.
    let date = headers.get(DATE).and_then(|date| date.to_str().ok());
    let date = date.and_then(|date| httpdate::parse_http_date(date).ok());
    let now = date.map_or(now, DateTime::<Utc>::from);
    let wait = (until - now).to_std().unwrap_or_default();
    Some(wait.min(WAIT_MAX))
}

/// What both sides call a request.
pub(super) fn ids_of(
    ours: &RequestIds,
    headers: &HeaderMap,
    in_body: Option<String>,
) -> RequestIds {
    let named = REQUEST_ID_HEADERS
        .iter()
        .find_map(|name| headers.get(*name)?.to_str().ok());
    RequestIds {
        client_request_id: ours.client_request_id.clone(),
        request_id: named.map(one_line).or(in_body),
    }
}

/// The error itself, which most APIs put into a member `error`, and lists of errors into the first
/// of them.
fn root_of(body: &Value) -> &Value {
    let mut root = body;
    for _ in 0..3 {
        root = match root {
            Value::Array(errors) => match errors.first() {
                Some(first) => first,
                None => return root,
            },
            Value::Object(members) => {
                let inner = ["error", "OneApiErrors", "Exceptions"];
                match inner.iter().find_map(|name| members.get(*name)) {
                    Some(inner) => inner,
                    None => return root,
                }
            }
            _ => return root,
        };
    }
    root
}

/// What an error's body holds.
#[derive(Debug, Default)]
struct Found {
    /// The outermost code.
    code: Option<String>,
    /// Codes of the errors inside, from outside in.
    inner_codes: Vec<String>,
    messages: Vec<String>,
    /// Whether repeating helps, if the service says so.
    permanent: Option<bool>,
    request_id: Option<String>,
}

impl Found {
    fn of(root: &Value) -> Self {
        let mut found = Self::default();
        match root {
            Value::String(text) => found.messages.push(text.clone()),
            root => found.collect(root, 0),
        }
        found
    }

    fn collect(&mut self, error: &Value, depth: usize) {
        let Value::Object(members) = error else {
            return;
        };
        let text = |name: &str| {
            let text = members.get(name).and_then(Value::as_str);
            text.filter(|text| !text.trim().is_empty())
        };
        if let Some(code) = text("code").or_else(|| text("Code")) {
            if depth == 0 {
                self.code = Some(code.to_owned());
            } else {
                self.inner_codes.push(code.to_owned());
            }
        }
        // Azure Data Explorer has the longer text in the second.
        for name in ["@message", "message", "Message"] {
            if let Some(message) = text(name)
                && !self.messages.iter().any(|known| known.contains(message))
            {
                self.messages.push(message.to_owned());
            }
        }
        if let Some(permanent) = members.get("@permanent").and_then(Value::as_bool) {
            // The innermost knows best.
            self.permanent = Some(permanent);
        }
        let context = members
            .get("@context")
            .and_then(|context| context.get("activityId"));
        let request_id = text("request-id").or_else(|| context.and_then(Value::as_str));
        // Defender names its request there, others a property.
        let target = text("target").filter(|target| uuid::Uuid::try_parse(target).is_ok());
        if let Some(id) = request_id.or(target)
            && self.request_id.is_none()
        {
            self.request_id = Some(one_line(id));
        }
        if depth == DEPTH_MAX {
            return;
        }
        for name in ["innererror", "innerError"] {
            if let Some(inner) = members.get(name) {
                self.collect(inner, depth + 1);
            }
        }
        if let Some(Value::Array(details)) = members.get("details") {
            for detail in details.iter().take(DETAILS_MAX) {
                self.collect(detail, depth + 1);
            }
        }
    }

    /// All codes and messages, one a line.
    fn everything(&self) -> String {
        let codes = self.code.iter().chain(&self.inner_codes);
        let all: Vec<&str> = codes.chain(&self.messages).map(String::as_str).collect();
        all.join("\n")
    }

    fn has_code(&self, codes: &[&str]) -> bool {
        let mut own = self.code.iter().chain(&self.inner_codes);
        own.any(|own| codes.iter().any(|code| own.eq_ignore_ascii_case(code)))
    }

    /// The innermost code that is a word.
    fn best_code(&self) -> Option<Box<str>> {
        let is_word = |code: &&String| code.contains(|c: char| c.is_ascii_alphabetic());
        let inner = self.inner_codes.iter().rev().find(is_word);
        inner
            .or(self.code.as_ref())
            .map(|code| one_line(code).into())
    }

    /// The outermost message, and the innermost if that says more.
    fn message(&self) -> Option<String> {
        let first = self.messages.first()?;
        let last = self.messages.last()?;
        if first == last {
            return Some(first.clone());
        }
        Some(format!("{}: {last}", first.trim_end_matches('.')))
    }
}

/// What codes and texts say. `is_of_query`: whether it is the service that speaks, of a query; what
/// stands in between writes such words, too, of names that it failed to resolve.
fn kind_of_words(
    found: &Found,
    said: &Said,
    after: Option<Duration>,
    is_of_query: bool,
) -> Option<ApiErrorKind> {
    // First, as such errors quote the query, which may hold any words.
    if is_of_query && said.is_wrong_query || found.has_code(&["SyntaxError", "SemanticError"]) {
        return Some(ApiErrorKind::InvalidQuery);
    }
    if let Some(quota) = &said.quota {
        let said_after = match quota {
            Throttle::Cpu { again_in } => *again_in,
            _ => None,
        };
        return Some(ApiErrorKind::Throttled {
            after: after.max(said_after),
            quota: Some(quota.clone()),
        });
    }
    if said.is_too_large {
        return Some(ApiErrorKind::TooLarge);
    }
    if said.is_preempted || found.has_code(&["LowMemoryCondition", "LimitsExceeded"]) {
        return Some(ApiErrorKind::Preempted);
    }
    if said.is_timeout || found.has_code(&["RequestExecutionTimeout", "GatewayTimeout"]) {
        return Some(ApiErrorKind::Timeout);
    }
    let throttled = ["TooManyRequests", "ThrottledError", "429", "Throttled"];
    if found.has_code(&throttled) {
        return Some(ApiErrorKind::Throttled { after, quota: None });
    }
    None
}

fn kind_of(status: u16, found: &Found, said: &Said, after: Option<Duration>) -> ApiErrorKind {
    // Log Analytics refuses tokens with 403.
    let token_codes = [
        "InvalidAuthenticationToken",
        "InvalidAuthenticationTokenAudience",
        "InvalidTokenError",
        "SignatureVerificationFailed",
        "ExpiredAuthenticationToken",
        "AuthenticationFailed",
    ];
    match status {
        401 => return ApiErrorKind::Unauthorized,
        403 if found.has_code(&token_codes) => return ApiErrorKind::Unauthorized,
        403 => return ApiErrorKind::Forbidden,
        404 | 410 => return ApiErrorKind::NotFound,
        400 if found.has_code(&["FailedToResolveResource"]) => return ApiErrorKind::NotFound,
        _ => {}
    }
    if let Some(kind) = kind_of_words(found, said, after, status == 400) {
        return kind;
    }
    let fault = match found.permanent {
        Some(true) => ApiErrorKind::Bug,
        _ => ApiErrorKind::Unavailable,
    };
    match status {
        // Azure Data Explorer: repeating helps exactly when it says so.
        400..=499 if found.permanent == Some(false) && status != 429 => ApiErrorKind::Unavailable,
        // The services say what is wrong with a request; where nothing is said, it was lost on the
        // way.
        400 if found.code.is_none() && found.messages.is_empty() => ApiErrorKind::Unavailable,
        300..=399 | 407 | 511 => ApiErrorKind::Misconfigured,
        408 | 504 => ApiErrorKind::Timeout,
        429 => ApiErrorKind::Throttled { after, quota: None },
        400 | 402 | 409 | 412 | 413 | 414 | 416 | 422 | 423 => ApiErrorKind::InvalidQuery,
        501 | 505 => ApiErrorKind::Bug,
        // A pause that is asked for is worth keeping.
        503 if after.is_some() => ApiErrorKind::Throttled { after, quota: None },
        500.. => fault,
        _ => ApiErrorKind::Bug,
    }
}

fn help_for(kind: &ApiErrorKind, status: u16, found: &Found) -> Option<String> {
    let help = match (kind, status) {
        (ApiErrorKind::Misconfigured, 407) => "the proxy wants a user and password: set `proxy`",
        (ApiErrorKind::Misconfigured, 511) => "sign in to the network first",
        (ApiErrorKind::Misconfigured, _) => {
            "it leads elsewhere: a captive portal or a wrong address; redirects are not followed"
        }
        (ApiErrorKind::Forbidden, _) if found.has_code(&["insufficient_claims"]) => {
            "a policy of Conditional Access blocks it"
        }
        (ApiErrorKind::Forbidden, _) if found.has_code(&["InsufficientAccessError"]) => {
            "assign the identity a role on the workspace; that takes up to an hour to act"
        }
        (ApiErrorKind::InvalidQuery, 413 | 414) => "the query is too long: shorten it",
        (ApiErrorKind::InvalidQuery, 412) => "the cluster may be stopped: start it",
        (ApiErrorKind::TooLarge, _) => "select fewer columns, summarize, or take shorter windows",
        (ApiErrorKind::Preempted, _) => "filter earlier, join less, or take shorter windows",
        _ => return None,
    };
    Some(help.to_owned())
}

#[cfg(test)]
mod tests;
