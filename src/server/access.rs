//! Who may ask: anybody on this machine, or whoever knows the token. There are no users; the
//! server reads data and changes none.

use std::net::{IpAddr, SocketAddr};

use axum::http::{HeaderMap, header};
use sha2::{Digest as _, Sha256};

use crate::secret::Secret;

/// Who may ask.
#[derive(Debug)]
pub enum Access {
    /// Programs on this machine. A page in a browser here that reaches the port under another
    /// name is not one of them.
    Local,
    /// Whoever sends the token.
    Token(Secret),
}

/// Why a request is refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Refusal {
    /// It has not the token.
    NoToken,
    /// It was not sent to a name of this machine.
    NotLocal,
}

impl Refusal {
    /// Why, for a person.
    pub fn reason(self) -> &'static str {
        match self {
            Self::NoToken => "send the server's token as `Authorization: Bearer`",
            Self::NotLocal => {
                "the server answers to localhost and 127.0.0.1 only, as it has no token"
            }
        }
    }
}

impl Access {
    /// To a server that listens there. Without a token it must be one of this machine alone.
    pub fn new(listen: SocketAddr, token: Option<Secret>) -> Result<Self, String> {
        match token {
            Some(token) if token.expose().trim().is_empty() => {
                Err("the token of the server is empty".to_owned())
            }
            Some(token) => Ok(Self::Token(token)),
            None if listen.ip().is_loopback() => Ok(Self::Local),
            None => Err(format!(
                "others than this machine can connect to {listen}, so a token is needed; set \
                 one, or listen on 127.0.0.1"
            )),
        }
    }

    /// Whether a request with these headers may ask.
    pub fn admits(&self, headers: &HeaderMap) -> Result<(), Refusal> {
        match self {
            Self::Local if is_local(headers) => Ok(()),
            Self::Local => Err(Refusal::NotLocal),
            Self::Token(token) => {
                let given = headers
                    .get(header::AUTHORIZATION)
                    .and_then(|value| value.to_str().ok())
                    .and_then(|value| value.split_once(' '))
                    .filter(|(scheme, _)| scheme.eq_ignore_ascii_case("bearer"))
                    .map(|(_, given)| given.trim());
                // Digests are compared, so that the time it takes tells nothing of the token.
                let digest = |text: &str| Sha256::digest(text.as_bytes());
                if given.is_some_and(|given| digest(given) == digest(token.expose().trim())) {
                    return Ok(());
                }
                Err(Refusal::NoToken)
            }
        }
    }
}

/// Whether the request was sent to a name of this machine.
fn is_local(headers: &HeaderMap) -> bool {
    let Some(host) = headers
        .get(header::HOST)
        .and_then(|host| host.to_str().ok())
    else {
        return false;
    };
    let name = match host.rsplit_once(':') {
        Some((name, port)) if port.bytes().all(|byte| byte.is_ascii_digit()) => name,
        _ => host,
    };
    let name = name.trim_start_matches('[').trim_end_matches(']');
    name.eq_ignore_ascii_case("localhost")
        || name
            .parse::<IpAddr>()
            .is_ok_and(|address| address.is_loopback())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn headers(name: header::HeaderName, value: &str) -> HeaderMap {
        let mut headers = HeaderMap::new();
        headers.insert(name, value.parse().unwrap());
        headers
    }

    #[test]
    fn without_a_token_only_this_machine_can_connect() {
        let access = |listen: &str| Access::new(listen.parse().unwrap(), None);
        assert!(access("127.0.0.1:80").is_ok());
        assert!(access("[::1]:80").is_ok());
        for listen in ["0.0.0.0:80", "[::]:80", "10.0.0.1:80"] {
            let error = access(listen).unwrap_err();
            assert!(error.contains("token"), "{listen}: {error}");
        }
        let empty = Access::new("127.0.0.1:80".parse().unwrap(), Some(Secret::new(" ")));
        assert!(empty.is_err());
    }

    #[test]
    fn a_token_is_asked_for_and_compared() {
        let access = Access::Token(Secret::new("s3cret"));
        for (value, admitted) in [
            ("Bearer s3cret", true),
            ("bearer s3cret", true),
            ("Bearer s3cre", false),
            ("Bearer ", false),
            ("Basic s3cret", false),
            ("s3cret", false),
        ] {
            let headers = headers(header::AUTHORIZATION, value);
            assert_eq!(access.admits(&headers).is_ok(), admitted, "{value}");
        }
        let refused = access.admits(&HeaderMap::new());
        assert_eq!(refused, Err(Refusal::NoToken));
    }

    #[test]
    fn other_names_of_this_machine_are_not_answered_to() {
        for (host, admitted) in [
            ("localhost:8420", true),
            ("127.0.0.1:8420", true),
            ("[::1]:8420", true),
            ("127.0.0.1", true),
            ("evil.example.com:8420", false),
            ("localhost.example.com", false),
        ] {
            let headers = headers(header::HOST, host);
            assert_eq!(Access::Local.admits(&headers).is_ok(), admitted, "{host}");
        }
    }
}
