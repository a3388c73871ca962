//! Acquires a token, in each of the configured ways. Tokens are not kept here.

mod assertion;
mod azure_cli;
mod certificate;
mod entra;
mod managed_identity;

use std::fmt;
use std::path::PathBuf;
use std::time::Duration;

use chrono::{DateTime, Utc};
use reqwest::{Client, Url};

use self::assertion::Assertion;
use self::entra::Credential;
use super::Audience;
use super::config::{
    AuthConfig, CertificateAuth, ConnectionConfig, Environment, FederatedAuth, parse_authority,
};
use super::token::AccessToken;
use super::token_error::TokenError;
use crate::clock::SharedClock;
use crate::http::{self, HttpClient, HttpLimits};
use crate::secret::Secret;

/// How long asking for a token may take.
const TOTAL_TIMEOUT: Duration = Duration::from_secs(30);
/// Most of a response, of a file or of a program's output that is read.
const BYTES_MAX: usize = 256 << 10;

/// Acquires tokens of one identity.
pub(super) struct Acquirer {
    tenant: String,
    authority: Option<Url>,
    default_authority: &'static str,
    auth: AuthConfig,
    environment: Environment,
    clock: SharedClock,
    client: HttpClient,
    metadata: Client,
}

impl fmt::Debug for Acquirer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Acquirer")
            .field("tenant", &self.tenant)
            .field("auth", &self.auth.kind())
            .finish_non_exhaustive()
    }
}

impl Acquirer {
    pub(super) fn new(
        config: &ConnectionConfig,
        environment: Environment,
        clock: SharedClock,
    ) -> anyhow::Result<Self> {
        let limits = HttpLimits {
            connect: config.connect_timeout.0,
            read: config
                .read_timeout
                .map_or(TOTAL_TIMEOUT, |limit| limit.0.min(TOTAL_TIMEOUT)),
            total: TOTAL_TIMEOUT,
        };
        let authority = config.authority.as_deref().map(parse_authority).transpose();
        Ok(Self {
            tenant: config.tenant.clone(),
            authority: authority.map_err(|why| anyhow::anyhow!("authority: {why}"))?,
            default_authority: config.cloud.authority(),
            auth: config.auth.clone(),
            environment,
            clock,
            client: HttpClient::with(&limits, &config.http_options())?,
            metadata: http::metadata_client(&managed_identity::LIMITS)?,
        })
    }

    /// Asks for a token.
    pub(super) async fn acquire(&self, audience: &Audience) -> Result<AccessToken, TokenError> {
        match &self.auth {
            AuthConfig::Secret(auth) => {
                let credential = Credential::Secret(auth.secret.clone());
                self.ask_entra(&auth.client_id, credential, audience).await
            }
            AuthConfig::Certificate(auth) => {
                let assertion = self.sign(auth).await?;
                let credential = Credential::Assertion(assertion);
                self.ask_entra(&auth.client_id, credential, audience).await
            }
            AuthConfig::Federated(auth) => {
                let client_id = self.federated_client_id(auth)?;
                let credential = Credential::Assertion(self.federated_token(auth).await?);
                self.ask_entra(&client_id, credential, audience).await
            }
            AuthConfig::ManagedIdentity(auth) => {
                let identity = managed_identity::Identity::new(auth, &self.environment)?;
                identity
                    .acquire(&self.metadata, audience, self.clock.as_ref())
                    .await
            }
            AuthConfig::AzureCli(auth) => azure_cli::acquire(auth, &self.tenant, audience).await,
            AuthConfig::Token(auth) => {
                let expires_at = AccessToken::expiry_claim(&auth.token);
                let expires_at = expires_at.unwrap_or(DateTime::<Utc>::MAX_UTC);
                if expires_at <= self.clock.now() {
                    let message = format!("the configured token ended at {expires_at}");
                    return Err(TokenError::misconfigured(&message)
                        .with_help("put a new one in `auth.token`, or sign in another way"));
                }
                Ok(AccessToken {
                    secret: auth.token.clone(),
                    expires_at,
                })
            }
        }
    }

