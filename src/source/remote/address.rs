//! Where a service is reached and what its tokens are made out to: the cloud's own, unless the
//! configuration says otherwise.

use anyhow::{Context as _, bail};
use reqwest::Url;

use super::config::ServiceConfig;
use crate::microsoft::{Audience, Service};

/// Where calls go.
#[derive(Clone, Debug)]
pub(super) struct Address {
    base: Url,
    pub(super) audience: Audience,
}

impl Address {
    /// Of a service in the tenant's cloud.
    pub(super) fn of(config: &ServiceConfig, service: Service) -> anyhow::Result<Self> {
        let cloud = config.connection.cloud;
        cloud.check(service).map_err(anyhow::Error::msg)?;
        let base = match (&config.url, cloud.base_url(service)) {
            (Some(url), _) => url.as_str(),
            (None, Some(url)) => url,
            (None, None) => bail!("`url` is missing: the address of {}", service.as_str()),
        };
        let base = Url::parse(base)
            .with_context(|| format!("`url` {base} is no URL; write it as https://host"))?;
        let audience = match (&config.audience, cloud.audience(service)) {
            (Some(audience), _) => Audience::new(audience.as_str()),
            (None, Some(audience)) => audience,
            (None, None) => Audience::of_host(&base),
        };
        Ok(Self { base, audience })
    }

    /// Host and port.
    pub(super) fn host(&self) -> String {
        let host = self.base.host_str().unwrap_or_default();
        let port = self.base.port();
        port.map_or_else(|| host.to_owned(), |port| format!("{host}:{port}"))
    }

    /// The address of a path below it. `segments` are single names: what stands in them is
    /// escaped.
    pub(super) fn join(&self, segments: &[&str]) -> Url {
        let mut url = self.base.clone();
        if let Ok(mut path) = url.path_segments_mut() {
            path.pop_if_empty().extend(segments);
        }
        url
    }
}
