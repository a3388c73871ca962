//! Settings of the emulator. Reading them opens nothing.

use std::collections::BTreeSet;
use std::net::{Ipv4Addr, SocketAddr};
use std::path::{Path, PathBuf};
use std::time::Duration;

use chrono::{DateTime, Utc};
use serde::Deserialize;

use super::encoding::Encoding;
use super::fault::Rule;
use super::limit::Limits;
use super::security::settings::SecurityConfig;
use crate::problem::{Problems, SourceFile};
use crate::secret::Secret;
use crate::yaml::{Excerpt, ProcessSurroundings, decode};

/// What is emulated, and how strictly.
#[derive(Clone, Debug)]
pub struct EmulatorConfig {
    /// Folder of telemetry that is queried.
    pub data: PathBuf,
    /// Where it listens; port 0 finds a free one.
    pub listen: SocketAddr,
    /// Name of the Kusto database; without it any name is answered to.
    pub database: Option<String>,
    /// Whether it speaks TLS, with a certificate of an authority made at the start.
    pub tls: bool,
    /// Names beside `localhost` and the loopback addresses that it answers to.
    pub hosts: Vec<String>,
    /// Whether tokens are asked for and checked: signature, expiry, audience and roles.
    pub checks_tokens: bool,
    /// A token that is taken for any audience and has every role.
    pub token: Option<Secret>,
    /// Tenants that there are; any if none is named.
    pub tenants: Vec<String>,
    /// Applications that can sign in. If none is named, one with a random secret and every role.
    pub clients: Vec<ClientConfig>,
    /// What the managed identity of App Service asks for as `X-IDENTITY-HEADER`.
    pub identity_header: Option<Secret>,
    /// How long tokens live.
    pub token_life: Duration,
    /// Quotas and caps.
    pub limits: Limits,
    /// Whether quotas are kept; caps are, either way.
    pub quotas: bool,
    /// Whether answers about a quota say when to come back.
    pub retry_after: bool,
    /// What goes wrong on purpose.
    pub faults: Vec<Rule>,
    /// What decides which requests faults hit.
    pub seed: u64,
    /// How long each piece of a slowed answer takes.
    pub slow_piece: Duration,
    /// How the hunting APIs write what their documentation leaves open.
    pub encoding: Encoding,
    /// How far hunting reaches back; all data if not set.
    pub lookback: Option<Duration>,
    /// How many times as fast as real time the emulator's clock runs.
    pub speed: f64,
    /// Alerts, machines, what is done to them, and mail.
    pub security: SecurityConfig,
}

impl EmulatorConfig {
    /// The defaults, over a folder.
    pub fn new(data: impl Into<PathBuf>) -> Self {
        Self {
            data: data.into(),
            listen: SocketAddr::from((Ipv4Addr::LOCALHOST, 0)),
            database: None,
            tls: false,
            hosts: Vec::new(),
            checks_tokens: true,
            token: None,
            tenants: Vec::new(),
            clients: Vec::new(),
            identity_header: None,
            token_life: Duration::from_hours(1),
            limits: Limits::default(),
            quotas: true,
            retry_after: true,
            faults: Vec::new(),
            seed: 0,
            slow_piece: Duration::from_millis(100),
            encoding: Encoding::default(),
            lookback: None,
            speed: 1.0,
            security: SecurityConfig::default(),
        }
    }
}

impl Default for EmulatorConfig {
    fn default() -> Self {
        Self::new(".")
    }
}

/// What a file of clients holds.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, schemars::JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ClientsConfig {
    /// The applications.
    pub clients: Vec<ClientConfig>,
}

/// Reads a file of clients, or tells everything that is wrong with it.
pub fn load_clients(path: &Path) -> Result<Vec<ClientConfig>, Problems> {
    let file = SourceFile::read(path).map_err(|problem| Problems(vec![*problem]))?;
    let excerpt = Excerpt::whole(&file.text);
    let decoded = decode::<ClientsConfig>(&file.text, &excerpt, Some(&ProcessSurroundings));
    let file = file.without_secrets(&decoded.problems);
    let problems = decoded.problems.into_iter();
    let problems = Problems(problems.map(|problem| file.problem(problem)).collect());
    match decoded.value {
        Some(config) if !problems.has_errors() => Ok(config.clients),
        _ => Err(problems),
    }
}

/// An application that can sign in.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize, schemars::JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ClientConfig {
    /// Its client id.
    pub id: String,
    /// The tenant it is in; any if not set.
    #[serde(default)]
    pub tenant: Option<String>,
    /// Its secrets.
    #[serde(default)]
    pub secrets: Vec<ClientSecret>,
    /// Files with certificates in PEM whose keys may sign its assertions.
    #[serde(default)]
    pub certificates: Vec<PathBuf>,
    /// Whose assertions are taken for its own.
    #[serde(default)]
    pub federated: Vec<FederatedCredential>,
    /// A file whose text is taken as an assertion as it stands.
    #[serde(default)]
    pub federated_token_file: Option<PathBuf>,
    /// Application roles; every one if not set.
    #[serde(default)]
    pub roles: Option<BTreeSet<String>>,
}

/// A secret of an application.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, schemars::JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ClientSecret {
    /// The secret.
    pub value: Secret,
    /// From when on it is not taken any more.
    #[serde(default)]
    #[schemars(with = "Option<String>")]
    pub expires: Option<DateTime<Utc>>,
}

/// Whose assertions are taken. Their signatures are not checked: the emulator asks nobody for keys.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, schemars::JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct FederatedCredential {
    /// The claim `iss`.
    pub issuer: String,
    /// The claim `sub`.
    pub subject: String,
    /// The claim `aud`. Default: `api://AzureADTokenExchange`.
    #[serde(default = "token_exchange")]
    pub audience: String,
}

fn token_exchange() -> String {
    "api://AzureADTokenExchange".to_owned()
}

impl ClientConfig {
    /// An application with a secret that does not expire and every role.
    pub fn with_secret(id: impl Into<String>, secret: impl Into<String>) -> Self {
        Self {
            id: id.into(),
            secrets: vec![ClientSecret {
                value: Secret::new(secret),
                expires: None,
            }],
            ..Self::default()
        }
    }

    /// The same with a secret that nobody guesses.
    pub fn with_random_secret(id: impl Into<String>) -> anyhow::Result<Self> {
        Ok(Self::with_secret(id, super::random_text()?))
    }

    /// The same with these roles only.
    #[must_use]
    pub fn with_roles<'r>(mut self, roles: impl IntoIterator<Item = &'r str>) -> Self {
        self.roles = Some(roles.into_iter().map(ToOwned::to_owned).collect());
        self
    }
}
