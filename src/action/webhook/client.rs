//! Sends the request and reads from the answer what came of it.
//!
//! | answer | outcome |
//! |---|---|
//! | 2xx | done |
//! | 408, 425, 429, 5xx, no answer | retry, after `Retry-After` if given |
//! | any other | rejected |
//!
//! Redirects are not followed.

use std::time::Duration;

use anyhow::Context as _;
use async_trait::async_trait;
use chrono::{DateTime, Utc};
use reqwest::header::{CONTENT_TYPE, HeaderMap, HeaderValue, RETRY_AFTER};
use reqwest::{Method, StatusCode};

use super::config::{self, WebhookConfig};
use super::sign::signature;
use crate::action::evidence::visible;
use crate::action::payload::Payload;
use crate::action::{ActionOutcome, Notifier};
use crate::alert::Delivery;
use crate::clock::SharedClock;
use crate::http::{self, Endpoint, HttpClient, HttpLimits};
use crate::secret::Secret;
use crate::template::Template;

/// Header with the delivery's id: a receiver that saw it before has seen this alert before.
pub const IDEMPOTENCY_KEY: &str = "idempotency-key";
/// Header with the signature.
pub const SIGNATURE: &str = "x-huntd-signature";

/// Most of an answer's text that is read, to say why a request was refused.
const ANSWER_BYTES_MAX: usize = 4096;
/// Most of it that is repeated.
const ANSWER_CHARS_MAX: usize = 200;

/// A webhook, ready to send.
#[derive(Debug)]
pub struct Webhook {
    url: Endpoint,
    headers: HeaderMap,
    hidden: Hidden,
    signing_key: Option<Secret>,
    body: Option<Template>,
    is_json: bool,
    evidence_rows_max: usize,
    client: HttpClient,
    clock: SharedClock,
}

impl Webhook {
    /// Builds one; opens no connection.
    pub fn new(config: &WebhookConfig, clock: SharedClock) -> anyhow::Result<Self> {
        let mut headers = HeaderMap::new();
        for (name, value) in &config.headers {
            let (name, value) = config::header(name, value).map_err(anyhow::Error::msg)?;
            headers.insert(name, value);
        }
        let content_type = HeaderValue::from_str(&config.content_type).context("content_type")?;
        headers.insert(CONTENT_TYPE, content_type);
        let limits = HttpLimits {
            connect: config.connect_timeout.0,
            read: config.timeout.0,
            total: config.timeout.0,
        };
        Ok(Self {
            url: config.url.clone(),
            headers,
            hidden: Hidden::of(config),
            signing_key: config.signing_key.clone(),
            body: config.body_template()?,
            is_json: config.is_json(),
            evidence_rows_max: config.evidence_rows_max,
            client: HttpClient::new(&limits)?,
            clock,
        })
    }

    fn render(&self, delivery: &Delivery) -> Result<Vec<u8>, String> {
        let payload = Payload::of(delivery, self.evidence_rows_max);
        let Some(template) = &self.body else {
            return serde_json::to_vec(&payload).map_err(|error| error.to_string());
        };
        let body = template
            .render(&payload)
            .map_err(|error| format!("body: {error}"))?;
        if self.is_json {
            config::check_json(&body).map_err(|reason| format!("body: {reason}"))?;
        }
        Ok(body.into_bytes())
    }
}

#[async_trait]
impl Notifier for Webhook {
    async fn notify(&self, delivery: &Delivery) -> ActionOutcome {
        let body = match self.render(delivery) {
            Ok(body) => body,
            Err(why) => return ActionOutcome::Rejected { why },
        };
        let now = self.clock.now();
        let mut request = self
            .client
            .request(Method::POST, self.url.expose().clone())
            .headers(self.headers.clone())
            .header(IDEMPOTENCY_KEY, delivery.id.to_string());
        if let Some(key) = &self.signing_key {
            request = request.header(SIGNATURE, signature(key, now.timestamp(), &body));
        }
        let response = match request.body(body).send().await {
            Ok(response) => response,
            Err(error) => {
                let what = http::describe(error);
                return ActionOutcome::retry(format!("no answer of {}: {what}", self.url.host()));
            }
        };
        let status = response.status();
        if status.is_success() {
            return ActionOutcome::Done;
        }
        let after = response
            .headers()
            .get(RETRY_AFTER)
            .and_then(|value| value.to_str().ok())
            .and_then(|text| retry_after(text, now));
        // The status decides; an answer whose text breaks off has only less to say.
        let text = http::read_capped(response, ANSWER_BYTES_MAX)
            .await
            .unwrap_or_default();
        let text = self.hidden.redact(&String::from_utf8_lossy(&text));
        let why = refusal(&self.url.host(), status, &text);
        if is_transient(status) {
            ActionOutcome::Retry { why, after }
        } else {
            ActionOutcome::Rejected { why }
        }
    }
}

