//! The query API of Azure Data Explorer, as its official clients speak it, over the sources of
//! huntd: queries (`/v1` and `/v2`) and the management commands that clients ask on connecting.
//!
//! A request is read (`request`, `options`), becomes result tables (`query`, `command`), and these
//! become the bytes of an answer (`answer`, `data_set`, `cell`) while they are read. Nothing is
//! changed or ingested, and progressive answers are not sent. docs/reference/kusto-endpoint.md has
//! what is served, for readers.

pub mod databases;

pub(crate) mod cell;

mod answer;
mod command;
mod data_set;
mod error;
mod identity;
mod options;
mod query;
mod request;
mod running;
mod visualization;

use std::sync::Arc;

use axum::Router;
use axum::extract::{FromRequest as _, Query, Request as HttpRequest, State};
use axum::http::{HeaderMap, Method, StatusCode};
use axum::response::Response;
use axum::routing::{any, get};
use bytes::Bytes;
use chrono::{DateTime, Utc};
use tokio::sync::Semaphore;

use super::access::Refusal;
use crate::clock::SharedClock;
use answer::{Answer, Job};
use data_set::Form;
use databases::Databases;
use error::ApiError;
use identity::Identity;
use options::{Kind, Options};
use request::{Request, UrlRequest};
use running::Running;

/// Most queries and commands at the same time; further ones are refused.
const REQUESTS_MAX: usize = 64;

/// The databases, and the queries that run on them.
#[derive(Debug)]
pub struct Kusto {
    databases: Databases,
    clock: SharedClock,
    running: Arc<Running>,
    slots: Arc<Semaphore>,
    started: DateTime<Utc>,
}

impl Kusto {
    /// Over some databases.
    pub fn new(databases: Databases, clock: SharedClock) -> Self {
        let started = clock.now();
        Self {
            databases,
            clock,
            running: Arc::default(),
            slots: Arc::new(Semaphore::new(REQUESTS_MAX)),
            started,
        }
    }

    /// The databases.
    pub fn databases(&self) -> &Databases {
        &self.databases
    }

    /// Cancels all queries; whoever waits for them is told why.
    pub fn cancel_all(&self, reason: &str) {
        self.running.cancel_all(reason);
    }
}

/// The answer to a request that may not ask.
pub(super) fn refusal(refusal: Refusal) -> Response {
    ApiError::refused(refusal).response(None)
}

/// What whoever may ask can ask.
pub(crate) fn router(kusto: Arc<Kusto>) -> Router {
    Router::new()
        .route("/v1/rest/query", any(query_v1))
        .route("/v2/rest/query", any(query_v2))
        .route("/v1/rest/mgmt", any(management))
        .with_state(kusto)
}

/// What clients ask before they know how to identify themselves.
pub(super) fn public_router() -> Router {
    Router::new()
        .route("/v1/rest/auth/metadata", get(identity::cloud_metadata))
        .route("/v1/rest/ping", get(async || "pong\n"))
}

async fn query_v1(State(kusto): State<Arc<Kusto>>, request: HttpRequest) -> Response {
    serve(kusto, request, Form::V1).await
}

async fn query_v2(State(kusto): State<Arc<Kusto>>, request: HttpRequest) -> Response {
    serve(kusto, request, Form::V2).await
}

async fn management(State(kusto): State<Arc<Kusto>>, request: HttpRequest) -> Response {
    serve(kusto, request, Form::Command).await
}

/// The answer to a path that there is not.
pub(super) async fn not_found(request: HttpRequest) -> Response {
    ApiError::no_such_path(request.uri().path()).response(None)
}

/// Answers a request, or says in the same form why not.
async fn serve(kusto: Arc<Kusto>, request: HttpRequest, form: Form) -> Response {
    let headers = request.headers().clone();
    let read = read(request).await;
    let sent = read.as_ref().ok().map(|request| &request.properties);
    let identity = Identity::of(&headers, sent, kusto.clock.now());
    let answered = match read {
        Ok(request) => start(&kusto, request, form, &identity).await,
        Err(error) => Err(error),
    };
    let mut response = match answered {
        Ok(response) => response,
        Err(error) => error.response(Some(&identity)),
    };
    identity.mark(response.headers_mut());
    response
}

async fn read(request: HttpRequest) -> Result<Request, ApiError> {
    if request.method() == Method::GET {
        let url = Query::<UrlRequest>::try_from_uri(request.uri())
            .map_err(|error| ApiError::malformed(&error.body_text()))?;
        return Request::from_url(url.0);
    }
    if request.method() != Method::POST {
        return Err(ApiError::malformed("the method is neither GET nor POST"));
    }
    let body = Bytes::from_request(request, &())
        .await
        .map_err(|rejection| match rejection.status() {
            StatusCode::PAYLOAD_TOO_LARGE => ApiError::too_large(&rejection.body_text()),
            _ => ApiError::malformed(&rejection.body_text()),
        })?;
    Request::from_body(&body)
}

async fn start(
    kusto: &Arc<Kusto>,
    request: Request,
    form: Form,
    identity: &Identity,
) -> Result<Response, ApiError> {
    let slot = Arc::clone(&kusto.slots)
        .try_acquire_owned()
        .map_err(|_| ApiError::throttled(REQUESTS_MAX))?;
    let text = request.text.trim_start();
    let is_command = text.starts_with('.');
    if form == Form::Command && !is_command {
        return Err(ApiError::not_a_command());
    }
    let kind = if is_command {
        Kind::Command
    } else {
        Kind::Query
    };
    let asked = if is_command {
        kql::request::Request::default()
    } else {
        kql::request::read(&request.text)
    };
    let options = Options::read(kind, &request.properties, &asked.options)?;
    let entry = running::Entry {
        client_request_id: identity.client_request_id.clone(),
        text: request.text.clone(),
        database: request.database.clone().unwrap_or_default(),
        user: identity.user.clone(),
        application: identity.application.clone(),
        started: identity.received,
        kind,
    };
    let prepare = if is_command {
        command::prepare(Arc::clone(kusto), request, identity.clone())?
    } else {
        query::prepare(kusto, request, &options, asked.results, identity.received)?
    };
    let job = Job {
        identity: identity.clone(),
        form,
        options,
        clock: Arc::clone(&kusto.clock),
        registration: kusto.running.register(entry),
        _slot: slot,
    };
    Answer::begin(job, prepare).await.map(Answer::into_response)
}

/// A header as text.
fn header<'h>(headers: &'h HeaderMap, name: &str) -> Option<&'h str> {
    headers.get(name).and_then(|value| value.to_str().ok())
}
