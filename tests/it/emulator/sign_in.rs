//! Signing in: with secrets, certificates and assertions of others, and as a managed identity.

use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use chrono::DateTime;
use huntd::emulator::config::{ClientConfig, ClientSecret, FederatedCredential};
use huntd::secret::Secret;
use reqwest::Method;
use serde_json::{Value, json};

use super::call::{APP, Answer, GRAPH, Lab, SECRET, TENANT};

fn form<'f>(secret: &'f str, scope: &'f str) -> Vec<(&'f str, &'f str)> {
    vec![
        ("grant_type", "client_credentials"),
        ("client_id", APP),
        ("client_secret", secret),
        ("scope", scope),
    ]
}

/// What a token says.
fn claims(token: &str) -> Value {
    let part = token.split('.').nth(1).unwrap();
    serde_json::from_slice(&URL_SAFE_NO_PAD.decode(part).unwrap()).unwrap()
}

#[tokio::test]
async fn a_secret_yields_a_token() {
    let lab = Lab::new().await;
    let answer = lab
        .sign_in(
            TENANT,
            &form(SECRET, "https://graph.microsoft.com/.default"),
        )
        .await;
    let body = answer.json();
    assert_eq!(body["token_type"], "Bearer");
    assert_eq!(body["expires_in"], 3_599);
    let claims = claims(body["access_token"].as_str().unwrap());
    assert_eq!(claims["aud"], GRAPH);
    assert_eq!(claims["tid"], TENANT);
    assert_eq!(claims["appid"], APP);
    let now: DateTime<chrono::Utc> = super::call::NOW.parse().unwrap();
    assert_eq!(claims["exp"], now.timestamp() + 3_600);
    let roles = claims["roles"].as_array().unwrap();
    assert!(roles.contains(&json!("ThreatHunting.Read.All")));
    // The same in a header, each half as in a URL; and by the older endpoint with a resource.
    let request = lab
        .http
        .post(lab.url(&format!("/{TENANT}/oauth2/token")))
        .basic_auth(APP, Some("s3cret%2F%2B"))
        .form(&[("grant_type", "client_credentials"), ("resource", GRAPH)]);
    let body = Answer::of(request.send().await.unwrap()).await.json();
    assert_eq!(body["expires_in"], "3599", "{body}");
    assert_eq!(body["resource"], GRAPH);
}

/// A form and its tenant, and the status, error and code that come of them.
type Mistake<'m> = (Vec<(&'m str, &'m str)>, &'m str, u16, &'m str, u64);

#[tokio::test]
async fn each_mistake_has_its_code() {
    let lab = Lab::with(|config| {
        config.tenants = vec![TENANT.to_owned()];
        config.clients[0].secrets.push(ClientSecret {
            value: Secret::new("old"),
            expires: Some("2026-01-01T00:00:00Z".parse().unwrap()),
        });
    })
    .await;
    let graph = "https://graph.microsoft.com/.default";
    let cases: Vec<Mistake> = vec![
        (
            form("wrong", graph),
            TENANT,
            401,
            "invalid_client",
            7_000_215,
        ),
        (form("old", graph), TENANT, 401, "invalid_client", 7_000_222),
        (
            form(SECRET, graph),
            "example.com",
            400,
            "invalid_request",
            90_002,
        ),
        (
            form(SECRET, "User.Read"),
            TENANT,
            400,
            "invalid_scope",
            70_011,
        ),
        (
            form(SECRET, "https://example.com/.default"),
            TENANT,
            400,
            "invalid_resource",
            500_011,
        ),
        (form("", graph), TENANT, 401, "invalid_client", 7_000_218),
        (
            vec![("grant_type", "password")],
            TENANT,
            400,
            "unsupported_grant_type",
            70_003,
        ),
        (vec![], TENANT, 400, "invalid_request", 900_144),
        (
            vec![
                ("grant_type", "client_credentials"),
                ("client_id", "nobody"),
            ],
            TENANT,
            400,
            "unauthorized_client",
            700_016,
        ),
    ];
    for (form, tenant, status, error, code) in cases {
        let answer = lab.sign_in(tenant, &form).await;
        let body = answer.json();
        assert_eq!(
            (answer.status, &body["error"]),
            (status, &json!(error)),
            "{body}"
        );
        assert_eq!(body["error_codes"], json!([code]));
        let text = body["error_description"].as_str().unwrap();
        assert!(text.starts_with(&format!("AADSTS{code}: ")), "{text}");
        assert!(
            text.contains("Trace ID: ") && text.contains("Correlation ID: "),
            "{text}"
        );
        assert!(!text.contains(SECRET));
    }
}

