//! The token endpoint: what is sent there, and what its errors mean.

use std::sync::Arc;
use std::time::Duration;

use chrono::{DateTime, Utc};
use serde_json::json;

use super::server::{Reply, Server};
use super::{
    CLIENT_ID, SECRET, TENANT, connection, environment, numbered_tokens, secret_auth, tokens,
};
use crate::clock::{Clock as _, ManualClock};
use crate::microsoft::{
    Audience, AuthConfig, Cloud, ConnectionConfig, FederatedAuth, TokenAuth, TokenError,
    TokenErrorKind, Tokens,
};
use crate::secret::Secret;

fn graph() -> Audience {
    Audience::new("https://graph.microsoft.com")
}

/// What comes of asking an endpoint that answers so.
async fn refused(reply: Reply) -> TokenError {
    let server = Server::start(move |_, _| reply.clone()).await;
    let tokens = tokens(&connection(&server, secret_auth()), &super::clock());
    tokens.token(&graph()).await.unwrap_err()
}

fn aadsts(code: u32, text: &str) -> Reply {
    let description = format!(
        "AADSTS{code}: {text} Trace ID: 255d1aef-0000-0000-0000-000000000001 Correlation ID: \
         fb3d2015-0000-0000-0000-000000000002 Timestamp: 2026-02-03 04:05:06Z"
    );
    Reply::json(
        401,
        &json!({
            "error": "invalid_client", "error_description": description, "error_codes": [code],
            "timestamp": "2026-02-03 04:05:06Z",
            "trace_id": "255d1aef-0000-0000-0000-000000000001",
            "correlation_id": "fb3d2015-0000-0000-0000-000000000002",
        }),
    )
}

#[tokio::test]
async fn a_secret_is_sent_as_a_form() {
    let server = Server::start(numbered_tokens()).await;
    let clock = super::clock();
    let token = tokens(&connection(&server, secret_auth()), &clock)
        .token(&graph())
        .await
        .unwrap();
    assert_eq!(token.expires_at, super::at(&clock, 3600));
    assert_eq!(token.roles(), ["Mail.Send"]);
    let request = &server.requests()[0];
    assert_eq!(request.method, "POST");
    assert_eq!(request.target, format!("/{TENANT}/oauth2/v2.0/token"));
    let field = |name| request.field(name).unwrap_or_default();
    assert_eq!(field("grant_type"), "client_credentials");
    assert_eq!(field("client_id"), CLIENT_ID);
    assert_eq!(field("client_secret"), SECRET);
    assert_eq!(field("scope"), "https://graph.microsoft.com/.default");
}

#[tokio::test]
async fn the_end_is_read_in_all_forms() {
    let clock = super::clock();
    let end = |seconds: i64| super::at(&clock, seconds).timestamp();
    for (members, expected) in [
        (json!({"expires_in": 3599}), end(3599)),
        (
            json!({"expires_in": "3599", "ext_expires_in": 0}),
            end(3599),
        ),
        (json!({"expires_on": "1893553445"}), 1_893_553_445),
        (
            json!({"expires_on": 1_893_553_445, "expires_in": "5"}),
            1_893_553_445,
        ),
        (json!({"expires_in": -5}), end(1)),
        (json!({"expires_in": 1e300}), end(7 * 86_400)),
        (
            json!({"expires_on": "9223372036854775807", "expires_in": 60}),
            end(60),
        ),
    ] {
        let mut body = members.clone();
        body["access_token"] = "opaque".into();
        let server = Server::start(move |_, _| Reply::json(200, &body)).await;
        let tokens = tokens(&connection(&server, secret_auth()), &clock);
        let token = tokens.token(&graph()).await.unwrap();
        assert_eq!(token.expires_at.timestamp(), expected, "{members}");
    }
}

#[tokio::test]
async fn known_codes_tell_what_to_fix() {
    for (code, words) in [
        (7_000_215, "not its id"),
        (7_000_222, "expired"),
        (700_016, "client_id"),
        (90_002, "`cloud`"),
        (700_027, "upload it"),
        (70_021, "federated"),
        (700_211, "issuer"),
        (700_212, "audience"),
        (700_213, "subject"),
        (500_011, "audience"),
        (65_001, "admin consent"),
        (70_011, "scope"),
        (7_000_112, "disabled"),
        (53_003, "Conditional Access"),
        (700_024, "clock"),
        (50_034, "account"),
    ] {
        let error = refused(aadsts(code, "Something is wrong.")).await;
        assert_eq!(error.kind, TokenErrorKind::Rejected);
        assert_eq!(error.code, Some(code));
        let help = error.help.as_deref().unwrap_or_default();
        assert!(help.contains(words), "{code}: {help}");
        let line = error.to_string();
        assert!(line.contains(&format!("AADSTS{code}")), "{line}");
        assert!(!line.contains("Trace ID") && !line.contains('\n'), "{line}");
        let trace = error.trace_id.as_deref();
        assert_eq!(trace, Some("255d1aef-0000-0000-0000-000000000001"));
    }
}

