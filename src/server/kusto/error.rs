//! Errors as clients of the service read them: one JSON form for a request that fails at once and
//! for one that fails behind its first rows. Codes and types are the service's, so that clients
//! tell what may be tried again; messages are ours.

use axum::http::{StatusCode, header};
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
    class: &'static Class,
    /// Why, for a person.
    pub(super) message: String,
    /// What is wrong with the query, and where.
    inner: Option<Box<Value>>,
}

/// What clients tell errors apart by.
#[derive(Debug)]
struct Class {
    status: u16,
    code: &'static str,
    /// The exception of the service, behind `Kusto.Data.Exceptions.`.
    exception: &'static str,
    /// Whether trying again is of no use.
    is_permanent: bool,
}

impl Class {
    const fn permanent(status: u16, code: &'static str, exception: &'static str) -> Self {
        Self {
            status,
            code,
            exception,
            is_permanent: true,
        }
    }

    const fn transient(status: u16, code: &'static str, exception: &'static str) -> Self {
        Self {
            is_permanent: false,
            ..Self::permanent(status, code, exception)
        }
    }
}

static BAD_REQUEST: Class = Class::permanent(400, "General_BadRequest", "KustoBadRequestException");
static TOO_LARGE: Class = Class::permanent(413, "PayloadTooLarge", "KustoBadRequestException");
static NO_SUCH_PATH: Class = Class::permanent(404, "NotFound", "KustoBadRequestException");
static NO_SUCH_ENTITY: Class =
    Class::permanent(400, "BadRequest_EntityNotFound", "EntityNotFoundException");
static UNAUTHORIZED: Class = Class::permanent(401, "Unauthorized", "KustoRequestDeniedException");
static FORBIDDEN: Class = Class::permanent(403, "Forbidden", "KustoRequestDeniedException");
static THROTTLED: Class =
    Class::transient(429, "TooManyRequests", "KustoRequestThrottledException");
static TIMEOUT: Class = Class::transient(
    504,
    "RequestExecutionTimeout",
    "KustoServiceTimeoutException",
);
static CANCELLED: Class =
    Class::permanent(400, "Request_Cancelled", "KustoRequestCanceledException");
static LIMITS_EXCEEDED: Class = Class::transient(
    400,
    "LimitsExceeded",
    "KustoServicePartialQueryFailureLimitsExceededException",
);
/// HTTP has no word for an error of the service itself.
static SERVICE_ERROR: Class = Class::permanent(520, "ServiceError", "KustoServiceException");

impl ApiError {
    fn new(class: &'static Class, message: impl Into<String>) -> Self {
        Self {
            class,
            message: message.into(),
            inner: None,
        }
    }

    fn bad_request(message: &str) -> Self {
        let message = format!("Request is invalid and cannot be processed: {message}");
        Self::new(&BAD_REQUEST, message)
    }

    /// Whether somebody ended the request.
    pub(super) fn is_cancellation(&self) -> bool {
        std::ptr::eq(self.class, &raw const CANCELLED)
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
        Self::new(&TOO_LARGE, what)
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
        let message = format!(
            "nothing is served at `{path}`; there are /v1/rest/query, /v2/rest/query, \
             /v1/rest/mgmt, /v1/rest/auth/metadata and /healthz"
        );
        Self::new(&NO_SUCH_PATH, message)
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
            message = format!("{message} Did you mean '{meant}'?");
        } else if !there.is_empty() && there.len() <= 20 {
            message = format!("{message} There are: {}.", there.join(", "));
        }
        Self::new(&NO_SUCH_ENTITY, message)
    }

    pub(super) fn refused(refusal: Refusal) -> Self {
        let class = match refusal {
            Refusal::NoToken => &UNAUTHORIZED,
            Refusal::NotLocal => &FORBIDDEN,
        };
        Self::new(class, refusal.reason())
    }

    pub(super) fn throttled(requests_max: usize) -> Self {
        let message =
            format!("{requests_max} requests are being answered already; try again later");
        Self::new(&THROTTLED, message)
    }

    /// The source cut the result, and could not be had in parts.
    pub(super) fn incomplete(missing: &str) -> Self {
        Self::limits_exceeded(&format!("the result is not complete: {missing}"))
    }

    /// The source takes no more calls for now.
    fn source_throttled(message: &str) -> Self {
        Self::new(&THROTTLED, message.to_owned())
    }

    pub(super) fn timeout(seconds: f64) -> Self {
        let message = format!(
            "the request did not finish within {seconds} s; raise `servertimeout`, or narrow the \
             query"
        );
        Self::new(&TIMEOUT, message)
    }

    pub(super) fn cancelled(reason: &str) -> Self {
        let message = format!("Query execution has been cancelled (E_QUERY_CANCELLED): {reason}");
        Self::new(&CANCELLED, message)
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
        Self::new(&LIMITS_EXCEEDED, message)
    }

    pub(super) fn internal(message: &str) -> Self {
        Self::new(&SERVICE_ERROR, message)
    }

    /// Why a source does not answer.
    pub(super) fn of_source(error: SourceError) -> Self {
        match error {
            SourceError::InvalidQuery { diagnostics, text } => Self::of_query(&diagnostics, &text),
            SourceError::Unreadable(what) | SourceError::Refused(what) => Self::bad_request(&what),
            SourceError::Limit(what) => Self::limits_exceeded(&format!(
                "Query execution has exceeded the allowed limits (E_RUNAWAY_QUERY): {what}"
            )),
            SourceError::Timeout(after) => Self::timeout(after.as_secs_f64()),
            SourceError::Throttled { message, .. } => Self::source_throttled(&message),
            SourceError::Unauthorized(what)
            | SourceError::Unavailable(what)
            | SourceError::Failed(what) => Self::internal(&what),
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
        error.inner = Some(Box::new(json!({
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
        })));
        error
    }

    /// `{"error": …}`
    pub(super) fn to_json(&self, identity: Option<&Identity>) -> Value {
        let mut error = json!({
            "code": self.class.code,
            "message": "Request is invalid and cannot be executed.",
            "@type": format!("Kusto.Data.Exceptions.{}", self.class.exception),
            "@message": self.message,
            "@context": identity.map(|identity| json!({
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
            "@permanent": self.class.is_permanent,
        });
        if let Some(inner) = &self.inner {
            error["innererror"] = Value::clone(inner);
        }
        json!({"error": error})
    }

    /// The answer to a request that fails at once.
    pub(super) fn response(&self, identity: Option<&Identity>) -> Response {
        let status = StatusCode::from_u16(self.class.status).expect("it has three digits");
        let json = [(header::CONTENT_TYPE, "application/json; charset=utf-8")];
        (status, json, self.to_json(identity).to_string()).into_response()
    }
}

/// An instant as the service writes it.
pub(super) fn instant(at: DateTime<Utc>) -> String {
    at.to_rfc3339_opts(SecondsFormat::Micros, true)
}