fn is_transient(status: StatusCode) -> bool {
    matches!(status.as_u16(), 408 | 425 | 429) || status.is_server_error()
}

fn refusal(host: &str, status: StatusCode, text: &str) -> String {
    let reason = status.canonical_reason().unwrap_or("unknown status");
    let mut why = format!("{host} answered {} {reason}", status.as_u16());
    if status.is_redirection() {
        why.push_str("; redirects are not followed, configure the final URL");
    }
    let text = visible(text.trim());
    if !text.is_empty() {
        let shown: String = text.chars().take(ANSWER_CHARS_MAX).collect();
        let cut = if shown.len() < text.len() { "…" } else { "" };
        why.push_str(": ");
        why.push_str(&shown);
        why.push_str(cut);
    }
    why
}

/// `Retry-After` as seconds or as an HTTP date.
fn retry_after(text: &str, now: DateTime<Utc>) -> Option<Duration> {
    let text = text.trim();
    if let Ok(seconds) = text.parse::<u64>() {
        return Some(Duration::from_secs(seconds));
    }
    let at = DateTime::parse_from_rfc2822(text).ok()?;
    (at.with_timezone(&Utc) - now).to_std().ok()
}

/// What an answer may echo but nobody may read: parts of the address, headers, the key.
struct Hidden(Vec<String>);

/// What is shorter than this is no secret, and would blot out ordinary words.
const SECRET_CHARS_MIN: usize = 6;

impl Hidden {
    fn of(config: &WebhookConfig) -> Self {
        let url = config.url.expose();
        let mut parts: Vec<String> = vec![url.path().to_owned()];
        parts.extend(url.path_segments().into_iter().flatten().map(String::from));
        parts.extend(url.query().map(String::from));
        parts.extend(url.query_pairs().map(|(_, value)| value.into_owned()));
        parts.extend(url.password().map(String::from));
        for value in config.headers.values() {
            parts.push(value.expose().to_owned());
            parts.extend(value.expose().split_whitespace().map(String::from));
        }
        parts.extend(config.signing_key.iter().map(|key| key.expose().to_owned()));
        parts.retain(|part| part.chars().count() >= SECRET_CHARS_MIN);
        // The longest first, so that no half of one stays behind.
        parts.sort_by_key(|part| std::cmp::Reverse(part.len()));
        Self(parts)
    }

    fn redact(&self, text: &str) -> String {
        self.0.iter().fold(text.to_owned(), |text, part| {
            text.replace(part.as_str(), "[hidden]")
        })
    }
}

impl std::fmt::Debug for Hidden {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Hidden(…)")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn retry_after_is_seconds_or_a_date() {
        let now = "2026-01-02T15:00:00Z".parse().unwrap();
        let seconds = |text| retry_after(text, now).map(|after| after.as_secs());
        assert_eq!(seconds("120"), Some(120));
        assert_eq!(seconds("Fri, 02 Jan 2026 15:00:30 GMT"), Some(30));
        assert_eq!(seconds("Fri, 02 Jan 2026 14:00:00 GMT"), None);
        assert_eq!(seconds("soon"), None);
    }

    #[test]
    fn an_echoed_secret_is_hidden() {
        let config: WebhookConfig = serde_json::from_value(serde_json::json!({
            "url": "https://hooks.example.com/services/T0KEN99/abc?sig=qwertz123",
            "headers": {"Authorization": "Bearer s3cr3t-value"},
            "signing_key": "hmac-key-1",
        }))
        .unwrap();
        let hidden = Hidden::of(&config);
        let text = hidden.redact("no route /services/T0KEN99/abc, s3cr3t-value, qwertz123");
        assert_eq!(text, "no route [hidden], [hidden], [hidden]");
        let shown = format!("{config:?} {hidden:?}");
        for secret in ["T0KEN99", "qwertz123", "s3cr3t", "hmac-key"] {
            assert!(!shown.contains(secret), "{shown}");
        }
    }
}
