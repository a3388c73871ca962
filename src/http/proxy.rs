//! Through which proxy requests go. An address of a proxy may hold credentials, so it is never
//! shown but for its host.

use reqwest::ClientBuilder;
use serde::Deserialize;

use super::{Endpoint, InvalidEndpoint};

/// Through which proxy requests go. Those to this machine's own addresses go through none.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(try_from = "String")]
pub enum Proxy {
    /// The one that `HTTPS_PROXY`, `HTTP_PROXY` and `NO_PROXY` name, or the system's settings.
    #[default]
    System,
    /// None.
    None,
    /// This one. User and password stand in the address.
    Explicit(Endpoint),
}

impl Proxy {
    pub(super) fn apply(&self, builder: ClientBuilder) -> anyhow::Result<ClientBuilder> {
        let endpoint = match self {
            Self::System => return Ok(builder),
            Self::None => return Ok(builder.no_proxy()),
            Self::Explicit(endpoint) => endpoint,
        };
        let proxy = reqwest::Proxy::all(endpoint.expose().clone())
            .map_err(|_| anyhow::anyhow!("the proxy {} cannot be used", endpoint.host()))?;
        Ok(builder.no_proxy().proxy(proxy))
    }
}

impl TryFrom<String> for Proxy {
    type Error = InvalidEndpoint;

    fn try_from(text: String) -> Result<Self, InvalidEndpoint> {
        Ok(match text.as_str() {
            "system" => Self::System,
            "none" => Self::None,
            _ => Self::Explicit(Endpoint::parse(&text)?),
        })
    }
}

impl schemars::JsonSchema for Proxy {
    fn schema_name() -> std::borrow::Cow<'static, str> {
        "Proxy".into()
    }

    fn json_schema(_: &mut schemars::SchemaGenerator) -> schemars::Schema {
        schemars::json_schema!({
            "type": "string",
            "description": "`system`, `none`, or the http or https URL of a proxy, which may be a \
                            reference: ${env:NAME} or ${file:/path}.",
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_and_addresses_are_told_apart() {
        let read = |text: &str| Proxy::try_from(text.to_owned());
        assert_eq!(read("system"), Ok(Proxy::System));
        assert_eq!(read("none"), Ok(Proxy::None));
        let Ok(Proxy::Explicit(endpoint)) = read("http://user:pass@proxy.example.com:3128") else {
            panic!("an address is an explicit proxy");
        };
        assert_eq!(endpoint.host(), "proxy.example.com:3128");
        assert!(read("proxy").is_err());
        assert!(read("socks5://proxy.example.com").is_err());
    }
}
