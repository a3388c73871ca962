//! Azure Data Explorer and Fabric Eventhouses: queries over `/v2/rest/query`, with parameters, and
//! the tables of the database, which it is asked for when a query first needs them. An answer may
//! fail behind its first rows, in a status that says it is fine; the decoder sees to that.
//!
//! Sources of the rules: Microsoft's pages on the Kusto REST API (request, request-properties,
//! response-v2), query-limits and partial-query-failures.

mod database;

use std::collections::BTreeMap;
use std::sync::{Arc, PoisonError, RwLock};
use std::time::Duration;

use async_trait::async_trait;
use kql::catalog::SharedCatalog;
use reqwest::Method;
use reqwest::header::HeaderMap;
use serde_json::json;
use uuid::Uuid;

use super::address::Address;
use super::config::KustoConfig;
use super::known::Known;
use super::query_api::{AnswerLimits, ApiRequest, Asked, QueryApi, Stale};
use crate::microsoft::{ApiClient, ApiError, Audience, Body, Call, Service};
use crate::quota::Api;
use crate::source::SourceError;
use crate::source::decode::Shape;
use crate::source::schema::any_table;

/// Rows of one answer; more is an error, as is more than 64 MB.
const ROWS_MAX: u64 = 500_000;
/// Longest time that a query may be given.
const TIME_MAX: Duration = Duration::from_hours(1);
/// Longest time of the command that tells the tables.
const TABLES_TIMEOUT: Duration = Duration::from_mins(1);
/// Largest answer of that command.
const TABLES_BYTES_MAX: usize = 64 << 20;

/// A database.
#[derive(Debug)]
pub(super) struct Kusto {
    address: Address,
    database: String,
    time_columns: BTreeMap<String, String>,
    known: RwLock<Option<Known>>,
}

impl Kusto {
    pub(super) fn new(config: &KustoConfig) -> anyhow::Result<Self> {
        Ok(Self {
            address: Address::of(&config.service, Service::Kusto)?,
            database: config.database.clone(),
            time_columns: config.time_columns.clone(),
            known: RwLock::default(),
        })
    }

    fn known(&self) -> Option<SharedCatalog> {
        let known = self.known.read().unwrap_or_else(PoisonError::into_inner);
        known.as_ref().map(|entry| Arc::clone(&entry.0))
    }
}

#[async_trait]
impl QueryApi for Kusto {
    fn title(&self) -> &'static str {
        "Azure Data Explorer"
    }

    fn api(&self) -> Api {
        Api::Kusto
    }

    fn shape(&self) -> Shape {
        Shape::Frames
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
        "Database Viewer"
    }

    fn has_timespan(&self) -> bool {
        false
    }

    fn request(&self, asked: &Asked<'_>) -> Result<ApiRequest, SourceError> {
        let parameters: serde_json::Map<String, serde_json::Value> = asked
            .parameters
            .iter()
            .map(|(name, value)| (name.to_owned(), value.into()))
            .collect();
        let seconds = asked.time.min(TIME_MAX).as_secs().max(1);
        let (hours, minutes, seconds) = (seconds / 3600, seconds / 60 % 60, seconds % 60);
        let body = json!({
            "db": self.database,
            "csl": asked.text,
            "properties": {
                "Options": {
                    "servertimeout": format!("{hours:02}:{minutes:02}:{seconds:02}"),
                    "results_progressive_enabled": false,
                    "request_readonly": true,
                    "request_app_name": "huntd",
                },
                "Parameters": parameters,
                "ClientRequestId": format!("huntd.query;{}", asked.client_request_id),
            },
        });
        Ok(ApiRequest {
            url: self.address.join(&["v2", "rest", "query"]),
            headers: HeaderMap::new(),
            body,
        })
    }

    /// What the database told; before it was asked, any name may be a table.
    fn tables(&self) -> SharedCatalog {
        self.known().unwrap_or_else(any_table)
    }

    async fn refresh_tables(&self, client: &ApiClient, stale: Stale) -> Result<(), ApiError> {
        if stale == Stale::Unknown && self.known().is_some() {
            return Ok(());
        }
        let name = self.database.replace('\\', "\\\\").replace('\'', "\\'");
        let call = Call {
            method: Method::POST,
            url: self.address.join(&["v1", "rest", "mgmt"]),
            headers: HeaderMap::new(),
            body: Some(Body::Json(json!({
                "db": self.database,
                "csl": format!(".show database ['{name}'] schema as json"),
            }))),
            audience: self.address.audience.clone(),
            timeout: TABLES_TIMEOUT,
            client_request_id: Uuid::now_v7(),
            needs: self.role(),
        };
        let answer = client.send(call).await?.json(TABLES_BYTES_MAX).await?;
        let tables = database::tables(&answer, &self.database, &self.time_columns);
        *self.known.write().unwrap_or_else(PoisonError::into_inner) = Some(Known(tables));
        Ok(())
    }
}
