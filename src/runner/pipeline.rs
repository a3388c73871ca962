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
use crate::run::report::SourceReport;
use crate::run::{RunRequest, Trigger};
use crate::source::{QuerySpec, Sources, Turn};

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
            now: None,
            timeout: hunt.timeout,
            turn: self.turn(hunt, request),
        };
        let result = source.query(&query).await.map_err(failure)?;
        let stats = result.stats;
        let told = |error: &dyn std::fmt::Display| ExecutionError {
            message: error.to_string(),
            report: stats.report().map(Box::new),
        };
        let commit = self
            .lake
            .write(&target(request), &result.schema, result.batches)
            .await
            .map_err(|error| told(&error))?;
        let path = commit.file.as_deref().map(|file| self.lake.path_of(file));
        let now = self.clock.now();
        let findings = detection::detect(hunt, request, &result.schema, path.as_deref(), now)
            .await
            .map_err(|error| told(&error))?;
        let report = stats.report();
        Ok(Executed {
            rows: commit.rows,
            bytes: commit.bytes,
            file: commit.file,
            skipped_inputs: stats.skipped_inputs.load(Ordering::Relaxed),
            findings,
            missing: report.as_ref().and_then(SourceReport::missing),
            report: report.map(Box::new),
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
    /// Its turn where calls are limited. A scheduled run is of no use once the next one is due: that
    /// covers the same time again, or waits behind it.
    fn turn(&self, hunt: &Hunt, request: &RunRequest) -> Turn {
        let now = self.clock.now();
        let lane = match request.trigger {
            Trigger::Backfill => Lane::Backfill,
            Trigger::Schedule if hunt.actions.is_empty() => Lane::Export,
            Trigger::Schedule | Trigger::Manual => Lane::Detection,
        };
        let limit = now + TimeDelta::from_std(hunt.timeout).unwrap_or(TimeDelta::MAX / 4);
        let next = match (&hunt.schedule, request.trigger) {
            (Some(schedule), Trigger::Schedule) => schedule.next_after(now + LEAST_TIME),
            _ => None,
        };
        Turn {
            lane,
            hunt: hunt.name.as_str().into(),
            deadline: Some(next.map_or(limit, |next| next.min(limit))),
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
