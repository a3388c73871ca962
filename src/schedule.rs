//! When a hunt fires, and which windows are due.
//!
//! Pure arithmetic on a cron expression, a time zone, a delay and a watermark: nothing here reads
//! a clock or waits. The scheduler asks again whenever it is nudged. How cron meets the changes of
//! local time is `schedule/cron.rs`'s business.

mod cron;
#[cfg(test)]
mod tests;

use std::fmt;
use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};
use chrono_tz::Tz;
use croner::Cron;
use sha2::{Digest as _, Sha256};

use crate::id::HuntName;
use crate::window::Window;

/// A fire time that is no older than this is late, not missed: it runs whatever the policy says.
pub const LATE_NOT_MISSED: TimeDelta = TimeDelta::minutes(2);
/// The shortest period of `every`.
pub const PERIOD_MIN: Duration = Duration::from_secs(1);

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

/// Why a text is not a schedule.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum InvalidSchedule {
    /// Not five or six fields, or a field out of its range.
    #[error("`{text}` is not a cron expression: {reason}")]
    Cron {
        /// As written.
        text: String,
        /// What is wrong.
        reason: String,
    },
    /// No IANA zone.
    #[error("unknown time zone `{0}`")]
    Zone(String),
    /// A period shorter than [`PERIOD_MIN`].
    #[error("a period must be at least one second")]
    Period,
}

impl Schedule {
    /// A cron expression of five fields, or six with seconds first, in an IANA zone.
    pub fn parse_cron(text: &str, zone: &str) -> Result<Self, InvalidSchedule> {
        let zone: Tz = zone
            .parse()
            .map_err(|_| InvalidSchedule::Zone(zone.to_owned()))?;
        let cron = cron::parse(text).map_err(|reason| InvalidSchedule::Cron {
            text: text.to_owned(),
            reason,
        })?;
        Ok(Self {
            timing: Timing::Cron {
                cron: Box::new(cron),
                text: text.trim().to_owned(),
                zone,
            },
            jitter: Duration::ZERO,
        })
    }

    /// Fires at multiples of `period` since 1970-01-01T00:00Z.
    pub fn every(period: Duration) -> Result<Self, InvalidSchedule> {
        if period < PERIOD_MIN {
            return Err(InvalidSchedule::Period);
        }
        Ok(Self {
            timing: Timing::Every(period),
            jitter: Duration::ZERO,
        })
    }

    /// The same schedule with runs spread over `jitter` after the fire time.
    #[must_use]
    pub fn with_jitter(mut self, jitter: Duration) -> Self {
        self.jitter = jitter;
        self
    }

    /// The zone in which its fire times are told to people.
    pub fn zone(&self) -> Tz {
        match &self.timing {
            Timing::Cron { zone, .. } => *zone,
            Timing::Every(_) => Tz::UTC,
        }
    }

    /// The first fire time after `instant`; none where the calendar ends.
    pub fn next_after(&self, instant: DateTime<Utc>) -> Option<DateTime<Utc>> {
        match &self.timing {
            Timing::Cron { cron, zone, .. } => cron::next_after(cron, *zone, instant),
            Timing::Every(period) => multiple_at_or_before(*period, instant)?
                .checked_add_signed(TimeDelta::from_std(*period).ok()?),
        }
    }

    /// The last fire time that is not after `instant`; none where the calendar begins.
    pub fn last_at_or_before(&self, instant: DateTime<Utc>) -> Option<DateTime<Utc>> {
        match &self.timing {
            Timing::Cron { cron, zone, .. } => cron::last_at_or_before(cron, *zone, instant),
            Timing::Every(period) => multiple_at_or_before(*period, instant),
        }
    }

    /// How much later than `fire_time` the run of `hunt` starts: always the same for the same
    /// hunt and fire time, less than the jitter, and evenly spread.
    pub fn jitter_for(&self, hunt: &HuntName, fire_time: DateTime<Utc>) -> Duration {
        let span_ms = self.jitter.as_millis().min(u128::from(u64::MAX)) as u64;
        if span_ms == 0 {
            return Duration::ZERO;
        }
        let mut hasher = Sha256::new();
        hasher.update(hunt.as_str().as_bytes());
        hasher.update(fire_time.timestamp().to_le_bytes());
        let digest = hasher.finalize();
        let mut head = [0; 8];
        head.copy_from_slice(&digest[..8]);
        Duration::from_millis(u64::from_le_bytes(head) % span_ms)
    }

