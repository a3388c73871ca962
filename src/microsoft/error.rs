//! What goes wrong with requests, told apart by what is done about it.

use std::fmt;
use std::time::Duration;

use super::token_error::{TokenError, TokenErrorKind};
use crate::http::Failure;

/// Most characters of an error's text.
pub(super) const MESSAGE_CHARS_MAX: usize = 600;

/// A request that did not succeed. Its texts are one line, and hold no token and no address.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ApiError {
    /// What it means for the caller.
    pub kind: ApiErrorKind,
    /// The status of the response, if there was one.
    pub status: Option<u16>,
    /// The API's own code, the innermost that says more than the outer ones.
    pub code: Option<Box<str>>,
    /// What happened.
    pub message: String,
    /// What to do about it.
    pub help: Option<String>,
    /// What the vendor's support asks for.
    pub ids: Box<RequestIds>,
}

/// What an error means for the caller.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ApiErrorKind {
    /// Too much was asked: wait.
    Throttled {
        /// How long the API says to wait.
        after: Option<Duration>,
        /// Which quota is used up, if it says so.
        quota: Option<Throttle>,
    },
    /// The token is refused, also a new one; or none is to be had.
    Unauthorized,
    /// The token lacks a role, or the identity a right.
    Forbidden,
    /// The query or another part of the request is wrong; it will never work.
    InvalidQuery,
    /// What is asked for does not exist.
    NotFound,
    /// The result is over the cap of rows or bytes: ask for less at once.
    TooLarge,
    /// The query used too much memory or CPU and was stopped: ask for less at once.
    Preempted,
    /// The query took too long, or no response came in time: ask for less at once, or again.
    Timeout,
    /// The service or the way to it has a fault: try again.
    Unavailable,
    /// Settings are wrong: an untrusted host, TLS, a proxy, a captive portal.
    Misconfigured,
    /// A response that the documentation does not allow.
    Bug,
}

/// A quota that is used up.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Throttle {
    /// Calls in a period.
    Calls {
        /// How many are allowed.
        allowed: u32,
        /// In which time.
        per: Duration,
    },
    /// The tenant's share of CPU.
    Cpu {
        /// When queries may run again, if it is said.
        again_in: Option<Duration>,
    },
    /// Queries at the same time.
    Concurrency,
}

/// Names of a request in the logs of both sides.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct RequestIds {
    /// Ours.
    pub client_request_id: String,
    /// The service's.
    pub request_id: Option<String>,
}

impl ApiErrorKind {
    /// Whether the same request may succeed later without anybody changing anything.
    pub fn is_retryable(&self) -> bool {
        match self {
            Self::Throttled { .. } | Self::Timeout | Self::Unavailable => true,
            Self::Unauthorized
            | Self::Forbidden
            | Self::InvalidQuery
            | Self::NotFound
            | Self::TooLarge
            | Self::Preempted
            | Self::Misconfigured
            | Self::Bug => false,
        }
    }

    /// One word, for records and metrics.
    pub fn as_str(&self) -> &'static str {
        match self {
            Self::Throttled { .. } => "throttled",
            Self::Unauthorized => "unauthorized",
            Self::Forbidden => "forbidden",
            Self::InvalidQuery => "invalid-query",
            Self::NotFound => "not-found",
            Self::TooLarge => "too-large",
            Self::Preempted => "preempted",
            Self::Timeout => "timeout",
            Self::Unavailable => "unavailable",
            Self::Misconfigured => "misconfigured",
            Self::Bug => "bug",
        }
    }
}

impl ApiError {
    /// An error without a response.
    pub fn new(kind: ApiErrorKind, message: &str) -> Self {
        Self {
            kind,
            status: None,
            code: None,
            message: one_line(message),
            help: None,
            ids: Box::default(),
        }
    }

    /// The same with what to do about it.
    #[must_use]
    pub fn with_help(mut self, help: impl Into<String>) -> Self {
        self.help = Some(help.into());
        self
    }

