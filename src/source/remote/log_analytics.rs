//! The query API of Log Analytics, which is that of Microsoft Sentinel's workspaces. A result that
//! is too large comes with an error beside its rows, in an answer that says it is fine.
//!
//! Sources of the rules: Microsoft's pages on the Azure Monitor Log Analytics API (request-format,
//! response-format, errors, timeouts, prefer-options).

use std::sync::Arc;
use std::time::Duration;

use kql::catalog::SharedCatalog;
use reqwest::header::{HeaderMap, HeaderName, HeaderValue};
use serde_json::json;
use uuid::Uuid;

use super::address::Address;
use super::config::LogAnalyticsConfig;
use super::known::Known;
use super::query_api::{AnswerLimits, ApiRequest, Asked, QueryApi, no_parameters};
use crate::microsoft::{Audience, Service};
use crate::quota::Api;
use crate::source::SourceError;
use crate::source::decode::Shape;
use crate::source::schema::Family;

/// Rows of one answer.
const ROWS_MAX: u64 = 500_000;
/// Longest time that a query may be given.
const TIME_MAX: Duration = Duration::from_mins(10);

/// A workspace.
#[derive(Debug)]
pub(super) struct LogAnalytics {
    address: Address,
    workspace: Uuid,
    workspaces: Vec<String>,
    tables: Known,
}

impl LogAnalytics {
    pub(super) fn new(config: &LogAnalyticsConfig) -> anyhow::Result<Self> {
        Ok(Self {
            address: Address::of(&config.service, Service::LogAnalytics)?,
            workspace: config.workspace,
            workspaces: config.workspaces.clone(),
            tables: Known(Family::Sentinel.tables()),
        })
    }
}

impl QueryApi for LogAnalytics {
    fn title(&self) -> &'static str {
        "Log Analytics"
    }

    fn api(&self) -> Api {
        Api::LogAnalytics
    }

    fn shape(&self) -> Shape {
        Shape::Tables
    }

    fn limits(&self) -> AnswerLimits {
        AnswerLimits {
            rows: ROWS_MAX,
            bytes: None,
            time: TIME_MAX,
        }
    }

    fn audience(&self) -> &Audience {
        &self.address.audience
    }

    fn role(&self) -> &'static str {
        "Log Analytics Reader"
    }

    fn has_timespan(&self) -> bool {
        true
    }

    fn request(&self, asked: &Asked<'_>) -> Result<ApiRequest, SourceError> {
        no_parameters(self.title(), asked.parameters)?;
        let mut body = json!({"query": asked.text});
        if let Some(timespan) = asked.timespan {
            body["timespan"] = timespan.text().into();
        }
        if !self.workspaces.is_empty() {
            body["workspaces"] = self.workspaces.as_slice().into();
        }
        let seconds = asked.time.min(TIME_MAX).as_secs().max(1);
        let mut headers = HeaderMap::new();
        let wait = HeaderValue::from_str(&format!("wait={seconds}"));
        headers.insert(
            HeaderName::from_static("prefer"),
            wait.expect("a number is a header's value"),
        );
        // Answers of the last two minutes may come from a cache, and late rows would be missing.
        headers.insert(
            HeaderName::from_static("cache-control"),
            HeaderValue::from_static("no-cache"),
        );
        let workspace = self.workspace.to_string();
        Ok(ApiRequest {
            url: self
                .address
                .join(&["v1", "workspaces", &workspace, "query"]),
            headers,
            body,
        })
    }

    fn tables(&self) -> SharedCatalog {
        Arc::clone(&self.tables.0)
    }
}
