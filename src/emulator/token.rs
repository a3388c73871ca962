//! Where tokens come from: the sign-in endpoint for applications (secret, certificate, federated
//! assertion) and managed identities. Tokens are JWTs signed with a key of this process, so that
//! none outlives it.

mod assertion;
mod client;
mod error;
mod jwt;
mod managed;
mod sign_in;

pub use client::{Client, Clients};
pub use jwt::{Claims, Invalid, Issuer};

use axum::Router;
use axum::routing::{any, get};

use super::SharedState;

/// The paths that need no token.
pub(super) fn router(state: SharedState) -> Router {
    Router::new()
        .route("/{tenant}/oauth2/v2.0/token", any(sign_in::token_v2))
        .route("/{tenant}/oauth2/token", any(sign_in::token_v1))
        .route(
            "/{tenant}/v2.0/.well-known/openid-configuration",
            get(sign_in::openid_configuration),
        )
        .route(
            "/{tenant}/.well-known/openid-configuration",
            get(sign_in::openid_configuration),
        )
        .route("/common/discovery/instance", get(sign_in::instance))
        .route("/metadata/identity/oauth2/token", get(managed::imds))
        .route("/msi/token", get(managed::app_service))
        .with_state(state)
}