    /// The fire times after `instant`, without end.
    pub fn fire_times_after(
        &self,
        instant: DateTime<Utc>,
    ) -> impl Iterator<Item = DateTime<Utc>> + '_ {
        std::iter::successors(self.next_after(instant), |fire_time| {
            self.next_after(*fire_time)
        })
    }
}

impl fmt::Display for Schedule {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.timing {
            Timing::Cron { text, zone, .. } if *zone == Tz::UTC => f.write_str(text),
            Timing::Cron { text, zone, .. } => write!(f, "{text} {zone}"),
            Timing::Every(period) => {
                write!(f, "every {}", crate::duration::DurationText(*period))
            }
        }
    }
}

/// The watermark of a hunt that is seen for the first time at `now`: what lies before the last
/// fire time is not hunted, so that a new hunt starts with its next fire time.
pub fn initial_watermark(
    schedule: &Schedule,
    rule: WindowRule,
    now: DateTime<Utc>,
) -> DateTime<Utc> {
    schedule.last_at_or_before(now).unwrap_or(now) - rule.delay
}

/// The windows of the fire times up to `now` that end after the watermark.
///
/// A window starts `lookback` before its end, and never after the end of the one before it: the
/// watermark for the first. So whatever the schedule was or is now, time is covered without a gap.
///
/// `catch_up` decides about fire times older than [`LATE_NOT_MISSED`]; its limit, which is at least
/// one, bounds `run` altogether. Everything older is one entry of `skip`, whose window reaches from
/// the watermark to the end of the last fire time skipped: the work done here depends on the limit,
/// not on how long huntd was down.
pub fn due(
    schedule: &Schedule,
    rule: WindowRule,
    watermark: DateTime<Utc>,
    now: DateTime<Utc>,
    catch_up: CatchUp,
) -> DuePlan {
    let mut newest_first = Vec::new();
    let mut last_skipped = None;
    let mut candidate = schedule.last_at_or_before(now);
    while let Some(fire_time) = candidate {
        if fire_time - rule.delay <= watermark {
            break;
        }
        if !is_run(fire_time, now, catch_up, newest_first.len()) {
            last_skipped = Some(fire_time);
            break;
        }
        newest_first.push(fire_time);
        candidate = schedule.last_at_or_before(fire_time - TimeDelta::milliseconds(1));
    }

    let mut plan = DuePlan::default();
    let mut previous_end = watermark;
    if let Some(fire_time) = last_skipped
        && let Ok(window) = Window::new(watermark, fire_time - rule.delay)
    {
        plan.skip.push(Due { fire_time, window });
        previous_end = window.end();
    }
    for fire_time in newest_first.into_iter().rev() {
        if let Ok(window) = rule.window(fire_time, previous_end) {
            plan.run.push(Due { fire_time, window });
            previous_end = window.end();
        }
    }
    plan
}

impl WindowRule {
    /// The window of `fire_time` where the window before it ended at `previous_end`.
    pub fn window(
        self,
        fire_time: DateTime<Utc>,
        previous_end: DateTime<Utc>,
    ) -> Result<Window, crate::window::EmptyWindow> {
        let end = fire_time - self.delay;
        Window::new((end - self.lookback).min(previous_end), end)
    }
}

/// The IANA zone that was most probably meant.
pub fn nearest_zone(text: &str) -> Option<&'static str> {
    kql::diagnostic::did_you_mean(text, chrono_tz::TZ_VARIANTS.iter().map(|zone| zone.name()))
}

/// Whether a due fire time is run, where `chosen` newer ones are.
fn is_run(fire_time: DateTime<Utc>, now: DateTime<Utc>, catch_up: CatchUp, chosen: usize) -> bool {
    let missed = now - fire_time > LATE_NOT_MISSED;
    let fits = chosen < catch_up.limit.max(1);
    match catch_up.policy {
        CatchUpPolicy::Each => fits,
        CatchUpPolicy::Latest => fits && (!missed || chosen == 0),
        CatchUpPolicy::None => fits && !missed,
    }
}

fn multiple_at_or_before(period: Duration, instant: DateTime<Utc>) -> Option<DateTime<Utc>> {
    let period_ms = i64::try_from(period.as_millis()).ok()?;
    let at = instant.timestamp_millis();
    DateTime::from_timestamp_millis(at - at.rem_euclid(period_ms))
}
