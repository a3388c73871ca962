//! Whom a token is made out to.

use std::fmt;

use reqwest::Url;
use serde::Deserialize;

/// A resource that checks tokens, such as `https://graph.microsoft.com`. Written with the
/// `/.default` of a scope or without.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Deserialize, schemars::JsonSchema)]
#[serde(from = "String")]
pub struct Audience(String);

impl Audience {
    /// A resource or the scope of all its granted permissions.
    pub fn new(text: impl Into<String>) -> Self {
        let mut text = text.into();
        if let Some(resource) = text.strip_suffix("/.default") {
            text.truncate(resource.len());
        }
        Self(text)
    }

    /// The host of an address, which is how clusters of Azure Data Explorer are called.
    pub fn of_host(url: &Url) -> Self {
        Self(url.origin().ascii_serialization())
    }

    /// The resource, as managed identities want it.
    pub fn resource(&self) -> &str {
        &self.0
    }

    /// The scope, as the v2.0 token endpoint wants it.
    pub fn scope(&self) -> String {
        format!("{}/.default", self.0)
    }
}

impl From<String> for Audience {
    fn from(text: String) -> Self {
        Self::new(text)
    }
}

impl fmt::Display for Audience {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_scope_and_its_resource_are_the_same_audience() {
        let scope = Audience::new("https://graph.microsoft.com/.default");
        assert_eq!(scope, Audience::new("https://graph.microsoft.com"));
        assert_eq!(scope.scope(), "https://graph.microsoft.com/.default");
        // The slash is part of this resource's name.
        let slash = Audience::new("https://management.azure.com/");
        assert_eq!(slash.resource(), "https://management.azure.com/");
        assert_eq!(slash.scope(), "https://management.azure.com//.default");
    }

    #[test]
    fn a_cluster_is_its_own_audience() {
        let url = Url::parse("https://Help.kusto.windows.net/v2/rest/query?x=1").unwrap();
        let audience = Audience::of_host(&url);
        assert_eq!(audience.resource(), "https://help.kusto.windows.net");
    }
}
