//! Assertions: JWTs with which an application signs in, signed by the key of its certificate or
//! issued by somebody whom it trusts.

use base64::Engine as _;
use base64::engine::general_purpose::{URL_SAFE, URL_SAFE_NO_PAD};
use chrono::{DateTime, Utc};
use ring::signature;
use serde::Deserialize;
use serde::de::DeserializeOwned;

use super::client::{Certificate, Client};
use super::error::SignInError;

/// How far clocks may be apart, in seconds.
const SKEW: f64 = 300.0;

#[derive(Deserialize)]
struct Header {
    alg: String,
    #[serde(default)]
    x5t: Option<String>,
    #[serde(default, rename = "x5t#S256")]
    x5t_s256: Option<String>,
}

#[derive(Deserialize)]
struct Claims {
    #[serde(default)]
    aud: Audience,
    #[serde(default)]
    iss: String,
    #[serde(default)]
    sub: String,
    /// In seconds since 1970, which some clients write with a fraction.
    #[serde(default)]
    exp: Option<f64>,
    #[serde(default)]
    nbf: Option<f64>,
}

/// One audience or several.
#[derive(Deserialize)]
#[serde(untagged)]
enum Audience {
    One(String),
    Several(Vec<String>),
}

impl Default for Audience {
    fn default() -> Self {
        Self::Several(Vec::new())
    }
}

impl Audience {
    fn all(&self) -> &[String] {
        match self {
            Self::One(one) => std::slice::from_ref(one),
            Self::Several(several) => several,
        }
    }
}

/// Whether the client may sign in with that assertion. `is_here` tells whether an audience is the
/// token endpoint that was called.
pub(super) fn check(
    client: &Client,
    assertion: &str,
    now: DateTime<Utc>,
    is_here: impl Fn(&str) -> bool,
) -> Result<(), SignInError> {
    let assertion = assertion.trim();
    if client.has_assertion(assertion) {
        return Ok(());
    }
    let mut parts = assertion.split('.');
    let (Some(header), Some(claims), Some(signature), None) =
        (parts.next(), parts.next(), parts.next(), parts.next())
    else {
        return Err(SignInError::assertion_malformed());
    };
    let signed = &assertion[..header.len() + 1 + claims.len()];
    let (header, claims): (Header, Claims) = (decode(header)?, decode(claims)?);
    let is_own = claims.iss.eq_ignore_ascii_case(&client.id);
    if is_own || client.federated.is_empty() {
        let certificate = certificate(client, &header)?;
        verify(certificate, &header, signed, signature)?;
        if !is_own || !claims.sub.eq_ignore_ascii_case(&client.id) {
            return Err(SignInError::assertion_subject());
        }
        if !claims.aud.all().iter().any(|audience| is_here(audience)) {
            let first = claims.aud.all().first();
            return Err(SignInError::assertion_audience(
                first.map_or("", |first| first),
            ));
        }
    } else {
        federated(client, &claims)?;
    }
    let seconds = now.timestamp() as f64;
    let has_expired = claims.exp.is_none_or(|exp| exp + SKEW <= seconds);
    let is_early = claims.nbf.is_some_and(|nbf| nbf - SKEW > seconds);
    if has_expired || is_early {
        return Err(SignInError::assertion_time(now));
    }
    Ok(())
}

fn decode<T: DeserializeOwned>(text: &str) -> Result<T, SignInError> {
    let bytes = bytes(text).ok_or_else(SignInError::assertion_malformed)?;
    serde_json::from_slice(&bytes).map_err(|_| SignInError::assertion_malformed())
}

fn bytes(text: &str) -> Option<Vec<u8>> {
    let engine = if text.ends_with('=') {
        &URL_SAFE
    } else {
        &URL_SAFE_NO_PAD
    };
    engine.decode(text).ok()
}

/// The certificate that the header names.
fn certificate<'c>(client: &'c Client, header: &Header) -> Result<&'c Certificate, SignInError> {
    let named = header.x5t_s256.as_deref().or(header.x5t.as_deref());
    let unknown = || SignInError::certificate(named.unwrap_or_default());
    let thumbprint = named.and_then(bytes).ok_or_else(unknown)?;
    let is_sha256 = header.x5t_s256.is_some();
    let mut certificates = client.certificates.iter();
    certificates
        .find(|one| {
            thumbprint
                == if is_sha256 {
                    &one.sha256[..]
                } else {
                    &one.sha1[..]
                }
        })
        .ok_or_else(unknown)
}

fn verify(
    certificate: &Certificate,
    header: &Header,
    signed: &str,
    signature: &str,
) -> Result<(), SignInError> {
    let algorithm = match &*header.alg {
        "PS256" => &signature::RSA_PSS_2048_8192_SHA256,
        "RS256" => &signature::RSA_PKCS1_2048_8192_SHA256,
        _ => return Err(SignInError::assertion_signature()),
    };
    let signature = bytes(signature).ok_or_else(SignInError::assertion_malformed)?;
    signature::UnparsedPublicKey::new(algorithm, &certificate.key)
        .verify(signed.as_bytes(), &signature)
        .map_err(|_| SignInError::assertion_signature())
}

/// Whether one of the client's federated credentials is meant.
fn federated(client: &Client, claims: &Claims) -> Result<(), SignInError> {
    let of_issuer: Vec<_> = client
        .federated
        .iter()
        .filter(|one| one.issuer.trim_end_matches('/') == claims.iss.trim_end_matches('/'))
        .collect();
    if of_issuer.is_empty() {
        return Err(SignInError::federated_issuer(&claims.iss));
    }
    let of_subject: Vec<_> = of_issuer
        .iter()
        .filter(|one| one.subject == claims.sub)
        .collect();
    if of_subject.is_empty() {
        return Err(SignInError::federated_subject(&claims.sub));
    }
    let audiences = claims.aud.all();
    if of_subject
        .iter()
        .any(|one| audiences.contains(&one.audience))
    {
        return Ok(());
    }
    let first = audiences.first();
    Err(SignInError::federated_audience(
        first.map_or("", |first| first),
    ))
}
