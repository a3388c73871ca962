//! The client-credentials grant of Microsoft Entra's v2.0 token endpoint.

use chrono::{DateTime, TimeDelta, Utc};
use reqwest::header::{DATE, HeaderMap};
use reqwest::{Method, Url};
use serde_json::Value;

use super::BYTES_MAX;
use crate::clock::Clock;
use crate::http::{self, Failure, HttpClient};
use crate::microsoft::Audience;
use crate::microsoft::classify::retry_after;
use crate::microsoft::error::one_line;
use crate::microsoft::token::AccessToken;
use crate::microsoft::token_error::{TokenError, TokenErrorKind, help_for};
use crate::secret::Secret;

/// More than so much between our clock and the other side's is told.
const SKEW_MAX: TimeDelta = TimeDelta::minutes(5);
/// Codes that say that the service, not the request, is at fault.
const TRANSIENT_CODES: [u32; 4] = [50_196, 90_033, 90_006, 90_024];
/// The shortest and the longest life that a token is believed to have.
const LIFE_SECONDS: std::ops::RangeInclusive<i64> = 1..=7 * 86_400;

/// How an application proves that it is itself.
pub(super) enum Credential {
    Secret(Secret),
    Assertion(Secret),
}

/// A request for a token.
pub(super) struct Request<'r> {
    pub(super) url: &'r Url,
    pub(super) client_id: &'r str,
    pub(super) credential: Credential,
    pub(super) audience: &'r Audience,
}

impl Request<'_> {
    pub(super) async fn send(
        self,
        client: &HttpClient,
        clock: &dyn Clock,
    ) -> Result<AccessToken, TokenError> {
        let scope = self.audience.scope();
        let mut form = vec![
            ("grant_type", "client_credentials"),
            ("client_id", self.client_id),
            ("scope", &scope),
        ];
        match &self.credential {
            Credential::Secret(secret) => form.push(("client_secret", secret.expose())),
            Credential::Assertion(assertion) => form.extend([
                (
                    "client_assertion_type",
                    "urn:ietf:params:oauth:client-assertion-type:jwt-bearer",
                ),
                ("client_assertion", assertion.expose()),
            ]),
        }
        let host = self.url.host_str().unwrap_or_default();
        let asked_at = clock.now();
        let request = client
            .request(Method::POST, self.url.clone())
            .header("client-request-id", uuid::Uuid::new_v4().to_string())
            .header("accept", "application/json")
            .form(&form);
        let failed = |error: &reqwest::Error| TokenError::of_failure(host, Failure::of(error));
        let response = request.send().await.map_err(|error| failed(&error))?;
        let status = response.status().as_u16();
        let headers = response.headers().clone();
        let body = http::read_capped(response, BYTES_MAX).await;
        let body = body.map_err(|error| failed(&error))?;
        if status == 200 {
            return token_of(&body, host, asked_at);
        }
        Err(error_of(status, &headers, &body, host, clock.now()))
    }
}

/// The token in a response; also those of managed identities and of older endpoints.
pub(super) fn token_of(
    body: &[u8],
    host: &str,
    asked_at: DateTime<Utc>,
) -> Result<AccessToken, TokenError> {
    let Ok(Value::Object(members)) = serde_json::from_slice::<Value>(body) else {
        return Err(not_a_token_endpoint(host, 200));
    };
    let token = members.get("access_token").and_then(Value::as_str);
    let Some(token) = token.filter(|token| !token.is_empty()) else {
        return Err(not_a_token_endpoint(host, 200));
    };
    let expires_on = members
        .get("expires_on")
        .and_then(whole_number)
        .and_then(|seconds| DateTime::from_timestamp(seconds, 0));
    let expires_in = members
        .get("expires_in")
        .and_then(whole_number)
        .map(|life| {
            asked_at + TimeDelta::seconds(life.clamp(*LIFE_SECONDS.start(), *LIFE_SECONDS.end()))
        });
    let Some(expires_at) = expires_on.or(expires_in) else {
        let message = format!("{host} gave a token without saying when it ends");
        return Err(TokenError::new(TokenErrorKind::Unavailable, &message));
    };
    Ok(AccessToken {
        secret: Secret::new(token),
        expires_at,
    })
}

