//! Tokens and requests against servers on this machine.

mod azure_cli;
mod certificate;
mod client;
mod entra;
mod network;
mod secrecy;
pub(super) mod server;
mod tokens;

use std::sync::Arc;

use base64::Engine as _;
use base64::prelude::BASE64_URL_SAFE_NO_PAD;
use chrono::{DateTime, Utc};
use serde_json::{Value, json};

use self::server::{Reply, Server};
use super::{AuthConfig, ConnectionConfig, Environment, SecretAuth, Tokens};
use crate::clock::{Clock as _, ManualClock};
use crate::secret::Secret;

pub(super) const CLIENT_ID: &str = "11111111-2222-3333-4444-555555555555";
pub(super) const TENANT: &str = "99999999-8888-7777-6666-555555555555";
const SECRET: &str = "a~very.Secret_value";

/// In the time of the certificate in `tests/data/microsoft`.
pub(super) fn clock() -> Arc<ManualClock> {
    let now = "2027-02-03T04:05:06Z".parse().unwrap();
    Arc::new(ManualClock::new(now))
}

/// A JWT with these claims that nobody signed.
fn jwt(claims: &Value) -> String {
    let encode = |text: &str| BASE64_URL_SAFE_NO_PAD.encode(text);
    let header = encode(r#"{"alg":"none","typ":"JWT"}"#);
    format!("{header}.{}.c2lnbmF0dXJl", encode(&claims.to_string()))
}

fn secret_auth() -> AuthConfig {
    AuthConfig::Secret(SecretAuth {
        client_id: CLIENT_ID.to_owned(),
        secret: Secret::new(SECRET),
    })
}

/// A connection that signs in at a server.
fn connection(server: &Server, auth: AuthConfig) -> ConnectionConfig {
    ConnectionConfig {
        authority: Some(server.url("").to_string()),
        ..ConnectionConfig::new(TENANT, auth)
    }
}

fn no_environment() -> Environment {
    Environment::new(|_| None)
}

fn environment(variables: &[(&str, String)]) -> Environment {
    let variables: Vec<(String, String)> = variables
        .iter()
        .map(|(name, value)| ((*name).to_owned(), value.clone()))
        .collect();
    Environment::new(move |name| {
        let found = variables.iter().find(|(known, _)| known == name);
        found.map(|(_, value)| value.clone())
    })
}

fn tokens(config: &ConnectionConfig, clock: &Arc<ManualClock>) -> Arc<Tokens> {
    Tokens::with_environment(config, no_environment(), Arc::<ManualClock>::clone(clock)).unwrap()
}

/// A token endpoint whose tokens are numbered and live an hour.
fn numbered_tokens() -> impl Fn(&server::Request, usize) -> Reply + Send + Sync + 'static {
    |_, number| {
        let token = jwt(&json!({"number": number, "roles": ["Mail.Send"]}));
        Reply::json(
            200,
            &json!({"token_type": "Bearer", "expires_in": 3600, "access_token": token}),
        )
    }
}

fn at(clock: &ManualClock, seconds: i64) -> DateTime<Utc> {
    clock.now() + chrono::TimeDelta::seconds(seconds)
}
