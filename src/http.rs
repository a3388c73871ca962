//! The only place that builds HTTP clients, so that every request has time limits, a user agent,
//! verified TLS and a cap on what is read back, and none reaches a link-local address: that is
//! where clouds serve credentials of the machine to whoever asks. The one exception has a
//! constructor of its own. Why a request failed is told in `failure`, through which proxy it goes
//! in `proxy`.

mod failure;
mod proxy;

use std::fmt;
use std::net::{IpAddr, SocketAddr};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use anyhow::Context as _;
use reqwest::dns::{Addrs, Name, Resolve, Resolving};
use reqwest::{
    Certificate, Client, ClientBuilder, Method, RequestBuilder, Response, Url, redirect,
};
use serde::Deserialize;

pub use failure::{Failure, describe, describe_ref};
pub use proxy::Proxy;

/// How long things may take.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct HttpLimits {
    /// Until the connection stands, with TLS.
    pub connect: Duration,
    /// Between two pieces of the response.
    pub read: Duration,
    /// The whole request, with the response's body.
    pub total: Duration,
}

/// How requests leave this machine, beyond their limits.
#[derive(Clone, Debug, Default)]
pub struct HttpOptions {
    /// Through which proxy.
    pub proxy: Proxy,
    /// A PEM file of authorities that are trusted beside those of the system.
    pub ca_file: Option<PathBuf>,
}

/// Sends requests. It follows no redirect: those turn a POST into a GET, or take what was meant
/// for one host to another. Compressed responses are asked for and unpacked. Cheap to clone.
#[derive(Clone, Debug)]
pub struct HttpClient {
    client: Client,
    /// For addresses of this machine, which no proxy elsewhere reaches, and which may be sent
    /// secrets without encryption because they do not leave it.
    own: Client,
}

impl HttpClient {
    /// A client with the system's proxy and authorities.
    pub fn new(limits: &HttpLimits) -> anyhow::Result<Self> {
        Self::with(limits, &HttpOptions::default())
    }

    /// A client. Opens no connection.
    pub fn with(limits: &HttpLimits, options: &HttpOptions) -> anyhow::Result<Self> {
        let authorities = options.ca_file.as_deref().map(authorities).transpose()?;
        let build = |proxy: &Proxy| -> anyhow::Result<Client> {
            let mut builder = builder(limits).dns_resolver(Arc::new(GuardedResolver));
            builder = proxy.apply(builder)?;
            if let Some(authorities) = &authorities {
                builder = builder.tls_certs_merge(authorities.clone());
            }
            Ok(builder.build()?)
        };
        Ok(Self {
            client: build(&options.proxy)?,
            own: build(&Proxy::None)?,
        })
    }

    /// Begins a request.
    pub fn request(&self, method: Method, url: Url) -> RequestBuilder {
        let client = if is_loopback(&url) {
            &self.own
        } else {
            &self.client
        };
        client.request(method, url)
    }
}

/// Whether an address is this machine's own.
pub fn is_loopback(url: &Url) -> bool {
    let host = url.host_str().unwrap_or_default();
    let bare = host.trim_start_matches('[').trim_end_matches(']');
    match bare.parse::<IpAddr>() {
        Ok(address) => address.to_canonical().is_loopback(),
        Err(_) => host.eq_ignore_ascii_case("localhost"),
    }
}

/// Builds the client that asks this machine's own metadata service for tokens: it may reach
/// link-local addresses, and never goes through a proxy, as that would hand the machine's
/// credentials to the proxy.
pub fn metadata_client(limits: &HttpLimits) -> anyhow::Result<Client> {
    Ok(builder(limits).no_proxy().build()?)
}

fn builder(limits: &HttpLimits) -> ClientBuilder {
    // Fails only if a provider was installed before, which is then as good.
    let _ = rustls::crypto::ring::default_provider().install_default();
    Client::builder()
        .user_agent(concat!("huntd/", env!("CARGO_PKG_VERSION")))
        .connect_timeout(limits.connect)
        .read_timeout(limits.read)
        .timeout(limits.total)
        .redirect(redirect::Policy::none())
}

/// The certificates of a PEM file.
fn authorities(path: &Path) -> anyhow::Result<Vec<Certificate>> {
    let shown = path.display();
    let pem = std::fs::read(path)
        .with_context(|| format!("the file of authorities {shown} cannot be read"))?;
    let certificates = Certificate::from_pem_bundle(&pem)
        .map_err(|_| anyhow::anyhow!("{shown} is not a PEM file of certificates"))?;
    anyhow::ensure!(
        !certificates.is_empty(),
        "{shown} holds no certificate; it must have `-----BEGIN CERTIFICATE-----`"
    );
    Ok(certificates)
}

/// Reads at most `bytes_max` of a response's body. What follows is not read.
pub async fn read_capped(mut response: Response, bytes_max: usize) -> reqwest::Result<Vec<u8>> {
    let mut body = Vec::new();
    while body.len() < bytes_max {
        let Some(chunk) = response.chunk().await? else {
            break;
        };
        let room = bytes_max - body.len();
        body.extend_from_slice(&chunk[..chunk.len().min(room)]);
    }
    Ok(body)
}

