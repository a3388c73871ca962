//! Tokens of the Azure resource that huntd runs on: from the endpoint that App Service and
//! Container Apps name in the environment, else from the instance metadata service (IMDS), by "How
//! to use managed identities on a virtual machine to acquire an access token" of Microsoft's pages.

use std::time::Duration;

use reqwest::header::{HeaderName, HeaderValue};
use reqwest::{Client, Url};
use serde_json::Value;

use super::BYTES_MAX;
use super::entra::token_of;
use crate::clock::Clock;
use crate::http::{self, Failure, HttpLimits};
use crate::microsoft::Audience;
use crate::microsoft::config::{Environment, ManagedIdentityAuth};
use crate::microsoft::error::one_line;
use crate::microsoft::token::AccessToken;
use crate::microsoft::token_error::{TokenError, TokenErrorKind};
use crate::secret::Secret;

/// How long the metadata service may take. It is on the same machine.
pub(super) const LIMITS: HttpLimits = HttpLimits {
    connect: Duration::from_secs(2),
    read: Duration::from_secs(10),
    total: Duration::from_secs(15),
};
/// The waits between attempts that the vendor publishes.
const WAITS: [Duration; 4] = [
    Duration::from_secs(2),
    Duration::from_secs(6),
    Duration::from_secs(14),
    Duration::from_secs(30),
];
/// How long an update of the service takes at most: its status is 410 meanwhile.
const UPDATE: Duration = Duration::from_secs(70);

const METADATA: HeaderName = HeaderName::from_static("metadata");
const IDENTITY_HEADER: HeaderName = HeaderName::from_static("x-identity-header");

/// Whom to ask for which identity.
#[derive(Debug)]
pub(super) struct Identity {
    endpoint: Url,
    /// The key of App Service and Container Apps; IMDS has none.
    key: Option<Secret>,
    selector: Option<(&'static str, String)>,
    waits: [Duration; 4],
    update: Duration,
}

impl Identity {
    pub(super) fn new(
        auth: &ManagedIdentityAuth,
        environment: &Environment,
    ) -> Result<Self, TokenError> {
        let wrong = |name: &str, why: &str| {
            let message = format!("{name} is not the address of a metadata service: {why}");
            TokenError::misconfigured(&message)
        };
        let parse = |name: &str, text: &str| {
            let url = Url::parse(text).map_err(|error| wrong(name, &error.to_string()))?;
            if !matches!(url.scheme(), "http" | "https") || url.cannot_be_a_base() {
                return Err(wrong(name, "use http://host"));
            }
            Ok(url)
        };
        let of_app = (
            environment.get("IDENTITY_ENDPOINT"),
            environment.get("IDENTITY_HEADER"),
        );
        let (endpoint, key) = match (&auth.endpoint, of_app) {
            (Some(text), _) => (imds(parse("auth.endpoint", text)?), None),
            (None, (Some(text), Some(key))) => {
                (parse("IDENTITY_ENDPOINT", &text)?, Some(Secret::new(key)))
            }
            (None, _) => {
                let url = Url::parse("http://169.254.169.254").expect("it is an address");
                (imds(url), None)
            }
        };
        let is_app = key.is_some();
        let selector = [
            ("client_id", &auth.client_id),
            (
                if is_app { "principal_id" } else { "object_id" },
                &auth.object_id,
            ),
            (
                if is_app { "mi_res_id" } else { "msi_res_id" },
                &auth.resource_id,
            ),
        ];
        let selector = selector
            .into_iter()
            .find_map(|(name, id)| Some((name, id.clone()?)));
        Ok(Self {
            endpoint,
            key,
            selector,
            waits: WAITS,
            update: UPDATE,
        })
    }

