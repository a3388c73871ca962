//! The options of a webhook.

use std::collections::BTreeMap;
use std::fmt;

use reqwest::header::{HeaderName, HeaderValue};
use serde::Deserialize;

use super::client::{IDEMPOTENCY_KEY, SIGNATURE};
use crate::action::payload::{self, Payload};
use crate::action::{ActionProblem, GIVE_UP_AFTER, example};
use crate::duration::DurationText;
use crate::http::Endpoint;
use crate::secret::Secret;
use crate::template::{Escape, Template, TemplateError};

/// An HTTP POST for each alert.
#[derive(Clone, Debug, Deserialize, schemars::JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct WebhookConfig {
    /// Where to send to: an http or https URL. It may be a reference such as ${env:HOOK_URL};
    /// only its host is ever shown.
    pub url: Endpoint,
    /// More headers of the request. Values may be references; they are never shown.
    #[serde(default)]
    pub headers: BTreeMap<String, HeaderText>,
    /// Key of the signature: with it, requests carry `X-Huntd-Signature: t=UNIX,v1=HEX`, where
    /// HEX is the HMAC-SHA256 of `UNIX.BODY`.
    #[serde(default)]
    pub signing_key: Option<Secret>,
    /// A template of the body, instead of the documented JSON. It may use the fields of that
    /// JSON. With a JSON content type, values are written as JSON: `{"text": {{ title }}}`.
    #[serde(default)]
    pub body: Option<String>,
    /// Content type of the body (default: application/json)
    #[serde(default = "default_content_type")]
    pub content_type: String,
    /// Most rows of evidence in one request, over all its findings (default: 100)
    #[serde(default = "default_evidence_rows_max")]
    pub evidence_rows_max: usize,
    /// Longest time to connect (default: 10s)
    #[serde(default = "default_connect_timeout")]
    pub connect_timeout: DurationText,
    /// Longest time of a whole request (default: 30s)
    #[serde(default = "default_timeout")]
    pub timeout: DurationText,
    /// How long a delivery is tried before it is given up and listed as dead (default: 24h)
    #[serde(default = "default_give_up_after")]
    pub give_up_after: DurationText,
}

fn default_content_type() -> String {
    "application/json".to_owned()
}

fn default_evidence_rows_max() -> usize {
    100
}

fn default_connect_timeout() -> DurationText {
    DurationText(std::time::Duration::from_secs(10))
}

fn default_timeout() -> DurationText {
    DurationText(std::time::Duration::from_secs(30))
}

fn default_give_up_after() -> DurationText {
    DurationText(GIVE_UP_AFTER)
}

impl WebhookConfig {
    /// Everything that is wrong with it.
    pub fn check(&self) -> Vec<ActionProblem> {
        let mut problems = Vec::new();
        for (name, value) in &self.headers {
            if let Err(reason) = header(name, value) {
                problems.push(ActionProblem::new(&format!("headers.{name}"), reason));
            }
        }
        if HeaderValue::from_str(&self.content_type).is_err() {
            problems.push(ActionProblem::new("content_type", "not a content type"));
        }
        if let Err(reason) = self.check_body() {
            problems.push(ActionProblem::new("body", reason));
        }
        for (field, duration) in [
            ("connect_timeout", self.connect_timeout),
            ("timeout", self.timeout),
        ] {
            if duration.0.is_zero() {
                problems.push(ActionProblem::new(field, "must be longer than zero"));
            }
        }
        problems
    }

    /// The template of the body, if there is one.
    pub(super) fn body_template(&self) -> Result<Option<Template>, TemplateError> {
        let escape = if self.is_json() {
            Escape::Json
        } else {
            Escape::Plain
        };
        self.body
            .as_deref()
            .map(|text| Template::parse(text, escape, payload::NAMES))
            .transpose()
    }

    /// Whether the body must be JSON.
    pub(super) fn is_json(&self) -> bool {
        let media_type = self.content_type.split(';').next().unwrap_or_default();
        let media_type = media_type.trim().to_ascii_lowercase();
        media_type == "application/json" || media_type.ends_with("+json")
    }

    /// Parses the template and, for JSON, fills it in with an example. A field that the example
    /// lacks, such as a column of the hunt at hand, is not known to be missing for real.
    fn check_body(&self) -> Result<(), String> {
        let Some(template) = self.body_template().map_err(|error| error.to_string())? else {
            return Ok(());
        };
        let delivery = example::delivery();
        match template.render(&Payload::of(&delivery, self.evidence_rows_max)) {
            Ok(body) if self.is_json() => check_json(&body),
            _ => Ok(()),
        }
    }
}

/// Whether a rendered body is JSON.
pub(super) fn check_json(body: &str) -> Result<(), String> {
    match serde_json::from_str::<serde::de::IgnoredAny>(body) {
        Ok(_) => Ok(()),
        Err(error) => Err(format!(
            "the template does not yield JSON: {error}; \
             values bring their own quotes, as in {{\"text\": {{{{ title }}}}}}"
        )),
    }
}

/// A header that may be sent.
pub(super) fn header(name: &str, value: &HeaderText) -> Result<(HeaderName, HeaderValue), String> {
    let header_name: HeaderName = name
        .parse()
        .map_err(|_| "not the name of a header".to_owned())?;
    let own = [IDEMPOTENCY_KEY, SIGNATURE, "content-type"];
    if own.contains(&header_name.as_str()) {
        return Err("set by huntd itself".to_owned());
    }
    if ["content-length", "transfer-encoding", "connection", "host"].contains(&header_name.as_str())
    {
        return Err("belongs to the connection and cannot be set".to_owned());
    }
    let mut header_value = HeaderValue::from_str(&value.0)
        .map_err(|_| "the value has characters that no header may have".to_owned())?;
    header_value.set_sensitive(true);
    Ok((header_name, header_value))
}

/// The value of a header: often a token, therefore never shown.
#[derive(Clone, PartialEq, Eq, Deserialize, schemars::JsonSchema)]
#[serde(transparent)]
pub struct HeaderText(String);

impl HeaderText {
    /// Wraps a value.
    pub fn new(value: impl Into<String>) -> Self {
        Self(value.into())
    }

    /// The value itself.
    pub(super) fn expose(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for HeaderText {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("HeaderText(…)")
    }
}
