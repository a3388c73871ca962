//! The steps of one attempt: the source streams the result into the lake, and detection looks at
//! the file just written.

use std::sync::Arc;
use std::sync::atomic::Ordering;

use async_trait::async_trait;
use kql::bind::Parameters;

use super::{Executed, ExecutionError, Executor, detection};
use crate::clock::SharedClock;
use crate::hunt::Hunt;
use crate::lake::{Lake, WriteTarget};
use crate::run::RunRequest;
use crate::source::{QuerySpec, Sources};

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
            ExecutionError(format!(
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
        };
        let result = source.query(&query).await.map_err(failure)?;
        let stats = result.stats;
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
        })
    }

    async fn tidy(&self, request: &RunRequest, file: Option<&str>) -> Result<(), ExecutionError> {
        self.lake
            .remove_superseded(&target(request), file)
            .await
            .map_err(failure)
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
    ExecutionError(error.to_string())
}
