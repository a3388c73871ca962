//! `huntd emulate`: the APIs of Microsoft's services over a local folder, so that everything can
//! be tried and tested without a tenant: signing in, hunting by Graph, Defender XDR and Defender
//! for Endpoint, Log Analytics and Kusto, with the services' quotas, caps and error bodies, and
//! with faults on demand.
//!
//! A request passes the `fault` rules, `auth` and `quota`, and reaches the handlers of its product.
//! All of it is a library part: an [`Emulator`] runs in any process, as often as wanted.

pub mod caller;
pub mod clock;
pub mod config;
pub mod encoding;
pub mod fault;
pub mod limit;
pub mod listener;
pub mod product;
pub mod request_log;
pub mod security;
pub mod token;

mod admin;
mod auth;
mod form;
mod hunting;
mod kusto;
mod log_analytics;
mod query;
mod quota;
mod spelling;
mod spool;
mod timespan;
mod trouble;

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use anyhow::Context as _;
use axum::Router;
use axum::extract::{DefaultBodyLimit, Request, State};
use axum::http::{HeaderMap, header};
use axum::middleware::{from_fn_with_state, map_request};
use axum::response::Response;
use axum::routing::get;
use tokio::net::TcpListener;
use tokio::sync::Semaphore;
use tokio_util::sync::CancellationToken;
use tokio_util::task::AbortOnDropHandle;
use tower_http::compression::CompressionLayer;

use self::clock::EmulatorClock;
use self::config::{ClientConfig, EmulatorConfig};
use self::fault::Faults;
use self::listener::{Identity, Peer, TlsListener, names_host};
use self::product::{Failure, Product};
use self::quota::Quota;
use self::request_log::{RequestLog, RequestRecord};
use self::security::Security;
use self::token::{Clients, Issuer};
use crate::clock::{Clock as _, SharedClock};
use crate::secret::Secret;
use crate::server::access::Access;
use crate::server::kusto::Kusto;
use crate::server::kusto::databases::{DEFAULT_NAME, Databases, Set};
use crate::source::local::LocalConfig;
use crate::source::local::config::MissingTables;
use crate::source::{self, Source};

/// Longest body of a request.
const BODY_BYTES_MAX: usize = 16 << 20;
/// How long requests under way may take to end when the emulator stops.
const SHUTDOWN: Duration = Duration::from_secs(5);
/// Most queries at a time; further ones wait.
const QUERIES_MAX: usize = 32;
/// Longest time of a query where no limit is set.
const TIMEOUT_MAX: Duration = Duration::from_hours(1);
/// Id of the application that can sign in where none is configured.
pub const DEFAULT_CLIENT: &str = "11111111-2222-4333-8444-555555555555";

/// What the parts of the emulator share.
#[derive(Debug)]
pub struct EmulatorState {
    pub(crate) config: EmulatorConfig,
    pub(crate) clock: Arc<EmulatorClock>,
    pub(crate) source: Arc<dyn Source>,
    pub(crate) clients: Clients,
    pub(crate) issuer: Issuer,
    pub(crate) faults: Faults,
    pub(crate) quota: Quota,
    pub(crate) requests: RequestLog,
    pub(crate) kusto: Arc<Kusto>,
    /// Queries at a time, beside those of Kusto.
    pub(crate) slots: Arc<Semaphore>,
    pub(crate) security: Arc<Security>,
    /// Who knows the one token for everything, where there is one.
    pub(crate) token_access: Option<Access>,
    pub(crate) identity_header: Secret,
    /// Where it is reached.
    pub(crate) url: String,
    port: u16,
}

/// The same for whoever needs it.
pub(crate) type SharedState = Arc<EmulatorState>;

impl EmulatorState {
    /// Whether a `Host` header names the emulator.
    pub(crate) fn is_own_host(&self, host: &str) -> bool {
        names_host(host, &self.config.hosts, self.port)
    }

    /// Whether an address is one of the emulator, as a resource of tokens.
    pub(crate) fn is_own_address(&self, address: &str) -> bool {
        let host = address.split_once("://").map(|(_, rest)| rest);
        let host = host.map(|rest| rest.split('/').next().unwrap_or(rest));
        host.is_some_and(|host| self.is_own_host(host))
    }

