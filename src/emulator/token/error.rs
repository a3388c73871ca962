//! Why somebody cannot sign in, as Entra ID words it.

use axum::http::{StatusCode, header};
use axum::response::{IntoResponse as _, Response};
use chrono::{DateTime, SecondsFormat, Utc};
use serde_json::json;
use uuid::Uuid;

/// A refusal with its code, as in `AADSTS7000215`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct SignInError {
    status: u16,
    error: &'static str,
    code: u32,
    text: String,
}

/// Most characters of what a request says that are repeated in an answer.
const REPEATED_MAX: usize = 200;

fn told(text: &str) -> String {
    text.chars()
        .filter(|character| !character.is_control())
        .take(REPEATED_MAX)
        .collect()
}

impl SignInError {
    fn new(status: u16, error: &'static str, code: u32, text: impl Into<String>) -> Self {
        Self {
            status,
            error,
            code,
            text: text.into(),
        }
    }

    fn invalid_client(code: u32, text: impl Into<String>) -> Self {
        Self::new(401, "invalid_client", code, text)
    }

    pub(super) fn missing(field: &str) -> Self {
        let text = format!("The request body must contain the following parameter: '{field}'.");
        Self::new(400, "invalid_request", 900_144, text)
    }

    pub(super) fn grant_type(given: &str) -> Self {
        let text = format!(
            "The provided grant_type '{}' is not supported.",
            told(given)
        );
        Self::new(400, "unsupported_grant_type", 70_003, text)
    }

    pub(super) fn tenant(tenant: &str) -> Self {
        let text = format!(
            "Tenant '{}' not found. Check to make sure you have the correct tenant ID and are \
             signing into the correct cloud. Check with your subscription administrator, this may \
             happen if there are no active subscriptions for the tenant.",
            told(tenant)
        );
        Self::new(400, "invalid_request", 90_002, text)
    }

    pub(super) fn application(id: &str, tenant: &str) -> Self {
        let text = format!(
            "Application with identifier '{}' was not found in the directory '{}'. This can \
             happen if the application has not been installed by the administrator of the tenant \
             or consented to by any user in the tenant. You may have sent your authentication \
             request to the wrong tenant.",
            told(id),
            told(tenant)
        );
        Self::new(400, "unauthorized_client", 700_016, text)
    }

    pub(super) fn no_credential() -> Self {
        let text = "The request body must contain the following parameter: 'client_assertion' or \
                    'client_secret'.";
        Self::invalid_client(7_000_218, text)
    }

    pub(super) fn secret(app: &str) -> Self {
        let text = format!(
            "Invalid client secret provided. Ensure the secret being sent in the request is the \
             client secret value, not the client secret ID, for a secret added to app '{app}'."
        );
        Self::invalid_client(7_000_215, text)
    }

    pub(super) fn secret_expired(app: &str) -> Self {
        let text = format!(
            "The provided client secret keys for app '{app}' are expired. Visit the Azure portal \
             to create new keys for your app, or consider using certificate credentials for added \
             security: https://aka.ms/certCreds."
        );
        Self::invalid_client(7_000_222, text)
    }

    pub(super) fn scope(scope: &str) -> Self {
        let text = format!(
            "The provided request must include a 'scope' input parameter. The provided value for \
             the input parameter 'scope' is not valid. The scope {} is not valid.",
            told(scope)
        );
        Self::new(400, "invalid_scope", 70_011, text)
    }

    pub(super) fn resource(resource: &str, tenant: &str) -> Self {
        let text = format!(
            "The resource principal named {} was not found in the tenant named {}. This can \
             happen if the application has not been installed by the administrator of the tenant \
             or consented to by any user in the tenant. You might have sent your authentication \
             request to the wrong tenant.",
            told(resource),
            told(tenant)
        );
        Self::new(400, "invalid_resource", 500_011, text)
    }

    pub(super) fn assertion_malformed() -> Self {
        Self::new(
            400,
            "invalid_request",
            50_027,
            "JWT token is invalid or malformed.",
        )
    }

    pub(super) fn assertion_type(given: &str) -> Self {
        let text = format!(
            "The client_assertion_type '{}' is not supported.",
            told(given)
        );
        Self::new(400, "invalid_request", 90_023, text)
    }

    pub(super) fn certificate(thumbprint: &str) -> Self {
        let text = format!(
            "The certificate with identifier used to sign the client assertion is not registered \
             on application. [Reason - The key was not found., Thumbprint of key used by client: \
             '{}']",
            told(thumbprint)
        );
        Self::invalid_client(700_027, text)
    }

    pub(super) fn assertion_signature() -> Self {
        let text = "Client assertion failed signature validation.";
        Self::invalid_client(700_027, text)
    }

    pub(super) fn assertion_audience(audience: &str) -> Self {
        let text = format!(
            "Client assertion audience claim does not match Realm issuer. Review the \
             documentation. The audience was '{}'.",
            told(audience)
        );
        Self::invalid_client(700_023, text)
    }

    pub(super) fn assertion_subject() -> Self {
        let text = "Client assertion contains an issuer or a subject that is not the client.";
        Self::invalid_client(700_021, text)
    }

    pub(super) fn assertion_time(now: DateTime<Utc>) -> Self {
        let text = format!(
            "Client assertion is not within its valid time range. Current time: {}.",
            now.to_rfc3339_opts(SecondsFormat::Millis, true)
        );
        Self::invalid_client(700_024, text)
    }

    pub(super) fn federated_issuer(issuer: &str) -> Self {
        let text = format!(
            "No matching federated identity record found for presented assertion issuer '{}'. \
             Check your federated identity credential Subject, Audience and Issuer against the \
             presented assertion.",
            told(issuer)
        );
        Self::invalid_client(700_211, text)
    }

    pub(super) fn federated_audience(audience: &str) -> Self {
        let text = format!(
            "No matching federated identity record found for presented assertion audience '{}'. \
             Check your federated identity credential Subject, Audience and Issuer against the \
             presented assertion.",
            told(audience)
        );
        Self::invalid_client(700_212, text)
    }

    pub(super) fn federated_subject(subject: &str) -> Self {
        let text = format!(
            "No matching federated identity record found for presented assertion subject '{}'. \
             Check your federated identity credential Subject, Audience and Issuer against the \
             presented assertion.",
            told(subject)
        );
        Self::invalid_client(700_213, text)
    }

    /// The answer.
    pub(super) fn response(&self, now: DateTime<Utc>) -> Response {
        let (trace, correlation) = (Uuid::new_v4(), Uuid::new_v4());
        let at = now.format("%Y-%m-%d %H:%M:%SZ").to_string();
        let body = json!({
            "error": self.error,
            "error_description": format!(
                "AADSTS{}: {} Trace ID: {trace} Correlation ID: {correlation} Timestamp: {at}",
                self.code, self.text
            ),
            "error_codes": [self.code],
            "timestamp": at,
            "trace_id": trace,
            "correlation_id": correlation,
            "error_uri": format!("https://login.microsoftonline.com/error?code={}", self.code),
        });
        let status = StatusCode::from_u16(self.status).expect("it has three digits");
        let json = [(header::CONTENT_TYPE, "application/json; charset=utf-8")];
        (status, json, body.to_string()).into_response()
    }
}
