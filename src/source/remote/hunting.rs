//! Advanced hunting of Microsoft Defender XDR: `runHuntingQuery` of Microsoft Graph, and the two
//! older APIs that it replaces. Of an answer that has exactly as many rows as the service returns
//! at most, nobody can say whether it was cut; it is not taken for complete.
//!
//! Sources of the rules: Microsoft's pages for security-security-runhuntingquery,
//! api-advanced-hunting and run-advanced-query-api.

use std::sync::Arc;
use std::time::Duration;

use kql::catalog::SharedCatalog;
use reqwest::header::HeaderMap;
use serde_json::json;
use uuid::Uuid;

use super::address::Address;
use super::config::{GraphConfig, HuntingConfig};
use super::known::Known;
use super::query_api::{AnswerLimits, ApiRequest, Asked, QueryApi, no_parameters};
use crate::microsoft::{Audience, Service};
use crate::quota::Api;
use crate::source::SourceError;
use crate::source::decode::Shape;
use crate::source::schema::Family;

/// Rows of one answer: 100,000 since 2022, for all three.
const ROWS_MAX: u64 = 100_000;
/// Bytes of one answer. Whether that counts the bytes of the response is not said.
const BYTES_MAX: u64 = 50_000_000;

/// One of the three ways to hunt.
#[derive(Debug)]
pub(super) struct Hunting {
    door: Door,
    address: Address,
    tables: Known,
}

#[derive(Clone, Copy, Debug)]
enum Door {
    Graph { workspace: Option<Uuid> },
    Xdr,
    Mde,
}

impl Hunting {
    pub(super) fn graph(config: &GraphConfig) -> anyhow::Result<Self> {
        Ok(Self {
            door: Door::Graph {
                workspace: config.workspace,
            },
            address: Address::of(&config.service, Service::GraphSecurity)?,
            tables: Known(config.tables()),
        })
    }

    pub(super) fn xdr(config: &HuntingConfig) -> anyhow::Result<Self> {
        let address = Address::of(&config.service, Service::Xdr)?;
        Ok(Self::older(Door::Xdr, address))
    }

    pub(super) fn mde(config: &HuntingConfig) -> anyhow::Result<Self> {
        let address = Address::of(&config.service, Service::Mde)?;
        Ok(Self::older(Door::Mde, address))
    }

    fn older(door: Door, address: Address) -> Self {
        Self {
            door,
            address,
            tables: Known(Family::Defender.tables()),
        }
    }
}

impl QueryApi for Hunting {
    fn title(&self) -> &'static str {
        match self.door {
            Door::Graph { .. } => "Microsoft Graph",
            Door::Xdr => "Defender XDR",
            Door::Mde => "Defender for Endpoint",
        }
    }

    fn api(&self) -> Api {
        match self.door {
            Door::Graph { .. } => Api::Graph,
            Door::Xdr => Api::Xdr,
            Door::Mde => Api::Mde,
        }
    }

    fn shape(&self) -> Shape {
        Shape::Hunting
    }

    fn limits(&self) -> AnswerLimits {
        let seconds = match self.door {
            Door::Graph { .. } | Door::Xdr => 180,
            Door::Mde => 200,
        };
        AnswerLimits {
            rows: ROWS_MAX,
            bytes: Some(BYTES_MAX),
            time: Duration::from_secs(seconds),
        }
    }

    fn audience(&self) -> &Audience {
        &self.address.audience
    }

    fn role(&self) -> &'static str {
        match self.door {
            Door::Graph { .. } => "ThreatHunting.Read.All",
            Door::Xdr => "AdvancedHunting.Read.All",
            Door::Mde => "AdvancedQuery.Read.All",
        }
    }

    fn has_timespan(&self) -> bool {
        matches!(self.door, Door::Graph { .. })
    }

    fn request(&self, asked: &Asked<'_>) -> Result<ApiRequest, SourceError> {
        no_parameters(self.title(), asked.parameters)?;
        let mut body = json!({"Query": asked.text});
        let path: &[&str] = match self.door {
            Door::Graph { workspace } => {
                if let Some(timespan) = asked.timespan {
                    body["Timespan"] = timespan.text().into();
                }
                if let Some(workspace) = workspace {
                    body["workspaceId"] = workspace.to_string().into();
                }
                &["v1.0", "security", "runHuntingQuery"]
            }
            Door::Xdr => &["api", "advancedhunting", "run"],
            Door::Mde => &["api", "advancedqueries", "run"],
        };
        Ok(ApiRequest {
            url: self.address.join(path),
            headers: HeaderMap::new(),
            body,
        })
    }

    fn tables(&self) -> SharedCatalog {
        Arc::clone(&self.tables.0)
    }
}
