//! Whether a request may be asked at all: its token is of this process, good still, and for the
//! service whose path it has. What the caller may do there is for the handlers to tell.

use std::sync::{Arc, OnceLock};

use axum::extract::{ConnectInfo, Request, State};
use axum::http::{HeaderMap, header};
use axum::middleware::Next;
use axum::response::Response;

use super::caller::Caller;
use super::listener::Peer;
use super::product::{Failure, Product};
use super::token::Invalid;
use super::{EmulatorState, SharedState};
use crate::clock::Clock as _;
use crate::server::access::{Access, Refusal};

/// The application that a request came from, once it is known: for the log.
#[derive(Clone, Debug, Default)]
pub(super) struct SignedIn(Arc<OnceLock<String>>);

impl SignedIn {
    /// Its id.
    pub(super) fn app(&self) -> Option<&str> {
        self.0.get().map(String::as_str)
    }
}

/// Lets a request through with its caller, or refuses it in the words of the service.
pub(super) async fn admit(
    State(state): State<SharedState>,
    ConnectInfo(peer): ConnectInfo<Peer>,
    mut request: Request,
    next: Next,
) -> Response {
    let product = Product::of_path(request.uri().path());
    match caller(&state, product, peer, request.headers()) {
        Ok(caller) => {
            let signed_in = request.extensions().get::<SignedIn>();
            signed_in.map(|signed_in| signed_in.0.get_or_init(|| caller.app.clone()));
            request.extensions_mut().insert(caller);
            next.run(request).await
        }
        Err(why) => {
            let failure = refusal(product, &why);
            product.respond(&failure, request.headers(), state.clock.now())
        }
    }
}

/// The answer to a token that has expired.
pub(super) fn expired(product: Product) -> Failure {
    refusal(product, &Why::Invalid(Invalid::Expired))
}

/// Why a request is refused.
enum Why {
    NoToken,
    NotLocal,
    Invalid(Invalid),
    Audience(String),
}

fn caller(
    state: &EmulatorState,
    product: Product,
    peer: Peer,
    headers: &HeaderMap,
) -> Result<Caller, Why> {
    let token = headers
        .get(header::AUTHORIZATION)
        .and_then(|value| value.to_str().ok())
        .and_then(|value| value.split_once(' '))
        .filter(|(scheme, _)| scheme.eq_ignore_ascii_case("bearer"))
        .map(|(_, token)| token.trim());
    // One token for everything, where one was set.
    if let Some(access) = &state.token_access
        && access.admits(headers).is_ok()
    {
        return Ok(Caller::anybody());
    }
    let local = || match Access::Local.admits(headers) {
        Ok(()) if peer.is_local() => Ok(Caller::anybody()),
        _ => Err(Why::NotLocal),
    };
    if !state.config.checks_tokens {
        return if state.token_access.is_some() {
            Err(Why::NoToken)
        } else {
            local()
        };
    }
    let Some(token) = token else {
        // The Kusto clients may come without one, from this machine.
        return match product {
            Product::Kusto if state.token_access.is_none() => local(),
            _ => Err(Why::NoToken),
        };
    };
    let claims = state
        .issuer
        .verify(token, state.clock.now())
        .map_err(Why::Invalid)?;
    if !product.takes(&claims.aud) && !state.is_own_address(&claims.aud) {
        return Err(Why::Audience(claims.aud));
    }
    Ok(Caller {
        app: claims.appid,
        tenant: claims.tid,
        roles: claims.roles.into_iter().collect(),
        audience: claims.aud,
    })
}

/// A refusal as the service words it.
fn refusal(product: Product, why: &Why) -> Failure {
    let (code, status, message) = match (product, why) {
        (_, Why::NotLocal) => ("Forbidden", 403, Refusal::NotLocal.reason()),
        (Product::Graph, Why::NoToken) => {
            ("InvalidAuthenticationToken", 401, "Access token is empty.")
        }
        (Product::Graph, Why::Invalid(Invalid::Malformed)) => (
            "InvalidAuthenticationToken",
            401,
            "IDX14100: JWT is not well formed, there are no dots (.).",
        ),
        (Product::Graph, Why::Invalid(Invalid::Signature)) => (
            "InvalidAuthenticationToken",
            401,
            "Access token validation failure. Invalid signature.",
        ),
        (Product::Graph, Why::Invalid(Invalid::Expired)) => (
            "InvalidAuthenticationToken",
            401,
            "Lifetime validation failed, the token is expired.",
        ),
        (Product::Graph, Why::Audience(_)) => (
            "InvalidAuthenticationToken",
            401,
            "Access token validation failure. Invalid audience.",
        ),
        (Product::LogAnalytics | Product::Arm, Why::NoToken) => (
            "AuthenticationFailed",
            401,
            "Authentication failed. The 'Authorization' header is missing.",
        ),
        (Product::LogAnalytics, Why::Invalid(Invalid::Malformed)) => (
            "InvalidAuthenticationToken",
            403,
            "The given token is malformed. Expected format: 'Bearer <token>'.",
        ),
        (Product::LogAnalytics | Product::Arm, Why::Audience(_)) => (
            "InvalidAuthenticationTokenAudience",
            403,
            "The access token has been obtained for the wrong audience or resource.",
        ),
        (Product::LogAnalytics, Why::Invalid(Invalid::Signature)) => {
            let failure = Failure::new(403, "InvalidTokenError", "The provided token is invalid");
            return failure.with_inner("SignatureVerificationFailed", "Could not verify signature");
        }
        (Product::LogAnalytics, Why::Invalid(Invalid::Expired)) => {
            let failure = Failure::new(403, "InvalidTokenError", "The provided token is invalid");
            return failure.with_inner("TokenExpired", "The token has expired");
        }
        (Product::Arm, Why::Invalid(Invalid::Expired)) => (
            "ExpiredAuthenticationToken",
            401,
            "The access token has expired.",
        ),
        (Product::Arm, Why::Invalid(_)) => (
            "InvalidAuthenticationToken",
            401,
            "The access token is invalid.",
        ),
        (_, Why::NoToken) => ("Unauthorized", 401, "The request has no access token."),
        (_, Why::Invalid(Invalid::Expired)) => {
            ("Unauthorized", 401, "The access token has expired.")
        }
        (_, Why::Invalid(_)) => ("Unauthorized", 401, "The access token is not valid."),
        (_, Why::Audience(_)) => (
            "Unauthorized",
            401,
            "The access token is for another audience.",
        ),
    };
    let failure = Failure::new(status, code, message);
    match why {
        Why::Audience(audience) if product == Product::Kusto => {
            let message = format!("{message} It is for '{audience}'.");
            Failure { message, ..failure }
        }
        _ => failure,
    }
}

/// The answer to a caller who lacks every one of some roles.
pub(super) fn lacks_role(product: Product, caller: &Caller, needed: &[&str]) -> Failure {
    let needed = needed.join(", ");
    let granted: Vec<&str> = caller.roles.iter().map(String::as_str).collect();
    match product {
        Product::Graph => Failure::new(
            403,
            "Forbidden",
            format!(
                "Missing application roles. API required roles: {needed}, application roles: {}.",
                granted.join(", ")
            ),
        ),
        Product::LogAnalytics | Product::Arm => {
            let message = "The provided credentials have insufficient access to perform the \
                           requested operation";
            Failure::new(403, "InsufficientAccessError", message).with_inner(
                "UnauthorizedClient",
                format!("the application needs {needed}"),
            )
        }
        _ => Failure::new(
            403,
            "Forbidden",
            format!(
                "The application does not have any of the required application permissions \
                 ({needed}) to access the resource."
            ),
        ),
    }
}