    /// Where a client reaches the emulator, by the name that it used.
    pub(crate) fn url_for(&self, headers: &HeaderMap) -> String {
        let host = headers
            .get(header::HOST)
            .and_then(|host| host.to_str().ok());
        match host.filter(|host| self.is_own_host(host)) {
            Some(host) => format!("{}://{host}", self.scheme()),
            None => self.url.clone(),
        }
    }

    fn scheme(&self) -> &'static str {
        if self.config.tls { "https" } else { "http" }
    }
}

/// Starts emulators.
#[derive(Debug)]
pub struct Emulator;

/// An emulator under way; it ends when dropped.
#[derive(Debug)]
pub struct RunningEmulator {
    state: SharedState,
    address: SocketAddr,
    ca_pem: Option<String>,
    client: Option<(String, Secret)>,
    stop: CancellationToken,
    serving: AbortOnDropHandle<anyhow::Result<()>>,
}

impl Emulator {
    /// Takes the port and serves. `clock` is the time that the emulator's own starts from.
    pub async fn start(
        mut config: EmulatorConfig,
        clock: SharedClock,
    ) -> anyhow::Result<RunningEmulator> {
        let cannot = || {
            let listen = config.listen;
            format!("cannot listen on {listen}; choose another address with `--listen`")
        };
        let listener = TcpListener::bind(config.listen)
            .await
            .with_context(cannot)?;
        let address = listener.local_addr().with_context(cannot)?;
        let identity = if config.tls {
            Some(Identity::new(&config.hosts)?)
        } else {
            None
        };
        if config.clients.is_empty() {
            config.clients = vec![ClientConfig::with_random_secret(DEFAULT_CLIENT)?];
        }
        let first = config.clients.first();
        let client = first.and_then(|client| {
            let secret = client.secrets.first()?.value.clone();
            Some((client.id.clone(), secret))
        });
        let token_access = config
            .token
            .clone()
            .map(|token| Access::new(config.listen, Some(token)).map_err(anyhow::Error::msg));
        let identity_header = match &config.identity_header {
            Some(header) => header.clone(),
            None => Secret::new(random_text()?),
        };
        let scheme = if config.tls { "https" } else { "http" };
        let host = match address.ip() {
            ip if ip.is_unspecified() => format!("localhost:{}", address.port()),
            _ => address.to_string(),
        };
        let clock = Arc::new(EmulatorClock::new(clock, config.speed));
        let source = source::local(&LocalConfig {
            missing_tables: MissingTables::Unknown,
            ..LocalConfig::new(&config.data)
        });
        let database = config.database.as_deref().unwrap_or(DEFAULT_NAME);
        let any_name = config.database.is_none();
        let databases = Set::single(database, Arc::clone(&source), any_name);
        let kusto = Kusto::new(Databases::new(databases), Arc::clone(&clock) as _);
        config.security.tls |= config.tls;
        let security = Security::new(
            Arc::clone(&source),
            Arc::clone(&clock) as _,
            config.security.clone(),
        );
        let state = Arc::new(EmulatorState {
            security: Arc::new(security),
            clients: Clients::load(&config.tenants, &config.clients)?,
            issuer: Issuer::new()?,
            faults: Faults::new(config.faults.clone(), config.seed),
            quota: Quota::default(),
            requests: RequestLog::default(),
            kusto: Arc::new(kusto),
            slots: Arc::new(Semaphore::new(QUERIES_MAX)),
            clock,
            source,
            token_access: token_access.transpose()?,
            identity_header,
            url: format!("{scheme}://{host}"),
            port: address.port(),
            config,
        });
        let ca_pem = identity.as_ref().map(|identity| identity.ca_pem.clone());
        let stop = CancellationToken::new();
        let router = router(&state).into_make_service_with_connect_info::<Peer>();
        let (waiting, ended) = (stop.clone(), stop.clone());
        let kusto = Arc::clone(&state.kusto);
        let graceful = async move {
            waiting.cancelled().await;
            kusto.cancel_all("the emulator is stopping");
        };
        let serving = async move {
            let serving = async move {
                match identity {
                    Some(identity) => {
                        let listener = TlsListener::new(listener, &identity)?;
                        axum::serve(listener, router)
                            .with_graceful_shutdown(graceful)
                            .await?;
                    }
                    None => {
                        axum::serve(listener, router)
                            .with_graceful_shutdown(graceful)
                            .await?;
                    }
                }
                Ok(())
            };
            tokio::select! {
                served = serving => served,
                () = async { ended.cancelled().await; tokio::time::sleep(SHUTDOWN).await } => Ok(()),
            }
        };
        Ok(RunningEmulator {
            address,
            ca_pem,
            client,
            stop,
            serving: AbortOnDropHandle::new(tokio::spawn(serving)),
            state,
        })
    }
}

