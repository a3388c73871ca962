//! Whose API a path belongs to, which tokens that service takes, and how it words a failure. The
//! emulator serves all of them from one port, so that the path alone tells them apart.

use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse as _, Response};
use chrono::{DateTime, Utc};
use serde_json::{Value, json};
use uuid::Uuid;

/// A service.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Product {
    /// Microsoft Graph.
    Graph,
    /// Microsoft Defender XDR.
    Xdr,
    /// Microsoft Defender for Endpoint.
    Mde,
    /// Log Analytics.
    LogAnalytics,
    /// Azure Resource Manager.
    Arm,
    /// Azure Data Explorer.
    Kusto,
    /// Where tokens come from.
    SignIn,
}

/// Why a request fails, before it is worded.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Failure {
    /// HTTP status.
    pub status: u16,
    /// The service's code.
    pub code: String,
    /// The service's code for the details, where it has one.
    pub inner: Option<(String, String)>,
    /// For people.
    pub message: String,
    /// Seconds after which to come again.
    pub retry_after: Option<u64>,
}

impl Failure {
    /// A failure without more.
    pub fn new(status: u16, code: impl Into<String>, message: impl Into<String>) -> Self {
        Self {
            status,
            code: code.into(),
            inner: None,
            message: message.into(),
            retry_after: None,
        }
    }

    /// Adds a code for the details.
    #[must_use]
    pub fn with_inner(mut self, code: impl Into<String>, message: impl Into<String>) -> Self {
        self.inner = Some((code.into(), message.into()));
        self
    }

    /// Adds when to come again.
    #[must_use]
    pub fn with_retry_after(mut self, seconds: Option<u64>) -> Self {
        self.retry_after = seconds;
        self
    }
}

/// Hosts of the services, by cloud; a token for one of them is good for the service.
const GRAPH: &[&str] = &[
    "https://graph.microsoft.com",
    "https://graph.microsoft.us",
    "https://dod-graph.microsoft.us",
    "https://microsoftgraph.chinacloudapi.cn",
    "00000003-0000-0000-c000-000000000000",
];
const XDR: &[&str] = &[
    "https://api.security.microsoft.com",
    "https://api-gcc.security.microsoft.us",
    "https://api-gov.security.microsoft.us",
];
/// Which of the two the newer host wants is documented nowhere, so that either is taken.
const MDE: &[&str] = &[
    "https://api.securitycenter.microsoft.com",
    "https://api.security.microsoft.com",
    "https://api-gcc.securitycenter.microsoft.us",
    "https://api-gov.securitycenter.microsoft.us",
    "https://api-gcc.security.microsoft.us",
    "https://api-gov.security.microsoft.us",
    "https://securitycenter.onmicrosoft.com/windowsatpservice",
];
const LOG_ANALYTICS: &[&str] = &[
    "https://api.loganalytics.io",
    "https://api.loganalytics.azure.com",
    "https://api.loganalytics.us",
    "https://api.loganalytics.azure.us",
    "https://api.loganalytics.azure.cn",
];
const ARM: &[&str] = &[
    "https://management.azure.com",
    "https://management.core.windows.net",
    "https://management.usgovcloudapi.net",
    "https://management.chinacloudapi.cn",
];
const KUSTO: &[&str] = &[
    "https://kusto.kusto.windows.net",
    "https://api.kusto.windows.net",
];
const KUSTO_SUFFIXES: &[&str] = &[
    ".kusto.windows.net",
    ".kustomfa.windows.net",
    ".kusto.fabric.microsoft.com",
    ".kusto.azuresynapse.net",
    ".kusto.usgovcloudapi.net",
    ".kustomfa.usgovcloudapi.net",
    ".kusto.chinacloudapi.cn",
];
/// What else a token can be asked for, though nothing here takes it.
const OTHERS: &[&str] = &["https://monitor.azure.com", "api://AzureADTokenExchange"];

/// Whether some service knows itself by that name. The emulator's own address is not among them.
pub(super) fn is_known_resource(resource: &str) -> bool {
    let all = [
        Product::Graph,
        Product::Xdr,
        Product::Mde,
        Product::LogAnalytics,
        Product::Arm,
        Product::Kusto,
    ];
    all.iter().any(|product| product.takes(resource))
        || OTHERS.iter().any(|other| is_same(other, resource))
}

fn is_same(one: &str, other: &str) -> bool {
    one.eq_ignore_ascii_case(other.trim_end_matches('/'))
}

impl Product {
    /// Whose API has that path.
    pub fn of_path(path: &str) -> Self {
        let starts = |prefixes: &[&str]| prefixes.iter().any(|prefix| path.starts_with(prefix));
        if starts(&["/v1.0/", "/beta/"]) {
            Self::Graph
        } else if starts(&["/api/advancedhunting/", "/api/incidents"]) {
            Self::Xdr
        } else if starts(&["/api/"]) {
            Self::Mde
        } else if starts(&["/v1/rest/", "/v2/rest/"]) {
            Self::Kusto
        } else if starts(&["/v1/"]) {
            Self::LogAnalytics
        } else if starts(&["/subscriptions/"]) {
            Self::Arm
        } else {
            Self::SignIn
        }
    }

