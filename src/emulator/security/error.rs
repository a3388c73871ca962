//! What went wrong with a call, in the codes of Defender for Endpoint, and what Graph calls the same.
//! The envelopes are in `product`.

use axum::http::StatusCode;

use crate::emulator::product::{Failure, Product};
use crate::source::SourceError;

/// Why a call is not answered.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct ApiError {
    pub(super) status: StatusCode,
    pub(super) code: &'static str,
    pub(super) message: String,
    pub(super) retry_after_seconds: Option<u64>,
}

impl ApiError {
    /// Any error.
    pub(super) fn new(status: StatusCode, code: &'static str, message: impl Into<String>) -> Self {
        Self {
            status,
            code,
            message: message.into(),
            retry_after_seconds: None,
        }
    }

    /// 400 with this code.
    pub(super) fn bad(code: &'static str, message: impl Into<String>) -> Self {
        Self::new(StatusCode::BAD_REQUEST, code, message)
    }

    /// The body is not what the call takes.
    pub(super) fn invalid_body(what: &str) -> Self {
        Self::bad(
            "InvalidRequestBody",
            format!("Request body is incorrect: {what}"),
        )
    }

    /// Something required is not given.
    pub(super) fn missing_parameter(name: &str) -> Self {
        Self::bad(
            "MissingRequiredParameter",
            format!("Required parameter '{name}' is missing"),
        )
    }

    /// A value is not one of those allowed.
    pub(super) fn invalid_input(what: impl Into<String>) -> Self {
        Self::bad("InvalidInput", what)
    }

    /// An option of OData is wrong.
    pub(super) fn odata(what: &str) -> Self {
        let message = format!("The query specified in the URI is not valid. {what}");
        Self::bad("ODataError", message)
    }

    /// There is no such thing.
    pub(super) fn not_found(message: impl Into<String>) -> Self {
        Self::new(StatusCode::NOT_FOUND, "ResourceNotFound", message)
    }

    /// There is no such call.
    pub(super) fn no_such_path() -> Self {
        let message = "No HTTP resource was found that matches the request URI";
        Self::new(StatusCode::NOT_FOUND, "NotFound", message)
    }

    /// There is such a path, but not with this method.
    pub(super) fn no_such_method() -> Self {
        let message = "The requested resource does not support this HTTP method";
        Self::new(StatusCode::METHOD_NOT_ALLOWED, "BadRequest", message)
    }

    /// Nobody was let in.
    pub(super) fn unauthorized() -> Self {
        let message = "The request has no valid access token";
        Self::new(StatusCode::UNAUTHORIZED, "Unauthorized", message)
    }

    /// The application lacks a role.
    pub(super) fn forbidden(required: &[&str], has: impl Iterator<Item = String>) -> Self {
        let has: Vec<String> = has.collect();
        let message = format!(
            "Missing application roles. API required roles: {}, application roles: {}.",
            required.join(","),
            has.join(",")
        );
        Self::new(StatusCode::FORBIDDEN, "Forbidden", message)
    }

    /// The body is larger than the service takes.
    pub(super) fn too_large(bytes_max: usize) -> Self {
        let message = format!("The request is larger than {bytes_max} bytes");
        Self::new(
            StatusCode::PAYLOAD_TOO_LARGE,
            "RequestEntityTooLarge",
            message,
        )
    }

    /// Too many calls.
    pub(super) fn throttled(seconds: u64) -> Self {
        let message = format!("Too many requests. Try again in {seconds} seconds.");
        let error = Self::new(StatusCode::TOO_MANY_REQUESTS, "TooManyRequests", message);
        Self {
            retry_after_seconds: Some(seconds),
            ..error
        }
    }

    /// The folder could not be read.
    pub(super) fn of_source(error: &SourceError) -> Self {
        // Which file it is, is for whoever runs the emulator.
        tracing::warn!(error = error.to_string(), "cannot read the telemetry");
        let message = "An internal error has occurred.";
        Self::new(
            StatusCode::INTERNAL_SERVER_ERROR,
            "InternalServerError",
            message,
        )
    }

    /// The failure as a service words it.
    pub(super) fn failure(&self, product: Product) -> Failure {
        let code = match product {
            Product::Graph => self.graph_code(),
            _ => self.code,
        };
        Failure::new(self.status.as_u16(), code, self.message.as_str())
            .with_retry_after(self.retry_after_seconds)
    }

    /// Graph has fewer words for what is wrong with a request.
    fn graph_code(&self) -> &'static str {
        match self.code {
            "ODataError" | "InvalidInput" | "InvalidRequestBody" | "MissingRequiredParameter" => {
                "BadRequest"
            }
            "Unauthorized" => "InvalidAuthenticationToken",
            "ResourceNotFound" => "NotFound",
            code => code,
        }
    }
}
