//! Cron jobs that wake the scheduler: one for each distinct schedule.
//!
//! They are a nudge and nothing more. The job scheduler polls twice a second, drops what a stall
//! made it miss and works with a zone's present offset, so what is due is never taken from it.

use std::sync::Arc;

use tokio::sync::Notify;
use tokio_cron_scheduler::{Job, JobScheduler, JobSchedulerError};

use crate::schedule::Timing;

/// With the default of 200, firings of many jobs at once are lost.
const CHANNEL_SIZE: usize = 65_536;
/// The job scheduler looks at every job twice a second; schedules beyond these many are covered
/// by the scheduler's own timer alone.
const JOBS_MAX: usize = 1_000;

/// The cron jobs for one generation of hunts.
#[derive(Default)]
pub(super) struct CronNudges {
    generation: u64,
    jobs: Option<JobScheduler>,
}

/// What becomes a cron job.
#[derive(Clone, Debug)]
pub(super) struct CronText {
    text: String,
    zone: chrono_tz::Tz,
}

impl CronText {
    /// The job scheduler wants seconds first; periods have no cron expression.
    pub(super) fn of(timing: &Timing) -> Option<Self> {
        let Timing::Cron { text, zone, .. } = timing else {
            return None;
        };
        let fields = text.split_whitespace().count();
        let text = if fields == 5 {
            format!("0 {text}")
        } else {
            text.clone()
        };
        Some(Self { text, zone: *zone })
    }
}

impl CronNudges {
    pub(super) fn generation(&self) -> u64 {
        self.generation
    }

    /// Replaces the jobs by those of another generation.
    pub(super) async fn replace(
        &mut self,
        generation: u64,
        texts: Vec<CronText>,
        nudge: &Arc<Notify>,
    ) {
        self.stop().await;
        self.generation = generation;
        match start(texts, nudge).await {
            Ok(jobs) => self.jobs = Some(jobs),
            Err(error) => tracing::warn!(
                %error,
                "cron jobs cannot be started; hunts are run by the timer alone"
            ),
        }
    }

    pub(super) async fn stop(&mut self) {
        if let Some(mut jobs) = self.jobs.take()
            && let Err(error) = jobs.shutdown().await
        {
            tracing::debug!(%error, "cron jobs did not stop");
        }
    }
}

async fn start(
    texts: Vec<CronText>,
    nudge: &Arc<Notify>,
) -> Result<JobScheduler, JobSchedulerError> {
    let jobs = JobScheduler::new_with_channel_size(CHANNEL_SIZE).await?;
    for CronText { text, zone } in texts.into_iter().take(JOBS_MAX) {
        let nudge = Arc::clone(nudge);
        let job = Job::new_tz(text.as_str(), zone, move |_, _| nudge.notify_one());
        match job {
            Ok(job) => {
                jobs.add(job).await?;
            }
            // Its dialect is narrower than ours; the timer covers the schedule.
            Err(error) => tracing::debug!(cron = text, %error, "no cron job for a schedule"),
        }
    }
    jobs.start().await?;
    Ok(jobs)
}