    /// Whether a token for that audience is good for it.
    pub fn takes(self, audience: &str) -> bool {
        let hosts = match self {
            Self::Graph => GRAPH,
            Self::Xdr => XDR,
            Self::Mde => MDE,
            Self::LogAnalytics => LOG_ANALYTICS,
            Self::Arm => ARM,
            Self::Kusto => KUSTO,
            Self::SignIn => &[],
        };
        let lower = audience.trim_end_matches('/').to_ascii_lowercase();
        let is_cluster = || {
            lower.starts_with("https://")
                && KUSTO_SUFFIXES.iter().any(|suffix| lower.ends_with(suffix))
        };
        hosts.iter().any(|host| is_same(host, audience)) || (self == Self::Kusto && is_cluster())
    }

    /// Words a failure as the service does. `now` is the emulator's time, `headers` those of the
    /// request.
    pub fn respond(self, failure: &Failure, headers: &HeaderMap, now: DateTime<Utc>) -> Response {
        let id = Uuid::new_v4().to_string();
        let sent = ["client-request-id", "x-ms-client-request-id"]
            .iter()
            .find_map(|name| headers.get(*name)?.to_str().ok());
        let client_id = sent.filter(|sent| sent.len() <= 128).unwrap_or(&id);
        let status = StatusCode::from_u16(failure.status);
        let status = status.unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
        let body = self.body(failure, &id, client_id, now);
        let json = [(header::CONTENT_TYPE, "application/json; charset=utf-8")];
        let mut response = (status, json, body.to_string()).into_response();
        let headers = response.headers_mut();
        if let Some(seconds) = failure.retry_after {
            headers.insert(header::RETRY_AFTER, HeaderValue::from(seconds));
        }
        if status == StatusCode::UNAUTHORIZED {
            let scheme = HeaderValue::from_static("Bearer");
            headers.insert(header::WWW_AUTHENTICATE, scheme);
        }
        for name in ["request-id", "x-ms-request-id"] {
            if let Ok(value) = HeaderValue::from_str(&id) {
                headers.insert(name, value);
            }
        }
        response
    }

    fn body(self, failure: &Failure, id: &str, client_id: &str, now: DateTime<Utc>) -> Value {
        let Failure {
            code,
            message,
            inner,
            status,
            ..
        } = failure;
        match self {
            Self::Graph => json!({"error": {
                "code": code,
                "message": message,
                "innerError": {
                    "date": now.format("%Y-%m-%dT%H:%M:%S").to_string(),
                    "request-id": id,
                    "client-request-id": client_id,
                },
            }}),
            Self::Xdr | Self::Mde => {
                json!({"error": {"code": code, "message": message, "target": id}})
            }
            Self::LogAnalytics | Self::Arm => {
                let mut error = json!({"message": message, "code": code, "correlationId": id});
                if let Some((code, message)) = inner {
                    error["innererror"] = json!({"code": code, "message": message});
                }
                json!({"error": error})
            }
            Self::Kusto => json!({"error": {
                "code": code,
                "message": "Request is invalid and cannot be executed.",
                "@type": "Kusto.DataNode.Exceptions.KustoServiceException",
                "@message": message,
                "@context": {"clientRequestId": client_id, "activityId": id},
                "@permanent": !matches!(status, 429 | 500..),
            }}),
            Self::SignIn => json!({"error": code, "error_description": message}),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_tell_the_services_apart() {
        for (path, product) in [
            ("/v1.0/security/runHuntingQuery", Product::Graph),
            ("/beta/security/runHuntingQuery", Product::Graph),
            ("/api/advancedhunting/run", Product::Xdr),
            ("/api/advancedqueries/run", Product::Mde),
            ("/api/machines", Product::Mde),
            ("/v1/workspaces/x/query", Product::LogAnalytics),
            ("/v1/rest/query", Product::Kusto),
            ("/v2/rest/query", Product::Kusto),
            ("/subscriptions/s", Product::Arm),
            ("/tenant/oauth2/v2.0/token", Product::SignIn),
        ] {
            assert_eq!(Product::of_path(path), product, "{path}");
        }
    }

    #[test]
    fn a_token_is_good_for_its_service_alone() {
        assert!(Product::Graph.takes("https://graph.microsoft.com/"));
        assert!(Product::Graph.takes("https://GRAPH.microsoft.us"));
        assert!(!Product::Graph.takes("https://api.security.microsoft.com"));
        assert!(Product::Mde.takes("https://api.security.microsoft.com"));
        assert!(!Product::Xdr.takes("https://api.securitycenter.microsoft.com"));
        assert!(Product::Kusto.takes("https://lab.westeurope.kusto.windows.net"));
        assert!(!Product::Kusto.takes("https://kusto.windows.net.example.com"));
        assert!(!Product::Arm.takes("https://api.loganalytics.io"));
        assert!(is_known_resource("https://management.core.windows.net/"));
        assert!(!is_known_resource("https://example.com"));
    }
}
