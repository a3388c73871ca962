//! The half-open interval `[start, end)` that one run covers, in UTC.
//!
//! Which windows are due is worked out in `schedule.rs`; how a query is confined to one is
//! `kql::window`'s business.

use std::fmt;

use chrono::{DateTime, SecondsFormat, TimeDelta, Utc};
use serde::{Deserialize, Serialize};

/// A half-open interval of time; never empty, never backwards.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Debug, Serialize, Deserialize)]
#[serde(try_from = "Bounds")]
pub struct Window {
    start: DateTime<Utc>,
    end: DateTime<Utc>,
}

/// A window whose end does not lie after its start.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the window ends at {end}, which is not after its start {start}")]
pub struct EmptyWindow {
    start: DateTime<Utc>,
    end: DateTime<Utc>,
}

#[derive(Deserialize)]
struct Bounds {
    start: DateTime<Utc>,
    end: DateTime<Utc>,
}

impl TryFrom<Bounds> for Window {
    type Error = EmptyWindow;

    fn try_from(bounds: Bounds) -> Result<Self, EmptyWindow> {
        Self::new(bounds.start, bounds.end)
    }
}

impl Window {
    /// The window `[start, end)`.
    pub fn new(start: DateTime<Utc>, end: DateTime<Utc>) -> Result<Self, EmptyWindow> {
        if start < end {
            Ok(Self { start, end })
        } else {
            Err(EmptyWindow { start, end })
        }
    }

    /// First instant inside.
    pub fn start(self) -> DateTime<Utc> {
        self.start
    }

    /// First instant after it.
    pub fn end(self) -> DateTime<Utc> {
        self.end
    }

    /// Its length.
    pub fn length(self) -> TimeDelta {
        self.end - self.start
    }

    /// A name for files and keys, such as `20260102T030000Z-20260102T031500Z`; sorts by time.
    /// Parts of a second appear only where the window has any.
    pub fn key(self) -> String {
        let format = |at: DateTime<Utc>| {
            let pattern = if at.timestamp_subsec_nanos() == 0 {
                "%Y%m%dT%H%M%SZ"
            } else {
                "%Y%m%dT%H%M%S%.fZ"
            };
            at.format(pattern).to_string()
        };
        format!("{}-{}", format(self.start), format(self.end))
    }
}

impl fmt::Display for Window {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let text = |at: DateTime<Utc>| at.to_rfc3339_opts(SecondsFormat::AutoSi, true);
        write!(f, "[{}, {})", text(self.start), text(self.end))
    }
}
