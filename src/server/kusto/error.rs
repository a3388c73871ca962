//! Errors as clients of the service read them: one JSON form for a request that fails at once and
//! for one that fails behind its first rows. Codes and types are the service's, so that clients
//! tell what may be tried again; messages are ours.

use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use chrono::{DateTime, SecondsFormat, Utc};
use kql::diagnostic::{Diagnostic, Severity};
use kql::span::LineIndex;
use serde_json::{Value, json};

use super::identity::Identity;
use crate::server::access::Refusal;
use crate::source::SourceError;

/// Why a request fails.
#[derive(Clone, Debug)]
pub(super) struct ApiError {
    status: StatusCode,
    code: &'static str,
    /// The exception of the service that clients know.
    exception: &'static str,
    /// Why, for a person.
    pub(super) message: String,
    /// Whether trying again is of no use.
    is_permanent: bool,
    pub(super) is_cancellation: bool,
    inner: Option<Value>,
    identity: Option<Identity>,
}

/// The status of an error of the service itself, for which HTTP has no word.
const SERVICE_ERROR: u16 = 520;

impl ApiError {
    fn new(status: StatusCode, code: &'static str, exception: &'static str, message: &str) -> Self {
        Self {
            status,
            code,
            exception,
            message: message.to_owned(),
            is_permanent: true,
            is_cancellation: false,
            inner: None,
            identity: None,
        }
    }

    fn bad_request(message: &str) -> Self {
        Self::new(
            StatusCode::BAD_REQUEST,
            "General_BadRequest",
            "Kusto.Data.Exceptions.KustoBadRequestException",
            &format!("Request is invalid and cannot be processed: {message}"),
        )
    }

    /// The request is not one.
    pub(super) fn malformed(what: &str) -> Self {
        Self::bad_request(what)
    }

    /// An option has a value that it cannot have.
    pub(super) fn bad_option(what: &str) -> Self {
        Self::bad_request(what)
    }

    /// The body is too long.
    pub(super) fn too_large(what: &str) -> Self {
        Self::new(
            StatusCode::PAYLOAD_TOO_LARGE,
            "PayloadTooLarge",
            "Kusto.Data.Exceptions.KustoBadRequestException",
            what,
        )
    }

    /// A query was sent where commands are.
    pub(super) fn not_a_command() -> Self {
        Self::bad_request(
            "Syntax error: a management command begins with a dot, such as `.show tables`; send \
             queries to /v1/rest/query or /v2/rest/query",
        )
    }

    /// A command that is not served.
    pub(super) fn bad_command(what: &str) -> Self {
        Self::bad_request(&format!("Syntax error: {what}"))
    }

    pub(super) fn no_such_path(path: &str) -> Self {
        Self::new(
            StatusCode::NOT_FOUND,
            "NotFound",
            "Kusto.Data.Exceptions.KustoBadRequestException",
            &format!(
                "nothing is served at `{path}`; there are /v1/rest/query, /v2/rest/query, \
                 /v1/rest/mgmt, /v1/rest/auth/metadata and /healthz"
            ),
        )
    }

