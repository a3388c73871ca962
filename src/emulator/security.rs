//! The security APIs of Defender for Endpoint and Microsoft Graph beside hunting: alerts,
//! incidents, machines and what is done to them, indicators, look-ups and mail.
//!
//! Alerts, machines and look-ups come from the folder of telemetry; what is changed is kept in
//! memory and is gone with the process. Time is the clock's, so that an action which takes half a
//! minute is done half a minute later by that clock, and nothing runs in between. Each file has
//! the calls of one thing; `call` says what a call is, and `docs/reference/emulator.md` lists all.

pub mod call;
pub mod settings;

mod admin;
mod alerts;
mod download;
mod enrichment;
mod error;
mod folder;
mod incidents;
mod indicators;
mod investigations;
mod machine_actions;
mod machines;
mod mail;
mod odata;
mod words;

use std::sync::{Arc, LazyLock, Mutex, MutexGuard, PoisonError};

use axum::Router;
use axum::body::Body;
use axum::extract::{Request as HttpRequest, State};
use axum::http::{Method, StatusCode, header};
use axum::response::{IntoResponse as _, Response};
use axum::routing::any;
use chrono::{DateTime, Utc};

use self::alerts::Alerts;
use self::call::{Call, Reply, Request};
use self::error::ApiError;
use self::folder::Folder;
use self::incidents::Incidents;
use self::indicators::Indicators;
use self::investigations::Investigations;
use self::machine_actions::Actions;
use self::machines::{Machines, Overlay};
use self::mail::Mails;
use self::settings::SecurityConfig;
use super::caller::Caller;
use super::product::Product;
use crate::clock::SharedClock;
use crate::source::Source;

/// Largest body of a request; that of a mail is the largest that is documented.
const BODY_BYTES_MAX: usize = 4 << 20;

/// The emulated services and all that they know.
#[derive(Debug)]
pub struct Security {
    folder: Folder,
    clock: SharedClock,
    settings: Mutex<SecurityConfig>,
    state: Mutex<Known>,
    alerts_read: tokio::sync::OnceCell<()>,
    machines: tokio::sync::Mutex<Option<Arc<Machines>>>,
}

/// What is kept in memory.
#[derive(Debug, Default)]
struct Known {
    alerts: Alerts,
    incidents: Incidents,
    overlay: Overlay,
    actions: Actions,
    investigations: Investigations,
    indicators: Indicators,
    mails: Mails,
    downloads: download::Downloads,
}

impl Security {
    /// Over the folder that `source` reads. Nothing is read yet.
    pub fn new(source: Arc<dyn Source>, clock: SharedClock, config: SecurityConfig) -> Self {
        Self {
            folder: Folder::new(source),
            clock,
            settings: Mutex::new(config),
            state: Mutex::default(),
            alerts_read: tokio::sync::OnceCell::new(),
            machines: tokio::sync::Mutex::default(),
        }
    }

    /// The time.
    fn now(&self) -> DateTime<Utc> {
        self.clock.now()
    }

    fn settings(&self) -> SecurityConfig {
        let settings = self.settings.lock();
        settings.unwrap_or_else(PoisonError::into_inner).clone()
    }

    fn set(&self, config: SecurityConfig) {
        *self.settings.lock().unwrap_or_else(PoisonError::into_inner) = config;
    }

    /// What is known without reading the folder.
    fn known(&self) -> MutexGuard<'_, Known> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Reads the alerts of the folder, unless that was done.
    async fn read_alerts(&self) -> Result<(), ApiError> {
        let read = self.alerts_read.get_or_try_init(async || {
            let alerts = alerts::read(&self.folder, self.now()).await?;
            let mut known = self.known();
            for alert in alerts {
                known.add_alert(alert)?;
            }
            Ok(())
        });
        read.await.copied()
    }

    /// The machines of the folder as they are now.
    async fn machines(&self) -> Result<Arc<Machines>, ApiError> {
        let now = self.now();
        let mut kept = self.machines.lock().await;
        if let Some(machines) = kept.as_ref().filter(|machines| machines.are_fresh(now)) {
            return Ok(Arc::clone(machines));
        }
        let machines = Arc::new(machines::read(&self.folder, now).await?);
        *kept = Some(Arc::clone(&machines));
        Ok(machines)
    }

