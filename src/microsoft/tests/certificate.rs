//! Signing in with a certificate. The key and certificate in `tests/data/microsoft` were made with
//! OpenSSL, as were the expected thumbprints.

use std::path::{Path, PathBuf};

use base64::Engine as _;
use base64::prelude::BASE64_URL_SAFE_NO_PAD;
use ring::signature::{
    RSA_PKCS1_2048_8192_SHA256, RSA_PSS_2048_8192_SHA256, RsaParameters, UnparsedPublicKey,
};
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject as _;
use serde_json::Value;
use x509_parser::prelude::{FromDer as _, X509Certificate};

use super::server::Server;
use super::{CLIENT_ID, TENANT, clock, connection, numbered_tokens, tokens};
use crate::clock::Clock as _;
use crate::microsoft::{
    Audience, AuthConfig, CertificateAlgorithm, CertificateAuth, TokenError, TokenErrorKind,
};
use crate::secret::Secret;

const SHA256: &str = "ByhZ-ACXlDSElgLVmbFaRy4E2axNkamIOb_-4T8WctQ";
const SHA1: &str = "J-0I-tvIGadS2qoUVOWQ35MMV1Q";

fn data(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("tests/data/microsoft")
        .join(name)
}

fn auth(file: &str, key_file: Option<&str>, password: Option<&str>) -> CertificateAuth {
    CertificateAuth {
        client_id: CLIENT_ID.to_owned(),
        file: data(file),
        key_file: key_file.map(data),
        password: password.map(Secret::new),
        algorithm: CertificateAlgorithm::Ps256,
    }
}

/// The assertion that is sent, or why none is.
async fn assertion(auth: CertificateAuth) -> Result<(String, Server), TokenError> {
    let server = Server::start(numbered_tokens()).await;
    let config = connection(&server, AuthConfig::Certificate(auth));
    let audience = Audience::new("https://graph.microsoft.com");
    tokens(&config, &clock()).token(&audience).await?;
    let requests = server.requests();
    assert_eq!(requests[0].field("client_secret"), None);
    let kind = requests[0].field("client_assertion_type").unwrap();
    assert_eq!(
        kind,
        "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"
    );
    Ok((requests[0].field("client_assertion").unwrap(), server))
}

/// Header and claims, the signature checked with the certificate.
fn verified(jwt: &str, algorithm: &'static RsaParameters) -> (Value, Value) {
    let pem = std::fs::read(data("certificate.pem")).unwrap();
    let der = CertificateDer::from_pem_slice(&pem).unwrap();
    let (_, certificate) = X509Certificate::from_der(&der).unwrap();
    let public = &certificate.public_key().subject_public_key.data;
    let (message, signature) = jwt.rsplit_once('.').unwrap();
    UnparsedPublicKey::new(algorithm, public)
        .verify(
            message.as_bytes(),
            &BASE64_URL_SAFE_NO_PAD.decode(signature).unwrap(),
        )
        .expect("the signature is right");
    let (header, claims) = message.split_once('.').unwrap();
    let decode =
        |part: &str| serde_json::from_slice(&BASE64_URL_SAFE_NO_PAD.decode(part).unwrap()).unwrap();
    (decode(header), decode(claims))
}

#[tokio::test]
async fn an_assertion_is_signed_as_documented() {
    let auth = auth("certificate.pem", Some("key.pem"), None);
    let (jwt, server) = assertion(auth).await.unwrap();
    let (header, claims) = verified(&jwt, &RSA_PSS_2048_8192_SHA256);
    assert_eq!(
        header,
        serde_json::json!({"alg": "PS256", "typ": "JWT", "x5t#S256": SHA256})
    );
    let endpoint = server.url(&format!("/{TENANT}/oauth2/v2.0/token"));
    assert_eq!(claims["aud"], endpoint.as_str());
    assert_eq!(claims["iss"], CLIENT_ID);
    assert_eq!(claims["sub"], CLIENT_ID);
    let now = clock().now().timestamp();
    assert_eq!(claims["nbf"], now);
    assert_eq!(claims["iat"], now);
    assert_eq!(claims["exp"], now + 600);
    assert!(uuid::Uuid::try_parse(claims["jti"].as_str().unwrap()).is_ok());
}

#[tokio::test]
async fn the_older_form_has_the_older_thumbprint_too() {
    let mut auth = auth("certificate.pem", Some("key.pem"), None);
    auth.algorithm = CertificateAlgorithm::Rs256;
    let (jwt, _) = assertion(auth).await.unwrap();
    let (header, _) = verified(&jwt, &RSA_PKCS1_2048_8192_SHA256);
    assert_eq!(header["alg"], "RS256");
    assert_eq!(header["x5t"], SHA1);
    assert_eq!(header["x5t#S256"], SHA256);
}

#[tokio::test]
async fn keys_are_read_from_all_forms() {
    let folder = tempfile::tempdir().unwrap();
    let both = folder.path().join("both.pem");
    let read = |name| std::fs::read_to_string(data(name)).unwrap();
    std::fs::write(&both, read("key.pem") + &read("certificate.pem")).unwrap();
    let mut in_one = auth("certificate.pem", None, None);
    in_one.file = both;
    for auth in [
        in_one,
        auth("certificate.pem", Some("key-pkcs1.pem"), None),
        auth("modern.pfx", None, Some("pfx-password")),
        auth("legacy.pfx", None, Some("pfx-password")),
    ] {
        let shown = format!("{auth:?}");
        let (jwt, _) = assertion(auth)
            .await
            .unwrap_or_else(|error| panic!("{shown}: {error}"));
        verified(&jwt, &RSA_PSS_2048_8192_SHA256);
    }
}

#[tokio::test]
async fn files_that_will_not_do_are_told_apart() {
    for (auth, words) in [
        (auth("none.pem", None, None), "cannot be read"),
        (auth("certificate.pem", None, None), "`auth.key_file`"),
        (auth("key.pem", None, None), "holds no certificate"),
        (auth("README.md", None, None), "holds no certificate"),
        (
            auth("certificate.pem", Some("key-other.pem"), None),
            "do not belong together",
        ),
        (
            auth("certificate.pem", Some("key-ec.pem"), None),
            "RSA keys only",
        ),
        (
            auth("certificate.pem", Some("key-encrypted.pem"), None),
            "encrypted",
        ),
        (auth("modern.pfx", None, Some("wrong")), "`auth.password`"),
        (auth("legacy.pfx", None, None), "`auth.password`"),
    ] {
        let shown = format!("{auth:?}");
        let Err(error) = assertion(auth).await else {
            panic!("{shown} was accepted");
        };
        assert_eq!(error.kind, TokenErrorKind::Misconfigured);
        assert!(error.to_string().contains(words), "{shown}: {error}");
        assert!(!error.to_string().contains("pfx-password"));
    }
}

#[tokio::test]
async fn a_certificate_outside_its_time_is_told() {
    let server = Server::start(numbered_tokens()).await;
    let auth = auth("certificate.pem", Some("key.pem"), None);
    let config = connection(&server, AuthConfig::Certificate(auth));
    let clock = clock();
    let tokens = tokens(&config, &clock);
    let audience = Audience::new("https://graph.microsoft.com");
    clock.set("2127-01-01T00:00:00Z".parse().unwrap());
    let error = tokens.token(&audience).await.unwrap_err();
    assert!(error.to_string().contains("ended on 2126-10-30"), "{error}");
    clock.set("2025-01-01T00:00:00Z".parse().unwrap());
    let error = tokens.token(&audience).await.unwrap_err();
    assert!(error.to_string().contains("clock"), "{error}");
    assert!(server.requests().is_empty());
}
