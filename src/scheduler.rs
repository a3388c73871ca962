//! Turns passing time into planned runs. It never executes one: it records what is due and nudges
//! the runner.
//!
//! Each pass re-reads the clock and works out, from schedule and watermark, what is due; so a lost
//! firing, a stall, a suspended machine or a changed clock delays nothing and loses nothing.
//! A pass is made when the next fire time comes, when a cron job nudges, and at least once a
//! second.

mod nudge;
mod timeline;

use std::sync::Arc;
use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};
use tokio::sync::{Mutex, Notify};
use tokio_util::sync::CancellationToken;

use crate::clock::SharedClock;
use crate::hunt::Hunts;
use crate::schedule::initial_watermark;
use crate::state::{Registration, ScheduleStore, StateError};
use nudge::{CronNudges, CronText};
use timeline::Timeline;

/// Longest time between two passes.
const TICK: Duration = Duration::from_secs(1);
/// A watermark this far ahead of the clock was left behind by a clock that was wrong.
const AHEAD_OF_CLOCK: TimeDelta = TimeDelta::minutes(5);

/// Plans the windows that are due.
#[derive(Debug)]
pub struct Scheduler {
    store: Arc<dyn ScheduleStore>,
    clock: SharedClock,
    timeline: Mutex<Timeline>,
    nudge: Arc<Notify>,
    planned: Arc<Notify>,
}

impl Scheduler {
    /// A scheduler without hunts. It notifies `planned` when there is something to run.
    pub fn new(store: Arc<dyn ScheduleStore>, clock: SharedClock, planned: Arc<Notify>) -> Self {
        Self {
            store,
            clock,
            timeline: Mutex::default(),
            nudge: Arc::new(Notify::new()),
            planned,
        }
    }

    /// Replaces the hunts. Those that were not there before start with their next fire time; all
    /// others go on from their watermark.
    pub async fn load(&self, hunts: &Hunts) -> Result<(), StateError> {
        let mut timeline = self.timeline.lock().await;
        let now = self.clock.now();
        let registrations: Vec<Registration> = hunts
            .values()
            .map(|hunt| Registration {
                hunt: hunt.name.clone(),
                source: hunt.source.clone(),
                initial: hunt
                    .schedule
                    .as_ref()
                    .filter(|_| hunt.enabled)
                    .map(|schedule| initial_watermark(schedule, hunt.window, now)),
            })
            .collect();
        let watermarks = self.store.register(&registrations).await?;
        for (hunt, watermark) in &watermarks {
            if *watermark - now > AHEAD_OF_CLOCK {
                tracing::error!(
                    hunt.name = %hunt,
                    watermark = %watermark.to_rfc3339(),
                    "the windows of this hunt are planned up to a time in the future, as the \
                     clock was wrong when they were; it runs again when that time has come"
                );
            }
        }
        timeline.replace(hunts, &watermarks, now);
        self.nudge.notify_one();
        Ok(())
    }

    /// One pass: plans what is due and answers with the number of windows planned or skipped.
    /// When the store refuses, all of it is still due.
    pub async fn plan_due(&self) -> Result<usize, StateError> {
        let mut timeline = self.timeline.lock().await;
        let now = self.clock.now();
        let due = timeline.due(now);
        let count = due.run.len() + due.skip.len();
        self.store.plan(&due.run, &due.skip).await?;
        if !due.skip.is_empty() {
            log_skipped(&due.skip);
        }
        let any_run = !due.run.is_empty();
        timeline.advance(due);
        drop(timeline);
        if any_run {
            self.planned.notify_one();
        }
        Ok(count)
    }

    /// The next fire time of any hunt.
    pub async fn next_fire_time(&self) -> Option<DateTime<Utc>> {
        self.timeline.lock().await.next_fire_time()
    }

    /// Makes passes until `stop`.
    pub async fn run(&self, stop: CancellationToken) {
        let mut nudges = CronNudges::default();
        let mut refused: Option<String> = None;
        loop {
            match self.plan_due().await {
                Ok(_) if refused.take().is_some() => tracing::info!("windows are planned again"),
                Ok(_) => {}
                Err(error) => {
                    let error = error.to_string();
                    if refused.as_ref() != Some(&error) {
                        tracing::error!(error, "cannot plan windows; trying again every second");
                        refused = Some(error);
                    }
                }
            }
            let (next, replaced) = {
                let timeline = self.timeline.lock().await;
                let replaced = (timeline.generation() != nudges.generation())
                    .then(|| {
                        (
                            timeline.generation(),
                            timeline.timings().filter_map(CronText::of),
                        )
                    })
                    .map(|(generation, texts)| (generation, texts.collect()));
                (timeline.next_fire_time(), replaced)
            };
            if let Some((generation, texts)) = replaced {
                nudges.replace(generation, texts, &self.nudge).await;
            }
            let wait = match (next, &refused) {
                (Some(next), None) => (next - self.clock.now())
                    .to_std()
                    .unwrap_or_default()
                    .clamp(Duration::from_millis(1), TICK),
                _ => TICK,
            };
            tokio::select! {
                () = stop.cancelled() => break,
                () = self.nudge.notified() => {}
                () = tokio::time::sleep(wait) => {}
            }
        }
        nudges.stop().await;
    }
}

fn log_skipped(skipped: &[crate::run::RunRequest]) {
    for request in skipped {
        tracing::warn!(
            hunt.name = %request.hunt,
            window = %request.window,
            "missed windows are skipped, by the hunt's catch-up policy or its limit"
        );
    }
}

#[cfg(test)]
pub(crate) mod tests;
