//! What a service lets a tenant ask of it, and what of that is used: pure rules, without tasks
//! and without a clock.
//!
//! `limits` says how much, `ledger` keeps the books of one tenant and one API and says when the
//! next call may be sent, `learnt` holds what refusals of the service taught, `turn` says who is
//! next among those who wait, `breaker` when a tenant is left alone. The broker of `source` waits
//! and sends by these rules.

pub mod breaker;
pub mod learnt;
pub mod ledger;
pub mod limits;
pub mod remaining;
pub mod snapshot;
pub mod turn;

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

use crate::duration::DurationText;

pub use ledger::{Admission, CallId, Ledger};
pub use limits::{Limits, QuotaConfig};
pub use remaining::Remaining;
pub use snapshot::Snapshot;

/// Whose calls are counted together.
#[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Debug, Serialize, Deserialize)]
pub struct Scope {
    /// The tenant; for services that count by client or by cluster, that.
    pub tenant: String,
    /// Which of the tenant's APIs.
    pub api: Api,
}

impl fmt::Display for Scope {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} of {}", self.api, self.tenant)
    }
}

/// An API that counts its calls apart from all others.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Debug, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Api {
    /// Microsoft Graph `runHuntingQuery`.
    Graph,
    /// The legacy hunting API of Defender XDR.
    Xdr,
    /// The legacy hunting API of Defender for Endpoint.
    Mde,
    /// Queries of a Log Analytics workspace.
    LogAnalytics,
    /// Azure Data Explorer and Fabric.
    Kusto,
    /// What is read of Defender for Endpoint: alerts, machines, machine actions, indicators.
    DefenderReads,
    /// What is changed in Defender for Endpoint: machine actions, indicators, alerts.
    DefenderActions,
    /// Alerts and incidents of Microsoft Graph.
    GraphAlerts,
    /// Mail through Microsoft Graph.
    GraphMail,
}

impl Api {
    /// Every API.
    pub const ALL: [Self; 9] = [
        Self::Graph,
        Self::Xdr,
        Self::Mde,
        Self::LogAnalytics,
        Self::Kusto,
        Self::DefenderReads,
        Self::DefenderActions,
        Self::GraphAlerts,
        Self::GraphMail,
    ];

    /// Word for it, as stored and shown.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Graph => "graph",
            Self::Xdr => "xdr",
            Self::Mde => "mde",
            Self::LogAnalytics => "log-analytics",
            Self::Kusto => "kusto",
            Self::DefenderReads => "defender-reads",
            Self::DefenderActions => "defender-actions",
            Self::GraphAlerts => "graph-alerts",
            Self::GraphMail => "graph-mail",
        }
    }

    /// The API of a word.
    pub fn parse(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|api| api.as_str() == word)
    }
}

impl fmt::Display for Api {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// How urgent a call is. What detects goes before what exports, and that before what catches up.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Debug, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Lane {
    /// A hunt whose findings somebody is told about, or a person who waits.
    Detection,
    /// A hunt that only fills the lake.
    Export,
    /// Windows of the past.
    Backfill,
}

impl Lane {
    /// Every lane, most urgent first.
    pub const ALL: [Self; 3] = [Self::Detection, Self::Export, Self::Backfill];

    /// Word for it, as stored and shown.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Detection => "detection",
            Self::Export => "export",
            Self::Backfill => "backfill",
        }
    }
}

impl fmt::Display for Lane {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// The way on which calls are sent.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Route {
    /// Whose quota they use.
    pub scope: Scope,
    /// The endpoint and the identity: what fails there says nothing of others that share the
    /// quota.
    pub door: Arc<str>,
}

/// What a service said when it refused a call for its number.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Throttle {
    /// `maximum allowed N per hh:mm:ss`.
    Calls {
        /// N.
        allowed: u32,
        /// The time in which.
        per: Duration,
    },
    /// The tenant's processing resources of this quarter of an hour are used up.
    Cpu {
        /// When it may ask again, if that was said.
        again_in: Option<Duration>,
    },
    /// Too many at the same time.
    Concurrency,
    /// It did not say.
    Unknown,
}

