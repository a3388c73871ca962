//! What is left of a quota, for people and for metrics.

use std::fmt;
use std::time::Duration;

use super::learnt::Cause;
use crate::duration::DurationText;
use chrono::{DateTime, Utc};

/// What is used of each limit of a tenant's API, and until when it is left alone.
#[derive(Clone, PartialEq, Debug)]
pub struct Remaining {
    /// Limit by limit.
    pub uses: Vec<Use>,
    /// Until when nothing is sent, and why.
    pub blocked: Option<(DateTime<Utc>, Cause)>,
}

/// One limit, and what of it is used.
#[derive(Clone, Copy, PartialEq, Debug)]
pub struct Use {
    /// What is counted.
    pub unit: Unit,
    /// In which time; zero where it is at the same time.
    pub per: Duration,
    /// What may be used.
    pub limit: f64,
    /// What is used.
    pub used: f64,
}

/// What a limit counts.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Unit {
    /// Calls.
    Calls,
    /// Seconds that queries ran.
    RunningSeconds,
    /// Seconds of CPU time.
    CpuSeconds,
    /// Calls under way.
    AtATime,
}

impl Use {
    /// What is left.
    pub fn left(&self) -> f64 {
        (self.limit - self.used).max(0.0)
    }

    /// The limit in a word, such as `calls_1m`.
    pub fn name(&self) -> String {
        let per = DurationText(self.per);
        match self.unit {
            Unit::Calls => format!("calls_{per}"),
            Unit::RunningSeconds => format!("running_seconds_{per}"),
            Unit::CpuSeconds => format!("cpu_seconds_{per}"),
            Unit::AtATime => "calls_at_a_time".to_owned(),
        }
    }
}

impl fmt::Display for Use {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (left, limit, per) = (self.left(), self.limit, DurationText(self.per));
        match self.unit {
            Unit::Calls => write!(f, "{left} of {limit} calls in {per}"),
            Unit::RunningSeconds => write!(f, "{left:.0} of {limit} s of running time in {per}"),
            Unit::CpuSeconds => write!(f, "{left:.0} of {limit} s of CPU time in {per}"),
            Unit::AtATime => write!(f, "{left} of {limit} calls at a time"),
        }
    }
}