    /// The same of this request.
    #[must_use]
    pub fn with_ids(mut self, ids: RequestIds) -> Self {
        self.ids = Box::new(ids);
        self
    }

    /// A request to `host` that got no response, or lost it on the way.
    pub(super) fn of_failure(host: &str, failure: Failure) -> Self {
        let kind = match failure {
            Failure::Timeout => ApiErrorKind::Timeout,
            _ if failure.needs_settings() => ApiErrorKind::Misconfigured,
            _ => ApiErrorKind::Unavailable,
        };
        Self::new(kind, &format!("{host}: {}", failure.as_str())).with_help(failure.help())
    }
}

impl From<TokenError> for ApiError {
    fn from(error: TokenError) -> Self {
        let kind = match error.kind {
            TokenErrorKind::Rejected => ApiErrorKind::Unauthorized,
            TokenErrorKind::Misconfigured => ApiErrorKind::Misconfigured,
            TokenErrorKind::Throttled { after } => ApiErrorKind::Throttled { after, quota: None },
            TokenErrorKind::Unavailable => ApiErrorKind::Unavailable,
        };
        Self {
            kind,
            status: None,
            code: error.code.map(|code| format!("AADSTS{code}").into()),
            message: format!("no token: {}", error.message),
            help: error.help,
            ids: Box::new(RequestIds {
                client_request_id: error.correlation_id.unwrap_or_default(),
                request_id: error.trace_id,
            }),
        }
    }
}

/// What happened and what to do, without the ids.
impl fmt::Display for ApiError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)?;
        match &self.help {
            Some(help) => write!(f, "; {help}"),
            None => Ok(()),
        }
    }
}

impl std::error::Error for ApiError {}

/// A text of the other side as one line of bounded length, without what looks like a token or the
/// query of an address.
pub(super) fn one_line(text: &str) -> String {
    let mut line = String::new();
    let mut chars = 0;
    for word in text.split_whitespace() {
        let word = redacted(word);
        if !line.is_empty() {
            line.push(' ');
            chars += 1;
        }
        for c in word.chars().filter(|c| !c.is_control()) {
            if chars == MESSAGE_CHARS_MAX {
                line.push('…');
                return line;
            }
            line.push(c);
            chars += 1;
        }
    }
    line
}

/// A word without a token: those are JSON in base64url, which begins with `eyJ`. Of an address,
/// what follows its path is left out.
fn redacted(word: &str) -> std::borrow::Cow<'_, str> {
    if let Some(start) = word.find("eyJ")
        && word.len() - start > 20
    {
        return format!("{}…", &word[..start]).into();
    }
    if let Some(scheme) = word.find("://")
        && let Some(query) = word[scheme..].find(['?', '#'])
    {
        return format!("{}…", &word[..scheme + query]).into();
    }
    word.into()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn texts_of_the_other_side_become_one_safe_line() {
        assert_eq!(one_line("a\r\n  b\u{1b}[31m\tc"), "a b[31m c");
        let text = "token 'eyJhbGciOiJSUzI1NiIsInR5cCI6IkpXVCJ9.eyJh.sig' is bad";
        assert_eq!(one_line(text), "token '… is bad");
        let text = "see https://example.com/path?sig=secret&x=1 for more";
        assert_eq!(one_line(text), "see https://example.com/path… for more");
        let long = one_line(&"ä".repeat(10_000));
        assert_eq!(long.chars().count(), MESSAGE_CHARS_MAX + 1);
    }

    #[test]
    fn an_error_tells_what_happened_and_what_to_do() {
        let error = ApiError::of_failure("graph.microsoft.com", Failure::Dns);
        assert_eq!(
            error.to_string(),
            "graph.microsoft.com: the host's name could not be resolved; check the host's name \
             and this machine's DNS"
        );
        assert!(error.kind.is_retryable());
    }
}