#[tokio::test]
async fn a_managed_identity_gets_tokens_with_numbers_as_texts() {
    let lab = Lab::with(|config| config.identity_header = Some(Secret::new("header"))).await;
    let path = "/metadata/identity/oauth2/token?api-version=2018-02-01&resource=https%3A%2F%2Fgraph.microsoft.com";
    let answer = Answer::of(lab.http.get(lab.url(path)).send().await.unwrap()).await;
    assert_eq!(
        (answer.status, &answer.json()["error"]),
        (400, &json!("bad_request_102"))
    );
    let request = lab.http.get(lab.url(path)).header("Metadata", "true");
    let body = Answer::of(request.send().await.unwrap()).await.json();
    assert_eq!(body["expires_in"], "3599");
    assert!(body["expires_on"].is_string());
    assert_eq!(claims(body["access_token"].as_str().unwrap())["aud"], GRAPH);
    let path = "/msi/token?api-version=2019-08-01&resource=https%3A%2F%2Fgraph.microsoft.com";
    let request = lab
        .http
        .get(lab.url(path))
        .header("X-IDENTITY-HEADER", "header");
    let body = Answer::of(request.send().await.unwrap()).await.json();
    assert!(body["expires_on"].is_string());
    assert_eq!(body["expires_in"], Value::Null);
    let request = lab
        .http
        .get(lab.url(path))
        .header("X-IDENTITY-HEADER", "wrong");
    assert_eq!(request.send().await.unwrap().status(), 401);
}

