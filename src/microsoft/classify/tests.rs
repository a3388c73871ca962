//! Errors as the vendor's pages, and users, have written them down.

use serde_json::json;

use super::*;

fn now() -> DateTime<Utc> {
    "2026-02-03T04:05:06Z".parse().unwrap()
}

fn of(status: u16, body: &Value) -> ApiError {
    classify(
        status,
        &HeaderMap::new(),
        body.to_string().as_bytes(),
        now(),
    )
}

/// An error of Graph or Defender.
fn simple(status: u16, code: &str, message: &str) -> ApiError {
    of(
        status,
        &json!({"error": {"code": code, "message": message}}),
    )
}

fn calls(allowed: u32, seconds: u64) -> ApiErrorKind {
    ApiErrorKind::Throttled {
        after: None,
        quota: Some(Throttle::Calls {
            allowed,
            per: Duration::from_secs(seconds),
        }),
    }
}

fn cpu(again_in: Option<u64>) -> ApiErrorKind {
    let again_in = again_in.map(Duration::from_secs);
    ApiErrorKind::Throttled {
        after: again_in,
        quota: Some(Throttle::Cpu { again_in }),
    }
}

const THROTTLED: ApiErrorKind = ApiErrorKind::Throttled {
    after: None,
    quota: None,
};

#[test]
fn hunting_errors_are_told_apart() {
    use ApiErrorKind::{
        Forbidden, InvalidQuery, NotFound, Preempted, Timeout, TooLarge, Unauthorized, Unavailable,
    };
    for (status, code, message, kind) in [
        (
            400,
            "BadRequest",
            "'where' operator: Failed to resolve table or column expression named 'NoSuchTable'. \
             Fix semantic errors in your query.",
            InvalidQuery,
        ),
        (
            400,
            "BadRequest",
            "'take' operator: x. Fix semantic errors in your query.",
            InvalidQuery,
        ),
        // Words of the query in the error are not the service's words.
        (
            400,
            "BadRequest",
            "Failed to resolve column named 'query execution was preempted'. Fix semantic errors \
             in your query.",
            InvalidQuery,
        ),
        (
            400,
            "InvalidRequestBody",
            "Request body is incorrect",
            InvalidQuery,
        ),
        (
            400,
            "BadRequest",
            "Query execution has exceeded the allowed result size. Optimize your query by \
             limiting the number of results and try again",
            TooLarge,
        ),
        (
            400,
            "BadRequest",
            "Result size limit exceeded. Use summarize.",
            TooLarge,
        ),
        (
            400,
            "BadRequest",
            "Query execution has exceeded the allowed limits. The query execution was preempted. \
             Optimize your query.",
            Preempted,
        ),
        (
            400,
            "BadRequest",
            "Query stopped due to excessive resource consumption.",
            Preempted,
        ),
        (
            400,
            "BadRequest",
            "Query stopped. Adjust use of the join operator to avoid excessive resource \
             consumption.",
            Preempted,
        ),
        (
            400,
            "BadRequest",
            "Query exceeded the timeout period.",
            Timeout,
        ),
        (
            401,
            "InvalidAuthenticationToken",
            "Access token has expired.",
            Unauthorized,
        ),
        (401, "Unauthorized", "", Unauthorized),
        (
            403,
            "Forbidden",
            "Missing application roles. API required roles: …",
            Forbidden,
        ),
        (
            404,
            "ResourceNotFound",
            "Machine 123 was not found",
            NotFound,
        ),
        (413, "RequestEntityTooLarge", "too long", InvalidQuery),
        (429, "TooManyRequests", "Too many requests.", THROTTLED),
        (
            429,
            "429",
            "API calls quota exceeded! maximum allowed 45 per 00:01:00",
            calls(45, 60),
        ),
        (
            429,
            "429",
            "API calls quota exceeded! maximum allowed 1500 per 01:00:00",
            calls(1500, 3600),
        ),
        (
            429,
            "TooManyRequests",
            "You have exceeded processing resources allocated to this tenant. You can run queries \
             again in 12 minutes.",
            cpu(Some(720)),
        ),
        (
            429,
            "TooManyRequests",
            "This query used 100% of your organization's allocated resources for the current 15 \
             minutes.",
            cpu(None),
        ),
        (500, "UnknownError", "", Unavailable),
        (
            500,
            "InternalServerError",
            "An unexpected error occurred.",
            Unavailable,
        ),
        (503, "ServiceUnavailable", "", Unavailable),
        (504, "UnknownError", "", Timeout),
        (509, "BandwidthLimitExceeded", "", Unavailable),
    ] {
        let error = simple(status, code, message);
        assert_eq!(error.kind, kind, "{status} {code} {message}");
        assert_eq!(error.status, Some(status));
        assert_eq!(error.code.as_deref(), Some(code));
        let words: Vec<&str> = message.split_whitespace().collect();
        assert!(
            error.message.contains(&words.join(" ")),
            "{}",
            error.message
        );
    }
}