    /// Asks up to five times.
    pub(super) async fn acquire(
        &self,
        client: &Client,
        audience: &Audience,
        clock: &dyn Clock,
    ) -> Result<AccessToken, TokenError> {
        let mut waits = self.waits.iter();
        loop {
            let (error, least) = match self.ask(client, audience, clock).await {
                Ok(token) => return Ok(token),
                Err(Refusal::Again { error, least }) => (error, least),
                Err(Refusal::Final(error)) => return Err(error),
            };
            match waits.next() {
                Some(wait) => tokio::time::sleep(least.max(*wait)).await,
                None => return Err(error),
            }
        }
    }

    async fn ask(
        &self,
        client: &Client,
        audience: &Audience,
        clock: &dyn Clock,
    ) -> Result<AccessToken, Refusal> {
        let version = match self.key {
            Some(_) => "2019-08-01",
            None => "2018-02-01",
        };
        let mut query = vec![("api-version", version), ("resource", audience.resource())];
        if let Some((name, id)) = &self.selector {
            query.push((name, id));
        }
        let (name, mut value) = match &self.key {
            Some(key) => (IDENTITY_HEADER, HeaderValue::try_from(key.expose())),
            None => (METADATA, Ok(HeaderValue::from_static("true"))),
        };
        if let Ok(value) = &mut value {
            value.set_sensitive(true);
        }
        let value = value.map_err(|_| {
            let message = "IDENTITY_HEADER has characters that no header may have";
            Refusal::Final(TokenError::misconfigured(message))
        })?;
        let host = self.endpoint.host_str().unwrap_or_default();
        let asked_at = clock.now();
        let request = client.get(self.endpoint.clone()).query(&query);
        let response = request.header(name, value).send().await.map_err(|error| {
            let failure = Failure::of(&error);
            let message = format!("no managed identity at {host}: {}", failure.as_str());
            let error = TokenError::new(TokenErrorKind::Unavailable, &message).with_help(
                "huntd must run on an Azure resource that has an identity; elsewhere use \
                 another `auth.kind`",
            );
            // Off Azure nobody ever answers.
            match failure {
                Failure::Cut => Refusal::again(error),
                _ => Refusal::Final(error),
            }
        })?;
        let status = response.status().as_u16();
        let body = http::read_capped(response, BYTES_MAX)
            .await
            .map_err(|error| Refusal::again(TokenError::of_failure(host, Failure::of(&error))))?;
        if status == 200 {
            return token_of(&body, host, asked_at).map_err(Refusal::Final);
        }
        Err(self.refusal(status, &body, host))
    }

    fn refusal(&self, status: u16, body: &[u8], host: &str) -> Refusal {
        let members = serde_json::from_slice::<Value>(body).unwrap_or_default();
        let text = |name: &str| members.get(name).and_then(Value::as_str);
        let error = text("error")
            .or_else(|| text("message"))
            .unwrap_or_default();
        let description = text("error_description").unwrap_or_default();
        let message = format!("{host} answered {status}: {error} {description}");
        let error_of = |kind| TokenError::new(kind, &one_line(&message));
        match status {
            410 => Refusal::Again {
                error: error_of(TokenErrorKind::Unavailable),
                least: self.update,
            },
            429 => Refusal::again(error_of(TokenErrorKind::Throttled { after: None })),
            404 | 500.. => Refusal::again(error_of(TokenErrorKind::Unavailable)),
            _ => {
                let help = if error == "invalid_resource" {
                    "the tenant does not know the audience: check it and `cloud`"
                } else {
                    "assign an identity to the Azure resource; if it has several, name one with \
                     `auth.client_id`"
                };
                Refusal::Final(error_of(TokenErrorKind::Rejected).with_help(help))
            }
        }
    }
}

/// The path of tokens at a metadata service.
fn imds(mut url: Url) -> Url {
    url.set_path("/metadata/identity/oauth2/token");
    url
}

/// Why an attempt yielded no token.
enum Refusal {
    /// It may the next time, but not before `least`.
    Again { error: TokenError, least: Duration },
    /// It will not.
    Final(TokenError),
}

impl Refusal {
    fn again(error: TokenError) -> Self {
        Self::Again {
            error,
            least: Duration::ZERO,
        }
    }
}

#[cfg(test)]
mod tests;
