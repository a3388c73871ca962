//! A token with what can be told of it. Its signature is not checked: that is for whom it is made
//! out to.

use base64::Engine as _;
use base64::prelude::BASE64_URL_SAFE_NO_PAD;
use chrono::{DateTime, Utc};
use serde_json::Value;

use crate::secret::Secret;

/// An access token.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AccessToken {
    /// The token itself.
    pub secret: Secret,
    /// When it ends.
    pub expires_at: DateTime<Utc>,
}

impl AccessToken {
    /// The application permissions in it; none if it has none, or is no JWT.
    pub fn roles(&self) -> Vec<String> {
        let claims = self.claims();
        let roles = claims.as_ref().and_then(|claims| claims.get("roles"));
        let Some(Value::Array(roles)) = roles else {
            return Vec::new();
        };
        let mut roles: Vec<String> = roles
            .iter()
            .filter_map(|role| role.as_str().map(str::to_owned))
            .collect();
        roles.sort();
        roles
    }

    /// The delegated permissions in it, as tokens of people have them.
    pub fn scopes(&self) -> Vec<String> {
        let scopes = self.text_claim("scp").unwrap_or_default();
        scopes.split_whitespace().map(str::to_owned).collect()
    }

    /// The application that it was issued to.
    pub fn app_id(&self) -> Option<String> {
        self.text_claim("appid").or_else(|| self.text_claim("azp"))
    }

    /// The tenant that issued it.
    pub fn tenant(&self) -> Option<String> {
        self.text_claim("tid")
    }

    /// Whom it is made out to.
    pub fn audience(&self) -> Option<String> {
        self.text_claim("aud")
    }

    /// When it says that it ends.
    pub(super) fn expiry_claim(token: &Secret) -> Option<DateTime<Utc>> {
        let seconds = claims(token)?.get("exp")?.as_i64()?;
        DateTime::from_timestamp(seconds, 0)
    }

    fn text_claim(&self, name: &str) -> Option<String> {
        Some(self.claims()?.get(name)?.as_str()?.to_owned())
    }

    fn claims(&self) -> Option<Value> {
        claims(&self.secret)
    }
}

fn claims(token: &Secret) -> Option<Value> {
    let payload = token.expose().split('.').nth(1)?;
    let payload = payload.trim_end_matches('=');
    let json = BASE64_URL_SAFE_NO_PAD.decode(payload).ok()?;
    serde_json::from_slice(&json).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn token(claims: &str) -> AccessToken {
        let payload = BASE64_URL_SAFE_NO_PAD.encode(claims);
        AccessToken {
            secret: Secret::new(format!("eyJhbGciOiJub25lIn0.{payload}.sig")),
            expires_at: DateTime::UNIX_EPOCH,
        }
    }

    #[test]
    fn claims_are_read() {
        let token = token(
            r#"{"aud":"https://graph.microsoft.com","appid":"a-1","tid":"t-1","exp":1893553445,
                "roles":["ThreatHunting.Read.All","Mail.Send"]}"#,
        );
        assert_eq!(token.roles(), ["Mail.Send", "ThreatHunting.Read.All"]);
        assert_eq!(token.app_id().as_deref(), Some("a-1"));
        assert_eq!(token.tenant().as_deref(), Some("t-1"));
        let audience = token.audience();
        assert_eq!(audience.as_deref(), Some("https://graph.microsoft.com"));
        let expiry = AccessToken::expiry_claim(&token.secret).unwrap();
        assert_eq!(expiry.to_rfc3339(), "2030-01-02T03:04:05+00:00");
    }

    #[test]
    fn what_is_no_jwt_has_no_claims() {
        for text in ["", "opaque", "a.b.c", "a.!!.c", "eyJ.e30.x"] {
            let token = AccessToken {
                secret: Secret::new(text),
                expires_at: DateTime::UNIX_EPOCH,
            };
            assert_eq!(token.roles(), Vec::<String>::new());
            assert_eq!(token.app_id(), None);
        }
        assert_eq!(token(r#"{"roles":"x","aud":7}"#).audience(), None);
    }

    #[test]
    fn debug_shows_no_token() {
        assert!(!format!("{:?}", token("{}")).contains("eyJ"));
    }
}
