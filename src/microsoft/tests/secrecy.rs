//! Nothing secret is written to logs, however much is logged.

use std::io::Write;
use std::sync::{Arc, Mutex};

use serde_json::json;
use tracing_subscriber::fmt::MakeWriter;

use super::client::{call, client};
use super::server::{Reply, Request, Server};
use super::{CLIENT_ID, SECRET, connection, secret_auth};
use crate::http::Proxy;
use crate::microsoft::{AuthConfig, CertificateAlgorithm, CertificateAuth, FederatedAuth};

/// Keeps what is logged.
#[derive(Clone, Default)]
struct Kept(Arc<Mutex<Vec<u8>>>);

impl Write for Kept {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0.lock().unwrap().extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

impl<'a> MakeWriter<'a> for Kept {
    type Writer = Self;

    fn make_writer(&'a self) -> Self {
        self.clone()
    }
}

const TOKEN: &str = "opaque-access-token-0123456789";
const ROW: &str = "a-value-of-a-row";

fn answer(request: &Request, number: usize) -> Reply {
    if request.target.contains("/oauth2/") {
        return Reply::json(200, &json!({"expires_in": 3600, "access_token": TOKEN}));
    }
    match number % 3 {
        0 => Reply::json(
            401,
            &json!({"error": {"code": "x", "message": format!("bad Bearer eyJ{TOKEN}")}}),
        ),
        1 => Reply::json(200, &json!({"results": [ROW]})),
        _ => Reply::new(200, "text/html", "<html>"),
    }
}

#[tokio::test]
async fn nothing_secret_is_logged_at_the_finest_level() {
    let kept = Kept::default();
    let subscriber = tracing_subscriber::fmt()
        .with_max_level(tracing::Level::TRACE)
        .with_ansi(false)
        .with_writer(kept.clone())
        .finish();
    // Also what other threads log.
    tracing::subscriber::set_global_default(subscriber).expect("no other test sets one");

    let server = Server::start(answer).await;
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("token");
    std::fs::write(&file, "federated.jwt.of-an-issuer").unwrap();
    let data = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data/microsoft");
    let mut said = Vec::new();
    for auth in [
        secret_auth(),
        AuthConfig::Federated(FederatedAuth {
            client_id: Some(CLIENT_ID.to_owned()),
            token_file: Some(file),
        }),
        AuthConfig::Certificate(CertificateAuth {
            client_id: CLIENT_ID.to_owned(),
            file: data.join("certificate.pem"),
            key_file: Some(data.join("key.pem")),
            password: None,
            algorithm: CertificateAlgorithm::Ps256,
        }),
    ] {
        let config = connection(&server, auth);
        let client = client(&config);
        for _ in 0..3 {
            let mut call = call(server.url("/v1.0/x?sig=query-secret"));
            call.url.set_fragment(Some("fragment-secret"));
            said.push(format!("{call:?} {client:?} {config:?}"));
            match client.send(call).await {
                Ok(answer) => {
                    said.push(format!("{answer:?}"));
                    let _ = answer.json(1000).await;
                }
                Err(error) => said.push(format!("{error:?} {error}")),
            }
            said.push(format!("{:?}", client.tokens()));
        }
    }
    // Through the proxy, which wants its password.
    let proxy = Server::start(|_, _| Reply::new(403, "text/html", "blocked")).await;
    let mut config = connection(&server, secret_auth());
    config.trusted_hosts = vec!["example.invalid".to_owned()];
    let address = format!("http://me:pass-word@{}", proxy.address);
    config.proxy = Proxy::try_from(address).unwrap();
    let client = client(&config);
    let url = reqwest::Url::parse("https://example.invalid/x").unwrap();
    let error = client.send(call(url)).await.unwrap_err();
    said.push(format!("{client:?} {error:?} {error}"));
    let basic = "bWU6cGFzcy13b3Jk";
    assert!(proxy.requests()[0].headers["proxy-authorization"].contains(basic));

    let assertions: Vec<String> = server
        .requests()
        .iter()
        .filter_map(|request| request.field("client_assertion"))
        .collect();
    assert_eq!(assertions.len(), 4);
    let said = said.join("\n");
    let logged = String::from_utf8_lossy(&kept.0.lock().unwrap()).into_owned();
    // It has listened at all, to our HTTP library, too.
    assert!(
        logged.contains("TRACE") && logged.contains("hyper"),
        "{logged}"
    );
    let secrets = [SECRET, TOKEN, ROW, "pass-word", basic, "of-an-issuer"];
    let more = [
        "query-secret",
        "fragment-secret",
        "DeviceInfo",
        "PRIVATE KEY",
    ];
    let assertions = assertions.iter().map(String::as_str);
    for secret in secrets.into_iter().chain(more).chain(assertions) {
        assert!(!said.contains(secret), "{secret} is shown: {said}");
        let line = logged.lines().find(|line| line.contains(secret));
        assert!(line.is_none(), "{secret} is logged: {line:?}");
    }
}
