//! `GET /metrics`: what can be watched, as text for Prometheus. What it says is handed in.

use std::fmt::Debug;
use std::sync::Arc;

use async_trait::async_trait;
use axum::Router;
use axum::extract::State;
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse as _, Response};
use axum::routing::get;

use crate::telemetry::metrics::{CONTENT_TYPE, Sample, write};

/// Who gathers the values.
#[async_trait]
pub trait Gather: Debug + Send + Sync {
    /// All values at this instant.
    async fn gather(&self) -> anyhow::Result<Vec<Sample>>;
}

pub(super) fn router(gather: Arc<dyn Gather>) -> Router {
    Router::new()
        .route("/metrics", get(answer))
        .with_state(gather)
}

async fn answer(State(gather): State<Arc<dyn Gather>>) -> Response {
    let text = match gather.gather().await {
        Ok(samples) => write(&samples).map_err(anyhow::Error::from),
        Err(error) => Err(error),
    };
    match text {
        Ok(text) => ([(header::CONTENT_TYPE, CONTENT_TYPE)], text).into_response(),
        Err(error) => {
            tracing::warn!(error = format!("{error:#}"), "cannot gather metrics");
            let text = "metrics cannot be gathered; the log says why\n";
            (StatusCode::INTERNAL_SERVER_ERROR, text).into_response()
        }
    }
}
