//! How to reach a tenant: which cloud, how to sign in, through which network. Reading it touches
//! nothing; that credentials work is found when the first token is needed.

mod auth;
mod environment;

use std::path::PathBuf;
use std::time::Duration;

use reqwest::Url;
use serde::Deserialize;

use super::cloud::{Cloud, is_below};
use crate::duration::DurationText;
use crate::http::{HttpOptions, Proxy, is_loopback};

pub use auth::{
    AuthConfig, AzureCliAuth, CertificateAlgorithm, CertificateAuth, FederatedAuth,
    ManagedIdentityAuth, SecretAuth, TokenAuth,
};
pub use environment::{Environment, process_environment};

/// How to reach a tenant of Microsoft Entra and what belongs to it.
#[derive(Clone, Debug, PartialEq, Deserialize, schemars::JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ConnectionConfig {
    /// The tenant: its GUID, or a domain that is verified for it.
    pub tenant: String,
    /// The cloud that the tenant is in. Default: `commercial`.
    #[serde(default)]
    pub cloud: Cloud,
    /// How to sign in.
    pub auth: AuthConfig,
    /// Where tokens are asked for, instead of the cloud's own address: `huntd emulate`, or a
    /// gateway.
    #[serde(default)]
    pub authority: Option<String>,
    /// Hosts that may be sent tokens beside those of the cloud and this machine, such as
    /// `gateway.example.com`, or `.example.com` for all below it. Default: none.
    #[serde(default)]
    pub trusted_hosts: Vec<String>,
    /// The proxy: `system` (HTTPS_PROXY, NO_PROXY), `none`, or its URL, which may be a reference
    /// and may have a user and password. Default: `system`.
    #[serde(default)]
    pub proxy: Proxy,
    /// A PEM file of authorities to trust beside those of the system, for proxies that inspect
    /// traffic.
    #[serde(default)]
    pub ca_file: Option<PathBuf>,
    /// Longest time to connect. Default: 10s.
    #[serde(default = "default_connect_timeout")]
    pub connect_timeout: DurationText,
    /// Longest silence while a response is awaited or read. Queries may be silent until they are
    /// done. Default: as long as the call may take.
    #[serde(default)]
    pub read_timeout: Option<DurationText>,
}

fn default_connect_timeout() -> DurationText {
    DurationText(Duration::from_secs(10))
}

/// What is wrong with a connection beyond its form.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{field}: {reason}")]
pub struct ConnectionProblem {
    /// Which field, such as `auth.client_id`.
    pub field: &'static str,
    /// What is wrong, and what to do.
    pub reason: String,
}

impl ConnectionConfig {
    /// The default settings for a tenant.
    pub fn new(tenant: impl Into<String>, auth: AuthConfig) -> Self {
        Self {
            tenant: tenant.into(),
            cloud: Cloud::default(),
            auth,
            authority: None,
            trusted_hosts: Vec::new(),
            proxy: Proxy::default(),
            ca_file: None,
            connect_timeout: default_connect_timeout(),
            read_timeout: None,
        }
    }

    /// Everything that is wrong with it. Reads no file and opens no connection.
    pub fn check(&self) -> Vec<ConnectionProblem> {
        let mut problems = Vec::new();
        let mut report = |field, reason: String| problems.push(ConnectionProblem { field, reason });
        if let Err(reason) = check_tenant(&self.tenant) {
            report("tenant", reason);
        }
        if let Some(authority) = &self.authority
            && let Err(reason) = parse_authority(authority)
        {
            report("authority", reason);
        }
        for host in &self.trusted_hosts {
            if let Err(reason) = check_trusted_host(host) {
                report("trusted_hosts", reason);
            }
        }
        for (field, duration) in [
            ("connect_timeout", Some(self.connect_timeout)),
            ("read_timeout", self.read_timeout),
        ] {
            if duration.is_some_and(|duration| duration.0.is_zero()) {
                report(field, "must be longer than zero".to_owned());
            }
        }
        for (field, reason) in self.auth.check() {
            report(field, reason);
        }
        problems
    }

    /// Whether a token may be sent to an address; if not, why.
    pub fn check_address(&self, url: &Url) -> Result<(), String> {
        let host = url.host_str().unwrap_or_default();
        let is_own = is_loopback(url);
        match url.scheme() {
            "https" => {}
            "http" if is_own => {}
            "http" => {
                return Err(format!(
                    "{host} would be sent a token without encryption; use https"
                ));
            }
            scheme => return Err(format!("the scheme `{scheme}` is not supported; use https")),
        }
        let is_trusted = is_own
            || self.cloud.has_host(host)
            || self.trusted_hosts.iter().any(|entry| is_below(host, entry));
        if is_trusted {
            return Ok(());
        }
        Err(format!(
            "{host} is not a host of the cloud `{}`, so it is sent no token; if the address is \
             right, set `cloud`, or list the host in `trusted_hosts`",
            self.cloud.as_str()
        ))
    }

    /// What of it the HTTP client needs.
    pub(super) fn http_options(&self) -> HttpOptions {
        HttpOptions {
            proxy: self.proxy.clone(),
            ca_file: self.ca_file.clone(),
        }
    }
}

/// Tenants stand in addresses and on command lines.
fn check_tenant(tenant: &str) -> Result<(), String> {
    let is_word = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '.');
    if tenant.is_empty() || tenant.starts_with(['-', '.']) || !tenant.chars().all(is_word) {
        return Err("not a tenant; write its GUID or its domain, such as example.com".to_owned());
    }
    if ["common", "organizations", "consumers"].contains(&tenant.to_ascii_lowercase().as_str()) {
        return Err(format!(
            "`{tenant}` is no tenant of its own; write its GUID or its domain"
        ));
    }
    Ok(())
}

/// The address under which tenants are looked up, without a slash at the end.
pub(super) fn parse_authority(text: &str) -> Result<Url, String> {
    let url = Url::parse(text)
        .map_err(|error| format!("not a URL: {error}; write it as https://host"))?;
    match url.scheme() {
        "https" => {}
        "http" if is_loopback(&url) => {}
        _ => {
            return Err("secrets are sent there, so it must be https, or this machine".to_owned());
        }
    }
    if url.query().is_some() || url.fragment().is_some() || !url.username().is_empty() {
        return Err("write it without user, query and fragment: https://host".to_owned());
    }
    Ok(url)
}

fn check_trusted_host(host: &str) -> Result<(), String> {
    let name = host.strip_prefix('.').unwrap_or(host);
    let is_word = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '.');
    let bracketed = name
        .strip_prefix('[')
        .and_then(|name| name.strip_suffix(']'));
    let is_host = match bracketed {
        Some(address) => address.parse::<std::net::Ipv6Addr>().is_ok(),
        None => !name.is_empty() && !name.starts_with('.') && name.chars().all(is_word),
    };
    if !is_host {
        return Err(format!(
            "`{host}` is not a host; write it as host.example.com or .example.com, without a port"
        ));
    }
    if host.starts_with('.') && !name.contains('.') {
        return Err(format!(
            "`{host}` would trust a whole top-level domain; name at least two labels"
        ));
    }
    Ok(())
}

#[cfg(test)]
mod tests;
