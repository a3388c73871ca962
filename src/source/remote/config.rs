//! Settings of the sources that are services of Microsoft. What a service limits is a setting
//! where its documentation is silent or has changed; docs/guides/ has a page for each.

use std::collections::BTreeMap;
use std::time::Duration;

use kql::catalog::SharedCatalog;
use schemars::JsonSchema;
use serde::Deserialize;
use uuid::Uuid;

use super::address::Address;
use crate::duration::DurationText;
use crate::microsoft::{ConnectionConfig, ConnectionProblem, Service};
use crate::quota::QuotaConfig;
use crate::source::schema::Family;

/// What all services have in common.
#[derive(Clone, Debug, PartialEq, Deserialize, JsonSchema)]
pub struct ServiceConfig {
    /// How to reach it and sign in.
    #[serde(flatten)]
    pub connection: ConnectionConfig,
    /// Address of the API, such as a geographical one or that of `huntd emulate`.
    /// Default: the address in the tenant's cloud.
    #[serde(default)]
    pub url: Option<String>,
    /// What access tokens are asked for, where it is not what the service documents.
    #[serde(default)]
    pub audience: Option<String>,
    /// What the service allows; calls that would exceed it wait. Default: what it documents.
    #[serde(default)]
    pub quota: QuotaConfig,
    /// Rows of one answer at which the service cuts: an answer with so many is not taken for
    /// complete. Default: what the service documents.
    #[serde(default)]
    pub rows_max: Option<u64>,
    /// Bytes of one answer at which the service may cut. Default: 50 MB for hunting, and none for
    /// services that say when they cut.
    #[serde(default)]
    pub bytes_max: Option<u64>,
    /// Longest time of one call. Default: what the service documents, and 30s for the way.
    #[serde(default)]
    pub call_timeout: Option<DurationText>,
    /// A window is not split into parts shorter than this. Default: 1s.
    #[serde(default = "default_split_floor")]
    pub split_floor: DurationText,
    /// How often a call is tried that the service or the way to it fails. Default: 10.
    #[serde(default = "default_attempts")]
    pub attempts: u32,
}

impl ServiceConfig {
    /// What is wrong with it beyond the form of its options.
    pub(in crate::source) fn check(&self, service: Service) -> Vec<ConnectionProblem> {
        let mut problems = self.connection.check();
        let mut report = |field, reason| problems.push(ConnectionProblem { field, reason });
        if let Err(reason) = self.connection.cloud.check(service) {
            report("cloud", reason);
        } else {
            let address = Address::of(self, service).map_err(|error| format!("{error:#}"));
            let checked =
                address.and_then(|address| self.connection.check_address(&address.join(&[])));
            if let Err(reason) = checked {
                report("url", reason);
            }
        }
        if self.attempts == 0 {
            report("attempts", "must be at least 1".to_owned());
        }
        if self.rows_max == Some(0) {
            report("rows_max", "must be at least 1".to_owned());
        }
        problems
    }
}

/// Advanced hunting through Microsoft Graph (`runHuntingQuery`). Role: `ThreatHunting.Read.All`.
#[derive(Clone, Debug, PartialEq, Deserialize, JsonSchema)]
#[schemars(deny_unknown_fields)]
pub struct GraphConfig {
    /// What all services have in common.
    #[serde(flatten)]
    pub service: ServiceConfig,
    /// Log Analytics workspace that is queried beside Defender's tables, by its GUID. Microsoft
    /// answers from the primary workspace without a word where it is wrong, so look twice.
    #[serde(default)]
    #[schemars(with = "Option<String>")]
    pub workspace: Option<Uuid>,
}

impl GraphConfig {
    /// The tables that are known of it.
    pub(in crate::source) fn tables(&self) -> SharedCatalog {
        match self.workspace {
            Some(_) => Family::All.tables(),
            None => Family::Defender.tables(),
        }
    }
}

/// Advanced hunting through one of the two older APIs. Both end on 2027-02-01; use `graph`.
#[derive(Clone, Debug, PartialEq, Deserialize, JsonSchema)]
#[schemars(deny_unknown_fields)]
pub struct HuntingConfig {
    /// What all services have in common.
    #[serde(flatten)]
    pub service: ServiceConfig,
}

/// A workspace of Log Analytics or Microsoft Sentinel. Needs the role Log Analytics Reader on the
/// workspace.
#[derive(Clone, Debug, PartialEq, Deserialize, JsonSchema)]
#[schemars(deny_unknown_fields)]
pub struct LogAnalyticsConfig {
    /// What all services have in common.
    #[serde(flatten)]
    pub service: ServiceConfig,
    /// The workspace, by its GUID.
    #[schemars(with = "String")]
    pub workspace: Uuid,
    /// Further workspaces that are queried along: GUIDs, names or resource ids. Default: none.
    #[serde(default)]
    pub workspaces: Vec<String>,
}

/// A database of Azure Data Explorer or a Fabric Eventhouse. Needs the role Viewer on the
/// database.
#[derive(Clone, Debug, PartialEq, Deserialize, JsonSchema)]
#[schemars(deny_unknown_fields)]
pub struct KustoConfig {
    /// What all services have in common; `url` is the cluster's address, such as
    /// `https://name.region.kusto.windows.net`.
    #[serde(flatten)]
    pub service: ServiceConfig,
    /// The database.
    pub database: String,
    /// Time columns by table, where it is not `Timestamp`, `TimeGenerated` or the table's only
    /// datetime column.
    #[serde(default)]
    pub time_columns: BTreeMap<String, String>,
}

fn default_split_floor() -> DurationText {
    DurationText(Duration::from_secs(1))
}

fn default_attempts() -> u32 {
    10
}
