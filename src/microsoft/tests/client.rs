//! Sending requests.

use std::io::Write as _;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use futures::StreamExt as _;
use reqwest::header::{ACCEPT, HeaderMap, HeaderValue};
use reqwest::{Method, Url};
use serde_json::{Value, json};
use uuid::Uuid;

use super::server::{Reply, Request, Server};
use super::{clock, connection, numbered_tokens, secret_auth, tokens};
use crate::microsoft::{
    Answer, ApiClient, ApiError, ApiErrorKind, Audience, Body, Call, ConnectionConfig,
};

const ID: Uuid = Uuid::from_u128(0x0123_4567_89ab_cdef_0123_4567_89ab_cdef);
const ID_TEXT: &str = "01234567-89ab-cdef-0123-456789abcdef";

pub(super) fn call(url: Url) -> Call {
    Call {
        method: Method::POST,
        url,
        headers: HeaderMap::new(),
        body: Some(Body::Json(json!({"Query": "DeviceInfo | take 1"}))),
        audience: Audience::new("https://graph.microsoft.com"),
        timeout: Duration::from_secs(10),
        client_request_id: ID,
        needs: "ThreatHunting.Read.All",
    }
}

pub(super) fn client(config: &ConnectionConfig) -> ApiClient {
    let clock = clock();
    let tokens = tokens(config, &clock);
    ApiClient::new(config, tokens, clock).unwrap()
}

/// A server that gives numbered tokens and answers everything else as told; the number is that of
/// the requests that are not for tokens.
async fn start(answer: impl Fn(&Request, usize) -> Reply + Send + Sync + 'static) -> Server {
    let count = std::sync::atomic::AtomicUsize::new(0);
    let tokens = numbered_tokens();
    Server::start(move |request, number| {
        if request.target.contains("/oauth2/") {
            return tokens(request, number);
        }
        let number = count.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
        answer(request, number)
    })
    .await
}

async fn send(reply: Reply) -> (Result<Answer, ApiError>, Server) {
    let server = start(move |_, _| reply.clone()).await;
    let client = client(&connection(&server, secret_auth()));
    let outcome = client.send(call(server.url("/v1.0/x?q=1"))).await;
    (outcome, server)
}

fn sent(server: &Server) -> Vec<Request> {
    let requests = server.requests();
    requests
        .into_iter()
        .filter(|request| !request.target.contains("/oauth2/"))
        .collect()
}

async fn json_of(reply: Reply, bytes_max: usize) -> Result<Value, ApiError> {
    let (answer, _server) = send(reply).await;
    answer?.json(bytes_max).await
}

#[tokio::test]
async fn a_request_has_a_token_and_a_name() {
    let reply = Reply::json(200, &json!({"a": 1})).with_header("request-id", "r-1");
    let (answer, server) = send(reply).await;
    let answer = answer.unwrap();
    assert_eq!(answer.status, 200);
    assert_eq!(answer.ids.client_request_id, ID_TEXT);
    assert_eq!(answer.ids.request_id.as_deref(), Some("r-1"));
    assert_eq!(answer.json(100).await.unwrap(), json!({"a": 1}));
    let request = &sent(&server)[0];
    assert_eq!(request.method, "POST");
    assert_eq!(request.target, "/v1.0/x?q=1");
    assert!(request.headers["authorization"].starts_with("Bearer ey"));
    assert_eq!(request.headers["accept"], "application/json");
    assert!(request.headers["accept-encoding"].contains("gzip"));
    assert_eq!(request.headers["client-request-id"], ID_TEXT);
    assert_eq!(request.headers["x-ms-client-request-id"], ID_TEXT);
    assert_eq!(
        request.headers["content-type"],
        "application/json; charset=utf-8"
    );
    let body: Value = serde_json::from_slice(&request.body).unwrap();
    assert_eq!(body, json!({"Query": "DeviceInfo | take 1"}));
}

#[tokio::test]
async fn a_compressed_body_is_unpacked() {
    let mut packed = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    packed.write_all(b"{\"a\":[1,2,3]}").unwrap();
    let reply = Reply::new(200, "application/json", packed.finish().unwrap());
    let reply = reply.with_header("Content-Encoding", "gzip");
    assert_eq!(json_of(reply, 100).await.unwrap(), json!({"a": [1, 2, 3]}));
}

