//! Reads a certificate with its private key, from PEM files or a PFX file.

use std::fmt;
use std::path::Path;

use chrono::{DateTime, Utc};
use p12_keystore::Pkcs12Archive;
use ring::digest;
use ring::signature::RsaKeyPair;
use rustls::pki_types::pem::{PemObject as _, SectionKind};
use x509_parser::prelude::{FromDer as _, X509Certificate};
use x509_parser::public_key::PublicKey;

use super::read_file;
use crate::microsoft::config::CertificateAuth;
use crate::microsoft::token_error::TokenError;

/// A certificate and its key.
pub(super) struct Certificate {
    key: RsaKeyPair,
    der: Vec<u8>,
    shown: String,
}

impl fmt::Debug for Certificate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Certificate").finish_non_exhaustive()
    }
}

impl Certificate {
    pub(super) fn key(&self) -> &RsaKeyPair {
        &self.key
    }

    pub(super) fn sha256(&self) -> digest::Digest {
        digest::digest(&digest::SHA256, &self.der)
    }

    pub(super) fn sha1(&self) -> digest::Digest {
        digest::digest(&digest::SHA1_FOR_LEGACY_USE_ONLY, &self.der)
    }

    /// Whether it is valid at an instant.
    pub(super) fn check_time(&self, now: DateTime<Utc>) -> Result<(), TokenError> {
        let Ok((_, parsed)) = X509Certificate::from_der(&self.der) else {
            return Err(no_certificate(&self.shown));
        };
        let validity = parsed.validity();
        let day = |seconds| {
            DateTime::from_timestamp(seconds, 0)
                .unwrap_or_default()
                .date_naive()
        };
        if now.timestamp() > validity.not_after.timestamp() {
            let day = day(validity.not_after.timestamp());
            let message = format!("the certificate in {} ended on {day}", self.shown);
            return Err(TokenError::misconfigured(&message)
                .with_help("make a new one and upload it to the app registration"));
        }
        if now.timestamp() < validity.not_before.timestamp() {
            let day = day(validity.not_before.timestamp());
            let message = format!("the certificate in {} begins on {day}", self.shown);
            return Err(TokenError::misconfigured(&message).with_help("check this machine's clock"));
        }
        Ok(())
    }
}

/// A private key, as files hold it.
enum PrivateKey {
    Pkcs1(Vec<u8>),
    Pkcs8(Vec<u8>),
}

/// Reads the files that are configured.
pub(super) fn load(auth: &CertificateAuth) -> Result<Certificate, TokenError> {
    let shown = auth.file.display().to_string();
    let bytes = read(&auth.file)?;
    let (keys, certificates) = if is_pem(&bytes) {
        let (mut keys, certificates) = read_pem(&bytes, &shown)?;
        if let Some(path) = &auth.key_file {
            let bytes = read(path)?;
            keys = read_pem(&bytes, &path.display().to_string())?.0;
        }
        (keys, certificates)
    } else {
        let password = auth
            .password
            .as_ref()
            .map_or("", |password| password.expose());
        read_pfx(&bytes, password, &shown)?
    };
    if certificates.is_empty() {
        return Err(no_certificate(&shown));
    }
    if keys.is_empty() {
        let message = format!("no private key for the certificate in {shown}");
        return Err(TokenError::misconfigured(&message)
            .with_help("add it to the file, or name its file in `auth.key_file`"));
    }
    let mut why = "an RSA key of 2048 to 8192 bits is needed".to_owned();
    for key in &keys {
        let pair = match key {
            PrivateKey::Pkcs1(der) => RsaKeyPair::from_der(der),
            PrivateKey::Pkcs8(der) => RsaKeyPair::from_pkcs8(der),
        };
        match pair {
            Ok(pair) => {
                if let Some(der) = certificates.iter().find(|der| belong(&pair, der)) {
                    return Ok(Certificate {
                        key: pair,
                        der: der.clone(),
                        shown,
                    });
                }
                "the private key and the certificate do not belong together".clone_into(&mut why);
            }
            Err(error) => why = format!("the private key cannot be used ({error}): {why}"),
        }
    }
    Err(TokenError::misconfigured(&format!("{shown}: {why}"))
        .with_help("check `auth.file` and `auth.key_file`"))
}