/// A JWT that nobody signed.
fn unsigned(claims: &Value) -> String {
    let encode = |text: &str| URL_SAFE_NO_PAD.encode(text);
    let claims = encode(&claims.to_string());
    format!(
        "{}.{claims}.{}",
        encode(r#"{"alg":"RS256","kid":"1"}"#),
        encode("x")
    )
}

#[tokio::test]
async fn assertions_of_others_are_held_against_what_is_trusted() {
    let lab = Lab::with(|config| {
        config.clients = vec![ClientConfig {
            id: APP.to_owned(),
            federated: vec![FederatedCredential {
                issuer: "https://issuer.example.com".to_owned(),
                subject: "system:serviceaccount:hunt:huntd".to_owned(),
                audience: "api://AzureADTokenExchange".to_owned(),
            }],
            ..ClientConfig::default()
        }];
    })
    .await;
    let good = json!({
        "iss": "https://issuer.example.com",
        "sub": "system:serviceaccount:hunt:huntd",
        "aud": ["api://AzureADTokenExchange"],
        "exp": 1_800_000_000,
    });
    let with = |name: &str, value: Value| {
        let mut claims = good.clone();
        claims[name] = value;
        claims
    };
    for (claims, code) in [
        (good.clone(), None),
        (
            with("iss", json!("https://other.example.com")),
            Some(700_211),
        ),
        (with("aud", json!("api://other")), Some(700_212)),
        (
            with("sub", json!("system:serviceaccount:other")),
            Some(700_213),
        ),
        (with("exp", json!(1_000_000_000)), Some(700_024)),
    ] {
        let assertion = unsigned(&claims);
        let form = [
            ("grant_type", "client_credentials"),
            ("client_id", APP),
            (
                "client_assertion_type",
                "urn:ietf:params:oauth:client-assertion-type:jwt-bearer",
            ),
            ("client_assertion", &assertion),
            ("scope", "https://graph.microsoft.com/.default"),
        ];
        let answer = lab.sign_in(TENANT, &form).await;
        let given = answer.json()["error_codes"][0].as_u64();
        assert_eq!(given, code, "{}", answer.body);
        // An assertion that names the client itself needs its certificate.
        assert!(!answer.body.contains(&assertion));
    }
}

#[tokio::test]
async fn what_is_no_assertion_is_refused() {
    let lab = Lab::new().await;
    let own = json!({"iss": APP, "sub": APP, "aud": "x", "exp": 1_800_000_000});
    for (assertion, code) in [
        ("x".to_owned(), 50_027),
        ("a.b.c".to_owned(), 50_027),
        (unsigned(&own), 700_027),
    ] {
        let form = [
            ("grant_type", "client_credentials"),
            ("client_id", APP),
            (
                "client_assertion_type",
                "urn:ietf:params:oauth:client-assertion-type:jwt-bearer",
            ),
            ("client_assertion", &assertion),
            ("scope", "https://graph.microsoft.com/.default"),
        ];
        let answer = lab.sign_in(TENANT, &form).await;
        assert_eq!(
            answer.json()["error_codes"][0].as_u64(),
            Some(code),
            "{}",
            answer.body
        );
    }
}

#[tokio::test]
async fn without_checks_anybody_of_this_machine_may_ask() {
    let lab = Lab::with(|config| config.checks_tokens = false).await;
    let request = lab
        .http
        .post(lab.url("/v1.0/security/runHuntingQuery"))
        .json(&json!({"Query": "Events | count"}));
    assert_eq!(request.send().await.unwrap().status(), 200);
    let lab = Lab::with(|config| config.token = Some(Secret::new("one"))).await;
    let path = "/v1.0/security/runHuntingQuery";
    assert_eq!(
        lab.post(path, "one", &json!({"Query": "Events"}))
            .await
            .status,
        200
    );
    assert_eq!(
        lab.post(path, "two", &json!({"Query": "Events"}))
            .await
            .status,
        401
    );
    let kusto = json!({"db": "x", "csl": "Events | count"});
    assert_eq!(lab.post("/v1/rest/query", "one", &kusto).await.status, 200);
    assert_eq!(lab.post("/v1/rest/query", "two", &kusto).await.status, 401);
}

#[tokio::test]
async fn kusto_answers_this_machine_without_a_token_and_looks_at_those_it_gets() {
    let lab = Lab::new().await;
    let kusto = json!({"db": "x", "csl": "Events | count"});
    let request = lab.http.post(lab.url("/v1/rest/query")).json(&kusto);
    assert_eq!(request.send().await.unwrap().status(), 200);
    let request = lab.http.post(lab.url("/v1/rest/query")).json(&kusto);
    let foreign = request.header("Host", "example.com").send().await.unwrap();
    assert_eq!(foreign.status(), 403);
    let token = lab.token("https://lab.westeurope.kusto.windows.net").await;
    assert_eq!(lab.post("/v2/rest/query", &token, &kusto).await.status, 200);
    let own = lab.token(lab.running.url()).await;
    assert_eq!(lab.post("/v2/rest/query", &own, &kusto).await.status, 200);
    let other = lab.token(GRAPH).await;
    assert_eq!(lab.post("/v2/rest/query", &other, &kusto).await.status, 401);
}

#[tokio::test]
async fn without_checks_any_credential_yields_a_token() {
    let lab = Lab::with(|config| config.checks_tokens = false).await;
    let graph = "https://graph.microsoft.com/.default";
    let mut secret = form("whatever", graph);
    secret[1].1 = "nobody-knows-it";
    let assertion = [
        ("grant_type", "client_credentials"),
        ("client_id", APP),
        (
            "client_assertion_type",
            "urn:ietf:params:oauth:client-assertion-type:jwt-bearer",
        ),
        ("client_assertion", "x"),
        ("scope", graph),
    ];
    for form in [&secret[..], &assertion] {
        let body = lab.sign_in(TENANT, form).await.json();
        let token = body["access_token"].as_str().unwrap();
        assert_eq!(claims(token)["aud"], GRAPH);
        assert_eq!(claims(token)["appid"], form[1].1);
        let answer = lab
            .post(
                "/v1.0/security/runHuntingQuery",
                token,
                &json!({"Query": "Events | count"}),
            )
            .await;
        assert_eq!(answer.status, 200, "{}", answer.body);
    }
    // What is no request for a token is none still.
    let answer = lab.sign_in(TENANT, &form("", graph)).await;
    assert_eq!(answer.json()["error_codes"], json!([7_000_218]));
    let answer = lab.sign_in(TENANT, &form("x", "User.Read")).await;
    assert_eq!(answer.json()["error"], "invalid_scope");
    let path = format!("/msi/token?api-version=2019-08-01&resource={GRAPH}&client_id=any");
    let request = lab.http.get(lab.url(&path));
    let request = request.header("X-IDENTITY-HEADER", "whatever");
    let body = Answer::of(request.send().await.unwrap()).await.json();
    assert_eq!(body["client_id"], "any", "{body}");
}

#[tokio::test]
async fn a_managed_identity_is_the_one_that_is_named() {
    const OTHER: &str = "aaaaaaaa-0000-4000-8000-000000000002";
    let lab = Lab::with(|config| {
        let other = ClientConfig::with_secret(OTHER, "other");
        config.clients.push(other);
    })
    .await;
    let ask = async |selectors: &str| {
        let path = format!("/metadata/identity/oauth2/token?resource={GRAPH}{selectors}");
        let request = lab.http.get(lab.url(&path)).header("Metadata", "true");
        Answer::of(request.send().await.unwrap()).await
    };
    for (selectors, app) in [
        ("", APP),
        (&*format!("&client_id={OTHER}"), OTHER),
        (&format!("&object_id={OTHER}"), OTHER),
        (&format!("&principal_id={OTHER}"), OTHER),
    ] {
        let body = ask(selectors).await.json();
        let token = body["access_token"].as_str().unwrap();
        assert_eq!(claims(token)["appid"], app, "{selectors}");
    }
    for selectors in [
        "&client_id=nobody",
        "&object_id=nobody",
        "&principal_id=nobody",
        "&msi_res_id=/subscriptions/s/x",
        "&mi_res_id=/subscriptions/s/x",
        &format!("&client_id={OTHER}&object_id={OTHER}"),
        &format!("&client_id={OTHER}&mi_res_id=/subscriptions/s/x"),
    ] {
        let answer = ask(selectors).await;
        assert_eq!(answer.status, 400, "{selectors}: {}", answer.body);
        assert_eq!(answer.json()["error"], "invalid_request", "{selectors}");
    }
}

#[tokio::test]
async fn clients_are_told_real_time_however_fast_the_clock_runs() {
    let lab = Lab::with(|config| config.speed = 60.0).await;
    lab.running.clock().advance(Duration::from_hours(48));
    let now: DateTime<chrono::Utc> = super::call::NOW.parse().unwrap();
    // An emulated hour is a real minute.
    let (from, until) = (now.timestamp(), now.timestamp() + 59);
    let path = format!("/metadata/identity/oauth2/token?resource={GRAPH}");
    let request = lab.http.get(lab.url(&path)).header("Metadata", "true");
    let managed = Answer::of(request.send().await.unwrap()).await.json();
    let request = lab
        .http
        .post(lab.url(&format!("/{TENANT}/oauth2/token")))
        .form(&[
            ("grant_type", "client_credentials"),
            ("client_id", APP),
            ("client_secret", SECRET),
            ("resource", GRAPH),
        ]);
    let signed_in = Answer::of(request.send().await.unwrap()).await.json();
    for body in [managed, signed_in] {
        assert_eq!(body["expires_in"], "59", "{body}");
        assert_eq!(body["not_before"], from.to_string(), "{body}");
        assert_eq!(body["expires_on"], until.to_string(), "{body}");
        let claims = claims(body["access_token"].as_str().unwrap());
        let lived = claims["exp"].as_i64().unwrap() - claims["nbf"].as_i64().unwrap();
        assert_eq!(lived, 3_600, "of the emulator's time");
    }
}

#[tokio::test]
async fn assertions_are_made_in_real_time() {
    let lab = Lab::with(|config| {
        config.clients[0].federated = vec![FederatedCredential {
            issuer: "https://issuer.example.com".to_owned(),
            subject: "s".to_owned(),
            audience: "a".to_owned(),
        }];
    })
    .await;
    let now: DateTime<chrono::Utc> = super::call::NOW.parse().unwrap();
    let assertion = unsigned(&json!({
        "iss": "https://issuer.example.com", "sub": "s", "aud": "a",
        "exp": now.timestamp() + 600,
    }));
    let form = [
        ("grant_type", "client_credentials"),
        ("client_id", APP),
        (
            "client_assertion_type",
            "urn:ietf:params:oauth:client-assertion-type:jwt-bearer",
        ),
        ("client_assertion", &assertion),
        ("scope", "https://graph.microsoft.com/.default"),
    ];
    lab.running.clock().advance(Duration::from_hours(48));
    let answer = lab.sign_in(TENANT, &form).await;
    assert_eq!(answer.status, 200, "{}", answer.body);
    lab.clock.advance(Duration::from_hours(1));
    let answer = lab.sign_in(TENANT, &form).await;
    assert_eq!(answer.json()["error_codes"], json!([700_024]));
}

#[tokio::test]
async fn a_body_that_is_too_long_is_refused_in_json() {
    let lab = Lab::new().await;
    let body = vec![b'x'; (16 << 20) + 1];
    for (method, path) in [
        (Method::POST, "/common/oauth2/v2.0/token"),
        (Method::PUT, "/admin/faults"),
        (Method::POST, "/admin/alerts"),
    ] {
        let request = lab.http.request(method, lab.url(path)).body(body.clone());
        let answer = Answer::of(request.send().await.unwrap()).await;
        assert_eq!(answer.status, 413, "{path}");
        assert!(!answer.error().is_null(), "{path}: {}", answer.body);
    }
}