/// A refusal.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Throttled {
    /// `Retry-After`, if there was one.
    pub after: Option<Duration>,
    /// What is used up.
    pub throttle: Throttle,
}

/// Why a call has to wait.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Reason {
    /// As many calls as may be were made.
    Calls {
        /// What its lane may use.
        allowed: u32,
        /// What all may use.
        max: u32,
        /// In which time.
        per: Duration,
    },
    /// Queries ran as long as they may.
    Running {
        /// How long all may run.
        max: Duration,
        /// In which time.
        per: Duration,
    },
    /// The processing resources of this quarter of an hour are used up.
    Cpu,
    /// As many calls as may be are under way.
    Concurrency {
        /// What its lane may use.
        allowed: u32,
        /// What all may use.
        max: u32,
    },
    /// The service refused a call and is left alone for a while.
    Refused(learnt::Cause),
    /// Others of its lane come first.
    Turn(Lane),
    /// After failures a single call tries out whether it works again.
    Trial,
}

impl fmt::Display for Reason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match *self {
            Self::Calls { allowed, max, per } if allowed < max => write!(
                f,
                "{allowed} of {max} calls in {} are used, the rest is kept for detection",
                DurationText(per)
            ),
            Self::Calls { max, per, .. } => {
                write!(f, "all {max} calls in {} are used", DurationText(per))
            }
            Self::Running { max, per } => write!(
                f,
                "queries ran as long as they may, {} in {}",
                DurationText(max),
                DurationText(per)
            ),
            Self::Cpu => f.write_str("the CPU time of this quarter of an hour is used"),
            Self::Concurrency { allowed, max } if allowed < max => write!(
                f,
                "{allowed} of {max} calls at a time are under way, the rest is kept for detection"
            ),
            Self::Concurrency { max, .. } => write!(f, "all {max} calls at a time are under way"),
            Self::Turn(lane) => write!(f, "other calls of the lane {lane} come first"),
            Self::Trial => f.write_str("a call tries out whether it works again after failures"),
            Self::Refused(cause) => write!(f, "the service refused a call: {cause}"),
        }
    }
}

/// Where books are kept: between two starts of the process, and with other processes.
#[async_trait]
pub trait QuotaStore: fmt::Debug + Send + Sync {
    /// What other processes stored after `seen`, without what is older than `since`. A scope may
    /// come several times.
    async fn news(&self, seen: Seen, since: DateTime<Utc>) -> Result<News, QuotaStoreError>;

    /// Adds what is in the snapshots to what is stored, and replaces what this process learnt;
    /// but only if no other process stored anything after `seen`. What is older than `since` may
    /// be removed, and calls that were counted before the `since` of their snapshot.
    async fn save(
        &self,
        seen: Seen,
        changes: &[(Scope, Snapshot)],
        since: DateTime<Utc>,
    ) -> Result<Stored, QuotaStoreError>;
}

/// Up to which change the books of a store were read; by default none of it.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Seen(pub i64);

/// What other processes stored.
#[derive(Clone, PartialEq, Debug)]
pub struct News {
    /// Up to where that is.
    pub seen: Seen,
    /// What they used.
    pub used: Vec<(Scope, Snapshot)>,
}

/// What became of changes.
#[derive(Clone, PartialEq, Debug)]
pub enum Stored {
    /// They are stored, and nothing else is new up to there.
    Written(Seen),
    /// They are not, as others were quicker.
    Behind(News),
}

/// Why books cannot be kept.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
#[error("{0}")]
pub struct QuotaStoreError(pub String);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_of_apis_are_those_that_are_stored() {
        for api in Api::ALL {
            assert_eq!(serde_json::to_value(api).unwrap(), api.as_str());
            assert_eq!(Api::parse(api.as_str()), Some(api));
        }
        assert_eq!(Api::parse("hunting"), None);
    }
}
