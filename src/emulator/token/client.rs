//! The applications that can sign in, and how their credentials are held against what is known.

use std::collections::BTreeSet;
use std::path::Path;

use anyhow::Context as _;
use chrono::{DateTime, Utc};
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject as _;
use sha2::{Digest as _, Sha256};
use x509_parser::prelude::{FromDer as _, X509Certificate};

use super::error::SignInError;
use crate::emulator::caller::ROLES;
use crate::emulator::config::{ClientConfig, ClientSecret, FederatedCredential};
use crate::secret::Secret;

/// An application, its files read.
#[derive(Debug)]
pub struct Client {
    pub(super) id: String,
    tenant: Option<String>,
    secrets: Vec<ClientSecret>,
    pub(super) certificates: Vec<Certificate>,
    pub(super) federated: Vec<FederatedCredential>,
    federated_token: Option<Secret>,
    pub(super) roles: BTreeSet<String>,
}

/// A certificate whose key may sign assertions.
#[derive(Debug)]
pub(super) struct Certificate {
    pub(super) sha1: Vec<u8>,
    pub(super) sha256: Vec<u8>,
    /// The public key as PKCS#1 has it.
    pub(super) key: Vec<u8>,
}

/// All applications.
#[derive(Debug)]
pub struct Clients {
    tenants: Vec<String>,
    clients: Vec<Client>,
}

impl Clients {
    /// Reads the files that the applications name.
    pub fn load(tenants: &[String], configs: &[ClientConfig]) -> anyhow::Result<Self> {
        let clients = configs.iter().map(Client::load).collect::<Result<_, _>>()?;
        Ok(Self {
            tenants: tenants.to_vec(),
            clients,
        })
    }

    /// Whether there is that tenant.
    pub(super) fn check_tenant(&self, tenant: &str) -> Result<(), SignInError> {
        let is_name = !tenant.is_empty()
            && tenant.len() <= 128
            && tenant
                .bytes()
                .all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'.'));
        let mut known = self.tenants.iter();
        let is_known = self.tenants.is_empty() || known.any(|one| one.eq_ignore_ascii_case(tenant));
        if is_name && is_known {
            return Ok(());
        }
        Err(SignInError::tenant(tenant))
    }

    /// The application of that id in that tenant.
    pub(super) fn find(&self, id: &str, tenant: &str) -> Result<&Client, SignInError> {
        let mut clients = self.clients.iter();
        let is_in = |home: &String| home.eq_ignore_ascii_case(tenant);
        clients
            .find(|client| {
                client.id.eq_ignore_ascii_case(id) && client.tenant.as_ref().is_none_or(is_in)
            })
            .ok_or_else(|| SignInError::application(id, tenant))
    }

    /// The application that a managed identity is, if none is named: the first one.
    pub(super) fn first(&self) -> Option<&Client> {
        self.clients.first()
    }
}

impl Client {
    fn load(config: &ClientConfig) -> anyhow::Result<Self> {
        let mut certificates = Vec::new();
        for path in &config.certificates {
            let read = Certificate::load(path);
            certificates.extend(read.with_context(|| {
                format!("cannot read the certificate {} of a client", path.display())
            })?);
        }
        let federated_token = match &config.federated_token_file {
            Some(path) => {
                let text = std::fs::read_to_string(path).with_context(|| {
                    format!(
                        "cannot read the federated token {} of a client",
                        path.display()
                    )
                })?;
                Some(Secret::new(text.trim()))
            }
            None => None,
        };
        let roles = config.roles.clone();
        Ok(Self {
            id: config.id.clone(),
            tenant: config.tenant.clone(),
            secrets: config.secrets.clone(),
            certificates,
            federated: config.federated.clone(),
            federated_token,
            roles: roles.unwrap_or_else(every_role),
        })
    }

    /// An application of that id where nobody has to sign in: with every role.
    pub(super) fn anybody(id: &str) -> Self {
        Self {
            id: id.to_owned(),
            tenant: None,
            secrets: Vec::new(),
            certificates: Vec::new(),
            federated: Vec::new(),
            federated_token: None,
            roles: every_role(),
        }
    }

    pub(super) fn check_secret(&self, given: &str, now: DateTime<Utc>) -> Result<(), SignInError> {
        let mut secrets = self.secrets.iter();
        match secrets.find(|secret| is_same(secret.value.expose(), given)) {
            Some(secret) if secret.expires.is_some_and(|expires| expires <= now) => {
                Err(SignInError::secret_expired(&self.id))
            }
            Some(_) => Ok(()),
            None => Err(SignInError::secret(&self.id)),
        }
    }

    /// Whether this is the assertion that is taken as it stands.
    pub(super) fn has_assertion(&self, given: &str) -> bool {
        let token = self.federated_token.as_ref();
        token.is_some_and(|token| !token.expose().is_empty() && is_same(token.expose(), given))
    }
}

fn every_role() -> BTreeSet<String> {
    ROLES.iter().map(ToString::to_string).collect()
}

/// Digests are compared, so that the time it takes tells nothing.
pub(super) fn is_same(one: &str, other: &str) -> bool {
    Sha256::digest(one.as_bytes()) == Sha256::digest(other.as_bytes())
}

impl Certificate {
    fn load(path: &Path) -> anyhow::Result<Vec<Self>> {
        let text = std::fs::read(path)?;
        let found: Vec<Self> = CertificateDer::pem_slice_iter(&text)
            .map(|der| Self::of_der(&der?))
            .collect::<Result<_, _>>()?;
        anyhow::ensure!(!found.is_empty(), "there is no certificate in PEM in it");
        Ok(found)
    }

    fn of_der(der: &[u8]) -> anyhow::Result<Self> {
        let (_, certificate) = X509Certificate::from_der(der).context("it is no certificate")?;
        let key = certificate.public_key().subject_public_key.data.to_vec();
        let sha1 = ring::digest::digest(&ring::digest::SHA1_FOR_LEGACY_USE_ONLY, der);
        Ok(Self {
            sha1: sha1.as_ref().to_vec(),
            sha256: Sha256::digest(der).to_vec(),
            key,
        })
    }
}
