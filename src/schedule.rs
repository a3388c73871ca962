//! When a hunt fires, and which windows are due.
//!
//! Pure arithmetic on a cron expression, a time zone, a delay and a watermark: nothing here reads
//! a clock or waits. The scheduler asks again whenever it is nudged.

use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};
use chrono_tz::Tz;
use croner::Cron;

use crate::id::HuntName;
use crate::window::Window;

/// The fire times of a hunt.
#[derive(Clone, Debug, PartialEq)]
pub struct Schedule {
    /// When.
    pub timing: Timing,
    /// Runs start up to this much later than the fire time, spread by the hunt's name; the
    /// window does not move.
    pub jitter: Duration,
}

/// What yields the fire times.
#[derive(Clone, Debug, PartialEq)]
pub enum Timing {
    /// A cron expression of five or six fields in a time zone.
    Cron {
        /// Parsed expression.
        cron: Box<Cron>,
        /// As written.
        text: String,
        /// IANA zone.
        zone: Tz,
    },
    /// Multiples of a duration since 1970-01-01T00:00Z.
    Every(Duration),
}

/// How a hunt's windows lie before its fire times.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct WindowRule {
    /// A window reaches at least this far back from its end; zero: to the previous window's end.
    pub lookback: TimeDelta,
    /// A window ends this long before its fire time, to wait for late events.
    pub delay: TimeDelta,
}

/// What happens with windows that were missed while huntd was down.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct CatchUp {
    /// Which of them are run.
    pub policy: CatchUpPolicy,
    /// At most this many, the newest.
    pub limit: usize,
}

/// Policies for missed windows.
#[derive(
    Clone, Copy, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize, schemars::JsonSchema,
)]
#[serde(rename_all = "lowercase")]
pub enum CatchUpPolicy {
    /// Every missed window, oldest first.
    Each,
    /// The newest one only.
    Latest,
    /// None; go on with the next fire time.
    None,
}

/// A fire time with its window.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Due {
    /// The scheduled instant.
    pub fire_time: DateTime<Utc>,
    /// What the run covers.
    pub window: Window,
}

/// What is due at an instant.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct DuePlan {
    /// To run, oldest first.
    pub run: Vec<Due>,
    /// To record as skipped, by the catch-up policy or its limit.
    pub skip: Vec<Due>,
}

/// Name of the hunt and a fire time: what jitter is derived from.
pub type JitterKey<'a> = (&'a HuntName, DateTime<Utc>);