fn no_certificate(shown: &str) -> TokenError {
    TokenError::misconfigured(&format!("{shown} holds no certificate"))
        .with_help("it must be PEM (`-----BEGIN CERTIFICATE-----`) or PFX (PKCS#12)")
}

fn read(path: &Path) -> Result<Vec<u8>, TokenError> {
    read_file(path).map_err(|error| {
        TokenError::misconfigured(&format!("{} cannot be read: {error}", path.display()))
            .with_help("check `auth.file` and `auth.key_file`, and that huntd may read them")
    })
}

/// PFX is DER, which begins with the byte of a sequence.
fn is_pem(bytes: &[u8]) -> bool {
    bytes.first() != Some(&0x30)
}

fn read_pem(bytes: &[u8], shown: &str) -> Result<(Vec<PrivateKey>, Vec<Vec<u8>>), TokenError> {
    let (mut keys, mut certificates) = (Vec::new(), Vec::new());
    for section in <(SectionKind, Vec<u8>)>::pem_slice_iter(bytes) {
        match section {
            Ok((SectionKind::Certificate, der)) => certificates.push(der),
            Ok((SectionKind::PrivateKey, der)) => keys.push(PrivateKey::Pkcs8(der)),
            Ok((SectionKind::RsaPrivateKey, der)) => keys.push(PrivateKey::Pkcs1(der)),
            Ok((SectionKind::EcPrivateKey, _)) => {
                let message = format!("{shown} holds an elliptic-curve key");
                return Err(TokenError::misconfigured(&message)
                    .with_help("Microsoft Entra accepts RSA keys only"));
            }
            Ok(_) => {}
            Err(_) => {
                let message = format!("{shown} is not well-formed PEM");
                return Err(TokenError::misconfigured(&message)
                    .with_help("it must be PEM or PFX (PKCS#12)"));
            }
        }
    }
    let encrypted = b"BEGIN ENCRYPTED PRIVATE KEY";
    if keys.is_empty()
        && bytes
            .windows(encrypted.len())
            .any(|window| window == encrypted)
    {
        let message = format!("the private key in {shown} is encrypted");
        return Err(TokenError::misconfigured(&message).with_help(
            "use a PFX file with `auth.password`, or write it out unencrypted with `openssl pkey`",
        ));
    }
    Ok((keys, certificates))
}

fn read_pfx(
    bytes: &[u8],
    password: &str,
    shown: &str,
) -> Result<(Vec<PrivateKey>, Vec<Vec<u8>>), TokenError> {
    // What the error says is of the file's inner structure.
    let archive = Pkcs12Archive::from_pkcs12(bytes, password).map_err(|_| {
        TokenError::misconfigured(&format!("{shown} cannot be opened as PFX (PKCS#12)"))
            .with_help("check `auth.password`, and that the file is whole")
    })?;
    let keys = archive.keys.iter();
    let certificates = archive.certs.iter();
    Ok((
        keys.map(|bag| PrivateKey::Pkcs8(bag.key.as_der().to_vec()))
            .collect(),
        certificates.map(|bag| bag.cert.as_der().to_vec()).collect(),
    ))
}

/// Whether a certificate is that of a key.
fn belong(pair: &RsaKeyPair, der: &[u8]) -> bool {
    let Ok((_, certificate)) = X509Certificate::from_der(der) else {
        return false;
    };
    let Ok(PublicKey::RSA(public)) = certificate.public_key().parsed() else {
        return false;
    };
    let own: ring::rsa::PublicKeyComponents<Vec<u8>> = pair.public().into();
    let modulus = public.modulus;
    let first = modulus
        .iter()
        .position(|byte| *byte != 0)
        .unwrap_or(modulus.len());
    own.n == modulus[first..]
}
