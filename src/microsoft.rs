//! Everything between huntd and Microsoft's hosts: clouds and which of their hosts are trusted,
//! signing in, tokens, requests with tokens, and what errors of the APIs mean.
//!
//! What is asked of an API, and what its answers hold, is the business of sources and actions. A
//! request is sent once; whether and when it is sent again is theirs, too. Begin with
//! [`ApiClient::send`] and [`Tokens::token`].

mod acquire;
mod answer;
mod audience;
mod classify;
mod client;
mod cloud;
mod config;
mod error;
mod token;
mod token_error;
mod tokens;

pub use answer::Answer;
pub use audience::Audience;
pub use classify::{classify, classify_failure};
pub use client::{ApiClient, Body, Call};
pub use cloud::{Cloud, Service};
pub use config::{
    AuthConfig, AzureCliAuth, CertificateAlgorithm, CertificateAuth, ConnectionConfig,
    ConnectionProblem, Environment, FederatedAuth, ManagedIdentityAuth, SecretAuth, TokenAuth,
    process_environment,
};
pub use error::{ApiError, ApiErrorKind, RequestIds, Throttle};
pub use token::AccessToken;
pub use token_error::{TokenError, TokenErrorKind};
pub use tokens::Tokens;

#[cfg(test)]
mod tests;
