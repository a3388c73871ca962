//! Metadata services on this machine.

use serde_json::json;

use super::*;
use crate::http::metadata_client;
use crate::microsoft::tests::clock;
use crate::microsoft::tests::server::{Reply, Request, Server};

const RESOURCE: &str = "https://management.azure.com/";

fn environment(variables: &'static [(&str, &str)], server: &Server) -> Environment {
    let endpoint = server.url("/msi/token").to_string();
    Environment::new(move |name| {
        let (_, value) = variables.iter().find(|(known, _)| *known == name)?;
        Some(value.replace("ENDPOINT", &endpoint))
    })
}

fn of_machine(server: &Server) -> ManagedIdentityAuth {
    ManagedIdentityAuth {
        endpoint: Some(server.url("").to_string()),
        ..ManagedIdentityAuth::default()
    }
}

async fn ask(
    auth: &ManagedIdentityAuth,
    environment: &Environment,
) -> Result<AccessToken, TokenError> {
    let mut identity = Identity::new(auth, environment)?;
    identity.waits = [Duration::from_millis(1); 4];
    identity.update = Duration::from_millis(2);
    let client = metadata_client(&LIMITS).unwrap();
    let audience = Audience::new(RESOURCE);
    identity.acquire(&client, &audience, clock().as_ref()).await
}

fn token(_: &Request, _: usize) -> Reply {
    Reply::json(
        200,
        &json!({
            "access_token": "machine-token", "refresh_token": "", "expires_in": "3599",
            "expires_on": "1893553445", "not_before": "1506480273", "resource": RESOURCE,
            "token_type": "Bearer",
        }),
    )
}

#[tokio::test]
async fn the_metadata_service_is_asked_as_documented() {
    let server = Server::start(token).await;
    let mut auth = of_machine(&server);
    auth.client_id = Some("my-id".to_owned());
    let token = ask(&auth, &Environment::new(|_| None)).await.unwrap();
    assert_eq!(token.secret.expose(), "machine-token");
    assert_eq!(token.expires_at.timestamp(), 1_893_553_445);
    let request = &server.requests()[0];
    assert!(
        request
            .target
            .starts_with("/metadata/identity/oauth2/token?")
    );
    assert_eq!(request.headers["metadata"], "true");
    assert_eq!(request.field("api-version").unwrap(), "2018-02-01");
    assert_eq!(request.field("resource").unwrap(), RESOURCE);
    assert_eq!(request.field("client_id").unwrap(), "my-id");
}

#[tokio::test]
async fn the_endpoint_of_app_service_is_asked_with_its_key() {
    let server = Server::start(|_, _| {
        Reply::json(
            200,
            &json!({"access_token": "app-token", "expires_on": "1893553445"}),
        )
    })
    .await;
    let environment = environment(
        &[
            ("IDENTITY_ENDPOINT", "ENDPOINT"),
            ("IDENTITY_HEADER", "the-key"),
        ],
        &server,
    );
    let auth = ManagedIdentityAuth {
        resource_id: Some("/subscriptions/s/identity".to_owned()),
        ..ManagedIdentityAuth::default()
    };
    let token = ask(&auth, &environment).await.unwrap();
    assert_eq!(token.secret.expose(), "app-token");
    let request = &server.requests()[0];
    assert!(request.target.starts_with("/msi/token?"));
    assert_eq!(request.headers["x-identity-header"], "the-key");
    assert_eq!(request.headers.get("metadata"), None);
    assert_eq!(request.field("api-version").unwrap(), "2019-08-01");
    assert_eq!(
        request.field("mi_res_id").unwrap(),
        "/subscriptions/s/identity"
    );
}

#[tokio::test]
async fn the_service_is_tried_five_times_when_it_may_recover() {
    for status in [404, 410, 429, 500, 503] {
        let server = Server::start(move |request, number| match number {
            4 => token(request, number),
            _ => Reply::json(status, &json!({"error": "busy"})),
        })
        .await;
        ask(&of_machine(&server), &Environment::new(|_| None))
            .await
            .unwrap();
        assert_eq!(server.requests().len(), 5, "{status}");
    }
    let server = Server::start(|_, _| Reply::json(500, &json!({}))).await;
    let error = ask(&of_machine(&server), &Environment::new(|_| None))
        .await
        .unwrap_err();
    assert_eq!(server.requests().len(), 5);
    assert!(error.is_retryable());
}

#[tokio::test]
async fn a_refusal_is_final() {
    for (status, error, words) in [
        (400, "invalid_resource", "audience"),
        (400, "bad_request_102", "identity"),
        (401, "unknown_source", "identity"),
    ] {
        let server = Server::start(move |_, _| {
            let description = "no such\nthing";
            Reply::json(
                status,
                &json!({"error": error, "error_description": description}),
            )
        })
        .await;
        let found = ask(&of_machine(&server), &Environment::new(|_| None))
            .await
            .unwrap_err();
        assert_eq!(server.requests().len(), 1);
        assert_eq!(found.kind, TokenErrorKind::Rejected);
        let line = found.to_string();
        assert!(
            line.contains(error) && line.contains("no such thing"),
            "{line}"
        );
        assert!(line.contains(words), "{line}");
    }
}

#[tokio::test]
async fn off_azure_it_says_so() {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    drop(listener);
    let auth = ManagedIdentityAuth {
        endpoint: Some(format!("http://{address}")),
        ..ManagedIdentityAuth::default()
    };
    let error = ask(&auth, &Environment::new(|_| None)).await.unwrap_err();
    let line = error.to_string();
    assert!(line.contains("must run on an Azure resource"), "{line}");
    let auth = ManagedIdentityAuth {
        endpoint: Some("ftp://x".to_owned()),
        ..ManagedIdentityAuth::default()
    };
    let error = ask(&auth, &Environment::new(|_| None)).await.unwrap_err();
    assert_eq!(error.kind, TokenErrorKind::Misconfigured);
}

#[test]
fn without_settings_it_is_the_well_known_address() {
    let auth = ManagedIdentityAuth::default();
    let identity = Identity::new(&auth, &Environment::new(|_| None)).unwrap();
    assert_eq!(
        identity.endpoint.as_str(),
        "http://169.254.169.254/metadata/identity/oauth2/token"
    );
    let waits = identity.waits.map(|wait| wait.as_secs());
    assert_eq!(waits, [2, 6, 14, 30]);
}
