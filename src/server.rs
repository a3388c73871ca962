//! The HTTP server: where it listens, who may ask, and what is served. Each API has its folder;
//! what an API answers with is handed in, so that the server knows no part of the daemon.

pub mod access;
pub mod config;
pub mod kusto;
pub mod metrics;

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use anyhow::Context as _;
use axum::extract::{DefaultBodyLimit, Request, State};
use axum::middleware::{Next, from_fn_with_state};
use axum::response::Response;
use axum::routing::get;
use axum::{Router, http};
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;

use access::{Access, Refusal};
use kusto::Kusto;
use metrics::Gather;

/// Longest body of a request: a query text of the greatest length, escaped.
const BODY_BYTES_MAX: usize = 16 << 20;
/// How long requests under way may take to end when the server stops.
const SHUTDOWN: Duration = Duration::from_secs(5);

/// A server that holds its port.
#[derive(Debug)]
pub struct Server {
    listener: TcpListener,
    address: SocketAddr,
    access: Arc<Access>,
    kusto: Arc<Kusto>,
    metrics: Option<Arc<dyn Gather>>,
}

impl Server {
    /// Takes the port. Requests wait until it serves.
    pub async fn bind(
        listen: SocketAddr,
        access: Access,
        kusto: Arc<Kusto>,
    ) -> anyhow::Result<Self> {
        let cannot = || format!("cannot listen on {listen}");
        let listener = TcpListener::bind(listen).await.with_context(cannot)?;
        let address = listener.local_addr().with_context(cannot)?;
        Ok(Self {
            listener,
            address,
            access: Arc::new(access),
            kusto,
            metrics: None,
        })
    }

    /// Serves metrics as well.
    #[must_use]
    pub fn with_metrics(mut self, metrics: Arc<dyn Gather>) -> Self {
        self.metrics = Some(metrics);
        self
    }

    /// Where it listens; the port that was found where none was given.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Serves until `stop`; then queries under way are cancelled.
    pub async fn serve(self, stop: CancellationToken) -> anyhow::Result<()> {
        let router = router(&self.kusto, self.metrics, self.access);
        let (stopping, kusto) = (stop.clone(), Arc::clone(&self.kusto));
        let serving = axum::serve(self.listener, router)
            .with_graceful_shutdown(async move {
                stopping.cancelled().await;
                kusto.cancel_all("the server is stopping");
            })
            .into_future();
        tokio::select! {
            served = serving => served.context("the HTTP server failed"),
            () = async { stop.cancelled().await; tokio::time::sleep(SHUTDOWN).await } => Ok(()),
        }
    }
}

fn router(kusto: &Arc<Kusto>, metrics: Option<Arc<dyn Gather>>, access: Arc<Access>) -> Router {
    Router::new()
        .merge(kusto::router(Arc::clone(kusto)))
        .merge(metrics.map(metrics::router).unwrap_or_default())
        .fallback(kusto::not_found)
        .layer(from_fn_with_state(access, admit))
        .merge(kusto::public_router())
        .route("/healthz", get(async || "ok\n"))
        .layer(DefaultBodyLimit::max(BODY_BYTES_MAX))
}

/// Lets a request through if it may ask.
async fn admit(State(access): State<Arc<Access>>, request: Request, next: Next) -> Response {
    match access.admits(request.headers()) {
        Ok(()) => next.run(request).await,
        Err(refusal) => {
            let mut response = kusto::refusal(refusal);
            if refusal == Refusal::NoToken {
                let scheme = http::HeaderValue::from_static("Bearer");
                response
                    .headers_mut()
                    .insert(http::header::WWW_AUTHENTICATE, scheme);
            }
            response
        }
    }
}
