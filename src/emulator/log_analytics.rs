//! Queries of Log Analytics, by workspace and through Azure Resource Manager, with the traps of
//! the service: an answer without a body to a request without one, and partial results with 200.

mod answer;

use std::time::Duration;

use axum::extract::{Request, State};
use axum::http::{HeaderMap, Method, StatusCode, header};
use axum::response::{IntoResponse as _, Response};
use axum::routing::any;
use axum::{Extension, Router};
use serde::Deserialize;

use super::caller::Caller;
use super::form::Form;
use super::hunting::{of_query, read, tell_owner};
use super::product::{Failure, Product};
use super::query::Asked;
use super::timespan::Span;
use super::{EmulatorState, SharedState, auth};
use crate::clock::Clock as _;
use crate::source::SourceError;

const ROLE: &str = "Data.Read";
/// Seconds that a query has where it does not ask for more, and the most it can ask for.
const WAIT: u64 = 180;
const WAIT_MAX: u64 = 600;

/// The paths of queries.
pub(super) fn router() -> Router<SharedState> {
    Router::new()
        .route("/v1/workspaces/{workspace}/query", any(query))
        .route("/v1/subscriptions/{*resource}", any(query))
        .route("/subscriptions/{*resource}", any(query))
}

async fn query(
    State(state): State<SharedState>,
    Extension(caller): Extension<Caller>,
    request: Request,
) -> Response {
    let product = Product::of_path(request.uri().path());
    let headers = request.headers().clone();
    match answered(&state, product, &caller, request).await {
        Ok(response) => response,
        Err(failure) => product.respond(&failure, &headers, state.clock.now()),
    }
}

#[derive(Debug, Default, Deserialize)]
struct Body {
    query: Option<String>,
    #[serde(default)]
    timespan: Option<String>,
    /// Further workspaces, which hold the same data here.
    #[serde(default)]
    workspaces: Option<Vec<String>>,
}

/// What `Prefer` asks for.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Preferences {
    wait: Option<u64>,
    statistics: bool,
    render: bool,
    data_sources: bool,
}

impl Preferences {
    fn of(headers: &HeaderMap) -> Self {
        let mut preferences = Self::default();
        let values = headers
            .get_all("prefer")
            .iter()
            .filter_map(|value| value.to_str().ok());
        for item in values.flat_map(|value| value.split([',', ';'])) {
            match item.trim().split_once('=') {
                Some(("wait", seconds)) => preferences.wait = seconds.trim().parse().ok(),
                Some(("include-statistics", "true")) => preferences.statistics = true,
                Some(("include-render", "true")) => preferences.render = true,
                Some(("include-dataSources", "true")) => preferences.data_sources = true,
                _ => {}
            }
        }
        preferences
    }
}

async fn answered(
    state: &EmulatorState,
    product: Product,
    caller: &Caller,
    request: Request,
) -> Result<Response, Failure> {
    let path = request.uri().path().to_owned();
    check_path(&path, product)?;
    if product == Product::LogAnalytics && !caller.may(&[ROLE]) {
        return Err(auth::lacks_role(product, caller, &[ROLE]));
    }
    let preferences = Preferences::of(request.headers());
    let url = Form::parse(request.uri().query().unwrap_or_default());
    let method = request.method().clone();
    let body = match method {
        Method::GET => Body {
            query: url.get("query").map(ToOwned::to_owned),
            ..Body::default()
        },
        Method::POST => {
            let is_json = request
                .headers()
                .get(header::CONTENT_TYPE)
                .and_then(|value| value.to_str().ok())
                .is_some_and(|value| value.to_ascii_lowercase().contains("json"));
            let body = read(request).await?;
            if !is_json || body.is_empty() {
                // The documented trap: it is no error.
                return Ok(StatusCode::OK.into_response());
            }
            serde_json::from_slice(&body).map_err(|error| {
                bad_argument(
                    "QueryValidationError",
                    "InvalidJsonBody",
                    &error.to_string(),
                )
            })?
        }
        _ => return Err(path_not_found()),
    };
    let now = state.clock.now();
    let mut span = Span::default();
    for given in [body.timespan.as_deref(), url.get("timespan")]
        .into_iter()
        .flatten()
    {
        let parsed = Span::parse(given, now).ok_or_else(|| {
            let text = "The timespan is not an ISO 8601 interval";
            bad_argument("QueryValidationError", "InvalidTimespan", text)
        })?;
        span = span.and(parsed);
    }
    if body
        .workspaces
        .as_ref()
        .is_some_and(|several| several.len() > 100)
    {
        let text = "More than 100 resources in one query";
        return Err(bad_argument(
            "QueryValidationError",
            "TooManyResources",
            text,
        ));
    }
    let text = body
        .query
        .filter(|text| !text.trim().is_empty())
        .ok_or_else(|| {
            bad_argument(
                "QueryValidationError",
                "MissingQuery",
                "The query is missing",
            )
        })?;
    let wait = preferences.wait.unwrap_or(WAIT).clamp(1, WAIT_MAX);
    let asked = Asked {
        text,
        span,
        timeout: Duration::from_secs(wait),
    };
    answer::answer(state, &asked, preferences, &path).await
}

/// Whether the path is that of a query.
fn check_path(path: &str, product: Product) -> Result<(), Failure> {
    if let Some(rest) = path.strip_prefix("/v1/workspaces/") {
        let workspace = rest.split('/').next().unwrap_or_default();
        return if uuid::Uuid::parse_str(workspace).is_ok() {
            Ok(())
        } else {
            let text = "The workspace could not be found. Use its id, which is a GUID";
            Err(Failure::new(
                400,
                "BadArgumentError",
                "The request had some invalid properties",
            )
            .with_inner("FailedToResolveResource", text))
        };
    }
    let lower = path.to_ascii_lowercase();
    let ends = match product {
        Product::Arm => lower.ends_with("/providers/microsoft.insights/logs"),
        _ => lower.ends_with("/query"),
    };
    if ends { Ok(()) } else { Err(path_not_found()) }
}

fn path_not_found() -> Failure {
    Failure::new(
        404,
        "PathNotFoundError",
        "The requested path does not exist",
    )
}

fn bad_argument(code: &str, inner: &str, message: &str) -> Failure {
    Failure::new(
        400,
        "BadArgumentError",
        "The request had some invalid properties",
    )
    .with_inner(code, format!("{inner}: {message}"))
}

/// Why the source does not answer.
fn of_source(error: &SourceError) -> Failure {
    match error {
        SourceError::InvalidQuery { diagnostics, text } => {
            let is_syntax = diagnostics.iter().any(|one| one.code.starts_with("KQL1"));
            let code = if is_syntax {
                "SyntaxError"
            } else {
                "SemanticError"
            };
            Failure::new(
                400,
                "BadArgumentError",
                "The request had some invalid properties",
            )
            .with_inner(code, of_query(diagnostics, text))
        }
        SourceError::Timeout(_) => Failure::new(
            504,
            "GatewayTimeout",
            "Gateway timeout: the query took too long",
        ),
        SourceError::Limit(_)
        | SourceError::Failed(_)
        | SourceError::Unreadable(_)
        | SourceError::Refused(_)
        | SourceError::Throttled { .. }
        | SourceError::Unauthorized(_)
        | SourceError::Unavailable(_) => {
            tell_owner(error);
            Failure::new(
                500,
                "InternalServerError",
                "Something went wrong processing your query",
            )
            .with_inner("EngineError", "The query could not be run")
        }
    }
}
