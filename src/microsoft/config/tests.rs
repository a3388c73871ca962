//! Reading and checking connections.

use super::*;
use crate::secret::Secret;

const CLIENT_ID: &str = "11111111-2222-3333-4444-555555555555";

fn read(json: &str) -> Result<ConnectionConfig, serde_json::Error> {
    serde_json::from_str(json)
}

fn connection() -> ConnectionConfig {
    let auth = AuthConfig::Secret(SecretAuth {
        client_id: CLIENT_ID.to_owned(),
        secret: Secret::new("s"),
    });
    ConnectionConfig::new("example.com", auth)
}

fn problems(change: impl FnOnce(&mut ConnectionConfig)) -> Vec<String> {
    let mut config = connection();
    change(&mut config);
    config.check().iter().map(ToString::to_string).collect()
}

#[test]
fn every_way_to_sign_in_is_read() {
    for (kind, more) in [
        ("secret", r#","client_id":"c","secret":"s""#),
        (
            "certificate",
            r#","client_id":"c","file":"f.pem","algorithm":"rs256""#,
        ),
        ("federated", ""),
        ("federated", r#","client_id":"c","token_file":"/t""#),
        ("managed-identity", r#","object_id":"o""#),
        ("azure-cli", ""),
        ("token", r#","token":"t""#),
    ] {
        let json = format!(r#"{{"tenant":"example.com","auth":{{"kind":"{kind}"{more}}}}}"#);
        let config = read(&json).unwrap();
        assert_eq!(config.auth.kind(), kind);
        let json = format!(r#"{{"tenant":"t","auth":{{"kind":"{kind}"{more},"sekret":"s"}}}}"#);
        assert!(read(&json).is_err(), "{kind}");
    }
    assert!(read(r#"{"tenant":"t","auth":{"kind":"azure-cli"},"proxi":"x"}"#).is_err());
}

#[test]
fn defaults_are_those_that_are_documented() {
    let json = r#"{"tenant":"example.com","auth":{"kind":"azure-cli"}}"#;
    let auth = AuthConfig::AzureCli(AzureCliAuth::default());
    let config = read(json).unwrap();
    assert_eq!(config, ConnectionConfig::new("example.com", auth));
    assert_eq!(config.cloud, Cloud::Commercial);
    assert_eq!(config.connect_timeout.to_string(), "10s");
    assert_eq!(config.read_timeout, None);
    assert_eq!(config.check(), []);
}

#[test]
fn mistakes_are_told_with_their_field() {
    assert_eq!(problems(|_| {}), Vec::<String>::new());
    for tenant in ["", "a/b", "common", "Organizations", "-x", "../x", "a b"] {
        let found = problems(|config| config.tenant = tenant.to_owned());
        assert!(
            found.len() == 1 && found[0].starts_with("tenant: "),
            "{tenant}: {found:?}"
        );
    }
    for authority in [
        "login",
        "http://login.example.com",
        "https://x/?a=b",
        "https://u@x",
    ] {
        let found = problems(|config| config.authority = Some(authority.to_owned()));
        assert!(
            found.len() == 1 && found[0].starts_with("authority: "),
            "{authority}"
        );
    }
    for authority in [
        "https://login.example.com/",
        "http://127.0.0.1:8080",
        "http://[::1]:1",
    ] {
        let found = problems(|config| config.authority = Some(authority.to_owned()));
        assert_eq!(found, Vec::<String>::new(), "{authority}");
    }
    for host in [
        "",
        ".",
        ".com",
        "https://x",
        "a b",
        "*",
        "a.example:8443",
        "[x]",
        "::1",
    ] {
        let found = problems(|config| config.trusted_hosts = vec![host.to_owned()]);
        assert!(
            found.len() == 1 && found[0].starts_with("trusted_hosts: "),
            "{host}"
        );
    }
    let zero = DurationText(Duration::ZERO);
    let found = problems(|config| config.read_timeout = Some(zero));
    assert_eq!(found, ["read_timeout: must be longer than zero"]);
}

#[test]
fn credentials_are_checked_as_far_as_can_be_told() {
    let with = |auth: AuthConfig| problems(|config| config.auth = auth);
    let found = with(AuthConfig::Secret(SecretAuth {
        client_id: "my-app".to_owned(),
        secret: Secret::new(" "),
    }));
    assert!(found[0].starts_with("auth.client_id: ") && found[0].contains("Application"));
    assert_eq!(found[1], "auth.secret: is empty");
    let found = with(AuthConfig::ManagedIdentity(ManagedIdentityAuth {
        client_id: Some(CLIENT_ID.to_owned()),
        object_id: Some("o".to_owned()),
        ..ManagedIdentityAuth::default()
    }));
    assert!(found[0].contains("give one of"), "{found:?}");
}

#[test]
fn tokens_go_to_trusted_hosts_over_https_only() {
    let mut config = connection();
    config.trusted_hosts = vec!["gateway.example.com".to_owned(), ".corp.example".to_owned()];
    let check = |text: &str| config.check_address(&Url::parse(text).unwrap());
    for url in [
        "https://graph.microsoft.com/v1.0/x",
        "https://GRAPH.microsoft.com./v1.0/x",
        "https://eu.api.security.microsoft.com/api/x",
        "https://help.westeurope.kusto.windows.net/v2/rest/query",
        "https://gateway.example.com:8443/x",
        "https://a.b.corp.example/x",
        "http://127.0.0.1:8080/x",
        "http://localhost:8080/x",
        "https://[::1]/x",
    ] {
        assert_eq!(check(url), Ok(()), "{url}");
    }
    for (url, words) in [
        ("http://graph.microsoft.com/", "without encryption"),
        ("http://gateway.example.com/", "without encryption"),
        ("https://graph.microsoft.us/", "`cloud`"),
        (
            "https://graph.microsoft.com.example.org/",
            "`trusted_hosts`",
        ),
        ("https://user@example.org/", "`trusted_hosts`"),
        ("https://corp.example/", "`trusted_hosts`"),
        ("https://127.0.0.1.example.org/", "`trusted_hosts`"),
        ("https://localhost.example.org/", "`trusted_hosts`"),
        ("ftp://graph.microsoft.com/", "`ftp`"),
    ] {
        let why = check(url).expect_err(url);
        assert!(why.contains(words), "{url}: {why}");
    }
}

#[test]
fn debug_shows_no_secret() {
    let config = read(
        r#"{"tenant":"t","proxy":"http://me:pass-word@proxy.example.com:3128",
            "auth":{"kind":"certificate","client_id":"c","file":"f","password":"pass-word"}}"#,
    )
    .unwrap();
    let shown = format!("{config:?}");
    assert!(!shown.contains("pass-word"), "{shown}");
    assert!(shown.contains("proxy.example.com"), "{shown}");
}