#[test]
fn log_analytics_is_understood() {
    let error = of(
        400,
        &json!({"error": {"message": "The request had some invalid properties",
            "code": "BadArgumentError", "innererror": {"code": "SyntaxError",
            "message": "A recognition error occurred in the query.", "innererror": {
            "code": "SYN0002", "message": "Query could not be parsed at 'tke' on line [1,10]"}}}}),
    );
    assert_eq!(error.kind, ApiErrorKind::InvalidQuery);
    assert_eq!(error.code.as_deref(), Some("SYN0002"));
    assert_eq!(
        error.message,
        "400: The request had some invalid properties: Query could not be parsed at 'tke' on line \
         [1,10]"
    );
    for (status, code, inner, kind) in [
        (400, "FailedToResolveResource", "", ApiErrorKind::NotFound),
        (401, "AuthenticationFailed", "", ApiErrorKind::Unauthorized),
        (
            403,
            "InvalidAuthenticationToken",
            "",
            ApiErrorKind::Unauthorized,
        ),
        (
            403,
            "InvalidAuthenticationTokenAudience",
            "",
            ApiErrorKind::Unauthorized,
        ),
        (
            403,
            "InvalidTokenError",
            "SignatureVerificationFailed",
            ApiErrorKind::Unauthorized,
        ),
        (
            403,
            "InsufficientAccessError",
            "AuthorizationFailedError",
            ApiErrorKind::Forbidden,
        ),
        (
            403,
            "InsufficientAccessError",
            "UnauthorizedClient",
            ApiErrorKind::Forbidden,
        ),
        (404, "PathNotFoundError", "", ApiErrorKind::NotFound),
        (429, "ThrottledError", "", THROTTLED),
        (504, "GatewayTimeout", "", ApiErrorKind::Timeout),
    ] {
        let mut body = json!({"error": {"message": "m", "code": code}});
        if !inner.is_empty() {
            body["error"]["innererror"] = json!({"code": inner, "message": "i"});
        }
        assert_eq!(of(status, &body).kind, kind, "{code} {inner}");
    }
}

fn kusto(code: &str, message: &str, is_permanent: bool) -> Value {
    json!({"error": {"code": code, "message": "Request failed.", "@type": "Kusto.X",
        "@message": message, "@context": {"activityId": "act-1"}, "@permanent": is_permanent}})
}

#[test]
fn data_explorer_says_what_is_permanent() {
    use ApiErrorKind::{Bug, InvalidQuery, Preempted, Timeout, TooLarge, Unavailable};
    let body = json!({"error":{"code":"General_BadRequest",
        "message":"Request is invalid and cannot be executed.",
        "@type":"Kusto.Data.Exceptions.KustoBadRequestException",
        "@message":"Request is invalid and cannot be processed: Semantic error: SEM0100: 'table' \
                    operator: Failed to resolve table expression named 'aaa'",
        "@context":{"activityId":"act-1","clientRequestId":"c"},
        "@permanent":true,"@text":"aaa","@database":"Samples",
        "innererror":{"code":"SEM0100",
            "message":"'table' operator: Failed to resolve table expression named 'aaa'",
            "@permanent":true,"@errorCode":"SEM0100"}}});
    let error = of(400, &body);
    assert_eq!(error.kind, ApiErrorKind::InvalidQuery);
    assert_eq!(error.code.as_deref(), Some("SEM0100"));
    assert_eq!(error.ids.request_id.as_deref(), Some("act-1"));
    assert_eq!(
        error.message.matches("named 'aaa'").count(),
        1,
        "{}",
        error.message
    );

    for (status, code, message, is_permanent, kind) in [
        (
            400,
            "BadRequest_TableNotExist",
            "no table",
            true,
            InvalidQuery,
        ),
        (400, "General_BadRequest", "try later", false, Unavailable),
        (
            400,
            "LimitsExceeded",
            "Query execution has exceeded the allowed limits (80DA0003): \
             E_QUERY_RESULT_SET_TOO_LARGE",
            false,
            TooLarge,
        ),
        (
            400,
            "LimitsExceeded",
            "Query result set has exceeded the internal record count limit 500000",
            false,
            TooLarge,
        ),
        (
            400,
            "LimitsExceeded",
            "Runaway query (E_RUNAWAY_QUERY).",
            true,
            Preempted,
        ),
        (
            400,
            "LowMemoryCondition",
            "bad allocation",
            false,
            Preempted,
        ),
        (504, "RequestExecutionTimeout", "timed out", false, Timeout),
        (429, "TooManyRequests", "capacity", false, THROTTLED),
        (520, "General_InternalServerError", "x", false, Unavailable),
        (500, "General_InternalServerError", "x", true, Bug),
    ] {
        let error = of(status, &kusto(code, message, is_permanent));
        assert_eq!(error.kind, kind, "{code} {message}");
    }
}

