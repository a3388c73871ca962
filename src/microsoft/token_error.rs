//! Why no token is to be had, and what to fix.

use std::fmt;
use std::time::Duration;

use super::error::one_line;
use crate::http::Failure;

mod aadsts;

pub(super) use aadsts::help_for;

/// A token that could not be acquired. Its texts are one line and hold no secret.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TokenError {
    /// What it means for the caller.
    pub kind: TokenErrorKind,
    /// The number in `AADSTS7000215` and the like.
    pub code: Option<u32>,
    /// What happened.
    pub message: String,
    /// What to do about it.
    pub help: Option<String>,
    /// Microsoft's name of the request.
    pub trace_id: Option<String>,
    /// What requests of one sign-in have in common.
    pub correlation_id: Option<String>,
}

/// What an error means for the caller.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TokenErrorKind {
    /// The credentials, or what they are used for, are refused.
    Rejected,
    /// Something on this side is missing or wrong: a file, a certificate, a program, TLS.
    Misconfigured,
    /// Too many tokens were asked for.
    Throttled {
        /// How long to wait, if it is said.
        after: Option<Duration>,
    },
    /// The service or the way to it has a fault.
    Unavailable,
}

impl TokenError {
    /// Whether the same may succeed later without anybody changing anything.
    pub fn is_retryable(&self) -> bool {
        matches!(
            self.kind,
            TokenErrorKind::Throttled { .. } | TokenErrorKind::Unavailable
        )
    }

    pub(super) fn new(kind: TokenErrorKind, message: &str) -> Self {
        Self {
            kind,
            code: None,
            message: one_line(message),
            help: None,
            trace_id: None,
            correlation_id: None,
        }
    }

    pub(super) fn misconfigured(message: &str) -> Self {
        Self::new(TokenErrorKind::Misconfigured, message)
    }

    pub(super) fn with_help(mut self, help: impl Into<String>) -> Self {
        self.help = Some(help.into());
        self
    }

    /// A request to `host` that got no response.
    pub(super) fn of_failure(host: &str, failure: Failure) -> Self {
        let kind = if failure.needs_settings() {
            TokenErrorKind::Misconfigured
        } else {
            TokenErrorKind::Unavailable
        };
        Self::new(kind, &format!("{host}: {}", failure.as_str())).with_help(failure.help())
    }
}

/// What happened and what to do, without the ids.
impl fmt::Display for TokenError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)?;
        match &self.help {
            Some(help) => write!(f, "; {help}"),
            None => Ok(()),
        }
    }
}

impl std::error::Error for TokenError {}
