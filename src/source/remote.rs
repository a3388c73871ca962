//! The sources that are services of Microsoft: a query is bound here first, gets its window, is
//! asked for when the quota has room for it, and its answer is taken only if it is complete.
//!
//! `query_api` says what differs between services; `hunting`, `log_analytics` and `kusto` are
//! those. `prepare` binds and confines a query, `parts` splits its window until every part is
//! complete, `attempt` makes one call and, as `patience` says, tries it again, `merge` makes one answer of parts.

pub mod config;

mod address;
mod attempt;
mod diagnose;
mod hunting;
mod known;
mod kusto;
mod log_analytics;
mod merge;
mod parts;
mod patience;
mod prepare;
mod query_api;
mod route;

use std::sync::Arc;

use async_trait::async_trait;
use datafusion::error::DataFusionError;
use datafusion::physical_plan::stream::RecordBatchStreamAdapter;
use futures::StreamExt as _;
use kql::catalog::SharedCatalog;

use self::config::{GraphConfig, HuntingConfig, KustoConfig, LogAnalyticsConfig, ServiceConfig};
use self::known::Known;
use self::parts::Parts;
use self::prepare::Prepared;
use self::query_api::QueryApi;
use super::broker::Broker;
use super::diagnosis::{Diagnosis, Effort};
use super::schema::layered;
use super::{QueryResult, QuerySpec, Source, SourceError, Surroundings};
use crate::clock::SharedClock;
use crate::microsoft::{ApiClient, Service, Tokens};
use crate::quota::{Limits, Route};

/// A service of Microsoft that runs KQL.
#[derive(Debug)]
pub struct RemoteSource {
    inner: Arc<Inner>,
}

/// What queries under way share.
#[derive(Debug)]
struct Inner {
    api: Box<dyn QueryApi>,
    config: ServiceConfig,
    client: ApiClient,
    broker: Arc<Broker>,
    clock: SharedClock,
    /// On which way calls go.
    route: Route,
    /// Tables that the configuration declares.
    declared: Known,
}

/// Advanced hunting through Microsoft Graph.
pub(super) fn graph(
    config: &GraphConfig,
    surroundings: &Surroundings,
) -> anyhow::Result<Arc<dyn Source>> {
    let api = hunting::Hunting::graph(config)?;
    let way = (Service::GraphSecurity, None);
    RemoteSource::build(Box::new(api), &config.service, way, surroundings)
}

/// Advanced hunting through the API of Defender XDR.
pub(super) fn xdr(
    config: &HuntingConfig,
    surroundings: &Surroundings,
) -> anyhow::Result<Arc<dyn Source>> {
    let api = hunting::Hunting::xdr(config)?;
    let way = (Service::Xdr, None);
    RemoteSource::build(Box::new(api), &config.service, way, surroundings)
}

/// Advanced hunting through the API of Defender for Endpoint.
pub(super) fn mde(
    config: &HuntingConfig,
    surroundings: &Surroundings,
) -> anyhow::Result<Arc<dyn Source>> {
    let api = hunting::Hunting::mde(config)?;
    let way = (Service::Mde, None);
    RemoteSource::build(Box::new(api), &config.service, way, surroundings)
}

/// A workspace of Log Analytics.
pub(super) fn log_analytics(
    config: &LogAnalyticsConfig,
    surroundings: &Surroundings,
) -> anyhow::Result<Arc<dyn Source>> {
    let api = log_analytics::LogAnalytics::new(config)?;
    let workspace = config.workspace.to_string();
    let way = (Service::LogAnalytics, Some(workspace.as_str()));
    RemoteSource::build(Box::new(api), &config.service, way, surroundings)
}

/// A database of Azure Data Explorer.
pub(super) fn kusto(
    config: &KustoConfig,
    surroundings: &Surroundings,
) -> anyhow::Result<Arc<dyn Source>> {
    let api = kusto::Kusto::new(config)?;
    let way = (Service::Kusto, Some(config.database.as_str()));
    RemoteSource::build(Box::new(api), &config.service, way, surroundings)
}

impl RemoteSource {
    fn build(
        api: Box<dyn QueryApi>,
        config: &ServiceConfig,
        (service, part): (Service, Option<&str>),
        surroundings: &Surroundings,
    ) -> anyhow::Result<Arc<dyn Source>> {
        let clock = Arc::clone(&surroundings.clock);
        let tokens = Tokens::new(&config.connection, Arc::clone(&clock))?;
        let client = ApiClient::new(&config.connection, tokens, Arc::clone(&clock))?;
        let route = route::route(config, service, api.api(), part)?;
        let limits = Limits::of(route.scope.api).with(&config.quota);
        surroundings.broker.limit(&route.scope, limits);
        let inner = Inner {
            api,
            config: config.clone(),
            client,
            broker: Arc::clone(&surroundings.broker),
            clock,
            route,
            declared: Known(Arc::clone(&surroundings.declared)),
        };
        Ok(Arc::new(Self {
            inner: Arc::new(inner),
        }))
    }
}

#[async_trait]
impl Source for RemoteSource {
    fn catalog(&self) -> SharedCatalog {
        self.inner.catalog()
    }

    async fn query(&self, query: &QuerySpec) -> Result<QueryResult, SourceError> {
        let prepared = Prepared::of(&self.inner, query).await?;
        let stats = Arc::clone(&query.stats);
        let render = prepared.render().cloned();
        let parts = Parts::new(Arc::clone(&self.inner), prepared, Arc::clone(&stats));
        let (schema, arrow, batches) = parts.start().await?;
        let batches =
            batches.map(|batch| batch.map_err(|error| DataFusionError::External(Box::new(error))));
        Ok(QueryResult {
            name: None,
            schema,
            render,
            batches: Box::pin(RecordBatchStreamAdapter::new(arrow, batches)),
            stats,
        })
    }

    /// One table: what services answer with several (`fork`), is refused where it is bound.
    async fn results(&self, query: &QuerySpec) -> Result<Vec<QueryResult>, SourceError> {
        Ok(vec![self.query(query).await?])
    }

    async fn diagnose(&self, effort: Effort) -> Vec<Diagnosis> {
        diagnose::diagnose(&self.inner, effort).await
    }
}

impl Inner {
    fn catalog(&self) -> SharedCatalog {
        layered(&self.declared.0, self.api.tables())
    }
}
