//! The steps of one attempt: the source streams the result into the lake, and detection looks at
//! the file just written.

use std::sync::Arc;
use std::sync::atomic::Ordering;

use async_trait::async_trait;
use chrono::TimeDelta;
use kql::bind::Parameters;

use super::{Executed, ExecutionError, Executor, detection};
use crate::clock::SharedClock;
use crate::hunt::Hunt;
use crate::lake::{Lake, WriteTarget};
use crate::quota::Lane;
use crate::run::{RunRequest, Trigger};
use crate::source::{QuerySpec, QueryStats, Sources, Turn};

/// A run that starts shortly before the next fire time has this long all the same.
const LEAST_TIME: TimeDelta = TimeDelta::seconds(30);

/// Executes attempts against the configured sources and the lake.
#[derive(Debug)]
pub struct Pipeline {
    /// Where hunts run.
    pub sources: Sources,
    /// Where results are kept.
    pub lake: Arc<dyn Lake>,
    /// When findings count as detected.
    pub clock: SharedClock,
}

#[async_trait]
impl Executor for Pipeline {
    async fn execute(
        &self,
        hunt: &Arc<Hunt>,
        request: &RunRequest,
        stats: &Arc<QueryStats>,
    ) -> Result<Executed, ExecutionError> {
        let source = self.sources.get(&hunt.source).ok_or_else(|| {
            ExecutionError::new(format!(
                "source `{}` is not configured; add it to `sources` or change the hunt's `source`",
                hunt.source
            ))
        })?;
        let query = QuerySpec {
            text: hunt.query.clone(),
            parameters: Parameters::default(),
            window: request.window,
            window_applies: true,
            window_mode: hunt.window_mode,
            stats: Arc::clone(stats),
            now: None,
            timeout: hunt.timeout,
            turn: self.turn(hunt, request),
        };
        let result = source.query(&query).await.map_err(failure)?;
        let commit = self
            .lake
            .write(&target(request), &result.schema, result.batches)
            .await
            .map_err(failure)?;
        let path = commit.file.as_deref().map(|file| self.lake.path_of(file));
        let now = self.clock.now();
        let findings = detection::detect(hunt, request, &result.schema, path.as_deref(), now)
            .await
            .map_err(failure)?;
        Ok(Executed {
            rows: commit.rows,
            bytes: commit.bytes,
            file: commit.file,
            skipped_inputs: stats.skipped_inputs.load(Ordering::Relaxed),
            findings,
            missing: stats.missing(),
        })
    }

    async fn tidy(&self, request: &RunRequest, file: Option<&str>) -> Result<(), ExecutionError> {
        self.lake
            .remove_superseded(&target(request), file)
            .await
            .map_err(failure)
    }
}

impl Pipeline {
    /// Its turn where calls are limited. A scheduled run that has got nothing when the next one is
    /// due begins anew by then.
    fn turn(&self, hunt: &Hunt, request: &RunRequest) -> Turn {
        let now = self.clock.now();
        let lane = match request.trigger {
            Trigger::Backfill => Lane::Backfill,
            Trigger::Schedule if hunt.actions.is_empty() => Lane::Export,
            Trigger::Schedule | Trigger::Manual => Lane::Detection,
        };
        let begin_by = match (&hunt.schedule, request.trigger) {
            (Some(schedule), Trigger::Schedule) => schedule.next_after(now + LEAST_TIME),
            _ => None,
        };
        Turn {
            lane,
            hunt: hunt.name.as_str().into(),
            deadline: TimeDelta::from_std(hunt.timeout)
                .ok()
                .map(|limit| now + limit),
            begin_by,
            attempts: None,
        }
    }
}

fn target(request: &RunRequest) -> WriteTarget {
    WriteTarget {
        hunt: request.hunt.clone(),
        window: request.window,
        run: request.id,
    }
}

fn failure(error: impl std::fmt::Display) -> ExecutionError {
    ExecutionError::new(error.to_string())
}
