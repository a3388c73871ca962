//! What differs between the services: how a query is put, what an answer looks like, and where it
//! is cut. Everything else of a remote source is the same for all of them.

use std::fmt::Debug;
use std::time::Duration;

use async_trait::async_trait;
use chrono::{DateTime, SecondsFormat, TimeDelta, Timelike as _, Utc};
use kql::bind::Parameters;
use kql::catalog::SharedCatalog;
use reqwest::Url;
use reqwest::header::HeaderMap;
use serde_json::Value;

use crate::microsoft::{ApiClient, ApiError, Audience};
use crate::quota::Api;
use crate::source::SourceError;
use crate::source::decode::Shape;
use crate::window::Window;

/// One of Microsoft's services that run KQL.
#[async_trait]
pub(super) trait QueryApi: Debug + Send + Sync {
    /// What it is called in messages.
    fn title(&self) -> &'static str;

    /// Whose quota its calls count against.
    fn api(&self) -> Api;

    /// The form of its answers.
    fn shape(&self) -> Shape;

    /// What it documents about one answer.
    fn limits(&self) -> AnswerLimits;

    /// What access tokens are asked for.
    fn audience(&self) -> &Audience;

    /// The role that its calls need.
    fn role(&self) -> &'static str;

    /// Whether requests carry a range of time, in which tables are read, beside the text.
    fn has_timespan(&self) -> bool;

    /// Puts a question.
    fn request(&self, asked: &Asked<'_>) -> Result<ApiRequest, SourceError>;

    /// The tables that queries are bound against.
    fn tables(&self) -> SharedCatalog;

    /// Asks the service for its tables, if it is one that tells them and has not been asked
    /// lately, or not since `stale`.
    async fn refresh_tables(&self, _client: &ApiClient, _stale: Stale) -> Result<(), ApiError> {
        Ok(())
    }
}

/// Which tables are asked for again.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Stale {
    /// Those never asked for.
    Unknown,
    /// All: a query names something that is not there.
    All,
}

/// What a service documents about one answer.
#[derive(Clone, Copy, Debug)]
pub(super) struct AnswerLimits {
    /// Rows at which it cuts.
    pub(super) rows: u64,
    /// Bytes at which it may cut without a word.
    pub(super) bytes: Option<u64>,
    /// Longest time of a query.
    pub(super) time: Duration,
}

/// A question for a service.
#[derive(Debug)]
pub(super) struct Asked<'a> {
    /// KQL, with the window in it.
    pub(super) text: &'a str,
    /// The range that is sent beside the text, where there is one.
    pub(super) timespan: Option<Timespan>,
    /// Values for the parameters that the text declares.
    pub(super) parameters: &'a Parameters,
    /// How long the service may take.
    pub(super) time: Duration,
    /// What the call is called.
    pub(super) client_request_id: uuid::Uuid,
}

/// A question as the service wants it.
#[derive(Debug)]
pub(super) struct ApiRequest {
    pub(super) url: Url,
    pub(super) headers: HeaderMap,
    pub(super) body: Value,
}

/// An ISO 8601 interval as the services take it.
///
/// None of them documents whether its end is inside, or what precision is kept. The text holds
/// the exact, half-open window, and of both the narrower counts; so the interval only has to be
/// at least as wide.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Timespan {
    from: DateTime<Utc>,
    to: DateTime<Utc>,
}

impl Timespan {
    /// The whole seconds around a window.
    pub(super) fn around(window: Window) -> Self {
        let floor = |at: DateTime<Utc>| at.with_nanosecond(0).unwrap_or(at);
        let end = floor(window.end());
        let to = if end == window.end() {
            end
        } else {
            end + TimeDelta::seconds(1)
        };
        Self {
            from: floor(window.start()),
            to,
        }
    }

    /// `start/end`
    pub(super) fn text(self) -> String {
        let text = |at: DateTime<Utc>| at.to_rfc3339_opts(SecondsFormat::Secs, true);
        format!("{}/{}", text(self.from), text(self.to))
    }
}

/// Services other than Kusto take no parameters.
pub(super) fn no_parameters(title: &str, parameters: &Parameters) -> Result<(), SourceError> {
    if *parameters == Parameters::default() {
        return Ok(());
    }
    Err(SourceError::Failed(format!(
        "{title} takes no query parameters; write the values into the query with `let`"
    )))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_interval_is_at_least_as_wide_as_its_window() {
        let at = |text: &str| text.parse::<DateTime<Utc>>().unwrap();
        let text = |from, to| Timespan::around(Window::new(at(from), at(to)).unwrap()).text();
        assert_eq!(
            text("2026-02-01T08:00:00Z", "2026-02-15T08:00:00Z"),
            "2026-02-01T08:00:00Z/2026-02-15T08:00:00Z"
        );
        assert_eq!(
            text("2026-02-01T08:00:00.5Z", "2026-02-01T08:00:00.7500001Z"),
            "2026-02-01T08:00:00Z/2026-02-01T08:00:01Z"
        );
    }
}