#[tokio::test]
async fn faults_are_told_from_refusals() {
    let page = Reply::new(
        200,
        "text/html",
        "<html><title>Sign in to the hotel</title></html>",
    );
    let error = refused(page).await;
    // It may be gone the next time.
    assert_eq!(error.kind, TokenErrorKind::Unavailable);
    assert!(error.to_string().contains("captive portal"), "{error}");
    let redirect = Reply::new(302, "text/html", "").with_header("Location", "http://portal/");
    assert_eq!(refused(redirect).await.kind, TokenErrorKind::Misconfigured);

    let error = refused(Reply::new(503, "text/html", "<html>busy</html>")).await;
    assert_eq!(error.kind, TokenErrorKind::Unavailable);
    assert!(error.is_retryable());
    let busy = Reply::json(429, &json!({"error": "throttled"})).with_header("Retry-After", "7");
    let after = Some(Duration::from_secs(7));
    assert_eq!(
        refused(busy).await.kind,
        TokenErrorKind::Throttled { after }
    );
    let temporary = aadsts(90_033, "A transient error has occurred.");
    assert!(refused(temporary).await.is_retryable());

    let no_end = Reply::json(200, &json!({"access_token": "x"}));
    assert!(refused(no_end).await.to_string().contains("when it ends"));
    let mut cut = Reply::new(200, "application/json", "{\"access_tok");
    cut.is_cut = true;
    assert!(refused(cut).await.is_retryable());
    // A code that stands in the text only.
    let text = json!({"error": "invalid_client", "error_description": "AADSTS7000222: Expired."});
    assert_eq!(refused(Reply::json(401, &text)).await.code, Some(7_000_222));
}

#[tokio::test]
async fn a_clock_that_is_off_is_told() {
    let date = |minutes: i64| {
        let theirs: DateTime<Utc> = super::clock().now() + chrono::TimeDelta::minutes(minutes);
        httpdate::fmt_http_date(theirs.into())
    };
    let ask = |minutes| {
        let reply = aadsts(
            700_024,
            "Client assertion is not within its valid time range.",
        );
        refused(reply.with_header("Date", &date(minutes)))
    };
    let help = |error: TokenError| error.help.unwrap();
    assert!(help(ask(17).await).contains("17 minutes behind"));
    assert!(help(ask(-60).await).contains("60 minutes ahead"));
    assert!(!help(ask(4).await).contains("minutes"));
}

#[tokio::test]
async fn a_federated_token_is_read_anew_each_time() {
    let server = Server::start(numbered_tokens()).await;
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("token");
    let clock = super::clock();
    let mut config = connection(&server, AuthConfig::Federated(FederatedAuth::default()));
    config.authority = None;
    let environment = environment(&[
        ("AZURE_CLIENT_ID", CLIENT_ID.to_owned()),
        ("AZURE_FEDERATED_TOKEN_FILE", file.display().to_string()),
        ("AZURE_AUTHORITY_HOST", server.url("/").to_string()),
    ]);
    let tokens =
        Tokens::with_environment(&config, environment, Arc::<ManualClock>::clone(&clock)).unwrap();

    let error = tokens.token(&graph()).await.unwrap_err();
    assert_eq!(error.kind, TokenErrorKind::Misconfigured);
    std::fs::write(&file, " \n").unwrap();
    let error = tokens.token(&graph()).await.unwrap_err();
    assert!(error.to_string().contains("holds no token"), "{error}");
    for text in ["first.jwt.x\n", "second.jwt.x"] {
        std::fs::write(&file, text).unwrap();
        let token = tokens.token(&graph()).await.unwrap();
        tokens.forget(&graph(), &token);
    }
    let requests = server.requests();
    let sent = requests
        .iter()
        .filter_map(|request| request.field("client_assertion"));
    assert_eq!(sent.collect::<Vec<_>>(), ["first.jwt.x", "second.jwt.x"]);
    let kind = requests[0].field("client_assertion_type").unwrap();
    assert_eq!(
        kind,
        "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"
    );
    assert_eq!(requests[0].target, format!("/{TENANT}/oauth2/v2.0/token"));
}

#[tokio::test]
async fn without_its_environment_a_federated_sign_in_says_what_is_missing() {
    let config = ConnectionConfig::new(TENANT, AuthConfig::Federated(FederatedAuth::default()));
    let tokens = tokens(&config, &super::clock());
    let error = tokens.token(&graph()).await.unwrap_err();
    assert!(error.to_string().contains("AZURE_CLIENT_ID"), "{error}");
}

#[tokio::test]
async fn a_fixed_token_ends_when_it_says() {
    let auth = |token: &str| {
        AuthConfig::Token(TokenAuth {
            token: Secret::new(token),
        })
    };
    let clock = super::clock();
    let jwt = super::jwt(&json!({"exp": 1_893_553_445}));
    let config = ConnectionConfig::new(TENANT, auth(&jwt));
    let token = tokens(&config, &clock).token(&graph()).await.unwrap();
    assert_eq!(token.expires_at.timestamp(), 1_893_553_445);
    let config = ConnectionConfig::new(TENANT, auth("opaque"));
    assert!(tokens(&config, &clock).token(&graph()).await.is_ok());
}

#[test]
fn authorities_are_those_of_the_clouds() {
    // https://learn.microsoft.com/entra/identity-platform/authentication-national-cloud
    assert_eq!(Cloud::Gcc.authority(), "https://login.microsoftonline.com");
    assert_eq!(Cloud::Dod.authority(), "https://login.microsoftonline.us");
}