#[tokio::test]
async fn a_refused_token_is_replaced_once() {
    let refusal = json!({"error": {"code": "InvalidAuthenticationToken", "message": "expired"}});
    let body = refusal.clone();
    let server = start(move |_, number| match number {
        0 => Reply::json(401, &body),
        _ => Reply::json(200, &json!({})),
    })
    .await;
    let config = connection(&server, secret_auth());
    let answer = client(&config).send(call(server.url("/x"))).await.unwrap();
    assert_eq!(answer.status, 200);
    let requests = sent(&server);
    assert_eq!(requests.len(), 2);
    assert_ne!(
        requests[0].headers["authorization"],
        requests[1].headers["authorization"]
    );

    for status in [401, 403] {
        let (outcome, server) = send(Reply::json(status, &refusal)).await;
        let error = outcome.unwrap_err();
        assert_eq!(error.kind, ApiErrorKind::Unauthorized);
        assert_eq!(sent(&server).len(), 2);
        assert_eq!(server.requests().len(), 4);
        assert!(error.to_string().contains("clock"), "{error}");
        assert_eq!(error.ids.client_request_id, ID_TEXT);
    }
}

#[tokio::test]
async fn a_missing_role_is_named_with_those_that_are_there() {
    let body = json!({"error": {"code": "Forbidden", "message": "Missing roles"}});
    let (outcome, server) = send(Reply::json(403, &body)).await;
    let error = outcome.unwrap_err();
    assert_eq!(error.kind, ApiErrorKind::Forbidden);
    assert_eq!(sent(&server).len(), 1);
    assert_eq!(
        error.to_string(),
        "403: Missing roles; the token has Mail.Send; the call needs ThreatHunting.Read.All: see \
         docs/guides/permissions.md"
    );
}

#[tokio::test]
async fn nothing_is_sent_to_a_host_that_is_not_trusted() {
    let server = start(|_, _| Reply::json(200, &json!({}))).await;
    let client = client(&connection(&server, secret_auth()));
    for url in ["https://evil.example.com/x", "http://graph.microsoft.com/x"] {
        let error = client
            .send(call(Url::parse(url).unwrap()))
            .await
            .unwrap_err();
        assert_eq!(error.kind, ApiErrorKind::Misconfigured, "{url}");
        assert_eq!(error.ids.client_request_id, ID_TEXT);
    }
    assert!(server.requests().is_empty());
}

#[tokio::test]
async fn pages_instead_of_json_are_told() {
    let page = "<html><title>Welcome to the hotel</title></html>";
    for reply in [
        Reply::new(200, "text/html; charset=utf-8", page),
        Reply::new(200, "text/plain", "please log in"),
        Reply::new(200, "application/json", page),
        Reply::new(403, "text/html", page),
        Reply::new(404, "text/html", page),
        Reply::new(302, "text/html", page).with_header("Location", "http://portal.example/"),
        Reply::new(407, "text/html", page),
    ] {
        let shown = format!("{} {:?}", reply.status, reply.headers);
        let error = json_of(reply, 1000).await.unwrap_err();
        assert_eq!(error.kind, ApiErrorKind::Misconfigured, "{shown}");
        assert!(
            error.to_string().contains("captive portal"),
            "{shown}: {error}"
        );
        assert!(!error.to_string().contains("hotel"), "{shown}");
    }
    // Overloaded front ends answer with pages, too.
    let error = json_of(Reply::new(503, "text/html", page), 1000)
        .await
        .unwrap_err();
    assert_eq!(error.kind, ApiErrorKind::Unavailable);
    let error = json_of(Reply::new(401, "text/html", page), 1000)
        .await
        .unwrap_err();
    assert_eq!(error.kind, ApiErrorKind::Unauthorized);
    // JSON is JSON, whatever it is called.
    let reply = Reply::new(200, "text/plain", " {\"a\":1}");
    assert_eq!(json_of(reply, 1000).await.unwrap(), json!({"a": 1}));
}