    async fn ask_entra(
        &self,
        client_id: &str,
        credential: Credential,
        audience: &Audience,
    ) -> Result<AccessToken, TokenError> {
        let url = self.token_endpoint()?;
        let request = entra::Request {
            url: &url,
            client_id,
            credential,
            audience,
        };
        request.send(&self.client, self.clock.as_ref()).await
    }

    /// The address that tokens are asked of, which assertions are made out to.
    fn token_endpoint(&self) -> Result<Url, TokenError> {
        let of_environment = matches!(self.auth, AuthConfig::Federated(_))
            .then(|| self.environment.get("AZURE_AUTHORITY_HOST"))
            .flatten();
        let mut url = match (&self.authority, of_environment) {
            (Some(url), _) => url.clone(),
            (None, Some(text)) => parse_authority(&text).map_err(|why| {
                TokenError::misconfigured(&format!("AZURE_AUTHORITY_HOST: {why}"))
            })?,
            (None, None) => {
                Url::parse(self.default_authority).expect("addresses of clouds are URLs")
            }
        };
        url.path_segments_mut()
            .expect("an http address has a path")
            .pop_if_empty()
            .extend([self.tenant.as_str(), "oauth2", "v2.0", "token"]);
        Ok(url)
    }

    /// A signed assertion. Keys are read and used off the threads that serve others.
    async fn sign(&self, auth: &CertificateAuth) -> Result<Secret, TokenError> {
        let (auth, now) = (auth.clone(), self.clock.now());
        let endpoint = self.token_endpoint()?;
        let signing = tokio::task::spawn_blocking(move || {
            let credential = certificate::load(&auth)?;
            credential.check_time(now)?;
            Assertion {
                endpoint: endpoint.as_str(),
                client_id: &auth.client_id,
                now,
            }
            .sign(&credential, auth.algorithm)
        });
        signing.await.unwrap_or_else(|_| {
            Err(TokenError::misconfigured(
                "the certificate could not be used to sign",
            ))
        })
    }

    fn federated_client_id(&self, auth: &FederatedAuth) -> Result<String, TokenError> {
        let client_id = auth.client_id.clone();
        client_id
            .or_else(|| self.environment.get("AZURE_CLIENT_ID"))
            .ok_or_else(|| {
                TokenError::misconfigured("no client id is known to sign in with")
                    .with_help("set `auth.client_id`, or AZURE_CLIENT_ID")
            })
    }

    /// The other issuer's token, which is replaced from time to time.
    async fn federated_token(&self, auth: &FederatedAuth) -> Result<Secret, TokenError> {
        let of_environment = || self.environment.get("AZURE_FEDERATED_TOKEN_FILE");
        let path = auth.token_file.clone();
        let path = path
            .or_else(|| of_environment().map(PathBuf::from))
            .ok_or_else(|| {
                TokenError::misconfigured("no file with the token to exchange is known").with_help(
                "set `auth.token_file`, or AZURE_FEDERATED_TOKEN_FILE: Kubernetes sets it in pods \
                 with the label azure.workload.identity/use",
            )
            })?;
        let shown = path.display().to_string();
        let bytes = tokio::task::spawn_blocking(move || read_file(&path)).await;
        let bytes = bytes
            .unwrap_or_else(|error| Err(std::io::Error::other(error)))
            .map_err(|error| {
                TokenError::misconfigured(&format!("{shown} cannot be read: {error}"))
                    .with_help("it must hold the token that the other issuer made")
            })?;
        let text = String::from_utf8(bytes).unwrap_or_default();
        let text = text.trim();
        if text.is_empty() || !text.bytes().all(|byte| byte.is_ascii_graphic()) {
            return Err(
                TokenError::misconfigured(&format!("{shown} holds no token")).with_help(
                    "it must hold the token that the other issuer made, and nothing else",
                ),
            );
        }
        Ok(Secret::new(text))
    }
}

/// A file of bounded size.
fn read_file(path: &std::path::Path) -> std::io::Result<Vec<u8>> {
    use std::io::Read as _;
    let mut bytes = Vec::new();
    let mut file = std::fs::File::open(path)?.take(BYTES_MAX as u64 + 1);
    file.read_to_end(&mut bytes)?;
    if bytes.len() > BYTES_MAX {
        return Err(std::io::Error::other(
            "it is too large for what it should hold",
        ));
    }
    Ok(bytes)
}