/// An address to send to. Webhook addresses carry tokens, so that only the scheme and the host
/// are ever shown.
#[derive(Clone, PartialEq, Eq, Deserialize)]
#[serde(try_from = "String")]
pub struct Endpoint(Url);

/// Why a text is not an address to send to.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum InvalidEndpoint {
    /// Not a URL.
    #[error("not a URL: {0}; write it as https://host/path")]
    Syntax(String),
    /// Not HTTP.
    #[error("the scheme `{0}` is not supported; use https or http")]
    Scheme(String),
    /// A blocked address.
    #[error("{0} is a link-local or unspecified address, which is never sent to")]
    Blocked(IpAddr),
}

impl Endpoint {
    /// Checks an address.
    pub fn parse(text: &str) -> Result<Self, InvalidEndpoint> {
        let url = Url::parse(text).map_err(|error| InvalidEndpoint::Syntax(error.to_string()))?;
        if !matches!(url.scheme(), "http" | "https") {
            return Err(InvalidEndpoint::Scheme(url.scheme().to_owned()));
        }
        let host = url.host_str().unwrap_or_default();
        let bare_host = host.trim_start_matches('[').trim_end_matches(']');
        match bare_host.parse::<IpAddr>() {
            Ok(address) if is_blocked(address) => Err(InvalidEndpoint::Blocked(address)),
            _ => Ok(Self(url)),
        }
    }

    /// The whole address, for the request itself only.
    pub fn expose(&self) -> &Url {
        &self.0
    }

    /// The host, with its port if it is not the scheme's own.
    pub fn host(&self) -> String {
        let host = self.0.host_str().unwrap_or_default();
        match self.0.port() {
            Some(port) => format!("{host}:{port}"),
            None => host.to_owned(),
        }
    }
}

impl TryFrom<String> for Endpoint {
    type Error = InvalidEndpoint;

    fn try_from(text: String) -> Result<Self, InvalidEndpoint> {
        Self::parse(&text)
    }
}

impl fmt::Debug for Endpoint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Endpoint({}://{}/…)", self.0.scheme(), self.host())
    }
}

impl schemars::JsonSchema for Endpoint {
    fn schema_name() -> std::borrow::Cow<'static, str> {
        "Endpoint".into()
    }

    fn json_schema(_: &mut schemars::SchemaGenerator) -> schemars::Schema {
        schemars::json_schema!({
            "type": "string",
            "description": "An http or https URL, or a reference to one that is secret: \
                            ${env:NAME} or ${file:/path}.",
        })
    }
}

/// The system's resolver without the blocked addresses.
#[derive(Debug)]
struct GuardedResolver;

impl Resolve for GuardedResolver {
    fn resolve(&self, name: Name) -> Resolving {
        Box::pin(async move {
            let addresses = tokio::net::lookup_host((name.as_str(), 0))
                .await
                .map_err(|error| failure::NotResolved(error.to_string()))?;
            let found: Vec<SocketAddr> = addresses
                .filter(|address| !is_blocked(address.ip()))
                .collect();
            if found.is_empty() {
                let text = "no address of this host may be sent to";
                return Err(failure::NotResolved(text.to_owned()).into());
            }
            Ok(Box::new(found.into_iter()) as Addrs)
        })
    }
}

fn is_blocked(address: IpAddr) -> bool {
    match address.to_canonical() {
        IpAddr::V4(address) => address.is_link_local() || address.is_unspecified(),
        IpAddr::V6(address) => address.is_unicast_link_local() || address.is_unspecified(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_endpoint_shows_its_host_only() {
        let endpoint = Endpoint::parse("https://hooks.example.com:8443/T0/secret?k=1").unwrap();
        assert_eq!(
            format!("{endpoint:?}"),
            "Endpoint(https://hooks.example.com:8443/…)"
        );
    }

    #[test]
    fn addresses_of_the_cloud_metadata_service_are_refused() {
        let message = |text| Endpoint::parse(text).unwrap_err().to_string();
        for text in [
            "http://169.254.169.254/latest",
            "http://[fe80::1]/",
            "http://0.0.0.0/",
            "http://[::ffff:169.254.169.254]/",
        ] {
            assert!(message(text).contains("link-local"), "{text}");
        }
        assert!(message("ftp://example.com/").contains("`ftp`"));
        assert!(message("hooks.example.com").starts_with("not a URL"));
        assert!(Endpoint::parse("http://127.0.0.1:1/").is_ok());
    }

    #[tokio::test]
    async fn a_client_can_be_built() {
        let limits = HttpLimits {
            connect: Duration::from_secs(1),
            read: Duration::from_secs(1),
            total: Duration::from_secs(1),
        };
        assert!(HttpClient::new(&limits).is_ok());
    }
}
