//! Reads what `externaldata` finds behind HTTPS addresses, for the engine, which says which
//! addresses those may be.

use std::time::Duration;

use async_trait::async_trait;
use kql_datafusion::{Fetch, Fetched};
use reqwest::header::LOCATION;
use reqwest::{Method, Url};

use crate::http::{self, HttpClient, HttpLimits};

const LIMITS: HttpLimits = HttpLimits {
    connect: Duration::from_secs(10),
    read: Duration::from_secs(30),
    total: Duration::from_mins(2),
};

/// Reads addresses over HTTPS.
#[derive(Debug)]
pub(super) struct HttpFetch(HttpClient);

impl HttpFetch {
    /// Fails if the system has no certificates to trust.
    pub(super) fn new() -> anyhow::Result<Self> {
        HttpClient::new(&LIMITS).map(Self)
    }
}

#[async_trait]
impl Fetch for HttpFetch {
    async fn fetch(&self, address: &str, bytes_max: usize) -> Result<Fetched, String> {
        let address = Url::parse(address).map_err(|error| error.to_string())?;
        let request = self.0.request(Method::GET, address);
        let response = request.send().await.map_err(http::describe)?;
        let status = response.status();
        if status.is_redirection() {
            let target = response.headers().get(LOCATION);
            let target = target.and_then(|target| target.to_str().ok());
            return match target {
                Some(target) => Ok(Fetched::Redirect(target.to_owned())),
                None => Err(format!("the server answered {status} without a target")),
            };
        }
        if !status.is_success() {
            return Err(format!("the server answered {status}"));
        }
        let content = http::read_capped(response, bytes_max.saturating_add(1))
            .await
            .map_err(http::describe)?;
        Ok(if content.len() > bytes_max {
            Fetched::TooLarge
        } else {
            Fetched::Content(content)
        })
    }
}
