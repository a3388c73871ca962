//! The tokens themselves: signed and read again.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use chrono::{DateTime, Utc};
use ring::hmac;
use serde::{Deserialize, Serialize};

/// What a token says.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Claims {
    /// The service that it is for.
    pub aud: String,
    /// Who issued it.
    pub iss: String,
    /// From when on it is good, in seconds since 1970.
    pub iat: i64,
    /// The same.
    pub nbf: i64,
    /// Until when it is good.
    pub exp: i64,
    /// The application.
    pub appid: String,
    /// The tenant.
    pub tid: String,
    /// Granted application roles; the claim is missing where there are none.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub roles: Vec<String>,
    /// The application's object, which has its id here.
    pub oid: String,
    /// The same.
    pub sub: String,
    /// Version of the form.
    pub ver: String,
    /// Its own id.
    pub uti: String,
}

/// Why a token is not taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Invalid {
    /// It is no token.
    Malformed,
    /// It was not issued here.
    Signature,
    /// Its time is over.
    Expired,
}

/// Signs tokens with a key of its own.
#[derive(Debug)]
pub struct Issuer(hmac::Key);

impl Issuer {
    /// With a new key.
    pub fn new() -> anyhow::Result<Self> {
        let key = hmac::Key::generate(hmac::HMAC_SHA256, &ring::rand::SystemRandom::new());
        let key = key.map_err(|_| anyhow::anyhow!("the system gives no random numbers"))?;
        Ok(Self(key))
    }

    /// A token that says this.
    pub fn sign(&self, claims: &Claims) -> String {
        let header = URL_SAFE_NO_PAD.encode(r#"{"typ":"JWT","alg":"HS256"}"#);
        let claims = serde_json::to_vec(claims).expect("texts and numbers can be written");
        let signed = format!("{header}.{}", URL_SAFE_NO_PAD.encode(claims));
        let signature = hmac::sign(&self.0, signed.as_bytes());
        format!("{signed}.{}", URL_SAFE_NO_PAD.encode(signature))
    }

    /// What a token says, if it is of this issuer and still good.
    pub fn verify(&self, token: &str, now: DateTime<Utc>) -> Result<Claims, Invalid> {
        let (signed, signature) = token.rsplit_once('.').ok_or(Invalid::Malformed)?;
        let (_, claims) = signed.split_once('.').ok_or(Invalid::Malformed)?;
        let decode = |text: &str| URL_SAFE_NO_PAD.decode(text).map_err(|_| Invalid::Malformed);
        let (claims, signature) = (decode(claims)?, decode(signature)?);
        hmac::verify(&self.0, signed.as_bytes(), &signature).map_err(|_| Invalid::Signature)?;
        let claims: Claims = serde_json::from_slice(&claims).map_err(|_| Invalid::Malformed)?;
        if now.timestamp() >= claims.exp {
            return Err(Invalid::Expired);
        }
        Ok(claims)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn claims() -> Claims {
        Claims {
            aud: "https://graph.microsoft.com".to_owned(),
            iss: "https://localhost/t/v2.0".to_owned(),
            iat: 1_800_000_000,
            nbf: 1_800_000_000,
            exp: 1_800_003_600,
            appid: "app".to_owned(),
            tid: "t".to_owned(),
            roles: Vec::new(),
            oid: "app".to_owned(),
            sub: "app".to_owned(),
            ver: "1.0".to_owned(),
            uti: "1".to_owned(),
        }
    }

    #[test]
    fn a_token_is_read_back_until_it_expires() {
        let issuer = Issuer::new().unwrap();
        let token = issuer.sign(&claims());
        let at = |seconds| DateTime::from_timestamp(seconds, 0).unwrap();
        assert_eq!(issuer.verify(&token, at(1_800_003_599)), Ok(claims()));
        assert_eq!(
            issuer.verify(&token, at(1_800_003_600)),
            Err(Invalid::Expired)
        );
        let text = URL_SAFE_NO_PAD
            .decode(token.split('.').nth(1).unwrap())
            .unwrap();
        assert!(!String::from_utf8(text).unwrap().contains("roles"));
    }

    #[test]
    fn tokens_of_others_and_texts_are_not_taken() {
        let issuer = Issuer::new().unwrap();
        let now = DateTime::from_timestamp(1_800_000_000, 0).unwrap();
        let other = Issuer::new().unwrap().sign(&claims());
        assert_eq!(issuer.verify(&other, now), Err(Invalid::Signature));
        for text in ["", "a", "a.b", "a.b.c", "..", "\u{e4}.\u{f6}.\u{fc}"] {
            assert!(issuer.verify(text, now).is_err(), "{text}");
        }
    }
}