impl RunningEmulator {
    /// Where it is reached, such as `http://127.0.0.1:8421`.
    pub fn url(&self) -> &str {
        &self.state.url
    }

    /// Address and port.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// The certificate of its authority, if it speaks TLS.
    pub fn ca_pem(&self) -> Option<&str> {
        self.ca_pem.as_deref()
    }

    /// Id and secret of the first application that has one.
    pub fn client(&self) -> Option<(&str, &Secret)> {
        self.client
            .as_ref()
            .map(|(id, secret)| (id.as_str(), secret))
    }

    /// What managed identities send as `X-IDENTITY-HEADER`.
    pub fn identity_header(&self) -> &Secret {
        &self.state.identity_header
    }

    /// Its time, which can be moved forward.
    pub fn clock(&self) -> &Arc<EmulatorClock> {
        &self.state.clock
    }

    /// What goes wrong on purpose.
    pub fn faults(&self) -> &Faults {
        &self.state.faults
    }

    /// What was asked of it.
    pub fn requests(&self) -> Vec<RequestRecord> {
        self.state.requests.all()
    }

    /// Where its data is.
    pub fn source(&self) -> &Arc<dyn Source> {
        &self.state.source
    }

    /// Ends it; requests under way are waited for a moment.
    pub async fn stop(self) -> anyhow::Result<()> {
        self.stop.cancel();
        self.serving.await?
    }

    /// Waits until it ends by itself, which is a failure.
    pub async fn ended(&mut self) -> anyhow::Result<()> {
        (&mut self.serving).await?
    }
}

/// A text that nobody guesses.
fn random_text() -> anyhow::Result<String> {
    let mut bytes = [0_u8; 24];
    ring::rand::SecureRandom::fill(&ring::rand::SystemRandom::new(), &mut bytes)
        .map_err(|_| anyhow::anyhow!("the system gives no random numbers"))?;
    Ok(base64::Engine::encode(
        &base64::engine::general_purpose::URL_SAFE_NO_PAD,
        bytes,
    ))
}

fn router(state: &SharedState) -> Router {
    let shared = || Arc::clone(state);
    let api = Router::new()
        .merge(hunting::router())
        .merge(log_analytics::router())
        .with_state(shared())
        .merge(security::router(Arc::clone(&state.security)))
        .merge(crate::server::kusto::router(Arc::clone(&state.kusto)))
        .fallback_service(Router::new().fallback(not_found).with_state(shared()))
        .layer(from_fn_with_state(shared(), quota::admit))
        .layer(from_fn_with_state(shared(), auth::admit));
    let router = Router::new()
        .merge(api)
        .merge(token::router(shared()))
        .merge(kusto::public_router(shared()))
        .merge(security::download_router(Arc::clone(&state.security)))
        .layer(from_fn_with_state(shared(), trouble::strike))
        .layer(CompressionLayer::new())
        .merge(admin::router(shared()))
        .route("/healthz", get(async || "ok\n"))
        .layer(DefaultBodyLimit::max(BODY_BYTES_MAX));
    // A layer of a router comes behind its routes; in front of them another router has it.
    Router::new()
        .fallback_service(router)
        .layer(map_request(spelling::respell))
}

async fn not_found(State(state): State<SharedState>, request: Request) -> Response {
    let path = request.uri().path();
    let product = Product::of_path(path);
    let failure = match product {
        Product::Graph => {
            let segment = path.rsplit('/').next().unwrap_or_default();
            let message = format!("Resource not found for the segment '{segment}'.");
            Failure::new(400, "BadRequest", message)
        }
        Product::LogAnalytics | Product::Arm => Failure::new(
            404,
            "PathNotFoundError",
            "The requested path does not exist",
        ),
        Product::SignIn => Failure::new(404, "not_found", "there is nothing at this path"),
        _ => Failure::new(404, "NotFound", "The requested path does not exist."),
    };
    product.respond(&failure, request.headers(), state.clock.now())
}
