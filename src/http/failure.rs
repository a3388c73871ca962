//! Why a request got no response, in words that say what to do. What a response with a bad status
//! means is not known here.

use std::error::Error;
use std::io;

use rustls::{AlertDescription, CertificateError};

/// What kept a request from being answered.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Failure {
    /// The host's name has no address.
    Dns,
    /// Nobody listens at the address.
    Refused,
    /// There is no way to the address.
    Unreachable,
    /// The certificate is of an authority that is not trusted.
    TlsUnknownIssuer,
    /// The certificate's time is over, or has not come.
    TlsExpired,
    /// The certificate is of another host.
    TlsWrongName,
    /// The two sides do not agree on how to encrypt, or the other does not encrypt at all.
    Tls,
    /// The proxy did not let it through.
    Proxy,
    /// There is no way to the proxy.
    ProxyUnreachable,
    /// It took too long.
    Timeout,
    /// The connection ended before the response did.
    Cut,
    /// Something else.
    Other,
}

/// The error of a resolver, to tell it from others.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub(super) struct NotResolved(pub(super) String);

impl Failure {
    /// What an error says of it.
    pub fn of(error: &reqwest::Error) -> Self {
        let mut cause: Option<&(dyn Error + 'static)> = Some(error);
        let mut found = None;
        while let Some(error) = cause {
            found = match (found, Self::of_cause(error)) {
                (Some(Self::Proxy), Some(_)) => Some(Self::ProxyUnreachable),
                // Inner errors know more than outer ones.
                (outer, inner) => inner.or(outer),
            };
            if found == Some(Self::ProxyUnreachable) {
                break;
            }
            cause = error.source();
        }
        match found {
            // No time was spent on the request itself.
            Some(Self::Timeout) | None if error.is_connect() && error.is_timeout() => {
                Self::Unreachable
            }
            Some(failure) => failure,
            None if error.is_timeout() => Self::Timeout,
            None if error.is_body() || error.is_decode() => Self::Cut,
            None => Self::Other,
        }
    }

    fn of_cause(error: &(dyn Error + 'static)) -> Option<Self> {
        if error.is::<NotResolved>() {
            return Some(Self::Dns);
        }
        if let Some(error) = error.downcast_ref::<rustls::Error>() {
            return Some(Self::of_tls(error));
        }
        if let Some(error) = error.downcast_ref::<io::Error>() {
            // The source of such an error is its inner error's source, not the inner error.
            if let Some(inner) = error.get_ref()
                && let Some(failure) = Self::of_cause(inner)
            {
                return Some(failure);
            }
            return match error.kind() {
                io::ErrorKind::ConnectionRefused => Some(Self::Refused),
                io::ErrorKind::HostUnreachable | io::ErrorKind::NetworkUnreachable => {
                    Some(Self::Unreachable)
                }
                io::ErrorKind::TimedOut => Some(Self::Timeout),
                io::ErrorKind::ConnectionReset
                | io::ErrorKind::ConnectionAborted
                | io::ErrorKind::BrokenPipe
                | io::ErrorKind::UnexpectedEof => Some(Self::Cut),
                _ => None,
            };
        }
        // These types are private to the HTTP library.
        let text = error.to_string();
        if text.starts_with("tunnel error") {
            return Some(Self::Proxy);
        }
        text.starts_with("connection closed before message completed")
            .then_some(Self::Cut)
    }

    fn of_tls(error: &rustls::Error) -> Self {
        match error {
            rustls::Error::InvalidCertificate(error) => match error {
                CertificateError::UnknownIssuer => Self::TlsUnknownIssuer,
                CertificateError::Expired
                | CertificateError::ExpiredContext { .. }
                | CertificateError::NotValidYet
                | CertificateError::NotValidYetContext { .. } => Self::TlsExpired,
                CertificateError::NotValidForName
                | CertificateError::NotValidForNameContext { .. } => Self::TlsWrongName,
                // A certificate that signs itself and is no authority.
                CertificateError::Other(other)
                    if other.to_string().contains("CaUsedAsEndEntity") =>
                {
                    Self::TlsUnknownIssuer
                }
                _ => Self::Tls,
            },
            rustls::Error::AlertReceived(AlertDescription::UnknownCA) => Self::TlsUnknownIssuer,
            _ => Self::Tls,
        }
    }

    /// The failure in a few words.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Dns => "the host's name could not be resolved",
            Self::Refused => "the connection was refused",
            Self::Unreachable => "the host cannot be reached",
            Self::TlsUnknownIssuer => "the host's certificate is of an unknown authority",
            Self::TlsExpired => "the host's certificate is not valid at this time",
            Self::TlsWrongName => "the host's certificate is of another host",
            Self::Tls => "no encrypted connection could be made",
            Self::Proxy => "the proxy refused to connect",
            Self::ProxyUnreachable => "the proxy cannot be reached",
            Self::Timeout => "no response came in time",
            Self::Cut => "the connection was cut before the response was complete",
            Self::Other => "the request failed",
        }
    }

    /// What to do about it.
    pub fn help(self) -> &'static str {
        match self {
            Self::Dns => "check the host's name and this machine's DNS",
            Self::Refused | Self::Unreachable => {
                "check the address, and whether a firewall or a proxy stands in between"
            }
            Self::TlsUnknownIssuer => {
                "if a proxy inspects traffic, or the host has its own authority, name its \
                 certificate in `ca_file`"
            }
            Self::TlsExpired => "check this machine's clock, then the host's certificate",
            Self::TlsWrongName => "check the address; a captive portal may have answered",
            Self::Tls => "check that the address speaks https with TLS 1.2 or 1.3",
            Self::Proxy => {
                "check `proxy` (or HTTPS_PROXY), its user and password, and that it allows the host"
            }
            Self::ProxyUnreachable => "check `proxy` (or HTTPS_PROXY), and that it runs",
            Self::Timeout => "it is tried again; if it persists, check the network and timeouts",
            Self::Cut | Self::Other => "it is tried again; if it persists, check the network",
        }
    }

    /// Whether it is a matter of settings, which trying again does not change.
    pub fn needs_settings(self) -> bool {
        matches!(
            self,
            Self::TlsUnknownIssuer
                | Self::TlsExpired
                | Self::TlsWrongName
                | Self::Tls
                | Self::Proxy
        )
    }
}

/// An error with its causes, without the address: that may hold a token.
pub fn describe(error: reqwest::Error) -> String {
    describe_ref(&error.without_url())
}

/// The same of an error that is not ours to take. Its own text, which has the address, is left
/// out.
pub fn describe_ref(error: &reqwest::Error) -> String {
    let mut text = Failure::of(error).as_str().to_owned();
    let mut source = error.source();
    while let Some(cause) = source {
        let cause_text = cause.to_string();
        if !text.contains(&cause_text) {
            text.push_str(": ");
            text.push_str(&cause_text);
        }
        source = cause.source();
    }
    text
}
