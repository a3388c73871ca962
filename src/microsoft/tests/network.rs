//! What stands between us and a service: names, certificates, proxies.

use std::sync::Arc;
use std::time::Duration;

use reqwest::Url;
use rustls::pki_types::{PrivateKeyDer, PrivatePkcs8KeyDer};
use serde_json::json;
use tokio::io::AsyncWriteExt as _;
use tokio_rustls::TlsAcceptor;

use super::client::{call, client};
use super::server::{Reply, Server};
use super::{TENANT, connection, numbered_tokens, secret_auth};
use crate::http::Proxy;
use crate::microsoft::{ApiError, ApiErrorKind, AuthConfig, ConnectionConfig, TokenAuth};
use crate::secret::Secret;

/// A connection that needs no token endpoint.
fn with_token() -> ConnectionConfig {
    let auth = AuthConfig::Token(TokenAuth {
        token: Secret::new("opaque"),
    });
    ConnectionConfig {
        trusted_hosts: vec![".invalid".to_owned(), "example.invalid".to_owned()],
        proxy: Proxy::None,
        ..ConnectionConfig::new(TENANT, auth)
    }
}

async fn refused(config: &ConnectionConfig, url: &Url) -> ApiError {
    client(config).send(call(url.clone())).await.unwrap_err()
}

/// A server whose certificate signs itself and is of these names; and the certificate in PEM.
async fn tls_server(
    names: &[&str],
    change: impl FnOnce(&mut rcgen::CertificateParams),
) -> (Server, String) {
    let names: Vec<String> = names.iter().map(|name| (*name).to_owned()).collect();
    let mut params = rcgen::CertificateParams::new(names).unwrap();
    change(&mut params);
    let key = rcgen::KeyPair::generate().unwrap();
    let certificate = params.self_signed(&key).unwrap();
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let der = PrivateKeyDer::from(PrivatePkcs8KeyDer::from(key.serialize_der()));
    let config = rustls::ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(vec![certificate.der().clone()], der)
        .unwrap();
    let acceptor = TlsAcceptor::from(Arc::new(config));
    let server = Server::start_tls(acceptor, |_, _| Reply::json(200, &json!({"a": 1}))).await;
    (server, certificate.pem())
}

#[tokio::test]
async fn names_without_an_address_are_told() {
    let url = Url::parse("https://example.invalid/x").unwrap();
    let error = refused(&with_token(), &url).await;
    assert_eq!(error.kind, ApiErrorKind::Unavailable);
    let line = error.to_string();
    assert!(
        line.starts_with("example.invalid: the host's name could not be resolved"),
        "{line}"
    );
    assert!(line.contains("DNS"), "{line}");
}

#[tokio::test]
async fn refused_connections_are_told() {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    drop(listener);
    let url = Url::parse(&format!("http://{address}/x")).unwrap();
    let error = refused(&with_token(), &url).await;
    assert_eq!(error.kind, ApiErrorKind::Unavailable);
    assert!(error.to_string().contains("refused"), "{error}");
    // A connection that is taken and closed.
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let closing = tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            drop(stream);
        }
    });
    let url = Url::parse(&format!("http://{address}/x")).unwrap();
    let error = refused(&with_token(), &url).await;
    assert_eq!(error.kind, ApiErrorKind::Unavailable);
    assert!(error.to_string().contains("cut"), "{error}");
    closing.abort();
}

#[tokio::test]
async fn an_unknown_authority_is_told_and_can_be_trusted() {
    let (server, pem) = tls_server(&["localhost"], |_| {}).await;
    let mut config = with_token();
    let error = refused(&config, &server.url("/x")).await;
    assert_eq!(error.kind, ApiErrorKind::Misconfigured);
    let line = error.to_string();
    assert!(
        line.contains("unknown authority") && line.contains("`ca_file`"),
        "{line}"
    );
    assert!(server.requests().is_empty());

    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("ca.pem");
    std::fs::write(&file, pem).unwrap();
    config.ca_file = Some(file.clone());
    let answer = client(&config).send(call(server.url("/x"))).await.unwrap();
    assert_eq!(answer.json(100).await.unwrap(), json!({"a": 1}));

    std::fs::write(&file, "nothing").unwrap();
    let clock = super::clock();
    let tokens = super::Tokens::new(&config, clock);
    assert!(tokens.unwrap_err().to_string().contains("ca.pem"));
}