#[tokio::test]
async fn text_passes_where_it_is_asked_for() {
    let server = start(|_, _| Reply::new(200, "text/plain", "17")).await;
    let client = client(&connection(&server, secret_auth()));
    let mut call = call(server.url("/api/alerts/$count"));
    call.headers
        .insert(ACCEPT, HeaderValue::from_static("text/plain"));
    call.body = None;
    let answer = client.send(call).await.unwrap();
    let pieces: Vec<Bytes> = answer.into_stream().map(Result::unwrap).collect().await;
    assert_eq!(pieces.concat(), b"17");
    assert_eq!(sent(&server)[0].headers["content-length"], "0");
}

#[tokio::test]
async fn a_body_that_breaks_off_is_an_error() {
    let mut reply = Reply::new(200, "application/json", "{\"a\":1}");
    reply.is_cut = true;
    let (answer, _server) = send(reply.clone()).await;
    let pieces: Vec<_> = answer.unwrap().into_stream().collect().await;
    let error = pieces.last().unwrap().as_ref().unwrap_err();
    assert_eq!(error.kind, ApiErrorKind::Unavailable);
    assert_eq!(error.ids.client_request_id, ID_TEXT);
    assert!(json_of(reply, 1000).await.unwrap_err().kind.is_retryable());

    let short = Reply::new(200, "application/json", "{\"a\":[1,");
    let error = json_of(short, 1000).await.unwrap_err();
    assert_eq!(error.kind, ApiErrorKind::Unavailable);
    let long = Reply::json(200, &json!({"a": "x".repeat(5000)}));
    assert_eq!(
        json_of(long, 1000).await.unwrap_err().kind,
        ApiErrorKind::TooLarge
    );
    let empty = Reply::new(200, "application/json", "");
    let error = json_of(empty, 1000).await.unwrap_err();
    assert_eq!(error.kind, ApiErrorKind::Bug);
    let bad = Reply::new(200, "application/json", "{\"password\": hunter2}");
    let error = json_of(bad, 1000).await.unwrap_err();
    assert!(!error.to_string().contains("hunter2"), "{error}");
}

#[tokio::test]
async fn a_request_without_a_token_says_why() {
    let body = json!({"error": "invalid_client", "error_codes": [7_000_222],
        "error_description": "AADSTS7000222: The provided client secret keys are expired.",
        "correlation_id": "cor-1"});
    let server = Server::start(move |_, _| Reply::json(401, &body)).await;
    let client = client(&connection(&server, secret_auth()));
    let error = client.send(call(server.url("/x"))).await.unwrap_err();
    assert_eq!(error.kind, ApiErrorKind::Unauthorized);
    assert_eq!(error.code.as_deref(), Some("AADSTS7000222"));
    assert!(error.to_string().contains("make a new one"), "{error}");
    assert_eq!(server.requests().len(), 1);
}

#[tokio::test]
async fn a_call_ends_with_its_time() {
    // Accepts and never answers.
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let server = start(|_, _| Reply::json(200, &json!({}))).await;
    let client = client(&connection(&server, secret_auth()));
    let mut call = call(Url::parse(&format!("http://{address}/x")).unwrap());
    call.timeout = Duration::from_millis(100);
    let error = client.send(call).await.unwrap_err();
    assert_eq!(error.kind, ApiErrorKind::Timeout);
}

#[test]
fn debug_shows_neither_query_nor_body() {
    let mut call = call(Url::parse("https://graph.microsoft.com/x?sig=secret").unwrap());
    call.body = Some(Body::Bytes(Bytes::from_static(b"secret")));
    let shown = format!("{call:?} {:?}", call.body);
    assert!(!shown.contains("secret"), "{shown}");
    let _: Arc<dyn std::fmt::Debug> = Arc::new(call);
}

#[tokio::test]
async fn a_token_that_does_not_come_is_not_waited_for_longer_than_the_call_may_take() {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let authority = format!("http://{}", listener.local_addr().unwrap());
    let server = start(|_, _| Reply::json(200, &json!({}))).await;
    let mut config = connection(&server, secret_auth());
    config.authority = Some(authority);
    let mut call = call(server.url("/x"));
    call.timeout = Duration::from_millis(50);
    let error = client(&config).send(call).await.unwrap_err();
    assert_eq!(error.kind, ApiErrorKind::Unavailable);
    assert!(
        error.to_string().contains("no token in the time"),
        "{error}"
    );
    assert_eq!(server.requests().len(), 0);
}
