//! Keeping and refreshing tokens.

use std::sync::Arc;
use std::sync::atomic::{AtomicU16, Ordering};
use std::time::Duration;

use serde_json::json;

use super::server::{Reply, Server};
use super::{connection, numbered_tokens, secret_auth, tokens};
use crate::clock::ManualClock;
use crate::microsoft::{AccessToken, Audience, TokenErrorKind, Tokens};

fn graph() -> Audience {
    Audience::new("https://graph.microsoft.com")
}

async fn number(tokens: &Tokens, audience: &Audience) -> String {
    let token = tokens.token(audience).await.unwrap();
    token.secret.expose().to_owned()
}

/// Waits for what a task does in the background.
async fn until(what: impl Fn() -> bool) {
    for _ in 0..500 {
        if what() {
            return;
        }
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    panic!("it did not happen");
}

#[tokio::test]
async fn a_hundred_callers_make_one_request() {
    let server = Server::start(numbered_tokens()).await;
    let clock = super::clock();
    let tokens = tokens(&connection(&server, secret_auth()), &clock);
    let graph = graph();
    let calls = (0..100).map(|_| number(&tokens, &graph));
    let seen = futures::future::join_all(calls).await;
    assert!(seen.iter().all(|token| *token == seen[0]));
    assert_eq!(server.requests().len(), 1);
    // Another audience has a token of its own.
    number(&tokens, &Audience::new("https://api.loganalytics.io")).await;
    assert_eq!(server.requests().len(), 2);
    let scope = server.requests()[1].field("scope");
    assert_eq!(
        scope.as_deref(),
        Some("https://api.loganalytics.io/.default")
    );
}

#[tokio::test]
async fn a_failure_is_told_to_all_who_wait_and_is_not_kept() {
    let server = Server::start(|_, number| match number {
        0 => Reply::json(503, &json!({})),
        _ => numbered_tokens()(&super::server::Request::default(), number),
    })
    .await;
    let clock = super::clock();
    let tokens = tokens(&connection(&server, secret_auth()), &clock);
    let graph = graph();
    let calls = (0..10).map(|_| tokens.token(&graph));
    for outcome in futures::future::join_all(calls).await {
        assert_eq!(outcome.unwrap_err().kind, TokenErrorKind::Unavailable);
    }
    assert_eq!(server.requests().len(), 1);
    assert!(tokens.token(&graph).await.is_ok());
}

#[tokio::test]
async fn tokens_are_refreshed_ahead_of_their_end_while_the_old_one_is_used() {
    let server = Server::start(numbered_tokens()).await;
    let clock = super::clock();
    let tokens = tokens(&connection(&server, secret_auth()), &clock);
    let first = number(&tokens, &graph()).await;
    // Six minutes and a second before the end, the jitter of a minute counted in.
    clock.advance(Duration::from_secs(3600 - 361));
    assert_eq!(number(&tokens, &graph()).await, first);
    tokio::time::sleep(Duration::from_millis(50)).await;
    assert_eq!(server.requests().len(), 1);
    // Five minutes before the end.
    clock.advance(Duration::from_secs(61));
    assert_eq!(number(&tokens, &graph()).await, first);
    until(|| server.requests().len() == 2).await;
    let mut second = first.clone();
    for _ in 0..500 {
        second = number(&tokens, &graph()).await;
        if second != first {
            break;
        }
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    assert_ne!(second, first);
    assert_eq!(server.requests().len(), 2);
}

#[tokio::test]
async fn a_failed_refresh_keeps_the_token_while_it_lives() {
    let status = Arc::new(AtomicU16::new(200));
    let shared = Arc::clone(&status);
    let server = Server::start(
        move |request, number| match shared.load(Ordering::Relaxed) {
            200 => numbered_tokens()(request, number),
            status => Reply::json(status, &json!({"error": "server_error"})),
        },
    )
    .await;
    let clock = super::clock();
    let tokens = tokens(&connection(&server, secret_auth()), &clock);
    let first = number(&tokens, &graph()).await;
    status.store(500, Ordering::Relaxed);
    clock.advance(Duration::from_secs(3600 - 200));
    assert_eq!(number(&tokens, &graph()).await, first);
    until(|| server.requests().len() == 2).await;
    tokio::time::sleep(Duration::from_millis(50)).await;
    // Not with each call, but after a while again.
    assert_eq!(number(&tokens, &graph()).await, first);
    tokio::time::sleep(Duration::from_millis(50)).await;
    assert_eq!(server.requests().len(), 2);
    clock.advance(Duration::from_secs(6));
    assert_eq!(number(&tokens, &graph()).await, first);
    until(|| server.requests().len() == 3).await;
    // At its end there is none.
    clock.advance(Duration::from_secs(194));
    let error = tokens.token(&graph()).await.unwrap_err();
    assert_eq!(error.kind, TokenErrorKind::Unavailable);
}

#[tokio::test]
async fn a_token_is_forgotten_once() {
    let server = Server::start(numbered_tokens()).await;
    let clock: Arc<ManualClock> = super::clock();
    let tokens = tokens(&connection(&server, secret_auth()), &clock);
    let first: AccessToken = tokens.token(&graph()).await.unwrap();
    tokens.forget(&graph(), &first);
    let second = tokens.token(&graph()).await.unwrap();
    assert_ne!(first, second);
    // Whoever comes late with the first does not take the second away.
    tokens.forget(&graph(), &first);
    assert_eq!(tokens.token(&graph()).await.unwrap(), second);
    assert_eq!(server.requests().len(), 2);
}

#[tokio::test]
async fn what_lives_shortly_is_not_refreshed_all_the_time() {
    let server = Server::start(|request, number| {
        let mut reply = numbered_tokens()(request, number);
        reply.body = String::from_utf8(reply.body)
            .unwrap()
            .replace("3600", "\"60\"")
            .into();
        reply
    })
    .await;
    let clock = super::clock();
    let tokens = tokens(&connection(&server, secret_auth()), &clock);
    let first = tokens.token(&graph()).await.unwrap();
    assert_eq!(first.expires_at, super::at(&clock, 60));
    clock.advance(Duration::from_secs(29));
    assert_eq!(tokens.token(&graph()).await.unwrap(), first);
    tokio::time::sleep(Duration::from_millis(50)).await;
    assert_eq!(server.requests().len(), 1);
    clock.advance(Duration::from_secs(31));
    assert_ne!(tokens.token(&graph()).await.unwrap(), first);
}

#[tokio::test]
async fn a_sign_in_that_is_throttled_is_left_alone_as_long_as_it_asks() {
    let server = Server::start(|_, number| match number {
        0 => Reply::json(429, &json!({"error": "temporarily_unavailable"}))
            .with_header("Retry-After", "60"),
        _ => numbered_tokens()(&super::server::Request::default(), number),
    })
    .await;
    let clock = super::clock();
    let tokens = tokens(&connection(&server, secret_auth()), &clock);
    let error = tokens.token(&graph()).await.unwrap_err();
    assert!(
        matches!(error.kind, TokenErrorKind::Throttled { .. }),
        "{error:?}"
    );
    clock.advance(Duration::from_secs(20));
    let error = tokens.token(&graph()).await.unwrap_err();
    let TokenErrorKind::Throttled { after: Some(after) } = error.kind else {
        panic!("{error:?}");
    };
    assert!(after >= Duration::from_secs(40), "{after:?}");
    assert_eq!(server.requests().len(), 1);
    clock.advance(after);
    assert!(tokens.token(&graph()).await.is_ok());
}
