//! What `externaldata` may read, and how it gets there. Nothing by default: whoever makes the
//! context lists folders and addresses. Files are read here; who speaks HTTPS is told from
//! outside ([`Fetch`]). What the bytes mean is in `decode` and in the lowering.

pub(crate) mod decode;
mod place;

use std::fmt::Debug;
use std::sync::Arc;

use async_trait::async_trait;

use crate::error::{EngineError, Limit};
use place::Place;

/// Most redirects that are followed for one address.
const REDIRECTS_MAX: usize = 5;

/// What the `externaldata` of queries may read. The default is nothing.
#[derive(Clone, Debug)]
pub struct ExternalData {
    /// Folders (`/srv/lists`) and HTTPS addresses (`https://example.org/feeds/`) whose files may
    /// be read, those in folders below included.
    pub allow: Vec<String>,
    /// Most bytes of one file, before and after it is decompressed.
    pub bytes_max: usize,
    /// Who reads addresses; without, only files are read.
    pub fetch: Option<Arc<dyn Fetch>>,
    /// Whether every file is taken for an empty one, and none is read: to try queries out.
    pub is_empty: bool,
}

impl Default for ExternalData {
    fn default() -> Self {
        Self {
            allow: Vec::new(),
            bytes_max: 64 << 20,
            fetch: None,
            is_empty: false,
        }
    }
}

/// Reads addresses.
#[async_trait]
pub trait Fetch: Debug + Send + Sync {
    /// What is at an HTTPS address, or where it says to look instead. Redirects are not followed
    /// here, because their targets need to be allowed too. An error is its text, without secrets.
    async fn fetch(&self, address: &str, bytes_max: usize) -> Result<Fetched, String>;
}

/// What an address answers.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Fetched {
    /// The whole content.
    Content(Vec<u8>),
    /// The target of a redirect, absolute or relative to the address.
    Redirect(String),
    /// More bytes than asked for.
    TooLarge,
}

/// Why something cannot be read.
#[derive(Debug)]
pub(crate) enum Refusal {
    /// The query asks for what it may not have.
    NotAllowed(String),
    /// It may, but that did not work.
    Failed(EngineError),
}

impl ExternalData {
    /// The content of a file or an address.
    pub(crate) async fn read(&self, written: &str) -> Result<Vec<u8>, Refusal> {
        let mut place = Place::parse(written).map_err(Refusal::NotAllowed)?;
        if self.is_empty {
            return Ok(Vec::new());
        }
        if self.allow.is_empty() {
            return Err(Refusal::NotAllowed(
                "externaldata is switched off; \
                 `sources.<name>.externaldata.allow` lists what a source's queries may read"
                    .to_owned(),
            ));
        }
        for _ in 0..=REDIRECTS_MAX {
            if !self.allow.iter().any(|prefix| place.is_within(prefix)) {
                return Err(Refusal::NotAllowed(format!(
                    "externaldata may not read `{place}`: \
                     nothing in `sources.<name>.externaldata.allow` covers it"
                )));
            }
            let address = match &place {
                Place::File(path) => return self.read_file(path).await.map_err(Refusal::Failed),
                Place::Address(address) => address,
            };
            let Some(fetch) = &self.fetch else {
                return Err(Refusal::NotAllowed(
                    "externaldata reads only files here, no addresses".to_owned(),
                ));
            };
            let fetched = fetch.fetch(address.as_str(), self.bytes_max).await;
            let failed = |why| {
                let text = format!("`{place}` of externaldata could not be read: {why}");
                Refusal::Failed(EngineError::Source(text))
            };
            match fetched.map_err(failed)? {
                Fetched::Content(bytes) if bytes.len() <= self.bytes_max => return Ok(bytes),
                Fetched::Content(_) | Fetched::TooLarge => {
                    return Err(Refusal::Failed(self.too_large()));
                }
                Fetched::Redirect(target) => {
                    place = place.redirected(&target).map_err(Refusal::NotAllowed)?;
                }
            }
        }
        Err(Refusal::Failed(EngineError::Source(format!(
            "`{place}` of externaldata redirects more than {REDIRECTS_MAX} times"
        ))))
    }

    async fn read_file(&self, path: &std::path::Path) -> Result<Vec<u8>, EngineError> {
        let failed = |error: std::io::Error| {
            let path = path.display();
            EngineError::Source(format!(
                "`{path}` of externaldata could not be read: {error}"
            ))
        };
        let about = tokio::fs::metadata(path).await.map_err(failed)?;
        if !about.is_file() {
            let path = path.display();
            let text = format!("`{path}` of externaldata is no file");
            return Err(EngineError::Source(text));
        }
        if about.len() > self.bytes_max as u64 {
            return Err(self.too_large());
        }
        let bytes = tokio::fs::read(path).await.map_err(failed)?;
        if bytes.len() > self.bytes_max {
            return Err(self.too_large());
        }
        Ok(bytes)
    }

    /// The error about a file that is too large.
    pub(crate) fn too_large(&self) -> EngineError {
        EngineError::Limit(Limit::ExternalData(self.bytes_max))
    }
}
