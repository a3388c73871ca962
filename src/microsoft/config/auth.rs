//! The ways to sign in, as configured.

use std::path::PathBuf;

use serde::Deserialize;

use crate::secret::Secret;

/// How to sign in to Microsoft Entra.
#[derive(Clone, Debug, PartialEq, Deserialize, schemars::JsonSchema)]
#[serde(tag = "kind", rename_all = "kebab-case")]
pub enum AuthConfig {
    /// An app registration with a client secret.
    Secret(SecretAuth),
    /// An app registration with a certificate.
    Certificate(CertificateAuth),
    /// An app registration that trusts another issuer's tokens: workload identity of Kubernetes,
    /// GitHub Actions and others.
    Federated(FederatedAuth),
    /// The identity of the Azure machine, App Service or Container App that huntd runs on.
    ManagedIdentity(ManagedIdentityAuth),
    /// The account that is signed in with `az login`; for trying things out.
    AzureCli(AzureCliAuth),
    /// A token that was acquired elsewhere, used until it ends; for tests.
    Token(TokenAuth),
}

/// An app registration with a client secret.
#[derive(Clone, Debug, PartialEq, Deserialize, schemars::JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct SecretAuth {
    /// The application (client) id of the app registration.
    pub client_id: String,
    /// The value, not the id, of a client secret.
    pub secret: Secret,
}

/// An app registration with a certificate.
#[derive(Clone, Debug, PartialEq, Deserialize, schemars::JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct CertificateAuth {
    /// The application (client) id of the app registration.
    pub client_id: String,
    /// The certificate with its private key, in PEM, or as PFX (PKCS#12). Read anew for each token,
    /// so that it can be replaced while huntd runs.
    pub file: PathBuf,
    /// The private key in PEM, if it is in a file of its own.
    #[serde(default)]
    pub key_file: Option<PathBuf>,
    /// The password of a PFX file.
    #[serde(default)]
    pub password: Option<Secret>,
    /// How assertions are signed. Default: `ps256`.
    #[serde(default)]
    pub algorithm: CertificateAlgorithm,
}

/// How assertions are signed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, schemars::JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum CertificateAlgorithm {
    /// RSASSA-PSS with SHA-256.
    #[default]
    Ps256,
    /// RSASSA-PKCS1-v1_5 with SHA-256, the older form.
    Rs256,
}

/// An app registration that trusts another issuer's tokens.
#[derive(Clone, Debug, Default, PartialEq, Deserialize, schemars::JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct FederatedAuth {
    /// The application (client) id. Default: AZURE_CLIENT_ID.
    #[serde(default)]
    pub client_id: Option<String>,
    /// The file that holds the other issuer's token. Read anew for each token. Default:
    /// AZURE_FEDERATED_TOKEN_FILE.
    #[serde(default)]
    pub token_file: Option<PathBuf>,
}

/// The identity of the Azure resource that huntd runs on. Without any id, the system-assigned
/// identity, or the only user-assigned one.
#[derive(Clone, Debug, Default, PartialEq, Deserialize, schemars::JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ManagedIdentityAuth {
    /// The client id of a user-assigned identity.
    #[serde(default)]
    pub client_id: Option<String>,
    /// The object (principal) id of a user-assigned identity.
    #[serde(default)]
    pub object_id: Option<String>,
    /// The Azure resource id of a user-assigned identity.
    #[serde(default)]
    pub resource_id: Option<String>,
    /// Where the metadata service is. Default: IDENTITY_ENDPOINT if that is set, else
    /// `http://169.254.169.254`.
    #[serde(default)]
    pub endpoint: Option<String>,
}

/// The account that is signed in with `az login`.
#[derive(Clone, Debug, Default, PartialEq, Deserialize, schemars::JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct AzureCliAuth {
    /// The program. Default: `az`, looked for on PATH.
    #[serde(default)]
    pub program: Option<PathBuf>,
}

/// A token that was acquired elsewhere.
#[derive(Clone, Debug, PartialEq, Deserialize, schemars::JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct TokenAuth {
    /// The access token.
    pub token: Secret,
}

impl AuthConfig {
    /// Word for the kind, as configured.
    pub fn kind(&self) -> &'static str {
        match self {
            Self::Secret(_) => "secret",
            Self::Certificate(_) => "certificate",
            Self::Federated(_) => "federated",
            Self::ManagedIdentity(_) => "managed-identity",
            Self::AzureCli(_) => "azure-cli",
            Self::Token(_) => "token",
        }
    }

    /// What is wrong with it: fields and reasons.
    pub(super) fn check(&self) -> Vec<(&'static str, String)> {
        let mut problems = Vec::new();
        let client_id = match self {
            Self::Secret(auth) => Some(&auth.client_id),
            Self::Certificate(auth) => Some(&auth.client_id),
            Self::Federated(auth) => auth.client_id.as_ref(),
            Self::ManagedIdentity(auth) => auth.client_id.as_ref(),
            Self::AzureCli(_) | Self::Token(_) => None,
        };
        if client_id.is_some_and(|id| uuid::Uuid::try_parse(id).is_err()) {
            let reason = "not the GUID of an application; it is called \"Application (client) \
                          ID\" on the app registration's page";
            problems.push(("auth.client_id", reason.to_owned()));
        }
        match self {
            Self::Secret(auth) if auth.secret.expose().trim().is_empty() => {
                problems.push(("auth.secret", "is empty".to_owned()));
            }
            Self::Token(auth) if auth.token.expose().trim().is_empty() => {
                problems.push(("auth.token", "is empty".to_owned()));
            }
            Self::ManagedIdentity(auth) => {
                let given = [&auth.client_id, &auth.object_id, &auth.resource_id];
                if given.iter().filter(|id| id.is_some()).count() > 1 {
                    let reason = "give one of client_id, object_id and resource_id, not several";
                    problems.push(("auth", reason.to_owned()));
                }
            }
            _ => {}
        }
        problems
    }
}
