//! Small files behind links that are their own permission and work for a while only.

use std::collections::BTreeMap;
use std::sync::Arc;

use axum::extract::{Path, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse as _, Response};
use chrono::{DateTime, Utc};

use super::Security;
use super::call::Reply;

/// Most files that are kept; the oldest go first.
const DOWNLOADS_MAX: usize = 200;

/// A file.
#[derive(Clone, Debug)]
pub(super) struct Content {
    pub(super) media_type: &'static str,
    pub(super) bytes: Vec<u8>,
}

/// Files that can be fetched.
#[derive(Debug, Default)]
pub(super) struct Downloads(BTreeMap<String, Download>);

#[derive(Debug)]
struct Download {
    content: Content,
    expires: DateTime<Utc>,
}

impl Downloads {
    /// Keeps a file and gives the path to it.
    pub(super) fn add(
        &mut self,
        name: &str,
        content: Content,
        expires: DateTime<Utc>,
        now: DateTime<Utc>,
    ) -> String {
        self.0.retain(|_, kept| now < kept.expires);
        if self.0.len() >= DOWNLOADS_MAX {
            let first = self.0.iter().min_by_key(|(_, kept)| kept.expires);
            if let Some(id) = first.map(|(id, _)| id.clone()) {
                self.0.remove(&id);
            }
        }
        let id = uuid::Uuid::new_v4().simple().to_string();
        let path = format!("/downloads/{id}/{name}");
        self.0.insert(id, Download { content, expires });
        path
    }
}

/// What a link leads to.
pub(super) async fn serve(
    State(security): State<Arc<Security>>,
    Path((id, _)): Path<(String, String)>,
) -> Response {
    let now = security.now();
    let known = security.known();
    let found = known.downloads.0.get(&id).filter(|kept| now < kept.expires);
    match found.map(|kept| kept.content.clone()) {
        Some(content) => Reply::File {
            media_type: content.media_type,
            content: content.bytes,
        }
        .response(),
        None => (StatusCode::FORBIDDEN, "the link has expired or never was").into_response(),
    }
}

/// An archive of files, uncompressed.
pub(super) fn zip(files: &[(&str, Vec<u8>)]) -> Vec<u8> {
    let mut out = Vec::new();
    let mut directory = Vec::new();
    for (name, content) in files {
        let mut sum = flate2::Crc::new();
        sum.update(content);
        let offset = out.len() as u32;
        // Version, flags, method, time, date, sum, sizes, length of the name, no extra.
        let mut common = Vec::new();
        for half in [20_u16, 0, 0, 0, 0x21] {
            common.extend(half.to_le_bytes());
        }
        for word in [sum.sum(), content.len() as u32, content.len() as u32] {
            common.extend(word.to_le_bytes());
        }
        common.extend((name.len() as u16).to_le_bytes());
        common.extend([0; 2]);
        out.extend(b"PK\x03\x04");
        out.extend(&common);
        out.extend(name.as_bytes());
        out.extend(content);
        directory.extend(b"PK\x01\x02\x14\x00");
        directory.extend(&common);
        // No comment, first disk, no attributes.
        directory.extend([0; 10]);
        directory.extend(offset.to_le_bytes());
        directory.extend(name.as_bytes());
    }
    let offset = out.len() as u32;
    let count = (files.len() as u16).to_le_bytes();
    out.extend(&directory);
    out.extend(b"PK\x05\x06\x00\x00\x00\x00");
    out.extend(count);
    out.extend(count);
    out.extend((directory.len() as u32).to_le_bytes());
    out.extend(offset.to_le_bytes());
    out.extend([0; 2]);
    out
}