/// A number, or a text of one: which of the two differs between endpoints.
pub(super) fn whole_number(value: &Value) -> Option<i64> {
    match value {
        Value::Number(number) => number
            .as_i64()
            .or_else(|| number.as_f64().map(|n| n as i64)),
        Value::String(text) => text.trim().parse().ok(),
        _ => None,
    }
}

fn not_a_token_endpoint(host: &str, status: u16) -> TokenError {
    let message = format!("{host} answered {status} with something else than a token");
    // What says that all is well, and is cut or another's, may be gone the next time.
    let kind = if status == 200 {
        TokenErrorKind::Unavailable
    } else {
        TokenErrorKind::Misconfigured
    };
    TokenError::new(kind, &message).with_help(
        "a captive portal, a proxy or another service answered: check `authority`, `proxy` and \
         the network",
    )
}

/// What an error of the token endpoint says.
pub(super) fn error_of(
    status: u16,
    headers: &HeaderMap,
    body: &[u8],
    host: &str,
    now: DateTime<Utc>,
) -> TokenError {
    let members = serde_json::from_slice::<Value>(body).ok();
    let member = |name: &str| members.as_ref().and_then(|members| members.get(name));
    let text = |name: &str| member(name).and_then(Value::as_str);
    let transient = match status {
        429 => Some(TokenErrorKind::Throttled {
            after: retry_after(headers, now),
        }),
        408 | 500.. => Some(TokenErrorKind::Unavailable),
        _ => None,
    };
    let Some(error) = text("error") else {
        return match transient {
            Some(kind) => TokenError::new(kind, &format!("{host} answered {status}")),
            None => not_a_token_endpoint(host, status),
        };
    };
    let code = member("error_codes")
        .and_then(Value::as_array)
        .and_then(|codes| codes.first())
        .and_then(whole_number)
        .and_then(|code| u32::try_from(code).ok())
        .or_else(|| code_of_text(text("error_description").unwrap_or_default()));
    let is_transient = code.is_some_and(|code| TRANSIENT_CODES.contains(&code))
        || matches!(error, "temporarily_unavailable" | "server_error");
    let kind = match transient {
        Some(kind) => kind,
        None if is_transient => TokenErrorKind::Unavailable,
        None => TokenErrorKind::Rejected,
    };
    let description = text("error_description").unwrap_or_default();
    // The rest has the ids, which are kept apart.
    let description = description.split("Trace ID:").next().unwrap_or_default();
    let message = if description.trim().is_empty() {
        format!("{host} refuses: {error}")
    } else {
        format!("{host} refuses: {description}")
    };
    let mut help = code.and_then(help_for).map(str::to_owned);
    if let Some(skew) = skew(headers, now) {
        help = Some(match help {
            Some(help) => format!("{skew}; {help}"),
            None => skew,
        });
    }
    TokenError {
        kind,
        code,
        message: one_line(&message),
        help,
        trace_id: text("trace_id").map(one_line),
        correlation_id: text("correlation_id").map(one_line),
    }
}

/// The number in `AADSTS7000215: …`.
fn code_of_text(text: &str) -> Option<u32> {
    let (_, rest) = text.split_once("AADSTS")?;
    let digits = rest
        .find(|c: char| !c.is_ascii_digit())
        .unwrap_or(rest.len());
    rest[..digits].parse().ok()
}

/// What to say of our clock, if it is far from that of the other side.
fn skew(headers: &HeaderMap, now: DateTime<Utc>) -> Option<String> {
    let theirs = httpdate::parse_http_date(headers.get(DATE)?.to_str().ok()?).ok()?;
    let ahead = now - DateTime::<Utc>::from(theirs);
    if ahead.abs() <= SKEW_MAX {
        return None;
    }
    let (minutes, direction) = if ahead > TimeDelta::zero() {
        (ahead.num_minutes(), "ahead of")
    } else {
        (-ahead.num_minutes(), "behind")
    };
    Some(format!(
        "this machine's clock is {minutes} minutes {direction} Microsoft's: set it right"
    ))
}
