//! Consequences of findings. Each kind of action has its folder below `action/`, with its
//! configuration, message, client and tests.

use std::fmt::Debug;
use std::time::Duration;

use async_trait::async_trait;

use crate::alert::Delivery;

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
