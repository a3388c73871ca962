//! Paths whatever their case: what is fixed in them is spelled as the routes have it, before
//! anything looks at it. Ids within them stay as they are.

use axum::extract::Request;
use axum::http::Uri;
use axum::http::uri::PathAndQuery;

/// Beginnings of paths behind the version of Graph, longer ones first.
const OF_GRAPH: [&str; 9] = [
    "/security/microsoft.graph.security.runHuntingQuery",
    "/security/runHuntingQuery",
    "/security/getHuntingSchema()",
    "/security/getHuntingSchema",
    "/security/alerts_v2",
    "/security/incidents",
    "/users",
    "/me/sendMail",
    "",
];
/// Beginnings of paths of Defender behind `/api`.
const OF_DEFENDER: [&str; 4] = [
    "/advancedhunting/run",
    "/advancedqueries/run",
    "/incidents",
    "",
];
const SERVICES: [(&str, &[&str]); 3] = [
    ("/v1.0", &OF_GRAPH),
    ("/beta", &OF_GRAPH),
    ("/api", &OF_DEFENDER),
];

/// Spells the path of a request as the routes have it.
pub(super) async fn respell(mut request: Request) -> Request {
    if let Some(path) = spelled(request.uri().path()) {
        let query = request.uri().query();
        let query = query.map(|query| format!("?{query}")).unwrap_or_default();
        let mut parts = request.uri().clone().into_parts();
        parts.path_and_query = PathAndQuery::try_from(format!("{path}{query}")).ok();
        if let Ok(uri) = Uri::from_parts(parts) {
            *request.uri_mut() = uri;
        }
    }
    request
}

/// The path as the routes have it, if that is another one.
fn spelled(path: &str) -> Option<String> {
    let (service, rest, of_service) = SERVICES
        .iter()
        .find_map(|(service, of_service)| Some((service, behind(path, service)?, of_service)))?;
    let (fixed, rest) = of_service
        .iter()
        .find_map(|fixed| Some((fixed, behind(rest, fixed)?)))?;
    let spelled = format!("{service}{fixed}{rest}");
    (spelled != path).then_some(spelled)
}

/// What comes behind some segments, whatever their case.
fn behind<'p>(path: &'p str, segments: &str) -> Option<&'p str> {
    let (first, rest) = path.split_at_checked(segments.len())?;
    let is_whole = rest.is_empty() || rest.starts_with('/');
    (is_whole && first.eq_ignore_ascii_case(segments)).then_some(rest)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_fixed_is_spelled_as_the_routes_have_it() {
        for (path, expected) in [
            ("/API/Machines", "/api/Machines"),
            ("/api/AdvancedQueries/run", "/api/advancedqueries/run"),
            (
                "/V1.0/Security/Alerts_V2/DA1_x",
                "/v1.0/security/alerts_v2/DA1_x",
            ),
            (
                "/v1.0/Users/Ada@example.com/sendMail",
                "/v1.0/users/Ada@example.com/sendMail",
            ),
            ("/beta/me/sendmail", "/beta/me/sendMail"),
            (
                "/beta/security/GetHuntingSchema()",
                "/beta/security/getHuntingSchema()",
            ),
        ] {
            assert_eq!(spelled(path).as_deref(), Some(expected), "{path}");
            assert_eq!(spelled(expected), None, "{expected}");
        }
        for path in [
            "/Apis/x",
            "/v1/Workspaces",
            "/",
            "",
            "/\u{e4}pi/x",
            "/Admin/faults",
        ] {
            assert_eq!(spelled(path), None, "{path}");
        }
    }

    #[tokio::test]
    async fn the_query_stays() {
        for (uri, expected) in [
            ("/API/alerts?$top=1&X=Y", "/api/alerts?$top=1&X=Y"),
            ("http://h:1/API/alerts", "http://h:1/api/alerts"),
            ("/API/alerts?", "/api/alerts?"),
        ] {
            let request = Request::builder().uri(uri).body(axum::body::Body::empty());
            let request = respell(request.unwrap()).await;
            assert_eq!(request.uri(), expected);
        }
    }
}
