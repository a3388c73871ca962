//! The JWT with which an application proves that it holds its certificate's key, by
//! <https://learn.microsoft.com/entra/identity-platform/certificate-credentials>.

use base64::Engine as _;
use base64::prelude::BASE64_URL_SAFE_NO_PAD;
use chrono::{DateTime, TimeDelta, Utc};
use ring::rand::SystemRandom;
use ring::signature::{RSA_PKCS1_SHA256, RSA_PSS_SHA256, RsaEncoding};
use serde_json::json;

use super::certificate::Certificate;
use crate::microsoft::config::CertificateAlgorithm;
use crate::microsoft::token_error::TokenError;
use crate::secret::Secret;

/// How long an assertion may be used.
const LIFE: TimeDelta = TimeDelta::minutes(10);

/// What an assertion says.
pub(super) struct Assertion<'a> {
    pub(super) endpoint: &'a str,
    pub(super) client_id: &'a str,
    pub(super) now: DateTime<Utc>,
}

impl Assertion<'_> {
    pub(super) fn sign(
        &self,
        certificate: &Certificate,
        algorithm: CertificateAlgorithm,
    ) -> Result<Secret, TokenError> {
        let sha256 = BASE64_URL_SAFE_NO_PAD.encode(certificate.sha256());
        let (header, padding): (_, &dyn RsaEncoding) = match algorithm {
            CertificateAlgorithm::Ps256 => (
                json!({"alg": "PS256", "typ": "JWT", "x5t#S256": sha256}),
                &RSA_PSS_SHA256,
            ),
            CertificateAlgorithm::Rs256 => {
                // Documented with this thumbprint only.
                let sha1 = BASE64_URL_SAFE_NO_PAD.encode(certificate.sha1());
                (
                    json!({"alg": "RS256", "typ": "JWT", "x5t": sha1, "x5t#S256": sha256}),
                    &RSA_PKCS1_SHA256,
                )
            }
        };
        let now = self.now.timestamp();
        let claims = json!({
            "aud": self.endpoint,
            "iss": self.client_id,
            "sub": self.client_id,
            "jti": uuid::Uuid::new_v4().to_string(),
            "nbf": now,
            "iat": now,
            "exp": now + LIFE.num_seconds(),
        });
        let encode = |part: &serde_json::Value| BASE64_URL_SAFE_NO_PAD.encode(part.to_string());
        let message = format!("{}.{}", encode(&header), encode(&claims));
        let mut signature = vec![0; certificate.key().public().modulus_len()];
        certificate
            .key()
            .sign(
                padding,
                &SystemRandom::new(),
                message.as_bytes(),
                &mut signature,
            )
            .map_err(|_| TokenError::misconfigured("the certificate's key could not sign"))?;
        let signature = BASE64_URL_SAFE_NO_PAD.encode(signature);
        Ok(Secret::new(format!("{message}.{signature}")))
    }
}