#[test]
fn failures_inside_a_response_are_told() {
    let partial = json!({"code":"PartialError",
        "message":"There were some errors when processing your query.",
        "details":[{"code":"EngineError",
            "message":"Something went wrong processing your query on the server.",
            "innererror":{"code":"-2133196797",
                "message":"The results of this query exceed the set limit of 500000 records.",
                "severity":2,"severityName":"Error"}}]});
    let error = classify_failure("PartialError", "There were some errors", Some(&partial));
    assert_eq!(error.kind, ApiErrorKind::TooLarge);
    assert!(
        error.message.contains("500000 records"),
        "{}",
        error.message
    );
    assert_eq!(error.code.as_deref(), Some("EngineError"));

    let one = json!({"OneApiErrors": [kusto(
        "LimitsExceeded",
        "Query result set has exceeded the internal data size limit 67108864 \
         (E_QUERY_RESULT_SET_TOO_LARGE).",
        false,
    )]});
    let error = classify_failure("", "", Some(&one));
    assert_eq!(error.kind, ApiErrorKind::TooLarge);
    assert_eq!(error.ids.request_id.as_deref(), Some("act-1"));

    let exceptions = json!({"Exceptions": ["Query execution lacks memory resources to complete \
        (80DA0007): Partial query failure: Low memory condition (E_LOW_MEMORY_CONDITION)."]});
    let error = classify_failure("", "", Some(&exceptions));
    assert_eq!(error.kind, ApiErrorKind::Preempted);

    let error = classify_failure("Whatever", "", None);
    assert_eq!(error.kind, ApiErrorKind::Unavailable);
    let error = classify_failure("Internal", "x", Some(&kusto("Internal", "x", true)));
    assert_eq!(error.kind, ApiErrorKind::InvalidQuery);
}

#[test]
fn waits_are_seconds_or_dates() {
    let wait = |retry: &'static str, date: Option<&'static str>| {
        let mut headers = HeaderMap::new();
        headers.insert(RETRY_AFTER, retry.parse().unwrap());
        if let Some(date) = date {
            headers.insert(DATE, date.parse().unwrap());
        }
        retry_after(&headers, now()).map(|wait| wait.as_secs())
    };
    assert_eq!(wait("30", None), Some(30));
    assert_eq!(wait("1.5", None), Some(1));
    assert_eq!(wait("Tue, 03 Feb 2026 04:06:06 GMT", None), Some(60));
    // Measured by the clock of who says it.
    let date = Some("Tue, 03 Feb 2026 04:05:36 GMT");
    assert_eq!(wait("Tue, 03 Feb 2026 04:06:06 GMT", date), Some(30));
    assert_eq!(wait("Tue, 03 Feb 2026 04:00:00 GMT", None), Some(0));
    assert_eq!(wait("999999999999", None), Some(86_400));
    for text in ["-1", "soon", "NaN", "inf", ""] {
        assert_eq!(wait(text, None), None, "{text}");
    }
    let mut headers = HeaderMap::new();
    headers.insert(RETRY_AFTER, "7".parse().unwrap());
    let body = br#"{"error":{"code":"TooManyRequests","message":"m"}}"#;
    let error = classify(429, &headers, body, now());
    let after = Some(Duration::from_secs(7));
    assert_eq!(error.kind, ApiErrorKind::Throttled { after, quota: None });
}