    pub(super) fn no_such_database<'n>(
        name: &str,
        there: impl Iterator<Item = &'n String>,
    ) -> Self {
        let names: Vec<&str> = there.map(String::as_str).collect();
        Self::no_such_entity("Database", name, &names)
    }

    /// Something that a command names is not there.
    pub(super) fn no_such_entity(kind: &str, name: &str, there: &[&str]) -> Self {
        let mut message = format!("Entity ID '{name}' of kind '{kind}' was not found.");
        if let Some(meant) = kql::diagnostic::did_you_mean(name, there.iter().copied()) {
            message.push_str(&format!(" Did you mean '{meant}'?"));
        } else if !there.is_empty() && there.len() <= 20 {
            message.push_str(&format!(" There are: {}.", there.join(", ")));
        }
        Self::new(
            StatusCode::BAD_REQUEST,
            "BadRequest_EntityNotFound",
            "Kusto.Data.Exceptions.EntityNotFoundException",
            &message,
        )
    }

    pub(super) fn refused(refusal: &Refusal) -> Self {
        Self::new(
            refusal.status,
            "Unauthorized",
            "Kusto.Data.Exceptions.KustoRequestDeniedException",
            refusal.reason,
        )
    }

    pub(super) fn throttled(requests_max: usize) -> Self {
        Self {
            is_permanent: false,
            ..Self::new(
                StatusCode::TOO_MANY_REQUESTS,
                "TooManyRequests",
                "Kusto.Data.Exceptions.KustoRequestThrottledException",
                &format!("{requests_max} requests are being answered already; try again later"),
            )
        }
    }

    pub(super) fn timeout(seconds: f64) -> Self {
        Self {
            is_permanent: false,
            ..Self::new(
                StatusCode::GATEWAY_TIMEOUT,
                "RequestExecutionTimeout",
                "Kusto.Data.Exceptions.KustoServiceTimeoutException",
                &format!(
                    "the request did not finish within {seconds} s; raise `servertimeout`, or \
                     narrow the query"
                ),
            )
        }
    }

    pub(super) fn cancelled(reason: &str) -> Self {
        Self {
            is_cancellation: true,
            ..Self::new(
                StatusCode::BAD_REQUEST,
                "Request_Cancelled",
                "Kusto.Data.Exceptions.KustoRequestCanceledException",
                &format!("Query execution has been cancelled (E_QUERY_CANCELLED): {reason}"),
            )
        }
    }

    /// A result has more than it may; its first rows were sent.
    pub(super) fn truncated(limit: &str) -> Self {
        Self::limits_exceeded(&format!(
            "Query execution has exceeded the allowed limits (80DA0003): The results of this \
             query exceed the set limit of {limit}, so not all records were returned \
             (E_QUERY_RESULT_SET_TOO_LARGE, 0x80DA0003). Narrow the query, or raise \
             `truncationmaxrecords` and `truncationmaxsize`, or set `notruncation`."
        ))
    }

    fn limits_exceeded(message: &str) -> Self {
        Self {
            is_permanent: false,
            ..Self::new(
                StatusCode::BAD_REQUEST,
                "LimitsExceeded",
                "Kusto.Data.Exceptions.KustoServicePartialQueryFailureLimitsExceededException",
                message,
            )
        }
    }

    pub(super) fn internal(message: &str) -> Self {
        let status = StatusCode::from_u16(SERVICE_ERROR).expect("the number has three digits");
        Self::new(
            status,
            "ServiceError",
            "Kusto.Data.Exceptions.KustoServiceException",
            message,
        )
    }

    /// Why a source does not answer.
    pub(super) fn of_source(error: SourceError) -> Self {
        match error {
            SourceError::InvalidQuery { diagnostics, text } => Self::of_query(&diagnostics, &text),
            SourceError::Unreadable(what) => Self::bad_request(&what),
            SourceError::Limit(what) => Self::limits_exceeded(&format!(
                "Query execution has exceeded the allowed limits (E_RUNAWAY_QUERY): {what}"
            )),
            SourceError::Timeout(after) => Self::timeout(after.as_secs_f64()),
            SourceError::Failed(what) => Self::internal(&what),
        }
    }

    /// What is wrong with a query, as `huntd check` shows it.
    pub(super) fn of_query(diagnostics: &[Diagnostic], text: &str) -> Self {
        let errors = diagnostics
            .iter()
            .filter(|diagnostic| diagnostic.severity == Severity::Error);
        let mut told: Vec<&Diagnostic> = errors.collect();
        if told.is_empty() {
            // A parameter without a value: a warning, but the query cannot run.
            told = diagnostics.iter().collect();
        }
        let rendered: Vec<String> = told
            .iter()
            .map(|diagnostic| diagnostic.render("query", text))
            .collect();
        let rendered = rendered.join("\n");
        let Some(first) = told.first() else {
            return Self::bad_request("Semantic error: the query cannot run");
        };
        let (word, exception) = if first.code.starts_with("KQL1") {
            ("Syntax error", "Kusto.Data.Exceptions.SyntaxException")
        } else {
            ("Semantic error", "Kusto.Data.Exceptions.SemanticException")
        };
        let position = LineIndex::new(text).position(text, first.span.start);
        let mut error = Self::bad_request(&format!("{word}: {}", rendered.trim()));
        error.inner = Some(json!({
            "code": first.code,
            "message": first.message,
            "@type": exception,
            "@message": format!("{word}: {}: {}", first.code, first.message),
            "@permanent": true,
            "@line": position.line.to_string(),
            "@pos": position.column.to_string(),
            "@token": first.span.text(text),
            "@errorCode": first.code,
            "@errorMessage": first.message,
        }));
        error
    }

    /// The same with the ids of the request.
    pub(super) fn with_identity(mut self, identity: &Identity) -> Self {
        self.identity = Some(identity.clone());
        self
    }

    /// `{"error": …}`
    pub(super) fn to_json(&self) -> Value {
        let mut error = json!({
            "code": self.code,
            "message": "Request is invalid and cannot be executed.",
            "@type": self.exception,
            "@message": self.message,
            "@context": self.identity.as_ref().map(|identity| json!({
                "timestamp": instant(identity.received),
                "serviceAlias": "HUNTD",
                "machineName": "",
                "processName": "huntd",
                "processId": std::process::id(),
                "threadId": 0,
                "clientRequestId": identity.client_request_id,
                "activityId": identity.activity_id,
                "subActivityId": identity.activity_id,
                "activityType": "GW.Http.CallContext",
                "parentActivityId": identity.activity_id,
                "activityStack": "",
            })),
            "@permanent": self.is_permanent,
        });
        if let Some(inner) = &self.inner {
            error["innererror"] = inner.clone();
        }
        json!({"error": error})
    }
}

impl IntoResponse for ApiError {
    fn into_response(self) -> Response {
        let json = HeaderValue::from_static("application/json; charset=utf-8");
        let mut response = (self.status, self.to_json().to_string()).into_response();
        response.headers_mut().insert(header::CONTENT_TYPE, json);
        response
    }
}

/// An instant as the service writes it.
pub(super) fn instant(at: DateTime<Utc>) -> String {
    at.to_rfc3339_opts(SecondsFormat::Micros, true)
}
