//! What `huntd doctor` asks of a remote source: whether it lets us in, with which roles, and, if it
//! may cost a call, whether it answers.

use std::sync::Arc;
use std::time::Duration;

use chrono::{SecondsFormat, TimeDelta};
use kql::bind::Parameters;
use kql::window::Mode;

use super::Inner;
use super::parts::Parts;
use super::prepare::Prepared;
use crate::quota::Api;
use crate::source::diagnosis::{Diagnosis, Effort};
use crate::source::{QuerySpec, SourceError, Turn};
use crate::window::Window;

/// The cheapest query there is.
const QUERY: &str = "print huntd = 1";
/// How long it may take.
const TIMEOUT: Duration = Duration::from_secs(30);

pub(super) async fn diagnose(inner: &Arc<Inner>, effort: Effort) -> Vec<Diagnosis> {
    let mut found = Vec::new();
    if matches!(inner.api.api(), Api::Xdr | Api::Mde) {
        found.push(Diagnosis::warn(
            "API",
            format!(
                "the hunting API of {} ends on 2027-02-01",
                inner.api.title()
            ),
            "hunt with `kind: graph`",
        ));
    }
    let token = match inner.client.tokens().token(inner.api.audience()).await {
        Ok(token) => token,
        Err(error) => {
            let help = error.help.clone();
            let help = help.unwrap_or_else(|| "see docs/guides/authentication.md".to_owned());
            found.push(Diagnosis::fail("token", error.message.clone(), help));
            return found;
        }
    };
    let until = token.expires_at.to_rfc3339_opts(SecondsFormat::Secs, true);
    let app = token.app_id();
    let app = app.map_or_else(String::new, |app| format!("application {app}, "));
    found.push(Diagnosis::ok("token", format!("{app}good until {until}")));
    let role = inner.api.role();
    let roles = token.roles();
    if is_in_token(inner.api.api()) {
        found.push(if roles.iter().any(|granted| granted == role) {
            Diagnosis::ok("roles", role)
        } else {
            let has = if roles.is_empty() {
                "the token has none".to_owned()
            } else {
                format!("the token has {}", roles.join(", "))
            };
            let help = format!("grant {role} and consent to it: docs/guides/permissions.md");
            Diagnosis::fail("roles", format!("{role} is missing; {has}"), help)
        });
    }
    if effort == Effort::Query {
        found.push(match ask(inner).await {
            Ok(()) => Diagnosis::ok("query", "answered"),
            Err(error) => Diagnosis::fail("query", error.to_string(), "see above, and the guide"),
        });
    }
    found
}

/// Whether what may be asked is in the token; workspaces and databases have roles of their own.
fn is_in_token(api: Api) -> bool {
    !matches!(api, Api::LogAnalytics | Api::Kusto)
}

async fn ask(inner: &Arc<Inner>) -> Result<(), SourceError> {
    let now = inner.clock.now();
    let window = Window::new(now - TimeDelta::minutes(1), now);
    let spec = QuerySpec {
        text: QUERY.to_owned(),
        parameters: Parameters::default(),
        window: window.map_err(|error| SourceError::Failed(error.to_string()))?,
        window_applies: false,
        window_mode: Mode::Event,
        stats: Arc::default(),
        now: None,
        timeout: TIMEOUT,
        turn: Turn::of_person(),
    };
    let prepared = Prepared::of(inner, &spec).await?;
    let parts = Parts::new(Arc::clone(inner), prepared, Arc::clone(&spec.stats));
    parts.start().await.map(drop)
}
