//! Settings of the HTTP server. Reading them opens nothing.

use std::net::SocketAddr;

use serde::Deserialize;

use super::access::Access;
use crate::secret::Secret;

/// `server:` of the configuration. Without it nothing listens.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, schemars::JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ServerConfig {
    /// Address and port, such as `127.0.0.1:8420`.
    #[schemars(with = "String")]
    pub listen: SocketAddr,
    /// What clients must send as `Authorization: Bearer`. Needed where others than this machine
    /// can connect.
    #[serde(default)]
    pub token: Option<Secret>,
}

impl ServerConfig {
    /// Who may ask, or why that is not said well enough.
    pub fn access(&self) -> Result<Access, String> {
        Access::new(self.listen, self.token.clone())
    }
}
