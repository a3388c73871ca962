//! Advanced hunting by its three doors: Graph's `runHuntingQuery`, and the older ones of Defender
//! XDR and Defender for Endpoint. They take much the same query and differ in names, permissions,
//! quotas and the form of the answer.

mod answer;
mod error;
mod schema;

use axum::extract::{Request, State};
use axum::http::Method;
use axum::response::Response;
use axum::routing::{any, get};
use axum::{Extension, Router};
use bytes::Bytes;
use serde_json::{Map, Value};
use tokio::time::Instant;

use super::caller::Caller;
use super::limit::Limit;
use super::product::{Failure, Product};
use super::query::Asked;
use super::timespan::Span;
use super::{EmulatorState, SharedState, auth};
use crate::clock::Clock as _;

pub(super) use error::{of_query, preempted, tell_owner, too_large};

/// The paths of hunting.
pub(super) fn router() -> Router<SharedState> {
    Router::new()
        .route("/v1.0/security/runHuntingQuery", any(run))
        .route(
            "/v1.0/security/microsoft.graph.security.runHuntingQuery",
            any(run),
        )
        .route("/beta/security/runHuntingQuery", any(run))
        .route(
            "/beta/security/microsoft.graph.security.runHuntingQuery",
            any(run),
        )
        .route(
            "/beta/security/getHuntingSchema",
            get(schema::hunting_schema),
        )
        .route(
            "/beta/security/getHuntingSchema()",
            get(schema::hunting_schema),
        )
        .route("/api/advancedhunting/run", any(run))
        .route("/api/advancedqueries/run", any(run))
}

/// Whether a path is that of a hunting query.
pub(super) fn is_query(path: &str) -> bool {
    let last = path.rsplit(['/', '.']).next().unwrap_or_default();
    last.eq_ignore_ascii_case("runHuntingQuery")
        || matches!(
            path,
            "/api/advancedhunting/run" | "/api/advancedqueries/run"
        )
}

/// The role that a product asks for.
fn role(product: Product) -> &'static str {
    match product {
        Product::Graph => "ThreatHunting.Read.All",
        Product::Xdr => "AdvancedHunting.Read.All",
        _ => "AdvancedQuery.Read.All",
    }
}

async fn run(
    State(state): State<SharedState>,
    Extension(caller): Extension<Caller>,
    request: Request,
) -> Response {
    let product = Product::of_path(request.uri().path());
    let is_beta = request.uri().path().starts_with("/beta/");
    let headers = request.headers().clone();
    match answered(&state, &caller, product, is_beta, request).await {
        Ok(response) => response,
        Err(failure) => product.respond(&failure, &headers, state.clock.now()),
    }
}

async fn answered(
    state: &SharedState,
    caller: &Caller,
    product: Product,
    is_beta: bool,
    request: Request,
) -> Result<Response, Failure> {
    if request.method() != Method::POST {
        return Err(Failure::new(
            405,
            "MethodNotAllowed",
            "The method is not allowed here.",
        ));
    }
    let role = role(product);
    if !caller.may(&[role]) {
        return Err(auth::lacks_role(product, caller, &[role]));
    }
    let base = state.url_for(request.headers());
    let body = read(request).await?;
    let asked = asked(state, product, &body)?;
    let form = answer::Form {
        product,
        encoding: state.config.encoding,
        context: format!(
            "{base}/{}/$metadata#microsoft.graph.security.huntingQueryResults",
            if is_beta { "beta" } else { "v1.0" }
        ),
    };
    let _run = Run {
        state,
        product,
        caller,
        started: Instant::now(),
    };
    answer::answer(state, &asked, &form).await
}

/// A query that runs. Its time counts, also where the client goes away before the answer.
struct Run<'r> {
    state: &'r EmulatorState,
    product: Product,
    caller: &'r Caller,
    started: Instant,
}

impl Drop for Run<'_> {
    fn drop(&mut self) {
        let clock = &self.state.clock;
        let time = clock.emulated(self.started.elapsed());
        let quota = &self.state.quota;
        quota.ran(self.product, self.caller, clock.now(), time);
    }
}

/// The body of a request, whole.
pub(super) async fn read(request: Request) -> Result<Bytes, Failure> {
    use axum::extract::FromRequest as _;
    Bytes::from_request(request, &())
        .await
        .map_err(|rejection| {
            let status = rejection.status().as_u16();
            let code = if status == 413 {
                "RequestEntityTooLarge"
            } else {
                "BadRequest"
            };
            Failure::new(status, code, rejection.body_text())
        })
}

fn asked(state: &EmulatorState, product: Product, body: &[u8]) -> Result<Asked, Failure> {
    let bad = |message: &str| match product {
        Product::Graph => Failure::new(400, "BadRequest", message),
        _ => Failure::new(400, "InvalidRequestBody", message),
    };
    let body: Map<String, Value> = serde_json::from_slice(body)
        .map_err(|_| bad("Unable to read JSON request payload. Please ensure Content-Type header is set and payload is of valid JSON format."))?;
    // Graph's pages spell the names in either way; the older doors have capitals.
    let field = |name: &str| {
        let mut fields = body.iter();
        let found = fields.find(|(key, _)| match product {
            Product::Graph => key.eq_ignore_ascii_case(name),
            _ => key.as_str() == name,
        });
        found
            .map(|(_, value)| value)
            .filter(|value| !value.is_null())
    };
    let Some(text) = field("Query")
        .and_then(Value::as_str)
        .filter(|text| !text.trim().is_empty())
    else {
        return Err(match product {
            Product::Graph => bad("Query is missing or empty."),
            _ => Failure::new(400, "MissingRequiredParameter", "Query is required."),
        });
    };
    let most = state.config.limits.get(Limit::HuntingQueryBytes);
    if most.is_some_and(|most| text.len() as u64 > most) {
        return Err(Failure::new(
            413,
            "RequestEntityTooLarge",
            "The query is too long.",
        ));
    }
    let now = state.clock.now();
    let mut span = Span::default();
    if product == Product::Graph
        && let Some(given) = field("Timespan")
    {
        let given = given.as_str().filter(|given| !given.trim().is_empty());
        let parsed = given.map(|given| Span::parse(given, now));
        match parsed {
            Some(Some(given)) => span = given,
            Some(None) => return Err(bad("Timespan is not a valid ISO 8601 interval.")),
            None => {}
        }
    }
    if let Some(lookback) = state.config.lookback {
        span = span.and(Span::back(now, lookback));
    }
    let limit = match product {
        Product::Mde => Limit::MdeHuntingSeconds,
        _ => Limit::HuntingSeconds,
    };
    Ok(Asked {
        text: text.to_owned(),
        span,
        timeout: state
            .config
            .limits
            .duration(limit)
            .unwrap_or(super::TIMEOUT_MAX),
    })
}