    async fn answer(self: &Arc<Self>, request: HttpRequest) -> Result<Reply, ApiError> {
        let (parts, body) = request.into_parts();
        let Some(caller) = parts.extensions.get::<Caller>().cloned() else {
            return Err(ApiError::unauthorized());
        };
        let (segments, mut counts) = segments(parts.uri.path());
        let mut found = None;
        let mut other_method = false;
        for call in calls() {
            let Some(matched) = call.matches(&segments) else {
                continue;
            };
            if call.method == parts.method {
                found = Some((call, matched));
                break;
            }
            other_method = true;
        }
        let Some((call, found)) = found else {
            return Err(if other_method {
                ApiError::no_such_method()
            } else {
                ApiError::no_such_path()
            });
        };
        let settings = self.settings();
        check_role(&caller, call.roles)?;
        let body = axum::body::to_bytes(body, BODY_BYTES_MAX)
            .await
            .map_err(|_| ApiError::too_large(BODY_BYTES_MAX))?;
        let host = parts.headers.get(header::HOST);
        let host = host.and_then(|host| host.to_str().ok());
        let authority = parts.uri.authority().map(ToString::to_string);
        let host = host.map(str::to_owned).or(authority);
        let scheme = if settings.tls { "https" } else { "http" };
        counts &= parts.method == Method::GET;
        let request = Request {
            base: format!("{scheme}://{}", host.as_deref().unwrap_or("localhost")),
            path: parts.uri.path().to_owned(),
            found,
            options: call::options(parts.uri.query().unwrap_or("")),
            counts,
            headers: parts.headers,
            body,
            caller,
        };
        (call.answering)(Arc::clone(self), request).await
    }
}

/// The segments of a path as the calls have them, and whether it asks for a count.
fn segments(path: &str) -> (Vec<String>, bool) {
    let mut segments = call::segments(path);
    let counts = segments.last().is_some_and(|last| last == "$count");
    // What Graph serves as beta it serves as released here.
    if segments.first().is_some_and(|first| first == "beta") {
        "v1.0".clone_into(&mut segments[0]);
    }
    if counts {
        segments.pop();
    }
    (segments, counts)
}

/// The call that a request makes.
pub(super) fn call_of(method: &Method, path: &str) -> Option<&'static Call> {
    let (segments, _) = segments(path);
    let mut calls = calls().iter().filter(|call| call.method == *method);
    calls.find(|call| call.matches(&segments).is_some())
}

/// Refuses whom none of the roles was granted.
fn check_role(caller: &Caller, roles: &[&str]) -> Result<(), ApiError> {
    if roles.is_empty() || caller.may(roles) {
        return Ok(());
    }
    Err(ApiError::forbidden(roles, caller.roles.iter().cloned()))
}

/// All calls that are answered, by service and thing.
pub fn calls() -> &'static [Call] {
    static CALLS: LazyLock<Vec<Call>> = LazyLock::new(|| {
        let mut calls = alerts::defender::calls();
        calls.extend(machines::calls());
        calls.extend(machine_actions::calls());
        calls.extend(investigations::calls());
        calls.extend(indicators::calls());
        calls.extend(enrichment::calls());
        calls.extend(alerts::graph::calls());
        calls.extend(incidents::calls());
        calls.extend(mail::calls());
        calls
    });
    &CALLS
}

/// The APIs. Who calls must be in the extensions of each request, as [`Caller`].
pub fn router(security: Arc<Security>) -> Router {
    let mut router = Router::new().route("/api/{*rest}", any(serve));
    for version in ["v1.0", "beta"] {
        for path in ["security/alerts_v2", "security/incidents"] {
            router = router
                .route(&format!("/{version}/{path}"), any(serve))
                .route(&format!("/{version}/{path}/{{*rest}}"), any(serve));
        }
        router = router
            .route(&format!("/{version}/users/{{*rest}}"), any(serve))
            .route(&format!("/{version}/me/sendMail"), any(serve));
    }
    router.with_state(security)
}

/// What is fetched by links that are their own permission.
pub fn download_router(security: Arc<Security>) -> Router {
    Router::new()
        .route(
            "/downloads/{id}/{name}",
            axum::routing::get(download::serve),
        )
        .with_state(security)
}

/// What plays by hand and looks inside: for whoever runs the emulator.
pub fn admin_router(security: Arc<Security>) -> Router {
    admin::routes().with_state(security)
}

async fn serve(State(security): State<Arc<Security>>, request: HttpRequest) -> Response {
    let product = Product::of_path(request.uri().path());
    let headers = request.headers().clone();
    match security.answer(request).await {
        Ok(reply) => reply.response(),
        Err(error) => product.respond(&error.failure(product), &headers, security.now()),
    }
}

impl Reply {
    fn response(self) -> Response {
        const JSON: &str =
            "application/json; odata.metadata=minimal; odata.streaming=true; charset=utf-8";
        match self {
            Self::Json(status, value) => {
                let content = [(header::CONTENT_TYPE, JSON)];
                (status, content, Body::from(value.to_string())).into_response()
            }
            Self::Empty(status) => status.into_response(),
            Self::Count(count) => (StatusCode::OK, count.to_string()).into_response(),
            Self::File {
                media_type,
                content,
            } => ([(header::CONTENT_TYPE, media_type)], content).into_response(),
        }
    }
}