#[tokio::test]
async fn certificates_of_others_or_past_ones_are_told() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("ca.pem");
    let (server, pem) = tls_server(&["other.example"], |_| {}).await;
    std::fs::write(&file, pem).unwrap();
    let mut config = with_token();
    config.ca_file = Some(file.clone());
    let error = refused(&config, &server.url("/x")).await;
    assert_eq!(error.kind, ApiErrorKind::Misconfigured);
    assert!(error.to_string().contains("of another host"), "{error}");

    let (server, pem) = tls_server(&["localhost"], |params| {
        params.not_before = rcgen::date_time_ymd(2001, 1, 1);
        params.not_after = rcgen::date_time_ymd(2002, 1, 1);
    })
    .await;
    std::fs::write(&file, pem).unwrap();
    let error = refused(&config, &server.url("/x")).await;
    assert_eq!(error.kind, ApiErrorKind::Misconfigured);
    assert!(error.to_string().contains("clock"), "{error}");
}

#[tokio::test]
async fn a_server_that_does_not_encrypt_is_told() {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    let plain = tokio::spawn(async move {
        while let Ok((mut stream, _)) = listener.accept().await {
            let _ = stream.write_all(b"HTTP/1.1 400 Bad Request\r\n\r\n").await;
        }
    });
    let url = Url::parse(&format!("https://localhost:{port}/x")).unwrap();
    let error = refused(&with_token(), &url).await;
    assert_eq!(error.kind, ApiErrorKind::Misconfigured);
    assert!(error.to_string().contains("https"), "{error}");
    plain.abort();
}

#[tokio::test]
async fn requests_go_through_the_proxy_with_its_password() {
    let server = Server::start(|_, _| Reply::new(403, "text/html", "blocked")).await;
    let mut config = with_token();
    let address = format!("http://me:pass-word@{}", server.address);
    config.proxy = Proxy::try_from(address).unwrap();
    // The name is for the proxy to resolve.
    let url = Url::parse("https://example.invalid/x").unwrap();
    let error = refused(&config, &url).await;
    assert_eq!(error.kind, ApiErrorKind::Misconfigured);
    let line = error.to_string();
    assert!(
        line.contains("`proxy`") && !line.contains("pass-word"),
        "{line}"
    );
    let request = &server.requests()[0];
    assert_eq!(request.method, "CONNECT");
    assert_eq!(request.target, "example.invalid:443");
    // Base64 of me:pass-word.
    assert_eq!(
        request.headers["proxy-authorization"],
        "Basic bWU6cGFzcy13b3Jk"
    );
    assert_eq!(request.headers.get("authorization"), None);
}

#[tokio::test]
async fn a_proxy_that_is_down_is_told() {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    drop(listener);
    let mut config = with_token();
    config.proxy = Proxy::try_from(format!("http://{address}")).unwrap();
    let url = Url::parse("https://example.invalid/x").unwrap();
    let error = refused(&config, &url).await;
    assert_eq!(error.kind, ApiErrorKind::Unavailable);
    assert!(
        error.to_string().contains("the proxy cannot be reached"),
        "{error}"
    );
}

#[tokio::test]
async fn this_machine_is_reached_without_the_proxy() {
    let proxy = Server::start(|_, _| Reply::new(403, "text/html", "blocked")).await;
    let server = Server::start(numbered_tokens()).await;
    let mut config = connection(&server, secret_auth());
    config.proxy = Proxy::try_from(proxy.url("").to_string()).unwrap();
    assert!(client(&config).send(call(server.url("/x"))).await.is_ok());
    assert!(proxy.requests().is_empty());
}

#[tokio::test]
async fn a_silent_server_is_told() {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let mut config = with_token();
    config.read_timeout = Some(crate::duration::DurationText(Duration::from_millis(100)));
    let url = Url::parse(&format!("http://{address}/x")).unwrap();
    let error = refused(&config, &url).await;
    assert_eq!(error.kind, ApiErrorKind::Timeout);
    assert!(error.to_string().contains("in time"), "{error}");
    // One that does not even begin to encrypt has not been asked anything.
    config.connect_timeout = crate::duration::DurationText(Duration::from_millis(100));
    config.read_timeout = Some(crate::duration::DurationText(Duration::from_secs(10)));
    let url = Url::parse(&format!("https://{address}/x")).unwrap();
    let error = refused(&config, &url).await;
    assert_eq!(error.kind, ApiErrorKind::Unavailable);
    assert!(error.to_string().contains("cannot be reached"), "{error}");
}