#[test]
fn requests_are_named_by_header_or_body() {
    let body = json!({"error": {"code": "BadRequest", "message": "m",
        "innerError": {"date": "d", "request-id": "r-1", "client-request-id": "c-1"}}});
    assert_eq!(of(400, &body).ids.request_id.as_deref(), Some("r-1"));
    let target = "43f4cb08-0000-0000-0000-000000000000";
    let body = json!({"error": {"code": "NotFound", "message": "m", "target": target}});
    assert_eq!(of(404, &body).ids.request_id.as_deref(), Some(target));
    let body = json!({"error": {"code": "NotFound", "message": "m", "target": "property"}});
    assert_eq!(of(404, &body).ids.request_id, None);
    for name in [
        "request-id",
        "x-ms-activity-id",
        "x-ms-correlation-request-id",
    ] {
        let mut headers = HeaderMap::new();
        headers.insert(name, "h-1".parse().unwrap());
        let error = classify(500, &headers, b"", now());
        assert_eq!(error.ids.request_id.as_deref(), Some("h-1"));
    }
}

#[test]
fn odd_bodies_do_no_harm() {
    let deep = "{\"error\":".repeat(100) + "1" + &"}".repeat(100);
    let nested = (0..60).fold(
        json!({"code": "x"}),
        |inner, _| json!({"innererror": inner}),
    );
    for body in [
        String::new(),
        "null".to_owned(),
        "[]".to_owned(),
        "[[]]".to_owned(),
        "{\"error\":[]}".to_owned(),
        "{\"error\":null}".to_owned(),
        "{\"error\":{\"code\":7,\"message\":[]}}".to_owned(),
        "{\"error\":{\"details\":[1,{}]}}".to_owned(),
        "<html>\u{0}".to_owned(),
        deep,
        nested.to_string(),
        json!({"error": {"message": "x".repeat(1_000_000)}}).to_string(),
    ] {
        let error = classify(400, &HeaderMap::new(), body.as_bytes(), now());
        let is_told = error.code.is_some() || error.message.contains(": ");
        let expected = if is_told {
            ApiErrorKind::InvalidQuery
        } else {
            // Nothing is said of what is wrong: it was lost on the way.
            ApiErrorKind::Unavailable
        };
        assert_eq!(error.kind, expected, "{error}");
        assert!(error.message.len() < 4000);
        assert!(
            classify(502, &HeaderMap::new(), body.as_bytes(), now())
                .kind
                .is_retryable()
        );
    }
    for status in 100..=999 {
        let error = classify(status, &HeaderMap::new(), b"", now());
        assert_eq!(error.message, format!("status {status}"));
    }
}

#[test]
fn pages_of_the_network_are_no_errors_of_the_service() {
    assert_eq!(of(302, &Value::Null).kind, ApiErrorKind::Misconfigured);
    assert_eq!(of(407, &Value::Null).kind, ApiErrorKind::Misconfigured);
    assert_eq!(of(511, &Value::Null).kind, ApiErrorKind::Misconfigured);
    let help = of(407, &Value::Null).help.unwrap();
    assert!(help.contains("`proxy`"), "{help}");
}

/// Anything, or pieces of what is looked for.
const ODD_TEXT: &str =
    r"\PC{0,80}|(maximum allowed|per|run queries again in|eyJ|://|\?|[0-9:. ]|é|SEM){0,20}";

proptest::proptest! {
    /// Whatever comes back is understood somehow, and told in one line.
    #[test]
    fn any_body_becomes_one_line(status in 0_u16..1000, text in ODD_TEXT) {
        let body = json!({"error": {"code": text, "message": text, "target": text}}).to_string();
        for body in [body.as_bytes(), text.as_bytes()] {
            let error = classify(status, &HeaderMap::new(), body, now());
            proptest::prop_assert!(!error.message.contains('\n'));
            proptest::prop_assert!(error.message.chars().count() <= 601);
        }
        let error = classify_failure(&text, &text, None);
        proptest::prop_assert!(!error.message.contains('\n'));
    }
}

#[test]
fn what_stands_in_between_says_nothing_of_the_query() {
    let error = simple(
        502,
        "BadGateway",
        "Failed to resolve backend host, try again",
    );
    assert_eq!(error.kind, ApiErrorKind::Unavailable);
    let error = simple(
        400,
        "FailedToResolveResource",
        "Failed to resolve resource x",
    );
    assert_eq!(error.kind, ApiErrorKind::NotFound);
}
