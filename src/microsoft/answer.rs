//! A response with a good status: its body as a stream or as JSON, and what is there instead when
//! something between us and the service answered.

use bytes::Bytes;
use futures::StreamExt as _;
use futures::stream::{self, BoxStream};
use reqwest::Response;
use reqwest::header::{CONTENT_TYPE, HeaderMap};

use super::error::{ApiError, ApiErrorKind, RequestIds};
use crate::http::Failure;

/// A response with a status of success. Its body has not been read.
pub struct Answer {
    /// The status, 200 to 299.
    pub status: u16,
    /// The headers.
    pub headers: HeaderMap,
    /// What both sides call the request.
    pub ids: RequestIds,
    host: String,
    /// What was read of the body to know what it is.
    begin: Option<Bytes>,
    response: Response,
}

impl std::fmt::Debug for Answer {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Answer")
            .field("status", &self.status)
            .field("ids", &self.ids)
            .finish_non_exhaustive()
    }
}

impl Answer {
    /// Takes a response in. A body that is declared as something else than JSON is looked at: it
    /// may be the page of a captive portal or a proxy.
    pub(super) async fn take(
        mut response: Response,
        ids: RequestIds,
        host: String,
        accepts_text: bool,
    ) -> Result<Self, ApiError> {
        let status = response.status().as_u16();
        let headers = response.headers().clone();
        let mut begin = None;
        if !accepts_text && declares_text(&headers) {
            begin = match response.chunk().await {
                Ok(chunk) => chunk,
                Err(error) => {
                    let error = ApiError::of_failure(&host, Failure::of(&error));
                    return Err(error.with_ids(ids));
                }
            };
            if !begin.as_deref().is_none_or(looks_like_json) {
                return Err(not_the_service(&host, status).with_ids(ids));
            }
        }
        Ok(Self {
            status,
            headers,
            ids,
            host,
            begin,
            response,
        })
    }

    /// The body, piece by piece as it arrives. Nothing follows an error.
    pub fn into_stream(self) -> BoxStream<'static, Result<Bytes, ApiError>> {
        let Self { ids, host, .. } = self;
        let rest = self.response.bytes_stream().map(move |piece| {
            piece.map_err(|error| {
                ApiError::of_failure(&host, Failure::of(&error)).with_ids(ids.clone())
            })
        });
        stream::iter(self.begin.map(Ok)).chain(rest).boxed()
    }

    /// The body as JSON, if it is at most `bytes_max` long.
    pub async fn json(self, bytes_max: usize) -> Result<serde_json::Value, ApiError> {
        let (ids, host, status) = (self.ids.clone(), self.host.clone(), self.status);
        let mut body = Vec::new();
        let mut pieces = self.into_stream();
        while let Some(piece) = pieces.next().await {
            let piece = piece?;
            if body.len() + piece.len() > bytes_max {
                let message = format!("{host} answered with more than {bytes_max} bytes");
                let error = ApiError::new(ApiErrorKind::TooLarge, &message);
                return Err(error.with_ids(ids));
            }
            body.extend_from_slice(&piece);
        }
        serde_json::from_slice(&body).map_err(|error| {
            let error = if body.is_empty() {
                let message = format!("{host} answered {status} without a body");
                ApiError::new(ApiErrorKind::Bug, &message)
            } else if !looks_like_json(&body) {
                not_the_service(&host, status)
            } else if error.is_eof() {
                let message = format!("{host} answered {status} with JSON that breaks off");
                ApiError::new(ApiErrorKind::Unavailable, &message)
            } else {
                // The parser's own words may hold a piece of the text.
                let message = format!(
                    "{host} answered {status} with malformed JSON (line {}, column {})",
                    error.line(),
                    error.column()
                );
                ApiError::new(ApiErrorKind::Bug, &message)
            };
            error.with_ids(ids)
        })
    }
}

/// Whether a body is declared as a text for people.
pub(super) fn declares_text(headers: &HeaderMap) -> bool {
    let Some(declared) = headers.get(CONTENT_TYPE) else {
        return false;
    };
    let declared = String::from_utf8_lossy(declared.as_bytes()).to_ascii_lowercase();
    declared.starts_with("text/") || declared.starts_with("application/xhtml")
}

/// Whether a text begins as the JSON of these APIs does.
pub(super) fn looks_like_json(text: &[u8]) -> bool {
    let text = text.strip_prefix(b"\xef\xbb\xbf").unwrap_or(text);
    let first = text.iter().find(|byte| !byte.is_ascii_whitespace());
    first.is_none_or(|byte| matches!(byte, b'{' | b'['))
}

/// Somebody else than the service answered.
pub(super) fn not_the_service(host: &str, status: u16) -> ApiError {
    let message = format!("{host} answered {status} with a page instead of JSON");
    let mut error = ApiError::new(ApiErrorKind::Misconfigured, &message).with_help(
        "a captive portal, a proxy or another service answered: check the address, `proxy` and \
         the network",
    );
    error.status = Some(status);
    error
}
