//! Consequences of findings. Each kind of action has its folder below `action/`, with its
//! configuration, message, client and tests.
//!
//! A notifier tells one alert and says what came of it. It keeps no queue and never tries twice:
//! that is the dispatcher's business.

pub mod email;
pub mod evidence;
pub mod example;
pub mod payload;
pub mod webhook;

use std::fmt::Debug;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use object_store::ObjectStore;
use serde::Deserialize;

use crate::alert::Delivery;
use crate::clock::SharedClock;
use crate::id::ActionName;

pub use email::EmailConfig;
pub use webhook::WebhookConfig;

/// Tells somebody.
#[async_trait]
pub trait Notifier: Debug + Send + Sync {
    /// Tells one alert. `delivery.id` is the idempotency key where the receiver knows such.
    async fn notify(&self, delivery: &Delivery) -> ActionOutcome;
}

/// What came of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ActionOutcome {
    /// Accepted by the receiver.
    Done,
    /// Try again, not before `after` if the receiver said so.
    Retry {
        /// What failed, without secrets.
        why: String,
        /// What the receiver asked for.
        after: Option<Duration>,
    },
    /// Never going to work: a wrong address, a refused payload.
    Rejected {
        /// What failed, without secrets.
        why: String,
    },
}

impl ActionOutcome {
    /// Try again whenever the dispatcher sees fit.
    pub(crate) fn retry(why: impl Into<String>) -> Self {
        Self::Retry {
            why: why.into(),
            after: None,
        }
    }

    /// Never again.
    pub(crate) fn rejected(why: impl Into<String>) -> Self {
        Self::Rejected { why: why.into() }
    }
}

/// An action as configured.
#[derive(Clone, Debug, Deserialize, schemars::JsonSchema)]
#[serde(tag = "kind", rename_all = "lowercase")]
pub enum ActionConfig {
    /// Mails through an SMTP server, or into a folder.
    Email(EmailConfig),
    /// An HTTP POST.
    Webhook(WebhookConfig),
}

/// What is wrong with an action's configuration beyond its form.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{field}: {reason}")]
pub struct ActionProblem {
    /// Which field, such as `smtp.host`.
    pub field: String,
    /// What is wrong, and what to do.
    pub reason: String,
}

impl ActionProblem {
    pub(crate) fn new(field: &str, reason: impl Into<String>) -> Self {
        Self {
            field: field.to_owned(),
            reason: reason.into(),
        }
    }
}

impl ActionConfig {
    /// Word for the kind, as configured.
    pub fn kind(&self) -> &'static str {
        match self {
            Self::Email(_) => "email",
            Self::Webhook(_) => "webhook",
        }
    }

    /// Where it sends to, without secrets.
    pub fn destination(&self) -> String {
        match self {
            Self::Email(config) => config.destination(),
            Self::Webhook(config) => config.url.host(),
        }
    }

    /// How long a delivery is tried before it is given up.
    pub fn give_up_after(&self) -> Duration {
        match self {
            Self::Email(config) => config.give_up_after.0,
            Self::Webhook(config) => config.give_up_after.0,
        }
    }

    /// Everything that is wrong with it. Reads no file and opens no connection.
    pub fn check(&self) -> Vec<ActionProblem> {
        match self {
            Self::Email(config) => config.check(),
            Self::Webhook(config) => config.check(),
        }
    }
}

/// What actions need of their surroundings.
#[derive(Clone, Debug)]
pub struct Surroundings {
    /// The lake's files, to attach whole results.
    pub results: Arc<dyn ObjectStore>,
    /// The time, for signatures.
    pub clock: SharedClock,
}

/// Makes an action ready for use.
pub fn build(
    name: &ActionName,
    config: &ActionConfig,
    surroundings: &Surroundings,
) -> anyhow::Result<Arc<dyn Notifier>> {
    use anyhow::Context as _;
    let what = || format!("action {name}");
    if let Some(problem) = config.check().into_iter().next() {
        return Err(problem).with_context(what);
    }
    Ok(match config {
        ActionConfig::Email(config) => {
            let results = Arc::clone(&surroundings.results);
            Arc::new(email::Email::new(config, results).with_context(what)?)
        }
        ActionConfig::Webhook(config) => {
            let clock = Arc::clone(&surroundings.clock);
            Arc::new(webhook::Webhook::new(config, clock).with_context(what)?)
        }
    })
}

/// The default of `give_up_after`.
pub(crate) const GIVE_UP_AFTER: Duration = Duration::from_hours(24);
